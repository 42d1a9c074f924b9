package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Release is one `gio release`: set the fields, Prepare, show the plan, Run, Close. With Options.DryRun it is the
// server dry run: the pipelines really run, told that it is a dry run, and nothing but the journal is written.
type Release struct {
	CI   *circleci.Client
	Repo *gitrepo.Repo
	Path string // of release.json in the repository
	// Local is the checkout's release.json, which must say the same as the repository's; nil without
	// a checkout.
	Local []byte

	Options plan.Options // Branch and MainBranch among them; DefaultBranches is filled by Prepare
	Next    string       // version of the release branch after the release; "" counts
	NoNext  bool         // prepare no next version

	// Open opens the journal of a run for this driver and gives what it holds.
	Open        func(run.Header) (Journal, []run.Event, error)
	Driver      run.Driver
	MaxParallel int           // 0 is MaxParallel
	HoldLimit   time.Duration // how long an approval is waited for
	MaxRuntime  time.Duration // after which gio leaves, recording what succeeded; 0 is no limit
	FailFast    bool          // a failure cancels the other pipelines of its wave
	// Earlier says how long the pipelines of earlier runs took, by component, the newest first: when to look closely.
	Earlier map[string][]time.Duration
	Clock   Clock
	// Ready is asked right before the intents of the steps that share a pipeline; nil asks nobody. Its error, a fault of code
	// tag-exists, version-mismatch or not-checked, is these steps' failure: nothing is sent.
	Ready func(context.Context, []plan.Step) error
	// Tagged tells whether a repository (org/name) has a tag; it is asked for the steps whose proof is one. Without it a plan with
	// such steps is refused. Of its errors, those of the kinds Auth and NotFound end the session; after others it is asked again.
	Tagged func(ctx context.Context, repository, tag string) (bool, error)
	// Simulated: what this driver triggers is simulated, and taken to leave what proves a release.
	Simulated bool
	// Notify is told every event, one at a time and in order: what must be durable before it is acted upon, once it is; what
	// CircleCI says of a pipeline, at once. It must not call back into the engine, and it holds the run up for as long as it
	// takes.
	Notify func(run.Event, *run.State)

	Plan     *plan.Plan // filled by Prepare
	manifest *manifest.Manifest
	next     plan.Next
	rec      *recorder
	close    io.Closer
}

// ErrNothing is what Prepare returns when there is nothing to release and nothing to finish: no
// fault, the run is done.
var ErrNothing = errors.New("nothing to release and nothing to finish")

// Prepare reads release.json from the repository, plans, opens the run's journal and refuses what
// must not start (kind Invalid). It writes nothing but what the journal does when it is opened. With another Open it may be
// called again, to look before it drives.
func (r *Release) Prepare(ctx context.Context) error {
	if err := r.read(); err != nil {
		return err
	}
	if err := r.makePlan(ctx); err != nil {
		return err
	}
	if err := r.openJournal(); err != nil {
		return err
	}
	if err := r.readAgain(ctx); err != nil {
		return err
	}
	if err := r.current(); err != nil {
		return err
	}
	if err := r.settleRecording(ctx); err != nil {
		return err
	}
	if !r.somethingToDo() {
		return ErrNothing
	}
	if !r.Simulated {
		if err := r.Provable(); err != nil {
			return err
		}
	}
	return r.refuse(ctx)
}

// Run drives the plan that Prepare made: proves the right to push, tags the start, runs the waves,
// records. Closing stop starts nothing new and watches what runs; cancelling ctx leaves at once. The
// error says how the run ended, by the kinds of package fault; nil is success.
func (r *Release) Run(ctx context.Context, stop <-chan struct{}) error {
	if r.MaxRuntime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.MaxRuntime, fmt.Errorf("--max-runtime %s is over", r.MaxRuntime))
		defer cancel()
	}
	return fault.Worst(r.runToItsEnd(ctx, stop), r.rec.end(ctx))
}

func (r *Release) runToItsEnd(ctx context.Context, stop <-chan struct{}) error {
	driven := r.drive(ctx, stop)
	if driven != nil && ctx.Err() != nil { // whatever it was that leaving interrupted
		driven = fault.Worst(driven, stopped(ctx))
	}
	cancelled := closed(r.rec.cancelled())
	if cancelled && r.Left() > 0 { // else it came too late
		driven = fault.Worst(driven, r.rec.fresh(context.WithoutCancel(ctx)))
	}
	// What succeeded is recorded however the driving ended; leaving does not keep it from that.
	var recorded error
	if !r.Options.DryRun {
		recorded = r.record(context.WithoutCancel(ctx))
	}
	err := fault.Worst(append(outcome(r.State(), r.Plan, driven == nil || closed(stop), cancelled), driven, recorded)...)
	if err == nil || r.State().Seq == 0 { // what never began leaves no journal that a later run must agree with
		return err
	}
	return fault.Worst(err, r.rec.add(ctx, run.Event{Type: run.Stopped, Code: fault.CodeOf(err), Reason: err.Error()}))
}

