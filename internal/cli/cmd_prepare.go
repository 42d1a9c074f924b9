package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/report"
)

type prepareOptions struct {
	words             prepare.Words
	yes, dryRun, json bool
}

func newPrepareCommand(env *environment) *cobra.Command {
	o := prepareOptions{}
	w := &o.words
	cmd := &cobra.Command{
		Use:   "prepare [COMPONENT[=VERSION]...]",
		Short: "Edit release.json for the next release, from what the repositories say",
		Long: `Prepare edits release.json on the release branch: it shows the diff, asks (where it cannot, it needs
--yes), and pushes one commit. Components that it names may have a null version, or stand twice.

  COMPONENT          opens it at the version in pom.xml or package.json of its next branch
  COMPONENT=VERSION  X.Y.Z-SNAPSHOT opens it; any other must be tagged in its repository (GitHub),
                     and counts as released; "product" takes its own version away
  GROUP              of the present buildDependencies: 3 is the third, 3.1 its first place, 3+ a new
                     one behind it, 0+ a new first one, NAME right behind NAME, none no group

Exit codes: 0 done, or nothing to change, 2 usage, 3 not allowed, 4 remote failed, 5 not found,
6 cancelled, or nobody to ask, 7 refused, 11 driven or changed by somebody else: run again.`,
		Example: `  gio prepare gravitee-common=1.20.1 --since 3.9.4 --version 3.9.5-SNAPSHOT
  gio prepare --add gravitee-policy-new@11 --remove gravitee-policy-old`,
		RunE: func(cmd *cobra.Command, args []string) error {
			w.Components = args
			return runPrepare(cmd.Context(), env, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&w.Unreleased, "unreleased", false, "open what has commits since the tag of its version")
	f.StringVar(&w.Version, "version", "", "of the product: `X.Y.Z-SNAPSHOT`; X.Y.Z only when it is released")
	f.StringArrayVar(&w.Add, "add", nil, "add a component: `NEW[=VERSION][@GROUP]`")
	f.StringArrayVar(&w.Group, "group", nil, "put a component into another group: `NAME@GROUP`")
	f.StringArrayVar(&w.Since, "since", nil, "of one or of all named components: `[NAME=]X.Y.Z`, or none")
	f.StringArrayVar(&w.At, "at", nil, "make a component the Nth of the list: `NAME=N`")
	f.StringArrayVar(&w.After, "after", nil, "move a component in the list right behind another: `NAME=OTHER`")
	f.StringArrayVar(&w.Rename, "rename", nil, "rename a component: `NAME=NEW`; other arguments say NEW")
	f.StringArrayVar(&w.Remove, "remove", nil, "remove a component, or a `NAME` that is only in groups")
	f.BoolVar(&o.dryRun, "dry-run", false, "only show the diff; git apply can apply it")
	f.BoolVar(&o.yes, "yes", false, "answer the question yes")
	f.BoolVar(&o.json, "json", false, "print the edit as JSON, and the diff on stderr")
	return cmd
}

func runPrepare(ctx context.Context, env *environment, o prepareOptions) error {
	request, err := prepare.Parse(o.words)
	if err != nil {
		return err
	}
	s, err := env.open(ctx)
	if err != nil {
		return err
	}
	p, err := operate.Prepare(ctx, s, request)
	if err != nil {
		return err
	}
	if p.CheckoutDiffers() {
		fmt.Fprintf(env.Stderr, "the checkout's %s differs from the one on branch %s of the remote; gio edits the remote's\n", s.Path, s.Branch.Value)
	}
	for _, note := range p.Notes {
		fmt.Fprintln(env.Stderr, note)
	}
	env.warnAll(append(p.Remaining, p.Warnings...))
	a := applyOptions{shown: env.out.painted(), color: env.outColor(), yes: o.yes, dryRun: o.dryRun}
	if !o.json {
		return env.applyPreparation(ctx, p, a)
	}
	a.shown, a.color = env.talk.painted(), env.color()
	err = fault.Rendered(env.applyPreparation(ctx, p, a), env.command)
	return env.printJSON(err, report.NewPrepared(p.Edit, s.Branch.Value, string(p.Commit), err))
}

// applyPreparation shows an edit and applies it.
func (env *environment) applyPreparation(ctx context.Context, p *operate.Preparation, a applyOptions) error {
	if len(p.Changes) == 0 {
		_, err := fmt.Fprintf(env.Stderr, "%s %s on %s: nothing to change\n", p.Edit.Before.Name, p.Edit.Before.Version, p.Branch.Value)
		return err
	}
	report.PreparedTable(env.Stderr, p.Edit)
	return env.apply(ctx, p, a)
}
