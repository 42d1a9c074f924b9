package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	bundleReturned = `id, project, name, version, status, COALESCE(candidate, ''), signing_key, tag, properties, missing, rev, promotions, created_at, created_by`
	bundleColumns  = `SELECT ` + bundleReturned + ` FROM bundles`
	bundleByName   = bundleColumns + ` WHERE project = $1 AND name = $2 AND version = $3`
	bundleByID     = bundleColumns + ` WHERE id = $1`
	lockBox        = `UPDATE bundles SET rev = rev + 1 WHERE status = 'COMPLETED' AND id = (SELECT b.id FROM candidates c JOIN bundles b ON b.candidate = c.id
			WHERE c.project = $1 AND c.release = $2 AND c.number = $3 ORDER BY b.id DESC LIMIT 1)
		AND EXISTS (SELECT 1 FROM environments e JOIN repositories r ON r.project = e.project AND r.environment = e.id WHERE e.project = $1 AND e.name = $4)
		RETURNING ` + bundleReturned
	bundleOf       = bundleColumns + ` WHERE candidate = $1 ORDER BY id DESC LIMIT 1`
	lockBundle     = `UPDATE bundles SET rev = rev + 1 WHERE project = $1 AND name = $2 AND version = $3 RETURNING ` + bundleReturned
	lockBundleByID = `UPDATE bundles SET rev = rev + 1 WHERE id = $1 RETURNING ` + bundleReturned
	envelopeOf     = `SELECT envelope FROM signatures WHERE bundle = $1 AND signing_key = $2`
	putSignature   = `INSERT INTO signatures (bundle, signing_key, envelope, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (bundle, signing_key) DO NOTHING`
	updateBundle   = `UPDATE bundles SET tag = $2, properties = $3, missing = $4 WHERE id = $1`
	sealBundle     = `UPDATE bundles SET status = 'COMPLETED', signing_key = $2, missing = '', try_at = 0 WHERE id = $1 AND status = 'DRAFT'`
	tryAgain       = `UPDATE bundles SET try_at = $2 WHERE id = $1 AND status = 'DRAFT'`
	dueDrafts      = `SELECT id FROM bundles WHERE try_at > 0 AND try_at <= $1 ORDER BY try_at, id LIMIT $2`
	takeDraft      = `UPDATE bundles SET rev = rev + 1, try_at = $3 WHERE id = $1 AND try_at > 0 AND try_at <= $2 RETURNING ` + bundleReturned
	insertBundle   = `INSERT INTO bundles (id, project, name, version, status, candidate, signing_key, created_at, created_by, missing)
		VALUES ($1, $2, $3, $4, $5, NULLIF($6, ''), $7, $8, $9, $10)`

	deleteBundlePromoted   = `DELETE FROM promoted WHERE promotion IN (SELECT id FROM promotions WHERE bundle = $1)`
	deleteBundleShelves    = `DELETE FROM shelves WHERE promotion IN (SELECT id FROM promotions WHERE bundle = $1)`
	deleteBundlePromotions = `DELETE FROM promotions WHERE bundle = $1`
	deleteBundleSignatures = `DELETE FROM signatures WHERE bundle = $1`
	deleteBundleItems      = `DELETE FROM items WHERE bundle = $1`
	deleteBundle           = `DELETE FROM bundles WHERE id = $1`

	putBundleName = `INSERT INTO bundle_names (project, name, versions, latest, latest_at) VALUES ($1, $2, 1, $3, $4)
		ON CONFLICT (project, name) DO UPDATE SET versions = bundle_names.versions + 1, latest = excluded.latest, latest_at = excluded.latest_at
		RETURNING versions`
	dropLastName = `DELETE FROM bundle_names WHERE project = $1 AND name = $2 AND versions = 1`
	dropVersion  = `UPDATE bundle_names SET versions = versions - 1,
		latest = (SELECT b.version FROM bundles b WHERE b.project = $1 AND b.name = $2 ORDER BY b.id DESC LIMIT 1),
		latest_at = (SELECT b.created_at FROM bundles b WHERE b.project = $1 AND b.name = $2 ORDER BY b.id DESC LIMIT 1) WHERE project = $1 AND name = $2`
	countNames    = `UPDATE projects SET bundle_names = bundle_names + $2 WHERE name = $1`
	namesCounted  = `SELECT bundle_names FROM projects WHERE name = $1`
	versionsCount = `SELECT versions FROM bundle_names WHERE project = $1 AND name = $2`

	itemColumns = `number, kind, type, repository, path, sha256, size, CASE WHEN blob IS NULL THEN 0 ELSE 1 END, properties`
	itemsOf     = `SELECT ` + itemColumns + ` FROM items WHERE bundle = $1 ORDER BY number`
	contentsOf  = `SELECT i.repository, i.path, b.sha256, b.sha1, b.md5, b.place, b.size FROM items i JOIN blobs b ON b.sha256 = i.blob WHERE i.bundle = $1 ORDER BY i.number`
	itemKinds   = `SELECT kind, type FROM items WHERE bundle = $1 GROUP BY kind, type ORDER BY MIN(number)`
	madeIn      = `SELECT COALESCE(e.name, '') FROM items i LEFT JOIN repositories r ON r.name = i.repository
		LEFT JOIN environments e ON e.id = r.environment WHERE i.bundle = $1 ORDER BY i.number LIMIT 1`

	fileItemColumns = `SELECT 0, 'file', r.type, f.repository, f.path, f.sha256, b.size, 1, f.properties
		FROM files f JOIN repositories r ON r.name = f.repository JOIN blobs b ON b.sha256 = f.sha256`
	fileItem     = fileItemColumns + ` WHERE f.repository = $1 AND f.path = $2`
	fileBySHA256 = fileItemColumns + ` WHERE f.sha256 = $1 AND r.project = $2
		ORDER BY CASE WHEN r.environment IS NULL THEN 0 ELSE 1 END, f.repository, f.path LIMIT 1`
	fileBySHA1 = fileItemColumns + ` WHERE b.sha1 = $1 AND r.project = $2
		ORDER BY CASE WHEN r.environment IS NULL THEN 0 ELSE 1 END, f.repository, f.path LIMIT 1`
)

