package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// behind is a client behind a proxy at that address.
func behind(t *testing.T, proxy string) *http.Transport {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	base := NewBase()
	base.Proxy = http.ProxyURL(u)
	return base
}

// proxyThatSays answers everything with a status, and counts.
func proxyThatSays(t *testing.T, status int) (address string, asked *int) {
	t.Helper()
	asked = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		*asked++
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// TestProxyRefusesTunnel: who does not open the way to a server is the proxy, by its name and without its password, and it is said
// at once.
func TestProxyRefusesTunnel(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		user   string
		hint   string
	}{
		"no user":    {407, "", "it wants a user and a password"},
		"wrong user": {407, "me:secret@", "does not accept the user and the password in HTTPS_PROXY"},
		"forbidden":  {403, "me:secret@", "NO_PROXY"},
	} {
		proxy, asked := proxyThatSays(t, tt.status)
		client := New(Options{Base: behind(t, strings.Replace(proxy, "://", "://"+tt.user, 1))})
		_, err := client.Get("https://circleci.example/api/v2/me")
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Code != "proxy-refused" || f.Kind != fault.Remote || *asked != 1 {
			t.Fatalf("%s: %v after %d requests", name, err, *asked)
		}
		said := f.Error() + strings.Join(fault.HintLines(f), "\n")
		for _, part := range []string{"the proxy " + proxy + " of HTTPS_PROXY", "circleci.example:443", tt.hint} {
			if !strings.Contains(said, part) {
				t.Errorf("%s: it does not say %q: %s", name, part, said)
			}
		}
		if strings.Contains(said, "secret") {
			t.Errorf("%s: the password is told: %s", name, said)
		}
	}
}

// TestProxyFailsForAMoment: a proxy that is busy is asked again, as a server is.
func TestProxyFailsForAMoment(t *testing.T) {
	t.Parallel()
	proxy, _ := proxyThatSays(t, 503)
	_, err := (&http.Client{Transport: behind(t, proxy)}).Get("https://circleci.example/api/v2/me")
	if !shouldRepeat(t.Context(), nil, err) {
		t.Errorf("it is not tried again: %v", err)
	}
	if explained := Explained("GET /me", err); !fault.Is(explained, "proxy-refused") || !strings.Contains(explained.Error(), "503") {
		t.Errorf("%v", explained)
	}
}

// TestProxyRefusesPlain: over HTTP the refusal is an answer.
func TestProxyRefusesPlain(t *testing.T) {
	t.Parallel()
	proxy, _ := proxyThatSays(t, 407)
	res, err := New(Options{Base: behind(t, proxy)}).Get("http://circleci.example/api/v2/me")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	refusal := ProxyRefusal(res)
	if !fault.Is(refusal, "proxy-refused") || !strings.Contains(refusal.Error(), "HTTP_PROXY") || !strings.Contains(refusal.Error(), "circleci.example") {
		t.Errorf("%v", refusal)
	}
	if err := ProxyRefusal(&http.Response{StatusCode: 401}); err != nil {
		t.Errorf("401: %v", err)
	}
	if err := ProxyRefusal(&http.Response{StatusCode: 407}); !fault.Is(err, "proxy-refused") {
		t.Errorf("without a request: %v", err)
	}
}

// TestExplained: an unreachable proxy, and a certificate that this machine does not accept, are said as what they are.
func TestExplained(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail
	server.StartTLS()
	t.Cleanup(server.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://me:secret@" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	trusting := NewBase()
	trusting.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
	trusting.TLSClientConfig.RootCAs.AddCert(server.Certificate())
	other := trusting.Clone()
	other.TLSClientConfig.ServerName = "other.example.org"
	later := trusting.Clone()
	later.TLSClientConfig.Time = func() time.Time { return time.Now().AddDate(200, 0, 0) }

	for name, tt := range map[string]struct {
		base http.RoundTripper
		code string
		hint string
	}{
		"unknown authority":  {NewBase(), "certificate-unknown", "SSL_CERT_FILE"},
		"of another host":    {other, "certificate", "another host's"},
		"expired":            {later, "certificate", "expired"},
		"proxy is not there": {behind(t, nobody), "proxy-unreachable", "HTTPS_PROXY or HTTP_PROXY"},
	} {
		_, err := (&http.Client{Transport: tt.base}).Get(server.URL)
		explained := Explained("GET /x", err)
		if !fault.Is(explained, tt.code) || fault.KindOf(explained) != fault.Remote {
			t.Errorf("%s: %v of %v", name, explained, err)
			continue
		}
		if said := explained.Error() + strings.Join(fault.HintLines(explained), "\n"); !strings.Contains(said, tt.hint) || strings.Contains(said, "secret") {
			t.Errorf("%s: %s", name, said)
		}
	}
	for _, err := range []error{nil, io.ErrUnexpectedEOF} {
		if explained := Explained("GET /x", err); explained != nil {
			t.Errorf("%v: %v", err, explained)
		}
	}
}
