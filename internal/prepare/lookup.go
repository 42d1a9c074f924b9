package prepare

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

const atOnce = 16 // repositories that gio asks at the same time

// purpose is why gio looks a component up in its repository.
type purpose int

const (
	toOpen    purpose = iota // at the version on its branch
	toTake                   // a version that must be tagged
	toPropose                // opening it, where there are commits to release
)

// lookup is what gio wants to know of one repository, and what that says.
type lookup struct {
	component manifest.Component
	purpose   purpose
	version   string // toTake

	found opening
	note  string
}

// lookUp asks the repositories, all on their own.
func (d *draft) lookUp(ctx context.Context) error {
	lookups := d.lookups()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, l := range lookups {
		g.Go(func() error { return d.answer(ctx, l) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	d.openings = map[string]opening{}
	for _, l := range lookups {
		if l.found.version != "" {
			d.openings[l.component.Name] = l.found
		}
		if l.note != "" {
			d.edit.Notes = append(d.edit.Notes, l.note)
		}
	}
	return nil
}

func (d *draft) answer(ctx context.Context, l *lookup) error {
	s, err := d.source(l.component)
	if err != nil {
		return err
	}
	switch l.purpose {
	case toTake:
		return s.released(ctx, l.version)
	case toPropose:
		if l.found, l.note, err = s.unreleased(ctx); fault.KindOf(err) == fault.NotFound {
			l.note, err = fmt.Sprintf("%s was not checked: %s", l.component.Name, err), nil
		}
	case toOpen:
		l.found, err = s.open(ctx)
	}
	return err
}

// lookups are in the order of the request and then of the manifest.
func (d *draft) lookups() []*lookup {
	var lookups []*lookup
	m := d.edit.After
	for _, name := range d.Request.Open {
		c, _ := m.Component(name)
		lookups = append(lookups, &lookup{component: c, purpose: toOpen})
	}
	for _, s := range slices.Concat(d.Request.Set, d.Request.Add) {
		c, found := m.Component(s.Component)
		if !found {
			c = manifest.Component{Name: s.Component}
		}
		if version := d.version(s); version == "" {
			lookups = append(lookups, &lookup{component: c, purpose: toOpen})
		} else if !isOpen(version) {
			lookups = append(lookups, &lookup{component: c, purpose: toTake, version: version})
		}
	}
	if d.Request.Unreleased {
		lookups = append(lookups, d.proposals()...)
	}
	return lookups
}

// proposals are the released components that the request does not name, as far as a group says when to build them.
func (d *draft) proposals() []*lookup {
	var lookups []*lookup
	ungrouped, m, named := 0, d.edit.After, d.Request.names()
	for _, c := range m.Components {
		stays, _ := m.Component(c.Name)
		switch {
		case c != stays || c.Open() || !c.HasVersion() || slices.Contains(named, c.Name):
		case groupOf(m, c.Name) == "":
			ungrouped++
		default:
			lookups = append(lookups, &lookup{component: c, purpose: toPropose})
		}
	}
	if ungrouped > 0 {
		d.edit.Notes = append(d.edit.Notes, fmt.Sprintf("not checked, because no group of buildDependencies names them: %s", count(ungrouped, "component")))
	}
	return lookups
}
