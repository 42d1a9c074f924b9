package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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
	Approvals int    // distinct persons who may approve it, and did
	Previous  string // what is in the environment that Requires names; "" for nothing
	IsThere   bool   // and that is it
	Unsigned  string // why there is no signed bundle of it; "" where there is one
	Candidate Candidate
	Box       *Bundle // its bundle, where the environment takes or requires one; nil for none
	// Unpromoted says why its bundle is not in the repositories of the environment; "" where it is, or need not be.
	Unpromoted string

	promotable bool // nothing but the promotion is missing for that, which the ledger makes
	unshelved  bool // the promotion was tried, and has failed
}

// Closed says why a deployment may not begin; "" when it may. With ClosedToBundle it is the only gate: whoever starts something asks it,
// in the transaction that starts.
func Closed(d Deployment, f Facts) string {
	if f.Held == "" && f.Candidate.State != Ready {
		return fmt.Sprintf("the candidate is %s", f.Candidate.State)
	}
	why := f.closed(d.Forced != "", d.back(), fmt.Sprintf("waits until %s runs %s", f.Requires.Previous, d.what()))
	if why == "" && !d.back() {
		return f.Unpromoted
	}
	return why
}

// ClosedToBundle says why a bundle may not be promoted; "" when it may.
func ClosedToBundle(b Bundle, f Facts, forced bool) string {
	if f.Held == "" && b.Candidate != "" && f.Candidate.State != Ready {
		return fmt.Sprintf("the candidate is %s", f.Candidate.State)
	}
	return f.closed(forced, false, fmt.Sprintf("waits until %s has %s %s", f.Requires.Previous, b.Name, b.Version))
}

