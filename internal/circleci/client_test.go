package circleci

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// The token goes to no other host, even over a client that gio did not make.
func TestRedirectDoesNotCarryTheToken(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		synctest.Test(t, func(t *testing.T) {
			r, base := serve(t, func(w http.ResponseWriter, req *http.Request) {
				if req.Host == "circleci.test" {
					answer(status, ``, "Location", "http://evil.circleci.test"+req.URL.Path)(w, req)
				}
			})
			c := New(Options{Host: testHost, Token: testToken, HTTP: &http.Client{Transport: base}})
			_, err := c.Trigger(t.Context(), request())
			_ = triggerError(t, err)
			_, err = c.Me(t.Context())
			if !fault.Is(err, "circleci-redirect") || !strings.Contains(err.Error(), "evil.circleci.test") {
				t.Errorf("%d: %v", status, err)
			}
			for _, a := range r.all() {
				if a.host != "circleci.test" {
					t.Errorf("%d: %s %s went to %s", status, a.method, a.path, a.host)
				}
			}
			if len(r.all()) != 2 {
				t.Errorf("%d: %d requests", status, len(r.all()))
			}
		})
	}
}

// The token is in one header and nowhere else: not in an error when a server echoes it, not in the log.
func TestTokenIsToldNowhere(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", transport.MaxWords-6) + testToken // cut in the middle of the token
	for _, body := range []string{`{"message":"bad token ` + testToken + `"}`, "token " + testToken, long, `{"id":"` + testToken + `"`} {
		for _, status := range []int{200, 400, 401, 404} {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				r, base := serve(t, answer(status, body))
				h := transport.New(transport.Options{Base: base, Log: zerolog.New(&out)})
				c := New(Options{Host: "http://me:" + testToken + "@circleci.test", Token: testToken + "\n", HTTP: h})
				_, err := c.Trigger(t.Context(), request())
				_ = triggerError(t, err)
				_, err = c.Me(t.Context())
				if err == nil {
					t.Fatal("Me read " + body)
				}
				noSecret(t, err.Error()+out.String())
				if f, ok := errors.AsType[*fault.Fault](err); !ok || strings.Contains(strings.Join(fault.HintLines(f), ""), testToken) {
					t.Errorf("%v", err)
				}
				for _, a := range r.all() {
					noSecret(t, a.path+a.query+a.body)
					if a.header.Get("Authorization") != "Bearer "+testToken {
						t.Errorf("Authorization %q", a.header.Get("Authorization"))
					}
				}
			})
		}
	}
}

func TestUnusableTokenOrHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		o    Options
		kind fault.Kind
		code string
	}{
		{Options{Token: ""}, fault.Auth, "circleci-token"},
		{Options{Token: " \n"}, fault.Auth, "circleci-token"},
		{Options{Token: "a\nb"}, fault.Auth, "circleci-token"},
		{Options{Token: "ä"}, fault.Auth, "circleci-token"},
		{Options{Token: "t", Host: "ftp://circleci.com"}, fault.Invalid, "circleci-host"},
		{Options{Token: "t", Host: "https://"}, fault.Invalid, "circleci-host"},
		{Options{Token: "t", Host: "https://a b"}, fault.Invalid, "circleci-host"},
	}
	for _, tt := range tests {
		c := New(tt.o)
		_, err := c.Me(t.Context())
		_, triggerErr := c.Trigger(t.Context(), request())
		if e := triggerError(t, triggerErr); e.Outcome != Refused {
			t.Errorf("%+v: trigger %s", tt.o, e.Outcome)
		}
		for _, err := range []error{err, triggerErr} {
			if fault.KindOf(err) != tt.kind || fault.CodeOf(err) != tt.code {
				t.Errorf("%+v: %v", tt.o, err)
			}
		}
	}
}

func TestWordsAreShort(t *testing.T) {
	t.Parallel()
	c := New(Options{Token: testToken})
	for in, want := range map[string]string{
		"":                               "",
		`{"message":"Branch not found"}`: "Branch not found",
		`{"message":""}`:                 `{"message":""}`,
		`{"message":7}`:                  `{"message":7}`,
		"a\x1b[31m\r\n\tb":               "a [31m b",
		strings.Repeat("é", 300):         strings.Repeat("é", 199) + "…",
		"see https://u:p@h/?key=1":       "see https://REDACTED@h/?key=REDACTED",
		"\xff":                           "?",
	} {
		if diff := cmp.Diff(want, c.message([]byte(in))); diff != "" {
			t.Errorf("words(%q): %s", in, diff)
		}
	}
}
