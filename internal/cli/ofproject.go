package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

// ofProject are the flags of the commands about one project of gio-server.
type ofProject struct {
	project string
	json    bool
}

func (o *ofProject) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.project, "project", "", "the project (default: GIO_PROJECT, the only one, the server's default)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON instead")
}

// inProject makes a client, and finds the project of a command.
func (env *environment) inProject(ctx context.Context, o ofProject) (*client.Client, string, error) {
	c, err := env.server()
	if err != nil {
		return nil, "", err
	}
	project, err := env.project(ctx, c, o.project)
	return c, project, err
}

// exactly returns a fault unless a command gets these arguments.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return fault.New(fault.Usage, "usage", "%s takes %s, but got %d", cmd.CommandPath(), strings.Join(names, " and "), len(args)).
				Hint("`%s --help` shows how it is used", cmd.CommandPath())
		}
		return nil
	}
}

// perhaps says of a request that got no answer that it may have arrived, and how to see it.
func perhaps(err error, look string) error {
	f, is := errors.AsType[*fault.Fault](err)
	if dial, no := errors.AsType[*net.OpError](err); !is || f.Code != "server-unreachable" || no && dial.Op == "dial" {
		return err
	}
	return f.Hint("the request may have arrived: look with %s", look)
}

var (
	candidateName = regexp.MustCompile(`-rc[0-9]+$`)
	deploymentID  = regexp.MustCompile(`^[0-9a-f]{8}[0-9a-f-]{0,28}$`)
)

// deploymentNamed finds a deployment by the beginning of its id or, where that is allowed, the newest of an environment.
func (env *environment) deploymentNamed(ctx context.Context, o ofProject, name string, orEnvironment bool) (*client.Client, wire.Gate, error) {
	if deploymentID.MatchString(name) {
		c, err := env.server()
		if err != nil {
			return nil, wire.Gate{}, err
		}
		g, err := c.Deployment(ctx, name)
		return c, g, err
	}
	if !orEnvironment {
		return nil, wire.Gate{}, fault.New(fault.Usage, "usage", "%.80q is no id of a deployment: at least its first 8 characters are needed", name).
			Hint("gio deployment list ENVIRONMENT shows the ids")
	}
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return nil, wire.Gate{}, err
	}
	page, err := c.Deployments(ctx, project, name, "", 1)
	if err != nil {
		return nil, wire.Gate{}, err
	}
	if len(page.Deployments) == 0 {
		return nil, wire.Gate{}, fault.New(fault.NotFound, "no-deployment", "nothing was ever deployed in %s of %s", name, project)
	}
	g, err := c.Deployment(ctx, page.Deployments[0].ID)
	return c, g, err
}

// id is a deployment's id as a table shows it: on a terminal its first 13 characters, which name the millisecond of its making, if
// no other one of the list begins with them.
func (env *environment) id(d wire.Deployment, among []wire.Deployment) string {
	const enough = 13
	if env.outColumns() == 0 || len(d.ID) < enough {
		return d.ID
	}
	for _, other := range among {
		if other.ID != d.ID && strings.HasPrefix(other.ID, d.ID[:enough]) {
			return d.ID
		}
	}
	return d.ID[:enough]
}

// oneLine is a text from elsewhere as a part of a line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// said is a status with what is said about it.
func said(status, message string) string {
	if message == "" {
		return status
	}
	if strings.HasPrefix(message, status) { // "canceled by ann"
		return oneLine(message)
	}
	return status + ", " + oneLine(message)
}

// age is how long something is ago, in its largest unit.
func age(since, now time.Time) string {
	d := max(now.Sub(since), 0)
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d d", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

// sinceWhen is a time and how long ago that is.
func sinceWhen(t time.Time) string { return fmt.Sprintf("%s (%s)", when(&t), age(t, time.Now())) }

func shortCommit(hash string) string { return hash[:min(len(hash), 10)] }

// fact is a line of what a command shows about one thing.
type fact struct{ name, value string }

// facts prints lines, those without a value not.
func (env *environment) facts(title string, all []fact) error {
	text := title + "\n"
	for _, f := range all {
		if f.value != "" {
			text += strings.TrimRight(fmt.Sprintf("  %-10s %s", f.name, oneLine(f.value)), " ") + "\n"
		}
	}
	_, err := fmt.Fprint(env.Stdout, text)
	return err
}

// why is what a deployment waits for, or why it failed.
func why(g wire.Gate) string {
	reported := ""
	if g.Status == "pending" && g.Effect == "" && g.Closed == "" {
		reported = "others deploy it, and report"
	}
	return cmp.Or(g.Closed, g.Message, reported)
}
