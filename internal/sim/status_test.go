package sim_test

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

func TestStatusesOnTheWay(t *testing.T) {
	t.Parallel()
	const second = time.Second
	one := func(w sim.Workflow) sim.Run {
		w.Name, w.Duration = "w", 10*second
		return sim.Run{Workflows: []sim.Workflow{w}}
	}
	word := "sleeping"
	at := func(d time.Duration, want, fate string) moment {
		return moment{prelude + d, "created, w=" + want, fate}
	}
	tests := []struct {
		name    string
		run     sim.Run
		moments []moment
	}{
		{"queued", one(sim.Workflow{QueuedFor: 5 * second}), []moment{
			at(0, "queued", "queued"), at(5*second, "running", "running"), at(15*second, "success", "success"),
		}},
		{"failing, then failed", one(sim.Workflow{Outcome: sim.Failed, FailingFor: 3 * second}), []moment{
			at(0, "running", "running"), at(7*second, "failing", "failing"), at(10*second, "failed", "failed"),
		}},
		{"failing, then canceled", one(sim.Workflow{Outcome: sim.Canceled, FailingFor: 3 * second}), []moment{
			at(0, "running", "running"), at(7*second, "failing", "failing"), at(10*second, "canceled", "canceled"),
		}},
		{"failing longer than there is time", one(sim.Workflow{Outcome: sim.Failed, FailingFor: time.Hour}), []moment{
			at(0, "running", "running"), at(5*second, "failing", "failing"), at(10*second, "failed", "failed"),
		}},
		{"an unknown word, null, nothing odd, null for ever", one(sim.Workflow{Shows: []sim.Show{
			{For: second, Status: &word}, {After: second, For: second}, {After: 8 * second},
		}}), []moment{
			at(0, "sleeping", "running"), at(second, "null", "running"), at(2*second, "running", "running"),
			at(8*second, "null", "running"), at(10*second, "null", "success"),
		}},
		{"held beside a running job, approved late", one(sim.Workflow{Hold: &sim.Hold{After: second, Beside: 4 * second, ApprovedAfter: time.Hour}}), []moment{
			at(0, "running", "running"), at(5*second, "on_hold", "on_hold"), at(time.Hour+second, "running", "running"), at(time.Hour+10*second, "success", "success"),
		}},
		{"approved while the other job runs on to the end", one(sim.Workflow{Hold: &sim.Hold{After: second, Beside: 20 * second, ApprovedAfter: second}}), []moment{
			at(0, "running", "running"), at(21*second, "success", "success"),
		}},
		{"hold, then success at once", one(sim.Workflow{Hold: &sim.Hold{After: 10 * second, ApprovedAfter: time.Hour}}), []moment{
			at(0, "running", "running"), at(10*second, "on_hold", "on_hold"), at(time.Hour+10*second, "success", "success"),
		}},
		{"hold, then canceled", one(sim.Workflow{Hold: &sim.Hold{CanceledAfter: time.Hour}}), []moment{
			at(0, "on_hold", "on_hold"), at(time.Hour, "canceled", "canceled"),
		}},
		{"filtered beside another", sim.Run{Workflows: []sim.Workflow{{Name: "gone", Outcome: sim.None}, {Name: "w", Duration: second}}}, []moment{
			at(0, "running", "running"), at(second, "success", "success"),
		}},
		{"all filtered", sim.Run{Workflows: []sim.Workflow{{Name: "gone", Outcome: sim.None}}}, []moment{{prelude, "created", "none"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			goes(t, sim.Scenario{}, test.run, test.moments...)
		})
	}
}

func TestJobsWhileAnotherRuns(t *testing.T) {
	t.Parallel()
	runs := []sim.Run{
		{Workflows: []sim.Workflow{{Name: "w", Outcome: sim.Failed, Duration: 10 * time.Second, FailingFor: 4 * time.Second, QueuedFor: time.Second}}},
		{Workflows: []sim.Workflow{{Name: "w", Duration: 10 * time.Second, Hold: &sim.Hold{Beside: time.Minute}}}},
		{Workflows: []sim.Workflow{{Name: "w", Outcome: sim.Canceled, Duration: 10 * time.Second, FailingFor: 4 * time.Second}}},
	}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: runs}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(prelude)
		w := t.only(id)
		t.equal("queued", t.jobs(w), "prepare build queued -, release build blocked -, other build blocked -")
		time.Sleep(8 * time.Second)
		t.equal("failing", t.jobs(w), "prepare build success 1, release build failed 2, other build running 3")
		time.Sleep(time.Minute)
		t.equal("failed", t.jobs(w), "prepare build success 1, release build failed 2, other build success 3")

		id = t.trigger("")
		time.Sleep(prelude)
		w = t.only(id)
		t.equal("held", w.text("status")+": "+t.jobs(w), "running: prepare build success 4, hold approval on_hold -, release build blocked -, other build running 6")
		t.call("POST", "/workflow/"+w.text("id")+"/approve/"+t.approvalRequest(w), "", 202)
		t.equal("approved", t.jobs(w), "prepare build success 4, hold approval success -, release build running 5, other build running 6")

		id = t.trigger("")
		time.Sleep(time.Minute)
		t.equal("canceled", t.jobs(t.only(id)), "prepare build success 7, release build failed 8, other build canceled -")
	})
}

