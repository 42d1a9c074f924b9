package transport

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers serves one after the other; the last one stays.
func answers(r *record, hs ...http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n := r.add(req)
		hs[min(n, len(hs))-1](w, req)
	})
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, http.StatusText(code))
	}
}

func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, "half")
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func TestReadsAreTriedAgain(t *testing.T) {
	t.Parallel()
	later := func(w http.ResponseWriter, r *http.Request) {
		status(503, "Retry-After", time.Now().Add(40*time.Second).UTC().Format(http.TimeFormat))(w, r)
	}
	tests := []struct {
		name     string
		method   string
		answers  []http.HandlerFunc
		want     int // status
		attempts int
		min, max time.Duration
	}{
		{"first answer", "GET", []http.HandlerFunc{status(200)}, 200, 1, 0, 0},
		{"500 twice", "GET", []http.HandlerFunc{status(500), status(500), status(200)}, 200, 3, 750 * time.Millisecond, 1500 * time.Millisecond},
		{"HEAD", "HEAD", []http.HandlerFunc{status(502), status(200)}, 200, 2, 250 * time.Millisecond, 500 * time.Millisecond},
		{"408", "GET", []http.HandlerFunc{status(408), status(200)}, 200, 2, 250 * time.Millisecond, 500 * time.Millisecond},
		{"reset", "GET", []http.HandlerFunc{reset, status(200)}, 200, 2, 250 * time.Millisecond, 500 * time.Millisecond},
		{"answer breaks off", "GET", []http.HandlerFunc{breakOff, status(200)}, 200, 2, 250 * time.Millisecond, 500 * time.Millisecond},
		{"no answer", "GET", []http.HandlerFunc{hang, status(200)}, 200, 2, 30*time.Second + 250*time.Millisecond, 30*time.Second + 500*time.Millisecond},
		{"429 without wait", "GET", []http.HandlerFunc{status(429), status(200)}, 200, 2, 250 * time.Millisecond, 500 * time.Millisecond},
		{"429 with seconds", "GET", []http.HandlerFunc{status(429, "Retry-After", "20"), status(200)}, 200, 2, 20 * time.Second, 20 * time.Second},
		{"wait of no time", "GET", []http.HandlerFunc{status(429, "Retry-After", "0"), status(200)}, 200, 2, 250 * time.Millisecond, 500 * time.Millisecond},
		{"negative wait", "GET", []http.HandlerFunc{status(429, "Retry-After", "-5"), status(200)}, 200, 2, 250 * time.Millisecond, 500 * time.Millisecond},
		{"503 with date", "GET", []http.HandlerFunc{later, status(200)}, 200, 2, 39 * time.Second, 40 * time.Second},
		{"absurd wait, once", "GET", []http.HandlerFunc{status(429, "Retry-After", "86400"), status(200)}, 200, 2, time.Minute, time.Minute},
		{"absurd wait, for ever", "GET", []http.HandlerFunc{status(429, "Retry-After", "86400")}, 429, 3, 2 * time.Minute, 2 * time.Minute},
		{"404 is an answer", "GET", []http.HandlerFunc{status(404), status(200)}, 404, 1, 0, 0},
		{"304 is an answer", "GET", []http.HandlerFunc{status(304), status(200)}, 304, 1, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r record
				client := New(Options{Base: serve(t, answers(&r, tt.answers...))})
				start := time.Now()
				res, err := client.Do(newRequest(t.Context(), t, tt.method, "http://ci.example/x", nil))
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				took := time.Since(start)
				if res.StatusCode != tt.want || r.count() != tt.attempts || took < tt.min || took > tt.max {
					t.Errorf("status %d after %d attempts and %v, want %d after %d and %v to %v",
						res.StatusCode, r.count(), took, tt.want, tt.attempts, tt.min, tt.max)
				}
				body, err := io.ReadAll(res.Body)
				if want := http.StatusText(tt.want); err != nil || (tt.method == "GET" && tt.want != 304 && string(body) != want) {
					t.Errorf("body %q, %v; want %q", body, err, want)
				}
			})
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]http.HandlerFunc{"500": status(500), "reset": reset} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r record
				client := New(Options{Base: serve(t, answers(&r, bad))})
				start := time.Now()
				res, err := client.Do(newRequest(t.Context(), t, "GET", "http://ci.example/x", nil))
				if err == nil {
					defer res.Body.Close()
				}
				if took := time.Since(start); took < readLimit || took > readLimit+maxWait {
					t.Errorf("gave up after %v", took)
				}
				if n := r.count(); n < 10 || n > 30 {
					t.Errorf("%d attempts", n)
				}
				if name == "reset" && (err == nil || !strings.Contains(err.Error(), "attempts in 2m")) {
					t.Errorf("error %v does not tell the attempts", err)
				}
				if name == "500" && (err != nil || res.StatusCode != 500) {
					t.Errorf("the last answer is lost: %v", err)
				}
			})
		})
	}
}

