package gitrepo

import (
	"context"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Look lists the refs of a remote, in one request, and downloads nothing: Refs has them, Download and the Refs of Ref get more. It
// needs no branch. An empty repository has no refs. Faults as Open.
func Look(ctx context.Context, o Options) (*Repo, error) {
	remote, err := newRemote(ctx, o.URL, o.Credentials)
	if err != nil {
		return nil, err
	}
	r := newRepo(o, remote)
	r.refs, err = remote.list(ctx)
	if fault.Is(err, "repository-empty") {
		err = nil
	}
	return r, err
}

// Download lists the refs again and downloads what those of these full names point to, at depth 1; a name without a ref is left out.
// Faults as Open.
func (r *Repo) Download(ctx context.Context, names ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, done := r.remote.progress.watch(ctx)
	defer done()
	session, adv, err := r.remote.uploadPack(ctx)
	if err != nil {
		return err
	}
	defer hangUp(session)
	r.noteRefs(adv)
	return r.download(ctx, session, adv, r.missing("", names))
}
