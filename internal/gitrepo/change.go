package gitrepo

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Entry is what a path is in a commit: a file, a folder, a link, a repository within. The zero value is nothing.
type Entry struct {
	mode   filemode.FileMode
	Object Hash
}

// Folder reports whether it is one.
func (e Entry) Folder() bool { return e.mode == filemode.Dir }

// File reports whether it has a content of its own.
func (e Entry) File() bool { return e.mode.IsRegular() || e.mode == filemode.Executable }

// Edit is what a commit does to one path: it gets a content, or what the history has somewhere, or is removed with all below it.
type Edit struct {
	Path    string
	Content []byte // of an ordinary file; nil for none
	Entry   Entry
}

// Stamp is what a commit says beside its tree. With its parent and its edits it determines the hash.
type Stamp struct {
	Author    Author
	Committer Author // zero: the author
	Time      time.Time
	Message   string
}

// Commit makes, in memory, a commit on parent, "" for none, with edits that are made in their order. Where they change nothing it
// returns the parent. Faults: "commit-missing"; "file-path" where a path is none, or leads through something that is no folder.
func (c *Clone) Commit(ctx context.Context, parent Hash, edits []Edit, s Stamp) (made Hash, err error) {
	for _, e := range edits {
		if !fs.ValidPath(e.Path) || e.Path == "." || slices.ContainsFunc(strings.Split(e.Path, "/"), gitOwn) {
			return "", c.repo.badPath(e.Path)
		}
	}
	err = c.whole(ctx, func() error {
		made, err = c.commit(parent, edits, s)
		return err
	})
	return made, err
}

// gitOwn reports whether git would take a name for that of its own folder.
func gitOwn(name string) bool { return strings.EqualFold(name, ".git") }

func (c *Clone) commit(parent Hash, edits []Edit, s Stamp) (Hash, error) {
	o := &c.repo.objects
	var parents []plumbing.Hash
	var before plumbing.Hash
	if parent != "" {
		top, err := c.commitObject(parent)
		if err != nil {
			return "", err
		}
		before, parents = top.TreeHash, []plumbing.Hash{parent.plumbing()}
	}
	root, err := o.apply(before, "", edits)
	if err != nil {
		return "", err
	}
	if root == before {
		return parent, nil
	}
	if root.IsZero() {
		if root, err = o.keepTree(nil); err != nil {
			return "", err
		}
	}
	author := s.Author.clean().or(fallbackAuthor)
	sign := func(a Author) object.Signature {
		return object.Signature{Name: a.Name, Email: a.Email, When: time.Unix(s.Time.Unix(), 0).UTC()}
	}
	return o.addObject(&object.Commit{
		Author: sign(author), Committer: sign(s.Committer.clean().or(author)),
		Message: line(s.Message), TreeHash: root, ParentHashes: parents,
	})
}

// commitObject reads a commit that the caller names. One that is in the history must be there.
func (c *Clone) commitObject(h Hash) (*object.Commit, error) {
	found, err := object.GetCommit(c.repo.store, h.plumbing())
	if err == nil {
		return found, nil
	}
	if _, known := c.place[h.plumbing()]; known || h == c.repo.head {
		return nil, damaged(err)
	}
	return nil, fault.New(fault.NotFound, "commit-missing", "there is no commit %.10s in branch %s of %s", h, c.repo.branch.Short(), c.Shown())
}

// apply makes edits, whose paths begin below at, in the tree of that folder, and returns the new tree: zero for an empty one.
func (o *objects) apply(tree plumbing.Hash, at string, edits []Edit) (plumbing.Hash, error) {
	entries, err := o.entries(tree)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	for len(edits) > 0 {
		name, _, _ := strings.Cut(edits[0].Path[len(at):], "/")
		n := 1 // the edits that concern one entry are made together: of many files in a folder it is written once
		for n < len(edits) && (edits[n].Path == at+name || strings.HasPrefix(edits[n].Path, at+name+"/")) {
			n++
		}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
		var entry object.TreeEntry
		if i >= 0 {
			entry = entries[i]
			entries = slices.Delete(entries, i, i+1)
		}
		if entry, err = o.applyTo(entry, at+name, edits[:n]); err != nil {
			return plumbing.ZeroHash, err
		}
		if !entry.Hash.IsZero() {
			entry.Name = name
			entries = append(entries, entry)
		}
		edits = edits[n:]
	}
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	return o.keepTree(entries)
}

// applyTo makes edits of one entry and of what is below it.
func (o *objects) applyTo(entry object.TreeEntry, path string, edits []Edit) (object.TreeEntry, error) {
	for len(edits) > 0 {
		e := edits[0]
		if e.Path == path {
			var err error
			if entry, err = o.entryOf(e); err != nil {
				return entry, err
			}
			edits = edits[1:]
			continue
		}
		if !entry.Hash.IsZero() && entry.Mode != filemode.Dir {
			return entry, fault.New(fault.Invalid, "file-path", "%s cannot be written in %s: %s is %s, and must be a folder", e.Path, o.shown, path, kindOf(entry.Mode)).
				Hint("rename or remove %s in the repository", path)
		}
		n := slices.IndexFunc(edits, func(e Edit) bool { return e.Path == path })
		if n < 0 {
			n = len(edits)
		}
		below, err := o.apply(entry.Hash, path+"/", edits[:n])
		if err != nil {
			return entry, err
		}
		entry, edits = object.TreeEntry{Mode: filemode.Dir, Hash: below}, edits[n:]
	}
	return entry, nil
}

func (o *objects) entryOf(e Edit) (object.TreeEntry, error) {
	if e.Content == nil {
		return object.TreeEntry{Mode: e.Entry.mode, Hash: e.Entry.Object.plumbing()}, nil
	}
	h, err := o.blob(e.Content)
	return object.TreeEntry{Mode: filemode.Regular, Hash: h}, err
}

func kindOf(m filemode.FileMode) string {
	switch m {
	case filemode.Symlink:
		return "a symbolic link"
	case filemode.Submodule:
		return "a submodule"
	default:
		return "a file"
	}
}

// entries lists what is in a tree that the history has, or that was made here; the zero one is empty.
func (o *objects) entries(tree plumbing.Hash) ([]object.TreeEntry, error) {
	if tree.IsZero() {
		return nil, nil
	}
	found, err := object.GetTree(o.store, tree)
	if err != nil {
		return nil, damaged(err)
	}
	return slices.Clone(found.Entries), nil
}
