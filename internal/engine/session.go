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

	tagged    func(ctx context.Context, repository, tag string) (bool, error) // Execution.Tagged
	simulated bool

	slots *semaphore.Weighted
	stop  <-chan struct{} // closed: start nothing new, watch on what runs
	// cancelled is closed when somebody cancels the run elsewhere: start nothing new, what runs ends soon.
	cancelled <-chan struct{}

	// CircleCI's clock when the session began, and ours: what is decided by time is decided by its clock,
	// which all drivers share.
	serverBegan, began time.Time

	pace      pace
	holdLimit time.Duration
	failFast  bool // a failure cancels the pipelines of its wave

	halted atomic.Bool // something is wrong that is not a pipeline's: start nothing new
	alarm  *alarm      // of the wave that runs

	mu    sync.Mutex
	tried map[run.StepID]bool // had its attempt in this session
}

// unit is the steps that share one pipeline, and the facts they have in common.
type unit struct {
	steps []plan.Step // never empty; the first one speaks for all
	ids   []run.StepID
}

// alarm is raised by the first failure of a wave: its holds are not waited for any more.
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

// serverNow is CircleCI's clock, as far as the time since the session began tells.
func (s *session) serverNow() time.Time { return s.serverBegan.Add(s.clock.Since(s.began)) }

func newUnit(steps []plan.Step) unit {
	u := unit{steps: steps}
	for _, st := range steps {
		u.ids = append(u.ids, run.ID(st.Component, st.Version))
	}
	return u
}

// drive works through the plan. Its error is what stopped the session; how the pipelines ended is in
// the state (see outcome). Later waves are skipped when a step of a wave did not succeed.
func (s *session) drive(ctx context.Context) error {
	if err := s.readAgain(ctx); err != nil {
		return err
	}
	for i, wave := range s.plan.Waves {
		if err := s.waveToItsEnd(ctx, wave); err != nil {
			return err
		}
		s.rec.hurry(ctx, noteStart) // should the next wave's intents, which take it along, not come at once
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
		again, err := s.rerun(ctx, w)
		if err != nil || !again {
			return err
		}
	}
}

// rerun tells whether a pipeline of the wave that CircleCI said had failed runs again, or what it lacked is there now. One that gio gave
// up waiting for is not waited for again.
func (s *session) rerun(ctx context.Context, w plan.Wave) (again bool, err error) {
	for _, u := range s.left(w.Steps) {
		st := s.rec.step(u.ids[0])
		if st.Status != run.HasFailed || st.Code != "pipeline-failed" && st.Code != noProof {
			continue
		}
		if err := s.readOnce(ctx, u, st); err != nil {
			return false, err
		}
		again = again || s.rec.step(u.ids[0]).Status != run.HasFailed
	}
	return again, nil
}

// wave brings every step of a wave as far as it goes. Units of one project follow one another: the
// pipelines of a branch may cancel each other, and their numbers tell whose is whose.
func (s *session) wave(ctx context.Context, w plan.Wave) error {
	s.alarm = newAlarm()
	var g errgroup.Group
	errs := make(chan error, len(w.Steps))
	for _, units := range s.byProject(w) {
		g.Go(func() error {
			for _, u := range units {
				if err := s.finish(ctx, u); err != nil {
					s.halted.Store(true)
					errs <- err
					return err
				}
			}
			return nil
		})
	}
	first := g.Wait()
	close(errs)
	for err := range errs {
		first = fault.Worst(first, err)
	}
	return first
}

func (s *session) byProject(w plan.Wave) [][]unit {
	index := map[string]int{}
	var projects [][]unit
	for _, steps := range plan.Units(w) {
		for _, u := range s.split(steps) {
			i, known := index[u.steps[0].Project]
			if !known {
				i = len(projects)
				index[u.steps[0].Project] = i
				projects = append(projects, nil)
			}
			projects[i] = append(projects[i], u)
		}
	}
	return projects
}

// split separates the steps whose pipelines differ already: what succeeded stays out, what runs is
// watched by itself, what must be started is started together.
func (s *session) split(steps []plan.Step) []unit {
	var start []plan.Step
	var units []unit
	together := map[string]int{}
	for _, st := range steps {
		switch now := s.rec.step(run.ID(st.Component, st.Version)); now.Status {
		case run.HasSucceeded, run.IsUnknown:
		case run.Pending, run.WasSkipped, run.HasFailed:
			start = append(start, st)
		default:
			key := now.Pipeline.ID + now.From.String()
			if i, ok := together[key]; ok {
				units[i] = newUnit(append(units[i].steps, st))
				continue
			}
			together[key] = len(units)
			units = append(units, newUnit([]plan.Step{st}))
		}
	}
	if len(start) > 0 {
		units = append(units, newUnit(start))
	}
	return units
}

