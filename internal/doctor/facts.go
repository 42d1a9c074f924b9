package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

const (
	snapshot = "-SNAPSHOT"
	// clockSkew is how far CircleCI's clock and that of the machine that set the tag of the start may be apart.
	clockSkew = 5 * time.Minute
	// noWorkflow is how long after its trigger a pipeline without workflows may still get one.
	noWorkflow = 5 * time.Minute
	// mostListed is how many pipelines of a branch gio reads. For a lost journal it reads all since the run began: gio release
	// would start one that it overlooks again.
	mostListed = 60
)

// Facts is what is known of one component. The journal's part is its step, pending where the journal knows nothing.
type Facts struct {
	Component  string `json:"component"`
	Version    string `json:"version"` // as it stands in release.json
	Since      string `json:"since,omitempty"`
	Open       bool   `json:"open"`
	Repository string `json:"repository,omitempty"`
	Branch     string `json:"branch,omitempty"` // it is built from, when it is open
	Product    string `json:"-"`                // version to be released

	Tag     string `json:"tag,omitempty"` // of the version, "" when there is none
	TagRead bool   `json:"tag_read"`      // Tag was asked for

	File   string `json:"file,omitempty"`   // that says a version on its branch
	Stated string `json:"stated,omitempty"` // the version it says
	Would  string `json:"-"`                // the version that release.json should say instead, when the branch says another one that can be; else ""

	Step   run.Step   `json:"journal"`
	Own    *Pipeline  `json:"pipeline,omitempty"`        // the step's, as CircleCI says it now
	Others []Pipeline `json:"other_pipelines,omitempty"` // that the API triggered on its branch, and not this run; the newest first

	Again   []string `json:"again,omitempty"` // further entries of the component, that go: their positions and versions
	Stays   string   `json:"stays,omitempty"` // the entry that stays then
	Unclear bool     `json:"-"`               // one of those that go is to be released
	NoSince bool     `json:"-"`               // its since is none
	Void    bool     `json:"-"`               // it has a version of its own, and that is none
	Was     string   `json:"was,omitempty"`   // the version that an earlier release.json says, where this one says none
	WasTag  string   `json:"-"`               // where

	Claimed string `json:"claimed,omitempty"` // the other run that holds the version
	Lost    bool   `json:"-"`                 // the run's journal is gone
	Driven  bool   `json:"-"`                 // somebody drives the run now
	Err     error  `json:"-"`                 // what could not be read
}

// Pipeline is one that is, or may be, a release of the component.
type Pipeline struct {
	ID     string         `json:"id"`
	Number int64          `json:"number"`
	URL    string         `json:"url"`
	Login  string         `json:"login"`
	State  circleci.State `json:"state"`
	Mine   bool           `json:"mine"` // triggered by the token's user
}

// Ended tells whether nothing of it runs or waits any more.
func (p Pipeline) Ended() bool { return p.State == circleci.Succeeded || p.State == circleci.Failed }

// Released is the version without -SNAPSHOT.
func (f Facts) Released() string { return strings.TrimSuffix(f.Version, snapshot) }

// facts reads all that is known of a component. Errors are facts, too.
func (q Question) facts(ctx context.Context, c manifest.Component, user circleci.User) Facts {
	f := q.known(c)
	if len(f.Again) > 0 || !f.Void && (f.NoSince || !c.HasVersion()) {
		return f // nothing else can be said before that is mended
	}
	if f.Repository, f.Err = q.Options.Repository(q.Manifest, c); f.Err != nil {
		return f
	}
	if f.Void {
		f.Err = q.unversionedFacts(ctx, &f, c)
		return f
	}
	st, err := q.Options.Step(q.Manifest, c)
	if f.Open {
		if f.Err = err; err != nil {
			return f
		}
		f.Branch = st.Branch
	}
	before, errs := f, make([]error, 3)
	var g errgroup.Group
	g.Go(func() error { f.Tag, f.TagRead, errs[0] = q.tag(ctx, before, st.Proof.Tag); return nil })
	g.Go(func() error { f.File, f.Stated, f.Would, errs[1] = q.stated(ctx, before, c); return nil })
	g.Go(func() error { f.Own, f.Others, errs[2] = q.pipelines(ctx, before, st.Project, user); return nil })
	_ = g.Wait() // they stand in errs
	f.Err = fault.Worst(errs...)
	return f
}

