package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/fault"
)

func TestWritesAreSentOnce(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]http.HandlerFunc{
		"500": status(500), "502": status(502), "408": status(408), "429": status(429, "Retry-After", "1"),
		"reset": reset, "answer breaks off": breakOff, "no answer": hang,
		"301": status(301, "Location", "/elsewhere"), "302": status(302, "Location", "/elsewhere"), "303": status(303, "Location", "/elsewhere"),
		"307": status(307, "Location", "/elsewhere"), "308": status(308, "Location", "http://other.example/"),
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var r record
					client := New(Options{Base: serve(t, answers(&r, bad, status(200)))})
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					res, err := client.Do(newRequest(ctx, t, method, "http://ci.example/x", strings.NewReader("{}")))
					if err == nil {
						_, _ = io.Copy(io.Discard, res.Body)
						res.Body.Close()
					}
					time.Sleep(10 * time.Minute) // nothing comes late either
					if r.count() != 1 || r.bodies[0] != "{}" {
						t.Errorf("arrived %d times: %q", r.count(), r.bodies)
					}
				})
			})
		}
	}
}

// keepAliveDeath answers GETs, and closes the connection after it has read a POST.
func keepAliveDeath(t *testing.T) (address string, posts *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	posts = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerUntilPost(conn, posts)
		}
	}()
	return "http://" + l.Addr().String(), posts
}

func answerUntilPost(conn net.Conn, posts *atomic.Int32) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		if req.Method == "POST" {
			posts.Add(1)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// A dead keep-alive connection makes net/http send a request again by itself. The plain client proves that this server causes
// it.
func TestKeepAliveDeathDoesNotRepeatWrites(t *testing.T) {
	t.Parallel()
	plain := &http.Transport{}
	defer plain.CloseIdleConnections()
	base := NewBase()
	defer base.CloseIdleConnections()
	tests := []struct {
		name   string
		client *http.Client
		body   io.Reader
		want   int32
	}{
		{"plain client", &http.Client{Transport: plain}, strings.NewReader("{}"), 2},
		{"with body", New(Options{Base: base}), strings.NewReader("{}"), 1},
		{"without body", New(Options{Base: base}), nil, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, posts := keepAliveDeath(t)
			res, err := tt.client.Do(newRequest(t.Context(), t, "GET", address, nil))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body) // else the connection is not kept
			res.Body.Close()
			req := newRequest(t.Context(), t, "POST", address, tt.body)
			req.Header.Set("Idempotency-Key", "k") // makes net/http take a POST for repeatable
			if res, err := tt.client.Do(req); err == nil {
				res.Body.Close()
				t.Error("the POST has an answer")
			}
			if got := posts.Load(); got != tt.want {
				t.Errorf("the POST arrived %d times, want %d", got, tt.want)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r record
		client := New(Options{Base: serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.add(req)
			switch req.URL.Path {
			case "/same":
				http.Redirect(w, req, "/end", http.StatusFound)
			case "/other":
				http.Redirect(w, req, "http://evil.example/end", http.StatusTemporaryRedirect)
			case "/port":
				http.Redirect(w, req, "http://ci.example:81/end", http.StatusFound)
			case "/round":
				http.Redirect(w, req, "/round", http.StatusFound)
			}
		}))})
		tests := []struct {
			path string
			want int
			hits int
		}{
			{"/same", 200, 2},
			{"/other", 307, 1},
			{"/port", 302, 1},
			{"/round", 302, 10},
		}
		for _, tt := range tests {
			before := r.count()
			res, err := client.Do(newRequest(t.Context(), t, "GET", "http://ci.example"+tt.path, nil))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if hits := r.count() - before; res.StatusCode != tt.want || hits != tt.hits {
				t.Errorf("%s: status %d, %d requests; want %d, %d", tt.path, res.StatusCode, hits, tt.want, tt.hits)
			}
		}
		for _, req := range r.requests {
			if req.Host != "ci.example" {
				t.Errorf("a request went to %s", req.Host)
			}
		}
	})
}

func TestCheckRedirectRefusesDowngrade(t *testing.T) {
	t.Parallel()
	via := []*http.Request{newRequest(t.Context(), t, "GET", "https://ci.example/a", nil)}
	if err := CheckRedirect(newRequest(t.Context(), t, "GET", "http://ci.example/b", nil), via); !errors.Is(err, http.ErrUseLastResponse) {
		t.Errorf("https to http: %v", err)
	}
	if err := CheckRedirect(newRequest(t.Context(), t, "GET", "https://CI.example/b", nil), via); err != nil {
		t.Errorf("https to https: %v", err)
	}
}

