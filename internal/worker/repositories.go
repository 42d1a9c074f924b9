package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitops"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// Repositories are the gitops repositories that a program writes to, each with a clone in a folder. Clones are only quicker than reading all
// anew: one that is lost is made again. Make it with its fields, and Close it.
type Repositories struct {
	Dir   string          // of all clones
	Hosts map[string]Host // by the name of their connection

	mu   sync.Mutex
	open map[string]*gitops.Repository
}

// of opens the repository of a desired state. It does not talk to it. Faults: no-connection, and as gitops.Open.
func (r *Repositories) of(ctx context.Context, d ledger.Desired) (*gitops.Repository, error) {
	host, known := r.Hosts[d.Connection]
	if !known {
		return nil, fault.New(fault.Invalid, "no-connection", "the settings of the server have no connection %s of the kind git any more", d.Connection).
			Hint("an admin of the server writes it into gio-server.yaml")
	}
	address := host.address(d.Repository)
	name := strings.ToLower(address) + "@" + d.Branch
	r.mu.Lock()
	defer r.mu.Unlock()
	if repo := r.open[name]; repo != nil {
		return repo, nil
	}
	sum := sha256.Sum256([]byte(name))
	repo, err := gitops.Open(ctx, gitrepo.CloneOptions{
		Dir: filepath.Join(r.Dir, hex.EncodeToString(sum[:16])), URL: address, Branch: d.Branch, Credentials: host.Credentials,
	})
	if err != nil {
		return nil, err
	}
	if r.open == nil {
		r.open = map[string]*gitops.Repository{}
	}
	r.open[name] = repo
	return repo, nil
}

// Behind lists a commit of a desired state and those before it, as gitops.Repository.Behind.
func (r *Repositories) Behind(ctx context.Context, d ledger.Desired, revision gitrepo.Hash, limit int) ([]gitrepo.Hash, error) {
	repo, err := r.of(ctx, d)
	if err != nil {
		return nil, err
	}
	return repo.Behind(ctx, revision, limit)
}

// FluxFiles returns what Flux is installed with in the cluster of an environment, by the names of the files.
func (r *Repositories) FluxFiles(ctx context.Context, d ledger.Desired, environment string) (map[string]string, error) {
	repo, err := r.of(ctx, d)
	if err != nil {
		return nil, err
	}
	return repo.FluxFiles(ctx, gitops.Place{Path: d.Path, Alone: d.PerEnvironment, Env: environment})
}

// Close lets another program use the folders.
func (r *Repositories) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []error
	for _, repo := range r.open {
		all = append(all, repo.Close())
	}
	r.open = nil
	return errors.Join(all...)
}
