package rehearse

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// sent is what a dry run shows.
type sent struct {
	requests []string
	pushed   [][]gitrepo.Update
}

func (s *sent) shown() Observer {
	return Observer{
		Request: func(method, url string, body []byte) {
			s.requests = append(s.requests, method+" "+url+" "+string(body))
		},
		Push: func(_ *gitrepo.Repo, updates []gitrepo.Update) { s.pushed = append(s.pushed, updates) },
	}
}

// TestDryEndsAlone: without a remote and without a token the checkout's release.json and the simulator stand for everything,
// which is said, as is what is assumed.
func TestDryEndsAlone(t *testing.T) {
	t.Parallel()
	s, f := alone(walked, map[string]string{"CIRCLE_HOST": "https://ci.example"})
	seen := &sent{}
	with, ends, err := DryEnds(t.Context(), s, true, seen.shown())
	if err != nil {
		t.Fatal(err)
	}
	defer ends.Close()
	if !ends.Dry.Imagined || ends.Dry.Online || with.Branch.Value != "3.9.x" || s.Branch.Value != "" || ends.Repo.DefaultBranch() != "master" || ends.CI.Host() != "https://ci.example" {
		t.Errorf("%+v, branch %q", ends.Dry, with.Branch.Value)
	}
	for _, want := range []string{
		"the release repository could not be read, the checkout's release.json stands for it: release.json is in no checkout with a remote",
		"warning: without a checkout and without --branch the release branch is not known: assuming 3.9.x",
		"CircleCI is not asked, the simulator stands for all of it: there is no CircleCI token",
	} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("not told: %q, but\n%s", want, f.text())
		}
	}
	if events, err := journalOf(t.Context(), ends); err != nil || len(events) > 0 {
		t.Errorf("the journal begins with %v, %v", events, err)
	}
	made, err := ends.CI.Trigger(t.Context(), circleci.TriggerRequest{Project: "gh/acme/api", Branch: "1.25.x"})
	if err != nil || len(seen.requests) != 1 || !strings.HasPrefix(seen.requests[0], "POST https://ci.example/api/v2/project/gh/acme/api/pipeline ") {
		t.Errorf("%+v, %v, shown %q", made, err, seen.requests)
	}
	if p, err := ends.CI.Project(t.Context(), "gh/acme/api"); err != nil || p.DefaultBranch != "master" {
		t.Errorf("%+v, %v", p, err)
	}
	if err := ends.Repo.Push(t.Context(), []gitrepo.Update{{Ref: "refs/tags/x", New: ends.Repo.Head()}}); err != nil || len(seen.pushed) != 1 {
		t.Errorf("%v, shown %v", err, seen.pushed)
	}
	if speed := ends.Dry.Clock.Since(ends.Dry.Clock.Now().Add(-time.Minute)); speed < time.Minute {
		t.Errorf("the clock: %s", speed)
	}
}

func journalOf(ctx context.Context, ends operate.Ends) ([]run.Event, error) {
	_, events, err := ends.Dry.OpenJournal(ctx, run.Header{Schema: run.Schema, Kind: run.Release, Manifest: "release.json", Version: "3.9.4", Host: ends.CI.Host(), Branch: "3.9.x"})
	return events, err
}

// TestDryEndsElsewhere: outside of a release repository there is none to be imagined.
func TestDryEndsElsewhere(t *testing.T) {
	t.Parallel()
	s, f := alone("", nil)
	s.Tell, s.Warn = nil, nil // nobody follows
	_, ends, err := DryEnds(t.Context(), s, false, (&sent{}).shown())
	if err != nil || ends.Repo != nil || ends.Dry.Imagined || f.text() != "" || ends.CI.Host() != "https://circleci.com" {
		t.Errorf("%+v, %v, %q", ends, err, f.text())
	}
	ends.Close()
}

