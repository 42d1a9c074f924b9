package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// world is a ledger with a clock that the test turns.
type world struct {
	*ledger.Ledger
	t     *testing.T
	url   string // of the database
	store *store.Store
	now   time.Time

	commits []string // deployments that have pushed one
}

const commit = "0123456789abcdef0123456789abcdef01234567"

func empty(t *testing.T, url string) *world {
	t.Helper()
	w := &world{t: t, url: url, store: storetest.Open(t, url), now: time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)}
	w.Ledger = &ledger.Ledger{Store: w.store, Now: func() time.Time { return w.now }, NewID: storetest.NewID}
	return w
}

// newWorld has the project acme, its environments qa and prod, and the candidates rc1 to rc4 of 1.0.
func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := empty(t, url)
	if _, err := w.Apply(t.Context(), storetest.Admin(), declaration(), false); err != nil {
		t.Fatal(err)
	}
	for n := range int64(4) {
		if _, err := w.CreateCandidate(t.Context(), storetest.Admin(), "acme", rc(n+1), "acme/shop", commit, ledger.CandidateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func declaration() ledger.Declaration {
	return ledger.Declaration{
		Project: ledger.Project{Name: "acme", Repository: "acme/shop"},
		Environments: []ledger.Environment{
			{Name: "qa", Tier: ledger.Staging, Kind: ledger.None},
			{Name: "prod", Tier: ledger.Production, Kind: ledger.None},
		},
	}
}

func rc(n int64) ledger.Version { return ledger.Version{Release: "1.0", Number: n} }

// by is a caller with a role, of a project or of all.
func by(role ledger.Role, project string) ledger.Caller {
	return ledger.Caller{Token: ledger.Token{Subject: string(role) + "@example.org", Role: role, Project: project}, Dialect: "v1"}
}

func (w *world) deploy(n int64) ledger.Deployment {
	w.t.Helper()
	return must(w.t)(w.Deploy(w.t.Context(), storetest.Admin(), "acme", "qa", rc(n), ledger.DeployOptions{}))
}

func (w *world) report(n int64, s ledger.Status) ledger.Deployment {
	w.t.Helper()
	return must(w.t)(w.Report(w.t.Context(), storetest.Admin(), "acme", "qa", rc(n), s))
}

func (w *world) rollback() ledger.Deployment {
	w.t.Helper()
	return must(w.t)(w.Rollback(w.t.Context(), storetest.Admin(), "acme", "qa", ledger.RollbackOptions{}))
}

func must(t *testing.T) func(ledger.Deployment, error) ledger.Deployment {
	t.Helper()
	return func(d ledger.Deployment, err error) ledger.Deployment {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// list says of each deployment of qa, the newest first, "rc1 success", and what it says more.
func (w *world) list() (lines []string) {
	w.t.Helper()
	all, err := w.Deployments(w.t.Context(), storetest.Admin(), "acme", "qa", 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range all {
		lines = append(lines, strings.TrimSpace("rc"+strings.TrimPrefix(d.Candidate.String(), "1.0-rc")+" "+string(d.Status)+" "+d.Message))
	}
	return lines
}

// events are the types of what happened, in order.
func (w *world) events() (types []string) {
	w.t.Helper()
	for _, e := range w.history() {
		types = append(types, e.Type)
	}
	return types
}

func (w *world) history() []ledger.Event {
	w.t.Helper()
	if _, err := w.store.Seal(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	all, err := w.Events(w.t.Context(), storetest.Admin(), "", 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// refused checks the fault of what must not succeed.
func refused(t *testing.T, what string, err error, kind fault.Kind, code string) {
	t.Helper()
	if !fault.Is(err, code) || fault.KindOf(err) != kind {
		t.Errorf("%s: %v, kind %d, want %s", what, err, fault.KindOf(err), code)
	}
}
