package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
)

// ask runs the program on a directory of its own.
func ask(t *testing.T, data string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, talk bytes.Buffer
	err = run(t.Context(), append([]string{"--data", data}, args...), &out, &talk)
	return out.String(), talk.String(), err
}

// TestUsage: every command stands in the usage, and what is missing or too much is refused.
func TestUsage(t *testing.T) {
	t.Parallel()
	for name, c := range commands() {
		line := "  gio-server [flags] " + strings.TrimSpace(name+" "+c.argument)
		if c.flag != "" {
			line += " --" + c.flag
		}
		if !strings.Contains(usage, line+" ") {
			t.Errorf("the usage has no line %q", line)
		}
	}
	if lines := strings.Split(usage, "\n"); len(lines) > 40 {
		t.Errorf("the usage has %d lines", len(lines))
	}
	_, stderr, _ := ask(t, t.TempDir(), "--help")
	if !strings.HasPrefix(stderr, usage) || !strings.Contains(stderr, "-database") {
		t.Errorf("--help: %s", stderr)
	}
	for _, args := range []string{"frob", "backup", "backup --to", "restore", "copy", "token", "token a b", "check all", "verify --to x", "--frob", "backup --to a b"} {
		if _, _, err := ask(t, t.TempDir(), strings.Fields(args)...); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestCommands: one after the other, with flags before and behind the command.
func TestCommands(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	backup := filepath.Join(dir, "backup.db")
	for _, step := range []struct {
		args, wants string
		kind        fault.Kind
	}{
		{"check", "made when the server starts", 0},
		{"verify", "", fault.NotFound},
		{"token ann@example.org", "gio_", 0},
		{"check", "up to date", 0},
		{"backup --to " + backup, "tokens        1", 0},
		{"verify --database " + backup, "verified", 0},
		{"restore --from " + backup, "", fault.Invalid},
		{"--data " + dir + " restore --from " + backup, "quarantined", 0},
		{"resume --data " + dir, "resumed", 0},
		{"copy --to " + filepath.Join(dir, "copy.db"), "copied", 0},
	} {
		stdout, _, err := ask(t, data, strings.Fields(step.args)...)
		if fault.KindOf(err) != step.kind && (err != nil || step.kind != 0) || !strings.Contains(stdout, step.wants) {
			t.Errorf("%s: %v\n%s", step.args, err, stdout)
		}
	}
}
