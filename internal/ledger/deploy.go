package ledger

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

var commitHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// CandidateOptions say how a candidate is made.
type CandidateOptions struct {
	Author string // address of the commit's author, where it is known
	Build  bool   // the project's build decides whether it is ready; otherwise it is at once
}

// CreateCandidate makes a candidate, and its release with the first. The same candidate again is no fault and changes nothing.
// Faults: no-project, invalid-commit, other-repository, candidate-exists, no-build.
func (l *Ledger) CreateCandidate(ctx context.Context, c Caller, project string, v Version, repository, commit string, o CandidateOptions) (Candidate, error) {
	var made Candidate
	commit = strings.ToLower(commit)
	err := l.change(ctx, c, func(tx Tx) (Event, error) {
		p, err := l.projectFor(ctx, tx, c, ToMakeCandidates, project)
		if err != nil {
			return Event{}, err
		}
		if !strings.EqualFold(p.Repository, repository) {
			return Event{}, fault.New(fault.NotFound, "other-repository", "the repository of %s is %s, not %.200q", p.Name, p.Repository, repository)
		}
		if !commitHash.MatchString(commit) {
			return Event{}, fault.New(fault.Invalid, "invalid-commit", "%.80q is not the hash of a commit", commit).Hint("write all 40 digits")
		}
		if o.Build && p.Build == nil {
			return Event{}, fault.New(fault.Invalid, "no-build", "the project %s has no build workflow", project).Hint("an admin declares it: build: in gio project apply")
		}
		made, err = tx.Candidate(ctx, project, v)
		switch {
		case err == nil && made.Commit == commit:
			return Event{}, nil
		case err == nil:
			return Event{}, fault.New(fault.Invalid, "candidate-exists", "the candidate %s of %s is commit %.10s, and a candidate never changes", v, project, made.Commit).
				Hint("make the next one: %s", Version{v.Release, v.Number + 1})
		case !fault.Is(err, "no-candidate"):
			return Event{}, err
		}
		made = Candidate{ID: l.NewID(), Project: project, Version: v, Commit: commit, Author: o.Author, State: Ready, CreatedAt: l.Now(), CreatedBy: c.Token.Subject}
		if o.Build {
			made.State = Building
		}
		if err := tx.InsertCandidate(ctx, made); err != nil {
			return Event{}, err
		}
		e := Event{Type: "candidate.created", Project: project, Subject: made.ID, Data: map[string]string{"candidate": v.String(), "commit": commit}}
		if !o.Build {
			return e, nil
		}
		return e, l.build(ctx, tx, p, made)
	})
	return made, err
}

// projectFor reads a project for somebody who must be allowed to act in it. A bound token learns nothing of other projects.
func (l *Ledger) projectFor(ctx context.Context, tx Tx, c Caller, a Action, name string) (Project, error) {
	if err := c.may(a, name); err != nil {
		return Project{}, err
	}
	return tx.Project(ctx, name)
}

// currentOf reads what runs in an environment: what Current finds among all its deployments.
func currentOf(ctx context.Context, tx Tx, e Environment) (*Deployment, error) {
	return currentOfApp(ctx, tx, e, "")
}

// currentOfApp is currentOf for one app of an environment; nil also where it was removed.
func currentOfApp(ctx context.Context, tx Tx, e Environment, app string) (*Deployment, error) {
	d, err := tx.Succeeded(ctx, e.ID, app)
	if fault.Is(err, "no-deployment") {
		return nil, nil
	}
	for err == nil && d.Restores != "" { // older than the rollback, so this ends
		d, err = tx.Deployment(ctx, d.Restores)
	}
	if d.Action == DeleteApp {
		return nil, err
	}
	return &d, err
}

// memory is how many of an environment's newest deployments decide what ran there before.
const memory = 1000

// lockFor locks an environment for somebody who must be allowed to act in its project.
func (l *Ledger) lockFor(ctx context.Context, tx Tx, c Caller, a Action, project, environment string) (Environment, error) {
	if err := c.may(a, project); err != nil {
		return Environment{}, err
	}
	e, err := tx.LockEnvironment(ctx, project, environment)
	if fault.Is(err, "no-environment") {
		if _, none := tx.Project(ctx, project); none != nil {
			return e, none
		}
	}
	return e, err
}

// Force lets a deployment pass freezes, and nothing else.
type Force struct{ Reason string }

// DeployOptions say how a deployment is asked for.
type DeployOptions struct {
	Force *Force // nil: a freeze refuses it
}

