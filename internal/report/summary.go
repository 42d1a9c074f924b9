package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Result says how a run stands, for `--json`. Its field names are a contract.
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

// Step is a step of a Result, with its wave; 0 when the newest plan no longer holds it.
type Step struct {
	Wave      int    `json:"wave"`
	Component string `json:"component"`
	Version   string `json:"version"`
	run.Step
	WaitsFor []string `json:"waits_for,omitempty"` // components, by the graph, of a step that is pending
}

// Error is a fault in JSON.
type Error struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Hints   []string `json:"hints,omitempty"`
}

// NewError makes the Error of err; nil for nil.
func NewError(err error) *Error {
	if err == nil {
		return nil
	}
	return &Error{Code: cmp.Or(fault.CodeOf(err), "internal"), Message: err.Error(), Hints: fault.HintLines(err)}
}

// Failure is what a command with `--json` prints when it has no other result.
type Failure struct {
	Exit  int    `json:"exit"`
	Error *Error `json:"error"`
}

// NewFailure makes the Failure of err, which may be nil.
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
		r.Steps = append(r.Steps, Step{Wave: wave, Component: st.ID.Component(), Version: st.ID.Version(), Step: st, WaitsFor: waitsOf(s, st)})
	}
	return r
}

// JSON writes v as indented JSON.
func JSON(w io.Writer, v any) error { return jsonWith(w, "  ", v) }

// jsonWith writes v as JSON, each level indented by indent; "" keeps it on one line.
func jsonWith(w io.Writer, indent string, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(v)
}

// control matches the characters that Go's JSON holds as they are, and YAML does not take.
var control = regexp.MustCompile("[\u007f-\u0084\u0086-\u009f]")

// YAML writes as YAML what JSON would write, with the same names.
func YAML(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := JSON(&text, v); err != nil {
		return err
	}
	escaped := control.ReplaceAllStringFunc(text.String(), func(c string) string { return fmt.Sprintf(`\u%04x`, []rune(c)[0]) })
	var tree yaml.Node
	if err := yaml.Unmarshal([]byte(escaped), &tree); err != nil { // JSON is YAML
		return err
	}
	unquote(&tree)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&tree); err != nil {
		return err
	}
	return enc.Close()
}

// unquote takes JSON's style away; what would be another value without its quotes, for an older reader, too, keeps them.
func unquote(n *yaml.Node) {
	old := n.Tag == "!!str" && slices.Contains([]string{"yes", "no", "on", "off", "y", "n"}, strings.ToLower(n.Value))
	if n.Style = 0; old {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, part := range n.Content {
		unquote(part)
	}
}

// Summary writes how a run stands, for the person who drove it: in numbers, then what is not done, failures first and with
// the last lines that their jobs printed, then what to type next. Command is the command that drives it, as a sentence
// quotes it.
func Summary(w io.Writer, s *run.State, command string, color bool) error {
	return summary(w, s, next(s, command, s.Header.Kind != run.Trigger), color) // whose journal may be a file
}

func summary(w io.Writer, s *run.State, next []row, color bool) error {
	rows := rowf("%s %s %s: %s", s.Header.Product, s.Header.Version, headOf(s), tally(s))
	for _, group := range []struct {
		status run.Status
		word   string
		style  style
		more   func(run.Step) string
	}{
		{run.HasFailed, "FAILED", red, failure},
		{run.IsUnknown, "UNKNOWN", purple, failure},
		{run.OnHold, "ON HOLD", yellow, link},
		{run.Running, "RUNNING", blue, link},
		{run.Intended, "RUNNING", blue, link},
	} {
		for _, st := range s.With(group.status) {
			rows = append(rows, row{
				{fmt.Sprintf("  %-7s  ", group.word), group.style},
				{clean(st.ID.Component() + " " + st.ID.Version()), bold},
				{clean("  " + group.more(st)), plain},
			})
			for _, line := range st.Output {
				rows = append(rows, row{{"           │ ", faint}, {clean(line), plain}})
			}
		}
	}
	for _, st := range s.With(run.HasSucceeded) {
		if st.Reason != "" {
			rows = append(rows, row{{"  WARNING  ", yellow}, {clean(st.ID.Component() + " " + st.ID.Version()), bold}, {clean("  " + st.Reason), plain}})
		}
	}
	for _, r := range append(rows, next...) {
		if _, err := fmt.Fprintln(w, r.render(0, color)); err != nil {
			return err
		}
	}
	return nil
}

// headOf says how a run stands, in two or three words.
func headOf(s *run.State) string {
	switch over := s.Over(); {
	case s.Finished:
		return "is released"
	case s.Header.Kind == run.Staging && over:
		return "is staged"
	case s.Header.Kind == run.Trigger && over:
		return "is triggered"
	}
	return "is not finished"
}

// next says what to do and what to type, in the order in which it must be done. Shared: the journal lies where other commands
// find it. Command is the command that drives the run, as a sentence quotes it; "" where it would achieve nothing.
func next(s *run.State, command string, shared bool) []row {
	var rows []row
	which := s.Header.Flags()
	for _, st := range s.With(run.IsUnknown) {
		if st.Code == run.WrongPoms {
			rows = append(rows, rowf("next: `gio resolve %s%s --released` if it may stay so; or delete its tag, then `--not-triggered`", st.ID.Component(), which)...)
			continue
		}
		rows = append(rows, rowf("next: look at CircleCI, then `gio resolve %s%s --pipeline N`, or `--released`, or `--not-triggered`", st.ID.Component(), which)...)
	}
	for _, st := range s.With(run.OnHold) {
		if !shared {
			rows = append(rows, rowf("next: approve %s on CircleCI, behind its link", st.ID.Component())...)
			continue
		}
		rows = append(rows, rowf("next: `gio approve %s%s`, or approve it behind its link", st.ID.Component(), which)...)
	}
	runs := len(s.With(run.Running))+len(s.With(run.Intended))+len(s.With(run.OnHold)) > 0
	switch again := "next: " + command; {
	case s.Finished || s.Over() || command == "":
	case len(s.With(run.HasFailed)) > 0 && runs:
		rows = append(rows, oneRow(again+" once the failure is fixed: what succeeded or still runs is not started again")...)
	case len(s.With(run.HasFailed)) > 0:
		rows = append(rows, oneRow(again+" once the failure is fixed: what succeeded is not started again")...)
	case runs:
		rows = append(rows, oneRow(again+" watches what runs to its end and goes on")...)
	}
	return rows
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
	switch {
	case len(parts) == 0 && s.Finished:
		return "nothing to do"
	case len(parts) == 0:
		return "nothing has begun"
	}
	return strings.Join(parts, ", ")
}
