package journal

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/run"
)

func canceller() run.Driver {
	return run.Driver{ID: "c", Login: "mona", Job: "https://circleci.com/gh/acme/release/8"}
}

// cancelRun cancels the run of header() and wants its driver to be told.
func cancelRun(t *testing.T, dir string) {
	t.Helper()
	if _, told, err := CancelGit(t.Context(), view(t, dir), header(), canceller()); err != nil || !told {
		t.Fatalf("told %v, %v", told, err)
	}
}

func heard(g *Git) bool {
	select {
	case <-g.Cancelled():
		return true
	default:
		return false
	}
}

// TestCancelIsHeard with the driver's next push: it triggers nothing more, notes on, and gives the run back. The next
// driver is not meant.
func TestCancelIsHeard(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	keep(t, g, calls()[0]...)
	held, told, err := CancelGit(t.Context(), view(t, dir), header(), canceller())
	if err != nil || !told || held.Driver != g.options.Driver.ID {
		t.Fatalf("%+v, told %v, %v", held, told, err)
	}
	if err := g.Fresh(t.Context()); err != nil || heard(g) {
		t.Fatalf("what had its intent before may be triggered: %v", err)
	}
	keep(t, g, calls()[1]...)
	if !heard(g) {
		t.Error("the push told it nothing")
	}
	isFault(t, g.Fresh(t.Context()), fault.Cancelled, "run-cancelled", "release/3.9.4 was cancelled by mona (https://circleci.com/gh/acme/release/8) at 2")
	keep(t, g, calls()[2]...)
	closed(t, g)

	next, events := opened(t, dir, header(), GitOptions{})
	keep(t, next, calls()[3]...)
	if err := next.Fresh(t.Context()); err != nil || heard(next) {
		t.Errorf("the next driver is stopped, too: %v", err)
	}
	if len(events) == 0 {
		t.Error("nothing was kept")
	}
}

// TestCancelIsHeardByARenewal: a driver with nothing to note hears of it within two minutes.
func TestCancelIsHeardByARenewal(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		g, _ := opened(t, dir, header(), GitOptions{})
		cancelRun(t, dir)
		time.Sleep(RenewEvery + time.Second)
		if !heard(g) {
			t.Error("it was not heard")
		}
	})
}

// TestCancelIsHeardBeforeATrigger: a driver whose last push is not recent asks the ref before it triggers.
func TestCancelIsHeardBeforeATrigger(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		g, _ := opened(t, dir, header(), GitOptions{})
		cancelRun(t, dir)
		time.Sleep(FreshFor + time.Second)
		isFault(t, g.Fresh(t.Context()), fault.Cancelled, "run-cancelled")
	})
}

// TestCancelOnTopOfALostAnswer: the driver's push arrived, its answer did not, and the cancel came before the driver looked.
func TestCancelOnTopOfALostAnswer(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	repo := &lossy{Repository: view(t, dir)}
	g, _, err := OpenGit(t.Context(), repo, header(), GitOptions{Driver: somebody()})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, g)
	repo.after = func() { cancelRun(t, dir) }
	keep(t, g, calls()[0]...)
	isFault(t, g.Fresh(t.Context()), fault.Cancelled, "run-cancelled")
}

// lossy loses the answer of one push, and lets something happen first.
type lossy struct {
	Repository
	after func()
}

func (l *lossy) Push(ctx context.Context, from, to string) error {
	err := l.Repository.Push(ctx, from, to)
	if l.after == nil || err != nil {
		return err
	}
	l.after()
	l.after = nil
	return fault.New(fault.Remote, "git-remote", "the connection broke")
}

// TestCancelWithoutADriver writes nothing: whoever cancels notes it.
func TestCancelWithoutADriver(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	cancel := func(name string) {
		t.Helper()
		before := gittest.Refs(t, dir)[GitRef]
		if _, told, err := CancelGit(t.Context(), view(t, dir), header(), canceller()); err != nil || told {
			t.Errorf("%s: told %v, %v", name, told, err)
		}
		if after := gittest.Refs(t, dir)[GitRef]; after != before {
			t.Errorf("%s: the ref moved", name)
		}
	}
	cancel("no ref")
	g, _ := opened(t, dir, header(), GitOptions{})
	keep(t, g, calls()[0]...)
	closed(t, g)
	cancel("given back")
}

// TestCancelRefused: who may not push is told so.
func TestCancelRefused(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		opened(t, dir, header(), GitOptions{})
		gittest.Hook(t, dir, "pre-receive", "echo closed for repair; exit 1")
		_, told, err := CancelGit(t.Context(), view(t, dir), header(), canceller())
		isFault(t, err, fault.Stopped, "journal-push", "closed for repair")
		if told {
			t.Error("it says that the driver was told")
		}
	})
}

// TestCancelBesideADriver: neither keeps the other from pushing, and no event is lost.
func TestCancelBesideADriver(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	var both sync.WaitGroup
	both.Go(func() {
		for range 5 {
			cancelRun(t, dir)
		}
	})
	for _, events := range calls() {
		keep(t, g, events...)
	}
	both.Wait()
	closed(t, g)
	var want []run.Event
	for _, events := range calls() {
		want = append(want, events...)
	}
	got, lease, err := ReadGit(t.Context(), view(t, dir), header())
	if err != nil || lease.Released.IsZero() {
		t.Fatalf("%+v, %v", lease, err)
	}
	same(t, "beside cancels", want, got)
}

// TestCancelEndsTheWaiting: who waits to go on with the run is meant, too, unless it came after the cancel.
func TestCancelEndsTheWaiting(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		g, _ := opened(t, dir, header(), GitOptions{})
		keep(t, g, calls()[0]...)
		wait := func(context.Context) error {
			waiting, _, err := OpenGit(t.Context(), view(t, dir), header(), GitOptions{Driver: somebody(), Wait: func(run.Lease, time.Duration) {}})
			if err == nil {
				err = waiting.Close()
			}
			return err
		}
		var early, late error
		var waiting sync.WaitGroup
		waiting.Go(func() { early = wait(t.Context()) })
		time.Sleep(30 * time.Second)
		cancelRun(t, dir)
		waiting.Go(func() { late = wait(t.Context()) })
		time.Sleep(30 * time.Second)
		closed(t, g)
		waiting.Wait()
		isFault(t, early, fault.Cancelled, "run-cancelled", "mona")
		if late != nil {
			t.Errorf("who came later: %v", late)
		}
	})
}

// TestCancelDamaged: what cannot be read is not taken for nothing.
func TestCancelDamaged(t *testing.T) {
	t.Parallel()
	dir := bare(t)
	g, _ := opened(t, dir, header(), GitOptions{})
	meddle(t, view(t, dir), map[string][]byte{keyOf(header()).cancel(): []byte("{")})
	err := g.Append(t.Context(), calls()[0]...)
	isFault(t, err, fault.Invalid, "damaged-journal", "cancels/release/3.9.4.json:1")
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		t.Errorf("got %v", err)
	}
}
