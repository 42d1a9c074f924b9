package store_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// blob is a content whose checksums are all one digit.
func blob(digit string) ledger.Blob {
	sum := strings.Repeat(digit, 64)
	return ledger.Blob{Checksums: ledger.Checksums{SHA256: sum, SHA1: sum[:40], MD5: sum[:32]}, Place: digit + digit + "/" + sum[:32], Size: 7}
}

// keep puts a content into a file.
func keep(ctx context.Context, tx ledger.Tx, repository, path, digit string) error {
	kept, err := tx.KeepBlob(ctx, blob(digit), at(0))
	if err != nil {
		return err
	}
	return tx.InsertFile(ctx, ledger.File{Repository: repository, Path: path, Blob: kept, CreatedAt: at(1), CreatedBy: "ann", ModifiedAt: at(2)})
}

// TestFiles: contents and files are kept, found, listed by the bytes of their paths, and deleted.
func TestFiles(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		paths := []string{"a", "a-b/c", "a.x", "a/b/c", "a/d", "a0", "aa", "ä/ö", "𝄞"} // as bytes sort them
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			for i, name := range []string{"libs", "other"} {
				project := []string{"acme", "beside"}[i]
				if project == "beside" {
					if err := tx.PutProject(ctx, ledger.Project{Name: project, Repository: "acme/beside"}, at(0)); err != nil {
						return err
					}
				}
				if err := tx.PutRepository(ctx, ledger.Repository{Name: name, Project: project, Kind: ledger.Hosted, Type: "generic"}, at(0)); err != nil {
					return err
				}
			}
			for i := range paths {
				if err := keep(ctx, tx, "libs", paths[len(paths)-1-i], []string{"a", "b"}[i%2]); err != nil {
					return err
				}
			}
			return keep(ctx, tx, "other", "a", "c")
		})
		list := func(from, to string, limit int) (found []string) {
			read(t, s, func(ctx context.Context, tx ledger.Tx) error {
				all, err := tx.Files(ctx, "libs", from, to, limit)
				found = []string{}
				for _, f := range all {
					found = append(found, f.Path)
				}
				return err
			})
			return found
		}
		from, to := ledger.Below("")
		if got := list(from, to, 100); !reflect.DeepEqual(got, paths) {
			t.Errorf("%q, want %q", got, paths)
		}
		from, to = ledger.Below("a")
		if got := list(from, to, 100); !reflect.DeepEqual(got, paths[3:5]) {
			t.Errorf("in a: %q", got)
		}
		if got := list(ledger.After("a.x"), "b", 2); !reflect.DeepEqual(got, paths[3:5]) {
			t.Errorf("two after a.x: %q", got)
		}
		if got := list(ledger.AfterFolder("a"), "b", 9); !reflect.DeepEqual(got, paths[5:7]) {
			t.Errorf("after the folder a: %q", got)
		}
		from, to = ledger.Beginning("ä")
		if got := list(from, to, 9); !reflect.DeepEqual(got, paths[7:8]) {
			t.Errorf("beginning with ä: %q", got)
		}
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			f, err := tx.LockFile(ctx, "libs", "ä/ö")
			if err != nil {
				return err
			}
			if want := blob(f.SHA256[:1]); f.Blob != want || f.CreatedBy != "ann" || !f.CreatedAt.Equal(at(1)) || !f.ModifiedAt.Equal(at(2)) {
				t.Errorf("%+v", f)
			}
			if f.Blob, err = tx.KeepBlob(ctx, blob("d"), at(3)); err != nil {
				return err
			}
			f.Properties, f.CreatedBy, f.ModifiedAt = ledger.Properties{"k": {"v", "»ü«"}}, "eve", at(4)
			if err := tx.UpdateFile(ctx, f); err != nil {
				return err
			}
			if is, err := tx.File(ctx, "libs", "ä/ö"); err != nil || !reflect.DeepEqual(is, f) {
				t.Errorf("%+v, %v, want %+v", is, err, f)
			}
			return nil
		})
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			again := blob("a")
			again.Place = "ff/" + strings.Repeat("f", 32)
			if kept, err := tx.KeepBlob(ctx, again, at(9)); err != nil || kept != blob("a") {
				t.Errorf("kept again: %+v, %v", kept, err)
			}
			for _, c := range []struct {
				sums    ledger.Checksums
				project string
				found   bool
			}{
				{blob("c").Checksums, "", true},
				{blob("c").Checksums, "beside", true},
				{blob("c").Checksums, "acme", false},
				{ledger.Checksums{SHA1: blob("c").SHA1}, "beside", true},
				{ledger.Checksums{SHA1: blob("c").SHA1}, "acme", false},
				{blob("e").Checksums, "", false},
			} {
				if b, err := tx.LockBlob(ctx, c.sums, c.project); (err == nil && b == blob("c")) != c.found || !c.found && !fault.Is(err, "no-content") {
					t.Errorf("%+v: %+v, %v", c, b, err)
				}
			}
			if has, err := tx.HasPlace(ctx, blob("a").Place); !has || err != nil {
				t.Errorf("the place of a content: %t, %v", has, err)
			}
			if has, err := tx.HasPlace(ctx, again.Place); has || err != nil {
				t.Errorf("the place of none: %t, %v", has, err)
			}
			from, to := ledger.Below("a")
			if n, err := tx.DeleteFiles(ctx, "libs", from, to); n != 2 || err != nil {
				t.Errorf("%d files are deleted, %v", n, err)
			}
			return tx.DeleteFile(ctx, "other", "a")
		})
		var unused []string
		read(t, s, func(ctx context.Context, tx ledger.Tx) error {
			all, err := tx.Blobs(ctx, blob("a").SHA256, 2)
			if len(all) != 2 || all[0] != blob("b") || all[1] != blob("c") {
				t.Errorf("after a: %+v", all)
			}
			for after := ""; err == nil; { // one after the other
				var some []string
				some, after, err = tx.UnusedBlobs(ctx, after, 1)
				if unused = append(unused, some...); after == "" {
					break
				}
			}
			return err
		})
		if len(unused) != 1 || unused[0] != blob("c").SHA256 {
			t.Errorf("unused: %s", unused)
		}
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			place, err := tx.DeleteBlob(ctx, unused[0])
			if place != blob("c").Place {
				t.Errorf("it was at %s", place)
			}
			return err
		})
		err := s.Change(t.Context(), func(tx ledger.Tx) error { _, err := tx.DeleteBlob(t.Context(), blob("a").SHA256); return err })
		if !fault.Is(err, "blob-used") {
			t.Errorf("one that a file has: %v", err)
		}
	})
}

