package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// graphPlan is thePlan by the graph: ui is free, policy's files cannot be read, and gateway needs two, and one that is released.
func graphPlan() *plan.Plan {
	steps := map[plan.StepID]plan.Step{}
	for _, w := range thePlan().Waves {
		for _, st := range w.Steps {
			st.Group = w.Group
			steps[st.ID()] = st
		}
	}
	named := func(id plan.StepID, line int) plan.Need {
		return plan.Need{Step: id, Reason: plan.NeedNamed, Artifact: "io.gravitee:" + id.Component(), Named: id.Version() + "-SNAPSHOT", File: "pom.xml", Line: line}
	}
	with := func(id plan.StepID, needs ...plan.Need) plan.Step {
		st := steps[id]
		st.Needs = needs
		return st
	}
	released := named("gravitee-bom@2.1.0", 12)
	released.Released = true
	unread := with(policy, plan.Need{Step: parent, Reason: plan.NeedGroup})
	unread.Unread = true
	p := thePlan()
	p.Order, p.Waves = plan.ByGraph, []plan.Wave{
		{Steps: []plan.Step{with(parent), with(ui)}},
		{Steps: []plan.Step{with(common, named(parent, 5)), with(node, plan.Need{Step: parent, Reason: plan.NeedSetting, File: "gio.yaml", Line: 14}), unread}},
		{Steps: []plan.Step{with(gateway, released, named(common, 31), named(node, 36))}},
	}
	return p
}

func graphExpected() run.Expectation {
	x := run.Expectation{Took: map[string][]time.Duration{}}
	for i, st := range graphPlan().Steps() {
		d := time.Duration(6+i) * time.Minute
		x.Took[st.Component] = []time.Duration{d, d, d}
	}
	return x
}

// graphStory has gone as far as that common has failed while node, which began later, still runs.
func graphStory(t *testing.T) *story {
	begin := begin()
	begin[1].Plan = graphPlan()
	return newStory(t).
		at("10:00:00", begin...).
		at("10:00:01", intent(1, parent), intent(1, ui), triggered(parent), triggered(ui)).
		at("10:06:00", succeeded(parent)).
		at("10:06:01", intent(1, common), intent(1, node), intent(1, policy), triggered(common), triggered(node), triggered(policy)).
		at("10:06:10", observed("running", common), observed("running", node), observed("running", ui))
}

func TestGraphPlan(t *testing.T) {
	t.Parallel()
	of := report.PlanOf{Plan: graphPlan(), Remote: "https://github.com/gravitee-io/release", Refs: []plan.Ref{{Name: "refs/heads/3.9.x"}, {Name: "refs/tags/3.9.4"}}, Expected: graphExpected()}
	for name, columns := range map[string]int{"tabs": 0, "terminal": 120, "narrow": 60} {
		var b bytes.Buffer
		of.Freed = columns == 0
		if err := of.Table(&b, columns); err != nil {
			t.Fatal(err)
		}
		golden(t, "plan-graph-"+name+".txt", b.String())
	}
	var b bytes.Buffer
	if err := report.PlanMermaid(&b, graphPlan()); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan-graph.mmd", b.String())
}

func TestGraphRun(t *testing.T) {
	t.Parallel()
	s := graphStory(t)
	golden(t, "lines-graph.txt", strings.Join(s.lines, "\n")+"\n")
	now := clockAt(t, "10:09:00")
	for _, size := range []struct{ columns, height int }{{80, 24}, {100, 40}, {40, 15}} {
		lines := report.Frame(s.state, report.View{Width: size.columns, Height: size.height, Now: now, Began: s.state.Began, Expected: graphExpected()})
		fits(t, lines, size.columns, size.height)
		golden(t, fmt.Sprintf("frame-graph-%dx%d.txt", size.columns, size.height), strings.Join(lines, "\n")+"\n")
	}
	s.at("10:09:00", run.Event{Type: run.Failed, Steps: []plan.StepID{common}, Code: "pipeline-failed", Reason: "workflow release failed", Workflow: "release", URL: link(common)})
	lines := report.Frame(s.state, report.View{Width: 80, Height: 24, Now: now, Began: s.state.Began, Expected: graphExpected()})
	golden(t, "frame-graph-failed.txt", strings.Join(lines, "\n")+"\n")
	for name, columns := range map[string]int{"tabs": 0, "terminal": 100} {
		var b bytes.Buffer
		if err := report.WriteStatus(&b, s.state, run.Lease{}, report.StatusView{Columns: columns, Now: now, Command: "`gio release`"}); err != nil {
			t.Fatal(err)
		}
		golden(t, "status-graph-"+name+".txt", b.String())
	}
	for _, st := range report.NewResult(s.state, nil).Steps {
		want := map[string][]string{"gravitee-gateway": {"gravitee-common", "gravitee-node"}}[st.Component]
		if !slices.Equal(st.WaitsFor, want) {
			t.Errorf("%s waits for %v", st.Component, st.WaitsFor)
		}
	}
}

