package gitrepo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
)

// Checkout is what gio reads from the working copy: only its refs and its configuration, and it never writes. So shallow
// and blobless clones, worktrees, read-only mounts and foreign owners make no difference.
type Checkout struct {
	Root       string // absolute
	Branch     string // short name; "" when HEAD is detached
	Head       Hash   // "" before the first commit
	MainBranch string // target of the remote's HEAD at the time of the clone; "" when unknown

	// RemoteURL is where Git pushes the branch of For to. May contain a password: Redact it.
	RemoteURL string
	Remote    string // its name; "" without a name
	FetchURL  string // where Git fetches from, where that is another address

	// Refused says why gio cannot push to where Git would, or why Git would not push; nil where there is no reason. RemoteURL is
	// then what gio may read nevertheless, "" where there is nothing.
	Refused error

	Git    git.Git // with the configuration that holds in the checkout
	Unread string  // what of that configuration gio could not read, as a sentence
}

// OpenCheckout finds the checkout that contains dir, and the remote of its branch. Faults: "not-a-checkout", "checkout-format",
// "checkout-config", "git-config", "git-dir".
func OpenCheckout(ctx context.Context, g git.Git, dir string) (Checkout, error) {
	dirs, err := findGitDirs(dir)
	if err != nil {
		return Checkout{}, err
	}
	if other := g.Elsewhere(dirs.own); other != "" {
		return Checkout{}, fault.New(fault.Invalid, "git-dir", "GIT_DIR names another repository (%s) than the one of %s", other, dirs.root).
			Hint("unset GIT_DIR, or use --repo and --branch")
	}
	c := Checkout{Root: dirs.root}
	if c.Git, c.Unread, err = configured(ctx, g, dirs); err != nil {
		return Checkout{}, err
	}
	if err := checkFormat(dirs.root, c.Git.Config); err != nil {
		return Checkout{}, err
	}
	refs := dirs.refs()
	head, err := refs.Reference(plumbing.HEAD)
	if err != nil {
		return Checkout{}, notACheckout(dir).Because(err)
	}
	if head.Type() == plumbing.SymbolicReference {
		c.Branch = head.Target().Short()
		head, err = refs.Reference(head.Target())
	}
	if err == nil {
		c.Head = hashOf(head.Hash())
	} else if !errors.Is(err, plumbing.ErrReferenceNotFound) {
		return Checkout{}, notACheckout(dir).Because(err)
	}
	return c.For(c.Branch), nil
}

// For returns the checkout with the remote that a push of this branch goes to.
func (c Checkout) For(branch string) Checkout {
	c.MainBranch, c.RemoteURL, c.Remote, c.FetchURL, c.Refused = "", "", "", "", nil
	c.destine(branch)
	dirs, err := findGitDirs(c.Root)
	if err != nil || c.Remote == "" {
		return c
	}
	prefix := "refs/remotes/" + c.Remote + "/"
	if main, err := dirs.refs().Reference(plumbing.ReferenceName(prefix + "HEAD")); err == nil {
		c.MainBranch = strings.TrimPrefix(main.Target().String(), prefix)
	}
	return c
}

// refs reads the refs of a checkout. go-git's own Open refuses extensions such as partialClone, which do not matter here.
func (d gitDirs) refs() *filesystem.Storage {
	return filesystem.NewStorage(dotgit.NewRepositoryFilesystem(osfs.New(d.own), osfs.New(d.common)), cache.NewObjectLRUDefault())
}

// gitDirs are the directories of a checkout: its root, its own Git directory, and the one that all worktrees share.
type gitDirs struct{ root, own, common string }

// Root returns the root of the checkout that contains dir, "" where there is none.
func Root(dir string) string {
	dirs, err := findGitDirs(dir)
	if err != nil {
		return ""
	}
	return dirs.root
}

// findGitDirs searches upward from dir.
func findGitDirs(dir string) (gitDirs, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return gitDirs{}, notACheckout(dir).Because(err)
	}
	for {
		if own, ok := gitDirAt(root); ok {
			return gitDirs{root: root, own: own, common: commonDir(own)}, nil
		}
		parent := filepath.Dir(root)
		if parent == root {
			return gitDirs{}, notACheckout(dir)
		}
		root = parent
	}
}

// gitDirAt returns the Git directory of a root. It follows the file that worktrees and submodules have instead of the
// directory .git.
func gitDirAt(root string) (string, bool) {
	own := filepath.Join(root, ".git")
	if content, err := os.ReadFile(own); err == nil {
		target, ok := strings.CutPrefix(string(content), "gitdir:")
		if !ok {
			return "", false
		}
		own = absolute(root, strings.TrimSpace(target))
	}
	_, err := os.Stat(filepath.Join(own, "HEAD"))
	return own, err == nil
}

func commonDir(own string) string {
	content, err := os.ReadFile(filepath.Join(own, "commondir"))
	if err != nil {
		return own
	}
	return absolute(own, strings.TrimSpace(string(content)))
}

func absolute(base, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}

func notACheckout(dir string) *fault.Fault {
	return fault.New(fault.NotFound, "not-a-checkout", "%s is not in a checkout of a Git repository", dir).
		Hint("change into the release repository, or name it with --repo and --branch")
}

// checkFormat refuses formats that go-git would misread.
func checkFormat(root string, c git.Config) error {
	storage, hash := c.Get("extensions.refstorage"), c.Get("extensions.objectformat")
	if storage != "" && storage != "files" || hash != "" && hash != "sha1" {
		return fault.New(fault.Invalid, "checkout-format", "the checkout %s keeps its refs or objects in a form gio cannot read (%s)",
			root, strings.TrimSpace(storage+" "+hash)).Hint("use --repo and --branch instead of a checkout")
	}
	return nil
}
