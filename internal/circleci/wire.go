package circleci

import (
	"encoding/json"
	"strconv"
	"time"
)

// The wire types hold what gio reads of an answer (contracts/circleci.md 1). Ids, branches, statuses and
// times may be null or missing, as real answers show (7.7); unknown fields and words are let through.

// count is a number that may be missing, null or of another type: then it is 0.
type count int64

func (c *count) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		n = 0
	}
	*c = count(n)
	return nil
}

// stamp is an RFC 3339 time that may be missing, null, empty or malformed: then it is zero.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err == nil {
		s.Time = at
	}
	return nil
}

type wireProject struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
	VCS  struct {
		DefaultBranch string `json:"default_branch"`
	} `json:"vcs_info"`
}

func (w wireProject) project() Project {
	return Project{Slug: w.Slug, Name: w.Name, DefaultBranch: w.VCS.DefaultBranch}
}

type wirePipeline struct {
	ID        string          `json:"id"`
	Number    count           `json:"number"`
	Project   string          `json:"project_slug"`
	State     PipelineState   `json:"state"`
	Errors    []PipelineError `json:"errors"`
	CreatedAt stamp           `json:"created_at"`
	Trigger   struct {
		Type       string `json:"type"`
		ReceivedAt stamp  `json:"received_at"`
		Actor      struct {
			Login string `json:"login"`
		} `json:"actor"`
	} `json:"trigger"`
	VCS        wireSource `json:"vcs"` // GitHub OAuth and Bitbucket Cloud
	Parameters struct {
		Git wireSource `json:"git"` // the other integrations
	} `json:"trigger_parameters"`
}

type wireSource struct {
	Branch      string `json:"branch"`
	Revision    string `json:"revision"`
	CheckoutSHA string `json:"checkout_sha"`
}

func (w wirePipeline) pipeline() Pipeline {
	p := Pipeline{
		ID: w.ID, Number: int64(w.Number), Project: w.Project, State: w.State, Errors: w.Errors,
		Branch: w.VCS.Branch, Revision: w.VCS.Revision,
		Trigger: w.Trigger.Type, Actor: w.Trigger.Actor.Login,
		CreatedAt: w.CreatedAt.Time, ReceivedAt: w.Trigger.ReceivedAt.Time,
	}
	if p.Branch == "" {
		p.Branch = w.Parameters.Git.Branch
	}
	if p.Revision == "" {
		p.Revision = w.Parameters.Git.CheckoutSHA
	}
	return p
}

type wireWorkflow struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Status        Status `json:"status"`
	Tag           string `json:"tag"`
	PipelineID    string `json:"pipeline_id"`
	Number        count  `json:"pipeline_number"`
	Project       string `json:"project_slug"`
	CreatedAt     stamp  `json:"created_at"`
	StoppedAt     stamp  `json:"stopped_at"`
	AutoReruns    count  `json:"auto_rerun_number"`
	MaxAutoReruns count  `json:"max_auto_reruns"`
}

func (w wireWorkflow) workflow() Workflow {
	return Workflow{
		ID: w.ID, Name: w.Name, Status: w.Status, Setup: w.Tag == "setup",
		Pipeline: w.PipelineID, Number: int64(w.Number), Project: w.Project,
		CreatedAt: w.CreatedAt.Time, StoppedAt: w.StoppedAt.Time,
		AutoReruns: int(w.AutoReruns), MaxAutoReruns: int(w.MaxAutoReruns),
	}
}

type wireJob struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Type       string `json:"type"`
	Status     string `json:"status"`
	Number     count  `json:"job_number"`
	Project    string `json:"project_slug"`
	StartedAt  stamp  `json:"started_at"`
	StoppedAt  stamp  `json:"stopped_at"`
	ApprovalID string `json:"approval_request_id"`
}

func (w wireJob) job() Job {
	return Job{
		ID: w.ID, Name: w.Name, Type: w.Type, Status: w.Status, Number: int64(w.Number), Project: w.Project,
		StartedAt: w.StartedAt.Time, StoppedAt: w.StoppedAt.Time, ApprovalID: w.ApprovalID,
	}
}

// wireJobDetails is a job that is read by its number: other fields than a job in a workflow's list.
type wireJobDetails struct {
	Number    count  `json:"number"`
	Status    string `json:"status"`
	StoppedAt stamp  `json:"stopped_at"`
}
