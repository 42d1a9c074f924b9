package term_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// screen simulates a terminal as far as this package's output needs it: it keeps lines, executes the sequences, and counts
// unknown ones.
type screen struct {
	mu            sync.Mutex
	columns       int
	lines         [][]rune // from the first one ever written; nothing scrolls away
	row, column   int
	hidden        bool // the cursor
	open          bool // within a frame
	wraps         bool
	frames        []time.Time
	unknown       []string
	pending       []byte
	hold          atomic.Pointer[chan struct{}] // when not nil, writes wait until it is closed
	hiddenChanges int
}

func newScreen(columns int) *screen { return &screen{columns: columns, wraps: true} }

func (s *screen) Write(p []byte) (int, error) {
	if hold := s.hold.Load(); hold != nil {
		<-*hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, p...)
	for len(s.pending) > 0 {
		n := s.step(s.pending)
		if n == 0 {
			break // the rest of the sequence follows
		}
		s.pending = s.pending[n:]
	}
	return len(p), nil
}

func (s *screen) step(p []byte) int {
	switch {
	case p[0] == '\r':
		s.column = 0
		return 1
	case p[0] == '\n':
		s.row, s.column = s.row+1, 0
		return 1
	case p[0] == '\x1b':
		return s.sequence(p)
	case !utf8.FullRune(p):
		return 0
	}
	r, n := utf8.DecodeRune(p)
	s.put(r)
	return n
}

func (s *screen) sequence(p []byte) int {
	for i := 2; i < len(p); i++ {
		if p[i] >= '@' {
			s.obey(string(p[2 : i+1]))
			return i + 1
		}
	}
	return 0
}

func (s *screen) obey(what string) {
	n := 0
	switch {
	case what == "K":
		s.grow()
		s.lines[s.row] = s.lines[s.row][:min(s.column, len(s.lines[s.row]))]
	case what == "J":
		s.grow()
		s.lines[s.row] = s.lines[s.row][:min(s.column, len(s.lines[s.row]))]
		s.lines = s.lines[:s.row+1]
	case what == "?25l", what == "?25h":
		s.hidden = what == "?25l"
		s.hiddenChanges++
	case what == "?7l", what == "?7h":
		s.wraps = what == "?7h"
	case what == "?2026h":
		s.open = true
		s.frames = append(s.frames, time.Now())
	case what == "?2026l":
		s.open = false
	case strings.HasSuffix(what, "A"):
		if _, err := fmt.Sscanf(what, "%dA", &n); err != nil || n > s.row {
			s.unknown = append(s.unknown, what)
		}
		s.row = max(s.row-n, 0)
	default:
		s.unknown = append(s.unknown, what)
	}
}

func (s *screen) grow() {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
}

func (s *screen) put(r rune) {
	if s.column == s.columns {
		if !s.wraps {
			s.column--
		} else {
			s.row, s.column = s.row+1, 0
		}
	}
	s.grow()
	for len(s.lines[s.row]) <= s.column {
		s.lines[s.row] = append(s.lines[s.row], ' ')
	}
	s.lines[s.row][s.column] = r
	s.column++
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, l := range s.lines {
		lines = append(lines, strings.TrimRight(string(l), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// restored returns what of the terminal was not restored.
func (s *screen) restored() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hidden || s.open || !s.wraps || s.column != 0 || len(s.unknown) > 0 || len(s.pending) > 0 || s.hiddenChanges == 0 {
		return fmt.Errorf("cursor hidden %v (changed %d times), frame open %v, wraps %v, column %d, unknown %q, unfinished %q",
			s.hidden, s.hiddenChanges, s.open, s.wraps, s.column, s.unknown, s.pending)
	}
	return nil
}
