package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/term"
)

// outlet is where text leaves the program: stdout or stderr. All of it goes through one of the outlet's streams, which clean it,
// and through one net that hides secrets. The engine, the signals and the view use it at once. The first error of a write is
// kept, and nothing is written after it: half a line would be a wrong result.
type outlet struct {
	name  string
	color bool // gio's colours are shown

	mu     sync.Mutex
	w      io.Writer
	net    term.Hider
	err    error
	called string      // the program's name in commands; "" is gio
	muted  bool        // nothing is written (--quiet)
	broken func(error) // told the first error; may be nil
}

// unwritten is the code of the fault of an outlet that cannot be written to.
const unwritten = "output"

// stream is one kind of text on its way to an outlet.
type stream struct {
	*outlet
	term.Cleaner
}

// plain is for text without colour.
func (o *outlet) plain() *stream { return &stream{outlet: o} }

// painted is for text that report has coloured, whose foreign parts it has cleaned.
func (o *outlet) painted() *stream {
	s := o.plain()
	if o.color {
		s.Lets = report.Colors()
	}
	return s
}

// json is for JSON, which keeps its true values.
func (o *outlet) json() *stream { return &stream{outlet: o, Cleaner: term.Cleaner{Escape: true}} }

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(s.net.Hide(s.Clean(s.renamed(p))))
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// renamed calls the program in the commands of a text, which stand in backquotes, by the name that it has here.
func (s *stream) renamed(p []byte) []byte {
	if s.called == "" || s.Escape { // JSON keeps what is a contract
		return p
	}
	return bytes.ReplaceAll(p, []byte("`gio "), []byte("`"+s.called+" "))
}

// emit writes what is clean. Its caller holds the lock.
func (o *outlet) emit(text []byte) {
	if o.err != nil || o.muted || len(text) == 0 {
		return
	}
	if _, err := o.w.Write(text); err != nil {
		o.err = fault.New(fault.Internal, unwritten, "%s cannot be written to", o.name).Because(err)
		if o.broken != nil {
			o.broken(o.err)
		}
	}
}

// flush writes what the net has kept back, and gives the first error of all that was written.
func (o *outlet) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.emit(o.net.Rest())
	return o.err
}

// hide hides these from now on.
func (o *outlet) hide(secrets []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.net.Add(secrets...)
}

// mute keeps back, for good, what is written from now on, or lets it through again.
func (o *outlet) mute(on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.emit(o.net.Rest())
	o.muted = on
}

// to sends what is written from now on elsewhere.
func (o *outlet) to(w io.Writer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.w = w
}

// onBreak has f called when a write fails, also when that was before.
func (o *outlet) onBreak(f func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = f
	if o.err != nil {
		f(o.err)
	}
}

// file is what the outlet writes to, where that is a file; also a terminal is one.
func (o *outlet) file() (*os.File, bool) {
	f, ok := o.w.(*os.File)
	return f, ok
}

// cleaned are lines of the live view, which term writes with its own cursor control.
func (o *outlet) cleaned(lines []string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, line := range lines {
		lines[i] = string(o.net.All(o.painted().Clean([]byte(line))))
	}
	return lines
}

// settled is how a command ended whose results went to stdout: not at all well when they did not arrive, unless something worse
// happened. A reader that left (`gio plan | head`) had enough, and nothing is said, but of a run that was driven: its result
// counts.
func (env *environment) settled(err error) error {
	lost := env.out.flush()
	switch {
	case lost == nil, err != nil && fault.CodeOf(err) != unwritten:
		return err
	case env.drove:
		return fault.New(fault.Internal, unwritten, "the run was driven to its end, but its result cannot be written to stdout").
			Because(errors.Unwrap(lost)).Hint("%s tells how it ended", fault.Next{Action: fault.Status})
	case errors.Is(lost, syscall.EPIPE):
		return nil
	}
	return lost
}
