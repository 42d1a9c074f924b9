package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// A pipeline may appear long after its trigger, when gio has sent another one. So an attempt of several POSTs reads on: its
// pipelines have numbers above that of the one that gio watches.

// late looks for pipelines that an earlier POST of the attempt made.
type late struct {
	s    *session
	read time.Time // the last time; zero: never
}

// look reads on about once a minute, and once more before a success is noted. It cancels what still runs of the attempt beside
// its pipeline. When that has succeeded, or before a success something says too little to know, it asks. Once a person has
// answered which pipeline counts, it does not look.
func (l *late) look(ctx context.Context, u unit, success bool) (asked bool, err error) {
	st := l.s.rec.step(u.ids[0])
	if st.Posts < 2 || st.ByHand || !success && l.s.clock.Since(l.read) < lateApart {
		return false, nil
	}
	l.read = l.s.clock.Now()
	c, err := l.above(ctx, st, success)
	if err != nil {
		return false, err
	}
	for _, p := range c.ours {
		ended, err := l.end(ctx, p)
		switch {
		case err != nil:
			return false, err
		case ended != circleci.Failed:
			return true, l.s.ask(ctx, u, fmt.Sprintf("#%d appeared late, from an earlier try, and is %s beside #%d", p.Number, ended, st.Pipeline.Number))
		}
	}
	if success && len(c.silent) > 0 {
		return true, l.s.ask(ctx, u, fmt.Sprintf("#%d has succeeded, and %s", st.Pipeline.Number, candidates{silent: c.silent}))
	}
	return false, nil
}

// above are the pipelines with a number above that of the step's own. While CircleCI fails, it reads again only where it must
// know.
func (l *late) above(ctx context.Context, st run.Step, must bool) (candidates, error) {
	began, told := l.s.clock.Now(), time.Time{}
	st.After = max(st.After, st.Pipeline.Number)
	for {
		c, err := l.s.candidates(ctx, st)
		switch {
		case err == nil:
			return c, nil
		case ctx.Err() != nil:
			return c, stopped(ctx)
		case fault.KindOf(err) != fault.Remote || must && l.s.clock.Since(began) > readPatience:
			return c, err
		case !must:
			return candidates{}, nil
		}
		l.s.tellSilence(began, &told, st.ID.Component()+": whether an earlier try made something", readPatience, err)
		if err := l.s.clock.Sleep(ctx, time.Second); err != nil {
			return c, err
		}
	}
}

// end cancels a pipeline that still runs, and tells how it ended, or that it has not.
func (l *late) end(ctx context.Context, p circleci.Pipeline) (circleci.State, error) {
	isOver := func(st circleci.State) bool { return st == circleci.Succeeded || st == circleci.Failed }
	state := circleci.Waiting
	for deadline, cancelled := l.s.clock.Now().Add(cancelFor), false; l.s.clock.Now().Before(deadline); {
		v, err := l.s.verdict(ctx, p.ID)
		if err != nil && !slices.Contains([]fault.Kind{fault.Remote, fault.NotFound}, fault.KindOf(err)) {
			return state, err
		}
		if err == nil {
			state = v.State
		}
		if isOver(state) {
			return state, nil
		}
		if !cancelled {
			l.s.cancel(ctx, p.ID)
			cancelled = true
		}
		if err := l.s.clock.Sleep(ctx, time.Second); err != nil {
			return state, err
		}
	}
	return state, nil
}

// askIfMissed asks a person, and so holds a new attempt back, when there is a pipeline that the last one may have made although
// gio took it for failed.
func (s *session) askIfMissed(ctx context.Context, u unit) (asked bool, err error) {
	st := s.rec.step(u.ids[0])
	if st.Status != run.HasFailed || st.ByHand || st.Project == "" || st.Pipeline.ID != "" && st.Posts < 2 {
		return false, nil
	}
	c, err := s.candidates(ctx, st)
	switch {
	case ctx.Err() != nil:
		return false, stopped(ctx)
	case fault.KindOf(err) == fault.NotFound: // of the project, about which the attempt fails
		return false, nil
	case err != nil || c.none():
		return false, err
	}
	return true, s.ask(ctx, u, "before a new try: "+c.String())
}
