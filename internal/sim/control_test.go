package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

func TestControlRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Strict: true, Projects: map[string]sim.Project{"gh/acme/widget": {}, "gh/other/twin": {}, "gh/acme/twin": {}}}
	bubble(t, s, func(t tester) {
		for what, err := range map[string]error{
			"unknown":         push(t, "gh/acme/other"),
			"unknown by name": push(t, "other"),
			"two of a name":   push(t, "twin"),
			"no pipeline":     t.sim.Approve("widget", 1),
			"no such outcome": t.sim.Rerun("widget", 1, "green"),
			"nothing runs":    t.sim.Finish("widget", 1),
			"not a workflows": t.sim.Rerun("widget", 1, sim.Errored),
		} {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		if err := push(t, "widget"); err != nil {
			t.Error(err)
		}
		if err := t.sim.Rerun("widget", 1, sim.Success); err == nil {
			t.Error("reran what has not failed")
		}
		_, err := t.sim.Trigger("gh/acme/other", "main", "x", nil)
		if err == nil {
			t.Error("triggered what does not exist")
		}
	})
}

func push(t tester, project string) error {
	_, err := t.sim.Push(project, "main", "somebody")
	return err
}

func TestRerunOnlyWhatFailed(t *testing.T) {
	t.Parallel()
	run := sim.Run{Workflows: []sim.Workflow{{Name: "a"}, {Name: "b", Outcome: sim.Failed}}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(time.Minute)
		for _, outcome := range []sim.Outcome{sim.Failed, sim.Success} {
			if err := t.sim.Rerun("widget", 1, outcome); err != nil {
				t.Fatal(err)
			}
			t.equal("meanwhile", t.sim.Pipelines()[0].Outcome, "running")
			time.Sleep(time.Minute)
			t.equal("outcome", t.sim.Pipelines()[0].Outcome, string(outcome))
		}
		t.equal("workflows", t.get("/pipeline/"+id+"/workflow").each("name"), []string{"b", "b", "b", "a"})
	})
}

