package engine

import (
	"context"
	"slices"
	"sync"
)

// slots is how many pipelines may run at once (see MaxParallel), and who waits for one.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting []*slot // in the order in which they get one; none while one is free
}

func newSlots(n int) *slots { return &slots{free: n} }

// slot is one of the pipelines that may run at once. Only starting one needs it: a pipeline that runs is read whether it has a slot
// or not.
type slot struct {
	of    *slots
	rank  rank
	alarm *alarm

	taken bool
	given chan struct{} // closed when the slot that was asked for is there; nil: none was
	holds bool          // its pipeline waits for a person
}

func (s *session) slot(r rank) *slot { return &slot{of: s.slots, rank: r, alarm: s.alarm} }

// ask takes a place among those that wait for a slot: behind all that come before it by their rank, or have asked earlier.
func (l *slot) ask() {
	if l.taken || l.given != nil {
		return
	}
	l.given = make(chan struct{})
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if l.of.free > 0 {
		l.of.free--
		close(l.given)
		return
	}
	at := slices.IndexFunc(l.of.waiting, func(other *slot) bool { return l.rank.compare(other.rank) < 0 })
	if at < 0 {
		at = len(l.of.waiting)
	}
	l.of.waiting = slices.Insert(l.of.waiting, at, l)
}

// take waits for a slot.
func (l *slot) take(ctx context.Context) error {
	if l.taken {
		return nil
	}
	l.ask()
	select {
	case <-l.given:
		l.taken, l.given = true, nil
		return nil
	case <-ctx.Done():
		return stopped(ctx)
	}
}

// takeIfFree takes a slot for a pipeline that runs in any case, so that as few others as possible are started beside it.
func (l *slot) takeIfFree() {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if !l.taken && l.given == nil && l.of.free > 0 {
		l.of.free--
		l.taken = true
	}
}

// giveBack gives the slot back, if it is taken, and waits for none any more.
func (l *slot) giveBack() {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if has := l.taken || l.given != nil && closed(l.given); has {
		l.of.release()
	}
	l.of.waiting = slices.DeleteFunc(l.of.waiting, func(other *slot) bool { return other == l })
	l.taken, l.given = false, nil
}

// release gives a slot to whoever is next. With mu.
func (s *slots) release() {
	if len(s.waiting) == 0 {
		s.free++
		return
	}
	close(s.waiting[0].given)
	s.waiting = s.waiting[1:]
}

// hold gives the slot back while the pipeline waits for a person.
func (l *slot) hold() {
	l.giveBack()
	if !l.holds {
		l.holds = true
		l.alarm.move(-1)
	}
}

// goOn takes a slot, if there is one, for a pipeline that runs, perhaps after it was held.
func (l *slot) goOn() {
	l.takeIfFree()
	if l.holds {
		l.holds = false
		l.alarm.move(1)
	}
}
