package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newShipmentCommand(env *environment) *cobra.Command {
	return ledgerGroup("shipment", "Look at what CI has shipped, and deploy it",
		`A shipment is CI's note that a commit can be deployed: app files, which say how an app runs in an
environment, and variables for them. Gimlet's clients ship. What an app file says of it is deployed
by itself; gio shipment deploy deploys the rest.`,
		newShipmentListCommand(env), newShipmentShowCommand(env), newShipmentDeployCommand(env), newBranchDeletedCommand(env))
}

func newShipmentListCommand(env *environment) *cobra.Command {
	o, limit, repository, branch := ofProject{}, 20, "", ""
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the shipments of a project, the newest first",
		Long:  "List shows the shipments of a project with their commits and apps, the newest first.\n\n" + ledgerCodes,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runShipmentList(cmd.Context(), env, o, repository, branch, limit)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&repository, "repository", "", "only those of this `repo`, as in acme/shop")
	cmd.Flags().StringVar(&branch, "branch", "", "only those of this `branch`")
	cmd.Flags().IntVar(&limit, "limit", limit, "list at most this many")
	return cmd
}

func runShipmentList(ctx context.Context, env *environment, o ofProject, repository, branch string, limit int) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	all, more, err := listed(limit, func(after string, n int) ([]wire.Shipment, string, error) {
		page, err := c.Shipments(ctx, project, repository, branch, after, n)
		return page.Shipments, page.Next, err
	})
	if err != nil {
		return err
	}
	if more {
		defer fmt.Fprintf(env.Stderr, "there are more: --limit %d\n", limit*5)
	}
	rows := [][]string{}
	for _, s := range all {
		r := s.Revision
		rows = append(rows, []string{s.ID, shortCommit(r.SHA), cmp.Or(r.Tag, r.Branch), r.Event, shippedApps(s), when(&s.CreatedAt), s.CreatedBy})
	}
	return env.table(o.json, all, []string{"SHIPMENT", "COMMIT", "BRANCH", "EVENT", "APPS", "SHIPPED", "BY"}, rows)
}

// shippedApps are the apps of a shipment, each with its environments.
func shippedApps(s wire.Shipment) string {
	var apps []string
	for _, f := range s.Apps {
		apps = append(apps, f.App+" ("+f.Environment+")")
	}
	return oneLine(strings.Join(apps, ", "))
}

func newShipmentShowCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "show SHIPMENT",
		Short: "Show a shipment, and what was deployed of it by itself",
		Long: `Show prints a shipment with its commit and the variables for its app files, and what its policies
have deployed. Variables that looked secret were not kept; their names are shown.

` + ledgerCodes,
		Example: "  gio shipment show acme/shop-7f0c6a2e-5b2e-4c8d-9b59-0d7b6d5a1c3e",
		Args:    exactly("a SHIPMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			s, err := c.Shipment(cmd.Context(), project, args[0])
			if err != nil {
				return err
			}
			if o.json {
				return env.writeJSON(s)
			}
			return env.printShipment(s)
		},
	}
	o.flags(cmd)
	return cmd
}

func (env *environment) printShipment(s wire.ShownShipment) error {
	r := s.Revision
	commit := r.SHA
	if r.Author != "" {
		commit += " by " + r.Author
	}
	all := []fact{
		{"repository", r.Repository},
		{"commit", commit},
		{"event", r.Event},
		{"branch", r.Branch},
		{"tag", r.Tag},
		{"message", oneLine(r.Message)},
		{"link", oneLine(r.URL)},
		{"shipped", fmt.Sprintf("%s by %s", sinceWhen(s.CreatedAt), s.CreatedBy)},
		{"apps", shippedApps(s.Shipment)},
	}
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		all = append(all, fact{"variable", name + "=" + oneLine(s.Variables[name])})
	}
	if len(s.Dropped) > 0 {
		all = append(all, fact{"not kept", "looked secret: " + strings.Join(s.Dropped, ", ")})
	}
	if err := env.facts(s.ID, all); err != nil {
		return err
	}
	return env.printBatch(s.Policies)
}

// printBatch prints what one request has made, if it has made anything.
func (env *environment) printBatch(b wire.Batch) error {
	var rows [][]string
	for _, d := range b.Deployments {
		rows = append(rows, []string{d.App.Name, d.Environment, d.App.Action, d.Status, remarks(d), env.id(d, b.Deployments)})
	}
	for _, r := range b.Refused {
		rows = append(rows, []string{r.App, r.Environment, "", "refused", oneLine(r.Why), ""})
	}
	if len(rows) == 0 {
		return nil
	}
	return report.Table(env.Stdout, []string{"APP", "ENVIRONMENT", "ACTION", "STATUS", "WHY", "ID"}, rows, env.outColumns())
}

