package run

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// The world of these tests: two steps in the first wave, one in the second, one in the third.
const (
	alpha plan.StepID = "alpha@1.0.0"
	beta  plan.StepID = "beta@1.0.0"
	gamma plan.StepID = "gamma@1.0.0"
	delta plan.StepID = "delta@1.0.0"
)

func header() *Header {
	return &Header{
		Schema: Schema, Kind: "release", Manifest: "release.json", Product: "Acme", Version: "3.9.4",
		Host: "https://circleci.com", Branch: "3.9.x",
	}
}

// waves makes a plan of these waves.
func waves(groups ...[]plan.StepID) *plan.Plan {
	p := &plan.Plan{Product: "Acme", Version: "3.9.4", Branch: "3.9.x"}
	for i, ids := range groups {
		w := plan.Wave{Group: i + 1}
		for _, id := range ids {
			w.Steps = append(w.Steps, plan.Step{Component: id.Component(), Version: id.Version()})
		}
		p.Waves = append(p.Waves, w)
	}
	return p
}

func threeWaves() *plan.Plan {
	return waves([]plan.StepID{alpha, beta}, []plan.StepID{gamma}, []plan.StepID{delta})
}

// at is minute n of the run.
func at(n int64) time.Time {
	return time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
}

// journal numbers events as a driver does: one a minute.
type journal struct{ events []Event }

func (j *journal) add(events ...Event) *journal {
	for _, e := range events {
		e.Run, e.Seq = "release/3.9.4", int64(len(j.events)+1)
		e.Time = at(e.Seq)
		j.events = append(j.events, e)
	}
	return j
}

func (j *journal) fold(t testing.TB) *State {
	t.Helper()
	s, err := Fold(j.events)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(j.events); err != nil {
		t.Fatal(err)
	}
	return s
}

// begun returns a journal whose first driver has planned.
func begun(events ...Event) *journal {
	return new(journal).add(opened(), planned(threeWaves())).add(events...)
}

func opened() Event { return Event{Type: Opened, Header: header()} }

func planned(p *plan.Plan) Event { return Event{Type: Planned, Plan: p, Driver: &Driver{ID: "one"}} }

func intent(send int, ids ...plan.StepID) Event {
	return Event{Type: Intent, Steps: ids, Send: send, After: 40, Project: "gh/acme/x", Branch: "1.0.x"}
}

func triggered(pipeline string, ids ...plan.StepID) Event {
	return Event{Type: Triggered, Steps: ids, Pipeline: &Pipeline{ID: pipeline, Number: 41, URL: "https://ci/" + pipeline}}
}

func observed(ids ...plan.StepID) Event {
	return Event{Type: Observed, Steps: ids, Status: "running", Workflow: "release"}
}

func held(ids ...plan.StepID) Event {
	return Event{Type: Observed, Steps: ids, Status: "on_hold", Held: true, Workflow: "release"}
}

func succeeded(ids ...plan.StepID) Event { return Event{Type: Succeeded, Steps: ids} }

func failed(ids ...plan.StepID) Event {
	return Event{Type: Failed, Steps: ids, Code: "pipeline-failed", Reason: "it failed", Workflow: "release", Job: "build"}
}

func unknown(ids ...plan.StepID) Event {
	return Event{Type: Unknown, Steps: ids, Reason: "the answer was lost"}
}

func skipped(ids ...plan.StepID) Event { return Event{Type: Skipped, Steps: ids, Reason: "upstream"} }

func released(ids ...plan.StepID) Event {
	return Event{Type: Resolved, Steps: ids, Status: AnswerReleased}
}

func notTriggered(ids ...plan.StepID) Event {
	return Event{Type: Resolved, Steps: ids, Status: AnswerNotTriggered}
}

func itIs(pipeline string, ids ...plan.StepID) Event {
	e := triggered(pipeline, ids...)
	e.Type, e.Status = Resolved, AnswerPipeline
	return e
}

// recording and recorded make the two events of a push.
func recording(r Record) Event { return Event{Type: Recording, Record: &r} }
func recorded(r Record) Event  { return Event{Type: Recorded, Record: &r} }

// succeed makes all events of steps that share a pipeline and succeed.
func succeed(pipeline string, ids ...plan.StepID) []Event {
	return []Event{intent(1, ids...), triggered(pipeline, ids...), succeeded(ids...)}
}

// and returns a copy of the journal with more events.
func (j *journal) and(events ...Event) *journal {
	return (&journal{append([]Event{}, j.events...)}).add(events...)
}
