package operate

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/notify"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// ReleaseOptions say how a product is released.
type ReleaseOptions struct {
	Only, Except []string   // components; with either the product is not finished
	Order        plan.Order // "" is gio.yaml's
	Next         string     // version of the release branch afterwards; "" counts up
	NoNext       bool       // prepare no next version
	MaxParallel  int        // 0 is gio.yaml's
	MaxRuntime   time.Duration
	FailFast     bool
	DryRun       bool     // the server dry run; a client dry run has DryEnds
	Yes          bool     // somebody has agreed to all that Ask would ask
	TakeOver     bool     // continue at once a run whose driver is gone
	SkipCheck    []string // codes of findings
}

// Release releases the product, or what is missing of it. The result is nil when the run did not begin. The error says how the
// run ended, by the kinds of package fault.
func Release(ctx context.Context, s Setup, e Ends, o ReleaseOptions) (*Result, error) {
	t := &releaseRunner{ends: e, options: o, r: NewRelease(s, e, o), check: e.check}
	t.runner = runner{Setup: s, x: &t.r.Execution, run: t.r.Run, prepare: t.prepareReal, expected: t.learn}
	switch {
	case e.Dry != nil:
		t.level, t.prepare, t.run = Client, t.prepareDry, t.runDry
		t.expected = func(context.Context) func() run.Expectation { return func() run.Expectation { return Expected(t.x) } }
		t.r.Open = func(h run.Header) (engine.Journal, []run.Event, error) { return e.Dry.OpenJournal(ctx, h) }
	default:
		if o.DryRun {
			t.level = Server
		}
		t.r.Tagged, t.r.Poms = t.check.tagLookup(), t.check.pomsOf(t.r)
		t.r.Open = s.releaseJournal(ctx, t.r, o.TakeOver, o.Yes || s.Ask != nil)
	}
	result, err := t.drive(ctx)
	if result != nil && !result.NothingToDo {
		result.Next = t.r.Following()
	}
	return result, err
}

// NewRelease makes a release that lacks only its journal.
func NewRelease(s Setup, e Ends, o ReleaseOptions) *engine.Release {
	options := s.PlanOptions(o.Only, o.Except)
	options.MainBranch, options.DryRun = s.MainBranchOf(e.Repo), o.DryRun
	r := &engine.Release{
		Execution: *s.newExecution(e, nil),
		Repo:      e.Repo, Path: s.Path, Local: s.Local, Options: options, Next: o.Next, NoNext: o.NoNext,
	}
	r.Order, r.OrderAsked = s.orderOf(o.Order), o.Order != ""
	r.Needs, r.Unchecked = s.needsOf(e), slices.Contains(o.SkipCheck, check.NotChecked)
	if !o.DryRun && e.Dry == nil {
		r.Settle = time.Duration(s.Config.Settle)
	}
	r.MaxParallel, r.MaxRuntime, r.FailFast = cmp.Or(o.MaxParallel, r.MaxParallel), o.MaxRuntime, o.FailFast
	r.ConfigPath, r.LocalConfig = s.ConfigPath, s.LocalConfig
	if s.OnOtherBranch() {
		r.Local = nil
		s.tell("gio reads release.json and gio.yaml from branch %s of the remote: the checkout is on %s", s.Branch.Value, cmp.Or(s.Checkout.Branch, "no branch"))
	}
	return r
}

// releaseRunner drives a release: before it begins it is checked and, where somebody can be asked, confirmed.
type releaseRunner struct {
	runner
	ends    Ends
	options ReleaseOptions
	r       *engine.Release
	check   *precheck
	refused error // why a real run would be refused: a dry run goes on nevertheless
}

// prepareReal prepares the release and finds its receivers.
func (t *releaseRunner) prepareReal(ctx context.Context) error {
	err := t.prepareWithConsent(ctx)
	if err != nil {
		return err
	}
	t.r.CI, t.r.Ready = t.check.steady, t.check.guard.Ready
	t.receivers = notify.New(t.check.receivers(t.r)...)
	return nil
}

// prepareWithConsent asks the operator, where somebody can be asked. Until the answer it only reads the journal, so that nothing
// is written and nobody is locked out meanwhile; afterwards the plan must still be the one that was confirmed.
func (t *releaseRunner) prepareWithConsent(ctx context.Context) error {
	r := t.r
	if t.Ask == nil {
		if err := r.Prepare(ctx); err != nil {
			return err
		}
		if err := t.show(ctx); err != nil {
			return cmp.Or(t.check.prepareAgain(ctx, r), err)
		}
		return t.refuseChanged()
	}
	open, notified := r.Open, r.Notify
	r.Notify, r.Open = nil, readOnlyJournal(ctx, r.Repo)
	if err := r.Prepare(ctx); err != nil {
		return err
	}
	confirmed := r.Plan
	if err := refusedByJournal(ctx, r); err != nil {
		return err
	}
	if err := t.show(ctx); err != nil {
		return err
	}
	driver, err := t.otherDriver(ctx)
	if err != nil {
		return err
	}
	if driver.Held() {
		h := releaseHeader(r)
		t.tell("another gio (%s) drives %s: %s looks on", driver, h.Run(), fault.Next{Action: fault.Watch, Run: h.Run()})
	}
	if err := t.Ask(question(r, t.from(), driver.Held(), t.options.TakeOver), "nothing was started and nothing was written"); err != nil {
		return err
	}
	if err := r.Repo.Fetch(ctx); err != nil {
		return err
	}
	r.Open, r.Notify = open, notified
	if err := r.Prepare(ctx); err != nil {
		return err
	}
	if !samePlan(confirmed, r.Plan) {
		return fault.New(fault.Invalid, "plan-changed", "the plan has changed while gio waited for the answer: nothing was started").
			Hint("%s to see the new one", fault.Again())
	}
	return nil
}