// known are the facts that no one need be asked about: those of release.json and of the journal.
func (q Question) known(c manifest.Component) Facts {
	f := Facts{
		Component: c.Name, Version: c.Version, Since: c.Since, Open: c.Open(), Product: q.Manifest.ReleaseVersion(),
		Driven: q.Driver != "", Lost: q.lost(), Step: run.Step{ID: plan.ID(c.Name, c.ReleaseVersion()), Status: run.Pending},
	}
	if q.State != nil {
		f.Step = q.State.Step(f.Step.ID)
	}
	for _, double := range q.Manifest.Doubles() {
		if double.Stays.Name != c.Name {
			continue
		}
		f.Stays = entry(double.Stays)
		for _, goes := range double.Goes {
			f.Again, f.Unclear = append(f.Again, entry(goes)), f.Unclear || goes.Open()
		}
	}
	f.NoSince, f.Void = q.Manifest.BrokenSince(c.Name), c.Own && !c.HasVersion()
	if i := slices.IndexFunc(q.Claims, func(c journal.Claim) bool { return c.Step == f.Step.ID }); i >= 0 {
		f.Claimed = q.Claims[i].Run
	}
	return f
}

// entry names an entry of release.json.
func entry(c manifest.Component) string {
	return fmt.Sprintf("%s (%s)", c.At, cmp.Or(c.Version, "no version"))
}

// unversionedFacts finds out which version a component without one should have: the one that an earlier release.json says, released
// if it is tagged, else to be released as it was then.
func (q Question) unversionedFacts(ctx context.Context, f *Facts, c manifest.Component) error {
	if q.Was == nil {
		return nil
	}
	if f.Was, f.WasTag = q.Was(c.Name); f.Was == "" {
		return nil
	}
	c.Version = f.Was
	st, _ := q.Options.Step(q.Manifest, c) // without one there is no name of its tag
	known := *f
	known.Version = f.Was
	var err error
	f.Tag, f.TagRead, err = q.tag(ctx, known, st.Proof.Tag)
	switch {
	case f.Tag != "":
		f.Would = known.Released()
	case f.TagRead && c.Open():
		f.Would = f.Was
	}
	return err
}

// tag finds the tag of the version, also under the name that gio.yaml gives it.
func (q Question) tag(ctx context.Context, f Facts, named string) (tag string, read bool, err error) {
	if q.GitHub == nil {
		return "", false, nil
	}
	tag, err = q.GitHub.VersionTag(ctx, f.Repository, f.Released(), named)
	return tag, err == nil, err
}

// stated reads the version that the branch says. Would is the version that can stand in release.json instead.
func (q Question) stated(ctx context.Context, f Facts, c manifest.Component) (file, version, would string, err error) {
	if q.GitHub == nil || !f.Open {
		return "", "", "", nil
	}
	file, version, err = q.GitHub.VersionOn(ctx, f.Repository, f.Branch)
	if fault.Is(err, "version-file") || fault.Is(err, "no-commit") { // gio check says so, and what to do
		return "", "", "", nil
	}
	if f.File, f.Stated = file, version; err != nil || f.fits() {
		return file, version, "", err
	}
	would, err = q.instead(ctx, f, c)
	return file, version, would, err
}

// instead is the version that the branch says, as release.json would say it; "" where it is not to be released, is built from
// another branch, or is released already.
func (q Question) instead(ctx context.Context, f Facts, c manifest.Component) (string, error) {
	c.Version = f.Stated
	if f.npm() && !c.Open() {
		c.Version += snapshot
	}
	if _, err := manifest.ParseVersion(c.Version); err != nil || !c.Open() {
		return "", nil
	}
	st, err := q.Options.Step(q.Manifest, c)
	if err != nil || st.Branch != f.Branch {
		return "", nil
	}
	tag, err := q.GitHub.VersionTag(ctx, f.Repository, st.Version, st.Proof.Tag)
	if err != nil || tag != "" {
		return "", err
	}
	return c.Version, nil
}

