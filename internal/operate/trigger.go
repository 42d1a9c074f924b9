package operate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// TriggerOptions say what is triggered: one pipeline of a repository on a branch, or those of a process manifest.
type TriggerOptions struct {
	Repository, Branch string
	Parameters         map[string]any // of the one pipeline: strings, integers, booleans
	Process            string         // file of the process manifest
	Wait               bool           // watch the pipelines until they end
	TakeOver           bool
}

// Trigger starts the pipelines of a process. The result is nil when the run did not begin.
func Trigger(ctx context.Context, s Setup, e Ends, o TriggerOptions) (*Result, error) {
	p, err := s.process(e, o)
	if err != nil {
		return nil, err
	}
	made, err := plan.MakeProcess(p, plan.Options{Organization: s.organizationOf(p), Overrides: s.Config.Overrides()})
	if err != nil {
		return nil, err
	}
	if made.Unwatched = !o.Wait; made.Unwatched && len(made.Waves) > 1 {
		return nil, fault.New(fault.Usage, "usage", "the groups of %s follow one another: that needs --wait", p.File)
	}
	made.Product, made.Version = cmp.Or(made.Product, "pipeline"), triggerName(p, made)
	return s.drivePlan(ctx, e, made, o.TakeOver)
}

func (s Setup) process(e Ends, o TriggerOptions) (*manifest.Process, error) {
	if o.Process != "" {
		return s.readProcess(e, o.Process)
	}
	c := manifest.ProcessComponent{Name: o.Repository, At: manifest.Position{File: commandLine}, Branch: Literal(o.Branch), Parameters: o.Parameters}
	return &manifest.Process{File: commandLine, Components: []manifest.ProcessComponent{c}}, nil
}

// drivePlan drives a plan whose version is the name that its runs have in common.
func (s Setup) drivePlan(ctx context.Context, e Ends, p *plan.Plan, takeOver bool) (*Result, error) {
	p.Version, p.Branch = url.PathEscape(p.Version), p.Steps()[0].Branch
	x, h := s.newExecution(e, p), s.headerOf(run.Trigger, p)
	if e.Dry != nil {
		x.Open = inMemory
		return s.drive(ctx, x, e, func(context.Context) error { return x.Prepare(h) })
	}
	runs := s.triggerRuns(e, takeOver)
	return s.drive(ctx, x, e, func(ctx context.Context) error { return runs.prepare(ctx, x, h) })
}

// triggerName returns the name that the runs of one trigger have in common: its only pipeline's repository and branch, or the
// file's name and version.
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

// organizationOf returns the organization of the pipelines: GH_ORG's, gio.yaml's, the process manifest's, or release.json's.
func (s Setup) organizationOf(p *manifest.Process) string {
	org := cmp.Or(s.Organization(), p.Organization())
	if m, err := s.Manifest(); org == "" && err == nil {
		org = m.Organization()
	}
	return org
}

const commandLine = "the command line"

// Literal escapes a text that is no template.
func Literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }

// readProcess reads a process manifest, and finds the product version that its templates use.
func (s Setup) readProcess(e Ends, file string) (*manifest.Process, error) {
	data, err := os.ReadFile(s.AbsPath(file))
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
	if p.Version, err = s.productVersion(e); err == nil {
		s.tell("{{.ProductVersion}} is %s, by release.json", p.Version)
	}
	return p, err
}

// productVersion returns the version of a release.json that is released, else the newest released version by release.json.
func (s Setup) productVersion(e Ends) (string, error) {
	m, err := s.Manifest()
	if err == nil && e.Repo != nil {
		if m, err = s.remoteManifest(e.Repo); err != nil {
			return "", err
		}
	}
	switch {
	case err == nil && !m.Open():
		return m.Version, nil
	case err == nil && e.Repo != nil:
		return s.newestReleased(m, e.Repo)
	}
	return "", fault.New(fault.Invalid, "no-product-version", "the process manifest uses {{.ProductVersion}}, but there is no release.json here that has it").
		Hint(`add a "version" to it, or run gio in a checkout of the release repository`)
}

// parametersLine formats pipeline parameters as they are sent.
func parametersLine(parameters map[string]any) string {
	line, err := json.Marshal(parameters)
	if err != nil { // cannot happen: they are strings, integers and booleans
		return err.Error()
	}
	return string(line)
}
