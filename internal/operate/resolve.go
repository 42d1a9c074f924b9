package operate

import (
	"context"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Resolved says for which steps of which run an answer was noted.
type Resolved struct {
	Steps []run.Step
	Run   run.Header
}

// Resolve notes a person's answer in the journal of the release of the workspace's version, or of its server dry run.
func Resolve(ctx context.Context, s Setup, a engine.Answer, dryRun, takeOver bool) (Resolved, error) {
	ci, err := s.circleCI()
	if err != nil {
		return Resolved{}, err
	}
	m, err := s.Manifest()
	if err != nil {
		return Resolved{}, err
	}
	repo, err := s.Repository(ctx, nil)
	if err != nil {
		return Resolved{}, err
	}
	h := run.Header{Kind: run.Release, Manifest: s.Path, Version: m.ReleaseVersion(), Host: ci.Host(), Branch: s.Branch.Value}
	if dryRun {
		h.Kind = run.DryRun
	}
	a.By = s.NewDriver()
	j, events, err := s.openExisting(ctx, ci, repo, h, a.By, takeOver)
	if err != nil {
		return Resolved{}, err
	}
	return openedRun{j, h, events, ci}.resolve(ctx, a, func(p *plan.Plan, id plan.StepID) (bool, error) {
		return s.tagged(ctx, m, p, id)
	})
}

// ResolveRun notes an answer in the journal of a staging or a trigger: in the workspace's release repository or, where
// inRepository says that there is none, on this machine.
func ResolveRun(ctx context.Context, s Setup, a engine.Answer, name run.Name, inRepository, takeOver bool) (Resolved, error) {
	if name.Kind != run.Staging && name.Kind != run.Trigger {
		return Resolved{}, fault.New(fault.Usage, "usage", "--run %s is no staging and no trigger", name).
			Hint("for a release, leave it out; for a run of `gio release --dry-run=server`, use --dry-run")
	}
	ci, err := s.circleCI()
	if err != nil {
		return Resolved{}, err
	}
	a.By = s.NewDriver()
	h := run.Header{Kind: name.Kind, Manifest: s.Path, Version: name.Version}
	open := s.openFileRun
	if inRepository {
		open = func(h run.Header) (engine.Journal, []run.Event, error) {
			return s.openGitRun(ctx, h, ci, a.By, takeOver)
		}
	}
	j, events, err := open(h)
	if err != nil {
		return Resolved{}, err
	}
	return openedRun{j, h, events, ci}.resolve(ctx, a, func(*plan.Plan, plan.StepID) (bool, error) { return false, nil })
}

// openedRun is a run whose journal is open.
type openedRun struct {
	engine.Journal
	header run.Header
	events []run.Event
	ci     *circleci.Client
}

// resolve notes the answer and closes the journal. Tagged reports whether the version of a step has its tag.
func (o openedRun) resolve(ctx context.Context, a engine.Answer, tagged func(*plan.Plan, plan.StepID) (bool, error)) (Resolved, error) {
	defer func() { _ = o.Journal.Close() }() // what matters is durable already
	state, err := run.Fold(o.events)
	if err != nil {
		return Resolved{}, err
	}
	steps, err := engine.Resolve(ctx, o.ci, o.Journal, o.events, a, func(id plan.StepID) (bool, error) { return tagged(state.Plan, id) })
	return Resolved{Steps: steps, Run: o.header}, err
}

// openGitRun opens the journal of a run in the release repository.
func (s Setup) openGitRun(ctx context.Context, h run.Header, ci *circleci.Client, by run.Driver, takeOver bool) (engine.Journal, []run.Event, error) {
	repo, err := s.Repository(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	state, err := pastState(ctx, repo, h)
	if err != nil {
		return nil, nil, err
	}
	if state == nil {
		return nil, nil, noSuchRun(h.Name())
	}
	h = state.Header
	h.Host = ci.Host()
	return s.openExisting(ctx, ci, repo, h, by, takeOver)
}

// openFileRun opens the journal of a run in the state directory.
func (s Setup) openFileRun(h run.Header) (engine.Journal, []run.Event, error) {
	t := triggerRuns{dir: s.StateDir()}
	events, err := journal.ReadFile(t.path(h))
	if fault.Is(err, "no-journal") {
		h.Manifest = pullRequests
		events, err = journal.ReadFile(t.path(h))
	}
	switch {
	case fault.Is(err, "no-journal"):
		return nil, nil, unknownRun(h.Name()).Because(err)
	case err != nil:
		return nil, nil, err
	}
	return journal.OpenFile(t.path(h), *events[0].Header)
}

// tagged reports whether the component's repository has a tag of the step's version.
func (s Setup) tagged(ctx context.Context, m *manifest.Manifest, p *plan.Plan, id plan.StepID) (bool, error) {
	credentials, err := s.Credentials()
	if err != nil {
		return false, err
	}
	for _, st := range p.Steps() {
		if st.ID() != id {
			continue
		}
		tags, err := gitrepo.RemoteTags(ctx, repositoryURL(m.SCMHTTPURL, st.Repository), credentials)
		_, plain := tags[id.Version()]
		_, prefixed := tags["v"+id.Version()]
		_, named := tags[st.Proof.Tag]
		return plain || prefixed || named, err
	}
	return false, fault.New(fault.Invalid, "nothing-to-resolve", "%s is not to be released: it is not open in release.json", id).
		Hint("open it in release.json, then run %s", fault.Next{Action: fault.Resume})
}

// repositoryURL returns the address of org/name, by scmHttpUrl, whose last part is the product's own organization.
func repositoryURL(scm, repository string) string {
	scm = strings.TrimSuffix(scm, "/")
	if u, err := url.Parse(scm); err == nil && u.Scheme != "" {
		u.Path = path.Join(path.Dir(u.Path), repository)
		return u.String()
	}
	return filepath.Join(filepath.Dir(scm), filepath.FromSlash(repository))
}