// TestOneFile: of many who insert a file at once one does, and all who lock it see the last.
func TestOneFile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return tx.PutRepository(ctx, ledger.Repository{Name: "libs", Project: "acme", Kind: ledger.Hosted, Type: "generic"}, at(0))
		})
		var at sync.WaitGroup
		for n := range 20 {
			at.Go(func() {
				err := s.Change(t.Context(), func(tx ledger.Tx) error {
					f, err := tx.LockFile(t.Context(), "libs", "one")
					if fault.Is(err, "no-file") {
						return keep(t.Context(), tx, "libs", "one", "a")
					}
					if err != nil {
						return err
					}
					f.Properties = with(f.Properties, fmt.Sprint(n))
					return tx.UpdateFile(t.Context(), f)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		at.Wait()
		read(t, s, func(ctx context.Context, tx ledger.Tx) error {
			f, err := tx.File(ctx, "libs", "one")
			if len(f.Properties) != 19 { // all but the one that inserted it
				t.Errorf("%d saw the one before", len(f.Properties))
			}
			return err
		})
	})
}

// with returns properties with one more.
func with(p ledger.Properties, key string) ledger.Properties {
	if p == nil {
		p = ledger.Properties{}
	}
	p[key] = []string{"v"}
	return p
}

// TestBuilds: the last that is said of a number counts, and numbers are listed by when they began.
func TestBuilds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			for _, b := range []ledger.Build{
				{Number: "1", StartedAt: at(1), Info: "{}"}, {Number: "2", StartedAt: at(2), Info: "{}"}, {Number: "3", StartedAt: at(0), Info: "{}"}, {Number: "1", StartedAt: at(5), Info: `{"a":1}`},
			} {
				b.Project, b.Key, b.Name = "acme", "key", "b"
				if err := tx.PutBuild(ctx, b, at(0)); err != nil {
					return err
				}
			}
			return nil
		})
		read(t, s, func(ctx context.Context, tx ledger.Tx) error {
			b, err := tx.Build(ctx, "key", "b", "1")
			if want := (ledger.Build{Project: "acme", Key: "key", Name: "b", Number: "1", StartedAt: at(5), Info: `{"a":1}`}); b != want {
				t.Errorf("%+v, want %+v", b, want)
			}
			if err != nil {
				return err
			}
			all, err := tx.Builds(ctx, "key", "b", 2)
			if len(all) != 2 || all[0].Number != "1" || all[1].Number != "2" || all[0].Info != "" {
				t.Errorf("%+v", all)
			}
			return err
		})
	})
}

// read reads one state of a store.
func read(t *testing.T, s *store.Store, do func(ctx context.Context, tx ledger.Tx) error) {
	t.Helper()
	if err := s.Read(t.Context(), func(tx ledger.Tx) error { return do(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}
