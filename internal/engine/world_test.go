package engine_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	branch = "1.0.x"
	token  = "a-personal-token"
)

// world is a release repository, a simulated CircleCI and a journal. Drivers come and go; these stay.
// It is used inside a synctest bubble, so that hours of pipelines take no time.
type world struct {
	t      *testing.T
	remote string // directory of the bare repository
	sim    *sim.Sim
	server *sim.Server
	power  *power

	host      string            // of CircleCI
	transport http.RoundTripper // to it

	mu     sync.Mutex
	events []run.Event

	delay   time.Duration // of a push of tag or release, where the journal does not travel with it
	ref     *gitRef       // the journal lies in the release repository; nil: in events
	drivers int           // that opened it

	branch string                // that is released; "" is the usual one
	edit   func(*engine.Release) // changes a release before it is prepared; may be nil
}

// newWorld serves the simulator through check, which may look at what passes; nil looks at nothing.
func newWorld(t *testing.T, releaseJSON string, s sim.Scenario, check func(testing.TB, http.Handler) http.Handler) *world {
	w := &world{t: t, sim: sim.New(s), power: &power{}}
	var handler http.Handler = w.sim
	if check != nil {
		handler = check(t, handler)
	}
	w.server = sim.InProcess(handler)
	w.host, w.transport = sim.URL, w.server.Transport()
	w.remote = gittest.Bare(t, map[string]string{"release.json": releaseJSON}, "master")
	gittest.Git(t, w.remote, "branch", branch, "master")
	return w
}

func (w *world) close() { w.server.Close() }

// release is one `gio release` by a new driver, from preparing to the end.
func (w *world) release() error { return w.releaseUntil(context.Background(), nil) }

func (w *world) releaseUntil(ctx context.Context, stop <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.power.on(cancel)
	on := cmp.Or(w.branch, branch)
	repo, err := gitrepo.Open(ctx, gitrepo.Options{URL: w.remote, Branch: on})
	if err != nil {
		w.t.Fatal(err)
	}
	r := &engine.Release{
		Execution: engine.Execution{
			CI:        circleci.New(circleci.Options{Host: w.host, Token: token, HTTP: w.client()}),
			HoldLimit: time.Hour,
			Open:      func(run.Header) (engine.Journal, []run.Event, error) { return disk{w}, w.kept(), nil },
		},
		Repo: repo, Path: "release.json",
		Options: plan.Options{Branch: on, MainBranch: plan.MainOf("", repo.DefaultBranch())},
	}
	if w.ref != nil {
		w.drive(ctx, r)
		defer w.leave(r)
	}
	if w.edit != nil {
		w.edit(r)
	}
	if err := r.Prepare(ctx); err != nil {
		if errors.Is(err, engine.ErrNothing) {
			return nil
		}
		return err
	}
	return r.Run(ctx, stop)
}

// drive lets a release keep its journal in the ref. Every other driver takes over at once from one that died; the others
// wait until its lease has stood still.
func (w *world) drive(ctx context.Context, r *engine.Release) {
	w.drivers++
	w.ref.open(ctx, r, journal.GitOptions{
		Driver: run.Driver{ID: fmt.Sprintf("driver %d", w.drivers)}, TakeOver: w.drivers%2 == 0, Wait: func(run.Lease, time.Duration) {},
	})
}

// leave ends a driver, which gives its lease back if it lives.
func (w *world) leave(r *engine.Release) {
	if err := r.Close(); err != nil && !w.power.isDead() {
		w.t.Error(err)
	}
}

func (w *world) client() *http.Client {
	return transport.New(transport.Options{Base: &wire{next: w.transport, power: w.power}})
}

// disk is a journal that lasts as long as the world, and whose every write the power may spoil.
type disk struct{ *world }

// Append keeps events as a journal does, unless the power fails before or after it.
func (w disk) Append(_ context.Context, events ...run.Event) error {
	if err := w.power.use("write"); err != nil {
		return err
	}
	if slices.ContainsFunc(events, func(e run.Event) bool { return e.Type == run.Planned || e.Type == run.Recorded }) {
		time.Sleep(w.delay)
	}
	w.mu.Lock()
	w.events = append(w.events, events...)
	w.mu.Unlock()
	return w.power.use("written")
}

