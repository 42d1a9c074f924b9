package journal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// load gives nothing where there is no file.
func load(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return data
}

func store(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	h := header()
	h.Manifest = "apim/release.json"
	want := filepath.Join("/state", "gio", "github.com", "acme", "release", "apim", "release.json", "release", "3.9.4.jsonl")
	if got := Path("/state", "github.com/acme/release", h); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestPrivate: a journal names branches and logins; nobody else on the machine reads it.
func TestPrivate(t *testing.T) {
	t.Parallel()
	path := Path(t.TempDir(), "github.com/acme/release", header())
	f, _, err := OpenFile(path, header())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range []string{path, path + ".lock", filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %s", filepath.Base(p), info.Mode())
		}
	}
	if f.Path() != path {
		t.Errorf("path %s, want %s", f.Path(), path)
	}
}

// TestUnwritable: a path below a regular file cannot be written, not even by root.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	store(t, file, nil)
	path := Path(file, "github.com/acme/release", header())
	_, _, err := OpenFile(path, header())
	isFault(t, err, fault.Internal, "state-directory", path)
	if f, ok := errors.AsType[*fault.Fault](err); !ok || !strings.Contains(strings.Join(fault.HintLines(f), " "), "XDG_STATE_HOME") {
		t.Errorf("no hint says XDG_STATE_HOME: %v", err)
	}
	_, err = ReadFile(path)
	isFault(t, err, fault.Internal, "state-directory", path)
}

// TestUnwritableFile: the directory is there, the journal's own place is taken by a directory.
func TestUnwritableFile(t *testing.T) {
	t.Parallel()
	path := Path(t.TempDir(), "github.com/acme/release", header())
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the lock is given back
		_, _, err := OpenFile(path, header())
		isFault(t, err, fault.Internal, "state-directory", path)
	}
}

// TestHolderUnknown: the lock holds even when its note cannot be read.
func TestHolderUnknown(t *testing.T) {
	t.Parallel()
	path := Path(t.TempDir(), "github.com/acme/release", header())
	f, _, err := OpenFile(path, header())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	store(t, path+".lock", []byte("{"))
	_, _, err = OpenFile(path, header())
	isFault(t, err, fault.Stopped, "driven-elsewhere", "another gio drives release/3.9.4")
}

func TestMemory(t *testing.T) {
	t.Parallel()
	var m Memory
	for _, call := range calls() {
		if err := m.Append(context.Background(), call...); err != nil {
			t.Fatal(err)
		}
	}
	kept := m.Events()
	if err := run.Check(kept); err != nil || len(kept) != 8 {
		t.Fatalf("%d events: %v", len(kept), err)
	}
	kept[0].Reason = "changed"
	if m.Events()[0].Reason != "" {
		t.Error("what Events gives is no copy")
	}
}

// FuzzDecode: no bytes panic; what they hold survives being written again, and the bytes that count are
// a journal of their own.
func FuzzDecode(f *testing.F) {
	var whole []byte
	for _, call := range calls() {
		lines, err := encode(call)
		if err != nil {
			f.Fatal(err)
		}
		whole = append(whole, lines...)
		f.Add(lines)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	f.Add([]byte(`{"run":"/","seq":0}` + "\n"))
	f.Add([]byte("\t\n\t\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, size, err := decode("journal", data)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v is %v", err, fault.KindOf(err))
			}
			return
		}
		_ = checkHeader("journal", events, header(), "")
		again, same, err := decode("journal", data[:size])
		if err != nil || same != size || len(again) != len(events) {
			t.Fatalf("the %d bytes that count are %d bytes with %d events for %d, %v", size, same, len(again), len(events), err)
		}
		lines, err := encode(events)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err = decode("journal", lines)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(events, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
