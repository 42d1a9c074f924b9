package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	shipmentColumns = `SELECT id, project, made, version, contents, created_at, created_by FROM shipments`
	shipmentByID    = shipmentColumns + ` WHERE id = $1 AND project = $2`
	revisionOf      = `SELECT version FROM shipments WHERE id = $1 AND project = $2`
	shipmentByMade  = shipmentColumns + ` WHERE made = $1`
	insertShipment  = `INSERT INTO shipments (id, project, made, repository, sha, branch, event, version, contents, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

	batchColumns    = `SELECT id, project, kind, COALESCE(shipment, ''), message, refused, created_at, created_by FROM batches`
	batchByID       = batchColumns + ` WHERE id = $1 AND project = $2`
	batchOfShipment = batchColumns + ` WHERE shipment = $1 AND kind = 'shipment' AND project = $2`
	insertBatch     = `INSERT INTO batches (id, project, kind, shipment, message, refused, created_at, created_by)
		VALUES ($1, $2, $3, NULLIF($4, ''), $5, $6, $7, $8)`
)

func noShipment(id string) *fault.Fault {
	return missing("no-shipment", "there is no shipment %.300s", id).Hint("gio shipment list shows those there are")
}

func scanShipment(r row) (s ledger.Shipment, err error) {
	var version, contents string
	var created int64
	if err := r.Scan(&s.ID, &s.Project, &s.Made, &version, &contents, &created, &s.CreatedBy); err != nil {
		return s, err
	}
	s.CreatedAt = moment(created)
	if err := json.Unmarshal([]byte(version), &s.Revision); err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(contents), &s.Contents)
}

func (t tx) InsertShipment(ctx context.Context, s ledger.Shipment) error {
	r := s.Revision
	return t.insert(ctx, exists("shipment-exists", "there is a shipment %s already", s.ID), noProject(s.Project), insertShipment,
		s.ID, s.Project, s.Made, r.Repository, r.SHA, r.Branch, string(r.Event), inJSON(r), inJSON(s.Contents), millis(s.CreatedAt), s.CreatedBy)
}

func (t tx) Shipment(ctx context.Context, project, id string) (ledger.Shipment, error) {
	return one(ctx, t, noShipment(id), scanShipment, shipmentByID, id, project)
}

func scanRevision(r row) (v ledger.Revision, err error) {
	var text string
	if err := r.Scan(&text); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(text), &v)
}

func (t tx) Revision(ctx context.Context, project, shipment string) (ledger.Revision, error) {
	return one(ctx, t, noShipment(shipment), scanRevision, revisionOf, shipment, project)
}

// shipmentsQuery is the query of a list, with what it takes. The columns that are named first find it by an index.
func shipmentsQuery(project string, o ledger.ShipmentList, last *ledger.Shipment) (query string, arguments []any) {
	var where []string
	and := func(condition string, values ...any) {
		for _, value := range values {
			arguments = append(arguments, value)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(arguments)), 1)
		}
		where = append(where, condition)
	}
	and("project = ?", project)
	if len(o.SHAs) > 0 {
		all := make([]any, 0, len(o.SHAs))
		for _, sha := range o.SHAs {
			all = append(all, sha)
		}
		and("("+strings.Join(repeated("sha = ?", len(all)), " OR ")+")", all...)
	}
	for _, each := range []struct{ column, value string }{{"repository", o.Repository}, {"branch", o.Branch}, {"event", string(o.Event)}} {
		if each.value != "" {
			and(each.column+" = ?", each.value)
		}
	}
	if !o.Since.IsZero() {
		and("created_at >= ?", millis(o.Since))
	}
	if !o.Until.IsZero() {
		and("created_at < ?", millis(o.Until))
	}
	if last != nil {
		and("(created_at, made) < (?, ?)", millis(last.CreatedAt), last.Made)
	}
	query = shipmentColumns + " WHERE " + strings.Join(where, " AND ") + " ORDER BY created_at DESC, made DESC"
	arguments = append(arguments, o.Limit, o.Offset)
	return query + fmt.Sprintf(" LIMIT $%d OFFSET $%d", len(arguments)-1, len(arguments)), arguments
}

func repeated(text string, n int) (all []string) {
	for range n {
		all = append(all, text)
	}
	return all
}

func (t tx) Shipments(ctx context.Context, project string, o ledger.ShipmentList) ([]ledger.Shipment, error) {
	var last *ledger.Shipment
	if o.After != "" {
		no := exists("invalid-cursor", "%.80q is no place in this list", o.After)
		found, err := one(ctx, t, no, scanShipment, shipmentByMade, o.After)
		if err != nil {
			return nil, err
		}
		last = &found
	}
	query, arguments := shipmentsQuery(project, o, last)
	return all(ctx, t, scanShipment, query, arguments...)
}

func noBatch(id string) *fault.Fault { return missing("no-batch", "there is no request %.120s", id) }

func scanBatch(r row) (b ledger.Batch, err error) {
	var refused string
	var created int64
	if err := r.Scan(&b.ID, &b.Project, &b.Kind, &b.Shipment, &b.Message, &refused, &created, &b.CreatedBy); err != nil {
		return b, err
	}
	b.CreatedAt = moment(created)
	return b, json.Unmarshal([]byte(refused), &b.Refused)
}

func (t tx) InsertBatch(ctx context.Context, b ledger.Batch) error {
	return t.insert(ctx, exists("batch-exists", "there is a request %s already", b.ID), noProject(b.Project), insertBatch,
		b.ID, b.Project, string(b.Kind), b.Shipment, b.Message, inJSON(b.Refused), millis(b.CreatedAt), b.CreatedBy)
}

func (t tx) Batch(ctx context.Context, project, id string) (ledger.Batch, error) {
	return one(ctx, t, noBatch(id), scanBatch, batchByID, id, project)
}

func (t tx) BatchOfShipment(ctx context.Context, project, shipment string) (ledger.Batch, error) {
	return one(ctx, t, noBatch("of the shipment "+shipment), scanBatch, batchOfShipment, shipment, project)
}
