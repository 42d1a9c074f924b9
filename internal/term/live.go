// Package term owns the terminal: it keeps a frame up to date at its bottom, and restores the terminal afterwards.
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
	tick    = time.Second            // between frames when nothing happens, because the time shown changes
	soonest = 100 * time.Millisecond // least time between frames
)

// Control sequences. The terminal shows everything between beginFrame and endFrame at once, where it can (mode 2026, which
// others ignore). From keepLines on it does not wrap a line that is wider than Width says.
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
	// Size returns the current size of the terminal; see Size.
	Size func() (columns, lines int)
	// Draw returns the frame, of at most the given lines and columns. Only one goroutine calls it.
	Draw func(columns, lines int) []string
	// Width returns how many columns a line of Draw occupies.
	Width func(line string) int
}

// Live keeps a frame at the bottom of a terminal. Text written to it appears above the frame and stays. It is safe for
// concurrent use, and neither Write nor Changed waits for the terminal.
type Live struct {
	o Options

	changed chan struct{}
	closing chan struct{}
	closed  chan struct{}
	once    sync.Once

	mu      sync.Mutex
	pending []byte // written, and not yet on the terminal
	done    bool   // the last frame is drawn

	// Used by the drawing goroutine only.
	shown   []string // the lines of the frame on the terminal
	columns int      // for which it was drawn
}

// Size returns the size of a terminal in columns and lines; 0, 0 when f is no terminal or does not say.
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
	<-ready // from here on a signal restores the cursor
	return l
}

// Changed requests a new frame.
func (l *Live) Changed() {
	select {
	case l.changed <- struct{}{}:
	default: // already requested
	}
}

// Write queues text for display above the frame, and never fails. After Close it writes to the terminal.
func (l *Live) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return l.o.Out.Write(text)
	}
	l.pending = append(l.pending, text...)
	l.Changed()
	return len(text), nil
}

// Close draws the last frame, which stays, and restores the terminal. It may be called twice.
func (l *Live) Close() {
	l.once.Do(func() { close(l.closing) })
	<-l.closed
}

func (l *Live) run(ready chan<- struct{}) {
	defer close(l.closed)
	watched := watch()
	defer watched.stop()
	l.emit(hideCursor)
	defer l.emit(showCursor) // also when Draw panics
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
			l.handle(s, watched)
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

// handle restores the terminal before a signal stops or ends the process, and takes it over again when the process continues.
func (l *Live) handle(s os.Signal, w *watcher) {
	l.emit(showCursor)
	w.deliver(s)
	l.shown = nil // the frame is no longer at the cursor
	l.emit(hideCursor)
}

func (l *Live) finish() {
	l.draw()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = true
	l.emit(strings.ReplaceAll(string(l.pending), "\n", "\r\n")) // written after the frame, or without a line end
}

// draw writes the pending lines and then the frame again.
func (l *Live) draw() {
	columns, lines := l.o.Size()
	above := l.takeLines()
	var frame []string
	if columns > 0 && lines > 1 {
		frame = l.o.Draw(columns, lines-1) // the cursor is on the line below
	}
	var b strings.Builder
	b.WriteString(beginFrame)
	b.WriteString(l.moveToFrame(columns, lines))
	if len(above) > 0 {
		b.WriteString(eraseBelow) // the text may be longer than a line
		b.Write(bytes.ReplaceAll(above, []byte("\n"), []byte(eraseLine+"\r\n")))
	}
	b.WriteString(keepLines)
	for _, line := range frame {
		b.WriteString(eraseLine + line + "\r\n") // erase first: after a full line it would erase the last column
	}
	b.WriteString(eraseBelow + endFrame)
	l.emit(b.String())
	l.shown, l.columns = frame, columns
}

// moveToFrame returns the sequence that moves the cursor to the first line of the current frame. A terminal that became
// narrower has wrapped longer lines.
func (l *Live) moveToFrame(columns, lines int) string {
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

// takeLines removes and returns the complete pending lines.
func (l *Live) takeLines() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := bytes.LastIndexByte(l.pending, '\n') + 1
	taken := l.pending[:end:end]
	l.pending = l.pending[end:]
	return taken
}

// emit writes to the terminal. A terminal that is gone does not stop a release.
func (l *Live) emit(text string) { _, _ = io.WriteString(l.o.Out, text) }
