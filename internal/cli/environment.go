package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	pathpkg "path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/transport"
)

// environment is what the commands share: the global flags and, made when a command asks for them, the
// things they work with. Each method below needs only those above it.
type environment struct {
	Program
	signals signals

	file, branch, config     string
	repo                     string // instead of a checkout
	verbose                  bool
	outTerminal, errTerminal bool     // decided once, by stream
	printed                  bool     // a command has printed its JSON result
	container                bool     // started in the container form of the release jobs
	notes                    []string // about the container, to be said when the command begins
	closing                  string   // the last line but `exit N`, if any
}

// say prints a resolved setting under --verbose.
func (env *environment) say(what string, v config.Value) {
	if env.verbose {
		fmt.Fprintf(env.Stderr, "%s: %s\n", what, v)
	}
}

func (env *environment) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(env.Stderr, "warning: %s\n", w)
	}
}

func (env *environment) log() zerolog.Logger {
	if !env.verbose {
		return zerolog.Nop()
	}
	return zerolog.New(zerolog.ConsoleWriter{Out: env.Stderr, NoColor: true, TimeFormat: time.TimeOnly}).With().Timestamp().Logger()
}

func (env *environment) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(env.Dir, p)
}

// workspace is the place a command was started in: manifest, checkout and configuration.
type workspace struct {
	File     string // the manifest's path
	Local    []byte // its content in the checkout
	Path     string // its path in the repository, with slashes
	Checkout gitrepo.Checkout
	Git      bool // there is a checkout
	Config   config.File
	Branch   config.Value // the release branch; "" when nothing says it
}

func (env *environment) workspace(ctx context.Context) (workspace, error) {
	if env.repo != "" {
		return env.remoteWorkspace(ctx)
	}
	ws := workspace{File: env.path(env.file), Path: filepath.ToSlash(env.file)}
	dir := filepath.Dir(ws.File)
	var err error
	if ws.Local, err = os.ReadFile(ws.File); err != nil {
		return ws, env.noManifest(err)
	}
	ws.Checkout, err = gitrepo.OpenCheckout(dir)
	if err != nil && !fault.Is(err, "not-a-checkout") {
		return ws, err
	}
	if ws.Git = err == nil; ws.Git {
		if ws.Path, err = pathInRepository(ws.Checkout.Root, ws.File); err != nil {
			return ws, err
		}
	}
	named := config.First(config.Value{Value: env.config, Source: "--config"}, config.Env(env.Getenv, "GIO_CONFIG"))
	file := cmp.Or(named.Value, filepath.Join(dir, config.FileName))
	if ws.Config, err = config.Read(env.path(file), named.Value != ""); err != nil {
		return ws, err
	}
	ws.Branch = config.First(config.Value{Value: env.branch, Source: "--branch"}, config.Value{Value: ws.Checkout.Branch, Source: "the checkout"})
	env.say("manifest", config.Value{Value: ws.File, Source: "--file"})
	env.say("configuration", config.Value{Value: ws.Config.Path, Source: cmp.Or(named.Source, "beside the manifest")})
	env.say("release branch", ws.Branch)
	return ws, nil
}

// remoteWorkspace is that of --repo: what a checkout would say is read from the remote.
func (env *environment) remoteWorkspace(ctx context.Context) (workspace, error) {
	if env.branch == "" {
		return workspace{}, fault.New(fault.Usage, "no-branch", "--repo needs --branch, the release branch").Hint("add the branch, as in --repo %s --branch 3.9.x", quoted(env.redacted(env.repo)))
	}
	path := filepath.ToSlash(env.file)
	ws := workspace{
		File: env.path(env.file), Path: path, Git: true,
		Checkout: gitrepo.Checkout{RemoteURL: env.remoteURL(), Branch: env.branch},
		Branch:   config.Value{Value: env.branch, Source: "--branch"},
	}
	repo, err := env.repository(ctx, ws, nil)
	if err != nil {
		return ws, err
	}
	ws.Checkout.MainBranch = repo.DefaultBranch()
	if ws.Local, err = repo.ReadFile(repo.Head(), path); err != nil {
		return ws, err
	}
	named := config.First(config.Value{Value: env.config, Source: "--config"}, config.Env(env.Getenv, "GIO_CONFIG"))
	if named.Value != "" {
		ws.Config, err = config.Read(env.path(named.Value), true)
		return ws, err
	}
	beside := pathpkg.Join(pathpkg.Dir(path), config.FileName)
	data, err := repo.ReadFile(repo.Head(), beside)
	if fault.Is(err, "file-missing") {
		return ws, nil
	}
	if err == nil {
		ws.Config, err = config.Parse(beside, data)
	}
	return ws, err
}

var orgAndName = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)

// remoteURL is the address of --repo: org/name is on GitHub, or on the host of GITHUB_API_URL.
func (env *environment) remoteURL() string {
	if orgAndName.MatchString(env.repo) {
		return "https://" + gitrepo.TokenHost(env.Getenv("GITHUB_API_URL")) + "/" + env.repo
	}
	return env.repo
}

