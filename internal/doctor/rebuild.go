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

// kind says what a rebuilt journal holds of a step.
type kind int

const (
	toStart  kind = iota // nothing: it was not started, or nothing came of it, and gio release starts it
	released             // its tag says so
	adopted              // one pipeline is its own
	unclear              // a person must say
)

// conclusion is what follows from what tags and CircleCI still know of a step whose journal is lost.
type conclusion struct {
	kind     kind
	pipeline Pipeline // adopted
	reason   string   // unclear: why, for a person
}

// conclude decides what became of a step. What is not certain is a question: a second release is worse than a question.
func conclude(f Facts) conclusion {
	in := func(state circleci.State) []Pipeline {
		return slices.DeleteFunc(slices.Clone(f.Others), func(p Pipeline) bool { return p.State != state })
	}
	running, succeeded, failed := f.running(), in(circleci.Succeeded), in(circleci.Failed)
	possible := slices.Concat(running, succeeded)
	ask := func(format string, args ...any) conclusion {
		return conclusion{kind: unclear, reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case len(running) == 0 && f.Tag != "" && !f.failed():
		return conclusion{kind: released}
	case f.Tag != "" && len(possible) == 0:
		return ask("the tag %s exists, but pipeline %s failed", f.Tag, numbers(failed))
	case len(possible) == 0:
		return conclusion{kind: toStart}
	case len(possible) > 1:
		return ask("several pipelines could be its own: %s", numbers(possible))
	case !possible[0].Mine:
		return ask("pipeline %s was triggered by %s", numbers(possible), possible[0].Login)
	case len(succeeded) == 1 && f.untagged():
		return ask("pipeline %s succeeded, but there is no tag %s: it may have been a dry run", numbers(possible), f.Released())
	}
	return conclusion{kind: adopted, pipeline: possible[0]}
}

func tellForgotten(f Facts) (what, do string) {
	do = "`gio doctor --fix` writes it into the rebuilt journal"
	switch c := conclude(f); c.kind {
	case released:
		return fmt.Sprintf("the tag %s exists in %s: it was released before the journal was lost", f.Tag, f.Repository), do + ", and `gio release` records it"
	case adopted:
		return fmt.Sprintf("pipeline %s is %s: it was started before the journal was lost", c.pipeline, c.pipeline.State), do + ", and `gio release` watches it"
	case unclear:
		return c.reason, do + fmt.Sprintf(" as unknown; `gio resolve %s` answers", f.Component)
	case toStart: // then no row says so
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

// Rebuild makes the journal of a run whose own is lost: it holds what tags and CircleCI say of the steps of the plan, so that
// the next driver starts nothing twice. The report must be of all components. Faults: "not-read", of the kind of its cause, where
// a component of the plan could not be read: it may run, or be released; what cannot be true is Internal "impossible-journal".
func (r *Report) Rebuild(p *plan.Plan, h run.Header, by run.Driver, now time.Time) ([]run.Event, error) {
	if err := r.unreadOf(p); err != nil {
		return nil, err
	}
	by.Login, h.Schema = r.User.Login, run.SchemaOf(p)
	j := &rebuilt{header: h, by: by, now: now.UTC()}
	j.add(run.Event{Type: run.Opened, Header: &h})
	j.add(run.Event{Type: run.Planned, Plan: p, Driver: &by})
	rows := map[string]Facts{}
	for _, row := range r.Components {
		rows[row.Component] = row.Facts
	}
	units := unitsOf(p)
	for _, u := range units {
		j.addUnit(u, rows, sharesBranch(units, u[0]))
	}
	if err := run.Check(j.events); err != nil {
		return nil, fault.New(fault.Internal, "impossible-journal", "the journal of %s cannot be rebuilt", h.Run()).Because(err)
	}
	return j.events, nil
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
		Because(worst).Hint("nothing was written; %s when it can be read", fault.Again())
}

func unitsOf(p *plan.Plan) [][]plan.Step {
	var all [][]plan.Step
	for _, w := range p.Waves {
		all = append(all, plan.Units(w)...)
	}
	return all
}

// sharesBranch tells whether another unit is built from the same branch: then nobody can tell which of them a pipeline of it
// belongs to.
func sharesBranch(units [][]plan.Step, st plan.Step) bool {
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

func (j *rebuilt) add(e run.Event) {
	e.Run, e.Seq, e.Time = j.header.Run(), int64(len(j.events)+1), j.now
	j.events = append(j.events, e)
}

// addUnit writes what became of the steps that share a pipeline.
func (j *rebuilt) addUnit(u []plan.Step, rows map[string]Facts, shared bool) {
	done := run.Event{Type: run.Resolved, Status: run.AnswerReleased, Driver: &j.by}
	adopt := run.Event{Type: run.Resolved, Status: run.AnswerPipeline, Driver: &j.by}
	for _, st := range u {
		id, c := st.ID(), conclude(rows[st.Component])
		if c.kind == adopted && shared {
			c = conclusion{kind: unclear, reason: fmt.Sprintf("pipeline #%d may be that of another component of the same branch", c.pipeline.Number)}
		}
		switch c.kind {
		case released:
			done.Steps = append(done.Steps, id)
		case adopted:
			adopt.Steps = append(adopt.Steps, id)
			adopt.Pipeline = &run.Pipeline{ID: c.pipeline.ID, Number: c.pipeline.Number, URL: c.pipeline.URL}
		case unclear:
			j.endAttempt(id)
			j.add(run.Event{Type: run.Unknown, Steps: []plan.StepID{id}, Reason: c.reason, URL: rows[st.Component].Others[0].URL})
		case toStart:
		}
	}
	if len(done.Steps) > 0 {
		j.add(done)
	}
	if len(adopt.Steps) > 0 {
		j.endAttempt(adopt.Steps...)
		j.add(adopt)
	}
}

// endAttempt ends the attempt that was lost with the journal: only after that an answer may name its pipeline.
func (j *rebuilt) endAttempt(ids ...plan.StepID) {
	j.add(run.Event{Type: run.Failed, Steps: ids, Code: string(JournalLost), Reason: "the journal of this attempt is lost"})
}
