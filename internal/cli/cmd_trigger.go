package cli

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/workspace"
)

type triggerOptions struct {
	driveOptions
	process string
	params  []string
	wait    bool
}

func newTriggerCommand(env *environment) *cobra.Command {
	o := triggerOptions{}
	cmd := &cobra.Command{
		Use:   "trigger (REPOSITORY --branch BRANCH | --process FILE)",
		Short: "Trigger one pipeline, or those of a process manifest",
		Long: `Trigger starts a pipeline by the same protocol as a release: gio notes the intent, sends the request
once, and looks the pipeline up where the answer is lost. With --wait gio watches it to its end.

A process manifest is JSON: components with name, branch, pipeline_params (the parameters, or a
whole body with branch and parameters) and optionally version; buildDependencies puts them one
after the other. {{.ProductVersion}}, in versions, branches and parameters, is its version, else
that of release.json, or the one released last.

A trigger is over when its pipelines are started or, with --wait, have succeeded: the next command
starts new ones. Until then the same command finishes it and repeats nothing. Its journal is in the
release repository when gio runs in a checkout of it, else below XDG_STATE_HOME.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 not found, 6 cancelled, 7 refused,
8 timed out, 9 needs a decision (gio resolve --run), 10 a pipeline failed, 11 stopped: run again.`,
		Example: `  gio trigger release --branch 3.9.x --param gio_action=release
  gio trigger gravitee-kubernetes --branch 0.1.x --param dry_run:=true --wait`,
		Args: func(cmd *cobra.Command, args []string) error { return triggerArguments(cmd, args, o) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noServerLevel(cmd, o.dryRun); err != nil {
				return err
			}
			return runTrigger(cmd.Context(), env, args, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.process, "process", "", "the process manifest")
	f.StringArrayVar(&o.params, "param", nil, "pipeline parameter: name=text, or name:=true, name:=7")
	f.BoolVar(&o.wait, "wait", false, "watch the pipelines to their end")
	o.flags(cmd, operate.Real, clientOnly)
	return cmd
}

func triggerArguments(cmd *cobra.Command, args []string, o triggerOptions) error {
	switch {
	case len(args) > 1:
		return notBehindDryRun(cmd, args[1:])
	case (len(args) == 1) == (o.process != ""):
		return fault.New(fault.Usage, "usage", "gio trigger needs either a repository or --process FILE").
			Hint("gio trigger gravitee-kubernetes --branch 0.1.x").
			Hint("the stage trigger of the container form takes the file from CICD_PROCESS_MANIFEST_PATH")
	case o.process != "" && len(o.params) > 0:
		return fault.New(fault.Usage, "usage", "--param needs a repository: a process manifest has its own parameters")
	}
	return nil
}

func runTrigger(ctx context.Context, env *environment, args []string, o triggerOptions) error {
	env.announce(o.dryRun, false)
	t := operate.TriggerOptions{Process: o.process, Wait: o.wait, TakeOver: o.takeOver}
	options := env.workspaceOptions()
	options.AnyBranch = true
	if o.process == "" {
		var err error
		if t.Repository, t.Branch = args[0], env.branch; t.Branch == "" {
			return fault.New(fault.Usage, "no-branch", "gio trigger needs the branch of %s", t.Repository).Hint("gio trigger %s --branch 0.1.x", t.Repository)
		}
		if t.Parameters, err = parseParams(o.params); err != nil {
			return err
		}
		options.Branch = "" // it is the pipeline's branch, not the release repository's
	}
	ws, inRepository, err := workspace.OpenOptional(ctx, options)
	if err != nil {
		return err
	}
	return env.drive(ctx, ws, driving{
		driveOptions: o.driveOptions, inRepository: inRepository, ends: realEnds(inRepository),
		do: func(s operate.Setup, e operate.Ends) (*operate.Result, error) { return operate.Trigger(ctx, s, e, t) },
	})
}

// parseParams reads the pipeline parameters of the command line.
func parseParams(params []string) (map[string]any, error) {
	all := map[string]any{}
	for _, p := range params {
		name, value, err := parseParam(p)
		if err != nil {
			return nil, err
		}
		if _, twice := all[name]; twice {
			return nil, fault.New(fault.Usage, "usage", "--param gives %s twice", name)
		}
		all[name] = value
	}
	return all, nil
}

// parseParam reads name=text and name:=JSON. A text is no template.
func parseParam(p string) (name string, value any, err error) {
	name, text, found := strings.Cut(p, "=")
	typed := strings.HasSuffix(name, ":")
	name = strings.TrimSuffix(name, ":")
	if !found || name == "" {
		return "", nil, fault.New(fault.Usage, "usage", "--param %q is not name=text or name:=true", p)
	}
	if !typed {
		return name, operate.Literal(text), nil
	}
	var whole int64
	var truth bool
	switch {
	case json.Unmarshal([]byte(text), &truth) == nil && text != "null":
		return name, truth, nil
	case json.Unmarshal([]byte(text), &whole) == nil && text != "null":
		return name, whole, nil
	}
	return "", nil, fault.New(fault.Usage, "usage", "--param %q: %q is no boolean and no integer", p, text).Hint("for a text leave the colon out: %s=%s", name, text)
}
