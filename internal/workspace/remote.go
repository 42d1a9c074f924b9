package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
	"github.com/gravitee-lab/gio/internal/gitrepo"
)

func (o Options) git() git.Git { return git.Find(o.Getenv, o.Environ) }

// fileAbove returns the release.json to read: in a subdirectory of a checkout the nearest above, as git finds the checkout.
func (o Options) fileAbove() string {
	root, dir := "", o.path(".")
	if o.File == ManifestName {
		root = gitrepo.Root(dir)
	}
	for root != "" && dir != root && dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, o.File)); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	if dir == o.path(".") {
		return o.File
	}
	return filepath.Join(dir, o.File)
}

// shortBranch returns the name of a branch without what Git allows before it.
func shortBranch(name string) string {
	for _, prefix := range []string{"refs/heads/", "heads/"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest
		}
	}
	return name
}

// findRemote finds where the release branch is pushed to. A branch may be named as one of that remote: origin/3.9.x.
func (ws *Workspace) findRemote() {
	named := ws.o.Branch
	for _, prefix := range []string{"refs/remotes/", "remotes/"} {
		named = strings.TrimPrefix(named, prefix)
	}
	if remote, branch, ok := strings.Cut(named, "/"); ok && ws.Checkout.For(branch).Remote == remote {
		ws.o.Branch = branch
	}
	if ws.o.Branch != "" {
		ws.Checkout = ws.Checkout.For(ws.o.Branch)
	}
	ws.warnUnread()
}

func (ws *Workspace) warnUnread() {
	if ws.Checkout.Unread != "" {
		ws.warn(ws.Checkout.Unread)
	}
}

// Remote says which branch of which repository is released, without secrets; "" where there is none.
func (ws Workspace) Remote() string {
	switch address := gitrepo.Redact(ws.Checkout.RemoteURL); {
	case !ws.Git || address == "" || ws.Checkout.Refused != nil:
		return ""
	case ws.Branch.Value == "":
		return address
	default:
		return fmt.Sprintf("%s, branch %s", address, ws.Branch.Value)
	}
}

// Repository opens the release branch of the remote, where Git would push it; with dryPush it only reads the remote, and calls
// dryPush instead of pushing. Faults: "no-remote", "no-branch", "push-remote", and those of gitrepo.
func (ws Workspace) Repository(ctx context.Context, dryPush func([]gitrepo.Update)) (*gitrepo.Repo, error) {
	if ws.Checkout.Refused != nil {
		return nil, ws.Checkout.Refused
	}
	return ws.open(ctx, dryPush)
}

// RepositoryToRead is Repository for what never writes: a checkout that must not push will do.
func (ws Workspace) RepositoryToRead(ctx context.Context) (*gitrepo.Repo, error) {
	if ws.Checkout.Refused != nil && ws.Checkout.RemoteURL == "" {
		return nil, ws.Checkout.Refused
	}
	return ws.open(ctx, nil)
}

// OnBranch returns the workspace of another branch of the remote, with manifest and gio.yaml from there, where it was fetched: settings
// belong to the branch that is released. Faults: those of the files.
func (ws Workspace) OnBranch(repo *gitrepo.Repo, branch string) (_ Workspace, err error) {
	at := repo.Refs()["refs/heads/"+branch]
	ws.o.Branch, ws.Branch = branch, config.Value{Value: branch, Source: "the release repository"}
	if ws.o.Repo == "" {
		ws.Checkout = ws.Checkout.For(branch)
	}
	ws.Checkout.Branch, ws.Checkout.MainBranch = branch, repo.DefaultBranch()
	ws.ConfigPath, ws.LocalConfig = "", nil
	if ws.Local, err = repo.ReadFile(at, ws.Path); err != nil {
		return ws, err
	}
	if ws.o.namedConfig().Value == "" {
		ws.Config, err = remoteConfig(repo, at, ws.Path)
	}
	return ws, err
}

// AllBranches returns the workspace of the remote as a whole: its release branch is the remote's default branch, whatever that is.
func (ws Workspace) AllBranches() Workspace {
	ws.Branch = config.Value{Value: "HEAD", Source: "the remote"}
	return ws
}

func (ws Workspace) open(ctx context.Context, dryPush func([]gitrepo.Update)) (*gitrepo.Repo, error) {
	if !ws.Git || ws.Checkout.RemoteURL == "" {
		return nil, fault.New(fault.NotFound, "no-remote", "%s is in no checkout with a remote: gio would not know where to record the release", ws.o.File).
			Hint("clone the release repository and run gio there")
	}
	if ws.Branch.Value == "" {
		return nil, fault.New(fault.Usage, "no-branch", "the checkout is on no branch").Hint("name the release branch with --branch")
	}
	source := "the checkout"
	if ws.o.Repo != "" {
		source = "--repo"
	}
	ws.ReportSetting("remote", config.Value{Value: gitrepo.Redact(ws.Checkout.RemoteURL), Source: source})
	credentials, err := ws.Credentials()
	if err != nil {
		return nil, err
	}
	author := gitrepo.Author{Name: ws.Config.Author.Name, Email: ws.Config.Author.Email}
	repo, err := gitrepo.Open(ctx, gitrepo.Options{
		URL: ws.Checkout.RemoteURL, Branch: ws.Branch.Value,
		Credentials: credentials, DryPush: dryPush,
		Author:    gitrepo.ResolveAuthor(ws.Checkout.Git, author),
		Committer: gitrepo.ResolveCommitter(ws.Checkout.Git, author),
	})
	return repo, ws.explained(err)
}

// explained says, with an error, what of the checkout led to it: that Git pushes elsewhere than it fetches from, or that the
// branch has another name there.
func (ws Workspace) explained(err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok {
		return err
	}
	explained := *f
	tracked := shortBranch(ws.Checkout.Git.Config.Get("branch." + ws.Branch.Value + ".merge"))
	if fault.Is(err, "branch-missing") && tracked != "" && tracked != ws.Branch.Value {
		return explained.Hint("the checkout's branch %s tracks %s: --branch %s", ws.Branch.Value, tracked, tracked)
	}
	if ws.Checkout.FetchURL == "" {
		return err
	}
	return explained.Hint("Git fetches from %s but pushes there, so gio works there: see `git remote -v`, or name the repository with --repo",
		gitrepo.Redact(ws.Checkout.FetchURL))
}
