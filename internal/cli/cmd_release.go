package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
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
	json, events bool
}

func newReleaseCommand(env *environment) *cobra.Command {
	o := releaseOptions{}
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Release the product; run it again to finish what is missing",
		Long: `Release triggers the pipelines of all components to be released, wave after wave, watches them
to the end and records what succeeded in the release repository. When all have succeeded it
sets the product version, tags it and prepares the next version.

When something fails, the wave finishes, what succeeded is recorded, and the same command
goes on from there: nothing that succeeded, runs, or may have been started is started again.

The first Ctrl-C starts nothing more and watches what runs; the second leaves at once.
Pipelines are never cancelled by leaving.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 not found, 7 refused,
8 timed out, 9 needs a decision (gio resolve), 10 a pipeline failed, 11 stopped: run again.`,
		Example: `  gio release
  gio release --except gravitee-portal-webui
  gio release --next 3.10.0-rc1-SNAPSHOT
  gio release --events > events.jsonl`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRelease(cmd.Context(), env, o) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.only, "only", nil, "release only these components; the product is then not finished")
	f.StringSliceVar(&o.except, "except", nil, "leave these components out; the product is then not finished")
	f.StringVar(&o.next, "next", "", "next version of the release branch (default: counted)")
	f.BoolVar(&o.noNext, "no-next", false, "prepare no next version")
	f.IntVar(&o.maxParallel, "max-parallel", 0, fmt.Sprintf("pipelines of a wave that run at once (default %d)", engine.MaxParallel))
	f.DurationVar(&o.maxRuntime, "max-runtime", 0, "leave after this time, recording what succeeded (default: none)")
	f.BoolVar(&o.failFast, "fail-fast", false, "when a pipeline fails, cancel the others of its wave")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVar(&o.events, "events", false, "print every event as a JSON line")
	cmd.MarkFlagsMutuallyExclusive("json", "events")
	cmd.MarkFlagsMutuallyExclusive("next", "no-next")
	return cmd
}

func runRelease(ctx context.Context, env *environment, o releaseOptions) error {
	ws, err := env.workspace()
	if err != nil {
		return err
	}
	r, err := env.newRelease(ctx, ws, o)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // what matters is durable already
	err = r.Prepare(ctx)
	if errors.Is(err, engine.ErrNothing) {
		return env.nothing(r, o)
	}
	if err != nil {
		return err
	}
	for _, w := range r.Plan.Warnings {
		fmt.Fprintf(env.Stderr, "warning: %s\n", w)
	}
	ctx, stop, done := env.stopping(ctx)
	defer done()
	err = r.Run(ctx, stop)
	return env.result(r, o, err)
}

// newRelease wires what a release needs.
func (env *environment) newRelease(ctx context.Context, ws workspace, o releaseOptions) (*engine.Release, error) {
	ci, err := env.circleCI(ws)
	if err != nil {
		return nil, err
	}
	repo, err := env.repository(ctx, ws)
	if err != nil {
		return nil, err
	}
	options := env.planOptions(ws, o.only, o.except)
	options.MainBranch = repo.DefaultBranch()
	parallel := o.maxParallel
	if parallel == 0 {
		parallel = ws.Config.MaxParallel
	}
	r := &engine.Release{
		CI: ci, Repo: repo, Path: ws.Path, Local: ws.Local, Options: options,
		Next: o.next, NoNext: o.noNext, MaxParallel: parallel, HoldLimit: env.holdLimit(),
		MaxRuntime: o.maxRuntime, FailFast: o.failFast,
		Driver: env.driver(), Notify: env.notify(o),
	}
	r.Open = func(h run.Header) (engine.Journal, []run.Event, error) {
		path, err := env.journalPath(ws, h)
		if err != nil {
			return nil, nil, err
		}
		r.Earlier = journal.Durations(path)
		return journal.OpenFile(path, h)
	}
	if ws.Branch.Value != ws.Checkout.Branch { // the checkout is of another branch: it says nothing about this one
		r.Local = nil
		fmt.Fprintf(env.Stderr, "release.json is taken from branch %s of the remote: the checkout is on %s\n", ws.Branch.Value, ws.Checkout.Branch)
	}
	return r, nil
}

// holdLimit is how long an approval is waited for: where a person looks on, a day.
func (env *environment) holdLimit() time.Duration {
	if env.errTerminal {
		return 24 * time.Hour
	}
	return 15 * time.Minute
}

// notify tells events as they happen: lines for people on stderr, or JSON lines on stdout.
func (env *environment) notify(o releaseOptions) func(run.Event, *run.State) {
	if o.events {
		enc := json.NewEncoder(env.Stdout)
		enc.SetEscapeHTML(false)
		return func(e run.Event, _ *run.State) { _ = enc.Encode(e) } // a reader that left does not stop a release
	}
	return func(e run.Event, s *run.State) {
		for _, line := range report.Lines(e, s) {
			fmt.Fprintln(env.Stderr, line)
		}
	}
}

func (env *environment) nothing(r *engine.Release, o releaseOptions) error {
	if o.json {
		return report.JSON(env.Stdout, report.NewResult(r.State(), nil))
	}
	if o.events {
		return nil
	}
	_, err := fmt.Fprintf(env.Stdout, "%s %s: nothing to release and nothing to finish\n", r.Plan.Product, r.Plan.Version)
	return err
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
	if printed := report.Summary(env.Stdout, state); printed != nil {
		return errors.Join(err, printed)
	}
	if err == nil && r.Plan.Partial {
		fmt.Fprintf(env.Stdout, "left out by --only or --except, so that %s is not finished: run `gio release` for the rest\n", r.Plan.Version)
	}
	return err
}

// errDetached is the cause of a context that ends because the operator leaves.
var errDetached = fault.New(fault.Stopped, "signal", "asked to leave")

// stopping turns signals into the two ways to stop. The first interrupt closes stop; the second one, and
// SIGTERM, cancel the context. Done gives the signals back.
func (env *environment) stopping(ctx context.Context) (_ context.Context, stop <-chan struct{}, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stopped, over := make(chan struct{}), make(chan struct{})
	go func() {
		once := sync.OnceFunc(func() { close(stopped) })
		for interrupts := 0; ; {
			select {
			case <-over:
				return
			case s := <-env.Signals:
				once()
				if interrupts++; s != os.Interrupt || interrupts > 1 {
					fmt.Fprintln(env.Stderr, "leaving: pipelines run on; the same command continues")
					cancel(errDetached)
					return
				}
				fmt.Fprintln(env.Stderr, "stopping: nothing new is started, what runs is watched to its end; Ctrl-C again leaves at once")
			}
		}
	}()
	return ctx, stopped, func() { close(over); cancel(nil) }
}
