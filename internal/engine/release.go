package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

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
	Execution // its Plan is filled by Prepare
	Repo      *gitrepo.Repo
	Path      string // of release.json in the repository
	// Local is the checkout's release.json, which must say the same as the repository's; nil without
	// a checkout.
	Local []byte
	// ConfigPath is the path in the repository of the gio.yaml that the checkout has, or lacks, and LocalConfig its content there:
	// it must be the same, too. "" where the settings do not come from the checkout.
	ConfigPath  string
	LocalConfig []byte

	Options plan.Options // Branch and MainBranch among them; DefaultBranches is filled by Prepare
	// Order is ByWaves, or ByGraph; "" is ByWaves. A run that has begun keeps its order: Prepare refuses another one that the user has
	// asked for, and else goes on with the run's.
	Order      plan.Order
	OrderAsked bool
	// Needs tells what each of some steps needs among others, for a release by the graph. It is asked when the release is prepared, and
	// again right before each intent.
	Needs func(ctx context.Context, of, among []plan.Step) (map[plan.StepID]plan.Found, error)
	// Unchecked: a step starts also where its needs cannot be read again by then.
	Unchecked bool

	Next   string // version of the release branch after the release; "" counts
	NoNext bool   // prepare no next version

	manifest *manifest.Manifest
	next     plan.Next
	changed  []Change

	allBranches map[string]string // the default branches of all that is to be released; nil before they are read
}

// ErrNothing is what Prepare returns when there is nothing to release and nothing to finish: no
// fault, the run is done.
var ErrNothing = errors.New("nothing to release and nothing to finish")

// Prepare reads release.json from the repository, plans, opens the run's journal and refuses what
// must not start (kind Invalid). It writes nothing but what the journal does when it is opened. It may be called again with
// another Open: once to see what there is to do, then to drive.
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
	idle := !r.somethingToDo(r.State())
	if err := r.refresh(ctx); err != nil {
		return err
	}
	if idle && r.somethingToDo(r.State()) { // the caller, who knew of nothing to do, may have opened no journal for it
		if err := r.Close(); err != nil {
			return err
		}
		return r.Prepare(ctx)
	}
	if err := r.refuseStale(); err != nil {
		return err
	}
	if err := r.settleRecording(ctx); err != nil {
		return err
	}
	if !r.somethingToDo(r.State()) {
		return cmp.Or(r.untagged(), ErrNothing)
	}
	if err := r.arrange(ctx); err != nil {
		return err
	}
	if old := r.RenamedFrom(); old != "" {
		r.Plan.Warnings = append(r.Plan.Warnings, fmt.Sprintf("the run of %s began on branch %s, which the remote no longer has: it goes on under the name %s", r.Plan.Version, old, r.Plan.Branch))
	}
	r.Plan.Warnings = append(r.Plan.Warnings, setBack(r.Plan, r.State())...)
	if !r.Simulated {
		if err := r.Provable(); err != nil {
			return err
		}
	}
	return r.refuse(ctx)
}

// Run drives the plan that Prepare made: proves the right to push, tags the start, releases the steps,
// records. Closing stop starts nothing new and watches what runs; cancelling ctx leaves at once. The
// error says how the run ended, by the kinds of package fault; nil is success.
func (r *Release) Run(ctx context.Context, stop <-chan struct{}) error {
	c := chapter{begin: r.begin}
	if r.Plan.IsByGraph() && !r.Simulated {
		c.ready = r.readyByGraph
	}
	if r.Options.DryRun {
		c.anew = r.repeats()
	} else {
		c.end = r.record
	}
	return r.run(ctx, stop, c)
}

// repeats tells whether it is a server dry run that has finished, and is to run once more from the beginning.
func (r *Release) repeats() bool { return r.Options.DryRun && r.Left() == 0 }

// Following returns the next versions that stand on the branches since the product is released; none before, and with NoNext.
func (r *Release) Following() plan.Next {
	if r.NoNext || r.Options.DryRun || !r.State().Finished {
		return plan.Next{}
	}
	return r.next
}

// RenamedFrom returns the branch that the prepared run began on where that is not the release branch and the repository no longer
// has it: it was renamed. "" for any other run.
func (r *Release) RenamedFrom() string { return RenamedFrom(r.Repo, r.State(), r.Options.Branch) }

// RenamedFrom is the same for the state of a run that is to go on on a branch.
func RenamedFrom(repo *gitrepo.Repo, s *run.State, branch string) string {
	old := s.Header.Branch
	if old == "" || old == branch {
		return ""
	}
	if _, exists := repo.Refs()[plan.BranchRef(old)]; exists {
		return ""
	}
	return old
}

