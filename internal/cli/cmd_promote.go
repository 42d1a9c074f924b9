package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newPromoteCommand(env *environment) *cobra.Command {
	o, n, force := ofProject{}, wire.NewPromotion{}, forcing{}
	cmd := &cobra.Command{
		Use:   "promote BUNDLE VERSION ENVIRONMENT",
		Short: "Carry a bundle to the repositories of an environment",
		Long: `Promote puts what is in a bundle into the repositories of an environment, each item into the one of
its type, through the environment's gate. Where another content is at the place of one of them,
nothing is promoted. What lives in another registry or Artifactory is carried by the server; promote
waits for it. With --move the contents leave the environment that they come from; the first
promotion copies. In a frozen environment it is refused: --force passes that, and nothing else.
gio deploy promotes the bundle of a candidate by itself.

` + ledgerCodes,
		Example: `  gio promote apim 3.9.4 qa
  gio promote apim 3.9.4 production --move
  gio promote apim 3.9.4 production --include libs-production`,
		Args: exactly("BUNDLE", "VERSION", "ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if n.Force, err = force.forced(cmd); err != nil {
				return err
			}
			n.Environment = args[2]
			return runPromote(cmd.Context(), env, args[0], args[1], n, o)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&n.Move, "move", false, "take the contents away from where they come from")
	cmd.Flags().StringSliceVar(&n.Include, "include", nil, "only into these repositories of the environment")
	cmd.Flags().StringSliceVar(&n.Exclude, "exclude", nil, "into none of these repositories")
	force.flags(cmd)
	return cmd
}

func runPromote(ctx context.Context, env *environment, bundle, version string, n wire.NewPromotion, o ofProject) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	show := fmt.Sprintf("gio bundle show %s %s", quoted(bundle), quoted(version))
	p, err := c.Promote(ctx, project, bundle, version, n)
	if err != nil {
		return perhaps(err, show)
	}
	if p, err = endOfPromotion(ctx, c, project, bundle, version, p); err != nil {
		return perhaps(err, show)
	}
	name := bundle + " " + version
	if o.json {
		env.printed = true
		err = env.writeJSON(p)
	} else if p.Status != "failed" {
		_, err = fmt.Fprintln(env.Stdout, promoted(name, p))
	}
	if err != nil {
		return err
	}
	switch p.Status {
	case "failed":
		f := fault.New(fault.Invalid, "promotion-failed", "%s was not promoted to %s: nothing of it is there", name, p.Environment)
		for _, message := range p.Messages {
			f = f.Hint("%s", oneLine(message))
		}
		return f
	}
	return nil
}

// looksAtPromotion is how often somebody looks who waits for the end of a promotion.
const looksAtPromotion = time.Second

// endOfPromotion waits until a promotion has ended: what lives elsewhere is carried by the server.
func endOfPromotion(ctx context.Context, c *client.Client, project, bundle, version string, p wire.Promotion) (wire.Promotion, error) {
	for p.Status == "processing" {
		select {
		case <-ctx.Done():
			return p, context.Cause(ctx)
		case <-time.After(looksAtPromotion):
		}
		list, err := c.Promotions(ctx, project, bundle, version)
		if err != nil {
			return p, err
		}
		i := slices.IndexFunc(list.Promotions, func(other wire.Promotion) bool { return other.ID == p.ID })
		if i < 0 {
			return p, fault.New(fault.NotFound, "no-promotion", "the promotion to %s is not there any more", p.Environment)
		}
		p = list.Promotions[i]
	}
	return p, nil
}

// promoted is a promotion in one line.
func promoted(name string, p wire.Promotion) string {
	did, came := map[string]string{"copy": "copied", "move": "moved"}[p.Operation], ""
	if p.From != "" {
		came = " from " + p.From
	}
	line := fmt.Sprintf("%s in %s: %s, %s%s into %s", name, p.Environment, p.Status, did, came, strings.Join(p.Repositories, ", "))
	if len(p.Messages) > 0 {
		line += "; " + oneLine(strings.Join(p.Messages, "; "))
	}
	return line
}
