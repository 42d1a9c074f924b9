package journal_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/journal/journaltest"
	"github.com/gravitee-lab/gio/internal/run"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(*testing.T) journaltest.Home {
		var last *journal.Memory
		return journaltest.Home{
			Open: func(run.Header) (journal.Journal, []run.Event, error) {
				last = &journal.Memory{}
				return last, nil, nil
			},
			Stored: func() []run.Event { return last.Events() },
		}
	})
}

func TestFileConforms(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(t *testing.T) journaltest.Home {
		path := journal.Path(t.TempDir(), "github.com/acme/release", journaltest.Header())
		return journaltest.Home{
			Open: func(h run.Header) (journal.Journal, []run.Event, error) {
				f, events, err := journal.OpenFile(path, h)
				return f, events, err
			},
			Read:   func() ([]run.Event, error) { return journal.ReadFile(path) },
			Stored: func() []run.Event { return journal.EventsIn(t, journal.LoadFile(t, path)) },
			Fail:   func(j journal.Journal) { j.(*journal.File).Break() },
			Lines: &journaltest.Lines{
				Load:  func() []byte { return journal.LoadFile(t, path) },
				Store: func(data []byte) { journal.StoreFile(t, path, data) },
			},
			Failure: fault.Internal,
		}
	})
}

func TestGitConforms(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(t *testing.T) journaltest.Home { return gitHome(t, 211, func(dir string) string { return dir }) })
}

// TestGitConformsOverHTTP: also on a bad line. Of the pushes every fifth is dropped before it is done, every seventh after.
func TestGitConformsOverHTTP(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(t *testing.T) journaltest.Home {
		return gitHome(t, 997, func(dir string) string {
			var pushes atomic.Int64
			return gittest.HTTP(t, dir, gittest.Options{Intercept: func(r *http.Request) gittest.Action {
				if !gittest.IsPush(r) {
					return gittest.Serve
				}
				time.Sleep(5 * time.Millisecond)
				switch n := pushes.Add(1); {
				case n%5 == 0:
					return gittest.DropBefore
				case n%7 == 0:
					return gittest.DropAfter
				}
				return gittest.Serve
			}}).URL
		})
	})
}

// gitHome is a release repository behind the address that serve gives.
func gitHome(t *testing.T, stride int, serve func(dir string) string) journaltest.Home {
	t.Helper()
	dir := journal.Bare(t)
	url := serve(dir)
	side := journal.View(t, dir)
	const file = "release/3.9.4.jsonl"
	var last journal.Repository // of the driver that opened last
	open := func(h run.Header, takeOver bool) (journal.Journal, []run.Event, error) {
		last = journal.View(t, url)
		g, events, err := journal.OpenGit(t.Context(), last, h, journal.GitOptions{Driver: journal.Somebody(), TakeOver: takeOver})
		return g, events, err
	}
	failed := false
	return journaltest.Home{
		Open: func(h run.Header) (journal.Journal, []run.Event, error) {
			if failed {
				_ = os.Remove(filepath.Join(dir, "hooks", "pre-receive"))
			}
			return open(h, failed)
		},
		Read: func() ([]run.Event, error) {
			events, _, err := journal.ReadGit(t.Context(), side, journaltest.Header())
			return events, err
		},
		Stored: func() []run.Event { return journal.EventsIn(t, journal.FileAt(t, side, file)) },
		Fail: func(journal.Journal) {
			gittest.Hook(t, dir, "pre-receive", "exit 1")
			failed = true
		},
		Failure: fault.Stopped,
		Lines: &journaltest.Lines{
			Load:   func() []byte { return journal.FileAt(t, side, file) },
			Store:  func(data []byte) { journal.Meddle(t, side, map[string][]byte{file: data}) },
			Stride: stride,
		},
		TakeOver: func() (journal.Journal, error) {
			j, _, err := open(journaltest.Header(), true)
			return j, err
		},
		Cancel: func() error {
			_, _, err := journal.CancelGit(t.Context(), side, journaltest.Header(), journal.Somebody())
			return err
		},
		Many: true, Claims: true,
		Push: func(ctx context.Context, u journal.Update) error { return last.Push(ctx, u.Old, u.New) },
	}
}
