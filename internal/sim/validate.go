package sim

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// complaints collects the problems of a part of a scenario.
type complaints []error

func (c *complaints) refuse(bad bool, format string, args ...any) {
	if bad {
		*c = append(*c, fmt.Errorf(format, args...))
	}
}

func (c *complaints) add(errs ...error) { *c = append(*c, errs...) }

func (c complaints) join() error { return errors.Join(c...) }

// historyLimit bounds the number of pipelines that next_number invents.
const historyLimit = 10_000

func (s Scenario) validate() error {
	var c complaints
	c.add(
		atLeastZero("list_lag", s.ListLag), atLeastZero("number_lag", s.NumberLag), atLeastZero("page_size", s.PageSize),
		atLeastZero("workflow_list_lag", s.WorkflowListLag), atLeastZero("latency", s.Latency), atLeastZero("act_lag", s.ActLag),
		atLeastZero("keep_requests", s.KeepRequests), within("default", s.Default.validate()),
	)
	for _, t := range s.ProjectTokens {
		c.refuse(slices.Contains(s.Tokens, t), "a token is in both tokens and project_tokens")
	}
	seen := map[string]bool{}
	for name, p := range s.Projects {
		slug := canonical(name)
		c.refuse(seen[slug], "projects: %s appears twice, with the long and the short name of its provider", slug)
		seen[slug] = true
		c.add(within("projects."+name, p.validate()))
	}
	for i, f := range s.Faults {
		c.add(within(fmt.Sprintf("faults[%d]", i), f.validate(Endpoints())))
		c.refuse(f.Kind == SecondaryLimit, "faults[%d]: %s is a fault of GitHub", i, f.Kind)
	}
	if s.Limit != nil {
		c.add(within("limit", s.Limit.validate()))
	}
	if s.Clocks != nil {
		c.add(within("clocks", s.Clocks.validate()))
	}
	if s.Chaos != nil {
		c.add(within("chaos", s.Chaos.validate()))
	}
	if s.GitHub != nil {
		c.add(within("github", s.GitHub.validate()))
	}
	return c.join()
}

func (p Project) validate() error {
	var c complaints
	c.add(
		atLeastZero("duration", p.Duration), atLeastZero("pending_for", p.PendingFor),
		atLeastZero("workflow_delay", p.WorkflowDelay), atLeastZero("next_number", p.NextNumber),
	)
	c.refuse(p.NextNumber > historyLimit, "next_number is %d, at most %d is possible", p.NextNumber, historyLimit)
	c.refuse(p.VCS != "" && p.VCS != NoVCS && p.VCS != Nameless, "vcs is %q, but none and nameless are known", p.VCS)
	c.refuse(p.SkipStatus != 0 && p.SkipStatus != 200 && p.SkipStatus != 201, "skip_status is 200 or 201, not %d", p.SkipStatus)
	c.refuse(p.Definitions != nil && len(p.Definitions) == 0, "definitions needs at least one name")
	for name, kind := range p.Parameters {
		valid := slices.Contains([]string{"string", "boolean", "integer"}, kind)
		c.refuse(!valid, "parameters.%s is %q, but string, boolean and integer are known", name, kind)
	}
	for i, r := range p.Runs {
		c.add(within(fmt.Sprintf("runs[%d]", i), r.validate()))
	}
	return c.join()
}

func (r Run) validate() error {
	own := r.Outcome != "" || r.Duration != 0 || r.Job != "" || r.Hold != nil
	pipelineOnly := r.Outcome == Errored || r.Outcome == None
	var c complaints
	switch {
	case r.SkipCI && !reflect.DeepEqual(r, Run{SkipCI: true}):
		c.refuse(true, "a run with skip_ci makes no pipeline: it cannot have another key")
	case len(r.Errors) > 0 && r.Outcome != Errored:
		c.refuse(true, "errors belong to the outcome errored")
	case r.BuildError && r.Outcome != Errored:
		c.refuse(true, "build_error belongs to the outcome errored")
	case len(r.Workflows) > 0 && own:
		c.refuse(true, "with workflows, outcome, duration, job and hold belong into each of them")
	case pipelineOnly:
		c.refuse(r.Duration != 0 || r.Job != "" || r.Hold != nil, "a pipeline with outcome %s has no duration, job or hold", r.Outcome)
	case len(r.Workflows) == 0:
		c.add(Workflow{Outcome: r.Outcome, Duration: r.Duration, Hold: r.Hold, Job: r.Job}.validate())
	default:
		c.add(validateWorkflows(r.Workflows))
	}
	c.add(atLeastZero("late", r.Late), r.Silence.validate())
	if r.Setup != nil {
		c.add(within("setup", r.Setup.validate()))
		c.refuse(r.Setup.RerunAfter > 0 && pipelineOnly, "setup.rerun_after needs a continuation")
		c.refuse(r.Setup.Never && (own || len(r.Workflows) > 0), "a setup that is never continued excludes an outcome and workflows")
	}
	return c.join()
}

