package circleci

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var allStatuses = []Status{
	StatusSuccess, StatusFailed, StatusError, StatusCanceled, StatusUnauthorized, StatusNotRun,
	StatusFailing, StatusOnHold, StatusRunning, StatusQueued, "", "errored",
}

var allStates = []PipelineState{PipelineCreated, PipelineErrored, PipelineSetupPending, PipelineSetup, PipelinePending, "", "new"}

func second(n int) time.Time { return time.Date(2022, 3, 1, 10, 0, n, 0, time.UTC) }

func wf(name string, s Status, created int) Workflow {
	return Workflow{ID: name + "-" + string(s), Name: name, Status: s, CreatedAt: second(created)}
}

func setupWF(s Status, created int) Workflow {
	w := wf("setup", s, created)
	w.Setup = true
	return w
}

func withReruns(w Workflow, n, limit int) Workflow {
	w.AutoReruns, w.MaxAutoReruns = n, limit
	return w
}

// One case for each row of Judge's table and for each trap of contracts/circleci.md 2.
func TestJudge(t *testing.T) {
	t.Parallel()
	created := Pipeline{State: PipelineCreated}
	broken := Pipeline{State: PipelineErrored, Errors: []PipelineError{{"config", "last line"}, {"", "ERROR IN CONFIG FILE:"}}}
	untimed := wf("a", StatusFailed, 0)
	untimed.CreatedAt = time.Time{}
	tests := []struct {
		name     string
		pipeline Pipeline
		ws       []Workflow
		want     State
		decider  string // id
		due      bool
		says     []string
	}{
		{"nothing yet", Pipeline{State: PipelinePending}, nil, Waiting, "", false, []string{"no workflow yet"}},
		{"nothing yet, created", created, []Workflow{}, Waiting, "", false, []string{"no workflow yet"}},
		{"success", created, []Workflow{wf("a", StatusSuccess, 1)}, Succeeded, "a-success", false, []string{"succeeded (a)"}},
		{"two", created, []Workflow{wf("a", StatusSuccess, 1), wf("b", StatusSuccess, 1)}, Succeeded, "b-success", false, []string{"(a, b)"}},
		{"one of two", created, []Workflow{wf("a", StatusSuccess, 1), wf("b", StatusRunning, 1)}, Running, "b-running", false, []string{"b is running"}},
		{"still pending", Pipeline{State: PipelinePending}, []Workflow{wf("a", StatusSuccess, 1)}, Waiting, "a-success", false, []string{`"pending"`}},
		{"unknown state", Pipeline{State: "new"}, []Workflow{wf("a", StatusSuccess, 1)}, Waiting, "a-success", false, []string{`"new"`}},

		{"errored", broken, nil, Failed, "", false, []string{"config: last line", "ERROR IN CONFIG FILE:"}},
		{"errored without a word", Pipeline{State: PipelineErrored}, nil, Failed, "", false, []string{"does not say why"}},
		{"errored with pseudo workflow", broken, []Workflow{wf("Build Error", "errored", 1)}, Failed, "", false, []string{"last line"}},
		{"errored beside green", broken, []Workflow{wf("a", StatusSuccess, 1)}, Failed, "", false, nil},
		{"errors after green setup", Pipeline{State: PipelineCreated, Errors: broken.Errors}, []Workflow{setupWF(StatusSuccess, 1)}, Failed, "", false, []string{"last line"}},
		{"errors while running", Pipeline{State: PipelineSetup, Errors: broken.Errors}, []Workflow{wf("a", StatusRunning, 1)}, Failed, "", false, nil},

		{"setup runs", Pipeline{State: PipelineSetup}, []Workflow{setupWF(StatusRunning, 1)}, Running, "setup-running", false, nil},
		{"setup alone", Pipeline{State: PipelineSetup}, []Workflow{setupWF(StatusSuccess, 1)}, Waiting, "setup-success", false, []string{"only the setup workflow"}},
		{"setup alone, created", created, []Workflow{setupWF(StatusSuccess, 1)}, Waiting, "setup-success", false, []string{"only the setup workflow"}},
		{"setup failed", Pipeline{State: PipelineSetup}, []Workflow{setupWF(StatusFailed, 1)}, Failed, "setup-failed", false, []string{"setup failed"}},
		{"setup and continuation", created, []Workflow{setupWF(StatusSuccess, 1), wf("a", StatusSuccess, 2)}, Succeeded, "a-success", false, nil},
		{"setup and workflow of one name", created, []Workflow{setupWF(StatusFailed, 1), wf("setup", StatusSuccess, 2)}, Failed, "setup-failed", false, nil},
		{"setup again", created, []Workflow{setupWF(StatusFailed, 1), setupWF(StatusSuccess, 2), wf("a", StatusSuccess, 3)}, Succeeded, "a-success", false, nil},

		{"re-run runs", created, []Workflow{wf("a", StatusFailed, 1), wf("a", StatusRunning, 2)}, Running, "a-running", false, nil},
		{"re-run green", created, []Workflow{wf("a", StatusSuccess, 2), wf("a", StatusFailed, 1)}, Succeeded, "a-success", false, nil},
		{"re-run red", created, []Workflow{wf("a", StatusSuccess, 1), wf("a", StatusFailed, 2)}, Failed, "a-failed", false, nil},
		{"re-run in the same second", created, []Workflow{wf("a", StatusSuccess, 1), wf("a", StatusRunning, 1)}, Running, "a-running", false, nil},
		{"re-run in the same second, red and green", created, []Workflow{wf("a", StatusFailed, 1), wf("a", StatusSuccess, 1)}, Failed, "a-failed", false, nil},
		{"re-run in the same second, held", created, []Workflow{wf("a", StatusFailed, 1), wf("a", StatusOnHold, 1)}, OnHold, "a-on_hold", false, nil},
		{"time missing", created, []Workflow{wf("a", StatusSuccess, 1), untimed}, Failed, "a-failed", false, nil},

		{"automatic re-run due", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 0, 2)}, Running, "a-failed", true, []string{"again (re-run 1 of 2)"}},
		{"automatic re-run due, others run", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 1, 2), wf("b", StatusRunning, 1)}, Running, "b-running", false, nil},
		{"automatic re-run due, one held", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 1, 2), wf("b", StatusOnHold, 1)}, Running, "a-failed", true, nil},
		{"automatic re-runs used up", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 2, 2)}, Failed, "a-failed", false, nil},
		{"automatic re-run came", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 0, 1), withReruns(wf("a", StatusSuccess, 2), 1, 1)}, Succeeded, "a-success", false, nil},
		{"automatic re-run in the same second", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 0, 2), withReruns(wf("a", StatusSuccess, 1), 1, 2)}, Succeeded, "a-success", false, nil},
		{"automatic re-run in the same second, the last one failed", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 2, 2), withReruns(wf("a", StatusFailed, 1), 1, 2)}, Failed, "a-failed", false, nil},
		{"re-run by hand in the second of an automatic one", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 2, 2), wf("a", StatusRunning, 1)}, Running, "a-running", false, nil},
		{"automatic re-run of another one in the same second", created, []Workflow{withReruns(wf("a", StatusFailed, 1), 0, 2), withReruns(wf("b", StatusSuccess, 1), 1, 2)}, Running, "a-failed", true, nil},
		{"no automatic re-run of a cancelled one", created, []Workflow{withReruns(wf("a", StatusCanceled, 1), 0, 2)}, Failed, "a-canceled", false, nil},

		{"failing runs", created, []Workflow{wf("a", StatusFailing, 1)}, Running, "a-failing", false, []string{"others still run"}},
		{"queued runs", created, []Workflow{wf("a", StatusQueued, 1)}, Running, "a-queued", false, nil},
		{"no status runs", created, []Workflow{wf("a", "", 1)}, Running, "a-", false, []string{`status ""`}},
		{"unknown status runs", created, []Workflow{wf("a", "dreaming", 1)}, Running, "a-dreaming", false, []string{`status "dreaming"`}},
		{"held", created, []Workflow{wf("a", StatusOnHold, 1), wf("b", StatusSuccess, 1)}, OnHold, "a-on_hold", false, []string{"waits for an approval"}},
		{"held beside running", created, []Workflow{wf("a", StatusOnHold, 1), wf("b", StatusRunning, 1)}, Running, "b-running", false, nil},
		{"held beside failed", created, []Workflow{wf("a", StatusOnHold, 1), wf("b", StatusFailed, 1)}, OnHold, "a-on_hold", false, []string{"; workflow b failed"}},
		{"not run", created, []Workflow{wf("a", StatusNotRun, 1)}, Failed, "a-not_run", false, []string{"was not run"}},
		{"not run beside green", created, []Workflow{wf("a", StatusSuccess, 1), wf("b", StatusNotRun, 1)}, Failed, "b-not_run", false, nil},
		{"error", created, []Workflow{wf("a", StatusError, 1)}, Failed, "a-error", false, []string{"error of CircleCI"}},
		{"unauthorized", created, []Workflow{wf("a", StatusUnauthorized, 1)}, Failed, "a-unauthorized", false, []string{"restricted context"}},
		{"all failures are told", created, []Workflow{wf("a", StatusFailed, 1), wf("b", StatusCanceled, 2)}, Failed, "b-canceled", false, []string{"b was cancelled", "a failed"}},
		{"failed while others run", created, []Workflow{wf("a", StatusFailed, 1), wf("b", StatusRunning, 2)}, Running, "b-running", false, []string{"a failed"}},
		{"failed before the state says created", Pipeline{State: PipelinePending}, []Workflow{wf("a", StatusFailed, 1)}, Failed, "a-failed", false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := slices.Clone(tt.ws)
			for range 2 { // the order of the list means nothing
				v := Judge(tt.pipeline, ws)
				if v.State != tt.want || v.Workflow.ID != tt.decider || v.RerunDue != tt.due || v.Reason == "" {
					t.Errorf("%+v, want %s by %q", v, tt.want, tt.decider)
				}
				for _, want := range tt.says {
					if !strings.Contains(v.Reason, want) {
						t.Errorf("%q does not tell %q", v.Reason, want)
					}
				}
				slices.Reverse(ws)
			}
		})
	}
}

