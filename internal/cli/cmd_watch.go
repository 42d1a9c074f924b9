package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

func newWatchCommand(env *environment) *cobra.Command {
	w, events, web := runFlags{}, false, false
	cmd := &cobra.Command{
		Use:   "watch [VERSION]",
		Short: "Watch a run that somebody else drives",
		Long: `Watch shows the run of the checkout's product version, of VERSION, or of --run, as its driver notes
it in the release repository: the live view on a terminal, one line per change elsewhere. First it
shows what has happened since the driver began. It drives nothing, writes nothing and asks CircleCI
nothing; it reads every 5 seconds, every 30 while nothing changes.

It ends when the run does, with the summary and the exit codes of gio status. After 5 minutes
without a sign its driver counts as silent: the command that began the run continues it.
Ctrl-C leaves with exit 11: the run goes on, and a script must not treat that as its end.

Exit codes: 0 nothing is wrong, 2 usage, 3 not allowed, 4 remote failed, 5 no such run,
7 release.json or the journal is wrong, 9 needs a decision (gio resolve), 10 a pipeline failed,
11 stopped, or left by Ctrl-C.`,
		Example: `  gio watch
  gio watch --run stage/3.9.4
  gio watch --events`,
		Args: w.argument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if web {
				return env.openRun(cmd.Context(), &w)
			}
			return runWatch(cmd.Context(), env, &w, events)
		},
	}
	w.flags(cmd)
	webFlag(cmd, &web, "what failed, waits or runs")
	cmd.Flags().BoolVar(&events, "events", false, "print every event as a JSON line, from the first one on")
	cmd.MarkFlagsMutuallyExclusive("web", "events")
	return cmd
}

func runWatch(ctx context.Context, env *environment, w *runFlags, events bool) error {
	s, k, err := env.read(ctx, w)
	if err != nil {
		return err
	}
	ctx, done := env.interruptible(ctx, operate.ErrDetached)
	defer done()
	ctx, left := context.WithCancelCause(ctx)
	defer left(nil)
	env.out.onBreak(left)
	now := time.Now()
	if !k.Driven(now) && !events {
		return errors.Join(k.Err(now), report.WriteStatus(env.out.painted(), k.State, k.Lease, env.statusView(k, now)))
	}
	s.View = env.newView(events)
	k, err = operate.Watch(ctx, s, k, events)
	if cause := context.Cause(ctx); fault.CodeOf(cause) == unwritten { // nobody looks on any more
		return cause
	}
	if err != nil {
		return err
	}
	now = time.Now()
	if events {
		return k.Err(now)
	}
	return errors.Join(k.Err(now), report.WriteEnd(env.out.painted(), k.State, k.Lease, env.statusView(k, now)))
}
