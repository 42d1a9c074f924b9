package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/run"
)

// LastLines reads what the failing job of a step printed last, which no journal keeps. There are none where CircleCI does not
// give them any more, or not to this token.
func LastLines(ctx context.Context, ci *circleci.Client, st run.Step) []string {
	lines, _ := lastLines(ctx, ci, st)
	return lines
}

// lastLines says, too, whether there should be some: the job has begun, or CircleCI does not tell.
func lastLines(ctx context.Context, ci *circleci.Client, st run.Step) (lines []string, expected bool) {
	if st.Pipeline.ID == "" || st.Job == "" {
		return nil, false
	}
	workflows, err := ci.Workflows(ctx, st.Pipeline.ID)
	if err != nil {
		return nil, true
	}
	var newest circleci.Workflow
	for _, w := range workflows {
		if w.Name == st.Workflow && (newest.ID == "" || w.CreatedAt.After(newest.CreatedAt)) {
			newest = w
		}
	}
	if newest.ID == "" {
		return nil, false
	}
	jobs, err := ci.Jobs(ctx, newest.ID)
	if err != nil {
		return nil, true
	}
	i := slices.IndexFunc(jobs, func(j circleci.Job) bool { return j.Name == st.Job && j.Number > 0 })
	if i < 0 {
		return nil, false
	}
	return ci.FailureOutput(ctx, st.Project, jobs[i].Number), true
}

// readMissingLines reads again what failed jobs printed last, where CircleCI did not give it when they failed: of many failures
// at once it answers only some in time. What is still missing is said.
func (s *session) readMissingLines(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var missing []run.Step
	s.rec.view(func(state *run.State) {
		missing = slices.DeleteFunc(state.With(run.HasFailed), func(st run.Step) bool { return st.Job == "" || len(st.Output) > 0 })
	})
	deadline := s.clock.Now().Add(linesFor)
	var g errgroup.Group
	g.SetLimit(2) // so that none waits long for the others' requests
	for _, st := range missing {
		g.Go(func() error {
			s.readLines(ctx, st, deadline)
			return nil
		})
	}
	_ = g.Wait() // nothing of it fails
}

func (s *session) readLines(ctx context.Context, st run.Step, deadline time.Time) {
	var lines []string
	expected := true
	if ctx.Err() == nil && s.clock.Now().Before(deadline) {
		lines, expected = lastLines(ctx, s.ci, st)
	}
	if len(lines) == 0 && expected {
		lines = []string{fmt.Sprintf("(CircleCI did not give the last lines of job %s in time)", st.Job)}
	}
	if len(lines) > 0 {
		s.rec.setOutput(st.ID, lines)
	}
}