// restated says the rule of design.md (promise 3) and contracts/circleci.md 2 once more, in other words.
func restated(p Pipeline, ws []Workflow) (State, bool) {
	count := map[State]int{}
	due, released := false, false
	for _, w := range ws {
		if slices.ContainsFunc(ws, func(o Workflow) bool {
			sameSecond := o.CreatedAt.Equal(w.CreatedAt) && min(o.MaxAutoReruns, w.MaxAutoReruns) > 0
			return o.Name == w.Name && o.Setup == w.Setup && !w.CreatedAt.IsZero() &&
				(o.CreatedAt.After(w.CreatedAt) || sameSecond && o.AutoReruns > w.AutoReruns)
		}) {
			continue
		}
		released = released || !w.Setup
		switch w.Status {
		case "success":
			count[Succeeded]++
		case "on_hold":
			count[OnHold]++
		case "failed":
			if w.MaxAutoReruns > w.AutoReruns {
				due = true
				continue
			}
			count[Failed]++
		case "error", "canceled", "unauthorized", "not_run":
			count[Failed]++
		default:
			count[Running]++
		}
	}
	switch {
	case p.State == "errored" || len(p.Errors) != 0:
		return Failed, false
	case count[Running] > 0:
		return Running, false
	case due:
		return Running, true
	case count[OnHold] > 0:
		return OnHold, false
	case count[Failed] > 0:
		return Failed, false
	case count[Succeeded] > 0 && released && p.State == "created":
		return Succeeded, false
	}
	return Waiting, false
}

