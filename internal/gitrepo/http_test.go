package gitrepo

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// Git's settings for http hold for gio: whose certificate is believed, the proxy, a header of its own.
func TestHTTPSettings(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	server := httptest.NewTLSServer(gittest.Handler(t, dir, gittest.Options{}))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	for _, test := range []struct {
		name, config string
		code         string
	}{
		{"an unknown certificate", "", "certificate-unknown"},
		{"sslCAInfo", "[http]\n\tsslCAInfo = " + ca + "\n", ""},
		{"sslVerify", "[http]\n\tsslVerify = false\n", ""},
		{"sslVerify of another server", "[http \"https://elsewhere.example\"]\n\tsslVerify = false\n", "certificate-unknown"},
		{"sslCAInfo that is not there", "[http]\n\tsslCAInfo = " + ca + ".no\n", "git-http"},
		{"sslCert that is not there", "[http]\n\tsslCert = " + ca + ".no\n", "git-http"},
		{"a proxy that is none", "[http]\n\tproxy = http://%zz\n", "git-http"},
	} {
		o := options(server.URL + "/release.git")
		o.Credentials.Git = gitWith(t, test.config)
		_, err := Open(t.Context(), o)
		if fault.CodeOf(err) != test.code {
			t.Errorf("%s: %v, want %q", test.name, err, test.code)
		}
	}
}

func TestHTTPProxyOfGit(t *testing.T) {
	t.Parallel()
	server := gittest.HTTP(t, gittest.Bare(t, files, branch), gittest.Options{})
	var passed atomic.Int64
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		passed.Add(1)
		address, _ := url.Parse(server.URL)
		r.Out.URL.Scheme, r.Out.URL.Host = "http", address.Host
	}})
	t.Cleanup(proxy.Close)
	o := options("http://git.invalid/" + filepath.Base(server.URL))
	o.Credentials.Git = gitWith(t, "[http]\n\tproxy = "+strings.TrimPrefix(proxy.URL, "http://")+"\n")
	if _, err := Open(t.Context(), o); err != nil || passed.Load() == 0 {
		t.Errorf("%d requests passed: %v", passed.Load(), err)
	}
}

// The header of a CI system is a secret: it is in no error, and a token of gio's own is sent in its place.
func TestHTTPHeader(t *testing.T) {
	t.Parallel()
	var seen atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Authorization"))
		http.Error(w, "no: "+r.Header.Get("Authorization"), http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	o := options(server.URL + "/release.git")
	o.Credentials.Git = gitWith(t, "[http]\n\textraHeader = AUTHORIZATION: basic c2VjcmV0\n")
	_, err := Open(t.Context(), o)
	wantFault(t, err, fault.Auth, "git-auth")
	if seen.Load() != "basic c2VjcmV0" || strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("sent %q, said %v", seen.Load(), err)
	}
	o.Credentials.Token, o.Credentials.TokenHost = "mine", strings.TrimPrefix(server.URL, "http://")
	if _, err = Open(t.Context(), o); !strings.HasPrefix(seen.Load().(string), "Basic ") || err == nil {
		t.Errorf("sent %q, %v", seen.Load(), err)
	}
}

// A repository with SHA-256 is said to be one, over each wire.
func TestSHA256(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "release.git")
	gittest.Git(t, "", "init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch="+branch, dir)
	gittest.Push(t, dir, branch, files, "first")
	for _, url := range []string{dir, gittest.HTTP(t, dir, gittest.Options{}).URL} {
		_, err := Open(t.Context(), options(url))
		wantFault(t, err, fault.Invalid, "repository-sha256", "SHA-256")
	}
}
