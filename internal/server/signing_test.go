package server_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/sign"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// keyFile writes a new private key into a file, and returns its path and the key.
func keyFile(t *testing.T, name string) (string, sign.Key) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	path := filepath.Join(t.TempDir(), name+".pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := sign.ParseKey(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return path, key
}

// set reads settings from a file, beside those of the test.
func (w *world) set(text string) *world {
	w.Helper()
	file := filepath.Join(w.TempDir(), "gio-server.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	s, err := server.ReadSettings(w.settings, file, nil)
	if err != nil {
		w.Fatal(err)
	}
	w.settings = s
	return w
}

// signs makes a bundle that is signed by a key of that name, "" for none.
func (w *world) signs(version, key string) (int, string) {
	w.Helper()
	w.signingKey = key
	defer func() { w.signingKey = "" }()
	return w.ask(w.admin, "POST", bundleRoute+"?async=false", commonsBundle("signed", version))
}

// signatures are the envelopes of a bundle's list by the names of keys.
func (w *world) signatures(version string) map[string]string {
	w.Helper()
	rows, err := storetest.Raw(w.T, w.settings.Database).QueryContext(w.Context(), "SELECT s.signing_key, s.envelope FROM signatures s JOIN bundles b ON b.id = s.bundle WHERE b.version = $1", version)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	all := map[string]string{}
	for rows.Next() {
		var key, envelope string
		if err := rows.Scan(&key, &envelope); err != nil {
			w.Fatal(err)
		}
		all[key] = envelope
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return all
}

// TestSigningKeys: the first key signs for those who name none, another one for those who name it; a promotion adds a signature.
func TestSigningKeys(t *testing.T) {
	t.Parallel()
	w := prepare(t, storetest.SQLite(t))
	first, firstKey := keyFile(t, "release")
	second, secondKey := keyFile(t, "audit")
	w.set("keys:\n  zebra: file:" + first + "\n  audit: file:" + second + "\n")
	shelved(w)
	if status, said := w.signs("1", ""); status != http.StatusCreated {
		t.Fatal(status, said)
	}
	if status, said := w.signs("2", "audit"); status != http.StatusCreated {
		t.Fatal(status, said)
	}
	status, said := w.signs("3", "nobody")
	if status != http.StatusBadRequest || !strings.Contains(said, `the server has no signing key \"nobody\"; it has zebra, audit`) {
		t.Errorf("%d %s", status, said)
	}
	w.signingKey = "audit"
	w.ofStatus(http.StatusCreated, w.admin, "POST", promotionRoute+"/records/signed/1?async=false", `{"environment":"QA"}`)
	w.ofStatus(http.StatusCreated, w.admin, "POST", promotionRoute+"/records/signed/1?async=false", `{"environment":"PROD"}`)
	w.signingKey = "nobody"
	w.ofStatus(http.StatusBadRequest, w.admin, "POST", promotionRoute+"/records/signed/2?async=false", `{"environment":"QA"}`)
	w.signingKey = ""
	w.end()
	for version, want := range map[string]map[string]sign.Key{"1": {"zebra": firstKey, "audit": secondKey}, "2": {"audit": secondKey}, "3": {}} {
		got := w.signatures(version)
		if len(got) != len(want) {
			t.Errorf("bundle %s has %d signatures, want %d", version, len(got), len(want))
		}
		for name, key := range want {
			statement, _, err := sign.Verify([]byte(got[name]), []sign.Key{key})
			if err != nil || statement.Name != "signed" || statement.Version != version || statement.Project != "commons" || len(statement.Items) != 3 {
				t.Errorf("bundle %s by %s: %+v, %v", version, name, statement, err)
			}
		}
	}
}

// TestOwnSigningKey: without keys the server makes one, once, that nobody else may read; a setting lets it sign for every name.
func TestOwnSigningKey(t *testing.T) {
	t.Parallel()
	w := shelved(prepare(t, storetest.SQLite(t)))
	if status, said := w.signs("1", ""); status != http.StatusCreated {
		t.Fatal(status, said)
	}
	if status, said := w.signs("2", "mykey"); status != http.StatusBadRequest || !strings.Contains(said, "it has gio-server") {
		t.Errorf("%d %s", status, said)
	}
	w.end()
	path := filepath.Join(w.data, "signing-key.pem")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w.set("unknown_signing_key: default\n").end = w.serve()
	if status, said := w.signs("2", "mykey"); status != http.StatusCreated {
		t.Fatal(status, said)
	}
	w.declareCommons(`, "requires": {"signed": true}`)
	w.ofStatus(http.StatusCreated, w.admin, "POST", promotionRoute+"/records/signed/1?async=false", `{"environment":"PROD"}`)
	w.end()
	key, err := sign.ParseKey("gio-server", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1", "2"} {
		if _, _, err := sign.Verify([]byte(w.signatures(version)["gio-server"]), []sign.Key{key}); err != nil {
			t.Errorf("bundle %s: %v", version, err)
		}
	}
	// Others than it sign from now on, and it still verifies. What was changed is found.
	named, _ := keyFile(t, "release")
	w.set("keys: {release: file:" + named + "}\n").end = w.serve()
	w.ofStatus(http.StatusCreated, w.admin, "POST", promotionRoute+"/records/signed/1?async=false", `{"environment":"PROD"}`)
	if status, said := w.signs("3", ""); status != http.StatusCreated {
		t.Fatal(status, said)
	}
	w.end()
	if _, signed := w.signatures("3")["release"]; !signed {
		t.Error("the key that is named does not sign")
	}
	if _, err := storetest.Raw(t, w.settings.Database).ExecContext(t.Context(), "UPDATE items SET sha256 = '"+sumOf("another")+"', blob = NULL WHERE number = 1"); err != nil {
		t.Fatal(err)
	}
	w.end = w.serve()
	said := w.ofStatus(http.StatusConflict, w.admin, "POST", promotionRoute+"/records/signed/1?async=false", `{"environment":"PROD"}`)
	if !strings.Contains(said, "what is in the bundle signed 1 is not what was signed") {
		t.Error(said)
	}
}

// TestBadSigningKeys: settings that name no key.
func TestBadSigningKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.pem")
	if err := os.WriteFile(bad, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"keys: {release: secret}":                                     "a key does not stand in the settings",
		"keys: {release: [a]}":                                        "a key does not stand in the settings",
		"keys: [release]":                                             "it is not written as names with values",
		"keys: {'a b': file:x}":                                       "a key cannot have this name",
		"keys: {a: file:x, a: file:y}":                                "",
		"unknown_signing_key: whatever":                               `unknown_signing_key is "whatever"`,
		"keys: {release: file:" + bad + "}":                           "it is not PEM",
		"keys: {release: file:" + filepath.Join(dir, "nothing") + "}": "the file cannot be read",
	} {
		file := filepath.Join(t.TempDir(), "gio-server.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := server.ReadSettings(server.Settings{Listen: "127.0.0.1:0", Data: t.TempDir()}, file, nil)
		if err == nil {
			err = server.Run(t.Context(), s, nil, os.Stderr, func(string) { t.Errorf("%s: it serves", text) })
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
