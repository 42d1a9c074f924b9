package sim

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// URL is the address of an in-process server.
const URL = "http://circleci.sim"

const address = "circleci.sim:80"

// Server serves a handler to clients of the same process: a real http.Server behind net.Pipe, so that everything
// that net/http does happens, also in a testing/synctest bubble, where TCP would hang. It begins to serve with the
// first connection. Close ends all its goroutines; a bubble needs that before it can end.
type Server struct {
	http   http.Server
	client http.Transport
	pipes  chan net.Conn
	begin  sync.Once
	done   chan struct{}
	end    sync.Once
}

// InProcess makes a server for h, such as a wrapped simulator.
func InProcess(h http.Handler) *Server {
	s := &Server{pipes: make(chan net.Conn), done: make(chan struct{})}
	s.http = http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	s.client = http.Transport{DialContext: s.dial, MaxIdleConnsPerHost: 100}
	return s
}

// Transport reaches the server as URL, and nothing else.
func (s *Server) Transport() *http.Transport { return &s.client }

// Client is a client with that transport and no timeout.
func (s *Server) Client() *http.Client { return &http.Client{Transport: &s.client} }

// Close drops all connections. Requests under way fail, new ones cannot be sent.
func (s *Server) Close() {
	s.end.Do(func() { close(s.done) })
	s.client.CloseIdleConnections()
	_ = s.http.Close()
}

func (s *Server) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	if addr != address {
		return nil, fmt.Errorf("sim: %s cannot be reached, only %s is served in process", addr, URL)
	}
	s.begin.Do(func() { go func() { _ = s.http.Serve(listener{s}) }() })
	near, far := net.Pipe()
	select {
	case s.pipes <- far:
		return near, nil
	case <-s.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listener hands the far ends of the pipes to http.Server.
type listener struct{ server *Server }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.server.pipes:
		return c, nil
	case <-l.server.done:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return address }

// Transport reaches the simulator in process as URL. Close ends it.
func (s *Sim) Transport() http.RoundTripper { return s.server.Transport() }

// Client is an http.Client that reaches the simulator in process as URL. Close ends it.
func (s *Sim) Client() *http.Client { return s.server.Client() }

// Close ends the in-process server. A simulator served otherwise needs no Close.
func (s *Sim) Close() { s.server.Close() }
