// Package blobs keeps the contents of files in a folder.
package blobs

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// Folder is a ledger.Home on a disk, which several programs may share. A place is a file in one of 256 folders, by a name that never
// was there before; while it is written it has another one.
type Folder struct{ dir string }

// partial ends the names of files that are being written, or were when their program died.
const partial = ".part"

var place = regexp.MustCompile(`^[0-9a-f]{2}/[0-9a-f]{32}(\.part)?$`)

// Open makes the folder, unless it is there. Fault: blobs-folder.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(err)
	}
	return &Folder{dir}, nil
}

func unusable(err error) error {
	return fault.New(fault.Internal, "blobs-folder", "the folder of the blobs cannot be used").Because(err).
		Hint("it must be writable and have room; blobs: in the settings names another one")
}

// path is the file of a place.
func (f *Folder) path(p string) (string, error) {
	if !place.MatchString(p) {
		return "", unusable(fmt.Errorf("%.80q is no place in it", p))
	}
	return filepath.Join(f.dir, filepath.FromSlash(p)), nil
}

// Write implements ledger.Home. It needs the same little memory for any content.
func (f *Folder) Write(ctx context.Context, content io.Reader) (b ledger.Blob, err error) {
	var bits [17]byte
	_, _ = rand.Read(bits[:]) // it never fails
	name := hex.EncodeToString(bits[:])
	b.Place = name[:2] + "/" + name[2:]
	path := filepath.Join(f.dir, name[:2], name[2:])
	if err := f.makeDir(filepath.Dir(path)); err != nil {
		return b, unusable(err)
	}
	file, err := os.OpenFile(path+partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return b, unusable(err)
	}
	sums := []hash.Hash{sha256.New(), sha1.New(), md5.New()}
	b.Size, err = pour(ctx, io.MultiWriter(file, sums[0], sums[1], sums[2]), content)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil { // before the rename: Windows renames no open file
		err = closed
	}
	if err == nil {
		err = os.Rename(path+partial, path)
	}
	if err != nil {
		_ = os.Remove(path + partial)
		if fault.CodeOf(err) == "" {
			err = unusable(err)
		}
		return b, err
	}
	syncDir(filepath.Dir(path))
	sum := func(i int) string { return hex.EncodeToString(sums[i].Sum(nil)) }
	b.Checksums = ledger.Checksums{SHA256: sum(0), SHA1: sum(1), MD5: sum(2)}
	return b, nil
}

// makeDir makes one of the folders, unless it is there.
func (f *Folder) makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		syncDir(f.dir)
	}
	return err
}

// pour copies a content. What its reader fails with is the uploader's fault.
func pour(ctx context.Context, to io.Writer, content io.Reader) (n int64, err error) {
	buffer := make([]byte, 256<<10)
	for {
		read, failed := content.Read(buffer)
		if _, err := to.Write(buffer[:read]); err != nil {
			return n, err
		}
		n += int64(read)
		switch {
		case failed == io.EOF: // the reader's own end, and not that of something in it
			return n, ctx.Err()
		case failed != nil:
			return n, fault.New(fault.Invalid, "broken-upload", "the content broke off after %d bytes", n).Because(failed).Hint("send it again")
		}
	}
}

// Open implements ledger.Home.
func (f *Folder) Open(p string) (io.ReadSeekCloser, error) {
	path, err := f.path(p)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "no-content", "there is no blob %s", p)
	}
	if err != nil {
		return nil, unusable(err)
	}
	return file, nil
}

// Size returns how large the content at a place is, in bytes. Fault: no-content.
func (f *Folder) Size(p string) (int64, error) {
	path, err := f.path(p)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fault.New(fault.NotFound, "no-content", "there is no blob %s", p)
	}
	if err != nil {
		return 0, unusable(err)
	}
	return info.Size(), nil
}

// Remove implements ledger.Home.
func (f *Folder) Remove(p string) error {
	path, err := f.path(p)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unusable(err)
	}
	return nil
}

// Old implements ledger.Home. What was being written when its program died is among it.
func (f *Folder) Old(before time.Time, each func(string) error) error {
	for first := range 256 {
		dir := fmt.Sprintf("%02x", first)
		entries, err := os.ReadDir(filepath.Join(f.dir, dir))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return unusable(err)
		}
		for _, entry := range entries {
			p := dir + "/" + entry.Name()
			info, err := entry.Info()
			if err != nil || !place.MatchString(p) || !info.ModTime().Before(before) {
				continue // gone meanwhile, not ours, or young
			}
			if err := each(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// syncDir makes the name of a new file durable, on the systems that can sync a directory.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}
