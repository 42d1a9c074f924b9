package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Desired says where the desired state of an environment is kept: in Git, from where Flux applies it.
type Desired struct {
	Connection     string  `json:"connection"` // of the kind git, of the server's settings
	Repository     string  `json:"repository"` // below the connection's address: org/name
	Branch         string  `json:"branch"`
	Path           string  `json:"path,omitempty"`            // folder there; "" for the root
	PerEnvironment bool    `json:"per_environment,omitempty"` // the repository is this environment's: no folder has its name
	Confirm        Confirm `json:"confirm"`
}

// Confirm says who tells that a commit is applied.
type Confirm string

// Who may.
const (
	ByFlux Confirm = "flux" // Flux, by its events
	ByPush Confirm = "push" // nobody: what is pushed counts as applied
)

// usualBranch is the branch of a desired state that names no other.
const usualBranch = "main"

// complete fills in what a declaration may leave out.
func (e *Environment) complete() {
	if e.GitOps == nil {
		return
	}
	d := *e.GitOps
	d.Branch, d.Confirm = cmp.Or(d.Branch, usualBranch), cmp.Or(d.Confirm, ByFlux)
	d.Path = strings.Trim(d.Path, "/")
	e.GitOps = &d
}

var branchName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$`)

func (l *Ledger) checkDesired(what string, e Environment) error {
	invalid := func(format string, args ...any) *fault.Fault {
		return fault.New(fault.Invalid, "invalid-project", what+": "+format, args...)
	}
	d := e.GitOps
	switch {
	case (e.Kind == GitOps) != (d != nil):
		return invalid("gitops: belongs to the kind gitops, and it needs it")
	case d == nil:
		return nil
	case l.Connections[d.Connection] != Git:
		return invalid("the server has no connection %.100q of the kind %s", d.Connection, Git).
			Hint("its connections of this kind: %s", cmp.Or(strings.Join(l.connections(Git), ", "), "none")).
			Hint("an admin of the server writes them in gio-server.yaml")
	case len(d.Repository) > 200 || !belowConnection.MatchString(d.Repository):
		return invalid("%.200q is no repository below the connection's address: write org/name", d.Repository)
	case !branchName.MatchString(d.Branch) || strings.Contains(d.Branch, "..") || strings.HasSuffix(d.Branch, "/"):
		return invalid("%.200q is no branch", d.Branch)
	case d.Path != "" && (len(d.Path) > 200 || !fs.ValidPath(d.Path) || strings.HasPrefix(d.Path, ".git")):
		return invalid("path: %.200q is no folder in a repository", d.Path)
	case d.Confirm != ByFlux && d.Confirm != ByPush:
		return invalid("confirm: %.40q cannot: flux, or push where nobody tells", d.Confirm)
	case e.Requires.Signed:
		return invalid("signed: looks at bundles, and what is shipped has none")
	}
	return nil
}

// fields are what it says, in the words of the project file.
func (d *Desired) fields() []field {
	if d == nil {
		return nil
	}
	all := []field{
		{"gitops.connection", d.Connection},
		{"gitops.repository", d.Repository},
		{"gitops.branch", d.Branch},
		{"gitops.path", d.Path},
		{"gitops.per_environment", map[bool]string{true: "true"}[d.PerEnvironment]},
		{"gitops.confirm", string(d.Confirm)},
	}
	return slices.DeleteFunc(all, func(f field) bool { return f.value == "" })
}

// takesCandidates returns the fault of an environment whose apps are deployed one by one.
func (e Environment) takesCandidates() error {
	if e.Kind != GitOps {
		return nil
	}
	return fault.New(fault.Invalid, "not-by-candidate", "%s of %s is deployed app by app, from what is shipped", e.Name, e.Project).
		Hint("gio shipment deploy SHIPMENT %s", e.Name)
}

// takesApps returns the fault of any other environment.
func (e Environment) takesApps() error {
	if e.Kind == GitOps {
		return nil
	}
	return fault.New(fault.Invalid, "not-by-app", "%s of %s is not deployed by Git: its kind is %s", e.Name, e.Project, e.Kind).
		Hint("an admin declares it: kind: gitops, in the file of gio project apply")
}

// AppAction is what a deployment of an app does.
type AppAction string

// The actions.
const (
	DeployApp   AppAction = "deploy"
	RollBackApp AppAction = "rollback"
	DeleteApp   AppAction = "delete"
)

// AppDeployment is what the deployment of an app has beside that of a candidate. All of it is empty for one of those.
type AppDeployment struct {
	App          string
	Action       AppAction
	Shipment     string // id of what is deployed; "" where nothing is, or nobody knows
	FromShipment string // id of what ran there before
	Batch        string // id of the request that made it
	To           string // hash of the commit to which a rollback goes back
	Commit       Commit
}

// Commit is what an effect has pushed to the repository of the desired state.
type Commit struct {
	Hash    string // "" before, or where nothing had to change
	Status  string // what Flux says of it, in its words; NotReconciled before it says anything
	Message string
	At      time.Time
}

// The statuses of commits are the reasons of Flux's events.
const (
	NotReconciled           = "NotReconciled"
	ReconciliationSucceeded = "ReconciliationSucceeded"
	reconciliationFailed    = "ReconciliationFailed"
	validationFailed        = "ValidationFailed"
	healthCheckFailed       = "HealthCheckFailed"
)

// final tells that no later event changes what is said of a commit.
func (c Commit) final() bool {
	return c.Status == ReconciliationSucceeded || c.Status == reconciliationFailed || c.Status == validationFailed
}

// back tells a rollback.
func (d Deployment) back() bool { return d.Restores != "" || d.Action == RollBackApp }

// what names that which is deployed.
func (d Deployment) what() string {
	switch d.Action {
	case DeployApp:
		return d.App + " of " + d.Shipment
	case RollBackApp:
		return fmt.Sprintf("%s as of %.10s", d.App, d.To)
	case DeleteApp:
		return "the removal of " + d.App
	}
	return d.Candidate.String()
}

// inWords adds to an event what is deployed.
func (d Deployment) inWords(data map[string]string) {
	if d.App == "" {
		data["candidate"] = d.Candidate.String()
		return
	}
	for name, value := range map[string]string{
		"app": d.App, "action": string(d.Action), "shipment": d.Shipment, "to": d.To, "commit": d.Commit.Hash, "commit_status": d.Commit.Status,
	} {
		if value != "" {
			data[name] = value
		}
	}
}

// ofApp are the deployments of one app.
func ofApp(all []Deployment, app string) (some []Deployment) {
	for _, d := range all {
		if d.App == app {
			some = append(some, d)
		}
	}
	return some
}

// waitingApps are the apps of which some want to begin, "" for candidates.
func waitingApps(open []Deployment) (apps []string) {
	for _, d := range open {
		if d.Effect == EffectWanted {
			apps = append(apps, d.App)
		}
	}
	slices.Sort(apps)
	return slices.Compact(apps)
}

// runsShipment is the shipment that runs; "" for none.
func (s standing) runsShipment() string {
	if s.current == nil {
		return ""
	}
	return s.current.Shipment
}

// appFacts reads what the gate goes by before an app is deployed. In the environment that is required, the same shipment must run; a
// removal needs none there.
func (s standing) appFacts(ctx context.Context, tx Tx, d Deployment) (f Facts, err error) {
	f = Facts{Held: s.held, Frozen: s.frozen, Requires: s.environment.Requires, Candidate: Candidate{State: Ready}}
	if d.Action == DeleteApp {
		f.Requires.Previous = ""
	}
	if s.runsBefore != nil {
		f.Previous = s.runsBefore.Shipment
		f.IsThere = f.Previous == d.Shipment
	}
	if f.Requires.Approvals > 0 && d.ID != "" {
		yes, err := tx.Approvals(ctx, d.ID)
		if err != nil {
			return f, err
		}
		f.Approvals = len(yes)
	}
	return f, nil
}

// revisionOf reads the commit that the deployment of an app deploys; zero for none.
func revisionOf(ctx context.Context, tx Tx, e Environment, d Deployment) (Revision, error) {
	if d.Shipment == "" {
		return Revision{}, nil
	}
	return tx.Revision(ctx, e.Project, d.Shipment)
}

// AppIntent is what is to be committed of an app.
type AppIntent struct {
	Desired
	Action   AppAction         `json:"action"`
	App      string            `json:"app"`
	File     json.RawMessage   `json:"file,omitempty"`    // the app file, as it came; of a deployment
	Vars     map[string]string `json:"vars,omitempty"`    // for its templates, with APP
	Dropped  []string          `json:"dropped,omitempty"` // names of variables that looked secret and are not there
	Shipment string            `json:"shipment,omitempty"`
	Revision *Revision         `json:"revision,omitempty"` // of the shipment
	To       string            `json:"to,omitempty"`       // of a rollback: the hash of the commit to go back to
	By       string            `json:"by"`                 // who asked for it; "policy"
}

// fillApp is what the deployment of an app commits.
func (l *Ledger) fillApp(ctx context.Context, tx Tx, e Environment, p Project, d Deployment) (Intent, error) {
	a := AppIntent{Desired: *e.GitOps, Action: d.Action, App: d.App, Shipment: d.Shipment, To: d.To, By: d.Actor}
	i := Intent{Trigger: Trigger{Connection: e.GitOps.Connection}, Repository: p.Repository, Version: d.what(), App: &a}
	if d.Shipment == "" {
		return i, nil
	}
	s, err := tx.Shipment(ctx, e.Project, d.Shipment)
	if err != nil {
		return i, err
	}
	a.Revision, i.Commit = &s.Revision, s.Revision.SHA
	if d.Action != DeployApp {
		return i, nil
	}
	file, err := s.fileOf(e.Name, d.App)
	if err != nil {
		return i, err
	}
	a.File, a.Vars, a.Dropped = file, s.Contents.Variables(), s.Contents.Dropped
	a.Vars["APP"] = d.App
	return i, nil
}

// committed is the outcome of an effect that has pushed a commit.
func (d *Deployment) committed(i *AppIntent, o Outcome, now time.Time) Outcome {
	d.Commit = Commit{Hash: o.Hash, Status: NotReconciled, At: now}
	o.Status = InProgress
	o.Message = "waits until Flux has applied it"
	if i.Confirm == ByPush {
		d.Commit.Status, d.Commit.Message = ReconciliationSucceeded, "pushed, not confirmed"
		o.Status, o.Message = Success, ""
	}
	return o
}

// appEnded forgets an app that was removed. The environment is locked.
func (l *Ledger) appEnded(ctx context.Context, tx Tx, e Environment, d Deployment) error {
	if d.Action != DeleteApp || d.Status != Success {
		return nil
	}
	return tx.DropApp(ctx, e.ID, d.App)
}

// DesiredOf says where the desired state of an environment is kept, to somebody who may do that there. Faults: no-project, no-environment,
// not-by-app.
func (l *Ledger) DesiredOf(ctx context.Context, c Caller, may Action, project, environment string) (d Desired, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, may, project); err != nil {
			return err
		}
		e, err := tx.Environment(ctx, project, environment)
		if err != nil {
			return err
		}
		if err := e.takesApps(); err != nil {
			return err
		}
		d = *e.GitOps
		return nil
	})
	return d, err
}

// Reconciliation is what Flux says of a commit.
type Reconciliation struct {
	Hashes          []string // the commit, then those before it, as far as they are known
	Status, Message string
}

// Reconcile keeps what Flux says of a commit in an environment: of the newest deployment whose commit it is, or has behind it, and of those
// before that one, until one of which it was final. Of a commit that nobody deployed it keeps nothing. Faults: no-project,
// no-environment, not-by-app.
func (l *Ledger) Reconcile(ctx context.Context, c Caller, project, environment string, r Reconciliation) error {
	return l.change(ctx, c, func(tx Tx) (Event, error) {
		e, err := l.lockFor(ctx, tx, c, ToReport, project, environment)
		if err != nil {
			return Event{}, err
		}
		if err := e.takesApps(); err != nil {
			return Event{}, err
		}
		all, err := committedUpTo(ctx, tx, e, r.Hashes)
		for i, d := range all {
			over := d.Commit.final() || i > 0 && d.Commit.Status == healthCheckFailed
			if err != nil || over {
				break
			}
			err = l.reconciled(ctx, tx, c, e, d, r)
		}
		return Event{}, err
	})
}

// committedUpTo are the deployments up to one of these commits, the newest first.
func committedUpTo(ctx context.Context, tx Tx, e Environment, hashes []string) ([]Deployment, error) {
	for _, hash := range hashes {
		d, err := tx.DeploymentOfCommit(ctx, e.ID, hash)
		if err == nil {
			return tx.CommittedUpTo(ctx, e.ID, d.ID, memory)
		}
		if !fault.Is(err, "no-deployment") {
			return nil, err
		}
	}
	return nil, nil
}

// reconciled writes what Flux says of one deployment.
func (l *Ledger) reconciled(ctx context.Context, tx Tx, c Caller, e Environment, d Deployment, r Reconciliation) error {
	message := kept(r.Message)
	if d.Commit.Status == r.Status && d.Commit.Message == message {
		return nil
	}
	d.Commit.Status, d.Commit.Message = kept(r.Status), message
	what := "deployment.ended"
	switch d.Commit.Status {
	case ReconciliationSucceeded:
		d.say(Success, "", l.Now())
	case reconciliationFailed, validationFailed, healthCheckFailed:
		d.say(Failure, cmp.Or(message, r.Status), l.Now())
	default:
		d.say(InProgress, message, l.Now())
		what = "deployment.reconciling"
	}
	if err := tx.UpdateDeployment(ctx, d); err != nil {
		return err
	}
	if err := l.appEnded(ctx, tx, e, d); err != nil {
		return err
	}
	_, err := l.goOn(ctx, tx, c, what, e, d)
	return err
}

// App is one of an environment.
type App struct {
	Name string
	Hold string // id of the rollback that keeps policies from it; "" for none
}

// RunningApp is what runs of an app.
type RunningApp struct {
	App
	Current  *Deployment // nil: nothing of it has succeeded
	Revision Revision    // of its shipment; zero for none
}

// runningApps lists what runs of each app of an environment.
func runningApps(ctx context.Context, tx Tx, e Environment) (all []RunningApp, err error) {
	if e.Kind != GitOps {
		return nil, nil
	}
	apps, err := tx.Apps(ctx, e.ID)
	for _, a := range apps {
		r := RunningApp{App: a}
		if r.Current, err = currentOfApp(ctx, tx, e, a.Name); err != nil {
			return nil, err
		}
		if r.Current != nil {
			if r.Revision, err = revisionOf(ctx, tx, e, *r.Current); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
	}
	return all, err
}
