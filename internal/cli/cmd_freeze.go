package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

type freezeOptions struct {
	ofProject
	all           bool
	reason, until string
}

func newFreezeCommand(env *environment) *cobra.Command {
	o := freezeOptions{}
	cmd := &cobra.Command{
		Use:   "freeze ENVIRONMENT|--all --reason REASON",
		Short: "Keep environments from taking anything new, for a time",
		Long: `Freeze keeps an environment, or all of a project, from taking anything new: after it nothing begins
there. What runs goes on; what waits begins when the freeze ends. A releaser may pass it: gio deploy
--force. It ends by itself with --until, or with gio freeze lift.

` + ledgerCodes,
		Example: `  gio freeze production --reason "black friday" --until 2026-12-01
  gio freeze --all --reason "database moves" --until 2h
  gio freeze lift production`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.all == (len(args) == 1) {
				return fault.New(fault.Usage, "usage", "gio freeze takes an environment, or --all").Hint("gio freeze list shows the freezes that hold")
			}
			return runFreeze(cmd.Context(), env, strings.Join(args, ""), o)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.all, "all", false, "every environment of the project")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for those who wait")
	cmd.Flags().StringVar(&o.until, "until", "", "its end, as in 2h, 3d, 17:30, 2026-12-01, \"2026-12-01 08:00\"")
	cmd.AddCommand(newFreezeListCommand(env), newFreezeLiftCommand(env))
	return cmd
}

func runFreeze(ctx context.Context, env *environment, environment string, o freezeOptions) error {
	if oneLine(o.reason) == "" {
		return fault.New(fault.Usage, "usage", "--reason is needed: those who wait ask why")
	}
	n := wire.NewFreeze{Environment: environment, Reason: o.reason}
	if o.until != "" {
		end, err := endAt(o.until, time.Now())
		if err != nil {
			return err
		}
		n.Until = &end
	}
	c, project, err := env.inProject(ctx, o.ofProject)
	if err != nil {
		return err
	}
	f, err := c.Freeze(ctx, project, n)
	if err != nil {
		return perhaps(err, "gio freeze list")
	}
	if o.json {
		return env.writeJSON(f)
	}
	_, err = fmt.Fprintln(env.Stdout, freezeLine(f, project))
	fmt.Fprintf(env.Stderr, "  -> gio freeze lift %s\n", f.ID)
	return err
}

func freezeLine(f wire.Freeze, project string) string {
	what := "all of " + project
	if f.Environment != "" {
		what = f.Environment
	}
	return fmt.Sprintf("%s: frozen%s by %s: %s", what, untilWords(f), f.Actor, oneLine(f.Reason))
}

func untilWords(f wire.Freeze) string {
	if f.Until == nil {
		return ""
	}
	return " until " + when(f.Until)
}

// endAt reads the end of a time that begins now: how long it lasts, or when it ends in local time.
func endAt(text string, now time.Time) (time.Time, error) {
	wrong := fault.New(fault.Usage, "usage", "--until %.40q is no time that is to come", text).
		Hint("write how long (90m, 2h, 3d) or when (17:30, 2026-12-01, \"2026-12-01 08:00\", or RFC 3339)")
	end := now
	if days, is := strings.CutSuffix(text, "d"); is {
		n, err := strconv.Atoi(days)
		if err != nil {
			return end, wrong
		}
		end = now.AddDate(0, 0, n)
	} else if d, err := time.ParseDuration(text); err == nil {
		end = now.Add(d)
	} else if clock, err := time.ParseInLocation("15:04", text, now.Location()); err == nil {
		end = time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location())
		if !end.After(now) {
			end = end.AddDate(0, 0, 1)
		}
	} else {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
			if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
				end = t
			}
		}
	}
	if !end.After(now) {
		return end, wrong
	}
	return end, nil
}

func newFreezeListCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the freezes of a project that hold",
		Long:  "List shows the freezes of a project that hold, the oldest first.\n\n" + ledgerCodes,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			all, err := c.Freezes(cmd.Context(), project)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, f := range all {
				environment := f.Environment
				if environment == "" {
					environment = "(all)"
				}
				rows = append(rows, []string{f.ID, environment, when(&f.CreatedAt), when(f.Until), f.Actor, oneLine(f.Reason)})
			}
			return env.table(o.json, all, []string{"ID", "ENVIRONMENT", "SINCE", "UNTIL", "BY", "REASON"}, rows)
		},
	}
	o.flags(cmd)
	return cmd
}

func newFreezeLiftCommand(env *environment) *cobra.Command {
	o, all := ofProject{}, false
	cmd := &cobra.Command{
		Use:   "lift ENVIRONMENT|--all|ID",
		Short: "End a freeze",
		Long: `Lift ends the freeze of an environment, or with --all the one of the whole project. Where there are
several, it takes the id of one: each has its own reason.

` + ledgerCodes,
		Example: "  gio freeze lift production",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return fault.New(fault.Usage, "usage", "gio freeze lift takes an environment, --all, or the id of a freeze").Hint("gio freeze list shows those that hold")
			}
			return runFreezeLift(cmd.Context(), env, strings.Join(args, ""), o)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "the freeze of the whole project")
	return cmd
}

// runFreezeLift lifts the freeze of an environment, "" for the one of the project, or that with an id.
func runFreezeLift(ctx context.Context, env *environment, name string, o ofProject) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	holding, err := c.Freezes(ctx, project)
	if err != nil {
		return err
	}
	var meant []wire.Freeze
	for _, f := range holding {
		if f.Environment == name || deploymentID.MatchString(name) && strings.HasPrefix(f.ID, name) {
			meant = append(meant, f)
		}
	}
	switch {
	case len(meant) == 0:
		f := fault.New(fault.NotFound, "no-freeze", "no freeze of %s holds", orProject(name, project))
		for _, other := range holding {
			f = f.Hint("%s (%s)", freezeLine(other, project), other.ID)
		}
		return f
	case len(meant) > 1:
		f := fault.New(fault.Invalid, "several-freezes", "several freezes of %s hold", orProject(name, project))
		for _, other := range meant {
			f = f.Hint("gio freeze lift %s: %s", other.ID, freezeLine(other, project))
		}
		return f
	}
	if err := c.Unfreeze(ctx, project, meant[0].ID); err != nil {
		return perhaps(err, "gio freeze list")
	}
	if o.json {
		return env.writeJSON(meant[0])
	}
	_, err = fmt.Fprintf(env.Stdout, "lifted: %s\n", freezeLine(meant[0], project))
	return err
}

func orProject(environment, project string) string {
	if environment == "" {
		return "all of " + project
	}
	return environment
}
