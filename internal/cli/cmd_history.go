package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

func newHistoryCommand(env *environment) *cobra.Command {
	limit, asJSON := 0, false
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the runs of the release repository, the newest first",
		Long: `History lists the runs that the release repository knows, whoever drove them and wherever:
version, kind (release; dry for --dry-run=server; stage; trigger), branch, when it began, how
long it took with the time between its sessions, how it ended, its components, and who drove it
last. gio status and other commands take kind and version of one as --run KIND/VERSION.

How it ended: released; passed (of the other kinds); partial (--only or --except left something
out); failed; unknown (gio resolve); stopped; driven (somebody drives it); damaged (see gio status).

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no manifest or no remote,
7 gio.yaml or the journal is wrong.`,
		Example: `  gio history
  gio history --limit 100 --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return fault.New(fault.Usage, "usage", "--limit %d lists nothing", limit).Hint("it is 1 or more")
			}
			return runHistory(cmd.Context(), env, limit, asJSON)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most so many runs")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the runs as JSON")
	return cmd
}

func runHistory(ctx context.Context, env *environment, limit int, asJSON bool) error {
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	ref, runs, err := env.knownRuns(ctx, ws)
	if err != nil {
		return err
	}
	shown, now := []report.Past{}, time.Now()
	for _, l := range runs[:min(limit, len(runs))] {
		shown = append(shown, pastOf(ctx, ref, l, now))
	}
	if more := len(runs) - len(shown); more > 0 {
		fmt.Fprintf(env.Stderr, "%d older: --limit %d lists them, too\n", more, len(runs))
	}
	switch {
	case asJSON:
		return report.JSON(env.Stdout, map[string]any{"runs": shown})
	case len(shown) == 0:
		fmt.Fprintln(env.Stderr, "no run is known yet")
		return nil
	}
	return report.HistoryTable(env.Stdout, shown, env.outColumns())
}

// pastOf reads one run whole. One that cannot be read is listed as what it is, and hides no other.
func pastOf(ctx context.Context, ref atTip, l journal.Listed, now time.Time) report.Past {
	events, _, err := journal.ReadGit(ctx, ref, l.Header)
	if err != nil {
		return report.NewPast(l, nil, err, now)
	}
	state, err := run.Fold(events)
	if err != nil {
		return report.NewPast(l, nil, err, now)
	}
	return report.NewPast(l, state, nil, now)
}
