package worker_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/artifactory"
	"github.com/gravitee-lab/gio/internal/artifactory/artifactorytest"
	"github.com/gravitee-lab/gio/internal/blobs"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/registry"
	"github.com/gravitee-lab/gio/internal/registry/registrytest"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/store/storetest"
	"github.com/gravitee-lab/gio/internal/transport"
	"github.com/gravitee-lab/gio/internal/worker"
)

// road is a ledger whose repositories live elsewhere: libs here, dev, qa and prod in an Artifactory and in a registry.
type road struct {
	*ledger.Ledger
	t             *testing.T
	url           string // of the database
	store         *store.Store
	art           *artifactorytest.Fake
	artURL, index string
	acted         *acted
}

func newRoad(t *testing.T, url string) *road {
	t.Helper()
	r := &road{t: t, url: url, store: storetest.Open(t, url), index: registrytest.Memory(t), acted: &acted{next: http.DefaultTransport, count: map[string]int{}}}
	r.art, r.artURL = artifactorytest.New(t)
	home, err := blobs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r.Ledger = r.ledger(r.store)
	r.Home, r.Outside = home, r.outside(http.DefaultTransport)
	d := ledger.Declaration{Project: ledger.Project{Name: "acme", Repository: "acme/shop"}, Repositories: []ledger.Repository{{Name: "libs"}}}
	for _, name := range []string{"dev", "edge", "qa", "prod"} {
		environment := name
		if name == "dev" {
			environment = ""
		} else {
			d.Environments = append(d.Environments, ledger.Environment{Name: name})
		}
		jars := map[string]string{"edge": "locked"}[name] // it takes nothing
		d.Repositories = append(d.Repositories, ledger.Repository{Name: name + "-jars", Type: "maven", Environment: environment, Kind: ledger.Artifactory, Connection: "art", Path: cmp.Or(jars, name)},
			ledger.Repository{Name: name + "-files", Environment: environment, Kind: ledger.Artifactory, Connection: "art", Path: name},
			ledger.Repository{Name: name + "-images", Environment: environment, Kind: ledger.Registry, Connection: "images", Path: name})
	}
	if _, err := r.Apply(t.Context(), storetest.Admin(), d, false); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *road) ledger(s ledger.Store) *ledger.Ledger {
	l := &ledger.Ledger{Store: s, Now: time.Now, NewID: storetest.NewID, Connections: map[string]ledger.Kind{"art": "artifactory", "images": "registry"}}
	l.Signing = ledger.Signing{
		Key:  func(string) (string, error) { return "key", nil },
		Sign: func(string, ledger.Bundle, []ledger.Item) (string, error) { return "{}", nil },
	}
	if r.Ledger != nil {
		l.Home = r.Home
	}
	return l
}

// outside are the clients of what lives elsewhere, over a wire.
func (r *road) outside(wire http.RoundTripper) worker.Outside {
	r.t.Helper()
	o := transport.Options{Base: worker.Guard(wire)}
	art, err := artifactory.New(artifactory.Options{URL: r.artURL, Token: artifactorytest.Token, HTTP: transport.New(artifactory.Wire(o)), Stream: transport.NewStream(o)})
	images, wrong := registry.New(registry.Options{URL: r.index, HTTP: transport.NewStream(o)})
	if err := errors.Join(err, wrong); err != nil {
		r.t.Fatal(err)
	}
	return worker.Outside{Artifactories: map[string]*artifactory.Client{"art": art}, Registries: map[string]*registry.Client{"images": images}}
}

// box makes a bundle of a file that is kept here, two of the Artifactory and an image, and returns the image's digest.
func (r *road) box(version string) (digest string) {
	r.t.Helper()
	ctx, admin := r.t.Context(), storetest.Admin()
	if _, err := r.Upload(ctx, admin, ledger.Upload{Repository: "libs", Path: version + "/notes.txt"}, strings.NewReader("notes "+version)); err != nil {
		r.t.Fatal(err)
	}
	r.art.Put("dev/"+version+"/web.zip", "web "+version)
	r.art.Put("dev/"+version+"/api.jar", "api "+version)
	digest = registrytest.Image(r.t, r.index, "dev/acme/web:"+version)
	sources := ledger.Source{Artifacts: []ledger.Artifact{
		{Repository: "libs", Path: version + "/notes.txt"}, {Repository: "dev-files", Path: version + "/web.zip"}, {Repository: "dev-jars", Path: version + "/api.jar"}, {Repository: "dev-images", Path: "acme/web:" + version},
	}}
	if _, err := r.CreateBundle(ctx, admin, "acme", ledger.NewBundle{Name: "box", Version: version, Sources: []ledger.Source{sources}}); err != nil {
		r.t.Fatal(err)
	}
	return digest
}

