// Package ledger holds the words and the rules of what runs where: projects, environments, candidates, deployments, and who may
// change them. It does no I/O of its own: a Store keeps what it decides, and every decision and its event are one transaction.
//
//	release     a version
//	candidate   one try at it, VERSION-rcN: one commit, for good
//	environment where a project runs
//	deployment  makes an environment run a candidate
//	bundle      a sealed box of files and images
//	promotion   carries a bundle to the repositories of an environment
package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Ledger makes changes by the rules, and keeps them in its store. It is safe for concurrent use, by any number of replicas.
type Ledger struct {
	Store Store
	Home  Home // of the contents of files; nil: none are kept
	Now   func() time.Time
	NewID func() string // of what is made: each sorts after those before it
	// Connections are those of the server's settings, by name.
	Connections map[string]Kind
	// Receivers are the names of those who get the news of deployments.
	Receivers []string
	// Hosts are the addresses of those to CircleCI, by name.
	Hosts   map[string]string
	Signing Signing
	// Outside reads what is in repositories elsewhere; nil: nobody can, and who makes bundles says the checksums.
	Outside Outside
	// Changed is called after each change that a caller made; it must not block. Nil: nobody listens.
	Changed func()

	underWay  sync.Map // requests with a key, without their bodies
	promoting sync.Map // roads on which a bundle is
}

// Caller is who asks for a change, and by which way.
type Caller struct {
	Token   Token
	Dialect string // "v1", "aviator", "jfrog"
	Address string // of the client
}

// may returns a fault (kind Auth) unless the caller may do that in the project; "" stands for what belongs to no project.
func (c Caller) may(a Action, project string) error {
	if c.Token.Project != "" && c.Token.Project != project {
		return fault.New(fault.Auth, "other-project", "this token is for the project %s", c.Token.Project).
			Hint("use a token of %s", project)
	}
	if !c.Token.Role.May(a) {
		return fault.New(fault.Auth, "not-allowed", "%s may not %s", c.Token.Role.withArticle(), a).
			Hint("ask an admin for a token with another role: gio token create")
	}
	return nil
}

// change is one transaction: what do changes and the event that says so are kept together, or neither is. An event without a
// type changes nothing and is not kept.
func (l *Ledger) change(ctx context.Context, c Caller, do func(Tx) (Event, error)) error {
	err := l.Store.Change(ctx, func(tx Tx) error {
		e, err := do(tx)
		if err != nil || e.Type == "" {
			return err
		}
		return l.note(ctx, tx, c, e)
	})
	if err == nil && Join(ctx) == nil {
		l.changed()
	}
	return err
}

func (l *Ledger) changed() {
	if l.Changed != nil {
		l.Changed()
	}
}

// note keeps one more event of a change.
func (l *Ledger) note(ctx context.Context, tx Tx, c Caller, e Event) error {
	e.ID, e.Time, e.Actor, e.Dialect, e.Address = l.NewID(), l.Now(), c.Token.Subject, c.Dialect, c.Address
	if err := tx.AppendEvent(ctx, e); err != nil {
		return err
	}
	return l.tell(ctx, tx, e)
}
