package transport

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

const redacted = "REDACTED"

// harmless names the query parameters whose values may be shown. Any other value is redacted, because the parameter with
// the secret of a signed link has a different name in each service.
var harmless = map[string]bool{
	"branch": true, "mine": true, "org-slug": true, "page-token": true, "reporting-window": true, // CircleCI
	"page": true, "per_page": true, "ref": true, "sha": true, "state": true, "head": true, "base": true, // GitHub
	"service": true, // Git over HTTP
}

// RedactURL returns a URL for logs: no user or password, no fragment, and only harmless values in its query.
func RedactURL(u *url.URL) string {
	shown := *u
	shown.Fragment, shown.RawFragment = "", ""
	if shown.User != nil {
		shown.User = url.User(redacted)
	}
	if shown.RawQuery != "" {
		shown.RawQuery = redactQuery(shown.RawQuery)
	}
	return shown.String()
}

func redactQuery(raw string) string {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return redacted
	}
	for name := range values {
		if !harmless[name] {
			values[name] = []string{redacted}
		}
	}
	return values.Encode()
}

var urlInText = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)

// userinfo matches what precedes the host, also in a URL that url.Parse refuses.
var userinfo = regexp.MustCompile(`://[^/?#\s]*@`)

// RedactText redacts every URL in a text, and every given secret.
func RedactText(text string, secrets ...string) string {
	text = urlInText.ReplaceAllStringFunc(removeSecrets(text, secrets), func(match string) string {
		u, err := url.Parse(match)
		if err != nil {
			return userinfo.ReplaceAllString(match, "://"+redacted+"@")
		}
		return RedactURL(u)
	})
	return removeSecrets(text, secrets) // again: a re-encoded URL may contain unescaped what was escaped before
}

func removeSecrets(text string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, redacted)
		}
	}
	return text
}

// MaxWords is the largest number of characters of a server's answer in a message.
const MaxWords = 200

// Words makes a server's answer fit for a message: one line of at most MaxWords characters, redacted before it is cut.
func Words(text string, secrets ...string) string {
	text = RedactText(strings.ToValidUTF8(text, "?"), secrets...)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(text); len(runes) > MaxWords {
		return string(runes[:MaxWords-1]) + "…"
	}
	return text
}

// quietError is an error whose text contains no secret.
type quietError struct {
	text string
	err  error
}

func (q quietError) Error() string { return q.text }
func (q quietError) Unwrap() error { return q.err }

// Quiet removes secrets from the text of a request's error, and the URL, which the message around it already has.
func Quiet(err error, secrets ...string) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return quietError{text: RedactText(err.Error(), secrets...), err: err}
}
