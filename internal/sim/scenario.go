package sim

import (
	"cmp"
	"slices"
	"time"
)

// Scenario says what the simulated CircleCI is like. The zero value is a service where every project and
// branch exists and every pipeline succeeds after two seconds. In files durations are written "2s".
//
// These comments and those of Limit, Fault, Match, Chaos, Clocks, Silence and GitHub describe the whole format; any other key
// is an error.
type Scenario struct {
	Login         string             `yaml:"login"`          // owner of every accepted token; default "release-bot"
	Tokens        []string           `yaml:"tokens"`         // accepted tokens; empty = any token that is not empty
	ProjectTokens []string           `yaml:"project_tokens"` // tokens of a project, which v2 refuses everywhere, on /me too (contracts/circleci.md 1.3)
	Seed          int64              `yaml:"seed"`           // determines ids, revisions and chaos
	Default       Project            `yaml:"default"`        // settings of every project
	Projects      map[string]Project `yaml:"projects"`       // by slug, else by bare repository name; a field that is set overrides Default
	Strict        bool               `yaml:"strict"`         // only the projects listed exist
	ListLag       time.Duration      `yaml:"list_lag"`       // from the trigger until the pipeline appears in lists
	NumberLag     time.Duration      `yaml:"number_lag"`     // from the trigger until it can be read by its number
	// WorkflowListLag delays workflows in the list of their pipeline, though they can be read by id: the oldest is
	// listed that much after it exists, the second twice as much, and so on. So the list is empty, then partial.
	WorkflowListLag time.Duration `yaml:"workflow_list_lag"`
	ActLag          time.Duration `yaml:"act_lag"`       // from the acceptance of a cancel or an approval over the API until it takes effect
	PageSize        int           `yaml:"page_size"`     // items per page; default 20
	Latency         time.Duration `yaml:"latency"`       // of every answer; the server acts when the request arrives
	KeepRequests    int           `yaml:"keep_requests"` // Requests returns at most that many, the newest; default 10000. Stats counts all
	Limit           *Limit        `yaml:"limit"`         // a rate limit; default none
	Faults          []Fault       `yaml:"faults"`        // what goes wrong on the wire, by order of requests
	Chaos           *Chaos        `yaml:"chaos"`         // what goes wrong at random; default nothing
	Clocks          *Clocks       `yaml:"clocks"`        // which clocks are wrong; default none
	GitHub          *GitHub       `yaml:"github"`        // a GitHub beside CircleCI; default none
	// Now is the clock of the service; real time when nil. Only the delay of answers always uses real time.
	Now func() time.Time `yaml:"-"`
}

// Project is one project's settings. Fields that are not set come from Scenario.Default.
type Project struct {
	DefaultBranch string            `yaml:"default_branch"` // default "main"
	Branches      []string          `yaml:"branches"`       // besides the default branch; empty = every branch exists
	Autocancel    *bool             `yaml:"autocancel"`     // a newer pipeline of a branch that is not the default one cancels the older ones
	Duration      time.Duration     `yaml:"duration"`       // of a workflow, without the time it is held or queued; default 2s
	PendingFor    time.Duration     `yaml:"pending_for"`    // how long a pipeline is pending; default 0
	WorkflowDelay time.Duration     `yaml:"workflow_delay"` // from then until its workflows appear; default 100ms
	Runs          []Run             `yaml:"runs"`           // the fate of the 1st, 2nd, ... pipeline triggered over HTTP, whatever its branch; later ones succeed
	Parameters    map[string]string `yaml:"parameters"`     // declared parameters, name to string, boolean or integer; nil = anything is accepted
	NextNumber    int64             `yaml:"next_number"`    // number of the first pipeline; those before it are other people's, long finished; default 1
	// Relics gives those pipelines of other people the oddities of old records: vcs null, or its provider_name; unknown
	// trigger types; workflows with null id and null status. The published schema forbids some of it.
	Relics *bool   `yaml:"relics"`
	VCS    VCSForm `yaml:"vcs"` // what its pipelines say about their repository; default everything
	// SkipCI: every commit message contains [skip ci], so that triggers make no pipeline; SkipBranches: only those at the
	// heads of these branches do. Projects of the GitHub App (slug circleci/...) never skip (contracts/circleci.md 2, trap 8).
	SkipCI       *bool    `yaml:"skip_ci"`
	SkipBranches []string `yaml:"skip_branches"`
	SkipStatus   int      `yaml:"skip_status"` // 200 or 201 from the older endpoint, without an id either way; default 200. pipeline/run answers 200
	Forbidden    *bool    `yaml:"forbidden"`   // the token's user may only read: every POST about the project is answered with 403
	Blocked      *bool    `yaml:"blocked"`     // "block all new work": triggers and reruns are answered with 403; that form is inferred
	HiddenFrom   []string `yaml:"hidden_from"` // tokens, also accepted ones, whose user has no access: 404 for everything in the project
	Definitions  []string `yaml:"definitions"` // names of its pipeline definitions, the first is the default; default "build"
}

