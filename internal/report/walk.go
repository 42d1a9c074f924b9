package report

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Walk shows, in order, what a client dry run would do.
type Walk struct {
	W      io.Writer
	Path   string // of release.json in the repository
	Remote string // address of the release repository; "" where it has none

	mu       sync.Mutex
	requests int // number of those that would start a pipeline
	wave     int
}

// Event writes a heading before the requests of a wave or level.
func (p *Walk) Event(e run.Event, s *run.State) {
	if e.Type != run.Intent || len(e.Steps) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if wave, of := s.Wave(e.Steps[0]); wave != p.wave {
		p.wave = wave
		fmt.Fprintf(p.W, "\n%s %d of %d\n", layer(s.Plan), wave, of)
	}
}

// Request writes a request to CircleCI.
func (p *Walk) Request(method, url string, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(url, "/project/") {
		p.requests++
	}
	fmt.Fprintf(p.W, "  %s %s\n", method, url)
	if len(body) > 0 {
		fmt.Fprintf(p.W, "       %s\n", body)
	}
}

// Push writes one push: the commits and tags that were made for it, and the refs.
func (p *Walk) Push(repo *gitrepo.Repo, updates []gitrepo.Update) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.W)
	seen := map[gitrepo.Hash]bool{}
	for _, u := range updates {
		for _, commit := range repo.Made(u.New) {
			if !seen[commit] {
				seen[commit] = true
				p.commit(repo, commit)
			}
		}
	}
	for _, u := range updates {
		if name, isTag := strings.CutPrefix(u.Ref, "refs/tags/"); isTag {
			target, message := repo.Target(u.New)
			fmt.Fprintf(p.W, "tag %s on %.10s: %s\n", name, target, strings.TrimSpace(message))
		}
	}
	fmt.Fprintf(p.W, "push to %s, all of it or nothing\n", orElse(gitrepo.Redact(p.Remote), "the release repository"))
	for _, u := range updates {
		if u.Old == "" {
			fmt.Fprintf(p.W, "  new  %s  %.10s\n", u.Ref, u.New)
		} else {
			fmt.Fprintf(p.W, "       %s  %.10s..%.10s\n", u.Ref, u.Old, u.New)
		}
	}
}

func (p *Walk) commit(repo *gitrepo.Repo, at gitrepo.Hash) {
	fmt.Fprintf(p.W, "commit %.10s: %s\n", at, repo.Subject(at))
	before, err := repo.ReadFile(repo.Parent(at), p.Path)
	if err != nil {
		before = nil // it is new
	}
	after, err := repo.ReadFile(at, p.Path)
	if err != nil {
		fmt.Fprintf(p.W, "  %s\n", err)
		return
	}
	for _, line := range DiffLines(strings.Split(string(before), "\n"), strings.Split(string(after), "\n")) {
		fmt.Fprintf(p.W, "  %s\n", line)
	}
}

// End writes the result of the walk.
func (p *Walk) End(of *plan.Plan, s *run.State) error {
	pipelines := count(p.requests, "pipeline")
	if !s.Header.Kind.Records() {
		_, err := fmt.Fprintf(p.W, "\n%s %s: %s to start\n", of.Product, of.Version, pipelines)
		return err
	}
	verdict := "would be released"
	if !s.Finished {
		verdict = "would not be finished"
	}
	_, err := fmt.Fprintf(p.W, "\n%s %s %s: %s to start, for %s\n", of.Product, of.Version, verdict, pipelines, count(len(of.Steps()), "component"))
	return err
}