// AppendWith pushes first, as the disk is in no repository.
func (w disk) AppendWith(ctx context.Context, push journal.Push, events ...run.Event) error {
	if err := push(ctx); err != nil {
		return err
	}
	return w.Append(ctx, events...)
}

// Fresh: nobody takes the run over.
func (w disk) Fresh(context.Context) error { return nil }

// Cancelled: nobody cancels the run here.
func (w disk) Cancelled() <-chan struct{} { return nil }

// Close leaves the disk as it is.
func (w disk) Close() error { return nil }

func (w *world) kept() []run.Event {
	if w.ref != nil {
		events, err := w.ref.kept()
		if err != nil {
			w.t.Fatal(err)
		}
		return events
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

func (w *world) state() *run.State {
	s, err := run.Fold(w.kept())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// check holds what must hold after every engine test.
func (w *world) check() {
	w.t.Helper()
	if err := run.Check(w.kept()); err != nil {
		w.t.Errorf("the journal cannot be true: %v", err)
	}
	for _, d := range w.sim.Duplicates() {
		w.t.Errorf("promise 1 is broken: %s", d)
	}
	if out := gittest.Git(w.t, w.remote, "fsck", "--strict", "--no-dangling"); out != "" {
		w.t.Errorf("git fsck: %s", out)
	}
}

// manifestAt parses release.json of a revision of the remote.
func (w *world) manifestAt(rev string) *manifest.Manifest {
	w.t.Helper()
	m, err := manifest.Parse("release.json", []byte(gittest.Git(w.t, w.remote, "show", rev+":release.json")))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// statuses is how every step stands, one line each.
func (w *world) statuses() string {
	var lines []string
	for _, st := range w.state().Steps() {
		lines = append(lines, fmt.Sprintf("%s %s", st.ID, st.Status))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// pipelinesOf counts the pipelines of a component's repository.
func (w *world) pipelinesOf(component string) int {
	n := 0
	for _, p := range w.sim.Pipelines() {
		if strings.HasSuffix(p.Project, "/"+component) {
			n++
		}
	}
	return n
}

func wantKind(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	if got := fault.KindOf(err); got != want {
		t.Fatalf("got exit %d (%v), want %d", got, err, want)
	}
}

// product is a release.json with these waves; every component is at 1.2.3-SNAPSHOT but those that give a
// version behind a colon.
func product(waves ...string) string {
	type component struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	doc := struct {
		Name         string      `json:"name"`
		Version      string      `json:"version"`
		ScmHTTPURL   string      `json:"scmHttpUrl"`
		Components   []component `json:"components"`
		Dependencies [][]string  `json:"buildDependencies"`
	}{Name: "Acme", Version: "1.0.4-SNAPSHOT", ScmHTTPURL: "https://github.com/acme/"}
	for _, wave := range waves {
		var group []string
		for _, entry := range strings.Fields(wave) {
			name, version, given := strings.Cut(entry, ":")
			if !given {
				version = "1.2.3-SNAPSHOT"
			}
			doc.Components = append(doc.Components, component{name, version})
			group = append(group, name)
		}
		doc.Dependencies = append(doc.Dependencies, group)
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(text) + "\n"
}

// errDead is what everything answers once the power has failed.
var errDead = errors.New("the power has failed")

// power fails at the n-th use of one kind, and with it everything until the next driver.
type power struct {
	mu     sync.Mutex
	kind   string // of the uses that are counted
	at     int    // the use at which it fails; 0 never
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

// use counts, and fails when it is time.
func (p *power) use(kind string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	if p.count == nil {
		p.count = map[string]int{}
	}
	p.count[kind]++
	if !p.failed && kind == p.kind && p.count[kind] == p.at {
		p.dead, p.failed = true, true
		p.kill()
		return errDead
	}
	return nil
}

// wire is the way to CircleCI: the power may fail before the server acts, or after it, when the answer
// is lost.
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
			res.Body.Close()
		}
		return nil, dead
	}
	return res, err
}

// commits counts those of a branch of the remote.
func (w *world) commits(branch string) int {
	return len(strings.Fields(gittest.Git(w.t, w.remote, "rev-list", branch)))
}