// npm tells whether a package.json says the version: npm has no snapshots.
func (f Facts) npm() bool { return strings.HasSuffix(f.File, ".json") }

// fits tells whether the branch says the version of release.json, or none.
func (f Facts) fits() bool {
	return f.Stated == "" || f.Stated == f.Version || f.Stated == f.Released() && f.npm()
}

// pipelines reads the step's own one, and those on its branch that may be a release of it.
func (q Question) pipelines(ctx context.Context, f Facts, project string, user circleci.User) (own *Pipeline, others []Pipeline, err error) {
	if !f.Open {
		return nil, nil, nil
	}
	if st := f.Step; st.Pipeline.ID != "" && st.Status != run.HasSucceeded {
		p, err := q.pipeline(ctx, circleci.Pipeline{ID: st.Pipeline.ID, Number: st.Pipeline.Number, Project: project}, user)
		if err != nil {
			return nil, nil, err
		}
		own = &p
	}
	others, err = q.others(ctx, project, f.Branch, user)
	return own, others, err
}

// others are pipelines that may be a release of what is built from a branch. Parameters cannot be read back: whatever the API
// triggered there since the run began may be one. Before it began that is the newest one, while it has not ended: what came
// before is the release of an earlier version.
func (q Question) others(ctx context.Context, project, branch string, user circleci.User) ([]Pipeline, error) {
	var others []Pipeline
	listed := 0
	for p, err := range q.CI.Pipelines(ctx, project, branch) {
		if err != nil {
			return nil, err
		}
		if listed++; listed > mostListed && !q.lost() || q.beforeStart(p) {
			break
		}
		if circleci.MatchOf(p, circleci.Query{Logins: []string{p.Actor}, Branch: branch}) == circleci.NotOurs || q.ours(p) {
			continue
		}
		other, err := q.pipeline(ctx, p, user)
		if err != nil {
			return nil, err
		}
		if !q.Began.IsZero() || !other.Ended() {
			others = append(others, other)
		}
		if q.Began.IsZero() {
			break
		}
	}
	return others, nil
}

// beforeStart tells whether a pipeline is older than the run.
func (q Question) beforeStart(p circleci.Pipeline) bool {
	return !q.Began.IsZero() && p.CreatedAt.Before(q.Began.Add(-clockSkew))
}

// ours tells whether a pipeline is one of the run's, or of its dry run's; without a tag of the start, whether any run knows it.
func (q Question) ours(p circleci.Pipeline) bool {
	if q.tagLost && q.Known != nil {
		if owned, _ := q.Known(p.ID); owned {
			return true
		}
	}
	return slices.ContainsFunc([]*run.State{q.State, q.Dry}, func(state *run.State) bool {
		if state == nil {
			return false
		}
		_, owned := state.Owner(p.ID)
		return owned
	})
}

// pipeline reads how a pipeline stands, its workflows first, as circleci.Judge needs it.
func (q Question) pipeline(ctx context.Context, p circleci.Pipeline, user circleci.User) (Pipeline, error) {
	slug := p.Project
	workflows, err := q.CI.Workflows(ctx, p.ID)
	if err == nil {
		p, err = q.CI.Pipeline(ctx, p.ID)
	}
	if err != nil {
		return Pipeline{}, err
	}
	v := circleci.Judge(p, workflows)
	if v.NoWorkflow && user.ServerTime.Sub(p.CreatedAt) > noWorkflow {
		v.State = circleci.Failed
	}
	return Pipeline{
		ID: p.ID, Number: p.Number, URL: circleci.PipelineURL(q.CI.Host(), slug, p.Number),
		Login: p.Actor, State: v.State, Mine: strings.EqualFold(p.Actor, user.Login),
	}, nil
}
