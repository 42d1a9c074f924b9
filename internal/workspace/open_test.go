package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

const (
	releaseJSON = `{"name": "Acme", "version": "3.9.4-SNAPSHOT", "scmHttpUrl": "https://github.com/acme", "components": [], "buildDependencies": []}`
	alertJSON   = `{"name": "Alert", "version": "1.0.0-SNAPSHOT", "components": [], "buildDependencies": []}`
)

// place is a release repository and its checkout, on the branch 3.9.x.
type place struct {
	*testing.T
	remote, checkout string
	env              map[string]string
	resolved         map[string]string // by what: "value (source)"
	warned           []string
}

func newPlace(t *testing.T, more map[string]string) *place {
	t.Helper()
	files := map[string]string{"release.json": releaseJSON, "alert/release.json": alertJSON, "alert/gio.yaml": "organization: alert\n"}
	for name, content := range more {
		files[name] = content
	}
	p := &place{T: t, remote: gittest.Bare(t, files, "master"), checkout: filepath.Join(t.TempDir(), "release"), env: map[string]string{}, resolved: map[string]string{}}
	gittest.Git(t, p.remote, "branch", "3.9.x", "master")
	gittest.Git(t, "", "clone", "--quiet", "--branch", "3.9.x", p.remote, p.checkout)
	return p
}

func (p *place) options() Options {
	return Options{
		Dir: p.checkout, File: ManifestName, Version: "1.2.3",
		Getenv:   func(name string) string { return p.env[name] },
		Resolved: func(what string, v config.Value) { p.resolved[what] = v.String() },
		Warn:     func(sentence string) { p.warned = append(p.warned, sentence) },
	}
}

func (p *place) open() Workspace {
	p.Helper()
	ws, err := Open(p.Context(), p.options())
	if err != nil {
		p.Fatal(err)
	}
	return ws
}

func (p *place) write(name, content string) string {
	p.Helper()
	file := filepath.Join(p.checkout, name)
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		p.Fatal(err)
	}
	return file
}

// says fails unless a setting was said with its source.
func (p *place) says(what, want string) {
	p.Helper()
	if got := p.resolved[what]; got != want {
		p.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestOpen: release.json, its place in the repository, the branch and gio.yaml, each with its source.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		edit    func(p *place, o *Options)
		path    string
		branch  string // with its source
		product string
		other   bool // the branch is not the checkout's
	}{
		{"beside us", func(*place, *Options) {}, "release.json", "3.9.x (the checkout)", "Acme", false},
		{"in a directory", func(_ *place, o *Options) { o.File = "alert/release.json" }, "alert/release.json", "3.9.x (the checkout)", "Alert", false},
		{"from a directory", func(_ *place, o *Options) { o.Dir = filepath.Join(o.Dir, "alert") }, "alert/release.json", "3.9.x (the checkout)", "Alert", false},
		{"above us", func(_ *place, o *Options) { o.Dir, o.File = filepath.Join(o.Dir, "alert"), "../release.json" }, "release.json", "3.9.x (the checkout)", "Acme", false},
		{"by its whole path", func(p *place, o *Options) { o.Dir, o.File = "/", filepath.Join(p.checkout, "release.json") }, "release.json", "3.9.x (the checkout)", "Acme", false},
		{"through a link", func(p *place, o *Options) {
			link := filepath.Join(p.TempDir(), "link")
			if err := os.Symlink(p.checkout, link); err != nil {
				p.Fatal(err)
			}
			o.Dir = link
		}, "release.json", "3.9.x (the checkout)", "Acme", false},
		{"another branch is named", func(_ *place, o *Options) { o.Branch = "master" }, "release.json", "master (--branch)", "Acme", true},
		{"detached", func(p *place, _ *Options) { gittest.Git(p, p.checkout, "checkout", "--quiet", "--detach") }, "release.json", "(none)", "Acme", false},
		{"detached, and a branch is named", func(p *place, o *Options) {
			gittest.Git(p, p.checkout, "checkout", "--quiet", "--detach")
			o.Branch = "3.9.x"
		}, "release.json", "3.9.x (--branch)", "Acme", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			o := p.options()
			test.edit(p, &o)
			ws, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if ws.Path != test.path || !ws.Git || ws.Checkout.RemoteURL != p.remote || ws.Checkout.MainBranch != "master" {
				t.Errorf("path %q, git %t, %+v", ws.Path, ws.Git, ws.Checkout)
			}
			if m, err := ws.Manifest(); err != nil || m.Name != test.product || m.File != test.path {
				t.Errorf("%+v, %v", m, err)
			}
			p.says("release branch", test.branch)
			where := ws.File + " (--file)"
			if test.other {
				where = test.path + " (the remote's branch)"
			}
			p.says("manifest", where)
			if got := ws.Branch.String(); got != test.branch || ws.OnOtherBranch() != test.other {
				t.Errorf("branch %s, another one %t", got, ws.OnOtherBranch())
			}
		})
	}
}

