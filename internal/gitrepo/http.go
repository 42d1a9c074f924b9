package gitrepo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/gravitee-lab/gio/internal/fault"
)

// useHTTPSettings takes over Git's settings for an http address: a header, which is how some CI systems log in, a proxy, and
// whose certificates are believed. Fault: "git-http" (kind Invalid).
func (r *remote) useHTTPSettings(ctx context.Context) error {
	settings := r.git.HTTP(ctx, r.endpoint.String())
	if name, value, ok := strings.Cut(settings["extraheader"], ":"); ok {
		r.header = [2]string{name, strings.TrimSpace(value)}
		r.secrets = append(r.secrets, strings.Fields(value)...)
	}
	own := web.Clone()
	own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	changed, err := tlsSettings(own.TLSClientConfig, func(setting, variable string) string {
		if value := r.git.Getenv(variable); value != "" {
			return value
		}
		return settings[setting]
	})
	if proxy := settings["proxy"]; proxy != "" && err == nil {
		var address *url.URL
		if address, err = url.Parse(withScheme(proxy)); err == nil {
			own.Proxy, changed = http.ProxyURL(address), true
		}
	}
	if err != nil {
		return fault.New(fault.Invalid, "git-http", "Git's settings for %s cannot be used", r.shown).Because(r.sanitizedError(err)).
			Hint("see `git config --get-urlmatch http %s`", r.shown)
	}
	r.base = web
	if changed {
		r.base = own
	}
	return nil
}

func withScheme(proxy string) string {
	if strings.Contains(proxy, "://") {
		return proxy
	}
	return "http://" + proxy
}

// tlsSettings reports whether a setting changes something.
func tlsSettings(c *tls.Config, get func(setting, variable string) string) (changed bool, err error) {
	if file := get("sslcainfo", "GIT_SSL_CAINFO"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return false, err
		}
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool()
		}
		changed = c.RootCAs.AppendCertsFromPEM(pem)
	}
	if file := get("sslcert", "GIT_SSL_CERT"); file != "" {
		key := get("sslkey", "GIT_SSL_KEY")
		if key == "" {
			key = file
		}
		pair, err := tls.LoadX509KeyPair(file, key)
		if err != nil {
			return false, err
		}
		c.Certificates, changed = []tls.Certificate{pair}, true
	}
	switch get("sslverify", "") {
	case "false", "no", "off", "0":
		c.InsecureSkipVerify, changed = true, true
	}
	if get("", "GIT_SSL_NO_VERIFY") != "" {
		c.InsecureSkipVerify, changed = true, true
	}
	return changed, nil
}

// httpClient is go-git's client over the settings of this remote.
func (r *remote) httpClient() transport.Transport {
	return githttp.NewClient(&http.Client{Transport: movingTransport{r.base, &r.progress}})
}

// withHeader adds a header to the requests of a login. go-git drops it when a redirect leaves the server.
type withHeader struct {
	transport.AuthMethod // may be nil
	header               [2]string
}

func (h withHeader) Name() string   { return "header" }
func (h withHeader) String() string { return "header" }

// SetAuth implements go-git's http.AuthMethod.
func (h withHeader) SetAuth(r *http.Request) {
	r.Header.Set(h.header[0], h.header[1])
	if auth, ok := h.AuthMethod.(githttp.AuthMethod); ok {
		auth.SetAuth(r)
	}
}
