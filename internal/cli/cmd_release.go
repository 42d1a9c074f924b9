package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/notify"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type releaseOptions struct {
	only, except []string
	next         string
	noNext       bool
	maxParallel  int
	maxRuntime   time.Duration
	failFast     bool
	dryRun       dryLevel
	yes          bool
	takeOver     bool
	skipCheck    []string
	json, events bool
}

func newReleaseCommand(env *environment) *cobra.Command {
	o := releaseOptions{}
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Release the product; run it again to finish what is missing",
		Long: `Release triggers the pipelines of all components to be released, wave after wave, watches them
to the end and records what succeeded; at last it tags the product and prepares the next version.

When something fails, the wave finishes, what succeeded is recorded, and the same command goes
on from there, on any machine: nothing that succeeded, runs, or may exist is started again.
The first Ctrl-C starts nothing more and watches what runs; the second leaves at once.
Pipelines are never cancelled by leaving. Before it starts, gio checks what "gio check" checks, is
kept from starting by an error and, on a terminal outside CI, asks.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 not found, 6 cancelled, 7 refused,
8 timed out, 9 needs a decision (gio resolve), 10 a pipeline failed, 11 stopped: run again.`,
		Example: "  gio release --dry-run",
		Args:    notBehindDryRun,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("max-parallel") && o.maxParallel < 1 {
				return fault.New(fault.Usage, "usage", "--max-parallel must be at least 1, but is %d", o.maxParallel).
					Hint("leave it out for the default, which is max_parallel of gio.yaml, else %d", engine.MaxParallel)
			}
			return runRelease(cmd.Context(), env, o)
		},
	}
	f := cmd.Flags()
	f.Var(&o.dryRun, "dry-run", "client: only show it; server: run the pipelines with dry_run: true")
	f.Lookup("dry-run").NoOptDefVal = string(dryClient)
	f.BoolVar(&o.yes, "yes", false, "answer the question yes")
	f.BoolVar(&o.takeOver, "take-over", false, "go on at once with a run that another driver has left")
	f.StringSliceVar(&o.only, "only", nil, "release only these components; the product is then not finished")
	f.StringSliceVar(&o.except, "except", nil, "leave these components out; the product is then not finished")
	f.StringVar(&o.next, "next", "", "next version of the release branch (default: counted)")
	f.BoolVar(&o.noNext, "no-next", false, "prepare no next version")
	f.IntVar(&o.maxParallel, "max-parallel", 0, fmt.Sprintf("pipelines of a wave that run at once (default %d, at most %d)", engine.MaxParallel, engine.MostParallel))
	f.DurationVar(&o.maxRuntime, "max-runtime", 0, "leave after this time, recording what succeeded (default: none)")
	f.BoolVar(&o.failFast, "fail-fast", false, "when a pipeline fails, cancel the others of its wave")
	f.StringSliceVar(&o.skipCheck, "skip-check", nil, "start in spite of errors with these codes (gio help findings)")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVar(&o.events, "events", false, "print every event as a JSON line")
	cmd.MarkFlagsMutuallyExclusive("json", "events")
	cmd.MarkFlagsMutuallyExclusive("next", "no-next")
	return cmd
}

func runRelease(ctx context.Context, env *environment, o releaseOptions) error {
	if o.maxRuntime < 0 {
		return fault.New(fault.Usage, "usage", "--max-runtime cannot be negative").Hint("write it as in --max-runtime 2h")
	}
	for _, code := range o.skipCheck {
		if err := check.ErrSkip(code); err != nil {
			return err
		}
	}
	env.announce(o.dryRun)
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	if o.dryRun == dryClient {
		return runDryRelease(ctx, env, ws, o)
	}
	a := &asker{env: env, ws: ws}
	r, err := env.openRelease(ctx, a, o)
	if err != nil {
		return err
	}
	defer env.leave(r)
	v := env.newView(o.events)
	defer v.close()
	var people *notify.Notifier // once the release is prepared
	r.Notify = func(e run.Event, s *run.State) {
		v.notify(e, s)
		people.Note(e, s)
	}
	err = env.prepare(ctx, r, a, o)
	if errors.Is(err, engine.ErrNothing) {
		return env.nothing(r, o)
	}
	if err != nil {
		return err
	}
	r.CI = a.steady
	people = notify.New(env.people(a, r)...)
	err = env.driveRelease(ctx, a, r, v, o)
	env.tell(ctx, people, err)
	return err
}

