package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/plan"
)

// abreast is the number of a wave's components side by side: more would not fit the width of a page.
const abreast = 4

// PlanMermaid writes a plan as a flowchart that GitHub and others draw from Markdown (https://mermaid.js.org/syntax/flowchart.html):
// one box for each wave, in order; by the graph an arrow from each component to those that need it.
func PlanMermaid(w io.Writer, p *plan.Plan) error {
	if p.IsByGraph() && len(p.Waves) > 0 {
		return graphMermaid(w, p)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "flowchart TB\n")
	if len(p.Waves) == 0 {
		fmt.Fprintf(&b, "  none[\"%s %s: nothing to release\"]\n", inMermaid(p.Product), inMermaid(p.Version))
	}
	n := 0
	for i, wave := range p.Waves {
		fmt.Fprintf(&b, "  subgraph w%d[\"wave %d of %d\"]\n", i+1, i+1, len(p.Waves))
		b.WriteString("    direction TB\n") // otherwise a wave runs across the chart
		for k, st := range wave.Steps {
			n++
			fmt.Fprintf(&b, "    c%d[\"%s %s<br/>from %s\"]\n", n, inMermaid(st.Component), inMermaid(st.Version), inMermaid(st.Branch))
			if k >= abreast { // an invisible link puts it below
				fmt.Fprintf(&b, "    c%d ~~~ c%d\n", n-abreast, n)
			}
		}
		b.WriteString("  end\n")
	}
	for i := 1; i < len(p.Waves); i++ {
		fmt.Fprintf(&b, "  w%d --> w%d\n", i, i+1)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// graphMermaid draws who needs whom. What a component needs only for its group is dotted, and left out where another arrow leads there.
func graphMermaid(w io.Writer, p *plan.Plan) error {
	var b strings.Builder
	fmt.Fprintf(&b, "flowchart LR\n")
	steps := p.Steps()
	number, before := map[plan.StepID]int{}, map[plan.StepID]map[plan.StepID]bool{}
	for i, st := range steps {
		number[st.ID()] = i + 1
		fmt.Fprintf(&b, "  c%d[\"%s %s<br/>from %s\"]\n", i+1, inMermaid(st.Component), inMermaid(st.Version), inMermaid(st.Branch))
		before[st.ID()] = map[plan.StepID]bool{}
		for _, n := range st.Needs {
			before[st.ID()][n.Step] = true
			maps.Copy(before[st.ID()], before[n.Step])
		}
	}
	for _, st := range steps {
		for _, n := range st.Needs {
			from, planned := number[n.Step]
			arrow := "-->"
			if n.Reason == plan.NeedGroup {
				arrow = "-.->"
			}
			implied := slices.ContainsFunc(st.Needs, func(other plan.Need) bool { return before[other.Step][n.Step] })
			if planned && (n.Reason != plan.NeedGroup || !implied) {
				fmt.Fprintf(&b, "  c%d %s c%d\n", from, arrow, number[st.ID()])
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inMermaid escapes a foreign text between quotes: what could be Mermaid, Markdown or HTML becomes an entity code.
func inMermaid(text string) string {
	var b strings.Builder
	for _, r := range clean(text) {
		if strings.ContainsRune("\"#;&<>`\\*_[]{}()|%", r) {
			fmt.Fprintf(&b, "#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
