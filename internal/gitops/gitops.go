// Package gitops keeps a gitops repository, which Flux applies: it deploys, deletes and rolls back apps by commits, each of which is
// made once, whatever dies in between, and reads what the history says was released. Paths, messages and release.json are Gimlet's.
//
// Who drives it calls Settle, keeps the intents that are fresh, pushes the Chain of those that are planned, and begins again until
// nothing is planned: also after a crash, after an error, and when somebody else was quicker.
package gitops

import (
	"context"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// Place is where an environment is in its repository.
type Place struct {
	Path  string `json:"path,omitempty"`  // the folder that has it, "" for the root
	Alone bool   `json:"alone,omitempty"` // the repository has no other one: there is no folder of its name
	Env   string `json:"env"`
}

// folder is that of the environment, "" for the root.
func (p Place) folder() string {
	if p.Alone {
		return path.Join(p.Path)
	}
	return path.Join(p.Path, p.Env)
}

func (p Place) app(name string) string { return path.Join(p.folder(), name) }

// releaseFile is what a release is described in, beside its files, and once more in the folder of the environment for the last one.
const releaseFile = "release.json"

func (p Place) check() error {
	if err := checkName("an environment", p.Env); err != nil {
		return err
	}
	for _, folder := range strings.Split(p.Path, "/") {
		if p.Path == "" {
			break
		}
		if err := checkName("a folder", folder); err != nil {
			return err
		}
	}
	return nil
}

var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// checkName refuses what must not be a part of a path in Git, whoever let it pass before. Fault: "gitops-name".
func checkName(what, s string) error {
	if !name.MatchString(s) || strings.Contains(s, "..") || strings.EqualFold(s, ".git") {
		return fault.New(fault.Invalid, "gitops-name", "%.80q cannot be the name of %s in a gitops repository", s, what).
			Hint("letters, digits, dots, dashes and underscores, 63 at most, a letter or a digit first, and not two dots together")
	}
	return nil
}

// Repository is one branch of a gitops repository. It is safe for concurrent use; operations wait for each other.
type Repository struct {
	mu      sync.Mutex
	clone   *gitrepo.Clone
	touched map[gitrepo.Hash]touch
	effects effects
}

// Open opens the repository, with its clone in a folder; it does not talk to the remote. Faults as gitrepo.OpenClone.
func Open(ctx context.Context, o gitrepo.CloneOptions) (*Repository, error) {
	clone, err := gitrepo.OpenClone(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Repository{clone: clone, touched: map[gitrepo.Hash]touch{}}, nil
}

// Close lets another one use the folder.
func (r *Repository) Close() error { return r.clone.Close() }

// Fetch reads what is new on the branch, for those who ask what was released, and returns its tip, "" for an empty repository.
// Faults as gitrepo.Clone.Fetch.
func (r *Repository) Fetch(ctx context.Context) (gitrepo.Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clone.Fetch(ctx)
}
