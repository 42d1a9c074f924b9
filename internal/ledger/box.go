package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// A candidate's box is the bundle of what it is made of, by the mapping of its project. It is made when the candidate arrives, and sealed
// once all that the mapping names is there; until then it is a draft that says what it lacks.

const (
	// quiet is how long no file may have come before a draft is sealed that nobody asks to seal: what is uploaded comes file by file.
	quiet = time.Minute
	// tryFirst and tryLast are the pauses between two looks for what a draft lacks. They grow with its age.
	tryFirst = time.Minute
	tryLast  = time.Hour
)

// CreateBox makes the bundle of a candidate by its project's mapping, or looks again for what it lacks. One that is sealed stays as it is.
// Faults: no-project, no-mapping, no-candidate, bundle-exists.
func (l *Ledger) CreateBox(ctx context.Context, c Caller, project string, v Version) (b Bundle, err error) {
	var found seen
	if c.may(ToMakeBundles, project) == nil {
		found, err = l.lookForBox(ctx, project, v)
	}
	if err != nil {
		return b, err
	}
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		p, err := l.projectFor(ctx, tx, c, ToMakeBundles, project)
		if err != nil {
			return Event{}, err
		}
		made, err := tx.Candidate(ctx, project, v)
		if err != nil {
			return Event{}, err
		}
		was, err := boxOf(ctx, tx, made)
		if err != nil {
			return Event{}, err
		}
		if was == nil || was.Status == Draft {
			if len(p.Bundle) == 0 {
				return Event{}, noMapping(project)
			}
			b, err = l.box(ctx, tx, c, p, made, was, found)
			return Event{}, err
		}
		b = *was
		return Event{}, nil
	})
	return b, err
}

func noMapping(project string) error {
	return fault.New(fault.Invalid, "no-mapping", "the project %s does not say what its bundles are made of", project).
		Hint("an admin declares it: bundle: in the file of gio project apply").Hint("or name the files: gio bundle create NAME VERSION REPOSITORY/PATH...")
}

// box makes the bundle of a candidate, unless there is a draft already, and seals it if nothing is missing. Found is what is outside.
func (l *Ledger) box(ctx context.Context, tx Tx, c Caller, p Project, made Candidate, draft *Bundle, found seen) (b Bundle, err error) {
	if draft != nil {
		if b, err = tx.LockBundleByID(ctx, draft.ID); err != nil || b.Status != Draft {
			return b, err
		}
		return l.fillBox(ctx, tx, c, p, b, made, time.Time{}, found)
	}
	b = Bundle{ID: l.NewID(), Project: p.Name, Status: Draft, Candidate: made.ID, CreatedAt: l.Now(), CreatedBy: c.Token.Subject}
	if b.Name, b.Version, err = freeName(ctx, tx, p, made.Version); err != nil {
		return b, err
	}
	if b.Key, err = l.Signing.Key(""); err != nil {
		return b, err
	}
	if err := tx.InsertBundle(ctx, b); err != nil {
		return b, err
	}
	if err := l.note(ctx, tx, c, bundleEvent("created", b, map[string]string{"candidate": made.Version.String()})); err != nil {
		return b, err
	}
	return l.fillBox(ctx, tx, c, p, b, made, time.Time{}, found)
}

// freeName is how the box of a candidate is called: by the project and the release or, where that is another one's, the candidate.
// Bundles have no spaces in their names, and no + in their versions. Fault: bundle-exists.
func freeName(ctx context.Context, tx Tx, p Project, v Version) (name, version string, err error) {
	name = strings.ReplaceAll(p.Name, " ", "-")
	for _, text := range []string{v.Release, v.String()} {
		version = strings.ReplaceAll(text, "+", "_")
		if _, err := tx.Bundle(ctx, p.Name, name, version); err != nil {
			if fault.Is(err, "no-bundle") {
				err = nil
			}
			return name, version, err
		}
	}
	return name, version, bundleExists(Bundle{Name: name, Version: version})
}

// fillBox looks for all that a draft is to have, and seals it when that is there and nothing has come since a time, zero for whenever.
func (l *Ledger) fillBox(ctx context.Context, tx Tx, c Caller, p Project, b Bundle, made Candidate, since time.Time, found seen) (Bundle, error) {
	before, err := tx.Items(ctx, b.ID)
	if err != nil {
		return b, err
	}
	components, err := tx.Components(ctx, made.ID)
	if err != nil {
		return b, err
	}
	all := l.collection(tx, c)
	all.seen = found
	lacks, err := all.mapped(ctx, p.Bundle, made.Version, components, before)
	if err != nil {
		return b, err
	}
	if lacks == "" && !since.IsZero() && all.newest.After(since) {
		lacks = "files still arrive: one came a moment ago"
	}
	envelope := ""
	if lacks == "" {
		envelope, err = l.seal(b, all.items)
		if lacks, err = orReason(err); err != nil {
			return b, err
		}
	}
	if lacks != "" {
		return l.letLack(ctx, tx, c, b, lacks)
	}
	if err := tx.InsertItems(ctx, b.ID, all.items[len(before):]); err != nil {
		return b, err
	}
	if err := tx.PutSignature(ctx, b.ID, b.Key, envelope, l.Now()); err != nil {
		return b, err
	}
	b.Status, b.Missing = Sealed, ""
	if err := tx.SealBundle(ctx, b.ID, b.Key); err != nil {
		return b, err
	}
	return b, l.note(ctx, tx, c, bundleEvent("sealed", b, nil))
}

