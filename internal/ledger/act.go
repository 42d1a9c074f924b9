package ledger

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// What persons do about deployments, environments and candidates.

// on locks the environment of a deployment for somebody who must be allowed to act there.
func (l *Ledger) on(ctx context.Context, tx Tx, c Caller, a Action, id string) (Environment, Deployment, error) {
	d, err := tx.Deployment(ctx, id)
	if err != nil {
		return Environment{}, d, err
	}
	e, err := tx.LockEnvironmentByID(ctx, d.Environment)
	if err != nil {
		return e, d, err
	}
	if err := c.may(a, e.Project); err != nil {
		if fault.Is(err, "other-project") { // a bound token learns nothing of other projects
			err = fault.New(fault.NotFound, "no-deployment", "there is no deployment %.120s", id)
		}
		return e, d, err
	}
	d, err = tx.Deployment(ctx, id) // as it is now
	return e, d, err
}

// act is a change of one deployment, after which what may begin begins.
func (l *Ledger) act(ctx context.Context, c Caller, a Action, id, what string, do func(Tx, Environment, *Deployment) error) (d Deployment, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		e, was, err := l.on(ctx, tx, c, a, id)
		if err != nil {
			return Event{}, err
		}
		d = was
		if err := do(tx, e, &d); err != nil {
			return Event{}, err
		}
		d, err = l.goOn(ctx, tx, c, what, e, d)
		return Event{}, err
	})
	return d, err
}

// IsPerson tells a person, who has an address, from a service.
func IsPerson(subject string) bool { return strings.Contains(subject, "@") }

// person is who a subject is: an address is one, however it is written.
func person(subject string) string { return strings.ToLower(strings.TrimSpace(subject)) }

// Approve is one person's yes to a deployment that waits. Persons approve, not services, and neither who asked for the deployment
// nor who wrote its commit. Again is no fault. Faults: no-deployment, not-waiting, may-not-approve.
func (l *Ledger) Approve(ctx context.Context, c Caller, id string) (Deployment, error) {
	return l.act(ctx, c, ToApprove, id, "deployment.approved", func(tx Tx, e Environment, d *Deployment) error {
		if err := mustWait(*d); err != nil {
			return err
		}
		author, err := authorOf(ctx, tx, e, *d)
		if err != nil {
			return err
		}
		if err := mayApprove(c.Token.Subject, *d, author); err != nil {
			return err
		}
		return tx.PutApproval(ctx, Approval{d.ID, person(c.Token.Subject), l.Now()})
	})
}

// mustWait is the fault of a deployment that does not wait.
func mustWait(d Deployment) error {
	if !d.waits() {
		return fault.New(fault.Stopped, "not-waiting", "the deployment of %s is %s: it waits for nobody", d.what(), d.Status)
	}
	return nil
}

// authorOf is the address of who wrote the commit that a deployment deploys; "" where nobody knows it.
func authorOf(ctx context.Context, tx Tx, e Environment, d Deployment) (string, error) {
	if d.App != "" {
		r, err := revisionOf(ctx, tx, e, d)
		return r.AuthorEmail, err
	}
	c, err := tx.Candidate(ctx, e.Project, d.Candidate)
	return c.Author, err
}

func mayApprove(subject string, d Deployment, author string) error {
	why := ""
	switch {
	case !IsPerson(subject):
		why = "is a service, and persons approve"
	case person(subject) == person(d.Actor):
		why = "asked for it"
	case person(subject) == person(author):
		why = "wrote its commit"
	default:
		return nil
	}
	return fault.New(fault.Auth, "may-not-approve", "%s may not approve %s: it %s", subject, d.what(), why).Hint("somebody else must approve it")
}

// Reject cancels a deployment that waits. Faults: no-deployment, not-waiting.
func (l *Ledger) Reject(ctx context.Context, c Caller, id, reason string) (Deployment, error) {
	return l.act(ctx, c, ToApprove, id, "deployment.rejected", func(tx Tx, _ Environment, d *Deployment) error {
		if err := mustWait(*d); err != nil {
			return err
		}
		return l.drop(ctx, tx, d, because("rejected by "+c.Token.Subject, reason))
	})
}