func TestExposed(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://ci.example": false, "https://10.0.0.1": false, "http://localhost:80/x": false, "http://127.0.0.1": false, "http://127.9.9.9:1": false, "http://[::1]:5000": false,
		"http://ci.example": true, "http://10.0.0.1": true, "http://localhost.example": true, "http://127.0.0.1.example": true, "http://[::2]": true, "http://0.0.0.0": true,
	} {
		if u, err := url.Parse(address); err != nil || Exposed(u) != want {
			t.Errorf("%s: %v, want %v", address, !want, want)
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	get := func(t *testing.T, client *http.Client, n int) {
		t.Helper()
		for range n {
			res, err := client.Do(newRequest(t.Context(), t, "GET", "http://ci.example/x", nil))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var r record
		base := serve(t, answers(&r, status(200)))
		start := time.Now()
		client := New(Options{Base: base})
		get(t, client, 20)
		if took := time.Since(start); took != 0 {
			t.Errorf("the burst took %v", took)
		}
		get(t, client, 30)
		if took := time.Since(start); took < 2900*time.Millisecond || took > 3100*time.Millisecond {
			t.Errorf("30 more took %v, want 3s", took)
		}
		start = time.Now()
		get(t, New(Options{Base: base, PerSecond: 0.5}), 3)
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("one, and two more at 0.5 a second, took %v", took)
		}
	})
}

// A write that the budget stops was never sent, and its error says so.
func TestBudgetStopsBeforeSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r record
		client := New(Options{Base: serve(t, answers(&r, status(200))), PerSecond: 0.01})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i := range 2 {
			res, err := client.Do(newRequest(ctx, t, "POST", "http://ci.example/x", strings.NewReader("{}")))
			if err == nil {
				res.Body.Close()
			}
			if (i == 0) != (err == nil) || (i == 1 && !errors.Is(err, ErrNotSent)) {
				t.Errorf("POST %d: %v", i, err)
			}
		}
		if r.count() != 1 {
			t.Errorf("%d arrived, want 1", r.count())
		}
	})
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r record
		client := New(Options{Base: ReadOnly(serve(t, answers(&r, status(200))))})
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "get", "PROPFIND"} {
			body := &closed{Reader: strings.NewReader("{}")}
			res, err := client.Do(newRequest(t.Context(), t, method, "http://u:secret@ci.example/x?key=secret", body))
			if err == nil {
				res.Body.Close()
			}
			if !fault.Is(err, "read-only") || fault.KindOf(err) != fault.Invalid || !body.closed {
				t.Errorf("%s: %v, body closed %t", method, err, body.closed)
			}
			if f, ok := errors.AsType[*fault.Fault](err); ok && strings.Contains(f.Error(), "secret") {
				t.Errorf("secret in %q", f.Error())
			}
		}
		if r.count() != 0 {
			t.Fatalf("%d requests arrived", r.count())
		}
		for _, method := range []string{"GET", "HEAD"} {
			res, err := client.Do(newRequest(t.Context(), t, method, "http://ci.example/x", nil))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
		}
		if r.count() != 2 {
			t.Errorf("%d reads arrived, want 2", r.count())
		}
	})
}

type closed struct {
	io.Reader
	closed bool
}

func (c *closed) Close() error {
	c.closed = true
	return nil
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"1.2.3": "gio/1.2.3", "": "gio"} {
		synctest.Test(t, func(t *testing.T) {
			var r record
			req := newRequest(t.Context(), t, "GET", "http://ci.example/x", nil)
			req.Header.Set("User-Agent", "go-github")
			res, err := New(Options{Base: serve(t, answers(&r, status(200))), Version: version}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if got := r.requests[0].UserAgent(); got != want {
				t.Errorf("User-Agent %q, want %q", got, want)
			}
			if req.UserAgent() != "go-github" {
				t.Error("the caller's request was changed")
			}
		})
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r record
		var out bytes.Buffer
		client := New(Options{Base: serve(t, answers(&r, status(500), breakOff, status(200))), Log: zerolog.New(&out)})
		req := newRequest(t.Context(), t, "GET", "http://me:sesame-user@ci.example/x?branch=main&circle-token=sesame-query", nil)
		req.Header.Set("Authorization", "Bearer sesame-header")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		for _, want := range []string{`"method":"GET"`, `"status":500`, `"status":200`, "request failed", "branch=main", "will be tried again", `"attempt":2`, `"ms":`} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the log does not tell %s", want)
			}
		}
		for _, not := range []string{"sesame", "Internal Server Error", `"info"`} {
			if strings.Contains(out.String(), not) {
				t.Errorf("the log tells %s:\n%s", not, out.String())
			}
		}
	})
}

// A server that offers HTTP/2 gets HTTP/1.1: NewBase says why.
func TestBaseSpeaksHTTP1(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto) }))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	base := NewBase()
	base.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	base.TLSClientConfig.NextProtos, base.TLSClientConfig.RootCAs = nil, roots
	res, err := New(Options{Base: base}).Do(newRequest(t.Context(), t, "GET", srv.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "HTTP/1.1" {
		t.Errorf("spoke %s", body)
	}
}

func TestAnswerTooLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r record
		client := New(Options{Base: serve(t, answers(&r, func(w http.ResponseWriter, _ *http.Request) {
			for range maxAnswer>>20 + 1 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		}))})
		res, err := client.Do(newRequest(t.Context(), t, "GET", "http://ci.example/x", nil))
		if err == nil {
			res.Body.Close()
		}
		if !fault.Is(err, "answer-too-large") || r.count() != 1 {
			t.Errorf("%v after %d attempts", err, r.count())
		}
	})
}
