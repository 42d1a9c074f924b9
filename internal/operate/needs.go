package operate

import (
	"context"
	"fmt"
	"sync"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// needsOf returns the function that tells who needs whom, by the components' files on GitHub. It looks for GitHub when it is asked
// first: most releases are by waves, and ask nobody.
func (s Setup) needsOf(e Ends) func(context.Context, []plan.Step, []plan.Step) (map[plan.StepID]plan.Found, error) {
	files := sync.OnceValue(func() *check.Files { return s.filesOf(e) })
	return func(ctx context.Context, of, among []plan.Step) (map[plan.StepID]plan.Found, error) {
		return files().Needs(ctx, of, among)
	}
}

// filesOf returns the files; where GitHub cannot be asked, they say why.
func (s Setup) filesOf(e Ends) *check.Files {
	switch {
	case e.files != nil:
		return e.files
	case e.Dry != nil && e.Dry.Imagined:
		return &check.Files{NoGitHub: "the release repository was not read"}
	}
	p := &precheck{Setup: s}
	if err := p.findGitHub(); err != nil {
		return &check.Files{NoGitHub: oneLine(err)}
	}
	return p.question.Files
}

// arrange makes a plan of the checkout one by the graph, as far as GitHub answers soon.
func (s Setup) arrange(ctx context.Context, p *plan.Plan, m *manifest.Manifest, o plan.Options, e Ends) (*plan.Plan, error) {
	all := p
	if len(o.Only)+len(o.Except) > 0 {
		var err error
		o.Only, o.Except = nil, nil
		if all, err = s.planOffline(ctx, m, o); ctx.Err() != nil {
			all = p
		} else if err != nil {
			return nil, err
		}
	}
	found, err := s.needsOf(e)(ctx, p.Steps(), all.Steps())
	if err != nil { // it did not
		p.Warnings = append(p.Warnings, fmt.Sprintf("who needs whom was not read (%s): each component waits for all earlier groups", oneLine(err)))
	}
	return p.Arrange(found)
}
