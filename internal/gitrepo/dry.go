package gitrepo

import (
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Imagine makes a repository without a remote: one commit on the branch, with one file. A dry run uses it when the remote
// cannot be read. Its pushes are dry whatever Options say, and it makes no network requests. defaultBranch is what
// DefaultBranch returns. Faults: "file-path".
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

// pushDry treats a push as done: later calls see it, the remote never does. It calls Options.DryPush last and without the
// lock, so that the callback may read what was pushed.
func (r *Repo) pushDry(updates []Update) error {
	if err := r.applyDry(updates); err != nil {
		return err
	}
	r.onDryPush(updates)
	return nil
}

func (r *Repo) applyDry(updates []Update) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.unsent(updates); err != nil {
		return err
	}
	for _, u := range updates {
		if r.refs[u.Ref] != u.Old {
			return fault.New(fault.Invalid, "ref-moved", "%s of %s has moved since the push was prepared", u.Ref, r.remote.shown).Because(ErrMoved)
		}
	}
	for _, u := range updates {
		r.refs[u.Ref] = u.New
		if tag, err := object.GetTag(r.store, u.New.plumbing()); err == nil {
			r.refs[u.Ref+peeled] = hashOf(tag.Target)
		}
		if u.Ref == r.branch.String() {
			r.head = u.New
		}
	}
	r.ahead = true
	return nil
}

// Made lists the commits in the history of an object, or of a tag's target, that were made here and not pushed, the oldest
// first.
func (r *Repo) Made(to Hash) []Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := to.plumbing()
	if tag, err := object.GetTag(r.store, at); err == nil {
		at = tag.Target
	}
	var list []Hash
	for r.unpushed[at] {
		list = append(list, hashOf(at))
		parents, ok := parentsOf(at, []storer.EncodedObjectStorer{r.store})
		if !ok || len(parents) == 0 {
			break
		}
		at = parents[0]
	}
	slices.Reverse(list)
	return list
}

// Parent returns the first parent of a commit that was fetched or made here, "" where there is none.
func (r *Repo) Parent(at Hash) Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	if parents, _ := parentsOf(at.plumbing(), []storer.EncodedObjectStorer{r.store}); len(parents) > 0 {
		return hashOf(parents[0])
	}
	return ""
}

// Target returns the object to which an annotated tag made here points, and the tag's message; for any other object that
// object itself.
func (r *Repo) Target(of Hash) (Hash, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tag, err := object.GetTag(r.store, plumbing.NewHash(string(of)))
	if err != nil {
		return of, ""
	}
	return hashOf(tag.Target), tag.Message
}

// MadeAt returns the time of an annotated tag or a commit that was fetched or made here; zero for any other object.
func (r *Repo) MadeAt(of Hash) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if tag, err := object.GetTag(r.store, of.plumbing()); err == nil {
		return tag.Tagger.When
	}
	if commit, err := object.GetCommit(r.store, of.plumbing()); err == nil {
		return commit.Committer.When
	}
	return time.Time{}
}

// MadeBy returns who made an annotated tag, or committed a commit, that was fetched or made here; zero for any other object.
func (r *Repo) MadeBy(of Hash) Author {
	r.mu.Lock()
	defer r.mu.Unlock()
	if tag, err := object.GetTag(r.store, of.plumbing()); err == nil {
		return Author{tag.Tagger.Name, tag.Tagger.Email}
	}
	if commit, err := object.GetCommit(r.store, of.plumbing()); err == nil {
		return Author{commit.Committer.Name, commit.Committer.Email}
	}
	return Author{}
}
