package check

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// guarded is a question that was answered, and the guard for what may happen since.
type guarded struct {
	t   *testing.T
	sim *sim.Sim
	q   Question
	Guard
}

func (w *world) guarded(t *testing.T) guarded {
	t.Helper()
	s, q := w.open(t)
	r, err := Run(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return guarded{t, s, q, NewGuard(q, r)}
}

// ready asks the guard about components, and tells whether it asked GitHub about them.
func (g guarded) ready(components ...string) (asked bool, err error) {
	var steps []plan.Step
	for _, st := range g.q.Plan.Steps() {
		for _, name := range components {
			if st.Component == name {
				steps = append(steps, st)
			}
		}
	}
	before := len(g.sim.Requests())
	err = g.Ready(g.t.Context(), steps)
	return len(g.sim.Requests()) > before, err
}

// TestFresh: what the check has seen of the first wave holds for 15 seconds, of the others not at all.
func TestFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := ready().guarded(t)
		defer g.sim.Close()
		expect := func(when string, want bool, components ...string) {
			t.Helper()
			if asked, err := g.ready(components...); asked != want || err != nil {
				t.Errorf("%s, %v: asked %v, %v", when, components, asked, err)
			}
		}
		expect("at once", false, "api")
		expect("at once", false, "api", "definition")
		expect("at once", true, "gateway")
		expect("at once", true, "api", "gateway")
		time.Sleep(freshFor - time.Nanosecond)
		expect("within 15 s", false, "api")
		expect("within 15 s", true, "gateway")
		time.Sleep(time.Nanosecond)
		expect("after 15 s", true, "api")
		if freshFor != 15*time.Second {
			t.Errorf("it is fresh for %v", freshFor)
		}
	})
}

// TestFreshOfResumed: the first wave is the first of which something is still to be triggered; what was not checked is asked.
func TestFreshOfResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := ready()
		w.state = append(attempt(api, "p1", run.Event{Type: run.Succeeded}), attempt(definition, "p2", run.Event{Type: run.Succeeded})...)
		g := w.guarded(t)
		defer g.sim.Close()
		if asked, err := g.ready("gateway"); asked || err != nil {
			t.Errorf("gateway: asked %v, %v", asked, err)
		}
		if asked, err := g.ready("api"); !asked || err != nil {
			t.Errorf("api: asked %v, %v", asked, err)
		}
	})
}

