package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/run"
)

// FailureOutput returns a function that reads the last lines of a step's failed job. Without a token for the run's CircleCI read
// is nil, and note says why the lines are missing.
func FailureOutput(ctx context.Context, s Setup, k Snapshot) (read func(run.Step) []string, note string) {
	if len(k.State.With(run.HasFailed)) == 0 {
		return nil, ""
	}
	ci, err := s.circleCI()
	switch {
	case err != nil:
		return nil, "The last lines of the failed jobs are missing: no CircleCI token was found when this was written."
	case ci.Host() != k.Header.Host:
		return nil, fmt.Sprintf("The last lines of the failed jobs are missing: the run was on %s, and the token is for %s.", k.Header.Host, ci.Host())
	}
	return func(st run.Step) []string {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		return engine.LastLines(ctx, ci, st)
	}, ""
}
