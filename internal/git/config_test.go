package git_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/git"
)

// config makes a configuration of lines "key value".
func config(lines ...string) git.Config {
	var c git.Config
	for _, line := range lines {
		key, value, _ := strings.Cut(line, " ")
		c = append(c, git.Entry{Key: key, Value: value})
	}
	return c
}

// The remote of a push, by the order of git-config(1): pushRemote, pushDefault, remote, the only one, origin. That it is git's
// order is held by the matrix of package workspace.
func TestPushRemote(t *testing.T) {
	t.Parallel()
	two := []string{"remote.a.url x", "remote.b.url y"}
	for _, test := range []struct {
		name          string
		config        []string
		want, setting string
		pulled        string
	}{
		{"nothing", nil, "origin", "", "origin"},
		{"the only one", two[:1], "a", "", "a"},
		{"the only one has only a push address", []string{"remote.a.pushurl x"}, "a", "", "a"},
		{"two", two, "origin", "", "origin"},
		{"tracked", append(two, "branch.3.9.x.remote b"), "b", "branch.3.9.x.remote", "b"},
		{"pushDefault", append(two, "branch.3.9.x.remote b", "remote.pushdefault a"), "a", "remote.pushdefault", "b"},
		{"pushRemote", append(two, "remote.pushdefault a", "branch.3.9.x.pushremote c", "branch.3.9.x.remote b"), "c", "branch.3.9.x.pushremote", "b"},
		{"of another branch", append(two, "branch.3.8.x.pushremote a"), "origin", "", "origin"},
		{"the last one holds", append(two, "remote.pushdefault a", "remote.pushdefault b"), "b", "remote.pushdefault", "origin"},
	} {
		c := config(test.config...)
		name, setting := c.PushRemote("3.9.x")
		pulled, _ := c.PullRemote("3.9.x")
		if name != test.want || setting != test.setting || pulled != test.pulled {
			t.Errorf("%s: %q by %q, pulled from %q", test.name, name, setting, pulled)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		config      []string
		fetch, push string // separated by blanks
	}{
		{"an address", nil, "a", "a"},
		{"a remote", []string{"remote.a.url u"}, "u", "u"},
		{"pushurl", []string{"remote.a.url u", "remote.a.pushurl p"}, "u", "p"},
		{"two of each", []string{"remote.a.url u", "remote.a.url v", "remote.a.pushurl p", "remote.a.pushurl q"}, "u v", "p q"},
		{"an empty one takes back", []string{"remote.a.url u", "remote.a.url ", "remote.a.url v"}, "v", "v"},
		{"insteadOf", []string{"remote.a.url gh:x", "url.https://github.com/.insteadof gh:"}, "https://github.com/x", "https://github.com/x"},
		{"the longest beginning", []string{"remote.a.url gh:x/y", "url.1/.insteadof gh:", "url.2/.insteadof gh:x/", "url.3/.insteadof g"}, "2/y", "2/y"},
		{"pushInsteadOf", []string{"remote.a.url gh:x", "url.f/.insteadof gh:", "url.p/.pushinsteadof gh:"}, "f/x", "p/x"},
		{"pushInsteadOf with a pushurl", []string{"remote.a.url gh:x", "remote.a.pushurl gh:y", "url.f/.insteadof gh:", "url.p/.pushinsteadof gh:"}, "f/x", "f/y"},
		{"pushInsteadOf of one of two", []string{"remote.a.url gh:x", "remote.a.url other", "url.p/.pushinsteadof gh:"}, "gh:x other", "p/x"},
	} {
		fetch, push := config(test.config...).Addresses("a")
		if strings.Join(fetch, " ") != test.fetch || strings.Join(push, " ") != test.push {
			t.Errorf("%s: fetch %q, push %q", test.name, fetch, push)
		}
	}
}

func TestPushedAs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		config       []string
		ref, setting string
	}{
		{"nothing", nil, "", ""},
		{"everything as it is", []string{"remote.o.push refs/heads/*:refs/heads/*"}, "", ""},
		{"without a target", []string{"remote.o.push refs/heads/*"}, "", ""},
		{"matching", []string{"remote.o.push :"}, "", ""},
		{"for review", []string{"remote.o.push +HEAD:refs/for/main"}, "refs/for/main", "remote.o.push"},
		{"by a pattern", []string{"remote.o.push refs/heads/*:refs/heads/qa/*"}, "refs/heads/qa/3.9.x", "remote.o.push"},
		{"another branch", []string{"remote.o.push refs/heads/main:refs/heads/other"}, "", ""},
		{"of another remote", []string{"remote.p.push refs/heads/*:refs/heads/qa/*"}, "", ""},
		{"by its short name", []string{"remote.o.push 3.9.x:release"}, "release", "remote.o.push"},
		{"upstream", []string{"push.default upstream", "branch.3.9.x.remote o", "branch.3.9.x.merge refs/heads/main"}, "refs/heads/main", "push.default"},
		{"upstream of the same name", []string{"push.default upstream", "branch.3.9.x.remote o", "branch.3.9.x.merge refs/heads/3.9.x"}, "", ""},
		{"upstream elsewhere", []string{"push.default upstream", "branch.3.9.x.remote p", "branch.3.9.x.merge refs/heads/main"}, "", ""},
		{"simple", []string{"push.default simple", "branch.3.9.x.remote o", "branch.3.9.x.merge refs/heads/main"}, "", ""},
	} {
		if ref, setting := config(test.config...).PushedAs("o", "3.9.x"); ref != test.ref || setting != test.setting {
			t.Errorf("%s: %q by %q", test.name, ref, setting)
		}
	}
}

func TestRemotes(t *testing.T) {
	t.Parallel()
	c := config("remote.b.url x", "remote.pushdefault b", "remote.a.fetch y", "remote.c.d.pushurl z", "remote.b.url w", "remote..url v")
	if got := c.Remotes(); !slices.Equal(got, []string{"b", "c.d"}) {
		t.Errorf("%q", got)
	}
}
