package ledger

import (
	"context"
	"regexp"

	"github.com/gravitee-lab/gio/internal/fault"
)

// What persons look at: lists page by page, one deployment with its gate, one environment.

// invalidCursor is the fault of a list that cannot go on.
func invalidCursor(id string) error {
	return fault.New(fault.Invalid, "invalid-cursor", "%.80q is no place in this list", id).Hint("take it from the answer before, as it is")
}

// Candidates lists those of a project, the newest first: limit of them, made before the one with that id; "" for the newest.
// Faults: no-project.
func (l *Ledger) Candidates(ctx context.Context, c Caller, project, before string, limit int) (all []Candidate, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		all, err = tx.Candidates(ctx, project, before, limit)
		return err
	})
	return all, err
}

// DeploymentsBefore lists those of an environment that are older than the one with that id, the newest first; "" for the newest.
// Faults: no-project, no-environment, invalid-cursor.
func (l *Ledger) DeploymentsBefore(ctx context.Context, c Caller, project, environment, before string, limit int) (all []Deployment, e Environment, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		if e, err = tx.Environment(ctx, project, environment); err != nil {
			return err
		}
		if before == "" {
			all, err = tx.Deployments(ctx, e.ID, 0, limit)
			return err
		}
		if d, err := tx.Deployment(ctx, before); fault.Is(err, "no-deployment") || err == nil && d.Environment != e.ID {
			return invalidCursor(before)
		} else if err != nil {
			return err
		}
		all, err = tx.DeploymentsBefore(ctx, e.ID, before, limit)
		return err
	})
	return all, e, err
}

// Gate is a deployment with what its gate goes by.
type Gate struct {
	Deployment  Deployment
	Environment Environment
	Facts       Facts
	Approved    []Approval
	Revision    Revision // of the shipment that an app's deploys; zero for none
	Closed      string   // why it may not begin; "" when it may, or has begun
}

var idPrefix = regexp.MustCompile(`^[0-9a-f-]{8,36}$`)

// Gate reads a deployment by its id, or by at least eight characters with which no other id begins that the caller may see.
// Faults: no-deployment, several-deployments.
func (l *Ledger) Gate(ctx context.Context, c Caller, id string) (g Gate, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if g.Deployment, g.Environment, err = l.named(ctx, tx, c, id); err != nil {
			return err
		}
		s, err := l.standingOfApp(ctx, tx, g.Environment, g.Deployment.App)
		if err != nil {
			return err
		}
		if g.Facts, err = l.facts(ctx, tx, s, g.Deployment); err != nil {
			return err
		}
		if g.Revision, err = revisionOf(ctx, tx, g.Environment, g.Deployment); err != nil {
			return err
		}
		g.Approved, err = tx.Approvals(ctx, g.Deployment.ID)
		g.Closed = ""
		if g.Deployment.Status == Pending && !g.Deployment.Effect.Slot() {
			g.Closed = Closed(g.Deployment, g.Facts)
		}
		return err
	})
	return g, err
}

// named finds the deployment whose id begins like that.
func (l *Ledger) named(ctx context.Context, tx Tx, c Caller, id string) (d Deployment, e Environment, err error) {
	none := fault.New(fault.NotFound, "no-deployment", "there is no deployment %.120s", id)
	if !idPrefix.MatchString(id) {
		return d, e, none
	}
	const several = 20
	all, err := tx.DeploymentsNamed(ctx, id, several)
	if err != nil {
		return d, e, err
	}
	seen := 0
	for _, one := range all {
		of, err := tx.EnvironmentByID(ctx, one.Environment)
		if err != nil {
			return d, e, err
		}
		if c.may(ToRead, of.Project) == nil {
			d, e = one, of
			seen++
		}
	}
	switch {
	case seen == 0:
		return d, e, none
	case seen > 1:
		return d, e, fault.New(fault.Invalid, "several-deployments", "several deployments begin with %s", id).Hint("write more of the id: gio deployment list")
	}
	return d, e, nil
}

// Overview is all about one environment.
type Overview struct {
	Running
	Hold    *Deployment  // the rollback that keeps policies from it; nil for none
	Freezes []Freeze     // those that hold there
	Recent  []Deployment // the newest
}

// recent is how many an overview shows.
const recent = 10

// Overview reads all about one environment. Faults: no-project, no-environment.
func (l *Ledger) Overview(ctx context.Context, c Caller, project, environment string) (o Overview, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		o = Overview{}
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		e, err := tx.Environment(ctx, project, environment)
		if err != nil {
			return err
		}
		if o.Running, err = l.runningIn(ctx, tx, e); err != nil {
			return err
		}
		if e.Hold != "" {
			hold, err := tx.Deployment(ctx, e.Hold)
			if err != nil {
				return err
			}
			o.Hold = &hold
		}
		if o.Freezes, err = l.freezesOf(ctx, tx, e); err != nil {
			return err
		}
		o.Recent, err = tx.Deployments(ctx, e.ID, 0, recent)
		return err
	})
	return o, err
}
