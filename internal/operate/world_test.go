package operate_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/workspace"
)

func TestMain(m *testing.M) {
	// Nearly all that these tests do is wait for pipelines: more of them at once than there are processors.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

const (
	branch = "3.9.x" // that is released
	token  = "a-personal-token"
)

// product is a release.json with two waves to be released; common is released already.
const product = `{
    "name": "Acme",
    "version": "3.9.4-SNAPSHOT",
    "scmHttpUrl": "https://github.com/acme",
    "components": [
        { "name": "common", "version": "1.20.2", "since": "3.9.0" },
        { "name": "api", "version": "1.25.1-SNAPSHOT" },
        { "name": "definition", "version": "1.29.1-SNAPSHOT" },
        { "name": "gateway", "version": "3.9.4-SNAPSHOT" }
    ],
    "buildDependencies": [
        ["common"],
        ["api", "definition"],
        ["gateway"]
    ]
}
`

// single is a release.json with one component to be released.
const single = `{
    "name": "Acme",
    "version": "3.9.4-SNAPSHOT",
    "scmHttpUrl": "https://github.com/acme",
    "components": [
        { "name": "common", "version": "1.20.2", "since": "3.9.0" },
        { "name": "api", "version": "1.25.1-SNAPSHOT" }
    ],
    "buildDependencies": [["common", "api"]]
}
`

// plant is what a world is made of. The zero value is one in which everything succeeds, with product for release.json.
type plant struct {
	sim.Scenario
	manifest string
	files    map[string]string // beside release.json, on the release branch
	http     bool              // the release repository is served over HTTP; where there is a GitHub it is anyway
	git      gittest.Options
	env      map[string]string
	bare     bool // there is no checkout and no release repository
}

// world is a CircleCI and a GitHub over real HTTP, a release repository and a checkout of that one. Operators come and
// go; it stays.
type world struct {
	*testing.T
	sim      *sim.Sim
	host     string // of CircleCI
	remote   string // directory of the bare repository
	url      string // of it
	checkout string
	state    string // directory
	env      map[string]string
	named    string // by --branch
	job      string // of the other drivers: link of their CircleCI job
}

func (p plant) grow(t *testing.T) *world {
	t.Helper()
	p.Default.DefaultBranch = "master"
	if p.Default.Duration == 0 {
		p.Default.Duration = 20 * time.Millisecond
	}
	if p.Default.WorkflowDelay == 0 {
		p.Default.WorkflowDelay = time.Millisecond
	}
	w := &world{T: t, sim: sim.New(p.Scenario), checkout: t.TempDir(), state: t.TempDir()}
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	t.Cleanup(w.sim.Close)
	w.host = server.URL
	w.env = map[string]string{"CIRCLE_HOST": w.host, "CIRCLE_TOKEN": token, "XDG_STATE_HOME": w.state}
	if p.GitHub != nil {
		w.env["GITHUB_API_URL"], w.env["GITHUB_TOKEN"] = w.host+"/api/v3", "hub-token"
	}
	maps.Copy(w.env, p.env)
	if !p.bare {
		w.clone(p)
	}
	return w
}

// clone makes the release repository and its checkout.
func (w *world) clone(p plant) {
	w.Helper()
	files := map[string]string{"release.json": p.manifest}
	if p.manifest == "" {
		files["release.json"] = product
	}
	w.remote = gittest.Bare(w, files, "master")
	gittest.Git(w, w.remote, "branch", branch, "master")
	if len(p.files) > 0 {
		gittest.Push(w, w.remote, branch, p.files, "what else there is")
	}
	w.url = w.remote
	if p.GitHub != nil || p.http {
		p.git.Under = "acme"
		w.url = gittest.HTTP(w, w.remote, p.git).URL
	}
	w.checkout = filepath.Join(w.checkout, "release")
	gittest.Git(w, "", "clone", "--quiet", "--branch", branch, w.remote, w.checkout)
	if w.url != w.remote {
		gittest.Git(w, w.checkout, "remote", "set-url", "origin", w.url)
	}
}

// operator is somebody who operates: one setup, what it was told, and the events that it saw.
type operator struct {
	operate.Setup
	w *world

	mu   sync.Mutex
	said []string
	saw  []run.Event
}

func (w *world) options() workspace.Options {
	return workspace.Options{
		Dir: w.checkout, File: workspace.ManifestName, Branch: w.named,
		Getenv: func(name string) string { return w.env[name] }, Version: "test",
	}
}

// operator opens the workspace anew, as every command does.
func (w *world) operator() *operator {
	w.Helper()
	ws, err := workspace.Open(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	return w.on(ws)
}

// on is an operator who works on this workspace.
func (w *world) on(ws workspace.Workspace) *operator {
	o := &operator{w: w}
	o.Setup = operate.Setup{
		Workspace: ws, HoldLimit: time.Hour,
		Tell: func(format string, args ...any) { o.say(fmt.Sprintf(format, args...)) },
		Warn: func(sentence string) { o.say("warning: " + sentence) },
	}
	o.View.Notify = func(e run.Event, _ *run.State) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.saw = append(o.saw, e)
	}
	return o
}

func (o *operator) say(sentence string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, sentence)
}

