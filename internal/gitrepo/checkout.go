package gitrepo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	format "github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Checkout is what gio reads from the working copy beside it. It is only ever read, and only its refs and its
// configuration are: shallow and blobless clones, worktrees, read-only mounts and foreign owners make no difference.
type Checkout struct {
	Root       string // absolute
	RemoteURL  string // of origin, else of the only remote; "" where there is neither. May hold a password: Redact it.
	Branch     string // short name; "" when HEAD is detached
	MainBranch string // where the remote's HEAD pointed when it was cloned; "" when unknown
	Head       Hash   // "" before the first commit
}

// OpenCheckout finds the checkout that dir lies in. Faults: "not-a-checkout", "checkout-format".
func OpenCheckout(dir string) (Checkout, error) {
	dirs, err := findGitDirs(dir)
	if err != nil {
		return Checkout{}, err
	}
	cfg := readConfig(filepath.Join(dirs.common, "config"))
	if err := supported(dirs.root, cfg); err != nil {
		return Checkout{}, err
	}
	name, url := pickRemote(dirs.root, cfg)
	c := Checkout{Root: dirs.root, RemoteURL: url}
	// go-git's own Open refuses extensions such as partialClone, which do not matter here.
	refs := filesystem.NewStorage(
		dotgit.NewRepositoryFilesystem(osfs.New(dirs.own), osfs.New(dirs.common)), cache.NewObjectLRUDefault())
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
	prefix := "refs/remotes/" + name + "/"
	if main, err := refs.Reference(plumbing.ReferenceName(prefix + "HEAD")); err == nil {
		c.MainBranch = strings.TrimPrefix(main.Target().String(), prefix)
	}
	return c, nil
}

// gitDirs are the places of a checkout: its root, its own Git directory, and the one it shares with its worktrees.
type gitDirs struct{ root, own, common string }

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

// gitDirAt follows the file that worktrees and submodules have in place of the directory .git.
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

// supported refuses what go-git would misread.
func supported(root string, c *format.Config) error {
	ext := c.Section("extensions")
	storage, hash := ext.Option("refStorage"), ext.Option("objectFormat")
	if storage != "" && storage != "files" || hash != "" && hash != "sha1" {
		return fault.New(fault.Invalid, "checkout-format", "the checkout %s keeps its refs or objects in a form gio cannot read (%s)",
			root, strings.TrimSpace(storage+" "+hash)).Hint("use --repo and --branch instead of a checkout")
	}
	return nil
}

func pickRemote(root string, c *format.Config) (name, url string) {
	remotes := c.Section("remote").Subsections
	name = "origin"
	if !c.Section("remote").HasSubsection(name) && len(remotes) == 1 {
		name = remotes[0].Name
	}
	urls := c.Section("remote").Subsection(name).OptionAll("url")
	if len(urls) == 0 {
		return name, ""
	}
	return name, absoluteURL(root, urls[0])
}

// absoluteURL anchors a relative path at the checkout, as git does.
func absoluteURL(root, url string) string {
	if strings.HasPrefix(url, "./") || strings.HasPrefix(url, "../") {
		return filepath.Join(root, url)
	}
	return url
}
