package engine

import (
	"sync"
	"time"
)

// pace decides how often to read pipelines: rarely while a result is unlikely, often when it is due.
// What earlier runs took says when that is; else what this run has seen so far; else it is guessed from
// the time that a pipeline has run already.
type pace struct {
	earlier map[string]time.Duration // by component: what an earlier run took; never changed

	mu       sync.Mutex
	shortest time.Duration // of the successes of this run; 0 before the first
}

const (
	soonest  = 250 * time.Millisecond
	farApart = 60 * time.Second // between readings while a known duration is far from over
	apart    = 30 * time.Second // in every other case, at most
)

// learn notes how long a pipeline of this run took.
func (p *pace) learn(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d > 0 && (p.shortest == 0 || d < p.shortest) {
		p.shortest = d
	}
}

// next is the time to the next reading of a component's pipeline that has run for so long. The end of
// one whose duration is known, give or take a tenth, is seen at most 3 % late.
func (p *pace) next(component string, elapsed time.Duration) time.Duration {
	if known := p.earlier[component]; known > 0 {
		switch due := known * 89 / 100; {
		case elapsed < due:
			return approach(elapsed, due, farApart)
		case elapsed < known*112/100:
			return clamp(known/40, soonest, apart)
		}
		return clamp(elapsed/25, soonest, apart)
	}
	p.mu.Lock()
	shortest := p.shortest
	p.mu.Unlock()
	if shortest == 0 {
		return clamp(elapsed/4, time.Second, apart)
	}
	if due := shortest * 8 / 10; elapsed < due {
		return approach(elapsed, due, apart)
	}
	return clamp(elapsed/25, soonest, apart)
}

// approach doubles the time that has passed, within limits, and arrives when the end is due.
func approach(elapsed, due, atMost time.Duration) time.Duration {
	return max(min(clamp(elapsed, 2*time.Second, atMost), due-elapsed), soonest)
}

func clamp(d, low, high time.Duration) time.Duration { return min(max(d, low), high) }