func TestApproveWhileTheWorkflowSaysRunning(t *testing.T) {
	t.Parallel()
	hold := &sim.Hold{Beside: time.Minute}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Hold: hold}}}}, func(t tester) {
		t.trigger("")
		time.Sleep(10 * time.Second)
		t.equal("before", t.sim.Pipelines()[0].Outcome, "running")
		if err := t.sim.Approve("widget", 1); err != nil {
			t.Fatal(err)
		}
		if err := t.sim.Approve("widget", 1); err == nil {
			t.Error("approved twice")
		}
		time.Sleep(time.Minute)
		t.equal("after", t.sim.Pipelines()[0].Outcome, "success")
	})
}

func TestNullIDsAreListedAndCannotBeRead(t *testing.T) {
	t.Parallel()
	run := sim.Run{Workflows: []sim.Workflow{{Name: "a"}, {Name: "b", NullID: true}}}
	bubble(t, sim.Scenario{PageSize: 1, Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(time.Minute)
		first := t.get("/pipeline/" + id + "/workflow")
		t.equal("newest", first.items()[0]["id"], nil)
		t.equal("name", first.items()[0].text("name"), "b")
		rest := t.get("/pipeline/" + id + "/workflow?page-token=" + first.text("next_page_token"))
		t.equal("next page", rest.each("name"), []string{"a"})
	})
}

func TestRelics(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Default: sim.Project{NextNumber: 4, Relics: new(true)}}
	bubble(t, s, func(t tester) {
		t.trigger("")
		var got []any
		for _, p := range t.get(widget + "/pipeline").items() {
			vcs, known := p["vcs"].(map[string]any)
			_, there := p["vcs"]
			got = append(got, p.text("trigger", "type"), there, known && vcs["provider_name"] == nil, known)
		}
		t.equal("type, vcs there, nameless, not null", got, []any{
			"api", true, false, true,
			"unknown", true, false, false,
			"webhook", true, false, true,
			"Decoupled Ingestion System", true, true, true,
		})
		w := t.only(t.get(widget + "/pipeline/1").text("id"))
		t.equal("workflow", []any{w["id"], w["status"], w["name"]}, []any{nil, nil, "release"})
	})
}

func TestFormsOfVCSAndTrigger(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{
		Default:  sim.Project{VCS: sim.NoVCS, Runs: []sim.Run{{TriggerType: "teapot"}}},
		Projects: map[string]sim.Project{"gadget": {VCS: sim.Nameless}},
	}
	bubble(t, s, func(t tester) {
		p := t.get("/pipeline/" + t.trigger(""))
		vcs, there := p["vcs"]
		t.equal("vcs", []any{vcs, there, p.text("trigger", "type")}, []any{nil, true, "teapot"})
		t.equal("truth", t.sim.Pipelines()[0].Trigger, "api")
		id := t.call("POST", "/project/gh/acme/gadget/pipeline", "", 201).text("id")
		vcs = t.get("/pipeline/" + id)["vcs"].(map[string]any)["provider_name"]
		t.equal("provider_name", vcs, nil)
	})
}

func TestSlowWorkflowList(t *testing.T) {
	t.Parallel()
	run := sim.Run{Workflows: []sim.Workflow{{Name: "a"}, {Name: "b"}}}
	s := sim.Scenario{WorkflowListLag: time.Minute, Default: sim.Project{Runs: []sim.Run{run}}}
	bubble(t, s, func(t tester) {
		id := t.trigger("")
		names := func() int { return len(t.get("/pipeline/" + id + "/workflow").items()) }
		time.Sleep(prelude + time.Minute - time.Nanosecond)
		t.equal("empty", names(), 0)
		t.equal("though it is there", t.sim.Pipelines()[0].Outcome, "success")
		time.Sleep(time.Nanosecond)
		t.equal("partial", names(), 1)
		time.Sleep(time.Minute)
		t.equal("whole", names(), 2)
	})
}
