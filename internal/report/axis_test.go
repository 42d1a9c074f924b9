package report

import (
	"testing"
	"time"
)

// TestAxis: positions rise with time and span the whole width, running times are to scale, and a night in which nothing ran,
// or a pipeline only waited for an approval, is shortened.
func TestAxis(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }
	spans := []Span{
		{From: at(900), To: at(930)}, {From: at(1), To: at(31)}, {From: at(5), To: at(20)}, {From: at(31), To: at(900), Held: true},
	}
	a := newAxis(begin, at(931), spans)
	last := -1.0
	for m := range 932 {
		position := a.at(at(m))
		if position < last || position < 0 || position > axisEnd {
			t.Fatalf("minute %d stands at %g, the one before at %g", m, position, last)
		}
		last = position
	}
	if first := a.at(begin); first != 0 || last != axisEnd {
		t.Errorf("the axis goes from %g to %g", first, last)
	}
	if night := a.at(at(900)) - a.at(at(31)); night != idleSize {
		t.Errorf("the night takes %g", night)
	}
	if one, other := a.at(at(31))-a.at(at(1)), a.at(at(930))-a.at(at(900)); one-other > 0.001 || other-one > 0.001 || one < 400 {
		t.Errorf("two equal times take %g and %g", one, other)
	}
	if back := a.time(a.at(at(15))).Sub(at(15)); back.Abs() > time.Second {
		t.Errorf("there and back again is %s off", back)
	}
	if empty := newAxis(begin, begin, nil); empty.at(begin) != axisEnd || len(empty.labels()) != ticks {
		t.Errorf("an axis without time: %+v", empty)
	}
}
