package server

import (
	"context"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitops"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/worker"
)

// behind bounds how many commits before the one of an event are looked at.
const behind = 1000

// fluxReader reads events of Flux: which commits of an environment's repository one is about.
type fluxReader struct {
	ledger       *ledger.Ledger
	repositories *worker.Repositories
	secrets      map[string]string // by the name of a connection: with it Flux signs its events
	log          zerolog.Logger
}

// read returns what an event says; nothing where it is of no use. Who may not report hears so before anything is read outside. Faults:
// bad-signature, and those of ledger.DesiredOf.
func (f fluxReader) read(ctx context.Context, c ledger.Caller, project, environment string, body []byte, signature string) (r ledger.Reconciliation, err error) {
	d, err := f.ledger.DesiredOf(ctx, c, ledger.ToReport, project, environment)
	if err != nil {
		return r, err
	}
	if secret := f.secrets[d.Connection]; secret != "" && !gitops.Signed([]byte(secret), body, signature) {
		return r, fault.New(fault.Auth, "bad-signature", "X-Signature is not that of this event").Hint("the secret of Flux's provider and flux_secret of the connection %s must be one", d.Connection)
	}
	said, useful := gitops.ParseFlux(body)
	if !useful {
		return r, nil
	}
	return ledger.Reconciliation{Hashes: f.before(ctx, d, said.Revision), Status: said.Reason, Message: said.Message}, nil
}

// files are what Flux is installed with in the cluster of an environment. There are secrets among them, such as the key with which Flux
// reads the repository, so they are for those who declare environments.
func (f fluxReader) files(ctx context.Context, c ledger.Caller, project, environment string) (map[string]string, error) {
	d, err := f.ledger.DesiredOf(ctx, c, ledger.ToDeclare, project, environment)
	if err != nil {
		return nil, err
	}
	return f.repositories.FluxFiles(ctx, d, environment)
}

// before are a commit and those before it. Where its repository cannot be read now, Flux speaks of the commit alone.
func (f fluxReader) before(ctx context.Context, d ledger.Desired, revision gitrepo.Hash) []string {
	all := []string{string(revision)}
	found, err := f.repositories.Behind(ctx, d, revision, behind)
	if err != nil {
		f.log.Warn().Err(err).Msg("which commits Flux has applied with one cannot be read")
	}
	for _, h := range found {
		if h != revision {
			all = append(all, string(h))
		}
	}
	return all
}
