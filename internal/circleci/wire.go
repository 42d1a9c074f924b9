package circleci

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// The wire types hold what gio reads of an answer (contracts/circleci.md 1). Ids, branches, statuses and times may be
// null or missing, as real answers show (7.7); unknown fields and words are accepted. A field of another type than the known one is
// as good as missing, except the few by which gio judges: a string among those makes the answer unreadable, and so gives no wrong
// verdict.

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

// text is a string that may be missing, null or of another type: then it is empty.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var plain string
	if json.Unmarshal(data, &plain) == nil {
		*t = text(plain)
	}
	return nil
}

// texts are strings that may be missing, null or of another type: then there are none.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var all []string
	if json.Unmarshal(data, &all) == nil {
		*t = all
	}
	return nil
}

// flag is a boolean that may be missing, null or of another type: then it is false.
type flag bool

func (f *flag) UnmarshalJSON(data []byte) error {
	*f = string(data) == "true"
	return nil
}

// loose is an object that may be missing, null or of another type: then it is zero.
type loose[T any] struct{ is T }

func (l *loose[T]) UnmarshalJSON(data []byte) error {
	var known T
	if json.Unmarshal(data, &known) == nil {
		l.is = known
	}
	return nil
}

// complaints are the errors of a pipeline, in CircleCI's order. Whatever is there is an error: of what has another type than the
// known one, the text itself is the message.
type complaints []PipelineError

func (c *complaints) UnmarshalJSON(data []byte) error {
	if slices.Contains([]string{"null", `""`, "{}", "false"}, string(data)) {
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil {
		items = []json.RawMessage{data}
	}
	*c = complaints{}
	for _, item := range items {
		var known loose[struct{ Type, Message text }]
		_ = json.Unmarshal(item, &known) // it never fails
		var plain text
		_ = json.Unmarshal(item, &plain) // nor does this
		e := PipelineError{Type: string(known.is.Type), Message: cmp.Or(string(known.is.Message), string(plain))}
		if e == (PipelineError{}) {
			e.Message = string(item)
		}
		*c = append(*c, e)
	}
	return nil
}

type wireProject struct {
	ID   text `json:"id"`
	Slug text `json:"slug"`
	Name text `json:"name"`
	VCS  loose[struct {
		DefaultBranch text `json:"default_branch"`
	}] `json:"vcs_info"`
}

func (w wireProject) project() Project {
	return Project{Slug: string(w.Slug), Name: string(w.Name), DefaultBranch: string(w.VCS.is.DefaultBranch)}
}

type wirePipeline struct {
	ID         string             `json:"id"`
	Number     count              `json:"number"`
	Project    text               `json:"project_slug"`
	State      PipelineState      `json:"state"`
	Errors     complaints         `json:"errors"`
	CreatedAt  stamp              `json:"created_at"`
	Trigger    loose[wireTrigger] `json:"trigger"`
	VCS        loose[wireSource]  `json:"vcs"` // GitHub OAuth and Bitbucket Cloud
	Parameters loose[struct {
		Git loose[wireSource] `json:"git"` // the other integrations
	}] `json:"trigger_parameters"`
}

type wireTrigger struct {
	Type       text  `json:"type"`
	ReceivedAt stamp `json:"received_at"`
	Actor      loose[struct {
		Login text `json:"login"`
	}] `json:"actor"`
}

type wireSource struct {
	Branch      text `json:"branch"`
	Revision    text `json:"revision"`
	CheckoutSHA text `json:"checkout_sha"`
}

func (w wirePipeline) pipeline() Pipeline {
	trigger, vcs, git := w.Trigger.is, w.VCS.is, w.Parameters.is.Git.is
	return Pipeline{
		ID: w.ID, Number: int64(w.Number), Project: string(w.Project), State: w.State, Errors: w.Errors,
		Branch: string(cmp.Or(vcs.Branch, git.Branch)), Revision: string(cmp.Or(vcs.Revision, git.CheckoutSHA)),
		Trigger: string(trigger.Type), Actor: string(trigger.Actor.is.Login),
		CreatedAt: w.CreatedAt.Time, ReceivedAt: trigger.ReceivedAt.Time,
	}
}

type wireWorkflow struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Status        Status `json:"status"`
	Tag           string `json:"tag"` // a setup workflow that is not known as one would count as a release
	PipelineID    text   `json:"pipeline_id"`
	Number        count  `json:"pipeline_number"`
	Project       text   `json:"project_slug"`
	CreatedAt     stamp  `json:"created_at"`
	StoppedAt     stamp  `json:"stopped_at"`
	AutoReruns    count  `json:"auto_rerun_number"`
	MaxAutoReruns count  `json:"max_auto_reruns"`
}

func (w wireWorkflow) workflow() Workflow {
	return Workflow{
		ID: w.ID, Name: w.Name, Status: w.Status, Setup: w.Tag == "setup",
		Pipeline: string(w.PipelineID), Number: int64(w.Number), Project: string(w.Project),
		CreatedAt: w.CreatedAt.Time, StoppedAt: w.StoppedAt.Time,
		AutoReruns: int(w.AutoReruns), MaxAutoReruns: int(w.MaxAutoReruns),
	}
}

type wireJob struct {
	ID         text  `json:"id"`
	Name       text  `json:"name"`
	Type       text  `json:"type"`
	Status     text  `json:"status"`
	Number     count `json:"job_number"`
	Project    text  `json:"project_slug"`
	StartedAt  stamp `json:"started_at"`
	StoppedAt  stamp `json:"stopped_at"`
	ApprovalID text  `json:"approval_request_id"`

	Dependencies texts `json:"dependencies"`
	Workflow     text  `json:"workflow_id"` // the contract does not promise it
}

func (w wireJob) job() Job {
	return Job{
		ID: string(w.ID), Name: string(w.Name), Type: string(w.Type), Status: string(w.Status), Number: int64(w.Number), Project: string(w.Project),
		StartedAt: w.StartedAt.Time, StoppedAt: w.StoppedAt.Time, ApprovalID: string(w.ApprovalID), Dependencies: w.Dependencies,
	}
}

// wireJobDetails is a job read by its number, which has other fields than a job in a workflow's list.
type wireJobDetails struct {
	Number    count `json:"number"`
	Status    text  `json:"status"`
	StoppedAt stamp `json:"stopped_at"`
}