// TestDryEndsOnline: where CircleCI answers, it is read, and nothing is sent to it. The remote is read, and nothing pushed.
func TestDryEndsOnline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, walked, sim.Scenario{})
	unwritten := w.unwritten()
	s, f := w.setup(nil)
	seen := &sent{}
	_, ends, err := DryEnds(t.Context(), s, true, seen.shown())
	if err != nil {
		t.Fatal(err)
	}
	defer ends.Close()
	if ends.Dry.Imagined || !ends.Dry.Online || f.text() != "" {
		t.Errorf("%+v, told %q", ends.Dry, f.text())
	}
	before := len(w.sim.Requests())
	made, err := ends.CI.Trigger(t.Context(), circleci.TriggerRequest{Project: "gh/acme/api", Branch: "1.25.x"})
	if err != nil || len(seen.requests) != 1 || len(w.sim.Pipelines()) > 0 {
		t.Errorf("%+v, %v, shown %q", made, err, seen.requests)
	}
	if _, err := ends.CI.Pipeline(t.Context(), made.ID); err != nil || len(w.sim.Requests()) != before {
		t.Errorf("what the simulator made is asked of CircleCI: %v", err)
	}
	if _, err := ends.CI.Project(t.Context(), "gh/acme/api"); err != nil || len(w.sim.Requests()) != before+1 {
		t.Errorf("CircleCI is not read: %v", err)
	}
	if err := ends.Repo.Push(t.Context(), []gitrepo.Update{{Ref: "refs/tags/x", New: ends.Repo.Head()}}); err != nil || len(seen.pushed) != 1 {
		t.Errorf("%v, shown %v", err, seen.pushed)
	}
	unwritten()
}

// TestDryEndsRefused: what a real run could not begin with either is refused; what only cannot be reached is imagined.
func TestDryEndsRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		env      map[string]string
		edit     func(*operate.Setup)
		code     string
		imagined bool
		told     string
	}{
		{"a wrong token", map[string]string{"CIRCLE_TOKEN": "wrong"}, nil, "circleci-unauthorized", false, ""},
		{"an address with a password", map[string]string{"CIRCLE_HOST": "https://me:secret@ci.example"}, nil, "circleci-host", false, ""},
		{"no such branch", nil, func(s *operate.Setup) { s.Branch.Value = "4.0.x" }, "branch-missing", false, ""},
		{"CircleCI does not answer", map[string]string{"CIRCLE_HOST": "http://127.0.0.1:1"}, nil, "", false, "CircleCI is not asked, the simulator stands for all of it: "},
		{"the remote does not answer", nil, func(s *operate.Setup) { s.Checkout.RemoteURL = "http://127.0.0.1:1/acme/release" }, "", true, "the release repository could not be read, the checkout's release.json stands for it: "},
		{"nor is release.json good", nil, func(s *operate.Setup) {
			s.Git = false
			s.Workspace = s.WithManifest([]byte("{"))
		}, "manifest-syntax", false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, walked, sim.Scenario{Tokens: []string{"any"}})
			s, f := w.setup(test.env)
			if test.edit != nil {
				test.edit(&s)
			}
			_, ends, err := DryEnds(t.Context(), s, true, (&sent{}).shown())
			if fault.CodeOf(err) != test.code {
				t.Fatalf("%v", err)
			}
			if err != nil {
				return
			}
			defer ends.Close()
			if ends.Dry.Imagined != test.imagined || ends.Dry.Online == strings.HasPrefix(test.told, "CircleCI") || !strings.Contains(f.text(), test.told) {
				t.Errorf("%+v, told %q", ends.Dry, f.text())
			}
			for _, sentence := range f.said {
				if strings.Contains(sentence, "\n") {
					t.Errorf("told in several lines: %q", sentence)
				}
			}
		})
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".secrets.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := alone("", nil)
	s.Workspace = workspace.OpenDirectory(workspace.Options{Dir: dir, File: "release.json", Getenv: func(string) string { return "" }}, "x")
	if _, _, err := DryEnds(t.Context(), s, false, (&sent{}).shown()); !fault.Is(err, "secrets-file") {
		t.Errorf("a broken file: %v", err)
	}
}

