package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/gravitee-lab/gio/internal/plan"
)

// abreast is the number of a wave's components side by side: more would not fit the width of a page.
const abreast = 4

// PlanMermaid writes a plan as a flowchart that GitHub and others draw from Markdown (https://mermaid.js.org/syntax/flowchart.html):
// one box for each wave, in order.
func PlanMermaid(w io.Writer, p *plan.Plan) error {
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
