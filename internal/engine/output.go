package engine

import (
	"context"
	"slices"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/run"
)

// LastLines reads what the failing job of a step printed last, which no journal keeps. There are none where CircleCI does not
// give them any more, or not to this token.
func LastLines(ctx context.Context, ci *circleci.Client, st run.Step) []string {
	if st.Pipeline.ID == "" || st.Job == "" {
		return nil
	}
	workflows, err := ci.Workflows(ctx, st.Pipeline.ID)
	if err != nil {
		return nil
	}
	var newest circleci.Workflow
	for _, w := range workflows {
		if w.Name == st.Workflow && (newest.ID == "" || w.CreatedAt.After(newest.CreatedAt)) {
			newest = w
		}
	}
	if newest.ID == "" {
		return nil
	}
	jobs, err := ci.Jobs(ctx, newest.ID)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(jobs, func(j circleci.Job) bool { return j.Name == st.Job && j.Number > 0 })
	if i < 0 {
		return nil
	}
	return ci.FailureOutput(ctx, st.Project, jobs[i].Number)
}
