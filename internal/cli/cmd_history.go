package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

func newHistoryCommand(env *environment) *cobra.Command {
	limit, asJSON := 0, false
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the runs of the release repository, the newest first",
		Long: `History lists the runs in the release repository, whoever drove them and wherever: version,
kind (release; dry for --dry-run=server; stage; trigger), branch, when it began, how long it took
including the time between its sessions, how it ended, its components, and its last driver.
To select a run in gio status and other commands, use --run KIND/VERSION.

How it ended: released; passed (the other kinds); partial (--only or --except left something
out); failed; unknown (gio resolve); stopped; driven (it has a driver); damaged (see gio status).

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no manifest or no remote,
7 gio.yaml or the journal is wrong.`,
		Example: `  gio history
  gio history --limit 100 --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return fault.New(fault.Usage, "usage", "--limit %d lists nothing", limit).Hint("use 1 or more")
			}
			return runHistory(cmd.Context(), env, limit, asJSON)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "list at most this many runs")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the runs as JSON")
	return cmd
}

func runHistory(ctx context.Context, env *environment, limit int, asJSON bool) error {
	s, err := env.open(ctx)
	if err != nil {
		return err
	}
	past, all, err := operate.History(ctx, s, limit)
	if err != nil {
		return err
	}
	shown, now := []report.Past{}, time.Now()
	for _, p := range past {
		shown = append(shown, report.NewPast(p.Listed, p.State, fault.Rendered(p.Err, env.command), now))
	}
	if more := all - len(shown); more > 0 {
		fmt.Fprintf(env.Stderr, "%s: --limit %d lists them, too\n", count(more, "older run"), all)
	}
	switch {
	case asJSON:
		return env.writeJSON(map[string]any{"runs": shown})
	case len(shown) == 0:
		fmt.Fprintln(env.Stderr, "there is no run yet")
		return nil
	}
	return report.HistoryTable(env.Stdout, shown, env.outColumns())
}
