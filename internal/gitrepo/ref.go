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

// Ref is one more ref of the repository, with a history and a memory of its own: what is read, made and pushed here
// touches neither Head nor Refs. A push of the Repo may name commits made here, so that both go in one. Commits are named
// by their hashes, "" for none.
type Ref struct {
	repo *Repo
	name string
	objects
}

// Ref gives a view of the ref of this full name, which need not exist.
func (r *Repo) Ref(name string) *Ref {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &Ref{repo: r, name: name, objects: newObjects(r.remote.shown)}
	r.others = append(r.others, f)
	return f
}

// Shown is the repository's address for people, without secrets.
func (f *Ref) Shown() string { return f.shown }

// Fetch gives the commit that the ref points to, and has its files here when it returns: at depth 1, and nothing of what
// was here before where it had to get it. Faults as Repo.Fetch; a ref that does not exist is none.
func (f *Ref) Fetch(ctx context.Context) (tip string, err error) {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, wireTimeout)
	defer cancel()
	session, adv, err := f.repo.remote.uploadPack(ctx)
	if err != nil {
		return "", err
	}
	defer hangUp(session)
	h := refsOf(adv)[f.name]
	if h == "" || f.store.HasEncodedObject(h.plumb()) == nil {
		return string(h), nil
	}
	fetched := memory.NewStorage()
	if err := f.repo.remote.fetch(ctx, session, adv, []plumbing.Hash{h.plumb()}, 1, fetched); err != nil {
		return "", err
	}
	f.store, f.made, f.grown = fetched, map[plumbing.Hash]bool{}, 0
	return string(h), nil
}

// Read is the content of a file in a commit that was fetched or made here, nil where there is none.
func (f *Ref) Read(at, path string) ([]byte, error) {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	data, err := f.readFile(Hash(at), path)
	if fault.Is(err, "file-missing") {
		return nil, nil
	}
	return data, err
}

// List gives the paths of the files below a directory, "" for all, in the order of the tree.
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

// Commit makes, in memory, a commit on parent in which these files have this content; nil takes a file away, and with it
// the directories that become empty. Faults as Repo.Commit.
func (f *Ref) Commit(parent string, files map[string][]byte, subject string) (string, error) {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	h, err := f.commit(f.repo, Hash(parent), files, subject)
	return string(h), err
}

// Push moves the ref from one commit to another, made here, as Repo.Push does.
func (f *Ref) Push(ctx context.Context, from, to string) error {
	f.repo.mu.Lock()
	defer f.repo.mu.Unlock()
	_, err := f.repo.push(ctx, []Update{{Ref: f.name, Old: Hash(from), New: Hash(to)}})
	return err
}

// maxGrown is how many bytes may be made before what no file of the tip needs is forgotten.
const maxGrown = 8 << 20

// shrink forgets what the tip does not need: each push of a file that grows leaves the one before behind.
func (f *Ref) shrink(tip Hash) {
	if f.grown < maxGrown {
		return
	}
	commit, err := object.GetCommit(f.store, tip.plumb())
	if err != nil {
		return
	}
	kept := memory.NewStorage()
	noParent := func(h plumbing.Hash) bool { return !slices.Contains(commit.ParentHashes, h) }
	if f.walk(tip.plumb(), kept, noParent) == nil {
		f.store, f.made, f.grown = kept, map[plumbing.Hash]bool{}, 0
	}
}
