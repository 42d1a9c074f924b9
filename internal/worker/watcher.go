package worker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	// looksAtOnce bounds at how many repositories one watcher looks at a time.
	looksAtOnce = 8
	// longestLook ends a look at a repository that does not come to an end, before another watcher may begin one.
	longestLook = ledger.LookFor - 30*time.Second
	// rest is how long a journal is not read again while no tag has changed: a release moves it every few seconds, and what is
	// finished has a tag.
	rest = 10 * time.Minute
)

// Watcher looks at the release repositories that projects name: each product that gio has finished there arrives as a candidate, and its
// box is made of what is there. All
// it knows stands in the ledger, so that any number of watchers share the work, and a new one reads no more than is new.
type Watcher struct {
	Ledger *ledger.Ledger
	Hosts  map[string]Host // by the name of their connection
	// Fail is told of what is nobody's fault outside.
	Fail func(ctx context.Context, err error)

	looking sync.Map // projects at whose repositories this watcher looks
}

// Host is where Git repositories are.
type Host struct {
	URL         string // how their addresses begin
	Credentials gitrepo.Credentials
}

// Run looks at what is due, and for what the boxes of candidates lack, until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	turns := make(chan struct{}, looksAtOnce)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := errors.Join(w.lookAtDue(ctx, &all, turns), w.Ledger.FillDrafts(ctx)); err != nil && ctx.Err() == nil {
			w.Fail(ctx, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *Watcher) lookAtDue(ctx context.Context, all *sync.WaitGroup, turns chan struct{}) error {
	projects, err := w.Ledger.DueWatches(ctx, atOnce)
	if err != nil {
		return err
	}
	for _, project := range projects {
		if _, busy := w.looking.LoadOrStore(project, true); busy {
			continue
		}
		all.Go(func() {
			defer w.looking.Delete(project)
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
				return
			}
			defer func() { <-turns }()
			if err := w.Look(ctx, project, false); err != nil && ctx.Err() == nil && fault.KindOf(err) != fault.Stopped {
				w.Fail(ctx, err)
			}
		})
	}
	return nil
}

// Look looks at the release repository of a project, when that is due or at once, and lets arrive what is new there. What goes wrong
// there is no error of Look: the ledger keeps it. Faults: no-project, no-watch; looked-at-elsewhere, of kind Stopped, where another one
// does the same.
func (w *Watcher) Look(ctx context.Context, project string, atOnce bool) error {
	taken, err := w.Ledger.TakeWatch(ctx, project, atOnce)
	if err != nil {
		return err
	}
	looking, cancel := context.WithTimeout(ctx, longestLook)
	defer cancel()
	l := look{Watcher: w, watch: taken, atOnce: atOnce, now: w.Ledger.Now()}
	outcome := l.look(looking)
	kept, cancel := lastly(ctx)
	defer cancel()
	if ctx.Err() != nil {
		return w.Ledger.GiveBackWatch(kept, taken)
	}
	return w.Ledger.Looked(kept, taken, outcome)
}

// look is one look at a repository.
type look struct {
	*Watcher
	watch  ledger.Watch
	atOnce bool
	now    time.Time

	repo *gitrepo.Repo
}

// look lists the refs, and reads on where they have changed.
func (l *look) look(ctx context.Context) ledger.Look {
	// Once it can be reached again it is read, whatever was seen before.
	unreached := ledger.Look{Seen: l.watch.Seen, Settled: l.watch.Settled}
	host, known := l.Hosts[l.watch.Connection]
	if !known {
		unreached.Problem = fault.New(fault.Invalid, "no-connection", "the settings of the server have no connection %s of the kind git any more", l.watch.Connection)
		return unreached
	}
	var err error
	l.repo, err = gitrepo.Look(ctx, gitrepo.Options{URL: host.address(l.watch.Releases.Repository), Credentials: host.Credentials})
	if err != nil {
		unreached.Problem = err
		return unreached
	}
	tags, tip := fingerprint(l.repo.Refs())
	seen := tags + " " + tip
	knownTags, knownTip, _ := strings.Cut(l.watch.Seen, " ")
	if seen == l.watch.Seen && l.watch.Problem == nil || l.recent() && tags == knownTags && tip != "" {
		return ledger.Look{Unchanged: true}
	}
	if tip == "" && knownTip != "" {
		unreached.Problem = fault.New(fault.Invalid, "journal-gone", "%s has no %s any more: what was released there cannot be known", l.shown(), journal.GitRef)
		return unreached
	}
	settled, err := l.read(ctx)
	if err != nil && fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.NotFound { // it may be gone in a minute
		unreached.Problem = err
		return unreached
	}
	return ledger.Look{Seen: seen, ReadAt: l.now, Settled: settled, Problem: err}
}

// recent tells that the journal was read a short time ago, and nobody asks for more.
func (l *look) recent() bool { return !l.atOnce && l.now.Sub(l.watch.ReadAt) < rest }

func (l *look) shown() string { return l.watch.Repository }

// address is that of a repository there.
func (h Host) address(repository string) string {
	return strings.TrimRight(h.URL, "/") + "/" + repository
}

// fingerprint is what a repository shows of releases: its tags, in short, and the tip of gio's journal.
func fingerprint(refs map[string]gitrepo.Hash) (tags, tip string) {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if strings.HasPrefix(name, "refs/tags/") {
			sum.Write([]byte(name + " " + string(refs[name]) + "\n"))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), string(refs[journal.GitRef])
}

// Told is what came of it that somebody told of a release.
type Told struct {
	Project   string
	Candidate *ledger.Candidate // the newest of the release; nil for none
	Problem   *ledger.Problem   // why nothing can arrive
}

// Told looks at a release repository at once, for each project of the caller that names it. Its address may be written in any form.
func (w *Watcher) Told(ctx context.Context, c ledger.Caller, repository, manifest, version string) ([]Told, error) {
	projects, err := w.Ledger.Releasing(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []Told
	for _, p := range projects {
		host, known := w.Hosts[p.Releases.Connection]
		if !known || p.Releases.Manifest != cmp.Or(manifest, "release.json") || !same(host.address(p.Releases.Repository), repository) {
			continue
		}
		if err := w.Look(ctx, p.Name, true); err != nil && fault.KindOf(err) != fault.Stopped {
			return nil, err
		}
		told := Told{Project: p.Name}
		found, err := w.Ledger.NewestOf(ctx, c, p.Name, version)
		switch {
		case err == nil:
			told.Candidate = &found
		case !fault.Is(err, "no-candidate"):
			return nil, err
		}
		watch, err := w.Ledger.Watched(ctx, c, p.Name)
		if err != nil {
			return nil, err
		}
		told.Problem = watch.Problem
		all = append(all, told)
	}
	return all, nil
}

// same tells whether two addresses are of one repository.
func same(a, b string) bool { return strings.EqualFold(gitrepo.RepoID(a), gitrepo.RepoID(b)) }
