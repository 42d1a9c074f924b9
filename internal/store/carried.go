package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	isUnderWay        = ` status IN ('PROCESSING', 'DELETING')`
	waitingPromotions = `SELECT id FROM promotions WHERE` + isUnderWay + ` AND renewed_at < $1 ORDER BY renewed_at, id LIMIT $2`
	takePromotion     = `UPDATE promotions SET token = token + 1, renewed_at = $3 WHERE id = $1 AND renewed_at < $2 AND` + isUnderWay + ` RETURNING token`
	holdPromotion     = `UPDATE promotions SET renewed_at = $3 WHERE id = $1 AND token = $2 AND` + isUnderWay
	freePromotions    = `UPDATE promotions SET renewed_at = 0 WHERE` + isUnderWay

	// What a promotion has to do with: where it puts something or has put it, and where its bundle was in the environment that it leaves.
	// The way there is what others meet on: two projects may have one repository, by two names.
	occupyAll = `INSERT INTO occupied (repository, promotion) SELECT DISTINCT r.kind || ' ' || r.connection || ' ' || r.path, n.id
		FROM promotions n LEFT JOIN promotions s ON s.id = n.source AND n.operation = 'move'
		JOIN promotions m ON m.bundle = n.bundle AND (m.id = n.id OR m.environment = s.environment)
		JOIN promoted q ON q.promotion = m.id JOIN repositories r ON r.name = q.repository AND r.kind <> 'hosted' WHERE n.id = $1 ORDER BY 1
		ON CONFLICT (repository) DO UPDATE SET promotion = excluded.promotion WHERE occupied.promotion = excluded.promotion`
	vacate    = `DELETE FROM occupied WHERE promotion = $1`
	intruders = `SELECT COUNT(*) FROM occupied o WHERE o.promotion <> $1 AND o.repository IN (SELECT r.kind || ' ' || r.connection || ' ' || r.path
		FROM promotions n LEFT JOIN promotions s ON s.id = n.source AND n.operation = 'move'
		JOIN promotions m ON m.bundle = n.bundle AND (m.id = n.id OR m.environment = s.environment)
		JOIN promoted q ON q.promotion = m.id JOIN repositories r ON r.name = q.repository AND r.kind <> 'hosted' WHERE n.id = $1)`

	// isNamed tells that the place of an item in a repository outside is named by a promotion that does not leave it now, or is where a
	// bundle has something from.
	sameOutside = ` t.kind = r.kind AND t.connection = r.connection AND t.path = r.path`
	isNamed     = `CASE WHEN EXISTS (SELECT 1 FROM items j JOIN repositories t ON t.name = j.repository AND` + sameOutside + ` WHERE j.path = i.path)
		OR EXISTS (SELECT 1 FROM items j JOIN promotions other ON other.bundle = j.bundle
			JOIN shelves o ON o.promotion = other.id AND o.kind = j.kind AND o.type = j.type AND o.state = 'done'
			JOIN repositories t ON t.name = o.repository AND` + sameOutside + ` WHERE j.path = i.path AND `
	stepColumns = `SELECT q.promotion, q.step, q.before, r.name, r.project, r.kind, r.type, r.connection, r.path,
		i.number, i.kind, i.type, i.repository, i.path, i.sha256, i.size, COALESCE(b.sha256, ''), COALESCE(b.sha1, ''), COALESCE(b.md5, ''), COALESCE(b.place, ''), COALESCE(b.size, 0), `
	stepTables = ` FROM promotions n JOIN promoted q ON q.promotion = n.id JOIN items i ON i.bundle = n.bundle AND i.number = q.item
		JOIN repositories r ON r.name = q.repository LEFT JOIN blobs b ON b.sha256 = i.blob`
	wantedSteps = stepColumns + `0, COALESCE(f.properties, i.properties)` + stepTables + `
		LEFT JOIN shelves o ON o.promotion = $3 AND o.kind = i.kind AND o.type = i.type AND o.state = 'done'
		LEFT JOIN files f ON f.repository = COALESCE(o.repository, i.repository) AND f.path = i.path AND f.sha256 = i.sha256
		WHERE n.bundle = $1 AND n.environment = $2 AND q.state = 'wanted' ORDER BY q.step, i.number LIMIT $4`
	outsideDone    = stepTables + ` WHERE r.kind <> 'hosted' AND q.state = 'done' AND `
	leftBehindEnd  = `n.bundle = $2 AND n.environment = $3 AND n.removed_at = 0 AND EXISTS (SELECT 1 FROM shelves p WHERE p.promotion = $1 AND p.kind = i.kind AND p.type = i.type) ORDER BY i.number, n.id LIMIT $4`
	leftBehind     = stepColumns + isNamed + `(other.bundle <> $2 OR other.environment <> $3)) THEN 1 ELSE 0 END, '{}'` + outsideDone + leftBehindEnd
	leftOver       = stepColumns + isNamed + `other.id <> $1) THEN 1 ELSE 0 END, '{}'` + outsideDone + `n.id = $1 ORDER BY i.number LIMIT $2`
	undone         = stepColumns + `0, '{}'` + stepTables + ` WHERE n.id = $1 AND r.kind <> 'hosted' AND q.before = '' AND (q.state = 'done' OR q.state = 'wanted' AND q.step > 0) ORDER BY i.number LIMIT $2`
	outsideSources = `SELECT q.item, r.name, r.project, r.kind, r.type, r.connection, r.path FROM promotions n JOIN promoted q ON q.promotion = n.id AND q.state = 'done'
		JOIN repositories r ON r.name = q.repository AND r.kind <> 'hosted' WHERE n.bundle = $1 AND n.removed_at = 0 AND q.item >= $2 AND q.item <= $3 ORDER BY n.created_millis DESC`
	madeOutside = `SELECT i.number, r.name, r.project, r.kind, r.type, r.connection, r.path FROM items i JOIN repositories r ON r.name = i.repository AND r.kind <> 'hosted'
		WHERE i.bundle = $1 AND i.number >= $2 AND i.number <= $3`

	notePlace  = `UPDATE promoted SET step = 1, before = $3 WHERE promotion = $1 AND item = $2`
	noteStep   = `UPDATE promoted SET step = 2 WHERE promotion = $1 AND item = $2`
	noteDone   = `UPDATE promoted SET state = 'done' WHERE promotion = $1 AND item = $2`
	noteGone   = `UPDATE promoted SET state = 'removed', mover = $3 WHERE promotion = $1 AND item = $2`
	noteUndone = `UPDATE promoted SET state = 'failed' WHERE promotion = $1 AND item = $2`
	keepItem   = `UPDATE items SET blob = $3, properties = $4 WHERE bundle = $1 AND number = $2 AND sha256 = $3`
)