// By the graph several levels run at once, and there need not be a failure: whatever the size, the frame fits.
func TestGraphFrameFits(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Product: "Gravitee.io", Version: "3.9.4", Branch: "3.9.x", Order: plan.ByGraph}
	begin := begin()
	begin[1].Plan = p
	var running []run.Event
	for level := range 4 {
		var w plan.Wave
		for i := range 9 {
			id := plan.ID(fmt.Sprintf("component-%d-%d", level, i), "1.0.0")
			w.Steps = append(w.Steps, plan.Step{Component: id.Component(), Version: "1.0.0", Project: "gh/acme/" + id.Component()})
			if i < 6 {
				running = append(running, intent(1, id), triggered(id))
			}
		}
		p.Waves = append(p.Waves, w)
	}
	s := newStory(t).at("10:00:00", begin...).at("10:00:01", running...)
	for _, columns := range []int{20, 80, 200} {
		for height := 1; height <= 60; height++ {
			lines := report.Frame(s.state, report.View{Width: columns, Height: height, Now: clockAt(t, "10:02:00"), Began: s.state.Began})
			fits(t, lines, columns, height)
			if height > 12 && !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "level 4/4") }) {
				t.Errorf("%dx%d cuts a level off:\n%s", columns, height, strings.Join(lines, "\n"))
			}
		}
	}
}

// The page has levels, and its critical path goes from need to need. A later session knows fewer levels, and changes nothing.
func TestGraphStory(t *testing.T) {
	t.Parallel()
	s := graphStory(t)
	s.at("10:09:00", succeeded(common)).at("10:12:00", succeeded(node), succeeded(policy)).
		at("10:12:01", intent(1, gateway), triggered(gateway)).at("10:14:00", succeeded(ui)).
		at("10:15:00", run.Event{Type: run.Failed, Steps: []plan.StepID{gateway}, Code: "pipeline-failed", Reason: "workflow release failed", Workflow: "release", URL: link(gateway)}).
		at("10:15:01", run.Event{Type: run.Stopped, Code: "pipeline-failed", Reason: "failed: gravitee-gateway"})
	again := graphPlan()
	again.Waves = []plan.Wave{{Steps: again.Waves[2].Steps}}
	s.at("11:00:00", run.Event{Type: run.Planned, Plan: again}).
		at("11:00:01", intent(1, gateway), triggeredAgain(gateway)).at("11:10:00", succeeded(gateway))
	story := reportStory(t, s, report.StoryOptions{Now: clockAt(t, "11:30:00"), Command: "`gio release`"})
	var critical []string
	for _, w := range story.Waves {
		for _, st := range w.Steps {
			if st.Critical {
				critical = append(critical, fmt.Sprintf("%d %s", w.Number, st.Component))
			}
		}
	}
	if diff := cmp.Diff([]string{"1 gravitee-parent", "2 gravitee-node", "3 gravitee-gateway"}, critical); diff != "" {
		t.Error(diff)
	}
	var page bytes.Buffer
	if err := report.StoryPage(&page, story, "1.0.0", clockAt(t, "11:30:00")); err != nil {
		t.Fatal(err)
	}
	checkElements(t, page.String())
	for _, want := range []string{"Level 3 of 3", "on the way that ended last, from need to need", `<span class="needs">needs gravitee-bom, gravitee-common, gravitee-node</span>`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	data, err := json.Marshal(story)
	if err != nil || !strings.Contains(string(data), `"order":"graph"`) || !strings.Contains(string(data), `"needs":["gravitee-bom@2.1.0","gravitee-common@1.19.1","gravitee-node@1.10.2"]`) {
		t.Errorf("%v %s", err, data)
	}
}

// The critical path of a rehearsal goes from need to need, or to the pipeline that had the slot before.
func TestGraphRehearsal(t *testing.T) {
	t.Parallel()
	s := graphStory(t)
	s.at("10:09:00", succeeded(common)).at("10:12:00", succeeded(node), succeeded(policy)).at("10:14:00", succeeded(ui)).
		at("10:14:01", intent(1, gateway), triggered(gateway)). // no slot was free before
		at("10:25:00", succeeded(gateway))
	began := clockAt(t, "10:00:00")
	rehearsal := report.Rehearsal{
		Product: "Gravitee.io", Version: "3.9.4", MaxParallel: 3, Began: began, Low: 1200, Likely: 1500, High: 1800, ByWaves: 2400,
		Sessions: []report.Rehearsed{report.NewRehearsed(graphPlan(), s.state, began, clockAt(t, "10:25:00"), nil, func(string) string { return "1 earlier run" })},
	}
	var b bytes.Buffer
	if err := report.RehearsalTable(&b, rehearsal, 100); err != nil {
		t.Fatal(err)
	}
	golden(t, "rehearsal-graph.txt", b.String())
}
