package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
	"github.com/gravitee-lab/gio/internal/transport"
	"github.com/gravitee-lab/gio/internal/worker"
)

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	slug   = "gh/acme/deploy"
)

// world is a ledger in a real database and a simulated CircleCI. Workers come and go; these stay. It is used inside a synctest
// bubble, so that the minutes of pipelines and leases take no time.
type world struct {
	*ledger.Ledger
	t      *testing.T
	url    string // of the database
	store  *store.Store
	sim    *sim.Sim
	server *sim.Server
	power  *power
	hooks  map[string]worker.Webhook

	git   string // address of the repositories' host; "" for none
	clone string // folder of all clones

	receivers map[string]worker.Receiver
	gone      bool // the connection is in the settings no more
}

func newWorld(t *testing.T, url string, s sim.Scenario) *world {
	t.Helper()
	opened, err := store.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, url: url, store: opened, sim: sim.New(s), power: &power{}}
	w.server = sim.InProcess(w.sim)
	w.Ledger = w.ledger(opened)
	w.declare(
		ledger.Environment{Name: "qa", Tier: ledger.Staging, Kind: ledger.CircleCI, Deploy: deploys("qa")},
		ledger.Environment{Name: "prod", Tier: ledger.Production, Kind: ledger.CircleCI, Deploy: deploys("prod")},
	)
	for n := range int64(3) {
		w.candidate(n+1, ledger.CandidateOptions{})
	}
	return w
}

func (w *world) ledger(s ledger.Store) *ledger.Ledger {
	return &ledger.Ledger{
		Store: s, Now: time.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
		Connections: map[string]ledger.Kind{"ci": ledger.CircleCI, "hook": ledger.Webhook, "git": ledger.Git},
	}
}

func deploys(environment string) *ledger.Trigger {
	return &ledger.Trigger{Connection: "ci", Project: slug, Branch: "main", Parameters: ledger.Parameters{
		"environment": environment, "version": "{{.Version}}", "deployment": "{{.DeploymentID}}",
	}}
}

func (w *world) declare(environments ...ledger.Environment) {
	w.t.Helper()
	d := ledger.Declaration{Environments: environments, Project: ledger.Project{
		Name: "acme", Repository: "acme/shop", Build: &ledger.Trigger{Connection: "ci", Project: "gh/acme/shop", Branch: "build", Parameters: ledger.Parameters{"commit": "{{.Commit}}"}},
	}}
	if _, err := w.Apply(context.Background(), storetest.Admin(), d, false); err != nil {
		w.t.Fatal(err)
	}
}

func rc(n int64) ledger.Version { return ledger.Version{Release: "1.0", Number: n} }