func (t tx) WaitingPromotions(ctx context.Context, lease time.Duration, limit int) ([]string, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	return all(ctx, t, scanText, waitingPromotions, now-lease.Milliseconds(), limit)
}

func (t tx) TakePromotion(ctx context.Context, id string, lease time.Duration) (int64, error) {
	now, err := t.now(ctx)
	if err != nil {
		return 0, err
	}
	return one(ctx, t, noPromotion(id), scanCount, takePromotion, id, now-lease.Milliseconds(), now)
}

func (t tx) HoldPromotion(ctx context.Context, l ledger.Lease, plus time.Duration) error {
	now, err := t.now(ctx)
	if err != nil {
		return err
	}
	return t.update(ctx, noPromotion(l.Effect), holdPromotion, l.Effect, l.Token, now+plus.Milliseconds())
}

func (t tx) Occupy(ctx context.Context, promotion string) error {
	if _, err := t.exec(ctx, occupyAll, promotion); err != nil {
		return err
	}
	others, err := one(ctx, t, nil, scanCount, intruders, promotion)
	if err == nil && others > 0 {
		err = fault.New(fault.Stopped, "target-taken", "another promotion changes a repository of %.120s", promotion)
	}
	return err
}

func (t tx) Vacate(ctx context.Context, promotion string) error {
	_, err := t.exec(ctx, vacate, promotion)
	return err
}

