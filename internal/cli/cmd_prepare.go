package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/report"
)

type prepareOptions struct {
	add, remove, group []string
	version            string
	unreleased         bool
	yes, dryRun, json  bool
}

func newPrepareCommand(env *environment) *cobra.Command {
	o := prepareOptions{}
	cmd := &cobra.Command{
		Use:   "prepare [COMPONENT[=VERSION]...]",
		Short: "Edit release.json for the next release, from what the repositories say",
		Long: `Prepare edits release.json on the release branch: shows the diff, asks, and pushes one commit.
The checkout is only read. Only the bytes that must change do.

  COMPONENT           opens it at the version in pom.xml or package.json of its next branch
  COMPONENT=VERSION   gives it this version: X.Y.Z-SNAPSHOT opens it; any other must be tagged
                      in its repository, and the component then counts as released
  GROUP               counts the groups of buildDependencies in release.json, as it is, from 1;
                      3+ is a new group behind the third, 0+ a new first one

Where nobody can be asked (CI, a pipe) nothing is written without --yes. Components are read from
GitHub (GITHUB_TOKEN, GITHUB_API_URL). It refuses while somebody drives the release.

Exit codes: 0 done, or nothing to change, 2 usage, 3 not allowed, 4 remote failed, 5 not found,
6 cancelled, or nobody to ask, 7 refused, 11 driven or changed by somebody else: run again.`,
		Example: `  gio prepare --unreleased --dry-run
  gio prepare gravitee-gateway gravitee-common=1.20.1 --version 3.9.5-SNAPSHOT
  gio prepare --add gravitee-policy-new@11 --remove gravitee-policy-old`,
		RunE: func(cmd *cobra.Command, args []string) error { return runPrepare(cmd.Context(), env, o, args) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.unreleased, "unreleased", false, "open what has commits since the tag of its version")
	f.StringVar(&o.version, "version", "", "next version of the product: `X.Y.Z-SNAPSHOT`")
	f.StringArrayVar(&o.add, "add", nil, "add a component: `NEW`, or NEW=VERSION, each with @GROUP behind it")
	f.StringArrayVar(&o.remove, "remove", nil, "remove a component, or a `NAME` that only stands in groups")
	f.StringArrayVar(&o.group, "group", nil, "put a component into another group: `NAME@GROUP`")
	f.BoolVar(&o.dryRun, "dry-run", false, "only show the diff; git apply takes it")
	f.BoolVar(&o.yes, "yes", false, "answer the question yes")
	f.BoolVar(&o.json, "json", false, "print the edit as JSON, and the diff on stderr")
	return cmd
}

func runPrepare(ctx context.Context, env *environment, o prepareOptions, args []string) error {
	request, err := o.request(args)
	if err != nil {
		return err
	}
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	gh, err := env.componentHub(ws)
	if err != nil {
		return err
	}
	e, err := env.edit(ctx, ws)
	if err != nil {
		return err
	}
	options := env.planOptions(ws, nil, nil)
	options.MainBranch = e.repo.DefaultBranch()
	edit, err := prepare.Make(ctx, gh, e.before, options, request)
	if err != nil {
		return err
	}
	for _, note := range edit.Notes {
		fmt.Fprintln(env.Stderr, note)
	}
	env.warn(edit.Remaining)
	if !o.json {
		return e.prepared(ctx, edit, o)
	}
	e.shown, e.color, env.printed = env.Stderr, env.color(), true
	err = e.prepared(ctx, edit, o)
	return errors.Join(err, report.JSON(env.Stdout, report.NewPrepared(edit, ws.Branch.Value, string(e.commit), err)))
}

// prepared makes an edit that is worked out.
func (e *editor) prepared(ctx context.Context, edit *prepare.Edit, o prepareOptions) error {
	if len(edit.Changes) == 0 {
		_, err := fmt.Fprintf(e.env.Stderr, "%s %s on %s: nothing to change\n", e.before.Name, e.before.Version, e.ws.Branch.Value)
		return err
	}
	report.PreparedTable(e.env.Stderr, edit)
	return e.apply(ctx, edit.After, edit.Message(), o.yes, o.dryRun)
}

// componentHub is nil where there is no GitHub.
func (env *environment) componentHub(ws workspace) (*github.Client, error) {
	gh, ok, err := env.gitHub(ws)
	if !ok {
		return nil, err
	}
	return gh, err
}

// request reads what the command line asks for.
func (o prepareOptions) request(args []string) (prepare.Request, error) {
	r := prepare.Request{Product: o.version, Remove: o.remove, Unreleased: o.unreleased}
	for _, arg := range args {
		name, version, given := strings.Cut(arg, "=")
		if name == "" || given && version == "" {
			return r, prepareUsage("%q is not COMPONENT or COMPONENT=VERSION", arg)
		}
		if given {
			r.Set = append(r.Set, prepare.Setting{Component: name, Version: version})
		} else {
			r.Open = append(r.Open, name)
		}
	}
	for _, arg := range o.add {
		text, group, grouped := strings.Cut(arg, "@")
		name, version, given := strings.Cut(text, "=")
		if name == "" || given && version == "" {
			return r, prepareUsage("--add %q is not NAME[=VERSION][@GROUP]", arg)
		}
		r.Add = append(r.Add, prepare.Setting{Component: name, Version: version})
		if err := place(&r, name, group, grouped, "--add "+arg); err != nil {
			return r, err
		}
	}
	for _, arg := range o.group {
		name, group, grouped := strings.Cut(arg, "@")
		if name == "" || !grouped {
			return r, prepareUsage("--group %q is not NAME@GROUP", arg)
		}
		if err := place(&r, name, group, grouped, "--group "+arg); err != nil {
			return r, err
		}
	}
	if r.Empty() || slices.Contains(r.Remove, "") {
		return r, prepareUsage("gio prepare needs to be told what to prepare").Hint("`gio prepare --unreleased` proposes what has commits since its last release")
	}
	return r, nil
}

// place reads a GROUP: a number, or a number and a plus.
func place(r *prepare.Request, name, group string, grouped bool, said string) error {
	if !grouped {
		return nil
	}
	digits, behind := strings.CutSuffix(group, "+")
	number, err := strconv.Atoi(digits)
	if err != nil || number < 0 || number == 0 && !behind {
		return prepareUsage("%s: %q is no group: write 3 for the third one, 3+ for a new one behind it", said, group)
	}
	r.Places = append(r.Places, manifest.Place{Name: name, Group: number, New: behind})
	return nil
}

func prepareUsage(format string, args ...any) *fault.Fault {
	return fault.New(fault.Usage, "usage", format, args...).Hint("`gio prepare --help` shows how it is used")
}