func (w *world) candidate(n int64, o ledger.CandidateOptions) ledger.Candidate {
	w.t.Helper()
	c, err := w.CreateCandidate(context.Background(), storetest.Admin(), "acme", rc(n), "acme/shop", commit, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) deploy(environment string, n int64) ledger.Deployment {
	w.t.Helper()
	d, err := w.Deploy(context.Background(), storetest.Admin(), "acme", environment, rc(n), ledger.DeployOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) deployment(id string) ledger.Deployment {
	w.t.Helper()
	g, err := w.Gate(context.Background(), storetest.Admin(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return g.Deployment
}

// work runs a worker until the function that it returns is called, or its power fails.
func (w *world) work() (end func()) {
	return w.workWith(dying{w.store, w.power}, func(next http.RoundTripper) http.RoundTripper { return next })
}

// workWith runs a worker on a store, with something above the wire and its guard.
func (w *world) workWith(kept ledger.Store, above func(http.RoundTripper) http.RoundTripper) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	w.power.on(cancel)
	x := worker.New(w.ledger(kept))
	x.Webhooks, x.Receivers, x.Ledger.Receivers = w.hooks, w.receivers, w.Receivers
	base := above(worker.Guard(&wire{next: w.server.Transport(), power: w.power}))
	x.CircleCI = map[string]*worker.CircleCI{"ci": {Client: circleci.New(circleci.Options{
		Host: sim.URL, Token: "a-token", HTTP: transport.New(transport.Options{Base: base}),
	})}}
	if w.gone {
		clear(x.CircleCI)
	}
	x.Fail = func(_ context.Context, err error) { w.t.Logf("the worker: %v", err) }
	w.Changed = x.Wake
	x.Repositories = &worker.Repositories{Dir: w.clone, Hosts: map[string]worker.Host{"git": {URL: w.git}}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		x.Run(ctx)
		if err := x.Repositories.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// until waits until something holds; while it waits, a worker whose power failed is followed by another one.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	w.untilWithin(what, 3*time.Hour, holds)
}

func (w *world) untilWithin(what string, limit time.Duration, holds func() bool) {
	w.t.Helper()
	end := w.work()
	for began := time.Now(); time.Since(began) < limit; {
		if holds() {
			end()
			return
		}
		time.Sleep(time.Second)
		if w.power.isDead() {
			end()
			w.runOut()
			end = w.work()
		}
	}
	end()
	w.t.Fatalf("hours later it does not hold: %s", what)
}

// exec changes the database behind the ledger's back.
func (w *world) exec(query string, arguments ...any) {
	w.t.Helper()
	if _, err := storetest.Raw(w.t, w.url).ExecContext(context.Background(), query, arguments...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) freeze(environment string) {
	w.t.Helper()
	if _, err := w.Freeze(context.Background(), storetest.Admin(), "acme", ledger.NewFreeze{Environment: environment, Reason: "a test"}); err != nil {
		w.t.Fatal(err)
	}
}

// runOut lets all leases run out: PostgreSQL's clock does not follow the bubble's.
func (w *world) runOut() {
	w.t.Helper()
	if storetest.IsSQLite(w.url) {
		return // the worker that follows waits
	}
	w.exec("UPDATE effects SET renewed_at = 0 WHERE renewed_at > 0")
}

func (w *world) ended(ids ...string) func() bool {
	return func() bool {
		for _, id := range ids {
			if w.deployment(id).Status.Active() {
				return false
			}
		}
		return true
	}
}

// close ends the world, and holds what must hold always.
func (w *world) close() {
	w.t.Helper()
	for _, d := range w.sim.Duplicates() {
		w.t.Errorf("triggered twice: %s", d)
	}
	w.server.Close()
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// pipelines is what CircleCI was asked for: the environment or "build", with the pipeline's fate.
func (w *world) pipelines() string {
	var all []string
	for _, p := range w.sim.Pipelines() {
		what, is := p.Parameters["environment"].(string)
		if !is {
			what = "build"
		}
		all = append(all, fmt.Sprintf("%s %s", what, p.Outcome))
	}
	return strings.Join(all, ", ")
}

var errDead = errors.New("the power has failed")

// power fails at the n-th use of one kind, and with it everything until the next worker.
type power struct {
	mu     sync.Mutex
	kind   string
	at     int // 0 never
	count  map[string]int
	dead   bool
	failed bool // it has failed once, and does not again
	kill   func()
}

func (p *power) on(kill func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead, p.kill = false, kill
}

func (p *power) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

func (p *power) use(kind string) error {
	if p.fails(kind) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.kill()
		return errDead
	}
	return nil
}

// fails counts a use, and tells whether there is no power for it. It is for those outside the bubble, who can end nothing there.
func (p *power) fails(kind string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return true
	}
	if p.count == nil {
		p.count = map[string]int{}
	}
	p.count[kind]++
	if !p.failed && kind == p.kind && p.count[kind] == p.at {
		p.dead, p.failed = true, true
	}
	return p.dead
}

// dying is a store whose program may die before a commit, or after it.
type dying struct {
	ledger.Store
	power *power
}

func (s dying) Change(ctx context.Context, do func(ledger.Tx) error) error {
	if err := s.power.use("commit"); err != nil {
		return err
	}
	err := s.Store.Change(ctx, do)
	if dead := s.power.use("committed"); dead != nil {
		return dead
	}
	return err
}

func (s dying) Read(ctx context.Context, do func(ledger.Tx) error) error {
	if s.power.isDead() {
		return errDead
	}
	return s.Store.Read(ctx, do)
}

// wire is the way to CircleCI, on which the program may die before a request acts, or after it.
type wire struct {
	next  http.RoundTripper
	power *power
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := w.power.use("request"); err != nil {
		return nil, err
	}
	res, err := w.next.RoundTrip(req)
	if dead := w.power.use("answer"); dead != nil {
		if err == nil {
			_ = res.Body.Close()
		}
		return nil, dead
	}
	return res, err
}
