package gitrepo

import (
	"context"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gravitee-lab/gio/internal/fault"
)

// ReadFile returns the content of a file in a commit that was fetched or made here. Faults: "commit-missing", "file-missing".
func (r *Repo) ReadFile(at Hash, path string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readFile(at, path)
}

// Subject returns the first line of a commit's message, "" for a commit that was neither fetched nor made here.
func (r *Repo) Subject(at Hash) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	commit, err := object.GetCommit(r.store, at.plumbing())
	if err != nil {
		return ""
	}
	subject, _, _ := strings.Cut(commit.Message, "\n")
	return subject
}

// AuthorOf returns who wrote a commit that was fetched or made here; zero for any other object.
func (r *Repo) AuthorOf(commit Hash) Author {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := object.GetCommit(r.store, commit.plumbing())
	if err != nil {
		return Author{}
	}
	return Author{found.Author.Name, found.Author.Email}
}

// Commit makes, in memory, a commit on parent in which one file has this content. The file keeps its mode; a new one, in new
// directories where needed, is an ordinary file. With parent "" it is the first commit of a separate history.
// Faults: "commit-missing", "file-path" where path is no file in the repository.
func (r *Repo) Commit(parent Hash, path string, content []byte, subject string) (Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if content == nil {
		content = []byte{} // an empty file, not one to remove
	}
	return r.commit(r, parent, map[string][]byte{path: content}, subject)
}

// Tag makes, in memory, an annotated tag of an object that was fetched or made here. Faults: "tag-name", "commit-missing".
func (r *Repo) Tag(name string, target Hash, message string) (Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if plumbing.NewTagReferenceName(name).Validate() != nil {
		return "", fault.New(fault.Invalid, "tag-name", "%q cannot be the name of a Git tag", name)
	}
	of, err := r.store.EncodedObject(plumbing.AnyObject, target.plumbing())
	if err != nil {
		return "", r.unreadable(target, err)
	}
	return r.addObject(&object.Tag{
		Name: name, Tagger: r.sign(r.committer), Message: line(message),
		TargetType: of.Type(), Target: target.plumbing(),
	})
}

// TagMessage fetches the message of an annotated tag of the remote, "" for one that is not annotated or does not exist. Each
// call is a request to the remote. Faults: those of reading.
func (r *Repo) TagMessage(ctx context.Context, name string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, done := r.remote.progress.watch(ctx)
	defer done()
	session, adv, err := r.remote.uploadPack(ctx)
	if err != nil {
		return "", err
	}
	defer hangUp(session)
	h := refsOf(adv)["refs/tags/"+name]
	if h == "" {
		return "", nil
	}
	fetched := memory.NewStorage()
	if err := r.remote.fetch(ctx, session, adv, wanted{tips: []plumbing.Hash{h.plumbing()}, depth: 1}, fetched); err != nil {
		return "", err
	}
	tag, err := object.GetTag(fetched, h.plumbing())
	if err != nil {
		return "", nil //nolint:nilerr // it points to a commit
	}
	return tag.Message, nil
}

// line ends a message in one newline, as git itself does.
func line(message string) string { return strings.TrimRight(message, "\n") + "\n" }

func (r *Repo) sign(a Author) object.Signature {
	return object.Signature{Name: a.Name, Email: a.Email, When: r.now()}
}
