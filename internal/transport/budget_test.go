package transport

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRestAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		status  int
		headers string // "Name: value" lines
		want    time.Duration
	}{
		{"all is well", 200, "RateLimit-Remaining: 17\nRateLimit-Reset: 30", 0},
		{"nothing said", 200, "", 0},
		{"used up", 200, "RateLimit-Remaining: 0\nRateLimit-Reset: 3", 3 * time.Second},
		{"used up in one of two families", 200, "RateLimit-Remaining: 5\nRateLimit-Reset: 9\nX-RateLimit-Remaining-Minute: 0\nX-RateLimit-Reset-Minute: 20", 20 * time.Second},
		{"used up for a day", 200, "X-RateLimit-Remaining-Day: 0\nX-RateLimit-Reset-Day: 80000", time.Minute},
		{"garbage", 200, "RateLimit-Remaining: none\nRateLimit-Reset: soon", 0},
		{"throttled", 429, "", 250 * time.Millisecond},
		{"throttled for a while", 429, "Retry-After: 7", 7 * time.Second},
		{"throttled for ever", 429, "Retry-After: 864000", time.Minute},
		{"throttled until yesterday", 429, "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT", 250 * time.Millisecond},
		{"a 503 asks for itself alone", 503, "Retry-After: 7", 0},
	}
	for _, tt := range tests {
		res := &http.Response{StatusCode: tt.status, Header: http.Header{}}
		for line := range strings.Lines(tt.headers) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			res.Header.Set(name, value)
		}
		if got := restAfter(res, 0); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// One 429 makes every request rest, also those that were not throttled themselves.
func TestAllRequestsRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := true
		client := New(Options{Base: roundTrip(func(*http.Request) (*http.Response, error) {
			res := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}
			if first {
				first, res.StatusCode = false, 429
				res.Header.Set("Retry-After", "20")
			}
			return res, nil
		})})
		began := time.Now()
		post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://circleci.test/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := client.Do(post); err != nil || res.StatusCode != 429 || time.Since(began) > time.Second {
			t.Fatalf("the POST: %v after %s", err, time.Since(began))
		}
		get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://circleci.test/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(get); err != nil || time.Since(began) < 20*time.Second {
			t.Errorf("the GET: %v after %s, want it to rest 20s", err, time.Since(began))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
