// Package workspace is what a command works on: release.json, gio.yaml, the remote, its branch and the credentials. A
// Workspace is made once, by one of the Open functions, and never changed: methods that change something return a copy. Below
// the command line only this package and config read the environment; each value is reported with its source.
package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// ManifestName is the default name of release.json.
const ManifestName = "release.json"

// Options say where to look. Paths may be relative to Dir.
type Options struct {
	Dir     string // working directory
	File    string // release.json; with Repo, its path in the repository
	Repo    string // release repository instead of a checkout: org/name or an address; needs Branch
	Branch  string // release branch; "" is the checkout's
	Offline bool   // read the checkout alone, also where Branch names another branch than its own
	// AnyBranch says that the release branch does not matter: with Repo and without Branch, the remote's default branch will do.
	AnyBranch bool
	Config    string // gio.yaml; "" is GIO_CONFIG's, else the one beside release.json

	Getenv func(string) string
	// Environ is the environment of the git program and of what it starts, as os.Environ returns it; nil: there is none, and gio
	// reads Git's files itself.
	Environ   []string
	Container bool   // send the pipeline parameters that the seed system's jobs sent
	Version   string // of this gio, for the journal

	// Resolved gets each setting with its source, whenever it is used; Warn gets what is probably a mistake. Either may be nil.
	Resolved func(what string, v config.Value)
	Warn     func(sentence string)
}

// Workspace is the manifest, the checkout and the configuration that a command works on.
type Workspace struct {
	File     string // the manifest's path on this machine
	Local    []byte // its content in the checkout, or on the remote's branch where there is no checkout
	Path     string // its path in the repository, with slashes
	Checkout gitrepo.Checkout
	Git      bool // there is a checkout, or a remote instead of one
	Config   config.File
	// ConfigPath is the path in the repository of the gio.yaml that was read from the checkout, or is missing there, and LocalConfig
	// its content; ConfigPath is "" where the settings do not come from the checkout.
	ConfigPath  string
	LocalConfig []byte
	Branch      config.Value // the release branch; "" when it is not known

	o Options
}

// Open reads the workspace of the working directory or, with Repo, of the remote. Faults: "no-manifest" (kind NotFound),
// "no-branch", those of the configuration and of the repository.
func Open(ctx context.Context, o Options) (Workspace, error) {
	if o.Repo != "" {
		return openRemote(ctx, o)
	}
	o.File, o.Branch = o.fileAbove(), shortBranch(o.Branch)
	ws := Workspace{File: o.path(o.File), Path: filepath.ToSlash(o.File), o: o}
	var err error
	if ws.Local, err = os.ReadFile(ws.File); err != nil {
		return ws, o.noManifest(err)
	}
	dir := filepath.Dir(ws.File)
	ws.Checkout, err = gitrepo.OpenCheckout(ctx, o.git(), dir)
	if err != nil && !fault.Is(err, "not-a-checkout") {
		return ws, err
	}
	if ws.Git = err == nil; ws.Git {
		if ws.Path, err = pathInRepository(ws.Checkout.Root, ws.File); err != nil {
			return ws, err
		}
		ws.findRemote()
	}
	ws.Branch = config.First(config.Value{Value: ws.o.Branch, Source: "--branch"}, config.Value{Value: ws.Checkout.Branch, Source: "the checkout"})
	if ws.Checkout.RemoteURL != "" && ws.OnOtherBranch() && !o.Offline {
		there, err := ws.readRemote(ctx)
		kind := fault.KindOf(err)
		if ws.Checkout.Branch != "" || kind != fault.Remote && kind != fault.Auth {
			return there, err
		}
		// A detached checkout may well be that branch's: a dry run must not need the remote.
		ws.warn(fmt.Sprintf("branch %s of the remote cannot be read, the checkout's release.json and gio.yaml stand for it: %s", ws.Branch.Value, err))
	}
	if err := ws.readConfig(dir); err != nil {
		return ws, err
	}
	ws.ReportSetting("manifest", config.Value{Value: ws.File, Source: "--file"})
	ws.ReportSetting("release branch", ws.Branch)
	return ws, nil
}

