//go:build unix

package term

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// watcher receives changes of the size, and the signals that stop or end the process, except interrupts: the caller handles
// those, and closes the frame.
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

// deliver lets a signal have its default effect, and returns when the process continues.
func (w *watcher) deliver(s os.Signal) {
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

// Prepare enables control sequences on a terminal, and reports whether it supports them.
func Prepare(*os.File) bool { return true }
