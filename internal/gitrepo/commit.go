package gitrepo

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/gravitee-lab/gio/internal/fault"
)

// ReadFile is the content of a file in a commit that was fetched or made here. Faults: "commit-missing", "file-missing".
func (r *Repo) ReadFile(at Hash, path string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tree, err := r.tree(at)
	if err != nil {
		return nil, err
	}
	file, err := tree.File(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "file-missing", "there is no file %s in commit %.10s of %s", path, at, r.remote.shown)
	}
	content, err := file.Contents()
	if err != nil {
		return nil, r.unreadable(at, err)
	}
	return []byte(content), nil
}

// Subject is the first line of a commit's message, "" for a commit that was neither fetched nor made here.
func (r *Repo) Subject(at Hash) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	commit, err := object.GetCommit(r.store, at.plumb())
	if err != nil {
		return ""
	}
	subject, _, _ := strings.Cut(commit.Message, "\n")
	return subject
}

// Commit makes, in memory, a commit on parent in which one file has this content. The file keeps its mode; a new one, whose
// directories may be new too, is an ordinary file. With parent "" it is the first commit of a history of its own.
// Faults: "commit-missing", "file-path" where path is no file in the repository.
func (r *Repo) Commit(parent Hash, path string, content []byte, subject string) (Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !fs.ValidPath(path) || path == "." {
		return "", r.badPath(path)
	}
	tree := &object.Tree{}
	var parents []plumbing.Hash
	if parent != "" {
		var err error
		if tree, err = r.tree(parent); err != nil {
			return "", err
		}
		parents = []plumbing.Hash{parent.plumb()}
	}
	root, err := r.write(tree, path, content)
	if err != nil {
		return "", err
	}
	return r.keep(&object.Commit{
		Author: r.sign(r.author), Committer: r.sign(r.committer),
		Message: line(subject), TreeHash: root, ParentHashes: parents,
	})
}

// Tag makes, in memory, an annotated tag of an object that was fetched or made here. Faults: "tag-name", "commit-missing".
func (r *Repo) Tag(name string, target Hash, message string) (Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if plumbing.NewTagReferenceName(name).Validate() != nil {
		return "", fault.New(fault.Invalid, "tag-name", "%q cannot be the name of a Git tag", name)
	}
	of, err := r.store.EncodedObject(plumbing.AnyObject, target.plumb())
	if err != nil {
		return "", r.unreadable(target, err)
	}
	return r.keep(&object.Tag{
		Name: name, Tagger: r.sign(r.committer), Message: line(message),
		TargetType: of.Type(), Target: target.plumb(),
	})
}

// line ends a message as git itself does.
func line(message string) string { return strings.TrimRight(message, "\n") + "\n" }

func (r *Repo) sign(a Author) object.Signature {
	return object.Signature{Name: a.Name, Email: a.Email, When: r.now()}
}

func (r *Repo) tree(at Hash) (*object.Tree, error) {
	commit, err := object.GetCommit(r.store, at.plumb())
	if err != nil {
		return nil, r.unreadable(at, err)
	}
	tree, err := commit.Tree()
	if err != nil {
		return nil, r.unreadable(at, err)
	}
	return tree, nil
}

// write puts content at path below tree and gives the tree that results.
func (r *Repo) write(tree *object.Tree, path string, content []byte) (plumbing.Hash, error) {
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
		return plumbing.ZeroHash, r.badPath(path)
	}
	var err error
	if nested {
		entry.Hash, err = r.writeBelow(tree, entry, rest, content)
	} else {
		entry.Hash, err = r.blob(content)
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if at >= 0 {
		entries[at] = entry
	} else {
		entries = append(entries, entry)
	}
	return r.keepTree(entries)
}

func (r *Repo) writeBelow(tree *object.Tree, dir object.TreeEntry, path string, content []byte) (plumbing.Hash, error) {
	below := &object.Tree{}
	if !dir.Hash.IsZero() {
		var err error
		if below, err = object.GetTree(r.store, dir.Hash); err != nil {
			return plumbing.ZeroHash, r.unreadable(hashOf(tree.Hash), err)
		}
	}
	return r.write(below, path, content)
}

func (r *Repo) blob(content []byte) (plumbing.Hash, error) {
	o := r.store.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err != nil {
		return plumbing.ZeroHash, r.unmade(err)
	}
	if _, err := w.Write(content); err != nil {
		return plumbing.ZeroHash, r.unmade(err)
	}
	return r.add(o)
}

// keepTree sorts as Git does: a directory as if its name ended in a slash.
func (r *Repo) keepTree(entries []object.TreeEntry) (plumbing.Hash, error) {
	slices.SortFunc(entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	o := r.store.NewEncodedObject()
	if err := (&object.Tree{Entries: entries}).Encode(o); err != nil {
		return plumbing.ZeroHash, r.unmade(err)
	}
	return r.add(o)
}

func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func (r *Repo) keep(o object.Object) (Hash, error) {
	encoded := r.store.NewEncodedObject()
	if err := o.Encode(encoded); err != nil {
		return "", r.unmade(err)
	}
	h, err := r.add(encoded)
	return hashOf(h), err
}

// add remembers what the remote does not have yet: exactly that is packed by the next push.
func (r *Repo) add(o plumbing.EncodedObject) (plumbing.Hash, error) {
	if r.store.HasEncodedObject(o.Hash()) == nil {
		return o.Hash(), nil
	}
	h, err := r.store.SetEncodedObject(o)
	if err != nil {
		return plumbing.ZeroHash, r.unmade(err)
	}
	r.made[h] = true
	return h, nil
}

func (r *Repo) badPath(path string) error {
	return fault.New(fault.Invalid, "file-path", "%s cannot be written in %s: it is no ordinary file, or a directory on its way is none", path, r.remote.shown)
}

func (r *Repo) unmade(err error) error {
	return fault.New(fault.Internal, "git-object", "a Git object for %s cannot be made", r.remote.shown).Because(err)
}

func (r *Repo) unreadable(at Hash, err error) error {
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, io.EOF) {
		return fault.New(fault.NotFound, "commit-missing", "commit %.10s of %s was neither fetched nor made here", at, r.remote.shown)
	}
	return fault.New(fault.Internal, "git-object", "commit %.10s of %s cannot be read", at, r.remote.shown).Because(err)
}
