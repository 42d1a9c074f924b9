package ledger

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Past is what the repository of an environment says of an app that was deployed before the ledger knew of it.
type Past struct {
	App, Shipment string // id, as somebody gave it; "" for none
	By            string
	Revision      *Revision // nil for none
	Commit        string    // hash
	At            time.Time
	UndoneBy      string // hash of the commit that rolled it back; "" for none
	UndoneAt      time.Time
	Effect        string // id of the one that made it; "" for none
}

// importer is who keeps what happened before the ledger.
var importer = Caller{Token: Token{Subject: "gio-server", Role: Admin}, Dialect: "import"}

// mostPast bounds how much of an environment is imported: what is older decides nothing.
const mostPast = memory

// importAgain is how long an import rests that could not be done.
const importAgain = 30 * time.Second

// DueImports lists the environments whose history is to be imported, by their ids.
func (l *Ledger) DueImports(ctx context.Context, limit int) (environments []Environment, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		environments = nil
		ids, err := tx.DueImports(ctx, limit)
		for i := 0; err == nil && i < len(ids); i++ {
			var e Environment
			e, err = tx.EnvironmentByID(ctx, ids[i])
			environments = append(environments, e)
		}
		return err
	})
	return environments, err
}

// Import keeps the history of an environment, the oldest first, and which apps are there, once: whoever comes second keeps nothing. It
// deploys nothing, and nobody gets news of it. What the ledger has done itself it knows already.
func (l *Ledger) Import(ctx context.Context, e Environment, all []Past, apps []string) error {
	all = all[max(0, len(all)-mostPast):]
	err := l.change(ctx, importer, func(tx Tx) (Event, error) {
		locked, err := tx.LockEnvironmentByID(ctx, e.ID)
		if err != nil {
			return Event{}, err
		}
		if _, err := tx.Import(ctx, e.ID); fault.Is(err, "no-import") {
			return Event{}, nil
		} else if err != nil {
			return Event{}, err
		}
		if locked.GitOps == nil || e.GitOps == nil || *locked.GitOps != *e.GitOps {
			return Event{}, fault.New(fault.Stopped, "other-repository", "%s of %s names another repository by now", e.Name, e.Project)
		}
		i := importing{Ledger: l, tx: tx, e: locked, there: map[string]bool{}, last: map[string]*Deployment{}, undone: map[string][]Past{}}
		for _, app := range apps {
			i.there[app] = true
		}
		if err := i.keepAll(ctx, all); err != nil {
			return Event{}, err
		}
		data := map[string]string{"environment": e.Name, "repository": e.GitOps.Repository}
		return Event{Type: "environment.imported", Project: e.Project, Subject: e.ID, Data: data}, tx.EndImport(ctx, e.ID)
	})
	return err
}

// importing is one import.
type importing struct {
	*Ledger
	tx     Tx
	e      Environment
	there  map[string]bool        // apps that the repository has
	last   map[string]*Deployment // of each app, that was not rolled back
	undone map[string][]Past      // of each app, what was rolled back since
}

