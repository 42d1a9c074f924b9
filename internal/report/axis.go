package report

import (
	"cmp"
	"slices"
	"time"
)

// axis maps times to positions from 0 to axisEnd. It shortens idle times, in which nothing ran: a run that was resumed, or
// approved, the next morning would otherwise be a thin line at each end.
type axis struct {
	pieces []piece
}

// piece is a stretch of time shown at one scale; idle marks a shortened one.
type piece struct {
	from, to    time.Time
	begin, size float64
	idle        bool
}

const (
	axisEnd   = 1000.0
	idleSize  = 40.0 // of a shortened piece
	idleAfter = 10 * time.Minute
	ticks     = 4
)

// newAxis makes the axis from begin to end, which shows the spans in between.
func newAxis(begin, end time.Time, spans []Span) axis {
	var a axis
	busy := begin
	slices.SortFunc(spans, func(x, y Span) int { return cmp.Compare(x.From.UnixNano(), y.From.UnixNano()) })
	for _, s := range append(slices.Clone(spans), Span{From: end, To: end}) {
		if s.Held {
			continue
		}
		if s.From.Sub(busy) > idleAfter {
			a.add(busy, s.From, true)
		} else if s.From.After(busy) {
			a.add(busy, s.From, false)
		}
		if s.To.After(busy) {
			a.add(latest(busy, s.From), s.To, false)
			busy = s.To
		}
	}
	a.scale()
	return a
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// add appends a piece. It merges two neighbours that are both not idle.
func (a *axis) add(from, to time.Time, idle bool) {
	if n := len(a.pieces); n > 0 && !idle && !a.pieces[n-1].idle {
		a.pieces[n-1].to = to
		return
	}
	a.pieces = append(a.pieces, piece{from: from, to: to, idle: idle})
}

// scale sets position and size of every piece.
func (a *axis) scale() {
	var busy time.Duration
	idles := 0.0
	for _, p := range a.pieces {
		if p.idle {
			idles++
		} else {
			busy += p.to.Sub(p.from)
		}
	}
	idle := min(idleSize, axisEnd/2/max(idles, 1))
	begin := 0.0
	for i := range a.pieces {
		p := &a.pieces[i]
		p.begin, p.size = begin, idle
		if !p.idle {
			p.size = (axisEnd - idles*idle) * float64(p.to.Sub(p.from)) / float64(max(busy, 1))
		}
		begin += p.size
	}
}

// at returns the position of a time.
func (a axis) at(t time.Time) float64 {
	for _, p := range a.pieces {
		if !t.After(p.to) {
			return p.begin + p.size*float64(max(t.Sub(p.from), 0))/float64(max(p.to.Sub(p.from), 1))
		}
	}
	return axisEnd
}

// time returns the time at a position.
func (a axis) time(position float64) time.Time {
	for _, p := range a.pieces {
		if position <= p.begin+p.size && p.size > 0 {
			return p.from.Add(time.Duration(float64(p.to.Sub(p.from)) * (position - p.begin) / p.size))
		}
	}
	if n := len(a.pieces); n > 0 {
		return a.pieces[n-1].to
	}
	return time.Time{}
}

// tick is a label of the axis.
type tick struct{ Day, Clock, Full string }

// labels returns the ticks of equal parts of the axis: with the day where it differs from the tick before, and with seconds
// where whole minutes would make the parts look unequal.
func (a axis) labels() []tick {
	var all []tick
	day, format := "", "15:04"
	if a.time(axisEnd/ticks).Sub(a.time(0)) < 5*time.Minute {
		format = time.TimeOnly
	}
	for i := range ticks {
		t := a.time(axisEnd * float64(i) / ticks).UTC()
		one := tick{Clock: t.Format(format), Full: t.Format(time.RFC3339)}
		if today := t.Format("2 Jan"); today != day {
			one.Day, day = today, today
		}
		all = append(all, one)
	}
	return all
}