// readConfig reads the gio.yaml that is named, else the one beside the manifest.
func (ws *Workspace) readConfig(dir string) (err error) {
	named := ws.o.namedConfig()
	if named.Value != "" {
		ws.Config, err = config.Read(ws.o.path(named.Value))
	} else {
		ws.LocalConfig, ws.Config, err = config.Beside(dir)
		if ws.Git {
			ws.ConfigPath = path.Join(path.Dir(ws.Path), config.FileName)
		}
	}
	ws.ReportSetting("configuration", config.Value{Value: ws.Config.Path, Source: cmp.Or(named.Source, "beside the manifest")})
	return err
}

// openRemote makes the workspace of Repo, without a checkout.
func openRemote(ctx context.Context, o Options) (Workspace, error) {
	o.Branch = shortBranch(o.Branch)
	branch := config.Value{Value: o.Branch, Source: "--branch"}
	if branch.Value == "" && o.AnyBranch {
		branch = config.Value{Value: "HEAD", Source: "the remote"}
	}
	if branch.Value == "" {
		return Workspace{}, fault.New(fault.Usage, "no-branch", "--repo needs --branch, the release branch").
			Hint("add the branch, as in --repo %s --branch 3.9.x", gitrepo.Redact(o.Repo))
	}
	ws := Workspace{
		File: o.path(o.File), Path: filepath.ToSlash(o.File), Git: true,
		Checkout: gitrepo.Checkout{Branch: branch.Value}, Branch: branch, o: o,
	}
	var err error
	if ws.Checkout.Git, ws.Checkout.Unread, err = gitrepo.Outside(ctx, o.git(), o.Dir); err != nil {
		return ws, err
	}
	ws.warnUnread()
	ws.Checkout.RemoteURL, ws.Checkout.FetchURL = gitrepo.Rewritten(ws.Checkout.Git, o.remoteURL())
	return ws.readRemote(ctx)
}

// readRemote reads manifest and gio.yaml from the remote's branch: settings belong to the branch that is released.
func (ws Workspace) readRemote(ctx context.Context) (Workspace, error) {
	ws.ReportSetting("release branch", ws.Branch)
	repo, err := ws.RepositoryToRead(ctx)
	if err != nil {
		return ws, err
	}
	ws.Checkout.MainBranch = repo.DefaultBranch()
	if ws.Local, err = repo.ReadFile(repo.Head(), ws.Path); err != nil {
		return ws, err
	}
	ws.ReportSetting("manifest", config.Value{Value: ws.Path, Source: "the remote's branch"})
	source := "beside the manifest on the remote's branch"
	if named := ws.o.namedConfig(); named.Value != "" {
		source = named.Source
		ws.Config, err = config.Read(ws.o.path(named.Value))
	} else {
		ws.Config, err = remoteConfig(repo, repo.Head(), ws.Path)
	}
	ws.ReportSetting("configuration", config.Value{Value: ws.Config.Path, Source: source})
	return ws, err
}

// remoteConfig reads the gio.yaml beside the manifest in a commit, if there is one.
func remoteConfig(repo *gitrepo.Repo, at gitrepo.Hash, manifestPath string) (config.File, error) {
	beside := path.Join(path.Dir(manifestPath), config.FileName)
	data, err := repo.ReadFile(at, beside)
	if fault.Is(err, "file-missing") {
		return config.File{}, nil
	}
	if err != nil {
		return config.File{}, err
	}
	return config.Parse(beside, data)
}

// OpenOptional is Open for commands that need no release repository. InRepository says whether there is one; without a manifest
// the workspace is the directory alone.
func OpenOptional(ctx context.Context, o Options) (ws Workspace, inRepository bool, err error) {
	ws, err = Open(ctx, o)
	if fault.Is(err, "no-manifest") && o.Repo == "" {
		return OpenDirectory(o, filepath.ToSlash(o.File)), false, nil
	}
	return ws, err == nil && ws.Git && ws.Checkout.RemoteURL != "", err
}

// OpenDirectory makes a workspace without a manifest: manifestPath stands for it in its journals.
func OpenDirectory(o Options, manifestPath string) Workspace {
	return Workspace{File: o.path(o.File), Path: manifestPath, Checkout: gitrepo.Checkout{Git: o.git()}, o: o}
}

// ForOrganization makes the workspace of a release repository that an organization does not have yet: enough to ask GitHub
// about the organization.
func ForOrganization(o Options, dir, organization string) Workspace {
	return Workspace{
		File:     filepath.Join(dir, ManifestName),
		Checkout: gitrepo.Checkout{RemoteURL: OrganizationURL(o.Getenv, organization) + "/release", Git: o.git()}, o: o,
	}
}

