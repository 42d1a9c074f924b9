package ledger

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// ByPolicy is who asks for what nobody asked for.
const ByPolicy = "policy"

// wanted is a deployment of an app that is to be made.
type wanted struct {
	Deployment
	environment Environment // locked
	standing    standing
	policy      bool // nobody asked for it
}

// asking is how apps are asked for.
type asking struct {
	force *Force
	// refuse tells that what may not begin is not made, but where it waits for persons or its turn.
	refuse bool
}

// prepare asks the gate of a deployment of an app, and says why it is not to be made. A freeze that nobody passes is a fault where nothing
// is to be refused.
func (l *Ledger) prepare(ctx context.Context, tx Tx, c Caller, w *wanted, a asking) (why string, err error) {
	if w.standing, err = l.standingOfApp(ctx, tx, w.environment, w.App); err != nil {
		return "", err
	}
	w.FromShipment, w.Status, w.Effect = w.standing.runsShipment(), Pending, EffectWanted
	if w.policy {
		hold, err := holdOf(ctx, tx, w.environment, w.App)
		if err != nil || hold != "" {
			return "is held since it was rolled back", err
		}
	} else if w.Forced, err = c.passes(w.standing, a.force); err != nil {
		if a.refuse && fault.KindOf(err) != fault.Internal {
			return err.Error(), nil
		}
		return "", err
	}
	if !a.refuse {
		return "", nil
	}
	f, err := w.standing.appFacts(ctx, tx, w.Deployment)
	f.Approvals = f.Requires.Approvals // persons may still approve it
	return Closed(w.Deployment, f), err
}

// holdOf is the rollback that keeps policies from an app; "" for none.
func holdOf(ctx context.Context, tx Tx, e Environment, app string) (string, error) {
	found, err := tx.App(ctx, e.ID, app)
	if fault.Is(err, "no-app") {
		return "", nil
	}
	return found.Hold, err
}

// make makes a batch, and what is wanted of it that its gate lets in. Their environments are locked.
func (l *Ledger) make(ctx context.Context, tx Tx, c Caller, b Batch, all []wanted, a asking) (ShownBatch, error) {
	var some []wanted
	for _, w := range all {
		why, err := l.prepare(ctx, tx, c, &w, a)
		switch {
		case err != nil:
			return ShownBatch{}, err
		case why == "":
			some = append(some, w)
		default:
			b.Refused = append(b.Refused, Refused{w.App, w.environment.Name, why})
		}
	}
	b.ID, b.CreatedAt, b.CreatedBy = l.NewID(), l.Now(), c.Token.Subject
	if err := tx.InsertBatch(ctx, b); err != nil {
		return ShownBatch{}, err
	}
	for _, r := range b.Refused {
		data := map[string]string{"app": r.App, "environment": r.Environment, "reason": r.Why}
		if b.Shipment != "" {
			data["shipment"] = b.Shipment
		}
		if err := l.note(ctx, tx, c, Event{Type: "app.refused", Project: b.Project, Subject: b.ID, Data: data}); err != nil {
			return ShownBatch{}, err
		}
	}
	for _, w := range some {
		w.Batch = b.ID
		if err := l.makeOne(ctx, tx, c, w); err != nil {
			return ShownBatch{}, err
		}
	}
	return l.shownBatch(ctx, tx, b)
}

