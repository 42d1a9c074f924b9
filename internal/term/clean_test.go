package term_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/gravitee-lab/gio/internal/term"
)

// colors are sequences that pass, one of them the beginning of a longer one but for its end.
func colors() []string { return []string{"\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[32m"} }

// TestCleaner: what a terminal would obey is taken out, and nothing else; what passes must be said.
func TestCleaner(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, plain, painted, escaped string }{
		{"words", "ünïversal – 製品 🚀\tx\n", "ünïversal – 製品 🚀\tx\n", "ünïversal – 製品 🚀\tx\n", "ünïversal – 製品 🚀\tx\n"},
		{"a title", "a\x1b]0;PWN\x07b", "a]0;PWNb", "a]0;PWNb", `a\u001b]0;PWN\u0007b`},
		{"a colour of gio", "\x1b[1;31mFAILED\x1b[0m", "[1;31mFAILED[0m", "\x1b[1;31mFAILED\x1b[0m", `\u001b[1;31mFAILED\u001b[0m`},
		{"another colour", "\x1b[31mred\x1b[2J", "[31mred[2J", "[31mred[2J", `\u001b[31mred\u001b[2J`},
		{"half a colour of gio", "\x1b\x1b[1;3\x1b[1m", "[1;3[1m", "[1;3\x1b[1m", `\u001b\u001b[1;3\u001b[1m`},
		{"C1 and DEL", "a\u009b2J\u0085b\x7f", "a2Jb", "a2Jb", `a\u009b2J\u0085b\u007f`},
		{"bidirectional marks", "\u202ea\u2066b\u200fc\u061cd\u2069", "abcd", "abcd", `\u202ea\u2066b\u200fc\u061cd\u2069`},
		{"no UTF-8", "a\x9b2J\xffb\xc3(", "a\ufffd2J\ufffdb\ufffd(", "a\ufffd2J\ufffdb\ufffd(", "a\ufffd2J\ufffdb\ufffd("},
		{"line ends", "a\r\nb\rc\r\r\n", "a\r\nbc\r\n", "a\r\nbc\r\n", "a\r\nbc\r\n"},
	} {
		for mode, c := range map[string]struct {
			cleaner term.Cleaner
			want    string
		}{
			"plain": {term.Cleaner{}, tt.plain}, "painted": {term.Cleaner{Lets: colors()}, tt.painted}, "escaped": {term.Cleaner{Escape: true}, tt.escaped},
		} {
			if got := string(c.cleaner.Clean([]byte(tt.text))); got != c.want {
				t.Errorf("%s, %s: %q, want %q", tt.name, mode, got, c.want)
			}
		}
	}
}

// inPieces cleans a text that comes in pieces of a length.
func inPieces(c term.Cleaner, text []byte, length int) string {
	var out strings.Builder
	for len(text) > 0 {
		n := min(length, len(text))
		out.Write(c.Clean(text[:n]))
		text = text[n:]
	}
	return out.String()
}

// FuzzCleaner: no control character passes but newline, tab and gio's own sequences; what is clean stays as it is; where a
// text is cut does not matter; a JSON text keeps its value.
func FuzzCleaner(f *testing.F) {
	for _, seed := range []string{"", "a\x1b]0;PWN\x07b", "\x1b[1;31mx\x1b[0m\x1b[1;3", "\u009b\u202e\xc2", "\x1b\x1b[32m\x9b\xff\xc3(", "a\r\r\nb\r"} {
		f.Add([]byte(seed), 1, 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, one, other int) {
		one, other = max(one%64, 1), max(other%64, 1)
		for _, c := range []term.Cleaner{{}, {Lets: colors()}, {Escape: true}} {
			got := inPieces(c, text, one)
			if again := inPieces(c, text, other); again != got {
				t.Errorf("in pieces of %d: %q, of %d: %q", one, got, other, again)
			}
			if again := inPieces(c, []byte(got), other); again != got {
				t.Errorf("%q is cleaned to %q", got, again)
			}
			rest := got
			for _, s := range c.Lets {
				rest = strings.ReplaceAll(rest, s, "")
			}
			rest = strings.ReplaceAll(rest, "\r\n", "\n")
			if i := strings.IndexFunc(rest, func(r rune) bool {
				return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
			}); i >= 0 {
				t.Errorf("%q passes, of %q", rest[i:], text)
			}
		}
		value, err := json.Marshal(string(text))
		if err != nil {
			t.Fatal(err)
		}
		var want, back string
		if err := json.Unmarshal(value, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(inPieces(term.Cleaner{Escape: true}, value, one)), &back); err != nil || back != want {
			t.Errorf("%q becomes %q, %v", want, back, err)
		}
	})
}

func BenchmarkCleaner(b *testing.B) {
	line := []byte("10:00:00  wave 1/3  gravitee-gateway 3.9.4  triggered  https://app.circleci.com/pipelines/gh/acme/gateway/12\n")
	b.SetBytes(int64(len(line)))
	var c term.Cleaner
	for b.Loop() {
		c.Clean(line)
	}
}
