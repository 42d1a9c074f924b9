package registry_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/registry"
	"github.com/gravitee-lab/gio/internal/registry/registrytest"
	"github.com/gravitee-lab/gio/internal/transport"
)

const token = "hunter2hunter2hunter2"

// seen remembers what arrived.
type seen struct {
	mu  sync.Mutex
	all []string // METHOD path Authorization
}

func (s *seen) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
}

// count tells how many requests began like that.
func (s *seen) count(prefix string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.all {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// world is a registry behind a handler that may answer in its place.
func world(t *testing.T, instead func(w http.ResponseWriter, r *http.Request) (done bool)) (url string, s *seen) {
	t.Helper()
	s = &seen{}
	behind := registrytest.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		if !instead(w, r) {
			behind.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, s
}

// refuse repeats what it was given, as it should not.
func refuse(w http.ResponseWriter, r *http.Request, challenge string) bool {
	w.Header().Set("WWW-Authenticate", challenge)
	w.WriteHeader(http.StatusUnauthorized)
	_, password, _ := r.BasicAuth()
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":"UNAUTHORIZED","message":"no, not with %s %s"}]}`, r.Header.Get("Authorization"), password)
	return true
}

// basic wants a user and a password.
func basic(w http.ResponseWriter, r *http.Request) bool {
	if user, password, ok := r.BasicAuth(); ok && user == "ci" && password == token {
		return false
	}
	return refuse(w, r, `Basic realm="images"`)
}

// bearer wants a token that a service makes for a user and a password, as most registries do.
func bearer(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path == "/token" {
		if user, password, _ := r.BasicAuth(); user != "ci" || password != token {
			return refuse(w, r, `Basic realm="images"`)
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"token": "made for " + strings.Join(r.URL.Query()["scope"], " ")})
		return true
	}
	given, wanted := r.Header.Get("Authorization"), "pull"
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		wanted = "push"
	}
	if r.Method == http.MethodDelete {
		wanted = "delete"
	}
	if strings.HasPrefix(given, "Bearer made for repository:") && strings.Contains(given, wanted) {
		return false
	}
	return refuse(w, r, fmt.Sprintf(`Bearer realm="http://%s/token",service="images"`, r.Host))
}

// ready wants the token itself.
func ready(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "Bearer "+token {
		return false
	}
	return refuse(w, r, fmt.Sprintf(`Bearer realm="http://%s/token",service="images"`, r.Host))
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		guard     func(http.ResponseWriter, *http.Request) bool
		good, bad registry.Options
	}{
		"basic":  {basic, registry.Options{User: "ci", Token: token}, registry.Options{User: "ci", Token: token + "x"}},
		"bearer": {bearer, registry.Options{User: "ci", Token: token}, registry.Options{User: "joe", Token: token}},
		"ready":  {ready, registry.Options{Token: token}, registry.Options{Token: token + "x"}},
		"none":   {func(http.ResponseWriter, *http.Request) bool { return false }, registry.Options{}, registry.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := registrytest.Memory(t)
			digest := registrytest.Index(t, from, "dev/web:1.0.0")
			url, s := world(t, c.guard)
			c.good.URL, c.bad.URL = url, url
			to := open(t, c.good, "prod/web")
			for range 2 {
				if err := move(t, at(t, from, "dev/web"), to, digest); err != nil {
					t.Fatal(err)
				}
			}
			wantDigest(t, to, "1.0.0", digest)
			if name == "none" {
				if n := s.count("PUT /v2/prod/web/manifests/1.0.0 "); n != 1 {
					t.Errorf("the tag was written %d times", n)
				}
				return
			}
			for what, wrong := range map[string]registry.Options{"bad": c.bad, "none": {URL: url}} {
				wrong := open(t, wrong, "prod/web").Hurry()
				for call, err := range calls(t, wrong, digest) {
					if !fault.Is(err, "registry-unauthorized") || fault.KindOf(err) != fault.Auth {
						t.Errorf("%s credentials, %s: %v", what, call, err)
					}
					if basic := base64.StdEncoding.EncodeToString([]byte(c.bad.User + ":" + c.bad.Token)); strings.Contains(err.Error(), token) || what == "bad" && strings.Contains(err.Error(), basic) {
						t.Errorf("%s shows the token: %v", call, err)
					}
					if call == "Copy" && !strings.Contains(err.Error(), "UNAUTHORIZED no, not with") {
						t.Errorf("%s does not show what was answered: %v", call, err)
					}
				}
			}
		})
	}
}

// calls makes every call about a repository, and returns their errors.
func calls(t *testing.T, r registry.Repository, digest string) map[string]error {
	t.Helper()
	_, look := r.Digest(t.Context(), "1.0.0")
	return map[string]error{
		"Digest": look,
		"Copy":   r.Copy(t.Context(), digest, at(t, "http://127.0.0.1:1", "nowhere")),
		"Tag":    r.Tag(t.Context(), "2.0.0", "", digest),
		"Untag":  r.Untag(t.Context(), "1.0.0", digest),
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("a", 64)
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	after := func(h http.HandlerFunc) http.HandlerFunc { // the registry says that it is one
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				h(w, r)
			}
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		kind    fault.Kind
		code    string
	}{
		"not a registry":      {answer(404, "<html>not found</html>"), fault.Remote, "registry-error"},
		"a page for anything": {answer(200, "<html>log in</html>"), fault.Remote, "registry-unreachable"},
		"forbidden":           {after(answer(403, `{"errors":[{"code":"DENIED","message":"no"}]}`)), fault.Auth, "registry-forbidden"},
		"rate limit":          {after(answer(429, `{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}`)), fault.Remote, "registry-limit"},
		"broken":              {after(answer(500, "panic")), fault.Remote, "registry-error"},
		"away":                {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Remote, "registry-unreachable"},
		"proxy":               {answer(407, ""), fault.Remote, "proxy-refused"},
		"redirect to http": {after(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://images.example.org/x", http.StatusTemporaryRedirect)
		}), fault.Remote, "registry-insecure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.handler)
			defer server.Close()
			web := open(t, registry.Options{URL: server.URL, User: "ci", Token: token}, "acme/web").Hurry()
			for call, err := range calls(t, web, digest) {
				if fault.CodeOf(err) != c.code || fault.KindOf(err) != c.kind {
					t.Errorf("%s: %v, want %s", call, err, c.code)
				}
			}
		})
	}
}

