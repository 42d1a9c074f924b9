package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// dryPrinter shows what a client dry run would do, in order.
type dryPrinter struct {
	w      io.Writer
	repo   *gitrepo.Repo
	path   string // of release.json in the repository
	remote string // as it may be shown

	mu       sync.Mutex
	requests int // that would start a pipeline
	wave     int
}

// event heads the requests of a wave.
func (p *dryPrinter) event(e run.Event, s *run.State) {
	if e.Type != run.Intent || len(e.Steps) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if wave, of := s.Wave(e.Steps[0]); wave != p.wave {
		p.wave = wave
		fmt.Fprintf(p.w, "\nwave %d of %d\n", wave, of)
	}
}

func (p *dryPrinter) request(method, url string, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(url, "/project/") {
		p.requests++
	}
	fmt.Fprintf(p.w, "  %s %s\n", method, url)
	if len(body) > 0 {
		fmt.Fprintf(p.w, "       %s\n", body)
	}
}

// push shows one push: the commits and tags that were made for it, and the refs.
func (p *dryPrinter) push(updates []gitrepo.Update) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w)
	seen := map[gitrepo.Hash]bool{}
	for _, u := range updates {
		for _, commit := range p.repo.Made(u.New) {
			if !seen[commit] {
				seen[commit] = true
				p.commit(commit)
			}
		}
	}
	for _, u := range updates {
		if name, isTag := strings.CutPrefix(u.Ref, "refs/tags/"); isTag {
			target, message := p.repo.Target(u.New)
			fmt.Fprintf(p.w, "tag %s on %.10s: %s\n", name, target, strings.TrimSpace(message))
		}
	}
	fmt.Fprintf(p.w, "push to %s, all of it or nothing\n", p.remote)
	for _, u := range updates {
		if u.Old == "" {
			fmt.Fprintf(p.w, "  new  %s  %.10s\n", u.Ref, u.New)
		} else {
			fmt.Fprintf(p.w, "       %s  %.10s..%.10s\n", u.Ref, u.Old, u.New)
		}
	}
}

func (p *dryPrinter) commit(at gitrepo.Hash) {
	fmt.Fprintf(p.w, "commit %.10s: %s\n", at, p.repo.Subject(at))
	before, err := p.repo.ReadFile(p.repo.Parent(at), p.path)
	if err != nil {
		before = nil // it is new
	}
	after, err := p.repo.ReadFile(at, p.path)
	if err != nil {
		fmt.Fprintf(p.w, "  %s\n", err)
		return
	}
	for _, line := range report.DiffLines(strings.Split(string(before), "\n"), strings.Split(string(after), "\n")) {
		fmt.Fprintf(p.w, "  %s\n", line)
	}
}
