package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// answer is what a rebuilt journal says of a step.
type answer int

const (
	nothing  answer = iota // it was not started, or nothing came of it: `gio release` starts it
	released               // its tag says so
	watched                // one pipeline is its own
	asked                  // a person must say
)

// memory is what tags and CircleCI still know of a step whose journal is lost.
type memory struct {
	answer   answer
	pipeline Pipeline // watched
	reason   string   // asked, for a person
}

// recall decides what became of a step. What is not certain is asked: a second release is worse than a question.
func recall(f Facts) memory {
	ended := func(state circleci.State) func(Pipeline) bool {
		return func(p Pipeline) bool { return p.State != state }
	}
	running := f.running()
	succeeded := slices.DeleteFunc(slices.Clone(f.Others), ended(circleci.Succeeded))
	failed := slices.DeleteFunc(slices.Clone(f.Others), ended(circleci.Failed))
	alive := slices.Concat(running, succeeded)
	switch {
	case len(running) == 0 && f.Tag != "" && !f.failed():
		return memory{answer: released}
	case f.Tag != "" && len(alive) == 0:
		return memory{answer: asked, reason: fmt.Sprintf("the tag %s exists, but pipeline %s failed", f.Tag, numbers(failed))}
	case len(alive) == 0:
		return memory{}
	case len(alive) > 1:
		return memory{answer: asked, reason: "several pipelines could be its own: " + numbers(alive)}
	case !alive[0].Mine:
		return memory{answer: asked, reason: fmt.Sprintf("pipeline %s was triggered by %s", numbers(alive), alive[0].Login)}
	case len(succeeded) == 1 && f.untagged():
		return memory{answer: asked, reason: fmt.Sprintf("pipeline %s succeeded, but there is no tag %s: it may have been a dry run", numbers(alive), f.Released())}
	}
	return memory{answer: watched, pipeline: alive[0]}
}

func tellForgotten(f Facts) (what, do string) {
	const do1 = "`gio doctor --fix` notes it in the rebuilt journal"
	switch m := recall(f); m.answer {
	case released:
		return fmt.Sprintf("the tag %s exists in %s: it was released before the journal was lost", f.Tag, f.Repository), do1 + ", and `gio release` records it"
	case watched:
		return fmt.Sprintf("pipeline %s is %s: it was started before the journal was lost", m.pipeline, m.pipeline.State), do1 + ", and `gio release` watches it"
	case asked:
		return m.reason, do1 + fmt.Sprintf(" as unknown; `gio resolve %s` answers", f.Component)
	case nothing:
	}
	return "", ""
}

func numbers(pipelines []Pipeline) string {
	var all []string
	for _, p := range pipelines {
		all = append(all, fmt.Sprintf("#%d", p.Number))
	}
	return strings.Join(all, ", ")
}

// Lost tells whether the run began and its journal is gone.
func (r *Report) Lost() bool { return r.lost }

// Rebuild writes a journal for a run whose own is lost: what tags and CircleCI say of the steps of the plan, so that the
// next driver starts nothing twice. The report must be of all components. Faults: "not-read", of the kind of its cause, where
// a component of the plan could not be read: it may run, or be released; what cannot be true is Internal "impossible-journal".
func (r *Report) Rebuild(p *plan.Plan, h run.Header, by run.Driver, now time.Time) ([]run.Event, error) {
	if err := r.unreadOf(p); err != nil {
		return nil, err
	}
	by.Login = r.user.Login
	w := &rebuilt{header: h, by: by, now: now.UTC()}
	w.add(run.Event{Type: run.Opened, Header: &h})
	w.add(run.Event{Type: run.Planned, Plan: p, Driver: &by, ServerTime: r.user.ServerTime})
	rows := map[string]Facts{}
	for _, row := range r.Components {
		rows[row.Component] = row.Facts
	}
	units := unitsOf(p)
	for _, u := range units {
		w.unit(u, rows, sharing(units, u[0]))
	}
	if err := run.Check(w.events); err != nil {
		return nil, fault.New(fault.Internal, "impossible-journal", "the journal of %s cannot be rebuilt", h.Run()).Because(err)
	}
	return w.events, nil
}

// unreadOf is the fault of the components of a plan that could not be read, nil when all could.
func (r *Report) unreadOf(p *plan.Plan) error {
	var names []string
	var errs []error
	for _, row := range r.Components {
		planned := slices.ContainsFunc(p.Steps(), func(st plan.Step) bool { return st.Component == row.Component })
		if row.Err != nil && planned {
			names, errs = append(names, row.Component), append(errs, row.Err)
		}
	}
	worst := fault.Worst(errs...)
	if worst == nil {
		return nil
	}
	return fault.New(fault.KindOf(worst), string(NotRead), "the lost journal cannot be rebuilt: what became of %s could not be read", strings.Join(names, ", ")).
		Because(worst).Hint("nothing was written; run the same command again when it can be read")
}

func unitsOf(p *plan.Plan) [][]plan.Step {
	var all [][]plan.Step
	for _, w := range p.Waves {
		all = append(all, plan.Units(w)...)
	}
	return all
}

// sharing tells whether another unit is built from the same branch: then no pipeline of it can be told from the other's.
func sharing(units [][]plan.Step, st plan.Step) bool {
	n := 0
	for _, u := range units {
		if u[0].Project == st.Project && u[0].Branch == st.Branch {
			n++
		}
	}
	return n > 1
}

// rebuilt is a journal in the making.
type rebuilt struct {
	header run.Header
	by     run.Driver
	now    time.Time
	events []run.Event
}

func (w *rebuilt) add(e run.Event) {
	e.Run, e.Seq, e.Time = w.header.Run(), int64(len(w.events)+1), w.now
	w.events = append(w.events, e)
}

// unit writes what became of the steps that share a pipeline.
func (w *rebuilt) unit(u []plan.Step, rows map[string]Facts, shared bool) {
	done := run.Event{Type: run.Resolved, Status: run.AnswerReleased, Driver: &w.by}
	watch := run.Event{Type: run.Resolved, Status: run.AnswerPipeline, Driver: &w.by}
	for _, st := range u {
		id, m := run.StepID(st.ID()), recall(rows[st.Component])
		if m.answer == watched && shared {
			m = memory{answer: asked, reason: fmt.Sprintf("pipeline #%d may be that of another component of the same branch", m.pipeline.Number)}
		}
		switch m.answer {
		case released:
			done.Steps = append(done.Steps, id)
		case watched:
			watch.Steps = append(watch.Steps, id)
			watch.Pipeline = &run.Pipeline{ID: m.pipeline.ID, Number: m.pipeline.Number, URL: m.pipeline.URL}
		case asked:
			w.forget(id)
			w.add(run.Event{Type: run.Unknown, Steps: []run.StepID{id}, Reason: m.reason, URL: rows[st.Component].Others[0].URL})
		case nothing:
		}
	}
	if len(done.Steps) > 0 {
		w.add(done)
	}
	if len(watch.Steps) > 0 {
		w.forget(watch.Steps...)
		w.add(watch)
	}
}

// forget ends the attempt of which the journal holds nothing more: only then a person's answer may name its pipeline.
func (w *rebuilt) forget(ids ...run.StepID) {
	w.add(run.Event{Type: run.Failed, Steps: ids, Code: string(JournalLost), Reason: "the journal of this attempt is lost"})
}

// Noted is how many of the disagreements a rebuilt journal settles: what must be asked is left.
func (r *Report) Noted() int {
	n := 1 // that it was lost
	for _, row := range r.Components {
		if row.Code == Forgotten && recall(row.Facts).answer != asked {
			n++
		}
	}
	return n
}
