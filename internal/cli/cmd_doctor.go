package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

type doctorOptions struct {
	fix, yes, all, json bool
}

func newDoctorCommand(env *environment) *cobra.Command {
	o := doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [COMPONENT...]",
		Short: "Compare release.json, tags, CircleCI and the journal",
		Long: `Doctor reads release.json of the release branch, the tag and the version file of every component
(GitHub), the newest pipelines of those to be released (CircleCI) and the run's journal. For
each disagreement it says what probably happened and how to fix it. Without --fix it only reads.

--fix makes the edits of release.json that are certain: it shows the diff, asks, and pushes one
commit. It also mends a version that is null, and a component that stands twice. When the release
has begun (tag VERSION_START) but its journal is lost, it writes a new one from tags and CircleCI,
so that gio release starts nothing twice. It never sets, moves or deletes a tag. Where nobody can
be asked (CI, a pipe) --fix needs --yes.

Exit codes: 0 all agree, or was fixed, 2 usage, 3 not allowed, 4 remote failed, 5 not found,
6 cancelled, or nobody to ask, 7 something disagrees, 11 driven or changed by somebody else.`,
		Example: `  gio doctor
  gio doctor gravitee-gateway --fix
  gio doctor --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runDoctor(cmd.Context(), env, o, args) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.fix, "fix", false, "edit release.json, and rebuild a lost journal")
	f.BoolVar(&o.yes, "yes", false, "answer the questions of --fix yes")
	f.BoolVar(&o.all, "all", false, "list the components that agree, too")
	f.BoolVar(&o.json, "json", false, "print the facts and the verdict as JSON")
	cmd.MarkFlagsMutuallyExclusive("json", "fix")
	return cmd
}

func runDoctor(ctx context.Context, env *environment, o doctorOptions, names []string) error {
	s, err := env.open(ctx)
	if err != nil {
		return err
	}
	x, err := operate.Examine(ctx, s, names)
	if err != nil {
		return err
	}
	if o.json {
		verdict := fault.Rendered(x.Report.Verdict(false), env.command)
		return env.printJSON(verdict, report.NewExamined(x.Report, verdict))
	}
	if err := env.printExamination(x, o); err != nil {
		return err
	}
	if o.fix {
		if err := env.fix(ctx, x, o); err != nil {
			return err
		}
	}
	return x.Report.Verdict(o.fix)
}

// printExamination prints what the examination found.
func (env *environment) printExamination(x *operate.Examination, o doctorOptions) error {
	if x.CheckoutDiffers() {
		fmt.Fprintf(env.Stderr, "the checkout's %s differs from the one on branch %s of the remote; gio reads the remote's\n", x.Path, x.Branch.Value)
	}
	if !x.Report.Compared {
		fmt.Fprintln(env.Stderr, "tags and version files are not compared: there is no GitHub (GITHUB_API_URL)")
	}
	return report.DoctorTable(env.out.painted(), x.Report, o.all, env.outColumns(), env.outColor())
}

// fix makes the fixes that are certain.
func (env *environment) fix(ctx context.Context, x *operate.Examination, o doctorOptions) error {
	fix := x.Report.Fix()
	if fix.Partial {
		fmt.Fprintln(env.Stderr, "the lost journal is rebuilt for all components at once: `gio doctor --fix` without names does it")
	}
	after := x.RemoteManifest()
	edit, err := x.Edit(ctx)
	if err != nil {
		return err
	}
	if edit != nil {
		env.warnAll(edit.Remaining)
		if err := env.apply(ctx, edit, applyOptions{shown: env.out.painted(), color: env.outColor(), yes: o.yes}); err != nil {
			return err
		}
		after = edit.After
	}
	if !fix.Rebuild {
		return nil
	}
	return env.rebuild(ctx, x, after, o.yes)
}

// rebuild writes a lost journal again, for this release.json.
func (env *environment) rebuild(ctx context.Context, x *operate.Examination, m *manifest.Manifest, yes bool) error {
	b, err := x.Rebuild(ctx, m)
	if err != nil {
		return err
	}
	if err := report.Rebuilt(env.Stdout, b.State); err != nil {
		return err
	}
	if err := env.consent("Write this journal?", yes); err != nil {
		return err
	}
	if err := b.Write(ctx); err != nil {
		return err
	}
	env.tell("the journal of %s is written; %s goes on from there", x.Header.Run(), fault.Next{Action: fault.Resume, Run: x.Header.Run()})
	return nil
}
