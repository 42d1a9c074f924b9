package ledger

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// matchesGlob tells whether all of a text is what a pattern says, or is the pattern itself: * is any text, with slashes and line ends, ? any
// character, [a-z] and [!a-z] one of those or another one, {a,b} either, \ takes the next character as it is. Its fault is invalid-pattern.
func matchesGlob(pattern, text string) (bool, error) {
	if pattern == text {
		return true, nil
	}
	if len(pattern) > 1000 {
		return false, invalidPattern(pattern, "it is longer than 1,000 bytes")
	}
	g := globReader{rest: []rune(pattern)}
	g.out.WriteString(`(?s)\A(?:`)
	if err := g.read(0); err != nil {
		return false, invalidPattern(pattern, err.Error())
	}
	g.out.WriteString(`)\z`)
	expression, err := regexp.Compile(g.out.String())
	if err != nil {
		return false, invalidPattern(pattern, "it cannot be read")
	}
	return expression.MatchString(text), nil
}

func invalidPattern(pattern, why string) error {
	return fault.New(fault.Invalid, "invalid-pattern", "%.100q is no pattern: %s", pattern, why)
}

// globReader translates a pattern into a regular expression, which takes no longer than the text is long.
type globReader struct {
	rest []rune
	out  strings.Builder
}

func (g *globReader) next() (r rune, is bool) {
	if len(g.rest) == 0 {
		return 0, false
	}
	r, g.rest = g.rest[0], g.rest[1:]
	return r, true
}

func (g *globReader) literal(r rune) { g.out.WriteString(regexp.QuoteMeta(string(r))) }

// read reads to the end of the pattern or, in braces, to the brace that closes.
func (g *globReader) read(braces int) error {
	for {
		r, is := g.next()
		switch {
		case !is && braces > 0:
			return fmt.Errorf("a } is missing")
		case !is:
			return nil
		case r == '*':
			g.out.WriteString(`.*`)
		case r == '?':
			g.out.WriteString(`.`)
		case r == '[':
			if err := g.class(); err != nil {
				return err
			}
		case r == '{':
			g.out.WriteString(`(?:`)
			if err := g.read(braces + 1); err != nil {
				return err
			}
		case r == '}' && braces > 0:
			g.out.WriteString(`)`)
			return nil
		case r == ',' && braces > 0:
			g.out.WriteString(`|`)
		case r == '\\':
			if r, is = g.next(); !is {
				return fmt.Errorf("a character is missing behind the last \\")
			}
			g.literal(r)
		default:
			g.literal(r)
		}
	}
}

// class reads [a-z] behind its bracket.
func (g *globReader) class() error {
	g.out.WriteString(`[`)
	if len(g.rest) > 0 && g.rest[0] == '!' {
		g.rest = g.rest[1:]
		g.out.WriteString(`^`)
	}
	for n := 0; ; n++ {
		r, is := g.next()
		switch {
		case !is:
			return fmt.Errorf("a ] is missing")
		case r == ']' && n > 0:
			g.out.WriteString(`]`)
			return nil
		case r == ']':
			return fmt.Errorf("[] is nothing")
		}
		fmt.Fprintf(&g.out, `\x{%X}`, r)
		if len(g.rest) > 1 && g.rest[0] == '-' && g.rest[1] != ']' {
			if g.rest[1] < r {
				return fmt.Errorf("%c-%c is no range", r, g.rest[1])
			}
			fmt.Fprintf(&g.out, `-\x{%X}`, g.rest[1])
			g.rest = g.rest[2:]
		}
	}
}
