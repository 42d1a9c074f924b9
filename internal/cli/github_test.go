package cli

import (
	"io"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// Where there is a GitHub, and which.
func TestWhichGitHub(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ remote, address, want string }{
		{"https://github.com/acme/release.git", "", "https://api.github.com"},
		{"git@github.com:acme/release.git", "", "https://api.github.com"},
		{"https://gitlab.com/acme/release.git", "", ""},
		{"git@ghe.example.org:acme/release.git", "", ""},
		{"/srv/release.git", "", ""},
		{"", "", ""},
		{"git@ghe.example.org:acme/release.git", "https://ghe.example.org/api/v3", "https://ghe.example.org/api/v3"},
		{"/srv/release.git", "http://127.0.0.1:8787/api/v3/", "http://127.0.0.1:8787/api/v3"},
	} {
		env := &environment{Program: Program{Stderr: io.Discard, Getenv: func(name string) string {
			return map[string]string{"GITHUB_API_URL": test.address, "GITHUB_TOKEN": "ghp_x"}[name]
		}}}
		client, ok, err := env.gitHub(workspace{File: "/nowhere/release.json", Checkout: gitrepo.Checkout{RemoteURL: test.remote}})
		got := ""
		if ok {
			got = client.URL()
		}
		if err != nil || got != test.want {
			t.Errorf("%q with %q: %q, %v; want %q", test.remote, test.address, got, err, test.want)
		}
	}
	env := &environment{Program: Program{Stderr: io.Discard, Getenv: func(name string) string {
		return map[string]string{"GITHUB_API_URL": "ghe.example.org"}[name]
	}}}
	if _, _, err := env.gitHub(workspace{File: "/nowhere/release.json"}); !fault.Is(err, "github-url") {
		t.Errorf("%v", err)
	}
}

// The address of --repo.
func TestRemoteOfRepo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ repo, address, want string }{
		{"acme/release", "", "https://github.com/acme/release"},
		{"acme/release", "https://ghe.example.org/api/v3", "https://ghe.example.org/acme/release"},
		{"acme/release", "https://api.acme.ghe.com", "https://acme.ghe.com/acme/release"},
		{"git@ghe.example.org:acme/release.git", "https://ghe.example.org/api/v3", "git@ghe.example.org:acme/release.git"},
		{"https://gitlab.com/acme/release", "", "https://gitlab.com/acme/release"},
	} {
		env := &environment{repo: test.repo, Program: Program{Getenv: func(string) string { return test.address }}}
		if got := env.remoteURL(); got != test.want {
			t.Errorf("%s with %q: %s, want %s", test.repo, test.address, got, test.want)
		}
	}
}
