package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	heartbeat  = 15 * time.Second       // so that nobody between takes the connection for dead
	lookAgain  = 300 * time.Millisecond // from one look for new events to the next
	slowest    = 10 * time.Second       // a client that takes longer for a few events is let go, and comes back
	eventBatch = 200
)

const eventStream = "text/event-stream"

// streaming answers those who accept Server-Sent Events with events as they come; the others get a list.
func (a API) streaming(ctx huma.Context, next func(huma.Context)) {
	if !strings.Contains(ctx.Header("Accept"), eventStream) {
		next(ctx)
		return
	}
	r, w := humago.Unwrap(ctx)
	if err := a.stream(w, r); err != nil {
		said := a.problem(r.Context(), err)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(said.Status)
		_ = json.NewEncoder(w).Encode(said) // the client is gone, if it fails
	}
}

var errAfter = fault.New(fault.Invalid, "invalid-position", "after and Last-Event-ID are positions of the history, from 0")

// stream sends events until the client leaves, its token ends or the server does. It returns what is wrong with the request.
func (a API) stream(w http.ResponseWriter, r *http.Request) error {
	in := Authorized{Authorization: r.Header.Get("Authorization"), address: r.RemoteAddr}
	c, err := a.caller(r.Context(), in)
	if err != nil {
		return err
	}
	after, err := startOf(r)
	if err != nil {
		return err
	}
	s := &stream{w: w, flow: http.NewResponseController(w), project: r.URL.Query().Get("project"), after: after}
	if s.events, s.upTo, err = a.Ledger.Follow(r.Context(), c, s.project, after, eventBatch); err != nil {
		return err
	}
	_ = s.flow.SetReadDeadline(time.Time{}) // nothing more is read; the server's limit would end the stream
	w.Header().Set("Content-Type", eventStream)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.Header().Set("Connection", "close") // its deadlines are a stream's
	a.follow(r.Context(), in, c, s)
	return nil
}

// startOf is the position after which a client wants events: of a client that comes back the last that it got.
func startOf(r *http.Request) (int64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	if text == "" {
		return 0, nil
	}
	after, err := strconv.ParseInt(text, 10, 64)
	if err != nil || after < 0 {
		return 0, errAfter
	}
	return after, nil
}

// stream is a client that gets events.
type stream struct {
	w           http.ResponseWriter
	flow        *http.ResponseController
	project     string
	after, upTo int64 // what was sent, and what was read
	events      []ledger.Event
}

func (a API) follow(ctx context.Context, in Authorized, c ledger.Caller, s *stream) {
	look, beat := time.NewTicker(lookAgain), time.NewTicker(heartbeat)
	defer look.Stop()
	defer beat.Stop()
	err := s.write(": gio-server\n\n")
	for err == nil && !a.ended() {
		if err = s.send(); err != nil {
			return
		}
		if len(s.events) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-a.Ending:
				return
			case <-look.C:
			case <-beat.C:
				if _, err := a.caller(ctx, in); err != nil { // a token that was revoked sees no more
					return
				}
				if s.write(": still here\n\n") != nil {
					return
				}
			}
		}
		if s.events, s.upTo, err = a.Ledger.Follow(ctx, c, s.project, s.after, eventBatch); err != nil && ctx.Err() == nil {
			a.Fail(ctx, err)
		}
	}
}

func (a API) ended() bool {
	select {
	case <-a.Ending:
		return true
	default:
		return false
	}
}

// send writes what was read.
func (s *stream) send() error {
	s.after = s.upTo
	if len(s.events) == 0 {
		return nil
	}
	var text strings.Builder
	for _, e := range s.events {
		data, err := json.Marshal(eventOf(e))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "id: %d\ndata: %s\n\n", e.Position, data)
	}
	return s.write(text.String())
}

func (s *stream) write(text string) error {
	_ = s.flow.SetWriteDeadline(time.Now().Add(slowest)) // a writer without deadlines is a test's
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.flow.Flush()
}
