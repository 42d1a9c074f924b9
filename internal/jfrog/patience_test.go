package jfrog

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener without a network: each connection is a pipe, which knows of deadlines.
type pipes struct {
	to   chan net.Conn
	done chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.to:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.done); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestPatience: what moves may take longer than the server's limit for a request, what does not move for a minute may not.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		title          string
		pauses         []time.Duration // before each tenth of the body
		works          time.Duration   // how long the answer takes then
		arrives, lasts bool
	}{
		{"at once", nil, 0, true, true},
		{"slowly", []time.Duration{50 * time.Second, 50 * time.Second, 50 * time.Second}, 0, true, true},
		{"a long answer", nil, 10 * time.Minute, true, true},
		{"slowly, and a long answer", []time.Duration{50 * time.Second, 50 * time.Second}, 10 * time.Minute, true, true},
		{"a client that hangs", []time.Duration{50 * time.Second, 70 * time.Second}, 0, false, false},
	} {
		t.Run(test.title, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				arrived, lasted := false, false
				server := http.Server{ReadTimeout: time.Minute, Handler: patient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					arrived = err == nil && len(body) == 10
					time.Sleep(test.works)
					lasted = arrived && r.Context().Err() == nil
					_, _ = io.WriteString(w, "done")
				}))}
				listener := pipes{make(chan net.Conn), make(chan struct{})}
				go func() { _ = server.Serve(listener) }()
				ours, theirs := net.Pipe()
				listener.to <- theirs
				var sending sync.WaitGroup
				sending.Go(func() {
					fmt.Fprint(ours, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
					for i := range 10 {
						if i < len(test.pauses) {
							time.Sleep(test.pauses[i])
						}
						fmt.Fprint(ours, "x")
					}
				})
				answer, err := http.ReadResponse(bufio.NewReader(ours), nil)
				text := ""
				if err == nil {
					body, _ := io.ReadAll(answer.Body)
					_ = answer.Body.Close()
					text = string(body)
				}
				if arrived != test.arrives || lasted != test.lasts || test.lasts && text != "done" {
					t.Errorf("arrived: %t, lasted: %t, answered: %q, %v", arrived, lasted, text, err)
				}
				_, _ = ours.Close(), server.Close()
				sending.Wait()
			})
		})
	}
}

// TestSlowReader: an answer of which nothing is taken for a minute ends.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	for pause, whole := range map[time.Duration]bool{50 * time.Second: true, 70 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			var failed error
			ended := make(chan struct{})
			server := http.Server{Handler: patient(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				defer close(ended)
				for range 20 {
					if _, failed = io.WriteString(w, strings.Repeat("x", 64<<10)); failed != nil {
						return
					}
				}
			}))}
			listener := pipes{make(chan net.Conn), make(chan struct{})}
			go func() { _ = server.Serve(listener) }()
			ours, theirs := net.Pipe()
			listener.to <- theirs
			fmt.Fprint(ours, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			buffer := make([]byte, 512<<10)
			for err := error(nil); err == nil; {
				time.Sleep(pause)
				_, err = io.ReadFull(ours, buffer)
			}
			<-ended
			if (failed == nil) != whole {
				t.Errorf("after pauses of %s: %v", pause, failed)
			}
			_, _ = ours.Close(), server.Close()
			synctest.Wait()
		})
	}
}