// Manifest parses Local.
func (ws Workspace) Manifest() (*manifest.Manifest, error) { return manifest.Parse(ws.Path, ws.Local) }

// Branches lists the branches that the checkout knows, its remotes' included; none without one.
func (ws Workspace) Branches(ctx context.Context) []string { return ws.Checkout.Git.Branches(ctx) }

// WithManifest returns the workspace with another content of release.json.
func (ws Workspace) WithManifest(local []byte) Workspace {
	ws.Local = local
	return ws
}

// Options returns the options that the workspace was opened with.
func (ws Workspace) Options() Options { return ws.o }

// AbsPath makes a path absolute, from the working directory.
func (ws Workspace) AbsPath(p string) string { return ws.o.path(p) }

// OnOtherBranch reports whether the checkout is on another branch than the release branch: its release.json then is another one.
func (ws Workspace) OnOtherBranch() bool { return ws.Branch.Value != ws.Checkout.Branch }

// CanPull reports whether a git pull in the checkout gets the remote's release branch.
func (ws Workspace) CanPull() bool { return ws.Git && ws.o.Repo == "" && !ws.OnOtherBranch() }

// Behind counts the commits that the remote's release branch had when it was fetched, and the checkout has not.
func (ws Workspace) Behind(ctx context.Context) int {
	if !ws.CanPull() || ws.Checkout.Remote == "" {
		return 0
	}
	return ws.Checkout.Git.Behind(ctx, ws.Checkout.Remote, ws.Branch.Value)
}

// CanFastForward reports whether the checkout can follow what is pushed to the release branch: it is on that branch, and holds nothing
// that the remote's branches do not hold.
func (ws Workspace) CanFastForward(ctx context.Context) bool {
	c := ws.Checkout
	return ws.CanPull() && c.Remote != "" && c.FetchURL == "" && !c.Git.HasOwn(ctx)
}

// FastForward brings the checkout to where the remote's release branch is now. Fault: "no-fast-forward" (kind Stopped).
func (ws Workspace) FastForward(ctx context.Context) error {
	return ws.Checkout.Git.FastForward(ctx, ws.Checkout.Remote, ws.Branch.Value)
}

func (ws Workspace) warn(sentence string) {
	if ws.o.Warn != nil {
		ws.o.Warn(sentence)
	}
}

func (o Options) namedConfig() config.Value {
	return config.First(config.Value{Value: o.Config, Source: "--config"}, config.Env(o.Getenv, "GIO_CONFIG"))
}

func (o Options) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(o.Dir, p)
}

var orgAndName = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)

// remoteURL returns the address of Repo: org/name is on GitHub, or on the host of GITHUB_API_URL.
func (o Options) remoteURL() string {
	if orgAndName.MatchString(o.Repo) {
		return OrganizationURL(o.Getenv, o.Repo)
	}
	return o.Repo
}

// OrganizationURL returns the address of an organization on GitHub, or on the host of GITHUB_API_URL.
func OrganizationURL(getenv func(string) string, organization string) string {
	return "https://" + gitrepo.TokenHost(getenv("GITHUB_API_URL")) + "/" + organization
}

func (o Options) noManifest(err error) error {
	f := fault.New(fault.NotFound, "no-manifest", "%s cannot be read", o.File).Because(err)
	if errors.Is(err, fs.ErrNotExist) {
		f = fault.New(fault.NotFound, "no-manifest", "there is no %s in %s", o.File, o.Dir)
	}
	return f.Hint("run gio in a checkout of the release repository, name the file with --file, or the repository with --repo ORG/NAME --branch BRANCH")
}

func pathInRepository(root, file string) (string, error) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", err
	}
	if file, err = filepath.EvalSymlinks(file); err != nil {
		return "", err
	}
	rel, err := filepath.Rel(root, file)
	return filepath.ToSlash(rel), err
}

// organizationIn returns host and organization of a remote's address in GitHub's form; "" where it has another form.
func organizationIn(remoteURL string) (host, organization string) {
	parts := strings.Split(gitrepo.RepoID(remoteURL), "/")
	if remoteURL == "" || len(parts) != 3 || parts[0] == "local" {
		return "", ""
	}
	return parts[0], parts[1]
}
