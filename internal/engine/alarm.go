package engine

import "sync"

// alarm is raised by the first failure. From then on nobody waits for a person: by waves at once, by the graph as soon as nothing
// else runs.
type alarm struct {
	raised chan struct{} // closed

	mu     sync.Mutex
	counts bool          // what runs
	moving int           // how much runs, waits for its slot or settles, and is not held
	quiet  chan struct{} // closed while it is raised and nothing moves
}

func newAlarm(counts bool) *alarm {
	return &alarm{raised: make(chan struct{}), counts: counts, quiet: make(chan struct{})}
}

func (a *alarm) raise() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.rang() {
		close(a.raised)
	}
	a.update()
}

func (a *alarm) rang() bool { return closed(a.raised) }

// move counts what begins to run (1), and what ends or is held (-1).
func (a *alarm) move(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.moving += n
	a.update()
}

// update opens or closes quiet. With mu.
func (a *alarm) update() {
	quiet := a.rang() && (a.moving == 0 || !a.counts)
	switch {
	case quiet && !closed(a.quiet):
		close(a.quiet)
	case !quiet && closed(a.quiet):
		a.quiet = make(chan struct{})
	}
}

// over gives a channel that is closed once nobody waits for a person any more; something may move again after that.
func (a *alarm) over() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.quiet
}
