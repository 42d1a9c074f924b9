package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// key says which run it is, and so where its files stand in the tree.
type key struct{ manifest, run string }

func keyOf(h run.Header) key { return key{manifest: h.Manifest, run: h.Run()} }

const (
	usualManifest = "release.json" // its runs stand at the top: hardly any release repository has another manifest
	suffix        = ".jsonl"
)

func (k key) dir() string {
	if k.manifest == usualManifest {
		return ""
	}
	return "manifests/" + k.manifest + "/"
}

func (k key) file() string   { return k.dir() + k.run + suffix }
func (k key) lease() string  { return "leases/" + k.dir() + k.run + ".json" }
func (k key) cancel() string { return "cancels/" + k.dir() + k.run + ".json" }

func (k key) name() run.Name {
	return run.Name{Kind: run.Kind(path.Dir(k.run)), Version: path.Base(k.run)}
}
func (k key) kind() run.Kind { return k.name().Kind }

func (k key) String() string {
	if k.manifest == usualManifest {
		return k.run
	}
	return k.manifest + " " + k.run
}

// keyAt is the key of a run's file; other files have none.
func keyAt(file string) (key, bool) {
	name, isRun := strings.CutSuffix(file, suffix)
	k := key{manifest: usualManifest, run: name}
	if rest, ok := strings.CutPrefix(name, "manifests/"); ok {
		k.run = path.Join(path.Base(path.Dir(rest)), path.Base(rest))
		k.manifest = path.Dir(path.Dir(rest))
	}
	space, _, _ := strings.Cut(file, "/")
	return k, isRun && k.file() == file && space != ClaimSpace(run.Release) && space != ClaimSpace(run.Staging)
}

// ReadGit gives the events of the run that kind, manifest and version of h name, and the lease of its driver, without
// driving it. A run without any event is a fault of kind NotFound, code "no-journal".
func ReadGit(ctx context.Context, repo Repository, h run.Header) ([]run.Event, run.Lease, error) {
	k := keyOf(h)
	tip, err := repo.Fetch(ctx)
	if err != nil {
		return nil, run.Lease{}, err
	}
	lease, err := readLease(repo, tip, k)
	if err != nil {
		return nil, lease, err
	}
	events, err := readEvents(repo, tip, k)
	if err == nil && len(events) == 0 {
		return nil, lease, fault.New(fault.NotFound, "no-journal", "no run is recorded at %s", shown(repo, k.file()))
	}
	return events, lease, err
}

// Refused gives the fault by which a release of h and these steps would be refused for what the journal says: it is another run's, or
// another run has claimed one of the steps. It drives nothing.
func Refused(ctx context.Context, repo Repository, h run.Header, steps []plan.StepID) error {
	tip, err := repo.Fetch(ctx)
	if err != nil {
		return err
	}
	g := &Git{repo: repo, key: keyOf(h), tip: tip, turn: make(chan struct{}, 1)}
	if _, err := g.load(h); err != nil {
		return err
	}
	claims, err := g.Claimed(steps)
	if err != nil {
		return err
	}
	return Elsewhere(claims)
}

// ReadClaims gives the claims of other runs that keep the run of h from these steps, without driving it.
func ReadClaims(ctx context.Context, repo Repository, h run.Header, steps []plan.StepID) ([]Claim, error) {
	tip, err := repo.Fetch(ctx)
	if err != nil {
		return nil, err
	}
	g := &Git{repo: repo, key: keyOf(h), tip: tip, turn: make(chan struct{}, 1)}
	return g.Claimed(steps)
}

func readEvents(repo Repository, tip string, k key) ([]run.Event, error) {
	if tip == "" {
		return nil, nil
	}
	data, err := repo.Read(tip, k.file())
	if err != nil {
		return nil, err
	}
	events, _, err := decode(shown(repo, k.file()), data)
	return events, err
}

// Listed is one run among those that the release repository knows.
type Listed struct {
	Header run.Header // kind, manifest and version always; the rest where its first line can be read
	Last   time.Time  // of its newest event
	Lease  run.Lease
}

// ListGit lists the runs, the newest first. It reads the first and the last line of each, and does not check the others: ReadGit
// does.
func ListGit(ctx context.Context, repo Repository) ([]Listed, error) {
	tip, err := repo.Fetch(ctx)
	if err != nil || tip == "" {
		return nil, err
	}
	return list(repo, tip)
}

func list(repo Repository, tip string) ([]Listed, error) {
	files, err := repo.List(tip, "")
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, file := range files {
		k, ok := keyAt(file)
		if !ok {
			continue
		}
		data, err := repo.Read(tip, file)
		if err != nil {
			return nil, err
		}
		l := Listed{Header: run.Header{Kind: k.kind(), Manifest: k.manifest, Version: path.Base(k.run)}}
		l.readEnds(data)
		if l.Lease, err = readLease(repo, tip, k); err != nil {
			l.Lease = run.Lease{}
		}
		all = append(all, l)
	}
	slices.SortStableFunc(all, func(a, b Listed) int { return b.Last.Compare(a.Last) })
	return all, nil
}

// readEnds reads header and time from the first and the last line.
func (l *Listed) readEnds(data []byte) {
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	var first, last run.Event
	if json.Unmarshal(lines[0], &first) == nil && first.Header != nil && keyOf(*first.Header) == keyOf(l.Header) {
		l.Header = *first.Header
	}
	if json.Unmarshal(lines[len(lines)-1], &last) == nil {
		l.Last = last.Time
	}
}

// Durations is how long the components took in the newest runs of the same manifest and kind, the newest first. It is
// a hint: it leaves out what it cannot read.
func (g *Git) Durations() map[string][]time.Duration {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	return durationsAt(g.repo, g.tip, g.key)
}

// DurationsGit is the same without driving, for the manifest and kind of h.
func DurationsGit(ctx context.Context, repo Repository, h run.Header) map[string][]time.Duration {
	tip, err := repo.Fetch(ctx)
	if err != nil {
		return map[string][]time.Duration{}
	}
	return durationsAt(repo, tip, keyOf(h))
}

func durationsAt(repo Repository, tip string, k key) map[string][]time.Duration {
	if tip == "" {
		return map[string][]time.Duration{}
	}
	all, err := list(repo, tip)
	if err != nil {
		return map[string][]time.Duration{}
	}
	all = slices.DeleteFunc(all, func(l Listed) bool { return l.Header.Manifest != k.manifest || l.Header.Kind != k.kind() })
	var newest [][]run.Event
	for _, l := range all[:min(len(all), earlierRuns)] {
		if events, err := readEvents(repo, tip, keyOf(l.Header)); err == nil {
			newest = append(newest, events)
		}
	}
	return durations(newest)
}
