package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

// applyOptions say how an edit of release.json is shown and confirmed.
type applyOptions struct {
	shown       io.Writer
	color       bool
	yes, dryRun bool
}

// apply shows what an edit changes and, unless this is a dry run, asks and pushes it as one commit. Where nobody can be asked it
// needs yes (else kind Cancelled).
func (env *environment) apply(ctx context.Context, p *operate.Preparation, a applyOptions) error {
	if err := report.Diff(a.shown, p.Path, p.RemoteManifest().Bytes(), p.After.Bytes(), a.color); err != nil {
		return err
	}
	if a.dryRun {
		env.closing = "dry run: nothing was written; without --dry-run this is committed and pushed"
		return nil
	}
	question := fmt.Sprintf("Commit this to %s of %s and push it?", p.Branch.Value, p.RemoteURL())
	if err := env.consent(question, a.yes); err != nil {
		return err
	}
	if err := p.Push(ctx); err != nil {
		return err
	}
	pull, follows := "", env.mayCatchUp(ctx, p.Workspace, !a.yes)
	if p.CanPull() && !follows {
		pull = "; `git pull` gets it into the checkout"
	}
	fmt.Fprintf(env.Stderr, "pushed %.10s to %s: %s%s\n", p.Commit, p.Branch.Value, p.Subject, pull)
	if follows {
		env.catchUp(ctx, p.Workspace)
	}
	return nil
}
