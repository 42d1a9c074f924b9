package engine

import (
	"context"
	"fmt"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// noteForbidden notes that CircleCI does not show a unit's project, or its pipeline, to the user of the token: the others go on. An
// attempt that has nothing yet fails. What may exist is left to a person, and the next driver reads it again. Any other error is
// given back.
func (s *session) noteForbidden(ctx context.Context, u unit, err error) error {
	if !circleci.IsForbidden(err) || ctx.Err() != nil {
		return err
	}
	switch s.rec.step(u.ids[0]).Status {
	case run.Pending, run.HasFailed:
		return s.fail(ctx, u, run.Event{Code: notAllowed, Reason: err.Error()})
	case run.Intended, run.Running, run.OnHold:
		return s.ask(ctx, u, fmt.Sprintf("how its pipeline stands cannot be read: %s", err))
	case run.HasSucceeded, run.IsUnknown, run.WasSkipped:
	}
	return nil
}

// refusesToken tells whether CircleCI refuses the token itself, and not only what it was used for.
func (s *session) refusesToken(ctx context.Context) bool {
	_, err := s.ci.Me(ctx)
	return fault.KindOf(err) == fault.Auth
}

// isFluke tells whether CircleCI refused the token of a POST, for the first time in this attempt, and knows its user all the same.
// The refusal is CircleCI's own: nothing was made.
func (s *session) isFluke(ctx context.Context, t *circleci.TriggerError, p *posts) bool {
	if t.Status != 401 || p.refused {
		return false
	}
	p.refused = true
	return !s.mayNotStart() && !s.refusesToken(ctx)
}
