package ledger

import (
	"context"
	"io"

	"github.com/gravitee-lab/gio/internal/fault"
)

// ShownBundle is all about one bundle.
type ShownBundle struct {
	Bundle
	Of         Version // the candidate that it is the box of; zero for none
	Items      []Item
	Envelope   string      // the signature of its list; "" while it is a draft
	Promotions []Promotion // the newest of its records
}

// recordsShown is how many records of a bundle are shown with it.
const recordsShown = 100

// ShowBundle reads all about one bundle. Faults: no-project, no-bundle.
func (l *Ledger) ShowBundle(ctx context.Context, c Caller, project, name, version string) (s ShownBundle, err error) {
	err = l.readBundle(ctx, c, project, name, version, func(tx Tx, b Bundle) error {
		s = ShownBundle{Bundle: b}
		if b.Candidate != "" {
			made, err := tx.CandidateByID(ctx, b.Candidate)
			if err != nil {
				return err
			}
			s.Of = made.Version
		}
		if s.Items, err = tx.Items(ctx, b.ID); err != nil {
			return err
		}
		if s.Promotions, _, err = tx.Promotions(ctx, b, List{Limit: recordsShown}); err != nil {
			return err
		}
		if b.Status == Sealed {
			s.Envelope, err = tx.Envelope(ctx, b.ID, b.Key)
		}
		return err
	})
	return s, err
}

// CheckedBundle is what was found of a bundle.
type CheckedBundle struct {
	Key     string   // name of the key that has signed its list; "" where the signature is not good
	Problem string   // why it is not
	Items   int      // how many there are
	Kept    int      // of these, those whose contents are to be kept here
	Lost    []string // those whose contents are not, as REPOSITORY/PATH
}

// CheckBundle looks whose signature a bundle bears, whether that is of what is in it, and whether the contents that are kept here are
// there, with the sizes that they had. Faults: no-project, no-bundle, not-sealed.
func (l *Ledger) CheckBundle(ctx context.Context, c Caller, project, name, version string) (found CheckedBundle, err error) {
	var contents []File
	err = l.readBundle(ctx, c, project, name, version, func(tx Tx, b Bundle) error {
		found = CheckedBundle{}
		if b.Status != Sealed {
			return notSealed(b)
		}
		items, err := tx.Items(ctx, b.ID)
		if err != nil {
			return err
		}
		found.Items = len(items)
		_, found.Key, err = l.verify(ctx, tx, b)
		switch {
		case fault.KindOf(err) == fault.Invalid:
			found.Key, found.Problem = "", err.Error()
		case err != nil:
			return err
		}
		contents, err = tx.Contents(ctx, b.ID)
		return err
	})
	if err != nil {
		return found, err
	}
	found.Kept = len(contents)
	for _, f := range contents { // whatever a bundle has nobody removes
		there, err := l.isThere(f.Blob)
		if err != nil {
			return found, err
		}
		if !there {
			found.Lost = append(found.Lost, f.String())
		}
	}
	return found, nil
}

// isThere tells whether a content is at its place, as far as its size shows it.
func (l *Ledger) isThere(b Blob) (bool, error) {
	if l.Home == nil {
		return false, errNoHome
	}
	content, err := l.Home.Open(b.Place)
	if fault.Is(err, "no-content") {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = content.Close() }()
	size, err := content.Seek(0, io.SeekEnd)
	return err == nil && size == b.Size, nil
}
