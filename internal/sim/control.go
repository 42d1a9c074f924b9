package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Push makes the pipeline of somebody's push: trigger type webhook. It succeeds and uses up none of
// Project.Runs. A bare repository name suffices for a project that was addressed before, or is listed by its slug.
func (s *Sim) Push(project, branch, actor string) (Pipeline, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.scenario.Now()
	p, err := s.find(project, now)
	if err != nil {
		return Pipeline{}, err
	}
	made := s.add(p, ref{branch: branch}, now)
	made.trigger, made.actor = "webhook", actor
	s.schedule(made, Run{})
	made.supersede()
	s.pipelines = append(s.pipelines, made)
	return show(made, now), nil
}

// Trigger makes an API pipeline of another login, as if triggered with its token. Parameters are strings, booleans
// and int64. The pipeline succeeds and uses up none of Project.Runs.
func (s *Sim) Trigger(project, branch, login string, parameters map[string]any) (Pipeline, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.scenario.Now()
	p, err := s.find(project, now)
	if err != nil {
		return Pipeline{}, err
	}
	values := map[string]any{} // as for an absent body
	maps.Copy(values, parameters)
	return show(s.launch(p, ref{branch: branch}, login, values, Run{}, now), now), nil
}

// Rerun does what "rerun from failed" does in CircleCI's web page, for every workflow of the pipeline whose
// newest is failed. The new workflows begin at once and end with the given outcome, which must be one of a workflow.
func (s *Sim) Rerun(project string, number int64, outcome Outcome) error {
	if outcome == Held || outcome == Errored || outcome == None || !outcome.valid() || outcome == "" {
		return fmt.Errorf("sim: a rerun cannot come to %q", outcome)
	}
	failed := func(w *workflow, now time.Time) bool { return w.status(now) == string(Failed) }
	return s.eachNewest(project, number, "failed", failed, func(w *workflow, now time.Time) { s.rerun(w, outcome, now) })
}

// RerunSetup does what somebody does who reruns, in CircleCI's web page, the setup workflow of a pipeline that is continued:
// it takes as long as before and fails, because the pipeline is not in setup state.
func (s *Sim) RerunSetup(project string, number int64) error {
	continued := func(w *workflow, now time.Time) bool {
		return w.tag == "setup" && final(w.status(now)) && reached(w.pipeline.continued(), now)
	}
	return s.eachNewest(project, number, "a setup workflow that is continued", continued, func(w *workflow, now time.Time) { s.rerunSetup(w.pipeline, now) })
}

// Approve approves every job of the pipeline that is on hold, as somebody does in CircleCI's web page.
func (s *Sim) Approve(project string, number int64) error {
	return s.eachNewest(project, number, "on_hold", (*workflow).holds, func(w *workflow, now time.Time) { w.approved = now })
}

// Cancel cancels the pipeline's unfinished workflows, as somebody does in CircleCI's web page.
func (s *Sim) Cancel(project string, number int64) error {
	runs := func(w *workflow, now time.Time) bool {
		return slices.Contains([]string{"running", "failing", "on_hold", "queued"}, w.status(now))
	}
	return s.eachNewest(project, number, "running", runs, func(w *workflow, now time.Time) { w.cancel(now, s.user("somebody")) })
}

// Finish ends the pipeline's running workflows now, whatever their duration: with a duration of days a pipeline
// ends when a test says so, and not before. It does not touch workflows that are queued, on hold or not begun.
func (s *Sim) Finish(project string, number int64) error {
	runs := func(w *workflow, now time.Time) bool {
		c := w.course()
		return c.status(now) == "running" && (!c.held || reached(c.approval, now))
	}
	return s.eachNewest(project, number, "running", runs, func(w *workflow, now time.Time) { w.finished = now })
}

// eachNewest calls do for the newest workflow of every name that matches. It fails when none does; condition names in the
// error what was expected.
func (s *Sim) eachNewest(project string, number int64, condition string, matches func(*workflow, time.Time) bool, do func(*workflow, time.Time)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.scenario.Now()
	p, err := s.find(project, now)
	if err != nil {
		return err
	}
	if number < 1 || number > int64(len(p.pipelines)) {
		return fmt.Errorf("sim: %s has no pipeline %d", p.slug, number)
	}
	none := true
	for _, w := range p.pipelines[number-1].newest(now) {
		if matches(w, now) {
			none = false
			do(w, now)
		}
	}
	if none {
		return fmt.Errorf("sim: no workflow of pipeline %d of %s is %s", number, p.slug, condition)
	}
	return nil
}

// find returns the project of a slug, or the only listed or addressed one of that repository name.
func (s *Sim) find(name string, now time.Time) (*project, error) {
	if strings.Contains(name, "/") {
		if p := s.ensureProject(canonical(name), now); p != nil {
			return p, nil
		}
		return nil, fmt.Errorf("sim: there is no project %s", name)
	}
	slugs := slices.AppendSeq(slices.Collect(maps.Keys(s.projects)), maps.Keys(s.scenario.Projects))
	for i := range slugs {
		slugs[i] = canonical(slugs[i])
	}
	slices.Sort(slugs)
	slugs = slices.DeleteFunc(slices.Compact(slugs), func(slug string) bool { return !strings.HasSuffix(slug, "/"+name) })
	if len(slugs) != 1 {
		return nil, fmt.Errorf("sim: %q means %d known projects, use the slug", name, len(slugs))
	}
	return s.find(slugs[0], now)
}
