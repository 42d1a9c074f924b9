package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newDeploymentCommand(env *environment) *cobra.Command {
	return ledgerGroup("deployment", "Look at deployments, approve, cancel and resolve them",
		`A deployment makes an environment run a candidate. Its id may be shortened to its first characters,
8 at least, while no other begins with them. gio deploy and gio rollback make one.`,
		newDeploymentListCommand(env), newDeploymentShowCommand(env), newDeploymentWatchCommand(env),
		newDeploymentApproveCommand(env), newDeploymentEndCommand(env, "reject"), newDeploymentEndCommand(env, "cancel"), newDeploymentResolveCommand(env))
}

func newDeploymentListCommand(env *environment) *cobra.Command {
	o, limit := ofProject{}, 20
	cmd := &cobra.Command{
		Use:   "list ENVIRONMENT",
		Short: "List the deployments of an environment, the newest first",
		Long: `List shows the deployments of an environment, the newest first: what was there before, how it went
and who asked for it. On a terminal the ids are shortened.

` + ledgerCodes,
		Args: exactly("an ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDeploymentList(cmd.Context(), env, args[0], o, limit)
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "list at most this many")
	return cmd
}

func runDeploymentList(ctx context.Context, env *environment, environment string, o ofProject, limit int) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	all, more, err := listed(limit, func(after string, n int) ([]wire.Deployment, string, error) {
		page, err := c.Deployments(ctx, project, environment, after, n)
		return page.Deployments, page.Next, err
	})
	if err != nil {
		return err
	}
	if more {
		defer fmt.Fprintf(env.Stderr, "there are more: --limit %d\n", limit*5)
	}
	header, rows := env.deploymentRows(all)
	return env.table(o.json, all, header, rows)
}

// deploymentRows are deployments as rows of a table.
func (env *environment) deploymentRows(all []wire.Deployment) (header []string, rows [][]string) {
	for _, d := range all {
		took := ""
		if d.EndedAt != nil {
			took = age(d.StartedAt, *d.EndedAt)
		}
		rows = append(rows, []string{env.id(d, all), deployedIn(d), d.From, d.Status, when(&d.StartedAt), took, d.Actor, remarks(d), oneLine(d.Link)})
	}
	return []string{"ID", "CANDIDATE", "FROM", "STATUS", "ASKED", "TOOK", "BY", "WHY", "LINK"}, rows
}

// remarks are what a table says of a deployment in words.
func remarks(d wire.Deployment) string {
	var all []string
	if isRollback(d) {
		all = append(all, "rollback")
	}
	if d.Forced != "" {
		all = append(all, "forced: "+oneLine(d.Forced))
	}
	if d.Message != "" {
		all = append(all, oneLine(d.Message))
	}
	return strings.Join(all, "; ")
}

func isRollback(d wire.Deployment) bool {
	return d.Restores != "" || d.App != nil && d.App.Action == "rollback"
}

func newDeploymentShowCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "show ID|ENVIRONMENT",
		Short: "Show a deployment, who approved it, and what it waits for",
		Long:  "Show tells all about a deployment, or about the newest of an environment.\n\n" + ledgerCodes,
		Args:  exactly("an ID or ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, g, err := env.deploymentNamed(cmd.Context(), o, args[0], true)
			if err != nil {
				return err
			}
			if o.json {
				return env.printDeployment(g, true)
			}
			if err := env.facts(fmt.Sprintf("%s in %s of %s: %s", deployedIn(g.Deployment), g.Environment, g.Project, said(g.Status, why(g))), deploymentFacts(g)); err != nil {
				return err
			}
			env.nextSteps(g)
			return nil
		},
	}
	o.flags(cmd)
	return cmd
}

func deploymentFacts(g wire.Gate) []fact {
	commit := g.Commit
	if g.Author != "" {
		commit += " by " + g.Author
	}
	all := []fact{
		{"id", g.ID},
		{"commit", commit},
		{"before", g.From},
		{"restores", g.Restores},
		{"asked", fmt.Sprintf("%s by %s", sinceWhen(g.StartedAt), g.Actor)},
		{"ended", when(g.EndedAt)},
		{"effect", g.Effect},
		{"link", g.Link},
		{"forced", g.Forced},
	}
	if a := g.App; a != nil && a.Commit != nil {
		all = append(all, fact{"committed", fmt.Sprintf("%s %s: %s", a.Commit.Hash, when(&a.Commit.At), said(a.Commit.Status, a.Commit.Message))})
	}
	if g.Status == "pending" {
		all = append(all, fact{"frozen", g.Freeze})
		if !isRollback(g.Deployment) && g.Requires.Previous != "" {
			runs := "nothing"
			if g.Previous != "" {
				runs = g.Previous
			}
			all = append(all, fact{"requires", fmt.Sprintf("%s runs it (it runs %s)", g.Requires.Previous, runs)})
		}
		if !isRollback(g.Deployment) && g.Bundle != "" {
			all = append(all, fact{"bundle", g.Bundle + aside(g.Unpromoted)})
		}
		if !isRollback(g.Deployment) && g.Requires.Signed {
			all = append(all, fact{"requires", "a signed bundle"})
		}
		if !isRollback(g.Deployment) && g.Requires.Approvals > 0 {
			all = append(all, fact{"requires", fmt.Sprintf("approvals: %d of %d", len(g.Approvals), g.Requires.Approvals)})
		}
	}
	for _, yes := range g.Approvals {
		all = append(all, fact{"approved", fmt.Sprintf("%s by %s", when(&yes.At), yes.By)})
	}
	return all
}

