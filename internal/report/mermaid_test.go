package report_test

import (
	"bytes"
	"testing"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
)

// TestPlanMermaid compares the charts with golden files; Mermaid 11 draws each of them.
func TestPlanMermaid(t *testing.T) {
	wide := &plan.Plan{Product: "Big", Version: "1.0.0", Waves: []plan.Wave{{Group: 1}}}
	for _, name := range []string{"a", "b", "c", "d", "e", `"] --> x["`, "<b>#quot;`end`</b>"} {
		wide.Waves[0].Steps = append(wide.Waves[0].Steps, plan.Step{Component: name, Version: "1.0.0", Branch: `m"];click a "javascript:alert(1)`})
	}
	for name, p := range map[string]*plan.Plan{
		"whole": thePlan(), "nothing": {Product: `A "product"`, Version: "1.0.0"}, "wide": wide,
	} {
		var out bytes.Buffer
		if err := report.PlanMermaid(&out, p); err != nil {
			t.Fatal(err)
		}
		golden(t, "plan-"+name+".mmd", out.String())
	}
}
