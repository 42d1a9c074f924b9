package check

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/needs"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/versionfile"
)

// checkOrder checks that what is built with another component of the run is built after it.
func (i *inspection) checkOrder(all []sources) {
	var components []needs.Component
	for _, s := range all {
		if s.err != nil {
			i.addFailure("whom it needs", s.step.Component, s.err)
		}
		components = append(components, needs.Component{Name: s.step.Component, Version: s.step.Version, Files: s.files})
	}
	if len(components) == 0 {
		return
	}
	o := ordered{inspection: i, waves: map[string]int{}, steps: map[string]plan.Step{}}
	for n, w := range i.Plan.Waves {
		for _, st := range w.Steps {
			o.waves[st.Component], o.steps[st.Component] = n, st
		}
	}
	found := needs.Of(components, i.Options.Declared...)
	for _, u := range found.Unread {
		if u.Other != "" && o.steps[u.Component].Repository == o.steps[u.Other].Repository { // several versions of one, or several of one build
			continue
		}
		i.add(Finding{
			Code: DependencyUnknown, Component: u.Component, What: oneLine(u.Err),
			Do: "correct the file; until then nobody knows whether the order is right for it",
		})
	}
	for _, n := range found.Needs {
		o.check(n)
	}
	for _, r := range found.Refused {
		o.refuse(r)
	}
	o.checkCycles(found.Needs)
	o.checkSplits(found.Needs)
	o.noteOlder(found.Needs)
	released := i.releasedVersions(all)
	for _, s := range found.Snapshots {
		if !slices.Contains(released, strings.TrimSuffix(s.Named, snapshot)) {
			o.checkSnapshot(s)
		}
	}
}

// releasedVersions are those of components that are released already, by release.json or by the run that goes on: whose artifact a
// SNAPSHOT of one of them is nobody has read, and it may well be theirs.
func (i *inspection) releasedVersions(toTrigger []sources) (versions []string) {
	for _, e := range i.Plan.Excluded {
		if e.Reason == plan.ReasonReleased {
			versions = append(versions, e.Version)
		}
	}
	for _, st := range i.Plan.Steps() {
		if !slices.ContainsFunc(toTrigger, func(s sources) bool { return s.step.ID() == st.ID() }) {
			versions = append(versions, st.Version)
		}
	}
	return versions
}

// ordered is an inspection that knows in which wave each component of the plan stands.
type ordered struct {
	*inspection
	waves map[string]int
	steps map[string]plan.Step
}

// where is a place in the files of a component.
func (o ordered) where(component string, p needs.Place) string {
	st := o.steps[component]
	return fmt.Sprintf("%s %s %s", st.Repository, st.Branch, p)
}

// says is where a need is said, and how.
func (o ordered) says(n needs.Need) (where, how string) {
	if n.Class == needs.Stated {
		return n.Place.String(), "which it is said to need"
	}
	return o.where(n.From, n.Place), fmt.Sprintf("which it names: %s %s", n.Artifact, n.Named)
}

// refuse is for what gio.yaml says is no need, and nothing could be built without.
func (o ordered) refuse(r needs.Refused) {
	o.add(Finding{
		Code: DependencyNeeded, Component: r.From, Where: r.Declared.Place.String(),
		What: fmt.Sprintf("not_needed says that it does not need %s, but it names %s %s (%s), which exists only once %s is released",
			r.To, r.Need.Artifact, r.Need.Named, o.where(r.From, r.Need.Place), r.To),
		Do: fmt.Sprintf("remove %s from not_needed; or let %s name a version that is released", r.To, r.From),
	})
}

// oneBuild tells whether two components are built from the same branch: then nothing says which one comes first.
func (o ordered) oneBuild(a, b string) bool {
	return o.steps[a].Repository == o.steps[b].Repository && o.steps[a].Branch == o.steps[b].Branch
}

func (o ordered) group(component string) int { return o.Plan.Waves[o.waves[component]].Group }

