package journal

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// TestOneRetries: of many who want to run the same workflow again, beside a driver that pushes all the time, one does. Another
// component's, and a later workflow of the same, are no hindrance.
func TestOneRetries(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	keep(t, g, calls()[0]...)
	note := func(component, workflow string) error {
		by := canceller()
		by.ID = rand.Text()
		return NoteRetryGit(t.Context(), view(t, dir), header(), component, workflow, by, func(events []run.Event, held run.Lease) error {
			if len(events) == 0 || held.Driver != g.options.Driver.ID {
				t.Errorf("%d events, driven by %q", len(events), held.Driver)
			}
			return nil
		})
	}
	var all sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		all.Go(func() { errs <- note("api", "w1") })
	}
	keep(t, g, calls()[1]...)
	all.Wait()
	close(errs)
	noted := 0
	for err := range errs {
		if err == nil {
			noted++
		} else {
			isFault(t, err, fault.Stopped, "retried-elsewhere", "api has just been run again by mona, at 2")
		}
	}
	if noted != 1 {
		t.Errorf("%d of %d run it again", noted, cap(errs))
	}
	for component, workflow := range map[string]string{"gateway": "w1", "api": "w2"} {
		if err := note(component, workflow); err != nil {
			t.Errorf("%s %s: %v", component, workflow, err)
		}
	}
	refusal := fault.New(fault.Invalid, "no-retry", "no")
	err := NoteRetryGit(t.Context(), view(t, dir), header(), "api", "w3", canceller(), func([]run.Event, run.Lease) error { return refusal })
	isFault(t, err, fault.Invalid, "no-retry")
	keep(t, g, calls()[2]...)
	closed(t, g)
}

// losesAnswers pushes, and says once that it could not.
type losesAnswers struct {
	Repository
	lost bool
}

func (l *losesAnswers) Push(ctx context.Context, from, to string) error {
	err := l.Repository.Push(ctx, from, to)
	if !l.lost && err == nil {
		l.lost = true
		return fault.New(fault.Remote, "git-push", "no answer")
	}
	return err
}

// TestRetryNoteArrived: whose push arrived without an answer has noted it, and is not its own rival.
func TestRetryNoteArrived(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	keep(t, g, calls()[0]...)
	repo := &losesAnswers{Repository: view(t, dir)}
	err := NoteRetryGit(t.Context(), repo, header(), "api", "w1", canceller(), func([]run.Event, run.Lease) error { return nil })
	if err != nil || !repo.lost {
		t.Errorf("lost %v, %v", repo.lost, err)
	}
	closed(t, g)
}
