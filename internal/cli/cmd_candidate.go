package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newCandidateCommand(env *environment) *cobra.Command {
	return ledgerGroup("candidate", "Make and list what can be deployed",
		`A candidate, VERSION-rcN, is one try at a release: one commit, which never changes. It is building,
ready, failed or blocked; only what is ready is deployed.`,
		newCandidateCreateCommand(env), newCandidateListCommand(env), newCandidateShowCommand(env), newCandidateBlockCommand(env))
}

func newCandidateCreateCommand(env *environment) *cobra.Command {
	o, n := ofProject{}, wire.NewCandidate{}
	cmd := &cobra.Command{
		Use:   "create CANDIDATE --commit HASH",
		Short: "Make a candidate of a commit",
		Long: `Create makes a candidate. The same candidate with the same commit again changes nothing; with
another commit it is refused. With --build the project's build on CircleCI decides whether it is
ready, otherwise it is at once.

` + ledgerCodes,
		Example: "  gio candidate create 3.9.4-rc1 --commit $(git rev-parse HEAD) --author ann@example.org",
		Args:    exactly("a CANDIDATE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n.Version = args[0]; n.Commit == "" {
				return fault.New(fault.Usage, "usage", "which commit?").Hint("gio candidate create %s --commit $(git rev-parse HEAD)", quoted(n.Version))
			}
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			made, err := c.CreateCandidate(cmd.Context(), project, n)
			if err != nil {
				return err
			}
			return env.printCandidate(made, o.json)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&n.Commit, "commit", "", "all digits of the commit's `hash`")
	cmd.Flags().StringVar(&n.Author, "author", "", "`address` of the commit's author, who may not approve it")
	cmd.Flags().StringVar(&n.Repository, "repository", "", "refuse unless this is the project's, `org/name`")
	cmd.Flags().BoolVar(&n.Build, "build", false, "build it first")
	return cmd
}

func (env *environment) printCandidate(c wire.Candidate, asJSON bool) error {
	if asJSON {
		return env.writeJSON(c)
	}
	_, err := fmt.Fprintf(env.Stdout, "%s of commit %s: %s\n", c.Candidate, shortCommit(c.Commit), said(c.State, c.Message))
	return err
}

func newCandidateListCommand(env *environment) *cobra.Command {
	o, limit := ofProject{}, 20
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the candidates of a project, the newest first",
		Long:  "List shows the candidates of a project with their commits, the newest first.\n\n" + ledgerCodes,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runCandidateList(cmd.Context(), env, o, limit)
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "list at most this many")
	return cmd
}

func runCandidateList(ctx context.Context, env *environment, o ofProject, limit int) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	all, more, err := listed(limit, func(after string, n int) ([]wire.Candidate, string, error) {
		page, err := c.Candidates(ctx, project, after, n)
		return page.Candidates, page.Next, err
	})
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, one := range all {
		rows = append(rows, []string{one.Candidate, said(one.State, one.Message), shortCommit(one.Commit), when(&one.CreatedAt), one.CreatedBy, one.Author})
	}
	if more {
		defer fmt.Fprintf(env.Stderr, "there are more: --limit %d\n", limit*5)
	}
	return env.table(o.json, all, []string{"CANDIDATE", "STATE", "COMMIT", "MADE", "BY", "AUTHOR"}, rows)
}

func newCandidateShowCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "show CANDIDATE",
		Short: "Show a candidate, and what it is made of",
		Long: `Show prints a candidate with its commit and, of one that gio has released, the versions of its
components.

` + ledgerCodes,
		Example: "  gio candidate show 3.9.4-rc1",
		Args:    exactly("a CANDIDATE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			found, err := c.Candidate(cmd.Context(), project, args[0])
			if err != nil {
				return err
			}
			return env.showCandidate(found, o.json)
		},
	}
	o.flags(cmd)
	return cmd
}

func (env *environment) showCandidate(c wire.Candidate, asJSON bool) error {
	if asJSON {
		return env.writeJSON(c)
	}
	err := env.facts(c.Candidate, []fact{
		{"state", said(c.State, c.Message)}, {"commit", c.Commit}, {"author", c.Author}, {"made", when(&c.CreatedAt) + " by " + c.CreatedBy},
	})
	if err != nil || len(c.Components) == 0 {
		return err
	}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(c.Components)) {
		rows = append(rows, []string{name, c.Components[name]})
	}
	return report.Table(env.Stdout, []string{"COMPONENT", "VERSION"}, rows, env.outColumns())
}

// listed reads a list page by page until it has as many as wanted, and tells whether there are more.
func listed[T any](limit int, read func(after string, n int) ([]T, string, error)) (all []T, more bool, err error) {
	if limit < 1 {
		return nil, false, fault.New(fault.Usage, "usage", "--limit must be 1 or more")
	}
	all = []T{}
	for after := ""; len(all) < limit; {
		page, next, err := read(after, min(limit-len(all), 100))
		if err != nil {
			return nil, false, err
		}
		all = append(all, page...)
		if after = next; after == "" {
			return all, false, nil
		}
	}
	return all, true, nil
}

func newCandidateBlockCommand(env *environment) *cobra.Command {
	o, reason := ofProject{}, ""
	cmd := &cobra.Command{
		Use:   "block CANDIDATE --reason REASON",
		Short: "Keep a candidate from being deployed, for good",
		Long: `Block keeps a candidate from being deployed: nothing of it begins any more, neither what waits nor a
rollback to it. What runs goes on. A blocked candidate stays blocked.

` + ledgerCodes,
		Example: `  gio candidate block 3.9.4-rc1 --reason "loses messages"`,
		Args:    exactly("a CANDIDATE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if oneLine(reason) == "" {
				return fault.New(fault.Usage, "usage", "--reason is needed: the next one asks why it is blocked")
			}
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			blocked, err := c.Block(cmd.Context(), project, args[0], reason)
			if err != nil {
				return err
			}
			return env.printCandidate(blocked, o.json)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