// Reads are repeated, and the writes of a tag are not: whether one arrived is looked up.
func TestRepeats(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	failed := map[string]bool{}
	url, s := world(t, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		key := r.Method + " " + r.URL.Path
		if failed[key] || !strings.Contains(key, "/manifests/") {
			return false
		}
		failed[key] = true
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	from := registrytest.Memory(t)
	digest := registrytest.Image(t, from, "dev/web:1.0.0")
	to := open(t, registry.Options{URL: url}, "prod/web").Hurry()
	if err := at(t, from, "dev/web").Copy(t.Context(), digest, to); err != nil {
		t.Fatal(err)
	}
	wantDigest(t, to, digest, digest)
	if err := to.Tag(t.Context(), "1.0.0", "", digest); !fault.Is(err, "registry-error") {
		t.Errorf("the first write of the tag: %v", err)
	}
	if n := s.count("PUT /v2/prod/web/manifests/1.0.0 "); n != 1 {
		t.Errorf("the tag was written %d times", n)
	}
	if err := to.Tag(t.Context(), "1.0.0", "", digest); err != nil {
		t.Fatal(err)
	}
	wantDigest(t, to, "1.0.0", digest)
}

// The address alone decides about TLS: no belief about hosts that are near.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(registrytest.Handler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	digest := "sha256:" + strings.Repeat("a", 64)
	unknown := open(t, registry.Options{URL: server.URL}, "acme/web").Hurry()
	for call, err := range calls(t, unknown, digest) {
		if !fault.Is(err, "certificate-unknown") {
			t.Errorf("%s: %v", call, err)
		}
	}
	o := registry.Options{URL: server.URL, HTTP: transport.NewStream(transport.Options{Base: server.Client().Transport})}
	from := registrytest.Memory(t)
	digest = registrytest.Index(t, from, "dev/web:1.0.0")
	to := open(t, o, "prod/web")
	if err := move(t, at(t, from, "dev/web"), to, digest); err != nil {
		t.Fatal(err)
	}
	wantDigest(t, to, "1.0.0", digest)
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	gone := errors.New("the server is stopping")
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	web := at(t, server.URL, "acme/web")
	digest := "sha256:" + strings.Repeat("a", 64)
	_, err := web.Digest(ctx, "1.0.0")
	for _, err := range []error{err, web.Copy(ctx, digest, web), web.Tag(ctx, "x", "", digest), web.Untag(ctx, "x", digest)} {
		if !errors.Is(err, gone) {
			t.Error(err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "registry.example.org", "ftp://registry.example.org", "https://", "http://registry.example.org", "http://10.0.0.1:5000",
		"https://ci:" + token + "@registry.example.org", "https://registry.example.org?x=" + token, "http://127.0.0.1.example.org",
	} {
		if _, err := registry.New(registry.Options{URL: url}); !fault.Is(err, "registry-url") || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := registry.New(registry.Options{URL: "https://registry.example.org", Token: token + "\n"}); !fault.Is(err, "registry-token") || strings.Contains(err.Error(), token) {
		t.Errorf("a token with a line feed: %v", err)
	}
	client, err := registry.New(registry.Options{URL: "https://Registry.example.org:5000/docker-local/"})
	if err != nil {
		t.Fatal(err)
	}
	web, err := client.Repository("acme/web")
	if err != nil || web.String() != "registry.example.org:5000/docker-local/acme/web" {
		t.Errorf("%s, %v", web, err)
	}
	if whole, err := client.Repository(""); err != nil || whole.String() != "registry.example.org:5000/docker-local" {
		t.Errorf("%s, %v", whole, err)
	}
	for _, name := range []string{"Acme/web", "acme//web", "../web", "acme/..", "acme/web:1", "acme/web@sha256:1", "acme/we b", "acme/web?x", "-web", "acme/web/", strings.Repeat("a", 300)} {
		if r, err := client.Repository(name); !fault.Is(err, "registry-name") {
			t.Errorf("%q is %s, %v", name, r, err)
		}
	}
	ctx := t.Context()
	good := "sha256:" + strings.Repeat("a", 64)
	for _, bad := range []string{"", "1.0.0+meta", "a/b", "a b", ".a", strings.Repeat("a", 129), "sha256:abc", "sha512:" + strings.Repeat("a", 128), "SHA256:" + strings.Repeat("a", 64)} {
		_, err := web.Digest(ctx, bad)
		for _, err := range []error{err, web.Copy(ctx, bad, web), web.Tag(ctx, bad, "", good), web.Tag(ctx, "x", "", bad), web.Untag(ctx, bad, good)} {
			if !fault.Is(err, "registry-name") {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	for _, err := range []error{web.Copy(ctx, "latest", web), web.Tag(ctx, good, "", good), web.Untag(ctx, good, good)} {
		if !fault.Is(err, "registry-name") {
			t.Error(err)
		}
	}
}
