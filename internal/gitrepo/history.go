package gitrepo

import (
	"cmp"
	"container/heap"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Commit is a commit of the history.
type Commit struct {
	Hash    Hash
	Parents []Hash
	Author  Author
	Time    time.Time // of the committer
	Message string
}

// Log returns the history of the tip as last fetched or pushed, oldest first: each commit after its parents, and beyond that by
// time. The slice is the clone's, and grows at its end for as long as the branch only grows.
func (c *Clone) Log(ctx context.Context) (log []Commit, err error) {
	err = c.whole(ctx, func() error {
		err := c.readLog()
		log = c.log
		return err
	})
	return slices.Clip(log), err
}

// Contains reports whether a commit is in the history of the tip as last fetched or pushed.
func (c *Clone) Contains(ctx context.Context, h Hash) (found bool, err error) {
	err = c.whole(ctx, func() error {
		err := c.readLog()
		_, found = c.place[h.plumbing()]
		return err
	})
	return found && h != "", err
}

// readLog reads the commits that are new since it was last read. Where the branch was moved to somewhere else it reads all.
func (c *Clone) readLog() error {
	tip := c.repo.head.plumbing()
	if _, known := c.place[tip]; known && c.log[len(c.log)-1].Hash == c.repo.head {
		return nil
	}
	if tip.IsZero() {
		c.log, c.place = nil, nil
		return nil
	}
	grown, err := c.unread(tip)
	if err != nil {
		return err
	}
	last := plumbing.ZeroHash
	if len(c.log) > 0 {
		last = c.log[len(c.log)-1].Hash.plumbing()
	}
	if last.IsZero() || !slices.ContainsFunc(grown, func(g *Commit) bool { return slices.Contains(g.Parents, hashOf(last)) }) {
		c.log, c.place = nil, map[plumbing.Hash]int{}
		if grown, err = c.unread(tip); err != nil {
			return err
		}
	}
	for _, g := range inOrder(grown) {
		c.place[g.Hash.plumbing()] = len(c.log)
		c.log = append(c.log, *g)
	}
	return nil
}

// unread returns the history of a commit without what is in the log.
func (c *Clone) unread(tip plumbing.Hash) ([]*Commit, error) {
	var found []*Commit
	seen := map[plumbing.Hash]bool{}
	for queue := []plumbing.Hash{tip}; len(queue) > 0; {
		h := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if _, known := c.place[h]; known || seen[h] {
			continue
		}
		seen[h] = true
		read, err := object.GetCommit(c.repo.store, h)
		if err != nil {
			return nil, damaged(err)
		}
		queue = append(queue, read.ParentHashes...)
		g := &Commit{
			Hash: hashOf(h), Author: Author{read.Author.Name, read.Author.Email}, Time: read.Committer.When.UTC(), Message: read.Message,
		}
		for _, p := range read.ParentHashes {
			g.Parents = append(g.Parents, hashOf(p))
		}
		found = append(found, g)
	}
	return found, nil
}

// inOrder sorts commits, each after those of its parents that are among them, the older one first where that is open.
func inOrder(commits []*Commit) []*Commit {
	waits := map[Hash]int{}
	children := map[Hash][]*Commit{}
	among := map[Hash]bool{}
	for _, c := range commits {
		among[c.Hash] = true
	}
	ready := &byTime{}
	for _, c := range commits {
		for _, p := range c.Parents {
			if among[p] {
				waits[c.Hash]++
				children[p] = append(children[p], c)
			}
		}
		if waits[c.Hash] == 0 {
			heap.Push(ready, c)
		}
	}
	var ordered []*Commit
	for ready.Len() > 0 {
		c := heap.Pop(ready).(*Commit)
		ordered = append(ordered, c)
		for _, child := range children[c.Hash] {
			if waits[child.Hash]--; waits[child.Hash] == 0 {
				heap.Push(ready, child)
			}
		}
	}
	return ordered
}

// byTime is a heap, the oldest first.
type byTime []*Commit

func (b byTime) Len() int { return len(b) }
func (b byTime) Less(i, j int) bool {
	return cmp.Or(b[i].Time.Compare(b[j].Time), strings.Compare(string(b[i].Hash), string(b[j].Hash))) < 0
}
func (b byTime) Swap(i, j int) { b[i], b[j] = b[j], b[i] }
func (b *byTime) Push(c any)   { *b = append(*b, c.(*Commit)) }
func (b *byTime) Pop() any {
	last := (*b)[len(*b)-1]
	*b = (*b)[:len(*b)-1]
	return last
}

// Entry returns what a path is in a commit, zero for nothing. The path "" is the root. Fault: "commit-missing".
func (c *Clone) Entry(ctx context.Context, at Hash, path string) (e Entry, err error) {
	err = c.whole(ctx, func() error {
		e, err = c.entry(at, path)
		return err
	})
	return e, err
}

func (c *Clone) entry(at Hash, path string) (Entry, error) {
	if at == "" {
		return Entry{}, nil
	}
	top, err := c.commitObject(at)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{filemode.Dir, hashOf(top.TreeHash)}
	for rest := path; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		if !e.Folder() {
			return Entry{}, nil
		}
		below, err := c.repo.entries(e.Object.plumbing())
		if err != nil {
			return Entry{}, err
		}
		i := slices.IndexFunc(below, func(e object.TreeEntry) bool { return e.Name == name })
		if i < 0 {
			return Entry{}, nil
		}
		e = Entry{below[i].Mode, hashOf(below[i].Hash)}
	}
	return e, nil
}