// letLack writes why a draft is not sealed, and when somebody looks again.
func (l *Ledger) letLack(ctx context.Context, tx Tx, c Caller, b Bundle, lacks string) (Bundle, error) {
	now := l.Now()
	if err := tx.TryAgain(ctx, b.ID, now.Add(min(max(now.Sub(b.CreatedAt)/10, tryFirst), tryLast))); err != nil || b.Missing == lacks {
		return b, err
	}
	b.Missing = lacks
	if err := tx.UpdateBundle(ctx, b); err != nil {
		return b, err
	}
	return b, l.note(ctx, tx, c, bundleEvent("incomplete", b, map[string]string{"missing": lacks}))
}

// orReason makes a reason why a bundle is not sealed of a fault that a person can mend.
func orReason(err error) (string, error) {
	if kind := fault.KindOf(err); kind == fault.Invalid || kind == fault.NotFound {
		return err.Error(), nil
	}
	return "", err
}

// mostMissing is how many of the things that are missing a draft names.
const mostMissing = 10

// mapped puts in what a mapping names of a candidate after what was in before, and returns why that is not all; "" where it is.
func (all *collection) mapped(ctx context.Context, m []Mapping, v Version, components map[string]string, before []Item) (lacks string, err error) {
	for _, i := range before {
		if err := all.add(i); err != nil {
			return orReason(err)
		}
	}
	wanted, err := patterns(m, v, components)
	if err != nil {
		return orReason(err)
	}
	var missing []string
	for _, p := range wanted {
		err := all.pattern(ctx, p)
		switch {
		case fault.Is(err, "no-file"):
			missing = append(missing, p.String())
		case err != nil:
			return orReason(err)
		}
	}
	return noneOf(missing), nil
}

// noneOf says which files are missing.
func noneOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	text := "there is no file " + strings.Join(names[:min(len(names), mostMissing)], ", ")
	if more := len(names) - mostMissing; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// triesAtOnce bounds how many drafts one look is for.
const triesAtOnce = 100

// FillDrafts looks again for what the boxes of candidates lack, and seals those that are complete. Where nothing is due it writes nothing.
func (l *Ledger) FillDrafts(ctx context.Context) error {
	var due []string
	err := l.Store.Read(ctx, func(tx Tx) (err error) {
		due, err = tx.DueDrafts(ctx, l.Now(), triesAtOnce)
		return err
	})
	for _, id := range due {
		if err := l.fillDraft(ctx, id); err != nil {
			return err
		}
	}
	return err
}

func (l *Ledger) fillDraft(ctx context.Context, id string) error {
	found, err := l.lookForDraft(ctx, id)
	if err != nil {
		return err
	}
	return l.change(ctx, watcher, func(tx Tx) (Event, error) {
		b, err := tx.TakeDraft(ctx, id, l.Now(), l.Now().Add(tryLast))
		if fault.Is(err, "no-bundle") { // another one looks
			return Event{}, nil
		}
		if err != nil {
			return Event{}, err
		}
		p, err := tx.Project(ctx, b.Project)
		if err != nil {
			return Event{}, err
		}
		made, err := tx.CandidateByID(ctx, b.Candidate)
		if err != nil || made.State == Blocked || len(p.Bundle) == 0 {
			return Event{}, err
		}
		_, err = l.fillBox(ctx, tx, watcher, p, b, made, l.Now().Add(-quiet), found)
		return Event{}, err
	})
}

// lookForDraft looks outside for what a draft lacks.
func (l *Ledger) lookForDraft(ctx context.Context, id string) (seen, error) {
	var b Bundle
	var made Candidate
	err := l.Store.Read(ctx, func(tx Tx) (err error) {
		if b, err = tx.BundleByID(ctx, id); err != nil || b.Candidate == "" {
			return err
		}
		made, err = tx.CandidateByID(ctx, b.Candidate)
		return err
	})
	if fault.Is(err, "no-bundle") || err == nil && made.ID == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return l.lookForBox(ctx, b.Project, made.Version)
}
