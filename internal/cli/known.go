package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// known is a run as the release repository knew it at one moment.
type known struct {
	ws     workspace
	ref    atTip
	asked  string // version that was asked for, or is the checkout's
	header run.Header
	events []run.Event
	state  *run.State
	lease  journal.Lease
}

// stands is the exit code of the run, as a fault.
func (env *environment) stands(k known, now time.Time) error {
	return env.standsAs(k.state, report.StandingOf(k.state, k.lease.Live(now)))
}

// knownRun reads the run that is wanted. Where none is named and the checkout's version has none, the newest will do, unless
// it must be exactly that one, and that is said.
func (env *environment) knownRun(ctx context.Context, w *wanted, exactly bool) (k known, err error) {
	if k.ws, err = env.workspace(ctx); err != nil {
		return k, w.outside(err)
	}
	want, err := w.header(k.ws)
	if err != nil {
		return k, err
	}
	var runs []journal.Listed
	if k.ref, runs, err = env.knownRuns(ctx, k.ws); err != nil {
		return k, w.outside(err)
	}
	if k.header, err = chooseRun(runs, want, exactly || w.exactly()); err != nil {
		return k, err
	}
	k.asked = want.Version
	switch {
	case k.header.Version == k.asked:
	case w.run.kind != "":
		k.asked = k.header.Version
		fmt.Fprintf(env.Stderr, "the newest run of %s is %s\n", &w.run, k.header.Run())
	default:
		fmt.Fprintf(env.Stderr, "%s has no run yet: this is the newest one, of %s from %s\n", k.asked, k.header.Version, k.header.Branch)
	}
	return k.at(ctx, k.ref)
}

// at reads the run again.
func (k known) at(ctx context.Context, ref atTip) (known, error) {
	k.ref = ref
	var err error
	if k.events, k.lease, err = journal.ReadGit(ctx, ref, k.header); err != nil {
		return k, err
	}
	k.state, err = run.Fold(k.events)
	return k, err
}

// now reads the run as it is now.
func (k known) now(ctx context.Context) (known, error) {
	tip, err := k.ref.Ref.Fetch(ctx)
	if err != nil {
		return k, err
	}
	return k.at(ctx, atTip{Ref: k.ref.Ref, tip: tip})
}

// operated is a run on which something is to be done, exactly that which is wanted, and its CircleCI.
func (env *environment) operated(ctx context.Context, w *wanted) (known, *circleci.Client, error) {
	k, err := env.knownRun(ctx, w, true)
	if err != nil {
		return k, nil, err
	}
	ci, err := env.circleCI(k.ws)
	if err == nil && ci.Host() != k.header.Host {
		err = fault.New(fault.Invalid, "other-host", "%s runs on CircleCI host %s, not on %s", k.header.Run(), k.header.Host, ci.Host()).
			Hint("set CIRCLE_HOST to %s, and CIRCLE_TOKEN to a token of that host", k.header.Host)
	}
	return k, ci, err
}

// onward is how the run goes on by itself, or what makes it.
func (env *environment) onward(k known, now time.Time) string {
	d := report.NewDriver(k.lease, now)
	switch d.State {
	case "drives":
		return fmt.Sprintf("%s goes on: driven by %s", k.header.Run(), k.lease)
	case "silent":
		return fmt.Sprintf("its driver (%s) was last heard of at %s: when it is gone, %s goes on", k.lease, d.Heard.Format(time.RFC3339), env.drivenBy(k.header))
	}
	return fmt.Sprintf("nobody drives %s: %s goes on", k.header.Run(), env.drivenBy(k.header))
}

// atTip is the journal's ref as it was at one moment: all that is read of it goes together, and costs one fetch.
type atTip struct {
	*gitrepo.Ref
	tip string
}

func (r atTip) Fetch(context.Context) (string, error) { return r.tip, nil }

// knownRuns reads the journal's ref of the checkout's remote, and lists its runs, the newest first.
func (env *environment) knownRuns(ctx context.Context, ws workspace) (atTip, []journal.Listed, error) {
	repo, err := env.repository(ctx, ws, nil)
	if err != nil {
		return atTip{}, nil, err
	}
	ref := repo.Ref(journal.GitRef)
	tip, err := ref.Fetch(ctx)
	if err != nil {
		return atTip{}, nil, err
	}
	now := atTip{Ref: ref, tip: tip}
	runs, err := journal.ListGit(ctx, now)
	return now, runs, err
}
