// Package gittest makes Git repositories for tests: bare ones in temporary directories, made by the git program and served
// over smart HTTP by `git http-backend`, with faults on demand. It needs git on the path and ignores the machine's
// configuration.
package gittest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// Env returns the environment for git programs in tests: no configuration, a fixed author, no prompt.
func Env() []string {
	env := []string{
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "HOME=" + os.DevNull, "LC_ALL=C",
		"GIT_AUTHOR_NAME=Colleague", "GIT_AUTHOR_EMAIL=colleague@example.org",
		"GIT_COMMITTER_NAME=Colleague", "GIT_COMMITTER_EMAIL=colleague@example.org",
	}
	return append(env, "PATH="+os.Getenv("PATH"))
}

// Git runs git in a directory and returns its output without the last newline. It fails the test when git fails.
func Git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return git(t, dir, nil, args...)
}

func git(t testing.TB, dir string, stdin []byte, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, Env(), bytes.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// Bare makes a bare repository with one commit of these files (path to content; a path that ends in .sh is executable) on
// a branch, which is its default branch. Without files it is empty. The result is its directory.
func Bare(t testing.TB, files map[string]string, branch string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "release.git")
	key, err := json.Marshal([]any{files, branch})
	if err != nil {
		t.Fatal(err)
	}
	if like, ok := made.Load(string(key)); ok {
		if err := os.CopyFS(dir, like.(fs.FS)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	// Without a template: its sample hooks are most of a new repository.
	git(t, "", nil, "init", "--quiet", "--bare", "--template=", "--initial-branch="+branch, dir)
	if err := os.Mkdir(filepath.Join(dir, "hooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	configure(t, dir)
	if len(files) > 0 {
		Push(t, dir, branch, files, "first commit")
	}
	made.Store(string(key), readAll(t, dir))
	return dir
}

// Copy makes a bare repository that is as another one. The result is its directory.
func Copy(t testing.TB, like string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), filepath.Base(like))
	if err := os.CopyFS(dir, os.DirFS(like)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// made caches the repositories that Bare has made, by content: copying takes a tenth of the time of git.
var made sync.Map

// readAll reads all files below a directory.
func readAll(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		file := &fstest.MapFile{Mode: fs.ModeDir | 0o755}
		if !d.IsDir() {
			file.Mode = 0o644
			file.Data, err = os.ReadFile(filepath.Join(dir, path))
		}
		all[path] = file
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// configure turns off syncing to disk, which takes most of a push's time, and background maintenance, which could still run
// when the test removes the directory.
func configure(t testing.TB, dir string) {
	t.Helper()
	config, err := os.OpenFile(filepath.Join(dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = config.WriteString("[core]\n\tfsync = none\n[receive]\n\tautogc = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n")
		err = errors.Join(err, config.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Push pushes as a colleague: a commit with these files on top of a branch, which it makes if there is none (from the default
// branch, if that exists). No hook runs. It returns the commit's hash.
func Push(t testing.TB, dir, branch string, files map[string]string, subject string) string {
	t.Helper()
	ref := "refs/heads/" + branch
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit %s\ncommitter Colleague <colleague@example.org> 1700000000 +0100\n", ref)
	fmt.Fprintf(&in, "data %d\n%s\n", len(subject)+1, subject+"\n")
	if parent := parentOf(t, dir, ref); parent != "" {
		fmt.Fprintf(&in, "from %s\n", parent)
	}
	for _, path := range sorted(files) {
		mode := "100644"
		if strings.HasSuffix(path, ".sh") {
			mode = "100755"
		}
		fmt.Fprintf(&in, "M %s inline %s\ndata %d\n%s\n", mode, path, len(files[path]), files[path])
	}
	git(t, dir, in.Bytes(), "fast-import", "--quiet")
	return Git(t, dir, "rev-parse", ref)
}

func parentOf(t testing.TB, dir, ref string) string {
	t.Helper()
	for _, name := range []string{ref, "HEAD"} {
		// for-each-ref and not rev-parse, which fails for a missing ref.
		if name == "HEAD" {
			name = Git(t, dir, "symbolic-ref", "HEAD")
		}
		if h := Git(t, dir, "for-each-ref", "--format=%(objectname)", name); h != "" {
			return h
		}
	}
	return ""
}

func sorted(files map[string]string) []string {
	var paths []string
	for path := range files {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths
}

// Hook installs a hook ("pre-receive", "update") in a bare repository; script is the body of a shell script.
func Hook(t testing.TB, dir, name, script string) {
	t.Helper()
	file := filepath.Join(dir, "hooks", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Refs returns the refs of a repository: full name to hash.
func Refs(t testing.TB, dir string) map[string]string {
	t.Helper()
	refs := map[string]string{}
	for _, line := range strings.Fields(Git(t, dir, "for-each-ref", "--format=%(refname)=%(objectname)")) {
		name, hash, _ := strings.Cut(line, "=")
		refs[name] = hash
	}
	return refs
}
