package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	promotionColumns = `SELECT p.id, p.bundle, p.environment, e.name, p.created_millis, p.operation, p.status, COALESCE(p.source, ''), p.source_environment,
		p.included, p.excluded, p.properties, p.signing_key, p.messages, p.created_by, p.ended_at, p.left_at, p.removed_at
		FROM promotions p JOIN environments e ON e.id = p.environment`
	promotionByID     = promotionColumns + ` WHERE p.id = $1`
	promotionByMillis = promotionColumns + ` WHERE p.bundle = $1 AND p.created_millis = $2 AND p.removed_at = 0`
	newestFirstOf     = ` ORDER BY p.created_millis DESC LIMIT 1`
	newestPromotion   = promotionColumns + ` WHERE p.bundle = $1 AND p.environment = $2` + newestFirstOf
	stands            = ` AND p.status = 'COMPLETED' AND p.removed_at = 0 AND p.left_at = 0`
	lastPromotion     = promotionColumns + ` WHERE p.bundle = $1` + stands + newestFirstOf
	standsIn          = promotionColumns + ` WHERE p.bundle = $1 AND p.environment = $2` + stands + newestFirstOf
	newestStanding    = promotionColumns + ` WHERE p.environment = $1 AND p.name = $2` + stands + ` ORDER BY p.rev DESC LIMIT 1`
	recordsOf         = promotionColumns + ` WHERE p.bundle = $1 AND p.removed_at = 0`
	promotionsToEnd   = recordsOf + ` AND p.status <> 'FAILED' ORDER BY p.created_millis`
	newestRecords     = recordsOf + ` ORDER BY p.created_millis DESC LIMIT 25 OFFSET 0`
	recorded          = ` AND (LOWER(e.name) LIKE $2 ESCAPE '\' OR LOWER(p.created_by) LIKE $2 ESCAPE '\')`
	recordsLike       = `SELECT COUNT(*) FROM promotions p JOIN environments e ON e.id = p.environment WHERE p.bundle = $1 AND p.removed_at = 0` + recorded
	recordsCount      = `SELECT promotions FROM bundles WHERE id = $1`
	countPromotions   = `UPDATE bundles SET promotions = promotions + $2 WHERE id = $1`
	newestMillis      = `SELECT COALESCE(MAX(created_millis), 0) FROM promotions WHERE bundle = $1`

	insertPromotion = `INSERT INTO promotions (id, bundle, name, environment, rev, created_millis, operation, status, source, source_environment, included, excluded,
		properties, signing_key, messages, created_by, ended_at)
		SELECT $1, b.id, b.name, e.id, e.rev, $4, $5, $6, NULLIF($7, ''), $8, $9, $10, $11, $12, $13, $14, 0
		FROM bundles b, environments e WHERE b.id = $2 AND e.id = $3`
	updatePromotion = `UPDATE promotions SET status = $2, messages = $3, ended_at = $4 WHERE id = $1`
	removePromotion = `UPDATE promotions SET status = $2, removed_at = $3 WHERE id = $1 AND removed_at = 0`

	// What is kept here is done when ShelveFiles has followed; the rest is wanted.
	insertPromoted = `INSERT INTO promoted (promotion, item, repository, path, state, before)
		SELECT $1, i.number, r.name, i.path, CASE WHEN r.kind = 'hosted' AND i.blob IS NOT NULL THEN 'done' ELSE 'wanted' END, COALESCE(f.sha256, '')
		FROM items i JOIN repositories r ON r.name = $3 LEFT JOIN files f ON f.repository = r.name AND f.path = i.path
		WHERE i.bundle = $2 AND i.kind = $4 AND i.type = $5`
	dropPromoted  = `DELETE FROM promoted WHERE promotion = $1`
	promotedItems = `SELECT i.number, i.kind, i.type, i.repository, i.path, i.sha256, i.size, CASE WHEN i.blob IS NULL THEN 0 ELSE 1 END, i.properties, p.repository, p.path
		FROM promoted p JOIN items i ON i.bundle = $2 AND i.number = p.item WHERE p.promotion = $1 ORDER BY p.item`
	takenPlaces = `SELECT p.repository || '/' || p.path FROM promoted p JOIN promotions n ON n.id = p.promotion JOIN items i ON i.bundle = n.bundle AND i.number = p.item
		WHERE p.promotion = $1 AND p.before <> '' AND p.before <> i.sha256 ORDER BY p.item LIMIT $2`

	// Properties are those of the file where it came from: what was set there since the bundle was made comes along. A file that is
	// there already, with the same content, gets them, too.
	shelveFiles = `INSERT INTO files (repository, path, sha256, properties, created_at, created_by, modified_at)
		SELECT p.repository, p.path, i.sha256,
			CASE WHEN $4 = '{}' THEN COALESCE(s.properties, i.properties) ELSE json_patch(COALESCE(s.properties, i.properties), $4) END, $5, $6, $5
		FROM promoted p JOIN items i ON i.bundle = $2 AND i.number = p.item
		LEFT JOIN promoted q ON q.promotion = $3 AND q.item = p.item AND q.state = 'done'
		LEFT JOIN files s ON s.repository = COALESCE(q.repository, i.repository) AND s.path = COALESCE(q.path, i.path) AND s.sha256 = i.sha256
		WHERE p.promotion = $1 AND p.state = 'done'
		ON CONFLICT (repository, path) DO UPDATE SET properties = json_patch(files.properties, excluded.properties) WHERE files.sha256 = excluded.sha256`
	countDone = `SELECT COUNT(*) FROM promoted WHERE promotion = $1 AND state = 'done'`

	// placed are the files that promotions have brought, as they are.
	placed = `DELETE FROM files WHERE (repository, path) IN (SELECT f.repository, f.path
		FROM promotions n JOIN promoted q ON q.promotion = n.id AND q.state = 'done' JOIN items i ON i.bundle = n.bundle AND i.number = q.item
		JOIN files f ON f.repository = q.repository AND f.path = q.path AND f.sha256 = i.sha256`
	// namedBy another promotion: its file stays.
	namedBy       = ` AND NOT EXISTS (SELECT 1 FROM promoted o JOIN promotions other ON other.id = o.promotion WHERE o.repository = q.repository AND o.path = q.path AND o.state IN ('done', 'wanted')`
	unshelveFiles = placed + ` WHERE n.id = $1 AND q.before = ''` + namedBy + ` AND other.id <> $1))`
	takeOut       = placed + ` WHERE n.id = $1 AND (i.repository <> q.repository OR i.path <> q.path)` + namedBy + ` AND other.id <> $1))`
	// What has come to its own place, by another declaration of the repository, has not left it.
	takeAway = placed + ` JOIN promoted p ON p.promotion = $1 AND p.item = q.item
		WHERE n.bundle = $2 AND n.environment = $3 AND n.removed_at = 0 AND (p.repository <> q.repository OR p.path <> q.path)` + namedBy + ` AND other.bundle <> $2))`
	ofHosted = ` AND EXISTS (SELECT 1 FROM repositories r WHERE r.name = promoted.repository AND r.kind = 'hosted')`
	outOf    = `UPDATE promoted SET state = 'removed' WHERE promotion = $1 AND state = 'done'` + ofHosted
	awayFrom = `UPDATE promoted SET state = 'removed', mover = $1 WHERE promotion IN (SELECT id FROM promotions WHERE bundle = $2 AND environment = $3) AND state = 'done'
		AND item IN (SELECT item FROM promoted WHERE promotion = $1)` + ofHosted
	leave = `UPDATE promotions SET left_at = $3 WHERE bundle = $1 AND environment = $2 AND removed_at = 0 AND left_at = 0
		AND NOT EXISTS (SELECT 1 FROM promoted q WHERE q.promotion = promotions.id AND q.state IN ('done', 'wanted'))`
	unleave = `UPDATE promotions SET left_at = 0 WHERE bundle = $1 AND environment = $2 AND removed_at = 0 AND left_at <> 0
		AND EXISTS (SELECT 1 FROM promoted q WHERE q.promotion = promotions.id AND q.state IN ('done', 'wanted'))`

	// Several promotions may have put something at one place.
	restoreFiles = `INSERT INTO files (repository, path, sha256, properties, created_at, created_by, modified_at)
		SELECT q.repository, q.path, i.sha256, i.properties, $4, $5, $4
		FROM promotions n JOIN promoted q ON q.promotion = n.id AND q.mover = $1 AND q.state = 'removed' JOIN items i ON i.bundle = n.bundle AND i.number = q.item
		JOIN repositories r ON r.name = q.repository WHERE n.bundle = $2 AND n.environment = $3 AND n.removed_at = 0 AND r.kind = 'hosted' AND i.blob IS NOT NULL
		GROUP BY q.repository, q.path, i.sha256, i.properties
		ON CONFLICT (repository, path) DO UPDATE SET sha256 = excluded.sha256, properties = excluded.properties, created_at = excluded.created_at,
			created_by = excluded.created_by, modified_at = excluded.modified_at
		WHERE files.sha256 <> excluded.sha256 AND ($6 = 'all' OR $6 = 'latest' AND files.path LIKE '%/latest/%')`
	movedBy   = ` WHERE mover = $1 AND state = 'removed' AND promotion IN (SELECT id FROM promotions WHERE bundle = $2 AND environment = $3 AND removed_at = 0)`
	backAgain = `UPDATE promoted SET state = 'done', mover = ''` + movedBy + `
		AND EXISTS (SELECT 1 FROM items i JOIN files f ON f.sha256 = i.sha256 WHERE i.bundle = $2 AND i.number = promoted.item
			AND f.repository = promoted.repository AND f.path = promoted.path)`
	wantedAgain = `UPDATE promoted SET state = 'wanted', mover = ''` + movedBy + ` AND EXISTS (SELECT 1 FROM repositories r WHERE r.name = promoted.repository AND r.kind <> 'hosted')`

	wantedOf    = `SELECT COUNT(*) FROM promoted WHERE promotion = $1 AND state = 'wanted'`
	outside     = `SELECT COUNT(*) FROM promotions n JOIN promoted q ON q.promotion = n.id AND q.state = 'done' JOIN repositories r ON r.name = q.repository AND r.kind <> 'hosted'`
	outsideOf   = outside + ` WHERE n.id = $1`
	outsideFrom = outside + ` JOIN promotions s ON s.id = $2 JOIN promoted p ON p.promotion = $1 AND p.item = q.item
		WHERE n.bundle = s.bundle AND n.environment = s.environment AND n.removed_at = 0`
)

