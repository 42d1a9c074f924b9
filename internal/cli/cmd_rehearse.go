package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/rehearse"
	"github.com/gravitee-lab/gio/internal/report"
)

type rehearseOptions struct {
	only, except []string
	order        string
	maxParallel  int
	fail, hold   []string
	fault, crash []string
	json         bool
}

func newRehearseCommand(env *environment) *cobra.Command {
	o := rehearseOptions{}
	cmd := &cobra.Command{
		Use:   "rehearse",
		Short: "Predict how a release goes and how long it takes, and try what can go wrong",
		Long: `Rehearse runs the release with gio's own engine against the built-in simulator, on a clock that
makes an hour pass in seconds. It starts nothing and writes nothing; it only reads the release
repository. Without the remote it works from the checkout alone, and says so.

A pipeline takes the median of the component's last ten runs: of those in the journal, else of
those that CircleCI's Insights have of its slowest workflow (among those that "verify" names, else
those named "release", else all), else the average of the others, else 10 minutes. The table shows
the run with just these durations. The range is that of many runs whose durations vary as they did
earlier, at first by 20 %; wide waves take longer. After a failure or a crash it continues with the
same command. It waits for an approval as gio release does: a day on a terminal, else 15 minutes.

Exit codes: 0 done (the rehearsed run may fail), 2 usage, 4 remote failed, 5 no manifest,
6 cancelled, 7 refused as a release would be.`,
		Example: `  gio rehearse
  gio rehearse --max-parallel 4 --fail gravitee-gateway --hold gravitee-common=30m
  gio rehearse --crash gravitee-gateway --fault gravitee-common=error`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRehearse(cmd.Context(), env, o) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.only, "only", nil, "release only these components")
	f.StringSliceVar(&o.except, "except", nil, "leave these components out")
	f.StringVar(&o.order, "order", "", orderUsage)
	f.IntVar(&o.maxParallel, "max-parallel", 0, fmt.Sprintf("pipelines that run at once (default %d, at most %d)", engine.MaxParallel, engine.MostParallel))
	f.StringSliceVar(&o.fail, "fail", nil, "COMPONENT or COMPONENT@N: its first pipeline fails, or its first N")
	f.StringSliceVar(&o.hold, "hold", nil, "COMPONENT or COMPONENT=TIME: it is on hold for this time (default 10m)")
	f.StringSliceVar(&o.fault, "fault", nil, "COMPONENT=lost|error|throttled: the answer to its trigger (default lost)")
	f.StringSliceVar(&o.crash, "crash", nil, "COMPONENT=intent|sent|running|ended: gio is killed then (default sent)")
	f.BoolVar(&o.json, "json", false, "print the prediction as JSON")
	return cmd
}

func runRehearse(ctx context.Context, env *environment, o rehearseOptions) error {
	if o.maxParallel < 0 {
		return fault.New(fault.Usage, "usage", "--max-parallel cannot be negative")
	}
	whatIfs, err := o.whatIfs()
	if err != nil {
		return err
	}
	order, err := config.ParseOrder(o.order)
	if err != nil {
		return err
	}
	s, err := env.open(ctx)
	if err != nil {
		return err
	}
	r, err := rehearse.Rehearse(ctx, s, rehearse.Options{
		Only: o.only, Except: o.except, Order: order, MaxParallel: o.maxParallel, WhatIfs: whatIfs, OnStart: func(takes time.Duration) {
			if env.errTerminal {
				fmt.Fprintf(env.Stderr, "rehearsing, which takes about %s\n", takes.Round(time.Second))
			}
		},
	})
	switch {
	case err != nil:
		return err
	case r.NothingToDo:
		return env.printRun(&operate.Result{Plan: r.Plan, State: r.State, NothingToDo: true}, nil, driveOptions{json: o.json}, nil)
	case o.json:
		return env.writeJSON(report.NewRehearsal(r))
	}
	return report.RehearsalTable(env.Stdout, report.NewRehearsal(r), env.outColumns())
}
