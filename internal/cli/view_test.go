package cli

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// telling feeds a view as the recorder of an engine does: in order, one event at a time, under its lock.
type telling struct {
	t     *testing.T
	mu    sync.Mutex
	state run.State
	seq   int64
	tell  func(run.Event, *run.State)
}

func (f *telling) event(e run.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq++
	e.Run, e.Seq, e.Time = "release/1.0.0", f.seq, time.Now()
	if err := f.state.Apply(e); err != nil {
		f.t.Error(err)
	}
	f.tell(e, &f.state)
}

func (f *telling) begin(components int) (ids []plan.StepID) {
	w := plan.Wave{}
	for i := range components {
		w.Steps = append(w.Steps, plan.Step{Component: fmt.Sprintf("component-%d", i), Version: "1.0.0"})
		ids = append(ids, plan.ID(w.Steps[i].Component, "1.0.0"))
	}
	f.event(run.Event{Type: run.Opened, Header: &run.Header{Schema: run.Schema, Kind: "release", Version: "1.0.0"}})
	f.event(run.Event{Type: run.Planned, Plan: &plan.Plan{Product: "Acme", Version: "1.0.0", Branch: "1.0.x", Waves: []plan.Wave{w}}})
	return ids
}

func (f *telling) triggered(id plan.StepID) {
	f.event(run.Event{Type: run.Intent, Steps: []plan.StepID{id}, Send: 1})
	f.event(run.Event{Type: run.Triggered, Steps: []plan.StepID{id}, Pipeline: &run.Pipeline{ID: string(id), Number: 1, URL: "https://ci/1"}})
}

// TestFollower: thousands of events from many goroutines while frames are drawn; in the end it knows what the
// engine knows. The race detector looks on.
func TestFollower(t *testing.T) {
	t.Parallel()
	var seen follower
	f := &telling{t: t, tell: seen.note}
	ids := f.begin(400)
	over, drawn := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drawn)
		for {
			report.Frame(seen.state(), report.View{Width: 80, Height: 24, Now: time.Now(), Began: time.Now()})
			select {
			case <-over:
				return
			default:
			}
		}
	}()
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			f.triggered(id)
			for _, status := range []string{"queued", "running", "on_hold", "running", "failing", "running"} {
				f.event(run.Event{Type: run.Observed, Steps: []plan.StepID{id}, Status: status, Held: status == "on_hold"})
			}
			f.event(run.Event{Type: run.Succeeded, Steps: []plan.StepID{id}})
		})
	}
	all.Wait()
	close(over)
	<-drawn
	got, want := seen.state(), &f.state
	if got.Seq != want.Seq || len(got.With(run.HasSucceeded)) != len(ids) {
		t.Errorf("it stands at event %d with %d successes, the engine at %d with %d", got.Seq, len(got.With(run.HasSucceeded)), want.Seq, len(ids))
	}
}

// TestHeartbeat: after a minute without a line what runs is told, once a minute, and not after the end.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		talk := &outlet{w: &out}
		told := func() string {
			synctest.Wait()
			talk.mu.Lock()
			defer talk.mu.Unlock()
			return out.String()
		}
		v := lineView(talk.plain(), report.NewLines(false))
		f := &telling{t: t, tell: v.Notify}
		v.Start(engine.Clock{}, func() run.Expectation { return run.Expectation{} })
		id := f.begin(1)[0]
		f.triggered(id)
		time.Sleep(50 * time.Second)
		f.event(run.Event{Type: run.Observed, Steps: []plan.StepID{id}, Status: "running"})
		time.Sleep(59 * time.Second)
		if strings.Contains(told(), "still running") {
			t.Errorf("told too early:\n%s", told())
		}
		time.Sleep(2*time.Minute + 2*time.Second)
		if n := strings.Count(told(), "still running: component-0 for "); n != 3 {
			t.Errorf("told %d times in three minutes:\n%s", n, told())
		}
		v.Close()
		v.Close()
		before := told()
		time.Sleep(5 * time.Minute)
		if told() != before {
			t.Errorf("told after the end:\n%s", told())
		}
	})
}

// TestColor: talk is coloured where somebody sees it as colour, data only on a terminal.
func TestColor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		vars      map[string]string
		terminal  bool
		talk, out bool
	}{
		{"a terminal", nil, true, true, true},
		{"a pipe", nil, false, false, false},
		{"a pipe in CircleCI", map[string]string{"CIRCLECI": "true"}, false, true, false},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1", "CIRCLECI": "true"}, true, false, false},
		{"an empty NO_COLOR", map[string]string{"NO_COLOR": ""}, true, true, true},
		{"a dumb terminal", map[string]string{"TERM": "dumb", "CIRCLECI": "true"}, true, false, false},
	} {
		env := &environment{Program: Program{Getenv: func(name string) string { return tt.vars[name] }}, outTerminal: tt.terminal, errTerminal: tt.terminal}
		if talk, out := env.color(), env.outColor(); talk != tt.talk || out != tt.out {
			t.Errorf("%s: stderr %v, stdout %v, want %v, %v", tt.name, talk, out, tt.talk, tt.out)
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	env := &environment{Program: Program{Args: []string{"release", "--next", "it's $HOME", "--only=a,b", ""}}}
	if got, want := env.commandLine(), "`gio release --next 'it'\\''s $HOME' --only=a,b ''`"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	address := "https://robot:s3cr3t@git.example/release.git"
	env = &environment{repo: address, Program: Program{Args: []string{"release", "--repo=" + address, "--branch", "3.9.x"}}}
	if got, want := env.commandLine(), "`gio release --repo=https://git.example/release.git --branch 3.9.x`"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
