package git_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
)

// environ is an environment in which git reads only this personal configuration.
func environ(t *testing.T, personal string) []string {
	t.Helper()
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + write(t, filepath.Join(t.TempDir(), "personal"), personal),
	}
}

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func find(env []string) git.Git {
	return git.Find(func(name string) string {
		for _, line := range slices.Backward(env) {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				return value
			}
		}
		return ""
	}, env)
}

// repository makes one with a configuration, and returns git in it.
func repository(t *testing.T, personal, own string, more ...string) git.Git {
	t.Helper()
	dir, env := t.TempDir(), environ(t, personal)
	cmd := exec.Command("git", "init", "--quiet", dir)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file := filepath.Join(dir, ".git", "config")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(content)+own)
	g, err := find(append(env, more...)).At(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !g.Config.Has(file) {
		t.Fatal("git has not seen the repository")
	}
	return g
}

func TestFind(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	write(t, filepath.Join(bin, "git"), "#!/bin/sh\n")
	for _, test := range []struct {
		path string
		want bool
	}{
		{bin, true}, {t.TempDir() + string(filepath.ListSeparator) + bin, true}, {t.TempDir(), false}, {"", false}, {".", false},
	} {
		if got := find([]string{"PATH=" + test.path}).Found(); got != test.want {
			t.Errorf("PATH %q: %t", test.path, got)
		}
	}
	if git.Find(os.Getenv, nil).Found() {
		t.Error("without an environment there is no git")
	}
	if g := (git.Git{}); g.Found() || g.Getenv("PATH") != "" || g.Config.Get("user.name") != "" {
		t.Error("the zero value knows something")
	}
}

// Without a program everything has an empty answer, and no error.
func TestWithoutGit(t *testing.T) {
	t.Parallel()
	g, err := git.Git{}.At(t.Context(), t.TempDir())
	if err != nil || len(g.Config) > 0 {
		t.Errorf("%v, %v", g.Config, err)
	}
	if user, password := g.Fill(t.Context(), "https://example.org/x"); user+password != "" {
		t.Error("who has a password?")
	}
	if cmd, err := g.SSH(t.Context(), git.Login{Host: "example.org"}, "git-upload-pack 'x'"); cmd != nil || err != nil {
		t.Errorf("%v, %v", cmd, err)
	}
	if g.HTTP(t.Context(), "https://example.org/x") != nil {
		t.Error("which settings?")
	}
}

// The configuration has everything that git reads, in its order, and where each setting comes from.
func TestConfig(t *testing.T) {
	t.Parallel()
	included := write(t, filepath.Join(t.TempDir(), "included"), "[user]\n\temail = included@example.org\n")
	g := repository(t, "[user]\n\tname = Personal\n\temail = p@example.org\n[color]\n\tui\n",
		"[user]\n\tname = \"Two\\nlines\"\n[include]\n\tpath = "+included+"\n[remote \"A.b\"]\n\tURL = x\n",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=Core.Editor", "GIT_CONFIG_VALUE_0=ed")
	for key, want := range map[string]string{
		"user.name": "Two\nlines", "user.email": "included@example.org", "remote.A.b.url": "x", "core.editor": "ed", "color.ui": "", "none.such": "",
	} {
		if got := g.Config.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if !g.Config.Has(included) || g.Config.Has(included+".other") {
		t.Error("it does not know the files")
	}
}

// git's own words say what is wrong with a configuration.
func TestConfigThatGitCannotRead(t *testing.T) {
	t.Parallel()
	env := environ(t, "[user\nname")
	_, err := find(env).Outside(t.Context(), t.TempDir())
	if !fault.Is(err, "git-config") || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "bad config line 1") {
		t.Errorf("got %v", err)
	}
}

// A checkout of somebody else is not seen: git refuses to read it, and says nothing.
func TestConfigOfSomebodyElse(t *testing.T) {
	t.Parallel()
	g := repository(t, "", "")
	dir := t.TempDir()
	for _, name := range []string{"HEAD", "config"} {
		if err := os.MkdirAll(filepath.Join(dir, ".git", "objects"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, ".git", "refs"), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, ".git", name), map[string]string{"HEAD": "ref: refs/heads/main\n", "config": "[user]\n\tname = x\n"}[name])
	}
	mine, err := g.At(t.Context(), dir)
	if err != nil || !mine.Config.Has(filepath.Join(dir, ".git", "config")) {
		t.Errorf("mine: %v, %v", mine.Config, err)
	}
	theirs, err := find(append(environ(t, ""), "GIT_TEST_ASSUME_DIFFERENT_OWNER=1")).At(t.Context(), dir)
	if err != nil || theirs.Config.Has(filepath.Join(dir, ".git", "config")) {
		t.Errorf("theirs: %v, %v", theirs.Config, err)
	}
}

