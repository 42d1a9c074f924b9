package term

import (
	"os"
	"time"

	"golang.org/x/sys/windows"
)

const resizeEvery = 500 * time.Millisecond

// watcher reports regularly that the size may have changed, because Windows sends no signal for that.
type watcher struct {
	resized <-chan time.Time
	signals chan os.Signal // never receives
	ticker  *time.Ticker
}

func watch() *watcher {
	t := time.NewTicker(resizeEvery)
	return &watcher{resized: t.C, ticker: t}
}

func (w *watcher) stop() { w.ticker.Stop() }

func (w *watcher) deliver(os.Signal) {}

// Prepare enables control sequences on a terminal, and reports whether it supports them, which consoles before Windows 10 do
// not.
func Prepare(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
