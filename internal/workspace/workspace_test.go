package workspace

import "testing"

// The address of Repo.
func TestRemoteURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ repo, address, want string }{
		{"acme/release", "", "https://github.com/acme/release"},
		{"acme/release", "https://ghe.example.org/api/v3", "https://ghe.example.org/acme/release"},
		{"acme/release", "https://api.acme.ghe.com", "https://acme.ghe.com/acme/release"},
		{"git@ghe.example.org:acme/release.git", "https://ghe.example.org/api/v3", "git@ghe.example.org:acme/release.git"},
		{"https://gitlab.com/acme/release", "", "https://gitlab.com/acme/release"},
	} {
		o := Options{Repo: test.repo, Getenv: func(string) string { return test.address }}
		if got := o.remoteURL(); got != test.want {
			t.Errorf("%s with %q: %s, want %s", test.repo, test.address, got, test.want)
		}
	}
}
