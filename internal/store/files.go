package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	blobReturned = `sha256, sha1, md5, place, size`
	// Whoever finds the content there keeps others from removing it: the row is written, as it is.
	keepBlob = `INSERT INTO blobs (sha256, sha1, md5, place, size, created_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (sha256) DO UPDATE SET sha256 = excluded.sha256 RETURNING ` + blobReturned
	moveBlob = `UPDATE blobs SET place = $2 WHERE sha256 = $1`
	lockBlob = `UPDATE blobs SET sha256 = sha256 WHERE sha256 = $1 RETURNING ` + blobReturned
	// Contents that a file of a project has, '' for any.
	blobOfProject = `EXISTS (SELECT 1 FROM files f JOIN repositories r ON r.name = f.repository WHERE f.sha256 = b.sha256 AND (r.project = $2 OR $2 = ''))`
	blobBySHA256  = `SELECT b.sha256 FROM blobs b WHERE b.sha256 = $1 AND ` + blobOfProject
	blobBySHA1    = `SELECT b.sha256 FROM blobs b WHERE b.sha1 = $1 AND ` + blobOfProject + ` LIMIT 1`
	blobsAfter    = `SELECT ` + blobReturned + ` FROM blobs WHERE sha256 > $1 ORDER BY sha256 LIMIT $2`
	blobAtPlace   = `SELECT sha256 FROM blobs WHERE place = $1`
	blobUnused    = `NOT EXISTS (SELECT 1 FROM files f WHERE f.sha256 = one.sha256) AND NOT EXISTS (SELECT 1 FROM items i WHERE i.blob = one.sha256)`
	unusedBlobs   = `SELECT one.sha256, CASE WHEN ` + blobUnused + ` THEN 1 ELSE 0 END
		FROM (SELECT sha256 FROM blobs WHERE sha256 > $1 ORDER BY sha256 LIMIT $2) one ORDER BY one.sha256`
	deleteBlob = `DELETE FROM blobs AS one WHERE one.sha256 = $1 AND ` + blobUnused + ` RETURNING place`

	fileColumns = `SELECT f.repository, f.path, b.sha256, b.sha1, b.md5, b.place, b.size, f.properties, f.created_at, f.created_by, f.modified_at
		FROM files f JOIN blobs b ON b.sha256 = f.sha256`
	fileByPath   = fileColumns + ` WHERE f.repository = $1 AND f.path = $2`
	filesBetween = fileColumns + ` WHERE f.repository = $1 AND f.path >= $2 AND f.path < $3 ORDER BY f.path LIMIT $4`
	lockFile     = `UPDATE files SET path = path WHERE repository = $1 AND path = $2`
	insertFile   = `INSERT INTO files (repository, path, sha256, properties, created_at, created_by, modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	updateFile   = `UPDATE files SET sha256 = $3, properties = $4, created_by = $5, modified_at = $6 WHERE repository = $1 AND path = $2`
	deleteFile   = `DELETE FROM files WHERE repository = $1 AND path = $2`
	deleteFiles  = `DELETE FROM files WHERE repository = $1 AND path >= $2 AND path < $3`

	putBuild = `INSERT INTO builds (key, name, number, project, started_at, info, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (key, name, number) DO UPDATE SET project = excluded.project, started_at = excluded.started_at, info = excluded.info`
	buildByNumber = `SELECT key, name, number, project, started_at, info FROM builds WHERE key = $1 AND name = $2 AND number = $3`
	buildsOfName  = `SELECT key, name, number, project, started_at, '' FROM builds WHERE key = $1 AND name = $2 ORDER BY started_at DESC, number DESC LIMIT $3`
)

func noFile(repository, path string) *fault.Fault {
	return missing("no-file", "there is no file %.120s/%.300s", repository, path)
}

func scanBlob(r row) (b ledger.Blob, err error) {
	return b, r.Scan(&b.SHA256, &b.SHA1, &b.MD5, &b.Place, &b.Size)
}

func (t tx) KeepBlob(ctx context.Context, b ledger.Blob, now time.Time) (ledger.Blob, error) {
	return one(ctx, t, nil, scanBlob, keepBlob, b.SHA256, b.SHA1, b.MD5, b.Place, b.Size, millis(now))
}

func (t tx) MoveBlob(ctx context.Context, b ledger.Blob) error {
	return t.update(ctx, missing("no-content", "no file has the content %.80s", b.SHA256), moveBlob, b.SHA256, b.Place)
}

func (t tx) LockBlob(ctx context.Context, sums ledger.Checksums, project string) (ledger.Blob, error) {
	query, sum := blobBySHA256, sums.SHA256
	if sum == "" {
		query, sum = blobBySHA1, sums.SHA1
	}
	unknown := missing("no-content", "no file has the content %.80s", sum).Hint("send it")
	found, err := one(ctx, t, unknown, scanText, query, sum, project)
	if err != nil {
		return ledger.Blob{}, err
	}
	return one(ctx, t, unknown, scanBlob, lockBlob, found)
}

func (t tx) UnusedBlobs(ctx context.Context, after string, number int) (unused []string, last string, err error) {
	type looked struct {
		sum    string
		unused int
	}
	seen, err := all(ctx, t, func(r row) (l looked, err error) { return l, r.Scan(&l.sum, &l.unused) }, unusedBlobs, after, number)
	for _, l := range seen {
		if l.unused == 1 {
			unused = append(unused, l.sum)
		}
	}
	if len(seen) == number {
		last = seen[number-1].sum
	}
	return unused, last, err
}

func (t tx) DeleteBlob(ctx context.Context, sum string) (place string, err error) {
	used := exists("blob-used", "the content %.80s is used, or gone", sum)
	place, err = one(ctx, t, used, scanText, deleteBlob, sum)
	return place, t.named(err, used, used)
}

func (t tx) HasPlace(ctx context.Context, place string) (bool, error) {
	found, err := all(ctx, t, scanText, blobAtPlace, place)
	return len(found) > 0, err
}

func (t tx) Blobs(ctx context.Context, after string, limit int) ([]ledger.Blob, error) {
	return all(ctx, t, scanBlob, blobsAfter, after, limit)
}

func scanFile(r row) (f ledger.File, err error) {
	var properties string
	var created, modified int64
	err = r.Scan(&f.Repository, &f.Path, &f.SHA256, &f.SHA1, &f.MD5, &f.Place, &f.Size, &properties, &created, &f.CreatedBy, &modified)
	if err != nil {
		return f, err
	}
	f.CreatedAt, f.ModifiedAt = moment(created), moment(modified)
	return f, json.Unmarshal([]byte(properties), &f.Properties)
}

func (t tx) File(ctx context.Context, repository, path string) (ledger.File, error) {
	return one(ctx, t, noFile(repository, path), scanFile, fileByPath, repository, path)
}

func (t tx) LockFile(ctx context.Context, repository, path string) (ledger.File, error) {
	if err := t.update(ctx, noFile(repository, path), lockFile, repository, path); err != nil {
		return ledger.File{}, err
	}
	return t.File(ctx, repository, path)
}

func (t tx) InsertFile(ctx context.Context, f ledger.File) error {
	there := exists("file-exists", "there is a file %s already", f)
	return t.insert(ctx, there, noRepository(f.Repository), insertFile,
		f.Repository, f.Path, f.SHA256, propertiesText(f.Properties), millis(f.CreatedAt), f.CreatedBy, millis(f.ModifiedAt))
}

func (t tx) UpdateFile(ctx context.Context, f ledger.File) error {
	return t.update(ctx, noFile(f.Repository, f.Path), updateFile, f.Repository, f.Path, f.SHA256, propertiesText(f.Properties), f.CreatedBy, millis(f.ModifiedAt))
}

// propertiesText is how properties are kept: none is an empty object.
func propertiesText(p ledger.Properties) string {
	if p == nil {
		return "{}"
	}
	return inJSON(p)
}

func (t tx) DeleteFile(ctx context.Context, repository, path string) error {
	return t.update(ctx, noFile(repository, path), deleteFile, repository, path)
}

func (t tx) Files(ctx context.Context, repository, from, to string, limit int) ([]ledger.File, error) {
	return all(ctx, t, scanFile, filesBetween, repository, from, to, limit)
}

func (t tx) DeleteFiles(ctx context.Context, repository, from, to string) (int, error) {
	n, err := t.exec(ctx, deleteFiles, repository, from, to)
	return int(n), err
}

func (t tx) PutBuild(ctx context.Context, b ledger.Build, now time.Time) error {
	return t.insert(ctx, nil, noProject(b.Project), putBuild, b.Key, b.Name, b.Number, b.Project, millis(b.StartedAt), b.Info, millis(now))
}

func scanBuild(r row) (b ledger.Build, err error) {
	var started int64
	err = r.Scan(&b.Key, &b.Name, &b.Number, &b.Project, &started, &b.Info)
	b.StartedAt = moment(started)
	return b, err
}

func (t tx) Build(ctx context.Context, key, name, number string) (ledger.Build, error) {
	unknown := missing("no-build-info", "there is no build %.120s %.120s in %.120s", name, number, key).Hint("jf rt build-publish sends it")
	return one(ctx, t, unknown, scanBuild, buildByNumber, key, name, number)
}

func (t tx) Builds(ctx context.Context, key, name string, limit int) ([]ledger.Build, error) {
	return all(ctx, t, scanBuild, buildsOfName, key, name, limit)
}
