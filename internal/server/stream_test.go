package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
)

// pipes is a network of one server.
type pipes struct {
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.waiting:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.waiting <- theirs
	return ours
}

// served is a server within a bubble, whose time passes by itself.
type served struct {
	*pipes
	ledger *ledger.Ledger
	admin  string
	end    func() // tells the server to end, and waits for it
}

func serveBubble(t *testing.T) *served {
	t.Helper()
	kept, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "gio.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := &served{pipes: &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})}, ledger: New(kept)}
	if _, s.admin, err = s.ledger.Recover(t.Context(), "admin"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { kept.Run(ctx, func(err error) { t.Error(err) }) })
	work.Go(func() {
		outside := service{ledger: s.ledger, watching: newWatcher(s.ledger, nil, zerolog.Nop()), log: zerolog.Nop(), measured: newMetrics(kept)}
		if err := serve(ctx, s, outside.handler(ctx), zerolog.Nop()); err != nil {
			t.Error(err)
		}
	})
	s.end = func() {
		cancel()
		work.Wait()
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	}
	return s
}

func (s *served) request() string {
	return "GET /v1/events HTTP/1.1\r\nHost: gio\r\nAccept: text/event-stream\r\nAuthorization: Bearer " + s.admin + "\r\n\r\n"
}

// TestStreamLasts: an idle stream beats and outlives the limits of a request, gets what happens then, and ends with the server.
func TestStreamLasts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serveBubble(t)
		conn := s.dial()
		if _, err := io.WriteString(conn, s.request()); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%v, %v", res, err)
		}
		lines := make(chan string, 100)
		go func() {
			defer close(lines)
			for scanner := bufio.NewScanner(res.Body); scanner.Scan(); {
				if scanner.Text() != "" {
					lines <- scanner.Text()
				}
			}
		}()
		wants := func(want ...string) {
			t.Helper()
			for _, w := range want {
				if got := <-lines; !strings.HasPrefix(got, w) {
					t.Errorf("%q, want %q", got, w)
				}
			}
		}
		began := time.Now()
		wants(": gio-server", "id: 1", `data: {"position":1,`)
		beat := ": still here"
		wants(beat, beat, beat, beat, beat, beat)
		if took := time.Since(began).Round(time.Second); took != 90*time.Second {
			t.Errorf("six beats in %s", took)
		}
		if _, _, err := s.ledger.Recover(t.Context(), "another"); err != nil {
			t.Fatal(err)
		}
		wants("id: 2", `data: {"position":2,`)
		told := time.Now()
		s.end()
		if took := time.Since(told); took > time.Second {
			t.Errorf("the server ended after %s", took)
		}
		for line := range lines {
			t.Errorf("after the end: %s", line)
		}
		conn.Close()
	})
}

// TestStreamLetsGo: a client that reads nothing is not waited for.
func TestStreamLetsGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serveBubble(t)
		conn := s.dial()
		if _, err := io.WriteString(conn, s.request()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			t.Errorf("it is still served: %d, %v", n, err)
		}
		conn.Close()
		s.end()
	})
}
