package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
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
	free      func(ctx context.Context, pipeline string) (bool, error)           // Execution.Free
	wake      func(pipeline string) <-chan struct{}                              // Execution.Wake
	told      func() bool                                                        // Execution.Told
	lookedFor func(context.Context, int64, time.Duration) (time.Duration, error) // Execution.Looked
	simulated bool
	trouble   func(sentence string) // Execution.Trouble

	slots *semaphore.Weighted
	stop  <-chan struct{} // closed: start nothing new, watch on what runs
	// cancelled is closed when somebody cancels the run elsewhere: start nothing new, what runs ends soon.
	cancelled <-chan struct{}

	pace      pace
	holdLimit time.Duration
	failFast  bool // a failure cancels the pipelines of its wave
	once      bool // Execution.Once

	halted atomic.Bool // something is wrong beside the pipelines: start nothing new
	alarm  *alarm      // of the wave that runs

	mu     sync.Mutex
	tried  map[plan.StepID]bool // had its attempt in this session
	looked map[plan.StepID]look
}

// alarm is raised by the first failure of a wave: then nobody waits for its holds any more.
type alarm struct {
	raised chan struct{} // closed
	once   sync.Once
}

func newAlarm() *alarm { return &alarm{raised: make(chan struct{})} }

func (a *alarm) raise() { a.once.Do(func() { close(a.raised) }) }

func (a *alarm) rang() bool { return closed(a.raised) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// drive works through the plan, and reads at its end what failed jobs printed where that was not given before. Its error is what stopped the session; how the pipelines ended is in
// the state (see outcome). Later waves are skipped when a step of a wave did not succeed.
func (s *session) drive(ctx context.Context) error {
	err := s.work(ctx)
	s.readMissingLines(ctx)
	return err
}

func (s *session) work(ctx context.Context) error {
	if err := s.readAgain(ctx); err != nil {
		return err
	}
	for i, wave := range s.plan.Waves {
		if err := s.waveToItsEnd(ctx, wave); err != nil {
			return err
		}
		s.rec.hurry(ctx, noteStart) // the next wave's intents write it, unless they are late
		if behind := s.notSucceeded(wave); len(behind) > 0 {
			return s.skipFrom(ctx, i+1, behind)
		}
	}
	return nil
}

// waveToItsEnd runs a wave, and goes on with it for as long as somebody re-runs what failed in it.
func (s *session) waveToItsEnd(ctx context.Context, w plan.Wave) error {
	for {
		if err := s.wave(ctx, w); err != nil || s.stopping() {
			return err
		}
		again, err := s.readFailed(ctx, w)
		if err != nil || !again {
			return err
		}
	}
}

// readFailed reads the failed pipelines of the wave again, and tells whether one runs again or has what it lacked. It leaves
// out those that gio gave up waiting for.
func (s *session) readFailed(ctx context.Context, w plan.Wave) (again bool, err error) {
	for _, u := range s.begun(w.Steps) {
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

// wave brings every step of a wave as far as it goes. What runs already is watched from the beginning, and takes its slots
// before anything is started. Units of one project are started one after the other: the pipelines of a branch may cancel each
// other, and their numbers tell whose is whose.
func (s *session) wave(ctx context.Context, w plan.Wave) error {
	s.alarm = newAlarm()
	var g errgroup.Group
	errs := make(chan error, len(w.Steps))
	bring := func(u unit, held *slot) error {
		defer held.giveBack()
		err := s.noteForbidden(ctx, u, s.finish(ctx, u, held))
		if err != nil {
			s.halted.Store(true)
			errs <- err
		}
		return err
	}
	var starts []func() error
	for _, units := range s.projects(w) {
		running, rest := s.apart(units)
		watched := s.bringRunning(running, bring)
		starts = append(starts, func() error {
			err := watched()
			for i := 0; err == nil && i < len(rest); i++ {
				err = bring(rest[i], s.slot())
			}
			return err
		})
	}
	for _, start := range starts {
		g.Go(start)
	}
	first := g.Wait()
	close(errs)
	for err := range errs {
		first = fault.Worst(first, err)
	}
	return first
}

// bringRunning brings units that run, or are held, to their end at once, each with a slot if there is one; wait waits for them.
func (s *session) bringRunning(units []unit, bring func(unit, *slot) error) (wait func() error) {
	var g errgroup.Group
	for _, u := range units {
		held := s.slot()
		if s.rec.step(u.ids[0]).Status == run.Running {
			held.takeIfFree()
		}
		g.Go(func() error { return bring(u, held) })
	}
	return g.Wait
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
	return s.halted.Load() || s.stopping() || s.failFast && s.alarm.rang()
}

func (s *session) stopping() bool { return closed(s.stop) || closed(s.cancelled) }

func (s *session) notSucceeded(w plan.Wave) []run.Step {
	var behind []run.Step
	for _, st := range w.Steps {
		if now := s.rec.step(plan.ID(st.Component, st.Version)); now.Status != run.HasSucceeded {
			behind = append(behind, now)
		}
	}
	return behind
}

// skipFrom says once why the waves from index on are not started.
func (s *session) skipFrom(ctx context.Context, index int, behind []run.Step) error {
	var ids []plan.StepID
	for _, w := range s.plan.Waves[min(index, len(s.plan.Waves)):] {
		for _, st := range w.Steps {
			id := plan.ID(st.Component, st.Version)
			if s.rec.step(id).Status == run.Pending {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	reason := "upstream: " + behind[0].ID.Component() + " has not succeeded"
	if s.stopping() {
		reason = "stopped before their wave"
	}
	if closed(s.cancelled) {
		reason = "the run was cancelled before their wave"
	}
	return s.rec.add(ctx, run.Event{Type: run.Skipped, Steps: ids, Reason: reason})
}

// readAgain reads, before anything is started, the pipeline of every step that an earlier driver has begun, and looks up every
// open intent. A success is a success, whoever re-ran it; the wave of what runs watches it; what has failed may have a new
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