func TestRetryObeysContext(t *testing.T) {
	t.Parallel()
	t.Run("cancelled while waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var r record
			client := New(Options{Base: serve(t, answers(&r, status(429, "Retry-After", "60")))})
			stop := errors.New("stopped by the operator")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(10*time.Second, func() { cancel(stop) })
			start := time.Now()
			res, err := client.Do(newRequest(ctx, t, "GET", "http://ci.example/x", nil))
			if err == nil {
				res.Body.Close()
			}
			if !errors.Is(err, stop) || time.Since(start) != 10*time.Second || r.count() != 1 {
				t.Errorf("%v after %v and %d attempts", err, time.Since(start), r.count())
			}
		})
	})
	t.Run("deadline before the next attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var r record
			client := New(Options{Base: serve(t, answers(&r, status(429, "Retry-After", "60")))})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			res, err := client.Do(newRequest(ctx, t, "GET", "http://ci.example/x", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != 429 || time.Since(start) != 0 {
				t.Errorf("status %d after %v, want the 429 at once", res.StatusCode, time.Since(start))
			}
		})
	})
}

// Permanent errors are returned at once, not after two minutes.
func TestLastingErrorsAreNotRepeated(t *testing.T) {
	t.Parallel()
	dials := 0
	unknown := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		dials++
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "nowhere.example", IsNotFound: true}}
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	res, err := New(Options{Base: unknown}).Do(newRequest(ctx, t, "GET", "http://nowhere.example/", nil))
	if err == nil {
		res.Body.Close()
	}
	if err == nil || dials != 1 {
		t.Errorf("unknown host: %v after %d attempts", err, dials)
	}

	srv := httptest.NewUnstartedServer(status(200)) // its certificate is not known here
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	start := time.Now()
	res, err = New(Options{}).Do(newRequest(ctx, t, "GET", srv.URL, nil))
	if err == nil {
		res.Body.Close()
	}
	if err == nil || ctx.Err() != nil || strings.Contains(err.Error(), "attempts") {
		t.Errorf("unknown certificate: %v after %v", err, time.Since(start))
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const date = "Tue, 01 Mar 2022 10:00:00 GMT"
	tests := []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"7", "", 7 * time.Second},
		{" 7 ", "", 7 * time.Second},
		{"-7", "", 0},
		{"1.5", "", 0},
		{"soon", "", 0},
		{"61", "", time.Minute},
		{"9223372036854775807", "", time.Minute},
		{"Tue, 01 Mar 2022 10:00:42 GMT", date, 42 * time.Second},
		{"Tue, 01 Mar 2022 09:00:00 GMT", date, 0},
		{"Tue, 01 Mar 2322 10:00:00 GMT", date, time.Minute},
		{"Tue, 01 Mar 2022 10:00:42 GMT", "", 0}, // long ago by the local clock
	}
	for _, tt := range tests {
		h := http.Header{}
		h.Set("Retry-After", tt.value)
		h.Set("Date", tt.date)
		if got := RetryAfter(h); got != tt.want {
			t.Errorf("RetryAfter(%q at %q) = %v, want %v", tt.value, tt.date, got, tt.want)
		}
	}
}

func TestBackoffGrowsAndStaysInBounds(t *testing.T) {
	t.Parallel()
	for attempt := 1; attempt < 100; attempt++ {
		low := min(minWait<<min(attempt-1, 20), maxWait/2)
		for range 20 {
			if d := backoff(attempt); d < low || d > 2*low || d > maxWait {
				t.Fatalf("backoff(%d) = %v, want %v to %v", attempt, d, low, 2*low)
			}
		}
	}
}
