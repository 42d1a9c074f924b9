package report_test

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/report"
)

// TestApprovedForgesNothing: the text is part of the question that the operator answers.
func TestApprovedForgesNothing(t *testing.T) {
	t.Parallel()
	a := report.Approved{Workflow: "release\r\x1b[2K", Job: "sign-\noff", Steps: []report.StepNamed{{Component: "api", Version: "1.0.0"}}}
	if got, want := a.String(), "release[2K/sign- off of api 1.0.0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
