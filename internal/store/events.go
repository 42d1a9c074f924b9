package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"

	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	insertEvent  = `INSERT INTO events (id, at, project, type, subject, actor, dialect, address, data, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	eventColumns = `SELECT position, id, at, project, type, subject, actor, dialect, address, data, digest FROM events`
	// What has no position is greater than none.
	eventsAfter        = eventColumns + ` WHERE position > $1 ORDER BY position LIMIT $2`
	projectEventsAfter = eventColumns + ` WHERE position > $1 AND project = $3 ORDER BY position LIMIT $2`
)

// record is an event as it is kept.
type record struct {
	ledger.Event
	millis       int64
	data, digest string
}

// sum is the digest of all that a record says, but for its position. Each text has its length before it, so that no two records
// are written alike.
func (r record) sum() string {
	written := binary.BigEndian.AppendUint64(nil, uint64(r.millis))
	for _, text := range []string{r.ID, r.Project, r.Type, r.Subject, r.Actor, r.Dialect, r.Address, r.data} {
		written = append(binary.BigEndian.AppendUint64(written, uint64(len(text))), text...)
	}
	hash := sha256.Sum256(written)
	return hex.EncodeToString(hash[:])
}

func (t tx) AppendEvent(ctx context.Context, e ledger.Event) error {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return err
	}
	r := record{Event: e, millis: millis(e.Time), data: string(data)}
	there := exists("event-exists", "there is an event %s already", e.ID)
	return t.insert(ctx, there, there, insertEvent,
		r.ID, r.millis, r.Project, r.Type, r.Subject, r.Actor, r.Dialect, r.Address, r.data, r.sum())
}

func scanRecord(from row) (r record, err error) {
	err = from.Scan(&r.Position, &r.ID, &r.millis, &r.Project, &r.Type, &r.Subject, &r.Actor, &r.Dialect, &r.Address, &r.data, &r.digest)
	r.Time = moment(r.millis)
	return r, err
}

func scanEvent(from row) (ledger.Event, error) {
	r, err := scanRecord(from)
	if err != nil {
		return ledger.Event{}, err
	}
	return r.Event, json.Unmarshal([]byte(r.data), &r.Data)
}

func (t tx) Events(ctx context.Context, project string, after int64, limit int) ([]ledger.Event, error) {
	if project == "" {
		return all(ctx, t, scanEvent, eventsAfter, after, limit)
	}
	return all(ctx, t, scanEvent, projectEventsAfter, after, limit, project)
}
