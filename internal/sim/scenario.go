package sim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scenario says what the simulated CircleCI is like. The zero value is a service where every project and
// branch exists and every pipeline succeeds after two seconds. In files durations are written "2s".
type Scenario struct {
	Login     string             `yaml:"login"`      // whom every accepted token belongs to; default "release-bot"
	Tokens    []string           `yaml:"tokens"`     // accepted tokens; empty = any token that is not empty
	Seed      int64              `yaml:"seed"`       // ids and revisions follow from it
	Default   Project            `yaml:"default"`    // what every project is like
	Projects  map[string]Project `yaml:"projects"`   // by slug, else by bare repository name; a field that is set overrides Default
	Strict    bool               `yaml:"strict"`     // only the projects listed exist
	ListLag   time.Duration      `yaml:"list_lag"`   // a pipeline appears in lists that much after its trigger
	NumberLag time.Duration      `yaml:"number_lag"` // and can be read by its number that much after it
	PageSize  int                `yaml:"page_size"`  // items a page; default 20
	Faults    []Fault            `yaml:"faults"`     // what goes wrong on the wire
}

// Project says what one project is like. A field left out is taken from Scenario.Default.
type Project struct {
	DefaultBranch string            `yaml:"default_branch"` // default "main"
	Branches      []string          `yaml:"branches"`       // besides the default branch; empty = every branch exists
	Autocancel    *bool             `yaml:"autocancel"`     // a newer pipeline of a branch that is not the default one cancels the older ones
	Duration      time.Duration     `yaml:"duration"`       // of a workflow, without the time it is held; default 2s
	PendingFor    time.Duration     `yaml:"pending_for"`    // how long a pipeline is pending; default 0
	WorkflowDelay time.Duration     `yaml:"workflow_delay"` // from then until its workflows appear; default 100ms
	Runs          []Run             `yaml:"runs"`           // the fate of the 1st, 2nd, ... pipeline triggered over HTTP, whatever its branch; afterwards all succeed
	Parameters    map[string]string `yaml:"parameters"`     // declared parameters, name to string, boolean or integer; nil = anything is accepted
	NextNumber    int64             `yaml:"next_number"`    // number of the first pipeline; those before it are other people's, long finished; default 1
}

// Run is the fate of one pipeline: what becomes of its only workflow, or of each of Workflows.
type Run struct {
	Outcome   Outcome       `yaml:"outcome"`
	Duration  time.Duration `yaml:"duration"` // default: the project's
	Job       string        `yaml:"job"`      // name of the last job, which decides the outcome; default "release"
	Hold      *Hold         `yaml:"hold"`
	Errors    []string      `yaml:"errors"` // what an errored pipeline says, in this order
	Workflows []Workflow    `yaml:"workflows"`
}

// Workflow is the fate of one of several workflows. Errored and None are outcomes of pipelines only.
type Workflow struct {
	Name     string        `yaml:"name"`
	Outcome  Outcome       `yaml:"outcome"`
	Duration time.Duration `yaml:"duration"`
	Job      string        `yaml:"job"`
	Hold     *Hold         `yaml:"hold"`
}

// Hold is an approval job between the first and the last job of a workflow.
type Hold struct {
	Job           string        `yaml:"job"`            // default "hold"
	After         time.Duration `yaml:"after"`          // work done before it, part of the workflow's duration; default 0
	ApprovedAfter time.Duration `yaml:"approved_after"` // somebody approves it that much later; 0 = only Approve and the API do
}

// Outcome is what a run comes to. The words are CircleCI's workflow statuses where it has one.
type Outcome string

// The outcomes. An empty one is Success.
const (
	Success      Outcome = "success"
	Failed       Outcome = "failed"
	Canceled     Outcome = "canceled"
	InternalErr  Outcome = "error"
	Unauthorized Outcome = "unauthorized"
	NotRun       Outcome = "not_run"
	Errored      Outcome = "errored" // the pipeline never gets a workflow and says why
	None         Outcome = "none"    // the pipeline never gets a workflow and does not say why
	Held         Outcome = "hold"    // success, once approved
)

func (o Outcome) known() bool {
	return slices.Contains([]Outcome{"", Success, Failed, Canceled, InternalErr, Unauthorized, NotRun, Errored, None, Held}, o)
}

// over is p with everything that q sets.
func (p Project) over(q Project) Project {
	p.DefaultBranch = cmp.Or(q.DefaultBranch, p.DefaultBranch)
	p.Autocancel = cmp.Or(q.Autocancel, p.Autocancel)
	p.Duration = cmp.Or(q.Duration, p.Duration)
	p.PendingFor = cmp.Or(q.PendingFor, p.PendingFor)
	p.WorkflowDelay = cmp.Or(q.WorkflowDelay, p.WorkflowDelay)
	p.NextNumber = cmp.Or(q.NextNumber, p.NextNumber)
	if q.Branches != nil {
		p.Branches = q.Branches
	}
	if q.Runs != nil {
		p.Runs = q.Runs
	}
	if q.Parameters != nil {
		p.Parameters = q.Parameters
	}
	return p
}

