package operate

import (
	"context"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
)

// Preparation is an edit of release.json: first it says what changes, then Push pushes it.
type Preparation struct {
	*editor
	*prepare.Edit
	Commit  gitrepo.Hash // the one that Push pushed; "" before
	Subject string       // of that commit
}

// Prepare makes an edit. It is refused (kind Stopped) while somebody drives a run of release.json's version.
func Prepare(ctx context.Context, s Setup, r prepare.Request) (*Preparation, error) {
	gh, err := s.componentHub()
	if err != nil {
		return nil, err
	}
	e, err := newEditor(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := e.refuseWhileDriven(ctx); err != nil {
		return nil, err
	}
	options := s.PlanOptions(nil, nil)
	options.MainBranch = e.MainBranchOf(e.repo)
	edit, err := prepare.Make(ctx, prepare.Question{
		Manifest: e.before, Options: options, GitHub: gh, NoGitHub: noGitHub, Tagged: e.tagged, Request: r,
	})
	if err != nil {
		return nil, err
	}
	return &Preparation{editor: e, Edit: edit}, nil
}

// tagged tells whether a product version has its tag.
func (e *editor) tagged(version string) bool {
	tag, err := e.ProductTag(version)
	_, found := e.repo.Refs()[plan.TagRef(tag)]
	return err == nil && found
}

// Push commits the edit on top of the release branch, whatever other commits came meanwhile, and pushes it. It is refused (kind
// Stopped) when somebody changed release.json or began to release it.
func (p *Preparation) Push(ctx context.Context) error {
	commit, err := p.push(ctx, p.After.Bytes(), p.Message())
	if err == nil {
		p.Commit, p.Subject = commit, p.repo.Subject(commit)
	}
	return err
}
