package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// drip gives a byte each minute.
type drip struct{ left int }

func (d *drip) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(time.Minute)
	d.left--
	p[0] = 'x'
	return 1, nil
}

// A transfer may take hours, as long as something moves.
func TestStreamMaySlowlyMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r record
		client := NewStream(Options{Version: "1", Base: serve(t, answers(&r, func(w http.ResponseWriter, _ *http.Request) {
			for range 90 {
				time.Sleep(time.Minute)
				_, _ = w.Write([]byte("y"))
				w.(http.Flusher).Flush()
			}
		}))})
		res, err := client.Do(newRequest(t.Context(), t, "PUT", "http://files.example/x", &drip{90}))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if closed := res.Body.Close(); err != nil || closed != nil || len(body) != 90 {
			t.Errorf("%d bytes came: %v, %v", len(body), err, closed)
		}
		if r.count() != 1 || len(r.bodies[0]) != 90 || r.requests[0].UserAgent() != "gio/1" {
			t.Errorf("%d requests: %v", r.count(), r.bodies)
		}
	})
}

// What stands still ends: while the body is sent, before the answer, within it. Nothing is sent again.
func TestStreamEndsWhatStandsStill(t *testing.T) {
	t.Parallel()
	half := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		body   io.Reader
	}{
		"no answer":           {hang, bytes.NewReader(make([]byte, 1<<20))},
		"no answer to a read": {hang, nil},
		"half an answer":      {half, nil},
		"half a body":         {status(200), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r record
				client := NewStream(Options{Base: serve(t, answers(&r, c.answer))})
				method := "PUT"
				switch {
				case name == "half a body":
					body, more := io.Pipe()
					c.body = body
					go func() { _, _ = more.Write([]byte("half")) }()
				case c.body == nil:
					method = "GET"
				}
				start := time.Now()
				res, err := client.Do(newRequest(t.Context(), t, method, "http://files.example/x", c.body))
				if err == nil {
					_, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
				}
				if took := time.Since(start); !errors.Is(err, errStalled) || took < stallLimit || took > stallLimit {
					t.Errorf("after %s: %v", took, err)
				}
				if r.count() > 1 {
					t.Errorf("sent %d times", r.count())
				}
			})
		})
	}
}

// The end of the caller's context is told as such, even where the request's own body hangs.
func TestStreamHeedsItsCaller(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "PUT"} {
		synctest.Test(t, func(t *testing.T) {
			var body io.Reader
			if method == "PUT" {
				body, _ = io.Pipe()
			}
			client := NewStream(Options{Base: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.ReadAll(r.Body); err == nil {
					hang(w, r)
				}
			}))})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			res, err := client.Do(newRequest(ctx, t, method, "http://files.example/x", body))
			if err == nil {
				_ = res.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errStalled) {
				t.Errorf("%s: %v", method, err)
			}
		})
	}
}
