package prepare

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/manifest"
)

const atOnce = 8 // repositories that are asked at the same time

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
		l.found, l.note, err = s.unreleased(ctx)
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
	for _, c := range m.Components {
		if w.asked.Unreleased && !c.Open() && !slices.Contains(named, c.Name) && groupOf(m, c.Name) != "" {
			looks = append(looks, &look{component: c, proposed: true})
		}
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
