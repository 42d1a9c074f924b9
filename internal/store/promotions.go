package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	promotionColumns = `SELECT p.id, p.bundle, p.environment, e.name, p.created_millis, p.operation, p.status, p.stage, COALESCE(p.source, ''), p.source_environment,
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
	promotionUnderWay = promotionColumns + ` WHERE p.bundle = $1 AND p.status IN ('PROCESSING', 'DELETING') ORDER BY p.created_millis`
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
	// Who has carried it to its end has nothing more to do with it.
	updatePromotion = `UPDATE promotions SET status = $2, stage = $3, messages = $4, ended_at = $5,
		token = token + $6, renewed_at = renewed_at * (1 - $6) WHERE id = $1`
	removePromotion = `UPDATE promotions SET status = $2, removed_at = $3 WHERE id = $1 AND removed_at = 0`

	insertShelf = `INSERT INTO shelves (promotion, kind, type, repository, state) VALUES ($1, $2, $3, $4, 'done')`
	// What is kept here and goes to where its files are kept here, too, needs nothing more than a row of shelves.
	insertWanted = `INSERT INTO promoted (promotion, item, repository, path, state, before)
		SELECT $1, i.number, r.name, i.path, 'wanted', '' FROM items i JOIN repositories r ON r.name = $3
		WHERE i.bundle = $2 AND i.kind = $4 AND i.type = $5 AND (r.kind <> 'hosted' OR i.blob IS NULL)`
	dropShelves  = `DELETE FROM shelves WHERE promotion = $1`
	dropPromoted = `DELETE FROM promoted WHERE promotion = $1`

	// shelf joins the items that promotion n has put on shelf q, and laid those of them whose contents are kept here.
	shelf         = ` JOIN shelves q ON q.promotion = n.id JOIN items i ON i.bundle = n.bundle AND i.kind = q.kind AND i.type = q.type`
	laid          = ` AND i.blob IS NOT NULL`
	there         = ` JOIN files f ON f.repository = q.repository AND f.path = i.path`
	promotedItems = `SELECT i.number, i.kind, i.type, i.repository, i.path, i.sha256, i.size, CASE WHEN i.blob IS NULL THEN 0 ELSE 1 END, i.properties, q.repository
		FROM promotions n` + shelf + ` WHERE n.id = $1 ORDER BY i.number`
	takenPlaces = `SELECT q.repository || '/' || i.path FROM promotions n` + shelf + there + ` WHERE n.id = $1 AND f.sha256 <> i.sha256 ORDER BY i.number LIMIT $2`

	// Properties are those of the file where it came from: what was set there since the bundle was made comes along. A file that is
	// there already, with the same content, gets them, too.
	shelveFiles = `INSERT INTO files (repository, path, sha256, properties, created_at, created_by, modified_at)
		SELECT q.repository, i.path, i.sha256,
			CASE WHEN $3 = '{}' THEN COALESCE(s.properties, i.properties) ELSE json_patch(COALESCE(s.properties, i.properties), $3) END, $4, $5, $4
		FROM promotions n` + shelf + laid + ` JOIN repositories r ON r.name = q.repository AND r.kind = 'hosted'
		LEFT JOIN shelves o ON o.promotion = $2 AND o.kind = q.kind AND o.type = q.type AND o.state = 'done'
		LEFT JOIN files s ON s.repository = COALESCE(o.repository, i.repository) AND s.path = i.path AND s.sha256 = i.sha256
		WHERE n.id = $1
		ON CONFLICT (repository, path) DO UPDATE SET properties = json_patch(files.properties, excluded.properties) WHERE files.sha256 = excluded.sha256`
	countLaid = `SELECT COUNT(*) FROM promotions n` + shelf + laid + ` JOIN repositories r ON r.name = q.repository AND r.kind = 'hosted' WHERE n.id = $1`

	// placed are the files that promotions have brought, as they are.
	placed = `DELETE FROM files WHERE (repository, path) IN (SELECT f.repository, f.path FROM promotions n` + shelf + laid + there + ` AND f.sha256 = i.sha256`
	// What another promotion names stays.
	unlessNamed = ` AND NOT EXISTS (SELECT 1 FROM items j JOIN promotions other ON other.bundle = j.bundle
		JOIN shelves o ON o.promotion = other.id AND o.kind = j.kind AND o.type = j.type AND o.repository = q.repository AND o.state = 'done' WHERE j.path = i.path`
	takeOut = placed + ` WHERE n.id = $1 AND q.state = 'done' AND i.repository <> q.repository` + unlessNamed + ` AND other.id <> $1))`
	// What has come to its own place, by another declaration of the repository, has not left it.
	takeAway = placed + ` JOIN shelves p ON p.promotion = $1 AND p.kind = q.kind AND p.type = q.type
		WHERE n.bundle = $2 AND n.environment = $3 AND n.removed_at = 0 AND q.state = 'done' AND p.repository <> q.repository` + unlessNamed + ` AND other.bundle <> $2))`
	outOf    = `UPDATE shelves SET state = 'removed' WHERE promotion = $1 AND state = 'done'`
	awayFrom = `UPDATE shelves SET state = 'removed', mover = $1 WHERE promotion IN (SELECT id FROM promotions WHERE bundle = $2 AND environment = $3) AND state = 'done'
		AND EXISTS (SELECT 1 FROM shelves p WHERE p.promotion = $1 AND p.kind = shelves.kind AND p.type = shelves.type)`
	onShelves = `EXISTS (SELECT 1 FROM shelves q WHERE q.promotion = promotions.id AND q.state = 'done')`
	leave     = `UPDATE promotions SET left_at = $3 WHERE bundle = $1 AND environment = $2 AND removed_at = 0 AND left_at = 0 AND NOT ` + onShelves
	unleave   = `UPDATE promotions SET left_at = 0 WHERE bundle = $1 AND environment = $2 AND removed_at = 0 AND left_at <> 0 AND ` + onShelves

	// Several promotions may have put something at one place.
	restoreFiles = `INSERT INTO files (repository, path, sha256, properties, created_at, created_by, modified_at)
		SELECT q.repository, i.path, i.sha256, i.properties, $4, $5, $4 FROM promotions n` + shelf + laid + ` JOIN repositories r ON r.name = q.repository AND r.kind = 'hosted'
		WHERE n.bundle = $2 AND n.environment = $3 AND n.removed_at = 0 AND q.mover = $1 AND q.state = 'removed'
		GROUP BY q.repository, i.path, i.sha256, i.properties
		ON CONFLICT (repository, path) DO UPDATE SET sha256 = excluded.sha256, properties = excluded.properties, created_at = excluded.created_at,
			created_by = excluded.created_by, modified_at = excluded.modified_at
		WHERE files.sha256 <> excluded.sha256 AND ($6 = 'all' OR $6 = 'latest' AND files.path LIKE '%/latest/%')`
	movedBy     = ` WHERE mover = $1 AND state = 'removed' AND promotion IN (SELECT id FROM promotions WHERE bundle = $2 AND environment = $3 AND removed_at = 0)`
	backAgain   = `UPDATE shelves SET state = 'done', mover = ''` + movedBy
	wantedAgain = `UPDATE promoted SET state = 'wanted', step = 0, before = '', mover = ''` + movedBy

	wantedOf    = `SELECT COUNT(*) FROM promoted WHERE promotion = $1 AND state = 'wanted'`
	wantedAt    = `SELECT COUNT(*) FROM promotions n JOIN promoted q ON q.promotion = n.id AND q.state = 'wanted' WHERE n.bundle = $1 AND n.environment = $2`
	outside     = `SELECT COUNT(*) FROM promotions n JOIN promoted q ON q.promotion = n.id AND q.state = 'done' JOIN repositories r ON r.name = q.repository AND r.kind <> 'hosted'`
	outsideOf   = outside + ` WHERE n.id = $1`
	outsideFrom = outside + ` JOIN items i ON i.bundle = n.bundle AND i.number = q.item JOIN shelves p ON p.promotion = $1 AND p.kind = i.kind AND p.type = i.type
		WHERE n.bundle = $2 AND n.environment = $3 AND n.removed_at = 0`
)

func noPromotion(what string) *fault.Fault {
	return missing("no-promotion", "there is no promotion %.120s", what)
}

func scanPromotion(r row) (p ledger.Promotion, err error) {
	var included, excluded, properties, messages string
	var ended, left, removed int64
	err = r.Scan(&p.ID, &p.Bundle, &p.Environment, &p.To, &p.Millis, &p.Operation, &p.Status, &p.Stage, &p.Source, &p.From,
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
	rows, err := t.exec(ctx, insertPromotion, p.ID, p.Bundle, p.Environment, at, string(p.Operation), string(p.Status), p.Source, p.From,
		inJSON(p.Included), inJSON(p.Excluded), inJSON(p.Properties), p.Key, inJSON(p.Messages), p.CreatedBy)
	busy := fault.New(fault.Stopped, "promotion-under-way", "another promotion of the bundle to %s is under way", p.To)
	if err := t.named(err, busy, noPromotion(p.Source)); err != nil {
		return 0, err
	}
	if rows == 0 {
		return 0, noBundle("with the id", p.Bundle)
	}
	_, err = t.exec(ctx, countPromotions, p.Bundle, 1)
	return at, err
}

func (t tx) UpdatePromotion(ctx context.Context, p ledger.Promotion) error {
	return t.update(ctx, noPromotion(p.ID), updatePromotion, p.ID, string(p.Status), string(p.Stage), inJSON(p.Messages), millis(p.EndedAt), bit(!p.Status.UnderWay()))
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

func (t tx) UnderWay(ctx context.Context, bundle string) ([]ledger.Promotion, error) {
	return all(ctx, t, scanPromotion, promotionUnderWay, bundle)
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
		err = r.Scan(&i.Number, &i.Kind, &i.Type, &i.Item.Repository, &i.Path, &i.SHA256, &i.Size, &kept, &i.Properties, &i.Repository)
		i.Kept = kept == 1
		return i, err
	}
	return all(ctx, t, scan, promotedItems, p.ID)
}

func (t tx) InsertShelf(ctx context.Context, p ledger.Promotion, to ledger.Target) error {
	there := exists("shelf-exists", "there is a place for what is of the type %s already", to.Type)
	if err := t.insert(ctx, there, noRepository(to.To.Name), insertShelf, p.ID, string(to.Kind), to.Type, to.To.Name); err != nil {
		return err
	}
	_, err := t.exec(ctx, insertWanted, p.ID, p.Bundle, to.To.Name, string(to.Kind), to.Type)
	return err
}

func (t tx) TakenPlaces(ctx context.Context, promotion string, limit int) ([]string, error) {
	return all(ctx, t, scanText, takenPlaces, promotion, limit)
}

func (t tx) ShelveFiles(ctx context.Context, p ledger.Promotion, now time.Time) error {
	set := map[string][]string{}
	for _, each := range p.Properties {
		set[each.Key] = append([]string{}, each.Values...)
	}
	done, err := t.exec(ctx, shelveFiles, p.ID, p.Source, inJSON(set), millis(now), p.CreatedBy)
	if err != nil {
		return err
	}
	planned, err := one(ctx, t, nil, scanCount, countLaid, p.ID)
	if err == nil && done != planned { // somebody has uploaded something meanwhile
		err = existing{fault.New(fault.Stopped, "place-taken", "something else has come to where the bundle is promoted to").Hint("promote it again")}
	}
	return err
}

func (t tx) DropShelves(ctx context.Context, promotion string) error {
	if _, err := t.exec(ctx, dropShelves, promotion); err != nil {
		return err
	}
	_, err := t.exec(ctx, dropPromoted, promotion)
	return err
}

func (t tx) LeftOutside(ctx context.Context, p ledger.Promotion, from string) (int, error) {
	first, second := wantedOf, outsideFrom
	arguments := []any{p.ID, p.Bundle, from}
	if p.Status == ledger.Deleting {
		first, second, arguments = outsideOf, wantedAt, arguments[1:]
	}
	n, err := one(ctx, t, nil, scanCount, first, p.ID)
	if err != nil || from == "" {
		return int(n), err
	}
	more, err := one(ctx, t, nil, scanCount, second, arguments...)
	return int(n + more), err
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
