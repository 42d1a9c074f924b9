package blobs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/blobs"
	"github.com/gravitee-lab/gio/internal/fault"
)

func open(t *testing.T) (*blobs.Folder, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "blobs")
	f, err := blobs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

// left is all that is in a folder, half contents, too.
func left(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestWrite: a content is read as it was written, at a place of its own, with its checksums.
func TestWrite(t *testing.T) {
	t.Parallel()
	f, dir := open(t)
	first, err := f.Write(t.Context(), strings.NewReader("hello\n"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Write(t.Context(), iotestOne{strings.NewReader("hello\n")})
	if err != nil {
		t.Fatal(err)
	}
	if first.Place == again.Place || first.Checksums != again.Checksums || again.Size != 6 ||
		first.SHA256 != "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" || first.SHA1 != "f572d396fae9206628714fb2ce00f72e94f2258f" || first.MD5 != "b1946ac92492d2347c6235b4d2611184" {
		t.Errorf("%+v, %+v", first, again)
	}
	content, err := f.Open(first.Place)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(first.Place); err != nil { // whoever reads it, reads on
		t.Error(err)
	}
	if _, err := content.Seek(4, io.SeekStart); err != nil {
		t.Error(err)
	}
	if text, err := io.ReadAll(content); string(text) != "o\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if err := content.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Remove(first.Place); err != nil {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := f.Open(first.Place); !fault.Is(err, "no-content") {
		t.Errorf("a removed one: %v", err)
	}
	if _, err := f.Size(first.Place); !fault.Is(err, "no-content") {
		t.Errorf("a removed one: %v", err)
	}
	if size, err := f.Size(again.Place); size != 6 || err != nil {
		t.Errorf("%d, %v", size, err)
	}
	if all := left(t, dir); len(all) != 1 {
		t.Errorf("%s", all)
	}
}

// iotestOne reads byte by byte.
type iotestOne struct{ io.Reader }

func (o iotestOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

// broken fails after what is in it.
type broken struct {
	io.Reader
	err error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

// TestNothingIsLeft of a content that breaks off.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	f, dir := open(t)
	for _, end := range []error{io.ErrUnexpectedEOF, os.ErrDeadlineExceeded, io.ErrClosedPipe} {
		_, err := f.Write(t.Context(), broken{bytes.NewReader(make([]byte, 1<<20)), end})
		if !fault.Is(err, "broken-upload") || fault.KindOf(err) != fault.Invalid || !errors.Is(err, end) {
			t.Errorf("%v: %v", end, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Write(gone, strings.NewReader("x")); err == nil {
		t.Error("a client that is gone was answered")
	}
	if all := left(t, dir); len(all) > 0 {
		t.Errorf("%s are left", all)
	}
}

// TestPlaces: what is no place is never looked for.
func TestPlaces(t *testing.T) {
	t.Parallel()
	f, dir := open(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{"", "../secret", "aa/../../secret", "/etc/passwd", "aa/" + strings.Repeat("a", 31), "aa/" + strings.Repeat("a", 32) + "/../../../secret", `aa\` + strings.Repeat("a", 32)} {
		_, opened := f.Open(place)
		_, sized := f.Size(place)
		for _, err := range []error{opened, sized, f.Remove(place)} {
			if !fault.Is(err, "blobs-folder") {
				t.Errorf("%q: %v", place, err)
			}
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Open(filepath.Join(file, "blobs")); !fault.Is(err, "blobs-folder") {
		t.Errorf("below a file: %v", err)
	}
}

// TestOld: only what is older is listed, half contents of programs that died, too, and nothing that is not ours.
func TestOld(t *testing.T) {
	t.Parallel()
	f, dir := open(t)
	var places []string
	for range 3 {
		b, err := f.Write(t.Context(), strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, b.Place)
	}
	half := "ff/" + strings.Repeat("0", 32) + ".part"
	for _, path := range []string{half, "ff/other", "00/" + strings.Repeat("g", 32)} {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for _, place := range append(places[1:], half, "ff/other") {
		if err := os.Chtimes(filepath.Join(dir, place), now, now.Add(-25*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	listed := map[string]bool{}
	err := f.Old(now.Add(-24*time.Hour), func(place string) error {
		listed[place] = true
		return f.Remove(place)
	})
	if err != nil || len(listed) != 3 || !listed[places[1]] || !listed[places[2]] || !listed[half] {
		t.Errorf("%v, %v", listed, err)
	}
	if all := left(t, dir); len(all) != 3 { // a young one, and two that are not ours
		t.Errorf("%s", all)
	}
	stop := errors.New("stop")
	if err := f.Old(now.Add(time.Hour), func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// TestMemory: a large content needs no more of it than a small one.
func TestMemory(t *testing.T) {
	f, _ := open(t)
	needs := func(size int64) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b, err := f.Write(t.Context(), io.LimitReader(zeros{}, size))
		runtime.ReadMemStats(&after)
		if err != nil || b.Size != size {
			t.Fatalf("%+v, %v", b, err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if small, large := needs(1<<10), needs(64<<20); large > 2*small+1<<20 {
		t.Errorf("%d bytes for 64 MB, %d for 1 KB", large, small)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
