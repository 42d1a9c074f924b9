package config

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestParameterAt: a parameter's place is the component's own, else that of all.
func TestParameterAt(t *testing.T) {
	t.Parallel()
	f, err := Parse("gio.yaml", []byte(`organization: acme
parameters:
  version: 010
  other: "1.10"
components:
  node:
    parameters: {version: yes}
  bare:
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		component, name string
		want            Place
	}{
		{"node", "version", Place{"gio.yaml:7:27", "yes"}},
		{"bare", "version", Place{"gio.yaml:3:12", "010"}},
		{"node", "other", Place{"gio.yaml:4:10", "1.10"}},
		{"node", "dry_run", Place{}},
	} {
		if got := f.ParameterAt(tt.component, tt.name); got != tt.want {
			t.Errorf("%s of %s: %+v", tt.name, tt.component, got)
		}
	}
	if got := (File{}).ParameterAt("node", "version"); got != (Place{}) {
		t.Errorf("without a file: %+v", got)
	}
}

// TestUnfitParameters: a value that no parameter can have is refused by its place, with the form that has it.
func TestUnfitParameters(t *testing.T) {
	t.Parallel()
	for value, hint := range map[string]string{
		"1.10": `version: "1.10"`, "1e3": `version: "1e3"`, "2026-11-29": `version: "2026-11-29"`, ".inf": `version: ".inf"`,
		"18446744073709551616": `version: "18446744073709551616"`, "[1]": "", "{a: b}": "",
	} {
		for before, where := range map[string]string{"parameters:\n  version: ": "gio.yaml:2:12", "components:\n  node:\n    parameters:\n      version: ": "gio.yaml:4:16"} {
			_, err := Parse("gio.yaml", []byte(before+value+"\n"))
			if !fault.Is(err, "config-file") || !strings.HasPrefix(err.Error(), where+": the pipeline parameter version is ") {
				t.Errorf("%s: %v", value, err)
				continue
			}
			if said := strings.Join(fault.HintLines(err), "\n"); !strings.Contains(said, hint) {
				t.Errorf("%s: %s", value, said)
			}
		}
	}
	for _, value := range []string{"1", "-7", "true", "yes", "1.10.0", `"1.10"`, "null", "~", "", "text", "0x1f"} {
		if _, err := Parse("gio.yaml", []byte("parameters:\n  version: "+value+"\n")); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
}
