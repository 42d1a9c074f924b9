package prepare

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

func (d *draft) rename() error {
	for _, r := range d.Request.Rename {
		if _, found := d.edit.After.Component(r.Component); !found {
			return d.unknown(r.Component)
		}
		edited, err := d.edit.After.Rename(r.Component, r.To)
		if err := d.change(edited, err, Change{Action: Rename, Component: r.To, From: r.Component, To: r.To}); err != nil {
			return err
		}
	}
	return nil
}

// mend leaves one entry of each component that stands twice and that the request is about, and no since that is none.
func (d *draft) mend() error {
	if err := d.mendDoubles(); err != nil {
		return err
	}
	for _, name := range d.Request.Mend {
		if !d.edit.After.BrokenSince(name) {
			continue
		}
		edited, err := d.edit.After.SetSince(name, "")
		if err := d.change(edited, err, Change{Action: Since, Component: name, To: none}); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) mendDoubles() error {
	about := append(slices.Clone(d.Request.Mend), d.Request.edited()...)
	for _, double := range d.edit.After.Doubles() {
		name := double.Stays.Name
		if !slices.Contains(about, name) || slices.Contains(d.Request.Remove, name) {
			continue
		}
		edited, err := d.edit.After.RemoveDoubles(name)
		c := Change{Action: Mend, Component: name, From: entries(double.Goes...) + " goes", Why: entries(double.Stays) + " stays"}
		if err := d.change(edited, err, c); err != nil {
			return err
		}
	}
	return nil
}

// entries names entries by their versions and positions.
func entries(of ...manifest.Component) string {
	var all []string
	for _, c := range of {
		all = append(all, fmt.Sprintf("%s (%s)", cmp.Or(c.Version, "no version"), c.At))
	}
	return strings.Join(all, ", ")
}

// openProduct sets a version of the product that is to be released.
func (d *draft) openProduct() error {
	to := d.Request.Product
	if to == "" {
		return nil
	}
	if v, err := manifest.ParseVersion(to); err != nil || v.Original() != strings.TrimSuffix(to, snapshot) {
		return fault.New(fault.Usage, "usage", "%s cannot be the product's version: it must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT", to)
	}
	if isOpen(to) {
		return d.setProduct(to)
	}
	return d.mayFinish(to)
}

// mayFinish refuses a released version of the product that is most likely a next one without -SNAPSHOT: it must be the one that
// was to be released, or have its tag.
func (d *draft) mayFinish(to string) error {
	m := d.edit.After
	if to == m.ReleaseVersion() || d.Tagged != nil && d.Tagged(to) {
		return nil
	}
	return fault.New(fault.Usage, "usage", "%s cannot be the product's version: it is not %s, and the release repository has no such tag", to, m.Version).
		Hint("--version %s makes it the next one", to+snapshot)
}

// finishProduct sets a version of the product that is released, once its components are.
func (d *draft) finishProduct() error {
	to := d.Request.Product
	if to == "" || isOpen(to) {
		return nil
	}
	d.edit.Notes = append(d.edit.Notes, fmt.Sprintf("release.json will say that %s is released; gio prepare sets no tag", to))
	return d.setProduct(to)
}

func (d *draft) setProduct(to string) error {
	m := d.edit.After
	edited, err := m.SetVersion(to)
	return d.change(edited, err, Change{Action: SetProduct, From: m.Version, To: to})
}

func (d *draft) add() error {
	for _, s := range d.Request.Add {
		found := d.openings[s.Component]
		version := cmp.Or(d.version(s), found.version)
		edited, err := d.edit.After.AddComponent(s.Component, version)
		if err == nil && s.Version == OfProduct {
			edited, err = edited.FollowProduct(s.Component)
		}
		if err := d.change(edited, err, Change{Action: Add, Component: s.Component, To: version, Why: found.why()}); err != nil {
			return err
		}
	}
	return nil
}

// regroup puts components into their groups. For a new component that is no change of its own: add has said it.
func (d *draft) regroup() error {
	before := d.edit.After
	edited, err := before.PutInGroups(d.Request.Groups...)
	if err != nil {
		return err
	}
	d.edit.After = edited
	for _, p := range d.Request.Groups {
		from, to := cmp.Or(groupOf(before, p.Name), none), groupNamed(p)
		if d.Request.adds(p.Name) || edited == before || from == to || standsSo(before, p) {
			continue
		}
		d.edit.Changes = append(d.edit.Changes, Change{Action: Regroup, Component: p.Name, From: from, To: to})
	}
	return nil
}

// standsSo tells whether a component has the position of a placement already, and no other one.
func standsSo(m *manifest.Manifest, p manifest.Placement) bool {
	if strings.Contains(groupOf(m, p.Name), ",") {
		return false
	}
	for i, group := range m.Groups {
		at := slices.IndexFunc(group, func(e manifest.Entry) bool { return e.Name == p.Name })
		if at >= 0 && (at > 0 && group[at-1].Name == p.Behind || i+1 == p.Group && at+1 == p.At) {
			return true
		}
	}
	return false
}

// groupNamed names a placement.
func groupNamed(p manifest.Placement) string {
	number := strconv.Itoa(p.Group)
	switch {
	case p.Out:
		return none
	case p.Behind != "":
		return "behind " + p.Behind
	case p.New:
		return "new, behind " + number
	case p.At > 0:
		return fmt.Sprintf("%s, position %d", number, p.At)
	}
	return number
}

// setVersions gives components the versions that the request says.
func (d *draft) setVersions() error {
	for _, s := range d.Request.Set {
		c, _ := d.edit.After.Component(s.Component)
		to := d.version(s)
		change := Change{Action: Take, Component: c.Name, From: c.Version, To: to}
		switch {
		case isOpen(to):
			change.Action = Open
		case c.Open() && c.ReleaseVersion() == to:
			change.Action = Record
		}
		edited, err := d.setVersion(s)
		if err := d.change(edited, err, change); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) setVersion(s Setting) (*manifest.Manifest, error) {
	if s.Version == OfProduct {
		return d.edit.After.FollowProduct(s.Component)
	}
	return d.edit.After.SetComponent(s.Component, s.Version)
}

// openFound opens components at the versions that their repositories say, in the order of release.json.
func (d *draft) openFound() error {
	for _, c := range d.edit.Before.Components {
		found, ok := d.openings[c.Name]
		if now, _ := d.edit.After.Component(c.Name); !ok || now.Version == found.version {
			continue
		}
		edited, err := d.edit.After.SetComponent(c.Name, found.version)
		change := Change{Action: Open, Component: c.Name, From: c.Version, To: found.version, Why: found.why(), Subjects: found.news.subjects}
		if err := d.change(edited, err, change); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) setSince() error {
	for _, s := range d.Request.Since {
		c, _ := d.edit.After.Component(s.Component)
		edited, err := d.edit.After.SetSince(s.Component, s.Version)
		if versioned := d.versioned(s.Component); versioned >= 0 && err == nil && edited != d.edit.After {
			d.edit.After, d.edit.Changes[versioned].Since = edited, cmp.Or(s.Version, none)
			continue
		}
		if err := d.change(edited, err, Change{Action: Since, Component: s.Component, From: c.Since, To: cmp.Or(s.Version, none)}); err != nil {
			return err
		}
	}
	return nil
}

// versioned is the change that gives a component its version, -1 for none.
func (d *draft) versioned(component string) int {
	return slices.IndexFunc(d.edit.Changes, func(c Change) bool {
		return c.Component == component && slices.Contains([]Action{Open, Take, Record, Add}, c.Action)
	})
}

func (d *draft) remove() error {
	for _, name := range d.Request.Remove {
		c, found := d.edit.After.Component(name)
		var err error
		edited := d.edit.After
		if groupOf(edited, name) != "" {
			edited, err = edited.RemoveFromGroups(name)
		}
		if err == nil && found {
			edited, err = edited.RemoveComponent(name)
		}
		if err := d.change(edited, err, Change{Action: Remove, Component: name, From: c.Version}); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) move() error {
	for _, m := range d.Request.Move {
		to := fmt.Sprintf("position %d", m.To.At)
		if m.To.Behind != "" {
			to = "behind " + m.To.Behind
		}
		edited, err := d.edit.After.MoveComponent(m.Component, m.To)
		if err := d.change(edited, err, Change{Action: Relocate, Component: m.Component, To: to}); err != nil {
			return err
		}
	}
	return nil
}
