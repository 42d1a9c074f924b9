package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// TestRestart: what was answered lasts, and the first token stays the only one.
func TestRestart(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		w.ofStatus(http.StatusCreated, w.admin, "POST", candidates+"1.0.0-rc1", routes()[0].body)
		w.wants(w.admin, "PATCH", qa, as("1.0.0-rc1", "success"), 200, "")
		before := w.ofStatus(http.StatusOK, w.admin, "GET", qa, "")
		w.end()
		if err := os.Remove(filepath.Join(w.data, "admin-token")); err != nil {
			w.Fatal(err)
		}
		w.end = w.serve()
		if after := w.ofStatus(http.StatusOK, w.admin, "GET", qa, ""); after != before {
			w.Errorf("%s, before %s", after, before)
		}
		if _, err := os.Stat(filepath.Join(w.data, "admin-token")); !os.IsNotExist(err) {
			w.Errorf("another first token was made: %v", err)
		}
	})
}

// TestHealth: whoever watches the server needs no token, and learns nothing but that it answers.
func TestHealth(t *testing.T) {
	each(t, func(w *world) {
		w.wants("", "GET", "/health", "", http.StatusOK, "")
		w.wants("", "GET", "/ready", "", http.StatusNoContent, "")
		if doc := w.ofStatus(http.StatusOK, "", "GET", "/v1/openapi.json", ""); !strings.Contains(doc, `"apply-project"`) {
			w.Errorf("the document of /v1: %.200s", doc)
		}
	})
}

// TestSecondProgram: a second server on one SQLite file is refused.
func TestSecondProgram(t *testing.T) {
	t.Parallel()
	w := start(t, storetest.SQLite(t))
	if _, err := server.Open(t.Context(), w.settings); err == nil || fault.KindOf(err) == fault.Internal {
		t.Errorf("it was opened: %v", err)
	}
}

func proxies(networks ...string) (all server.Proxies) {
	for _, n := range networks {
		all = append(all, netip.MustParsePrefix(n))
	}
	return all
}