// samePlan reports whether two plans would do the same, whatever they warn of: that may be said once only, or in other words.
func samePlan(a, b *plan.Plan) bool {
	one, other := *a, *b
	one.Warnings, other.Warnings = nil, nil
	return reflect.DeepEqual(one, other)
}

// refuseChanged refuses to plan anew steps that need something else than before, where nobody can be asked and has agreed.
func (t *releaseRunner) refuseChanged() error {
	changed := t.r.Changed()
	if len(changed) == 0 || t.options.Yes {
		return nil
	}
	return fault.New(fault.Invalid, engine.NeedsChanged, "since the run was planned, who needs whom has changed: %s", changed[0]).
		Hint("to plan that anew, where nobody can be asked, add --yes")
}

// otherDriver returns the lease of whoever drives the run; none where its job has ended.
func (t *releaseRunner) otherDriver(ctx context.Context) (run.Lease, error) {
	_, held, err := journal.ReadGit(ctx, t.r.Repo.Ref(journal.GitRef), releaseHeader(t.r))
	if err != nil && !fault.Is(err, "no-journal") { // who has a lease and no event yet has begun right now
		return run.Lease{}, err
	}
	if !held.Held() || held.Job != "" && t.x.CI.JobEnded(ctx, held.Job) {
		return run.Lease{}, nil
	}
	return held, nil
}

// show shows the plan's warnings, the plan where somebody is asked about it, and the findings of the check. It returns the
// check's error.
func (t *releaseRunner) show(ctx context.Context) error {
	t.warn(t.r.Plan.Warnings...)
	if t.ShowPlan != nil && t.ends.Dry == nil {
		if err := t.ShowPlan(t.r.Plan); err != nil {
			return err
		}
	}
	return t.check.checkRelease(ctx, t.r, t.options)
}

// prepareDry prepares a client dry run. It keeps what a real run would be refused for until the end: the dry run goes on.
func (t *releaseRunner) prepareDry(ctx context.Context) error {
	if err := t.r.Prepare(ctx); err != nil {
		return err
	}
	var err error
	if t.check, err = newPrecheck(t.Setup); err != nil {
		t.refused = err
		return nil
	}
	if !t.ends.Dry.Online {
		t.check.question.CI, t.check.question.NoCI = nil, "it does not answer, or there is no token"
	}
	var refused error
	if t.ends.Dry.Imagined {
		t.check.question.GitHub, t.check.question.NoGitHub = nil, "the release repository was not read"
	} else {
		refused = refusedByJournal(ctx, t.r)
	}
	t.r.Tagged, t.r.Poms = t.check.tagLookup(), t.check.pomsOf(t.r)
	if t.refused = fault.Worst(t.r.Provable(), refused, t.show(ctx)); t.refused != nil {
		return nil
	}
	for _, receiver := range t.check.receivers(t.r) {
		t.tell("would be notified of the release: %s", receiver)
	}
	return nil
}

func (t *releaseRunner) runDry(ctx context.Context, stop <-chan struct{}) error {
	return fault.Worst(t.r.Run(ctx, stop), t.refused)
}

// from says which branch of which repository is released.
func (t *releaseRunner) from() string {
	from := t.r.Plan.Branch
	if address := gitrepo.Redact(t.Checkout.RemoteURL); address != "" {
		from += " of " + address
	}
	return from
}

// question returns what the operator is asked before a release begins. Driven: somebody else drives the run.
func question(r *engine.Release, from string, driven, takeOver bool) string {
	what := releaseQuestion(r, from)
	switch {
	case driven && takeOver:
		return "Take the run from that driver? " + what
	case driven:
		return "Wait until that driver is gone? " + what
	}
	return what
}

// releaseQuestion is the question about the release itself.
func releaseQuestion(r *engine.Release, from string) string {
	remaining := r.Left()
	if old := r.RenamedFrom(); old != "" {
		return fmt.Sprintf("Go on with %s on branch %s, though its run began on %s?", r.Plan.Version, r.Plan.Branch, old)
	}
	components := count(remaining, "component")
	switch {
	case r.Options.DryRun && remaining == 0:
		return fmt.Sprintf("Run the dry-run pipelines of %s from %s again?", r.Plan.Version, from)
	case r.Options.DryRun:
		return fmt.Sprintf("Run the pipelines of %s of %s from %s, as a dry run?", components, r.Plan.Version, from)
	case remaining == 0:
		return fmt.Sprintf("Finish the release of %s on %s?", r.Plan.Version, from)
	}
	return fmt.Sprintf("Release %s of %s from %s?", components, r.Plan.Version, from)
}
