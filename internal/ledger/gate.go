package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Freeze is a time in which an environment, or all of a project, takes nothing new.
type Freeze struct {
	ID, Project string
	Environment string // id; "" for all of the project
	Reason      string
	Actor       string
	CreatedAt   time.Time
	EndsAt      time.Time // zero: when somebody lifts it
}

// holdsAt tells whether it still holds.
func (f Freeze) holdsAt(now time.Time) bool { return f.EndsAt.IsZero() || now.Before(f.EndsAt) }

func (f Freeze) String() string {
	until := ""
	if !f.EndsAt.IsZero() {
		until = " until " + f.EndsAt.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("frozen%s by %s: %s", until, f.Actor, f.Reason)
}

// Approval is one person's yes to one deployment.
type Approval struct {
	Deployment, Subject string
	At                  time.Time
}

// Facts are what the gate goes by.
type Facts struct {
	Held      string  // why nothing at all may begin; "" for not
	Frozen    *Freeze // the environment takes nothing new
	Requires  Requirements
	Approvals int      // distinct persons who may approve it, and did
	Previous  *Version // what runs in the environment that Requires names; nil for nothing
	Candidate Candidate
}

// Closed says why a deployment may not begin; "" when it may. It is the only gate: whoever starts something asks it, in the
// transaction that starts.
func Closed(d Deployment, f Facts) string {
	switch {
	case f.Held != "":
		return f.Held
	case f.Candidate.State != Ready:
		return fmt.Sprintf("the candidate is %s", f.Candidate.State)
	case f.Frozen != nil && d.Forced == "":
		return f.Frozen.String()
	case d.Restores != "": // a rollback needs nothing else
		return ""
	case f.Requires.Previous != "" && (f.Previous == nil || *f.Previous != d.Candidate):
		return fmt.Sprintf("waits until %s runs %s", f.Requires.Previous, d.Candidate)
	case f.Approvals < f.Requires.Approvals:
		return waitsForApproval(f.Requires.Approvals - f.Approvals)
	}
	return ""
}

func waitsForApproval(n int) string {
	if n == 1 {
		return "waits for 1 approval"
	}
	return fmt.Sprintf("waits for %d approvals", n)
}

// facts reads what the gate goes by. The environment is locked, so that nothing of it changes meanwhile.
func (l *Ledger) facts(ctx context.Context, tx Tx, e Environment, d Deployment) (f Facts, err error) {
	f.Requires = e.Requires
	if f.Held, err = held(ctx, tx); err != nil {
		return f, err
	}
	if f.Candidate, err = tx.Candidate(ctx, e.Project, d.Candidate); err != nil {
		return f, err
	}
	if f.Frozen, err = l.frozen(ctx, tx, e); err != nil {
		return f, err
	}
	if e.Requires.Approvals > 0 {
		yes, err := tx.Approvals(ctx, d.ID)
		if err != nil {
			return f, err
		}
		f.Approvals = len(yes)
	}
	if e.Requires.Previous != "" {
		f.Previous, err = runsIn(ctx, tx, e.Project, e.Requires.Previous)
	}
	return f, err
}

// runsIn is what runs in another environment; nil for nothing.
func runsIn(ctx context.Context, tx Tx, project, environment string) (*Version, error) {
	other, err := tx.Environment(ctx, project, environment)
	if fault.Is(err, "no-environment") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	current, err := currentOf(ctx, tx, other)
	if err != nil || current == nil {
		return nil, err
	}
	return &current.Candidate, nil
}

// frozen is a freeze that holds in an environment; nil for none.
func (l *Ledger) frozen(ctx context.Context, tx Tx, e Environment) (*Freeze, error) {
	holding, err := l.freezesOf(ctx, tx, e)
	if err != nil || len(holding) == 0 {
		return nil, err
	}
	return &holding[0], nil
}

// freezesOf are those that hold in an environment, the oldest first.
func (l *Ledger) freezesOf(ctx context.Context, tx Tx, e Environment) ([]Freeze, error) {
	all, err := tx.Freezes(ctx, e.Project)
	now := l.Now()
	return slices.DeleteFunc(all, func(f Freeze) bool { return f.Environment != "" && f.Environment != e.ID || !f.holdsAt(now) }), err
}

// passes refuses what a freeze refuses, and returns why it does not where somebody passes it who may.
func (l *Ledger) passes(ctx context.Context, tx Tx, c Caller, e Environment, force *Force) (forced string, err error) {
	f, err := l.frozen(ctx, tx, e)
	if err != nil || f == nil {
		return "", err
	}
	if force == nil {
		return "", fault.New(fault.Stopped, "frozen", "%s of %s is %s", e.Name, e.Project, f).Hint("wait, or ask who froze it; a releaser may force it")
	}
	if err := c.may(ToForce, e.Project); err != nil {
		return "", err
	}
	reason := strings.TrimSpace(force.Reason)
	if reason == "" {
		reason = "no reason given"
	}
	return reason, nil
}

// begin begins the deployment whose turn it is, where the slot is free and its gate is open, and says of the others what they wait
// for. The environment is locked.
func (l *Ledger) begin(ctx context.Context, tx Tx, e Environment) error {
	wanted, busy, free, err := queue(ctx, tx, e.ID)
	if err != nil {
		return err
	}
	for _, d := range wanted {
		why, f, err := l.reason(ctx, tx, e, d, busy, free)
		if err != nil {
			return err
		}
		if why == "" {
			began, err := l.start(ctx, tx, e, d, f.Candidate)
			if err != nil {
				return err
			}
			if began {
				busy, free = d, false
			}
			continue
		}
		if d.Message == why {
			continue
		}
		d.Message = why
		if err := tx.UpdateDeployment(ctx, d); err != nil {
			return err
		}
		if missing := f.Requires.Approvals - f.Approvals; missing > 0 && why == waitsForApproval(missing) {
			waits := deployed("deployment.waits", e, d)
			waits.Data["message"] = why
			if err := l.note(ctx, tx, driver, waits); err != nil {
				return err
			}
		}
	}
	return nil
}

// reason is why a deployment does not begin; "" when it may.
func (l *Ledger) reason(ctx context.Context, tx Tx, e Environment, d, busy Deployment, free bool) (why string, f Facts, err error) {
	if f, err = l.facts(ctx, tx, e, d); err != nil {
		return "", f, err
	}
	why = Closed(d, f)
	if why == "" && !free {
		why = waitsFor(busy)
	}
	return why, f, nil
}

// stands tells whether begin would change nothing now.
func (l *Ledger) stands(ctx context.Context, tx Tx, environment string) (bool, error) {
	e, err := tx.EnvironmentByID(ctx, environment)
	if err != nil {
		return false, err
	}
	wanted, busy, free, err := queue(ctx, tx, environment)
	if err != nil {
		return false, err
	}
	for _, d := range wanted {
		if why, _, err := l.reason(ctx, tx, e, d, busy, free); err != nil || why == "" || why != d.Message {
			return false, err
		}
	}
	return true, nil
}

// queue reads what wants to begin in an environment, rollbacks first, and what has its slot, unless that is free.
func queue(ctx context.Context, tx Tx, environment string) (wanted []Deployment, busy Deployment, free bool, err error) {
	if wanted, err = tx.Wanted(ctx, environment); err != nil {
		return nil, busy, false, err
	}
	slices.SortStableFunc(wanted, func(a, b Deployment) int { return rank(a) - rank(b) })
	busy, err = tx.Busy(ctx, environment)
	if fault.Is(err, "no-deployment") {
		return wanted, busy, true, nil
	}
	return wanted, busy, false, err
}

// rank puts rollbacks first.
func rank(d Deployment) int {
	if d.Restores != "" {
		return 0
	}
	return 1
}

func waitsFor(busy Deployment) string {
	if busy.Effect == EffectUnknown {
		return fmt.Sprintf("waits until somebody says what became of %s: gio deployment resolve %s", busy.Candidate, busy.ID)
	}
	return fmt.Sprintf("waits for the end of %s", busy.Candidate)
}

// start gives the slot to a deployment, and makes its effect. What cannot be sent has ended instead.
func (l *Ledger) start(ctx context.Context, tx Tx, e Environment, d Deployment, c Candidate) (began bool, err error) {
	p, err := tx.Project(ctx, e.Project)
	if err != nil {
		return false, err
	}
	if d.From, err = cameFrom(ctx, tx, e); err != nil { // it may have waited long
		return false, err
	}
	intent, err := fill(e.Deploy, p, values(c, d))
	if err != nil {
		d.Effect = EffectFailed
		d.say(Error, err.Error(), l.Now())
		if err := tx.UpdateDeployment(ctx, d); err != nil {
			return false, err
		}
		return false, l.note(ctx, tx, driver, deployed("deployment.ended", e, d))
	}
	d.Effect = EffectIntended
	d.say(InProgress, "", l.Now())
	if err := tx.UpdateDeployment(ctx, d); err != nil {
		return false, err
	}
	intent.Environment = e.Name
	effect := Effect{
		ID: l.NewID(), Kind: e.Kind, Project: e.Project, Environment: e.ID, Deployment: d.ID,
		State: EffectIntended, Target: l.targetOf(e.Kind, intent), Intent: intent, CreatedAt: l.Now(),
	}
	if err := tx.InsertEffect(ctx, effect); err != nil {
		return false, err
	}
	return true, l.note(ctx, tx, driver, deployed("deployment.started", e, d))
}

// build makes the effect that builds a candidate.
func (l *Ledger) build(ctx context.Context, tx Tx, p Project, c Candidate) error {
	intent, err := fill(p.Build, p, values(c, Deployment{}))
	if err != nil {
		return err
	}
	return tx.InsertEffect(ctx, Effect{
		ID: l.NewID(), Kind: CircleCI, Project: p.Name, Candidate: c.ID,
		State: EffectIntended, Target: l.targetOf(CircleCI, intent), Intent: intent, CreatedAt: l.Now(),
	})
}

// targetOf is on what one effect at a time begins: pipelines of one project are told apart by their numbers alone. Two ways to
// write one project make one target, and so do two connections to one host.
func (l *Ledger) targetOf(k Kind, i Intent) string {
	if k == Webhook {
		return "" // each request has its own id
	}
	host, name, _ := strings.Cut(strings.ToLower(i.Project), "/")
	switch host {
	case "github":
		host = "gh"
	case "bitbucket":
		host = "bb"
	}
	return cmp.Or(l.Hosts[i.Connection], i.Connection) + " " + host + "/" + name
}

// values are what templates may name.
func values(c Candidate, d Deployment) map[string]string {
	previous := ""
	if d.From.Number > 0 {
		previous = d.From.String()
	}
	return map[string]string{
		"Version": c.Version.Release, "Candidate": c.Version.String(), "Commit": c.Commit, "DeploymentID": d.ID, "Previous": previous,
	}
}

// fill fills in the templates of a trigger. Its fault is invalid-template.
func fill(t *Trigger, p Project, values map[string]string) (Intent, error) {
	if t == nil {
		return Intent{}, fault.New(fault.Invalid, "not-configured", "nothing is declared that deploys")
	}
	i := Intent{Trigger: *t, Repository: p.Repository, Version: values["Candidate"], Commit: values["Commit"], Previous: values["Previous"]}
	var err error
	if i.Branch, err = expand(t.Branch, values); err != nil {
		return i, err
	}
	i.Parameters = Parameters{}
	for name, value := range t.Parameters {
		if text, is := value.(string); is {
			if value, err = expand(text, values); err != nil {
				return i, err
			}
		}
		i.Parameters[name] = value
	}
	return i, nil
}

func expand(text string, values map[string]string) (string, error) {
	wrong := func(err error) (string, error) {
		return "", fault.New(fault.Invalid, "invalid-template", "%.200q cannot be filled in", text).Because(err).
			Hint("the names are .Version, .Candidate, .Commit, .DeploymentID and .Previous")
	}
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return wrong(err)
	}
	var out strings.Builder
	if err := t.Execute(&out, values); err != nil {
		return wrong(err)
	}
	return out.String(), nil
}

// BeginWaiting begins what may begin by now, as when a freeze has ended by its time. Where nothing has changed it locks nothing
// and writes nothing.
func (l *Ledger) BeginWaiting(ctx context.Context) error {
	var waiting []string
	err := l.Store.Read(ctx, func(tx Tx) error {
		all, err := tx.WantedIn(ctx)
		if err != nil {
			return err
		}
		waiting = slices.DeleteFunc(all, func(id string) bool {
			stands, err := l.stands(ctx, tx, id)
			return err == nil && stands // else the change says what is wrong
		})
		return nil
	})
	for _, id := range waiting {
		failed := l.Store.Change(ctx, func(tx Tx) error {
			e, err := tx.LockEnvironmentByID(ctx, id)
			if err != nil {
				return err
			}
			return l.begin(ctx, tx, e)
		})
		err = errors.Join(err, failed) // one that fails keeps no other one waiting
	}
	return err
}
