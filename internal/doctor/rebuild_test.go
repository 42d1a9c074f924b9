package doctor

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

var rebuiltHeader = run.Header{Schema: run.Schema, Kind: "release", Manifest: "release.json", Product: "Acme", Version: "3.9.4", Host: "https://circleci.com", Branch: "3.9.x"}

func step(name, project string) plan.Step {
	return plan.Step{Component: name, Version: "1.2.3", Repository: "acme/" + project, Project: "gh/acme/" + project, Branch: "1.2.x"}
}

func rebuild(t *testing.T, p *plan.Plan, rows map[string][]fact) (*run.State, []run.Event) {
	t.Helper()
	r := &Report{Lost: true, User: circleci.User{Login: "bot", ServerTime: time.Unix(1700000000, 0)}}
	for name, facts := range rows {
		f := plainFacts()
		for _, change := range facts {
			change(&f)
		}
		for i := range f.Others {
			f.Others[i].ID += " of " + projectOf(p, name)
		}
		f.Component = name
		r.Components = append(r.Components, Row{Facts: f})
	}
	events, err := r.Rebuild(p, rebuiltHeader, run.Driver{ID: "d"}, time.Unix(1700000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	state, err := run.Fold(events)
	if err != nil {
		t.Fatal(err)
	}
	return state, events
}

func projectOf(p *plan.Plan, name string) string {
	for _, st := range p.Steps() {
		if st.Component == name {
			return st.Project
		}
	}
	return ""
}

// TestRebuild: whatever the steps of two waves came to, the journal that says so can be true.
func TestRebuild(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		facts []fact
		want  run.Status
	}{
		{nil, run.Pending},
		{[]fact{tagged}, run.HasSucceeded},
		{[]fact{other(circleci.Running)}, run.Running},
		{[]fact{other(circleci.Succeeded)}, run.IsUnknown},
	}
	p := &plan.Plan{Product: "Acme", Version: "3.9.4", Branch: "3.9.x", Waves: []plan.Wave{
		{Group: 1, Steps: []plan.Step{step("a", "a"), step("b", "b")}}, {Group: 2, Steps: []plan.Step{step("c", "c")}},
	}}
	for _, a := range kinds {
		for _, b := range kinds {
			for _, c := range kinds {
				state, events := rebuild(t, p, map[string][]fact{"a": a.facts, "b": b.facts, "c": c.facts})
				for name, want := range map[string]run.Status{"a": a.want, "b": b.want, "c": c.want} {
					if got := state.Step(plan.ID(name, "1.2.3")); got.Status != want {
						t.Errorf("%s is %s, want %s", got.ID, got.Status, want)
					}
				}
				if err := run.Check(events); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if state, _ := rebuild(t, p, map[string][]fact{"a": {other(circleci.Running)}}); state.Driver.Login != "bot" || state.Header.Run() != "release/3.9.4" {
		t.Errorf("driver %v, header %v", state.Driver, state.Header)
	}
}

// TestRebuildUnread: what could not be read may run, or be released. A journal that says nothing of it would start it again.
func TestRebuildUnread(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{step("a", "a"), step("b", "b")}}}}
	unread := Facts{Component: "a", Err: fault.New(fault.Remote, "api", "no answer")}
	r := &Report{Lost: true, Components: []Row{{Facts: unread}, {Facts: Facts{Component: "b"}}}}
	events, err := r.Rebuild(p, rebuiltHeader, run.Driver{ID: "d"}, time.Unix(1700000000, 0))
	if !fault.Is(err, "not-read") || fault.KindOf(err) != fault.Remote || events != nil {
		t.Errorf("%d events, %v", len(events), err)
	}
	unread.Component = "not planned"
	r.Components[0].Facts = unread
	if _, err := r.Rebuild(p, rebuiltHeader, run.Driver{ID: "d"}, time.Unix(1700000000, 0)); err != nil {
		t.Error(err)
	}
}

// TestRebuildImpossible: a journal that cannot be true is never written.
func TestRebuildImpossible(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{step("a", "a")}}}}
	f := plainFacts()
	f.Component, f.Others = "a", []Pipeline{{Number: 7, State: circleci.Running, Mine: true}} // it has no id
	r := &Report{Lost: true, All: true, Components: []Row{{Facts: f}}}
	events, err := r.Rebuild(p, rebuiltHeader, run.Driver{ID: "d"}, time.Unix(1700000000, 0))
	if !fault.Is(err, "impossible-journal") || fault.KindOf(err) != fault.Internal || events != nil {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// TestRebuildShared: steps of a wave that share a pipeline share it afterwards; where two pipelines of one branch are
// meant, none can be told from the other.
func TestRebuildShared(t *testing.T) {
	t.Parallel()
	one := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{step("a", "mono"), step("b", "mono")}}}}
	state, _ := rebuild(t, one, map[string][]fact{"a": {other(circleci.Running)}, "b": {other(circleci.Running)}})
	a, b := state.Step("a@1.2.3"), state.Step("b@1.2.3")
	if a.Status != run.Running || a.Pipeline != b.Pipeline || b.Status != run.Running {
		t.Errorf("a is %s in %v, b is %s in %v", a.Status, a.Pipeline, b.Status, b.Pipeline)
	}
	two := &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{step("a", "mono")}}, {Steps: []plan.Step{step("b", "mono")}}}}
	state, _ = rebuild(t, two, map[string][]fact{"a": {other(circleci.Running)}, "b": {tagged}})
	if a, b := state.Step("a@1.2.3"), state.Step("b@1.2.3"); a.Status != run.IsUnknown || b.Status != run.HasSucceeded {
		t.Errorf("a is %s, b is %s", a.Status, b.Status)
	}
}