// closed says what both gates do. Back tells a rollback, which needs nothing more than a gate that is not shut.
func (f Facts) closed(forced, back bool, noPrevious string) string {
	switch {
	case f.Held != "":
		return f.Held
	case f.Frozen != nil && !forced:
		return f.Frozen.String()
	case back:
		return ""
	case f.Requires.Signed && f.Unsigned != "":
		return f.Unsigned
	case f.Requires.Previous != "" && !f.IsThere:
		return noPrevious
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

// standing is how an environment stands, whatever is to begin there.
type standing struct {
	environment Environment
	app         string // of which it is; "" for candidates
	held        string
	frozen      *Freeze
	before      *Environment // that it requires; nil for none
	runsBefore  *Deployment  // nil: nothing has succeeded in that one
	current     *Deployment  // nil: nothing has succeeded there
	candidate   Candidate    // one that was read already
}

// standingOf reads it. The environment is locked, so that nothing of it changes meanwhile.
func (l *Ledger) standingOf(ctx context.Context, tx Tx, e Environment) (s standing, err error) {
	return l.standingOfApp(ctx, tx, e, "")
}

// standingOfApp is standingOf for what is to begin of one app.
func (l *Ledger) standingOfApp(ctx context.Context, tx Tx, e Environment, app string) (s standing, err error) {
	s.environment, s.app = e, app
	if s.held, err = held(ctx, tx); err != nil {
		return s, err
	}
	if s.frozen, err = l.frozen(ctx, tx, e); err != nil {
		return s, err
	}
	if e.Requires.Previous != "" {
		before, err := tx.Environment(ctx, e.Project, e.Requires.Previous)
		switch {
		case err == nil:
			s.before = &before
			s.runsBefore, err = currentOfApp(ctx, tx, before, app)
		case fault.Is(err, "no-environment"):
			err = nil
		}
		if err != nil {
			return s, err
		}
	}
	s.current, err = currentOfApp(ctx, tx, e, app)
	return s, err
}

// runs is the candidate that runs there; zero for nothing.
func (s standing) runs() Version { return versionOf(s.current) }

func versionOf(current *Deployment) Version {
	if current == nil {
		return Version{}
	}
	return current.Candidate
}

// facts reads what the gate goes by.
func (l *Ledger) facts(ctx context.Context, tx Tx, s standing, d Deployment) (f Facts, err error) {
	e := s.environment
	if d.App != "" {
		return s.appFacts(ctx, tx, d)
	}
	f = Facts{Held: s.held, Frozen: s.frozen, Requires: e.Requires, Candidate: s.candidate}
	if f.Candidate.Version != d.Candidate {
		if f.Candidate, err = tx.Candidate(ctx, e.Project, d.Candidate); err != nil {
			return f, err
		}
	}
	if e.Requires.Approvals > 0 {
		yes, err := tx.Approvals(ctx, d.ID)
		if err != nil {
			return f, err
		}
		f.Approvals = len(yes)
	}
	if e.Requires.Previous == "" && !e.Requires.Signed && !e.Shelved {
		return f, nil
	}
	b, err := boxOf(ctx, tx, f.Candidate)
	if err != nil {
		return f, err
	}
	f.Box = b
	switch {
	case b == nil:
		f.Unsigned = fmt.Sprintf("waits for a signed bundle of %s", d.Candidate)
	case b.Status != Sealed:
		f.Unsigned = waitsForSeal(*b)
	}
	if f.Previous, f.IsThere, err = s.isBefore(ctx, tx, &f.Candidate, b); err != nil || b == nil || !e.Shelved {
		return f, err
	}
	return f, l.shelved(ctx, tx, e, d, &f)
}

// bundleFacts reads what the gate goes by before a bundle is promoted. Nobody approves promotions: whose approval is required approves
// the deployment of the bundle's candidate.
func (s standing) bundleFacts(ctx context.Context, tx Tx, b Bundle) (f Facts, err error) {
	e := s.environment
	f = Facts{Held: s.held, Frozen: s.frozen, Requires: e.Requires}
	var made *Candidate
	if b.Candidate != "" {
		if f.Candidate, err = tx.CandidateByID(ctx, b.Candidate); err != nil {
			return f, err
		}
		made = &f.Candidate
	}
	if e.Requires.Approvals > 0 && made != nil {
		if f.Approvals, err = approvalsOf(ctx, tx, e, made.Version); err != nil {
			return f, err
		}
	}
	f.Previous, f.IsThere, err = s.isBefore(ctx, tx, made, &b)
	return f, err
}

// approvalsOf counts those of the newest deployment of a candidate.
func approvalsOf(ctx context.Context, tx Tx, e Environment, v Version) (int, error) {
	all, err := tx.Reportable(ctx, e.ID, v)
	if err != nil || len(all) == 0 || all[len(all)-1].Candidate != v {
		return 0, err
	}
	yes, err := tx.Approvals(ctx, all[len(all)-1].ID)
	return len(yes), err
}

// boxOf is the newest bundle of a candidate; nil for none.
func boxOf(ctx context.Context, tx Tx, c Candidate) (*Bundle, error) {
	b, err := tx.BundleOf(ctx, c.ID)
	if fault.Is(err, "no-bundle") {
		return nil, nil
	}
	return &b, err
}

// isBefore says what is in the environment that is required, and whether that is a candidate or its bundle, either of them nil for none.
// Where something is deployed, that counts; else what was promoted to there, of bundles of the same name the newest.
func (s standing) isBefore(ctx context.Context, tx Tx, c *Candidate, b *Bundle) (there string, is bool, err error) {
	switch {
	case s.before == nil:
		return "", false, nil
	case c != nil && s.runsBefore != nil:
		return s.runsBefore.Candidate.String(), s.runsBefore.Candidate == c.Version, nil
	case b == nil:
		return "", false, nil
	}
	newest, err := tx.NewestStanding(ctx, s.before.ID, b.Name)
	if fault.Is(err, "no-promotion") {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	stands, err := tx.BundleByID(ctx, newest.Bundle)
	return stands.Name + " " + stands.Version, stands.ID == b.ID, err
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
func (c Caller) passes(s standing, force *Force) (forced string, err error) {
	e := s.environment
	if s.frozen == nil {
		return "", nil
	}
	if force == nil {
		return "", fault.New(fault.Stopped, "frozen", "%s of %s is %s", e.Name, e.Project, s.frozen).Hint("wait, or ask who froze it; a releaser may force it")
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

// begin begins the deployment whose turn it is, of each app, where the slot is free and its gate is open, and says of the others what
// they wait for. It returns those that it changed. The environment is locked.
func (l *Ledger) begin(ctx context.Context, tx Tx, e Environment) (changed []Deployment, err error) {
	open, err := tx.Open(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	for _, app := range waitingApps(open) {
		s, err := l.standingOfApp(ctx, tx, e, app)
		if err != nil {
			return nil, err
		}
		begun, err := l.beginWith(ctx, tx, s, ofApp(open, app))
		if err != nil {
			return nil, err
		}
		changed = append(changed, begun...)
	}
	return changed, nil
}

// beginWith is begin for those who know how the environment stands, and which of its deployments, or of one app of it, are open.
func (l *Ledger) beginWith(ctx context.Context, tx Tx, s standing, open []Deployment) (changed []Deployment, err error) {
	wanted, busy, free := queue(open)
	for _, d := range wanted {
		why, f, err := l.reason(ctx, tx, s, d, busy, free)
		if err != nil {
			return nil, err
		}
		switch {
		case why == "":
			if d, err = l.start(ctx, tx, s, d, f.Candidate); d.Effect.Slot() {
				busy, free = d, false
			}
		case f.unshelved && why == f.Unpromoted:
			d, err = l.fail(ctx, tx, s.environment, d, why)
		case d.Message == why:
			continue
		default:
			d.Message = why
			err = l.letWait(ctx, tx, s.environment, d, f)
		}
		if err != nil {
			return nil, err
		}
		changed = append(changed, d)
	}
	return changed, nil
}

// letWait writes what a deployment waits for, and tells persons when it is them.
func (l *Ledger) letWait(ctx context.Context, tx Tx, e Environment, d Deployment, f Facts) error {
	if err := tx.UpdateDeployment(ctx, d); err != nil {
		return err
	}
	if missing := f.Requires.Approvals - f.Approvals; missing <= 0 || d.Message != waitsForApproval(missing) {
		return nil
	}
	waits := deployed("deployment.waits", e, d)
	waits.Data["message"] = d.Message
	return l.note(ctx, tx, driver, waits)
}

// reason is why a deployment does not begin; "" when it may.
func (l *Ledger) reason(ctx context.Context, tx Tx, s standing, d, busy Deployment, free bool) (why string, f Facts, err error) {
	if f, err = l.facts(ctx, tx, s, d); err != nil {
		return "", f, err
	}
	why = Closed(d, f)
	but := f
	but.Unpromoted = "" // that comes last
	open := Closed(d, but) == ""
	switch {
	case open && !free:
		why = waitsFor(busy)
	case open && !d.back() && f.Requires.Signed: // it takes a while
		_, _, err := l.verify(ctx, tx, *f.Box)
		switch {
		case fault.KindOf(err) == fault.Invalid:
			why = err.Error()
		case err != nil:
			return "", f, err
		}
	}
	return why, f, nil
}

// stands tells whether begin would change nothing now.
func (l *Ledger) stands(ctx context.Context, tx Tx, environment string) (bool, error) {
	e, err := tx.EnvironmentByID(ctx, environment)
	if err != nil {
		return false, err
	}
	open, err := tx.Open(ctx, e.ID)
	if err != nil {
		return false, err
	}
	for _, app := range waitingApps(open) {
		s, err := l.standingOfApp(ctx, tx, e, app)
		if err != nil {
			return false, err
		}
		wanted, busy, free := queue(ofApp(open, app))
		for _, d := range wanted {
			if why, _, err := l.reason(ctx, tx, s, d, busy, free); err != nil || why == "" || why != d.Message {
				return false, err
			}
		}
	}
	return true, nil
}

// queue finds what wants to begin, rollbacks first and the oldest before newer ones, and what has the slot, unless that is free.
func queue(open []Deployment) (wanted []Deployment, busy Deployment, free bool) {
	free = true
	for _, d := range slices.Backward(open) {
		switch {
		case d.Effect == EffectWanted:
			wanted = append(wanted, d)
		case d.Effect.Slot():
			busy, free = d, false
		}
	}
	slices.SortStableFunc(wanted, func(a, b Deployment) int { return rank(a) - rank(b) })
	return wanted, busy, free
}

// rank puts rollbacks first.
func rank(d Deployment) int {
	if d.back() {
		return 0
	}
	return 1
}

func waitsFor(busy Deployment) string {
	if busy.Effect == EffectUnknown {
		return fmt.Sprintf("waits until somebody says what became of %s: gio deployment resolve %s", busy.what(), busy.ID)
	}
	return fmt.Sprintf("waits for the end of %s", busy.what())
}

// start gives the slot to a deployment, and makes its effect. What cannot be sent has ended instead.
func (l *Ledger) start(ctx context.Context, tx Tx, s standing, d Deployment, c Candidate) (Deployment, error) {
	e := s.environment
	p, err := tx.Project(ctx, e.Project)
	if err != nil {
		return d, err
	}
	var intent Intent
	d.From = s.runs() // it may have waited long
	switch {
	case (d.App != "") != (e.Kind == GitOps):
		err = fault.New(fault.Invalid, "other-kind", "%s is deployed by %s now", e.Name, e.Kind)
	case d.App != "":
		d.FromShipment = s.runsShipment()
		intent, err = l.fillApp(ctx, tx, e, p, d)
	default:
		intent, err = fill(e.Deploy, p, values(c, d))
	}
	if fault.KindOf(err) == fault.Internal {
		return d, err
	}
	if err != nil {
		return l.fail(ctx, tx, e, d, err.Error())
	}
	d.Effect = EffectIntended
	d.say(InProgress, "", l.Now())
	if err := tx.UpdateDeployment(ctx, d); err != nil {
		return d, err
	}
	intent.Environment = e.Name
	effect := Effect{
		ID: l.NewID(), Kind: e.Kind, Project: e.Project, Environment: e.ID, Deployment: d.ID,
		State: EffectIntended, Target: l.targetOf(e.Kind, intent), Intent: intent, CreatedAt: l.Now(),
	}
	if err := tx.InsertEffect(ctx, effect); err != nil {
		return d, err
	}
	return d, l.note(ctx, tx, driver, deployed("deployment.started", e, d))
}

// fail ends a deployment that cannot begin.
func (l *Ledger) fail(ctx context.Context, tx Tx, e Environment, d Deployment, why string) (Deployment, error) {
	if d.Effect == EffectWanted {
		d.Effect = EffectFailed
	}
	d.say(Error, why, l.Now())
	if err := tx.UpdateDeployment(ctx, d); err != nil {
		return d, err
	}
	return d, l.note(ctx, tx, driver, deployed("deployment.ended", e, d))
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
	switch k {
	case Webhook:
		return "" // each request has its own id
	case GitOps: // one commit follows the other
		return cmp.Or(l.Hosts[i.Connection], i.Connection) + " " + strings.ToLower(i.App.Repository) + "@" + i.App.Branch
	default:
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
			Hint("the names are .%s", strings.Join(slices.Sorted(maps.Keys(values)), ", ."))
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
			_, err = l.begin(ctx, tx, e)
			return err
		})
		err = errors.Join(err, failed) // one that fails keeps no other one waiting
	}
	return err
}

// WaitsForPersons tells that nothing but approvals is missing for a deployment to begin.
func (d Deployment) WaitsForPersons() bool {
	for n := range mostApprovals {
		if d.waits() && d.Message == waitsForApproval(n+1) {
			return true
		}
	}
	return false
}