func (o *operator) heard() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.said, "\n")
}

// hears fails unless each of these was told.
func (o *operator) hears(wanted ...string) {
	o.w.Helper()
	for _, want := range wanted {
		if said := o.heard(); !strings.Contains(said, want) {
			o.w.Errorf("not told: %q, but\n%s", want, said)
		}
	}
}

// sees waits in the background for an event that is meant; the function given back waits for it.
func (o *operator) sees(meant func(run.Event) bool) (wait func()) {
	seen, once, before := make(chan struct{}), sync.Once{}, o.View.Notify
	o.View.Notify = func(e run.Event, s *run.State) {
		before(e, s)
		if meant(e) {
			once.Do(func() { close(seen) })
		}
	}
	return func() {
		o.w.Helper()
		select {
		case <-seen:
		case <-time.After(time.Minute):
			o.w.Fatal("it is not seen within a minute")
		}
	}
}

func isHeld(e run.Event) bool { return e.Type == run.Observed && e.Held }

// releases is one gio release.
func (o *operator) releases(options operate.ReleaseOptions) (*operate.Result, error) {
	o.w.Helper()
	ends, err := operate.ReleaseEnds(o.w.Context(), o.Setup)
	if err != nil {
		o.w.Fatal(err)
	}
	defer ends.Close()
	return operate.Release(o.w.Context(), o.Setup, ends, options)
}

// drives is a release in the background; end waits for how it ends.
func (o *operator) drives(options operate.ReleaseOptions) (end func() (*operate.Result, error)) {
	o.w.Helper()
	ends, err := operate.ReleaseEnds(o.w.Context(), o.Setup)
	if err != nil {
		o.w.Fatal(err)
	}
	var r *operate.Result
	done := make(chan error, 1)
	go func() {
		var err error
		r, err = operate.Release(o.w.Context(), o.Setup, ends, options)
		done <- err
	}()
	return func() (*operate.Result, error) { err := <-done; return r, err }
}

// released is a release that must end well.
func (o *operator) released(options operate.ReleaseOptions) *operate.Result {
	o.w.Helper()
	r, err := o.releases(options)
	if err != nil || r == nil {
		o.w.Fatalf("the release ends with %v\n%s", err, o.heard())
	}
	return r
}

func (o *operator) realEnds(inRepository bool) operate.Ends {
	o.w.Helper()
	ends, err := operate.RealEnds(o.w.Context(), o.Setup, inRepository)
	if err != nil {
		o.w.Fatal(err)
	}
	return ends
}

// pulled is the checkout after a git pull.
func (w *world) pulled() *world {
	w.Helper()
	gittest.Git(w, w.checkout, "fetch", "--quiet", w.remote, branch)
	gittest.Git(w, w.checkout, "reset", "--quiet", "--hard", "FETCH_HEAD")
	return w
}

// manifest is release.json on the release branch of the remote.
func (w *world) manifest() *manifest.Manifest {
	w.Helper()
	m, err := manifest.Parse("release.json", []byte(gittest.Git(w, w.remote, "show", branch+":release.json")+"\n"))
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// versions are the components of the remote's release.json: "api 1.25.1 3.9.4", the last one its since.
func (w *world) versions() []string {
	w.Helper()
	var all []string
	for _, c := range w.manifest().Components {
		all = append(all, strings.TrimSpace(c.Name+" "+c.Version+" "+c.Since))
	}
	return all
}

// pipelines are those that were triggered, the first one first: "api 1.25.x".
func (w *world) pipelines() []string {
	var all []string
	for _, p := range w.sim.Pipelines() {
		all = append(all, strings.TrimPrefix(p.Project, "gh/acme/")+" "+p.Branch)
	}
	return all
}

// neverTwice fails when something was triggered twice.
func (w *world) neverTwice() {
	w.Helper()
	if lines := w.sim.Duplicates(); len(lines) > 0 {
		w.Errorf("triggered twice:\n%s", strings.Join(lines, "\n"))
	}
}

// awaits polls until something is so.
func (w *world) awaits(what string, is func() bool) {
	w.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("%s: not within a minute", what)
		}
	}
}

// unwritten gives what fails when anything was written since: to the remote, to CircleCI, to GitHub.
func (w *world) unwritten() func() {
	w.Helper()
	before, from := gittest.Refs(w, w.remote), len(w.sim.Requests())
	return func() {
		w.Helper()
		if after := gittest.Refs(w, w.remote); !maps.Equal(before, after) {
			w.Errorf("refs were %v, and are %v", before, after)
		}
		for _, r := range w.sim.Requests()[from:] {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				w.Errorf("sent: %s %s", r.Method, r.Path)
			}
		}
	}
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// wants fails unless two lists are the same.
func (w *world) wants(what string, got, want []string) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("%s: %q, want %q", what, got, want)
	}
}

