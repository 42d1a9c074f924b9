package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/run"
)

const (
	snapshot = "-SNAPSHOT"
	// slack is how far CircleCI's clock and that of the machine that set the tag of the start may be apart.
	slack = 5 * time.Minute
	// noWorkflow is how long after its trigger a pipeline without workflows may still get one.
	noWorkflow = 5 * time.Minute
	// mostListed is how many pipelines of a branch are looked through. For a lost journal it is all since the run began: one that
	// is overlooked would be started again.
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
	Would  string `json:"-"`                // the version to write instead, when the branch says another one that can be; else ""

	Step   run.Step   `json:"journal"`
	Own    *Pipeline  `json:"pipeline,omitempty"`        // the step's, as CircleCI says it now
	Others []Pipeline `json:"other_pipelines,omitempty"` // by API on its branch that are not the run's, the newest first

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

// facts reads them all. Errors are facts, too.
func (s Sources) facts(ctx context.Context, c manifest.Component, user circleci.User) Facts {
	f := Facts{
		Component: c.Name, Version: c.Version, Since: c.Since, Open: c.Open(), Product: s.Manifest.ReleaseVersion(),
		Driven: s.Driver != "", Step: run.Step{ID: run.ID(c.Name, c.ReleaseVersion()), Status: run.Pending},
	}
	if s.State != nil {
		f.Step = s.State.Step(f.Step.ID)
	}
	if i := slices.IndexFunc(s.Claims, func(c journal.Claim) bool { return c.Step == f.Step.ID }); i >= 0 {
		f.Claimed = s.Claims[i].Run
	}
	if f.Repository, f.Err = s.Options.Repository(s.Manifest, c); f.Err != nil {
		return f
	}
	st, err := s.Options.Step(s.Manifest, c)
	if f.Open {
		if f.Err = err; err != nil {
			return f
		}
		f.Branch = st.Branch
	}
	tag, branch, circle := f, f, f
	errs := make([]error, 3)
	var g errgroup.Group
	for i, read := range []func() error{
		func() error { return s.tag(ctx, st.Proof.Tag, &tag) },
		func() error { return s.stated(ctx, c, &branch) },
		func() error { return s.pipelines(ctx, st.Project, user, &circle) },
	} {
		g.Go(func() error { errs[i] = read(); return nil })
	}
	_ = g.Wait() // they stand in errs
	f.Tag, f.TagRead = tag.Tag, tag.TagRead
	f.File, f.Stated, f.Would = branch.File, branch.Stated, branch.Would
	f.Own, f.Others = circle.Own, circle.Others
	f.Err = fault.Worst(errs...)
	return f
}

// tag looks for the tag of the version, also under the name that gio.yaml gives it.
func (s Sources) tag(ctx context.Context, named string, f *Facts) (err error) {
	if s.GitHub == nil {
		return nil
	}
	f.Tag, err = s.GitHub.VersionTag(ctx, f.Repository, f.Released(), named)
	f.TagRead = err == nil
	return err
}

// stated reads the version that the branch says, and whether it can stand in release.json instead of another one.
func (s Sources) stated(ctx context.Context, c manifest.Component, f *Facts) error {
	if s.GitHub == nil || !f.Open {
		return nil
	}
	file, version, err := s.GitHub.VersionOn(ctx, f.Repository, f.Branch)
	if fault.Is(err, "version-file") || fault.Is(err, "no-commit") { // gio check says so, and what to do
		return nil
	}
	if f.File, f.Stated = file, version; err != nil || f.fits() {
		return err
	}
	would := version
	if strings.HasSuffix(file, ".json") && !strings.HasSuffix(version, snapshot) { // npm has no snapshots
		would += snapshot
	}
	if _, err := manifest.ParseVersion(would); err != nil || !strings.HasSuffix(would, snapshot) {
		return nil
	}
	c.Version = would
	st, err := s.Options.Step(s.Manifest, c)
	if err != nil || st.Branch != f.Branch {
		return nil
	}
	tag, err := s.GitHub.VersionTag(ctx, f.Repository, st.Version, st.Proof.Tag)
	if err == nil && tag == "" {
		f.Would = would
	}
	return err
}

// fits: npm has no snapshots, so that a package.json may say the version itself.
func (f Facts) fits() bool {
	return f.Stated == "" || f.Stated == f.Version || f.Stated == f.Released() && strings.HasSuffix(f.File, ".json")
}

// pipelines reads the step's own one, and those on its branch that may be a release of it. Parameters cannot be read back:
// whatever the API triggered there since the run began may be one.
func (s Sources) pipelines(ctx context.Context, project string, user circleci.User, f *Facts) error {
	if !f.Open {
		return nil
	}
	if st := f.Step; st.Pipeline.ID != "" && st.Status != run.HasSucceeded {
		own, err := s.verdict(ctx, circleci.Pipeline{ID: st.Pipeline.ID, Number: st.Pipeline.Number, Project: project}, user)
		if err != nil {
			return err
		}
		f.Own = &own
	}
	listed := 0
	for p, err := range s.CI.Pipelines(ctx, project, f.Branch) {
		if err != nil {
			return err
		}
		if listed++; listed > mostListed && !s.lost() || !s.Began.IsZero() && p.CreatedAt.Before(s.Began.Add(-slack)) {
			break
		}
		if p.Trigger != "api" || s.ours(p) {
			continue
		}
		other, err := s.verdict(ctx, p, user)
		if err != nil {
			return err
		}
		if !s.Began.IsZero() || !other.Ended() {
			f.Others = append(f.Others, other)
		}
		if s.Began.IsZero() { // what came before the newest one is the release of an earlier version
			break
		}
	}
	return nil
}

// lost tells whether the run began and its journal is gone.
func (s Sources) lost() bool { return s.State == nil && !s.Began.IsZero() && s.Manifest.Open() }

// ours tells whether a pipeline is one of the run's, or of its dry run's.
func (s Sources) ours(p circleci.Pipeline) bool {
	return slices.ContainsFunc([]*run.State{s.State, s.Dry}, func(state *run.State) bool {
		if state == nil {
			return false
		}
		_, taken := state.Owner(p.ID)
		return taken
	})
}

// verdict reads how a pipeline stands, its workflows first, as circleci.Judge needs it.
func (s Sources) verdict(ctx context.Context, p circleci.Pipeline, user circleci.User) (Pipeline, error) {
	slug := p.Project
	workflows, err := s.CI.Workflows(ctx, p.ID)
	if err == nil {
		p, err = s.CI.Pipeline(ctx, p.ID)
	}
	if err != nil {
		return Pipeline{}, err
	}
	v := circleci.Judge(p, workflows)
	if v.NoWorkflow && user.ServerTime.Sub(p.CreatedAt) > noWorkflow {
		v.State = circleci.Failed
	}
	return Pipeline{
		ID: p.ID, Number: p.Number, URL: circleci.PipelineURL(s.CI.Host(), slug, p.Number),
		Login: p.Actor, State: v.State, Mine: strings.EqualFold(p.Actor, user.Login),
	}, nil
}
