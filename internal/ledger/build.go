package ledger

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Build is what a CI server says of one: the files that it made, as JFrog's clients send it.
type Build struct {
	Project      string
	Key          string // of the repository that JFrog's clients name
	Name, Number string
	StartedAt    time.Time
	Info         string // JSON
}

func (b Build) check() error {
	for _, text := range []string{b.Name, b.Number} {
		if text == "" || len(text) > 255 || hasControl(text) {
			return fault.New(fault.Invalid, "invalid-build", "a build has a name and a number, each of at most 255 characters and without control characters")
		}
	}
	return nil
}

// PublishBuild keeps what is said of a build. Of the same number again the last counts. Faults: no-project, not-allowed, invalid-build.
func (l *Ledger) PublishBuild(ctx context.Context, c Caller, b Build) error {
	if err := b.check(); err != nil {
		return err
	}
	return l.change(ctx, c, func(tx Tx) (Event, error) {
		if _, err := l.projectFor(ctx, tx, c, ToUpload, b.Project); err != nil {
			return Event{}, err
		}
		return Event{Type: "build.published", Project: b.Project, Subject: b.Name + " " + b.Number}, tx.PutBuild(ctx, b, l.Now())
	})
}

// Build finds one of a project. Faults: no-project, no-build-info.
func (l *Ledger) Build(ctx context.Context, c Caller, project, key, name, number string) (b Build, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		b, err = tx.Build(ctx, key, name, number)
		return err
	})
	return b, err
}

// Builds lists those of a name, the newest first, without what is said of them. Faults: no-project.
func (l *Ledger) Builds(ctx context.Context, c Caller, project, key, name string, limit int) (all []Build, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		all, err = tx.Builds(ctx, key, name, limit)
		return err
	})
	return all, err
}
