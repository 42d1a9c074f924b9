package worker

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

const (
	// atFirst is how many products arrive that were finished before a repository was watched: enough to deploy and to go back to,
	// and not all of its history.
	atFirst = 20
	// clocksDiffer is by how much the clocks of those who release may be wrong.
	clocksDiffer = 24 * time.Hour
)

// finished is a product that a run has finished, as the journal says.
type finished struct {
	version string
	at      time.Time
	tag     string // the full name of the product's tag
	object  string // which the run pushed there; "" where the tag was there before
}

// still is the journal as it was fetched once.
type still struct {
	journal.Repository
	tip string
}

func (s still) Fetch(context.Context) (string, error) { return s.tip, nil }

// read reads the journal, and lets arrive what is finished. It returns before what nothing is new from now on. What is wrong with one
// run keeps no other from arriving; the fault is the first.
func (l *look) read(ctx context.Context) (settled time.Time, err error) {
	ref := l.repo.Ref(journal.GitRef)
	tip, err := ref.Fetch(ctx)
	if err != nil || tip == "" {
		return l.watch.Settled, err
	}
	all, history, problem := l.finished(ctx, still{ref, tip})
	found, err := l.tagged(ctx, all)
	if err != nil {
		return l.watch.Settled, err
	}
	for _, f := range found {
		if err := l.arrive(ctx, f); err != nil && problem == nil {
			problem = err
		}
	}
	if problem != nil { // it is looked at again
		return l.watch.Settled, problem
	}
	if settled = l.now.Add(-clocksDiffer); settled.Before(history) {
		settled = history
	}
	return settled, nil
}

// finished lists the products that the journal calls finished and that may be new, the oldest first. What ended before history is left
// out; zero for nothing.
func (l *look) finished(ctx context.Context, repo journal.Repository) (all []finished, history time.Time, problem error) {
	listed, err := journal.ListGit(ctx, repo)
	if err != nil {
		return nil, history, fault.New(fault.Invalid, "journal-unreadable", "%s: %s is damaged: what was released there cannot be known", l.shown(), journal.GitRef).Because(err).
			Hint("`gio doctor` in a checkout of it says what can be done")
	}
	for _, each := range listed { // the newest first
		h := each.Header
		settled := !each.Last.IsZero() && each.Last.Before(l.watch.Settled) // zero: the last line cannot be read
		if h.Kind != run.Release || h.Manifest != l.watch.Manifest || settled {
			continue
		}
		events, _, err := journal.ReadGit(ctx, repo, h)
		if err != nil {
			if problem == nil {
				problem = err
			}
			continue
		}
		if f, is := finishedBy(events); is {
			all = append(all, f)
		}
		if len(all) == atFirst && l.watch.Settled.IsZero() {
			history = each.Last
			break
		}
	}
	slices.SortStableFunc(all, func(a, b finished) int { return a.at.Compare(b.at) })
	return all, history, problem
}

// finishedBy is the product that a run has finished, unless it was opened again.
func finishedBy(events []run.Event) (f finished, is bool) {
	state, err := run.Fold(events)
	if err != nil || !state.Finished {
		return f, false
	}
	f = finished{version: state.Header.Version, tag: plan.TagRef(state.ProductTag())}
	f.object = state.Pushed(f.tag)
	for _, e := range events {
		if e.Type == run.Recorded && e.Record.Finished {
			f.at = e.Time
		}
	}
	return f, true
}

// tagged downloads the tags of those that have not arrived, and returns these. One without a tag is no product any more: that is how
// it is opened again.
func (l *look) tagged(ctx context.Context, all []finished) (found []finished, err error) {
	var names []string
	for _, f := range all {
		commit := target(l.repo.Refs(), f.tag)
		if commit == "" {
			continue
		}
		has, err := l.Ledger.HasArrived(ctx, l.watch, f.version, string(commit))
		if err != nil {
			return nil, err
		}
		if !has {
			found, names = append(found, f), append(names, f.tag)
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found, l.repo.Download(ctx, names...)
}

// target is the commit to which a tag points, "" where there is no such tag.
func target(refs map[string]gitrepo.Hash, tag string) gitrepo.Hash {
	if commit := refs[tag+"^{}"]; commit != "" {
		return commit
	}
	return refs[tag]
}

// arrive makes a candidate of a product, once its tag has proven to be the product's.
func (l *look) arrive(ctx context.Context, f finished) error {
	refs := l.repo.Refs()
	commit := target(refs, f.tag)
	name := strings.TrimPrefix(f.tag, plan.TagRef(""))
	switch {
	case commit == "": // it was taken away meanwhile
		return nil
	case f.object != "" && string(refs[f.tag]) != f.object:
		return fault.New(fault.Invalid, "tag-moved", "%s: somebody has moved the tag %s since gio released %s: it is no candidate", l.shown(), name, f.version).
			Hint("put the tag back to %.10s, or release the version again", f.object)
	}
	data, err := l.repo.ReadFile(commit, l.watch.Manifest)
	if err != nil {
		return err
	}
	m, err := manifest.Parse(l.watch.Manifest, data)
	if err != nil {
		return err
	}
	if m.Version != f.version {
		return fault.New(fault.Invalid, "tag-mismatch", "%s: %s says %.100s at the tag %s, and the journal %s: it is no candidate", l.shown(), l.watch.Manifest, m.Version, name, f.version)
	}
	made := ledger.Released{
		Version: f.version, Commit: string(commit), Author: strings.ToValidUTF8(l.repo.AuthorOf(commit).Email, "?"), Components: map[string]string{},
	}
	for _, c := range m.Components {
		made.Components[c.Name] = c.Version
	}
	_, _, err = l.Ledger.Arrive(ctx, l.watch, made)
	return err
}
