package ledger

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Bundle is a box: files and images with their checksums. Once it is sealed, its list is signed and never changes.
type Bundle struct {
	ID, Project, Name, Version string
	Status                     BundleStatus
	Candidate                  string // id of what it is the box of; "" for none
	Key                        string // name of the key that has signed its list; for a draft the one that is to
	Tag                        string
	Properties                 Properties
	Missing                    string // what keeps a draft from being sealed; "" for nothing
	Rev                        int64  // counts what was done with it
	Promotions                 int    // how many records there are
	Released                   bool   // it is in an environment of production; known in lists only
	CreatedAt                  time.Time
	CreatedBy                  string
}

// BundleStatus says whether a bundle is sealed. The words are JFrog's.
type BundleStatus string

// The statuses.
const (
	Draft  BundleStatus = "DRAFT" // more can be added
	Sealed BundleStatus = "COMPLETED"
)

// Item is one thing in a bundle.
type Item struct {
	Number     int64 // in the bundle, from 1
	Kind       ItemKind
	Type       string // of the repository it was taken from
	Repository string
	Path       string // of an image NAME:TAG
	SHA256     string // of its content; of an image that of its manifest
	Size       int64  // in bytes; 0 where it is not kept here
	Kept       bool   // its content is kept here, for as long as the bundle
	Properties string // as JSON: those of the file when it was put into the bundle
}

// ItemKind is how an item is known.
type ItemKind string

// The kinds.
const (
	FileItem  ItemKind = "file"
	ImageItem ItemKind = "image" // in a registry, by the digest of its manifest
)

// place is where an item is, as people write it.
func (i Item) place() string { return i.Repository + "/" + i.Path }

// BundleName is the name that versions of a bundle share.
type BundleName struct {
	Name     string
	Versions int
	Latest   string // version that was made last
	LatestAt time.Time
}

// Signing signs the lists of bundles, and says whose signature one bears.
type Signing struct {
	// Key is the name of the key that signs for that name: "" is the server's own choice. Fault: unknown-key.
	Key func(name string) (string, error)
	// Sign signs the list of a bundle by the key of that name. The same list has the same signature.
	Sign func(key string, b Bundle, items []Item) (envelope string, err error)
	// Verify returns the name of the known key that has signed this very list.
	Verify func(envelope string, b Bundle, items []Item) (key string, err error)
}

// NewBundle is what CreateBundle makes.
type NewBundle struct {
	Name, Version string
	Sources       []Source
	Candidate     *Version // what it is the box of; nil for none
	Draft         bool     // it stays open, and may be empty
	Key           string   // name of the key that signs; "" for the server's choice
}

