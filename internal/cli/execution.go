package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// executionOptions are the flags of the commands that drive a run and record nothing in the release repository.
type executionOptions struct {
	dryRun       dryLevel
	takeOver     bool
	json, events bool
}

func (o *executionOptions) flags(cmd *cobra.Command, byDefault dryLevel) {
	f := cmd.Flags()
	o.dryRun = byDefault
	f.Var(&o.dryRun, "dry-run", "client: only show what would be sent")
	f.Lookup("dry-run").NoOptDefVal = string(dryClient)
	f.BoolVar(&o.takeOver, "take-over", false, "go on at once with a run that another driver has left")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVar(&o.events, "events", false, "print every event as a JSON line")
	cmd.MarkFlagsMutuallyExclusive("json", "events")
}

// ends are what a run is driven with: the real ones, or those of a client dry run.
type ends struct {
	ci   *circleci.Client
	repo *gitrepo.Repo // nil without a release repository
	dry  *dryRun       // nil for a real run
}

// realEnds are those of a real run; inRepository tells that there is a release repository.
func (env *environment) realEnds(ctx context.Context, ws workspace, inRepository bool) (ends, error) {
	ci, err := env.circleCI(ws)
	if err != nil || !inRepository {
		return ends{ci: ci}, err
	}
	repo, err := env.repository(ctx, ws, nil)
	return ends{ci: ci, repo: repo}, err
}

// dryEnds are those of a client dry run; close them.
func (env *environment) dryEnds(ctx context.Context, ws workspace, inRepository bool, o executionOptions) (ends, error) {
	d := &dryRun{env: env, ws: ws, out: &dryPrinter{w: env.Stdout, path: ws.Path}}
	if o.json || o.events {
		d.out.w = env.Stderr // stdout is for programs
	}
	if inRepository {
		if err := d.openRepository(ctx); err != nil {
			return ends{}, err
		}
	}
	if err := d.openCircleCI(ctx); err != nil {
		return ends{}, err
	}
	return ends{ci: d.ci, repo: d.repo, dry: d}, nil
}

func (env *environment) ends(ctx context.Context, ws workspace, inRepository bool, o executionOptions) (ends, error) {
	if o.dryRun == dryClient {
		return env.dryEnds(ctx, ws, inRepository, o)
	}
	return env.realEnds(ctx, ws, inRepository)
}

func (e ends) close() {
	if e.dry != nil {
		e.dry.sim.Close()
	}
}

// execution is a run of this plan that lacks only its journal.
func (env *environment) execution(ws workspace, e ends, p *plan.Plan) *engine.Execution {
	x := &engine.Execution{
		CI: e.ci, Plan: p, Driver: env.driver(), MaxParallel: ws.Config.MaxParallel, HoldLimit: env.holdLimit(),
	}
	if e.dry != nil {
		x.Clock, x.Simulated = engine.FastClock(drySpeed), true
	}
	return x
}

// viewOf is the view of a run: of a dry one, what would be sent.
func (env *environment) viewOf(e ends, o executionOptions) view {
	v := env.newView(o.events)
	if e.dry != nil {
		v.close()
		v.notify = e.dry.notify(releaseOptions{json: o.json, events: o.events})
		v.start = nil
	}
	return v
}

// expected is what is known of how long an execution takes.
func expected(x *engine.Execution) report.Expectation {
	return report.Expectation{Took: x.Earlier, Parallel: min(cmp.Or(x.MaxParallel, engine.MaxParallel), engine.MostParallel)}
}

// drive drives an execution that is prepared, and tells how it ended; err is the exit code.
func (env *environment) drive(ctx context.Context, x *engine.Execution, v view, e ends, o executionOptions) error {
	ctx, stop, done := env.stopping(ctx)
	defer done()
	if v.start != nil {
		v.start(x.Clock, func() report.Expectation { return expected(x) })
	}
	err := x.Run(ctx, stop)
	v.close()
	return env.executed(x, e, o, err)
}

func (env *environment) executed(x *engine.Execution, e ends, o executionOptions, err error) error {
	state := x.State()
	switch {
	case o.json && e.dry != nil:
		env.printed = true
		return errors.Join(err, report.JSON(env.Stdout, dryResult{dryClient, report.NewResult(state, err)}))
	case o.json:
		env.printed = true
		return errors.Join(err, report.JSON(env.Stdout, report.NewResult(state, err)))
	case o.events:
		return err
	case e.dry != nil:
		_, printed := fmt.Fprintf(env.Stdout, "\n%s %s: %s to start\n", x.Plan.Product, x.Plan.Version, count(e.dry.out.requests, "pipeline"))
		return errors.Join(err, printed)
	}
	if err == nil && x.Plan.Unwatched {
		return env.links(state)
	}
	return errors.Join(err, report.Summary(env.Stdout, state, env.typed(), env.outColor()))
}

// links prints number and address of what was triggered and is not watched.
func (env *environment) links(state *run.State) error {
	var failed error
	for _, st := range state.Steps() {
		_, err := fmt.Fprintf(env.Stdout, "%s #%d %s\n", st.ID.Component(), st.Pipeline.Number, st.Pipeline.URL)
		failed = errors.Join(failed, err)
	}
	return failed
}

// over tells of a run that is prepared whether nothing of this plan is left to be done.
func over(x *engine.Execution) bool {
	state := x.State()
	return state.Seq > 0 && x.Left() == 0
}

// nothingLeft is the end of a run of which all was done before.
func (env *environment) nothingLeft(x *engine.Execution, o executionOptions, what string) error {
	state := x.State()
	if o.json {
		env.printed = true
		return report.JSON(env.Stdout, report.NewResult(state, nil))
	}
	if o.events {
		return nil
	}
	_, err := fmt.Fprintf(env.Stdout, "%s %s: %s\n", state.Header.Product, state.Header.Version, what)
	return err
}

// headerOf is the run of a plan, in a journal of this kind.
func headerOf(kind string, ws workspace, p *plan.Plan) run.Header {
	return run.Header{Kind: kind, Manifest: ws.Path, Product: p.Product, Version: p.Version, Branch: p.Branch}
}

// parametersLine is pipeline parameters as they are sent.
func parametersLine(parameters map[string]any) string {
	line, err := json.Marshal(parameters)
	if err != nil { // strings, integers and booleans have a form
		return err.Error()
	}
	return string(line)
}
