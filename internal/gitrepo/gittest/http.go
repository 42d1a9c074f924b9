package gittest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Action says what a server does with one request.
type Action int

// The actions. A dropped connection ends without an answer, as when the network fails.
const (
	Serve      Action = iota
	DropBefore        // do nothing, drop the connection
	DropAfter         // serve, then drop the connection
	Fail              // do nothing, answer 500
)

// Options set a server's behaviour; the zero value serves everything.
type Options struct {
	Token    string // required password of every request; "" for none
	DenyPush bool   // 403 for every push
	Under    string // first part of the path, like an organization: "acme" for /acme/release.git; "" for none
	// Intercept decides on every request that has arrived whole; it may wait, push, or count. IsPush identifies pushes.
	Intercept func(*http.Request) Action
	// Served is told of every request that git has served, before the answer goes out.
	Served func(*http.Request)
}

// Server is a Git server over smart HTTP.
type Server struct {
	URL string // of the repository

	mu       sync.Mutex
	requests []Request
}

// Request is one request that a server saw.
type Request struct {
	Method, Path, Service, Authorization string
}

// Requests returns all requests that the server received, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// IsPush reports whether a request carries a push, as opposed to the request that only asks for permission.
func IsPush(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack")
}

// HTTP serves the bare repository dir on 127.0.0.1 until the test ends. Its siblings are served beside it.
func HTTP(t testing.TB, dir string, o Options) *Server {
	t.Helper()
	handler := Handler(t, dir, o)
	s := &Server{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL + o.root() + "/" + filepath.Base(dir)
	return s
}

// Handler is what HTTP serves, for tests without a network.
func Handler(t testing.TB, dir string, o Options) http.Handler {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal("git is needed: ", err)
	}
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Root: o.root(),
		// git http-backend accepts pushes only with REMOTE_USER set.
		Env:    append(Env(), "GIT_PROJECT_ROOT="+filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"),
		Stderr: io.Discard,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := o.refuse(r); status != 0 {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "the server says no", status)
			return
		}
		o.answer(w, r, backend)
	})
}

// root returns the part of the path that is no directory.
func (o Options) root() string {
	if o.Under == "" {
		return ""
	}
	return "/" + o.Under
}

func (s *Server) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{
		Method: r.Method, Path: r.URL.Path, Service: r.URL.Query().Get("service"), Authorization: r.Header.Get("Authorization"),
	})
}

func (o Options) refuse(r *http.Request) int {
	if _, password, _ := r.BasicAuth(); o.Token != "" && password != o.Token {
		return http.StatusUnauthorized
	}
	push := IsPush(r) || r.URL.Query().Get("service") == "git-receive-pack"
	if o.DenyPush && push {
		return http.StatusForbidden
	}
	return 0
}

func (o Options) answer(w http.ResponseWriter, r *http.Request, backend http.Handler) {
	if err := readBody(r); err != nil {
		panic(http.ErrAbortHandler)
	}
	action := Serve
	if o.Intercept != nil {
		action = o.Intercept(r)
	}
	switch action {
	case DropBefore:
		panic(http.ErrAbortHandler)
	case Fail:
		http.Error(w, "a bad day", http.StatusInternalServerError)
		return
	case Serve, DropAfter: // below
	}
	// Record the whole answer first, so that it can be dropped as a whole.
	answer := httptest.NewRecorder()
	backend.ServeHTTP(answer, r)
	if o.Served != nil {
		o.Served(r)
	}
	if action == DropAfter {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// readBody has the whole body of a request at hand before git http-backend (2.39) asks for it, which reads on for ever when
// a client hangs up in the middle. A request that did not come through a server may have none.
func readBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return err
}
