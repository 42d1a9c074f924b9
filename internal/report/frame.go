package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// View says how to draw a frame.
type View struct {
	Width, Height int       // of the terminal, in columns and lines; no frame is larger
	Now           time.Time // by the clock of the events
	Began         time.Time // when this session began
	Color         bool
	Expected      run.Expectation // how long earlier runs took
}

// Frame draws a run at one moment, as lines for the bottom of a terminal: its progress, what failed, and the waves with
// what runs in them. Where names do not fit, it counts what has ended or not begun.
func Frame(s *run.State, v View) []string {
	if v.Width <= 0 || v.Height <= 0 || s.Plan == nil {
		return nil
	}
	f := newFrame(s, v)
	rows := f.fitting()
	lines := make([]string, 0, len(rows))
	for _, r := range rows[:min(len(rows), v.Height)] {
		lines = append(lines, r.render(v.Width, v.Color))
	}
	return lines
}

// frame is what one pass over the plan finds.
type frame struct {
	View
	s       *run.State
	waves   []wave
	counts  counts
	failed  []run.Step // also unknown
	total   int        // steps
	active  int        // steps of all waves that run, are on hold, or are being triggered
	columns columns
}

// wave is one wave of the plan.
type wave struct {
	number int
	steps  []plan.StepID
	active []run.Step // those on hold first
	counts counts
	began  time.Time // of the first pipeline
	ended  time.Time // of the last one
}

type counts map[run.Status]int

// done reports that all steps have succeeded.
func (w wave) done() bool { return w.counts[run.HasSucceeded] == len(w.steps) }

// waiting reports that no step has begun in this session.
func (w wave) waiting() bool {
	return w.counts[run.Pending]+w.counts[run.WasSkipped] == len(w.steps)
}

func newFrame(s *run.State, v View) *frame {
	f := &frame{View: v, s: s, counts: counts{}}
	longest := 0
	for i, planned := range s.Plan.Waves {
		w := wave{number: i + 1, counts: counts{}}
		var held, other []run.Step
		for _, p := range planned.Steps {
			st := f.step(plan.ID(p.Component, p.Version))
			longest = max(longest, Width(p.Component)+1+Width(p.Version))
			w.add(st)
			f.counts[st.Status]++
			switch st.Status {
			case run.HasFailed, run.IsUnknown:
				f.failed = append(f.failed, st)
			case run.OnHold:
				held = append(held, st)
			case run.Running, run.Intended:
				other = append(other, st)
			case run.Pending, run.HasSucceeded, run.WasSkipped:
			}
		}
		w.active = append(held, other...)
		f.active += len(w.active)
		f.total += len(w.steps)
		f.waves = append(f.waves, w)
	}
	f.columns = layOut(v.Width, longest, len(v.Expected.Took) > 0)
	return f
}

// step returns a step's state in this session: what failed in an earlier one is pending again.
func (f *frame) step(id plan.StepID) run.Step {
	st := f.s.Step(id)
	if st.Status == run.HasFailed && st.EndedAt.Before(f.Began) {
		return run.Step{ID: id, Status: run.Pending}
	}
	return st
}

func (w *wave) add(st run.Step) {
	w.steps = append(w.steps, st.ID)
	w.counts[st.Status]++
	if !st.StartedAt.IsZero() && (w.began.IsZero() || st.StartedAt.Before(w.began)) {
		w.began = st.StartedAt
	}
	if st.EndedAt.After(w.ended) {
		w.ended = st.EndedAt
	}
}

// detail says how much of a run a frame shows.
type detail struct {
	space    bool // an empty line between the parts
	all      bool // every component of a wave that has begun, and the names of those in the waves to come
	toCome   bool // each wave to come on its own line
	done     bool // each finished wave on its own line
	links    bool // the link below each failure
	active   int  // the number of active components
	failures int  // the number of failures
}

