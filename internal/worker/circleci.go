package worker

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// CircleCI is a connection to CircleCI. Its user triggers nothing else in the projects of the ledger: what was sent and not
// answered is found by its name.
type CircleCI struct {
	Client *circleci.Client // its requests go through Guard
}

// forever is how long an approval on CircleCI is waited for: whoever waits no longer cancels the deployment.
const forever = 365 * 24 * time.Hour

// circleCI drives the pipeline of an effect.
func (d *drive) circleCI(ctx context.Context, entries []ledger.Entry) (rest time.Duration, err error) {
	c := d.CircleCI[d.effect.Intent.Connection]
	if c == nil {
		return d.unconnected(ctx, len(entries) > 0)
	}
	kept, err := events(entries)
	if err != nil {
		return d.doubt(ctx, err)
	}
	j := &home{ledger: d.Ledger, held: d.lease}
	x := d.execution(c, j, kept)
	if err := x.Prepare(headerOf(d.effect)); err != nil {
		return d.doubt(ctx, err)
	}
	defer func() {
		_ = x.Close() // it only ends the writing
		d.bells.forget(c.Client.Host(), stepOf(x).Pipeline.ID)
	}()
	o, over := outcome(stepOf(x), d.lease.wantsStop())
	answered := d.effect.Answer != "" && (over && o.State == ledger.EffectUnknown || isSilent(stepOf(x)))
	if over && !answered {
		return d.conclude(ctx, c, x, o)
	}
	// While CircleCI does not answer, nothing is begun that the journal would tell of.
	me, err := c.Client.Me(ctx)
	if err != nil {
		return d.wait(ctx, err)
	}
	x.Login = me.Login
	free, err := d.isFree(ctx, c, x)
	if err != nil {
		return d.wait(ctx, err)
	}
	j.says = noted(c, free)
	if answered {
		return d.answer(ctx, c, j, x, kept)
	}
	ctx = d.lease.whileFresh(ctx)
	stopped := d.stopWhenAsked(ctx, c, x)
	err = x.Run(ctx, nil)
	stopped()
	switch o, over := outcome(stepOf(x), d.lease.wantsStop()); {
	case over && j.err() == nil: // else the journal does not hold what the outcome goes by
		return d.conclude(ctx, c, x, o)
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err == nil:
		return againAfter, nil
	}
	return d.wait(ctx, err)
}

// unconnected is for an effect whose connection the settings have no more. Who wants it stopped need not wait for another one.
func (d *drive) unconnected(ctx context.Context, begun bool) (rest time.Duration, err error) {
	why := fault.New(fault.Invalid, "no-connection", "the server has no connection %s to CircleCI any more", d.effect.Intent.Connection).
		Hint("an admin of the server writes it into gio-server.yaml")
	switch {
	case !d.lease.wantsStop():
		return d.wait(ctx, why)
	case begun:
		return d.doubt(ctx, why)
	}
	return d.finish(ctx, canceledBefore)
}

// doubt leaves an effect to a person.
func (d *drive) doubt(ctx context.Context, why error) (rest time.Duration, err error) {
	return d.finish(ctx, ledger.Outcome{State: ledger.EffectUnknown, Status: ledger.Unknown, Message: why.Error()})
}

// conclude ends the effect. What waits for an approval after a failure must not go on beside the next deployment.
func (d *drive) conclude(ctx context.Context, c *CircleCI, x *engine.Execution, o ledger.Outcome) (rest time.Duration, err error) {
	if st := stepOf(x); st.Status == run.HasFailed && st.Code == engine.ApprovalLeft {
		if err := c.Client.Cancel(d.lease.whileFresh(ctx), st.Pipeline.ID); err != nil && fault.KindOf(err) != fault.NotFound {
			return d.wait(ctx, err)
		}
	}
	return d.finish(ctx, o)
}

// isSilent tells that a journal says nothing of what came after it, as that of a ledger that was restored from a backup.
func isSilent(st run.Step) bool { return st.Status == run.Pending || st.Status == run.Intended }

// missing are the events that a journal lacks before a pipeline which a person names: it was begun somewhere else.
func (d *drive) missing(x *engine.Execution, number int64) []run.Event {
	state, step := x.State(), x.Plan.Steps()[0]
	header := headerOf(d.effect)
	header.Schema, header.Host = run.SchemaOf(x.Plan), x.CI.Host()
	all := []run.Event{
		{Type: run.Opened, Header: &header},
		{Type: run.Planned, Plan: x.Plan, Driver: &run.Driver{ID: strings.ToLower(rand.Text()), Gio: d.Version, Login: x.Login}},
		{Type: run.Intent, Steps: []plan.StepID{step.ID()}, Send: 1, After: max(0, number-1), Project: step.Project, Branch: step.Branch},
	}
	if state.Seq > 0 {
		all = all[1:]
	}
	for i := range all {
		all[i].Run, all[i].Seq, all[i].Time = header.Run(), state.Seq+int64(i)+1, time.Now().UTC()
	}
	return all
}

func (d *drive) execution(c *CircleCI, j *home, kept []run.Event) *engine.Execution {
	return &engine.Execution{
		CI: c.Client, Plan: planOf(d.effect), MaxParallel: 1, HoldLimit: forever, Once: true,
		Driver: run.Driver{ID: strings.ToLower(rand.Text()), Gio: d.Version},
		Open:   func(run.Header) (engine.Journal, []run.Event, error) { return j, kept, nil },
		Free: func(ctx context.Context, id string) (bool, error) {
			return d.Ledger.IsFree(ctx, c.Client.Host(), id, d.effect.ID)
		},
		Looked: func(ctx context.Context, intent int64, more time.Duration) (time.Duration, error) {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			return d.Ledger.AddLooked(ctx, d.lease.lease, intent, more)
		},
		Wake: func(id string) <-chan struct{} { return d.bells.of(c.Client.Host(), id) },
		Told: func() bool { return d.bells.tells(c.Client.Host()) },
	}
}

