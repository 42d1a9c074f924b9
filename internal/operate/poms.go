package operate

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/needs"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// pomsOf returns the function that holds what a step has released against the release; nil where the check does not ask GitHub.
func (p *precheck) pomsOf(r *engine.Release) func(context.Context, plan.Step) (string, error) {
	if p.question.GitHub == nil {
		return nil
	}
	reader := &pomReader{hub: p.question.GitHub, r: r, manifest: p.Manifest}
	return reader.wrong
}

// pomReader reads build files at the tags of released steps.
type pomReader struct {
	hub      *github.Client
	r        *engine.Release
	manifest func() (*manifest.Manifest, error)

	mu  sync.Mutex
	run []needs.Component // all that the run releases, with the files of their branches; nil before they are read
}

// wrong is engine.Execution.Poms.
func (p *pomReader) wrong(ctx context.Context, st plan.Step) (string, error) {
	files, err := p.hub.BuildFiles(ctx, st.Repository, st.Proof.Tag)
	switch {
	case fault.Is(err, "no-commit"): // GitHub has listed it already
		return "", fault.New(fault.Remote, "no-commit", "GitHub does not show the files of the tag %s yet", st.Proof.Tag).Because(err)
	case fault.KindOf(err) == fault.Invalid:
		return err.Error(), nil
	case err != nil:
		return "", err
	}
	others, err := p.others(ctx, st)
	if err != nil {
		return "", err
	}
	return sentence(st, needs.Verify(needs.Component{Name: st.Component, Version: st.Version, Files: files}, others, p.r.Plan.Version)), nil
}

// mostQuoted is how many of the wrong versions are quoted.
const mostQuoted = 3

func sentence(st plan.Step, wrong []needs.Wrong) string {
	if len(wrong) == 0 {
		return ""
	}
	var words []string
	for _, w := range wrong[:min(mostQuoted, len(wrong))] {
		words = append(words, w.String())
	}
	if more := len(wrong) - mostQuoted; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("at its tag %s, %s", st.Proof.Tag, strings.Join(words, "; "))
}

// others are what the run releases beside a step. Whose an artifact is their branches say; they are read once.
func (p *pomReader) others(ctx context.Context, st plan.Step) (all []needs.Component, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		read, err := p.readRun(ctx)
		if err != nil { // it is incomplete: asked again, all are read
			return nil, err
		}
		p.run = read
	}
	for _, c := range p.run {
		if c.Name != st.Component {
			all = append(all, c)
		}
	}
	return all, nil
}

// runAtOnce is how many components are read at the same time.
const runAtOnce = 10

// readRun reads all that the run releases. What cannot be read for a reason that stays, as that of a repository without a branch, is
// left out: nobody can name its artifacts.
func (p *pomReader) readRun(ctx context.Context) ([]needs.Component, error) {
	steps, err := p.steps()
	if err != nil {
		return nil, err
	}
	all := make([]needs.Component, len(steps))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runAtOnce)
	for i, st := range steps {
		g.Go(func() error {
			files, err := p.hub.BuildFiles(ctx, st.Repository, st.Branch)
			if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Invalid {
				err = nil
			}
			all[i] = needs.Component{Name: st.Component, Version: st.Version, Files: files}
			return err
		})
	}
	return all, g.Wait()
}

// steps are those of the plan, and what the run has released before: release.json has it as released by now.
func (p *pomReader) steps() ([]plan.Step, error) {
	steps := p.r.Plan.Steps()
	planned := map[plan.StepID]bool{}
	for _, st := range steps {
		planned[st.ID()] = true
	}
	m, err := p.manifest()
	if err != nil {
		return nil, err
	}
	for _, st := range p.r.State().With(run.HasSucceeded) {
		c, known := m.Component(st.ID.Component())
		if planned[st.ID] || !known {
			continue
		}
		repository, err := p.r.Options.Repository(m, c)
		if err != nil {
			return nil, err
		}
		steps = append(steps, plan.Step{Component: c.Name, Version: st.ID.Version(), Repository: repository, Branch: st.Branch})
	}
	return steps, nil
}
