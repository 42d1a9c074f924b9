package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/term"
)

const heartbeat = time.Minute // without a line, before what runs is told again

// view tells a run as it goes: on a terminal by a frame that is kept up to date, elsewhere by one line per
// change, with --events by JSON lines. What is told are its own facts: the engine never waits for a terminal.
type view struct {
	notify func(run.Event, *run.State) // for engine.Release.Notify
	// start is called before the first frame or heartbeat is due. Expected is what is known of how long it takes, at that moment.
	start func(clock engine.Clock, expected func() report.Expectation)
	close func() // when the run has ended; may be called twice, and without start
}

func (env *environment) newView(events bool) view {
	switch {
	case events:
		return eventView(env.Stdout)
	case env.live():
		return env.liveView()
	}
	return lineView(env.Stderr, report.NewLines(env.color()))
}

// notify tells events without a frame and without a heartbeat: for a dry run, which is over at once.
func (env *environment) notify(o releaseOptions) func(run.Event, *run.State) {
	if o.events {
		return eventView(env.Stdout).notify
	}
	return lineView(env.Stderr, report.NewLines(env.color())).notify
}

// live tells whether stderr can hold a frame: not in the container form, whatever the stream is. Under --verbose
// the requests are told line by line, and so is the run.
func (env *environment) live() bool {
	f, ok := env.terminal()
	if !ok || env.container || env.verbose || env.Getenv("CI") != "" || env.Getenv("CIRCLECI") != "" {
		return false
	}
	kind := env.Getenv("TERM")
	if kind == "dumb" || kind == "" && runtime.GOOS != "windows" {
		return false
	}
	columns, lines := term.Size(f)
	return columns > 0 && lines > 0 && term.Prepare(f)
}

// terminal is stderr, where it is one.
func (env *environment) terminal() (*os.File, bool) {
	s, ok := env.Stderr.(*shared)
	if !ok || !env.errTerminal {
		return nil, false
	}
	f, ok := s.w.(*os.File)
	return f, ok
}

// outColumns is the width of stdout, 0 where it is no terminal.
func (env *environment) outColumns() int {
	f, ok := env.Stdout.(*os.File)
	if !ok || !env.outTerminal {
		return 0
	}
	return widthOf(f)
}

// widthOf is the width of a terminal. One that does not say it is taken to be wide.
func widthOf(f *os.File) int {
	if width, _ := term.Size(f); width > 0 {
		return width
	}
	return math.MaxInt
}

// color tells whether talk may be coloured: on a terminal, and in CircleCI's log viewer.
func (env *environment) color() bool {
	return env.mayColor() && (env.errTerminal || env.Getenv("CIRCLECI") != "")
}

// outColor is the same for stdout, which may be a file in CircleCI, too.
func (env *environment) outColor() bool { return env.mayColor() && env.outTerminal }

func (env *environment) mayColor() bool {
	return env.Getenv("NO_COLOR") == "" && env.Getenv("TERM") != "dumb"
}

func eventView(w io.Writer) view {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return view{
		notify: func(e run.Event, _ *run.State) { _ = enc.Encode(e) }, // a reader that left does not stop a release
		start:  func(engine.Clock, func() report.Expectation) {},
		close:  func() {},
	}
}

// lineView prints what changes at once, and what runs when nothing has changed for a minute.
func lineView(w io.Writer, lines *report.Lines) view {
	var mu sync.Mutex
	var seen follower
	told := make(chan struct{}, 1)
	over := make(chan struct{})
	tell := func(list []string) {
		for _, line := range list {
			fmt.Fprintln(w, line)
		}
	}
	beat := func(clock engine.Clock, expected func() report.Expectation) {
		for {
			select {
			case <-over:
				return
			case <-told:
			case <-clock.After(heartbeat):
				mu.Lock()
				tell(lines.Heartbeat(seen.state(), clock.Now(), expected()))
				mu.Unlock()
			}
		}
	}
	return view{
		notify: func(e run.Event, s *run.State) {
			seen.note(e, s)
			mu.Lock()
			defer mu.Unlock()
			if list := lines.Of(e, s); len(list) > 0 {
				tell(list)
				wake(told)
			}
		},
		start: func(clock engine.Clock, expected func() report.Expectation) { go beat(clock, expected) },
		close: sync.OnceFunc(func() { close(over) }),
	}
}

