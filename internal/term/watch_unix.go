//go:build unix

package term

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// watcher tells of a new size, and of the signals that stop or end the process without asking it. Interrupts
// are not among them: whoever runs the release obeys those, and closes the frame.
type watcher struct {
	resized chan os.Signal
	signals chan os.Signal
}

func watch() *watcher {
	w := &watcher{resized: make(chan os.Signal, 1), signals: make(chan os.Signal, 1)}
	signal.Notify(w.resized, unix.SIGWINCH)
	signal.Notify(w.signals, unix.SIGTSTP, unix.SIGQUIT)
	return w
}

func (w *watcher) stop() {
	signal.Stop(w.resized)
	signal.Stop(w.signals)
}

// suffer lets a signal do what it does to any process, and returns when the process goes on.
func (w *watcher) suffer(s os.Signal) {
	if s == unix.SIGTSTP {
		goesOn := make(chan os.Signal, 1)
		signal.Notify(goesOn, unix.SIGCONT)
		defer signal.Stop(goesOn)
		_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
		<-goesOn
		return
	}
	signal.Reset(s)
	_ = unix.Kill(unix.Getpid(), unix.SIGQUIT) // Go prints what every goroutine does, and ends
}

// Prepare makes a terminal obey what Live tells it, and says whether it does.
func Prepare(*os.File) bool { return true }