// TestReadSettings: flags, then variables, then the file, then defaults; what is not known is an error.
func TestReadSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(file, []byte("listen: file:1\ndatabase: file.db\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("pla@nted\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("lissen: file:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(t.TempDir(), "whole.yaml")
	if err := os.WriteFile(whole, []byte("listen: file:1\ndatabase: file.db\ndata: /d\nblobs: b\nbase_url: http://localhost:1\ndefault_project: apim\n"+
		"tls: {certificate: c, key: k}\ntrusted_proxies: [192.0.2.0/24, 192.0.2.7]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		flags server.Settings
		file  string
		env   []string
		want  server.Settings
		code  string
	}{
		{"defaults", server.Settings{}, "", []string{"HOME=/home/ann"}, server.Settings{Listen: "127.0.0.1:8790", Data: "/home/ann/.local/share/gio-server", Database: "/home/ann/.local/share/gio-server/ledger.db"}, ""},
		{"of XDG_DATA_HOME", server.Settings{}, "", []string{"HOME=/home/ann", "XDG_DATA_HOME=/data"}, server.Settings{Listen: "127.0.0.1:8790", Data: "/data/gio-server", Database: "/data/gio-server/ledger.db"}, ""},
		{"a file", server.Settings{Data: "/d"}, file, nil, server.Settings{Listen: "file:1", Data: "/d", Database: "file.db"}, ""},
		{"a variable before the file", server.Settings{Data: "/d"}, file, []string{"GIOSERVER_LISTEN=env:1", "GIOSERVER_DATABASE="}, server.Settings{Listen: "env:1", Data: "/d", Database: "file.db"}, ""},
		{"a flag before all", server.Settings{Listen: "flag:1", Data: "/d"}, file, []string{"GIOSERVER_LISTEN=env:1"}, server.Settings{Listen: "flag:1", Data: "/d", Database: "file.db"}, ""},
		{"a variable that is not known", server.Settings{}, "", []string{"GIOSERVER_LISSEN=x"}, server.Settings{}, "unknown-setting"},
		{"a key that is not known", server.Settings{}, wrong, nil, server.Settings{}, "settings-file"},
		{"variables of all kinds", server.Settings{Data: "/d"}, file, []string{
			"GIOSERVER_BASE_URL=https://gio.example.org/ledger/", "GIOSERVER_DEFAULT_PROJECT=apim", "GIOSERVER_BLOBS=/b", "GIOSERVER_TLS_CERTIFICATE=c", "GIOSERVER_TLS_KEY=k",
			"GIOSERVER_TRUSTED_PROXIES=10.1.2.3/8, ::1",
		}, server.Settings{
			Listen: "file:1", Data: "/d", Database: "file.db", BaseURL: "https://gio.example.org/ledger", DefaultProject: "apim",
			TLS: server.TLS{Certificate: "c", Key: "k"}, TrustedProxies: proxies("10.0.0.0/8", "::1/128"), Blobs: "/b",
		}, ""},
		{"a file of all kinds", server.Settings{}, whole, nil, server.Settings{
			Listen: "file:1", Data: "/d", Database: "file.db", BaseURL: "http://localhost:1", DefaultProject: "apim",
			TLS: server.TLS{Certificate: "c", Key: "k"}, TrustedProxies: proxies("192.0.2.0/24", "192.0.2.7/32"), Blobs: "b",
		}, ""},
		{"half of tls", server.Settings{}, file, []string{"GIOSERVER_TLS_KEY=k"}, server.Settings{}, "invalid-setting"},
		{"a base without scheme", server.Settings{}, file, []string{"GIOSERVER_BASE_URL=gio.example.org"}, server.Settings{}, "invalid-setting"},
		{"a base with a password", server.Settings{}, file, []string{"GIOSERVER_BASE_URL=https://ann:planted@gio.example.org"}, server.Settings{}, "invalid-setting"},
		{"no network", server.Settings{}, file, []string{"GIOSERVER_TRUSTED_PROXIES=10.0.0.0/8,proxy"}, server.Settings{}, "invalid-setting"},
		{"a file that is not there", server.Settings{}, file + ".no", nil, server.Settings{}, "settings-file"},
		{"a password in a file", server.Settings{Data: "/d", Database: "postgres://gio@db/gio?sslmode=disable"}, "", []string{"GIOSERVER_DATABASE_PASSWORD=file:" + password}, server.Settings{Listen: "127.0.0.1:8790", Data: "/d", Database: "postgres://gio:pla%40nted@db/gio?sslmode=disable"}, ""},
		{"a password in a variable", server.Settings{Data: "/d", Database: "postgres://gio@db/gio", DatabasePassword: "env:PW"}, "", []string{"PW=planted"}, server.Settings{Listen: "127.0.0.1:8790", Data: "/d", Database: "postgres://gio:planted@db/gio"}, ""},
		{"a password that stands there itself", server.Settings{Data: "/d", Database: "postgres://gio@db/gio", DatabasePassword: "planted"}, "", nil, server.Settings{}, "database-password"},
		{"a password that nothing holds", server.Settings{Data: "/d", Database: "postgres://gio@db/gio", DatabasePassword: "env:PW"}, "", nil, server.Settings{}, "no-secret"},
		{"a password in a file that is not there", server.Settings{Data: "/d", Database: "postgres://gio@db/gio", DatabasePassword: "file:" + password + ".no"}, "", nil, server.Settings{}, "no-secret"},
		{"a password for SQLite", server.Settings{Data: "/d", DatabasePassword: "file:" + password}, "", nil, server.Settings{}, "database-password"},
		{"a second password", server.Settings{Data: "/d", Database: "postgres://gio:planted@db/gio", DatabasePassword: "file:" + password}, "", nil, server.Settings{}, "database-password"},
		{"a password of nobody", server.Settings{Data: "/d", Database: "postgres://db/gio", DatabasePassword: "file:" + password}, "", nil, server.Settings{}, "database-password"},
		{"a password for no address", server.Settings{Data: "/d", Database: "postgres://gio@pla nted/gio", DatabasePassword: "file:" + password}, "", nil, server.Settings{}, "database-password"},
	} {
		got, err := server.ReadSettings(test.flags, test.file, test.env)
		if test.code == "" && !reflect.DeepEqual(got, test.want) || fault.CodeOf(err) != test.code {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
		if shown := got.String(); strings.Contains(shown, "nted") {
			t.Errorf("%s: the password is shown: %s", test.name, shown)
		}
		if err != nil && strings.Contains(err.Error(), "nted") {
			t.Errorf("%s: a password is shown: %v", test.name, err)
		}
	}
	for _, database := range []string{"postgres://gio:planted@db/gio", "postgres://gio:a@planted@db/gio", "postgres://db/gio?user=gio&password=planted"} {
		shown := (server.Settings{Listen: "a:1", Database: database}).String()
		if strings.Contains(shown, "planted") || !strings.Contains(shown, "db/gio") {
			t.Errorf("%s is shown as %s", database, shown)
		}
	}
}

// TestReady: a health check asks the server that runs beside it, wherever that listens.
func TestReady(t *testing.T) {
	t.Parallel()
	w := start(t, storetest.SQLite(t))
	_, port, _ := strings.Cut(w.address, ":")
	for _, listen := range []string{w.address, "0.0.0.0:" + port, "[::]:" + port, ":" + port} {
		if err := server.Ready(t.Context(), server.Settings{Listen: listen}); err != nil {
			t.Errorf("%s: %v", listen, err)
		}
	}
	w.end()
	quarantined := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "quarantined\n") }))
	defer quarantined.Close()
	if err := server.Ready(t.Context(), server.Settings{Listen: quarantined.Listener.Addr().String()}); err != nil {
		t.Errorf("quarantined, and answering: %v", err)
	}
	if err := server.Ready(t.Context(), server.Settings{Listen: w.address}); !fault.Is(err, "not-ready") {
		t.Errorf("it has ended: %v", err)
	}
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer broken.Close()
	if err := server.Ready(t.Context(), server.Settings{Listen: broken.Listener.Addr().String()}); !fault.Is(err, "not-ready") || !strings.Contains(err.Error(), "503") {
		t.Errorf("its database does not answer: %v", err)
	}
	secured := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer secured.Close()
	if err := server.Ready(t.Context(), server.Settings{Listen: secured.Listener.Addr().String(), TLS: server.TLS{Certificate: "c", Key: "k"}}); err != nil {
		t.Errorf("by TLS, under the name that the certificate is for: %v", err)
	}
	if err := server.Ready(t.Context(), server.Settings{Listen: "8790"}); !fault.Is(err, "cannot-listen") {
		t.Errorf("no address: %v", err)
	}
}

