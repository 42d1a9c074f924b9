package operate

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// TestChoose: the version's own run, else the newest of the branch, else the newest, never of another kind or manifest. The
// name of a trigger is that of its newest run.
func TestChoose(t *testing.T) {
	t.Parallel()
	header := func(kind run.Kind, manifest, version, branch string) run.Header {
		return run.Header{Kind: kind, Manifest: manifest, Version: version, Branch: branch}
	}
	var runs []journal.Listed
	for _, h := range []run.Header{
		header("dry", "release.json", "3.10.1", "3.10.x"),
		header("release", "alert/release.json", "1.0.0", "3.9.x"),
		header("release", "release.json", "3.10.0", "3.10.x"),
		header("release", "release.json", "3.9.4", "3.9.x"),
		header("release", "release.json", "3.9.3", "3.9.x"),
		header("trigger", "release.json", "docs-0.1.2", "0.1"),
		header("trigger", "release.json", "docs-0.10", "0"),
		header("trigger", "release.json", "docs-0.1.1", "0.1"),
		header("trigger", "release.json", "docs-0.1", "0"),
	} {
		runs = append(runs, journal.Listed{Header: h})
	}
	for _, c := range []struct {
		name    string
		want    run.Header
		exactly bool
		version string // "" is no run
	}{
		{"its own", header("release", "release.json", "3.9.3", "3.9.x"), false, "3.9.3"},
		{"its own, made from another branch", header("release", "release.json", "3.9.3", "master"), true, "3.9.3"},
		{"newest of the branch", header("release", "release.json", "3.9.5", "3.9.x"), false, "3.9.4"},
		{"newest of all", header("release", "release.json", "3.11.0", "master"), false, "3.10.0"},
		{"exactly", header("release", "release.json", "3.9.5", "3.9.x"), true, ""},
		{"its dry run, before another version", header("release", "release.json", "3.10.1", "3.9.x"), false, "3.10.1"},
		{"no dry run where it must be exactly that one", header("release", "release.json", "3.10.1", "3.9.x"), true, ""},
		{"other kind", header("dry", "release.json", "3.9.4", "3.9.x"), false, "3.10.1"},
		{"a trigger", header("trigger", "release.json", "docs-0.1.1", ""), true, "docs-0.1.1"},
		{"a trigger that another one's name begins with", header("trigger", "release.json", "docs-0.1", ""), true, "docs-0.1"},
		{"newest of a trigger's name", header("trigger", "release.json", "docs-0", ""), true, "docs-0.10"},
		{"part of a trigger's name", header("trigger", "release.json", "docs", ""), true, ""},
		{"a staging is no trigger", header("stage", "release.json", "docs-0", ""), true, ""},
		{"other manifest", header("release", "cockpit/release.json", "3.9.4", "3.9.x"), false, ""},
	} {
		got, err := choose(runs, c.want, c.exactly)
		if got.Version != c.version || (c.version == "") != fault.Is(err, "no-journal") {
			t.Errorf("%s: %q, %v, want %q", c.name, got.Version, err, c.version)
		}
	}
}