// VCSForm is what pipelines say in their vcs object. Pipelines of the GitHub App have none anyway.
type VCSForm string

// The forms, besides the empty one, which has everything.
const (
	NoVCS    VCSForm = "none"     // "vcs": null
	Nameless VCSForm = "nameless" // "provider_name": null
)

// Run is the fate of one pipeline: of its only workflow, or of each of Workflows.
type Run struct {
	Outcome     Outcome       `yaml:"outcome"`
	Duration    time.Duration `yaml:"duration"` // default: the project's
	Job         string        `yaml:"job"`      // name of the last job, which decides the outcome; default "release"
	Hold        *Hold         `yaml:"hold"`
	Errors      []string      `yaml:"errors"`      // messages of an errored pipeline, in this order
	BuildError  bool          `yaml:"build_error"` // an errored pipeline has a workflow "Build Error" of status errored, which no schema knows, without jobs
	Workflows   []Workflow    `yaml:"workflows"`
	Setup       *Setup        `yaml:"setup"`        // a setup workflow, which comes first; everything else is the continuation
	SkipCI      bool          `yaml:"skip_ci"`      // no pipeline: the commit message contains [skip ci]. Such a run has no other key
	TriggerType string        `yaml:"trigger_type"` // trigger type shown instead of "api", any word
	Late        time.Duration `yaml:"late"`         // it has its number, but cannot be read by number or id, nor in lists, until that long after its trigger
	Silence     Silence       `yaml:",inline"`      // fields of the pipeline that it does not say; outside the published schema
}

// Setup is the setup workflow of a pipeline. The pipeline is setup-pending for pending_for, then setup until the
// continuation is read, then pending for pending_for again, then created with the run's workflows; with the outcome
// errored it is errored instead, and with none it is created with only the setup workflow for ever.
type Setup struct {
	Name     string        `yaml:"name"`     // default "setup"
	Duration time.Duration `yaml:"duration"` // default: the project's
	Outcome  Outcome       `yaml:"outcome"`  // default success; after any other there is no continuation and the pipeline stays setup, until a rerun succeeds
	Delay    time.Duration `yaml:"delay"`    // from its end until the continuation is read; default 0
	Never    bool          `yaml:"never"`    // it succeeds without a continuation: the pipeline stays setup
	// RerunAfter: that long after the last listed workflow of the continuation was green, somebody reruns the setup workflow
	// alone, and that fails, as RerunSetup does it.
	RerunAfter time.Duration `yaml:"rerun_after"`
}

// Workflow is the fate of one of several workflows. Errored is an outcome of pipelines only; with None the workflow
// is filtered out and never appears.
type Workflow struct {
	Name string `yaml:"name"`
	// AppearsAfter: it first appears that long after workflow_delay, when the others do.
	AppearsAfter time.Duration `yaml:"appears_after"`
	Outcome      Outcome       `yaml:"outcome"`
	Duration     time.Duration `yaml:"duration"`
	Job          string        `yaml:"job"`
	Hold         *Hold         `yaml:"hold"`
	QueuedFor    time.Duration `yaml:"queued_for"`  // time in its serial group's queue before it runs, status queued
	FailingFor   time.Duration `yaml:"failing_for"` // the last part of its duration, in which the last job has failed while another runs, status failing; outcome failed or canceled
	AutoRerun    *AutoRerun    `yaml:"auto_rerun"`
	Reruns       []Outcome     `yaml:"reruns"`       // of the 1st, 2nd, ... time that the API is asked to rerun it; success where there is none
	Shows        []Show        `yaml:"shows"`        // statuses that the API gives meanwhile, the first that applies
	NullID       bool          `yaml:"null_id"`      // it is listed with a null id, as an expired record, and cannot be read; the published schema forbids that
	Output       string        `yaml:"output"`       // what its last job prints; default a few lines of a build tool
	OutputLines  int           `yaml:"output_lines"` // numbered lines that it prints before
	OutputGone   bool          `yaml:"output_gone"`  // CircleCI has that output no more: its link answers 404
	Containers   int           `yaml:"containers"`   // its last job runs in so many side by side, of which the last decides and prints that; default 1
	// Refused is why CircleCI refuses to run its last job: a plan without credits, a blocked user. The job has no steps then,
	// but this message; outcome failed or error.
	Refused string `yaml:"refused"`
}

// Hold is an approval job between the first and the last job of a workflow.
type Hold struct {
	Job           string        `yaml:"job"`            // default "hold"
	After         time.Duration `yaml:"after"`          // work done before it, part of the workflow's duration; default 0
	ApprovedAfter time.Duration `yaml:"approved_after"` // somebody approves it that much later; 0 = only Approve and the API can
	CanceledAfter time.Duration `yaml:"canceled_after"` // somebody cancels the workflow that much later, if nobody approved
	Beside        time.Duration `yaml:"beside"`         // another job runs that long beside the held one: the workflow's status is running, not on_hold
	// BesideFailure: that other job fails, after Beside. The workflow is failing then, not on_hold, until the held one is
	// approved and the job behind it has succeeded, or until it is canceled; outcome failed.
	BesideFailure bool `yaml:"beside_failure"`
}