func (r *Release) read() error {
	data, err := r.Repo.ReadFile(r.Repo.Head(), r.Path)
	if err != nil {
		return err
	}
	r.manifest, err = manifest.Parse(r.Path, data)
	return err
}

// refresh reads what the driver before this one pushed while this one waited for the journal. When that has finished the
// product, nothing is to be released any more.
func (r *Release) refresh(ctx context.Context) error {
	head, version := r.Repo.Head(), r.Plan.Version
	if err := r.Repo.Fetch(ctx); err != nil || r.Repo.Head() == head {
		return err
	}
	if err := r.read(); err != nil {
		return err
	}
	switch now := r.manifest.ReleaseVersion(); {
	case now == version:
		return r.makePlan(ctx)
	case r.State().Finished:
		return ErrNothing
	default: // the journal is that of the version that was asked for, and release.json holds another
		return fault.New(fault.Invalid, "version-changed", "%s: the version of %s was changed from %s to %s while gio waited for its run",
			r.manifest.VersionAt, r.manifest.Name, version, now).
			Hint("%s to release %s", fault.Again(), now)
	}
}

// refuseStale refuses a checkout that is not what the operator releases: its release.json must be the
// remote's, or what that was before this run recorded its own successes there.
func (r *Release) refuseStale() error {
	if r.Local == nil {
		return nil
	}
	if err := r.refuseStaleConfig(); err != nil || r.says(r.Local) {
		return err
	}
	if local, err := manifest.Parse(r.Path, r.Local); err == nil {
		var mine []string
		for _, c := range local.Components {
			there, _ := r.manifest.Component(c.Name)
			if st := r.State().Step(plan.ID(c.Name, c.ReleaseVersion())); c.Open() && !there.Open() && st.Status == run.HasSucceeded {
				mine = append(mine, c.Name)
			}
		}
		if recorded, err := local.Release(mine, r.Plan.Version); err == nil && r.says(recorded.Bytes()) {
			return nil
		}
	}
	return fault.New(fault.Invalid, "stale-checkout", "%s of the checkout is not the one on branch %s of the remote: %s",
		r.Path, r.Options.Branch, r.difference()).
		Hint("`git pull` to get the remote's, or commit and push your edit, then %s", fault.Again())
}