func noBundle(name, version string) *fault.Fault {
	return missing("no-bundle", "there is no bundle %.255s %.255s", name, version)
}

func scanBundle(r row) (b ledger.Bundle, err error) { return scanBundleAnd(r) }

// scanListed is scanBundle of one with what is known in lists.
func scanListed(r row) (b ledger.Bundle, err error) {
	var released int64
	b, err = scanBundleAnd(r, &released)
	b.Released = released == 1
	return b, err
}

func scanBundleAnd(r row, more ...any) (b ledger.Bundle, err error) {
	var properties string
	var created int64
	err = r.Scan(append([]any{&b.ID, &b.Project, &b.Name, &b.Version, &b.Status, &b.Candidate, &b.Key, &b.Tag, &properties, &b.Missing, &b.Rev, &b.Promotions, &created, &b.CreatedBy}, more...)...)
	if err != nil {
		return b, err
	}
	b.CreatedAt = moment(created)
	return b, json.Unmarshal([]byte(properties), &b.Properties)
}

func (t tx) Bundle(ctx context.Context, project, name, version string) (ledger.Bundle, error) {
	return one(ctx, t, noBundle(name, version), scanBundle, bundleByName, project, name, version)
}

func (t tx) LockBundle(ctx context.Context, project, name, version string) (ledger.Bundle, error) {
	return one(ctx, t, noBundle(name, version), scanBundle, lockBundle, project, name, version)
}

func (t tx) BundleByID(ctx context.Context, id string) (ledger.Bundle, error) {
	return one(ctx, t, noBundle("with the id", id), scanBundle, bundleByID, id)
}

func (t tx) LockBundleByID(ctx context.Context, id string) (ledger.Bundle, error) {
	return one(ctx, t, noBundle("with the id", id), scanBundle, lockBundleByID, id)
}

func (t tx) LockBox(ctx context.Context, project, environment string, v ledger.Version) (ledger.Bundle, error) {
	return one(ctx, t, noBundle("of", v.String()), scanBundle, lockBox, project, v.Release, v.Number, environment)
}

func (t tx) BundleOf(ctx context.Context, candidate string) (ledger.Bundle, error) {
	return one(ctx, t, noBundle("of the candidate", candidate), scanBundle, bundleOf, candidate)
}

func (t tx) Envelope(ctx context.Context, bundle, key string) (string, error) {
	return one(ctx, t, missing("no-signature", "the key %.120s has not signed the bundle", key), scanText, envelopeOf, bundle, key)
}

func (t tx) PutSignature(ctx context.Context, bundle, key, envelope string, now time.Time) error {
	return t.insert(ctx, nil, noBundle("with the id", bundle), putSignature, bundle, key, envelope, millis(now))
}

func scanCount(r row) (n int64, err error) { return n, r.Scan(&n) }

