package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// session is one driver's time with a plan.
type session struct {
	clock Clock
	rec   *recorder
	ci    *circleci.Client
	plan  *plan.Plan
	ready func(context.Context, []plan.Step) error // Execution.Ready

	tagged    func(ctx context.Context, repository, tag string) (bool, error)    // Execution.Tagged
	poms      func(ctx context.Context, st plan.Step) (string, error)            // Execution.Poms
	free      func(ctx context.Context, pipeline string) (bool, error)           // Execution.Free
	wake      func(pipeline string) <-chan struct{}                              // Execution.Wake
	told      func() bool                                                        // Execution.Told
	lookedFor func(context.Context, int64, time.Duration) (time.Duration, error) // Execution.Looked
	simulated bool
	trouble   func(sentence string) // Execution.Trouble

	slots *slots
	stop  <-chan struct{} // closed: start nothing new, watch on what runs
	// cancelled is closed when somebody cancels the run elsewhere: start nothing new, what runs ends soon.
	cancelled <-chan struct{}

	pace      pace
	holdLimit time.Duration
	settling  time.Duration // Execution.Settle
	failFast  bool          // a failure cancels the pipelines that run
	once      bool          // Execution.Once

	halted chan struct{} // closed by halt: something is wrong beside the pipelines, start nothing new
	halt   func()        // any number of times
	alarm  *alarm        // of the pass that is under way

	mu     sync.Mutex
	tried  map[plan.StepID]bool // had its attempt in this session
	looked map[plan.StepID]look
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// drive works through the plan, and reads at its end what failed jobs printed where that was not given before. Its error is what stopped the session; how the pipelines ended is in
// the state (see outcome). What waits for a step that did not succeed is skipped.
func (s *session) drive(ctx context.Context) error {
	err := s.work(ctx)
	s.readMissingLines(ctx)
	return err
}

func (s *session) work(ctx context.Context) error {
	if err := s.readAgain(ctx); err != nil {
		return err
	}
	if err := s.passes(ctx); err != nil {
		return err
	}
	return s.skipWaiting(ctx)
}

// passes goes on with the plan for as long as somebody re-runs what failed in it.
func (s *session) passes(ctx context.Context) error {
	for {
		if err := s.pass(ctx); err != nil || s.stopping() {
			return err
		}
		again, err := s.readFailed(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// readFailed reads the failed pipelines of this session again, and tells whether one runs again or has what it lacked. It leaves
// out those that gio gave up waiting for.
func (s *session) readFailed(ctx context.Context) (again bool, err error) {
	reached := slices.DeleteFunc(s.plan.Steps(), func(st plan.Step) bool { return s.waits([]plan.Step{st}) })
	for _, u := range s.begun(reached) {
		st := s.rec.step(u.ids[0])
		if st.Status != run.HasFailed || !slices.Contains([]string{"pipeline-failed", noProof, ApprovalLeft}, st.Code) {
			continue
		}
		if err := s.noteForbidden(ctx, u, s.readOnce(ctx, u, st)); err != nil {
			return false, err
		}
		again = again || s.rec.step(u.ids[0]).Status != run.HasFailed
	}
	return again, nil
}

// finish brings a unit to its end from wherever it stands: a fresh one and one that an earlier driver has begun go the same
// way. It returns nil when there is nothing more to do in this session.
func (s *session) finish(ctx context.Context, u unit, held *slot) error {
	for {
		if err := ctx.Err(); err != nil {
			return stopped(ctx)
		}
		switch st := s.rec.step(u.ids[0]); st.Status {
		case run.HasSucceeded, run.IsUnknown:
			return nil
		case run.Running, run.OnHold:
			if !s.plan.Watches(u.steps[0].ID()) {
				return nil
			}
			return s.watch(ctx, u, held)
		case run.Pending, run.WasSkipped, run.HasFailed, run.Intended:
			if over, err := s.start(ctx, u, held); over || err != nil {
				return err
			}
		}
	}
}

// start begins an attempt, or settles one whose intent is open, once there is a slot. It is over when this session may do
// neither.
func (s *session) start(ctx context.Context, u unit, held *slot) (over bool, err error) {
	if s.wasTried(u) { // its look-up, too, did not settle it: the next session goes on
		return true, nil
	}
	if !held.taken {
		return false, held.take(ctx) // and look again: waiting may have changed everything
	}
	if s.rec.step(u.ids[0]).Status == run.Intended {
		s.markTried(u)
		return false, s.settle(ctx, u, !s.mayNotStart())
	}
	if s.mayNotStart() || s.once && s.rec.step(u.ids[0]).Status == run.HasFailed {
		return true, nil
	}
	s.markTried(u)
	if asked, err := s.askIfGreen(ctx, u); asked || err != nil {
		return false, err
	}
	return false, s.trigger(ctx, u)
}

// wasTried tells whether the unit had its attempt in this session.
func (s *session) wasTried(u unit) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried[u.ids[0]]
}

func (s *session) markTried(u unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range u.ids {
		s.tried[id] = true
	}
}

// mayNotStart tells whether this session must start nothing new.
func (s *session) mayNotStart() bool {
	return closed(s.halted) || s.stopping() || s.failFast && s.alarm.rang()
}

func (s *session) stopping() bool { return closed(s.stop) || closed(s.cancelled) }

// skipWaiting says once why the steps that still wait are not started: by which one they are kept back, or that the run stops.
func (s *session) skipWaiting(ctx context.Context) error {
	var skipped []run.Event
	s.rec.view(func(state *run.State) {
		for _, planned := range s.plan.Steps() {
			origin, waits := state.KeptBackBy(planned.ID())
			if !waits || state.Step(planned.ID()).Status != run.Pending {
				continue
			}
			reason := s.whyNotStarted(origin)
			i := slices.IndexFunc(skipped, func(e run.Event) bool { return e.Reason == reason })
			if i < 0 {
				i = len(skipped)
				skipped = append(skipped, run.Event{Type: run.Skipped, Reason: reason})
			}
			skipped[i].Steps = append(skipped[i].Steps, planned.ID())
		}
	})
	for i, e := range skipped {
		if i < len(skipped)-1 {
			if err := s.rec.note(ctx, e, noteStart); err != nil {
				return err
			}
			continue
		}
		return s.rec.add(ctx, e)
	}
	return nil
}

func (s *session) whyNotStarted(origin run.Step) string {
	turn := "wave"
	if s.plan.IsByGraph() {
		turn = "turn"
	}
	switch {
	case closed(s.cancelled):
		return "the run was cancelled before their " + turn
	case s.stopping():
		return "stopped before their " + turn
	}
	return "upstream: " + origin.ID.Component() + " has not succeeded"
}

// readAgain reads, before anything is started, the pipeline of every step that an earlier driver has begun, and looks up every
// open intent. A success is a success, whoever re-ran it; what runs is watched in its turn; what has failed may have a new
// attempt.
func (s *session) readAgain(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(MostParallel)
	for _, u := range s.begun(s.plan.Steps()) {
		g.Go(func() error {
			st := s.rec.step(u.ids[0])
			if st.Cancel != "" {
				s.cancel(ctx, st.Cancel)
			}
			switch {
			case st.Status == run.Intended:
				return s.noteForbidden(ctx, u, s.settle(ctx, u, false))
			case !s.plan.Watches(u.steps[0].ID()) && (st.Status == run.Running || st.Status == run.OnHold):
				return nil
			}
			return s.noteForbidden(ctx, u, s.readOnce(ctx, u, st))
		})
	}
	return g.Wait()
}
