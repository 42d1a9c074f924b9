package report

import (
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/operate"
)

// Logs is the result of gio logs, for `--json`. Its field names are a contract.
type Logs struct {
	Run       string    `json:"run"`
	Component string    `json:"component"`
	Version   string    `json:"version"`
	Attempt   int       `json:"attempt"`
	Pipeline  int64     `json:"pipeline"`         // its number
	URL       string    `json:"url"`              // of the pipeline on CircleCI
	Errors    []string  `json:"errors,omitempty"` // of its configuration
	Jobs      []LogsJob `json:"jobs"`             // what failed, or runs, or was asked for, with steps; else all, without
}

// LogsJob is a job of the newest workflow of its name.
type LogsJob struct {
	Workflow string     `json:"workflow"`
	Job      string     `json:"job"`
	Status   string     `json:"status"` // CircleCI's word
	URL      string     `json:"url"`
	Waits    bool       `json:"waits,omitempty"` // for somebody's approval
	Said     []string   `json:"said,omitempty"`  // by CircleCI, of a job that it refused to run
	Steps    []LogsStep `json:"steps,omitempty"`
}

// LogsStep is a step of a job in one container, and what it printed last.
type LogsStep struct {
	Name      string   `json:"name"`
	Container int      `json:"container"` // from 0
	Status    string   `json:"status"`    // CircleCI's word
	Exit      int64    `json:"exit_code"`
	Earlier   int      `json:"earlier_lines"` // that are left out
	Lines     []string `json:"lines"`
	Unread    string   `json:"unread,omitempty"` // why there are none
}

// NewLogs is the result for a log, without its steps.
func NewLogs(l *operate.Log) Logs {
	r := Logs{
		Run: l.Header.Run(), Component: l.Step.ID.Component(), Version: l.Step.ID.Version(), Attempt: l.Attempt,
		Pipeline: l.Pipeline.Number, URL: l.URL, Jobs: []LogsJob{},
	}
	for _, e := range l.Pipeline.Errors {
		r.Errors = append(r.Errors, e.Message)
	}
	for _, j := range append(l.Jobs, l.Others...) {
		r.Jobs = append(r.Jobs, LogsJob{Workflow: j.Workflow.Name, Job: j.Job.Name, Status: j.Status, URL: j.URL, Waits: j.Waits()})
	}
	return r
}

// LogHead is the line before what a step printed.
func LogHead(l *operate.Log, j operate.LogJob, s circleci.JobStep) string {
	how := s.Status
	switch {
	case s.Failed && s.Exit != 0:
		how = fmt.Sprintf("failed (exit %d)", s.Exit)
	case s.Failed:
		how = "failed (" + s.Status + ")"
	case s.Runs():
		how = "runs"
	}
	container := ""
	if s.Container > 0 {
		container = fmt.Sprintf(" [%d]", s.Container)
	}
	return clean(fmt.Sprintf("%s  %s  step %q%s %s  %s", logName(l), j.Name(), s.Name, container, how, j.URL))
}

// LogJobHead is the line about a job of which there is nothing to show, with the reason.
func LogJobHead(l *operate.Log, j operate.LogJob, why string) string {
	return clean(fmt.Sprintf("%s  %s  %s  %s", logName(l), j.Name(), why, j.URL))
}

// LogPipelineHead is the line about a pipeline without jobs.
func LogPipelineHead(l *operate.Log, what string) string {
	return clean(fmt.Sprintf("%s  %s  %s", logName(l), what, l.URL))
}

func logName(l *operate.Log) string {
	name := l.Step.ID.Component() + " " + l.Step.ID.Version()
	if l.Attempt > 1 {
		name += fmt.Sprintf("  attempt %d", l.Attempt)
	}
	return name
}

// EarlierLines says how many lines are left out; "" for none.
func EarlierLines(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "… 1 earlier line: --all"
	}
	digits := fmt.Sprint(n)
	var groups []string
	for ; len(digits) > 3; digits = digits[:len(digits)-3] {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
	}
	return fmt.Sprintf("… %s earlier lines: --all", strings.Join(append([]string{digits}, groups...), ","))
}

// LogJobRows are the jobs of a pipeline in which nothing failed or runs.
func LogJobRows(jobs []operate.LogJob) [][]string {
	var rows [][]string
	for _, j := range jobs {
		took := ""
		if !j.StartedAt.IsZero() && !j.StoppedAt.IsZero() {
			took = Duration(j.StoppedAt.Sub(j.StartedAt))
		}
		rows = append(rows, []string{j.Name(), j.Status, took, j.URL})
	}
	return rows
}
