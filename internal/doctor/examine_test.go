package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestExamine: the report of a world in which all agree, in full.
func TestExamine(t *testing.T) {
	t.Parallel()
	w := plainWorld(t)
	q := w.question()
	q.Driver = "ann"
	r := w.examine(q)
	pending := func(id string) run.Step { return run.Step{ID: stepID(id), Status: run.Pending} }
	want := []Row{
		{Code: Agrees, Facts: Facts{
			Component: "api", Version: "1.2.3-SNAPSHOT", Open: true, Repository: "acme/api", Branch: "1.2.x", Product: "3.9.4",
			TagRead: true, File: "pom.xml", Stated: "1.2.3-SNAPSHOT", Step: pending("api@1.2.3"), Driven: true,
		}},
		{Code: Agrees, Facts: Facts{
			Component: "web", Version: "3.9.4-SNAPSHOT", Open: true, Repository: "acme/web", Branch: "3.9.x", Product: "3.9.4",
			TagRead: true, File: "pom.xml", Stated: "3.9.4-SNAPSHOT", Step: pending("web@3.9.4"), Driven: true,
		}},
		{Code: Agrees, Facts: Facts{
			Component: "common", Version: "1.1.0", Since: "3.9.0", Repository: "acme/common", Product: "3.9.4",
			TagRead: true, Tag: "1.1.0", Step: pending("common@1.1.0"), Driven: true,
		}},
	}
	if diff := cmp.Diff(want, r.Components); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	head := Report{Name: "Acme", Version: "3.9.4-SNAPSHOT", Branch: "3.9.x", Driver: "ann", Compared: true, Components: r.Components, All: true, User: r.User}
	if diff := cmp.Diff(head, *r); diff != "" || r.User.Login != "bot" || !r.User.ServerTime.Equal(start) {
		t.Errorf("user %v (-want +got):\n%s", r.User, diff)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{`"All"`, `"Lost"`, `"User"`} {
		if strings.Contains(string(text), hidden) {
			t.Errorf("%s is in the JSON, whose names are a contract: %s", hidden, text)
		}
	}
}

func TestExamineNames(t *testing.T) {
	t.Parallel()
	w := plainWorld(t)
	q := w.question()
	q.Names = []string{"web", "api"}
	r := w.examine(q)
	if len(r.Components) != 2 || r.Components[0].Component != "web" || r.Components[1].Component != "api" || r.All {
		t.Errorf("all %v, rows %v", r.All, r.Components)
	}
	for name, hints := range map[string][]string{"apis": {"did you mean api?"}, "something-else": nil} {
		q.Names = []string{"api", name}
		_, err := Examine(t.Context(), q)
		f, _ := errors.AsType[*fault.Fault](err)
		if !fault.Is(err, "unknown-component") || f.Kind != fault.Usage || !strings.Contains(f.Message, name) || !slices.Equal(fault.HintLines(f), hints) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExamineFails: without the token's user nothing can be judged; a context that ended gives its cause and no report.
func TestExamineFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.Scenario{Tokens: []string{"another"}})
	if _, err := Examine(t.Context(), w.question()); fault.KindOf(err) != fault.Auth {
		t.Error(err)
	}
	w = plainWorld(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("left")
	q := w.question()
	q.CI = circleci.New(circleci.Options{Host: sim.URL, Token: "any", HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/pipeline") {
			cancel(left)
		}
		return w.sim.Transport().RoundTrip(r)
	})}})
	if r, err := Examine(ctx, q); !errors.Is(err, left) || r != nil {
		t.Errorf("%v, %v", r, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestProduct: what is wrong with the release as a whole.
func TestProduct(t *testing.T) {
	t.Parallel()
	w := plainWorld(t)
	open, done := w.question(), w.question("3.9.4-SNAPSHOT", "3.9.4", "1.2.3-SNAPSHOT", "1.2.3")
	ours := stateOf(t, open, run.Event{Type: run.Recording, Record: &run.Record{Refs: map[string]string{"refs/tags/3.9.4": "abc"}}})
	other := stateOf(t, open)
	tests := map[string]struct {
		q     Question
		began time.Time
		tag   string
		state *run.State
		codes []Code
	}{
		"nothing has begun":              {open, time.Time{}, "", nil, nil},
		"the journal knows what began":   {open, start, "", other, nil},
		"the journal is lost":            {open, start, "", nil, []Code{JournalLost}},
		"lost, but long released":        {done, start, "abc", nil, nil},
		"tagged by this run":             {open, start, "abc", ours, nil},
		"tagged, another object":         {open, start, "def", ours, []Code{ProductTagged}},
		"tagged, and the run has not":    {open, start, "abc", other, []Code{ProductTagged}},
		"tagged, and there was no run":   {open, time.Time{}, "abc", nil, []Code{ProductTagged}},
		"tagged, and the journal's lost": {open, start, "abc", nil, []Code{JournalLost, ProductTagged}},
	}
	for name, tt := range tests {
		tt.q.Began, tt.q.Tag, tt.q.State = tt.began, tt.tag, tt.state
		tt.q.Names = []string{"common"}
		r := w.examine(tt.q)
		var codes []Code
		for _, p := range r.Product {
			codes = append(codes, p.Code)
			if !strings.Contains(p.What, "3.9.4") || p.Do == "" {
				t.Errorf("%s: %q -> %q", name, p.What, p.Do)
			}
		}
		if lost := slices.Contains(tt.codes, JournalLost); !slices.Equal(codes, tt.codes) || r.Lost != lost {
			t.Errorf("%s: %v, lost %v, want %v", name, codes, r.Lost, tt.codes)
		}
	}
	if began, released := Tags("3.9.4"); began != "refs/tags/3.9.4_START" || released != "refs/tags/3.9.4" {
		t.Errorf("%s and %s", began, released)
	}
}
