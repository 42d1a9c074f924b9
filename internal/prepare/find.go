package prepare

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

const atOnce = 16 // repositories that are asked at the same time

// look is what one repository is asked for, and what it says.
type look struct {
	component manifest.Component
	released  string // this version must be tagged
	proposed  bool   // only where there are commits to release

	found opening
	note  string
}

// find asks the repositories, each for itself.
func (w *work) find(ctx context.Context) error {
	looks := w.looks()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, l := range looks {
		g.Go(func() error { return w.ask(ctx, l) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	w.found = map[string]opening{}
	for _, l := range looks {
		if l.found.version != "" {
			w.found[l.component.Name] = l.found
		}
		if l.note != "" {
			w.edit.Notes = append(w.edit.Notes, l.note)
		}
	}
	return nil
}

func (w *work) ask(ctx context.Context, l *look) error {
	s, err := w.source(l.component)
	if err != nil {
		return err
	}
	switch {
	case l.released != "":
		return s.released(ctx, l.released)
	case l.proposed:
		if l.found, l.note, err = s.unreleased(ctx); fault.KindOf(err) == fault.NotFound {
			l.note, err = fmt.Sprintf("%s was not looked at: %s", l.component.Name, err), nil
		}
	default:
		l.found, err = s.open(ctx)
	}
	return err
}

// looks lists the repositories to ask, in the order of the request and then of the manifest.
func (w *work) looks() []*look {
	var looks []*look
	m, named := w.edit.After, w.asked.Remove
	for _, name := range w.asked.Open {
		c, _ := m.Component(name)
		looks = append(looks, &look{component: c})
		named = append(slices.Clip(named), name)
	}
	for _, s := range slices.Concat(w.asked.Set, w.asked.Add) {
		named = append(slices.Clip(named), s.Component)
		c, found := m.Component(s.Component)
		if !found {
			c = manifest.Component{Name: s.Component}
		}
		if s.Version == "" {
			looks = append(looks, &look{component: c})
		} else if !isOpen(s.Version) {
			looks = append(looks, &look{component: c, released: s.Version})
		}
	}
	if w.asked.Unreleased {
		looks = append(looks, w.proposals(named)...)
	}
	return looks
}

// proposals are the released components that are not named, as far as a group says when to build them.
func (w *work) proposals(named []string) []*look {
	var looks []*look
	ungrouped, m := 0, w.edit.After
	for _, c := range m.Components {
		switch {
		case c.Open() || slices.Contains(named, c.Name):
		case groupOf(m, c.Name) == "":
			ungrouped++
		default:
			looks = append(looks, &look{component: c, proposed: true})
		}
	}
	if ungrouped > 0 {
		w.edit.Notes = append(w.edit.Notes, fmt.Sprintf("not looked at, because no group of buildDependencies names them: %s", count(ungrouped, "component")))
	}
	return looks
}

// groupOf is the number of the group that a name stands in, "" for none, several numbers for several.
func groupOf(m *manifest.Manifest, name string) string {
	var numbers []string
	for i, group := range m.Groups {
		if slices.ContainsFunc(group, func(e manifest.Entry) bool { return e.Name == name }) {
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	return strings.Join(numbers, ", ")
}
