package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/gravitee-lab/gio/internal/blobs"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
)

// Backup writes what the database holds to a new file, beside a server that uses it, and prints what the backup holds. No secret
// is in it: of tokens only the hashes are kept.
func Backup(ctx context.Context, s Settings, to string, out io.Writer) error {
	held, err := store.Backup(ctx, s.Database, to)
	if err != nil {
		return err
	}
	return printContents(out, held, "written to "+to)
}

// Restore fills the database, which must be empty, with a backup, and quarantines the ledger.
func Restore(ctx context.Context, s Settings, from string, out io.Writer) error {
	l := New(nil)
	last := func(tx ledger.Tx, held store.Contents) error {
		return l.Restored(ctx, tx, whoever(), held.Head)
	}
	if err := makeData(s); err != nil {
		return err
	}
	held, err := store.Restore(ctx, from, s.Database, store.Transfer{Last: last})
	if err != nil {
		return err
	}
	return printContents(out, held, "restored and quarantined: reads are answered, and nothing is started until gio-server resume")
}

// Resume lifts the quarantine of a restored ledger, beside a server that uses it.
func Resume(ctx context.Context, s Settings, out io.Writer) error {
	kept, err := store.OpenBeside(ctx, s.Database)
	if err != nil {
		return err
	}
	err = upToDate(ctx, kept)
	if err == nil {
		err = New(kept).EndQuarantine(ctx, whoever())
	}
	if err := errors.Join(err, kept.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "resumed: what waits may start")
	return err
}

// upToDate refuses tables that are older than this program: it changes none beside a server.
func upToDate(ctx context.Context, kept *store.Store) error {
	have, known, err := kept.Versions(ctx)
	if err == nil && have < known {
		return fault.New(fault.Invalid, "older-tables", "the tables are of version %d, and this gio-server needs %d", have, known).
			Hint("start it: it brings them up to date")
	}
	return err
}

// Verify looks at all that the database holds, and whether the contents of its files are there, beside a server that uses it, and prints
// what there is. Faults: those of store.Examine, missing-blobs.
func Verify(ctx context.Context, s Settings, out io.Writer) error {
	kept, err := store.OpenBeside(ctx, s.Database)
	if err != nil {
		return err
	}
	held, err := kept.Examine(ctx)
	if err == nil && s.blobs() != "" && slices.ContainsFunc(held.Tables, func(c store.Count) bool { return c.Table == "blobs" && c.Rows > 0 }) {
		err = verifyBlobs(ctx, kept, s.blobs(), out)
	}
	if err := errors.Join(err, kept.Close()); err != nil {
		return err
	}
	return printContents(out, held, "verified: the history is as it was written, and nothing is missing")
}

// verifyBlobs prints the contents that are not where the database says, or are of another size. It does not read them.
func verifyBlobs(ctx context.Context, kept *store.Store, dir string, out io.Writer) error {
	if _, err := os.Stat(dir); err != nil {
		return fault.New(fault.Invalid, "missing-blobs", "the folder of the blobs is missing").Because(err).Hint("restore it, or name another one: blobs: in the settings")
	}
	home, err := blobs.Open(dir)
	if err != nil {
		return err
	}
	lost := 0
	for after, more := "", true; more; {
		var some []ledger.Blob
		err := kept.Read(ctx, func(tx ledger.Tx) (err error) {
			some, err = tx.Blobs(ctx, after, batch)
			return err
		})
		if err != nil {
			return err
		}
		for _, b := range some {
			after = b.SHA256
			if size, err := home.Size(b.Place); err == nil && size == b.Size {
				continue
			}
			var needed bool // or the server has just removed it
			err := kept.Read(ctx, func(tx ledger.Tx) (err error) {
				needed, err = tx.HasPlace(ctx, b.Place)
				return err
			})
			if err != nil {
				return err
			}
			if needed {
				lost++
				fmt.Fprintf(out, "missing: the content %s, of %d bytes, at %s\n", b.SHA256, b.Size, b.Place)
			}
		}
		more = len(some) == batch
	}
	if lost > 0 {
		return fault.New(fault.Invalid, "missing-blobs", "%d contents of files are missing", lost).Hint("restore the folder of the blobs from a copy; a file whose content is nowhere must be uploaded anew")
	}
	return nil
}

// batch is how many contents are read at a time.
const batch = 1000

// Copy fills another database, which must be empty, with what the database holds. No server may use either.
func Copy(ctx context.Context, s Settings, to string, out io.Writer) error {
	held, err := store.Copy(ctx, s.Database, to, store.Transfer{})
	if err != nil {
		return err
	}
	return printContents(out, held, "copied: name the new database in the settings, and start no server on the old one")
}

func printContents(out io.Writer, held store.Contents, end string) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range held.Tables {
		fmt.Fprintf(table, "%s\t%d\n", c.Table, c.Rows)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "the history ends at position %d with %s\n%s\n", held.Position, held.Hash, end)
	return err
}

// whoever is the user of this machine who runs the program.
func whoever() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "local" // a container without /etc/passwd
}

// readiness is what is said of a ledger that is quarantined.
func readiness(since time.Time, reason string) string {
	return fmt.Sprintf("quarantined since %s: %s", since.Format(time.RFC3339), reason)
}
