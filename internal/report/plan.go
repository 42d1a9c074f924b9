package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// PlanOf is a plan with where it is recorded: the branch and the address of the release repository, "" where it has none, and the
// refs that the release writes there.
type PlanOf struct {
	*plan.Plan
	Remote string     `json:"release_repository,omitempty"`
	Refs   []plan.Ref `json:"refs,omitempty"`
	// For a plan by the graph: what earlier runs took, and whether all is listed that it no longer keeps apart.
	Expected run.Expectation `json:"-"`
	Freed    bool            `json:"-"`
}

// Table writes the plan as PlanTable does, and the release repository; of a plan by the graph also who needs whom, and why to trust it.
func (p PlanOf) Table(w io.Writer, columns int) error {
	if err := PlanTable(w, p.Plan, columns); err != nil {
		return err
	}
	if p.Remote != "" {
		fmt.Fprintf(w, "release repository: %s\n", clean(p.Remote))
		if len(p.Waves) > 0 {
			fmt.Fprintf(w, "written there: %s\n", written(p.Refs))
		}
	}
	if !p.IsByGraph() || len(p.Waves) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	if err := needTable(w, p.Plan, columns); err != nil {
		return err
	}
	for _, line := range p.trust() {
		if _, err := fmt.Fprintln(w, clean(line)); err != nil {
			return err
		}
	}
	return nil
}

func written(refs []plan.Ref) string {
	var names []string
	for _, r := range refs {
		kind := "branch "
		if r.IsTag() {
			kind = "tag "
		}
		names = append(names, clean(kind+r.Short()))
	}
	return strings.Join(names, ", ")
}

// PlanTable writes a plan: aligned on a terminal of the given columns, separated by tabs elsewhere (0). Where the reasons for
// the branches do not fit, it omits them and says so.
func PlanTable(w io.Writer, p *plan.Plan, columns int) error {
	steps := p.Steps()
	if len(steps)+len(p.Excluded) == 0 {
		_, err := fmt.Fprintf(w, "%s %s: nothing to release: there is no component yet\n", p.Product, p.Version)
		return err
	}
	if len(steps) == 0 {
		_, err := fmt.Fprintf(w, "%s %s: nothing to release; %s\n", p.Product, p.Version, exclusions(p))
		return err
	}
	fmt.Fprintf(w, "%s %s from branch %s: %s in %s; %s\n", p.Product, p.Version, p.Branch,
		count(len(steps), "component"), count(len(p.Waves), layer(p)), exclusions(p))
	if columns == 0 {
		planRows(w, p, true, true)
	} else if err := aligned(w, p, columns); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, strings.Join(slices.Concat(parameters(steps), proofs(steps)), "\n"))
	return err
}

// proofs says which components need which proof besides a green pipeline; nothing when none does.
func proofs(steps []plan.Step) []string {
	names := map[string][]string{}
	var order []string
	for _, st := range steps {
		what := ""
		switch {
		case st.Proof.Poms == plan.PomsWarn:
			what = "its tag (what its poms name there is said)"
		case st.Proof.Poms != "":
			what = "its tag, and that its poms name only what is released"
		case st.Proof.Tag != "":
			what = "its tag"
		case len(st.Proof.Workflows) > 0:
			what = "a success of each workflow, " + strings.Join(st.Proof.Workflows, ", ")
		default:
			continue
		}
		if names[what] == nil {
			order = append(order, what)
		}
		names[what] = append(names[what], st.Component)
	}
	lines := []string{}
	for _, what := range order {
		of := strings.Join(names[what], ", ")
		if len(names[what]) == len(steps) {
			of = "every component"
		}
		lines = append(lines, fmt.Sprintf("proof of %s besides a green pipeline: %s", of, what))
	}
	return lines
}

func aligned(w io.Writer, p *plan.Plan, columns int) error {
	table := func(why bool) string {
		var b strings.Builder
		tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		planRows(tw, p, slices.ContainsFunc(p.Steps(), unusualProject), why)
		_ = tw.Flush() // a strings.Builder never fails
		return b.String()
	}
	text := table(true)
	if slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return Width(line) > columns }) {
		text = table(false) + "for the reason of each branch, use a wider terminal or `gio plan --json`\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// unusualProject reports that a project is not simply named after its component, and so needs a column on a terminal.
func unusualProject(st plan.Step) bool {
	return !strings.HasPrefix(st.Project, "gh/") || !strings.HasSuffix(st.Project, "/"+st.Component)
}

func planRows(w io.Writer, p *plan.Plan, projects, reasons bool) {
	row := func(wave, component, version, branch, project, why string) {
		cells := []string{wave, component, version, branch}
		if projects {
			cells = append(cells, project)
		}
		if reasons {
			cells = append(cells, why)
		}
		for i := range cells {
			cells[i] = clean(cells[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	row(strings.ToUpper(layer(p)), "COMPONENT", "VERSION", "BRANCH", "PROJECT", "WHY THIS BRANCH")
	for i, wave := range p.Waves {
		for _, st := range wave.Steps {
			row(strconv.Itoa(i+1), st.Component, st.Version, st.Branch, st.Project, st.BranchReason)
		}
	}
}

// exclusions says why the other components do not run.
func exclusions(p *plan.Plan) string {
	counts := map[string]int{}
	for _, l := range p.Excluded {
		counts[l.Reason]++
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
	}
	if len(parts) == 0 {
		return "no component is left out"
	}
	text := "the others: " + strings.Join(parts, ", ")
	if p.Partial {
		text += "; the product will not be finished"
	}
	return text
}

// parameters lists the pipeline parameters, once for all components that get the same.
func parameters(steps []plan.Step) []string {
	names := map[string][]string{}
	var order []string
	for _, st := range steps {
		text, err := json.Marshal(st.Parameters) // sorted by key
		if err != nil {
			continue
		}
		if _, seen := names[string(text)]; !seen {
			order = append(order, string(text))
		}
		names[string(text)] = append(names[string(text)], st.Component)
	}
	if len(order) == 1 {
		return []string{"parameters of every pipeline: " + order[0]}
	}
	var lines []string
	for _, text := range order {
		lines = append(lines, fmt.Sprintf("parameters of %s: %s", strings.Join(names[text], ", "), text))
	}
	return lines
}
