package gitrepo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

func clone(t *testing.T, dir string, args ...string) string {
	t.Helper()
	work := filepath.Join(t.TempDir(), "work")
	gittest.Git(t, "", append(append([]string{"clone", "--quiet"}, args...), "file://"+dir, work)...)
	return work
}

// ways are the two ways to read a checkout: by the git program, and without one.
func ways(t *testing.T, test func(t *testing.T, g git.Git)) {
	t.Helper()
	t.Parallel()
	env := gittest.Env()
	getenv := getenvOf(env)
	t.Run("by git", func(t *testing.T) { t.Parallel(); test(t, git.Find(getenv, env)) })
	t.Run("by gio", func(t *testing.T) { t.Parallel(); test(t, git.Find(getenv, nil)) })
}

func getenvOf(environ []string) func(string) string {
	return func(name string) string {
		for _, line := range slices.Backward(environ) {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestOpenCheckout(t *testing.T) { ways(t, testOpenCheckout) }

func testOpenCheckout(t *testing.T, g git.Git) {
	dir := gittest.Bare(t, files, "master")
	gittest.Push(t, dir, "master", map[string]string{"a": "a"}, "second")
	gittest.Push(t, dir, branch, map[string]string{"b": "b"}, "third")
	gittest.Git(t, dir, "config", "uploadpack.allowFilter", "true")
	remote := "file://" + dir
	head := Hash(gittest.Git(t, dir, "rev-parse", branch))
	for _, test := range []struct {
		name string
		make func(t *testing.T) (root string)
		want Checkout // without Root
	}{
		{
			"a branch", func(t *testing.T) string { return clone(t, dir, "--branch", branch) },
			Checkout{RemoteURL: remote, Branch: branch, MainBranch: "master", Head: head},
		},
		{"shallow and blobless", func(t *testing.T) string {
			return clone(t, dir, "--branch", branch, "--no-single-branch", "--depth=1", "--filter=blob:none", "--no-checkout")
		}, Checkout{RemoteURL: remote, Branch: branch, MainBranch: "master", Head: head}},
		{"packed refs", func(t *testing.T) string {
			work := clone(t, dir, "--branch", branch)
			gittest.Git(t, work, "pack-refs", "--all")
			return work
		}, Checkout{RemoteURL: remote, Branch: branch, MainBranch: "master", Head: head}},
		{"detached", func(t *testing.T) string {
			work := clone(t, dir)
			gittest.Git(t, work, "checkout", "--quiet", "origin/"+branch)
			return work
		}, Checkout{RemoteURL: remote, MainBranch: "master", Head: head}},
		{"worktree", func(t *testing.T) string {
			work := clone(t, dir)
			gittest.Git(t, work, "config", "extensions.worktreeConfig", "true")
			tree := filepath.Join(t.TempDir(), "tree")
			gittest.Git(t, work, "worktree", "add", "--quiet", tree, branch)
			return tree
		}, Checkout{RemoteURL: remote, Branch: branch, MainBranch: "master", Head: head}},
		{
			"the only remote has another name", func(t *testing.T) string { return clone(t, dir, "--origin=upstream", "--branch", branch) },
			Checkout{RemoteURL: remote, Branch: branch, MainBranch: "master", Head: head},
		},
		{"origin among several", func(t *testing.T) string {
			work := clone(t, dir, "--branch", branch)
			gittest.Git(t, work, "remote", "add", "fork", "https://example.org/fork")
			return work
		}, Checkout{RemoteURL: remote, Branch: branch, MainBranch: "master", Head: head}},
		{"no origin among several", func(t *testing.T) string {
			work := clone(t, dir, "--origin=upstream", "--branch", branch)
			gittest.Git(t, work, "remote", "add", "fork", "https://example.org/fork")
			return work
		}, Checkout{RemoteURL: remote, Branch: branch, MainBranch: "master", Head: head}},
		{"no remote, no commit", func(t *testing.T) string {
			work := t.TempDir()
			gittest.Git(t, work, "init", "--quiet", "--initial-branch=trunk")
			return work
		}, Checkout{Branch: "trunk"}},
		{"a relative remote", func(t *testing.T) string {
			work := clone(t, dir, "--branch", branch)
			gittest.Git(t, work, "remote", "set-url", "origin", "../release.git")
			return work
		}, Checkout{RemoteURL: "../release.git", Branch: branch, MainBranch: "master", Head: head}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := test.make(t)
			test.want.Root = root
			if test.want.RemoteURL == "../release.git" {
				test.want.RemoteURL = filepath.Join(filepath.Dir(root), "release.git")
			}
			below := filepath.Join(root, "below", "it")
			if err := os.MkdirAll(below, 0o755); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, root)
			for _, at := range []string{root, below} {
				got, err := OpenCheckout(t.Context(), g, at)
				if err != nil {
					t.Fatal(err)
				}
				want := test.want
				want.Git, want.Remote = got.Git, got.Remote
				if d := cmp.Diff(want, got, cmp.AllowUnexported(git.Git{}), cmp.FilterValues(func(x, y func(string) string) bool { return true }, cmp.Ignore())); d != "" {
					t.Error(d)
				}
			}
			if d := cmp.Diff(before, snapshot(t, root)); d != "" {
				t.Errorf("the checkout was written to: %s", d)
			}
		})
	}
}

// snapshot is every file with its size and time.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			seen[path] = sprint("%d %s", info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestOpenCheckoutFaults(t *testing.T) {
	ways(t, func(t *testing.T, g git.Git) {
		empty := t.TempDir()
		_, err := OpenCheckout(t.Context(), g, empty)
		wantFault(t, err, fault.NotFound, "not-a-checkout", empty)
		_, err = OpenCheckout(t.Context(), g, filepath.Join(empty, "none"))
		wantFault(t, err, fault.NotFound, "not-a-checkout")
		work := t.TempDir()
		gittest.Git(t, work, "init", "--quiet", "--object-format=sha256")
		_, err = OpenCheckout(t.Context(), g, work)
		wantFault(t, err, fault.Invalid, "checkout-format", "sha256")
		broken := t.TempDir()
		gittest.Git(t, broken, "init", "--quiet")
		write(t, filepath.Join(broken, ".git", "config"), "[core]\n\tbare = false\n[user\nname")
		_, err = OpenCheckout(t.Context(), g, broken)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), filepath.Join(".git", "config")) {
			t.Errorf("a broken configuration: %v", err)
		}
	})
}

