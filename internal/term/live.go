// Package term owns the terminal: it keeps a frame at the bottom of it, up to date, and gives it back as it was.
package term

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	xterm "golang.org/x/term"
)

const (
	tick    = time.Second            // between frames when nothing happens: the time moves on
	soonest = 100 * time.Millisecond // between frames when much happens
)

// What a terminal is told. All between beginFrame and endFrame is shown at once, where the terminal can do that
// (mode 2026, which others ignore); from keepLines on it breaks no line, should one be wider than it was counted.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	beginFrame = "\x1b[?2026h"
	keepLines  = "\x1b[?7l"
	endFrame   = "\x1b[?7h\x1b[?2026l"
	eraseLine  = "\x1b[K"
	eraseBelow = "\x1b[J"
)

// Options says what Start draws and where.
type Options struct {
	Out io.Writer // the terminal
	// Size is how many columns and lines the terminal has now; see Size.
	Size func() (columns, lines int)
	// Draw gives the frame: at most so many lines, each at most so wide. It is called by one goroutine.
	Draw func(columns, lines int) []string
	// Width is how many columns a line of Draw takes.
	Width func(line string) int
}

// Live keeps a frame at the bottom of a terminal. What is written to it appears above the frame and stays. It
// is safe for concurrent use, and neither Write nor Changed waits for the terminal.
type Live struct {
	o Options

	changed chan struct{}
	closing chan struct{}
	closed  chan struct{}
	once    sync.Once

	mu   sync.Mutex
	kept []byte // written, and not yet on the terminal
	over bool   // the last frame is drawn

	// Of the drawing goroutine alone.
	shown   []string // the lines of the frame that stands there
	columns int      // it was drawn for
}

// Size is the size of a terminal in columns and lines; 0, 0 when f is none, or does not say.
func Size(f *os.File) (columns, lines int) {
	columns, lines, err := xterm.GetSize(int(f.Fd()))
	if err != nil || columns < 0 || lines < 0 {
		return 0, 0
	}
	return columns, lines
}

// Start draws the first frame soon, and from then on every second and soon after Changed.
func Start(o Options) *Live {
	l := &Live{o: o, changed: make(chan struct{}, 1), closing: make(chan struct{}), closed: make(chan struct{})}
	ready := make(chan struct{})
	go l.run(ready)
	<-ready // from here on a signal finds somebody who gives the cursor back
	return l
}

// Changed says that the frame is out of date.
func (l *Live) Changed() {
	select {
	case l.changed <- struct{}{}:
	default: // it is known
	}
}

// Write keeps text to be shown above the frame, which never fails. After Close it writes to the terminal.
func (l *Live) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return l.o.Out.Write(text)
	}
	l.kept = append(l.kept, text...)
	l.Changed()
	return len(text), nil
}

// Close draws the last frame, which stays, and gives the terminal back as it was. It may be called twice.
func (l *Live) Close() {
	l.once.Do(func() { close(l.closing) })
	<-l.closed
}

func (l *Live) run(ready chan<- struct{}) {
	defer close(l.closed)
	watched := watch()
	defer watched.stop()
	l.put(hideCursor)
	defer l.put(showCursor) // also when Draw panics
	close(ready)
	every := time.NewTicker(tick)
	defer every.Stop()
	for {
		l.draw()
		pause := time.After(soonest)
		select {
		case <-l.closing:
			l.finish()
			return
		case s := <-watched.signals:
			l.obey(s, watched)
		case <-l.changed:
		case <-watched.resized:
		case <-every.C:
		}
		select {
		case <-pause:
		case <-l.closing:
			l.finish()
			return
		}
	}
}

// obey gives the terminal back before the process stops or ends, and takes it again when it goes on.
func (l *Live) obey(s os.Signal, w *watcher) {
	l.put(showCursor)
	w.suffer(s)
	l.shown = nil // whatever stands there now is not ours
	l.put(hideCursor)
}

func (l *Live) finish() {
	l.draw()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.put(strings.ReplaceAll(string(l.kept), "\n", "\r\n")) // came after the frame, or has no end
}

// draw puts what was written above the frame, and the frame anew.
func (l *Live) draw() {
	columns, lines := l.o.Size()
	above := l.take()
	var frame []string
	if columns > 0 && lines > 1 {
		frame = l.o.Draw(columns, lines-1) // the cursor stands on the line below
	}
	var b strings.Builder
	b.WriteString(beginFrame)
	b.WriteString(l.home(columns, lines))
	if len(above) > 0 {
		b.WriteString(eraseBelow) // what is kept may be longer than a line
		b.Write(bytes.ReplaceAll(above, []byte("\n"), []byte(eraseLine+"\r\n")))
	}
	b.WriteString(keepLines)
	for _, line := range frame {
		b.WriteString(eraseLine + line + "\r\n") // erased first: behind a full line it would take the last column
	}
	b.WriteString(eraseBelow + endFrame)
	l.put(b.String())
	l.shown, l.columns = frame, columns
}

// home moves the cursor to the first line of the frame that stands there. A terminal that became narrower has
// broken the lines that were longer.
func (l *Live) home(columns, lines int) string {
	up := len(l.shown)
	if columns < l.columns && columns > 0 {
		up = 0
		for _, line := range l.shown {
			up += max((l.o.Width(line)+columns-1)/columns, 1)
		}
	}
	if up = min(up, max(lines-1, 0)); up == 0 {
		return "\r"
	}
	return "\r\x1b[" + strconv.Itoa(up) + "A"
}

// take gives the whole lines that were written.
func (l *Live) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := bytes.LastIndexByte(l.kept, '\n') + 1
	taken := l.kept[:end:end]
	l.kept = l.kept[end:]
	return taken
}

// put writes to the terminal. One that is gone does not stop a release.
func (l *Live) put(text string) { _, _ = io.WriteString(l.o.Out, text) }
