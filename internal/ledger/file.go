package ledger

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Blob is a content, which any number of files may have.
type Blob struct {
	Checksums
	Place string // where it lies; new with each upload
	Size  int64  // in bytes
}

// Checksums are those of a content, in lower-case hexadecimal; "" for one that is not known.
type Checksums struct{ SHA256, SHA1, MD5 string }

// File is a content at a path of a hosted repository.
type File struct {
	Repository, Path string
	Blob
	Properties Properties
	CreatedAt  time.Time // of the first file there
	CreatedBy  string    // who put there what is there
	ModifiedAt time.Time // when that was
}

// String is where a file is, as people write it.
func (f File) String() string { return f.Repository + "/" + f.Path }

// Properties are lists of texts by their keys.
type Properties map[string][]string

// check returns the fault of properties that cannot be kept.
func (p Properties) check() error {
	for key, values := range p {
		if key == "" || len(key) > 255 || slices.ContainsFunc(append(slices.Clone(values), key), hasControl) {
			return fault.New(fault.Invalid, "invalid-property", "the property %.80q cannot be kept", key).
				Hint("a key has 1 to 255 characters, and neither it nor a value has control characters")
		}
	}
	return nil
}

func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// with are the properties with others beside them: those of the same key replace the old.
func (p Properties) with(others Properties) Properties {
	all := maps.Clone(p)
	if all == nil {
		all = Properties{}
	}
	maps.Copy(all, others)
	return all
}

// Home keeps contents, each at a place of its own.
type Home interface {
	// Write keeps a content at a new place, and returns it once it lasts. What cannot be read to its end leaves nothing; its fault is
	// broken-upload.
	Write(ctx context.Context, content io.Reader) (Blob, error)
	// Open reads a content. Fault: no-content (kind NotFound).
	Open(place string) (io.ReadSeekCloser, error)
	Remove(place string) error // if it is there
	// Old calls each with the places that were written before a time, until that fails.
	Old(before time.Time, each func(place string) error) error
}

var errNoHome = fault.New(fault.Invalid, "no-home", "this server keeps no files").Hint("its admin names a directory for them in its settings: blobs:")

// longest bounds a path, and its segments, in bytes.
const (
	longestPath    = 1024
	longestSegment = 255
)

// forbidden are the characters that no path may have: Artifactory forbids them, and its clients mean patterns by some.
const forbidden = `\:*?"<>|`

// CheckPath returns the fault of a path that no file may have. Fault: invalid-path.
func CheckPath(text string) error {
	invalid := func(why string) error {
		return fault.New(fault.Invalid, "invalid-path", "%.200q cannot be the path of a file: %s", text, why)
	}
	switch {
	case text == "":
		return invalid("it is empty")
	case len(text) > longestPath:
		return invalid(fmt.Sprintf("it has more than %d bytes", longestPath))
	case !utf8.ValidString(text) || hasControl(text):
		return invalid("it is no text, or has control characters")
	case strings.ContainsAny(text, forbidden):
		return invalid("it must have none of " + forbidden)
	}
	for segment := range strings.SplitSeq(text, "/") {
		switch {
		case segment == "":
			return invalid("a part of it is empty")
		case segment == "." || segment == "..":
			return invalid(". and .. are no names")
		case len(segment) > longestSegment:
			return invalid(fmt.Sprintf("a part of it has more than %d bytes", longestSegment))
		case strings.TrimSpace(segment) != segment:
			return invalid("a part of it begins or ends with a space")
		}
	}
	return nil
}

// hosted finds a repository of files for somebody who may do that there. One of a project that the token is not for is not there.
func hosted(ctx context.Context, tx Tx, c Caller, a Action, name string) (Repository, error) {
	r, err := tx.Repository(ctx, name)
	if err != nil {
		return r, err
	}
	err = c.may(a, r.Project)
	switch {
	case fault.Is(err, "other-project"):
		return r, fault.New(fault.NotFound, "no-repository", "there is no repository %.120q", name)
	case err != nil:
		return r, err
	case r.Kind != Hosted:
		return r, notHosted(r)
	}
	return r, nil
}

func notHosted(r Repository) error {
	return fault.New(fault.Invalid, "not-hosted", "the repository %s is not kept here, it is %s", r.Name, r.Kind).Hint("its files are where its connection leads")
}