func noPromotion(what string) *fault.Fault {
	return missing("no-promotion", "there is no promotion %.120s", what)
}

func scanPromotion(r row) (p ledger.Promotion, err error) {
	var included, excluded, properties, messages string
	var ended, left, removed int64
	err = r.Scan(&p.ID, &p.Bundle, &p.Environment, &p.To, &p.Millis, &p.Operation, &p.Status, &p.Source, &p.From,
		&included, &excluded, &properties, &p.Key, &messages, &p.CreatedBy, &ended, &left, &removed)
	if err != nil {
		return p, err
	}
	p.EndedAt, p.LeftAt, p.RemovedAt = moment(ended), moment(left), moment(removed)
	for _, each := range []struct {
		text string
		into any
	}{{included, &p.Included}, {excluded, &p.Excluded}, {properties, &p.Properties}, {messages, &p.Messages}} {
		if err := json.Unmarshal([]byte(each.text), each.into); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (t tx) InsertPromotion(ctx context.Context, p ledger.Promotion, now time.Time) (int64, error) {
	newest, err := one(ctx, t, nil, scanCount, newestMillis, p.Bundle)
	if err != nil {
		return 0, err
	}
	at := max(millis(now), newest+1)
	busy := fault.New(fault.Stopped, "promotion-under-way", "another promotion of the bundle to %s is under way", p.To)
	if err := t.insert(ctx, busy, noPromotion(p.Source), insertPromotion, p.ID, p.Bundle, p.Environment, at, string(p.Operation), string(p.Status), p.Source, p.From,
		inJSON(p.Included), inJSON(p.Excluded), inJSON(p.Properties), p.Key, inJSON(p.Messages), p.CreatedBy); err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, countPromotions, p.Bundle, 1)
	return at, err
}

func (t tx) UpdatePromotion(ctx context.Context, p ledger.Promotion) error {
	return t.update(ctx, noPromotion(p.ID), updatePromotion, p.ID, string(p.Status), inJSON(p.Messages), millis(p.EndedAt))
}

func (t tx) RemovePromotion(ctx context.Context, p ledger.Promotion) error {
	if err := t.update(ctx, noPromotion(p.ID), removePromotion, p.ID, string(p.Status), millis(p.RemovedAt)); err != nil {
		return err
	}
	_, err := t.exec(ctx, countPromotions, p.Bundle, -1)
	return err
}

func (t tx) Promotion(ctx context.Context, bundle string, millis int64) (ledger.Promotion, error) {
	return one(ctx, t, noPromotion("with that time"), scanPromotion, promotionByMillis, bundle, millis)
}

func (t tx) PromotionByID(ctx context.Context, id string) (ledger.Promotion, error) {
	return one(ctx, t, noPromotion(id), scanPromotion, promotionByID, id)
}

func (t tx) Promotions(ctx context.Context, b ledger.Bundle, o ledger.List) ([]ledger.Promotion, int, error) {
	order, err := page(o, map[string]string{"environment": "e.name, p.created_millis", "created_by": "p.created_by, p.created_millis"}, "p.created_millis")
	if err != nil {
		return nil, 0, err
	}
	query, count, arguments := recordsOf, recordsCount, []any{b.ID}
	if o.Filter != "" {
		query, count, arguments = query+recorded, recordsLike, append(arguments, like(o.Filter))
	}
	return listed(ctx, t, scanPromotion, query+order, count, arguments)
}

func (t tx) PromotionsToEnd(ctx context.Context, bundle string) ([]ledger.Promotion, error) {
	return all(ctx, t, scanPromotion, promotionsToEnd, bundle)
}

func (t tx) NewestPromotion(ctx context.Context, bundle, environment string) (ledger.Promotion, error) {
	return one(ctx, t, noPromotion("to there"), scanPromotion, newestPromotion, bundle, environment)
}

func (t tx) LastPromotion(ctx context.Context, bundle string) (ledger.Promotion, error) {
	return one(ctx, t, noPromotion("that stands"), scanPromotion, lastPromotion, bundle)
}

func (t tx) StandsIn(ctx context.Context, bundle, environment string) (bool, error) {
	found, err := all(ctx, t, scanPromotion, standsIn, bundle, environment)
	return len(found) > 0, err
}

func (t tx) NewestStanding(ctx context.Context, environment, name string) (ledger.Promotion, error) {
	return one(ctx, t, noPromotion("of "+name), scanPromotion, newestStanding, environment, name)
}

func (t tx) PromotedItems(ctx context.Context, p ledger.Promotion) ([]ledger.Promoted, error) {
	scan := func(r row) (i ledger.Promoted, err error) {
		var kept int64
		err = r.Scan(&i.Number, &i.Kind, &i.Type, &i.Item.Repository, &i.Item.Path, &i.SHA256, &i.Size, &kept, &i.Item.Properties, &i.Repository, &i.Path)
		i.Kept = kept == 1
		return i, err
	}
	return all(ctx, t, scan, promotedItems, p.ID, p.Bundle)
}

func (t tx) InsertPromoted(ctx context.Context, p ledger.Promotion, to ledger.Target) error {
	there := exists("promoted-exists", "what is of the type %s is planned already", to.Type)
	return t.insert(ctx, there, noPromotion(p.ID), insertPromoted, p.ID, p.Bundle, to.To.Name, string(to.Kind), to.Type)
}

func (t tx) TakenPlaces(ctx context.Context, promotion string, limit int) ([]string, error) {
	return all(ctx, t, scanText, takenPlaces, promotion, limit)
}

func (t tx) ShelveFiles(ctx context.Context, p ledger.Promotion, now time.Time) error {
	set := map[string][]string{}
	for _, each := range p.Properties {
		set[each.Key] = append([]string{}, each.Values...)
	}
	done, err := t.exec(ctx, shelveFiles, p.ID, p.Bundle, p.Source, inJSON(set), millis(now), p.CreatedBy)
	if err != nil {
		return err
	}
	planned, err := one(ctx, t, nil, scanCount, countDone, p.ID)
	if err == nil && done != planned { // somebody has uploaded something meanwhile
		err = existing{fault.New(fault.Stopped, "place-taken", "something else has come to where the bundle is promoted to").Hint("promote it again")}
	}
	return err
}

func (t tx) UnshelveFiles(ctx context.Context, promotion string) error {
	_, err := t.exec(ctx, unshelveFiles, promotion)
	return err
}

func (t tx) DropPromoted(ctx context.Context, promotion string) error {
	_, err := t.exec(ctx, dropPromoted, promotion)
	return err
}

func (t tx) LeftOutside(ctx context.Context, p ledger.Promotion) (int, error) {
	if p.Status == ledger.Deleting {
		taken, err := one(ctx, t, nil, scanCount, outsideOf, p.ID)
		if err != nil || p.Operation != ledger.MoveContents {
			return int(taken), err
		}
		back, err := one(ctx, t, nil, scanCount, wantedOf, p.Source)
		return int(taken + back), err
	}
	wanted, err := one(ctx, t, nil, scanCount, wantedOf, p.ID)
	if err != nil || p.Operation != ledger.MoveContents {
		return int(wanted), err
	}
	away, err := one(ctx, t, nil, scanCount, outsideFrom, p.ID, p.Source)
	return int(wanted + away), err
}

func (t tx) TakeAway(ctx context.Context, p ledger.Promotion, from string, now time.Time) error {
	if _, err := t.exec(ctx, takeAway, p.ID, p.Bundle, from); err != nil {
		return err
	}
	if _, err := t.exec(ctx, awayFrom, p.ID, p.Bundle, from); err != nil {
		return err
	}
	_, err := t.exec(ctx, leave, p.Bundle, from, millis(now))
	return err
}

func (t tx) TakeOut(ctx context.Context, promotion string) error {
	if _, err := t.exec(ctx, takeOut, promotion); err != nil {
		return err
	}
	_, err := t.exec(ctx, outOf, promotion)
	return err
}

func (t tx) Restore(ctx context.Context, move ledger.Promotion, from string, o ledger.Overwrite, now time.Time) error {
	if _, err := t.exec(ctx, restoreFiles, move.ID, move.Bundle, from, millis(now), move.CreatedBy, string(o)); err != nil {
		return err
	}
	if _, err := t.exec(ctx, backAgain, move.ID, move.Bundle, from); err != nil {
		return err
	}
	if _, err := t.exec(ctx, wantedAgain, move.ID, move.Bundle, from); err != nil {
		return err
	}
	_, err := t.exec(ctx, unleave, move.Bundle, from)
	return err
}