func scanOutside(into *ledger.Repository) []any {
	return []any{&into.Name, &into.Project, &into.Kind, &into.Type, &into.Connection, &into.Path}
}

// scanStep is one that is to be done with an item that is wanted.
func scanStep(r row) (s ledger.Step, err error) {
	var step, named int64
	var properties string
	columns := append([]any{&s.Of, &step, &s.Before}, scanOutside(&s.To)...)
	columns = append(columns, &s.Number, &s.Item.Kind, &s.Item.Type, &s.Item.Repository, &s.Path, &s.SHA256, &s.Size,
		&s.Content.SHA256, &s.Content.SHA1, &s.Content.MD5, &s.Content.Place, &s.Content.Size, &named, &properties)
	if err := r.Scan(columns...); err != nil {
		return s, err
	}
	s.Repository, s.Kept, s.Named = s.To.Name, s.Content.SHA256 != "", named == 1
	s.Deed = []ledger.Deed{ledger.LookAtPlace, ledger.BringItem, ledger.TagImage}[step]
	return s, json.Unmarshal([]byte(properties), &s.Properties)
}

func scanRemoval(r row) (ledger.Step, error) {
	s, err := scanStep(r)
	s.Deed = ledger.RemoveItem
	return s, err
}

func (t tx) Wanted(ctx context.Context, bundle, environment, source string, limit int) ([]ledger.Step, error) {
	return all(ctx, t, scanStep, wantedSteps, bundle, environment, source, limit)
}

func (t tx) LeftBehind(ctx context.Context, move ledger.Promotion, from string, limit int) ([]ledger.Step, error) {
	return all(ctx, t, scanRemoval, leftBehind, move.ID, move.Bundle, from, limit)
}

func (t tx) LeftOver(ctx context.Context, p ledger.Promotion, limit int) ([]ledger.Step, error) {
	return all(ctx, t, scanRemoval, leftOver, p.ID, limit)
}

func (t tx) Undone(ctx context.Context, p ledger.Promotion, limit int) ([]ledger.Step, error) {
	return all(ctx, t, scanRemoval, undone, p.ID, limit)
}

// source is where an item may be.
type source struct {
	item int64
	at   ledger.Repository
}

func scanSource(r row) (s source, err error) {
	return s, r.Scan(append([]any{&s.item}, scanOutside(&s.at)...)...)
}

func (t tx) FindSources(ctx context.Context, bundle string, steps []ledger.Step) error {
	first, last := steps[0].Number, steps[len(steps)-1].Number
	places := map[int64][]ledger.Repository{}
	for _, query := range []string{outsideSources, madeOutside} {
		found, err := all(ctx, t, scanSource, query, bundle, first, last)
		if err != nil {
			return err
		}
		for _, s := range found {
			places[s.item] = append(places[s.item], s.at)
		}
	}
	for i := range steps {
		steps[i].From = places[steps[i].Number]
	}
	return nil
}

func (t tx) NoteSteps(ctx context.Context, p ledger.Promotion, steps []ledger.Step) error {
	for _, s := range steps {
		query, arguments := noteDone, []any{s.Of, s.Number}
		switch {
		case s.Deed == ledger.LookAtPlace:
			query, arguments = notePlace, append(arguments, s.Before)
		case s.Deed == ledger.BringItem && s.Item.Kind == ledger.ImageItem:
			query = noteStep
		case s.Deed == ledger.RemoveItem && p.Status == ledger.Processing && p.Stage == ledger.Failing:
			query = noteUndone
		case s.Deed == ledger.RemoveItem:
			query, arguments = noteGone, append(arguments, p.ID)
		}
		if err := t.update(ctx, noPromotion(s.Of), query, arguments...); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) KeepItem(ctx context.Context, bundle string, number int64, sha256 string, properties ledger.Properties) error {
	if properties == nil {
		properties = ledger.Properties{}
	}
	return t.update(ctx, missing("no-content", "the item %d has another content than %s", number, sha256), keepItem, bundle, number, sha256, inJSON(properties))
}