// shelf finds a repository for somebody who puts files there. Into one of an environment promotions carry them, through the gate; so
// past it only those may who may pass a freeze, too.
func shelf(ctx context.Context, tx Tx, c Caller, name string) (Repository, error) {
	r, err := hosted(ctx, tx, c, ToUpload, name)
	if err != nil || r.Environment == "" || c.Token.Role.May(ToMakeBundles) {
		return r, err
	}
	return r, fault.New(fault.Auth, "not-allowed", "%s may not put files into %s: it belongs to the environment %s", c.Token.Role.withArticle(), r.Name, r.Environment).
		Hint("promote a bundle to there")
}

// Upload is what somebody puts at a path.
type Upload struct {
	Repository, Path string
	Properties       Properties
	Checksums        // as far as the client knows them
}

var checksum = regexp.MustCompile(`^[0-9a-f]+$`)

func (u *Upload) check() error {
	for _, sum := range []struct {
		text   *string
		name   string
		length int
	}{{&u.SHA256, "SHA-256", 64}, {&u.SHA1, "SHA-1", 40}, {&u.MD5, "MD5", 32}} {
		*sum.text = strings.ToLower(*sum.text)
		if *sum.text != "" && (len(*sum.text) != sum.length || !checksum.MatchString(*sum.text)) {
			return fault.New(fault.Invalid, "invalid-checksum", "%.80q is no %s", *sum.text, sum.name)
		}
	}
	return cmp.Or(CheckPath(u.Path), u.Properties.check())
}

// Compare returns the fault of a content that is not what it is said to be. Fault: other-checksum.
func (s Checksums) Compare(is Checksums) error {
	var differ []string
	for _, sum := range []struct{ name, said, is string }{{"SHA-256", s.SHA256, is.SHA256}, {"SHA-1", s.SHA1, is.SHA1}, {"MD5", s.MD5, is.MD5}} {
		if sum.said != "" && sum.said != sum.is {
			differ = append(differ, fmt.Sprintf("%s is %s, and was said to be %s", sum.name, sum.is, sum.said))
		}
	}
	if differ == nil {
		return nil
	}
	return fault.New(fault.Invalid, "other-checksum", "the content is another one: its %s", strings.Join(differ, "; its ")).Hint("send it again")
}

// Upload keeps a content, and puts it at a path. What the caller may not do is refused before anything is read. The same content
// again changes nothing but adds the properties. Another one replaces what is there, and its properties: only where the caller may
// delete files, too, but for Maven's lists of versions, which each upload changes. Faults: no-repository, not-hosted, not-allowed,
// no-home, invalid-path, invalid-property, invalid-checksum, other-checksum, may-not-overwrite, is-a-folder, is-a-file.
func (l *Ledger) Upload(ctx context.Context, c Caller, u Upload, content io.Reader) (f File, err error) {
	if err := u.check(); err != nil {
		return f, err
	}
	err = l.Store.Read(ctx, func(tx Tx) error {
		_, err := shelf(ctx, tx, c, u.Repository)
		return err
	})
	if err != nil {
		return f, err
	}
	if l.Home == nil {
		return f, errNoHome
	}
	blob, err := l.Home.Write(ctx, content)
	if err != nil {
		return f, err
	}
	if err = u.Compare(blob.Checksums); err == nil {
		f, err = l.upload(ctx, c, u, func(tx Tx) (Blob, error) { return l.keep(ctx, tx, blob) })
	}
	// After an error of the database nobody knows whether it was kept. A place that no row names goes by itself later.
	if err == nil && f.Place != blob.Place || err != nil && fault.KindOf(err) != fault.Internal {
		_ = l.Home.Remove(blob.Place)
	}
	return f, err
}

// UploadKnown is Upload of a content that is kept already, in a file that the caller may read: who only knows a checksum gets nothing
// of other projects by it. Fault: no-content.
func (l *Ledger) UploadKnown(ctx context.Context, c Caller, u Upload) (f File, err error) {
	if err := u.check(); err != nil {
		return f, err
	}
	if u.SHA256 == "" && u.SHA1 == "" {
		return f, fault.New(fault.Invalid, "invalid-checksum", "the SHA-256 or the SHA-1 of the content is needed")
	}
	return l.upload(ctx, c, u, func(tx Tx) (Blob, error) {
		known, err := tx.LockBlob(ctx, u.Checksums, c.Token.Project)
		if err != nil {
			return known, err
		}
		if err := u.Compare(known.Checksums); err != nil {
			return known, err
		}
		there, err := l.isThere(known)
		if err == nil && !there {
			err = fault.New(fault.NotFound, "no-content", "the content %.80s is lost", known.SHA256).Hint("send it")
		}
		return known, err
	})
}

