package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func TestCreateToken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		made, secret, err := w.CreateToken(t.Context(), storetest.Admin(), ledger.Token{Subject: "bob@example.org", Role: ledger.Deployer, Project: "acme"}, "")
		if err != nil {
			t.Fatal(err)
		}
		if parts := strings.Split(secret, "_"); len(secret) < 50 || parts[0] != "gio" || made.Hash != ledger.HashOf(secret) || made.Hash == secret {
			t.Errorf("the secret %q of %+v", secret, made)
		}
		_, other, err := w.CreateToken(t.Context(), storetest.Admin(), ledger.Token{Subject: "bob@example.org", Role: ledger.Deployer}, "")
		if err != nil || other == secret {
			t.Errorf("two tokens have one secret: %v", err)
		}
		const foreign = "an imported secret, long enough"
		if _, got, err := w.CreateToken(t.Context(), storetest.Admin(), ledger.Token{Subject: "ci", Role: ledger.Reporter}, foreign); err != nil || got != foreign {
			t.Errorf("an imported one: %q, %v", got, err)
		}
		tests := []struct {
			title    string
			token    ledger.Token
			imported string
			kind     fault.Kind
			code     string
		}{
			{"the same secret", ledger.Token{Subject: "a", Role: ledger.Reader}, foreign, fault.Invalid, "token-exists"},
			{"a short secret", ledger.Token{Subject: "a", Role: ledger.Reader}, strings.Repeat("x", 19), fault.Invalid, "weak-secret"},
			{"no role", ledger.Token{Subject: "a"}, "", fault.Invalid, "invalid-role"},
			{"an unknown role", ledger.Token{Subject: "a", Role: "Admin"}, "", fault.Invalid, "invalid-role"},
			{"no subject", ledger.Token{Role: ledger.Reader}, "", fault.Invalid, "invalid-subject"},
			{"a subject with a line break", ledger.Token{Subject: "a\nb", Role: ledger.Reader}, "", fault.Invalid, "invalid-subject"},
			{"a subject that begins with space", ledger.Token{Subject: " a", Role: ledger.Reader}, "", fault.Invalid, "invalid-subject"},
			{"a long subject", ledger.Token{Subject: strings.Repeat("a", 201), Role: ledger.Reader}, "", fault.Invalid, "invalid-subject"},
			{"no such project", ledger.Token{Subject: "a", Role: ledger.Reader, Project: "other"}, "", fault.NotFound, "no-project"},
		}
		for _, test := range tests {
			got, secret, err := w.CreateToken(t.Context(), storetest.Admin(), test.token, test.imported)
			refused(t, test.title, err, test.kind, test.code)
			if secret != "" || got != (ledger.Token{}) {
				t.Errorf("%s: a refusal gives %q and %v", test.title, secret, got)
			}
		}
		for _, e := range w.history() {
			for _, said := range e.Data {
				if strings.Contains(said, secret) || strings.Contains(said, foreign) || strings.Contains(said, made.Hash) {
					t.Errorf("an event tells a secret: %v", e)
				}
			}
		}
	})
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := empty(t, url)
		made, secret, err := w.Recover(t.Context(), "ann@example.org")
		if err != nil || made.Role != ledger.Admin || made.Project != "" {
			t.Fatalf("%+v, %v", made, err)
		}
		admin := ledger.Caller{Token: made}
		short, expiring, err := w.CreateToken(t.Context(), admin, ledger.Token{Subject: "ci", Role: ledger.Reader, ExpiresAt: w.now.Add(time.Hour)}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []string{"", " " + secret, secret + " ", secret[:len(secret)-1], made.Hash, made.ID, strings.ToUpper(secret)} {
			_, err := w.Authenticate(t.Context(), wrong)
			refused(t, "a wrong secret", err, fault.Auth, "bad-token")
			if wrong != "" && wrong != " " && strings.Contains(err.Error(), wrong) {
				t.Errorf("the fault tells the secret: %v", err)
			}
		}
		if got, err := w.Authenticate(t.Context(), secret); err != nil || got.ID != made.ID || got.Role != ledger.Admin {
			t.Errorf("%+v, %v", got, err)
		}
		w.now = w.now.Add(time.Hour - time.Millisecond)
		if _, err := w.Authenticate(t.Context(), expiring); err != nil {
			t.Errorf("before it ends: %v", err)
		}
		w.now = w.now.Add(time.Millisecond)
		_, err = w.Authenticate(t.Context(), expiring)
		refused(t, "when it ends", err, fault.Auth, "bad-token")
		if err := w.RevokeToken(t.Context(), admin, made.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.Authenticate(t.Context(), secret)
		refused(t, "a revoked one", err, fault.Auth, "bad-token")
		refused(t, "revoking none", w.RevokeToken(t.Context(), admin, "other"), fault.NotFound, "no-token")
		all, err := w.Tokens(t.Context(), admin)
		if err != nil || len(all) != 2 || all[0].ID != short.ID || all[0].Hash != "" {
			t.Errorf("the newest first, without their hashes: %+v, %v", all, err)
		}
	})
}

// The last use is known to the minute, and a use within it writes nothing.
func TestLastUse(t *testing.T) {
	t.Parallel()
	w := empty(t, storetest.SQLite(t))
	made, secret, err := w.Recover(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	began := w.now
	for _, step := range []struct{ after, used time.Duration }{{0, 0}, {time.Minute, 0}, {61 * time.Second, 61 * time.Second}, {90 * time.Second, 61 * time.Second}} {
		w.now = began.Add(step.after)
		if _, err := w.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		all, err := w.Tokens(t.Context(), ledger.Caller{Token: made})
		if err != nil || !all[0].UsedAt.Equal(began.Add(step.used)) {
			t.Errorf("after %s it was used at %v, %v", step.after, all[0].UsedAt, err)
		}
	}
}

func TestTokensOfAProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	bound := by(ledger.Admin, "acme")
	for _, project := range []string{"", "acme"} {
		if _, _, err := w.CreateToken(t.Context(), storetest.Admin(), ledger.Token{Subject: "of " + project, Role: ledger.Reader, Project: project}, ""); err != nil {
			t.Fatal(err)
		}
	}
	all, err := w.Tokens(t.Context(), bound)
	if err != nil || len(all) != 1 || all[0].Project != "acme" {
		t.Errorf("%v, %v", all, err)
	}
	_, _, err = w.CreateToken(t.Context(), bound, ledger.Token{Subject: "a", Role: ledger.Admin}, "")
	refused(t, "a token of all, by an admin of one", err, fault.Auth, "other-project")
	_, err = w.Tokens(t.Context(), by(ledger.Releaser, ""))
	refused(t, "the tokens, by a releaser", err, fault.Auth, "not-allowed")
}