// State is a copy of the run's state; before Prepare it is empty.
func (r *Release) State() *run.State {
	state := &run.State{}
	if r.rec != nil {
		r.rec.view(func(s *run.State) { state = s.Clone() })
	}
	return state
}

// Close gives the journal back. It is harmless at any time.
func (r *Release) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close.Close()
}

func (r *Release) read() error {
	data, err := r.Repo.ReadFile(r.Repo.Head(), r.Path)
	if err != nil {
		return err
	}
	r.manifest, err = manifest.Parse(r.Path, data)
	return err
}

// readAgain takes in what the driver before this one pushed while this one waited for the journal. The
// product that it finished meanwhile is not there to be released any more.
func (r *Release) readAgain(ctx context.Context) error {
	head, version := r.Repo.Head(), r.Plan.Version
	if err := r.Repo.Fetch(ctx); err != nil || r.Repo.Head() == head {
		return err
	}
	if err := r.read(); err != nil {
		return err
	}
	if r.State().Finished && r.manifest.ReleaseVersion() != version {
		return ErrNothing
	}
	return r.makePlan(ctx)
}

// current refuses a checkout that is not what the operator releases: its release.json must be the
// remote's, or what that was before this run recorded its own successes there.
func (r *Release) current() error {
	if r.Local == nil || r.says(r.Local) {
		return nil
	}
	if local, err := manifest.Parse(r.Path, r.Local); err == nil {
		var mine []string
		for _, c := range local.Components {
			there, _ := r.manifest.Component(c.Name)
			if st := r.State().Step(run.ID(c.Name, c.ReleaseVersion())); c.Open() && !there.Open() && st.Status == run.HasSucceeded {
				mine = append(mine, c.Name)
			}
		}
		if recorded, err := local.Release(mine, r.Plan.Version); err == nil && r.says(recorded.Bytes()) {
			return nil
		}
	}
	return fault.New(fault.Invalid, "stale-checkout", "%s of the checkout is not the one on branch %s of the remote: %s",
		r.Path, r.Options.Branch, r.difference()).
		Hint("`git pull` to get the remote's, or commit and push your edit, then run the same command again")
}

// says tells whether the remote's release.json is this one.
func (r *Release) says(data []byte) bool {
	return bytes.Equal(plainLines(data), plainLines(r.manifest.Bytes()))
}

// plainLines undoes what a checkout may do to line ends.
func plainLines(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) }

// difference names the first things in which the checkout differs from the remote.
func (r *Release) difference() string {
	local, err := manifest.Parse(r.Path, r.Local)
	if err != nil {
		return err.Error()
	}
	var diffs []string
	if local.Version != r.manifest.Version {
		diffs = append(diffs, fmt.Sprintf("product version %s here, %s there", local.Version, r.manifest.Version))
	}
	for _, c := range local.Components {
		if there, ok := r.manifest.Component(c.Name); !ok {
			diffs = append(diffs, c.Name+" is only here")
		} else if there.Version != c.Version {
			diffs = append(diffs, fmt.Sprintf("%s %s here, %s there", c.Name, c.Version, there.Version))
		}
	}
	for _, c := range r.manifest.Components {
		if _, ok := local.Component(c.Name); !ok {
			diffs = append(diffs, c.Name+" is only there")
		}
	}
	switch {
	case len(diffs) == 0:
		return "the versions are the same, the rest is not"
	case len(diffs) > 3:
		return strings.Join(diffs[:3], "; ") + fmt.Sprintf("; and %d more", len(diffs)-3)
	}
	return strings.Join(diffs, "; ")
}

// makePlan plans, with the default branches of the projects whose branch depends on them.
func (r *Release) makePlan(ctx context.Context) error {
	if r.Options.ComponentMain == "" {
		branches, err := DefaultBranches(ctx, r.CI, r.manifest, r.Options)
		if err != nil {
			return err
		}
		r.Options.DefaultBranches = branches
	}
	var err error
	r.Plan, err = plan.Make(r.manifest, r.Options)
	return err
}

