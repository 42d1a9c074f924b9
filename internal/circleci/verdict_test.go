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

func timeless(w Workflow) Workflow {
	w.CreatedAt = time.Time{}
	return w
}

// One case for each row of Judge's table and for each trap of contracts/circleci.md 2.
func TestJudge(t *testing.T) {
	t.Parallel()
	created := Pipeline{State: PipelineCreated}
	broken := Pipeline{State: PipelineErrored, Errors: []PipelineError{{"config", "last line"}, {"", "ERROR IN CONFIG FILE:"}}}
	untimed := timeless(wf("a", StatusFailed, 0))
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
		{"setup re-run alone after a green release, red", created, []Workflow{setupWF(StatusSuccess, 1), wf("a", StatusSuccess, 2), setupWF(StatusFailed, 9)}, Succeeded, "a-success", false, []string{"succeeded ("}},
		{"setup re-run alone after a green release, running", created, []Workflow{setupWF(StatusSuccess, 1), wf("a", StatusSuccess, 2), setupWF(StatusRunning, 9)}, Succeeded, "a-success", false, nil},
		{"setup re-run alone after a red release", created, []Workflow{setupWF(StatusSuccess, 1), wf("a", StatusFailed, 2), setupWF(StatusSuccess, 9)}, Failed, "a-failed", false, []string{"a failed"}},
		{"setup re-run alone, then release re-run from failed", created, []Workflow{setupWF(StatusSuccess, 1), wf("a", StatusFailed, 2), setupWF(StatusFailed, 9), wf("a", StatusSuccess, 9)}, Succeeded, "a-success", false, nil},
		{"setup in the second of its continuation", created, []Workflow{setupWF(StatusFailed, 2), wf("a", StatusSuccess, 2)}, Failed, "setup-failed", false, nil},
		{"setup re-run, nobody says when it was continued", created, []Workflow{setupWF(StatusFailed, 2), timeless(wf("a", StatusSuccess, 1))}, Failed, "setup-failed", false, nil},
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

// What a verdict says beside its state.
func TestJudgeBesideTheState(t *testing.T) {
	t.Parallel()
	ran := func(w Workflow, until int) Workflow {
		w.StoppedAt = second(until)
		return w
	}
	type said struct {
		names, failing, lost string
		others, unknown      bool
		lasted               time.Duration
	}
	for name, tt := range map[string]struct {
		ws   []Workflow
		want said
	}{
		"nothing":                     {nil, said{}},
		"green":                       {[]Workflow{setupWF(StatusSuccess, 1), ran(wf("a", StatusSuccess, 2), 9)}, said{names: "a", lasted: 7 * time.Second}},
		"two names":                   {[]Workflow{ran(wf("a", StatusSuccess, 2), 9), ran(wf("b", StatusSuccess, 18), 20)}, said{names: "a b", lasted: 2 * time.Second}},
		"re-run":                      {[]Workflow{ran(wf("a", StatusFailed, 2), 9), ran(wf("a", StatusSuccess, 40), 41)}, said{names: "a", lasted: 39 * time.Second}},
		"no end":                      {[]Workflow{ran(wf("a", StatusSuccess, 2), 9), wf("b", StatusSuccess, 2)}, said{names: "a b"}},
		"backwards":                   {[]Workflow{ran(wf("a", StatusSuccess, 9), 2)}, said{names: "a"}},
		"errored":                     {[]Workflow{wf("Build Error", "errored", 1)}, said{names: "Build Error", others: true, unknown: true}},
		"null":                        {[]Workflow{wf("a", "", 1), wf("b", StatusRunning, 9)}, said{names: "a b", others: true, unknown: true}},
		"failing":                     {[]Workflow{wf("a", StatusFailing, 1)}, said{names: "a", failing: "a", lost: "a"}},
		"failing beside":              {[]Workflow{wf("a", StatusFailing, 1), wf("b", StatusRunning, 1)}, said{names: "a b", failing: "a", lost: "a", others: true}},
		"failing, re-run by CircleCI": {[]Workflow{withReruns(wf("a", StatusFailing, 1), 0, 1)}, said{names: "a", failing: "a"}},
		"failing, used up":            {[]Workflow{withReruns(wf("a", StatusFailing, 1), 1, 1)}, said{names: "a", failing: "a", lost: "a"}},
		"failed beside a hold":        {[]Workflow{wf("a", StatusOnHold, 1), wf("b", StatusFailed, 1)}, said{names: "a b", lost: "b"}},
		"failed, re-run by CircleCI":  {[]Workflow{withReruns(wf("a", StatusFailed, 1), 0, 1)}, said{names: "a", others: true}},
		"failed, re-run by hand":      {[]Workflow{wf("a", StatusFailed, 1), wf("a", StatusRunning, 2)}, said{names: "a", others: true}},
	} {
		for range 2 { // the order of the list means nothing
			v := Judge(Pipeline{State: PipelineCreated}, tt.ws)
			slices.Sort(v.Names)
			got := said{strings.Join(v.Names, " "), names(v.Failing), v.Lost.Name, v.OthersRun, v.Unknown, v.Lasted}
			if got != tt.want || v.IsLost() != (tt.want.lost != "") {
				t.Errorf("%s: %+v, want %+v", name, got, tt.want)
			}
			slices.Reverse(tt.ws)
		}
	}
}

func TestOnlyApprovalsLeft(t *testing.T) {
	t.Parallel()
	job := func(status string, needs ...string) Job {
		return Job{ID: status, Type: "build", Status: status, Dependencies: needs}
	}
	hold := func(status string) Job {
		return Job{ID: "hold", Type: "approval", Status: status, Dependencies: []string{"success"}}
	}
	for name, tt := range map[string]struct {
		jobs []Job
		want bool
	}{
		"none":                                  {nil, false},
		"a job failed, an approval waits":       {[]Job{job("success"), job("failed"), hold("on_hold"), job("blocked", "hold")}, true},
		"what is blocked waits for what failed": {[]Job{job("failed"), hold("on_hold"), job("blocked", "failed")}, true},
		"one still runs":                        {[]Job{job("failed"), hold("on_hold"), job("running")}, false},
		"one is queued":                         {[]Job{job("failed"), hold("on_hold"), job("queued")}, false},
		"one is about to begin":                 {[]Job{job("success"), job("failed"), hold("on_hold"), job("blocked", "success")}, false},
		"an unknown word":                       {[]Job{job("failed"), hold("on_hold"), job("dreaming")}, false},
		"approved":                              {[]Job{job("success"), job("failed"), hold("success")}, false},
		"all over":                              {[]Job{job("failed"), job("canceled"), job("not_run")}, false},
		"a job of another type on hold":         {[]Job{job("failed"), job("on_hold")}, false},
	} {
		if got := OnlyApprovalsLeft(tt.jobs); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// restated implements the rule of design.md (promise 3) and contracts/circleci.md 2 a second time, in another way.
func restated(p Pipeline, ws []Workflow) (State, bool) {
	count := map[State]int{}
	due, released := false, false
	ws = slices.DeleteFunc(slices.Clone(ws), func(w Workflow) bool {
		return w.Setup && slices.ContainsFunc(ws, func(o Workflow) bool { return !o.Setup && !o.CreatedAt.IsZero() && o.CreatedAt.Before(w.CreatedAt) })
	})
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