// aside is a remark on something, "" for none.
func aside(remark string) string {
	if remark == "" {
		return ""
	}
	return ": " + remark
}

func newDeploymentWatchCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "watch ID|ENVIRONMENT",
		Short: "Follow a deployment to its end",
		Long: `Watch tells each change of a deployment, or of the newest of an environment, and ends when it does.
Ctrl-C leaves: the deployment goes on.

` + waitCodes,
		Args: exactly("an ID or ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, g, err := env.deploymentNamed(cmd.Context(), o, args[0], true)
			if err != nil {
				return err
			}
			return env.asked(cmd.Context(), c, g.ID, true, o.json)
		},
	}
	o.flags(cmd)
	return cmd
}

// changing runs a change of one deployment, and shows what became of it.
func (env *environment) changing(ctx context.Context, name string, asJSON bool, change func(c *client.Client, id string) (wire.Gate, error)) error {
	c, g, err := env.deploymentNamed(ctx, ofProject{}, name, false)
	if err != nil {
		return err
	}
	if g, err = change(c, g.ID); err != nil {
		return perhaps(err, "gio deployment show "+name)
	}
	if err := env.printDeployment(g, asJSON); err != nil {
		return err
	}
	env.nextSteps(g)
	return nil
}

func newDeploymentApproveCommand(env *environment) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "approve ID",
		Short: "Say yes to a deployment that waits for approvals",
		Long: `Approve is one person's yes to one deployment. A person approves, not a service, and neither who
asked for it nor who wrote its commit. (gio approve is for jobs on CircleCI.)

` + ledgerCodes,
		Args: exactly("an ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.changing(cmd.Context(), args[0], asJSON, func(c *client.Client, id string) (wire.Gate, error) {
				return c.Approve(cmd.Context(), id)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the deployment as JSON")
	return cmd
}

// newDeploymentEndCommand makes the commands that end a deployment: reject and cancel.
func newDeploymentEndCommand(env *environment, what string) *cobra.Command {
	reason, asJSON := "", false
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Cancel a deployment, or ask what runs to stop",
		Long: `Cancel ends a deployment that waits. One that runs is asked to stop; its end tells whether it did.
(gio cancel is for the pipelines of a release.)

` + ledgerCodes,
		Args: exactly("an ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.changing(cmd.Context(), args[0], asJSON, func(c *client.Client, id string) (wire.Gate, error) {
				if what == "reject" {
					return c.Reject(cmd.Context(), id, reason)
				}
				return c.Cancel(cmd.Context(), id, reason)
			})
		},
	}
	if what == "reject" {
		cmd.Use, cmd.Short = "reject ID", "Say no to a deployment that waits"
		cmd.Long = "Reject cancels a deployment that waits. It is for those who may approve.\n\n" + ledgerCodes
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the deployment as JSON")
	return cmd
}

func newDeploymentResolveCommand(env *environment) *cobra.Command {
	r, answers, asJSON := wire.Resolution{}, map[string]*bool{}, false
	cmd := &cobra.Command{
		Use:   "resolve ID (--pipeline N|--succeeded|--failed|--not-started) --reason WHY",
		Short: "Say what became of a deployment of which nobody knows it",
		Long: `When the answer of CircleCI was lost, and no pipeline or more than one can be the one that it
started, a deployment is unknown, and nothing else begins in its environment. Look there, then
answer.

` + ledgerCodes,
		Example: `  gio deployment resolve 01938f2a-7c31 --pipeline 421 --reason "started 10:04, same commit"`,
		Args:    exactly("an ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for outcome, said := range answers {
				if *said {
					r.Outcome = outcome
				}
			}
			switch {
			case r.Outcome == "" && r.Pipeline < 1:
				return fault.New(fault.Usage, "usage", "your answer is needed: --pipeline N, --succeeded, --failed or --not-started")
			case oneLine(r.Reason) == "":
				return fault.New(fault.Usage, "usage", "--reason is needed: how do you know it?")
			}
			return env.changing(cmd.Context(), args[0], asJSON, func(c *client.Client, id string) (wire.Gate, error) {
				return c.Resolve(cmd.Context(), id, r)
			})
		},
	}
	cmd.Flags().Int64Var(&r.Pipeline, "pipeline", 0, "this pipeline is the one: it is watched like any other")
	answers["succeeded"] = cmd.Flags().Bool("succeeded", false, "the environment runs the candidate")
	answers["failed"] = cmd.Flags().Bool("failed", false, "it was started, and failed")
	answers["not_started"] = cmd.Flags().Bool("not-started", false, "nothing was started")
	cmd.Flags().StringVar(&r.Reason, "reason", "", "how you know it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the deployment as JSON")
	cmd.MarkFlagsMutuallyExclusive("pipeline", "succeeded", "failed", "not-started")
	return cmd
}