var bundleWord = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$`)

func checkBundleName(name, version string) error {
	for _, word := range []string{name, version} {
		if !bundleWord.MatchString(word) {
			return fault.New(fault.Invalid, "invalid-bundle", "%.120q cannot be the name or the version of a bundle", word).
				Hint("letters, digits, _ . and -, and a letter, a digit or _ first; at most 255 characters")
		}
	}
	return nil
}

func noBundle(name, version string) *fault.Fault {
	return fault.New(fault.NotFound, "no-bundle", "there is no bundle %.255s %.255s", name, version)
}

// CreateBundle puts what the sources name into a new bundle, as it is now, and seals it unless it is to be a draft. Its contents are
// kept for as long as the bundle, whatever becomes of the files. Faults: no-project, invalid-bundle, bundle-exists, unknown-key,
// no-candidate, empty-bundle, and those of sources: no-repository, not-hosted, no-file, other-content, invalid-checksum, no-checksum, outside, no-build,
// no-bundle, not-sealed, same-place.
func (l *Ledger) CreateBundle(ctx context.Context, c Caller, project string, n NewBundle) (Bundle, error) {
	if err := checkBundleName(n.Name, n.Version); err != nil {
		return Bundle{}, err
	}
	b := Bundle{Project: project, Name: n.Name, Version: n.Version, Status: Draft}
	found, err := l.lookFor(ctx, c, project, n.Sources)
	if err != nil {
		return b, err
	}
	var items []Item
	err = l.Store.Read(ctx, func(tx Tx) (err error) {
		if _, err := l.projectFor(ctx, tx, c, ToMakeBundles, project); err != nil {
			return err
		}
		if b.Key, err = l.Signing.Key(n.Key); err != nil {
			return err
		}
		if n.Candidate != nil {
			made, err := tx.Candidate(ctx, project, *n.Candidate)
			if err != nil {
				return err
			}
			b.Candidate = made.ID
		}
		if _, err := tx.Bundle(ctx, project, n.Name, n.Version); !fault.Is(err, "no-bundle") {
			if err == nil {
				err = bundleExists(b)
			}
			return err
		}
		items, err = l.collect(ctx, tx, c, nil, n.Sources, found)
		return err
	})
	if err != nil {
		return b, err
	}
	envelope := ""
	if !n.Draft { // outside the transaction: it takes a while
		b.Status = Sealed
		if envelope, err = l.seal(b, items); err != nil {
			return b, err
		}
	}
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		b.ID, b.CreatedAt, b.CreatedBy = l.NewID(), l.Now(), c.Token.Subject
		if err := tx.InsertBundle(ctx, b); err != nil {
			return Event{}, err
		}
		if !n.Draft {
			if err := tx.PutSignature(ctx, b.ID, b.Key, envelope, b.CreatedAt); err != nil {
				return Event{}, err
			}
		}
		return bundleEvent("created", b, nil), tx.InsertItems(ctx, b.ID, items)
	})
	return b, err
}

func bundleExists(b Bundle) error {
	return fault.New(fault.Invalid, "bundle-exists", "the bundle %s %s exists already, and a bundle never changes", b.Name, b.Version).
		Hint("give the new one another version")
}

// seal signs the list of a bundle.
func (l *Ledger) seal(b Bundle, items []Item) (envelope string, err error) {
	if len(items) == 0 {
		return "", fault.New(fault.Invalid, "empty-bundle", "nothing is in the bundle %s %s", b.Name, b.Version).Hint("name its sources, or make a draft")
	}
	return l.Signing.Sign(b.Key, b, items)
}

// bundleEvent is an event of a bundle.
func bundleEvent(what string, b Bundle, more map[string]string) Event {
	data := map[string]string{"bundle": b.Name, "version": b.Version, "status": string(b.Status)}
	for key, value := range more {
		data[key] = value
	}
	return Event{Type: "bundle." + what, Project: b.Project, Subject: b.ID, Data: data}
}

// onBundle is a change of one bundle, which is locked.
func (l *Ledger) onBundle(ctx context.Context, c Caller, a Action, project, name, version string, do func(Tx, Bundle) (Event, error)) error {
	return l.change(ctx, c, func(tx Tx) (Event, error) {
		if _, err := l.projectFor(ctx, tx, c, a, project); err != nil {
			return Event{}, err
		}
		b, err := tx.LockBundle(ctx, project, name, version)
		if err != nil {
			return Event{}, err
		}
		return do(tx, b)
	})
}

// AddToBundle puts more into a draft. What is in it already stays as it is. Faults: no-bundle, not-draft, and those of sources.
func (l *Ledger) AddToBundle(ctx context.Context, c Caller, project, name, version string, sources []Source) (b Bundle, err error) {
	found, err := l.lookFor(ctx, c, project, sources)
	if err != nil {
		return b, err
	}
	err = l.onBundle(ctx, c, ToMakeBundles, project, name, version, func(tx Tx, locked Bundle) (Event, error) {
		b = locked
		if err := mustBeDraft(b); err != nil {
			return Event{}, err
		}
		before, err := tx.Items(ctx, b.ID)
		if err != nil {
			return Event{}, err
		}
		items, err := l.collect(ctx, tx, c, before, sources, found)
		if err != nil {
			return Event{}, err
		}
		return bundleEvent("changed", b, nil), tx.InsertItems(ctx, b.ID, items[len(before):])
	})
	return b, err
}

func mustBeDraft(b Bundle) error {
	if b.Status != Draft {
		return fault.New(fault.Stopped, "not-draft", "the bundle %s %s is sealed, and never changes", b.Name, b.Version)
	}
	return nil
}

// SealBundle ends a draft: its list is signed. Key "" is the one that was named when it was made. Faults: no-bundle, not-draft,
// unknown-key, empty-bundle, incomplete-bundle.
func (l *Ledger) SealBundle(ctx context.Context, c Caller, project, name, version, key string) (b Bundle, err error) {
	err = l.onBundle(ctx, c, ToMakeBundles, project, name, version, func(tx Tx, locked Bundle) (Event, error) {
		b = locked
		if err := mustBeDraft(b); err != nil {
			return Event{}, err
		}
		if b.Missing != "" {
			return Event{}, fault.New(fault.Stopped, "incomplete-bundle", "the bundle %s %s cannot be sealed: %s", name, version, b.Missing)
		}
		if key != "" {
			if b.Key, err = l.Signing.Key(key); err != nil {
				return Event{}, err
			}
		}
		items, err := tx.Items(ctx, b.ID)
		if err != nil {
			return Event{}, err
		}
		envelope, err := l.seal(b, items)
		if err != nil {
			return Event{}, err
		}
		if err := tx.PutSignature(ctx, b.ID, b.Key, envelope, l.Now()); err != nil {
			return Event{}, err
		}
		b.Status = Sealed
		return bundleEvent("sealed", b, nil), tx.SealBundle(ctx, b.ID, b.Key)
	})
	return b, err
}

// TagBundle gives a bundle a tag, "" for none. Faults: no-bundle, invalid-tag.
func (l *Ledger) TagBundle(ctx context.Context, c Caller, project, name, version, tag string) (b Bundle, err error) {
	err = l.onBundle(ctx, c, ToMakeBundles, project, name, version, func(tx Tx, locked Bundle) (Event, error) {
		b = locked
		if len(tag) > 255 || hasControl(tag) {
			return Event{}, fault.New(fault.Invalid, "invalid-tag", "%.80q cannot be a tag: at most 255 characters of text", tag)
		}
		if b.Tag == tag {
			return Event{}, nil
		}
		b.Tag = tag
		return bundleEvent("tagged", b, map[string]string{"tag": tag}), tx.UpdateBundle(ctx, b)
	})
	return b, err
}

// AnnotateBundle sets properties of a bundle, beside those that it has; one of an empty list is dropped. Faults: no-bundle,
// invalid-property.
func (l *Ledger) AnnotateBundle(ctx context.Context, c Caller, project, name, version string, set Properties) (b Bundle, err error) {
	if err := set.check(); err != nil {
		return b, err
	}
	err = l.onBundle(ctx, c, ToMakeBundles, project, name, version, func(tx Tx, locked Bundle) (Event, error) {
		b = locked
		data := map[string]string{}
		for key, values := range set {
			if b.Properties == nil {
				b.Properties = Properties{}
			}
			b.Properties[key] = values
			if len(values) == 0 {
				delete(b.Properties, key)
			}
			data["property "+key] = strings.Join(values, ",")
		}
		return bundleEvent("annotated", b, data), tx.UpdateBundle(ctx, b)
	})
	return b, err
}

// Bundle reads a bundle. Faults: no-project, no-bundle.
func (l *Ledger) Bundle(ctx context.Context, c Caller, project, name, version string) (b Bundle, err error) {
	err = l.readBundle(ctx, c, project, name, version, func(_ Tx, found Bundle) error {
		b = found
		return nil
	})
	return b, err
}

// BundleItems reads a bundle with what is in it. Faults: no-project, no-bundle.
func (l *Ledger) BundleItems(ctx context.Context, c Caller, project, name, version string) (b Bundle, items []Item, err error) {
	err = l.readBundle(ctx, c, project, name, version, func(tx Tx, found Bundle) error {
		b = found
		items, err = tx.Items(ctx, b.ID)
		return err
	})
	return b, items, err
}

// readBundle reads something of one bundle.
func (l *Ledger) readBundle(ctx context.Context, c Caller, project, name, version string, do func(Tx, Bundle) error) error {
	return l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		b, err := tx.Bundle(ctx, project, name, version)
		if err != nil {
			return err
		}
		return do(tx, b)
	})
}

// VerifyBundle reads the signed list of a bundle and the name of the key that has signed it, if what is in the bundle is what was
// signed. Faults: no-project, no-bundle, not-sealed, and those of signatures.
func (l *Ledger) VerifyBundle(ctx context.Context, c Caller, project, name, version string) (envelope, key string, err error) {
	err = l.readBundle(ctx, c, project, name, version, func(tx Tx, b Bundle) error {
		envelope, key, err = l.verify(ctx, tx, b)
		return err
	})
	return envelope, key, err
}

func (l *Ledger) verify(ctx context.Context, tx Tx, b Bundle) (envelope, key string, err error) {
	if b.Status != Sealed {
		return "", "", notSealed(b)
	}
	items, err := tx.Items(ctx, b.ID)
	if err != nil {
		return "", "", err
	}
	if envelope, err = tx.Envelope(ctx, b.ID, b.Key); err != nil {
		return "", "", err
	}
	key, err = l.Signing.Verify(envelope, b, items)
	return envelope, key, err
}

func notSealed(b Bundle) error {
	return fault.New(fault.Stopped, "not-sealed", "the bundle %s %s is a draft", b.Name, b.Version).Hint("seal it first")
}

// List says which part of a list is wanted.
type List struct {
	Offset, Limit int
	Filter        string // only what has this text in its names; "" for all
	By            string // what they are sorted by, "" for when they were made; the newest first unless Ascending
	Ascending     bool
}

// BundleNames lists the names of a project's bundles. By: name.
func (l *Ledger) BundleNames(ctx context.Context, c Caller, project string, o List) (all []BundleName, total int, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		all, total, err = tx.BundleNames(ctx, project, o)
		return err
	})
	return all, total, err
}

// BundleVersions lists the versions of a bundle; none where there is no bundle of that name. By: version, created_by.
func (l *Ledger) BundleVersions(ctx context.Context, c Caller, project, name string, o List) (all []Bundle, total int, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		all, total, err = tx.Bundles(ctx, project, name, o)
		return err
	})
	return all, total, err
}