func (r *road) promote(version, environment string, o ledger.Operation) ledger.Promotion {
	r.t.Helper()
	p, err := r.Promote(r.t.Context(), storetest.Admin(), "acme", "box", version, environment, ledger.PromoteOptions{Operation: o})
	if err != nil || p.Status != ledger.Processing {
		r.t.Fatal(p.Status, p.Messages, err)
	}
	return p
}

// is reads a promotion as it is now.
func (r *road) is(version string, p ledger.Promotion) ledger.Promotion {
	r.t.Helper()
	p, err := r.Promotion(r.t.Context(), storetest.Admin(), "acme", "box", version, p.Millis)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// underWay tells whether a promotion has not ended.
func (r *road) underWay(version string, p ledger.Promotion) bool {
	r.t.Helper()
	is, err := r.Promotion(r.t.Context(), storetest.Admin(), "acme", "box", version, p.Millis)
	if fault.Is(err, "no-promotion") {
		return false
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return is.Status.UnderWay()
}

// lives is a worker until its power fails.
func (r *road) lives(p *power) (w *worker.Worker, ctx context.Context) {
	ctx, cancel := context.WithCancel(r.t.Context())
	p.on(cancel)
	w = worker.New(r.ledger(dying{r.store, p}))
	w.Outside = r.outside(&wire{next: r.acted, power: p})
	return w, ctx
}

// carry carries a promotion to its end, with as many workers as die of it. Each finds nothing half and nothing lost.
func (r *road) carry(version, digest string, p ledger.Promotion, pow *power) {
	r.t.Helper()
	for range 5 {
		w, ctx := r.lives(pow)
		err := w.Carry(ctx, p.ID)
		r.whole(version, digest)
		if !r.underWay(version, p) {
			if twice := r.acted.twice(); len(twice) > 0 {
				r.t.Errorf("%s: written twice: %s", version, strings.Join(twice, "; "))
			}
			return
		}
		if !pow.isDead() {
			r.t.Fatalf("%s: %v", version, err)
		}
		if _, err := storetest.Raw(r.t, r.url).ExecContext(r.t.Context(), "UPDATE promotions SET renewed_at = 0 WHERE id = $1", p.ID); err != nil {
			r.t.Fatal(err)
		}
	}
	r.t.Fatalf("%s: it does not end: %+v", version, p)
}

// whole fails where something half can be had, or something is nowhere.
func (r *road) whole(version, digest string) {
	r.t.Helper()
	for path, content := range map[string]string{version + "/notes.txt": "notes " + version, version + "/web.zip": "web " + version, version + "/api.jar": "api " + version} {
		for _, repository := range []string{"edge/", "qa/", "prod/"} {
			if got, there := r.art.Content(repository + path); there && got != content {
				r.t.Errorf("%s%s is half: %q", repository, path, got)
			}
		}
	}
	for _, repository := range []string{"edge", "qa", "prod"} {
		if r.digest(repository, version) == digest {
			registrytest.Pull(r.t, r.index, repository+"/acme/web:"+version)
		}
	}
}

// digest is what the tag of an image names; "" for nothing.
func (r *road) digest(repository, version string) string {
	r.t.Helper()
	sum, err := r.Outside.Stat(r.t.Context(), ledger.Repository{Name: repository, Kind: ledger.Registry, Connection: "images", Path: repository}, "acme/web:"+version)
	if err != nil && !strings.Contains(err.Error(), "not there") {
		r.t.Fatal(err)
	}
	if sum == "" {
		return ""
	}
	return "sha256:" + sum
}

// stands fails unless a box is in dev, where it was made, and in one environment, "" for none, and nowhere else.
func (r *road) stands(when, version, digest, environment string) {
	r.t.Helper()
	var got, want []string
	for _, repository := range []string{"dev", "edge", "qa", "prod"} {
		for _, file := range []string{"notes.txt", "web.zip", "api.jar"} {
			if _, there := r.art.Content(repository + "/" + version + "/" + file); there {
				got = append(got, repository+" "+file)
			}
			if repository == environment || repository == "dev" && file != "notes.txt" {
				want = append(want, repository+" "+file)
			}
		}
		if r.digest(repository, version) == digest {
			got = append(got, repository+" image")
		}
		if repository == environment || repository == "dev" {
			want = append(want, repository+" image")
		}
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		r.t.Errorf("%s: after %s there are %s", version, when, strings.Join(got, ", "))
	}
}

// acted counts the writes that an outside system took, by method and address.
type acted struct {
	next  http.RoundTripper
	mu    sync.Mutex
	count map[string]int
}

func (a *acted) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := a.next.RoundTrip(r)
	if err == nil && res.StatusCode < 300 && (r.Method == http.MethodPut || r.Method == http.MethodDelete) && !strings.Contains(r.URL.Path, "/uploads/") && r.URL.RawQuery == "" {
		a.mu.Lock()
		a.count[r.Method+" "+r.URL.Path]++
		a.mu.Unlock()
	}
	return res, err
}

// twice lists what was written more than once since it was asked last.
func (a *acted) twice() (lines []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.count = map[string]int{} }()
	for _, what := range slices.Sorted(maps.Keys(a.count)) {
		if a.count[what] > 1 {
			lines = append(lines, fmt.Sprintf("%s %d times", what, a.count[what]))
		}
	}
	return lines
}

