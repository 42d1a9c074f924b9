package journal

import (
	"context"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// Journal keeps the events of one run, and guards the run against a second driver. Every home implements all of it, so that
// a journal that is wrapped in another type keeps its guards; the package comment says what a home promises. A wrapper that
// counts or delays what is appended does so in Append and in AppendWith.
type Journal interface {
	// Append keeps the events of a call. After an error nothing of the call may be relied on, and the journal keeps nothing more.
	Append(ctx context.Context, events ...run.Event) error

	// AppendWith keeps the events together with the push that they tell of. A home that lies in the repository to which push
	// pushes gives push the updates that keep the events, and push makes one atomic push of both; AppendWith calls it again,
	// with other updates, when somebody else has moved the journal's ref meanwhile. Every other home calls push once, without
	// updates, and appends when push has returned nil. A journal that keeps nothing more does not call push. AppendWith returns
	// an error of push as it is: then the events are not kept, and the journal goes on.
	AppendWith(ctx context.Context, push Push, events ...run.Event) error

	// Fresh says, right before the caller triggers something, whether it may: after an error it must not. A lost lease is a fault
	// of kind Stopped, code "driven-elsewhere"; a cancelled run one of kind Cancelled, code "run-cancelled"; a journal that
	// keeps nothing more gives the fault of Append.
	Fresh(ctx context.Context) error

	// Cancelled gives a channel that is closed once this driver has read that somebody has cancelled its run. It is nil where
	// nobody can cancel the run through its journal. Events are kept as before.
	Cancelled() <-chan struct{}

	// Close lets the next driver begin at once. Closing twice is harmless.
	Close() error
}

// Push pushes what the events of AppendWith tell of, together with these updates, or nothing at all.
type Push func(ctx context.Context, also ...Update) error

// Update moves a ref of the release repository from one commit to another: only if it is still at Old, "" where there is none.
type Update struct{ Ref, Old, New string }

// PushFirst is AppendWith of a home that lies in no release repository. It pushes nothing when the journal keeps nothing more.
func PushFirst(ctx context.Context, j Journal, push Push, events ...run.Event) error {
	if err := j.Fresh(ctx); err != nil && !fault.Is(err, "run-cancelled") { // of a cancelled run, too, events are kept
		return err
	}
	if err := push(ctx); err != nil {
		return err
	}
	return j.Append(ctx, events...)
}