// ofKind fails unless an error is this fault.
func (w *world) ofKind(err error, kind fault.Kind, code string) {
	w.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		w.Errorf("the fault is %v %q (%v), want %v %q", fault.KindOf(err), fault.CodeOf(err), err, kind, code)
	}
}

// ended is how the steps of a state stand: "api succeeded".
func ended(s *run.State) []string {
	var all []string
	for _, st := range s.Steps() {
		all = append(all, st.ID.Component()+" "+string(st.Status))
	}
	return all
}

// ci is a client of another program than gio, with the same token.
func (w *world) ci() *circleci.Client {
	return circleci.New(circleci.Options{Host: w.host, Token: token, HTTP: http.DefaultClient})
}

// ref is the journal of the release repository.
func (w *world) ref() *gitrepo.Ref {
	w.Helper()
	repo, err := gitrepo.Open(w.Context(), gitrepo.Options{URL: w.remote, Branch: branch})
	if err != nil {
		w.Fatal(err)
	}
	return repo.Ref(journal.GitRef)
}

// past is a run whose journal is written by hand.
type past struct {
	w      *world
	header run.Header
	j      *journal.Git
	seq    int64
}

// begun opens the journal of a run of these waves, as another driver does. That one still drives it.
func (w *world) begun(kind run.Kind, version string, waves ...[]plan.Step) *past {
	w.Helper()
	return w.begunOn(branch, kind, version, waves...)
}

func (w *world) begunOn(branch string, kind run.Kind, version string, waves ...[]plan.Step) *past {
	w.Helper()
	h := run.Header{Schema: run.Schema, Kind: kind, Manifest: "release.json", Product: "Acme", Version: version, Host: w.host, Branch: branch}
	by := run.Driver{ID: "another", Login: "octocat", Job: w.job}
	j, _, err := journal.OpenGit(w.Context(), w.ref(), h, journal.GitOptions{Driver: by})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = j.Close() })
	r := &past{w: w, header: h, j: j}
	p := &plan.Plan{Product: "Acme", Version: version, Branch: branch}
	for i, steps := range waves {
		p.Waves = append(p.Waves, plan.Wave{Group: i + 1, Steps: steps})
	}
	return r.note(run.Event{Type: run.Opened, Header: &h}, run.Event{Type: run.Planned, Plan: p, Driver: &by})
}

// note writes events, with one push.
func (r *past) note(events ...run.Event) *past {
	r.w.Helper()
	for i := range events {
		r.seq++
		events[i].Run, events[i].Seq, events[i].Time = r.header.Run(), r.seq, time.Now().UTC()
	}
	if err := r.j.Append(r.w.Context(), events...); err != nil {
		r.w.Fatal(err)
	}
	return r
}

// started notes that a pipeline of a component was triggered, and triggers it.
func (r *past) started(st plan.Step) *past {
	r.w.Helper()
	made, err := r.w.ci().Trigger(r.w.Context(), circleci.TriggerRequest{Project: st.Project, Branch: st.Branch})
	if err != nil {
		r.w.Fatal(err)
	}
	id := []plan.StepID{st.ID()}
	return r.note(run.Event{Type: run.Intent, Steps: id, Send: 1, Project: st.Project, Branch: st.Branch}, run.Event{Type: run.Triggered, Steps: id, Pipeline: &run.Pipeline{
		ID: made.ID, Number: made.Number, URL: circleci.PipelineURL(r.w.host, st.Project, made.Number),
	}})
}

// lost notes that nobody knows whether a pipeline of a component was triggered.
func (r *past) lost(st plan.Step) *past {
	r.w.Helper()
	id := []plan.StepID{st.ID()}
	return r.note(run.Event{Type: run.Intent, Steps: id, Send: 1, Project: st.Project, Branch: st.Branch}, run.Event{Type: run.Unknown, Steps: id, Reason: "the answer was lost"})
}

// left gives the run back.
func (r *past) left() *past {
	r.w.Helper()
	if err := r.j.Close(); err != nil {
		r.w.Fatal(err)
	}
	return r
}

// step is a component that is built from a branch of its own project.
func step(component, version, branch string) plan.Step {
	return plan.Step{Component: component, Version: version, Repository: "acme/" + component, Project: "gh/acme/" + component, Branch: branch}
}

var apiStep = step("api", "1.25.1", "1.25.x")

// cancelled is the answer no.
func cancelled(question, otherwise string) error {
	return fault.New(fault.Cancelled, "cancelled", "%s: %s", question, otherwise)
}

// read is the run that a selector means, exactly.
func (o *operator) read(sel operate.Selector) operate.Snapshot {
	o.w.Helper()
	k, err := operate.ReadRun(o.w.Context(), o.Setup, sel, true)
	if err != nil {
		o.w.Fatal(err)
	}
	return k
}
