package registry_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/registry"
	"github.com/gravitee-lab/gio/internal/registry/registrytest"
)

func open(t *testing.T, o registry.Options, below string) registry.Repository {
	t.Helper()
	client, err := registry.New(o)
	if err != nil {
		t.Fatal(err)
	}
	repository, err := client.Repository(below)
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

func at(t *testing.T, url, below string) registry.Repository {
	t.Helper()
	return open(t, registry.Options{URL: url}, below)
}

// kinds are what can be in a registry, with how many manifests and blobs each has.
func kinds() map[string]struct {
	push  func(t *testing.T, url, ref string) string
	parts int
} {
	return map[string]struct {
		push  func(t *testing.T, url, ref string) string
		parts int
	}{
		"image": {registrytest.Image, 5},
		"index": {registrytest.Index, 1 + 3*4 + 3 + 1 + 3},
		"chart": {registrytest.Chart, 3},
	}
}

func wantDigest(t *testing.T, r registry.Repository, identifier, want string) {
	t.Helper()
	got, err := r.Digest(t.Context(), identifier)
	switch {
	case want == "" && fault.Is(err, "no-image") && fault.KindOf(err) == fault.NotFound:
	case want == "" || err != nil || got != want:
		t.Errorf("%s:%s names %q (%v), want %q", r, identifier, got, err, want)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	registrytest.Each(t, func(t *testing.T, url string) {
		elsewhere := registrytest.Memory(t)
		for kind, c := range kinds() {
			digest := c.push(t, url, "dev/"+kind+":1.0.0")
			from := at(t, url+"/dev", kind)
			wantDigest(t, from, "1.0.0", digest)
			wantDigest(t, from, digest, digest)
			wantDigest(t, from, "1.0.1", "")
			for name, target := range map[string]string{"within": url, "to another registry": elsewhere} {
				to := at(t, target, "prod/"+kind)
				wantDigest(t, to, digest, "")
				for range 2 {
					if err := from.Copy(t.Context(), digest, to); err != nil {
						t.Fatalf("%s, %s: %v", kind, name, err)
					}
				}
				if got, parts := registrytest.Pull(t, target, "prod/"+kind+"@"+digest); got != digest || parts != c.parts {
					t.Errorf("%s, %s: %s with %d parts, want %s with %d", kind, name, got, parts, digest, c.parts)
				}
				wantDigest(t, to, "1.0.0", "") // tags come last
				if err := to.Tag(t.Context(), "1.0.0", "", digest); err != nil {
					t.Fatalf("%s, %s: %v", kind, name, err)
				}
				wantDigest(t, to, "1.0.0", digest)
			}
		}
		missing := "sha256:" + fmt.Sprintf("%064d", 0)
		if err := at(t, url, "dev/image").Copy(t.Context(), missing, at(t, url, "prod/image")); !fault.Is(err, "no-image") {
			t.Errorf("what is not there is copied: %v", err)
		}
		if err := at(t, url, "dev/nothing").Copy(t.Context(), missing, at(t, url, "prod/image")); !fault.Is(err, "no-image") {
			t.Errorf("from a repository that is not there: %v", err)
		}
	})
}

func TestTag(t *testing.T) {
	t.Parallel()
	registrytest.Each(t, func(t *testing.T, url string) {
		first, second := registrytest.Image(t, url, "acme/web:a"), registrytest.Index(t, url, "acme/web:b")
		web := at(t, url, "acme/web")
		for i, step := range []struct{ old, digest, code, names string }{
			{"", first, "", first},
			{"", first, "", first},
			{"", second, "tag-taken", first},
			{second, second, "tag-taken", first},
			{first, second, "", second},
			{first, second, "", second}, // again, after the answer was lost
			{second, first, "", first},
		} {
			if err := web.Tag(t.Context(), "latest", step.old, step.digest); fault.CodeOf(err) != step.code {
				t.Errorf("step %d: %v, want %q", i, err, step.code)
			}
			wantDigest(t, web, "latest", step.names)
		}
		if err := web.Tag(t.Context(), "new", first, second); !fault.Is(err, "tag-taken") || fault.KindOf(err) != fault.Invalid {
			t.Errorf("a tag that somebody removed: %v", err)
		}
		missing := "sha256:" + fmt.Sprintf("%064d", 0)
		if err := web.Tag(t.Context(), "new", "", missing); !fault.Is(err, "no-image") {
			t.Errorf("a tag for nothing: %v", err)
		}
		wantDigest(t, web, "new", "")
	})
}

func TestUntag(t *testing.T) {
	t.Parallel()
	registrytest.Each(t, func(t *testing.T, url string) {
		for kind, c := range kinds() {
			digest, other := c.push(t, url, "acme/"+kind+":1.0.0"), c.push(t, url, "acme/"+kind+":2.0.0")
			repository := at(t, url, "acme/"+kind)
			if err := repository.Tag(t.Context(), "stable", "", digest); err != nil {
				t.Fatal(err)
			}
			if err := repository.Untag(t.Context(), "1.0.0", other); !fault.Is(err, "tag-taken") {
				t.Errorf("%s: a tag of something else is removed: %v", kind, err)
			}
			wantDigest(t, repository, "1.0.0", digest)
			for range 2 {
				if err := repository.Untag(t.Context(), "1.0.0", digest); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				wantDigest(t, repository, "1.0.0", "")
			}
			for _, tag := range []string{"stable", "2.0.0"} {
				if _, parts := registrytest.Pull(t, url, "acme/"+kind+":"+tag); parts != c.parts {
					t.Errorf("%s: %s has %d parts left, want %d", kind, tag, parts, c.parts)
				}
			}
			if err := repository.Tag(t.Context(), "1.0.0", "", digest); err != nil {
				t.Errorf("%s: the tag cannot come back: %v", kind, err)
			}
			if err := repository.Untag(t.Context(), "1.0.0", digest); err != nil {
				t.Errorf("%s: and cannot be removed again: %v", kind, err)
			}
			wantDigest(t, repository, "1.0.0", "")
		}
	})
}

// A registry that removes nothing loses no tag by being asked.
func TestUntagWhereNothingIsRemoved(t *testing.T) {
	t.Parallel()
	url := registrytest.DockerThatKeeps(t)
	digest := registrytest.Image(t, url, "acme/web:1.0.0")
	web := at(t, url, "acme/web")
	if err := web.Untag(t.Context(), "1.0.0", digest); !fault.Is(err, "registry-kept") || fault.KindOf(err) != fault.Remote {
		t.Error(err)
	}
	wantDigest(t, web, "1.0.0", digest)
	if _, parts := registrytest.Pull(t, url, "acme/web:1.0.0"); parts != 5 {
		t.Errorf("%d parts", parts)
	}
}

var errDead = errors.New("the process is dead")

// mortal is the wire of a process that dies at its nth request: before it is sent, or before its answer comes.
type mortal struct {
	next   http.RoundTripper
	left   atomic.Int64
	before bool
}

func (m *mortal) RoundTrip(req *http.Request) (*http.Response, error) {
	left := m.left.Add(-1)
	if left < 0 || left == 0 && m.before {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, errDead
	}
	res, err := m.next.RoundTrip(req)
	if left == 0 && err == nil {
		_ = res.Body.Close()
		return nil, errDead
	}
	return res, err
}

// move is what a promotion does with one image.
func move(t *testing.T, from, to registry.Repository, digest string) error {
	t.Helper()
	if err := from.Copy(t.Context(), digest, to); err != nil {
		return err
	}
	if err := to.Tag(t.Context(), "1.0.0", "", digest); err != nil {
		return err
	}
	return from.Untag(t.Context(), "1.0.0", digest)
}

// dying counts the requests of a move, or dies at one of them.
func dying(t *testing.T, url, name, digest string, n int64, before bool) (requests int64, err error) {
	t.Helper()
	wire := &http.Transport{}
	defer wire.CloseIdleConnections()
	m := &mortal{next: wire, before: before}
	m.left.Store(n)
	o := registry.Options{URL: url, HTTP: &http.Client{Transport: m}}
	err = move(t, open(t, o, "dev/"+name), open(t, o, "prod/"+name), digest)
	return n - m.left.Load(), err
}

var figures = flag.Bool("figures", false, "every point of the sweeps, with figures")

// TestMoveSurvivesDeath: wherever the process dies, nothing half can be pulled and nothing is lost, and the next one goes on.
func TestMoveSurvivesDeath(t *testing.T) {
	t.Parallel()
	registrytest.Each(t, func(t *testing.T, url string) {
		every, memory := int64(9), t.Name() == "TestMoveSurvivesDeath/memory"
		switch {
		case *figures, memory && !testing.Short():
			every = 1
		case memory:
			every = 5
		}
		all, err := dying(t, url, "whole", registrytest.Image(t, url, "dev/whole:1.0.0"), 1000, true)
		if err != nil {
			t.Fatal(err)
		}
		deaths := 0
		for n := all; n > 0; n -= every {
			for _, before := range []bool{true, false} {
				name := fmt.Sprintf("r%d%v", n, before)
				digest := registrytest.Image(t, url, "dev/"+name+":1.0.0")
				_, err := dying(t, url, name, digest, n, before)
				if err != nil {
					deaths++
				}
				if err != nil && !fault.Is(err, "registry-unreachable") {
					t.Errorf("death at request %d: %v", n, err)
				}
				from, to := at(t, url, "dev/"+name), at(t, url, "prod/"+name)
				if _, err := to.Digest(t.Context(), "1.0.0"); err == nil {
					registrytest.Pull(t, url, "prod/"+name+":1.0.0")
				} else {
					registrytest.Pull(t, url, "dev/"+name+":1.0.0")
				}
				if err := move(t, from, to, digest); err != nil {
					t.Fatalf("after a death at request %d: %v", n, err)
				}
				wantDigest(t, from, "1.0.0", "")
				wantDigest(t, to, "1.0.0", digest)
				registrytest.Pull(t, url, "prod/"+name+":1.0.0")
			}
		}
		if deaths < int(all/every) {
			t.Errorf("%d deaths in %d requests: this test kills nobody", deaths, all)
		}
		if *figures {
			fmt.Printf("  %-60s %d requests, %d deaths, 0 half, 0 lost\n", t.Name(), all, deaths)
		}
	})
}
