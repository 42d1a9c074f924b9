package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// layer is what the parts of a plan are called that come one after the other: its waves, or by the graph its levels.
func layer(p *plan.Plan) string {
	if p.IsByGraph() {
		return "level"
	}
	return "wave"
}

// waitsFor are the components that a step still waits for, by the graph.
func waitsFor(s *run.State, id plan.StepID) (names []string) {
	if s.Plan == nil || !s.Plan.IsByGraph() {
		return nil
	}
	frozen, _ := s.Frozen(id)
	for _, n := range frozen.Needs {
		if !n.Released && s.Step(n.Step).Status != run.HasSucceeded {
			names = append(names, n.Step.Component())
		}
	}
	return names
}

// waitsOf are those that a pending step waits for.
func waitsOf(s *run.State, st run.Step) []string {
	if st.Status != run.Pending {
		return nil
	}
	return waitsFor(s, st.ID)
}

// neededBy lists what a step needs, each with the reason; those of earlier groups, for which it waits because nothing else is known, in one.
func neededBy(st plan.Step) (rows [][2]string) {
	groups := 0
	for _, n := range st.Needs {
		if n.Reason == plan.NeedGroup {
			groups++
			continue
		}
		what := n.Step.Component() + " " + n.Step.Version()
		if n.Released {
			what += " (released)"
		}
		rows = append(rows, [2]string{clean(what), clean(n.String())})
	}
	if groups > 0 {
		why := "not all of its files could be read"
		if !st.Unread {
			why = "not all of their files could be read"
		}
		rows = append(rows, [2]string{count(groups, "component") + " of earlier groups", why})
	}
	return rows
}

// needTable lists what each component of a plan by the graph needs, and which line says so: below the component on a terminal of the given
// columns, separated by tabs elsewhere (0).
func needTable(w io.Writer, p *plan.Plan, columns int) error {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	if columns == 0 && slices.ContainsFunc(p.Steps(), func(st plan.Step) bool { return len(st.Needs) > 0 }) {
		fmt.Fprintln(&b, "COMPONENT\tNEEDS\tBECAUSE")
	}
	for _, st := range p.Steps() {
		rows := neededBy(st)
		if len(rows) > 0 && columns > 0 {
			fmt.Fprintf(tw, "%s %s needs\n", clean(st.Component), clean(st.Version))
		}
		for _, r := range rows {
			if columns == 0 {
				fmt.Fprintf(&b, "%s\t%s\t%s\n", clean(st.Component), r[0], r[1])
			} else {
				fmt.Fprintf(tw, "  %s\t%s\n", r[0], r[1])
			}
		}
	}
	_ = tw.Flush() // a strings.Builder never fails
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSuffix(line, "\n")
		if columns > 0 {
			line = row{{line, plain}}.render(columns, false)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// trust are the lines that let somebody trust a plan by the graph: how much it saves, what it frees, and where it may be wrong.
func (p PlanOf) trust() []string {
	steps, waves := p.Steps(), p.ByGroups()
	lines := []string{fmt.Sprintf("%s, %s, %s instead of %d", count(len(steps), "component"), p.countedNeeds(), count(len(p.Waves), "level"), len(waves.Waves))}
	pending := func(id plan.StepID) run.Step { return run.Step{ID: id, Status: run.Pending} }
	graph, known := p.Expected.Forecast(p.Plan, pending, time.Time{})
	if known {
		by, _ := p.Expected.Forecast(waves, pending, time.Time{})
		lines = append(lines, fmt.Sprintf("about %s instead of %s (%s)", rough(graph.Likely), rough(by.Likely), p.basis()))
	}
	pairs, freed := 0, p.Plan.Freed()
	for _, f := range freed {
		pairs += len(f.Of)
	}
	switch {
	case pairs > 0 && p.Freed:
		lines = append(lines, fmt.Sprintf("now freed: %s that waves kept apart:", count(pairs, "pair")))
		for _, f := range freed {
			var names []string
			for _, st := range f.Of {
				names = append(names, st.Component)
			}
			lines = append(lines, fmt.Sprintf("  %s no longer waits for %s", f.Step.Component, strings.Join(names, ", ")))
		}
	case pairs > 0:
		lines = append(lines, fmt.Sprintf("now freed: %s that waves kept apart; --freed lists them", count(pairs, "pair")))
	}
	if free := p.Free(); len(free) > 0 {
		lines = append(lines, fmt.Sprintf("no edge found, %s at once: %d (%s): add needs: where wrong", startOf(len(free)), len(free), fewOf(free)))
	}
	return append(lines, "next: gio rehearse --order graph")
}

// countedNeeds says how many needs there are, and who says so.
func (p PlanOf) countedNeeds() string {
	counted := map[plan.NeedReason]int{}
	all := 0
	for _, st := range p.Steps() {
		for _, n := range st.Needs {
			counted[n.Reason]++
			all++
		}
	}
	var parts []string
	for _, r := range []struct {
		reason    plan.NeedReason
		one, many string
	}{{plan.NeedNamed, "pom", "poms"}, {plan.NeedSetting, "gio.yaml", "gio.yaml"}, {plan.NeedGroup, "group", "groups"}} {
		switch n := counted[r.reason]; {
		case n == 1:
			parts = append(parts, "1 "+r.one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, r.many))
		}
	}
	if all == 0 {
		return "no needs"
	}
	return fmt.Sprintf("%s (%s)", count(all, "need"), strings.Join(parts, ", "))
}

// basis says by which durations the time is told.
func (p PlanOf) basis() string {
	most := 0
	for _, took := range p.Expected.Took {
		most = max(most, len(took))
	}
	if most == 1 {
		return "durations of the last release"
	}
	return fmt.Sprintf("durations of the last %d releases", most)
}

func startOf(n int) string {
	if n == 1 {
		return "starts"
	}
	return "start"
}

// fewOf names the first ones only.
func fewOf(steps []plan.Step) string {
	const most = 3
	var names []string
	for _, st := range steps[:min(most, len(steps))] {
		names = append(names, st.Component)
	}
	if len(steps) > most {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}
