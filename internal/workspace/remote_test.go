package workspace

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// TestFileAbove: in a subdirectory of a checkout the nearest release.json above is meant, but never one outside of the checkout.
func TestFileAbove(t *testing.T) {
	t.Parallel()
	p := newPlace(t, map[string]string{"alert/docs/deep/readme": "x", "docs/readme": "x"})
	outside := &place{T: t, checkout: t.TempDir()}
	outside.write("release.json", releaseJSON)
	inside := filepath.Join(outside.checkout, "inside")
	gittest.Git(t, "", "init", "--quiet", inside)
	for _, test := range []struct{ dir, file, want string }{
		{p.checkout, ManifestName, "Acme"},
		{filepath.Join(p.checkout, "docs"), ManifestName, "Acme"},
		{filepath.Join(p.checkout, "alert"), ManifestName, "Alert"},
		{filepath.Join(p.checkout, "alert", "docs", "deep"), ManifestName, "Alert"},
		{filepath.Join(p.checkout, "docs"), "./release.json", ""},
		{inside, ManifestName, ""},
	} {
		o := p.options()
		o.Dir, o.File = test.dir, test.file
		ws, err := Open(t.Context(), o)
		if test.want == "" {
			if !fault.Is(err, "no-manifest") {
				t.Errorf("%s: %v", test.dir, err)
			}
			continue
		}
		m, failed := ws.Manifest()
		if err != nil || failed != nil || m.Name != test.want || ws.Branch.Value != "3.9.x" {
			t.Errorf("%s: %v, %v, %v", test.dir, m, err, failed)
		}
		if dir := filepath.Dir(ws.File); !strings.HasPrefix(test.dir, dir) || ws.Path != strings.TrimPrefix(filepath.Join(strings.TrimPrefix(dir, p.checkout), ManifestName), "/") {
			t.Errorf("%s: %s, %s", test.dir, ws.File, ws.Path)
		}
	}
}

// TestBranchNames: --branch may be written as Git writes a branch; one of another remote is no branch of this one.
func TestBranchNames(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	gittest.Git(t, p.checkout, "remote", "add", "fork", "/fork")
	for named, want := range map[string]string{
		"": "3.9.x (the checkout)", "master": "master (--branch)", "refs/heads/master": "master (--branch)", "heads/master": "master (--branch)",
		"origin/master": "master (--branch)", "refs/remotes/origin/master": "master (--branch)", "remotes/origin/master": "master (--branch)",
		"fork/master": "fork/master (--branch)", "feature/x": "feature/x (--branch)", "origin/feature/x": "feature/x (--branch)",
	} {
		o := p.options()
		o.Branch, o.Offline = named, true
		ws, err := Open(t.Context(), o)
		if err != nil || ws.Branch.String() != want || ws.OnOtherBranch() != (ws.Branch.Value != "3.9.x") {
			t.Errorf("%q: %s, %v", named, ws.Branch, err)
		}
	}
	o := p.options()
	o.Repo, o.Branch = p.remote, "refs/heads/3.9.x"
	if ws, err := Open(t.Context(), o); err != nil || ws.Branch.Value != "3.9.x" {
		t.Errorf("--repo: %s, %v", ws.Branch, err)
	}
}

// TestRemote: what a person sees of the remote has the branch, and no secret.
func TestRemote(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		git          bool
		address      string
		branch, want string
		refused      error
	}{
		{true, "https://x:secret@example.org/r", "3.9.x", "https://example.org/r, branch 3.9.x", nil},
		{true, "https://example.org/r", "", "https://example.org/r", nil},
		{true, "", "3.9.x", "", nil},
		{false, "https://example.org/r", "3.9.x", "", nil},
		{true, "https://example.org/r", "3.9.x", "", fault.New(fault.Invalid, "push-remote", "no")},
	} {
		ws := Workspace{Git: test.git, Checkout: gitrepo.Checkout{RemoteURL: test.address, Refused: test.refused}, Branch: config.Value{Value: test.branch}}
		if got := ws.Remote(); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

// TestRefused: what writes is refused where Git would not push; what only reads is not, as long as there is something to read.
func TestRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	gittest.Git(t, p.checkout, "remote", "set-url", "--push", "origin", "no_push")
	ws := p.open()
	if _, err := ws.Repository(t.Context(), nil); !fault.Is(err, "push-remote") {
		t.Errorf("to write: %v", err)
	}
	if repo, err := ws.RepositoryToRead(t.Context()); err != nil || repo.Head() == "" {
		t.Errorf("to read: %v", err)
	}
	gittest.Git(t, p.checkout, "remote", "set-url", "--push", "origin", p.remote)
	gittest.Git(t, p.checkout, "remote", "set-url", "--add", "--push", "origin", "/a")
	ws = p.open()
	if _, err := ws.RepositoryToRead(t.Context()); !fault.Is(err, "push-remote") {
		t.Errorf("nothing to read: %v", err)
	}
}

// TestExplained: an error of the address to push to says that it is not the one to fetch from.
func TestExplained(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	sandbox := gittest.Bare(t, map[string]string{"x": "y"}, "master")
	gittest.Git(t, p.checkout, "remote", "set-url", "--push", "origin", sandbox)
	_, err := p.open().Repository(t.Context(), nil)
	if !fault.Is(err, "branch-missing") || !strings.Contains(strings.Join(fault.HintLines(err), "\n"), "Git fetches from "+p.remote+" but pushes there") {
		t.Errorf("%v, %q", err, fault.HintLines(err))
	}
}

// TestTrackedUnderAnotherName: a branch that the remote does not have, and that tracks one that it has, is told apart.
func TestTrackedUnderAnotherName(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	gittest.Git(t, p.checkout, "checkout", "--quiet", "-b", "mine", "--track", "origin/3.9.x")
	_, err := p.open().Repository(t.Context(), nil)
	if !fault.Is(err, "branch-missing") || !strings.Contains(strings.Join(fault.HintLines(err), "\n"), "the checkout's branch mine tracks 3.9.x: --branch 3.9.x") {
		t.Errorf("%v, %q", err, fault.HintLines(err))
	}
}

// TestRepoIsRewritten: an address of --repo is rewritten as git would rewrite it.
func TestRepoIsRewritten(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.env["GIT_CONFIG_GLOBAL"] = p.write("personal", "[url \""+p.remote+"\"]\n\tinsteadOf = https://github.com/acme/release\n")
	o := p.options()
	o.Repo, o.Branch = "acme/release", "3.9.x"
	ws, err := Open(t.Context(), o)
	if err != nil || ws.Checkout.RemoteURL != p.remote {
		t.Errorf("%s, %v", ws.Checkout.RemoteURL, err)
	}
}

// TestUnreadIsSaid: what gio could not read of Git's configuration is a warning.
func TestUnreadIsSaid(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	gittest.Git(t, p.checkout, "config", "include.path", "elsewhere")
	p.open()
	if len(p.warned) != 1 || !strings.Contains(p.warned[0], "it does not read what is included by") {
		t.Errorf("%q", p.warned)
	}
}
