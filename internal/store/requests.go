package store

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	answerByRequest = `SELECT body, answer, at FROM requests WHERE token = $1 AND method = $2 AND path = $3 AND key = $4`
	// What is older than $8 is not there.
	insertRequest = `INSERT INTO requests (token, method, path, key, body, answer, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (token, method, path, key) DO UPDATE SET body = excluded.body, answer = excluded.answer, at = excluded.at WHERE requests.at <= $8`
	pruneRequests = `DELETE FROM requests WHERE at <= $1`
)

func (t tx) Answer(ctx context.Context, r ledger.Request, since time.Time) (ledger.Answer, error) {
	scan := func(from row) (a ledger.Answer, err error) {
		var at int64
		err = from.Scan(&a.Body, &a.Text, &at)
		a.At = moment(at)
		return a, err
	}
	unknown := missing("no-request", "there was no such request")
	a, err := one(ctx, t, unknown, scan, answerByRequest, r.Token, r.Method, r.Path, r.Key)
	if err == nil && !a.At.After(since) {
		return ledger.Answer{}, unknown
	}
	return a, err
}

func (t tx) KeepAnswer(ctx context.Context, r ledger.Request, a ledger.Answer, since time.Time) error {
	n, err := t.exec(ctx, insertRequest, r.Token, r.Method, r.Path, r.Key, a.Body, a.Text, millis(a.At), millis(since))
	if err == nil && n == 0 {
		return existing{fault.New(fault.Invalid, "request-exists", "this request was answered already")}
	}
	return err
}

func (t tx) PruneAnswers(ctx context.Context, until time.Time) error {
	_, err := t.exec(ctx, pruneRequests, millis(until))
	return err
}
