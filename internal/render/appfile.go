// Package render turns an app file, which says how one app runs in one environment, into the Kubernetes files that belong into a
// gitops repository. It needs neither a database nor Git, and the same input gives the same bytes.
package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/gravitee-lab/gio/internal/fault"
)

// What one app file may take. They are far above what people write, and keep one file from taking the server's memory.
const (
	maxFile  = 1 << 20 // bytes of an app file
	maxDepth = 100     // of values within values, in an app file and in a document
)

// AppFile says how one app runs in one environment; when it is deployed by itself, and goes, the ledger reads. Its keys are those of Gimlet's manifest (pkg/dx/manifest.go of gimlet-io/gimlet).
type AppFile struct {
	App       string         `json:"app"`
	Env       string         `json:"env"`
	Preview   bool           `json:"preview,omitempty"`
	Namespace string         `json:"namespace,omitempty"`
	Chart     Chart          `json:"chart,omitzero"`
	Values    map[string]any `json:"values,omitempty"`

	StrategicMergePatches string  `json:"strategicMergePatches,omitempty"` // YAML documents
	JSON6902Patches       []Patch `json:"json6902Patches,omitempty"`
	Manifests             string  `json:"manifests,omitempty"` // YAML documents, as they are

	Dependencies []any `json:"dependencies,omitempty"` // nobody makes them here: Files refuses
}

// Chart names a Helm chart.
type Chart struct {
	Repository string `json:"repository,omitempty"`
	Name       string `json:"name,omitempty"`
	Version    string `json:"version,omitempty"`
}

// Patch is a JSON patch (RFC 6902), as YAML or JSON, and what it is for.
type Patch struct {
	Patch  string `json:"patch"`
	Target Target `json:"target"`
}

// Target names one Kubernetes object. Group and version may be empty: then they are not looked at.
type Target struct {
	Group   string `json:"group,omitempty"`
	Version string `json:"version,omitempty"`
	Kind    string `json:"kind"`
	Name    string `json:"name"`
}

// String names what is sought, as in apps/v1 Deployment web.
func (t Target) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", strings.Trim(t.Group+"/"+t.Version, "/"), t.Kind, t.Name))
}

// Parse reads an app file of YAML or JSON. Keys that it does not know are ignored and null is as good as nothing, as Gimlet's CLI
// sends it. Fault: "app-file-syntax", which names the key whose value is of the wrong type.
func Parse(text []byte) (AppFile, error) {
	if len(text) > maxFile {
		return AppFile{}, syntax("it has %d bytes, and %d are allowed", len(text), maxFile)
	}
	if !json.Valid(text) {
		converted, err := yaml.YAMLToJSONStrict(text)
		if err != nil {
			return AppFile{}, syntax("it is neither YAML nor JSON").Because(err)
		}
		text = converted
	}
	if text = bytes.TrimSpace(text); len(text) == 0 || text[0] != '{' {
		return AppFile{}, syntax("it does not consist of keys and values").Hint("the first line is usually app: NAME")
	}
	if depth(text) > maxDepth {
		return AppFile{}, syntax("its values are nested more than %d deep", maxDepth)
	}
	var f AppFile
	if err := json.Unmarshal(text, &f); err != nil {
		return AppFile{}, mistyped(err)
	}
	return f, nil
}

func syntax(format string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "app-file-syntax", "the app file cannot be read: "+format, args...)
}

func mistyped(err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return syntax("it is not what JSON allows").Because(err)
	}
	wanted := map[string]string{"string": "text", "bool": "true or false", "slice": "a list", "map": "keys and values", "struct": "keys and values", "ptr": "keys and values"}
	return syntax("%s must be %s, and is %s", wrong.Field, wanted[wrong.Type.Kind().String()], kindOf(wrong.Value))
}

func kindOf(value string) string {
	kinds := map[string]string{"string": "text", "bool": "true or false", "array": "a list", "object": "keys and values"}
	if kind, ok := kinds[value]; ok {
		return kind
	}
	return "a number"
}

// depth is how deep objects and lists of a valid JSON text are nested.
func depth(text []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			now++
			deepest = max(deepest, now)
		case !quoted && (c == '}' || c == ']'):
			now--
		}
	}
	return deepest
}

// String names the app file, as in web/staging.
func (f AppFile) String() string { return f.App + "/" + f.Env }

var pathName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// CheckNames is for a file whose templates are filled in: app and env become paths in a gitops repository. Fault: "app-file-name".
func (f AppFile) CheckNames() error {
	for _, field := range []struct{ key, value string }{{"app", f.App}, {"env", f.Env}} {
		if !pathName.MatchString(field.value) || strings.Contains(field.value, "..") {
			return fault.New(fault.Invalid, "app-file-name", "the app file of %s: %q cannot be its %s", f, field.value, field.key).
				Hint("it has 1 to 63 letters, digits, '.', '_' and '-', begins with a letter or a digit, and has no two dots side by side")
		}
	}
	return nil
}

// Preview returns what a file with `preview: true` stands for: an app for each branch.
// Other files are returned as they are.
func Preview(f AppFile) AppFile {
	if !f.Preview {
		return f
	}
	f.App = strings.TrimSuffix(f.App, "-preview") + "-{{ .BRANCH | sanitizeDNSName }}"
	f.Values = copied(f.Values)
	f.Values["gitBranch"] = "{{ .BRANCH }}"
	if ingress, ok := f.Values["ingress"].(map[string]any); ok {
		ingress = copied(ingress)
		f.Values["ingress"] = ingress
		if host, ok := ingress["host"].(string); ok && strings.Contains(host, ".") {
			ingress["host"] = f.App + host[strings.Index(host, "."):]
		}
	}
	return f
}

func copied(m map[string]any) map[string]any {
	out := make(map[string]any, len(m)+1)
	for key, value := range m {
		out[key] = value
	}
	return out
}

// About begins a fault about one app file.
func (f AppFile) About(code, format string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, code, "the app file of %s: %s", f, fmt.Sprintf(format, args...))
}