// TestReady: a tag that has come, or a version that has changed, since the check keeps a step from being triggered.
func TestReady(t *testing.T) {
	t.Parallel()
	commit := func(branch, tag string, files map[string]string) func(*sim.Sim) error {
		return func(s *sim.Sim) error { return s.Commit("acme/gateway", branch, "work", tag, files) }
	}
	pom := func(version string) map[string]string {
		return map[string]string{"pom.xml": "<project><version>" + version + "</version></project>"}
	}
	hubFails := func(path string, status int) func(*world) {
		return func(w *world) { // but not while the check looks
			w.GitHub.Faults = []sim.Fault{{Match: sim.Match{Path: path}, Kind: sim.Answer, Status: status, Nth: 2, Times: -1, Body: `{"message":"a bad day"}`}}
		}
	}
	skips := func(code string, more func(*world)) func(*world) {
		return func(w *world) {
			more(w)
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { q.Skip = []string{code} }
		}
	}
	nothing := func(*world) {}
	for _, tt := range []struct {
		name      string
		plant     func(*world)
		meanwhile func(*sim.Sim) error
		code      string
		kind      fault.Kind
		says      string // of the fault and its first hint
	}{
		{"nothing has changed", nothing, commit("3.9.x", "", nil), "", 0, ""},
		{"a tag has come", nothing, commit("3.9.x", "3.9.4", nil), TagExists, fault.Invalid, "the tag 3.9.4 exists already: gateway 3.9.4 is released: mark it as released: `gio prepare gateway=3.9.4`"},
		{"a tag with a v has come", nothing, commit("master", "v3.9.4", nil), TagExists, fault.Invalid, "v3.9.4"},
		{"a tag has come to a run that has begun", func(w *world) { w.state = []run.Event{} }, commit("3.9.x", "3.9.4", nil), TagExists, fault.Invalid, "`gio resolve gateway --released`"},
		{"the proof has come", func(w *world) {
			w.options.Verification = plan.Verification{Verify: plan.VerifyTag, Tag: "gw-{{.Version}}"}
		}, commit("3.9.x", "gw-3.9.4", nil), TagExists, fault.Invalid, "gw-3.9.4"},
		{"another tag has come", nothing, commit("3.9.x", "3.9.41", nil), "", 0, ""},
		{"a tag has come, which cannot be skipped", skips(TagExists, nothing), commit("3.9.x", "3.9.4", nil), TagExists, fault.Invalid, ""},
		{"the version has changed", nothing, commit("3.9.x", "", pom("3.9.5-SNAPSHOT")), VersionMismatch, fault.Invalid, "release.json says 3.9.4-SNAPSHOT, pom.xml of branch 3.9.x says 3.9.5-SNAPSHOT: `gio prepare gateway`"},
		{"the version has changed, which is skipped", skips(VersionMismatch, nothing), commit("3.9.x", "", pom("3.9.5-SNAPSHOT")), "", 0, ""},
		{"the version has changed, another code is skipped", skips(NotChecked, nothing), commit("3.9.x", "", pom("3.9.5-SNAPSHOT")), VersionMismatch, fault.Invalid, ""},
		{"the version has changed on another branch", nothing, commit("master", "", pom("3.11.0-SNAPSHOT")), "", 0, ""},
		{"tag and version have changed", nothing, commit("3.9.x", "3.9.4", pom("3.9.5-SNAPSHOT")), TagExists, fault.Invalid, ""},
		{"the version file is broken", nothing, commit("3.9.x", "", map[string]string{"pom.xml": "<project>"}), "", 0, ""},
		{"the version file has gone", func(w *world) {
			w.holds("acme/gateway", "3.9.x", "", map[string]string{configPath: takesAll})
		}, commit("3.9.x", "", nil), "", 0, ""},
		{"the branch has gone", hubFails("/gateway/contents/pom.xml", 404), commit("3.9.x", "", nil), "", 0, ""},
		{"the version cannot be read", hubFails("/gateway/contents/pom.xml", 418), commit("3.9.x", "", nil), NotChecked, fault.Remote, "gateway: tag and version could not be read again: "},
		{"the version cannot be read, which is skipped", skips(NotChecked, hubFails("/gateway/contents/pom.xml", 418)), commit("3.9.x", "", nil), "", 0, ""},
		{"the tags cannot be read", hubFails("/gateway/git/matching-refs/tags/3.9.4", 418), commit("3.9.x", "", nil), NotChecked, fault.Remote, "could not be read again"},
		{"the tags may not be read any more", hubFails("/gateway/git/matching-refs/tags/3.9.4", 403), commit("3.9.x", "", nil), NotChecked, fault.Auth, "could not be read again"},
		{
			"the tags cannot be read, which is skipped, and the version has changed", skips(NotChecked, hubFails("/gateway/git/matching-refs/tags/3.9.4", 418)),
			commit("3.9.x", "", pom("3.9.5-SNAPSHOT")), VersionMismatch, fault.Invalid, "",
		},
		{"the version cannot be read, and a tag has come", hubFails("/gateway/contents/pom.xml", 418), commit("3.9.x", "3.9.4", nil), TagExists, fault.Invalid, ""},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := ready()
			tt.plant(w)
			g := w.guarded(t)
			defer g.sim.Close()
			if err := tt.meanwhile(g.sim); err != nil {
				t.Fatal(err)
			}
			asked, err := g.ready("gateway")
			said := ""
			if err != nil {
				said = err.Error() + ": " + firstHint(err)
			}
			if !asked || fault.CodeOf(err) != tt.code || fault.KindOf(err) != tt.kind || !strings.Contains(said, tt.says) {
				t.Errorf("asked %v: %v, want code %q, kind %d and %q", asked, said, tt.code, tt.kind, tt.says)
			}
		})
	}
}

// TestReadyTogether: of steps that share a pipeline the gravest reason counts, and each may have the version of the other.
func TestReadyTogether(t *testing.T) {
	t.Parallel()
	w := ready()
	w.options.Overrides = map[string]plan.Override{"definition": {Repository: "acme/api", Branch: "1.25.x"}}
	g := w.guarded(t)
	defer g.sim.Close()
	g.checked = time.Time{} // long ago
	if _, err := g.ready("api", "definition"); err != nil {
		t.Error(err)
	}
	if err := g.sim.Commit("acme/api", "master", "work", "1.29.0", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := g.ready("api", "definition"); !fault.Is(err, TagExists) || !strings.Contains(err.Error(), "definition 1.29.0") {
		t.Error(err)
	}
}

// TestReadyWithout: without GitHub there is nobody to ask; without a report everything is asked.
func TestReadyWithout(t *testing.T) {
	t.Parallel()
	g := ready().guarded(t)
	defer g.sim.Close()
	g.hub = nil
	if asked, err := g.ready("gateway"); asked || err != nil {
		t.Errorf("asked %v, %v", asked, err)
	}
	g.Guard = NewGuard(g.q, Report{})
	if asked, err := g.ready("api"); !asked || err != nil {
		t.Errorf("asked %v, %v", asked, err)
	}
	if err := (Guard{}).Ready(t.Context(), g.q.Plan.Steps()); err != nil {
		t.Error(err)
	}
}

// TestReadyIsStopped: whoever leaves is not told that something could not be read.
func TestReadyIsStopped(t *testing.T) {
	t.Parallel()
	g := ready().guarded(t)
	defer g.sim.Close()
	why := errors.New("the operator has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := g.Ready(ctx, g.q.Plan.Steps()); !errors.Is(err, why) || fault.Is(err, NotChecked) {
		t.Error(err)
	}
}
