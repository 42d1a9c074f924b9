package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func token(id, project string) ledger.Token {
	return ledger.Token{
		ID: id, Hash: ledger.HashOf("secret of " + id), Subject: "ann@example.org", Project: project, Role: ledger.Deployer,
		CreatedAt: at(1), ExpiresAt: at(50),
	}
}

func tokenOf(t *testing.T, s *store.Store, id string) ledger.Token {
	t.Helper()
	return get(t, s, func(ctx context.Context, tx ledger.Tx) (ledger.Token, error) { return tx.Token(ctx, id) })
}

func TestTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		all, one := token("1", ""), token("2", "acme")
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			if err := tx.InsertToken(ctx, all); err != nil {
				return err
			}
			return tx.InsertToken(ctx, one)
		})
		same(t, tokenOf(t, s, "1"), all)
		byHash, err := s.TokenByHash(t.Context(), one.Hash)
		if err != nil {
			t.Fatal(err)
		}
		same(t, byHash, one)
		if _, err := s.TokenByHash(t.Context(), ""); !fault.Is(err, "no-token") {
			t.Errorf("of no hash: %v", err)
		}
		list := func(project string) []ledger.Token {
			return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]ledger.Token, error) { return tx.Tokens(ctx, project) })
		}
		all.Hash, one.Hash = "", "" // a list shows nobody a hash
		same(t, list(""), []ledger.Token{one, all})
		same(t, list("acme"), []ledger.Token{one})
		same(t, list("other"), []ledger.Token(nil))
	})
}

func TestUseAndRevoke(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		want := token("1", "")
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.InsertToken(ctx, want) })
		for _, second := range []int{5, 7, 6} {
			change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.UseToken(ctx, "1", at(second)) })
			change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.RevokeToken(ctx, "1", at(second)) })
		}
		want.UsedAt, want.RevokedAt = at(7), at(5) // the last use, the first end
		same(t, tokenOf(t, s, "1"), want)
	})
}

// TestNoSecretIsKept looks for secrets in all that the database wrote.
func TestNoSecretIsKept(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := storetest.Open(t, url)
	l := newLedger(s)
	_, made, err := l.CreateToken(t.Context(), storetest.Admin(), ledger.Token{Subject: "ann@example.org", Role: ledger.Deployer}, "")
	if err != nil {
		t.Fatal(err)
	}
	const imported = "av_uat_this is planted and must not be found"
	if _, _, err := l.CreateToken(t.Context(), storetest.Admin(), ledger.Token{Subject: "ci", Role: ledger.Reporter}, imported); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Authenticate(t.Context(), imported); err != nil {
		t.Fatal(err)
	}
	secret := made[strings.LastIndex(made, "_")+1:]
	written := files(t, filepath.Dir(strings.TrimPrefix(url, "sqlite:")))
	for _, forbidden := range []string{made, secret, imported} {
		if bytes.Contains(written, []byte(forbidden)) {
			t.Error("a secret is in the database")
		}
	}
	if !bytes.Contains(written, []byte(ledger.HashOf(imported))) {
		t.Error("the hash is not in the database: this test reads the wrong files")
	}
}

// files are all below a directory, one after the other.
func files(t *testing.T, dir string) (all []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return all
}