// planOf is the plan of one pipeline.
func planOf(e ledger.Effect) *plan.Plan {
	i := e.Intent
	return &plan.Plan{Product: e.Project, Version: e.ID, Branch: i.Branch, Waves: []plan.Wave{{Group: 1, Steps: []plan.Step{{
		Component: e.Project, Version: i.Version, Repository: i.Repository, Project: i.Project, Definition: i.Definition, Branch: i.Branch,
		Parameters: i.Parameters,
	}}}}}
}

// kind is that of what a worker drives: one pipeline. No command of gio names such a run.
const kind run.Kind = "effect"

func headerOf(e ledger.Effect) run.Header {
	return run.Header{Kind: kind, Manifest: "gio-server", Product: e.Project, Version: e.ID, Branch: e.Intent.Branch}
}

func stepOf(x *engine.Execution) run.Step { return x.State().Step(x.Plan.Steps()[0].ID()) }

var canceledBefore = ledger.Outcome{State: ledger.EffectFailed, Status: ledger.Canceled, Message: "canceled before it began"}

// outcome is how an effect has ended, if it has. Who asked for its end hears that it was canceled, if it was.
func outcome(st run.Step, stop bool) (o ledger.Outcome, over bool) {
	message := st.Reason
	if st.URL != "" {
		message += " " + st.URL
	}
	switch st.Status {
	case run.HasSucceeded:
		return ledger.Outcome{State: ledger.EffectDone, Status: ledger.Success}, true
	case run.IsUnknown:
		return ledger.Outcome{State: ledger.EffectUnknown, Status: ledger.Unknown, Message: message}, true
	case run.HasFailed:
		o = ledger.Outcome{State: ledger.EffectFailed, Status: ledger.Failure, Message: message}
		switch {
		case st.Code == "timeout": // it may still run
			o.State, o.Status = ledger.EffectUnknown, ledger.Unknown
		case stop && (st.Pipeline.ID == "" || st.Detail == string(circleci.StatusCanceled)):
			o.Status = ledger.Canceled
		case st.Pipeline.ID == "":
			o.Status = ledger.Error // it never ran
		}
		return o, true
	case run.Pending, run.WasSkipped:
		return canceledBefore, stop
	case run.Intended, run.Running, run.OnHold:
	}
	return o, false
}

// isFree tells whether others may begin as soon as the pipeline is known by its id: on the default branch, where CircleCI cancels
// nothing. Elsewhere the next one could cancel this one. What runs and keeps its target all the same lets it go.
func (d *drive) isFree(ctx context.Context, c *CircleCI, x *engine.Execution) (bool, error) {
	if !d.effect.Held {
		return true, nil
	}
	i := d.effect.Intent
	p, err := c.Client.Project(ctx, i.Project)
	switch {
	case fault.KindOf(err) == fault.Remote && !circleci.IsUnreadable(err):
		return false, err
	case err != nil || p.DefaultBranch == "" || p.DefaultBranch != i.Branch:
		return false, nil
	}
	if st := stepOf(x); d.effect.State == ledger.EffectRunning {
		known := ledger.Noted{Host: c.Client.Host(), Pipeline: st.Pipeline.ID, Link: st.Pipeline.URL, Free: true}
		return true, d.Ledger.Note(ctx, d.lease.lease, nil, known)
	}
	return true, nil
}

// noted is what an event says of the effect beside itself: the pipeline that it gives.
func noted(c *CircleCI, free bool) func(run.Event) ledger.Noted {
	return func(e run.Event) ledger.Noted {
		if e.Pipeline == nil {
			return ledger.Noted{}
		}
		return ledger.Noted{Host: c.Client.Host(), Pipeline: e.Pipeline.ID, Link: e.Pipeline.URL, Free: free}
	}
}

// stopWhenAsked cancels the pipeline as soon as somebody wants the effect stopped, and again until it has ended; its end tells the
// truth.
func (d *drive) stopWhenAsked(ctx context.Context, c *CircleCI, x *engine.Execution) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
			return
		case <-d.lease.cancelled:
		}
		cancelling := engine.Cancellation{CI: c.Client, Driven: true, Read: func(context.Context) (*run.State, error) { return x.State(), nil }}
		for ctx.Err() == nil {
			_, _ = cancelling.Run(ctx) // who watches the pipeline says how it ended
			select {
			case <-ctx.Done():
			case <-time.After(againAfter):
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// answer notes which pipeline a person named, for the next look to watch; one that cannot be is said to the person.
func (d *drive) answer(ctx context.Context, c *CircleCI, j *home, x *engine.Execution, kept []run.Event) (rest time.Duration, err error) {
	number, err := strconv.ParseInt(d.effect.Answer, 10, 64)
	if err != nil {
		return againAfter, fault.New(fault.Internal, "damaged-answer", "%q is no number of a pipeline", d.effect.Answer)
	}
	if stepOf(x).Status == run.Pending {
		missing := d.missing(x, number)
		if err := j.Append(ctx, missing...); err != nil {
			return 0, err
		}
		kept = append(kept, missing...)
	}
	by := run.Driver{ID: strings.ToLower(rand.Text()), Gio: d.Version}
	_, err = engine.Resolve(ctx, c.Client, j, kept, engine.Answer{Component: d.effect.Project, Pipeline: number, By: by}, nil)
	switch why := fault.KindOf(err); {
	case err == nil:
		return 0, nil
	case why == fault.Invalid || why == fault.NotFound || fault.Is(err, "pipeline-taken"):
		return d.doubt(ctx, err)
	}
	return d.wait(ctx, err)
}