func because(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// Cancel cancels a deployment that waits, and asks one that runs to stop: then its end tells the truth. Faults: no-deployment,
// has-ended, is-unknown.
func (l *Ledger) Cancel(ctx context.Context, c Caller, id, reason string) (Deployment, error) {
	return l.act(ctx, c, ToDeploy, id, "deployment.canceled", func(tx Tx, _ Environment, d *Deployment) error {
		switch {
		case d.Effect == EffectUnknown:
			return fault.New(fault.Stopped, "is-unknown", "nobody knows what became of the deployment of %s: it cannot be canceled", d.what()).
				Hint("look at %s, and say it: gio deployment resolve %s", cmp.Or(d.Link, "CircleCI"), d.ID)
		case !d.open():
			return fault.New(fault.Stopped, "has-ended", "the deployment of %s has ended: %s", d.what(), d.Status)
		case d.Commit.Hash != "":
			return fault.New(fault.Stopped, "is-committed", "%s is the commit %.10s: it cannot be canceled", d.what(), d.Commit.Hash).
				Hint("roll it back")
		}
		return l.stop(ctx, tx, d, because("canceled by "+c.Token.Subject, reason))
	})
}

// Resolution is what a person says of an unknown deployment.
type Resolution struct {
	Pipeline int64  // its number: it is watched like any other
	State    Status // without a pipeline: Success, Failure, or Error for one that never began
	Reason   string
}

// Resolve says what became of a deployment of which nobody knows it. Faults: no-deployment, not-unknown, invalid-resolution.
func (l *Ledger) Resolve(ctx context.Context, c Caller, id string, r Resolution) (Deployment, error) {
	return l.act(ctx, c, ToResolve, id, "deployment.resolved", func(tx Tx, e Environment, d *Deployment) error {
		if d.Effect != EffectUnknown {
			return fault.New(fault.Stopped, "not-unknown", "the deployment of %s is %s: nobody needs to say it", d.what(), d.Status)
		}
		if strings.TrimSpace(r.Reason) == "" {
			return fault.New(fault.Invalid, "invalid-resolution", "a reason is needed: how do you know it?")
		}
		if r.Pipeline > 0 {
			effect, err := tx.EffectOf(ctx, d.ID)
			if err != nil {
				return err
			}
			if effect.Kind != CircleCI {
				return fault.New(fault.Invalid, "invalid-resolution", "no pipeline deploys in %s: it is deployed by %s", e.Name, effect.Kind).
					Hint("say whether it succeeded, failed or was not started")
			}
			d.Effect = EffectIntended
			d.say(InProgress, because("pipeline "+strconv.FormatInt(r.Pipeline, 10)+" by "+c.Token.Subject, r.Reason), l.Now())
			if err := tx.UpdateDeployment(ctx, *d); err != nil {
				return err
			}
			return tx.AnswerEffect(ctx, d.ID, strconv.FormatInt(r.Pipeline, 10))
		}
		d.Effect = EffectFailed
		switch r.State {
		case Success:
			d.Effect = EffectDone
		case Failure, Error:
		default:
			return fault.New(fault.Invalid, "invalid-resolution", "%.40q is no answer", r.State).Hint("it succeeded, failed, was not started, or is a pipeline")
		}
		d.say(r.State, because("said by "+c.Token.Subject, r.Reason), l.Now())
		if err := tx.EndEffect(ctx, d.ID, d.Effect); err != nil {
			return err
		}
		if err := l.appEnded(ctx, tx, e, *d); err != nil {
			return err
		}
		return tx.UpdateDeployment(ctx, *d)
	})
}

// release ends what keeps policies from an environment.
func (l *Ledger) release(ctx context.Context, tx Tx, c Caller, e Environment, why string) error {
	if e.Hold == "" {
		return nil
	}
	if err := tx.SetHold(ctx, e.ID, ""); err != nil {
		return err
	}
	return l.note(ctx, tx, c, Event{Type: "environment.resumed", Project: e.Project, Subject: e.ID, Data: map[string]string{"environment": e.Name, "reason": why}})
}

// Resume lets policies deploy again in an environment that a rollback holds. Faults: no-project, no-environment.
func (l *Ledger) Resume(ctx context.Context, c Caller, project, environment string) error {
	return l.change(ctx, c, func(tx Tx) (Event, error) {
		if err := c.may(ToDeploy, project); err != nil {
			return Event{}, err
		}
		e, err := tx.LockEnvironment(ctx, project, environment)
		if err != nil {
			return Event{}, err
		}
		apps, err := tx.Apps(ctx, e.ID)
		for i := 0; err == nil && i < len(apps); i++ {
			err = l.releaseApp(ctx, tx, c, e, apps[i].Name, "resumed")
		}
		if err != nil {
			return Event{}, err
		}
		return Event{}, l.release(ctx, tx, c, e, "resumed")
	})
}

// NewFreeze is what Freeze makes.
type NewFreeze struct {
	Environment string // name; "" for all of the project
	Reason      string
	EndsAt      time.Time // zero: when somebody lifts it
}

// Freeze keeps an environment, or all of a project, from taking anything new: after it returns nothing begins there. Faults:
// no-project, no-environment, invalid-freeze.
func (l *Ledger) Freeze(ctx context.Context, c Caller, project string, n NewFreeze) (f Freeze, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		if err := c.may(ToFreeze, project); err != nil {
			return Event{}, err
		}
		switch {
		case strings.TrimSpace(n.Reason) == "":
			return Event{}, fault.New(fault.Invalid, "invalid-freeze", "a freeze needs a reason")
		case !n.EndsAt.IsZero() && !n.EndsAt.After(l.Now()):
			return Event{}, fault.New(fault.Invalid, "invalid-freeze", "the end of the freeze has passed")
		}
		f = Freeze{ID: l.NewID(), Project: project, Reason: n.Reason, Actor: c.Token.Subject, CreatedAt: l.Now(), EndsAt: n.EndsAt}
		locked, err := l.lockAll(ctx, tx, project, n.Environment)
		if err != nil {
			return Event{}, err
		}
		if n.Environment != "" {
			f.Environment = locked[0].ID
		}
		if err := tx.InsertFreeze(ctx, f); err != nil {
			return Event{}, err
		}
		return frozenEvent("frozen", f, n.Environment), l.beginIn(ctx, tx, locked) // they say that they wait
	})
	return f, err
}