func newShipmentDeployCommand(env *environment) *cobra.Command {
	s, app := starting{}, ""
	cmd := &cobra.Command{
		Use:   "deploy SHIPMENT ENVIRONMENT",
		Short: "Deploy the apps of a shipment in an environment",
		Long: `Deploy asks gio-server to deploy the apps for which a shipment has a file for the environment, or
one of them. Each begins at once where nothing else of the same app is under way and all holds that
the environment requires; otherwise it waits, and says for what. An older one of the same app that
has not begun and that nobody has approved is superseded. A freeze refuses it: --force passes that,
and nothing else.

With --wait it ends when all of them do. Ctrl-C leaves: they go on.

` + waitCodes,
		Example: "  gio shipment deploy acme/shop-7f0c6a2e-5b2e-4c8d-9b59-0d7b6d5a1c3e staging --app shop --wait",
		Args:    exactly("a SHIPMENT", "an ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			force, err := s.forced(cmd)
			if err != nil {
				return err
			}
			return runShipmentDeploy(cmd.Context(), env, wire.DeployShipment{Shipment: args[0], Environment: args[1], App: app, Force: force}, s)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&app, "app", "", "only this `app`")
	return cmd
}

func runShipmentDeploy(ctx context.Context, env *environment, n wire.DeployShipment, s starting) error {
	c, project, err := env.inProject(ctx, s.ofProject)
	if err != nil {
		return err
	}
	b, err := c.DeployShipment(ctx, project, n)
	if err != nil {
		return perhaps(err, "gio deployment list "+quoted(n.Environment))
	}
	if len(b.Deployments) == 0 {
		return fault.New(fault.NotFound, "no-app-file", "%s has no app file for that in %s", n.Shipment, n.Environment).Hint("gio shipment show %s lists those it has", quoted(n.Shipment))
	}
	var ending error
	if s.wait {
		ending = env.followAll(ctx, c, b)
		if b, err = c.Batch(context.WithoutCancel(ctx), project, b.ID); err != nil {
			return errors.Join(ending, err)
		}
	}
	if s.json {
		env.printed = true
		err = env.writeJSON(b)
	} else {
		err = env.printBatch(b)
	}
	return errors.Join(err, ending)
}

// followAll follows what one request has made to its end, one after the other. Its fault is that of the first that did not end well.
func (env *environment) followAll(ctx context.Context, c *client.Client, b wire.Batch) (first error) {
	for _, d := range b.Deployments {
		g, err := c.Deployment(ctx, d.ID)
		if err == nil {
			_, err = env.follow(ctx, c, g)
		}
		if first == nil {
			first = err
		}
		if fault.CodeOf(err) == "left" {
			break
		}
	}
	return first
}

func newBranchDeletedCommand(env *environment) *cobra.Command {
	o, d := ofProject{}, wire.DeletedBranch{}
	cmd := &cobra.Command{
		Use:   "branch-deleted BRANCH",
		Short: "Tell that a branch is gone, and remove the apps that go with it",
		Long: `Branch-deleted tells gio-server that a branch was deleted: the apps are removed of which the newest
shipment of that branch says so (cleanup: or preview: in their files). A workflow that runs when a
branch is deleted sends it.

` + ledgerCodes,
		Example: `  gio shipment branch-deleted "$GITHUB_EVENT_REF" --repository acme/shop   # on: delete, in GitHub Actions`,
		Args:    exactly("a BRANCH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			d.Branch = args[0]
			b, err := c.BranchDeleted(cmd.Context(), project, d)
			if err != nil {
				return err
			}
			if o.json {
				return env.writeJSON(b)
			}
			if len(b.Deployments)+len(b.Refused) == 0 {
				_, err = fmt.Fprintf(env.Stdout, "%s: no app goes with it\n", d.Branch)
				return err
			}
			return env.printBatch(b)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&d.Repository, "repository", "", "`owner/name`; the project's, where it is left out")
	return cmd
}

// deployedIn names what a deployment deploys: a candidate, or an app with its shipment or commit.
func deployedIn(d wire.Deployment) string {
	if d.App == nil {
		return d.Candidate
	}
	switch a := d.App; {
	case a.Action == "delete":
		return "removal of " + a.Name
	case a.Action == "rollback" && a.Shipment == "":
		return a.Name + " as of " + shortCommit(a.To)
	default:
		return a.Name + " " + a.Shipment
	}
}
