package circleci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Status is the status of a workflow. CircleCI may send others than those below, and none.
type Status string

// The statuses of contracts/circleci.md 2.
const (
	StatusSuccess      Status = "success"
	StatusFailed       Status = "failed"
	StatusError        Status = "error"
	StatusCanceled     Status = "canceled"
	StatusUnauthorized Status = "unauthorized"
	StatusNotRun       Status = "not_run"
	StatusFailing      Status = "failing"
	StatusOnHold       Status = "on_hold"
	StatusRunning      Status = "running"
	StatusQueued       Status = "queued"
)

// final tells whether CircleCI will not change the status any more. What it does not know is not final.
func (s Status) final() bool {
	switch s {
	case StatusSuccess, StatusFailed, StatusError, StatusCanceled, StatusUnauthorized, StatusNotRun:
		return true
	case StatusFailing, StatusOnHold, StatusRunning, StatusQueued:
		return false
	}
	return false
}

// State is what is known about how a pipeline ends.
type State string

// The states of a verdict. Succeeded and Failed are final, unless somebody re-runs a workflow.
const (
	Waiting   State = "waiting" // for CircleCI: there is nothing that runs
	Running   State = "running"
	OnHold    State = "on hold" // nothing runs; a person must approve
	Succeeded State = "succeeded"
	Failed    State = "failed"
)

// Verdict is what the readings of a pipeline and its workflows add up to.
type Verdict struct {
	State    State
	Reason   string   // plain words, with all that CircleCI says about errors
	Workflow Workflow // the one that decides; zero when none does
	// RerunDue: nothing runs, Workflow has failed, and CircleCI runs it again by itself. The re-run starts at
	// once, so that one that does not appear within minutes of Workflow.StoppedAt will not come.
	RerunDue  bool
	Succeeded []string // the names of the workflows that are no setup workflows, when State is Succeeded
	// NoWorkflow: the pipeline is created and has none. None may come, or one may come late.
	NoWorkflow bool
	Revision   string // of Succeeded: the commit that the pipeline was started on; "" where CircleCI does not say
}

// Judge says how a pipeline ended, or that it did not. The workflows must have been read before
// the pipeline. The first row that holds decides:
//
//	the pipeline is errored, or has errors                                 Failed
//	no workflow yet                                                        Waiting
//	of the newest workflows of every name:
//	  one runs: running, failing, queued, no status, an unknown one        Running
//	  one failed, and an automatic re-run is left                          Running, RerunDue
//	  one is on_hold                                                       OnHold
//	  one is failed, error, canceled, unauthorized or not_run              Failed
//	  all are success, and all are setup workflows                         Waiting
//	  all are success, and the pipeline is not (yet) created               Waiting
//	  all are success                                                      Succeeded
//
// The newest is the one created last among those of the same name that are, or are not, setup workflows. Times are
// whole seconds: on a tie the automatic re-run of the higher number is the newest. Where that does not tell, and where
// the time is missing, the upper row wins, for the order of the list means nothing. (contracts/circleci.md 2: derived
// rule, traps 1 to 6.)
func Judge(p Pipeline, workflows []Workflow) Verdict {
	if p.State == PipelineErrored || len(p.Errors) > 0 {
		return Verdict{State: Failed, Reason: errorTexts(p)}
	}
	newest := newestOfEveryName(workflows)
	if len(newest) == 0 {
		return Verdict{State: Waiting, Reason: "no workflow yet", NoWorkflow: p.State == PipelineCreated}
	}
	slices.SortFunc(newest, byPhase)
	decider := newest[len(newest)-1]
	v := Verdict{Workflow: decider, Reason: describe(decider)}
	switch phaseOf(decider) {
	case active:
		v.State = Running
	case rerunDue:
		v.State, v.RerunDue = Running, true
	case held:
		v.State = OnHold
	case lost:
		v.State = Failed
	case won:
		if v.State, v.Reason = judgeGreen(p, newest); v.State == Succeeded {
			v.Revision, v.Succeeded = p.Revision, ordinary(newest)
		}
		return v
	}
	v.Reason += alsoLost(newest)
	return v
}