// finish brings a unit to its end from wherever its facts stand: a fresh one and one that an earlier
// driver left take the same way. It returns nil when there is nothing more to do in this session.
func (s *session) finish(ctx context.Context, u unit) error {
	if err := s.slots.Acquire(ctx, 1); err != nil {
		return stopped(ctx)
	}
	held := &slot{s: s.slots}
	defer held.release()
	for {
		if err := ctx.Err(); err != nil {
			return stopped(ctx)
		}
		var err error
		switch st := s.rec.step(u.ids[0]); st.Status {
		case run.HasSucceeded, run.IsUnknown:
			return nil
		case run.Pending, run.WasSkipped, run.HasFailed:
			if s.done(u) || s.mayNotStart() {
				return nil
			}
			err = s.trigger(ctx, u)
		case run.Intended:
			if s.done(u) {
				return nil // looked up and left open: what comes next is for the next session
			}
			s.try(u)
			err = s.settle(ctx, u, !s.mayNotStart())
		case run.Running, run.OnHold:
			if !s.plan.Watches(u.steps[0].ID()) {
				return nil
			}
			return s.watch(ctx, u, held)
		}
		if err != nil {
			return err
		}
	}
}

// done tells whether the unit had its attempt in this session.
func (s *session) done(u unit) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried[u.ids[0]]
}

func (s *session) try(u unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range u.ids {
		s.tried[id] = true
	}
}

// mayNotStart tells that nothing new may be started.
func (s *session) mayNotStart() bool {
	return s.halted.Load() || s.stopping() || s.failFast && s.alarm.rang()
}

func (s *session) stopping() bool { return closed(s.stop) || closed(s.cancelled) }

func (s *session) notSucceeded(w plan.Wave) []run.Step {
	var behind []run.Step
	for _, st := range w.Steps {
		if now := s.rec.step(run.ID(st.Component, st.Version)); now.Status != run.HasSucceeded {
			behind = append(behind, now)
		}
	}
	return behind
}

// skipFrom says once why the waves from index on are not started.
func (s *session) skipFrom(ctx context.Context, index int, behind []run.Step) error {
	var ids []run.StepID
	for _, w := range s.plan.Waves[min(index, len(s.plan.Waves)):] {
		for _, st := range w.Steps {
			id := run.ID(st.Component, st.Version)
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

// slot is a place among the pipelines that run at once. A held pipeline gives it back.
type slot struct {
	s    *semaphore.Weighted
	gone bool
}

func (h *slot) release() {
	if !h.gone {
		h.s.Release(1)
		h.gone = true
	}
}

// readAgain looks, before anything is started, at every step that an earlier driver left with a
// pipeline or an open intent: a success is a success, whoever re-ran it; what runs is watched in its
// wave; a failure may have a new attempt.
func (s *session) readAgain(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(MaxParallel)
	for _, u := range s.left(s.plan.Steps()) {
		g.Go(func() error {
			st := s.rec.step(u.ids[0])
			if st.Cancel != "" {
				s.cancel(ctx, st.Cancel)
			}
			switch {
			case st.Status == run.Intended:
				return s.settle(ctx, u, false)
			case !s.plan.Watches(u.steps[0].ID()) && (st.Status == run.Running || st.Status == run.OnHold):
				return nil
			}
			return s.readOnce(ctx, u, st)
		})
	}
	return g.Wait()
}

// left is the units of these steps, by the pipeline they have or the intent that is open.
func (s *session) left(steps []plan.Step) []unit {
	index := map[string]int{}
	var units []unit
	for _, st := range steps {
		now := s.rec.step(run.ID(st.Component, st.Version))
		open := now.Status == run.Intended
		read := now.Pipeline.ID != "" && slices.Contains([]run.Status{run.Running, run.OnHold, run.HasFailed, run.IsUnknown}, now.Status)
		if !open && !read {
			continue
		}
		key := now.Pipeline.ID + "/" + now.Project + now.Branch + now.From.String()
		if i, ok := index[key]; ok {
			units[i] = newUnit(append(units[i].steps, st))
			continue
		}
		index[key] = len(units)
		units = append(units, newUnit([]plan.Step{st}))
	}
	return units
}
