package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestRefusals: the server's own answers become faults with its code and hints; what is no gio-server is said.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		status int
		body   string
		kind   fault.Kind
		code   string
		says   string
	}{
		{"refused", 403, `{"detail": "a reader may not deploy", "code": "not-allowed", "hints": ["ask an admin"]}`, fault.Auth, "not-allowed", "ask an admin"},
		{"a bad token", 401, `{"detail": "the token is not valid", "code": "bad-token"}`, fault.Auth, "bad-token", "not valid"},
		{"not there", 404, `{"detail": "there is no project x", "code": "no-project"}`, fault.NotFound, "no-project", "no project x"},
		{"a conflict", 409, `{"detail": "it is there already", "code": "token-exists"}`, fault.Invalid, "token-exists", "already"},
		{"a field that is wrong", 422, `{"detail": "validation failed", "errors": [{"message": "expected string", "location": "body.name"}]}`, fault.Invalid, "", "body.name: expected string"},
		{"it failed", 500, `{"detail": "the server has failed", "code": "internal"}`, fault.Remote, "internal", "failed"},
		{"a proxy", 502, `<html>Bad Gateway</html>`, fault.Remote, "server-answer", "502"},
		{"no gio-server", 200, `<html>Welcome</html>`, fault.Remote, "server-answer", "no gio-server"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t" {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		}))
		_, err := New(server.URL+"/", "t", server.Client()).Projects(t.Context())
		server.Close()
		if said := err.Error() + strings.Join(fault.HintLines(err), "\n"); fault.KindOf(err) != test.kind || fault.CodeOf(err) != test.code || !strings.Contains(said, test.says) {
			t.Errorf("%s: %v %q: %s", test.name, fault.KindOf(err), fault.CodeOf(err), said)
		}
	}
	if _, err := New("http://127.0.0.1:1", "t", http.DefaultClient).Tokens(t.Context()); !fault.Is(err, "server-unreachable") {
		t.Errorf("%v", err)
	}
	if _, err := New("http://%zz", "t", http.DefaultClient).Tokens(t.Context()); !fault.Is(err, "server-address") {
		t.Errorf("%v", err)
	}
}
