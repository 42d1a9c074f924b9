package gitrepo

import (
	"context"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gravitee-lab/gio/internal/fault"
)

// IsAncestor reports whether one commit is another or is in its history. Where the shallow clone does not tell, it fetches
// the whole history of all branches into memory: call it rarely.
// Faults: "commit-missing" where a commit is in no branch, and those of reading.
func (r *Repo) IsAncestor(ctx context.Context, ancestor, descendant Hash) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, gap := reaches(descendant.plumbing(), ancestor.plumbing(), r.store)
	if found || gap.IsZero() {
		return found, nil
	}
	history, err := r.history(ctx)
	if err != nil {
		return false, err
	}
	if history.HasEncodedObject(ancestor.plumbing()) != nil && r.store.HasEncodedObject(ancestor.plumbing()) != nil {
		return false, r.unreadable(ancestor, plumbing.ErrObjectNotFound)
	}
	found, gap = reaches(descendant.plumbing(), ancestor.plumbing(), r.store, history)
	if !found && !gap.IsZero() {
		return false, fault.New(fault.NotFound, "commit-missing", "the history of commit %.10s in %s is not whole: %.10s is in no branch",
			descendant, r.remote.shown, gap)
	}
	return found, nil
}

// reaches searches the history of from, across the stores, for to. Where it does not find it, gap is a commit that no store
// has, if there is one: then the answer is open.
func reaches(from, to plumbing.Hash, stores ...storer.EncodedObjectStorer) (found bool, gap plumbing.Hash) {
	seen := map[plumbing.Hash]bool{}
	queue := []plumbing.Hash{from}
	for len(queue) > 0 {
		h := queue[0]
		queue = queue[1:]
		if h == to {
			return true, plumbing.ZeroHash
		}
		if seen[h] {
			continue
		}
		seen[h] = true
		parents, ok := parentsOf(h, stores)
		if !ok {
			gap = h
		}
		queue = append(queue, parents...)
	}
	return false, gap
}

func parentsOf(h plumbing.Hash, stores []storer.EncodedObjectStorer) ([]plumbing.Hash, bool) {
	for _, s := range stores {
		if commit, err := object.GetCommit(s, h); err == nil {
			return commit.ParentHashes, true
		}
	}
	return nil, false
}

func (r *Repo) history(ctx context.Context) (*memory.Storage, error) {
	ctx, done := r.remote.progress.watch(ctx)
	defer done()
	session, adv, err := r.remote.uploadPack(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(session)
	var tips []plumbing.Hash
	for name, h := range adv.References {
		if strings.HasPrefix(name, "refs/heads/") && !slices.Contains(tips, h) {
			tips = append(tips, h)
		}
	}
	history := memory.NewStorage()
	return history, r.remote.fetch(ctx, session, adv, wanted{tips: tips}, history)
}
