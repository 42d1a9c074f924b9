package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// snapshot returns the API's view of a pipeline: its state, its errors, its workflows, the oldest first.
func (t tester) snapshot(id string) string {
	t.Helper()
	p := t.get("/pipeline/" + id)
	list := []string{p.text("state")}
	list = append(list, messages(p)...)
	items := t.get("/pipeline/" + id + "/workflow").items()
	for i := range items {
		w := items[len(items)-1-i]
		status := w.text("status")
		if w["status"] == nil {
			status = "null"
		}
		list = append(list, strings.TrimSpace(w.text("tag")+" "+w.text("name")+"="+status))
	}
	return strings.Join(list, ", ")
}

// moment is a snapshot that holds from a time after the trigger on.
type moment struct {
	at   time.Duration
	want string // a snapshot
	fate string // as Pipelines tells it
}

// goes triggers the widget, whose next pipeline has that fate, and takes a snapshot a nanosecond before and at each moment.
func goes(t *testing.T, s sim.Scenario, run sim.Run, moments ...moment) {
	t.Helper()
	s.Default.Runs = []sim.Run{run}
	bubble(t, s, func(t tester) {
		start, id := time.Now(), t.trigger("")
		for i, m := range moments {
			if at := start.Add(m.at); i > 0 {
				time.Sleep(time.Until(at) - time.Nanosecond)
				t.equal("before "+m.at.String(), t.snapshot(id), moments[i-1].want)
				t.equal("fate before "+m.at.String(), t.sim.Pipelines()[0].Outcome, moments[i-1].fate)
				time.Sleep(time.Nanosecond)
			} else {
				time.Sleep(time.Until(at))
			}
			t.equal("at "+m.at.String(), t.snapshot(id), m.want)
			t.equal("fate at "+m.at.String(), t.sim.Pipelines()[0].Outcome, m.fate)
		}
		time.Sleep(90 * 24 * time.Hour)
		t.equal("for ever", t.snapshot(id), moments[len(moments)-1].want)
	})
}

func TestSetupWorkflow(t *testing.T) {
	t.Parallel()
	const (
		second = time.Second
		born   = second + prelude // pending for a second
	)
	began := []moment{
		{0, "setup-pending", "setup-pending"},
		{second + 35*time.Millisecond, "setup", "setup"},
		{born, "setup, setup setup=running", "setup"},
		{born + 10*second, "setup, setup setup=success", "setup"},
	}
	after := func(more ...moment) []moment { return append(began[:len(began):len(began)], more...) }
	read := born + 15*second
	tests := []struct {
		name    string
		run     sim.Run
		moments []moment
	}{
		{"continued", sim.Run{Setup: &sim.Setup{Duration: 10 * second, Delay: 5 * second}, Outcome: sim.Failed}, after(
			moment{read, "pending, setup setup=success", "pending"},
			moment{read + second, "created, setup setup=success", "pending"},
			moment{read + 1100*time.Millisecond, "created, setup setup=success, release=running", "running"},
			moment{read + 3100*time.Millisecond, "created, setup setup=success, release=failed", "failed"},
		)},
		{"invalid continuation", sim.Run{Setup: &sim.Setup{Duration: 10 * second, Delay: 5 * second}, Outcome: sim.Errored, Errors: []string{"no such job"}}, after(
			moment{read, "pending, setup setup=success", "pending"},
			moment{read + second, "errored, no such job, setup setup=success", "errored"},
		)},
		{"adds nothing", sim.Run{Setup: &sim.Setup{Duration: 10 * second, Delay: 5 * second}, Outcome: sim.None}, after(
			moment{read, "pending, setup setup=success", "pending"},
			moment{read + second, "created, setup setup=success", "none"},
		)},
		{"all filtered", sim.Run{Setup: &sim.Setup{Duration: 10 * second, Delay: 5 * second}, Workflows: []sim.Workflow{{Name: "a", Outcome: sim.None}}}, after(
			moment{read, "pending, setup setup=success", "pending"},
			moment{read + second, "created, setup setup=success", "none"},
		)},
		{"never continued", sim.Run{Setup: &sim.Setup{Duration: 10 * second, Never: true}}, began},
		{"fails", sim.Run{Setup: &sim.Setup{Duration: 10 * second, Outcome: sim.Failed}}, append(began[:3:3],
			moment{born + 10*second, "setup, setup setup=failed", "failed"},
		)},
		{"named like the continuation's", sim.Run{Setup: &sim.Setup{Name: "release", Duration: 10 * second}}, []moment{
			{born, "setup, setup release=running", "setup"},
			{born + 10*second, "pending, setup release=success", "pending"},
			{born + 11*second, "created, setup release=success", "pending"},
			{born + 11100*time.Millisecond, "created, setup release=success, release=running", "running"},
			{born + 13100*time.Millisecond, "created, setup release=success, release=success", "success"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			goes(t, sim.Scenario{Default: sim.Project{PendingFor: second}}, test.run, test.moments...)
		})
	}
}

func TestRerunOfASetupWorkflowContinues(t *testing.T) {
	t.Parallel()
	run := sim.Run{Setup: &sim.Setup{Outcome: sim.Failed}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(time.Hour)
		if err := t.sim.Rerun("widget", 1, sim.Success); err != nil {
			t.Fatal(err)
		}
		t.equal("while it runs", t.snapshot(id), "setup, setup setup=failed, setup setup=running")
		time.Sleep(time.Hour)
		t.equal("after", t.snapshot(id), "created, setup setup=failed, setup setup=success, release=success")
		t.equal("fate", t.sim.Pipelines()[0].Outcome, "success")
	})
}