// TestS59SettingsOfTheBranch: release.json and gio.yaml are those of the branch that is named, except offline, and except a gio.yaml
// that is named itself.
func TestS59SettingsOfTheBranch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		edit func(p *place, o *Options)
		org  string
		says string // of the settings; DIR is the checkout
	}{
		{"the checkout's", func(*place, *Options) {}, "checkout", "DIR/gio.yaml (beside the manifest)"},
		{"another branch's", func(_ *place, o *Options) { o.Branch = "master" }, "remote", "gio.yaml (beside the manifest on the remote's branch)"},
		{"another branch's, offline", func(_ *place, o *Options) { o.Branch, o.Offline = "master", true }, "checkout", "DIR/gio.yaml (beside the manifest)"},
		{"one that is named", func(p *place, o *Options) {
			o.Branch, o.Config = "master", "own.yaml"
			p.write("own.yaml", "organization: own\n")
		}, "own", "DIR/own.yaml (--config)"},
		{"detached", func(p *place, o *Options) {
			gittest.Git(p, p.checkout, "checkout", "--quiet", "--detach")
			o.Branch = "master"
		}, "remote", "gio.yaml (beside the manifest on the remote's branch)"},
		{"detached, and the remote is gone", func(p *place, o *Options) {
			gittest.Git(p, p.checkout, "checkout", "--quiet", "--detach")
			gittest.Git(p, p.checkout, "remote", "set-url", "origin", "http://127.0.0.1:1/acme/release")
			o.Branch = "master"
		}, "checkout", "DIR/gio.yaml (beside the manifest)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, map[string]string{"gio.yaml": "organization: remote\n"})
			p.write("gio.yaml", "organization: checkout\n")
			o := p.options()
			test.edit(p, &o)
			ws, err := Open(t.Context(), o)
			if err != nil || ws.Config.Organization != test.org {
				t.Fatalf("settings of %q, %v, want those of %q", ws.Config.Organization, err, test.org)
			}
			p.says("configuration", strings.Replace(test.says, "DIR", p.checkout, 1))
			if fromCheckout := ws.ConfigPath == "gio.yaml" && ws.LocalConfig != nil; fromCheckout != (test.org == "checkout") {
				t.Errorf("of the checkout: %t", fromCheckout)
			}
		})
	}
}

// TestOpenNoGit: without a checkout there is neither remote nor branch; the path is as it was given.
func TestOpenNoGit(t *testing.T) {
	t.Parallel()
	p := &place{T: t, checkout: t.TempDir(), resolved: map[string]string{}}
	p.write("release.json", releaseJSON)
	ws := p.open()
	if ws.Git || ws.Path != "release.json" || ws.Branch.Value != "" || ws.File != filepath.Join(p.checkout, "release.json") {
		t.Errorf("%+v", ws)
	}
	p.says("release branch", "(none)")
	p.says("configuration", "(none)")
}

