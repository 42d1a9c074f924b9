package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/gofrs/flock"

	"github.com/gravitee-lab/gio/internal/fault"
)

// CloneOptions say which branch of which repository to keep, and where.
type CloneOptions struct {
	Dir         string // of this clone alone; made where it is missing
	URL, Branch string // as in Options, without HEAD
	Credentials Credentials
}

// Clone is one branch of a remote repository with its whole history, bare, in a folder of this machine. The folder keeps nothing
// that the remote lacks: it spares downloading, and when it is damaged it is made anew. One Clone at a time uses a folder. Commits
// are made in memory, and kept in the folder once they are pushed. It is safe for concurrent use; operations wait for each other.
type Clone struct {
	mu    lock
	repo  *Repo
	dir   string
	guard *flock.Flock
	disk  *filesystem.Storage
	packs int                   // maxPacks
	log   []Commit              // of head, oldest first
	place map[plumbing.Hash]int // in log
}

const (
	maxPacks     = 200 // each download and each push adds one; beyond that, the folder is made anew, with one
	maxOpenPacks = 32
)

// OpenClone opens the clone in a folder, and does not talk to the remote. Faults: "clone-in-use", "clone-folder" and those of an
// address, as Open.
func OpenClone(ctx context.Context, o CloneOptions) (*Clone, error) {
	if o.Branch == "" {
		return nil, fault.New(fault.NotFound, "no-branch", "no branch of %s is named", Redact(o.URL))
	}
	remote, err := newRemote(ctx, o.URL, o.Credentials)
	if err != nil {
		return nil, err
	}
	c := &Clone{mu: make(lock, 1), dir: o.Dir, packs: maxPacks, repo: newRepo(Options{URL: o.URL, Branch: o.Branch}, remote)}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, c.folder(err)
	}
	c.guard = flock.New(filepath.Join(o.Dir, "lock"), flock.SetPermissions(0o600))
	if free, err := c.guard.TryLock(); err != nil {
		return nil, c.folder(err)
	} else if !free {
		return nil, fault.New(fault.Stopped, "clone-in-use", "another program, or another part of this one, uses %s", o.Dir).
			Hint("each clone needs a folder of its own")
	}
	if err := c.mount(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close lets another one use the folder.
func (c *Clone) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.disk != nil {
		_ = c.disk.Close()
	}
	return c.guard.Unlock()
}

// Shown returns the repository's address without secrets.
func (c *Clone) Shown() string { return c.repo.remote.shown }

func (c *Clone) folder(err error) error {
	return fault.New(fault.Internal, "clone-folder", "the folder %s of a clone of %s cannot be used", c.dir, c.Shown()).Because(err).
		Hint("it must be writable, and have room; what is in it may be deleted")
}

func (c *Clone) bare() string { return filepath.Join(c.dir, "bare.git") }

// mount opens the repository in the folder. One without a readable head is emptied.
func (c *Clone) mount() error {
	left, _ := filepath.Glob(filepath.Join(c.bare(), "objects", "pack", "tmp_pack_*")) // of downloads that were cut off
	for _, file := range left {
		_ = os.Remove(file)
	}
	c.open()
	at, err := c.disk.Reference(c.repo.branch)
	if err == nil && c.disk.HasEncodedObject(at.Hash()) == nil {
		c.repo.head = hashOf(at.Hash())
		return nil
	}
	return c.empty()
}

func (c *Clone) open() {
	c.disk = filesystem.NewStorageWithOptions(osfs.New(c.bare()), cache.NewObjectLRUDefault(),
		filesystem.Options{MaxOpenDescriptors: maxOpenPacks})
	c.forget()
}

// forget drops what was made in memory.
func (c *Clone) forget() {
	made := newObjects(c.Shown())
	made.store = layered{made.store, c.disk}
	c.repo.objects = made
}

// empty makes the repository in the folder anew, without any commit.
func (c *Clone) empty() error {
	_ = c.disk.Close()
	if err := os.RemoveAll(c.bare()); err != nil {
		return c.folder(err)
	}
	c.open()
	c.repo.head, c.log, c.place = "", nil, nil
	settings := config.NewConfig()
	settings.Core.IsBare = true
	err := c.disk.Init()
	if err == nil {
		err = c.disk.SetConfig(settings)
	}
	if err == nil { // for whoever looks at it with git
		err = c.disk.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, c.repo.branch))
	}
	if err != nil {
		return c.folder(err)
	}
	return nil
}

// layered is what was made here, in memory, over what is on the disk.
type layered struct {
	storer.EncodedObjectStorer
	disk *filesystem.Storage
}

// EncodedObject implements storer.EncodedObjectStorer.
func (l layered) EncodedObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	if made, err := l.EncodedObjectStorer.EncodedObject(t, h); err == nil {
		return made, nil
	}
	return l.disk.EncodedObject(t, h)
}