// TestDryJournal: a dry run's journal begins with the facts of the real one. What runs, or may run, is said and taken to end
// well; what has failed is not.
func TestDryJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, walked, sim.Scenario{Default: sim.Project{Duration: time.Hour, WorkflowDelay: time.Millisecond}})
	p, err := w.sim.Trigger("gh/acme/ui", "master", "release-bot", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.later.Store(int64(time.Second))
	lost := run.Event{Type: run.Intent, Steps: []plan.StepID{plan.ID("api", "1.25.1")}, Send: 1}
	running := ran("ui", "2.0.1", p.ID, 0, "")[:2]
	failed := ran("old", "1.0.0", "gone", time.Minute, run.Failed)
	w.past("3.9.4", planned("api 1.25.1", "ui 2.0.1", "old 1.0.0"), append(append([]run.Event{lost}, running...), failed...)...)
	s, f := w.setup(nil)
	_, ends, err := DryEnds(t.Context(), s, true, (&sent{}).shown())
	if err != nil {
		t.Fatal(err)
	}
	defer ends.Close()
	events, err := journalOf(t.Context(), ends)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Check(events); err != nil {
		t.Error(err)
	}
	state, err := run.Fold(events)
	if err != nil || statuses(state) != "api succeeded, ui succeeded, old failed" {
		t.Errorf("%v, %v", statuses(state), err)
	}
	for _, want := range []string{
		"api@1.25.1 may run already, its answer was lost: gio would look it up; here it is assumed to succeed",
		"ui@2.0.1 runs already (",
	} {
		if strings.Count(f.text(), want) != 1 {
			t.Errorf("not told once: %q, but\n%s", want, f.text())
		}
	}
}

// TestStillRuns: what an earlier run left runs while CircleCI says so; where CircleCI is not asked, or does not know it, what
// ran then is taken to run.
func TestStillRuns(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := sim.New(sim.Scenario{
		Now: func() time.Time { return now }, Default: sim.Project{Duration: time.Minute, WorkflowDelay: time.Millisecond},
		Projects: map[string]sim.Project{"gh/acme/held": {Runs: []sim.Run{{Outcome: sim.Held}}}},
	})
	defer s.Close()
	ci := circleci.New(circleci.Options{Host: sim.URL, Token: "any", HTTP: &http.Client{Transport: s.Transport()}})
	trigger := func(project string) string {
		t.Helper()
		made, err := ci.Trigger(t.Context(), circleci.TriggerRequest{Project: project, Branch: "main"})
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	over := trigger("gh/acme/over")
	held := trigger("gh/acme/held")
	now = now.Add(time.Hour)
	running := trigger("gh/acme/running")
	now = now.Add(time.Second)
	waiting := trigger("gh/acme/waiting") // without a workflow so far
	const unknown = "11111111-1111-4111-8111-111111111111"
	for _, test := range []struct {
		status          run.Status
		pipeline        string
		online, offline bool
	}{
		{run.Pending, "", false, false},
		{run.HasSucceeded, running, false, false},
		{run.IsUnknown, running, false, false},
		{run.Running, running, true, true},
		{run.OnHold, running, true, true},
		{run.Running, held, true, true},
		{run.Running, waiting, true, true},
		{run.Running, over, false, true},
		{run.Running, unknown, true, true},
		{run.HasFailed, running, true, false},
		{run.HasFailed, held, true, false},
		{run.HasFailed, waiting, false, false},
		{run.HasFailed, over, false, false},
		{run.HasFailed, unknown, false, false},
		{run.HasFailed, "", false, false},
	} {
		st := run.Step{Status: test.status, Pipeline: run.Pipeline{ID: test.pipeline}}
		for _, online := range []bool{true, false} {
			want := test.offline
			if online {
				want = test.online
			}
			if got := (&dry{ci: ci, online: online}).stillRuns(t.Context(), st); got != want {
				t.Errorf("%s, pipeline %q, online %t: %t, want %t", test.status, test.pipeline, online, got, want)
			}
		}
	}
}