func (o ordered) check(n needs.Need) {
	switch {
	case o.oneBuild(n.From, n.To):
	case n.Binds() && o.waves[n.To] >= o.waves[n.From] && !o.byGraph() && !o.hasCycle():
		where, how := o.says(n)
		o.add(Finding{
			Code: OrderWrong, Component: n.From, Where: where,
			What: fmt.Sprintf("%s (group %d) would be built before %s %s (group %d), %s", n.From, o.group(n.From), n.To, n.Released, o.group(n.To), how),
			Do:   fmt.Sprintf("`gio prepare --group %s@%s`", n.To, groupBefore(o.group(n.From))),
		})
	case n.IsSnapshot() && n.Class != needs.Exact:
		o.add(Finding{
			Code: DependencyOtherVersion, Component: n.From, Where: o.where(n.From, n.Place),
			What: fmt.Sprintf("it names %s %s, and this run releases %s", n.Artifact, n.Named, n.Released),
			Do:   fmt.Sprintf("name %s%s on the branch %s", n.Released, snapshot, o.steps[n.From].Branch),
		})
	}
}

// groupBefore is where a component must go that is needed in a group, as gio prepare --group takes it.
func groupBefore(group int) string {
	if group == 1 {
		return "0+"
	}
	return fmt.Sprint(group - 1)
}

// byGraph tells whether the release goes by who needs whom, whatever the groups: right before a step starts that is compared.
func (o ordered) byGraph() bool { return o.ByGraph || o.Plan.IsByGraph() }

// hasCycle tells whether the graph by which the release goes has a cycle: then there is no plan by it, and that was said.
func (o ordered) hasCycle() bool {
	return slices.ContainsFunc(o.Earlier, func(f Finding) bool { return f.Code == DependencyCycle })
}

func (o ordered) checkCycles(found []needs.Need) {
	if o.hasCycle() {
		return
	}
	found = slices.DeleteFunc(slices.Clone(found), func(n needs.Need) bool { return o.oneBuild(n.From, n.To) })
	for _, cycle := range needs.Cycles(found) {
		o.add(Finding{
			Code: DependencyCycle, Component: cycle[0],
			What: fmt.Sprintf("they need each other's version of this run: %s", strings.Join(append(cycle, cycle[0]), " -> ")),
			Do:   "let one of them name a version that is released already",
		})
	}
}

// checkSplits finds components of which different versions are named.
func (o ordered) checkSplits(found []needs.Need) {
	named := map[string][]string{} // by component and version, who names it
	versions := map[string][]string{}
	for _, n := range found {
		version := strings.TrimSuffix(n.Named, snapshot)
		if slices.Contains([]needs.Class{needs.Range, needs.Unknown, needs.Stated}, n.Class) {
			continue
		}
		if !slices.Contains(versions[n.To], version) {
			versions[n.To] = append(versions[n.To], version)
		}
		if by := n.To + " " + version; !slices.Contains(named[by], n.From) {
			named[by] = append(named[by], n.From)
		}
	}
	for to, all := range versions {
		if len(all) < 2 {
			continue
		}
		slices.Sort(all)
		var words []string
		for _, v := range all {
			words = append(words, fmt.Sprintf("%s by %s", v, strings.Join(named[to+" "+v], ", ")))
		}
		o.add(Finding{
			Code: DependencySplit, Component: to, What: "different versions of it are named: " + strings.Join(words, "; "),
			Do: "let all name one version, if they end up in one product",
		})
	}
}

// noteOlder notes, in one line, who stays on an older line.
func (o ordered) noteOlder(found []needs.Need) {
	var all []string
	for _, n := range found {
		if n.Class == needs.Older && !n.IsSnapshot() {
			all = append(all, fmt.Sprintf("%s %s in %s", n.To, n.Named, n.From))
		}
	}
	if len(all) > 0 {
		o.add(Finding{Code: DependencyOlder, What: "versions of older lines stay: " + strings.Join(all, ", ")})
	}
}

// checkSnapshot is for a version that is still to be released, of an artifact that no component of the run has.
func (o ordered) checkSnapshot(s needs.Snapshot) {
	o.add(Finding{
		Code: DependencyNotOpen, Component: s.From, Where: o.where(s.From, s.Place),
		What: fmt.Sprintf("it names %s %s, which this run does not release", s.Artifact, s.Named),
		Do:   "name a version that is released; or open the component whose artifact it is, `gio prepare NAME`",
	})
}

// stated is a version, and the file that states it. Both are "" where no file does.
type stated struct {
	file, version string
	data          []byte
}

// readVersion reads the version that a branch states.
func readVersion(ctx context.Context, hub *github.Client, repository, branch string) (stated, error) {
	file, data, err := hub.VersionFile(ctx, repository, branch)
	if err != nil || file == "" {
		return stated{}, err
	}
	version, err := versionfile.Of(path.Base(file), data)
	return stated{file, version, data}, err
}
