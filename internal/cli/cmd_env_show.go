package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newEnvShowCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "show ENVIRONMENT",
		Short: "Show all about one environment",
		Long: `Show tells what runs in an environment, what is under way, what keeps it, how it is deployed, and
its newest deployments.

` + ledgerCodes,
		Args: exactly("an ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			seen, err := c.Environment(cmd.Context(), project, args[0])
			if err != nil {
				return err
			}
			if o.json {
				return env.writeJSON(seen)
			}
			return env.printOverview(seen, project)
		},
	}
	o.flags(cmd)
	return cmd
}

func (env *environment) printOverview(o wire.Overview, project string) error {
	e := o.Environment
	all := []fact{}
	if e.GitOps == nil || o.Current != nil {
		all = append(all, fact{"runs", runs(o.Current)})
	}
	for _, a := range o.Apps {
		app := fmt.Sprintf("%s: %s", a.Name, runs(a.Current))
		if a.Held {
			app += fmt.Sprintf("; no policy deploys it since it was rolled back (gio env resume %s)", e.Name)
		}
		all = append(all, fact{"app", app})
	}
	for _, d := range o.Active {
		all = append(all, fact{"under way", fmt.Sprintf("%s %s (%s)", deployedIn(d), said(d.Status, d.Message), d.ID)})
	}
	for _, f := range o.Freezes {
		all = append(all, fact{"frozen", strings.TrimPrefix(fmt.Sprintf("%s by %s: %s (%s)", untilWords(f), f.Actor, f.Reason, f.ID), " ")})
	}
	if h := o.Hold; h != nil {
		all = append(all, fact{"held", fmt.Sprintf("since the rollback to %s, %s by %s: no policy deploys there (gio env resume %s)", h.Candidate, when(&h.StartedAt), h.Actor, e.Name)})
	}
	all = append(all, fact{"deployed", deployedBy(e)}, fact{"requires", requirements(e.Requires)})
	if err := env.facts(fmt.Sprintf("%s of %s (%s)", e.Name, project, e.Tier), all); err != nil {
		return err
	}
	if len(o.Recent) == 0 {
		return nil
	}
	header, rows := env.deploymentRows(o.Recent)
	fmt.Fprintln(env.Stdout)
	return report.Table(env.Stdout, header, rows, env.outColumns())
}

func runs(current *wire.Deployment) string {
	if current == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s since %s, by %s", deployedIn(*current), sinceWhen(current.StartedAt), current.Actor)
}

func deployedBy(e wire.Environment) string {
	t := e.Deploy
	switch {
	case e.GitOps != nil:
		return fmt.Sprintf("by commits to %s, branch %s, connection %s; confirmed by %s", e.GitOps.Repository, e.GitOps.Branch, e.GitOps.Connection, e.GitOps.Confirm)
	case t == nil:
		return "by others, who report it"
	case t.Project == "":
		return "by a request to the webhook " + t.Connection
	}
	return fmt.Sprintf("by %s on CircleCI, branch %s, connection %s", t.Project, t.Branch, t.Connection)
}

func requirements(r *wire.Requirements) string {
	if r == nil {
		return ""
	}
	var all []string
	if r.Previous != "" {
		all = append(all, r.Previous+" runs it")
	}
	if r.Signed {
		all = append(all, "a signed bundle")
	}
	if r.Approvals == 1 {
		all = append(all, "1 approval")
	} else if r.Approvals > 1 {
		all = append(all, fmt.Sprintf("%d approvals", r.Approvals))
	}
	return strings.Join(all, ", ")
}

func newEnvResumeCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "resume ENVIRONMENT",
		Short: "Let policies deploy again after a rollback",
		Long: `Resume ends what a rollback leaves: until then no policy deploys in the environment. A deployment by
name ends it, too.

` + ledgerCodes,
		Args: exactly("an ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			seen, err := c.Resume(cmd.Context(), project, args[0])
			if err != nil {
				return err
			}
			if o.json {
				return env.writeJSON(seen)
			}
			_, err = fmt.Fprintf(env.Stdout, "%s: no rollback holds it\n", args[0])
			return err
		},
	}
	o.flags(cmd)
	return cmd
}

// comparison is what runs in one environment and not in another.
type comparison struct {
	Environments []wire.Running `json:"environments"`
	Same         bool           `json:"same"`
	// Candidates are those made from the older of the two to the newer, the newest first.
	Candidates []wire.Candidate `json:"candidates"`
	// Components are those whose versions differ, where they are known of both.
	Components []differentComponent `json:"components,omitempty"`
}

// differentComponent is a component in the candidates that two environments run; "" where it is in one of them only.
type differentComponent struct {
	Name     string    `json:"name"`
	Versions [2]string `json:"versions"`
}

