package report

import (
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/run"
)

// Approved is what gio approve came to, for `--json`. Its field names are a contract.
type Approved struct {
	Run      string      `json:"run"`
	Steps    []StepNamed `json:"steps"` // that share the pipeline
	Workflow string      `json:"workflow"`
	Job      string      `json:"job"`
	URL      string      `json:"url"`     // of the workflow on CircleCI
	Already  bool        `json:"already"` // it had been approved before: nothing was sent
	Driver   Driver      `json:"driver"`  // of the run, who goes on with it
}

// String names the job and what waits for it, as a question to a person may: what CircleCI calls them is not taken as it is.
func (a Approved) String() string {
	var names []string
	for _, s := range a.Steps {
		names = append(names, s.Component+" "+s.Version)
	}
	return clean(fmt.Sprintf("%s/%s of %s", a.Workflow, a.Job, strings.Join(names, ", ")))
}

// StepNamed is a component's version.
type StepNamed struct {
	Component string `json:"component"`
	Version   string `json:"version"`
}

// NamesOf are the names of steps.
func NamesOf(steps []run.Step) []StepNamed {
	named := []StepNamed{}
	for _, st := range steps {
		named = append(named, StepNamed{st.ID.Component(), st.ID.Version()})
	}
	return named
}
