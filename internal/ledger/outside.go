package ledger

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Outside reads what is in repositories that live elsewhere.
type Outside interface {
	// Stat returns the SHA-256 of what is at a path of a repository, of an image NAME:TAG. Fault: no-file.
	Stat(ctx context.Context, r Repository, path string) (sum string, err error)
}

// seen is what was found outside, by REPOSITORY/PATH, before the transaction that needs it: no transaction waits for another system.
type seen map[string]sight

// sight is what was found at one place.
type sight struct {
	sum string
	err error
}

// outsidePlace is a place in a repository outside.
type outsidePlace struct {
	r    Repository
	path string
}

const (
	looksAbreast = 8
	// looksLast bounds how long somebody looks outside for one bundle.
	looksLast = 2 * time.Minute
	// looksLastIn is for those within a transaction, of a request that its client may send again: others wait for it.
	looksLastIn = 10 * time.Second
)

// lookAt looks at places outside. It returns nil where nobody can look.
func (l *Ledger) lookAt(ctx context.Context, places []outsidePlace) seen {
	if l.Outside == nil || len(places) == 0 {
		return nil
	}
	limit := looksLast
	if Join(ctx) != nil {
		limit = looksLastIn
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	all := make([]sight, len(places))
	var looking sync.WaitGroup
	free := make(chan struct{}, looksAbreast)
	for i, p := range places {
		free <- struct{}{}
		looking.Go(func() {
			all[i].sum, all[i].err = l.Outside.Stat(ctx, p.r, p.path)
			<-free
		})
	}
	looking.Wait()
	found := seen{}
	for i, p := range places {
		found[p.r.Name+"/"+p.path] = all[i]
	}
	return found
}

// trouble is why somewhere nobody could look; nil where all was looked at, whether it is there or not.
func (s seen) trouble() error {
	for place, each := range s {
		switch kind := fault.KindOf(each.err); {
		case each.err == nil || kind == fault.NotFound:
		case kind == fault.Invalid:
			return each.err
		default: // what is wrong with the server's own token is nothing that the caller did
			return fault.New(fault.Remote, "outside", "%.420s cannot be looked at", place).Because(each.err)
		}
	}
	return nil
}

// lookFor looks outside for what sources name there, for somebody who may make bundles in a project and as far as the caller may read it.
// Faults: no-project, those of repositories; outside.
func (l *Ledger) lookFor(ctx context.Context, c Caller, project string, sources []Source) (found seen, err error) {
	var places []outsidePlace
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToMakeBundles, project); err != nil {
			return err
		}
		all := l.collection(tx, c)
		places = nil
		for _, s := range sources {
			for _, a := range s.places() {
				r, err := all.repository(ctx, a.Repository)
				if err != nil {
					return err
				}
				if r.Kind != Hosted {
					places = append(places, outsidePlace{r, outsidePath(r, a.Path)})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found = l.lookAt(ctx, places)
	return found, found.trouble()
}

// places are the single places that a source names.
func (s Source) places() (all []Pattern) {
	for _, a := range s.Artifacts {
		all = append(all, Pattern{a.Repository, a.Path})
	}
	for _, p := range s.Patterns {
		if !strings.Contains(p.Path, "*") {
			all = append(all, p)
		}
	}
	return all
}

// outsidePath is how a path of a repository outside is kept: of an image NAME:TAG.
func outsidePath(r Repository, path string) string {
	if m := manifestOf.FindStringSubmatch(path); r.Images() && m != nil {
		return m[1] + ":" + m[2]
	}
	return path
}

// lookForBox looks outside for what the box of a candidate is made of there.
func (l *Ledger) lookForBox(ctx context.Context, project string, v Version) (found seen, err error) {
	var places []outsidePlace
	err = l.Store.Read(ctx, func(tx Tx) error {
		places = nil
		p, err := tx.Project(ctx, project)
		if err != nil || l.Outside == nil {
			return err
		}
		made, err := tx.Candidate(ctx, project, v)
		if err != nil {
			return err
		}
		components, err := tx.Components(ctx, made.ID)
		if err != nil {
			return err
		}
		wanted, err := patterns(p.Bundle, v, components)
		if err != nil { // the box says so
			return nil //nolint:nilerr // as above
		}
		for _, each := range wanted {
			r, err := tx.Repository(ctx, each.Repository)
			if err == nil && r.Kind != Hosted {
				places = append(places, outsidePlace{r, each.Path})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l.lookAt(ctx, places), nil
}
