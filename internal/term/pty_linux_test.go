package term_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gravitee-lab/gio/internal/term"
)

// openPTY returns both ends of a pseudo-terminal.
func openPTY(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, terminal
}

func resize(t *testing.T, f *os.File, columns, lines uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: lines}); err != nil {
		t.Fatal(err)
	}
}

// TestPTY: on a real terminal frames have its size, follow a new size at the signal, and the terminal is restored. It is not
// parallel: no bubble of synctest may get the signal that it sends.
func TestPTY(t *testing.T) {
	master, terminal := openPTY(t)
	s := newScreen(80)
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			_, _ = s.Write(buf[:n])
			if err != nil {
				return // the other end is closed
			}
		}
	}()
	resize(t, terminal, 80, 24)
	var size atomic.Value
	l := term.Start(term.Options{
		Out: terminal, Size: func() (int, int) { return term.Size(terminal) }, Width: func(line string) int { return len(line) },
		Draw: func(columns, lines int) []string {
			size.Store(fmt.Sprintf("%dx%d", columns, lines))
			return []string{"frame", size.Load().(string), "end"}
		},
	})
	await(t, func() bool { return size.Load() == "80x23" })
	fmt.Fprint(l, "kept\n")
	resize(t, terminal, 50, 12)
	if err := unix.Kill(unix.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return size.Load() == "50x11" })
	l.Close()
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	<-read
	if got, want := s.text(), "kept\nframe\n50x11\nend"; got != want {
		t.Errorf("the screen shows\n%s\nwant\n%s", got, want)
	}
	if err := s.restored(); err != nil {
		t.Error(err)
	}
}

func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
	}
}

// TestSizeOfNoTerminal: a file has no size.
func TestSizeOfNoTerminal(t *testing.T) {
	t.Parallel()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if columns, lines := term.Size(f); columns != 0 || lines != 0 || strings.TrimSpace(f.Name()) == "" {
		t.Errorf("%dx%d", columns, lines)
	}
}
