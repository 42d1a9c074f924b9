package term

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// hidden stands for a secret.
const hidden = "***"

// Hider replaces secrets in a text by ***, in whatever pieces it comes. It is a net below the places that know of a secret, and
// finds one as it is, as JSON has it, and as an address has it.
type Hider struct {
	secrets []string // the longest first
	begins  [256]bool
	held    []byte // the end of a piece, with which a secret may begin
}

// Add adds secrets to those that are hidden.
func (h *Hider) Add(secrets ...string) {
	for _, secret := range secrets {
		for _, form := range []string{secret, quoted(secret, true), quoted(secret, false), url.PathEscape(secret), url.QueryEscape(secret)} {
			if form != "" && !slices.Contains(h.secrets, form) {
				h.secrets = append(h.secrets, form)
				h.begins[form[0]] = true
			}
		}
	}
	slices.SortStableFunc(h.secrets, func(a, b string) int { return len(b) - len(a) })
}

// quoted is a text as it stands between the quotes of a JSON string.
func quoted(text string, escapeHTML bool) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	_ = enc.Encode(text) // never fails for a string and a buffer
	return strings.Trim(strings.TrimSuffix(b.String(), "\n"), `"`)
}

// Hide returns the next piece without secrets. It keeps back an end with which one may begin.
func (h *Hider) Hide(piece []byte) []byte { return h.hide(piece, false) }

// All returns a whole text without secrets.
func (h *Hider) All(text []byte) []byte {
	whole := Hider{secrets: h.secrets, begins: h.begins}
	return whole.hide(text, true)
}

// Rest returns what was kept back, at the end of a text.
func (h *Hider) Rest() []byte { return h.hide(nil, true) }

func (h *Hider) hide(piece []byte, last bool) []byte {
	text := append(h.held, piece...)
	h.held = nil
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if !h.begins[text[i]] {
			out = append(out, text[i])
			i++
			continue
		}
		n, open := h.match(text[i:])
		switch {
		case open && !last:
			h.held = slices.Clone(text[i:])
			return out
		case n == 0:
			out = append(out, text[i])
			i++
		default:
			out = append(out, hidden...)
			i += n
		}
	}
	return out
}

// match returns the length of the longest secret at the beginning, 0 for none; open tells that a longer one may begin there.
func (h *Hider) match(text []byte) (n int, open bool) {
	for _, s := range h.secrets {
		if len(s) > len(text) {
			open = open || strings.HasPrefix(s, string(text))
		} else if string(text[:len(s)]) == s {
			return len(s), open
		}
	}
	return 0, open
}
