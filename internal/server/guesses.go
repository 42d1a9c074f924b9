package server

import (
	"context"
	"math"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Bad tokens are guesses: so many in a minute are answered at once, each further one later than the one before.
const (
	freeGuesses   = 10
	shortestDelay = 100 * time.Millisecond
	longestDelay  = 5 * time.Second
	mostGuesses   = freeGuesses + 7 // what is more delays no longer
	guessers      = 10_000          // addresses that are remembered; of more, those with the fewest guesses are forgotten
)

// guesses remember who sent bad tokens. The network of an IPv6 client counts as one.
type guesses struct {
	mu  sync.Mutex
	all map[netip.Prefix]guesser
}

// guesser has sent bad tokens. As time goes by they are forgotten, freeGuesses in a minute; while it waits none is.
type guesser struct {
	count float64
	at    time.Time // when the last was answered
}

func (g guesser) now(at time.Time) float64 {
	return max(0, g.count-max(0, at.Sub(g.at).Minutes())*freeGuesses)
}

// delay counts one more bad token, and returns how long its answer waits.
func (g *guesses) delay(address string, at time.Time) time.Duration {
	from, known := addressOf(address)
	if !known {
		return longestDelay
	}
	network, _ := from.Prefix(min(from.BitLen(), 64)) // it fails only for lengths that there are not
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, there := g.all[network]; !there && len(g.all) >= guessers {
		g.forget(at)
	}
	if g.all == nil {
		g.all = map[netip.Prefix]guesser{}
	}
	count := min(g.all[network].now(at)+1, mostGuesses)
	wait := time.Duration(0)
	if over := int(math.Ceil(count)) - freeGuesses; over > 0 {
		wait = min(shortestDelay<<(over-1), longestDelay)
	}
	g.all[network] = guesser{count, at.Add(wait)}
	return wait
}

// forget drops the one with the fewest guesses of a few, whichever they are.
func (g *guesses) forget(at time.Time) {
	const few = 16
	var fewest netip.Prefix
	least, seen := mostGuesses+1., 0
	for network, guesser := range g.all {
		if n := guesser.now(at); n < least {
			fewest, least = network, n
		}
		if seen++; seen == few {
			break
		}
	}
	delete(g.all, fewest)
}

// slowed answers repeated bad tokens later. Nobody else waits: who shows none guesses none, and Maven shows its own only when asked.
func slowed(next http.Handler) http.Handler {
	g := &guesses{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" && r.Header.Get("X-JFrog-Art-Api") == "" && !r.URL.Query().Has("access_token") {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(&slowStatus{w, func() {
			wait(r.Context(), g.delay(r.RemoteAddr, time.Now()))
		}}, r)
	})
}

// wait waits, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// slowStatus waits before it says that a token is bad.
type slowStatus struct {
	http.ResponseWriter
	bad func()
}

func (s *slowStatus) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		s.bad()
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer.
func (s *slowStatus) Unwrap() http.ResponseWriter { return s.ResponseWriter }
