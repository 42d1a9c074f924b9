package ledger

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Pattern stands for the files of a hosted repository whose paths fit. In its path * stands for any text without a slash.
type Pattern struct{ Repository, Path string }

// String is a pattern as people write it.
func (p Pattern) String() string { return p.Repository + "/" + p.Path }

// check returns the fault of a pattern that no file can fit. Fault: invalid-path.
func (p Pattern) check() error { return CheckPath(strings.ReplaceAll(p.Path, "*", "x")) }

// fits tells whether a name fits a part of a pattern.
func fits(part, name string) bool {
	is, err := path.Match(strings.ReplaceAll(part, "[", `\[`), name) // what else could be special no path has
	return err == nil && is
}

// pattern puts in all files that fit one.
func (all *collection) pattern(ctx context.Context, p Pattern) error {
	r, err := all.repository(ctx, p.Repository)
	if err != nil {
		return err
	}
	if r.Kind != Hosted && !strings.Contains(p.Path, "*") {
		return all.elsewhere(r, p.Path, "")
	}
	found, err := filesOf(ctx, all.tx, r, p)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "no-file", "there is no file %.420s", p)
	}
	for _, f := range found {
		if f.ModifiedAt.After(all.newest) {
			all.newest = f.ModifiedAt
		}
		if err := all.add(f.item(r)); err != nil {
			return err
		}
	}
	return err
}

// item is a file as an item without a number.
func (f File) item(r Repository) Item {
	properties := []byte("{}")
	if len(f.Properties) > 0 {
		properties, _ = json.Marshal(f.Properties) // texts alone
	}
	return Item{Kind: FileItem, Type: r.Type, Repository: f.Repository, Path: f.Path, SHA256: f.SHA256, Size: f.Size, Kept: true, Properties: string(properties)}
}

// filesOf finds the files that fit a pattern, by their paths. Faults: invalid-path, not-hosted, large-bundle.
func filesOf(ctx context.Context, tx Tx, r Repository, p Pattern) (all []File, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if r.Kind != Hosted {
		return nil, notHosted(r)
	}
	err = eachFitting(ctx, tx, r.Name, "", strings.Split(p.Path, "/"), func(f File) error {
		if len(all) == mostItems {
			return largeBundle()
		}
		all = append(all, f)
		return nil
	})
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return all, err
}

// eachFitting calls do with each file in a folder, "" for all of a repository, whose path fits the parts. It reads the folders that fit, and
// no other.
func eachFitting(ctx context.Context, tx Tx, repository, folder string, parts []string, do func(File) error) error {
	plain := slices.IndexFunc(parts, func(part string) bool { return strings.Contains(part, "*") })
	if plain < 0 {
		f, err := tx.File(ctx, repository, path.Join(folder, path.Join(parts...)))
		if fault.Is(err, "no-file") {
			return nil
		}
		if err != nil {
			return err
		}
		return do(f)
	}
	folder, parts = path.Join(folder, path.Join(parts[:plain]...)), parts[plain:]
	in, err := folderAt(ctx, tx, repository, folder)
	if err != nil {
		return err
	}
	if len(parts) == 1 {
		for _, f := range in.Files {
			if fits(parts[0], path.Base(f.Path)) {
				if err := do(f); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, name := range in.Folders {
		if fits(parts[0], name) {
			if err := eachFitting(ctx, tx, repository, path.Join(folder, name), parts[1:], do); err != nil {
				return err
			}
		}
	}
	return nil
}
