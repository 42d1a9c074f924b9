package ledger

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// What is read of files, and done with several.

// File finds one. Faults: no-repository, not-hosted, no-file.
func (l *Ledger) File(ctx context.Context, c Caller, repository, path string) (f File, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := hosted(ctx, tx, c, ToRead, repository); err != nil {
			return err
		}
		f, err = tx.File(ctx, repository, path)
		return err
	})
	return f, err
}

// OpenFile finds one, and opens its content. Faults: those of File; no-home.
func (l *Ledger) OpenFile(ctx context.Context, c Caller, repository, path string) (f File, content io.ReadSeekCloser, err error) {
	if l.Home == nil {
		return f, nil, errNoHome
	}
	for range 3 { // it may be overwritten, and its old content collected, between the two
		if f, err = l.File(ctx, c, repository, path); err != nil {
			return f, nil, err
		}
		if content, err = l.Home.Open(f.Place); !fault.Is(err, "no-content") {
			return f, content, err
		}
	}
	return f, nil, fault.New(fault.Internal, "lost-content", "the content of %s is missing", f).Because(err).
		Hint("gio-server verify lists what is missing; restore the folder of the blobs")
}

// FilesIn lists files of a repository, limit of them, by path, from one on and before another. Faults: no-repository, not-hosted.
func (l *Ledger) FilesIn(ctx context.Context, c Caller, repository, from, to string, limit int) (all []File, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := hosted(ctx, tx, c, ToRead, repository); err != nil {
			return err
		}
		all, err = tx.Files(ctx, repository, from, to, limit)
		return err
	})
	return all, err
}

// HostedRepositories lists those that the caller may read, by name.
func (l *Ledger) HostedRepositories(ctx context.Context, c Caller) (all []Repository, err error) {
	projects, err := l.Projects(ctx, c)
	if err != nil {
		return nil, err
	}
	err = l.Store.Read(ctx, func(tx Tx) error {
		all = nil
		for _, p := range projects {
			some, err := tx.Repositories(ctx, p.Name)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		return nil
	})
	all = slices.DeleteFunc(all, func(r Repository) bool { return r.Kind != Hosted })
	slices.SortFunc(all, func(a, b Repository) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// Folder is what is in a folder itself.
type Folder struct {
	Folders []string // names
	Files   []File
}

// batch is how many files are read at a time.
const batch = 200

// FolderAt lists a folder, "" for all of a repository. Faults: no-repository, not-hosted, no-file.
func (l *Ledger) FolderAt(ctx context.Context, c Caller, repository, path string) (found Folder, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := hosted(ctx, tx, c, ToRead, repository); err != nil {
			return err
		}
		found, err = folderAt(ctx, tx, repository, path)
		return err
	})
	if err == nil && path != "" && found.Files == nil && found.Folders == nil {
		err = noFile(repository, path)
	}
	return found, err
}

func noFile(repository, path string) error {
	return fault.New(fault.NotFound, "no-file", "there is no file or folder %.120s/%.300s", repository, path)
}

// folderAt reads over what is in the folders of a folder as soon as it has seen one file of it.
func folderAt(ctx context.Context, tx Tx, repository, path string) (found Folder, err error) {
	from, to := Below(path)
	prefix := from
	for {
		some, err := tx.Files(ctx, repository, from, to, batch)
		if err != nil {
			return found, err
		}
		for _, f := range some {
			if f.Path < from {
				continue
			}
			name, _, in := strings.Cut(f.Path[len(prefix):], "/")
			if in {
				found.Folders = append(found.Folders, name)
				from = AfterFolder(prefix + name)
				continue
			}
			found.Files = append(found.Files, f)
			from = After(f.Path)
		}
		if len(some) < batch {
			slices.Sort(found.Folders) // "f-1/" comes before "f/"
			return found, nil
		}
	}
}

// each calls do with a file or, where there is none of that path, with all those in the folder, and returns how many those are.
func each(ctx context.Context, tx Tx, repository, path string, do func(File) error) (n int, err error) {
	f, err := tx.File(ctx, repository, path)
	if err == nil {
		return 1, do(f)
	}
	if !fault.Is(err, "no-file") {
		return 0, err
	}
	from, to := Below(path)
	for {
		some, err := tx.Files(ctx, repository, from, to, batch)
		if err != nil {
			return n, err
		}
		for _, f := range some {
			if err := do(f); err != nil {
				return n, err
			}
			n++
			from = After(f.Path)
		}
		switch {
		case n == 0:
			return 0, noFile(repository, path)
		case len(some) < batch:
			return n, nil
		}
	}
}

// DeleteFiles deletes a file, or a folder with all that is in it, "" for all of a repository, and returns how many files those were.
// Faults: no-repository, not-hosted, not-allowed, no-file.
func (l *Ledger) DeleteFiles(ctx context.Context, c Caller, repository, path string) (n int, err error) {
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		r, err := hosted(ctx, tx, c, ToMakeBundles, repository)
		if err != nil {
			return Event{}, err
		}
		what := "file.deleted"
		data := map[string]string{}
		f, err := tx.LockFile(ctx, repository, path)
		switch {
		case err == nil:
			n, data["sha256"] = 1, f.SHA256
			err = tx.DeleteFile(ctx, repository, path)
		case fault.Is(err, "no-file"):
			what = "folder.deleted"
			from, to := Below(path)
			if n, err = tx.DeleteFiles(ctx, repository, from, to); err == nil && n == 0 {
				err = noFile(repository, path)
			}
			data["files"] = strconv.Itoa(n)
		}
		return Event{Type: what, Project: r.Project, Subject: repository + "/" + path, Data: data}, err
	})
	return n, err
}

