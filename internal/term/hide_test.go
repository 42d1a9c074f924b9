package term_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/term"
)

func hideInPieces(text string, length int, secrets ...string) string {
	var h term.Hider
	h.Add(secrets...)
	var out strings.Builder
	for len(text) > 0 {
		n := min(length, len(text))
		out.Write(h.Hide([]byte(text[:n])))
		text = text[n:]
	}
	out.Write(h.Rest())
	return out.String()
}

// TestHider: secrets are hidden as they are, as JSON has them and as an address has them, whatever pieces the text comes in; the
// longest wins.
func TestHider(t *testing.T) {
	t.Parallel()
	secrets := []string{"s3cret/word", "s3cret/word-and-more", `quo"te<d>`}
	for text, want := range map[string]string{
		"no secret here":                          "no secret here",
		"s3cret/word":                             "***",
		"a s3cret/word-and-more, b":               "a ***, b",
		"s3cret/word-and-mor":                     "***-and-mor",
		"s3cret/wors3cret/words3cret/":            "s3cret/wor***s3cret/",
		`"quo\"te<d>" "quo\"te\u003cd\u003e"`:     `"***" "***"`,
		"https://h/?q=s3cret%2Fword&p=s3cret%2Fw": "https://h/?q=***&p=s3cret%2Fw",
	} {
		for length := 1; length <= len(text); length++ {
			if got := hideInPieces(text, length, secrets...); got != want {
				t.Errorf("%q in pieces of %d: %q, want %q", text, length, got, want)
			}
		}
		var h term.Hider
		h.Add(secrets...)
		if got := string(h.All([]byte(text))); got != want {
			t.Errorf("%q as a whole: %q, want %q", text, got, want)
		}
	}
}

// FuzzHider: no secret passes, and where a text is cut does not matter.
func FuzzHider(f *testing.F) {
	f.Add("a s3cret-1 b", "s3cret-1", "s3cret-12", 1, 3)
	f.Add("aaaaaaaaab", "aaaaaaaa", "aaab", 2, 5)
	f.Fuzz(func(t *testing.T, text, a, b string, one, other int) {
		one, other = max(one%64, 1), max(other%64, 1)
		got := hideInPieces(text, one, a, b)
		if again := hideInPieces(text, other, a, b); again != got {
			t.Errorf("in pieces of %d: %q, of %d: %q", one, got, other, again)
		}
		if strings.Contains(a+b, "*") { // what stands for a secret may make another one
			return
		}
		for _, secret := range []string{a, b} {
			if secret != "" && strings.Contains(got, secret) {
				t.Errorf("%q passes: %q", secret, got)
			}
		}
	})
}
