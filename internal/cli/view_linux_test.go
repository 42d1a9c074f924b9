package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gravitee-lab/gio/internal/engine"
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
	return &environment{Program: Program{Stderr: &shared{w: f}, Getenv: func(name string) string { return vars[name] }}, errTerminal: true}
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
	f := &telling{t: t, tell: v.notify}
	v.start(engine.Clock{}, func() report.Expectation { return report.Expectation{} })
	ids := f.begin(2)
	f.triggered(ids[0])
	fmt.Fprintln(env.Stderr, "stopping: nothing new is started")
	f.event(run.Event{Type: run.Succeeded, Steps: ids[:1]})
	v.close()
	v.close()
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
	if n := strings.Count(all, "stopping: nothing new is started"); n != 1 {
		t.Errorf("said %d times:\n%q", n, all)
	}
}
