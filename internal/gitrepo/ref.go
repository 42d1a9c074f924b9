package gitrepo

import (
	"context"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Ref is another ref of the repository, with a separate history and object store: reading, committing and pushing here
// changes neither Head nor Refs. A push of the Repo may name commits made here, so that one push carries both. Commits are
// hashes, "" for none.
type Ref struct {
	repo *Repo
	name string
	objects
}

// Ref returns a view of the ref of this full name, which need not exist.
func (r *Repo) Ref(name string) *Ref {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &Ref{repo: r, name: name, objects: newObjects(r.remote.shown)}
	r.others = append(r.others, f)
	return f
}

// FetchedRef returns a view, to read from, of the ref of this full name as the last Fetch that named it has downloaded it, and the
// commit that it points to; "" for a ref that does not exist. It asks nothing.
func (r *Repo) FetchedRef(name string) (view *Ref, tip string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &Ref{repo: r, name: name, objects: r.objects}, string(r.refs[name])
}

// Shown returns the repository's address without secrets.
func (f *Ref) Shown() string { return f.shown }

// Fetch returns the commit that the ref points to, "" for a ref that does not exist, and downloads its files at depth 1.
// Where it had to download, it drops everything held before. Faults as Repo.Fetch.
func (f *Ref) Fetch(ctx context.Context) (tip string, err error) {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	ctx, done := f.repo.remote.progress.watch(ctx)
	defer done()
	session, adv, err := f.repo.remote.uploadPack(ctx)
	if err != nil {
		return "", err
	}
	defer hangUp(session)
	h := refsOf(adv)[f.name]
	if h == "" || f.store.HasEncodedObject(h.plumbing()) == nil {
		return string(h), nil
	}
	fetched := memory.NewStorage()
	if err := f.repo.remote.fetch(ctx, session, adv, wanted{tips: []plumbing.Hash{h.plumbing()}, depth: 1}, fetched); err != nil {
		return "", err
	}
	f.store, f.unpushed, f.grown = fetched, map[plumbing.Hash]bool{}, 0
	return string(h), nil
}

// Read returns the content of a file in a commit that was fetched or made here, nil where there is no such file.
func (f *Ref) Read(at, path string) ([]byte, error) {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	data, err := f.readFile(Hash(at), path)
	if fault.Is(err, "file-missing") {
		return nil, nil
	}
	return data, err
}

// List returns the paths of the files below a directory, "" for all, in the order of the tree.
func (f *Ref) List(at, dir string) ([]string, error) {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	tree, err := f.tree(Hash(at))
	if err == nil && dir != "" {
		if tree, err = tree.Tree(dir); err != nil {
			return nil, nil // no such directory
		}
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	err = tree.Files().ForEach(func(file *object.File) error {
		paths = append(paths, path.Join(dir, file.Name))
		return nil
	})
	if err != nil {
		return nil, f.unreadable(Hash(at), err)
	}
	return paths, nil
}

// Commit makes, in memory, a commit on parent in which these files have this content; nil removes a file, and the
// directories that become empty. Faults as Repo.Commit.
func (f *Ref) Commit(parent string, files map[string][]byte, subject string) (string, error) {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	h, err := f.commit(f.repo, Hash(parent), files, subject)
	return string(h), err
}

// Push moves the ref from one commit to another, which was made here, as Repo.Push does.
func (f *Ref) Push(ctx context.Context, from, to string) error {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	_, err := f.repo.push(ctx, []Update{{Ref: f.name, Old: Hash(from), New: Hash(to)}})
	return err
}

// maxGrown is how many bytes of objects a Ref may make before shrink drops what no file of the tip needs.
const maxGrown = 8 << 20

// shrink drops what the tip does not need: each push of a growing file leaves its predecessor behind.
func (f *Ref) shrink(tip Hash) {
	if f.grown < maxGrown {
		return
	}
	commit, err := object.GetCommit(f.store, tip.plumbing())
	if err != nil {
		return
	}
	kept := memory.NewStorage()
	noParent := func(h plumbing.Hash) bool { return !slices.Contains(commit.ParentHashes, h) }
	if f.walk(tip.plumbing(), kept, noParent) == nil {
		f.store, f.unpushed, f.grown = kept, map[plumbing.Hash]bool{}, 0
	}
}
