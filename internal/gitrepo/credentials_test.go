package gitrepo

import (
	"os"
	"path/filepath"
	"testing"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/gravitee-lab/gio/internal/git"
)

// The endpoint and the authentication of a remote, without a connection.
func TestHowARemoteIsReached(t *testing.T) {
	t.Parallel()
	token := Credentials{Token: "t"}
	for _, test := range []struct {
		name, url string
		c         Credentials
		endpoint  string
		user      string // of basic authentication
	}{
		{"token", "https://github.com/o/r.git", token, "https://github.com/o/r.git", "x-access-token"},
		{"no token over plain http", "http://github.com/o/r", token, "http://github.com/o/r", ""},
		{"a foreign host", "https://gitlab.com/o/r", token, "https://gitlab.com/o/r", ""},
		{"a host that only begins alike", "https://github.com.example.org/o/r", token, "https://github.com.example.org/o/r", ""},
		{"scp-like with token", "git@github.com:o/r.git", token, "https://github.com/o/r.git", "x-access-token"},
		{"ssh with token", "ssh://git@github.com/o/r", token, "https://github.com/o/r", "x-access-token"},
		{"ssh without token", "git@github.com:o/r.git", Credentials{}, "ssh://git@github.com/o/r.git", ""},
		{"ssh of a foreign host", "git@gitlab.com:o/r.git", token, "ssh://git@gitlab.com/o/r.git", ""},
		{"enterprise", "git@ghe.example.org:o/r", Credentials{Token: "t", TokenHost: "ghe.example.org:8443"}, "https://ghe.example.org:8443/o/r", "x-access-token"},
		{"user in the address", "https://me:pw@example.org/o/r", token, "https://example.org/o/r", "me"},
	} {
		r, err := newRemote(t.Context(), test.url, test.c)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		user := ""
		if basic, ok := r.auth.(*githttp.BasicAuth); ok {
			user = basic.Username
		}
		if got := r.endpoint.String(); got != test.endpoint || user != test.user {
			t.Errorf("%s: %s as %q, want %s as %q", test.name, got, user, test.endpoint, test.user)
		}
	}
}

// A repository belongs to a host under every name of it.
func TestBelongTo(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for name, script := range map[string]string{"git": "", "ssh": "test \"$2\" = git@office && echo hostname github.com"} {
		write(t, filepath.Join(bin, name), "#!/bin/sh\n"+script+"\n")
		if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + bin}
	known := Credentials{Git: git.Find(getenvOf(env), env)}
	for _, test := range []struct {
		address string
		c       Credentials
		want    bool
	}{
		{"git@office:o/r", known, true},
		{"git@office:o/r", Credentials{}, false},
		{"git@home:o/r", known, false},
		{"https://office/o/r", known, false},
		{"git@GitHub.com:o/r", Credentials{}, true},
		{"/srv/o/r", known, false},
		{"git@office:o/r", Credentials{Git: known.Git, TokenHost: "ghe.example.org"}, false},
	} {
		if got := test.c.BelongTo(test.address); got != test.want {
			t.Errorf("%+v: %t", test.address, got)
		}
	}
}
