package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowed: after ten bad tokens in a minute each further one of that client waits, and nobody else does.
func TestSlowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := slowed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "good" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}))
		took := func(from, token string) time.Duration {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = from
			r.Header.Set("Authorization", token)
			began := time.Now()
			handler.ServeHTTP(httptest.NewRecorder(), r)
			return time.Since(began)
		}
		const v4, v6, neighbour = "192.0.2.1:1", "[2001:db8::1]:1", "[2001:db8::ffff:2]:7"
		for n := range 10 {
			if d := took(v4, "bad") + took(v6, "bad"); d > 0 {
				t.Errorf("bad token %d of each waits %s", n+1, d)
			}
		}
		var waits []time.Duration
		for range 8 {
			waits = append(waits, took(v4, "bad").Round(10*time.Millisecond))
			if d := took(v4, "good"); d > 0 {
				t.Errorf("a good token of the same address waits %s", d)
			}
		}
		ms := time.Millisecond
		if want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms}; !slices.Equal(waits, want) {
			t.Errorf("the waits are %s, want %s", waits, want)
		}
		if d := took("192.0.2.2:1", "bad"); d > 0 {
			t.Errorf("another address waits %s", d)
		}
		if d := took("[2001:db8:0:1::1]:1", "bad"); d > 0 {
			t.Errorf("another network waits %s", d)
		}
		if d := took(v4, ""); d > 0 {
			t.Errorf("no token waits %s", d)
		}
		time.Sleep(2 * time.Minute)
		if d := took(v4, "bad"); d > 0 {
			t.Errorf("what was two minutes ago counts: %s", d)
		}
		for range 10 {
			took(v6, "bad")
		}
		if d := took(neighbour, "bad"); d == 0 {
			t.Error("the same network is another client")
		}
	})
}

// TestGuessersAreFew: memory is bounded, and a client that guesses on is not forgotten for those who guess once.
func TestGuessersAreFew(t *testing.T) {
	t.Parallel()
	g, now := &guesses{}, time.Now()
	for range mostGuesses {
		g.delay("192.0.2.1:1", now)
	}
	for n := range guessers + 5000 {
		g.delay(fmt.Sprintf("10.%d.%d.%d:1", n>>16, n>>8&255, n&255), now)
	}
	if len(g.all) != guessers {
		t.Errorf("%d are remembered", len(g.all))
	}
	if d := g.delay("192.0.2.1:1", now); d != longestDelay {
		t.Errorf("the one who guesses on waits %s", d)
	}
}
