package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/plan"
)

// checkDefinitions compares the pipeline definitions of steps with those that their project has. CircleCI shows the project.
func (i *inspection) checkDefinitions(ctx context.Context, slug string, steps []plan.Step) {
	steps = slices.DeleteFunc(slices.Clone(steps), func(st plan.Step) bool {
		return st.Definition == "" && !circleci.NeedsDefinition(st.Project)
	})
	if len(steps) == 0 {
		return
	}
	known, err := i.CI.Definitions(ctx, slug)
	for _, st := range steps {
		switch {
		case st.Definition == "":
			i.addUndefined(st, known)
		case hidden(err):
			i.add(Finding{
				Code: NotChecked, Severity: Warning, Component: st.Component, Where: slug,
				What: fmt.Sprintf("not checked: whether the project has the pipeline definition %s: %s", st.Definition, oneLine(err)),
				Do:   "look into the project's settings on CircleCI; a CircleCI Server has no pipeline definitions",
			})
		case err != nil:
			i.addFailure("the pipeline definition", st.Component, err)
		case !slices.ContainsFunc(known, func(d circleci.Definition) bool { return strings.EqualFold(d.ID, st.Definition) }):
			i.addDefinition(st, "the project has no pipeline definition "+st.Definition, known)
		}
	}
}

// checkUndefined checks what is known of the definitions without CircleCI.
func (i *inspection) checkUndefined(steps []plan.Step) {
	for _, st := range steps {
		if st.Definition == "" && circleci.NeedsDefinition(st.Project) {
			i.addUndefined(st, nil)
		}
	}
}

func (i *inspection) addUndefined(st plan.Step, known []circleci.Definition) {
	i.addDefinition(st, "a project of the GitHub App is triggered by a pipeline definition, and gio.yaml names none", known)
}

func (i *inspection) addDefinition(st plan.Step, what string, known []circleci.Definition) {
	var offered []string
	for _, d := range known {
		offered = append(offered, fmt.Sprintf("%s (%s)", d.ID, d.Name))
	}
	do := "write definition: under the component's name in gio.yaml; the id stands in the project's settings on CircleCI"
	if len(offered) > 0 {
		do = "write definition: under the component's name in gio.yaml: " + strings.Join(offered, " or ")
	}
	i.add(Finding{Code: DefinitionMissing, Component: st.Component, Where: st.Project, What: what, Do: do})
}
