package operate

import (
	"cmp"
	"context"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Stage stages the components of a released version on Nexus; "" is the newest released version by release.json. The result is
// nil when the run did not begin.
func Stage(ctx context.Context, s Setup, e Ends, version string, takeOver bool) (*Result, error) {
	p, err := s.stagePlan(ctx, e, version)
	if err != nil {
		return nil, err
	}
	for _, l := range p.Excluded {
		s.tell("left out: %s %s (%s)", l.Component, l.Version, l.Reason)
	}
	x := s.newExecution(e, p)
	x.Open = s.driverJournal(ctx, x, e.Repo, takeOver)
	if e.Dry != nil {
		x.Open = func(h run.Header) (engine.Journal, []run.Event, error) { return e.Dry.OpenJournal(ctx, h) }
	}
	return s.drive(ctx, x, e, func(context.Context) error { return x.Prepare(s.headerOf(run.Staging, p)) })
}

func (s Setup) stagePlan(ctx context.Context, e Ends, version string) (*plan.Plan, error) {
	if e.Dry != nil && e.Dry.Imagined {
		return nil, fault.New(fault.Remote, "no-remote", "a staging reads release.json at a tag of the release repository, which could not be read").
			Hint("see above why the remote could not be read: the checkout alone is not enough for a staging")
	}
	if version == "" {
		newest, err := s.remoteManifest(e.Repo)
		if err != nil {
			return nil, err
		}
		if version, err = s.newestReleased(newest, e.Repo); err != nil {
			return nil, err
		}
		s.tell("the version to be staged is %s: the newest released one by release.json", version)
	}
	m, _, err := s.manifestAt(ctx, e.Repo, version)
	if err != nil {
		return nil, err
	}
	o := s.WithManifest(m.Bytes()).PlanOptions(nil, nil)
	o.MainBranch = s.MainBranchOf(e.Repo)
	if o.Branch, err = s.releasedFrom(ctx, e.Repo, version); err != nil {
		return nil, err
	}
	p, err := plan.MakeStage(m, o)
	if err != nil || o.ComponentMain != "" {
		return p, err
	}
	if o.DefaultBranches, err = engine.DefaultBranches(ctx, e.CI, p, o.MainBranch); err != nil {
		return nil, err
	}
	return plan.MakeStage(m, o)
}

// manifestAt reads release.json at the tag of a version, which must have that version.
func (s Setup) manifestAt(ctx context.Context, repo *gitrepo.Repo, version string) (*manifest.Manifest, gitrepo.Hash, error) {
	commit, err := s.taggedCommit(ctx, repo, version)
	if err != nil {
		return nil, "", err
	}
	data, err := repo.ReadFile(commit, s.Path)
	if err != nil {
		return nil, "", err
	}
	m, err := manifest.Parse(s.Path+" at "+version, data)
	if err == nil && m.Version != version {
		err = fault.New(fault.Invalid, "other-version", "%s: the tag of %s holds version %s", m.VersionAt, version, m.Version).
			Hint("%s lists what was released", fault.Next{Action: fault.History})
	}
	return m, commit, err
}

// taggedCommit fetches the commit of a version's tag.
func (s Setup) taggedCommit(ctx context.Context, repo *gitrepo.Repo, version string) (gitrepo.Hash, error) {
	name, err := s.ProductTag(version)
	if err != nil {
		return "", err
	}
	tag := plan.TagRef(name)
	commit := commitAt(repo, tag)
	if commit == "" {
		return "", fault.New(fault.NotFound, "no-tag", "%s is not released: there is no tag %s", version, name).
			Hint("%s lists what was released", fault.Next{Action: fault.History})
	}
	return commit, repo.Fetch(ctx, tag)
}

// commitAt returns the commit that a tag marks; "" where there is no such tag.
func commitAt(repo *gitrepo.Repo, tag string) gitrepo.Hash {
	refs := repo.Refs()
	return cmp.Or(refs[tag+"^{}"], refs[tag])
}

// releasedFrom returns the branch that a version was released from, on which the branches of the components depend: its run's
// or, where there is no such run, the checkout's.
func (s Setup) releasedFrom(ctx context.Context, repo *gitrepo.Repo, version string) (string, error) {
	events, _, err := journal.ReadGit(ctx, repo.Ref(journal.GitRef), run.Header{Kind: run.Release, Manifest: s.Path, Version: version})
	if fault.Is(err, "no-journal") {
		return s.Branch.Value, nil
	}
	if err != nil {
		return "", err
	}
	state, err := run.Fold(events)
	return state.Header.Branch, err
}

// remoteManifest reads release.json on the remote's branch: a checkout may be older than the last release.
func (s Setup) remoteManifest(repo *gitrepo.Repo) (*manifest.Manifest, error) {
	data, err := repo.ReadFile(repo.Head(), s.Path)
	if err != nil {
		return nil, err
	}
	return manifest.Parse(s.Path, data)
}

// newestReleased returns the newest version that a component was released with, by release.json, and whose tag exists.
func (s Setup) newestReleased(m *manifest.Manifest, repo *gitrepo.Repo) (string, error) {
	newest := ""
	for _, c := range m.Components {
		v, err := manifest.ParseVersion(c.Since)
		tag, invalid := s.ProductTag(c.Since)
		if _, tagged := repo.Refs()[plan.TagRef(tag)]; err != nil || invalid != nil || !tagged {
			continue
		}
		if before, err := manifest.ParseVersion(newest); err != nil || v.GreaterThan(before) {
			newest = c.Since
		}
	}
	if newest == "" {
		return "", fault.New(fault.NotFound, "no-tag", "%s: nothing of it is released: no component has a since whose tag exists", m.File).
			Hint("release first: gio release")
	}
	return newest, nil
}
