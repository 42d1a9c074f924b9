package term

import (
	"os"
	"time"

	"golang.org/x/sys/windows"
)

const resizeEvery = 500 * time.Millisecond

// watcher tells that the size may be another one: Windows sends no signal for that.
type watcher struct {
	resized <-chan time.Time
	signals chan os.Signal // none comes
	ticker  *time.Ticker
}

func watch() *watcher {
	t := time.NewTicker(resizeEvery)
	return &watcher{resized: t.C, ticker: t}
}

func (w *watcher) stop() { w.ticker.Stop() }

func (w *watcher) suffer(os.Signal) {}

// Prepare makes a terminal obey what Live tells it, and says whether it does: consoles before Windows 10
// cannot.
func Prepare(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