// DefaultBranches reads the default branch of every project that the plan builds from the main branch.
// A project that cannot be read is a fault that names the component.
func DefaultBranches(ctx context.Context, ci *circleci.Client, m *manifest.Manifest, o plan.Options) (map[string]string, error) {
	p, err := plan.Make(m, o)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	branches := map[string]string{}
	g, ctx := errgroup.WithContext(ctx)
	for _, st := range p.Steps() {
		if st.Branch != o.MainBranch {
			continue
		}
		g.Go(func() error {
			project, err := ci.Project(ctx, st.Project)
			if fault.KindOf(err) == fault.NotFound {
				return fault.New(fault.NotFound, "project", "%s", st.Component).Because(err).
					Hint("its CircleCI project is %s; gio.yaml can name another one", st.Project)
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			branches[st.Project] = project.DefaultBranch
			return nil
		})
	}
	return branches, g.Wait()
}

func (r *Release) openJournal() error {
	h := run.Header{
		Schema: run.Schema, Kind: "release", Manifest: r.Path,
		Product: r.manifest.Name, Version: r.manifest.ReleaseVersion(),
		Host: r.CI.Host(), Branch: r.Options.Branch,
	}
	if r.Options.DryRun { // so that no real run ever takes its successes for released
		h.Kind = "dry"
	}
	j, events, err := r.Open(h)
	if err != nil {
		return err
	}
	r.close, _ = j.(io.Closer)
	r.rec, err = newRecorder(r.Clock, j, h, events, r.Notify)
	return err
}

// somethingToDo is false when the product is released, or nothing of it was ever begun and nothing is
// open: finishing would then release an empty product.
func (r *Release) somethingToDo() bool {
	state := r.State()
	if len(r.Plan.Waves) > 0 {
		return true
	}
	if !r.manifest.Open() || r.Plan.Partial || r.Options.DryRun {
		return false
	}
	_, started := r.Repo.Refs()[tagRef(startTag(r.Plan.Version))]
	since := slices.ContainsFunc(r.manifest.Components, func(c manifest.Component) bool { return c.Since == r.Plan.Version })
	return started || since || len(state.ToRecord()) > 0
}

// refuse holds what the release repository says against the plan before anything starts.
func (r *Release) refuse(ctx context.Context) error {
	if err := r.lost(ctx); err != nil {
		return err
	}
	tag := tagRef(r.Plan.Version)
	if object, exists := r.Repo.Refs()[tag]; exists && !r.State().Made(tag, string(object)) {
		return fault.New(fault.Invalid, "tag-exists", "the tag %s exists already and was not made by this run", r.Plan.Version).
			Hint("if %s is released, set the product version of %s to the next one", r.Plan.Version, r.manifest.VersionAt).
			Hint("if the tag is a mistake, delete it: gio never moves or deletes a tag")
	}
	if r.NoNext {
		return nil
	}
	var err error
	r.next, err = plan.NextVersions(r.Plan.Version, r.Options.Branch, r.Options.MainBranch, r.Next)
	if err != nil {
		return err
	}
	return r.supportFree(ctx)
}

// supportFree: a support branch that exists already must be able to move on to the release.
func (r *Release) supportFree(ctx context.Context) error {
	old, exists := r.Repo.Refs()[branchRef(r.next.SupportBranch)]
	if r.next.SupportBranch == "" || !exists || old == r.Repo.Head() {
		return nil
	}
	ok, err := r.Repo.IsAncestor(ctx, old, r.Repo.Head())
	if err != nil || ok {
		return err
	}
	return fault.New(fault.Invalid, "support-branch-exists", "the branch %s exists and holds commits that %s does not", r.next.SupportBranch, r.Options.Branch).
		Hint("release from %s (`gio release --branch %s`), or `--no-next` to leave the next versions to you", r.next.SupportBranch, r.next.SupportBranch)
}

// drive begins the run and works through its plan.
func (r *Release) drive(ctx context.Context, stop <-chan struct{}) error {
	user, err := r.CI.Me(ctx)
	if err != nil {
		return err
	}
	driver := r.Driver
	driver.Login = user.Login
	planned := run.Event{Type: run.Planned, Plan: r.Plan, Driver: &driver, ServerTime: user.ServerTime}
	if err := r.begin(ctx, planned); err != nil {
		return err
	}
	if err := r.anew(ctx, driver); err != nil {
		return err
	}
	limit := r.MaxParallel
	if limit <= 0 {
		limit = MaxParallel
	}
	s := &session{
		rec: r.rec, ci: r.CI, plan: r.Plan, stop: stop, cancelled: r.rec.cancelled(), holdLimit: r.HoldLimit,
		ready: r.Ready, tagged: r.Tagged, simulated: r.Simulated,
		serverBegan: user.ServerTime, began: r.Clock.Now(), clock: r.Clock,
		pace: pace{earlier: run.Usual(r.Earlier)}, failFast: r.FailFast, alarm: newAlarm(),
		slots: semaphore.NewWeighted(int64(min(limit, MostParallel))), tried: map[run.StepID]bool{},
	}
	return s.drive(ctx)
}

// anew re-opens the steps of a server dry run that was finished before: run again it begins anew, while an unfinished one
// goes on.
func (r *Release) anew(ctx context.Context, driver run.Driver) error {
	if !r.Options.DryRun || r.Left() > 0 {
		return nil
	}
	e := run.Event{Type: run.Resolved, Status: run.AnswerNotTriggered, Driver: &driver}
	for _, planned := range r.Plan.Steps() {
		e.Steps = append(e.Steps, run.StepID(planned.ID()))
	}
	return r.rec.add(ctx, e)
}

// Left is how many steps of the plan have not succeeded yet.
func (r *Release) Left() int {
	left, state := 0, r.State()
	for _, planned := range r.Plan.Steps() {
		if state.Step(run.StepID(planned.ID())).Status != run.HasSucceeded {
			left++
		}
	}
	return left
}
