package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

	Options plan.Options // Branch and MainBranch among them; DefaultBranches is filled by Prepare
	Next    string       // version of the release branch after the release; "" counts
	NoNext  bool         // prepare no next version

	manifest *manifest.Manifest
	next     plan.Next
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
	idle := !r.somethingToDo(r.State())
	if err := r.readAgain(ctx); err != nil {
		return err
	}
	if idle && r.somethingToDo(r.State()) { // of which the journal, that was perhaps only looked at, must know
		if err := r.Close(); err != nil {
			return err
		}
		return r.Prepare(ctx)
	}
	if err := r.current(); err != nil {
		return err
	}
	if err := r.settleRecording(ctx); err != nil {
		return err
	}
	if !r.somethingToDo(r.State()) {
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
	if r.Options.DryRun {
		return r.run(ctx, stop, chapter{begin: r.begin, anew: r.Left() == 0})
	}
	return r.run(ctx, stop, chapter{begin: r.begin, end: r.record})
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
	switch now := r.manifest.ReleaseVersion(); {
	case now == version:
		return r.makePlan(ctx)
	case r.State().Finished:
		return ErrNothing
	default: // what was asked for is not there any more, and the journal is that of the other version
		return fault.New(fault.Invalid, "version-changed", "%s: the version of %s was changed from %s to %s while gio waited for its run",
			r.manifest.VersionAt, r.manifest.Name, version, now).
			Hint("run the same command again to release %s", now)
	}
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
	return r.open(h)
}

// Idle tells of a run with these events, before its journal is opened for good, that nothing is to be done: neither is there
// anything to release or to finish, nor a push whose outcome is to be noted.
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
