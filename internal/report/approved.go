package report

import (
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/run"
)

// Approved is the result of gio approve, for `--json`. Its field names are a contract.
type Approved struct {
	Run      string           `json:"run"`
	Steps    []StepNamed      `json:"steps"` // that share the pipeline
	Workflow string           `json:"workflow"`
	Job      string           `json:"job"`
	URL      string           `json:"url"`     // of the workflow on CircleCI
	Already  bool             `json:"already"` // it had been approved before: nothing was sent
	Driver   run.DriverStatus `json:"driver"`  // of the run, which it continues
}

// String names the job and the steps that wait for it, safe to show in a question: names from CircleCI are cleaned.
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

// NamesOf returns component and version of each step.
func NamesOf(steps []run.Step) []StepNamed {
	named := []StepNamed{}
	for _, st := range steps {
		named = append(named, StepNamed{st.ID.Component(), st.ID.Version()})
	}
	return named
}
