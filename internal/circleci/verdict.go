package circleci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is the status of a workflow. CircleCI may send none, or others than those below.
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

// known reports whether the status is one of those above.
func (s Status) known() bool {
	return s.final() || slices.Contains([]Status{StatusFailing, StatusOnHold, StatusRunning, StatusQueued}, s)
}

// final reports whether CircleCI will not change the status any more. An unknown status is not final.
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
	Waiting   State = "waiting" // for CircleCI: nothing runs
	Running   State = "running"
	OnHold    State = "on hold" // nothing runs; a person must approve
	Succeeded State = "succeeded"
	Failed    State = "failed"
)

// Verdict is the conclusion from one reading of a pipeline and its workflows.
type Verdict struct {
	State    State
	Reason   string   // plain words, with everything that CircleCI says about errors
	Workflow Workflow // the one that decides; zero when none does
	// RerunDue: nothing runs, Workflow has failed, and CircleCI is to re-run it automatically. The re-run starts at once, so
	// one that does not appear within minutes of Workflow.StoppedAt will not come.
	RerunDue  bool
	Succeeded []string // the names of the workflows that are not setup workflows, when State is Succeeded
	// NoWorkflow: the pipeline is created and has no workflow. One may still come, or none ever.
	NoWorkflow bool
	Revision   string // of Succeeded: the commit that the pipeline was started on; "" where CircleCI does not say

	Names []string // of all workflows so far that are not setup workflows
	// Lasted is how long all of Names had been there when the last of them ended, by CircleCI's times; 0 where it does not say.
	Lasted time.Duration
	// Unknown: one has no status, or one that gio does not know. Only the pipeline itself tells whether it is errored.
	Unknown bool
	// Failing are the workflows that are failing. OthersRun: something runs beside them, or is to be re-run automatically.
	Failing   []Workflow
	OthersRun bool
	// Lost is a workflow that has failed, or is failing, and that CircleCI does not run again by itself: the pipeline can only
	// succeed if somebody re-runs it. Zero when there is none.
	Lost Workflow
}

// IsLost reports whether there is a Lost.
func (v Verdict) IsLost() bool { return v.Lost != Workflow{} }

// Judge says how a pipeline ended, or that it has not ended. The workflows must have been read before the pipeline. The
// first row that applies decides:
//
//	the pipeline is errored, or has errors                                 Failed
//	no workflow yet                                                        Waiting
//	of the newest workflows of every name:
//	  one runs: running, failing, queued, no status, an unknown one        Running
//	  one failed, and an automatic re-run remains                          Running, RerunDue
//	  one is on_hold                                                       OnHold
//	  one is failed, error, canceled, unauthorized or not_run              Failed
//	  all are success, and all are setup workflows                         Waiting
//	  all are success, and the pipeline is not (yet) created               Waiting
//	  all are success                                                      Succeeded
//
// Once there is a workflow that is not a setup workflow, the setup has done its work: a setup workflow that is created after it
// is somebody's re-run, which cannot continue the pipeline a second time, and decides nothing (contracts/circleci.md 1.10).
// A pipeline that is Running because workflows are failing may only wait for approvals; that stands in their jobs, which Judge
// does not see (Failing, OnlyApprovalsLeft).
//
// The newest is the one created last among those with the same name that are, or are not, setup workflows. Times are whole
// seconds: on a tie the automatic re-run of the higher number is the newest. Where that does not decide, and where the time
// is missing, the upper row wins, because the order of the list means nothing. (contracts/circleci.md 2: derived rule,
// traps 1 to 6.)
func Judge(p Pipeline, workflows []Workflow) Verdict {
	if p.State == PipelineErrored || len(p.Errors) > 0 {
		return Verdict{State: Failed, Reason: errorTexts(p)}
	}
	workflows = withoutLateSetup(workflows)
	newest := newestOfEveryName(workflows)
	if len(newest) == 0 {
		return Verdict{State: Waiting, Reason: "no workflow yet", NoWorkflow: p.State == PipelineCreated}
	}
	slices.SortFunc(newest, byPhase)
	decider := newest[len(newest)-1]
	v := Verdict{Workflow: decider, Reason: describe(decider), Names: ordinary(newest), Lasted: lasted(workflows)}
	v.note(newest)
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
			v.Revision, v.Succeeded = p.Revision, v.Names
		}
		return v
	}
	v.Reason += alsoLost(newest)
	return v
}

// note sets what a verdict says beside its state. The newest workflows must be sorted by phase.
func (v *Verdict) note(newest []Workflow) {
	for _, w := range newest {
		phase := phaseOf(w)
		v.Unknown = v.Unknown || !w.Status.known()
		switch {
		case w.Status == StatusFailing:
			v.Failing = append(v.Failing, w)
		case phase == active || phase == rerunDue:
			v.OthersRun = true
		}
		if phase == lost || w.Status == StatusFailing && w.AutoReruns >= w.MaxAutoReruns {
			v.Lost = w
		}
	}
}