// TestFinish: a pipeline of a day ends when Finish is called, with all the consequences.
func TestFinish(t *testing.T) {
	t.Parallel()
	runs := []sim.Run{
		{Outcome: sim.Failed},
		{Hold: &sim.Hold{}},
		{Workflows: []sim.Workflow{{Name: "a", Outcome: sim.Failed, AutoRerun: &sim.AutoRerun{Max: 1, Outcomes: []sim.Outcome{sim.Success}}}}},
	}
	bubble(t, sim.Scenario{Default: sim.Project{Duration: 24 * time.Hour, Runs: runs}}, func(t tester) {
		outcome := func(n int) string { return t.sim.Pipelines()[n-1].Outcome }
		finish := func(n int64, may bool) {
			if err := t.sim.Finish("widget", n); (err == nil) != may {
				t.Fatalf("pipeline %d is %s, and Finish says %v", n, outcome(int(n)), err)
			}
		}
		id := t.trigger("")
		t.trigger("")
		t.trigger("")
		finish(1, false) // there is no workflow yet
		time.Sleep(time.Hour)
		t.equal("before", []string{outcome(1), outcome(2), outcome(3)}, []string{"running", "on_hold", "running"})
		finish(1, true)
		t.equal("at once", outcome(1), "failed")
		w := t.only(id).text("id")
		t.equal("jobs", t.get("/workflow/"+w+"/job").each("status"), []string{"success", "failed"})
		finish(1, false)
		if err := t.sim.Rerun("widget", 1, sim.Success); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		t.equal("the rerun takes a day again", outcome(1), "running")

		finish(2, false) // it waits for an approval
		if err := t.sim.Approve("widget", 2); err != nil {
			t.Fatal(err)
		}
		finish(2, true)
		t.equal("approved", outcome(2), "success")

		finish(3, true)
		t.equal("rerun by itself", outcome(3), "running")
		finish(3, true)
		t.equal("rerun by itself", outcome(3), "success")
	})
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	const release = `{"branch":"3.1.x","parameters":{"gio_action":"release","dry_run":false}}`
	pair := func(later int, fate string) []string {
		return []string{fmt.Sprintf(`gh/acme/widget refs/heads/3.1.x {"dry_run":false,"gio_action":"release"}: pipeline %d was triggered when pipeline 1 was %s`, later, fate)}
	}
	on := true
	tests := []struct {
		name    string
		project sim.Project
		between func(tester) // after the first trigger, before the second
		second  string
		want    []string
	}{
		{"pending", sim.Project{PendingFor: time.Hour}, nil, release, pair(2, "pending")},
		{"no workflow yet", sim.Project{}, nil, release, pair(2, "pending")},
		{"running", sim.Project{}, wait(time.Second), release, pair(2, "running")},
		{"succeeded", sim.Project{}, wait(time.Minute), release, pair(2, "success")},
		{"on hold", sim.Project{Runs: []sim.Run{{Outcome: sim.Held}}}, wait(time.Minute), release, pair(2, "on_hold")},
		{"auto-cancelled by the second", sim.Project{Autocancel: &on}, wait(time.Second), release, pair(2, "running")},
		{"failed", sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}}}, wait(time.Minute), release, nil},
		{"errored", sim.Project{Runs: []sim.Run{{Outcome: sim.Errored}}}, wait(time.Minute), release, nil},
		{"never a workflow", sim.Project{Runs: []sim.Run{{Outcome: sim.None}}}, wait(time.Minute), release, nil},
		{"not run", sim.Project{Runs: []sim.Run{{Outcome: sim.NotRun}}}, wait(time.Minute), release, nil},
		{"failed, then rerun", sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}}}, rerun, release, pair(2, "running")},
		{"other parameters", sim.Project{}, nil, `{"branch":"3.1.x","parameters":{"gio_action":"release","dry_run":true}}`, nil},
		{"text for a boolean", sim.Project{}, nil, `{"branch":"3.1.x","parameters":{"gio_action":"release","dry_run":"false"}}`, nil},
		{"other branch", sim.Project{}, nil, `{"branch":"3.2.x","parameters":{"gio_action":"release","dry_run":false}}`, nil},
		{"cancelled before", sim.Project{}, cancel, release, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{Default: test.project}, func(t tester) {
				t.trigger(release)
				if test.between != nil {
					test.between(t)
				}
				t.trigger(test.second)
				t.equal("at once", t.sim.Duplicates(), test.want)
				time.Sleep(time.Hour)
				t.equal("later", t.sim.Duplicates(), test.want)
			})
		})
	}
}

func wait(d time.Duration) func(tester) { return func(tester) { time.Sleep(d) } }

func rerun(t tester) {
	time.Sleep(time.Minute)
	if err := t.sim.Rerun("widget", 1, sim.Success); err != nil {
		t.Fatal(err)
	}
}

// cancel cancels the newest pipeline of the widget over the API.
func cancel(t tester) {
	time.Sleep(prelude)
	id := t.get(widget + "/pipeline").items()[0].text("id")
	t.call("POST", "/workflow/"+t.only(id).text("id")+"/cancel", "", 202)
}

func TestDuplicatesExcuseTheSecondWhenItIsCancelled(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		t.trigger("")
		t.trigger("")
		t.equal("before", len(t.sim.Duplicates()), 1)
		cancel(t)
		t.equal("after", len(t.sim.Duplicates()), 0)
	})
}

func TestDuplicatesLeaveOthersAlone(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		t.trigger("")
		if _, err := t.sim.Trigger("widget", "main", "other-bot", nil); err != nil {
			t.Fatal(err)
		}
		if err := push(t, "widget"); err != nil {
			t.Fatal(err)
		}
		t.call("POST", "/project/gh/acme/gadget/pipeline", "", 201)
		t.equal("duplicates", len(t.sim.Duplicates()), 0)
		if _, err := t.sim.Trigger("widget", "main", "release-bot", nil); err != nil {
			t.Fatal(err)
		}
		t.equal("with one of our own", len(t.sim.Duplicates()), 1)
	})
}
