package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestFindServer: GIO_SERVER and GIO_TOKEN come first; a token that was kept goes only to the server that it came with.
func TestFindServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		kept  string // content of the login file, "" for none
		env   map[string]string
		host  string
		token string
		code  string
	}{
		{"nothing", "", nil, "", "", "no-server"},
		{"both variables", "", map[string]string{"GIO_SERVER": "https://gio.example.org", "GIO_TOKEN": "t"}, "https://gio.example.org", "t", ""},
		{"a login", `{"server": "https://kept.example.org", "token": "k"}`, nil, "https://kept.example.org", "k", ""},
		{"a login and another token", `{"server": "https://kept.example.org", "token": "k"}`, map[string]string{"GIO_TOKEN": "t"}, "https://kept.example.org", "t", ""},
		{"a login for another server", `{"server": "https://kept.example.org", "token": "k"}`, map[string]string{"GIO_SERVER": "https://gio.example.org"}, "https://gio.example.org", "", "no-server-token"},
		{"a login that is damaged", `{`, nil, "", "", "login-file"},
		{"http", "", map[string]string{"GIO_SERVER": "http://gio.example.org", "GIO_TOKEN": "t"}, "http://gio.example.org", "t", "insecure-server"},
		{"http on this machine", "", map[string]string{"GIO_SERVER": "http://127.0.0.1:8790", "GIO_TOKEN": "t"}, "http://127.0.0.1:8790", "t", ""},
		{"http on this machine, by name", "", map[string]string{"GIO_SERVER": "http://localhost:8790", "GIO_TOKEN": "t"}, "http://localhost:8790", "t", ""},
		{"a password in it", "", map[string]string{"GIO_SERVER": "https://ann:secret@gio.example.org", "GIO_TOKEN": "t"}, "https://ann:secret@gio.example.org", "t", "server-address"},
		{"no address", "", map[string]string{"GIO_SERVER": "gio.example.org", "GIO_TOKEN": "t"}, "gio.example.org", "t", "server-address"},
	} {
		env := map[string]string{"XDG_CONFIG_HOME": t.TempDir()}
		for name, value := range test.env {
			env[name] = value
		}
		if test.kept != "" {
			file(t, test.kept, filepath.Join(env["XDG_CONFIG_HOME"], "gio"), "server.json")
		}
		s, err := FindServer(variables(env))
		if s.Host.Value != test.host || s.Token != test.token || fault.CodeOf(err) != test.code {
			t.Errorf("%s: %+v, %v", test.name, s, err)
		}
	}
}

// TestLogin: what is kept is for its owner alone, replaces what was kept, and is found again.
func TestLogin(t *testing.T) {
	t.Parallel()
	getenv := variables(map[string]string{"HOME": t.TempDir()})
	for _, token := range []string{"first", "second"} {
		path, err := Login(getenv, "https://gio.example.org", token)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		if s, err := FindServer(getenv); err != nil || s.Token != token || s.Host.Value != "https://gio.example.org" {
			t.Errorf("%+v, %v", s, err)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".server-*")); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	if _, err := Login(getenv, "http://gio.example.org", "t"); !fault.Is(err, "insecure-server") {
		t.Errorf("%v", err)
	}
}
