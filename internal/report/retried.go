package report

import (
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// RetriedRun is the result of gio retry, for `--json`. Its field names are a contract.
type RetriedRun struct {
	Run       string           `json:"run"`
	Exit      int              `json:"exit"`
	Error     *Error           `json:"error,omitempty"`
	Workflows []Retried        `json:"workflows"` // what runs again; of several components those before the error
	Driver    run.DriverStatus `json:"driver"`    // of the run, which it continues
}

// Retried is a workflow that is run again from what failed.
type Retried struct {
	Steps    []StepNamed `json:"steps"` // that share the pipeline
	Workflow string      `json:"workflow"`
	Commit   string      `json:"commit,omitempty"` // that it runs on, as before
	URL      string      `json:"url"`              // of the new workflow on CircleCI
	Result   string      `json:"result,omitempty"` // with --wait: "succeeded" or "failed"
}

// NewRetriedRun is the result of a retry that ended with err.
func NewRetriedRun(name string, all []Retried, d run.DriverStatus, err error) RetriedRun {
	r := RetriedRun{Run: name, Exit: int(fault.KindOf(err)), Error: NewError(err), Workflows: all, Driver: d}
	if all == nil {
		r.Workflows = []Retried{}
	}
	return r
}

// String names workflow and steps, safe to show in a question: names from CircleCI are cleaned.
func (r Retried) String() string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Component+" "+s.Version)
	}
	return clean(fmt.Sprintf("workflow %s of %s", r.Workflow, strings.Join(names, ", ")))
}

// OnCommit says on which commit it runs.
func (r Retried) OnCommit() string {
	if r.Commit == "" {
		return "the same commit"
	}
	return "the same commit " + abbreviated(r.Commit)
}