// makeOne makes a deployment of an app, and begins it where it may.
func (l *Ledger) makeOne(ctx context.Context, tx Tx, c Caller, w wanted) error {
	e := w.environment
	who := c
	if w.policy {
		who.Token.Subject = ByPolicy
	}
	var left []Deployment
	var err error
	if w.back() {
		if err = l.stopAll(ctx, tx, c, e, w.App, "rolled back: "+w.what()); err == nil {
			left, err = tx.Open(ctx, e.ID)
			left = ofApp(left, w.App)
		}
	} else {
		left, err = l.supersede(ctx, tx, c, e, w.App, w.what())
	}
	if err != nil {
		return err
	}
	if err := tx.PutApp(ctx, e.ID, w.App); err != nil {
		return err
	}
	d, err := l.insert(ctx, tx, who, e, w.Deployment)
	if err != nil {
		return err
	}
	if err := l.holdApp(ctx, tx, c, e, d, w.policy); err != nil {
		return err
	}
	what := "deployment.created"
	if d.back() {
		what = "deployment.rollback"
	}
	if err := l.note(ctx, tx, who, deployed(what, e, d)); err != nil {
		return err
	}
	_, err = l.beginWith(ctx, tx, w.standing, append([]Deployment{d}, left...))
	return err
}

// holdApp keeps policies from an app that is rolled back, and lets them in again where somebody deploys it by name.
func (l *Ledger) holdApp(ctx context.Context, tx Tx, c Caller, e Environment, d Deployment, policy bool) error {
	switch {
	case d.back():
		return tx.SetAppHold(ctx, e.ID, d.App, d.ID)
	case policy:
		return nil
	}
	return l.releaseApp(ctx, tx, c, e, d.App, "somebody deploys by name")
}

// releaseApp ends what keeps policies from an app.
func (l *Ledger) releaseApp(ctx context.Context, tx Tx, c Caller, e Environment, app, why string) error {
	hold, err := holdOf(ctx, tx, e, app)
	if err != nil || hold == "" {
		return err
	}
	if err := tx.SetAppHold(ctx, e.ID, app, ""); err != nil {
		return err
	}
	data := map[string]string{"environment": e.Name, "app": app, "reason": why}
	return l.note(ctx, tx, c, Event{Type: "environment.resumed", Project: e.Project, Subject: e.ID, Data: data})
}

// AppsOptions say how apps are asked for.
type AppsOptions struct {
	App   string // "" for all that the shipment has for the environment
	Force *Force // nil: a freeze refuses it
	// Refuse makes a refusal in the batch of what may not begin now, but where it waits for persons or its turn. Otherwise a freeze is a
	// fault, and what waits for something else waits.
	Refuse bool
}

// DeployApps deploys the apps of a shipment in an environment. Faults: no-project, no-environment, not-by-app, no-shipment, invalid-template,
// invalid-app, frozen.
func (l *Ledger) DeployApps(ctx context.Context, c Caller, project, environment, shipment string, o AppsOptions) (b ShownBatch, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		e, err := l.lockFor(ctx, tx, c, ToDeploy, project, environment)
		if err != nil {
			return Event{}, err
		}
		if err := e.takesApps(); err != nil {
			return Event{}, err
		}
		s, err := tx.Shipment(ctx, project, shipment)
		if err != nil {
			return Event{}, err
		}
		apps, err := s.appsFor(e.Name, o.App)
		if err != nil {
			return Event{}, err
		}
		var all []wanted
		for _, app := range apps {
			all = append(all, wanted{environment: e, Deployment: Deployment{AppDeployment: AppDeployment{App: app, Action: DeployApp, Shipment: s.ID}}})
		}
		b, err = l.make(ctx, tx, c, Batch{Project: project, Kind: OfDeploy, Shipment: s.ID}, all, asking{o.Force, o.Refuse})
		return Event{}, err
	})
	return b, err
}

// appsFor are the apps that a shipment has for an environment; one of them may be named, as its file or its templates name it.
func (s Shipment) appsFor(environment, app string) (names []string, err error) {
	for _, raw := range s.Contents.Files {
		f, err := ParseAppFile(raw)
		if err != nil {
			return nil, err
		}
		p, err := s.Contents.place(f, raw)
		if err != nil {
			if f.Environment == environment && (app == "" || f.App == app) {
				return nil, err
			}
			continue // it is for somebody else
		}
		if p.Environment == environment && (app == "" || p.App == app || f.App == app) && !slices.Contains(names, p.App) {
			names = append(names, p.App)
		}
	}
	return names, nil
}