// newestReady completes the version of a release to its newest candidate that is ready.
func (l *Ledger) newestReady(ctx context.Context, tx Tx, c Caller, project string, v Version) (Version, error) {
	if v.Number > 0 {
		return v, nil
	}
	if _, err := l.projectFor(ctx, tx, c, ToDeploy, project); err != nil {
		return v, err
	}
	tries, err := tx.CandidatesOf(ctx, project, v.Release, memory)
	if err != nil {
		return v, err
	}
	i := slices.IndexFunc(tries, func(c Candidate) bool { return c.State == Ready })
	switch {
	case len(tries) == 0:
		return v, fault.New(fault.NotFound, "no-candidate", "there is no candidate of %.120s in %s", v.Release, project).
			Hint("gio candidate list shows those there are, gio candidate create makes one")
	case i < 0:
		return v, notReady(tries[0])
	}
	return tries[i].Version, nil
}

// Deploy asks for a deployment; a version without a number is that of its newest candidate that is ready. An older one that has
// not begun and that nobody has approved is canceled: the new one supersedes it. It begins at once where its gate is open and nothing
// else runs; the candidate's bundle is promoted first to an environment with repositories. Faults: no-project, no-environment, no-candidate, not-ready, frozen.
func (l *Ledger) Deploy(ctx context.Context, c Caller, project, environment string, v Version, o DeployOptions) (Deployment, error) {
	var d Deployment
	err := l.change(ctx, c, func(tx Tx) (Event, error) {
		v, err := l.newestReady(ctx, tx, c, project, v)
		if err != nil {
			return Event{}, err
		}
		box, err := l.lockBox(ctx, tx, c, project, environment, v)
		if err != nil {
			return Event{}, err
		}
		e, err := l.lockFor(ctx, tx, c, ToDeploy, project, environment)
		if err != nil {
			return Event{}, err
		}
		if err := e.takesCandidates(); err != nil {
			return Event{}, err
		}
		candidate, err := tx.Candidate(ctx, project, v)
		if err != nil {
			return Event{}, err
		}
		if candidate.State != Ready {
			return Event{}, notReady(candidate)
		}
		s, err := l.standingOf(ctx, tx, e)
		if err != nil {
			return Event{}, err
		}
		s.candidate = candidate
		d = Deployment{Candidate: v, From: s.runs(), Status: Pending, Effect: e.effect()}
		if d.Forced, err = c.passes(s, o.Force); err != nil {
			return Event{}, err
		}
		left, err := l.supersede(ctx, tx, c, e, "", v.String())
		if err != nil {
			return Event{}, err
		}
		if d, err = l.insert(ctx, tx, c, e, d); err != nil {
			return Event{}, err
		}
		if err := l.release(ctx, tx, c, e, "somebody deploys by name"); err != nil {
			return Event{}, err
		}
		if err := l.note(ctx, tx, c, deployed("deployment.created", e, d)); err != nil {
			return Event{}, err
		}
		changed, err := l.beginWith(ctx, tx, s, append([]Deployment{d}, left...))
		d = latest(d, changed)
		if err == nil && box != nil {
			d, err = l.promoteFirst(ctx, tx, c, e, *box, d)
		}
		return Event{}, err
	})
	return d, err
}

// lockBox locks the bundle of a candidate that is to be deployed, where it may have to be promoted first; nil where it need not.
func (l *Ledger) lockBox(ctx context.Context, tx Tx, c Caller, project, environment string, v Version) (*Bundle, error) {
	if err := c.may(ToDeploy, project); err != nil {
		return nil, err
	}
	b, err := tx.LockBox(ctx, project, environment, v)
	if fault.Is(err, "no-bundle") {
		return nil, nil
	}
	return &b, err
}

func notReady(c Candidate) error {
	f := fault.New(fault.Invalid, "not-ready", "the candidate %s is %s", c.Version, c.State)
	if c.Message != "" {
		f = fault.New(fault.Invalid, "not-ready", "the candidate %s is %s: %s", c.Version, c.State, c.Message)
	}
	return f.Hint("deploy a candidate that is ready: gio candidate list")
}

// effect is what a new deployment waits for.
func (e Environment) effect() EffectState {
	if e.Kind == None {
		return NoEffect
	}
	return EffectWanted
}

// goOn notes what was done with a deployment, begins what may begin by that, and returns it as it is then: the history has the cause
// before what it causes. By what others deploy nothing begins: it has no slot to give.
func (l *Ledger) goOn(ctx context.Context, tx Tx, c Caller, what string, e Environment, d Deployment) (Deployment, error) {
	if err := l.note(ctx, tx, c, deployed(what, e, d)); err != nil || d.Effect == NoEffect {
		return d, err
	}
	changed, err := l.begin(ctx, tx, e)
	return latest(d, changed), err
}

