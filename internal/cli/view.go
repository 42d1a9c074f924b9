package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/term"
)

const heartbeat = time.Minute // without a line, before what runs is printed again

// newView makes the view of a run: on a terminal a frame that is kept up to date, elsewhere one line per change, with --events
// JSON lines. A view has a state of its own: the engine never waits for a terminal. Its Close may be called twice, and without
// Start.
func (env *environment) newView(events bool) operate.View {
	switch {
	case events:
		return eventView(env.out.json())
	case env.live():
		return env.liveView()
	}
	return lineView(env.talk.painted(), report.NewLines(env.color()))
}

// dryView makes the view of a client dry run: what a real run would do, and the important events. It has no frame and no
// heartbeat, because it is over at once.
func (env *environment) dryView(walk *report.Walk, events bool) operate.View {
	next := lineView(env.talk.painted(), report.NewLines(env.color())).Notify
	if events {
		next = eventView(env.out.json()).Notify
	}
	return operate.View{Notify: func(e run.Event, s *run.State) {
		walk.Event(e, s)
		if events || e.Type == run.Planned || e.Type == run.Failed || e.Type == run.Unknown {
			next(e, s)
		}
	}}
}

// live reports whether stderr can show a frame: never in the container form, whatever the stream is, and not under --verbose,
// which prints the requests line by line.
func (env *environment) live() bool {
	f, ok := env.terminal()
	if !ok || env.container || env.verbose || env.quiet || env.Getenv("CI") != "" || env.Getenv("CIRCLECI") != "" {
		return false
	}
	kind := env.Getenv("TERM")
	if kind == "dumb" || kind == "" && runtime.GOOS != "windows" {
		return false
	}
	columns, lines := term.Size(f)
	return columns > 0 && lines > 0 && term.Prepare(f)
}

// terminal returns stderr where it is a terminal.
func (env *environment) terminal() (*os.File, bool) {
	if !env.errTerminal {
		return nil, false
	}
	return env.talk.file()
}

// outColumns returns the width of stdout; 0 where it is no terminal.
func (env *environment) outColumns() int {
	f, ok := env.out.file()
	if !ok || !env.outTerminal {
		return 0
	}
	return widthOf(f)
}

// tableColumns is outColumns for tables that are aligned, and not cut, in the log of a CI system, too.
func (env *environment) tableColumns() int {
	if columns := env.outColumns(); columns > 0 || env.Getenv("CI") == "" {
		return columns
	}
	return math.MaxInt
}

// widthOf returns the width of a terminal. One of unknown width counts as wide.
func widthOf(f *os.File) int {
	if width, _ := term.Size(f); width > 0 {
		return width
	}
	return math.MaxInt
}

// color reports whether stderr may be coloured: on a terminal, and in CircleCI's log viewer.
func (env *environment) color() bool {
	return env.colors.or(env.mayColor() && (env.errTerminal || env.Getenv("CIRCLECI") != ""))
}

// outColor reports the same of stdout, which may be a file in CircleCI, too.
func (env *environment) outColor() bool { return env.colors.or(env.mayColor() && env.outTerminal) }

func (env *environment) mayColor() bool {
	return env.Getenv("NO_COLOR") == "" && env.Getenv("TERM") != "dumb"
}

func eventView(w io.Writer) operate.View {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return operate.View{
		Notify: func(e run.Event, _ *run.State) { _ = enc.Encode(e) }, // a broken pipe does not stop a release; settled reports it at the end
		Start:  func(engine.Clock, func() run.Expectation) {},
		Close:  func() {},
	}
}

// lineView prints each change at once, and what runs when nothing has changed for a minute.
func lineView(w io.Writer, lines *report.Lines) operate.View {
	var mu sync.Mutex
	var seen follower
	printed := make(chan struct{}, 1)
	over := make(chan struct{})
	write := func(list []string) {
		for _, line := range list {
			fmt.Fprintln(w, line)
		}
	}
	beat := func(clock engine.Clock, expected func() run.Expectation) {
		for {
			select {
			case <-over:
				return
			case <-printed:
			case <-clock.After(heartbeat):
				mu.Lock()
				write(lines.Heartbeat(seen.state(), clock.Now(), expected()))
				mu.Unlock()
			}
		}
	}
	return operate.View{
		Notify: func(e run.Event, s *run.State) {
			seen.note(e, s)
			mu.Lock()
			defer mu.Unlock()
			if list := lines.Of(e, s); len(list) > 0 {
				write(list)
				wake(printed)
			}
		},
		Start: func(clock engine.Clock, expected func() run.Expectation) { go beat(clock, expected) },
		Close: sync.OnceFunc(func() { close(over) }),
	}
}

// liveView draws a frame on stderr. Everything else that is written there appears above the frame.
func (env *environment) liveView() operate.View {
	out, _ := env.terminal()
	var seen follower
	var live *term.Live
	changed := func() {}
	return operate.View{
		Notify: func(e run.Event, s *run.State) {
			seen.note(e, s)
			changed()
		},
		Start: func(clock engine.Clock, expected func() run.Expectation) {
			fmt.Fprintln(out) // an empty line before the frame
			v := report.View{Color: env.color()}
			started := clock.Now()
			live = term.Start(term.Options{
				Out: out, Size: func() (int, int) { return term.Size(out) }, Width: report.Width,
				Draw: func(columns, lines int) []string {
					v.Width, v.Height, v.Now, v.Began = columns, lines, clock.Now(), seen.began(started)
					v.Expected = expected()
					return env.talk.cleaned(report.Frame(seen.state(), v))
				},
			})
			changed = live.Changed
			env.talk.to(live)
		},
		Close: sync.OnceFunc(func() {
			if live != nil {
				live.Close()
				env.talk.to(out)
				fmt.Fprintln(out) // the summary follows
			}
		}),
	}
}

// follower keeps a state for a view that draws in its own time. Noting an event costs the engine next to nothing; state applies
// the events.
type follower struct {
	mu     sync.Mutex
	queue  []run.Event
	copied *run.State
	plan   time.Time // when the session that is shown began
}

// note notes an event; the first time, the whole state.
func (f *follower) note(e run.Event, s *run.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Type == run.Planned {
		f.plan = e.Time
	}
	if f.copied == nil {
		f.copied = s.Clone()
		return
	}
	f.queue = append(f.queue, e)
}

// began returns when the session that is shown began; otherwise until that is known.
func (f *follower) began(otherwise time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan.IsZero() {
		return otherwise
	}
	return f.plan
}

// state returns the state after the events noted so far. It is for one caller at a time.
func (f *follower) state() *run.State {
	f.mu.Lock()
	queue, s := f.queue, f.copied
	f.queue = nil
	f.mu.Unlock()
	if s == nil {
		return &run.State{}
	}
	for _, e := range queue {
		_ = s.Apply(e) // cannot fail: the recorder has applied it already
	}
	return s
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