// fitting returns the most detailed frame that fits the height. Failures and running components are cut last.
func (f *frame) fitting() []row {
	namesFit := f.total <= 4*f.Height // do not even try the names of thousands
	d := detail{space: true, all: namesFit, toCome: true, done: true, links: true, active: f.active, failures: len(f.failed)}
	rows := f.compose(d)
	for _, less := range []func(over int){
		func(int) { d.space = false },
		func(int) { d.all = false },
		func(int) { d.toCome = false },
		func(int) { d.done = false },
		func(over int) { d.active = max(d.active-over-f.activeWaves(), min(d.active, 1)) }, // one line of each wave counts the others
		func(int) { d.links = false },
		func(over int) { d.failures = max(d.failures-over-1, min(d.failures, 1)) },
	} {
		over := len(rows) - f.Height
		if over <= 0 {
			break
		}
		less(over)
		rows = f.compose(d)
	}
	d.space = true
	if spaced := f.compose(d); len(spaced) <= f.Height {
		return spaced
	}
	return rows
}

// activeWaves is how many waves have components that run, or wait for a person: by the graph there may be several.
func (f *frame) activeWaves() (n int) {
	for _, w := range f.waves {
		if len(w.active) > 0 {
			n++
		}
	}
	return n
}

func (f *frame) compose(d detail) []row {
	rows := f.header()
	if d.space {
		rows = append(rows, row{})
	}
	rows = append(rows, f.failures(d)...)
	if d.space && len(f.failed) > 0 {
		rows = append(rows, row{})
	}
	for i := 0; i < len(f.waves); i++ {
		w := f.waves[i]
		switch last := f.alike(i); {
		case w.done() && !d.done && last > i, w.waiting() && !d.toCome && last > i:
			rows = append(rows, f.merged(i, last))
			i = last
		case w.done():
			rows = append(rows, f.finished(w))
		case w.waiting():
			rows = append(rows, f.toCome(w, d))
		default:
			rows = append(rows, f.begun(w, &d)...)
		}
	}
	return rows
}

// alike returns the index of the last wave in the series from wave i whose waves are all done, all waiting, or all neither.
func (f *frame) alike(i int) int {
	last := i
	for last+1 < len(f.waves) && f.waves[last+1].done() == f.waves[i].done() && f.waves[last+1].waiting() == f.waves[i].waiting() {
		last++
	}
	return last
}

// header shows the product, the time elapsed, the likely end, and the number of components in each status.
func (f *frame) header() []row {
	title := row{{clean(f.s.Plan.Product + " " + f.s.Plan.Version), bold}, {clean(" from " + f.s.Plan.Branch), plain}}
	clock := row{{Duration(max(f.Now.Sub(f.Began), 0)), plain}}
	if end := f.end(); end != "" {
		clock = append(clock, span{"  " + end, plain})
	}
	rows := []row{append(append(title, span{"  ", plain}), clock...)}
	if rows[0].width() > f.Width {
		rows = []row{title, clock}
	}
	return append(rows, tallied(row{{count(f.total, "component"), plain}}, f.counts, ": ", ", ", false))
}

func (f *frame) end() string {
	switch {
	case f.s.Finished:
		return "released"
	case f.s.Recording != nil:
		return "recording it in the release repository"
	case len(f.failed) > 0 && f.active > f.counts[run.OnHold]:
		stops := "stops after this wave"
		if f.s.Plan.IsByGraph() {
			stops = "stops when the rest has ended"
		}
		if rest, ok := f.Expected.Forecast(f.s.Plan, f.step, f.Now); ok && rest.Likely > 0 {
			return stops + " (in " + rough(rest.Likely) + ")"
		}
		return stops
	case len(f.failed) == 0 && f.counts[run.OnHold] > 0:
		return "waits for an approval"
	}
	return endsAbout(f.Expected, f.s.Plan, f.step, f.Now)
}

// tallied appends to a row the number of steps in each status, the most important first: "✗ 1 failed  ● 2 running".
func tallied(r row, c counts, before, between string, symbols bool) row {
	for _, status := range []run.Status{
		run.HasFailed, run.IsUnknown, run.OnHold, run.Running, run.Intended, run.HasSucceeded, run.Pending, run.WasSkipped,
	} {
		if c[status] == 0 {
			continue
		}
		badge := badgeOf(run.Step{Status: status, Detail: "running"})
		text := fmt.Sprintf("%d %s", c[status], strings.ToLower(badge.word))
		if symbols {
			text = badge.symbol + " " + text
		}
		r = append(r, span{before, plain}, span{text, badge.style})
		before = between
	}
	return r
}