// refuseStaleConfig refuses a checkout whose gio.yaml is not the one of the release branch.
func (r *Release) refuseStaleConfig() error {
	if r.ConfigPath == "" {
		return nil
	}
	there, err := r.Repo.ReadFile(r.Repo.Head(), r.ConfigPath)
	if err != nil && !fault.Is(err, "file-missing") {
		return err
	}
	what := "is not the one"
	switch {
	case bytes.Equal(plainLines(there), plainLines(r.LocalConfig)):
		return nil
	case there == nil:
		what = "is not"
	case r.LocalConfig == nil:
		what = "is missing, and there is one"
	}
	return fault.New(fault.Invalid, "stale-checkout", "%s of the checkout %s on branch %s of the remote", r.ConfigPath, what, r.Options.Branch).
		Hint("`git pull` to get the remote's, or commit and push your edit, then %s", fault.Again()).
		Hint("to release with the checkout's settings all the same, name them with --config")
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
	r.allBranches = nil
	if r.Options.ComponentMain == "" {
		r.Options.DefaultBranches = nil // of an earlier plan: by them no step would seem to need its own
		p, err := plan.Make(r.manifest, r.Options)
		if err != nil {
			return err
		}
		branches, err := DefaultBranches(ctx, r.CI, p, r.Options.MainBranch)
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
func DefaultBranches(ctx context.Context, ci *circleci.Client, p *plan.Plan, mainBranch string) (map[string]string, error) {
	var mu sync.Mutex
	branches := map[string]string{}
	g, ctx := errgroup.WithContext(ctx)
	for _, st := range p.Steps() {
		if st.Branch != mainBranch {
			continue
		}
		g.Go(func() error {
			project, err := ci.Project(ctx, st.Project)
			if kind := fault.KindOf(err); kind == fault.NotFound || circleci.IsForbidden(err) {
				return fault.New(kind, "project", "%s", st.Component).Because(err).
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
		Kind: run.Release, Manifest: r.Path,
		Product: r.manifest.Name, Version: r.manifest.ReleaseVersion(),
		Host: r.CI.Host(), Branch: r.Options.Branch,
	}
	if r.Options.DryRun { // so that no real run ever takes its successes for released
		h.Kind = run.DryRun
	}
	return r.open(h)
}

// Idle tells whether there is nothing to do for a run with these events, before its journal is opened for writing: nothing to
// release or to finish, and no push whose outcome must be noted.
func (r *Release) Idle(events []run.Event) bool {
	state, err := run.Fold(events)
	return err == nil && state.Recording == nil && !r.somethingToDo(state)
}

// somethingToDo is false when the product is released, or nothing of it was ever begun and nothing is
// open: finishing would then release an empty product.
func (r *Release) somethingToDo(state *run.State) bool {
	if len(r.Plan.Waves) > 0 {
		return true
	}
	if !r.manifest.Open() || r.Plan.Partial || r.Options.DryRun {
		return false
	}
	return r.began() || len(state.ToRecord()) > 0
}

// began tells whether the repository says that something was released for this product version.
func (r *Release) began() bool {
	_, started := r.Repo.Refs()[plan.TagRef(r.Plan.StartTag())]
	return started || slices.ContainsFunc(r.manifest.Components, func(c manifest.Component) bool { return c.Since == r.Plan.Version })
}

// Refs lists what the prepared release writes to its repository; nothing for a server dry run.
func (r *Release) Refs() []plan.Ref {
	if r.Options.DryRun {
		return nil
	}
	return r.Plan.Refs(r.next)
}

// refuse refuses, before anything starts, a plan that contradicts the release repository.
func (r *Release) refuse(ctx context.Context) error {
	if !r.NoNext {
		var err error
		if r.next, err = plan.NextVersions(r.Plan.Version, r.Options.Branch, r.Options.MainBranch, r.Next); err != nil {
			return err
		}
	}
	if err := r.refuseLost(ctx); err != nil {
		return err
	}
	released, err := r.releasedWhole()
	if err != nil {
		return err
	}
	return r.refuseRefs(ctx, released)
}

// releasedWhole is release.json as it is when nothing of the product is open any more.
func (r *Release) releasedWhole() (*manifest.Manifest, error) {
	var open []string
	for _, c := range r.manifest.Components {
		if c.Open() {
			open = append(open, c.Name)
		}
	}
	return r.manifest.Release(open, r.Plan.Version)
}

// refuseRefs refuses to finish the product while the repository's refs make that impossible, or wrong.
func (r *Release) refuseRefs(ctx context.Context, released *manifest.Manifest) error {
	if err := r.refuseTag(ctx, released); err != nil {
		return err
	}
	if err := r.refuseObstacles(); err != nil {
		return err
	}
	return r.checkSupport(ctx)
}

// refuseObstacles refuses a final push that Git could never make, because other refs are in the way of its own.
func (r *Release) refuseObstacles() error {
	found := plan.Obstacles(r.Refs(), slices.Sorted(maps.Keys(r.Repo.Refs())))
	if len(found) == 0 {
		return nil
	}
	o := found[0]
	f := fault.New(fault.Invalid, "ref-in-the-way", "the release could not be recorded: Git cannot make %s, because %s is there", o.Ref, o.Existing)
	if len(found) > 1 {
		f = fault.New(fault.Invalid, "ref-in-the-way", "the release could not be recorded: Git cannot make %s, because %s is there, and %d more refs are in the way", o.Ref, o.Existing, len(found)-1)
	}
	return f.Hint("rename or delete %s: `git push --delete origin %s`, then %s", o.Existing, o.Existing, fault.Again())
}

// checkSupport refuses a support branch that exists and cannot be moved forward to the release.
func (r *Release) checkSupport(ctx context.Context) error {
	old, exists := r.Repo.Refs()[plan.BranchRef(r.next.SupportBranch)]
	if r.next.SupportBranch == "" || !exists || old == r.Repo.Head() {
		return nil
	}
	ok, err := r.Repo.IsAncestor(ctx, old, r.Repo.Head())
	if err != nil || ok {
		return err
	}
	f := fault.New(fault.Invalid, "support-branch-exists", "the branch %s exists and holds commits that %s does not", r.next.SupportBranch, r.Options.Branch)
	if r.madeBranch(r.next.SupportBranch) {
		f = f.Hint("gio made it when it finished %s, and nobody has committed to it since: `git push --delete origin %s`, then %s", r.Plan.Version, r.next.SupportBranch, fault.Again())
	}
	return f.Hint("release from %s (`gio release --branch %s`), or `--no-next` to leave the next versions to you", r.next.SupportBranch, r.next.SupportBranch)
}
