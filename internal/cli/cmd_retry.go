package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type retryOptions struct {
	runFlags
	components      []string
	yes, wait, json bool
}

func newRetryCommand(env *environment) *cobra.Command {
	o := retryOptions{}
	cmd := &cobra.Command{
		Use:   "retry COMPONENT...",
		Short: "Run what failed in a component's pipeline again, on the same commit",
		Long: `Retry has CircleCI run the newest failed workflow of the component's pipeline again, from what
failed: for a test that fails now and then. It is the same commit; a fix needs gio release, which
starts a new pipeline.

It sends one request for each pipeline. Where the answer is lost it looks for the new workflow for a
minute. Nobody can start the component meanwhile: without a driver gio takes the run for that
moment; beside one it leaves a note in the release repository. It writes no event: the driver, or
the next gio release, notes what becomes of it.

What runs, has succeeded, was cancelled or is unauthorized is refused, and so is a build error and
what is older than 90 days. On a terminal, outside CI, gio asks first.

Exit codes: 0 it runs again (with --wait: it has succeeded), 2 usage, 3 not allowed, 4 remote
failed, 5 no such run or component, 6 cancelled (answered no), 7 nothing can be run again, 9 it is
not known whether it runs, 10 it failed again (--wait), 11 somebody else starts it, or gio left.`,
		Example: `  gio retry gravitee-gateway
  gio retry gravitee-gateway gravitee-portal --yes --wait
  gio retry gravitee-gateway --run stage/3.9.4`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fault.New(fault.Usage, "usage", "gio retry needs a component").Hint("%s shows what failed", fault.Next{Action: fault.Status})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.components = args
			return runRetry(cmd.Context(), env, o)
		},
	}
	o.flags(cmd)
	o.versionFlag(cmd)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "answer the question yes")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until it has ended")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

func runRetry(ctx context.Context, env *environment, o retryOptions) error {
	s, err := env.open(ctx)
	if err != nil {
		return operate.HintOutsideRepository(o.selector(), err)
	}
	r, err := operate.NewRetries(ctx, s, o.selector(), o.components)
	if err != nil {
		return err
	}
	if env.canAsk() && !o.yes {
		if err := env.askToRetry(r); err != nil {
			return err
		}
	}
	ctx, done := env.interruptible(ctx, operate.ErrDetached)
	defer done()
	results, err := env.retry(ctx, r, o)
	if o.json {
		result := fault.Rendered(err, env.command)
		return env.printJSON(result, report.NewRetriedRun(r.Header.Run(), results, r.DriverStatus(time.Now()), result))
	}
	if len(results) > 0 {
		fmt.Fprintln(env.Stdout, env.afterRetry(r))
	}
	return err
}

func (env *environment) askToRetry(r *operate.Retries) error {
	env.talk.mute(false) // the question is about what comes now
	for _, of := range r.Of {
		what := retried(r, of, of.Workflow.ID)
		fmt.Fprintf(env.Stderr, "%s  %s\n", what.URL, what)
		for _, other := range of.Others {
			fmt.Fprintf(env.Stderr, "  its workflow %s has failed, too: for that, run gio retry once more\n", other.Name)
		}
		fmt.Fprintf(env.Stderr, "  %s; a fix needs %s\n", what.OnCommit(), env.resumeCommand(r.Header))
	}
	question := "Run what failed again?"
	if len(r.Of) > 1 {
		question = fmt.Sprintf("Run what failed in %s again?", count(len(r.Of), "pipeline"))
	}
	return env.confirm(question, "nothing was run again")
}

// retry runs one after the other again, and then waits where that is wanted.
func (env *environment) retry(ctx context.Context, r *operate.Retries, o retryOptions) (results []report.Retried, err error) {
	var all []engine.Again
	for _, of := range r.Of {
		again, err := r.Run(ctx, of)
		if err != nil {
			return results, err
		}
		what := retried(r, of, again.ID)
		all, results = append(all, again), append(results, what)
		if !o.json {
			fmt.Fprintf(env.Stdout, "runs again: %s, %s  %s\n", what, what.OnCommit(), what.URL)
		}
	}
	if !o.wait {
		return results, nil
	}
	for i, again := range all {
		failed := r.Await(ctx, again, func(v circleci.Verdict) {
			fmt.Fprintf(env.Stderr, "%s: %s\n", results[i], v.State)
		})
		if failed == nil {
			results[i].Result = string(run.HasSucceeded)
		} else if fault.KindOf(failed) == fault.PipelineFailed {
			results[i].Result = string(run.HasFailed)
		}
		err = fault.Worst(err, failed)
	}
	return results, err
}

func retried(r *operate.Retries, of engine.Retry, workflow string) report.Retried {
	return report.Retried{Steps: report.NamesOf(r.Steps(of)), Workflow: of.Workflow.Name, Commit: of.Commit, URL: r.URL(of, workflow)}
}

// afterRetry says who notes how it goes.
func (env *environment) afterRetry(r *operate.Retries) string {
	if r.Driven(time.Now()) {
		return fmt.Sprintf("its driver (%s) goes on with it when it succeeds", r.Lease)
	}
	return fmt.Sprintf("%s has no driver: %s notes how it goes, and goes on", r.Header.Run(), env.resumeCommand(r.Header))
}
