package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	effectReturned = `id, kind, project, COALESCE(environment, ''), COALESCE(deployment, ''), COALESCE(candidate, ''), state, target, held,
		cancel, answer, intent, token, seq, created_at`
	effectByID   = `SELECT ` + effectReturned + ` FROM effects WHERE id = $1`
	effectOf     = `SELECT ` + effectReturned + ` FROM effects WHERE deployment = $1`
	insertEffect = `INSERT INTO effects (id, kind, project, environment, deployment, candidate, state, target, held, cancel, answer, intent,
		token, seq, renewed_at, created_at)
		VALUES ($1, $2, $3, NULLIF($4, ''), NULLIF($5, ''), NULLIF($6, ''), $7, $8, 0, 0, '', $9, 0, 0, 0, $10)`
	openEffect = ` state IN ('intended', 'running')`
	// A target is nobody's, or its own. What runs without one needs none, whoever begins on it.
	waitingEffects = `SELECT id FROM effects AS mine WHERE` + openEffect + ` AND renewed_at < $1 AND (held = 1 OR target = '' OR state = 'running' OR NOT EXISTS
		(SELECT 1 FROM effects AS other WHERE other.target = mine.target AND other.held = 1)) ORDER BY renewed_at, id LIMIT $2`
	takeEffect = `UPDATE effects SET token = token + 1, renewed_at = $3,
		held = CASE WHEN target <> '' AND (state = 'intended' OR held = 1) THEN 1 ELSE 0 END
		WHERE id = $1 AND renewed_at < $2 AND` + openEffect + ` RETURNING ` + effectReturned
	takeBeside = `UPDATE effects SET token = token + 1, renewed_at = $4 WHERE id IN (SELECT id FROM effects
		WHERE target = $1 AND id <> $2 AND renewed_at < $3 AND state = 'intended' ORDER BY renewed_at, id LIMIT $5) RETURNING ` + effectReturned
	ofDriver     = ` WHERE id = $1 AND token = $2 AND` + openEffect
	renewLease   = `UPDATE effects SET renewed_at = $3` + ofDriver + ` RETURNING ` + effectReturned
	setEffect    = `UPDATE effects SET state = $3, held = CASE WHEN target = '' THEN 0 ELSE $4 END` + ofDriver
	countEntries = `UPDATE effects SET seq = $3, renewed_at = $5` + ofDriver + ` AND seq = $4`
	addLooked    = `UPDATE effects SET looked = CASE WHEN looked_for = $3 THEN looked + $4 ELSE $4 END, looked_for = $3` + ofDriver + ` RETURNING looked`
	insertEntry  = `INSERT INTO journal (effect, seq, entry) VALUES ($1, $2, $3)`
	entriesOf    = `SELECT seq, entry FROM journal WHERE effect = $1 ORDER BY seq`
	ofDeployment = ` WHERE deployment = $1 AND state IN ('intended', 'running', 'unknown')`
	// What rests for longer than a lease lasts is looked at at once.
	cancelEffect  = `UPDATE effects SET cancel = 1, renewed_at = CASE WHEN renewed_at > $2 THEN 0 ELSE renewed_at END` + ofDeployment
	endEffect     = `UPDATE effects SET state = $2, held = 0, token = token + 1` + ofDeployment
	endBuild      = `UPDATE effects SET state = 'failed', held = 0, token = token + 1 WHERE candidate = $1 AND state IN ('running', 'unknown')`
	cancelBuild   = `UPDATE effects SET cancel = 1 WHERE candidate = $1 AND state = 'intended'`
	answerEffect  = `UPDATE effects SET state = 'intended', answer = $2, renewed_at = 0, token = token + 1 WHERE deployment = $1 AND state = 'unknown'`
	putPipeline   = `INSERT INTO pipelines (host, id, effect) VALUES ($1, $2, $3) ON CONFLICT (host, id) DO UPDATE SET effect = excluded.effect WHERE pipelines.effect = excluded.effect`
	pipelineOwner = `SELECT effect FROM pipelines WHERE host = $1 AND id = $2`
	freeLeases    = `UPDATE effects SET renewed_at = 0 WHERE` + openEffect
)

func noEffect(id string) *fault.Fault {
	return missing("no-effect", "there is no such effect: %.120s", id)
}

func scanEffect(r row) (e ledger.Effect, err error) {
	var created, held, cancel int64
	var intent string
	err = r.Scan(&e.ID, &e.Kind, &e.Project, &e.Environment, &e.Deployment, &e.Candidate, &e.State, &e.Target, &held,
		&cancel, &e.Answer, &intent, &e.Token, &e.Seq, &created)
	if err != nil {
		return e, err
	}
	e.Held, e.Cancel, e.CreatedAt = held == 1, cancel == 1, moment(created)
	return e, json.Unmarshal([]byte(intent), &e.Intent)
}

func (t tx) InsertEffect(ctx context.Context, e ledger.Effect) error {
	intent, err := json.Marshal(e.Intent)
	if err != nil {
		return err
	}
	return t.insert(ctx, exists("effect-exists", "there is an effect of %s%s already", e.Deployment, e.Candidate), noProject(e.Project), insertEffect,
		e.ID, string(e.Kind), e.Project, e.Environment, e.Deployment, e.Candidate, string(e.State), e.Target, string(intent), millis(e.CreatedAt))
}

