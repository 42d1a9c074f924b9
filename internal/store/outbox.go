package store

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	insertNews  = `INSERT INTO outbox (id, receiver, body, tries, next_at, created_at) VALUES ($1, $2, $3, 0, 0, $4)`
	waitingNews = `SELECT id FROM outbox WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2`
	takeNews    = `UPDATE outbox SET next_at = $3, tries = tries + 1 WHERE id = $1 AND next_at <= $2 RETURNING id, receiver, body, tries, created_at`
	putOffNews  = `UPDATE outbox SET next_at = $2 WHERE id = $1`
	deleteNews  = `DELETE FROM outbox WHERE id = $1`
)

func noNews(id string) *fault.Fault {
	return missing("no-news", "there are no news %.120s to send", id)
}

func (t tx) InsertNews(ctx context.Context, n ledger.News) error {
	there := exists("news-exist", "there are news %s already", n.ID)
	return t.insert(ctx, there, there, insertNews, n.ID, n.Receiver, n.Body, millis(n.CreatedAt))
}

func (t tx) WaitingNews(ctx context.Context, limit int) ([]string, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	return all(ctx, t, scanText, waitingNews, now, limit)
}

func (t tx) TakeNews(ctx context.Context, id string, lease time.Duration) (ledger.News, error) {
	now, err := t.now(ctx)
	if err != nil {
		return ledger.News{}, err
	}
	scan := func(r row) (n ledger.News, err error) {
		var created int64
		err = r.Scan(&n.ID, &n.Receiver, &n.Body, &n.Tries, &created)
		n.CreatedAt = moment(created)
		return n, err
	}
	return one(ctx, t, noNews(id), scan, takeNews, id, now, now+lease.Milliseconds())
}

func (t tx) PutOffNews(ctx context.Context, id string, pause time.Duration) error {
	now, err := t.now(ctx)
	if err != nil {
		return err
	}
	return t.update(ctx, noNews(id), putOffNews, id, now+pause.Milliseconds())
}

func (t tx) DeleteNews(ctx context.Context, id string) error {
	_, err := t.exec(ctx, deleteNews, id)
	return err
}