// Folders lists the names of the folders in a folder of a commit, in their order. Fault: "commit-missing".
func (c *Clone) Folders(ctx context.Context, at Hash, path string) ([]string, error) {
	return c.names(ctx, at, path, Entry.Folder)
}

// Files lists the names of the files in a folder of a commit, in their order. Fault: "commit-missing".
func (c *Clone) Files(ctx context.Context, at Hash, path string) ([]string, error) {
	return c.names(ctx, at, path, Entry.File)
}

func (c *Clone) names(ctx context.Context, at Hash, path string, wanted func(Entry) bool) (names []string, err error) {
	err = c.whole(ctx, func() error {
		names = nil
		e, err := c.entry(at, path)
		if err != nil || !e.Folder() {
			return err
		}
		below, err := c.repo.entries(e.Object.plumbing())
		for _, b := range below {
			if wanted(Entry{b.Mode, hashOf(b.Hash)}) {
				names = append(names, b.Name)
			}
		}
		return err
	})
	return names, err
}

// Content returns the content of a file of the history.
func (c *Clone) Content(ctx context.Context, e Entry) (content []byte, err error) {
	err = c.whole(ctx, func() error {
		blob, err := object.GetBlob(c.repo.store, e.Object.plumbing())
		if err != nil {
			return damaged(err)
		}
		r, err := blob.Reader()
		if err != nil {
			return damaged(err)
		}
		content, err = io.ReadAll(r)
		return damaged(err)
	})
	return content, err
}

// Change is a path that a commit made, removed, or made another one of; never a folder.
type Change struct {
	Path          string
	Before, After Entry
}

// Changes lists what a commit changed against its first parent, in the order of the paths. Fault: "commit-missing".
func (c *Clone) Changes(ctx context.Context, of Commit) (changes []Change, err error) {
	err = c.whole(ctx, func() error {
		var before Entry
		if len(of.Parents) > 0 {
			if before, err = c.entry(of.Parents[0], ""); err != nil {
				return err
			}
		}
		after, err := c.entry(of.Hash, "")
		if err != nil {
			return err
		}
		changes = nil
		return c.compare("", before, after, &changes)
	})
	return changes, err
}

// compare appends what differs between two entries of a path.
func (c *Clone) compare(path string, before, after Entry, into *[]Change) error {
	if before == after {
		return nil
	}
	if !before.Folder() && !after.Folder() {
		*into = append(*into, Change{path, before, after})
		return nil
	}
	if before.Object != "" && !before.Folder() || after.Object != "" && !after.Folder() { // a folder against something else
		if err := c.compare(path, before, Entry{}, into); err != nil {
			return err
		}
		return c.compare(path, Entry{}, after, into)
	}
	old, err := c.repo.entries(before.Object.plumbing())
	if err != nil {
		return err
	}
	now, err := c.repo.entries(after.Object.plumbing())
	if err != nil {
		return err
	}
	type pair struct{ before, after Entry }
	all := map[string]pair{}
	var names []string
	for _, e := range old {
		all[e.Name] = pair{before: Entry{e.Mode, hashOf(e.Hash)}}
		names = append(names, e.Name)
	}
	for _, e := range now {
		p, both := all[e.Name]
		p.after = Entry{e.Mode, hashOf(e.Hash)}
		if all[e.Name] = p; !both {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if all[name].before == all[name].after {
			continue
		}
		if err := c.compare(strings.TrimPrefix(path+"/"+name, "/"), all[name].before, all[name].after, into); err != nil {
			return err
		}
	}
	return nil
}