func (t tx) InsertBundle(ctx context.Context, b ledger.Bundle) error {
	there := exists("bundle-exists", "the bundle %s %s exists already, and a bundle never changes", b.Name, b.Version).Hint("give the new one another version")
	if err := t.insert(ctx, there, noProject(b.Project), insertBundle,
		b.ID, b.Project, b.Name, b.Version, string(b.Status), b.Candidate, b.Key, millis(b.CreatedAt), b.CreatedBy, b.Missing); err != nil {
		return err
	}
	versions, err := one(ctx, t, nil, scanCount, putBundleName, b.Project, b.Name, b.Version, millis(b.CreatedAt))
	if err == nil && versions == 1 {
		_, err = t.exec(ctx, countNames, b.Project, 1)
	}
	return err
}

func (t tx) UpdateBundle(ctx context.Context, b ledger.Bundle) error {
	return t.update(ctx, noBundle(b.Name, b.Version), updateBundle, b.ID, b.Tag, propertiesText(b.Properties), b.Missing)
}

func (t tx) SealBundle(ctx context.Context, bundle, key string) error {
	return t.update(ctx, noBundle("that is a draft with the id", bundle), sealBundle, bundle, key)
}

func (t tx) TryAgain(ctx context.Context, bundle string, at time.Time) error {
	return t.update(ctx, noBundle("that is a draft with the id", bundle), tryAgain, bundle, millis(at))
}

func (t tx) DueDrafts(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return all(ctx, t, scanText, dueDrafts, millis(now), limit)
}

func (t tx) TakeDraft(ctx context.Context, id string, now, next time.Time) (ledger.Bundle, error) {
	return one(ctx, t, noBundle("that is due with the id", id), scanBundle, takeDraft, id, millis(now), millis(next))
}

func (t tx) DeleteBundle(ctx context.Context, b ledger.Bundle) error {
	for _, query := range []string{deleteBundlePromoted, deleteBundleShelves, deleteBundlePromotions, deleteBundleSignatures, deleteBundleItems} {
		if _, err := t.exec(ctx, query, b.ID); err != nil {
			return err
		}
	}
	if err := t.update(ctx, noBundle(b.Name, b.Version), deleteBundle, b.ID); err != nil {
		return err
	}
	last, err := t.exec(ctx, dropLastName, b.Project, b.Name)
	switch {
	case err != nil:
		return err
	case last == 0:
		_, err = t.exec(ctx, dropVersion, b.Project, b.Name)
	default:
		_, err = t.exec(ctx, countNames, b.Project, -1)
	}
	return err
}

func scanItem(r row) (i ledger.Item, err error) {
	var kept int64
	err = r.Scan(&i.Number, &i.Kind, &i.Type, &i.Repository, &i.Path, &i.SHA256, &i.Size, &kept, &i.Properties)
	i.Kept = kept == 1
	return i, err
}

func (t tx) Items(ctx context.Context, bundle string) ([]ledger.Item, error) {
	return all(ctx, t, scanItem, itemsOf, bundle)
}

func (t tx) Contents(ctx context.Context, bundle string) ([]ledger.File, error) {
	scan := func(r row) (f ledger.File, err error) {
		return f, r.Scan(&f.Repository, &f.Path, &f.SHA256, &f.SHA1, &f.MD5, &f.Place, &f.Size)
	}
	return all(ctx, t, scan, contentsOf, bundle)
}

// insertedAtOnce is how many items one statement writes: PostgreSQL waits for each statement, SQLite looks for each value by its name,
// among all of them.
const insertedAtOnce = 20

