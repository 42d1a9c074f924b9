package gitrepo

import (
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Imagine makes a repository that exists nowhere: one commit on the branch, holding one file. It is what a dry run works on
// when the remote cannot be read. Its pushes are dry whatever Options say, and it never goes to the network.
// defaultBranch is what DefaultBranch will say. Faults: "file-path".
func Imagine(o Options, defaultBranch, path string, content []byte) (*Repo, error) {
	if o.DryPush == nil {
		o.DryPush = func([]Update) {}
	}
	r := newRepo(o, &remote{shown: Redact(o.URL)})
	r.refs, r.defaultBranch, r.ahead = map[string]Hash{}, defaultBranch, true
	head, err := r.Commit("", path, content, "release.json as it is in the checkout")
	if err != nil {
		return nil, err
	}
	r.head, r.refs[r.branch.String()] = head, head
	return r, nil
}

// pushDry takes a push for done: what comes later sees it, the remote never does. Who is told may ask about what was pushed.
func (r *Repo) pushDry(updates []Update) error {
	if err := r.landDry(updates); err != nil {
		return err
	}
	r.told(updates)
	return nil
}

func (r *Repo) landDry(updates []Update) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.unsent(updates); err != nil {
		return err
	}
	for _, u := range updates {
		if r.refs[u.Ref] != u.Old {
			return fault.New(fault.Invalid, "ref-moved", "%s of %s is not what the push is based on", u.Ref, r.remote.shown).Because(ErrMoved)
		}
	}
	for _, u := range updates {
		r.refs[u.Ref] = u.New
		if tag, err := object.GetTag(r.store, u.New.plumb()); err == nil {
			r.refs[u.Ref+peeled] = hashOf(tag.Target)
		}
		if u.Ref == r.branch.String() {
			r.head = u.New
		}
	}
	r.ahead = true
	return nil
}

// Made lists the commits that lead to an object and were made here, oldest first; a tag leads to what it stands for.
func (r *Repo) Made(to Hash) []Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := to.plumb()
	if tag, err := object.GetTag(r.store, at); err == nil {
		at = tag.Target
	}
	var list []Hash
	for r.made[at] {
		list = append(list, hashOf(at))
		parents, known := parentsOf(at, []*memory.Storage{r.store})
		if !known || len(parents) == 0 {
			break
		}
		at = parents[0]
	}
	slices.Reverse(list)
	return list
}

// Parent is the first parent of a commit that was fetched or made here, "" where there is none.
func (r *Repo) Parent(at Hash) Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	if parents, _ := parentsOf(at.plumb(), []*memory.Storage{r.store}); len(parents) > 0 {
		return hashOf(parents[0])
	}
	return ""
}

// Target is what an annotated tag stands for, and its message; an object that is no tag made here stands for itself.
func (r *Repo) Target(of Hash) (Hash, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tag, err := object.GetTag(r.store, plumbing.NewHash(string(of)))
	if err != nil {
		return of, ""
	}
	return hashOf(tag.Target), tag.Message
}

// MadeAt is when an annotated tag, or a commit, that was fetched or made here was made; zero for any other object.
func (r *Repo) MadeAt(of Hash) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if tag, err := object.GetTag(r.store, of.plumb()); err == nil {
		return tag.Tagger.When
	}
	if commit, err := object.GetCommit(r.store, of.plumb()); err == nil {
		return commit.Committer.When
	}
	return time.Time{}
}
