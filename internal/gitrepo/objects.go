package gitrepo

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gravitee-lab/gio/internal/fault"
)

// objects holds Git objects, and which of them the remote lacks.
type objects struct {
	shown    string // the repository's redacted address
	store    storer.EncodedObjectStorer
	unpushed map[plumbing.Hash]bool // objects made here that the remote is not known to have
	grown    int64                  // bytes of the objects made here since the last shrink
}

func newObjects(shown string) objects {
	return objects{shown: shown, store: memory.NewStorage(), unpushed: map[plumbing.Hash]bool{}}
}

// commit makes a commit on parent in which these files have this content; nil removes a file. The identity is r's.
func (o *objects) commit(r *Repo, parent Hash, files map[string][]byte, subject string) (Hash, error) {
	tree := &object.Tree{}
	var parents []plumbing.Hash
	if parent != "" {
		var err error
		if tree, err = o.tree(parent); err != nil {
			return "", err
		}
		parents = []plumbing.Hash{parent.plumbing()}
	}
	root, err := o.edit(tree, files)
	if err != nil {
		return "", err
	}
	return o.addObject(&object.Commit{
		Author: r.sign(r.author), Committer: r.sign(r.committer),
		Message: line(subject), TreeHash: root, ParentHashes: parents,
	})
}

// edit writes and removes files below tree, in the order of their paths, and returns the resulting tree.
func (o *objects) edit(tree *object.Tree, files map[string][]byte) (plumbing.Hash, error) {
	root, err := o.keepTree(slices.Clone(tree.Entries))
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if !fs.ValidPath(path) || path == "." {
			return plumbing.ZeroHash, o.badPath(path)
		}
		if tree, err = object.GetTree(o.store, root); err != nil {
			return plumbing.ZeroHash, o.cannotMake(err)
		}
		if content := files[path]; content != nil {
			root, err = o.write(tree, path, content)
		} else {
			root, err = o.remove(tree, path)
		}
	}
	return root, err
}

// remove removes a file, and the directories that become empty. Where there is no such file, nothing changes.
func (o *objects) remove(tree *object.Tree, path string) (plumbing.Hash, error) {
	name, rest, nested := strings.Cut(path, "/")
	entries := slices.Clone(tree.Entries)
	at := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
	if at < 0 || nested != (entries[at].Mode == filemode.Dir) {
		return o.keepTree(entries)
	}
	if nested {
		below, err := object.GetTree(o.store, entries[at].Hash)
		if err != nil {
			return plumbing.ZeroHash, o.cannotMake(err)
		}
		if entries[at].Hash, err = o.remove(below, rest); err != nil {
			return plumbing.ZeroHash, err
		}
		if rest, err := object.GetTree(o.store, entries[at].Hash); err != nil || len(rest.Entries) > 0 {
			return o.keepTree(entries)
		}
	}
	return o.keepTree(slices.Delete(entries, at, at+1))
}

func (o *objects) readFile(at Hash, path string) ([]byte, error) {
	tree, err := o.tree(at)
	if err != nil {
		return nil, err
	}
	file, err := tree.File(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "file-missing", "there is no file %s in commit %.10s of %s", path, at, o.shown)
	}
	content, err := file.Contents()
	if err != nil {
		return nil, o.unreadable(at, err)
	}
	return []byte(content), nil
}

func (o *objects) tree(at Hash) (*object.Tree, error) {
	commit, err := object.GetCommit(o.store, at.plumbing())
	if err != nil {
		return nil, o.unreadable(at, err)
	}
	tree, err := commit.Tree()
	if err != nil {
		return nil, o.unreadable(at, err)
	}
	return tree, nil
}

