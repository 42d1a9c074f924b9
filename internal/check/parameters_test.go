package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
)

// TestCheckParameters: what a configuration declares is compared with what is sent.
func TestCheckParameters(t *testing.T) {
	t.Parallel()
	const action = "gio_action: {type: string, default: \"\"}"
	release := map[string]any{"gio_action": "release"}
	for _, tt := range []struct {
		name, config string
		send         map[string]any
		dry          bool
		want         []string // severity, code and component
		says         string
	}{
		{"as it should be", action, release, false, nil, ""},
		{"nothing declared, nothing sent", "", nil, false, nil, ""},
		{"a setup configuration", action + "}\nsetup: true\nx: {y: z", release, false, nil, ""},
		{"a boolean", "a: {type: boolean, default: true}", map[string]any{"a": false}, false, nil, ""},
		{"a boolean, sent as text", "a: {type: boolean, default: true}", map[string]any{"a": "false"}, false, []string{"error parameter-type api"}, `a would be "false", which is not of its type, boolean`},
		{"an integer", "a: {type: integer, default: 1}", map[string]any{"a": int64(3)}, false, nil, ""},
		{"an integer, sent as a boolean", "a: {type: integer, default: 1}", map[string]any{"a": true}, false, []string{"error parameter-type api"}, "a would be true, which is not of its type, integer"},
		{"an integer, sent as text", "a: {type: integer, default: 1}", map[string]any{"a": "3"}, false, []string{"error parameter-type api"}, "not of its type, integer"},
		{"text", "a: {type: string, default: x}", map[string]any{"a": ""}, false, nil, ""},
		{"text, sent as an integer", "a: {type: string, default: x}", map[string]any{"a": int64(3)}, false, []string{"error parameter-type api"}, "a would be 3, which is not of its type, string"},
		{"a word of an enum", "a: {type: enum, enum: [x, y], default: x}", map[string]any{"a": "y"}, false, nil, ""},
		{"a word of an enum that YAML reads as a number", "a: {type: enum, enum: [x, 3.1], default: x}", map[string]any{"a": "3.1"}, false, nil, ""},
		{"a word of an enum that YAML reads as a boolean", "a: {type: enum, enum: [x, true], default: x}", map[string]any{"a": "true"}, false, nil, ""},
		{"no word of an enum", "a: {type: enum, enum: [x, y, 3.1], default: x}", map[string]any{"a": "z"}, false, []string{"error parameter-type api"}, `a would be "z", which is none of its values: x, y, 3.1`},
		{"a part of a word of an enum", "a: {type: enum, enum: [xyz], default: x}", map[string]any{"a": "x"}, false, []string{"error parameter-type api"}, "none of its values: xyz"},
		{"an enum, sent as a boolean", "a: {type: enum, enum: [x, true], default: x}", map[string]any{"a": true}, false, []string{"error parameter-type api"}, "not of its type, enum"},
		{"a type of the years to come", "a: {type: secret, default: x}", map[string]any{"a": "z"}, false, nil, ""},
		{"undeclared", action, map[string]any{"gio_action": "release", "dry_run": false}, false, []string{"error parameter-undeclared api"}, "write dry_run: null for the component"},
		{"two undeclared", "", map[string]any{"b": "", "a": ""}, false, []string{"error parameter-undeclared api", "error parameter-undeclared api"}, "parameter a would be sent"},
		{"not sent", action + ", p: {type: string, default: x}", release, false, []string{"error parameter-defaulted api"}, `p is declared and not sent: it would have its default "x"`},
		{"not sent, of a default that is false", action + ", p: {type: boolean, default: false}", release, false, []string{"error parameter-defaulted api"}, "its default false"},
		{"not sent in a dry run", action + ", p: {type: string, default: x}", release, true, []string{"warning parameter-defaulted api"}, "set p under parameters"},
		{"not sent and without a default", action + ", p: {type: string}", release, false, []string{"error parameter-defaulted api"}, "p is declared without a default and not sent: its pipeline would fail"},
		{"no YAML", "]", map[string]any{}, false, []string{"error config-unreadable api"}, "it is no YAML: "},
		{"parameters that are no mapping", action + "}\nparameters: {b: [", map[string]any{}, false, []string{"error config-unreadable api"}, "fix it on that branch"},
	} {
		i := &inspection{Question: Question{DryRun: tt.dry}}
		config := "version: 2.1\nparameters: {" + tt.config + "}\njobs: {build: {steps: [run: << pipeline.id >>]}}"
		i.checkParameters(plan.Step{Component: "api", Parameters: tt.send}, "acme/api 1.25.x", []byte(config))
		if diff := cmp.Diff(tt.want, lines(i.findings)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		said := text(t, Report{Findings: i.findings})
		if !strings.Contains(said, tt.says) || tt.want != nil && !strings.Contains(said, `"where":"acme/api 1.25.x"`) {
			t.Errorf("%s: it does not say %q, or where: %s", tt.name, tt.says, said)
		}
	}
}

// TestTypeIsSaidInGioYAML: a value of the wrong type is found at its place in gio.yaml, with the way to write it.
func TestTypeIsSaidInGioYAML(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		config, written string
		value           any
		do              string
	}{
		{"a: {type: string}", "010", int64(8), `quote it: a: "010"`},
		{"a: {type: string}", "true", true, `quote it: a: "true"`},
		{"a: {type: enum, enum: [1, 2]}", "1", int64(1), `quote it: a: "1"`},
		{"a: {type: enum, enum: [x, y]}", "z", "z", "change its value there"},
		{"a: {type: boolean}", "yes", "yes", "write a: true or a: false, without quotes"},
		{"a: {type: integer}", "7", "7", "write an integer without quotes: a: 1"},
	} {
		i := &inspection{Question: Question{ParameterAt: func(component, name string) (where, written string) {
			if component != "api" || name != "a" {
				t.Errorf("it asks for %s of %s", name, component)
			}
			return "gio.yaml:3:6", tt.written
		}}}
		i.checkParameters(plan.Step{Component: "api", Parameters: map[string]any{"a": tt.value}}, "acme/api 1.25.x", []byte("parameters: {"+tt.config+"}"))
		if len(i.findings) != 1 {
			t.Fatalf("%s: %+v", tt.config, i.findings)
		}
		f := i.findings[0]
		if f.Code != ParameterType || f.Where != "gio.yaml:3:6" || !strings.Contains(f.What, "in acme/api 1.25.x") || !strings.HasPrefix(f.Do, tt.do) {
			t.Errorf("%s: %+v", tt.config, f)
		}
	}
}
