package operate

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// setupOf is a setup whose environment is these variables, without a release repository.
func setupOf(vars map[string]string) Setup {
	o := workspace.Options{Dir: "/nowhere", File: "release.json", Getenv: func(name string) string { return vars[name] }}
	return Setup{Workspace: workspace.OpenDirectory(o, "release.json")}
}

// TestGitHub: the GitHub that components are asked of is the one that the release repository lies on, or that GITHUB_API_URL
// names.
func TestGitHub(t *testing.T) {
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
		s := setupOf(map[string]string{"GITHUB_API_URL": test.address, "GITHUB_TOKEN": "ghp_x"})
		s.Checkout.RemoteURL = test.remote
		client, ok, err := s.gitHub(s.Wire)
		got := ""
		if ok {
			got = client.URL()
		}
		if err != nil || got != test.want {
			t.Errorf("%q with %q: %q, %v; want %q", test.remote, test.address, got, err, test.want)
		}
	}
	s := setupOf(map[string]string{"GITHUB_API_URL": "ghe.example.org"})
	if _, _, err := s.gitHub(s.Wire); !fault.Is(err, "github-url") {
		t.Errorf("%v", err)
	}
}