func TestCancelledSetupContinuesNothing(t *testing.T) {
	t.Parallel()
	run := sim.Run{Setup: &sim.Setup{}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(prelude)
		t.call("POST", "/workflow/"+t.only(id).text("id")+"/cancel", "", 202)
		time.Sleep(time.Hour)
		t.equal("after", t.snapshot(id), "setup, setup setup=canceled")
		t.equal("fate", t.sim.Pipelines()[0].Outcome, "canceled")
		t.equal("settings", t.get(widget + "/settings")["advanced"], any(map[string]any{"autocancel_builds": false, "setup_workflows": true}))
	})
}

func TestAutomaticReruns(t *testing.T) {
	t.Parallel()
	workflow := func(a sim.AutoRerun) sim.Run {
		return sim.Run{Workflows: []sim.Workflow{{Name: "release", Outcome: sim.Failed, AutoRerun: &a}}}
	}
	const second = time.Second
	failed := moment{prelude, "created, release=running", "running"}
	tests := []struct {
		name    string
		run     sim.Run
		moments []moment
	}{
		{"at once, succeeds", workflow(sim.AutoRerun{Max: 3, Outcomes: []sim.Outcome{sim.Success}}), []moment{
			failed,
			{prelude + 2*second, "created, release=failed, release=running", "running"},
			{prelude + 4*second, "created, release=failed, release=success", "success"},
		}},
		{"later, the last failure is final", workflow(sim.AutoRerun{Max: 2, Delay: second, Outcomes: []sim.Outcome{sim.Failed, sim.Failed}}), []moment{
			failed,
			{prelude + 2*second, "created, release=failed", "rerun_due"},
			{prelude + 3*second, "created, release=failed, release=running", "running"},
			{prelude + 5*second, "created, release=failed, release=failed", "rerun_due"},
			{prelude + 6*second, "created, release=failed, release=failed, release=running", "running"},
			{prelude + 8*second, "created, release=failed, release=failed, release=failed", "failed"},
		}},
		{"due and never comes", workflow(sim.AutoRerun{Max: 1}), []moment{
			failed,
			{prelude + 2*second, "created, release=failed", "failed"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			goes(t, sim.Scenario{}, test.run, test.moments...)
		})
	}
}

func TestAutomaticRerunsAreCounted(t *testing.T) {
	t.Parallel()
	run := sim.Run{Workflows: []sim.Workflow{{
		Name: "release", Outcome: sim.Failed, AutoRerun: &sim.AutoRerun{Max: 2, Outcomes: []sim.Outcome{sim.Failed}},
	}}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(time.Minute)
		if err := t.sim.Rerun("widget", 1, sim.Success); err != nil {
			t.Fatal(err)
		}
		var got []any
		for _, w := range t.get("/pipeline/" + id + "/workflow").items() {
			got = append(got, w["auto_rerun_number"], w["max_auto_reruns"])
		}
		t.equal("numbers and limits, newest first", got, []any{nil, nil, 1.0, 2.0, 0.0, 2.0})
	})
}

func TestCancelledWorkflowIsNotRerun(t *testing.T) {
	t.Parallel()
	run := sim.Run{Workflows: []sim.Workflow{{
		Name: "release", Outcome: sim.Failed, AutoRerun: &sim.AutoRerun{Max: 1, Outcomes: []sim.Outcome{sim.Success}},
	}}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(prelude)
		t.call("POST", "/workflow/"+t.only(id).text("id")+"/cancel", "", 202)
		time.Sleep(time.Hour)
		t.equal("after", t.snapshot(id), "created, release=canceled")
	})
}

func TestDuplicateOfARerunThatIsDue(t *testing.T) {
	t.Parallel()
	run := func(outcomes ...sim.Outcome) sim.Scenario {
		w := sim.Workflow{Name: "release", Outcome: sim.Failed, AutoRerun: &sim.AutoRerun{Max: 1, Delay: time.Hour, Outcomes: outcomes}}
		return sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Workflows: []sim.Workflow{w}}}}}
	}
	for want, s := range map[int]sim.Scenario{1: run(sim.Success), 0: run()} {
		bubble(t, s, func(t tester) {
			t.trigger("")
			time.Sleep(time.Minute)
			t.trigger("")
			t.equal("duplicates", len(t.sim.Duplicates()), want)
		})
	}
}
