package gitrepo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// Each objection names the setting, the addresses without their secrets, and the ways out. Where git goes itself is held by the
// matrix of package workspace.
func TestDestination(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	for _, test := range []struct {
		name    string
		config  string // instead of origin's
		url     string
		fetch   string
		refused string
	}{
		{"one address", "[remote \"origin\"]\n\turl = https://x:s3cret@example.org/r\n", "https://x:s3cret@example.org/r", "", ""},
		{"two addresses", "[remote \"origin\"]\n\turl = https://example.org/r\n\tpushurl = git@example.org:r\n", "git@example.org:r", "https://example.org/r", ""},
		{"a guard", "[remote \"origin\"]\n\turl = " + dir + "\n\tpushurl = DISABLED\n", dir, "", `the checkout must not push to origin: Git's address for that is "DISABLED"`},
		{"a guard like an address of ssh", "[remote \"origin\"]\n\turl = " + dir + "\n\tpushurl = no:push\n", "no:push", dir, ""},
		{
			"triangular", "[remote \"origin\"]\n\turl = https://x:s3cret@example.org/fork\n[remote \"up\"]\n\turl = https://y:s3cret@example.org/r\n" +
				"[branch \"3.9.x\"]\n\tremote = up\n\tpushRemote = origin\n", "", "",
			"Git pulls 3.9.x from up (branch.3.9.x.remote: https://example.org/r), but pushes it to origin (branch.3.9.x.pushremote: https://example.org/fork)",
		},
		{
			"triangular by name only", "[remote \"origin\"]\n\turl = https://example.org/r.git\n[remote \"up\"]\n\turl = git@example.org:r\n" +
				"[branch \"3.9.x\"]\n\tremote = up\n\tpushRemote = origin\n", "https://example.org/r.git", "", "",
		},
		{"a mirror of two", "[remote \"origin\"]\n\turl = https://x:s3cret@example.org/r\n\turl = /b\n", "", "", "Git pushes origin to 2 addresses: https://example.org/r, /b"},
		{"nobody's", "[remote \"a\"]\n\turl = /a\n[remote \"b\"]\n\turl = /b\n", "", "", "the checkout has the remotes a, b, and Git does not say which"},
		{"no remote", "", "", "", ""},
	} {
		for way, environ := range map[string][]string{"git": gittest.Env(), "gio": nil} {
			work := filepath.Join(t.TempDir(), "work")
			gittest.Git(t, "", "init", "--quiet", "--initial-branch="+branch, work)
			file := filepath.Join(work, ".git", "config")
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, file, string(content)+test.config)
			c, err := OpenCheckout(t.Context(), git.Find(getenvOf(gittest.Env()), environ), work)
			if err != nil {
				t.Fatal(err)
			}
			if c.RemoteURL != test.url || c.FetchURL != test.fetch || (c.Refused == nil) != (test.refused == "") {
				t.Errorf("%s by %s: %q, fetched from %q, refused: %v", test.name, way, c.RemoteURL, c.FetchURL, c.Refused)
			}
			if test.refused == "" {
				continue
			}
			wantFault(t, c.Refused, fault.Invalid, "push-remote", test.refused)
			all := c.Refused.Error() + strings.Join(fault.HintLines(c.Refused), "\n")
			if strings.Contains(all, "s3cret") || !strings.Contains(all, "--repo ADDRESS --branch BRANCH") {
				t.Errorf("%s: %s", test.name, all)
			}
		}
	}
}

// What gio's own reading does not understand is said with the reason.
func TestOwnReading(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, config, personal string
		foreign                bool
		said                   string
	}{
		{"all understood", "[user]\n\tname = x\n", "", false, ""},
		{"an include of the checkout", "[include]\n\tpath = other\n", "", false, "there is no git program on the PATH; it does not read what is included by "},
		{"an include of the person", "", "[includeIf \"gitdir:/\"]\n\tpath = other\n", false, "it does not read what is included by "},
		{"a personal file that is broken", "", "[user\nname", false, "it cannot read "},
		{"git does not trust the checkout", "[include]\n\tpath = other\n", "", true, "git does not trust the checkout, which belongs to somebody else; "},
		{"git does not trust it, all understood", "[user]\n\tname = x\n", "", true, ""},
	} {
		work := filepath.Join(t.TempDir(), "work")
		gittest.Git(t, "", "init", "--quiet", "--initial-branch="+branch, work)
		write(t, filepath.Join(work, ".git", "config"), "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = /x\n"+test.config)
		env := gittest.Env()
		if test.personal != "" {
			file := filepath.Join(t.TempDir(), "personal")
			write(t, file, test.personal)
			env = append(env, "GIT_CONFIG_GLOBAL="+file)
		}
		environ := []string(nil)
		if test.foreign {
			environ = append(env, "GIT_TEST_ASSUME_DIFFERENT_OWNER=1")
		}
		c, err := OpenCheckout(t.Context(), git.Find(getenvOf(env), environ), work)
		if err != nil || c.RemoteURL != "/x" {
			t.Errorf("%s: %q, %v", test.name, c.RemoteURL, err)
		}
		if (test.said == "") != (c.Unread == "") || !strings.Contains(c.Unread, test.said) {
			t.Errorf("%s: %q", test.name, c.Unread)
		}
	}
}

// In a checkout that git does not trust nothing of it is run: neither its helpers nor its ssh.
func TestForeignCheckoutRunsNothing(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	server := gittest.HTTP(t, dir, gittest.Options{Token: "secret"})
	work := clone(t, dir, "--branch", branch)
	gittest.Git(t, work, "remote", "set-url", "origin", server.URL)
	ran := filepath.Join(t.TempDir(), "ran")
	gittest.Git(t, work, "config", "credential.helper", "!f() { touch '"+ran+"'; echo username=u; echo password=secret; }; f")
	for _, foreign := range []bool{true, false} {
		env := gittest.Env()
		if foreign {
			env = append(env, "GIT_TEST_ASSUME_DIFFERENT_OWNER=1")
		}
		c, err := OpenCheckout(t.Context(), git.Find(getenvOf(env), env), work)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), Options{URL: c.RemoteURL, Branch: branch, Credentials: Credentials{Git: c.Git}})
		if _, missing := os.Stat(ran); foreign != (missing != nil) || foreign != (err != nil) {
			t.Errorf("foreign %t: the helper ran: %t, %v", foreign, missing == nil, err)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		"": "", "remote.a.url /a": "/a", "remote.a.url /a,remote.b.url /b": "", "remote.a.url /a,remote.origin.url /o,remote.origin.pushurl /p": "/o",
	} {
		var c Checkout
		for line := range strings.SplitSeq(config, ",") {
			key, value, _ := strings.Cut(line, " ")
			c.Git.Config = append(c.Git.Config, git.Entry{Key: key, Value: value})
		}
		if got := c.Origin(); got != want {
			t.Errorf("%s: %q", config, got)
		}
	}
}
