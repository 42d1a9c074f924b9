package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

type triggerOptions struct {
	executionOptions
	process string
	params  []string
	wait    bool
}

func newTriggerCommand(env *environment) *cobra.Command {
	o := triggerOptions{}
	cmd := &cobra.Command{
		Use:   "trigger (REPOSITORY --branch BRANCH | --process FILE)",
		Short: "Trigger one pipeline, or those of a process manifest",
		Long: `Trigger starts a pipeline by the same protocol as a release: the intent is noted, the request is
sent once, and where the answer is lost the pipeline is looked up. With --wait it is watched.

A process manifest is JSON: components with name, branch, pipeline_params (the parameters, or a
whole body with branch and parameters) and perhaps version; buildDependencies puts them one after
the other. {{.ProductVersion}}, in versions, branches and parameters, is its version, else that of
release.json, or released last.

A trigger is over when its pipelines are started or, with --wait, have succeeded: the next command
starts new ones. Until then the same command finishes it and repeats nothing. Journals lie in the
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
	o.flags(cmd, dryOff)
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
		return fault.New(fault.Usage, "usage", "--param goes with a repository: a process manifest has its own")
	}
	return nil
}

func runTrigger(ctx context.Context, env *environment, args []string, o triggerOptions) error {
	env.announceClient(o.dryRun)
	branch := env.branch
	if env.repo == "" && o.process == "" {
		env.branch = "" // it is the pipeline's, not the release repository's
	}
	ws, released, err := env.aroundTrigger(ctx)
	if err != nil {
		return err
	}
	e, err := env.ends(ctx, ws, released, o.executionOptions)
	if err != nil {
		return err
	}
	defer e.close()
	var p *manifest.Process
	if o.process != "" {
		p, err = env.readProcess(ws, e, o.process)
	} else {
		p, err = onePipeline(args[0], branch, o.params)
	}
	if err != nil {
		return err
	}
	return env.trigger(ctx, ws, e, p, o)
}

// aroundTrigger is the checkout of a release repository where the command was started in one, else only the directory.
func (env *environment) aroundTrigger(ctx context.Context) (ws workspace, released bool, err error) {
	ws, err = env.workspace(ctx)
	if fault.Is(err, "no-manifest") && env.repo == "" {
		return workspace{File: env.path(env.file), Path: filepath.ToSlash(env.file)}, false, nil
	}
	return ws, err == nil && ws.Git && ws.Checkout.RemoteURL != "", err
}

// trigger starts the pipelines of a process.
func (env *environment) trigger(ctx context.Context, ws workspace, e ends, p *manifest.Process, o triggerOptions) error {
	made, err := plan.MakeProcess(p, plan.Options{Organization: env.organizationOf(ws, p), Overrides: ws.Config.Overrides()})
	if err != nil {
		return err
	}
	if made.Unwatched = !o.wait; made.Unwatched && len(made.Waves) > 1 {
		return fault.New(fault.Usage, "usage", "the groups of %s follow one another: that needs --wait", p.File)
	}
	made.Product, made.Version = cmp.Or(made.Product, "pipeline"), triggerName(p, made)
	return env.runTriggerPlan(ctx, ws, e, made, o.executionOptions)
}

// runTriggerPlan drives a plan whose version is what its runs have in common.
func (env *environment) runTriggerPlan(ctx context.Context, ws workspace, e ends, p *plan.Plan, o executionOptions) error {
	p.Version, p.Branch = url.PathEscape(p.Version), p.Steps()[0].Branch
	x := env.execution(ws, e, p)
	v := env.viewOf(e, o)
	defer v.close()
	x.Notify = v.notify
	defer env.leave(x)
	if err := env.prepareTrigger(ctx, x, headerOf("trigger", ws, p), ws, e, o); err != nil {
		return err
	}
	return env.drive(ctx, x, v, e, o)
}

func (env *environment) prepareTrigger(ctx context.Context, x *engine.Execution, h run.Header, ws workspace, e ends, o executionOptions) error {
	if e.dry == nil {
		return env.triggerRuns(ws, e, o).prepare(ctx, x, h)
	}
	x.Open = func(run.Header) (engine.Journal, []run.Event, error) { return &journal.Memory{}, nil, nil }
	return x.Prepare(h)
}

// triggerName is what the runs of one trigger have in common: its only pipeline's repository and branch, or the file's name
// and version.
func triggerName(p *manifest.Process, made *plan.Plan) string {
	if steps := made.Steps(); len(steps) == 1 && p.File == commandLine {
		return steps[0].Component + "-" + steps[0].Branch
	}
	name := strings.TrimSuffix(filepath.Base(p.File), ".json")
	if version := p.ReleaseVersion(); version != "" {
		name += "-" + version
	}
	return name
}

// organizationOf is that of the pipelines: GH_ORG, gio.yaml's, the process manifest's, release.json's.
func (env *environment) organizationOf(ws workspace, p *manifest.Process) string {
	org := cmp.Or(env.organization(ws), p.Organization())
	if m, err := manifest.Parse(ws.Path, ws.Local); org == "" && err == nil {
		org = m.Organization()
	}
	return org
}

const commandLine = "the command line"

// onePipeline is a process of one, as the command line says it.
func onePipeline(repository, branch string, params []string) (*manifest.Process, error) {
	if branch == "" {
		return nil, fault.New(fault.Usage, "no-branch", "gio trigger needs the branch of %s", repository).Hint("gio trigger %s --branch 0.1.x", repository)
	}
	c := manifest.ProcessComponent{Name: repository, At: manifest.Position{File: commandLine}, Branch: literal(branch), Parameters: map[string]any{}}
	for _, p := range params {
		name, value, err := parseParam(p)
		if err != nil {
			return nil, err
		}
		if _, twice := c.Parameters[name]; twice {
			return nil, fault.New(fault.Usage, "usage", "--param gives %s twice", name)
		}
		c.Parameters[name] = value
	}
	return &manifest.Process{File: commandLine, Components: []manifest.ProcessComponent{c}}, nil
}

// literal is a text that is no template.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }

// parseParam reads name=text and name:=JSON. A text is no template.
func parseParam(p string) (name string, value any, err error) {
	name, text, found := strings.Cut(p, "=")
	typed := strings.HasSuffix(name, ":")
	name = strings.TrimSuffix(name, ":")
	if !found || name == "" {
		return "", nil, fault.New(fault.Usage, "usage", "--param %q is not name=text or name:=true", p)
	}
	if !typed {
		return name, literal(text), nil
	}
	var whole int64
	var truth bool
	switch {
	case json.Unmarshal([]byte(text), &truth) == nil && text != "null":
		return name, truth, nil
	case json.Unmarshal([]byte(text), &whole) == nil && text != "null":
		return name, whole, nil
	}
	return "", nil, fault.New(fault.Usage, "usage", "--param %q: %q is no boolean and no integer", p, text).Hint("a text is written with =, without the colon: %s=%s", name, text)
}

// readProcess reads a process manifest, with the product version that its templates ask for.
func (env *environment) readProcess(ws workspace, e ends, file string) (*manifest.Process, error) {
	data, err := os.ReadFile(env.path(file))
	if err != nil {
		f := fault.New(fault.NotFound, "no-process", "the process manifest %s cannot be read", file).Because(err)
		if errors.Is(err, os.ErrNotExist) {
			f = fault.New(fault.NotFound, "no-process", "there is no process manifest %s", file)
		}
		return nil, f.Hint("gio trigger --help says what stands in it")
	}
	p, err := manifest.ParseProcess(file, data)
	if err != nil || p.Version != "" || !strings.Contains(string(data), ".ProductVersion") {
		return p, err
	}
	if p.Version, err = productVersion(ws, e); err == nil {
		fmt.Fprintf(env.Stderr, "{{.ProductVersion}} is %s, by release.json\n", p.Version)
	}
	return p, err
}

// productVersion is that of a release.json that is released, else the newest one that it knows to be.
func productVersion(ws workspace, e ends) (string, error) {
	m, err := manifest.Parse(ws.Path, ws.Local)
	if err == nil && e.repo != nil {
		if m, err = remoteManifest(ws, e.repo); err != nil {
			return "", err
		}
	}
	switch {
	case err == nil && !m.Open():
		return m.Version, nil
	case err == nil && e.repo != nil:
		return newestReleased(m, e.repo)
	}
	return "", fault.New(fault.Invalid, "no-product-version", "the process manifest uses {{.ProductVersion}}, and no release.json is here to say it").
		Hint(`give it a "version", or run gio in a checkout of the release repository`)
}