// TestFirstToken: who may read the server's directory can have the token that its first start made.
func TestFirstToken(t *testing.T) {
	t.Parallel()
	w := start(t, storetest.SQLite(t))
	if got, err := server.FirstToken(w.settings); got != w.admin || err != nil {
		t.Errorf("%d characters, want %d, %v", len(got), len(w.admin), err)
	}
	if _, err := server.FirstToken(server.Settings{Data: t.TempDir()}); !fault.Is(err, "admin-token") {
		t.Errorf("there is none: %v", err)
	}
}

// TestTLS: with a certificate the server speaks TLS alone, and says so.
func TestTLS(t *testing.T) {
	t.Parallel()
	certificate, key, pool := selfSigned(t)
	w := prepare(t, storetest.SQLite(t))
	w.settings.TLS = server.TLS{Certificate: certificate, Key: key}
	w.begin()
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	res, err := c.Get("https://" + w.address + "/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	doc, err := io.ReadAll(res.Body)
	if err != nil || res.ProtoMajor != 2 || !strings.Contains(string(doc), `"url":"https://`+w.address+`"`) {
		t.Errorf("%s %v %.200s", res.Proto, err, doc)
	}
	c.CloseIdleConnections()
	if status, said := w.ask("", "GET", "/health", ""); status != http.StatusBadRequest {
		t.Errorf("without TLS: %d %s", status, said)
	}
	w.end()
	w.settings.TLS.Key = certificate
	if err := server.Run(t.Context(), w.settings, nil, io.Discard, func(string) { t.Error("it listens") }); !fault.Is(err, "tls") {
		t.Errorf("a key that is none: %v", err)
	}
}

// selfSigned makes a certificate for this machine.
func selfSigned(t *testing.T) (certificate, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(made)
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("certificate.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret), pool
}

// TestClientAddress: events and the log have the address that a trusted proxy names. A default project is marked.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	w := prepare(t, storetest.SQLite(t))
	w.settings.DefaultProject = "apim"
	w.begin().declared()
	w.client = "198.51.100.7"
	w.ofStatus(http.StatusCreated, w.admin, "POST", candidates+"1.0.0-rc1", routes()[0].body)
	w.sealed(3)
	if said := w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/events?after=2", ""); !strings.Contains(said, `"address":"198.51.100.7"`) {
		t.Errorf("the event: %s", said)
	}
	if said := w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/projects", ""); !strings.Contains(said, `"name":"apim","repository":"acme/apim","default":true`) {
		t.Errorf("the projects: %s", said)
	}
	w.end()
	if !strings.Contains(w.log.String(), `"from":"198.51.100.7"`) {
		t.Errorf("the log: %s", w.log)
	}
}

// TestMissingSecret: a server does not start without the secrets that its settings name.
func TestMissingSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gio-server.yaml")
	if err := os.WriteFile(file, []byte("connections: {circleci: {token: 'env:CIRCLE_TOKEN'}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := server.ReadSettings(server.Settings{Listen: "127.0.0.1:0", Data: t.TempDir()}, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Run(t.Context(), s, nil, io.Discard, func(string) { t.Error("it listens") }); !fault.Is(err, "no-secret") {
		t.Errorf("%v", err)
	}
}