// judgeGreen judges workflows that are all success.
func judgeGreen(p Pipeline, newest []Workflow) (State, string) {
	if !slices.ContainsFunc(newest, func(w Workflow) bool { return !w.Setup }) {
		return Waiting, "only the setup workflow has run, and succeeded"
	}
	if p.State != PipelineCreated {
		return Waiting, fmt.Sprintf("all workflows succeeded, but the state of the pipeline is %q", p.State)
	}
	return Succeeded, fmt.Sprintf("all workflows succeeded (%s)", names(newest))
}

// phase sorts workflows by how they weigh in the verdict, the lightest first.
type phase int

const (
	won phase = iota
	lost
	held
	rerunDue
	active
)

func phaseOf(w Workflow) phase {
	switch {
	case w.Status == StatusSuccess:
		return won
	case w.Status == StatusFailed && w.AutoReruns < w.MaxAutoReruns:
		return rerunDue
	case w.Status == StatusOnHold:
		return held
	case w.Status.final():
		return lost
	}
	return active
}

// byPhase orders by weight and, so that the order of the list does not decide, by time, name and id.
func byPhase(a, b Workflow) int {
	return cmp.Or(cmp.Compare(phaseOf(a), phaseOf(b)), a.CreatedAt.Compare(b.CreatedAt),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

// newestOfEveryName leaves out every workflow that has a newer one of its name and kind. More than one of a
// name is left where nothing tells: no time, or the same second.
func newestOfEveryName(workflows []Workflow) []Workflow {
	var newest []Workflow
	for _, w := range workflows {
		if !slices.ContainsFunc(workflows, func(o Workflow) bool { return o.replaces(w) }) {
			newest = append(newest, w)
		}
	}
	return newest
}

// replaces tells that o is a later one of w's name and kind. An automatic re-run starts at once, so that it may come in the
// second of the one before it; then their numbers tell. A re-run by hand has none.
func (o Workflow) replaces(w Workflow) bool {
	switch {
	case o.Name != w.Name || o.Setup != w.Setup || w.CreatedAt.IsZero():
		return false
	case o.CreatedAt.Equal(w.CreatedAt):
		return w.MaxAutoReruns > 0 && o.MaxAutoReruns > 0 && o.AutoReruns > w.AutoReruns
	}
	return o.CreatedAt.After(w.CreatedAt)
}

// describe says in plain words where a workflow stands.
func describe(w Workflow) string {
	name := "workflow " + w.Name
	switch w.Status {
	case StatusSuccess:
		return name + " succeeded"
	case StatusFailed:
		if phaseOf(w) == rerunDue {
			return fmt.Sprintf("%s failed; CircleCI runs it again (re-run %d of %d)", name, w.AutoReruns+1, w.MaxAutoReruns)
		}
		return name + " failed"
	case StatusError:
		return name + " ended in an error of CircleCI"
	case StatusCanceled:
		return name + " was cancelled"
	case StatusUnauthorized:
		return name + " is unauthorized: who triggered or approved it lacks a restricted context"
	case StatusNotRun:
		return name + " was not run"
	case StatusFailing:
		return name + " is failing: a job failed, others still run"
	case StatusOnHold:
		return name + " waits for an approval"
	case StatusRunning:
		return name + " is running"
	case StatusQueued:
		return name + " is queued"
	}
	return fmt.Sprintf("%s has the status %q, which gio does not know and takes for running", name, w.Status)
}

// alsoLost tells the failures before the decider, which is the last: all of them are to be heard of.
func alsoLost(newest []Workflow) string {
	var said strings.Builder
	for _, w := range newest[:len(newest)-1] {
		if phaseOf(w) == lost {
			said.WriteString("; " + describe(w))
		}
	}
	return said.String()
}

func errorTexts(p Pipeline) string {
	if len(p.Errors) == 0 {
		return "the pipeline errored, and CircleCI does not say why"
	}
	texts := make([]string, 0, len(p.Errors))
	for _, e := range p.Errors {
		if e.Type != "" {
			e.Message = e.Type + ": " + e.Message
		}
		texts = append(texts, e.Message)
	}
	return "the pipeline errored: " + strings.Join(texts, "; ")
}

// ordinary names those that are no setup workflows.
func ordinary(workflows []Workflow) []string {
	var all []string
	for _, w := range workflows {
		if !w.Setup {
			all = append(all, w.Name)
		}
	}
	return all
}

func names(workflows []Workflow) string {
	all := make([]string, 0, len(workflows))
	for _, w := range workflows {
		all = append(all, w.Name)
	}
	return strings.Join(all, ", ")
}
