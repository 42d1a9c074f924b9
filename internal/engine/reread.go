package engine

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// Reread asks CircleCI once how the pipelines stand that a run with these events had not seen succeed, and gives the state that
// this comes to: what the next driver would find first. It writes nothing. A green pipeline whose proof is a tag counts as
// running: nobody is asked for the tag.
func Reread(ctx context.Context, ci *circleci.Client, events []run.Event) (*run.State, error) {
	state, err := run.Fold(events)
	if err != nil || state.Plan == nil {
		return state, err
	}
	x := &Execution{
		CI: ci, Plan: state.Plan,
		Open: func(run.Header) (Journal, []run.Event, error) { return &journal.Memory{}, events, nil },
		Tagged: func(context.Context, string, string) (bool, error) {
			return false, fault.New(fault.Remote, "not-asked", "nobody is asked for tags")
		},
	}
	if err := x.Prepare(state.Header); err != nil {
		return nil, err
	}
	s := x.session(nil)
	var g errgroup.Group
	g.SetLimit(MostParallel)
	for _, u := range s.begun(s.plan.Steps()) {
		if st := s.rec.step(u.ids[0]); st.Pipeline.ID != "" {
			g.Go(func() error { return s.noteForbidden(ctx, u, s.readOnce(ctx, u, st)) })
		}
	}
	err = fault.Worst(g.Wait(), s.rec.end(ctx))
	return x.State(), err
}
