//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWriteInto: all files or a clear no, no scrap is left, and what root writes belongs to the checkout's owner.
func TestWriteInto(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if os.Getuid() == 0 {
		if err := os.Chown(dir, 1001, 1002); err != nil {
			t.Fatal(err)
		}
	}
	files := []newFile{{circleFolder + "/one", []byte("1")}, {circleFolder + "/two", []byte("2")}}
	for range 2 { // the second time they are there already
		if err := writeInto(dir, files); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"one", "two"}, names(t, filepath.Join(dir, circleFolder))); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"", "one", "two"} {
		info, err := os.Stat(filepath.Join(dir, circleFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if os.Getuid() == 0 && (!ok || stat.Uid != 1001 || stat.Gid != 1002) {
			t.Errorf("%s belongs to %d:%d", name, stat.Uid, stat.Gid)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, circleFolder, "three"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeInto(dir, append(files, newFile{circleFolder + "/three", nil})); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if diff := cmp.Diff([]string{"one", "three", "two"}, names(t, filepath.Join(dir, circleFolder))); diff != "" {
		t.Error(diff)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
