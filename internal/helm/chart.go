// Package helm does with Helm's engine and Kubernetes' own libraries what app files want of them: it fills in charts, without a cluster,
// and applies patches. They are 26 MB and a minute of compiling, so the program alone links it, and gives it to the server.
package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/render"
)

// kubernetes is the version that charts are told: that of the Kubernetes libraries that gio is built with, as in Helm's own releases.
// Nobody asks a cluster.
const kubernetes = "1.37.0"

// chartTime is how long a chart may take. Helm's engine cannot be stopped: after that it goes on alone, and its result is not used.
const chartTime = time.Minute

// Libraries is render.Kubernetes.
type Libraries struct{}

// file is an app file whose chart is filled in.
type file struct{ render.AppFile }

// Chart returns what the chart of a file makes, in the order in which Helm applies it. As with Gimlet there are no hooks, tests and CRDs
// among it (pkg/dx/helm.go of gimlet-io/gimlet): what a hook does belongs to an installation, and Flux knows none.
func (Libraries) Chart(ctx context.Context, of render.AppFile, homes render.Charts) ([]render.Document, error) {
	f := file{of}
	found, err := f.find(ctx, homes)
	if err != nil {
		return nil, err
	}
	values, err := f.valuesFor(found)
	if err != nil {
		return nil, err
	}
	rendered, err := f.run(ctx, found, values)
	if err != nil {
		return nil, err
	}
	for name := range rendered {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(rendered, name)
		}
	}
	_, manifests, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, f.broken("what it makes of the values is not YAML").Because(err)
	}
	return f.documents(manifests)
}

func (f file) documents(manifests []releaseutil.Manifest) ([]render.Document, error) {
	var out []render.Document
	for _, m := range manifests {
		d, err := render.ReadDocument(strings.Trim(m.Content, "\r\n"))
		if err != nil {
			return nil, f.broken("%s", m.Name).Because(err)
		}
		if d.Head.Kind != "" {
			d.File = render.FileOf(m.Name)
			out = append(out, d)
		}
	}
	return out, nil
}

// valuesFor brings the values of the file and those of the chart together, and has the chart's schema look at them.
func (f file) valuesFor(found *chart.Chart) (chartutil.Values, error) {
	capabilities := chartutil.DefaultCapabilities.Copy()
	version, err := chartutil.ParseKubeVersion(kubernetes)
	if err != nil {
		return nil, fault.New(fault.Internal, "internal", "%s is not a version of Kubernetes", kubernetes).Because(err)
	}
	capabilities.KubeVersion = *version
	if err := f.usable(found, capabilities); err != nil {
		return nil, err
	}
	// Helm writes into the values that it is given.
	text, err := json.Marshal(f.Values)
	if err != nil {
		return nil, f.About("chart-values", "its values cannot be written as JSON").Because(err)
	}
	values := map[string]any{}
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, f.About("chart-values", "its values cannot be read").Because(err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(found, values); err != nil {
		return nil, f.broken("its dependencies").Because(err)
	}
	release := chartutil.ReleaseOptions{Name: f.App, Namespace: f.namespace(), Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValuesWithSchemaValidation(found, values, release, capabilities, false)
	if err != nil {
		said := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
		return nil, f.About("chart-values", "its values do not suit the chart %s: %s", found.Metadata.Name+" "+found.Metadata.Version, strings.Trim(said, "; "))
	}
	return all, nil
}

func (f file) namespace() string {
	if f.Namespace == "" {
		return "default"
	}
	return f.Namespace
}

// usable refuses what Helm would refuse, and what would let a chart or the values reach further than they should.
func (f file) usable(found *chart.Chart, capabilities *chartutil.Capabilities) error {
	if err := chartutil.ValidateReleaseName(f.App); err != nil {
		return f.About("app-file-name", "%q cannot be the name of a Helm release: %v", f.App, err).Hint("it has up to 53 small letters, digits and '-'")
	}
	if kind := found.Metadata.Type; kind != "" && kind != "application" {
		return f.broken("it is a %s chart, which makes nothing by itself", kind)
	}
	if wanted := found.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return f.broken("it wants Kubernetes %s, and gio renders for %s", wanted, kubernetes)
	}
	for _, needed := range found.Metadata.Dependencies {
		if !hasChart(found.Dependencies(), needed.Name) {
			return f.broken("the chart %s is missing in its charts", needed.Name).Hint("run helm dependency build before the chart is put where the server looks for it")
		}
	}
	if err := f.closed(found); err != nil {
		return err
	}
	if usesTpl(found) && hasTemplate(f.Values) {
		return f.About("chart-values", "its values still have {{ after its templates are filled in, and the chart %s runs values as templates (tpl)", found.Name()).
			Hint("fill in with the variables of the app file: what a value has of Helm's own templates is not run, since nothing bounds it")
	}
	return nil
}

func hasChart(charts []*chart.Chart, name string) bool {
	for _, c := range charts {
		if c.Name() == name {
			return true
		}
	}
	return false
}

// closed refuses a schema that refers to another file or address: Helm would fetch it.
func (f file) closed(c *chart.Chart) error {
	if len(c.Schema) > 0 {
		var schema any
		if err := json.Unmarshal(c.Schema, &schema); err != nil {
			return f.broken("its values.schema.json is not JSON").Because(err)
		}
		if elsewhere := reference(schema); elsewhere != "" {
			return f.broken("its values.schema.json refers to %s, which is not fetched", elsewhere)
		}
	}
	for _, below := range c.Dependencies() {
		if err := f.closed(below); err != nil {
			return err
		}
	}
	return nil
}

// reference finds a reference of a schema that leads out of it, "" for none.
func reference(schema any) string {
	switch schema := schema.(type) {
	case []any:
		for _, item := range schema {
			if found := reference(item); found != "" {
				return found
			}
		}
	case map[string]any:
		for key, value := range schema {
			text, _ := value.(string)
			leads := (key == "$ref" || key == "$dynamicRef" || key == "$recursiveRef") && !strings.HasPrefix(text, "#") ||
				key == "$schema" && !strings.Contains(text, "://json-schema.org/")
			if leads && text != "" {
				return text
			}
			if found := reference(value); found != "" {
				return found
			}
		}
	}
	return ""
}

var tpl = regexp.MustCompile(`\btpl\b`)

func usesTpl(c *chart.Chart) bool {
	for _, t := range c.Templates {
		if tpl.Match(t.Data) {
			return true
		}
	}
	for _, below := range c.Dependencies() {
		if usesTpl(below) {
			return true
		}
	}
	return false
}

func hasTemplate(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.Contains(value, "{{")
	case []any:
		for _, item := range value {
			if hasTemplate(item) {
				return true
			}
		}
	case map[string]any:
		for key, item := range value {
			if hasTemplate(key) || hasTemplate(item) {
				return true
			}
		}
	}
	return false
}

// run has Helm's engine fill in the chart. It is given no cluster and looks up no host.
func (f file) run(ctx context.Context, found *chart.Chart, values chartutil.Values) (map[string]string, error) {
	type result struct {
		files map[string]string
		err   error
	}
	ctx, cancel := context.WithTimeoutCause(ctx, chartTime, f.broken("it takes more than %s", chartTime))
	defer cancel()
	done := make(chan result, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- result{nil, fmt.Errorf("panic: %v", p)}
			}
		}()
		files, err := engine.Engine{}.Render(found, values)
		done <- result{files, err}
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case r := <-done:
		if r.err != nil {
			return nil, f.broken("it fails with these values").Because(r.err)
		}
		return r.files, nil
	}
}