// AutoRerun is what CircleCI does by itself after a failure: rerun from failed, under the same name. The outcome of
// the workflow is failed. Manual reruns get no automatic ones (contracts/circleci.md 2, trap 5).
type AutoRerun struct {
	Max      int           `yaml:"max"`      // max_auto_reruns, 1 to 5
	Delay    time.Duration `yaml:"delay"`    // from a failure until the next workflow appears; default at once
	Outcomes []Outcome     `yaml:"outcomes"` // of the 1st, 2nd, ... rerun; all but the last are failed. With fewer than Max, the last of them failed, the next is due and never comes
}

// Show is a status that the API gives for a workflow for some time, whatever is true.
type Show struct {
	After  time.Duration `yaml:"after"`  // since the workflow appeared
	For    time.Duration `yaml:"for"`    // 0 = from then on
	Status *string       `yaml:"status"` // any word; null by default
}

// Outcome is how a run ends. The words are CircleCI's workflow statuses where it has one.
type Outcome string

// The outcomes. An empty one is Success.
const (
	Success      Outcome = "success"
	Failed       Outcome = "failed"
	Canceled     Outcome = "canceled"
	InternalErr  Outcome = "error"
	Unauthorized Outcome = "unauthorized"
	NotRun       Outcome = "not_run"
	Errored      Outcome = "errored" // the pipeline never gets a workflow, and its errors say why
	None         Outcome = "none"    // the pipeline never gets a workflow, and nothing says why
	Held         Outcome = "hold"    // success, once approved
)

func (o Outcome) valid() bool {
	return slices.Contains([]Outcome{"", Success, Failed, Canceled, InternalErr, Unauthorized, NotRun, Errored, None, Held}, o)
}

// isJobOutcome reports whether jobs can end with the outcome.
func (o Outcome) isJobOutcome() bool {
	return slices.Contains([]Outcome{Success, Failed, Canceled, InternalErr, Unauthorized}, o)
}

// overriddenBy returns p with every field that q sets.
func (p Project) overriddenBy(q Project) Project {
	p.DefaultBranch = cmp.Or(q.DefaultBranch, p.DefaultBranch)
	p.Autocancel = cmp.Or(q.Autocancel, p.Autocancel)
	p.Duration = cmp.Or(q.Duration, p.Duration)
	p.PendingFor = cmp.Or(q.PendingFor, p.PendingFor)
	p.WorkflowDelay = cmp.Or(q.WorkflowDelay, p.WorkflowDelay)
	p.NextNumber = cmp.Or(q.NextNumber, p.NextNumber)
	p.Relics = cmp.Or(q.Relics, p.Relics)
	p.VCS = cmp.Or(q.VCS, p.VCS)
	p.SkipCI = cmp.Or(q.SkipCI, p.SkipCI)
	p.SkipStatus = cmp.Or(q.SkipStatus, p.SkipStatus)
	p.Forbidden = cmp.Or(q.Forbidden, p.Forbidden)
	p.Blocked = cmp.Or(q.Blocked, p.Blocked)
	p.Branches = orDefault(q.Branches, p.Branches)
	p.Runs = orDefault(q.Runs, p.Runs)
	p.SkipBranches = orDefault(q.SkipBranches, p.SkipBranches)
	p.HiddenFrom = orDefault(q.HiddenFrom, p.HiddenFrom)
	p.Definitions = orDefault(q.Definitions, p.Definitions)
	if q.Parameters != nil {
		p.Parameters = q.Parameters
	}
	return p
}

// orDefault returns the list, or other when list is nil. An empty list is not nil.
func orDefault[T any](list, other []T) []T {
	if list != nil {
		return list
	}
	return other
}

func on(setting *bool) bool { return setting != nil && *setting }

// defaultProject returns the settings of a project for which the scenario sets nothing.
func defaultProject() Project {
	return Project{
		DefaultBranch: "main", Duration: 2 * time.Second, WorkflowDelay: 100 * time.Millisecond, NextNumber: 1,
		SkipStatus: 200, Definitions: []string{"build"},
	}
}

// fates returns the workflows of a run whose outcome is neither Errored nor None.
func (r Run) fates(p Project) []Workflow {
	list := slices.Clone(r.Workflows)
	if len(list) == 0 {
		list = []Workflow{{Name: "release", Outcome: r.Outcome, Duration: r.Duration, Job: r.Job, Hold: r.Hold}}
	}
	list = slices.DeleteFunc(list, func(w Workflow) bool { return w.Outcome == None })
	for i := range list {
		w := &list[i]
		w.Duration = cmp.Or(w.Duration, p.Duration)
		w.Job = cmp.Or(w.Job, "release")
		w.Outcome = cmp.Or(w.Outcome, Success)
		if w.Outcome == Held {
			w.Outcome = Success
			w.Hold = cmp.Or(w.Hold, &Hold{})
		}
	}
	return list
}