// policies are the deployments that the policies of a shipment want. It locks their environments.
func (l *Ledger) policies(ctx context.Context, tx Tx, s Shipment) ([]wanted, []Refused, error) {
	all, refused := s.files()
	var some []placed
	for _, p := range all {
		is, err := p.Deploy.deploys(s.Revision)
		switch {
		case err != nil:
			refused = append(refused, Refused{p.App, p.Environment, inOneLine(err)})
		case is:
			some = append(some, p)
		}
	}
	return l.byPolicy(ctx, tx, s.Project, some, refused, func(p placed) Deployment {
		return Deployment{AppDeployment: AppDeployment{App: p.App, Action: DeployApp, Shipment: s.ID}}
	})
}

// byPolicy is what policies want, each app of an environment once. It locks the environments, those that were made first before others.
func (l *Ledger) byPolicy(ctx context.Context, tx Tx, project string, some []placed, refused []Refused, make func(placed) Deployment) ([]wanted, []Refused, error) {
	if len(some) == 0 {
		return nil, refused, nil
	}
	declared, err := tx.Environments(ctx, project)
	if err != nil {
		return nil, nil, err
	}
	byName := map[string]Environment{}
	for _, e := range declared {
		if e.Kind == GitOps && slices.ContainsFunc(some, func(p placed) bool { return p.Environment == e.Name }) {
			if byName[e.Name], err = tx.LockEnvironmentByID(ctx, e.ID); err != nil {
				return nil, nil, err
			}
		}
	}
	var all []wanted
	for _, p := range some {
		e, known := byName[p.Environment]
		twice := slices.ContainsFunc(all, func(w wanted) bool { return w.App == p.App && w.environment.Name == p.Environment })
		switch {
		case !known:
			refused = append(refused, Refused{p.App, p.Environment, fmt.Sprintf("%s has no environment %.100s that is deployed by Git", project, p.Environment)})
		case twice:
			refused = append(refused, Refused{p.App, p.Environment, "another app file before it is for the same app"})
		default:
			all = append(all, wanted{Deployment: make(p), environment: e, policy: true})
		}
	}
	return all, refused, nil
}

// RollbackAppOptions say how an app is rolled back.
type RollbackAppOptions struct {
	To     string // hash of a commit, or id of a shipment; "" for what ran before
	Force  *Force
	Refuse bool // as of AppsOptions
}

// RollbackApp brings back what ran of an app before, as soon as what has not begun was stopped and what has begun has ended. It needs no
// approval, is never superseded, and holds the app against policies. To what runs already is nothing to do: the batch is empty. Faults: no-project,
// no-environment, not-by-app, invalid-app, invalid-commit, no-previous, frozen.
func (l *Ledger) RollbackApp(ctx context.Context, c Caller, project, environment, app string, o RollbackAppOptions) (b ShownBatch, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		e, err := l.lockApp(ctx, tx, c, project, environment, app)
		if err != nil {
			return Event{}, err
		}
		to, there, err := appTarget(ctx, tx, e, app, o.To)
		if err != nil {
			return Event{}, err
		}
		var all []wanted
		if !there {
			to.App, to.Action = app, RollBackApp
			all = append(all, wanted{Deployment: to, environment: e})
		}
		b, err = l.make(ctx, tx, c, Batch{Project: project, Kind: OfRollback, Shipment: to.Shipment}, all, asking{o.Force, o.Refuse})
		return Event{}, err
	})
	return b, err
}

// lockApp locks an environment for somebody who changes an app by its name.
func (l *Ledger) lockApp(ctx context.Context, tx Tx, c Caller, project, environment, app string) (Environment, error) {
	if err := checkAppName(app); err != nil {
		return Environment{}, err
	}
	e, err := l.lockFor(ctx, tx, c, ToDeploy, project, environment)
	if err != nil {
		return e, err
	}
	return e, e.takesApps()
}

var wholeHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// appTarget is what a rollback restores, as a deployment that does, and whether that is there already. A commit of which the ledger does
// not know may be older than the ledger.
func appTarget(ctx context.Context, tx Tx, e Environment, app, to string) (d Deployment, there bool, err error) {
	before, err := tx.DeploymentsOfApp(ctx, e.ID, app, memory)
	if err != nil {
		return d, false, err
	}
	target := RollbackTo(before)
	if to != "" {
		target = nil
		if i := slices.IndexFunc(before, func(d Deployment) bool { return d.is(strings.ToLower(to), to) }); i >= 0 {
			target = restored(before, before[i])
		}
	}
	hash := strings.ToLower(to)
	switch {
	case target != nil:
		current := Current(before)
		there = current != nil && current.ID == target.ID && !newestFailed(before)
		d.Restores, d.Shipment, d.To = target.ID, target.Shipment, target.Commit.Hash
		return d, there, nil
	case to == "":
		return d, false, fault.New(fault.NotFound, "no-previous", "nothing of %s ran in %s of %s before that could be rolled back to", app, e.Name, e.Project)
	case !wholeHash.MatchString(hash):
		return d, false, fault.New(fault.Invalid, "invalid-commit", "%.100q is neither the hash of a commit nor a shipment that ran in %s", to, e.Name).Hint("write all digits of the hash")
	}
	d.To = hash
	return d, false, nil
}

// is tells whether a deployment has put an app where a commit or a shipment is.
func (d Deployment) is(hash, shipment string) bool {
	if d.Commit.Hash == "" || d.Action == DeleteApp {
		return false
	}
	return d.Commit.Hash == hash || d.Shipment == shipment && d.Status == Success
}

// newestFailed tells that what was tried last did not succeed.
func newestFailed(all []Deployment) bool {
	i := slices.IndexFunc(all, func(d Deployment) bool { return d.Status != Canceled })
	return i >= 0 && all[i].Status != Success
}

// DeleteAppOptions say how an app is removed.
type DeleteAppOptions struct {
	Force  *Force
	Refuse bool // as of AppsOptions
}

// DeleteApp removes an app from an environment. Faults: no-project, no-environment, not-by-app, invalid-app, frozen.
func (l *Ledger) DeleteApp(ctx context.Context, c Caller, project, environment, app string, o DeleteAppOptions) (b ShownBatch, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		e, err := l.lockApp(ctx, tx, c, project, environment, app)
		if err != nil {
			return Event{}, err
		}
		all := []wanted{{environment: e, Deployment: Deployment{AppDeployment: AppDeployment{App: app, Action: DeleteApp}}}}
		b, err = l.make(ctx, tx, c, Batch{Project: project, Kind: OfDelete}, all, asking{o.Force, o.Refuse})
		return Event{}, err
	})
	return b, err
}

// DeleteBranch removes the apps that go with a branch: those of which the newest shipment of the branch says so, as far as they are
// deployed. Faults: no-project, invalid-branch.
func (l *Ledger) DeleteBranch(ctx context.Context, c Caller, project, repository, branch string) (b ShownBatch, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		if _, err := l.projectFor(ctx, tx, c, ToShip, project); err != nil {
			return Event{}, err
		}
		if branch == "" || repository == "" {
			return Event{}, fault.New(fault.Invalid, "invalid-branch", "a repository and a branch are needed")
		}
		newest, err := tx.Shipments(ctx, project, ShipmentList{Repository: repository, Branch: branch, Limit: 1})
		if err != nil {
			return Event{}, err
		}
		made := Batch{Project: project, Kind: BranchDeleted}
		var all []wanted
		if len(newest) > 0 {
			made.Shipment = newest[0].ID
			if all, made.Refused, err = l.cleanups(ctx, tx, newest[0], branch); err != nil {
				return Event{}, err
			}
		}
		data := map[string]string{"repository": repository, "branch": branch}
		if err := l.note(ctx, tx, c, Event{Type: "branch.deleted", Project: project, Data: data}); err != nil {
			return Event{}, err
		}
		b, err = l.make(ctx, tx, c, made, all, asking{refuse: true})
		return Event{}, err
	})
	return b, err
}

