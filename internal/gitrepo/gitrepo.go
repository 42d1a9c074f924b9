// Package gitrepo reads and writes Git repositories: an in-memory shallow clone of one branch, commits, annotated tags and one atomic
// push. So a release uses its repository, and writes nothing to disk. A Clone has the whole history of a branch in a folder.
//
// It talks to the remote through go-git's sessions and not through its porcelain, because a push must name exactly the old and the new
// value of every ref: that makes it compare-and-swap.
package gitrepo

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Hash names a Git object: 40 lower-case hexadecimal digits, or "" for none.
type Hash string

func hashOf(h plumbing.Hash) Hash {
	if h.IsZero() {
		return ""
	}
	return Hash(h.String())
}

// plumbing is the inverse of hashOf; "" is the zero hash.
func (h Hash) plumbing() plumbing.Hash { return plumbing.NewHash(string(h)) }

// Options say which branch of which repository to open, and with which identity to write.
type Options struct {
	URL         string           // https, http, ssh, scp-like, file or a local path
	Branch      string           // its short name, a full one that starts with refs/, or HEAD for the default branch
	Credentials Credentials      // those of the caller; ssh and Git supply others
	Author      Author           // of commits and tags
	Committer   Author           // zero: the author
	Now         func() time.Time // nil: the wall clock

	// DryPush, when set, gets every push instead of the remote, which is then only read: the push counts as done from then
	// on, and the right to push is not proven.
	DryPush func([]Update)
}

// Repo is one branch of a remote repository, held in memory. It is safe for concurrent use; operations wait for each other.
type Repo struct {
	mu        lock
	remote    *remote
	branch    plumbing.ReferenceName
	author    Author
	committer Author
	now       func() time.Time
	objects
	others        []*Ref
	refs          map[string]Hash
	defaultBranch string
	head          Hash
	onDryPush     func([]Update) // Options.DryPush
	ahead         bool           // a dry push was made: the refs here differ from the remote's, do not read those again
}

// Open lists the refs of the remote and clones its branch at depth 1 into memory.
//
// Faults: "no-remote", "no-branch", "remote-url", "branch-missing", "repository-empty", "repository-missing", "git-auth",
// "git-remote", "git-missing".
func Open(ctx context.Context, o Options) (*Repo, error) {
	if o.Branch == "" {
		return nil, fault.New(fault.NotFound, "no-branch", "no branch of %s is named, and the HEAD of the checkout is detached", Redact(o.URL)).
			Hint("name one with --branch")
	}
	remote, err := newRemote(ctx, o.URL, o.Credentials)
	if err != nil {
		return nil, err
	}
	r := newRepo(o, remote)
	return r, r.Fetch(ctx)
}

func newRepo(o Options, remote *remote) *Repo {
	r := &Repo{
		remote: remote, branch: branchRef(o.Branch), author: o.Author.clean(), committer: o.Committer.clean(), now: o.Now,
		mu: make(lock, 1), objects: newObjects(remote.shown), onDryPush: o.DryPush,
	}
	r.author = r.author.or(fallbackAuthor)
	r.committer = r.committer.or(r.author)
	if r.now == nil {
		r.now = time.Now
	}
	return r
}

// lock is a mutex on which a synctest bubble counts waiting as idle: the holder may sleep between two tries.
type lock chan struct{}

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }

func branchRef(name string) plumbing.ReferenceName {
	if strings.HasPrefix(name, "refs/") {
		return plumbing.ReferenceName(name)
	}
	return plumbing.NewBranchReferenceName(name)
}

// Head returns the tip of the branch as last fetched, or as last pushed from here.
func (r *Repo) Head() Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.head
}

// Identity returns who commits and tags made here are by: names and addresses as they are written into them.
func (r *Repo) Identity() (author, committer Author) { return r.author, r.committer }

// DefaultBranch returns the short name of the branch that the remote's HEAD points to, "" when the remote does not say.
func (r *Repo) DefaultBranch() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.defaultBranch
}

