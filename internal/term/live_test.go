package term_test

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/term"
)

// TestMain uses signals first outside every bubble of synctest, because package os/signal keeps what the first caller makes.
func TestMain(m *testing.M) {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	signal.Reset(os.Interrupt)
	os.Exit(m.Run())
}

// frames makes frames of changing height, in which each line names its frame.
func frames(drawn *atomic.Int64) func(columns, lines int) []string {
	return func(_, lines int) []string {
		n := drawn.Add(1)
		var frame []string
		for i := range min(lines, 1+int(n%4)) {
			frame = append(frame, fmt.Sprintf("frame %d line %d", n, i))
		}
		return frame
	}
}

func start(s *screen, lines int, drawn *atomic.Int64) *term.Live {
	return term.Start(term.Options{
		Out: s, Size: func() (int, int) { return s.columns, lines }, Draw: frames(drawn),
		Width: func(line string) int { return len(line) },
	})
}

// TestLive: written text stays above, in order and complete; of all frames only the last one remains.
func TestLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(30)
		var drawn atomic.Int64
		l := start(s, 24, &drawn)
		fmt.Fprint(l, "first\nsec")
		time.Sleep(1500 * time.Millisecond)
		fmt.Fprint(l, "ond\n")
		l.Changed()
		time.Sleep(300 * time.Millisecond)
		fmt.Fprintf(l, "%s\nno end", strings.Repeat("0123456789", 4)) // wider than the screen
		l.Close()
		l.Close()
		fmt.Fprint(l, "after\n")
		n := drawn.Load()
		want := []string{"first", "second", "012345678901234567890123456789", "0123456789"}
		for i := range 1 + n%4 {
			want = append(want, fmt.Sprintf("frame %d line %d", n, i))
		}
		want = append(want, "no endafter")
		if diff := cmp.Diff(strings.Join(want, "\n"), s.text()); diff != "" {
			t.Error(diff)
		}
		if err := s.restored(); err != nil {
			t.Error(err)
		}
	})
}

// TestPace: once a second when nothing happens, at most ten times a second whatever happens, and soon after
// a change.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(80)
		var drawn atomic.Int64
		l := start(s, 24, &drawn)
		defer l.Close()
		time.Sleep(200 * time.Millisecond)
		idle := drawn.Load()
		time.Sleep(10 * time.Second)
		if n := drawn.Load() - idle; n != 10 {
			t.Errorf("%d frames in 10 idle seconds, want 10", n)
		}
		busy := drawn.Load()
		for range 5000 {
			l.Changed()
			time.Sleep(time.Millisecond)
		}
		if n := drawn.Load() - busy; n < 40 || n > 51 {
			t.Errorf("%d frames in 5 busy seconds, want about 50", n)
		}
		time.Sleep(500 * time.Millisecond) // a change and a tick may have been left from before, each drawn a tenth later
		last := drawn.Load()
		l.Changed()
		time.Sleep(time.Millisecond)
		if n := drawn.Load() - last; n != 1 {
			t.Errorf("%d frames at once after a change, want 1", n)
		}
	})
}

// TestTerminalThatDoesNotTakeIt: only Close waits for a terminal that is halted with Ctrl-S.
func TestTerminalThatDoesNotTakeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(80)
		var drawn atomic.Int64
		l := start(s, 24, &drawn)
		synctest.Wait()
		hold := make(chan struct{})
		s.hold.Store(&hold)
		time.Sleep(2 * time.Second)
		for i := range 1000 {
			fmt.Fprintf(l, "line %d\n", i)
			l.Changed()
		}
		close(hold)
		l.Close()
		if text := s.text(); !strings.Contains(text, "line 0\nline 1\n") || !strings.Contains(text, "\nline 999\n") {
			t.Error("lines are lost:\n" + text)
		}
		if err := s.restored(); err != nil {
			t.Error(err)
		}
	})
}

// TestTiny: a terminal with one line has no room for a frame, and neither has one without a size.
func TestTiny(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{0, 0}, {80, 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := newScreen(80)
			l := term.Start(term.Options{
				Out: s, Size: func() (int, int) { return size[0], size[1] }, Width: func(string) int { return 1 },
				Draw: func(int, int) []string { t.Error("a frame was asked for"); return nil },
			})
			fmt.Fprint(l, "said\n")
			time.Sleep(time.Second)
			l.Close()
			if got := s.text(); got != "said" {
				t.Errorf("%q", got)
			}
		})
	}
}