// OnlyApprovalsLeft reports whether all that is left of a workflow are approvals that somebody must give, by its jobs: one
// waits, and nothing runs or is about to.
func OnlyApprovalsLeft(jobs []Job) bool {
	succeeded := map[string]bool{}
	for _, j := range jobs {
		succeeded[j.ID] = j.Status == string(StatusSuccess)
	}
	waits := false
	for _, j := range jobs {
		ready := len(j.Dependencies) > 0 && !slices.ContainsFunc(j.Dependencies, func(id string) bool { return !succeeded[id] })
		switch {
		case j.Waits():
			waits = true
		case slices.Contains(restingStatuses, j.Status), j.Status == "blocked" && !ready:
		default:
			return false
		}
	}
	return waits
}

// Waits reports whether the job is an approval that somebody must give.
func (j Job) Waits() bool { return j.Type == "approval" && j.Status == string(StatusOnHold) }

// restingStatuses are the statuses of a job in which nothing more happens (contracts/circleci.md 1.8).
var restingStatuses = []string{"success", "failed", "not_run", "retried", "infrastructure_fail", "timedout", "terminated-unknown", "canceled", "unauthorized"}

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

// Green returns the names of the workflows that are not setup workflows when the newest of every name is a success, and none
// otherwise, whatever the pipeline itself says.
func Green(workflows []Workflow) []string {
	own := slices.DeleteFunc(newestOfEveryName(workflows), func(w Workflow) bool { return w.Setup })
	if slices.ContainsFunc(own, func(w Workflow) bool { return phaseOf(w) != won }) {
		return nil
	}
	return ordinary(own)
}

// Runs reports whether a workflow that is not a setup workflow runs, waits or is queued, by a status that gio knows, whatever the
// pipeline itself says.
func Runs(workflows []Workflow) bool {
	return slices.ContainsFunc(newestOfEveryName(workflows), func(w Workflow) bool { return !w.Setup && w.Status.known() && !w.Status.final() })
}

// phase ranks workflows by their weight in the verdict, the lightest first.
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

// byPhase compares by phase and, so that the order of the list does not matter, by time, name and id.
func byPhase(a, b Workflow) int {
	return cmp.Or(cmp.Compare(phaseOf(a), phaseOf(b)), a.CreatedAt.Compare(b.CreatedAt),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

// withoutLateSetup omits the setup workflows that were created after the first other workflow.
func withoutLateSetup(workflows []Workflow) []Workflow {
	var continued time.Time // zero: it is not, or CircleCI does not say when
	for _, w := range workflows {
		if !w.Setup && !w.CreatedAt.IsZero() && (continued.IsZero() || w.CreatedAt.Before(continued)) {
			continued = w.CreatedAt
		}
	}
	if continued.IsZero() {
		return workflows
	}
	return slices.DeleteFunc(slices.Clone(workflows), func(w Workflow) bool { return w.Setup && w.CreatedAt.After(continued) })
}

// lasted returns the time from when all names of workflows that are not setup workflows were there until the last one ended.
func lasted(workflows []Workflow) time.Duration {
	first := map[string]time.Time{} // of its name
	var complete, end time.Time
	for _, w := range workflows {
		switch at := first[w.Name]; {
		case w.Setup:
			continue
		case w.CreatedAt.IsZero() || w.StoppedAt.IsZero():
			return 0
		case at.IsZero() || w.CreatedAt.Before(at):
			first[w.Name] = w.CreatedAt
		}
		if w.StoppedAt.After(end) {
			end = w.StoppedAt
		}
	}
	for _, at := range first {
		if at.After(complete) {
			complete = at
		}
	}
	return max(end.Sub(complete), 0)
}

// newestOfEveryName omits every workflow that has a newer one of its name and kind. It keeps several of a name where
// nothing tells which is newer: no time, or the same second.
func newestOfEveryName(workflows []Workflow) []Workflow {
	var newest []Workflow
	for _, w := range workflows {
		if !slices.ContainsFunc(workflows, func(o Workflow) bool { return o.replaces(w) }) {
			newest = append(newest, w)
		}
	}
	return newest
}

// replaces reports whether o is a later workflow of w's name and kind. An automatic re-run starts at once, so it may have
// the same second as its predecessor; then the re-run numbers decide. A manual re-run has none.
func (o Workflow) replaces(w Workflow) bool {
	switch {
	case o.Name != w.Name || o.Setup != w.Setup || w.CreatedAt.IsZero():
		return false
	case o.CreatedAt.Equal(w.CreatedAt):
		return w.MaxAutoReruns > 0 && o.MaxAutoReruns > 0 && o.AutoReruns > w.AutoReruns
	}
	return o.CreatedAt.After(w.CreatedAt)
}

// describe puts the status of a workflow into plain words.
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
		return name + " is unauthorized: the user who triggered or approved it has no access to a restricted context"
	case StatusNotRun:
		return name + " was not run"
	case StatusFailing:
		return name + " is failing: a job failed, others still run or wait"
	case StatusOnHold:
		return name + " waits for an approval"
	case StatusRunning:
		return name + " is running"
	case StatusQueued:
		return name + " is queued"
	}
	return fmt.Sprintf("%s has the status %q, which gio does not know and treats as running", name, w.Status)
}

// alsoLost lists the failures besides the decider, which is the last, so that the reason names all of them.
func alsoLost(newest []Workflow) string {
	var text strings.Builder
	for _, w := range newest[:len(newest)-1] {
		if phaseOf(w) == lost {
			text.WriteString("; " + describe(w))
		}
	}
	return text.String()
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

// ordinary returns the names of those that are not setup workflows.
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
