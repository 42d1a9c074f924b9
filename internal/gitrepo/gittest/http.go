package gittest

import (
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

// Action is what a server does with one request.
type Action int

// The actions. A connection is dropped as a network does it: without an answer.
const (
	Serve      Action = iota
	DropBefore        // nothing is done, the connection is dropped
	DropAfter         // it is done, then the connection is dropped
	Fail              // nothing is done, the answer is 500
)

// Options are the manners of a server; the zero value is a friendly one.
type Options struct {
	Token    string // wanted as the password of every request; "" lets everybody in
	DenyPush bool   // 403 for whoever wants to push
	Under    string // first part of the path, as an organization has it: "acme" for /acme/release.git; "" for none
	// Intercept is asked for every request; it may wait, push, or count. IsPush tells what it has before it.
	Intercept func(*http.Request) Action
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

// Requests are all that the server saw, in their order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// IsPush tells whether a request carries a push, as opposed to one that asks whether it may.
func IsPush(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack")
}

// HTTP serves the bare repository dir on 127.0.0.1 until the test ends. Its siblings are served beside it.
func HTTP(t testing.TB, dir string, o Options) *Server {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal("git is needed: ", err)
	}
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Root: o.root(),
		// REMOTE_USER is what lets git http-backend take pushes.
		Env:    append(Env(), "GIT_PROJECT_ROOT="+filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"),
		Stderr: io.Discard,
	}
	s := &Server{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		if status := o.refuse(r); status != 0 {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "the server says no", status)
			return
		}
		o.answer(w, r, backend)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL + o.root() + "/" + filepath.Base(dir)
	return s
}

// root is the part of the path that is no directory.
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
	// The answer is kept back until all is done, so that it can be dropped whole.
	answer := httptest.NewRecorder()
	backend.ServeHTTP(answer, r)
	if action == DropAfter {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}