func (env *environment) noManifest(err error) error {
	f := fault.New(fault.NotFound, "no-manifest", "%s cannot be read", env.file).Because(err)
	if errors.Is(err, fs.ErrNotExist) {
		f = fault.New(fault.NotFound, "no-manifest", "there is no %s in %s", env.file, env.Dir)
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

// organization is that of the components, "" where release.json says it.
func (env *environment) organization(ws workspace) string {
	org := config.First(config.Env(env.Getenv, "GH_ORG"), config.Value{Value: ws.Config.Organization, Source: config.FileName})
	env.say("organization", config.First(org, config.Value{Value: "scmHttpUrl", Source: "release.json"}))
	return org.Value
}

// planOptions is what every plan of this workspace is made with.
func (env *environment) planOptions(ws workspace, only, except []string) plan.Options {
	parameters := ws.Config.Parameters
	if env.container {
		parameters = env.seedParameters(ws)
	}
	return plan.Options{
		Branch: ws.Branch.Value, ComponentMain: ws.Config.MainBranch, Organization: env.organization(ws),
		ReleaseBranches: ws.Config.ReleaseBranches, Parameters: parameters, Overrides: ws.Config.Overrides(),
		Only: only, Except: except, Verification: ws.Config.Verification.Plan(),
	}
}

// findCircleCI finds token and host in their places.
func (env *environment) findCircleCI(ws workspace) (config.CircleCI, error) {
	found, err := config.FindCircleCI(env.Getenv, filepath.Dir(ws.File))
	if err != nil {
		return found, err
	}
	if strings.Contains(found.Host.Value, "@") { // it would be printed, and kept in the journal
		return found, fault.New(fault.Invalid, "circleci-host", "the address of CircleCI from %s holds a user or a password", found.Host.Source).
			Hint("write it without: https://circleci.com, or your server's; the token alone says who you are")
	}
	env.say("CircleCI token", config.Value{Value: "***", Source: found.From})
	env.say("CircleCI host", found.Host)
	return found, nil
}

// circleCI is the client.
func (env *environment) circleCI(ws workspace) (*circleci.Client, error) {
	found, err := env.findCircleCI(ws)
	if err != nil {
		return nil, err
	}
	return circleci.New(circleci.Options{Host: found.Host.Value, Token: found.Token, HTTP: env.http()}), nil
}

func (env *environment) http() *http.Client { return transport.New(env.wire()) }

// wire is how this process talks to remote APIs.
func (env *environment) wire() transport.Options {
	return transport.Options{Version: Version(), Log: env.log(), Impatient: env.errTerminal, Trouble: func(sentence string) {
		fmt.Fprintln(env.Stderr, sentence)
	}}
}

// steadyWire is wire for what has a run under way, which no outage may end early.
func (env *environment) steadyWire() transport.Options {
	o := env.wire()
	o.Impatient = false
	return o
}

// gitHub is the client of the GitHub that the components live on; ok is false when there is none: the release
// repository lies elsewhere, and GITHUB_API_URL names none. The token is the one for Git.
func (env *environment) gitHub(ws workspace) (client *github.Client, ok bool, err error) {
	return env.gitHubOver(ws, env.wire())
}

// gitHubOver is gitHub with a wire of its own.
func (env *environment) gitHubOver(ws workspace, wire transport.Options) (client *github.Client, ok bool, err error) {
	address := config.Env(env.Getenv, "GITHUB_API_URL")
	credentials, err := env.credentials(ws)
	if err != nil {
		return nil, false, err
	}
	if address.Value == "" && !credentials.BelongTo(ws.Checkout.RemoteURL) {
		return nil, false, nil
	}
	client, err = github.New(github.Options{URL: address.Value, Token: string(credentials.Token), HTTP: transport.New(github.Wire(wire))})
	if err != nil {
		return nil, false, err
	}
	env.say("GitHub", config.First(address, config.Value{Value: client.URL(), Source: "default"}))
	return client, true, nil
}

// repository opens the release branch of the checkout's remote; with dryPush it is only ever read, and pushes are told instead.
func (env *environment) repository(ctx context.Context, ws workspace, dryPush func([]gitrepo.Update)) (*gitrepo.Repo, error) {
	if !ws.Git || ws.Checkout.RemoteURL == "" {
		return nil, fault.New(fault.NotFound, "no-remote", "%s lies in no checkout with a remote: gio would not know where to record the release", env.file).
			Hint("clone the release repository and run gio there")
	}
	if ws.Branch.Value == "" {
		return nil, fault.New(fault.Usage, "no-branch", "the checkout is on no branch").Hint("name the release branch with --branch")
	}
	env.say("remote", config.Value{Value: gitrepo.Redact(ws.Checkout.RemoteURL), Source: remoteSource(env.repo)})
	credentials, err := env.credentials(ws)
	if err != nil {
		return nil, err
	}
	author := gitrepo.Author{Name: ws.Config.Author.Name, Email: ws.Config.Author.Email}
	return gitrepo.Open(ctx, gitrepo.Options{
		URL: ws.Checkout.RemoteURL, Branch: ws.Branch.Value,
		Credentials: credentials, DryPush: dryPush,
		Author:    gitrepo.ResolveAuthor(env.Getenv, ws.Checkout.Root, author),
		Committer: gitrepo.ResolveCommitter(env.Getenv, ws.Checkout.Root, author),
	})
}

// credentials are what the environment and .secrets.json say for Git.
func (env *environment) credentials(ws workspace) (gitrepo.Credentials, error) {
	secrets, err := config.ReadSecrets(env.Getenv, filepath.Dir(ws.File))
	if err != nil {
		return gitrepo.Credentials{}, err
	}
	token := config.GitHubToken(env.Getenv, secrets)
	env.say("GitHub token", config.Value{Value: mask(token.Value), Source: token.Source})
	return gitrepo.Credentials{Token: gitrepo.Secret(token.Value), TokenHost: gitrepo.TokenHost(env.Getenv("GITHUB_API_URL"))}, nil
}

// driver is this process, for the journal.
func (env *environment) driver() run.Driver {
	return run.Driver{ID: strings.ToLower(rand.Text()), Job: env.Getenv("CIRCLE_BUILD_URL"), Gio: Version()}
}

func remoteSource(repo string) string {
	if repo != "" {
		return "--repo"
	}
	return "the checkout"
}

func mask(secret string) string {
	if secret == "" {
		return ""
	}
	return "***"
}
