package ledger

import (
	"cmp"
	"context"
	"regexp"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Request is a request that its client may send again, and knows again by a key of its own.
type Request struct {
	Token, Method, Path, Key string
	Body                     string // its SHA-256, in hexadecimal
}

// Answer is what a request was answered.
type Answer struct {
	Body string // of the request
	Text string // as the dialect keeps it
	At   time.Time
}

// answersLast is how long an answer is kept.
const answersLast = 24 * time.Hour

var requestKey = regexp.MustCompile(`^[!-~]{1,255}$`)

// Once does what a request asks for, once, and returns its answer. Sent again within a day it gets the same answer: the change and
// the answer are one transaction, and what failed has changed nothing and is done anew. All that do changes by a Store in its
// context belongs to this transaction, and do is called again when that met another one. A request without a key is simply done.
// Faults: invalid-key, other-request (the key is another request's), request-under-way.
func (l *Ledger) Once(ctx context.Context, r Request, do func(context.Context) (answer string, err error)) (answer string, again bool, err error) {
	if r.Key == "" {
		answer, err = do(ctx)
		return answer, false, err
	}
	if !requestKey.MatchString(r.Key) {
		return "", false, fault.New(fault.Invalid, "invalid-key", "Idempotency-Key is no text of 1 to 255 printable characters without spaces")
	}
	if _, busy := l.underWay.LoadOrStore(r.place(), true); busy {
		return "", false, fault.New(fault.Invalid, "request-under-way", "the same request is under way").Hint("send it again in a moment")
	}
	defer l.underWay.Delete(r.place())
	err = l.Store.Change(ctx, func(tx Tx) error {
		answer, again, err = l.once(ctx, tx, r, do)
		return err
	})
	if err == nil && !again {
		l.changed()
	}
	return answer, again, err
}

func (l *Ledger) once(ctx context.Context, tx Tx, r Request, do func(context.Context) (string, error)) (answer string, again bool, err error) {
	now := l.Now()
	since := now.Add(-answersLast)
	kept, err := tx.Answer(ctx, r, since)
	switch {
	case err == nil && kept.Body != r.Body:
		return "", false, fault.New(fault.Invalid, "other-request", "the key was used for a request with another body").Hint("each request needs a key of its own")
	case err == nil:
		return kept.Text, true, nil
	case !fault.Is(err, "no-request"):
		return "", false, err
	}
	inside := &Joined{tx: tx}
	answer, err = do(context.WithValue(ctx, joinedKey{}, inside))
	if err := cmp.Or(inside.failed, err); err != nil {
		return "", false, err
	}
	return answer, false, tx.KeepAnswer(ctx, r, Answer{r.Body, answer, now}, since)
}

// place is the request without its body.
func (r Request) place() Request {
	r.Body = ""
	return r
}

// Joined is the transaction of Once, for what begins within it.
type Joined struct {
	tx     Tx
	failed error // of the first change that failed: the transaction cannot succeed any more
}

type joinedKey struct{}

// Join returns the transaction of a context, nil where there is none. A Store asks it first.
func Join(ctx context.Context) *Joined {
	j, _ := ctx.Value(joinedKey{}).(*Joined)
	return j
}

// Change runs do in the transaction. Where do fails, the transaction does, too.
func (j *Joined) Change(do func(Tx) error) error {
	err := do(j.tx)
	j.failed = cmp.Or(j.failed, err)
	return err
}

// Read runs do in the transaction.
func (j *Joined) Read(do func(Tx) error) error { return do(j.tx) }

// Prune drops the answers that nobody may ask for any more, and what was told of pipelines long ago.
func (l *Ledger) Prune(ctx context.Context) error {
	until := l.Now().Add(-answersLast)
	return l.Store.Change(ctx, func(tx Tx) error {
		if err := tx.PruneDeliveries(ctx, deliveriesLast); err != nil {
			return err
		}
		return tx.PruneAnswers(ctx, until)
	})
}

type requestValue struct{}

// WithRequest is the context of a request that its client marked with a key. The edge sets it; who answers adds the token.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestValue{}, r)
}

// RequestOf returns the request of a context for a caller; one without a key, where there is none.
func RequestOf(ctx context.Context, c Caller) Request {
	r, _ := ctx.Value(requestValue{}).(Request)
	r.Token = c.Token.ID
	return r
}