// latest is a deployment as it is after some were changed.
func latest(d Deployment, changed []Deployment) Deployment {
	if i := slices.IndexFunc(changed, func(c Deployment) bool { return c.ID == d.ID }); i >= 0 {
		return changed[i]
	}
	return d
}

// supersede cancels what has not begun of an app, "" for candidates, but for rollbacks and what somebody has approved, and returns what is
// still open of it.
func (l *Ledger) supersede(ctx context.Context, tx Tx, c Caller, e Environment, app, by string) (left []Deployment, err error) {
	open, err := tx.Open(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	for _, old := range ofApp(open, app) {
		stays := !old.waits() || old.back()
		if !stays {
			yes, err := tx.Approvals(ctx, old.ID)
			if err != nil {
				return nil, err
			}
			stays = len(yes) > 0
		}
		if stays {
			left = append(left, old)
			continue
		}
		if err := l.drop(ctx, tx, &old, "superseded by "+by); err != nil {
			return nil, err
		}
		if err := l.note(ctx, tx, c, deployed("deployment.canceled", e, old)); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// drop cancels a deployment that has not begun.
func (l *Ledger) drop(ctx context.Context, tx Tx, d *Deployment, why string) error {
	if d.Effect == EffectWanted {
		d.Effect = EffectFailed
	}
	d.say(Canceled, why, l.Now())
	return tx.UpdateDeployment(ctx, *d)
}

// insert makes a deployment, which says already what ran before.
func (l *Ledger) insert(ctx context.Context, tx Tx, c Caller, e Environment, d Deployment) (Deployment, error) {
	d.ID, d.Environment, d.Actor, d.StartedAt = l.NewID(), e.ID, c.Token.Subject, l.Now()
	if d.Status.Ended() {
		d.EndedAt = d.StartedAt
	}
	return d, tx.InsertDeployment(ctx, d)
}

// stop cancels what has not begun or what others deploy, and asks the effect of what runs to stop: its end tells the truth, unless
// somebody has said an end already.
func (l *Ledger) stop(ctx context.Context, tx Tx, d *Deployment, why string) error {
	if !d.Effect.Slot() {
		return l.drop(ctx, tx, d, why)
	}
	if !d.Status.Ended() {
		d.say(Canceling, why, l.Now())
		if err := tx.UpdateDeployment(ctx, *d); err != nil {
			return err
		}
	}
	return tx.CancelEffect(ctx, d.ID)
}

// deployed is an event of a deployment.
func deployed(what string, e Environment, d Deployment) Event {
	data := map[string]string{"environment": e.Name, "status": string(d.Status)}
	d.inWords(data)
	if d.Message != "" && !d.waits() {
		data["message"] = d.Message
	}
	if d.Forced != "" {
		data["forced"] = d.Forced
	}
	return Event{Type: what, Project: e.Project, Subject: d.ID, Data: data}
}

// Report sets the status of the newest deployment of a candidate, and makes one where there is none: somebody else deploys, and
// says so. What a webhook asked for ends by it. Otherwise the effect goes on, unless it is to be canceled; the status stays if it is
// an end. Faults: no-project, no-environment, no-candidate, invalid-status.
func (l *Ledger) Report(ctx context.Context, c Caller, project, environment string, v Version, s Status) (Deployment, error) {
	var d Deployment
	err := l.change(ctx, c, func(tx Tx) (Event, error) {
		if !slices.Contains(Statuses(), s) {
			return Event{}, fault.New(fault.Invalid, "invalid-status", "there is no status %.40q", s).Hint("the statuses are %s", strings.Trim(fmt.Sprint(Statuses()), "[]"))
		}
		e, err := l.lockFor(ctx, tx, c, ToReport, project, environment)
		if err != nil {
			return Event{}, err
		}
		if err := e.takesCandidates(); err != nil {
			return Event{}, err
		}
		d, err = l.reported(ctx, tx, e, v)
		if fault.Is(err, "no-deployment") {
			d, err = l.reportNew(ctx, tx, c, e, Deployment{Candidate: v, Status: s})
			return deployed("deployment.reported", e, d), err
		}
		if err != nil || d.Status == s {
			return Event{}, err
		}
		d.say(s, d.stillWaits(s), l.Now())
		d.Reported = true
		if err := l.follow(ctx, tx, &d); err != nil {
			return Event{}, err
		}
		if err := tx.UpdateDeployment(ctx, d); err != nil {
			return Event{}, err
		}
		d, err = l.goOn(ctx, tx, c, "deployment.reported", e, d)
		return Event{}, err
	})
	return d, err
}

// stillWaits is what a deployment waits for, whatever is said of it but its end.
func (d Deployment) stillWaits(s Status) string {
	if d.Effect == EffectWanted && !s.Ended() && s != Canceling {
		return d.Message
	}
	return ""
}

// reportNew makes a deployment of which the ledger hears first that others deploy it. Faults: no-candidate.
func (l *Ledger) reportNew(ctx context.Context, tx Tx, c Caller, e Environment, d Deployment) (Deployment, error) {
	if _, err := tx.Candidate(ctx, e.Project, d.Candidate); err != nil {
		return d, err
	}
	current, err := currentOf(ctx, tx, e)
	if err != nil {
		return d, err
	}
	d.From = versionOf(current)
	return l.insert(ctx, tx, c, e, d)
}

// reported is the deployment of a candidate that a report is about: the one that a webhook has asked for, else the newest.
func (l *Ledger) reported(ctx context.Context, tx Tx, e Environment, v Version) (newest Deployment, err error) {
	all, err := tx.Reportable(ctx, e.ID, v)
	all = slices.DeleteFunc(all, func(d Deployment) bool { return d.Candidate != v })
	switch {
	case err != nil:
		return newest, err
	case len(all) == 0:
		return newest, fault.New(fault.NotFound, "no-deployment", "%s was never deployed in %s", v, e.Name)
	case all[0].Effect.Slot():
		effect, err := tx.EffectOf(ctx, all[0].ID)
		if err != nil || effect.Kind == Webhook {
			return all[0], err
		}
	}
	return all[len(all)-1], nil
}

// follow draws the consequences of what somebody has said of a deployment.
func (l *Ledger) follow(ctx context.Context, tx Tx, d *Deployment) error {
	end := EffectFailed
	if d.Status == Success {
		end = EffectDone
	}
	switch {
	case d.Effect == EffectWanted && d.Status == Canceling: // nothing must be stopped
		d.Effect = EffectFailed
		d.say(Canceled, "", l.Now())
	case d.Effect == EffectWanted && d.Status.Ended():
		d.Effect = end
	case d.Effect.Slot():
		effect, err := tx.EffectOf(ctx, d.ID)
		switch {
		case err != nil:
			return err
		case effect.Kind == Webhook && d.Status.Ended(): // who got the request says how it ended
			d.Effect = end
			return tx.EndEffect(ctx, d.ID, end)
		case d.Status == Canceling || d.Status == Canceled:
			return tx.CancelEffect(ctx, d.ID)
		}
	}
	return nil
}

// Deployments lists those of an environment, the newest first: limit of them from offset. Faults: no-project,
// no-environment.
func (l *Ledger) Deployments(ctx context.Context, c Caller, project, environment string, offset, limit int) (all []Deployment, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		e, err := tx.Environment(ctx, project, environment)
		if err != nil {
			return err
		}
		all, err = tx.Deployments(ctx, e.ID, offset, limit)
		return err
	})
	return all, err
}

// RollbackOptions say how a rollback is asked for.
type RollbackOptions struct {
	To    *Version // nil: by RollbackTo
	Force *Force   // nil: a freeze refuses it
}

// Rollback deploys what ran before, by RollbackTo or by name, as soon as what has not ended was stopped. It needs no approval, is
// never superseded, and holds the environment against policies. Faults: no-project, no-environment, no-previous, not-ready,
// frozen.
func (l *Ledger) Rollback(ctx context.Context, c Caller, project, environment string, o RollbackOptions) (Deployment, error) {
	var d Deployment
	err := l.change(ctx, c, func(tx Tx) (Event, error) {
		e, err := l.lockFor(ctx, tx, c, ToDeploy, project, environment)
		if err != nil {
			return Event{}, err
		}
		if err := e.takesCandidates(); err != nil {
			return Event{}, err
		}
		target, err := l.rollbackTarget(ctx, tx, e, o.To)
		if err != nil {
			return Event{}, err
		}
		candidate, err := tx.Candidate(ctx, project, target.Candidate)
		if err != nil {
			return Event{}, err
		}
		if candidate.State != Ready { // it would wait for ever, and what runs would be stopped for nothing
			return Event{}, notReady(candidate)
		}
		s, err := l.standingOf(ctx, tx, e)
		if err != nil {
			return Event{}, err
		}
		d = Deployment{Candidate: target.Candidate, From: s.runs(), Status: Pending, Effect: e.effect(), Restores: target.ID}
		if d.Forced, err = c.passes(s, o.Force); err != nil {
			return Event{}, err
		}
		if err := l.stopAll(ctx, tx, c, e, "", "rolled back to "+target.Candidate.String()); err != nil {
			return Event{}, err
		}
		if d, err = l.insert(ctx, tx, c, e, d); err != nil {
			return Event{}, err
		}
		if err := tx.SetHold(ctx, e.ID, d.ID); err != nil {
			return Event{}, err
		}
		d, err = l.goOn(ctx, tx, c, "deployment.rollback", e, d)
		return Event{}, err
	})
	return d, err
}

// stopAll stops what is open of an app in an environment, "" for candidates, but for what a person must say first how it stands, and what
// is committed.
func (l *Ledger) stopAll(ctx context.Context, tx Tx, c Caller, e Environment, app, why string) error {
	open, err := tx.Open(ctx, e.ID)
	if err != nil {
		return err
	}
	for _, d := range ofApp(open, app) {
		if d.Effect == EffectUnknown || d.Commit.Hash != "" {
			continue
		}
		if err := l.stop(ctx, tx, &d, why); err != nil {
			return err
		}
		if err := l.note(ctx, tx, c, deployed("deployment.canceled", e, d)); err != nil {
			return err
		}
	}
	return nil
}

// rollbackTarget is the deployment to restore.
func (l *Ledger) rollbackTarget(ctx context.Context, tx Tx, e Environment, to *Version) (*Deployment, error) {
	before, err := tx.Deployments(ctx, e.ID, 0, memory)
	if err != nil {
		return nil, err
	}
	if to == nil {
		if target := RollbackTo(before); target != nil {
			return target, nil
		}
		return nil, fault.New(fault.NotFound, "no-previous", "nothing ran in %s of %s before that could be rolled back to", e.Name, e.Project)
	}
	for _, d := range before {
		if d.Candidate == *to && d.Status == Success {
			return restored(before, d), nil
		}
	}
	return nil, fault.New(fault.NotFound, "no-previous", "%s never ran in %s of %s", to, e.Name, e.Project).
		Hint("gio deployment list shows what ran; gio deploy deploys what never did")
}

// Current is the newest successful of an environment's deployments, newest first; one that a rollback made stands for the one that
// it restored. Nil where nothing has succeeded.
func Current(all []Deployment) *Deployment {
	i := slices.IndexFunc(all, func(d Deployment) bool { return d.Status == Success })
	if i < 0 {
		return nil
	}
	return restored(all, all[i])
}

// restored follows a rollback to the deployment that it restored.
func restored(all []Deployment, d Deployment) *Deployment {
	for range all {
		i := slices.IndexFunc(all, func(o Deployment) bool { return o.ID == d.Restores })
		if d.Restores == "" || i < 0 {
			break
		}
		d = all[i]
	}
	return &d
}

// RollbackTo is the deployment to restore. Where the newest that has ended failed, that is the newest successful one. Where it
// succeeded, that is the newest successful one of another candidate before the one that runs, and never one that was rolled back.
// Nil where there is none.
func RollbackTo(all []Deployment) *Deployment {
	i := slices.IndexFunc(all, func(d Deployment) bool { return d.Status.Ended() && d.Status != Canceled })
	current := Current(all)
	switch {
	case i < 0 || current == nil:
		return nil
	case all[i].Status != Success:
		return current
	}
	left := rolledBack(all)
	past := false
	for _, d := range all {
		if past && d.Status == Success && !d.back() && d.Action != DeleteApp && !d.sameAs(*current) && !left[d.ID] {
			return &d
		}
		past = past || d.ID == current.ID
	}
	return nil
}

// sameAs tells that two deployments deploy the same.
func (d Deployment) sameAs(o Deployment) bool {
	return d.Candidate == o.Candidate && d.Shipment == o.Shipment && d.Action == o.Action
}

// rolledBack are the ids of the successful deployments that a later rollback has taken out: those between it and what it restored.
func rolledBack(all []Deployment) map[string]bool {
	out := map[string]bool{}
	for i, d := range all {
		if d.Restores == "" || d.Status != Success {
			continue
		}
		for _, older := range all[i+1:] {
			if older.ID == d.Restores {
				break
			}
			out[older.ID] = true
		}
	}
	return out
}