// write puts content at path below tree and returns the resulting tree.
func (o *objects) write(tree *object.Tree, path string, content []byte) (plumbing.Hash, error) {
	name, rest, nested := strings.Cut(path, "/")
	entries := slices.Clone(tree.Entries)
	at := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
	entry := object.TreeEntry{Name: name, Mode: filemode.Regular}
	if nested {
		entry.Mode = filemode.Dir
	}
	if at >= 0 {
		entry = entries[at]
	}
	if nested != (entry.Mode == filemode.Dir) || !nested && !entry.Mode.IsRegular() && entry.Mode != filemode.Executable {
		return plumbing.ZeroHash, o.badPath(path)
	}
	var err error
	if nested {
		entry.Hash, err = o.writeBelow(tree, entry, rest, content)
	} else {
		entry.Hash, err = o.blob(content)
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if at >= 0 {
		entries[at] = entry
	} else {
		entries = append(entries, entry)
	}
	return o.keepTree(entries)
}

func (o *objects) writeBelow(tree *object.Tree, dir object.TreeEntry, path string, content []byte) (plumbing.Hash, error) {
	below := &object.Tree{}
	if !dir.Hash.IsZero() {
		var err error
		if below, err = object.GetTree(o.store, dir.Hash); err != nil {
			return plumbing.ZeroHash, o.unreadable(hashOf(tree.Hash), err)
		}
	}
	return o.write(below, path, content)
}

func (o *objects) blob(content []byte) (plumbing.Hash, error) {
	made := o.store.NewEncodedObject()
	made.SetType(plumbing.BlobObject)
	w, err := made.Writer()
	if err != nil {
		return plumbing.ZeroHash, o.cannotMake(err)
	}
	if _, err := w.Write(content); err != nil {
		return plumbing.ZeroHash, o.cannotMake(err)
	}
	return o.add(made)
}

// keepTree stores a tree. It sorts as Git does: a directory as if its name ended in a slash.
func (o *objects) keepTree(entries []object.TreeEntry) (plumbing.Hash, error) {
	slices.SortFunc(entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	made := o.store.NewEncodedObject()
	if err := (&object.Tree{Entries: entries}).Encode(made); err != nil {
		return plumbing.ZeroHash, o.cannotMake(err)
	}
	return o.add(made)
}

func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func (o *objects) addObject(what object.Object) (Hash, error) {
	encoded := o.store.NewEncodedObject()
	if err := what.Encode(encoded); err != nil {
		return "", o.cannotMake(err)
	}
	h, err := o.add(encoded)
	return hashOf(h), err
}

// add stores an object and marks it as unpushed: exactly the unpushed objects go into the next push.
func (o *objects) add(made plumbing.EncodedObject) (plumbing.Hash, error) {
	if o.store.HasEncodedObject(made.Hash()) == nil {
		return made.Hash(), nil
	}
	h, err := o.store.SetEncodedObject(made)
	if err != nil {
		return plumbing.ZeroHash, o.cannotMake(err)
	}
	o.unpushed[h] = true
	o.grown += made.Size()
	return h, nil
}

func (o *objects) badPath(path string) error {
	return fault.New(fault.Invalid, "file-path", "%s cannot be written in %s: it is not an ordinary file, or one of its parents is not a directory", path, o.shown)
}

func (o *objects) cannotMake(err error) error {
	return fault.New(fault.Internal, "git-object", "cannot make a Git object for %s", o.shown).Because(err)
}

func (o *objects) unreadable(at Hash, err error) error {
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, io.EOF) {
		return fault.New(fault.NotFound, "commit-missing", "commit %.10s of %s was neither fetched nor made here", at, o.shown)
	}
	return fault.New(fault.Internal, "git-object", "commit %.10s of %s cannot be read", at, o.shown).Because(err)
}

// unsent copies h and the objects that it needs into sent, as far as they were made here and the remote lacks them.
func (o *objects) unsent(h Hash, sent *memory.Storage) error {
	if o.store.HasEncodedObject(h.plumbing()) != nil {
		return o.unreadable(h, plumbing.ErrObjectNotFound)
	}
	return o.walk(h.plumbing(), sent, func(h plumbing.Hash) bool { return o.unpushed[h] })
}

// walk copies the object into found, and those below it, as long as follow says so.
func (o *objects) walk(h plumbing.Hash, found *memory.Storage, follow func(plumbing.Hash) bool) error {
	if !follow(h) || found.HasEncodedObject(h) == nil {
		return nil
	}
	encoded, err := o.store.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return o.unreadable(hashOf(h), err)
	}
	if _, err := found.SetEncodedObject(encoded); err != nil {
		return o.cannotMake(err)
	}
	below, err := o.below(h)
	for i := 0; err == nil && i < len(below); i++ {
		err = o.walk(below[i], found, follow)
	}
	return err
}

// below returns the objects to which an object refers.
func (o *objects) below(h plumbing.Hash) ([]plumbing.Hash, error) {
	got, err := object.GetObject(o.store, h)
	if err != nil {
		return nil, o.unreadable(hashOf(h), err)
	}
	var below []plumbing.Hash
	switch got := got.(type) {
	case *object.Commit:
		below = append(got.ParentHashes, got.TreeHash)
	case *object.Tag:
		below = append(below, got.Target)
	case *object.Tree:
		for _, e := range got.Entries {
			if e.Mode != filemode.Submodule {
				below = append(below, e.Hash)
			}
		}
	}
	return below, nil
}
