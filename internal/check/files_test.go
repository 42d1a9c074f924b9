package check

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/needs"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// need is what a file of a component says of another one.
func need(step plan.StepID, artifact, named string, line int) plan.Need {
	return plan.Need{Step: step, Reason: plan.NeedNamed, Artifact: "org.acme:" + artifact, Named: named, File: "pom.xml", Line: line}
}

// graphWorld is one in which gateway needs api, and api a version of definition that it does not release.
func graphWorld() *world {
	w := ready()
	holding(names("api", "1.25.1", "definition 1.28.0"), names("definition", "1.29.0"), names("gateway", "3.9.4", "api 1.25.1-SNAPSHOT", "api 1.25.0"), nil)(w)
	return w
}

// TestFilesNeeds: what binds is a need, once for each component, with the place where it is named.
func TestFilesNeeds(t *testing.T) {
	t.Parallel()
	s, q := graphWorld().open(t)
	defer s.Close()
	f := &Files{GitHub: q.GitHub}
	found, err := f.Needs(t.Context(), q.Plan.Steps(), q.Plan.Steps())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[plan.StepID][]plan.Need{api: nil, definition: nil, gateway: {need(api, "api", "1.25.0", 4)}} {
		if got := found[id]; got.Unread != nil || len(got.Needs) != len(want) || len(want) > 0 && got.Needs[0] != want[0] {
			t.Errorf("%s needs %v (%v), want %v", id, got.Needs, got.Unread, want)
		}
	}
}

// TestFilesDeclared: gio.yaml adds a need, also to what cannot be read, and takes one away.
func TestFilesDeclared(t *testing.T) {
	t.Parallel()
	w := graphWorld()
	w.hubAnswers("contents", "acme/definition", 500)
	w.holds("acme/gateway", "3.9.x", "3.9.4-SNAPSHOT", map[string]string{"pom.xml": names("gateway", "3.9.4", "api 1.25.0")})
	s, q := w.open(t)
	defer s.Close()
	at := needs.Place{File: "gio.yaml", Line: 7}
	f := &Files{GitHub: q.GitHub, Declared: []needs.Declared{{From: "definition", To: "gateway", Place: at}, {From: "gateway", To: "api", NotFor: "tests only", Place: at}}}
	found, err := f.Needs(t.Context(), q.Plan.Steps(), q.Plan.Steps())
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Need{Step: gateway, Reason: plan.NeedSetting, File: "gio.yaml", Line: 7}
	if got := found[definition]; got.Unread == nil || len(got.Needs) != 1 || got.Needs[0] != want || want.String() != "gio.yaml:7, needs" {
		t.Errorf("definition needs %v (%v)", got.Needs, got.Unread)
	}
	if got := found[gateway]; got.Unread != nil || len(got.Needs) > 0 {
		t.Errorf("gateway needs %v (%v)", got.Needs, got.Unread)
	}
}

const gateway plan.StepID = "gateway@3.9.4"

// TestFilesAreReadAgain: what was read a moment ago is not; later the files of who is asked about are, and only these.
func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, q := graphWorld().open(t)
		defer s.Close()
		f := &Files{GitHub: q.GitHub}
		steps := q.Plan.Steps()
		ask := func(of plan.Step) (needs int, requests int) {
			before := len(s.Requests())
			found, err := f.Needs(t.Context(), []plan.Step{of}, steps)
			if err != nil {
				t.Fatal(err)
			}
			return len(found[of.ID()].Needs), len(s.Requests()) - before
		}
		if needs, requests := ask(steps[2]); needs != 1 || requests != 3 {
			t.Errorf("gateway has %d needs, after %d requests", needs, requests)
		}
		if err := s.Commit("acme/gateway", "3.9.x", "work", "", map[string]string{"pom.xml": names("gateway", "3.9.4", "api 1.25.1", "definition 1.29.0")}); err != nil {
			t.Fatal(err)
		}
		if needs, requests := ask(steps[2]); needs != 1 || requests != 0 {
			t.Errorf("at once gateway has %d needs, after %d requests", needs, requests)
		}
		time.Sleep(freshFor)
		if needs, requests := ask(steps[2]); needs != 2 || requests != 1 {
			t.Errorf("later gateway has %d needs, after %d requests", needs, requests)
		}
	})
}

// TestFilesUnreadAreReadAgain: what another one names is known once its owner can be read, whoever is asked about.
func TestFilesUnreadAreReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := graphWorld()
		fault := answer("contents", "acme/api", 500, `{"message":"a bad day"}`)
		fault.Times = 1
		w.GitHub.Faults = append(w.GitHub.Faults, fault)
		s, q := w.open(t)
		defer s.Close()
		f := &Files{GitHub: q.GitHub}
		steps := q.Plan.Steps()
		for n := range 2 {
			found, err := f.Needs(t.Context(), steps[2:], steps)
			if err != nil || len(found[gateway].Needs) != n {
				t.Errorf("reading %d: gateway needs %v, %v", n, found[gateway].Needs, err)
			}
			time.Sleep(freshFor)
		}
	})
}

// TestFilesUnread: what cannot be read is said of who it is about; of the others all is known.
func TestFilesUnread(t *testing.T) {
	t.Parallel()
	w := graphWorld()
	w.hubAnswers("contents", "acme/api", 500)
	s, q := w.open(t)
	defer s.Close()
	r := w.GitHub.Repositories["acme/definition"]
	r.Branches["master"].Files["pom.xml"] = "<project>"
	found, err := (&Files{GitHub: q.GitHub}).Needs(t.Context(), q.Plan.Steps(), q.Plan.Steps())
	if err != nil || found[api].Unread == nil || found[gateway].Unread != nil {
		t.Errorf("%v, %v", found, err)
	}
	found, err = (&Files{NoGitHub: "there is no token"}).Needs(t.Context(), q.Plan.Steps(), q.Plan.Steps())
	if err != nil || len(found) != 3 || !strings.Contains(found[api].Unread.Error(), "there is no token") {
		t.Errorf("without GitHub: %v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = (&Files{GitHub: q.GitHub}).Needs(ctx, q.Plan.Steps(), q.Plan.Steps()); err == nil {
		t.Error("it was cancelled")
	}
}

// TestFree: by the graph, who names nobody of the run starts at once; that is said of later groups.
func TestFree(t *testing.T) {
	t.Parallel()
	w := ready()
	holding(names("api", "1.25.1", "gateway 3.9.4"), names("definition", "1.29.0"), names("gateway", "3.9.4"), nil)(w)
	w.ask = func(t testing.TB, _ *sim.Sim, q *Question) {
		q.Files = &Files{GitHub: q.GitHub}
		found, err := q.Files.Needs(t.Context(), q.Plan.Steps(), q.Plan.Steps())
		if err == nil {
			q.Plan, err = q.Plan.Arrange(found)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r := w.check(t)
	if said := text(t, r); !strings.Contains(said, "start at once: gateway (group 3)") || strings.Contains(said, "order-wrong") {
		t.Error(said)
	}
}