func (t tx) InsertItems(ctx context.Context, bundle string, items []ledger.Item) error {
	for len(items) > 0 {
		some := items[:min(len(items), insertedAtOnce)]
		items = items[len(some):]
		var text strings.Builder
		text.WriteString(`INSERT INTO items (bundle, number, kind, type, repository, path, sha256, size, blob, properties) VALUES `)
		values := []any{bundle}
		for n, i := range some {
			if n > 0 {
				text.WriteString(", ")
			}
			at := len(values)
			blob := ""
			if i.Kept {
				blob = i.SHA256
			}
			fmt.Fprintf(&text, "($1, $%d, $%d, $%d, $%d, $%d, $%d, $%d, NULLIF($%d, ''), $%d)", at+1, at+2, at+3, at+4, at+5, at+6, at+7, at+8, at+9)
			values = append(values, i.Number, string(i.Kind), i.Type, i.Repository, i.Path, i.SHA256, i.Size, blob, i.Properties)
		}
		there := exists("item-exists", "the bundle has one of these items already")
		gone := missing("no-file", "a file was removed while it was put into the bundle").Hint("try again")
		if err := t.insert(ctx, there, gone, text.String(), values...); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) ItemKinds(ctx context.Context, bundle string) ([]ledger.Target, error) {
	scan := func(r row) (k ledger.Target, err error) { return k, r.Scan(&k.Kind, &k.Type) }
	return all(ctx, t, scan, itemKinds, bundle)
}

func (t tx) MadeIn(ctx context.Context, bundle string) (string, error) {
	found, err := all(ctx, t, scanText, madeIn, bundle)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

func (t tx) FileItem(ctx context.Context, repository, path string) (ledger.Item, error) {
	return one(ctx, t, noFile(repository, path), scanItem, fileItem, repository, path)
}

func (t tx) FileOfContent(ctx context.Context, project, sha256, sha1 string) (ledger.Item, error) {
	query, sum := fileBySHA256, sha256
	if sum == "" {
		query, sum = fileBySHA1, sha1
	}
	return one(ctx, t, missing("no-file", "no file of %s has the checksum %.80s", project, sum), scanItem, query, sum, project)
}

// page is the end of a query that lists part of what it finds. What it is sorted by is one of ours.
func page(o ledger.List, by map[string]string, usual string) (order string, err error) {
	column, known := by[o.By]
	if o.By == "" {
		column, known = usual, true
	}
	if !known {
		return "", fault.New(fault.Invalid, "invalid-order", "nothing is sorted by %.80q here", o.By)
	}
	direction := " DESC"
	if o.Ascending {
		direction = ""
	}
	columns := strings.Split(column, ", ")
	for i := range columns {
		columns[i] += direction
	}
	return ` ORDER BY ` + strings.Join(columns, ", ") + fmt.Sprintf(` LIMIT %d OFFSET %d`, max(o.Limit, 0), max(o.Offset, 0)), nil
}

// like finds a text in one whose letters are small, whatever is in it.
func like(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text)) + "%"
}

const (
	bundleNames   = `SELECT name, versions, latest, latest_at FROM bundle_names WHERE project = $1`
	named         = ` AND LOWER(name) LIKE $2 ESCAPE '\'`
	namesLike     = `SELECT COUNT(*) FROM bundle_names WHERE project = $1` + named
	released      = `CASE WHEN EXISTS (SELECT 1 FROM promotions p JOIN environments e ON e.id = p.environment WHERE p.bundle = bundles.id` + stands + ` AND e.tier = 'production') THEN 1 ELSE 0 END`
	bundlesOf     = `SELECT ` + bundleReturned + `, ` + released + ` FROM bundles WHERE project = $1 AND name = $2`
	versioned     = ` AND (LOWER(version) LIKE $3 ESCAPE '\' OR LOWER(created_by) LIKE $3 ESCAPE '\')`
	versionsLike  = `SELECT COUNT(*) FROM bundles WHERE project = $1 AND name = $2` + versioned
	newestNames   = bundleNames + ` ORDER BY latest_at DESC, name DESC LIMIT 25 OFFSET 0`
	newestBundles = bundlesOf + ` ORDER BY id DESC LIMIT 25 OFFSET 0`
)

func (t tx) BundleNames(ctx context.Context, project string, o ledger.List) ([]ledger.BundleName, int, error) {
	order, err := page(o, map[string]string{"name": "name"}, "latest_at, name")
	if err != nil {
		return nil, 0, err
	}
	scan := func(r row) (n ledger.BundleName, err error) {
		var at int64
		err = r.Scan(&n.Name, &n.Versions, &n.Latest, &at)
		n.LatestAt = moment(at)
		return n, err
	}
	query, count, arguments := bundleNames, namesCounted, []any{project}
	if o.Filter != "" {
		query, count, arguments = query+named, namesLike, append(arguments, like(o.Filter))
	}
	return listed(ctx, t, scan, query+order, count, arguments)
}

func (t tx) Bundles(ctx context.Context, project, name string, o ledger.List) ([]ledger.Bundle, int, error) {
	order, err := page(o, map[string]string{"version": "version", "created_by": "created_by, id"}, "id")
	if err != nil {
		return nil, 0, err
	}
	query, count, arguments := bundlesOf, versionsCount, []any{project, name}
	if o.Filter != "" {
		query, count, arguments = query+versioned, versionsLike, append(arguments, like(o.Filter))
	}
	return listed(ctx, t, scanListed, query+order, count, arguments)
}

// listed reads a part of a list, and how long all of it is.
func listed[T any](ctx context.Context, t tx, scan func(row) (T, error), query, count string, arguments []any) ([]T, int, error) {
	found, err := all(ctx, t, scan, query, arguments...)
	if err != nil {
		return nil, 0, err
	}
	counts, err := all(ctx, t, scanCount, count, arguments...)
	if err != nil || len(counts) == 0 {
		return found, 0, err
	}
	return found, int(counts[0]), nil
}