// keep keeps a content once. One whose place was lost gets the new place, and with it every file that has it.
func (l *Ledger) keep(ctx context.Context, tx Tx, b Blob) (Blob, error) {
	kept, err := tx.KeepBlob(ctx, b, l.Now())
	if err != nil || kept.Place == b.Place {
		return kept, err
	}
	if there, err := l.isThere(kept); err != nil || there {
		return kept, err
	}
	kept.Place = b.Place
	return kept, tx.MoveBlob(ctx, kept)
}

// upload puts a content that is kept at a path.
func (l *Ledger) upload(ctx context.Context, c Caller, u Upload, content func(Tx) (Blob, error)) (f File, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		r, err := shelf(ctx, tx, c, u.Repository)
		if err != nil {
			return Event{}, err
		}
		blob, err := content(tx)
		if err != nil {
			return Event{}, err
		}
		f = File{Repository: r.Name, Path: u.Path, Blob: blob, Properties: u.Properties}
		return l.place(ctx, tx, c, r, &f)
	})
	return f, err
}

// place puts a file at its path, unless it is there, and returns the event that says so. The blob is locked.
func (l *Ledger) place(ctx context.Context, tx Tx, c Caller, r Repository, f *File) (Event, error) {
	now := l.Now()
	f.CreatedAt, f.CreatedBy, f.ModifiedAt = now, c.Token.Subject, now
	what := "file.uploaded"
	data := map[string]string{"sha256": f.SHA256, "size": strconv.FormatInt(f.Size, 10)}
	was, err := tx.LockFile(ctx, f.Repository, f.Path)
	switch {
	case fault.Is(err, "no-file"):
		if err := notInTheWay(ctx, tx, *f); err != nil {
			return Event{}, err
		}
		return Event{Type: what, Project: r.Project, Subject: f.String(), Data: data}, tx.InsertFile(ctx, *f)
	case err != nil:
		return Event{}, err
	case was.SHA256 == f.SHA256:
		f.CreatedAt, f.CreatedBy, f.ModifiedAt = was.CreatedAt, was.CreatedBy, was.ModifiedAt
		f.Properties = was.Properties.with(f.Properties)
		if maps.EqualFunc(f.Properties, was.Properties, slices.Equal) {
			return Event{}, nil
		}
	default:
		if err := mayOverwrite(c, *f); err != nil {
			return Event{}, err
		}
		f.CreatedAt = was.CreatedAt
		what, data["was"] = "file.overwritten", was.SHA256
	}
	return Event{Type: what, Project: r.Project, Subject: f.String(), Data: data}, tx.UpdateFile(ctx, *f)
}

// mayOverwrite returns the fault of a caller who must not replace a file.
func mayOverwrite(c Caller, f File) error {
	if c.Token.Role.May(ToMakeBundles) || path.Base(f.Path) == "maven-metadata.xml" {
		return nil
	}
	return fault.New(fault.Auth, "may-not-overwrite", "%s is there with another content, and %s may not overwrite files", f, c.Token.Role.withArticle()).
		Hint("choose another path, or ask an admin for a token with another role")
}

// notInTheWay returns the fault of a file where a folder is, or below a file.
func notInTheWay(ctx context.Context, tx Tx, f File) error {
	from, to := Below(f.Path)
	below, err := tx.Files(ctx, f.Repository, from, to, 1)
	if err != nil {
		return err
	}
	if len(below) > 0 {
		return fault.New(fault.Invalid, "is-a-folder", "%s is a folder: %s is in it", f, below[0])
	}
	for folder := path.Dir(f.Path); folder != "."; folder = path.Dir(folder) {
		_, err := tx.File(ctx, f.Repository, folder)
		if err == nil {
			return fault.New(fault.Invalid, "is-a-file", "%s/%s is a file: nothing can be in it", f.Repository, folder)
		}
		if !fault.Is(err, "no-file") {
			return err
		}
	}
	return nil
}

// highest sorts after whatever a path can go on with.
const highest = "\U0010FFFF"

// Below is the range of the paths in a folder, "" for all of a repository.
func Below(folder string) (from, to string) {
	if folder == "" {
		return "", highest
	}
	return folder + "/", folder + "/" + highest
}

// Beginning is the range of the paths that begin like that.
func Beginning(prefix string) (from, to string) { return prefix, prefix + highest }

// After is where the paths begin that sort after one: no path has control characters.
func After(path string) string { return path + "\x01" }

// AfterFolder is where the paths begin that sort after all those in a folder.
func AfterFolder(folder string) string { return folder + "0" } // the character after the slash
