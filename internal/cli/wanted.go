package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/run"
)

// wanted is the run that a command is about, as its command line says it.
type wanted struct {
	version string // as the argument or --version; "" is the checkout's
	dryRun  bool
	run     runName
}

func (w *wanted) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.dryRun, "dry-run", false, "the run of gio release --dry-run=server")
	cmd.Flags().Var(&w.run, "run", "the run of this name, such as stage/3.9.4 or trigger/NAME (gio history)")
	cmd.MarkFlagsMutuallyExclusive("run", "dry-run")
}

// versionFlag is for commands whose arguments are components.
func (w *wanted) versionFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.version, "version", "", "product version of the run (default: the checkout's)")
	cmd.MarkFlagsMutuallyExclusive("run", "version")
}

// argument is for commands whose argument is a version.
func (w *wanted) argument(cmd *cobra.Command, args []string) error {
	if err := oneVersion(cmd, args); err != nil || len(args) == 0 {
		return err
	}
	if w.version = args[0]; w.run.kind != "" {
		return fault.New(fault.Usage, "usage", "--run %s names a run, and so does %s", &w.run, w.version).Hint("leave one of them out")
	}
	return nil
}

// header is that of the run; of a trigger perhaps without its number.
func (w *wanted) header(ws workspace) (run.Header, error) {
	h := run.Header{Kind: "release", Manifest: ws.Path, Version: strings.TrimSuffix(w.version, "-SNAPSHOT"), Branch: ws.Branch.Value}
	switch {
	case w.run.kind != "":
		h.Kind, h.Version = w.run.kind, w.run.version
	case w.dryRun:
		h.Kind = "dry"
	}
	if h.Version != "" {
		return h, nil
	}
	m, err := manifest.Parse(ws.Path, ws.Local)
	if err == nil {
		h.Version = m.ReleaseVersion()
	}
	return h, err
}

// exactly tells that no other run will do.
func (w *wanted) exactly() bool { return w.version != "" || w.run.kind != "" }

// runName is a run as gio's messages name it: KIND/VERSION.
type runName struct{ kind, version string }

// Set reads the flag's value.
func (n *runName) Set(value string) error {
	kind, version, _ := strings.Cut(value, "/")
	if !slices.Contains([]string{"release", "dry", "stage", "trigger"}, kind) || version == "" {
		return errors.New("it is KIND/VERSION, as gio history lists them: stage/3.9.4, trigger/NAME")
	}
	n.kind, n.version = kind, version
	return nil
}

func (n *runName) String() string {
	if n.kind == "" {
		return ""
	}
	return n.kind + "/" + n.version
}

// Type is what the help calls the value.
func (*runName) Type() string { return "KIND/VERSION" }

// chooseRun is the run that want names; for the name of a trigger without its number, the newest of that name. Where it must
// not be exactly that one, the newest of the same branch will do, else the newest of all, each of the same kind and manifest.
func chooseRun(runs []journal.Listed, want run.Header, exactly bool) (run.Header, error) {
	var same []run.Header // kind and manifest
	for _, l := range runs {
		if l.Header.Kind == want.Kind && l.Header.Manifest == want.Manifest {
			same = append(same, l.Header)
		}
	}
	for _, fits := range []func(run.Header) bool{
		func(h run.Header) bool { return h.Version == want.Version },
		func(h run.Header) bool { return want.Kind == "trigger" && numberOf(h.Version, want.Version) > 0 },
		func(h run.Header) bool { return !exactly && h.Branch == want.Branch },
		func(run.Header) bool { return !exactly },
	} {
		if i := slices.IndexFunc(same, fits); i >= 0 {
			return same[i], nil
		}
	}
	f := noProductRun(want)
	if len(same) > 0 && (want.Kind == "stage" || want.Kind == "trigger") { // else a version is enough
		f.Hints = slices.Insert(f.Hints, 0, knownInstead(same))
	}
	return run.Header{}, f
}

// numberOf is the number of a trigger's run among those of its name, 0 where it has another name.
func numberOf(version, name string) int {
	rest, _ := strings.CutPrefix(version, name+".")
	n, err := strconv.Atoi(rest)
	if err != nil || rest == version {
		return 0
	}
	return n
}

// knownInstead is what could be typed instead of a run that is not known.
func knownInstead(same []run.Header) string {
	const most = 5
	var names []string
	for _, h := range same[:min(most, len(same))] {
		names = append(names, "--run "+h.Run())
	}
	return "known are, the newest first: " + strings.Join(names, ", ")
}

// noProductRun says that no run was begun that could be looked at or acted upon.
func noProductRun(h run.Header) *fault.Fault {
	f := noRun(h)
	switch h.Kind {
	case "release":
		f = fault.New(fault.NotFound, "no-journal", "no run of release %s is known", h.Version).
			Hint("`gio release` begins that of the version in release.json; of a run of `gio release --dry-run=server`, add --dry-run").
			Hint("`gio history` lists all runs")
	case "dry":
		f = fault.New(fault.NotFound, "no-journal", "no server dry run of %s is known", h.Version).
			Hint("`gio release --dry-run=server` begins that of the version in release.json; of a real run, leave --dry-run out").
			Hint("`gio history` lists all runs")
	case "stage":
		f = f.Hint("`gio stage %s` shows what a staging of it would start", quoted(h.Version))
	case "trigger":
		f = f.Hint("%s", notShared)
	}
	return f
}

// notShared is where the runs of other triggers are, and what to do about them.
const notShared = "`gio pull-request`, and `gio trigger` outside a checkout of the release repository, keep their runs in a file of the machine " +
	"they ran on: there the same command goes on, and `gio resolve --run` answers"

// outside adds to the fault of who is in no release repository that the run of a trigger may lie elsewhere.
func (w *wanted) outside(err error) error {
	if f, ok := errors.AsType[*fault.Fault](err); ok && w.run.kind == "trigger" && (f.Code == "no-manifest" || f.Code == "no-remote") {
		return f.Hint("%s", notShared)
	}
	return err
}