func (s Setup) validate() error {
	var c complaints
	c.add(atLeastZero("duration", s.Duration), atLeastZero("delay", s.Delay), atLeastZero("rerun_after", s.RerunAfter))
	c.refuse(s.Outcome != "" && !s.Outcome.isJobOutcome(), "a setup workflow cannot come to %q", s.Outcome)
	c.refuse(s.RerunAfter > 0 && (s.Never || s.Outcome != "" && s.Outcome != Success), "rerun_after needs a setup workflow that is green and continued")
	c.refuse(s.Never && (s.Delay != 0 || s.Outcome != "" && s.Outcome != Success), "never stands alone, or with the outcome success")
	return c.join()
}

func validateWorkflows(list []Workflow) error {
	var all complaints
	seen := map[string]bool{}
	for i, w := range list {
		var c complaints
		c.add(w.validate())
		c.refuse(w.Name == "" || seen[w.Name], "each workflow needs a name of its own, this one has %q", w.Name)
		c.refuse(w.Outcome == Errored, "%s is an outcome of a pipeline, not of a workflow", w.Outcome)
		seen[w.Name] = true
		all.add(within(fmt.Sprintf("workflows[%d]", i), c.join()))
	}
	return all.join()
}

func (w Workflow) validate() error {
	var c complaints
	c.add(
		atLeastZero("duration", w.Duration), atLeastZero("queued_for", w.QueuedFor), atLeastZero("failing_for", w.FailingFor),
		atLeastZero("appears_after", w.AppearsAfter), atLeastZero("output_lines", w.OutputLines), atLeastZero("containers", w.Containers),
	)
	c.refuse(!w.Outcome.valid(), "unknown outcome %q", w.Outcome)
	seen := Workflow{Name: w.Name, Outcome: w.Outcome, Shows: w.Shows, NullID: w.NullID, AppearsAfter: w.AppearsAfter}
	c.refuse(w.Outcome == NotRun && !reflect.DeepEqual(w, seen), "a workflow that is not_run has no duration, job or hold")
	c.refuse(w.Outcome == None && !reflect.DeepEqual(w, Workflow{Name: w.Name, Outcome: None}), "a workflow that never appears has only a name")
	c.refuse(w.FailingFor > 0 && w.Outcome != Failed && w.Outcome != Canceled, "failing_for belongs to the outcomes failed and canceled")
	c.refuse(w.Refused != "" && w.Outcome != Failed && w.Outcome != InternalErr, "refused belongs to the outcomes failed and error")
	if w.Hold != nil {
		c.add(within("hold", w.Hold.validate()))
		c.refuse(w.Hold.BesideFailure && w.Outcome != Failed, "hold.beside_failure belongs to the outcome failed")
		c.refuse((w.Hold.Beside > 0 || w.Hold.BesideFailure) && w.FailingFor > 0, "failing_for and hold.beside are one and the same other job: choose one")
	}
	if w.AutoRerun != nil {
		c.add(within("auto_rerun", w.AutoRerun.validate()))
		c.refuse(w.Outcome != Failed, "auto_rerun belongs to the outcome failed")
	}
	for i, o := range w.Reruns {
		c.refuse(!o.isJobOutcome(), "reruns[%d]: a rerun cannot come to %q", i, o)
	}
	for i, show := range w.Shows {
		c.add(within(fmt.Sprintf("shows[%d]", i), errors.Join(atLeastZero("after", show.After), atLeastZero("for", show.For))))
	}
	return c.join()
}

func (h Hold) validate() error {
	var c complaints
	c.add(
		atLeastZero("after", h.After), atLeastZero("approved_after", h.ApprovedAfter),
		atLeastZero("canceled_after", h.CanceledAfter), atLeastZero("beside", h.Beside),
	)
	c.refuse(h.ApprovedAfter > 0 && h.CanceledAfter > 0, "approved_after and canceled_after exclude each other")
	return c.join()
}

func (a AutoRerun) validate() error {
	var c complaints
	c.add(atLeastZero("delay", a.Delay))
	c.refuse(a.Max < 1 || a.Max > 5, "max is 1 to 5, it is %d", a.Max)
	c.refuse(len(a.Outcomes) > a.Max, "%d outcomes for at most %d reruns", len(a.Outcomes), a.Max)
	for i, o := range a.Outcomes {
		c.refuse(!o.isJobOutcome(), "a rerun cannot come to %q", o)
		c.refuse(i < len(a.Outcomes)-1 && o != Failed, "after %q there is no further rerun", o)
	}
	return c.join()
}

func atLeastZero[N int | int64 | time.Duration](name string, n N) error {
	if n < 0 {
		return fmt.Errorf("%s must not be negative, it is %v", name, n)
	}
	return nil
}

// within prefixes every line of err with the path of the setting.
func within(path string, err error) error {
	if err == nil {
		return nil
	}
	return errors.New(path + ": " + strings.ReplaceAll(err.Error(), "\n", "\n"+path+": "))
}