// The crash sweep of what is carried: a worker dies before or after each commit, and before or after each request acted, of a promotion that
// fails halfway, a copy, a move and its rollback; another one goes on. Nothing is half, lost or written twice, and it ends as without the crash.
func TestCarryCrashSweep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		r, every := newRoad(t, url), 37
		switch {
		case *figures:
			every = 1
		case testing.Short():
			every = 101
		}
		whole := &power{}
		r.day("whole", whole)
		points := 0
		for _, kind := range slices.Sorted(maps.Keys(whole.count)) {
			for n := 1; n <= whole.count[kind]; n += every {
				points++
				pow := &power{kind: kind, at: n}
				r.day(fmt.Sprintf("%s%d", kind, n), pow)
				if !pow.failed {
					t.Errorf("%s %d: nobody died", kind, n)
				}
			}
		}
		if points*every < 200 {
			t.Errorf("only %d points: the sweep does not see the way", points)
		}
		if *figures && !t.Failed() {
			fmt.Printf("  %s: %d deaths, 0 half, 0 lost, 0 twice, each ended as without\n", t.Name(), points)
		}
	})
}

// day is all that happens to a box.
func (r *road) day(version string, pow *power) {
	r.t.Helper()
	digest := r.box(version)
	p := r.promote(version, "edge", ledger.CopyContents)
	r.carry(version, digest, p, pow)
	r.stands("a copy that fails", version, digest, "")
	if p = r.is(version, p); p.Status != ledger.Failed || len(p.Messages) != 1 || !strings.Contains(p.Messages[0].Text, "Not enough permissions") {
		r.t.Errorf("%s: %+v", version, p)
	}
	r.carry(version, digest, r.promote(version, "qa", ledger.CopyContents), pow)
	r.stands("the copy", version, digest, "qa")
	p = r.promote(version, "prod", ledger.MoveContents)
	r.carry(version, digest, p, pow)
	r.stands("the move", version, digest, "prod")
	if p = r.is(version, p); p.Status != ledger.Completed || len(p.Messages) > 0 {
		r.t.Errorf("%s: %+v", version, p)
	}
	p, err := r.RollBackPromotion(r.t.Context(), storetest.Admin(), "acme", "box", version, "prod", ledger.UnpromoteOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.carry(version, digest, p, pow)
	r.stands("the rollback", version, digest, "qa")
}

// Two workers at the same time carry each promotion once.
func TestCarryTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		r := newRoad(t, url)
		digests, promotions := map[string]string{}, map[string]ledger.Promotion{}
		for _, version := range []string{"1", "2", "3"} {
			digests[version] = r.box(version)
			promotions[version] = r.promote(version, "qa", ledger.CopyContents)
		}
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 2 {
			w, _ := r.lives(&power{})
			all.Go(func() { w.Run(ctx) })
		}
		for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(20 * time.Millisecond) {
			if !slices.ContainsFunc(slices.Sorted(maps.Keys(promotions)), func(v string) bool { return r.is(v, promotions[v]).Status.UnderWay() }) {
				break
			}
		}
		stop()
		all.Wait()
		for version, p := range promotions {
			if p = r.is(version, p); p.Status != ledger.Completed {
				t.Errorf("%s: %+v", version, p)
			}
			r.stands("the copy", version, digests[version], "qa")
		}
		if twice := r.acted.twice(); len(twice) > 0 {
			t.Errorf("written twice: %s", strings.Join(twice, "; "))
		}
	})
}