// liveView draws on stderr. Meanwhile all else that goes there appears above the frame.
func (env *environment) liveView() view {
	out, _ := env.terminal()
	talk, _ := env.Stderr.(*shared)
	var seen follower
	var live *term.Live
	changed := func() {}
	return view{
		notify: func(e run.Event, s *run.State) {
			seen.note(e, s)
			changed()
		},
		start: func(clock engine.Clock, expected func() report.Expectation) {
			fmt.Fprintln(out) // the frame stands apart from what was said before
			v := report.View{Color: env.color()}
			started := clock.Now()
			live = term.Start(term.Options{
				Out: out, Size: func() (int, int) { return term.Size(out) }, Width: report.Width,
				Draw: func(columns, lines int) []string {
					v.Width, v.Height, v.Now, v.Began = columns, lines, clock.Now(), seen.began(started)
					v.Expected = expected()
					return report.Frame(seen.state(), v)
				},
			})
			changed = live.Changed
			talk.to(live)
		},
		close: sync.OnceFunc(func() {
			if live != nil {
				live.Close()
				talk.to(out)
				fmt.Fprintln(out) // the summary follows
			}
		}),
	}
}

// to sends what is written from now on elsewhere.
func (s *shared) to(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = w
}

// follower is a state of its own for a view that draws in its own time. Noting an event costs the engine next to
// nothing; the events are added up when the state is asked for.
type follower struct {
	mu     sync.Mutex
	queue  []run.Event
	copied *run.State
	plan   time.Time // when the session that is told began
}

// note takes an event, and the first time all that was before it.
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

// began is when the session began that is told, otherwise until that is known.
func (f *follower) began(otherwise time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan.IsZero() {
		return otherwise
	}
	return f.plan
}

// state is what the events noted so far add up to, for one caller at a time.
func (f *follower) state() *run.State {
	f.mu.Lock()
	queue, s := f.queue, f.copied
	f.queue = nil
	f.mu.Unlock()
	if s == nil {
		return &run.State{}
	}
	for _, e := range queue {
		_ = s.Apply(e) // the recorder has let it through already
	}
	return s
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// typed is the command line as it can be typed again, as it stands in a sentence; "" in the container form, whose command line
// is another one.
func (env *environment) typed() string {
	if env.container {
		return ""
	}
	words := []string{"gio"}
	for _, arg := range env.Args {
		words = append(words, quoted(env.redacted(arg)))
	}
	return "`" + strings.Join(words, " ") + "`"
}

// redacted is a word of the command line without the password that the address of --repo may hold.
func (env *environment) redacted(word string) string {
	if env.repo == "" {
		return word
	}
	return strings.ReplaceAll(word, env.repo, gitrepo.Redact(env.repo))
}

// quoted is a word as a shell takes it for one.
func quoted(word string) string {
	if word == "" || strings.ContainsAny(word, " \t\n'\"\\$`*?&|;<>()#~!{}[]") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// drivenBy is what drives a run, as it stands in a sentence: a command for the release repository that this command line
// names, or words, as no journal holds the command line of a trigger.
func (env *environment) drivenBy(h run.Header) string {
	command := "gio release"
	switch h.Kind {
	case "dry":
		command += " --dry-run=server"
	case "stage":
		command = "gio stage " + quoted(h.Version) + " --dry-run=false"
	case "trigger":
		return "the command that began it"
	}
	for _, flag := range []struct{ name, value, usual string }{
		{"--repo", env.repo, ""}, {"--branch", env.branch, ""}, {"--file", env.file, "release.json"}, {"--config", env.config, ""},
	} {
		if flag.value != flag.usual {
			command += " " + flag.name + " " + quoted(env.redacted(flag.value))
		}
	}
	return "`" + command + "`"
}