// runsIn is which candidate an environment runs; "" for none.
func (c comparison) runsIn(i int) string {
	if d := c.Environments[i].Current; d != nil {
		return d.Candidate
	}
	return ""
}

func newEnvDiffCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "diff ENVIRONMENT ENVIRONMENT",
		Short: "Show what runs in one environment and not in another",
		Long: `Diff shows what runs in two environments, since when, the components whose versions differ where gio
has released both, and the candidates made from the older one to the newer, both included.

` + ledgerCodes,
		Example: "  gio env diff staging production",
		Args:    exactly("an ENVIRONMENT", "another ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			d, err := compare(cmd.Context(), c, project, args)
			if err != nil {
				return err
			}
			if o.json {
				return env.writeJSON(d)
			}
			return env.printComparison(d)
		},
	}
	o.flags(cmd)
	return cmd
}

// farBack is in how many candidates gio looks for the two that run.
const farBack = 500

func compare(ctx context.Context, c *client.Client, project string, names []string) (comparison, error) {
	d := comparison{Candidates: []wire.Candidate{}}
	var err error
	for _, name := range names {
		var o wire.Overview
		if o, err = c.Environment(ctx, project, name); err != nil {
			return d, err
		}
		d.Environments = append(d.Environments, o.Running)
	}
	a, b := d.runsIn(0), d.runsIn(1)
	d.Same = a == b
	if d.Same || a == "" || b == "" {
		return d, nil
	}
	if d.Candidates, err = between(ctx, c, project, a, b); err == nil {
		d.Components, err = differentComponents(ctx, c, project, a, b)
	}
	return d, err
}

// differentComponents compares what two candidates are made of.
func differentComponents(ctx context.Context, c *client.Client, project, a, b string) (all []differentComponent, err error) {
	one, err := c.Candidate(ctx, project, a)
	if err != nil {
		return nil, err
	}
	other, err := c.Candidate(ctx, project, b)
	if err != nil || len(one.Components) == 0 || len(other.Components) == 0 {
		return nil, err
	}
	both := maps.Clone(one.Components)
	maps.Copy(both, other.Components)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if v := [2]string{one.Components[name], other.Components[name]}; v[0] != v[1] {
			all = append(all, differentComponent{name, v})
		}
	}
	return all, nil
}

// between lists the candidates from the newer of two to the older, both included; it is empty where they are too far back.
func between(ctx context.Context, c *client.Client, project, a, b string) ([]wire.Candidate, error) {
	all, _, err := listed(farBack, func(after string, n int) ([]wire.Candidate, string, error) {
		page, err := c.Candidates(ctx, project, after, n)
		return page.Candidates, page.Next, err
	})
	at := func(name string) int {
		return slices.IndexFunc(all, func(c wire.Candidate) bool { return c.Candidate == name })
	}
	from, to := min(at(a), at(b)), max(at(a), at(b))
	if err != nil || from < 0 {
		return []wire.Candidate{}, err
	}
	return all[from : to+1], nil
}

func (env *environment) printComponents(d comparison, a, b string) error {
	if len(d.Components) == 0 {
		return nil
	}
	var rows [][]string
	for _, c := range d.Components {
		rows = append(rows, []string{c.Name, c.Versions[0], c.Versions[1]})
	}
	return report.Table(env.Stdout, []string{"COMPONENT", a, b}, rows, env.outColumns())
}

func (env *environment) printComparison(d comparison) error {
	a, b := d.Environments[0].Environment.Name, d.Environments[1].Environment.Name
	if d.Same && d.runsIn(0) != "" {
		_, err := fmt.Fprintf(env.Stdout, "%s and %s both run %s\n", a, b, d.runsIn(0))
		return err
	}
	for _, r := range d.Environments {
		if _, err := fmt.Fprintf(env.Stdout, "%s runs %s\n", r.Environment.Name, runs(r.Current)); err != nil {
			return err
		}
	}
	if err := env.printComponents(d, a, b); err != nil || len(d.Candidates) == 0 {
		return err
	}
	var rows [][]string
	for _, c := range d.Candidates {
		in := ""
		for i, r := range d.Environments {
			if d.runsIn(i) == c.Candidate {
				in = r.Environment.Name
			}
		}
		rows = append(rows, []string{c.Candidate, in, said(c.State, c.Message), shortCommit(c.Commit), sinceWhen(c.CreatedAt)})
	}
	newest, oldest := d.Candidates[0], d.Candidates[len(d.Candidates)-1]
	err := report.Table(env.Stdout, []string{"CANDIDATE", "RUNS IN", "STATE", "COMMIT", "MADE"}, rows, env.outColumns())
	fmt.Fprintf(env.Stderr, "  -> git log %s..%s\n", shortCommit(oldest.Commit), shortCommit(newest.Commit))
	return err
}