func TestResolveAuthor(t *testing.T) {
	t.Parallel()
	home, xdg := t.TempDir(), t.TempDir()
	write(t, filepath.Join(home, ".gitconfig"), "[user]\n\tname = Home\n\temail = home@example.org\n[committer]\n\tname = Home Committer\n")
	write(t, filepath.Join(xdg, "git", "config"), "[user]\n\tname = Xdg\n\temail = xdg@example.org\n")
	work := t.TempDir()
	gittest.Git(t, work, "init", "--quiet")
	gittest.Git(t, work, "config", "user.email", "checkout@example.org")
	for _, test := range []struct {
		name       string
		env        []string
		root       string
		configured Author
		author     Author
		committer  Author
	}{
		{"nothing", nil, "", Author{}, Author{"gio", "gio@localhost"}, Author{"gio", "gio@localhost"}},
		{"gio.yaml", nil, "", Author{"Yaml", ""}, Author{"Yaml", "gio@localhost"}, Author{"Yaml", "gio@localhost"}},
		{"EMAIL, where nothing else says it", []string{"EMAIL=e@example.org"}, "", Author{"Yaml", ""}, Author{"Yaml", "e@example.org"}, Author{"Yaml", "e@example.org"}},
		{
			"home before gio.yaml",
			[]string{"HOME=" + home},
			"",
			Author{"Yaml", "y"},
			Author{"Home", "home@example.org"},
			Author{"Home Committer", "home@example.org"},
		},
		{
			"checkout before home",
			[]string{"HOME=" + home},
			work,
			Author{},
			Author{"Home", "checkout@example.org"},
			Author{"Home Committer", "checkout@example.org"},
		},
		{"xdg", []string{"XDG_CONFIG_HOME=" + xdg}, "", Author{}, Author{"Xdg", "xdg@example.org"}, Author{"Xdg", "xdg@example.org"}},
		{
			"GIT_CONFIG_GLOBAL is instead of home",
			[]string{"HOME=" + home, "GIT_CONFIG_GLOBAL=" + filepath.Join(xdg, "git", "config")},
			"",
			Author{},
			Author{"Xdg", "xdg@example.org"},
			Author{"Xdg", "xdg@example.org"},
		},
		{
			"environment",
			[]string{"HOME=" + home, "GIT_AUTHOR_NAME=Env", "GIT_COMMITTER_EMAIL=env@example.org"},
			work,
			Author{},
			Author{"Env", "checkout@example.org"},
			Author{"Home Committer", "env@example.org"},
		},
	} {
		env := append([]string{"GIT_CONFIG_NOSYSTEM=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull}, test.env...)
		for way, environ := range map[string][]string{"by git": env, "by gio": nil} {
			g, err := git.Find(getenvOf(env), environ), error(nil)
			if test.root != "" {
				var c Checkout
				c, err = OpenCheckout(t.Context(), g, test.root)
				g = c.Git
			} else {
				g, _, err = Outside(t.Context(), g, "/")
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.author, ResolveAuthor(g, test.configured)); d != "" {
				t.Errorf("%s, %s: author %s", test.name, way, d)
			}
			if d := cmp.Diff(test.committer, ResolveCommitter(g, test.configured)); d != "" {
				t.Errorf("%s, %s: committer %s", test.name, way, d)
			}
		}
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRedactAndRepoID(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ address, shown, id string }{
		{"https://github.com/gravitee-io/release.git", "https://github.com/gravitee-io/release.git", "github.com/gravitee-io/release"},
		{"https://x:s3cret@GitHub.com/gravitee-io/release/", "https://GitHub.com/gravitee-io/release/", "github.com/gravitee-io/release"},
		{"https://s3cret@github.com:443/gravitee-io/release", "https://github.com:443/gravitee-io/release", "github.com/gravitee-io/release"},
		{"https://x:s3@cret@github.com/a/b", "https://github.com/a/b", "github.com/a/b"},
		{"https://github.com/a/b?token=s3cret", "https://github.com/a/b", ""},
		{"git@github.com:gravitee-io/release.git", "git@github.com:gravitee-io/release.git", "github.com/gravitee-io/release"},
		{"ssh://git@github.com/gravitee-io/release", "ssh://git@github.com/gravitee-io/release", "github.com/gravitee-io/release"},
		{"ssh://git:s3cret@github.com:2222/gravitee-io/release", "ssh://git@github.com:2222/gravitee-io/release", "github.com/gravitee-io/release"},
		{"http://127.0.0.1:8080/x/../release.git", "http://127.0.0.1:8080/x/../release.git", "127.0.0.1_8080/release"},
		{"/srv/git//release.git/", "/srv/git//release.git/", "local/srv/git/release.git"},
		{"file:///srv/git/release.git", "file:///srv/git/release.git", "local/srv/git/release.git"},
	} {
		if got := Redact(test.address); got != test.shown {
			t.Errorf("Redact(%s) = %s, want %s", test.address, got, test.shown)
		}
		if got := RepoID(test.address); test.id != "" && got != test.id {
			t.Errorf("RepoID(%s) = %s, want %s", test.address, got, test.id)
		}
	}
}

func TestTokenHost(t *testing.T) {
	t.Parallel()
	for api, want := range map[string]string{
		"": "github.com", "https://api.github.com": "github.com", "https://ghe.example.org/api/v3": "ghe.example.org",
		"https://api.corp.ghe.com/": "corp.ghe.com", "http://127.0.0.1:8080": "127.0.0.1:8080",
	} {
		if got := TokenHost(api); got != want {
			t.Errorf("TokenHost(%s) = %s, want %s", api, got, want)
		}
	}
}