func (t tx) Effect(ctx context.Context, id string) (ledger.Effect, error) {
	return one(ctx, t, noEffect(id), scanEffect, effectByID, id)
}

func (t tx) EffectOf(ctx context.Context, deployment string) (ledger.Effect, error) {
	return one(ctx, t, noEffect("of "+deployment), scanEffect, effectOf, deployment)
}

func (t tx) WaitingEffects(ctx context.Context, lease time.Duration, limit int) ([]string, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	return all(ctx, t, scanText, waitingEffects, now-lease.Milliseconds(), limit)
}

func (t tx) TakeEffect(ctx context.Context, id string, lease time.Duration) (ledger.Effect, error) {
	now, err := t.now(ctx)
	if err != nil {
		return ledger.Effect{}, err
	}
	e, err := one(ctx, t, noEffect(id), scanEffect, takeEffect, id, now-lease.Milliseconds(), now)
	if t.meaning(err) == duplicate {
		err = fault.New(fault.Stopped, "target-taken", "another effect begins on the target of %.120s", id)
	}
	return e, err
}

func (t tx) TakeEffectsBeside(ctx context.Context, e ledger.Effect, lease time.Duration, limit int) ([]ledger.Effect, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	taken, err := all(ctx, t, scanEffect, takeBeside, e.Target, e.ID, now-lease.Milliseconds(), now, limit)
	slices.SortFunc(taken, func(a, b ledger.Effect) int { return cmp.Compare(a.ID, b.ID) })
	return taken, err
}

func (t tx) RenewLease(ctx context.Context, l ledger.Lease, plus time.Duration) (ledger.Effect, error) {
	now, err := t.now(ctx)
	if err != nil {
		return ledger.Effect{}, err
	}
	return one(ctx, t, noEffect(l.Effect), scanEffect, renewLease, l.Effect, l.Token, now+plus.Milliseconds())
}

func (t tx) SetEffect(ctx context.Context, l ledger.Lease, s ledger.EffectState, held bool) error {
	return t.update(ctx, noEffect(l.Effect), setEffect, l.Effect, l.Token, string(s), bit(held))
}

func (t tx) AddLooked(ctx context.Context, l ledger.Lease, intent int64, more time.Duration) (time.Duration, error) {
	sum, err := one(ctx, t, noEffect(l.Effect), scanCount, addLooked, l.Effect, l.Token, intent, more.Milliseconds())
	return time.Duration(sum) * time.Millisecond, err
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (t tx) AppendJournal(ctx context.Context, l ledger.Lease, entries []ledger.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	now, err := t.now(ctx)
	if err != nil {
		return err
	}
	first, last := entries[0].Seq, entries[len(entries)-1].Seq
	if err := t.update(ctx, noEffect(l.Effect), countEntries, l.Effect, l.Token, last, first-1, now); err != nil {
		return err
	}
	for _, e := range entries {
		there := exists("entry-exists", "the entry %d of %s is there already", e.Seq, l.Effect)
		if err := t.insert(ctx, there, there, insertEntry, l.Effect, e.Seq, e.Text); err != nil {
			return err
		}
	}
	return nil
}

func scanEntry(r row) (e ledger.Entry, err error) { return e, r.Scan(&e.Seq, &e.Text) }

func (t tx) Journal(ctx context.Context, effect string) ([]ledger.Entry, error) {
	return all(ctx, t, scanEntry, entriesOf, effect)
}

func (t tx) CancelEffect(ctx context.Context, deployment string) error {
	now, err := t.now(ctx)
	if err == nil {
		_, err = t.exec(ctx, cancelEffect, deployment, now)
	}
	return err
}

func (t tx) EndEffect(ctx context.Context, deployment string, s ledger.EffectState) error {
	_, err := t.exec(ctx, endEffect, deployment, string(s))
	return err
}

func (t tx) EndBuild(ctx context.Context, candidate string) error {
	if _, err := t.exec(ctx, cancelBuild, candidate); err != nil { // first: it waits for a driver that is about to write how it stands
		return err
	}
	_, err := t.exec(ctx, endBuild, candidate)
	return err
}

func (t tx) AnswerEffect(ctx context.Context, deployment, answer string) error {
	_, err := t.exec(ctx, answerEffect, deployment, answer)
	return err
}

func (t tx) InsertPipeline(ctx context.Context, host, id, effect string) error {
	taken := fault.New(fault.Stopped, "pipeline-taken", "the pipeline %.120s belongs to another deployment", id)
	return t.update(ctx, taken, putPipeline, host, id, effect)
}

func (t tx) PipelineOwner(ctx context.Context, host, id string) (string, error) {
	owner, err := one(ctx, t, noEffect(id), scanText, pipelineOwner, host, id)
	if fault.Is(err, "no-effect") {
		return "", nil
	}
	return owner, err
}

// now is the time by the clock that all programs on this database share, in milliseconds.
func (t tx) now(ctx context.Context) (now int64, err error) {
	if t.clock == "" { // SQLite: there is one program
		return time.Now().UnixMilli(), nil
	}
	err = t.sql.QueryRowContext(ctx, t.clock).Scan(&now)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fault.New(fault.Internal, "database", "the database does not say the time")
	}
	return now, err
}
