package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// slow passes on answers in parts, with a pause before each; after some parts it stalls.
type slow struct {
	base   http.RoundTripper
	pause  time.Duration
	stalls int // after how many parts of an answer; 0 is never, -1 at once
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	all, err := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(&slowBody{Reader: bytes.NewReader(all), slow: s, part: len(all)/4 + 1, r: r})
	return answer, err
}

type slowBody struct {
	io.Reader
	slow
	part, parts int
	r           *http.Request
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.parts++; b.stalls != 0 && b.parts > max(b.stalls, 0) {
		<-b.r.Context().Done()
		return 0, b.r.Context().Err()
	}
	time.Sleep(b.pause)
	return b.Reader.Read(p[:min(len(p), b.part)])
}

// How long an operation takes does not matter as long as something moves; a line on which nothing moves ends it.
func TestSlowLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		slow
		want string
		took time.Duration // at least
	}{
		{"a part every 100 seconds", slow{pause: 100 * time.Second}, "", 10 * time.Minute},
		{"it stalls in its answer", slow{pause: time.Second, stalls: 2}, "git-stalled", stallTimeout},
		{"it stalls at once", slow{stalls: -1}, "git-stalled", stallTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, files, branch)
			handler := gittest.Handler(t, dir, gittest.Options{})
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				test.base = inProcess{handler}
				r, err := openInProcess(t, test.slow)
				if fault.CodeOf(err) != test.want || time.Since(began) < test.took {
					t.Fatalf("after %s: %v", time.Since(began), err)
				}
				if test.want != "" {
					wantFault(t, err, fault.Remote, test.want, "has stalled", "nothing was sent or received for 2m0s")
					synctest.Wait()
					return
				}
				if _, err := r.ReadFile(r.Head(), "release.json"); err != nil {
					t.Error(err)
				}
				if err := r.Push(t.Context(), commit(t, r, "x", "3.9.4")); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A caller that leaves is told apart from a line that stalls.
func TestWatchTellsWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p progress
		ctx, done := p.watch(t.Context())
		for range 10 {
			time.Sleep(stallTimeout - time.Second)
			p.note(1)
		}
		if ctx.Err() != nil {
			t.Error("it ended although something moved")
		}
		done()
		if stalled(ctx) != nil {
			t.Error("an operation that has ended did not stall")
		}
		ctx, done = p.watch(t.Context())
		defer done()
		time.Sleep(stallTimeout + time.Second)
		if err := stalled(ctx); !errors.Is(err, errStalled) {
			t.Errorf("got %v", err)
		}
	})
}

// dead answers nothing after a push.
type dead struct {
	base http.RoundTripper
	died bool
}

func (d *dead) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.died {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	d.died = gittest.IsPush(r)
	return d.base.RoundTrip(r)
}

// A network that is gone after a push is waited for once; whoever is leaving waits half a minute.
func TestReadBackEnds(t *testing.T) {
	t.Parallel()
	for name, leaving := range map[string]bool{"staying": false, "leaving": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, files, branch)
			handler := gittest.Handler(t, dir, gittest.Options{})
			synctest.Test(t, func(t *testing.T) {
				r, err := openInProcess(t, &dead{base: inProcess{handler}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				updates, limit := commit(t, r, "x", "3.9.4"), stallTimeout
				if leaving {
					time.AfterFunc(time.Second, cancel)
					limit = stoppingLimit + time.Second
				}
				began := time.Now()
				wantFault(t, r.Push(ctx, updates), fault.Remote, "push-unknown")
				if took := time.Since(began); took != limit {
					t.Errorf("it took %s, want %s", took, limit)
				}
			})
		})
	}
}