// HasEncodedObject implements storer.EncodedObjectStorer.
func (l layered) HasEncodedObject(h plumbing.Hash) error {
	if l.EncodedObjectStorer.HasEncodedObject(h) == nil {
		return nil
	}
	return l.disk.HasEncodedObject(h)
}

// EncodedObjectSize implements storer.EncodedObjectStorer.
func (l layered) EncodedObjectSize(h plumbing.Hash) (int64, error) {
	if size, err := l.EncodedObjectStorer.EncodedObjectSize(h); err == nil {
		return size, nil
	}
	return l.disk.EncodedObjectSize(h)
}

// Fetch downloads what is new on the branch and returns its tip: "" where the repository is empty, so that a push may make the
// branch. What was made here and not pushed is forgotten. Faults as Repo.Fetch, without "repository-empty"; "clone-folder".
func (c *Clone) Fetch(ctx context.Context) (Hash, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	err := c.fetch(ctx)
	return c.repo.head, err
}

func (c *Clone) fetch(ctx context.Context) error {
	ctx, done := c.repo.remote.progress.watch(ctx)
	defer done()
	session, adv, err := c.repo.remote.uploadPack(ctx)
	if fault.Is(err, "repository-empty") || err == nil && len(adv.References) == 0 {
		if err == nil {
			hangUp(session)
		}
		c.repo.refs, c.repo.head = nil, ""
		return nil
	}
	if err != nil {
		return err
	}
	defer hangUp(session)
	c.repo.noteRefs(adv)
	tip, ok := c.repo.refs[c.repo.branch.String()]
	if !ok {
		return fault.New(fault.NotFound, "branch-missing", "there is no branch %s in %s", c.repo.branch.Short(), c.Shown()).
			Hint("push it first, or name another one: gio makes a branch in an empty repository only")
	}
	if c.disk.HasEncodedObject(tip.plumbing()) != nil {
		if packs, err := c.disk.ObjectPacks(); err != nil || len(packs) >= c.packs {
			if err := c.empty(); err != nil {
				return err
			}
		}
		w := wanted{tips: []plumbing.Hash{tip.plumbing()}}
		if c.repo.head != "" {
			w.have = []plumbing.Hash{c.repo.head.plumbing()}
		}
		if err := c.repo.remote.fetch(ctx, session, adv, w, c.disk); err != nil {
			return err
		}
	}
	return c.settle(tip)
}

// settle notes the tip of the branch, which is here with its whole history.
func (c *Clone) settle(tip Hash) error {
	c.repo.head = tip
	if err := c.disk.SetReference(plumbing.NewHashReference(c.repo.branch, tip.plumbing())); err != nil {
		return c.folder(err)
	}
	return nil
}

// errDamaged is for what should be in the folder and cannot be read.
var errDamaged = errors.New("the clone is damaged")

// whole does something that reads, and once more with a folder made anew where the first one turns out to be damaged.
func (c *Clone) whole(ctx context.Context, read func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := read()
	if !errors.Is(err, errDamaged) {
		return err
	}
	if err := c.empty(); err != nil {
		return err
	}
	if err := c.fetch(ctx); err != nil {
		return err
	}
	if err = read(); errors.Is(err, errDamaged) {
		return fault.New(fault.Internal, "clone-damaged", "the clone of %s in %s cannot be read", c.Shown(), c.dir).Because(err)
	}
	return err
}

// damaged says that something cannot be read that is part of the history.
func damaged(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(errDamaged, err)
}

// Push moves the branch from one commit to another, which was made here, as Repo.Push does; from is "" for a branch that does not
// exist. Faults as Repo.Push.
func (c *Clone) Push(ctx context.Context, from, to Hash) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	updates := []Update{{Ref: c.repo.branch.String(), Old: from, New: to}}
	sent, err := c.repo.unsent(updates)
	if err != nil {
		return err
	}
	if _, err := c.repo.push(ctx, updates); err != nil {
		return err
	}
	return c.keep(sent, to)
}

// keep writes into the folder what was pushed, so that it need not be downloaded.
func (c *Clone) keep(sent *memory.Storage, tip Hash) error {
	var all []plumbing.Hash
	for h := range sent.Objects {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b plumbing.Hash) int { return strings.Compare(a.String(), b.String()) })
	var pack bytes.Buffer
	_, err := packfile.NewEncoder(&pack, sent, false).Encode(all, 0)
	if err == nil && len(all) > 0 {
		err = packfile.UpdateObjectStorage(c.disk, &pack)
	}
	if err != nil || c.settle(tip) != nil {
		return c.empty() // the push counts; what is in the folder does not
	}
	return nil
}
