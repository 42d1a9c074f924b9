package gitrepo

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/git"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// What gio reads without git is what git reads, setting by setting, or gio says that it cannot. (A value over two lines keeps its
// line end, which no setting that gio uses has.)
func TestOwnReadingIsGits(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"the usual":          "[user]\n\tname = A B\n[remote \"origin\"]\n\turl = /x\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
		"a byte order mark":  "\xef\xbb\xbf[user]\n\tname = x\n",
		"line ends of DOS":   "[user]\r\n\tname = x\r\n",
		"cases":              "[USER]\n\tNaMe = x\n[Remote \"Org/N.ame\"]\n\tURL = /y\n",
		"quotes and escapes": "[a \"q\\\"q\"]\n\tb = \"c # d\" ; e\n\tf = g\\th\\\\\n",
		"without a value":    "[core]\n\tbare\n\tpager =\n",
		"comments":           "# [x]\n; y\n[core]\n\tz = 1 # two\n",
		"twice":              "[remote \"o\"]\n\turl = a\n[remote \"o\"]\n\turl = b\n\tpushurl = c\n",
		"the old form":       "[branch.Old]\n\tremote = origin\n",
	} {
		file := filepath.Join(t.TempDir(), "gitconfig")
		write(t, file, content)
		env := append(gittest.Env(), "GIT_CONFIG_GLOBAL="+file, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=Url.Base.InsteadOf", "GIT_CONFIG_VALUE_0=x")
		by, _, err := Outside(t.Context(), git.Find(getenvOf(env), env), "/")
		if err != nil {
			t.Fatal(err)
		}
		own, unread, err := Outside(t.Context(), git.Find(getenvOf(env), nil), "/")
		if err != nil {
			t.Fatal(err)
		}
		if a, b := lines(by.Config), lines(own.Config); !slices.Equal(a, b) && !strings.Contains(unread, "it cannot read "+file) {
			t.Errorf("%s:\ngit: %q\ngio: %q", name, a, b)
		}
	}
}

// lines are the settings with their values, in the order of the keys.
func lines(c git.Config) []string {
	var all []string
	for _, e := range c {
		all = append(all, e.Key+"="+e.Value)
	}
	slices.SortStableFunc(all, func(a, b string) int { return strings.Compare(strings.Split(a, "=")[0], strings.Split(b, "=")[0]) })
	return all
}

// The files of the person and of the machine, by the variables that git reads.
func TestPersonalFiles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ env, want string }{
		{"", "/etc/gitconfig"},
		{"HOME=/h", "/etc/gitconfig /h/.config/git/config /h/.gitconfig"},
		{"HOME=/h XDG_CONFIG_HOME=/x GIT_CONFIG_NOSYSTEM=1", "/x/git/config /h/.gitconfig"},
		{"HOME=/h GIT_CONFIG_GLOBAL=/g GIT_CONFIG_SYSTEM=/s", "/s /g"},
		{"GIT_CONFIG_NOSYSTEM=false GIT_CONFIG_SYSTEM=/s", "/s"},
		{"GIT_CONFIG_NOSYSTEM=true GIT_CONFIG_SYSTEM=/s", ""},
	} {
		own := ownReading{getenv: getenvOf(strings.Fields(test.env))}
		if got := strings.Join(own.personal(), " "); got != test.want {
			t.Errorf("%s: %s", test.env, got)
		}
	}
}

func TestRewritten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ config, push, fetch string }{
		{"", "gh:o/r", ""},
		{"url.https://github.com/.insteadof", "https://github.com/o/r", ""},
		{"url.git@github.com:.pushinsteadof", "git@github.com:o/r", "gh:o/r"},
	} {
		g := git.Git{Config: git.Config{{Key: test.config, Value: "gh:"}}}
		if push, fetch := Rewritten(g, "gh:o/r"); push != test.push || fetch != test.fetch {
			t.Errorf("%s: %q, %q", test.config, push, fetch)
		}
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := Root(dir); got != "" {
		t.Errorf("no checkout: %q", got)
	}
	gittest.Git(t, dir, "init", "--quiet")
	write(t, filepath.Join(dir, "a", "b", "file"), "")
	for _, at := range []string{dir, filepath.Join(dir, "a", "b")} {
		if got := Root(at); got != dir {
			t.Errorf("%s: %q", at, got)
		}
	}
}
