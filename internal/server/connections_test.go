package server_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/server"
)

// connections reads a settings file that consists of these, and their secrets.
func connections(t *testing.T, text string, environ ...string) (map[string]server.Connection, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gio-server.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := server.ReadSettings(server.Settings{}, file, environ)
	if err != nil {
		return nil, err
	}
	return s.Connections.Resolve()
}

// TestConnections: secrets come from variables and files, and are shown nowhere.
func TestConnections(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("planted-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := connections(t, `
connections:
  circleci: {token: "env:CIRCLE_TOKEN", webhook_secret: "file:`+file+`"}
  own-circleci: {kind: circleci, host: circleci.example.org, token: "env:CIRCLE_TOKEN"}
  git: {url: "https://git.example.org/scm/", token: "env:CIRCLE_TOKEN", user: x-token-auth}
  mirrors: {kind: git, url: "file:///srv/git"}
  deploys: {kind: webhook, url: "https://hooks.example.org/planted-path?x=planted-query", secret: "env:HOOK"}
`, "CIRCLE_TOKEN=planted-token", "HOOK=planted-hook")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ got, want string }{
		{all["circleci"].Secrets["token"].Reveal(), "planted-token"},
		{all["circleci"].Secrets["webhook_secret"].Reveal(), "planted-file"},
		{all["circleci"].URL, "https://circleci.com"},
		{all["own-circleci"].URL, "https://circleci.example.org"},
		{all["own-circleci"].Secrets["webhook_secret"].Reveal(), ""},
		{all["deploys"].Secrets["secret"].Reveal(), "planted-hook"},
		{all["deploys"].URL, "https://hooks.example.org/planted-path?x=planted-query"},
		{fmt.Sprint(all["deploys"]), "deploys (webhook at https://hooks.example.org)"},
		{string(all["own-circleci"].Kind), "circleci"},
		{fmt.Sprint(all["git"]) + " " + all["git"].URL + " " + all["git"].User, "git (git at https://git.example.org) https://git.example.org/scm x-token-auth"},
		{all["git"].Secrets["token"].Reveal(), "planted-token"},
		{all["mirrors"].URL, "file:///srv/git"},
	} {
		if test.got != test.want {
			t.Errorf("%s, want %s", test.got, test.want)
		}
	}
	type holder struct {
		hidden server.Connection
		secret server.Secret
		Shown  server.Secret
		All    map[string]server.Connection
	}
	h := holder{all["circleci"], all["circleci"].Secrets["token"], all["deploys"].Secrets["secret"], all}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{h, &h, all, all["deploys"], h.Shown, &h.Shown, h.All["circleci"].Secrets} {
			if shown := fmt.Sprintf(verb, value); strings.Contains(shown, "planted") || strings.Contains(shown, fmt.Sprintf("%x", "planted")) {
				t.Errorf("%s shows %s", verb, shown)
			}
		}
	}
	shown, err := json.Marshal(h)
	if err != nil || strings.Contains(string(shown), "planted") || !strings.Contains(string(shown), "circleci at https://circleci.com") {
		t.Errorf("JSON shows %s, %v", shown, err)
	}
}

// TestWrongConnections: each error names the place, and no error shows what may be a secret.
func TestWrongConnections(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ text, says string }{
		{"circleci: {token: planted}", "2: connections.circleci.token: a secret does not stand in the settings"},
		{"circleci: {token: 'pass:planted'}", "connections.circleci.token: a secret does not stand in the settings"},
		{"circleci: {token: 'env:'}", "connections.circleci.token: a secret does not stand in the settings"},
		{"circleci:\n    token: env:NOT_SET", "3: connections.circleci.token: the variable NOT_SET is not set"},
		{"circleci: {token: 'file:" + empty + "'}", "connections.circleci.token: the file " + empty + " is empty"},
		{"circleci: {token: 'file:/does/not/exist'}", "connections.circleci.token: the file cannot be read"},
		{"circleci: {token: [planted]}", "connections.circleci.token: it is not a text"},
		{"circleci:", "connections.circleci.token: a connection of the kind circleci needs it"},
		{"circleci: {token: 'env:T', tokn: planted}", "connections.circleci.tokn: a connection of the kind circleci has no such key"},
		{"circleci: {token: 'env:T', token: 'env:T'}", "connections.circleci.token: it is written twice"},
		{"circleci: {token: 'env:T', host: 'https://ann:planted@circleci.com'}", "connections.circleci.host"},
		{"circleci: {token: 'env:T', host: 'http://circleci.example.org'}", "connections.circleci.host: the token is not sent by http"},
		{"hook: {kind: webhook, url: 'https://ann:planted@example.org', secret: 'env:T'}", "connections.hook.url: it is not https://HOST/PATH"},
		{"hook: {kind: webhook, url: example.org, secret: 'env:T'}", "connections.hook.url: it is not https://HOST/PATH"},
		{"hook: {kind: webhook, url: 'https://example.org'}", "connections.hook.secret: a connection of the kind webhook needs it"},
		{"hook: {kind: carrier, url: 'https://example.org'}", "connections.hook.kind: a connection is of the kind artifactory, circleci, git, registry or webhook"},
		{"hook: {url: 'https://example.org'}", "connections.hook.kind: a connection is of the kind artifactory, circleci, git, registry or webhook"},
		{"git: {token: 'env:T'}", "connections.git.url: a connection of the kind git needs it"},
		{"git: {url: 'https://ann:planted@example.org'}", "connections.git.url: it is not https://HOST"},
		{"git: {url: 'https://example.org/?planted'}", "connections.git.url: it is not https://HOST"},
		{"git: {url: 'ssh://example.org'}", "connections.git.url: it is not https://HOST"},
		{"git: {url: 'file://planted/repositories'}", "connections.git.url: it is not https://HOST"},
		{"git: {url: 'http://git.example.org', token: 'env:T'}", "connections.git.url: the token is not sent by http"},
		{"git: {url: 'https://example.org', token: planted}", "connections.git.token: a secret does not stand in the settings"},
		{"artifactory: {token: 'env:T'}", "connections.artifactory.url: a connection of the kind artifactory needs it"},
		{"artifactory: {url: 'https://ann:planted@example.org'}", "connections.artifactory.url: it is not https://HOST"},
		{"artifactory: {url: 'http://example.org/artifactory', token: 'env:T'}", "connections.artifactory.url: it is not used by http"},
		{"images: {kind: registry, url: 'https://example.org', user: ci}", "connections.images.user: a user needs a token, which is the password"},
		{"images: {kind: registry, url: 'https://example.org', token: planted}", "connections.images.token: a secret does not stand in the settings"},
		{"'../x': {kind: webhook}", "connections.../x: a connection cannot have this name"},
		{"planted", "connections: it is not written as names with values"},
	} {
		_, err := connections(t, "connections:\n  "+test.text+"\n", "T=planted")
		if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "gio-server.yaml:") || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %s", test.text, err, test.says)
		}
		if said := fmt.Sprint(err, fault.HintLines(err)); strings.Contains(said, "planted") {
			t.Errorf("%s: it is shown: %s", test.text, said)
		}
	}
	if all, err := connections(t, "connections:\n"); err != nil || len(all) > 0 {
		t.Errorf("none: %v, %v", all, err)
	}
}