// Transport is a copy or a move of a file, or of a folder with all that is in it.
type Transport struct {
	Repository, Path     string
	ToRepository, ToPath string // of the file or folder then
	Move                 bool
	Dry                  bool // nothing is changed
}

// Transport copies or moves, and returns how many files. What is at the target is overwritten as by Upload; a copy has the properties
// of what it is of. Faults: those of Upload; no-file, same-path.
func (l *Ledger) Transport(ctx context.Context, c Caller, t Transport) (n int, err error) {
	if err := CheckPath(t.ToPath); err != nil {
		return 0, err
	}
	if t.Repository == t.ToRepository && (t.Path == t.ToPath || strings.HasPrefix(t.ToPath, t.Path+"/")) {
		return 0, fault.New(fault.Invalid, "same-path", "%s/%s cannot be copied or moved into itself", t.Repository, t.Path)
	}
	what := "copied"
	if t.Move {
		what = "moved"
	}
	err = l.change(ctx, c, func(tx Tx) (Event, error) {
		ofSource := ToRead
		if t.Move {
			ofSource = ToMakeBundles
		}
		if _, err := hosted(ctx, tx, c, ofSource, t.Repository); err != nil {
			return Event{}, err
		}
		r, err := shelf(ctx, tx, c, t.ToRepository)
		if err != nil {
			return Event{}, err
		}
		n, err = each(ctx, tx, t.Repository, t.Path, func(f File) error { return l.transport(ctx, tx, c, r, t, f) })
		if err != nil || t.Dry {
			return Event{}, err
		}
		return Event{Type: "file." + what, Project: r.Project, Subject: t.ToRepository + "/" + t.ToPath, Data: map[string]string{
			"from": t.Repository + "/" + t.Path, "files": strconv.Itoa(n),
		}}, nil
	})
	return n, err
}

// transport copies or moves one file, as it is now.
func (l *Ledger) transport(ctx context.Context, tx Tx, c Caller, to Repository, t Transport, f File) error {
	made := File{Repository: to.Name, Path: t.ToPath + strings.TrimPrefix(f.Path, t.Path)}
	if err := CheckPath(made.Path); err != nil || t.Dry {
		return err
	}
	f, err := tx.LockFile(ctx, f.Repository, f.Path)
	if err != nil {
		return err
	}
	made.Properties = f.Properties
	if made.Blob, err = tx.LockBlob(ctx, f.Checksums, ""); err != nil {
		return err
	}
	if _, err := l.place(ctx, tx, c, to, &made); err != nil || !t.Move {
		return err
	}
	return tx.DeleteFile(ctx, f.Repository, f.Path)
}

// SetProperties sets properties of a file beside those that it has, or of all files in a folder. Faults: no-repository, not-hosted,
// not-allowed, invalid-property, no-file.
func (l *Ledger) SetProperties(ctx context.Context, c Caller, repository, path string, set Properties) error {
	if err := set.check(); err != nil {
		return err
	}
	data := map[string]string{}
	for key, values := range set {
		data["property "+key] = strings.Join(values, ",")
	}
	return l.annotate(ctx, c, repository, path, data, func(f *File) { f.Properties = f.Properties.with(set) })
}

// DeleteProperties is SetProperties of none.
func (l *Ledger) DeleteProperties(ctx context.Context, c Caller, repository, path string, keys []string) error {
	data := map[string]string{"properties deleted": strings.Join(keys, ",")}
	return l.annotate(ctx, c, repository, path, data, func(f *File) {
		f.Properties = f.Properties.with(nil) // one of its own
		for _, key := range keys {
			delete(f.Properties, key)
		}
	})
}

func (l *Ledger) annotate(ctx context.Context, c Caller, repository, path string, data map[string]string, set func(*File)) error {
	return l.change(ctx, c, func(tx Tx) (Event, error) {
		r, err := hosted(ctx, tx, c, ToUpload, repository)
		if err != nil {
			return Event{}, err
		}
		_, err = each(ctx, tx, repository, path, func(f File) error {
			f, err := tx.LockFile(ctx, f.Repository, f.Path)
			if err != nil {
				return err
			}
			set(&f)
			return tx.UpdateFile(ctx, f)
		})
		return Event{Type: "file.annotated", Project: r.Project, Subject: repository + "/" + path, Data: data}, err
	})
}

// orphansLast is how long a place lasts that no row names: what is written has its row by then.
const orphansLast = 24 * time.Hour

// CollectBlobs removes the contents that no file and no item of a bundle has any more, and the places that nothing names.
func (l *Ledger) CollectBlobs(ctx context.Context) error {
	if l.Home == nil {
		return nil
	}
	for after := ""; ; {
		var last string
		var unused []string
		err := l.Store.Read(ctx, func(tx Tx) (err error) {
			unused, last, err = tx.UnusedBlobs(ctx, after, 1000)
			return err
		})
		if err != nil {
			return err
		}
		for _, sum := range unused {
			if err := l.removeBlob(ctx, sum); err != nil {
				return err
			}
		}
		if last == "" {
			break
		}
		after = last
	}
	return l.Home.Old(l.Now().Add(-orphansLast), func(place string) error {
		named := false
		err := l.Store.Read(ctx, func(tx Tx) (err error) {
			named, err = tx.HasPlace(ctx, place)
			return err
		})
		if err != nil || named {
			return err
		}
		return l.Home.Remove(place)
	})
}

// removeBlob removes a content that nothing has. Its row goes first: until that is committed somebody may put it into another file.
func (l *Ledger) removeBlob(ctx context.Context, sum string) error {
	var place string
	err := l.Store.Change(ctx, func(tx Tx) (err error) {
		place, err = tx.DeleteBlob(ctx, sum)
		return err
	})
	if fault.Is(err, "blob-used") {
		return nil
	}
	if err != nil {
		return err
	}
	return l.Home.Remove(place)
}
