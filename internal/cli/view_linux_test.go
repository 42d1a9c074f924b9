package cli

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// openTerminal gives a pseudo-terminal and its other end, which reads what is shown.
func openTerminal(t *testing.T, columns, lines uint16) (terminal, reader *os.File) {
	t.Helper()
	reader, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	if err := unix.IoctlSetPointerInt(int(reader.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(reader.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: lines}); err != nil {
		t.Fatal(err)
	}
	return terminal, reader
}

func onTerminal(f *os.File, vars map[string]string) *environment {
	return newEnvironment(Program{Stderr: f, Getenv: func(name string) string { return vars[name] }})
}

// TestLive: only a terminal that can hold a frame, with a person before it, gets one.
func TestLive(t *testing.T) {
	t.Parallel()
	terminal, _ := openTerminal(t, 80, 24)
	flat, _ := openTerminal(t, 0, 0)
	xterm := map[string]string{"TERM": "xterm"}
	for _, tt := range []struct {
		name string
		file *os.File
		vars map[string]string
		edit func(*environment)
		want bool
	}{
		{"a terminal", terminal, xterm, nil, true},
		{"without colour", terminal, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, nil, true},
		{"without a size", flat, xterm, nil, false},
		{"a dumb one", terminal, map[string]string{"TERM": "dumb"}, nil, false},
		{"of no kind", terminal, nil, nil, false},
		{"CI", terminal, map[string]string{"TERM": "xterm", "CI": "true"}, nil, false},
		{"CircleCI", terminal, map[string]string{"TERM": "xterm", "CIRCLECI": "true"}, nil, false},
		{"no terminal", terminal, xterm, func(env *environment) { env.errTerminal = false }, false},
		{"verbose", terminal, xterm, func(env *environment) { env.verbose = true }, false},
		{"the container form", terminal, xterm, func(env *environment) { env.container = true }, false},
	} {
		env := onTerminal(tt.file, tt.vars)
		if tt.edit != nil {
			tt.edit(env)
		}
		if got := env.live(); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestLiveViewOfHostileNames: the live view's own control of the cursor and gio's colours are all that a terminal has to obey.
func TestLiveViewOfHostileNames(t *testing.T) {
	terminal, reader := openTerminal(t, 80, 24)
	shown := make(chan string)
	go func() {
		all, _ := io.ReadAll(reader) // ends with an error when the terminal is closed
		shown <- string(all)
	}()
	env := onTerminal(terminal, map[string]string{"TERM": "xterm"})
	env.hide([]string{"a-secret-word"})
	v := env.newView(false)
	f := &telling{t: t, tell: v.Notify}
	v.Start(engine.Clock{}, func() run.Expectation { return run.Expectation{} })
	const hostile = "x\x1b]0;PWN\a\x1b[31mred\u202e\u009b2J\x7f"
	id := f.begin(1)[0]
	f.event(run.Event{Type: run.Intent, Steps: []plan.StepID{id}, Send: 1})
	f.event(run.Event{Type: run.Triggered, Steps: []plan.StepID{id}, Pipeline: &run.Pipeline{ID: "1", Number: 1, URL: "https://ci/" + hostile}})
	f.event(run.Event{Type: run.Failed, Steps: []plan.StepID{id}, Workflow: hostile, Job: hostile, Reason: "a-secret-word " + hostile})
	fmt.Fprintf(env.Stderr, "a warning of %s and a-secret-word\n", hostile)
	v.Close()
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	all := <-shown
	for _, want := range []string{"a warning of x]0;PWN[31mred2J and ***\x1b[K", "\x1b[1;31m✗ FAILED", "\x1b[?2026h"} {
		if !strings.Contains(all, want) {
			t.Errorf("there is no %q in %q", want, all)
		}
	}
	rest := regexp.MustCompile(`\x1b\[(\?(25|2026|7)[hl]|[KJ]|\d+A)|[\r\n\t]`).ReplaceAllString(all, "")
	for _, own := range report.Colors() {
		rest = strings.ReplaceAll(rest, own, "")
	}
	if i := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 || strings.Contains(rest, "a-secret-word") {
		t.Errorf("%q is on the terminal, of %q", rest[max(i, 0):], all)
	}
}

// TestLiveView: what is said meanwhile stands above the last frame, which is true, and what is said after it below;
// the cursor is given back.
func TestLiveView(t *testing.T) {
	terminal, reader := openTerminal(t, 80, 24)
	shown := make(chan string)
	go func() {
		all, _ := io.ReadAll(reader) // ends with an error when the terminal is closed
		shown <- string(all)
	}()
	env := onTerminal(terminal, map[string]string{"TERM": "xterm", "NO_COLOR": "1"})
	v := env.newView(false)
	f := &telling{t: t, tell: v.Notify}
	v.Start(engine.Clock{}, func() run.Expectation { return run.Expectation{} })
	ids := f.begin(2)
	f.triggered(ids[0])
	fmt.Fprintln(env.Stderr, "stopping: gio starts nothing new")
	f.event(run.Event{Type: run.Succeeded, Steps: ids[:1]})
	v.Close()
	v.Close()
	fmt.Fprintln(env.Stderr, "the end")
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	all := <-shown
	last := all[strings.LastIndex(all, "\x1b[?2026h"):]
	for _, want := range []string{"1 succeeded, 1 pending", "component-0 1.0.0", "\x1b[?25h", "the end"} {
		if i := strings.Index(last, want); i < 0 {
			t.Errorf("after the last frame began there is no %q:\n%q", want, last)
		} else {
			last = last[i:]
		}
	}
	if n := strings.Count(all, "stopping: gio starts nothing new"); n != 1 {
		t.Errorf("said %d times:\n%q", n, all)
	}
}
