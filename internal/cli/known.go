package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/run"
)

// known is a run as the release repository knew it at one moment.
type known struct {
	ws     workspace
	asked  string // version that was asked for, or is the checkout's
	header run.Header
	events []run.Event
	state  *run.State
	lease  journal.Lease
}

// knownRun reads the run of a version, "" for the checkout's. Where it must not be exactly that one, the newest will do, and
// that is said.
func (env *environment) knownRun(ctx context.Context, kind, version string, exactly bool) (k known, err error) {
	if k.ws, err = env.workspace(ctx); err != nil {
		return k, err
	}
	if k.asked = strings.TrimSuffix(version, "-SNAPSHOT"); k.asked == "" {
		m, err := manifest.Parse(k.ws.Path, k.ws.Local)
		if err != nil {
			return k, err
		}
		k.asked = m.ReleaseVersion()
	}
	ref, runs, err := env.knownRuns(ctx, k.ws)
	if err != nil {
		return k, err
	}
	want := run.Header{Kind: kind, Manifest: k.ws.Path, Version: k.asked, Branch: k.ws.Branch.Value}
	if k.header, err = chooseRun(runs, want, exactly); err != nil {
		return k, err
	}
	if k.header.Version != k.asked {
		fmt.Fprintf(env.Stderr, "%s has no run yet: this is the newest one, of %s from %s\n", k.asked, k.header.Version, k.header.Branch)
	}
	if k.events, k.lease, err = journal.ReadGit(ctx, ref, k.header); err != nil {
		return k, err
	}
	k.state, err = run.Fold(k.events)
	return k, err
}

// isKind is the kind of run that a command is about.
func isKind(dryRun bool) string {
	if dryRun {
		return "dry"
	}
	return "release"
}

// oneVersion is for commands that are about one run.
func oneVersion(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fault.New(fault.Usage, "usage", "%s takes one version, but got %q", cmd.CommandPath(), args).Hint("%s 3.9.4", cmd.CommandPath())
	}
	return nil
}
