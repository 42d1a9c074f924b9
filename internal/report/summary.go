package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Result is how a run stands, for `--json`. Its field names are a contract.
type Result struct {
	Run      string     `json:"run"`
	Product  string     `json:"product"`
	Version  string     `json:"version"`
	Branch   string     `json:"branch"`
	Finished bool       `json:"finished"` // the product is recorded as released
	Exit     int        `json:"exit"`
	Error    *Error     `json:"error,omitempty"`
	Steps    []Step     `json:"steps"`
	Warnings []string   `json:"warnings,omitempty"`
	Plan     *plan.Plan `json:"plan,omitempty"`
}

// Step is a step of a Result, with its place in the plan; wave 0 when the newest plan has it no more.
type Step struct {
	Wave      int    `json:"wave"`
	Component string `json:"component"`
	Version   string `json:"version"`
	run.Step
}

// Error is a fault for programs.
type Error struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Hints   []string `json:"hints,omitempty"`
}

// NewError is err for programs; nil for nil.
func NewError(err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Code: "internal", Message: err.Error()}
	if f, ok := errors.AsType[*fault.Fault](err); ok && f != nil {
		e.Code, e.Hints = f.Code, f.Hints
	}
	return e
}

// Failure is what `--json` prints of a command that has no other result to print.
type Failure struct {
	Exit  int    `json:"exit"`
	Error *Error `json:"error"`
}

// NewFailure is err, which is not nil, for programs.
func NewFailure(err error) Failure {
	return Failure{Exit: int(fault.KindOf(err)), Error: NewError(err)}
}

// NewResult is the state of a run that ended with err.
func NewResult(s *run.State, err error) Result {
	r := Result{
		Run: s.Header.Run(), Product: s.Header.Product, Version: s.Header.Version, Branch: s.Header.Branch,
		Finished: s.Finished, Exit: int(fault.KindOf(err)), Error: NewError(err), Steps: []Step{},
	}
	for _, st := range s.Steps() {
		wave, _ := s.Wave(st.ID)
		r.Steps = append(r.Steps, Step{Wave: wave, Component: st.ID.Component(), Version: st.ID.Version(), Step: st})
	}
	return r
}

// JSON writes v as indented JSON.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Summary writes how a run stands for a person: in numbers, then what is not done, what failed first.
func Summary(w io.Writer, s *run.State) error {
	head := "is not finished"
	if s.Finished {
		head = "is released"
	}
	lines := []string{fmt.Sprintf("%s %s %s: %s", s.Header.Product, s.Header.Version, head, tally(s))}
	for _, group := range []struct {
		status run.Status
		word   string
		more   func(run.Step) string
	}{
		{run.HasFailed, "FAILED", failure},
		{run.IsUnknown, "UNKNOWN", failure},
		{run.OnHold, "ON HOLD", link},
		{run.Running, "RUNNING", link},
		{run.Intended, "RUNNING", link},
	} {
		for _, st := range s.With(group.status) {
			line := fmt.Sprintf("  %-7s  %s %s  %s", group.word, st.ID.Component(), st.ID.Version(), group.more(st))
			lines = append(lines, strings.TrimRight(line, " "))
		}
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func link(st run.Step) string { return st.URL }

func tally(s *run.State) string {
	var parts []string
	for _, t := range []struct {
		status run.Status
		word   string
	}{
		{run.HasSucceeded, "succeeded"},
		{run.HasFailed, "failed"},
		{run.IsUnknown, "unknown"},
		{run.OnHold, "on hold"},
		{run.Running, "running"},
		{run.Intended, "being triggered"},
		{run.WasSkipped, "skipped"},
		{run.Pending, "pending"},
	} {
		if n := len(s.With(t.status)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, t.word))
		}
	}
	if len(parts) == 0 {
		return "nothing was to be done"
	}
	return strings.Join(parts, ", ")
}
