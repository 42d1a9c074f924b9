package circleci

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	testHost  = "http://circleci.test"
	testToken = "CCIPAT_sesame_open"
	testSlug  = "gh/acme/widget"
)

// pipes is a network of net.Pipe connections: a synctest bubble cannot wait for a real one.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// record keeps the requests that arrived at the server.
type record struct {
	mu   sync.Mutex
	seen []arrival
}

type arrival struct {
	method, host, path, query, body string
	header                          http.Header
}

func (r *record) all() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

func (r *record) count(method string) int {
	n := 0
	for _, a := range r.all() {
		if a.method == method {
			n++
		}
	}
	return n
}

// serve runs a real server in memory that answers for any host, and returns the transport to it.
func serve(t *testing.T, h http.HandlerFunc) (*record, *http.Transport) {
	t.Helper()
	r := new(record)
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.seen = append(r.seen, arrival{req.Method, req.Host, req.URL.EscapedPath(), req.URL.RawQuery, string(body), req.Header})
		r.mu.Unlock()
		h(w, req)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(p)
	}()
	base := &http.Transport{DialContext: p.dial}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		_ = srv.Close()
		<-ended
	})
	return r, base
}

// client makes a client as gio does, over the server h.
func client(t *testing.T, h http.HandlerFunc) (*Client, *record) {
	t.Helper()
	r, base := serve(t, h)
	return New(Options{Host: testHost, Token: testToken, HTTP: transport.New(transport.Options{Base: base})}), r
}

func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// fixture reads an answer of testdata/wire/circleci, the fixtures that simulator and client share.
func fixture(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wire", "circleci", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func noSecret(t *testing.T, text string) {
	t.Helper()
	for _, part := range []string{testToken, "sesame"} {
		if strings.Contains(text, part) {
			t.Errorf("the token is told in %q", text)
		}
	}
}
