package blobs_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// shelves is a ledger with a hosted repository, and the folder of its contents.
func shelves(t *testing.T, url string) (*ledger.Ledger, string) {
	t.Helper()
	f, dir := open(t)
	l := &ledger.Ledger{Store: storetest.Open(t, url), Home: f, NewID: storetest.NewID, Now: func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }}
	d := ledger.Declaration{Project: ledger.Project{Name: "apim", Repository: "acme/apim"}, Repositories: []ledger.Repository{{Name: "libs"}}}
	if _, err := l.Apply(t.Context(), storetest.Admin(), d, false); err != nil {
		t.Fatal(err)
	}
	return l, dir
}

func upload(ctx context.Context, l *ledger.Ledger, path, text string) error {
	_, err := l.Upload(ctx, storetest.Admin(), ledger.Upload{Repository: "libs", Path: path}, strings.NewReader(text))
	return err
}

// holds fails unless a file has a content.
func holds(ctx context.Context, l *ledger.Ledger, path, text string) error {
	_, content, err := l.OpenFile(ctx, storetest.Admin(), "libs", path)
	if err != nil {
		return err
	}
	is, err := io.ReadAll(content)
	if err == nil && string(is) != text {
		err = fmt.Errorf("%s holds %.80q, not %.80q", path, is, text)
	}
	_ = content.Close()
	return err
}

var figures = flag.Bool("figures", false, "measure")

// rounds is how often something is tried.
func rounds() int {
	if *figures {
		return 1000
	}
	return 100
}

// TestCollectorAgainstUploads: while contents are put into files, taken out and put in again, by their bytes or by their checksum alone,
// the collector removes those that no file has, and never another one.
func TestCollectorAgainstUploads(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		l, dir := shelves(t, url)
		ctx, stop := context.WithCancel(t.Context())
		var collecting, uploading sync.WaitGroup
		collecting.Go(func() {
			for ctx.Err() == nil {
				if err := l.CollectBlobs(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("the collector: %v", err)
				}
			}
		})
		const uploaders = 4
		known := make([]int, uploaders)
		for n := range uploaders {
			uploading.Go(func() {
				path := fmt.Sprintf("of/%d", n)
				for round := range rounds() / uploaders {
					text := fmt.Sprintf("content %d", round/4%3) // each has those of the others
					u := ledger.Upload{Repository: "libs", Path: path, Checksums: ledger.Checksums{SHA256: ledger.HashOf(text)}}
					_, err := l.UploadKnown(t.Context(), storetest.Admin(), u) // what another one may be taking out
					if fault.Is(err, "no-content") {
						err = upload(t.Context(), l, path, text)
					} else {
						known[n]++
					}
					if err == nil {
						err = holds(t.Context(), l, path, text)
					}
					if err == nil {
						_, err = l.DeleteFiles(t.Context(), storetest.Admin(), "libs", path)
					}
					if err != nil {
						t.Errorf("round %d: %v", round, err)
						return
					}
				}
			})
		}
		uploading.Wait()
		stop()
		collecting.Wait()
		if err := l.CollectBlobs(t.Context()); err != nil {
			t.Error(err)
		}
		if all := left(t, dir); len(all) > 0 {
			t.Errorf("%d contents are left that no file has", len(all))
		}
		t.Logf("%d rounds of uploads against the collector, by a checksum alone %d", rounds(), known)
		if *figures {
			fmt.Printf("  %-70s %d rounds, 0 lost\n", "uploads against the collector of contents", rounds())
		}
	})
}

// TestCollector: what a file has stays; what none has goes at once; what no row names goes after a day.
func TestCollector(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		l, dir := shelves(t, url)
		for path, text := range map[string]string{"a": "one", "b": "one", "c": "two", "d": "three"} {
			if err := upload(t.Context(), l, path, text); err != nil {
				t.Fatal(err)
			}
		}
		orphan, err := l.Home.Write(t.Context(), strings.NewReader("nobody's"))
		if err != nil {
			t.Fatal(err)
		}
		collected := func(want int) {
			t.Helper()
			if err := l.CollectBlobs(t.Context()); err != nil {
				t.Fatal(err)
			}
			if all := left(t, dir); len(all) != want {
				t.Errorf("%d contents are left, want %d", len(all), want)
			}
		}
		collected(4)
		for _, path := range []string{"a", "c"} {
			if _, err := l.DeleteFiles(t.Context(), storetest.Admin(), "libs", path); err != nil {
				t.Fatal(err)
			}
		}
		collected(3)
		if err := upload(t.Context(), l, "d", "four"); err != nil { // three is nobody's
			t.Fatal(err)
		}
		collected(3)
		old := time.Now().Add(-25 * time.Hour)
		for _, path := range left(t, dir) { // however old: those that files have stay
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
		collected(2)
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(orphan.Place))); !os.IsNotExist(err) {
			t.Errorf("the content of nobody: %v", err)
		}
		for path, text := range map[string]string{"b": "one", "d": "four"} {
			if err := holds(t.Context(), l, path, text); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestHomeFails: what cannot be kept is not there, and says so.
func TestHomeFails(t *testing.T) {
	t.Parallel()
	l, dir := shelves(t, storetest.SQLite(t))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := upload(t.Context(), l, "a", "text"); fault.KindOf(err) != fault.Internal {
		t.Errorf("%v", err)
	}
	if _, err := l.File(t.Context(), storetest.Admin(), "libs", "a"); !fault.Is(err, "no-file") {
		t.Errorf("%v", err)
	}
	if err := errors.Join(os.Remove(dir), os.Mkdir(dir, 0o700), upload(t.Context(), l, "a", "text"), os.RemoveAll(dir)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.OpenFile(t.Context(), storetest.Admin(), "libs", "a"); !fault.Is(err, "lost-content") || fault.KindOf(err) != fault.Internal {
		t.Errorf("a content that is lost: %v", err)
	}
}
