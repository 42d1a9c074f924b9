package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	watchReturned = `project, seen, read_at, settled_at, looked_at, problem, message, problem_since, said, token`
	watchOf       = `SELECT ` + watchReturned + ` FROM watches WHERE project = $1`
	putWatch      = `INSERT INTO watches (project, seen, read_at, settled_at, looked_at, problem, message, problem_since, said, token, due_at)
		VALUES ($1, '', 0, 0, 0, '', '', 0, 0, 0, 0)
		ON CONFLICT (project) DO UPDATE SET seen = '', read_at = 0, settled_at = 0, looked_at = 0, problem = '', message = '', problem_since = 0,
			said = 0, token = watches.token + 1, due_at = 0`
	deleteWatch = `DELETE FROM watches WHERE project = $1`
	dueWatches  = `SELECT project FROM watches WHERE due_at <= $1 ORDER BY due_at, project LIMIT $2`
	takeWatch   = `UPDATE watches SET token = token + 1, due_at = $3 WHERE project = $1 AND due_at <= $2 RETURNING ` + watchReturned
	updateWatch = `UPDATE watches SET seen = $3, read_at = $4, settled_at = $5, looked_at = $6, problem = $7, message = $8, problem_since = $9,
		said = $10, due_at = $11 WHERE project = $1 AND token = $2`

	insertComponent = `INSERT INTO components (candidate, name, version) VALUES ($1, $2, $3)`
	componentsOf    = `SELECT name, version FROM components WHERE candidate = $1 ORDER BY name`
)

// always is later than every time at which something is due.
const always = int64(1) << 62

func noWatch(project string) *fault.Fault {
	return missing("no-watch", "nobody watches a release repository for the project %.120s", project)
}

func scanWatch(r row) (w ledger.Watch, err error) {
	var read, settled, looked, since, said int64
	var p ledger.Problem
	err = r.Scan(&w.Project, &w.Seen, &read, &settled, &looked, &p.Code, &p.Message, &since, &said, &w.Token)
	w.ReadAt, w.Settled, w.LookedAt = moment(read), moment(settled), moment(looked)
	if p.Code != "" {
		p.Since, p.Said = moment(since), said == 1
		w.Problem = &p
	}
	return w, err
}

func (t tx) PutWatch(ctx context.Context, project string) error {
	return t.insert(ctx, exists("watch-exists", "the project %s is watched already", project), noProject(project), putWatch, project)
}

func (t tx) DeleteWatch(ctx context.Context, project string) error {
	_, err := t.exec(ctx, deleteWatch, project)
	return err
}

func (t tx) Watch(ctx context.Context, project string) (ledger.Watch, error) {
	return one(ctx, t, noWatch(project), scanWatch, watchOf, project)
}

func (t tx) DueWatches(ctx context.Context, limit int) ([]string, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	return all(ctx, t, scanText, dueWatches, now, limit)
}

func (t tx) TakeWatch(ctx context.Context, project string, lasts time.Duration, atOnce bool) (ledger.Watch, error) {
	now, err := t.now(ctx)
	if err != nil {
		return ledger.Watch{}, err
	}
	due := now
	if atOnce {
		due = always
	}
	return one(ctx, t, noWatch(project), scanWatch, takeWatch, project, due, now+lasts.Milliseconds())
}

func (t tx) UpdateWatch(ctx context.Context, w ledger.Watch, after time.Duration) error {
	now, err := t.now(ctx)
	if err != nil {
		return err
	}
	p := ledger.Problem{}
	if w.Problem != nil {
		p = *w.Problem
	}
	return t.update(ctx, noWatch(w.Project), updateWatch, w.Project, w.Token, w.Seen, millis(w.ReadAt), millis(w.Settled), millis(w.LookedAt),
		p.Code, p.Message, millis(p.Since), bit(p.Said), now+after.Milliseconds())
}

func (t tx) InsertComponents(ctx context.Context, candidate string, versions map[string]string) error {
	none := missing("no-candidate", "there is no candidate %.120s", candidate)
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		twice := exists("component-exists", "the candidate %s has a component %.120s already", candidate, name)
		if err := t.insert(ctx, twice, none, insertComponent, candidate, name, versions[name]); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) Components(ctx context.Context, candidate string) (map[string]string, error) {
	rows, err := all(ctx, t, scanComponent, componentsOf, candidate)
	var versions map[string]string
	for _, c := range rows {
		if versions == nil {
			versions = map[string]string{}
		}
		versions[c[0]] = c[1]
	}
	return versions, err
}

func scanComponent(r row) (c [2]string, err error) {
	err = r.Scan(&c[0], &c[1])
	return c, err
}