// TestOpenRefuses: each thing that keeps a workspace from being opened has its kind and code.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		edit func(p *place, o *Options)
		kind fault.Kind
		code string
		text string
	}{
		{"no manifest", func(_ *place, o *Options) { o.File = "other.json" }, fault.NotFound, "no-manifest", "there is no other.json in "},
		{"a directory", func(_ *place, o *Options) { o.File = "alert" }, fault.NotFound, "no-manifest", "alert cannot be read: "},
		{"a named gio.yaml is missing", func(_ *place, o *Options) { o.Config = "other.yaml" }, fault.NotFound, "config-file", ""},
		{"the one of GIO_CONFIG is missing", func(p *place, _ *Options) { p.env["GIO_CONFIG"] = "other.yaml" }, fault.NotFound, "config-file", ""},
		{"gio.yaml is wrong", func(p *place, _ *Options) { p.write("gio.yaml", "organisation: acme") }, fault.Invalid, "config-file", ""},
		{"the checkout cannot be read", func(p *place, _ *Options) {
			gittest.Git(p, p.checkout, "config", "extensions.refStorage", "reftable")
		}, fault.Invalid, "checkout-format", ""},
		{"--repo without --branch", func(p *place, o *Options) { o.Repo = "https://user:secret@example.org/acme/release" }, fault.Usage, "no-branch", "--repo needs --branch"},
		{"--repo, no such branch", func(p *place, o *Options) { o.Repo, o.Branch = p.remote, "4.0.x" }, fault.NotFound, "branch-missing", ""},
		{"--repo, no such file", func(p *place, o *Options) { o.Repo, o.Branch, o.File = p.remote, "3.9.x", "other.json" }, fault.NotFound, "file-missing", ""},
		{"--repo, a named gio.yaml is missing", func(p *place, o *Options) { o.Repo, o.Branch, o.Config = p.remote, "3.9.x", "other.yaml" }, fault.NotFound, "config-file", ""},
		{"--repo, gio.yaml is wrong", func(p *place, o *Options) {
			gittest.Push(p, p.remote, "3.9.x", map[string]string{"gio.yaml": "organisation: acme"}, "wrong")
			o.Repo, o.Branch = p.remote, "3.9.x"
		}, fault.Invalid, "config-file", "gio.yaml:1: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			o := p.options()
			test.edit(p, &o)
			_, err := Open(t.Context(), o)
			if fault.KindOf(err) != test.kind || fault.CodeOf(err) != test.code || !strings.HasPrefix(err.Error(), test.text) {
				t.Errorf("%v %q: %v", fault.KindOf(err), fault.CodeOf(err), err)
			}
			if strings.Contains(err.Error()+strings.Join(fault.HintLines(err), ""), "secret") {
				t.Errorf("it says a password: %v, %q", err, fault.HintLines(err))
			}
		})
	}
}

// TestOpenConfiguration: --config, then GIO_CONFIG, then the file beside the manifest; each says where it came from.
func TestOpenConfiguration(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		file      string
		flag, env string
		org       string
		said      string // DIR is the checkout
	}{
		{"none", "release.json", "", "", "", "(none)"},
		{"beside the manifest", "alert/release.json", "", "", "alert", "DIR/alert/gio.yaml (beside the manifest)"},
		{"by the environment", "alert/release.json", "", "env.yaml", "env", "DIR/env.yaml (GIO_CONFIG)"},
		{"by the flag", "alert/release.json", "flag.yaml", "env.yaml", "flag", "DIR/flag.yaml (--config)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			p.write("env.yaml", "organization: env\n")
			p.write("flag.yaml", "organization: flag\n")
			p.env["GIO_CONFIG"] = test.env
			o := p.options()
			o.File, o.Config = test.file, test.flag
			ws, err := Open(t.Context(), o)
			if err != nil || ws.Config.Organization != test.org {
				t.Errorf("%+v, %v", ws.Config, err)
			}
			p.says("configuration", strings.Replace(test.said, "DIR", p.checkout, 1))
		})
	}
}

