package operate

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/doctor"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/run"
)

// Examination compares release.json, tags, pipelines and journal with each other.
type Examination struct {
	*editor
	Report *doctor.Report
	Header run.Header // of the product version's run

	question doctor.Question
}

// Examine reads all of them and compares them, for the named components or, without names, for all. It writes nothing.
func Examine(ctx context.Context, s Setup, names []string) (*Examination, error) {
	e, err := newEditor(ctx, s)
	if err != nil {
		return nil, err
	}
	x := &Examination{editor: e, question: doctor.Question{Names: names}}
	if err := x.gather(ctx); err != nil {
		return nil, err
	}
	x.Report, err = doctor.Examine(ctx, x.question)
	return x, err
}

// gather makes the clients, and reads the release repository.
func (x *Examination) gather(ctx context.Context) error {
	m := x.before
	ci, err := x.circleCI()
	if err != nil {
		return err
	}
	gh, err := x.componentHub()
	if err != nil {
		return err
	}
	options := x.PlanOptions(nil, nil)
	options.MainBranch = x.MainBranchOf(x.repo)
	if options.DefaultBranches, err = defaultBranches(ctx, ci, m, options); err != nil {
		return err
	}
	x.Header = run.Header{
		Kind: run.Release, Manifest: x.Path, Product: m.Name, Version: m.ReleaseVersion(),
		Host: ci.Host(), Branch: x.Branch.Value,
	}
	q := &x.question
	q.Manifest, q.Options, q.CI, q.GitHub = m, options, ci, gh
	if err := x.readJournal(ctx); err != nil {
		return err
	}
	return x.readTags(ctx)
}

// defaultBranches reads the default branches of the projects. It returns none where release.json is so wrong that nothing can be
// planned: the release repository's then stands for all.
func defaultBranches(ctx context.Context, ci *circleci.Client, m *manifest.Manifest, o plan.Options) (map[string]string, error) {
	p, err := plan.Make(m, o)
	if o.ComponentMain != "" || err != nil {
		return nil, nil
	}
	return engine.DefaultBranches(ctx, ci, p, o.MainBranch)
}

// readJournal reads the run's journal, that of its dry run, and the claims of other runs.
func (x *Examination) readJournal(ctx context.Context) error {
	ref := x.repo.Ref(journal.GitRef)
	tip, err := ref.Fetch(ctx)
	if err != nil {
		return err
	}
	now, s := refAt{Ref: ref, tip: tip}, &x.question
	var lease run.Lease
	if s.State, lease, err = stateOf(ctx, now, x.Header); err != nil {
		return err
	}
	if lease.Live(time.Now()) {
		s.Driver = lease.String()
	}
	dry := x.Header
	dry.Kind = run.DryRun
	if s.Dry, _, err = stateOf(ctx, now, dry); err != nil {
		return err
	}
	var open []plan.StepID
	for _, c := range x.before.Components {
		if c.Open() {
			open = append(open, plan.ID(c.Name, c.ReleaseVersion()))
		}
	}
	s.Claims, err = journal.ReadClaims(ctx, now, x.Header, open)
	return err
}

// stateOf returns the state of a run; nil where the journal does not have it.
func stateOf(ctx context.Context, ref refAt, h run.Header) (*run.State, run.Lease, error) {
	k, err := Snapshot{Header: h}.readAt(ctx, ref)
	if fault.Is(err, "no-journal") {
		return nil, k.Lease, nil
	}
	return k.State, k.Lease, err
}

// readTags reads the two tags that the release repository can have of the product version.
func (x *Examination) readTags(ctx context.Context) error {
	tag, err := x.ProductTag(x.Header.Version)
	if err != nil {
		return err
	}
	start, released := doctor.Tags(tag)
	if err := x.repo.Fetch(ctx, start); err != nil {
		return err
	}
	refs := x.repo.Refs()
	q := &x.question
	q.ProductTag, q.Began, q.Tag = tag, x.repo.MadeAt(refs[start]), string(refs[released])
	q.Known = pipelinesKnown(ctx, x.repo)
	q.Was = x.versionsBefore(ctx)
	q.Opened, err = openedAt(ctx, x.repo, x.Config.ProductTag, x.Header.Version)
	return err
}

// Edit makes the edit of release.json that is certain; nil where there is none. It is refused (kind Stopped) while somebody
// drives a run of its version.
func (x *Examination) Edit(ctx context.Context) (*Preparation, error) {
	fix := x.Report.Fix()
	if !fix.EditsManifest() {
		return nil, nil
	}
	r := prepare.Request{Mend: fix.Mend}
	for _, e := range fix.Edits {
		r.Set = append(r.Set, prepare.Setting{Component: e.Component, Version: e.Version})
		if e.Since != "" {
			r.Since = append(r.Since, prepare.Setting{Component: e.Component, Version: e.Since})
		}
	}
	if err := x.refuseWhileDriven(ctx); err != nil {
		return nil, err
	}
	edit, err := prepare.Make(ctx, prepare.Question{
		Manifest: x.before, Options: x.question.Options, GitHub: x.question.GitHub, NoGitHub: noGitHub, Request: r,
	})
	if err != nil {
		return nil, err
	}
	return &Preparation{editor: x.editor, Edit: edit}, nil
}

// Rebuilding rebuilds a lost journal: first it says what the journal would hold, then Write writes it.
type Rebuilding struct {
	State *run.State // what the new journal adds up to

	x      *Examination
	events []run.Event
	driver run.Driver
}

// Rebuild computes the lost journal, for release.json as it is now.
func (x *Examination) Rebuild(ctx context.Context, m *manifest.Manifest) (*Rebuilding, error) {
	if err := x.refuseWhileDriven(ctx); err != nil {
		return nil, err
	}
	p, err := plan.Make(m, x.question.Options)
	if err != nil {
		return nil, err
	}
	driver := x.NewDriver()
	events, err := x.Report.Rebuild(p, x.Header, driver, time.Now())
	if err != nil {
		return nil, err
	}
	state, err := run.Fold(events)
	return &Rebuilding{State: state, x: x, events: events, driver: driver}, err
}

// Write writes the journal. It is refused (kind Stopped) when somebody has begun the run meanwhile.
func (b *Rebuilding) Write(ctx context.Context) error {
	j, existing, err := journal.OpenGit(ctx, b.x.repo.Ref(journal.GitRef), b.x.Header, journal.GitOptions{Driver: b.driver})
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // what matters is durable already
	if len(existing) > 0 {
		return fault.New(fault.Stopped, "journal-moved", "somebody has begun %s meanwhile: its journal is not written", b.x.Header.Run()).Hint("%s", fault.Again())
	}
	return j.Append(ctx, b.events...)
}
