package store

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	tokenColumns = `SELECT id, hash, subject, COALESCE(project, ''), role, created_at, expires_at, revoked_at, used_at FROM tokens`
	// A list shows nobody a hash.
	tokenListed   = `SELECT id, '', subject, COALESCE(project, ''), role, created_at, expires_at, revoked_at, used_at FROM tokens`
	tokenByID     = tokenColumns + ` WHERE id = $1`
	tokenByHash   = tokenColumns + ` WHERE hash = $1`
	allTokens     = tokenListed + ` ORDER BY id DESC`
	anyToken      = `SELECT id FROM tokens LIMIT 1`
	projectTokens = tokenListed + ` WHERE project = $1 ORDER BY id DESC`
	insertToken   = `INSERT INTO tokens (id, hash, subject, project, role, created_at, expires_at, revoked_at, used_at)
		VALUES ($1, $2, $3, NULLIF($4, ''), $5, $6, $7, $8, $9)`
	// It stays revoked from the first time on.
	revokeToken = `UPDATE tokens SET revoked_at = CASE WHEN revoked_at = 0 THEN $2 ELSE revoked_at END WHERE id = $1`
	useToken    = `UPDATE tokens SET used_at = CASE WHEN used_at < $2 THEN $2 ELSE used_at END WHERE id = $1`
)

func noToken() *fault.Fault { return missing("no-token", "there is no such token") }

func scanToken(r row) (k ledger.Token, err error) {
	var created, expires, revoked, used int64
	err = r.Scan(&k.ID, &k.Hash, &k.Subject, &k.Project, &k.Role, &created, &expires, &revoked, &used)
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.UsedAt = moment(created), moment(expires), moment(revoked), moment(used)
	return k, err
}

func (t tx) Token(ctx context.Context, id string) (ledger.Token, error) {
	return one(ctx, t, noToken(), scanToken, tokenByID, id)
}

// TokenByHash implements ledger.Store.
func (s *Store) TokenByHash(ctx context.Context, hash string) (ledger.Token, error) {
	k, err := one(ctx, tx{s.read, s.meaning, s.clock}, noToken(), scanToken, tokenByHash, hash)
	return k, said(ctx, err)
}

func (t tx) Tokens(ctx context.Context, project string) ([]ledger.Token, error) {
	if project == "" {
		return all(ctx, t, scanToken, allTokens)
	}
	return all(ctx, t, scanToken, projectTokens, project)
}

func (t tx) AnyToken(ctx context.Context) (bool, error) {
	id := func(r row) (id string, err error) { return id, r.Scan(&id) }
	_, err := one(ctx, t, noToken(), id, anyToken)
	if fault.Is(err, "no-token") {
		return false, nil
	}
	return err == nil, err
}

func (t tx) InsertToken(ctx context.Context, k ledger.Token) error {
	return t.insert(ctx, exists("token-exists", "there is a token with this secret already").Hint("use that one, or take another secret"), noProject(k.Project), insertToken,
		k.ID, k.Hash, k.Subject, k.Project, string(k.Role), millis(k.CreatedAt), millis(k.ExpiresAt), millis(k.RevokedAt), millis(k.UsedAt))
}

func (t tx) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return t.update(ctx, noToken(), revokeToken, id, millis(at))
}

func (t tx) UseToken(ctx context.Context, id string, at time.Time) error {
	return t.update(ctx, noToken(), useToken, id, millis(at))
}
