package worker

import (
	"context"
	"slices"
	"sync"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitops"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// importDue reads, in the background, the repositories of environments whose history is not in the ledger yet.
func (w *Worker) importDue(ctx context.Context, all *sync.WaitGroup) error {
	looking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	environments, err := w.Ledger.DueImports(looking, atOnce)
	for _, e := range environments {
		if e.GitOps == nil || !w.claim(e.ID) {
			continue
		}
		all.Go(func() {
			defer w.free(e.ID, false)
			err := w.importHistory(ctx, e)
			if err == nil || ctx.Err() != nil {
				return
			}
			w.Fail(ctx, err)
			kept, cancel := lastly(ctx)
			defer cancel()
			if err := w.Ledger.ImportFailed(kept, e, err); err != nil {
				w.Fail(ctx, err)
			}
		})
	}
	return err
}

// importHistory keeps what the repository of an environment says of the time before the ledger.
func (w *Worker) importHistory(ctx context.Context, e ledger.Environment) error {
	repo, err := w.Repositories.of(ctx, *e.GitOps)
	if err != nil {
		return err
	}
	if _, err := repo.Fetch(ctx); err != nil {
		return err
	}
	place := gitops.Place{Path: e.GitOps.Path, Alone: e.GitOps.PerEnvironment, Env: e.Name}
	found, err := repo.Releases(ctx, place, gitops.Query{})
	if err != nil {
		return err
	}
	status, err := repo.Status(ctx, place, "")
	if err != nil {
		return err
	}
	var apps []string
	for app, release := range status {
		if release != nil {
			apps = append(apps, app)
		}
	}
	slices.Sort(apps)
	var all []ledger.Past
	for _, p := range slices.Backward(found) {
		r := p.Release
		past := ledger.Past{
			App: r.App, Shipment: r.ArtifactID, By: r.TriggeredBy, Commit: string(p.Hash), At: p.Time,
			UndoneBy: string(p.UndoneBy), UndoneAt: p.UndoneAt, Effect: p.Effect,
		}
		if r.Version != nil {
			past.Revision = new(r.Version.Revision())
		}
		all = append(all, past)
	}
	err = w.Ledger.Import(ctx, e, all, apps)
	if fault.KindOf(err) == fault.Stopped { // the environment is another one by now, and the next look sees it
		return nil
	}
	return err
}