func frozenEvent(what string, f Freeze, environment string) Event {
	return Event{Type: "environment." + what, Project: f.Project, Subject: f.ID, Data: map[string]string{"environment": environment, "reason": f.Reason}}
}

// lockAll locks one environment of a project, or all of them.
func (l *Ledger) lockAll(ctx context.Context, tx Tx, project, environment string) ([]Environment, error) {
	if environment != "" {
		e, err := tx.LockEnvironment(ctx, project, environment)
		return []Environment{e}, err
	}
	if err := tx.LockProject(ctx, project); err != nil { // nobody makes another environment meanwhile
		return nil, err
	}
	all, err := tx.Environments(ctx, project)
	for i := 0; err == nil && i < len(all); i++ {
		all[i], err = tx.LockEnvironmentByID(ctx, all[i].ID)
	}
	return all, err
}

func (l *Ledger) beginIn(ctx context.Context, tx Tx, all []Environment) error {
	for _, e := range all {
		if _, err := l.begin(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// Unfreeze lifts a freeze. Fault: no-freeze.
func (l *Ledger) Unfreeze(ctx context.Context, c Caller, project, id string) error {
	return l.change(ctx, c, func(tx Tx) (Event, error) {
		if err := c.may(ToFreeze, project); err != nil {
			return Event{}, err
		}
		f, err := tx.LiftFreeze(ctx, project, id, c.Token.Subject, l.Now())
		if err != nil {
			return Event{}, err
		}
		name := ""
		if f.Environment != "" {
			e, err := tx.EnvironmentByID(ctx, f.Environment)
			if err != nil {
				return Event{}, err
			}
			name = e.Name
		}
		locked, err := l.lockAll(ctx, tx, project, name)
		if err != nil {
			return Event{}, err
		}
		return frozenEvent("unfrozen", f, name), l.beginIn(ctx, tx, locked)
	})
}

// Freezes lists those of a project that hold.
func (l *Ledger) Freezes(ctx context.Context, c Caller, project string) (holding []Freeze, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		holding = nil
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		all, err := tx.Freezes(ctx, project)
		now := l.Now()
		for _, f := range all {
			if f.holdsAt(now) {
				holding = append(holding, f)
			}
		}
		return err
	})
	return holding, err
}

// Block keeps a candidate from being deployed, for good. A build of it that runs is left alone and keeps nobody waiting; one
// that begins is canceled. Faults: no-project, no-candidate, invalid-reason.
func (l *Ledger) Block(ctx context.Context, c Caller, project string, v Version, reason string) (made Candidate, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		if _, err := l.projectFor(ctx, tx, c, ToMakeCandidates, project); err != nil {
			return Event{}, err
		}
		if strings.TrimSpace(reason) == "" {
			return Event{}, fault.New(fault.Invalid, "invalid-reason", "a reason is needed")
		}
		// Nothing of it begins after this returned.
		locked, err := l.lockAll(ctx, tx, project, "")
		if err != nil {
			return Event{}, err
		}
		if made, err = tx.Candidate(ctx, project, v); err != nil || made.State == Blocked {
			return Event{}, err
		}
		if err := tx.EndBuild(ctx, made.ID); err != nil {
			return Event{}, err
		}
		made.State, made.Message = Blocked, reason
		if err := tx.UpdateCandidate(ctx, made); err != nil {
			return Event{}, err
		}
		blocked := Event{Type: "candidate.blocked", Project: project, Subject: made.ID, Data: map[string]string{"candidate": v.String(), "reason": reason}}
		return blocked, l.beginIn(ctx, tx, locked) // they say that they wait for nothing
	})
	return made, err
}
