package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// asks tells whether there is somebody to ask: never in CI and in the container form, whatever the streams are.
func (env *environment) asks() bool {
	return !env.container && isTerminal(env.Stdin) && env.errTerminal && env.Getenv("CI") == "" && env.Getenv("CIRCLECI") == ""
}

// prepare prepares a release, with the operator's consent where it can be had. Until the answer the journal is only looked at,
// so that nothing is written and nobody is locked out meanwhile; what is there afterwards must still be what was asked about.
func (env *environment) prepare(ctx context.Context, r *engine.Release, a *asker, o releaseOptions) error {
	if o.yes || !env.asks() {
		if err := r.Prepare(ctx); err != nil {
			return err
		}
		if err := env.show(ctx, r, a, o); err != nil {
			return cmp.Or(a.overtaken(ctx, r), err)
		}
		return nil
	}
	open, notify := r.Open, r.Notify
	r.Notify = nil
	r.Open = func(h run.Header) (engine.Journal, []run.Event, error) {
		events, err := peek(ctx, r.Repo, h)
		return &journal.Memory{}, events, err
	}
	if err := r.Prepare(ctx); err != nil {
		return err
	}
	asked := r.Plan
	if err := env.show(ctx, r, a, o); err != nil {
		return err
	}
	if err := env.confirm(question(r), "nothing was started and nothing was written"); err != nil {
		return err
	}
	if err := r.Repo.Fetch(ctx); err != nil {
		return err
	}
	r.Open, r.Notify = open, notify
	if err := r.Prepare(ctx); err != nil {
		return err
	}
	if !reflect.DeepEqual(asked, r.Plan) {
		return fault.New(fault.Invalid, "plan-changed", "the plan has changed while gio waited for the answer: nothing was started").
			Hint("run the same command again to see the new one")
	}
	return nil
}

// show tells what the plan warns of, where somebody looks on what it is, and what the check finds: an error of it is returned.
func (env *environment) show(ctx context.Context, r *engine.Release, a *asker, o releaseOptions) error {
	env.warn(r.Plan.Warnings)
	if env.asks() {
		f, _ := env.terminal()
		if err := report.PlanTable(env.Stderr, r.Plan, widthOf(f)); err != nil {
			return err
		}
	}
	return a.beforeRelease(ctx, r, o)
}

// confirm asks. Anything but a yes, and Ctrl-C, is a no (kind Cancelled), which says what has not happened.
func (env *environment) confirm(question, otherwise string) error {
	fmt.Fprintf(env.Stderr, "%s [y/N] ", question)
	answer, interrupted := make(chan string, 1), make(chan struct{}, 1)
	defer env.signals.take(func(os.Signal) {
		select {
		case interrupted <- struct{}{}:
		default: // once is enough
		}
	})()
	go func() {
		line, _ := bufio.NewReader(env.Stdin).ReadString('\n') // no line is a no
		answer <- line
	}()
	select {
	case <-interrupted:
		fmt.Fprintln(env.Stderr)
	case line := <-answer:
		if slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line))) {
			return nil
		}
	}
	return fault.New(fault.Cancelled, "cancelled", "cancelled: %s", otherwise).Hint("--yes answers yes")
}

func question(r *engine.Release) string {
	left := r.Left()
	components := count(left, "component")
	switch {
	case r.Options.DryRun && left == 0:
		return fmt.Sprintf("Run the dry-run pipelines of %s from %s again?", r.Plan.Version, r.Plan.Branch)
	case r.Options.DryRun:
		return fmt.Sprintf("Run the pipelines of %s of %s from %s, as a dry run?", components, r.Plan.Version, r.Plan.Branch)
	case left == 0:
		return fmt.Sprintf("Finish the release of %s on %s?", r.Plan.Version, r.Plan.Branch)
	}
	return fmt.Sprintf("Release %s of %s from %s?", components, r.Plan.Version, r.Plan.Branch)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