// cleanups are the removals that the app files of a shipment want when its branch is deleted. In the name of the app they know the branch only.
func (l *Ledger) cleanups(ctx context.Context, tx Tx, s Shipment, branch string) ([]wanted, []Refused, error) {
	files, _ := s.files() // what cannot be placed was never deployed
	only := Contents{Vars: map[string]string{"BRANCH": branch}}
	var some []placed
	var refused []Refused
	for _, p := range files {
		is, err := p.Cleanup.deletes(branch)
		if err == nil && is {
			p.App, err = only.fillName(p.Cleanup.App, only.Vars)
		}
		if err == nil && is {
			err = checkAppName(p.App)
		}
		switch {
		case err != nil:
			refused = append(refused, Refused{p.App, p.Environment, inOneLine(err)})
		case is:
			some = append(some, p)
		}
	}
	all, refused, err := l.byPolicy(ctx, tx, s.Project, some, refused, func(p placed) Deployment {
		return Deployment{AppDeployment: AppDeployment{App: p.App, Action: DeleteApp}}
	})
	var there []wanted
	for i := 0; err == nil && i < len(all); i++ {
		_, err = tx.App(ctx, all[i].environment.ID, all[i].App)
		switch {
		case err == nil:
			there = append(there, all[i])
		case fault.Is(err, "no-app"):
			err = nil
		}
	}
	return there, refused, err
}

// CurrentApps lists what runs in an environment by app, and its shipment. Faults: no-project, no-environment.
func (l *Ledger) CurrentApps(ctx context.Context, c Caller, project, environment string) (all []RunningApp, e Environment, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		if e, err = tx.Environment(ctx, project, environment); err != nil {
			return err
		}
		all, err = runningApps(ctx, tx, e)
		return err
	})
	return all, e, err
}

// Rollout is an app's deployment that has pushed a commit.
type Rollout struct {
	Deployment
	Revision   Revision // of its shipment; zero where nobody knows it
	RolledBack bool     // a later rollback has taken it out
}

// RolloutList says which are wanted. What is empty is any.
type RolloutList struct {
	App, Repository string    // of the shipment
	Since, Until    time.Time // from the one, and before the other
	Limit           int
}

// MostRollouts bounds how many are looked at.
const MostRollouts = memory

// Rollouts lists what was deployed of the apps of an environment, the newest first; neither rollbacks nor removals. Faults: no-project,
// no-environment.
func (l *Ledger) Rollouts(ctx context.Context, c Caller, project, environment string, o RolloutList) (list []Rollout, e Environment, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		list = nil
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		if e, err = tx.Environment(ctx, project, environment); err != nil {
			return err
		}
		all, err := tx.Committed(ctx, e.ID, memory)
		if o.App != "" {
			all, err = tx.DeploymentsOfApp(ctx, e.ID, o.App, memory)
		}
		if err != nil {
			return err
		}
		left := rolledBackApps(all)
		for _, d := range all {
			if len(list) >= o.Limit {
				break
			}
			if d.Action != DeployApp || d.Commit.Hash == "" || d.Commit.At.Before(o.Since) || !o.Until.IsZero() && !d.Commit.At.Before(o.Until) {
				continue
			}
			r, err := revisionOf(ctx, tx, e, d)
			if err != nil {
				return err
			}
			if o.Repository == "" || o.Repository == r.Repository {
				list = append(list, Rollout{d, r, left[d.ID]})
			}
		}
		return nil
	})
	return list, e, err
}

// rolledBackApps is rolledBack for each app.
func rolledBackApps(all []Deployment) map[string]bool {
	out := map[string]bool{}
	seen := map[string]bool{}
	for _, d := range all {
		if !seen[d.App] {
			seen[d.App] = true
			maps.Copy(out, rolledBack(ofApp(all, d.App)))
		}
	}
	return out
}
