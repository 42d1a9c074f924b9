package operate

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// Selector selects a run. The zero Selector selects the release of the version in release.json.
type Selector struct {
	Version string   // of a release, or of its dry run; "" is release.json's
	DryRun  bool     // the server dry run
	Run     run.Name // a run by its name; a trigger's may lack its number
}

// exact reports that no other run will do.
func (sel Selector) exact() bool { return sel.Version != "" || sel.Run.Kind != "" }

// header returns the header of the selected run; a trigger's may lack its number.
func (s Setup) header(sel Selector) (run.Header, error) {
	h := run.Header{Kind: run.Release, Manifest: s.Path, Version: strings.TrimSuffix(sel.Version, "-SNAPSHOT"), Branch: s.Branch.Value}
	switch {
	case sel.Run.Kind != "":
		h.Kind, h.Version = sel.Run.Kind, sel.Run.Version
	case sel.DryRun:
		h.Kind = run.DryRun
	}
	if h.Version != "" {
		return h, nil
	}
	m, err := s.Manifest()
	if err == nil {
		h.Version = m.ReleaseVersion()
	}
	return h, err
}

// choose returns the run that want names; for the name of a trigger without its number, the newest of that name. Without exactly,
// the server dry run of the same version will do, else the newest of the same branch, else the newest of all, each of the same
// manifest and, except the dry run, of the same kind.
func choose(runs []journal.Listed, want run.Header, exactly bool) (run.Header, error) {
	var same []run.Header // kind and manifest
	var rehearsed *run.Header
	for _, l := range runs {
		h := l.Header
		if h.Kind == want.Kind && h.Manifest == want.Manifest {
			same = append(same, h)
		}
		if !exactly && want.Kind == run.Release && h.Kind == run.DryRun && h.Manifest == want.Manifest && h.Version == want.Version {
			rehearsed = &h
		}
	}
	for _, fits := range []func(run.Header) bool{
		func(h run.Header) bool { return h.Version == want.Version },
		func(h run.Header) bool { return want.Kind.Numbered() && numberIn(h.Version, want.Version) > 0 },
		func(h run.Header) bool { return !exactly && h.Branch == want.Branch },
		func(run.Header) bool { return !exactly },
	} {
		if i := slices.IndexFunc(same, fits); i >= 0 {
			return same[i], nil
		}
		if rehearsed != nil {
			return *rehearsed, nil
		}
	}
	if len(same) > 0 && (want.Kind == run.Staging || want.Kind == run.Trigger) { // else a version is enough
		return run.Header{}, noSuchRun(want.Name(), suggestRuns(same))
	}
	return run.Header{}, noSuchRun(want.Name())
}

// numberIn returns the number of a trigger's run among those of its name; 0 where it has another name.
func numberIn(version, name string) int {
	rest, _ := strings.CutPrefix(version, name+".")
	n, err := strconv.Atoi(rest)
	if err != nil || rest == version {
		return 0
	}
	return n
}

// suggestRuns says what can be typed instead of a run that does not exist.
func suggestRuns(same []run.Header) string {
	const most = 5
	var names []string
	for _, h := range same[:min(most, len(same))] {
		names = append(names, "--run "+h.Run())
	}
	return "the known runs are, newest first: " + strings.Join(names, ", ")
}

func unknownRun(n run.Name, hints ...string) *fault.Fault {
	f := fault.New(fault.NotFound, "no-journal", "no run %s is known", n)
	for _, hint := range hints {
		f = f.Hint("%s", hint)
	}
	return f.Hint("%s lists the runs of a release repository", fault.Next{Action: fault.History})
}

// noSuchRun is the fault for a run that nobody has begun; the given hints come first.
func noSuchRun(n run.Name, hints ...string) *fault.Fault {
	history := fault.Next{Action: fault.History}
	switch n.Kind {
	case run.Release:
		return fault.New(fault.NotFound, "no-journal", "no run of release %s is known", n.Version).
			Hint("%s begins the one of the version in release.json; for a run of `gio release --dry-run=server`, add --dry-run", fault.Next{Action: fault.Resume}).
			Hint("%s lists all runs", history)
	case run.DryRun:
		return fault.New(fault.NotFound, "no-journal", "no server dry run of %s is known", n.Version).
			Hint("%s begins the one of the version in release.json; for a real run, leave --dry-run out", fault.Next{Action: fault.Resume, Run: string(run.DryRun)}).
			Hint("%s lists all runs", history)
	case run.Staging:
		return unknownRun(n, hints...).Hint("`gio stage %s` shows what a staging of it would start", n.Version)
	case run.Trigger:
		return unknownRun(n, hints...).Hint("%s", notShared)
	}
	return unknownRun(n, hints...)
}

// notShared says where the runs of other triggers are, and how to continue them.
const notShared = "`gio pull-request`, and `gio trigger` outside a checkout of the release repository, keep their runs in a file of the machine " +
	"they ran on: run the same command there to continue, and `gio resolve --run` to answer"

// hintOutside adds to the fault of a missing release repository that the run of a trigger may be elsewhere.
func (sel Selector) hintOutside(err error) error {
	if f, ok := errors.AsType[*fault.Fault](err); ok && sel.Run.Kind == run.Trigger && (f.Code == "no-manifest" || f.Code == "no-remote") {
		return f.Hint("%s", notShared)
	}
	return err
}
