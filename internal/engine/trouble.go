package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// tell tells Execution.Trouble what takes long.
func (s *session) tell(format string, args ...any) {
	if s.trouble != nil {
		s.trouble(fmt.Sprintf(format, args...))
	}
}

// name names the steps of a unit.
func (u unit) name() string {
	var names []string
	for _, st := range u.steps {
		names = append(names, st.Component+" "+st.Version)
	}
	return strings.Join(names, ", ")
}

// tellLooking tells that a look-up begins, of which that much is past.
func (s *session) tellLooking(u unit, past time.Duration) {
	left := max(lookUpFor-past, 0)
	s.tell("%s: whether its trigger made a pipeline is not known: looking for it, up to %d s", u.name(), int(left.Seconds()))
}

// tellSilence tells that something has not been read since then, why, and how much longer gio tries; once a minute, which told
// remembers. The error is that of the last reading.
func (s *session) tellSilence(since time.Time, told *time.Time, what string, limit time.Duration, err error) {
	now := s.clock.Now()
	if err == nil || now.Sub(since) < troubleAfter || now.Sub(*told) < troubleApart {
		return
	}
	*told = now
	left := max(limit-now.Sub(since), 0).Round(time.Second)
	s.tell("%s cannot be read, still trying for about %s (%s)", what, left, strings.Join(strings.Fields(err.Error()), " "))
}

// nameOf names the step that has a pipeline.
func (s *session) nameOf(pipeline string) string {
	var id plan.StepID
	s.rec.view(func(state *run.State) { id, _ = state.Owner(pipeline) })
	if id == "" {
		return "pipeline " + pipeline
	}
	return id.Component() + " " + id.Version()
}