// driveRelease runs a prepared release to its end, tells how it ended and gives the run back.
func (env *environment) driveRelease(ctx context.Context, a *asker, r *engine.Release, v view, o releaseOptions) error {
	ctx, stop, done := env.stopping(ctx)
	defer done()
	v.start(r.Clock, a.learn(ctx, &r.Execution).expectation)
	err := r.Run(ctx, stop)
	v.close()
	defer env.leave(r)
	return env.result(r, o, err)
}

// leave gives the run back, so that the next driver need not wait.
func (env *environment) leave(r io.Closer) {
	if err := r.Close(); err != nil {
		fmt.Fprintf(env.Stderr, "the run could not be given back, the next driver waits some minutes or uses --take-over: %s\n", err)
	}
}

// openRelease wires what a release needs. It is prepared with the clients of its check.
func (env *environment) openRelease(ctx context.Context, a *asker, o releaseOptions) (*engine.Release, error) {
	if err := a.connect(); err != nil {
		return nil, err
	}
	if a.noToken != nil {
		return nil, a.noToken
	}
	repo, err := env.repository(ctx, a.ws, nil)
	if err != nil {
		return nil, err
	}
	r := env.newRelease(a.ws, o, a.check.CI, repo)
	r.Ready, r.Tagged = a.check.Ready, a.tagged()
	r.Open = env.releasing(ctx, r, repo, o.takeOver)
	return r, nil
}

// newRelease is a release that lacks only its journal.
func (env *environment) newRelease(ws workspace, o releaseOptions, ci *circleci.Client, repo *gitrepo.Repo) *engine.Release {
	options := env.planOptions(ws, o.only, o.except)
	options.MainBranch, options.DryRun = repo.DefaultBranch(), o.dryRun == dryServer
	parallel := o.maxParallel
	if parallel == 0 {
		parallel = ws.Config.MaxParallel
	}
	r := &engine.Release{
		Execution: engine.Execution{
			CI: ci, Driver: env.driver(), MaxParallel: parallel, HoldLimit: env.holdLimit(),
			MaxRuntime: o.maxRuntime, FailFast: o.failFast,
		},
		Repo: repo, Path: ws.Path, Local: ws.Local, Options: options, Next: o.next, NoNext: o.noNext,
	}
	if ws.Branch.Value != ws.Checkout.Branch { // the checkout is of another branch: it says nothing about this one
		r.Local = nil
		fmt.Fprintf(env.Stderr, "release.json is taken from branch %s of the remote: the checkout is on %s\n", ws.Branch.Value, ws.Checkout.Branch)
	}
	return r
}

// holdLimit is how long an approval is waited for: where a person looks on, a day.
func (env *environment) holdLimit() time.Duration {
	if env.errTerminal {
		return 24 * time.Hour
	}
	return 15 * time.Minute
}

func (env *environment) nothing(r *engine.Release, o releaseOptions) error {
	if o.json {
		return report.JSON(env.Stdout, report.NewResult(r.State(), nil))
	}
	if o.events {
		return nil
	}
	_, err := fmt.Fprintf(env.Stdout, "%s %s: nothing to release and nothing to finish\n", r.Plan.Product, r.Plan.Version)
	env.leftOut(r)
	return err
}

// leftOut says that the product is not finished.
func (env *environment) leftOut(r *engine.Release) {
	if r.Plan.Partial {
		fmt.Fprintf(env.Stdout, "left out by --only or --except, so that %s is not finished: run %s for the rest\n", r.Plan.Version, env.drivenBy(r.State().Header))
	}
}

// result prints how the run ended; err stays the exit code.
func (env *environment) result(r *engine.Release, o releaseOptions, err error) error {
	state := r.State()
	switch {
	case o.json:
		env.printed = true
		return errors.Join(err, report.JSON(env.Stdout, report.NewResult(state, err)))
	case o.events:
		return err
	}
	if err == nil && o.dryRun == dryServer {
		_, err = fmt.Fprintf(env.Stdout, "%s %s, dry run: all pipelines succeeded, of %s\n", r.Plan.Product, r.Plan.Version, count(len(r.Plan.Steps()), "component"))
		return err
	}
	if printed := report.Summary(env.Stdout, state, env.typed(), env.outColor()); printed != nil {
		return errors.Join(err, printed)
	}
	if err == nil {
		env.leftOut(r)
	}
	return err
}