// failures shows each failure: component, where it failed, the link.
func (f *frame) failures(d detail) []row {
	var rows []row
	for _, st := range f.failed[:d.failures] {
		badge, why := badgeOf(st), clean(reason(st))
		what := row{{badge.symbol + " " + pad(badge.word, wordWidth), badge.style}, {name(st.ID, f.Width-2-wordWidth), bold}}
		if full := append(what, span{"  " + why, plain}); !d.links || full.width() <= f.Width {
			rows = append(rows, full)
		} else {
			rows = append(rows, what, row{{"  " + why, plain}})
		}
		if link := shorten(st, f.Width-2); d.links && link != "" {
			rows = append(rows, row{{"  " + link, faint}})
		}
	}
	if more := len(f.failed) - d.failures; more > 0 {
		rows = append(rows, row{{fmt.Sprintf("  … and %d more that failed", more), red}})
	}
	return rows
}

// labelled is a line about waves or levels.
func labelled(label string, c counts) row {
	return tallied(row{{pad(label, labelWidth), plain}}, c, "", "  ", true)
}

func (f *frame) wave(w wave) row {
	return labelled(fmt.Sprintf("%s %d/%d", layer(f.s.Plan), w.number, len(f.waves)), w.counts)
}

// merged is one line for several waves that have all succeeded, or all wait.
func (f *frame) merged(first, last int) row {
	sum := counts{}
	for _, w := range f.waves[first : last+1] {
		for status, n := range w.counts {
			sum[status] += n
		}
	}
	return labelled(fmt.Sprintf("%ss %d-%d", layer(f.s.Plan), first+1, last+1), sum)
}

func (f *frame) finished(w wave) row {
	r := f.wave(w)
	if d := w.ended.Sub(w.began); !w.began.IsZero() && d > 0 {
		r = append(r, span{" in " + Duration(d), faint})
	}
	return r
}

func (f *frame) toCome(w wave, d detail) row {
	r := f.wave(w)
	if d.all {
		names := make([]string, len(w.steps))
		for i, id := range w.steps {
			names[i] = clean(id.Component())
		}
		r = append(r, span{": " + strings.Join(names, ", "), faint})
	}
	return r
}

// begun shows a wave that is neither finished nor to come: its counts, then its components.
func (f *frame) begun(w wave, d *detail) []row {
	rows := []row{f.wave(w)}
	for i, st := range w.active {
		if d.active == 0 {
			return append(rows, row{{fmt.Sprintf("  … and %d more", len(w.active)-i), faint}})
		}
		d.active--
		rows = append(rows, f.component(st))
	}
	if d.all {
		for _, id := range w.steps {
			if st := f.step(id); st.Status == run.HasSucceeded || st.Status == run.Pending || st.Status == run.WasSkipped {
				rows = append(rows, f.component(st))
			}
		}
	}
	return rows
}

// component is the line of one step. The link comes last, so that the terminal's link detection ends with it.
func (f *frame) component(st run.Step) row {
	badge, c := badgeOf(st), f.columns
	took := ""
	if d := st.Elapsed(f.Now); d > 0 || st.Status == run.Running {
		took = Duration(d)
	}
	r := row{{"  " + badge.symbol + " " + pad(badge.word, wordWidth), badge.style}, {pad(name(st.ID, c.name), c.name), plain}}
	if waits := f.waits(st); waits != "" {
		return append(r, span{"  " + waits, faint})
	}
	r = append(r, span{padLeft(took, 8), plain})
	if c.timeLeft > 0 {
		r = append(r, span{"  " + pad(timeLeft(f.Expected, st, f.Now), c.timeLeft), plain})
	}
	if c.link > 0 && st.Status != run.HasSucceeded {
		r = append(r, span{"  " + shorten(st, c.link), faint})
	}
	return r
}

// waits says for what a pending step waits, by the graph.
func (f *frame) waits(st run.Step) string {
	const most = 3
	names := waitsOf(f.s, st)
	if len(names) == 0 {
		return ""
	}
	for i := range names {
		names[i] = clean(names[i])
	}
	text := "waits for " + strings.Join(names[:min(most, len(names))], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