// Refs returns the refs of the remote as last listed, by full name, without HEAD. An annotated tag has a second entry
// "refs/tags/NAME^{}", the object it points to.
func (r *Repo) Refs() map[string]Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.refs)
}

// Fetch lists the refs again and downloads the tip of the branch and those of the further refs (full names) that exist, at
// depth 1. After a fault Head is unchanged.
func (r *Repo) Fetch(ctx context.Context, also ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ahead {
		return nil
	}
	ctx, done := r.remote.progress.watch(ctx)
	defer done()
	session, adv, err := r.remote.uploadPack(ctx)
	if err != nil {
		return err
	}
	defer hangUp(session)
	r.noteRefs(adv)
	if r.branch == plumbing.NewBranchReferenceName("HEAD") && r.defaultBranch != "" {
		r.branch = branchRef(r.defaultBranch)
	}
	head, ok := r.refs[r.branch.String()]
	if !ok {
		return fault.New(fault.NotFound, "branch-missing", "there is no branch %s in %s", r.branch.Short(), r.remote.shown).
			Hint("if it was renamed, use its new name: check that out, or name it with --branch; push a new one first")
	}
	if err := r.download(ctx, session, adv, r.missing(head, also)); err != nil {
		return err
	}
	r.head = head
	return nil
}

// missing returns the objects to download: the tips of the branch and of the further refs, unless they are here already.
func (r *Repo) missing(head Hash, also []string) []plumbing.Hash {
	var wants []plumbing.Hash
	seen := map[Hash]bool{"": true}
	for _, h := range append([]Hash{head}, r.hashes(also)...) {
		if !seen[h] && r.store.HasEncodedObject(h.plumbing()) != nil {
			wants = append(wants, h.plumbing())
		}
		seen[h] = true
	}
	return wants
}

func (r *Repo) hashes(refs []string) []Hash {
	var found []Hash
	for _, name := range refs {
		found = append(found, r.refs[name])
	}
	return found
}

// download adds the objects to the store only once all have arrived, so that a commit in the store is always complete.
func (r *Repo) download(ctx context.Context, session uploadSession, adv *packp.AdvRefs, wants []plumbing.Hash) error {
	if len(wants) == 0 {
		return nil
	}
	fetched := memory.NewStorage()
	if err := r.remote.fetch(ctx, session, adv, wanted{tips: wants, depth: 1}, fetched); err != nil {
		return err
	}
	for _, object := range fetched.Objects {
		if _, err := r.store.SetEncodedObject(object); err != nil {
			return fault.New(fault.Internal, "git-object", "cannot store an object of %s", r.remote.shown).Because(err)
		}
	}
	return nil
}

func (r *Repo) noteRefs(adv *packp.AdvRefs) {
	r.refs = refsOf(adv)
	r.defaultBranch = ""
	for _, symref := range adv.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(symref, "HEAD:refs/heads/"); ok {
			r.defaultBranch = target
		}
	}
}

func refsOf(adv *packp.AdvRefs) map[string]Hash {
	refs := make(map[string]Hash, len(adv.References)+len(adv.Peeled))
	for name, h := range adv.References {
		refs[name] = hashOf(h)
	}
	for name, h := range adv.Peeled {
		refs[name+peeled] = hashOf(h)
	}
	return refs
}

// peeled is Git's suffix for the object that an annotated tag points to.
const peeled = "^{}"

// RemoteTags lists the tags of another repository, annotated or not: short name to commit. An empty repository has none.
// Faults as Open.
func RemoteTags(ctx context.Context, url string, c Credentials) (map[string]Hash, error) {
	remote, err := newRemote(ctx, url, c)
	if err != nil {
		return nil, err
	}
	refs, err := remote.list(ctx)
	if err != nil && !fault.Is(err, "repository-empty") {
		return nil, err
	}
	tags := map[string]Hash{}
	for ref, h := range refs {
		name, isTag := strings.CutPrefix(ref, "refs/tags/")
		if !isTag || strings.HasSuffix(name, peeled) {
			continue
		}
		if target, ok := refs[ref+peeled]; ok {
			h = target
		}
		tags[name] = h
	}
	return tags, nil
}
