package transport

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// GitHub's limits: 403 as well as 429, a reset in seconds since 1970, and only text. Each test begins at noon.
func TestLimitsOfGitHub(t *testing.T) {
	t.Parallel()
	const noon = 946728000 // of 2000-01-01, the day a bubble begins with
	const used, words = "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: ", `{"message":"You have exceeded a secondary rate limit."}`
	tests := []struct {
		name, headers, body string
		status              int
		maxWait             time.Duration
		attempts            int
		took                time.Duration // of the request, a wait of less than a second besides
		next                time.Duration // of the one after it
	}{
		{"forbidden", "", "", 403, time.Minute, 1, 0, 0},
		{"forbidden, some are left", "X-RateLimit-Remaining: 3\nX-RateLimit-Reset: 946728040", "", 403, time.Minute, 1, 0, 0},
		{"used up for a while", used + "946728040", "", 403, time.Minute, 2, 40 * time.Second, 0},
		{"used up for a while, 429", used + "946728040", "", 429, time.Minute, 2, 40 * time.Second, 0},
		{"used up for long", used + "946731600", "", 403, time.Minute, 1, 0, 0},
		{"used up for long, 429", used + "946731600", "", 429, time.Minute, 1, 0, 0},
		{"secondary", "Retry-After: 30\nX-RateLimit-Remaining: 4000", "", 403, time.Minute, 2, 30 * time.Second, 0},
		{"secondary for long", "Retry-After: 600", "", 429, time.Minute, 1, 0, 0},
		{"secondary, in words", "", words, 403, time.Minute, 2, time.Minute, 0},
		{"the last of a window", used + "946728040", "", 200, time.Minute, 1, 0, 40 * time.Second},
		{"the last of a long window", used + "946731600", "", 200, time.Minute, 1, 0, 0},
		{"no server is believed for long", "Retry-After: 600", "", 429, 0, 2, time.Minute, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Unix(noon, 0)))
				attempts := 0
				var told []string
				client := New(Options{MaxWait: test.maxWait, Trouble: func(s string) { told = append(told, s) }, Base: roundTrip(func(*http.Request) (*http.Response, error) {
					attempts++
					res := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(test.body))}
					if attempts == 1 {
						res.StatusCode = test.status
						for line := range strings.Lines(test.headers) {
							name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
							res.Header.Set(name, value)
						}
					}
					return res, nil
				})})
				ask := func() time.Duration {
					began := time.Now()
					res, err := client.Do(newRequest(t.Context(), t, "GET", "https://api.github.test/", nil))
					if err != nil {
						t.Fatal(err)
					}
					_ = res.Body.Close()
					return time.Since(began)
				}
				if took := ask(); attempts != test.attempts || took < test.took || took > test.took+time.Second {
					t.Errorf("%d attempts in %s, want %d in %s", attempts, took, test.attempts, test.took)
				}
				if took := ask(); took < test.next || took > test.next+time.Second {
					t.Errorf("the next took %s, want %s", took, test.next)
				}
				if len(told) != test.attempts-1 || len(told) > 0 && !strings.Contains(told[0], "api.github.test limits the rate of requests: continuing in") {
					t.Errorf("told %q", told)
				}
			})
		})
	}
}
