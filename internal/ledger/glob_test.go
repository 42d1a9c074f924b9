package ledger

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		pattern, text string
		want          bool
	}{
		{"main", "main", true},
		{"main", "mainz", false},
		{"main", "Main", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b\nc", true},
		{"feature/*", "feature/a", true},
		{"feature/*", "feature/a/b", true},
		{"feature/*", "feature", false},
		{"**", "a/b", true},
		{"?", "ü", true},
		{"?", "", false},
		{"?", "ab", false},
		{"v?.?", "v1.2", true},
		{"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a-c]x", "dx", true},
		{"[!a-c]x", "ax", false},
		{"[abc]", "b", true},
		{"[abc]", "-", false},
		{"{main,master}", "master", true},
		{"{main,master}", "main,master", false},
		{"{a,b{c,d}}e", "bde", true},
		{"{a*,b}", "axx", true},
		{"{,a}b", "b", true},
		{"a.b", "a.b", true},
		{"a.b", "axb", false},
		{"a+", "a+", true},
		{"(a|b)", "(a|b)", true},
		{"(a|b)", "a", false},
		{"^a$", "^a$", true},
		{"a,b", "a,b", true},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{`\[x\]`, "[x]", true},
		{"}", "}", true},
		{"a}b", "a}b", true},
		{"[", "[", true},
		{"{a", "{a", true}, // what is the pattern itself needs no reading
	} {
		if got, err := matchesGlob(row.pattern, row.text); err != nil || got != row.want {
			t.Errorf("%q on %q: %t, %v", row.pattern, row.text, got, err)
		}
	}
	for _, pattern := range []string{"[", "[]", "[a", "[z-a]", "{a", "{a,{b}", `a\`, strings.Repeat("a", 1001)} {
		if _, err := matchesGlob(pattern, "x"); !fault.Is(err, "invalid-pattern") {
			t.Errorf("%.20q: %v", pattern, err)
		}
	}
}

// naive is what a pattern means, tried out one way after the other.
func naive(pattern, text []rune) bool {
	if len(pattern) == 0 {
		return len(text) == 0
	}
	switch pattern[0] {
	case '*':
		for i := range len(text) + 1 {
			if naive(pattern[1:], text[i:]) {
				return true
			}
		}
		return false
	case '?':
		return len(text) > 0 && naive(pattern[1:], text[1:])
	case '\\':
		return len(text) > 0 && text[0] == pattern[1] && naive(pattern[2:], text[1:])
	case '{':
		options, rest := braces(pattern[1:])
		for _, option := range options {
			if naive(append(append([]rune{}, option...), rest...), text) {
				return true
			}
		}
		return false
	case '[':
		rest, matches := bracket(pattern[1:], text)
		return matches && naive(rest, text[1:])
	}
	return len(text) > 0 && text[0] == pattern[0] && naive(pattern[1:], text[1:])
}

// braces splits what stands behind a brace into what it offers and what follows.
func braces(pattern []rune) (options [][]rune, rest []rune) {
	depth, begin := 0, 0
	for i := 0; i < len(pattern); i++ {
		switch r := pattern[i]; {
		case r == '\\':
			i++
		case r == '[':
			end, _ := bracket(pattern[i+1:], []rune{0})
			i = len(pattern) - len(end) - 1
		case r == '{':
			depth++
		case r == '}' && depth > 0:
			depth--
		case r == ',' && depth == 0:
			options, begin = append(options, pattern[begin:i]), i+1
		case r == '}':
			return append(options, pattern[begin:i]), pattern[i+1:]
		}
	}
	return options, nil
}

func bracket(pattern, text []rune) (rest []rune, matches bool) {
	not := pattern[0] == '!'
	if not {
		pattern = pattern[1:]
	}
	in := false
	for i := 0; ; i++ {
		if pattern[i] == ']' {
			return pattern[i+1:], len(text) > 0 && in != not
		}
		low, high := pattern[i], pattern[i]
		if pattern[i+1] == '-' && pattern[i+2] != ']' {
			high, i = pattern[i+2], i+2
		}
		in = in || len(text) > 0 && low <= text[0] && text[0] <= high
	}
}

// FuzzGlob holds patterns against what they mean.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"feature/*", "feature/a"}, {"{a,b{c,d}}[!x-z]?", "bcy/"}, {`\*[a-c]`, "*b"}, {"{a,*}b*", "xxb"}, {"[!]", "a"}, {"[a-]", "-"}, {"[\\]", "\\"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 30 || len(text) > 30 || strings.Count(pattern, "*")+strings.Count(pattern, "{") > 6 {
			return // the naive way takes long
		}
		got, err := matchesGlob(pattern, text)
		if err != nil || pattern == text {
			return
		}
		if want := naive([]rune(pattern), []rune(text)); got != want {
			t.Errorf("%q on %q: %t", pattern, text, got)
		}
	})
}
