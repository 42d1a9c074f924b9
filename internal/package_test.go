package internal_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestPackageName: a package takes the name gio where it is free, and never touches another's. (The whole package is
// tried by make snapshot.)
func TestPackageName(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("skipped: the script is for a system with sh")
	}
	script, err := os.ReadFile("../.ci/package/gio-name") // read here, so that go test's cache knows of it
	if err != nil {
		t.Fatal(err)
	}
	const program, page, fish = "usr/bin/gio", "usr/share/man/man1/gio.1.gz", "usr/share/fish/vendor_completions.d/gio.fish"
	ours := []string{program, fish, page}
	tests := map[string]struct {
		before []string // files of others
		do     []string
		after  []string // what has the name then
	}{
		"free":                  {nil, []string{"take"}, ours},
		"twice":                 {nil, []string{"take", "take"}, ours},
		"given back":            {nil, []string{"take", "leave"}, nil},
		"another's":             {[]string{program}, []string{"take"}, []string{program}},
		"another's, given back": {[]string{program, page}, []string{"take", "leave"}, []string{program, page}},
		"another's page only":   {[]string{page}, []string{"take", "leave"}, []string{page}},
		"another's later":       {nil, []string{"take", "=" + program, "take"}, []string{program}},
		"free again":            {nil, []string{"take", "=" + program, "take", "!" + program, "take"}, ours},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, name := range ours {
				if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range test.before {
				install(t, filepath.Join(root, name))
			}
			for _, what := range test.do {
				switch name := filepath.Join(root, what[1:]); what[0] {
				case '=':
					install(t, name)
				case '!':
					remove(t, name)
				default:
					cmd := exec.CommandContext(t.Context(), sh, "-s", what)
					cmd.Stdin = bytes.NewReader(script)
					cmd.Env = []string{"DPKG_ROOT=" + root, "PATH=" + os.Getenv("PATH")}
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("gio-name %s: %v\n%s", what, err, out)
					}
				}
			}
			checkNamed(t, root, ours, test.after, append(test.before, test.do...))
		})
	}
}

// checkNamed: of the names, those in want are there, another's file or our link.
func checkNamed(t *testing.T, root string, names, want, foreign []string) {
	t.Helper()
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(root, name))
		if (err == nil) != slices.Contains(want, name) {
			t.Errorf("%s is there: %t, want %t", name, err == nil, slices.Contains(want, name))
			continue
		}
		another := slices.Contains(foreign, name) || slices.Contains(foreign, "="+name) && !slices.Contains(foreign, "!"+name)
		if err == nil && info.Mode().IsRegular() != another {
			t.Errorf("%s is a file of its own: %t, want %t", name, info.Mode().IsRegular(), another)
		}
	}
}

// install puts a file where another package would, which replaces a link of ours.
func install(t *testing.T, name string) {
	t.Helper()
	_ = os.Remove(name) // there may be none
	if err := os.WriteFile(name, []byte("another's"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}
