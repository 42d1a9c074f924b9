package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// gitRef is the journal's ref on the server, as journal.Repository promises it, but in memory: with a Git program behind it
// every point of the sweep would take seconds. What is faked is the wire below the journal; gitjournal_test.go has the real
// one. The power may fail before a push, after the server took it but before it said so, and after the answer.
type gitRef struct {
	power *power
	delay time.Duration // of every push
	storm *rand.Rand    // one push or reading in five goes wrong; nil: none

	mu        sync.Mutex
	tip       string
	commits   map[string]map[string][]byte // files by path; those of a commit never change
	made      map[string]string            // subject by commit
	pushed    []string                     // subjects of the commits that were pushed alone
	succeeded time.Time                    // when the first success was pushed
	launch    int                          // pushes since something was last launched
	launches  int                          // pushes that held intents
	worst     int                          // most pushes from one launch to the next
	spoilt    int                          // so many the storm has hit
}

var errRefused = fault.New(fault.Invalid, "ref-moved", "the ref has moved").Because(gitrepo.ErrMoved)

func newGitRef(p *power) *gitRef {
	return &gitRef{power: p, commits: map[string]map[string][]byte{"": {}}, made: map[string]string{}}
}

func (g *gitRef) Shown() string { return "the journal in memory" }

func (g *gitRef) Fetch(context.Context) (string, error) {
	if err := g.power.use("fetch"); err != nil {
		return "", noAnswer(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hit() {
		return "", noAnswer(errStorm)
	}
	return g.tip, nil
}

func noAnswer(why error) error {
	return fault.New(fault.Remote, "push-unknown", "no answer").Because(why)
}

var errStorm = errors.New("a storm")

// hit tells whether the storm spoils something. With mu.
func (g *gitRef) hit() bool {
	hit := g.storm != nil && g.storm.IntN(5) == 0
	if hit {
		g.spoilt++
	}
	return hit
}

func (g *gitRef) Read(at, path string) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.commits[at][path], nil
}

func (g *gitRef) List(at, dir string) ([]string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	paths := slices.Sorted(maps.Keys(g.commits[at]))
	return slices.DeleteFunc(paths, func(p string) bool { return dir != "" && !strings.HasPrefix(p, dir+"/") }), nil
}

func (g *gitRef) Commit(parent string, files map[string][]byte, subject string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	tree := maps.Clone(g.commits[parent])
	for path, data := range files {
		if tree[path] = slices.Clone(data); data == nil {
			delete(tree, path)
		}
	}
	commit := fmt.Sprintf("commit-%d", len(g.commits))
	g.commits[commit], g.made[commit] = tree, subject
	return commit, nil
}

func (g *gitRef) Push(ctx context.Context, from, to string) error {
	return g.push(ctx, from, to, func() error {
		g.count(to)
		return nil
	})
}

// push moves the ref together with what company pushes, or neither.
func (g *gitRef) push(ctx context.Context, from, to string, company func() error) error {
	select {
	case <-time.After(g.delay):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := g.power.use("push"); err != nil {
		return noAnswer(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.tip != from:
		return errRefused
	case g.hit():
		return noAnswer(errStorm) // it did not arrive
	}
	if err := company(); err != nil {
		return err
	}
	g.tip = to
	if g.hit() {
		return noAnswer(errStorm) // it arrived
	}
	if err := g.power.use("pushed"); err != nil {
		return noAnswer(err)
	}
	_ = g.power.use("answered") // the driver dies knowing it
	return nil
}

// count counts the pushes of the journal alone, all in all and from one launch to the next.
func (g *gitRef) count(to string) {
	held := func(commit string, what run.Type) int {
		return bytes.Count(g.commits[commit]["release/1.0.4.jsonl"], fmt.Appendf(nil, `"type":%q`, what))
	}
	if held(to, run.Intent) > held(g.tip, run.Intent) {
		g.launch = 0
		g.launches++
	}
	if g.succeeded.IsZero() && held(to, run.Succeeded) > 0 {
		g.succeeded = time.Now()
	}
	g.launch++
	g.worst, g.pushed = max(g.worst, g.launch), append(g.pushed, g.made[to])
}

// open is a driver's journal over the ref. It takes the run over at once, or waits until the lease has stood still.
func (g *gitRef) open(ctx context.Context, r *engine.Release, o journal.GitOptions) {
	r.Open = func(h run.Header) (engine.Journal, []run.Event, error) {
		j, events, err := journal.OpenGit(ctx, g, h, o)
		if err != nil {
			return nil, nil, err
		}
		return &inMemory{Git: j, ref: g, mirror: r.Repo.Ref(mirrorRef)}, events, nil
	}
}

// inMemory lets the journal's push in memory travel with the real push of the release: there a commit of another ref stands
// for it, so that the real push is as atomic as it would be.
type inMemory struct {
	*journal.Git
	ref    *gitRef
	mirror *gitrepo.Ref
}

const mirrorRef = "refs/gio/mirror"

func (j *inMemory) AppendWith(ctx context.Context, push journal.Push, events ...run.Event) error {
	return j.Git.AppendWith(ctx, func(ctx context.Context, also ...journal.Update) error {
		from, to := also[0].Old, also[0].New
		return j.ref.push(ctx, from, to, func() error {
			old, err := j.mirror.Fetch(ctx)
			if err != nil {
				return err
			}
			stand, err := j.mirror.Commit(old, map[string][]byte{"commit": []byte(to)}, "stands for "+to)
			if err != nil {
				return err
			}
			return push(ctx, journal.Update{Ref: mirrorRef, Old: old, New: stand})
		})
	}, events...)
}

// kept is what the ref holds of the run.
func (g *gitRef) kept() ([]run.Event, error) {
	h := run.Header{Kind: "release", Manifest: "release.json", Version: "1.0.4"}
	g.mu.Lock()
	living := &gitRef{power: &power{}, tip: g.tip, commits: maps.Clone(g.commits)}
	g.mu.Unlock()
	events, _, err := journal.ReadGit(context.Background(), living, h)
	if fault.Is(err, "no-journal") {
		return nil, nil
	}
	return events, err
}
