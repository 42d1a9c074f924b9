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
	"github.com/gravitee-lab/gio/internal/run"
)

// place is where a run stands in the tree.
type place struct{ manifest, run string }

func placeOf(h run.Header) place { return place{manifest: h.Manifest, run: h.Run()} }

const (
	usualManifest = "release.json" // its runs stand at the top, as its release repository has no other
	suffix        = ".jsonl"
	stageClaims   = "staged/"
)

func (p place) dir() string {
	if p.manifest == usualManifest {
		return ""
	}
	return "manifests/" + p.manifest + "/"
}

func (p place) file() string  { return p.dir() + p.run + suffix }
func (p place) lease() string { return "leases/" + p.dir() + p.run + ".json" }
func (p place) kind() string  { return path.Dir(p.run) }

func (p place) String() string {
	if p.manifest == usualManifest {
		return p.run
	}
	return p.manifest + " " + p.run
}

// placeAt is the place of a run's file; other files have none.
func placeAt(file string) (place, bool) {
	name, isRun := strings.CutSuffix(file, suffix)
	p := place{manifest: usualManifest, run: name}
	if rest, ok := strings.CutPrefix(name, "manifests/"); ok {
		p.run = path.Join(path.Base(path.Dir(rest)), path.Base(rest))
		p.manifest = path.Dir(path.Dir(rest))
	}
	return p, isRun && p.file() == file && !strings.HasPrefix(file, "claims/") && !strings.HasPrefix(file, stageClaims)
}

// ReadGit gives the events of the run that kind, manifest and version of h name, and the lease of its driver, without
// driving it. A run without any event is a fault of kind NotFound, code "no-journal".
func ReadGit(ctx context.Context, repo Repository, h run.Header) ([]run.Event, Lease, error) {
	p := placeOf(h)
	tip, err := repo.Fetch(ctx)
	if err != nil {
		return nil, Lease{}, err
	}
	_, lease, err := readLease(repo, tip, p)
	if err != nil {
		return nil, lease, err
	}
	events, err := readEvents(repo, tip, p)
	if err == nil && len(events) == 0 {
		return nil, lease, fault.New(fault.NotFound, "no-journal", "no run is recorded at %s", shown(repo, p.file()))
	}
	return events, lease, err
}

// ReadClaims gives the claims that runs other than the one of h have on these steps, without driving it.
func ReadClaims(ctx context.Context, repo Repository, h run.Header, steps []run.StepID) ([]Claim, error) {
	tip, err := repo.Fetch(ctx)
	if err != nil {
		return nil, err
	}
	g := &Git{repo: repo, place: placeOf(h), tip: tip, turn: make(chan struct{}, 1)}
	return g.Claimed(steps)
}

func readEvents(repo Repository, tip string, p place) ([]run.Event, error) {
	if tip == "" {
		return nil, nil
	}
	data, err := repo.Read(tip, p.file())
	if err != nil {
		return nil, err
	}
	events, _, err := decode(shown(repo, p.file()), data)
	return events, err
}

// Listed is one run among those that the release repository knows.
type Listed struct {
	Header run.Header // kind, manifest and version always; the rest where its first line can be read
	Last   time.Time  // of its newest event
	Lease  Lease
}

// ListGit lists the runs, the newest first. It reads the first and the last line of each; whether the whole can be true is
// for ReadGit to say.
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
		p, ok := placeAt(file)
		if !ok {
			continue
		}
		data, err := repo.Read(tip, file)
		if err != nil {
			return nil, err
		}
		l := Listed{Header: run.Header{Kind: p.kind(), Manifest: p.manifest, Version: path.Base(p.run)}}
		l.look(data)
		if _, l.Lease, err = readLease(repo, tip, p); err != nil {
			l.Lease = Lease{}
		}
		all = append(all, l)
	}
	slices.SortStableFunc(all, func(a, b Listed) int { return b.Last.Compare(a.Last) })
	return all, nil
}

// look takes what can be had from the first and the last line.
func (l *Listed) look(data []byte) {
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	var first, last run.Event
	if json.Unmarshal(lines[0], &first) == nil && first.Header != nil && placeOf(*first.Header) == placeOf(l.Header) {
		l.Header = *first.Header
	}
	if json.Unmarshal(lines[len(lines)-1], &last) == nil {
		l.Last = last.Time
	}
}

// Durations is how long the components took in the newest runs of the same manifest and kind, the newest first. It is
// a hint: what cannot be read is left out.
func (g *Git) Durations() map[string][]time.Duration {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	return durationsAt(g.repo, g.tip, g.place)
}

// DurationsGit is the same for who drives nothing, of the manifest and kind of h.
func DurationsGit(ctx context.Context, repo Repository, h run.Header) map[string][]time.Duration {
	tip, err := repo.Fetch(ctx)
	if err != nil {
		return map[string][]time.Duration{}
	}
	return durationsAt(repo, tip, placeOf(h))
}

func durationsAt(repo Repository, tip string, p place) map[string][]time.Duration {
	if tip == "" {
		return map[string][]time.Duration{}
	}
	all, err := list(repo, tip)
	if err != nil {
		return map[string][]time.Duration{}
	}
	all = slices.DeleteFunc(all, func(l Listed) bool { return l.Header.Manifest != p.manifest || l.Header.Kind != p.kind() })
	var newest [][]run.Event
	for _, l := range all[:min(len(all), earlierRuns)] {
		if events, err := readEvents(repo, tip, placeOf(l.Header)); err == nil {
			newest = append(newest, events)
		}
	}
	return durations(newest)
}