// TestOpenRemote: with --repo the remote's branch says what a checkout would; nothing of this machine is read but a gio.yaml
// that is named.
func TestOpenRemote(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, file, flag string
		path             string
		org              string
		said             string
	}{
		{"without a gio.yaml", "release.json", "", "release.json", "", "(none)"},
		{"with one on the remote", "alert/release.json", "", "alert/release.json", "alert", "alert/gio.yaml (beside the manifest on the remote's branch)"},
		{"with one that is named", "alert/release.json", "flag.yaml", "alert/release.json", "flag", "DIR/flag.yaml (--config)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			p.write("flag.yaml", "organization: flag\n")
			p.write("release.json", "not that one")
			o := p.options()
			o.Repo, o.Branch, o.File, o.Config = p.remote, "3.9.x", test.file, test.flag
			ws, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if !ws.Git || ws.Path != test.path || ws.Checkout.MainBranch != "master" || ws.Checkout.RemoteURL != p.remote || ws.OnOtherBranch() || ws.Config.Organization != test.org {
				t.Errorf("%+v", ws)
			}
			if _, err := ws.Manifest(); err != nil {
				t.Error(err)
			}
			p.says("release branch", "3.9.x (--branch)")
			p.says("manifest", test.path+" (the remote's branch)")
			p.says("remote", p.remote+" (--repo)")
			p.says("configuration", strings.Replace(test.said, "DIR", p.checkout, 1))
		})
	}
}

// TestOpenOptional: where there is no manifest the directory alone is the workspace; released tells that there is a release
// repository.
func TestOpenOptional(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		edit     func(p *place, o *Options)
		released bool
		local    bool // there is a manifest
		code     string
	}{
		{"in a release repository", func(*place, *Options) {}, true, true, ""},
		{"without a manifest", func(_ *place, o *Options) { o.File = "other.json" }, false, false, ""},
		{"without a remote", func(p *place, _ *Options) { gittest.Git(p, p.checkout, "remote", "remove", "origin") }, false, true, ""},
		{"outside of Git", func(p *place, o *Options) {
			o.Dir = p.TempDir()
			if err := os.WriteFile(filepath.Join(o.Dir, "release.json"), []byte(releaseJSON), 0o644); err != nil {
				p.Fatal(err)
			}
		}, false, true, ""},
		{"of a remote", func(p *place, o *Options) { o.Repo, o.Branch = p.remote, "3.9.x" }, true, true, ""},
		{"of a remote without a manifest", func(p *place, o *Options) { o.Repo, o.Branch, o.File = p.remote, "3.9.x", "other.json" }, false, false, "file-missing"},
		{"of a broken configuration", func(p *place, o *Options) { o.Config = "other.yaml" }, false, true, "config-file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			o := p.options()
			test.edit(p, &o)
			ws, released, err := OpenOptional(t.Context(), o)
			if released != test.released || fault.CodeOf(err) != test.code || len(ws.Local) > 0 != test.local {
				t.Errorf("released %t, %v, %q", released, err, ws.Local)
			}
			if !test.local && err == nil && (ws.Path != "other.json" || ws.Git) {
				t.Errorf("the directory alone: %+v", ws)
			}
		})
	}
}

// TestCopies: what needs another workspace makes a copy.
func TestCopies(t *testing.T) {
	t.Parallel()
	p := &place{T: t, checkout: "/somewhere", env: map[string]string{"GITHUB_API_URL": "https://ghe.example.org/api/v3"}, resolved: map[string]string{}}
	ws := OpenDirectory(p.options(), "kept/here")
	if ws.Path != "kept/here" || ws.File != "/somewhere/release.json" || ws.Git || ws.OnOtherBranch() || ws.Options().Version != "1.2.3" {
		t.Errorf("%+v", ws)
	}
	if with := ws.WithManifest([]byte(releaseJSON)); ws.Local != nil || string(with.Local) != releaseJSON || with.Path != ws.Path {
		t.Errorf("%+v", with)
	}
	if got := ws.AbsPath("a/b") + " " + ws.AbsPath("/a/b"); got != "/somewhere/a/b /a/b" {
		t.Errorf("paths: %s", got)
	}
	org := ForOrganization(p.options(), "/new", "acme")
	if org.File != "/new/release.json" || org.Checkout.RemoteURL != "https://ghe.example.org/acme/release" {
		t.Errorf("%+v", org)
	}
	quiet := Workspace{o: Options{Getenv: func(string) string { return "" }}}
	quiet.ReportSetting("anything", config.Value{Value: "x"}) // and nobody follows
	quiet.warn("anything")
	if quiet.Checkout.RemoteURL != "" || quiet.Checkout.Root != "" {
		t.Errorf("%+v", quiet)
	}
}
