package operate

import (
	"context"
	"time"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// OverviewOptions say what is read of the release branches.
type OverviewOptions struct {
	Check bool // check those that nobody releases as `gio check` does; otherwise offline
	All   bool // with the branches on which nothing happened for long
}

// Overview is how all release branches stand.
type Overview struct {
	Branches []BranchOverview // the main branch first, then the newest line
	Idle     []string         // branches that were left out
	Unread   []string         // sentences
}

// BranchOverview is how one release branch stands.
type BranchOverview struct {
	ReleaseBranch        // of which Err says why it, or its run, cannot be read
	Open          string // product version that is released from it next; "" where there is nothing to release
	ToDo          int    // components to be released
	Run           *Snapshot
	Left          time.Duration // that its run is likely to take; 0 where that is not known
	Last          Product       // the newest version released from it; zero for none
	Ready         *check.Report // nil where nothing was checked
	Unchecked     error         // why nothing was checked, although it was to be
}

// Driven reports whether somebody drives the branch's run.
func (b BranchOverview) Driven(now time.Time) bool { return b.Run != nil && b.Run.Driven(now) }

// ReadOverview reads all release branches, and the journal, with one fetch. A branch that cannot be read is one of them, with its
// error. Faults: "nothing-read" (kind Remote) where that holds for all, and those of the release repository.
func ReadOverview(ctx context.Context, s Setup, o OverviewOptions) (Overview, error) {
	all, err := s.readProducts(ctx)
	if err != nil {
		return Overview{}, err
	}
	var made Overview
	made.Unread = all.unread
	read := len(all.branches) == 0
	for _, branch := range all.branches {
		b := all.overviewOf(ctx, branch)
		now := time.Now()
		if b.Idle(now) && !o.All {
			made.Idle = append(made.Idle, b.Name)
			read = true
			continue
		}
		if b.Manifest != nil && b.Open != "" && !b.Driven(now) {
			b.check(ctx, all, o.Check)
		}
		read = read || b.Err == nil
		made.Branches = append(made.Branches, b)
	}
	if !read {
		return made, fault.New(fault.Remote, "nothing-read", "no release branch could be read").Because(made.Branches[0].Err)
	}
	return made, ctx.Err()
}

// overviewOf reads how a branch stands.
func (p *products) overviewOf(ctx context.Context, branch ReleaseBranch) BranchOverview {
	b := BranchOverview{ReleaseBranch: branch}
	b.Last, _ = p.newestOf(branch)
	if b.Manifest == nil {
		return b
	}
	for _, c := range b.Manifest.Components {
		if c.Open() {
			b.ToDo++
		}
	}
	if b.Manifest.Open() {
		b.readRun(ctx, p)
	}
	if b.ToDo > 0 || b.Run != nil && !b.Run.State.Finished {
		b.Open = b.Manifest.ReleaseVersion()
	}
	return b
}

// readRun reads the run of the version that is open: its release or, while somebody drives that, its server dry run.
func (b *BranchOverview) readRun(ctx context.Context, p *products) {
	ref, tip := p.repo.FetchedRef(journal.GitRef)
	now := refAt{Ref: ref, tip: tip}
	for _, kind := range []run.Kind{run.Release, run.DryRun} {
		h := run.Header{Kind: kind, Manifest: p.Path, Version: b.Manifest.ReleaseVersion()}
		k, err := Snapshot{Header: h}.readAt(ctx, now)
		switch {
		case fault.Is(err, "no-journal"):
			continue
		case err != nil:
			b.Err = err
			return
		case !p.isOf(k, b.Name), kind == run.DryRun && !k.Driven(time.Now()):
			continue
		}
		if b.Run = &k; k.Driven(time.Now()) {
			b.Left = k.left(ctx)
			return
		}
	}
}

// isOf reports whether a run is of this branch: two branches may have the same version open. One whose branch is gone was renamed.
func (p *products) isOf(k Snapshot, branch string) bool {
	of := k.State.Header.Branch
	return of == branch || p.repo.Refs()[plan.BranchRef(of)] == ""
}

// left returns how long the run is likely to take; 0 where that cannot be told.
func (k Snapshot) left(ctx context.Context) time.Duration {
	forecast, ok := run.Expectation{Took: k.Durations(ctx)}.Forecast(k.State.Plan, k.State.Step, time.Now())
	if !ok {
		return 0
	}
	return forecast.Likely
}

// Idle reports whether nothing has happened on the branch for long, nor in its run.
func (b BranchOverview) Idle(now time.Time) bool {
	return b.ReleaseBranch.Idle(now) && (b.Run == nil || now.Sub(b.Run.State.Time) > idleAfter && !b.Run.Driven(now))
}

// check finds what is wrong with what is to be released from the branch.
func (b *BranchOverview) check(ctx context.Context, p *products, whole bool) {
	s := p.Setup
	s.Tell, s.Warn = nil, nil
	ws, err := s.OnBranch(p.repo, b.Name)
	var report check.Report
	if err == nil {
		s.Workspace = ws
		report, err = Check(ctx, s, CheckOptions{Offline: !whole})
	} else if findings, other := asFindings(err); other == nil { // gio.yaml is wrong
		report, err = check.Run(ctx, check.Question{Earlier: findings})
	}
	if b.Unchecked = err; err == nil {
		b.Ready = &report
	}
}