func (i importing) keepAll(ctx context.Context, all []Past) error {
	for _, p := range all {
		if checkAppName(p.App) != nil {
			continue
		}
		known, err := i.known(ctx, p)
		if err == nil && !known {
			err = i.keep(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	for app := range i.last {
		if err := i.close(ctx, app); err != nil {
			return err
		}
	}
	return nil
}

// known tells whether the ledger has done something itself, or does it now.
func (i importing) known(ctx context.Context, p Past) (bool, error) {
	d, err := i.tx.DeploymentOfCommit(ctx, i.e.ID, p.Commit)
	if err == nil {
		return d.App == p.App, nil // somebody may have deployed several by one commit
	}
	if fault.Is(err, "no-deployment") && p.Effect != "" {
		var made Effect
		if made, err = i.tx.Effect(ctx, p.Effect); err == nil && made.Environment != i.e.ID {
			return false, nil
		}
	}
	if fault.Is(err, "no-deployment") || fault.Is(err, "no-effect") {
		return false, nil
	}
	return err == nil, err
}

// keep makes the deployment of what was deployed. What was rolled back is known once the next one comes that was not.
func (i importing) keep(ctx context.Context, p Past) error {
	if p.UndoneBy == "" {
		if err := i.back(ctx, p.App); err != nil {
			return err
		}
	}
	shipment, err := i.shipment(ctx, p)
	if err != nil {
		return err
	}
	d := i.deployment(AppDeployment{App: p.App, Action: DeployApp, Shipment: shipment}, kept(p.By), p.Commit, p.At)
	if err := i.tx.InsertPastDeployment(ctx, d); err != nil {
		return err
	}
	if p.UndoneBy != "" {
		i.undone[p.App] = append(i.undone[p.App], p)
		if _, seen := i.last[p.App]; !seen {
			i.last[p.App] = nil
		}
		return nil
	}
	i.last[p.App] = &d
	return nil
}

func (i importing) deployment(a AppDeployment, by, hash string, at time.Time) Deployment {
	a.Commit = Commit{Hash: hash, Status: ReconciliationSucceeded, Message: "imported", At: at}
	return Deployment{ID: i.NewID(), Environment: i.e.ID, Status: Success, Actor: by, StartedAt: at, EndedAt: at, AppDeployment: a}
}

// back makes the rollback that has taken out what was rolled back of an app; where nothing was left by it, a removal.
func (i importing) back(ctx context.Context, app string) error {
	undone := i.undone[app]
	if len(undone) == 0 {
		return nil
	}
	delete(i.undone, app)
	first := undone[0] // reverts begin with the newest, and so this one came last
	d := i.deployment(AppDeployment{App: app, Action: DeleteApp}, importer.Token.Subject, first.UndoneBy, first.UndoneAt)
	if to := i.last[app]; to != nil {
		d.Action, d.Restores, d.Shipment, d.To = RollBackApp, to.ID, to.Shipment, to.Commit.Hash
	}
	return i.tx.InsertPastDeployment(ctx, d)
}

// close says how an app stands at last.
func (i importing) close(ctx context.Context, app string) error {
	if err := i.back(ctx, app); err != nil {
		return err
	}
	if i.there[app] {
		return i.tx.PutApp(ctx, i.e.ID, app)
	}
	if last := i.last[app]; last != nil {
		return i.tx.InsertPastDeployment(ctx, i.deployment(AppDeployment{App: app, Action: DeleteApp}, importer.Token.Subject, "", last.EndedAt))
	}
	return nil
}

// shipment is the id of what was deployed: as the ledger knows it, or made of what the repository says; "" where that does not do.
func (i importing) shipment(ctx context.Context, p Past) (string, error) {
	if p.Shipment == "" || p.Revision == nil {
		return "", nil
	}
	s := Shipment{ID: kept(p.Shipment), Project: i.e.Project, Made: i.NewID(), Revision: *p.Revision, CreatedAt: p.At, CreatedBy: importer.Token.Subject}
	s.Revision.Event, s.Revision.Branch = ParseGitEvent(string(s.Revision.Event)), kept(s.Revision.Branch)
	s.Revision.clean()
	if s.check() != nil || !shippable.MatchString(s.ID) {
		return "", nil
	}
	if err := i.tx.KeepShipment(ctx, s); err != nil {
		return "", err
	}
	_, err := i.tx.Revision(ctx, i.e.Project, s.ID)
	if fault.Is(err, "no-shipment") { // it is another project's
		return "", nil
	}
	return s.ID, err
}

// ImportFailed keeps why the history of an environment could not be imported; it is tried again.
func (l *Ledger) ImportFailed(ctx context.Context, e Environment, why error) error {
	return l.change(ctx, importer, func(tx Tx) (Event, error) {
		before, err := tx.Import(ctx, e.ID)
		if fault.Is(err, "no-import") { // another one has done it
			return Event{}, nil
		}
		if err != nil {
			return Event{}, err
		}
		p, say := before.next(why, l.Now())
		event := Event{}
		if say {
			data := map[string]string{"environment": e.Name, "problem": p.Message}
			event = Event{Type: "environment.unreadable", Project: e.Project, Subject: e.ID, Data: data}
		}
		return event, tx.PutOffImport(ctx, e.ID, *p, importAgain)
	})
}