func compare(t *testing.T, p Pipeline, ws []Workflow) {
	t.Helper()
	before := slices.Clone(ws)
	v := Judge(p, ws)
	if want, due := restated(p, ws); v.State != want || v.RerunDue != due {
		t.Fatalf("Judge(%+v, %+v) = %+v, want %s, re-run due %t", p, ws, v, want, due)
	}
	if !slices.Equal(before, ws) {
		t.Fatal("Judge changed its argument")
	}
}

// Every state, with every pair of workflows in every status, order, kind and name, and with every triple of one name.
func TestJudgeExhaustively(t *testing.T) {
	t.Parallel()
	var one, all []Workflow
	for _, s := range allStatuses {
		for _, created := range []int{0, 1, 2} {
			w := wf("a", s, created)
			if created == 0 {
				w.CreatedAt = time.Time{}
			}
			variants := []Workflow{w}
			if s == StatusFailed || s == StatusCanceled {
				variants = append(variants, withReruns(w, 0, 1))
			}
			if s == StatusFailed || s == StatusSuccess {
				variants = append(variants, withReruns(w, 1, 2))
			}
			one = append(one, variants...)
			for _, v := range variants {
				setup, other := v, v
				setup.Setup, other.Name = true, "b"
				all = append(all, v, setup, other)
			}
		}
	}
	for _, state := range allStates {
		for _, errs := range [][]PipelineError{nil, {{"config", "broken"}}} {
			p := Pipeline{State: state, Errors: errs}
			compare(t, p, nil)
			for _, v := range all {
				for _, w := range all {
					compare(t, p, []Workflow{v, w})
				}
			}
		}
	}
	for _, u := range one {
		for _, v := range one {
			for _, w := range one {
				compare(t, Pipeline{State: PipelineCreated}, []Workflow{u, v, w})
			}
		}
	}
}

// Four bytes make a workflow: status, name and kind, time, re-runs.
func FuzzJudge(f *testing.F) {
	f.Add(uint8(0), false, []byte{0, 0, 1, 0})
	f.Add(uint8(0), false, []byte{1, 0, 1, 9, 0, 1, 2, 0})
	f.Add(uint8(3), true, []byte{0, 4, 0, 0, 7, 1, 1, 0})
	f.Fuzz(func(t *testing.T, state uint8, broken bool, data []byte) {
		p := Pipeline{State: allStates[int(state)%len(allStates)]}
		if broken {
			p.Errors = []PipelineError{{"other", ""}}
		}
		var ws []Workflow
		for ; len(data) >= 4 && len(ws) < 12; data = data[4:] {
			w := wf([]string{"a", "b", "", "setup"}[data[1]%4], allStatuses[int(data[0])%len(allStatuses)], int(data[2]%4))
			w.Setup = data[1]&4 != 0
			if data[2]%4 == 0 {
				w.CreatedAt = time.Time{}
			}
			ws = append(ws, withReruns(w, int(data[3]&3), int(data[3]>>2&3)))
		}
		compare(t, p, ws)
		if len(ws) == 0 {
			return
		}
		v := Judge(p, ws)
		slices.Reverse(ws)
		if r := Judge(p, ws); r.State != v.State || r.Reason == "" || r.Reason != v.Reason && len(ws) == 1 {
			t.Fatalf("%+v in reverse is %+v", v, r)
		}
	})
}
