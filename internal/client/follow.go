package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

const (
	silence   = 45 * time.Second // without a beat of the server, which comes every 15, a connection is dead
	reconnect = 2 * time.Second  // after a connection broke, unless the server says otherwise
)

// Follow calls each with every event after a position as it comes; project "" stands for all that the token sees. Where the connection
// breaks it connects again, and goes on behind the last event. It ends with ctx, with an error of each, when the server refuses, or
// when it does not answer at first. The requests go by h, which must not read answers to their end.
func (c *Client) Follow(ctx context.Context, h *http.Client, project string, after int64, each func(wire.Event) error) error {
	f := follower{c: c, http: h, after: after, each: each, pause: reconnect, path: "/v1/events"}
	if project != "" {
		f.path += "?project=" + url.QueryEscape(project)
	}
	for {
		err := f.connect(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !errors.Is(err, errBroken) && (!f.connected || !fault.Is(err, "server-unreachable")):
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(f.pause):
		}
	}
}

// errBroken is a stream that ended.
var errBroken = errors.New("the stream has ended")

type follower struct {
	c         *Client
	http      *http.Client
	path      string
	after     int64
	each      func(wire.Event) error
	pause     time.Duration
	connected bool
}

func (f *follower) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	alive := time.AfterFunc(silence, cancel)
	defer alive.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.c.host+f.path, nil)
	if err != nil {
		return f.c.badAddress()
	}
	req.Header.Set("Authorization", "Bearer "+f.c.token)
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Last-Event-ID", fmt.Sprint(f.after))
	res, err := f.http.Do(req)
	if err != nil {
		return f.c.unreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode >= http.StatusInternalServerError && f.connected:
		return errBroken // a proxy, while the server starts again
	case res.StatusCode >= http.StatusBadRequest:
		return f.c.refusal(res)
	case !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream"):
		return fault.New(fault.Remote, "server-answer", "%s is no gio-server, or an older one: it streams no events", f.c.host)
	}
	f.connected = true
	return f.read(res.Body, func() { alive.Reset(silence) })
}

// read reads lines of a stream: data is an event, all in one line; retry says when to come back.
func (f *follower) read(body io.Reader, heard func()) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		heard()
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "retry":
			if ms, err := strconv.Atoi(value); err == nil && ms > 0 {
				f.pause = time.Duration(ms) * time.Millisecond
			}
		case "data":
			var e wire.Event
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				return fault.New(fault.Remote, "server-answer", "%s sent an event that cannot be read", f.c.host).Because(err)
			}
			if err := f.each(e); err != nil {
				return err
			}
			f.after = e.Position
		}
	}
	return errBroken
}