// plain is what a project is like of which nothing was said.
func plain() Project {
	return Project{DefaultBranch: "main", Duration: 2 * time.Second, WorkflowDelay: 100 * time.Millisecond, NextNumber: 1}
}

// project is what the project of that slug is like, and whether it exists.
func (s Scenario) project(slug string) (Project, bool) {
	base := plain().over(s.Default)
	for name, p := range s.Projects {
		if canonical(name) == slug {
			return base.over(p), true
		}
	}
	if p, ok := s.Projects[slug[strings.LastIndex(slug, "/")+1:]]; ok {
		return base.over(p), true
	}
	return base, !s.Strict
}

// fates are the workflows that a run without Errored and None comes to.
func (r Run) fates(p Project) []Workflow {
	list := slices.Clone(r.Workflows)
	if len(list) == 0 {
		list = []Workflow{{Name: "release", Outcome: r.Outcome, Duration: r.Duration, Job: r.Job, Hold: r.Hold}}
	}
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

// historyLimit bounds the pipelines that next_number makes up at once.
const historyLimit = 10_000

func (s Scenario) validate() error {
	errs := []error{
		atLeastZero("list_lag", s.ListLag), atLeastZero("number_lag", s.NumberLag), atLeastZero("page_size", s.PageSize),
		within("default", s.Default.validate()),
	}
	for name, p := range s.Projects {
		errs = append(errs, within("projects."+name, p.validate()))
	}
	for i, f := range s.Faults {
		errs = append(errs, within(fmt.Sprintf("faults[%d]", i), f.validate()))
	}
	return errors.Join(errs...)
}

func (p Project) validate() error {
	errs := []error{
		atLeastZero("duration", p.Duration), atLeastZero("pending_for", p.PendingFor),
		atLeastZero("workflow_delay", p.WorkflowDelay), atLeastZero("next_number", p.NextNumber),
	}
	if p.NextNumber > historyLimit {
		errs = append(errs, fmt.Errorf("next_number is %d, at most %d is possible", p.NextNumber, historyLimit))
	}
	for name, kind := range p.Parameters {
		if !slices.Contains([]string{"string", "boolean", "integer"}, kind) {
			errs = append(errs, fmt.Errorf("parameters.%s is %q, but string, boolean and integer are known", name, kind))
		}
	}
	for i, r := range p.Runs {
		errs = append(errs, within(fmt.Sprintf("runs[%d]", i), r.validate()))
	}
	return errors.Join(errs...)
}

func (r Run) validate() error {
	own := Workflow{Outcome: r.Outcome, Duration: r.Duration, Job: r.Job, Hold: r.Hold}
	switch {
	case len(r.Errors) > 0 && r.Outcome != Errored:
		return errors.New("errors belong to the outcome errored")
	case len(r.Workflows) > 0 && own != (Workflow{}):
		return errors.New("outcome, duration, job and hold stand in each of workflows when there are some")
	case r.Outcome == Errored || r.Outcome == None:
		if own != (Workflow{Outcome: r.Outcome}) {
			return fmt.Errorf("a pipeline with outcome %s has no duration, job or hold", r.Outcome)
		}
		return nil
	case len(r.Workflows) == 0:
		return own.validate()
	}
	return validateWorkflows(r.Workflows)
}

func validateWorkflows(list []Workflow) error {
	var errs []error
	seen := map[string]bool{}
	for i, w := range list {
		err := w.validate()
		if w.Name == "" || seen[w.Name] {
			err = errors.Join(err, fmt.Errorf("each workflow needs a name of its own, this one has %q", w.Name))
		}
		if w.Outcome == Errored || w.Outcome == None {
			err = errors.Join(err, fmt.Errorf("%s is an outcome of a pipeline, not of a workflow", w.Outcome))
		}
		seen[w.Name] = true
		errs = append(errs, within(fmt.Sprintf("workflows[%d]", i), err))
	}
	return errors.Join(errs...)
}

func (w Workflow) validate() error {
	errs := []error{atLeastZero("duration", w.Duration)}
	if !w.Outcome.known() {
		errs = append(errs, fmt.Errorf("unknown outcome %q", w.Outcome))
	}
	if w.Outcome == NotRun && w != (Workflow{Name: w.Name, Outcome: NotRun}) {
		errs = append(errs, errors.New("a workflow that is not_run has no duration, job or hold"))
	}
	if w.Hold != nil {
		errs = append(errs, atLeastZero("hold.after", w.Hold.After), atLeastZero("hold.approved_after", w.Hold.ApprovedAfter))
	}
	return errors.Join(errs...)
}

func atLeastZero[N int | int64 | time.Duration](name string, n N) error {
	if n < 0 {
		return fmt.Errorf("%s must not be negative, it is %v", name, n)
	}
	return nil
}

// within puts the place before every line of err, so that each says where it belongs.
func within(place string, err error) error {
	if err == nil {
		return nil
	}
	return errors.New(place + ": " + strings.ReplaceAll(err.Error(), "\n", "\n"+place+": "))
}