// Variables that tie git to another repository have no effect; Elsewhere tells of them.
func TestEnvironmentOfAnotherRepository(t *testing.T) {
	t.Parallel()
	g := repository(t, "", "[user]\n\tname = mine\n", "GIT_DIR=/nowhere", "GIT_WORK_TREE=/nowhere", "GIT_CONFIG=/nowhere")
	if g.Config.Get("user.name") != "mine" {
		t.Errorf("%v", g.Config)
	}
	dir := t.TempDir()
	if got := g.Elsewhere(dir); got != "/nowhere" {
		t.Errorf("elsewhere: %q", got)
	}
	if got := find([]string{"GIT_DIR=" + dir}).Elsewhere(dir); got != "" {
		t.Errorf("here: %q", got)
	}
	if got := find(nil).Elsewhere(dir); got != "" {
		t.Errorf("nothing: %q", got)
	}
}

// Fill gives what the helpers of the directory know, and nothing where git would prompt.
func TestFill(t *testing.T) {
	t.Parallel()
	const echo = "[credential \"https://example.org\"]\n\thelper = \"!f() { test $1 = get && echo username=u && echo password=p=w; }; f\"\n"
	g := repository(t, "", echo)
	for address, want := range map[string]string{
		"https://example.org/a.git": "u p=w", "https://u@example.org/a.git": "u p=w", "https://elsewhere.org/a.git": " ",
	} {
		if user, password := g.Fill(t.Context(), address); user+" "+password != want {
			t.Errorf("%s: %q %q", address, user, password)
		}
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	g := repository(t, "[http]\n\tproxy = all\n", "[http \"https://example.org\"]\n\textraHeader = A: b\n\tproxy = one\n")
	if got := g.HTTP(t.Context(), "https://example.org/x"); got["extraheader"] != "A: b" || got["proxy"] != "one" {
		t.Errorf("%v", got)
	}
	if got := g.HTTP(t.Context(), "https://elsewhere.org/x"); got["extraheader"] != "" || got["proxy"] != "all" {
		t.Errorf("%v", got)
	}
}

// Outside of a checkout only what is personal holds; Own runs there too, with what it is given.
func TestOutside(t *testing.T) {
	t.Parallel()
	g := repository(t, "[user]\n\tname = personal\n", "[user]\n\tname = own\n[core]\n\tsshCommand = false\n")
	outside, err := g.Outside(t.Context(), t.TempDir())
	if err != nil || outside.Config.Get("user.name") != "personal" || outside.Config.Get("core.sshcommand") != "" {
		t.Errorf("%v, %v", outside.Config, err)
	}
	given := g.Own(config("user.name given"), t.TempDir())
	if given.Config.Get("user.name") != "given" || !given.Found() {
		t.Errorf("%v", given.Config)
	}
}

// A printed Git tells no variable.
func TestFormat(t *testing.T) {
	t.Parallel()
	g := find([]string{"GITHUB_TOKEN=s3cret"})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, struct{ G git.Git }{g}); strings.Contains(text, "s3cret") {
			t.Errorf("%s: %s", verb, text)
		}
	}
}
