package plan_test

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

const releasedSample = `{"name":"S","version":"3.9.4","scmHttpUrl":"https://github.com/acme","components":[
	{"name":"a","version":"1.2.3","since":"3.9.4"},
	{"name":"b","version":"1.2.0","since":"3.9.3"},
	{"name":"c","version":"1.2.1","since":"3.9.4"},
	{"name":"d","version":"1.2.1-SNAPSHOT","since":"3.9.4"}],"buildDependencies":[["a"],["b","c"],["d"]]}`

func TestMakeStage(t *testing.T) {
	t.Parallel()
	no := false
	o := plan.Options{
		Branch: "3.9.x", MainBranch: "master", Parameters: map[string]any{"gio_action": "release", "v": "{{.ProductVersion}}"},
		Overrides: map[string]plan.Override{"c": {Stage: &no}},
	}
	p, err := plan.MakeStage(parse(t, releasedSample), o)
	if err != nil {
		t.Fatal(err)
	}
	steps := p.Steps()
	if len(p.Waves) != 1 || len(steps) != 1 || steps[0].ID() != "a@1.2.3" || steps[0].Branch != "1.2.x" {
		t.Errorf("got %v", p.Waves)
	}
	if got := steps[0].Parameters; got["gio_action"] != "nexus_staging" || got["dry_run"] != false || got["v"] != "3.9.4" {
		t.Errorf("got %v", got)
	}
	if len(p.Excluded) != 1 || p.Excluded[0] != (plan.Excluded{Component: "c", Version: "1.2.1", Reason: plan.ReasonNoStage}) {
		t.Errorf("left %v", p.Excluded)
	}
	o.Overrides["a"] = plan.Override{Stage: &no}
	if _, err := plan.MakeStage(parse(t, releasedSample), o); !fault.Is(err, "nothing-to-stage") {
		t.Errorf("got %v", err)
	}
}
