// Package prepare works out the edit of release.json that the next release needs, from what is asked and from
// what the component repositories say.
package prepare

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// Request is what to edit.
type Request struct {
	Product    string           // version of the product, X.Y.Z-SNAPSHOT; "" leaves it
	Open       []string         // components to open at the version that their version file says
	Set        []Setting        // components that get a version as it is given
	Add        []Setting        // new components; without a version they are opened like those of Open
	Places     []manifest.Place // in buildDependencies, of new and of other components
	Remove     []string         // components, or names that only stand in groups
	Unreleased bool             // open every released component whose branch has commits since its version's tag
}

// Empty tells whether nothing is asked.
func (r Request) Empty() bool {
	return r.Product == "" && !r.Unreleased && len(r.Open)+len(r.Set)+len(r.Add)+len(r.Places)+len(r.Remove) == 0
}

// Setting is a component and its version: X.Y.Z-SNAPSHOT opens it, any other one says that it is released.
type Setting struct{ Component, Version string }

// Action is what an edit does to a component, or to the product, in the word that people read.
type Action string

// The actions.
const (
	SetProduct Action = "set"    // the product's version
	Open       Action = "open"   // it is to be released
	Take       Action = "take"   // it was released elsewhere
	Record     Action = "record" // it was released as the version that was open
	Add        Action = "add"
	Place      Action = "group" // it has another place in the groups
	Remove     Action = "remove"
)

// Change is one part of an edit.
type Change struct {
	Action    Action
	Component string   // "" for the product
	From, To  string   // versions; "" where there is none
	Why       string   // where the version comes from
	Subjects  []string // of the newest commits that are to be released, the newest first
}

// Edit is release.json before and after, and what was done to it. Without changes both are the same.
type Edit struct {
	Before, After *manifest.Manifest
	Changes       []Change
	Notes         []string // what was looked at and not done, and why
	Remaining     []string // problems that release.json had before and still has
}

// Make works an edit out. What it gives is a file that can be released, as far as it could before: what Check or
// plan.Make say against it is the fault. GitHub is asked only about components that are to be opened, and
// about versions that are said to be released elsewhere; where it is nil such a request is the fault no-github.
// Faults are of kind Invalid ("manifest-edit", "manifest-invalid", "cannot-open", "tag-exists", "no-tag", …), of kind
// Usage for names that do not exist, and GitHub's.
func Make(ctx context.Context, gh *github.Client, m *manifest.Manifest, o plan.Options, r Request) (*Edit, error) {
	w := &work{gh: gh, options: o, asked: r, edit: &Edit{Before: m, After: m}}
	steps := []func(context.Context) error{w.checkRequest, w.product, w.find, w.add, w.place, w.versions, w.remove}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return w.edit, w.check()
}

// work is an edit in the making.
type work struct {
	gh      *github.Client
	options plan.Options
	asked   Request
	edit    *Edit
	found   map[string]opening // what the repositories say, by component
}

// change makes an edit, unless it changes nothing.
func (w *work) change(edited *manifest.Manifest, err error, c Change) error {
	if err != nil {
		return err
	}
	if edited != w.edit.After {
		w.edit.After = edited
		w.edit.Changes = append(w.edit.Changes, c)
	}
	return nil
}

// checkRequest refuses what no repository need be asked about: a component is named once, and exists unless it is
// to be added.
func (w *work) checkRequest(context.Context) error {
	m, seen := w.edit.Before, map[string]bool{}
	for _, name := range w.asked.names() {
		if seen[name] {
			return fault.New(fault.Usage, "usage", "%s is named twice", name)
		}
		seen[name] = true
	}
	for _, s := range w.asked.Add {
		if _, err := m.AddComponent(s.Component, cmp.Or(s.Version, "0.0.0")); err != nil {
			return err
		}
	}
	for _, name := range w.asked.known() {
		if _, found := m.Component(name); !found {
			return w.unknown(name)
		}
	}
	for _, name := range w.asked.Remove {
		if _, found := m.Component(name); !found && groupOf(m, name) == "" {
			return w.unknown(name)
		}
	}
	for _, s := range w.asked.Set {
		if _, err := m.SetComponent(s.Component, s.Version, ""); err != nil {
			return err
		}
	}
	return nil
}

// names are all components that get or lose a version.
func (r Request) names() []string {
	names := slices.Concat(r.Open, r.Remove)
	for _, s := range slices.Concat(r.Set, r.Add) {
		names = append(names, s.Component)
	}
	return names
}

// known are the names that must be components already.
func (r Request) known() []string {
	names := slices.Clone(r.Open)
	for _, s := range r.Set {
		names = append(names, s.Component)
	}
	for _, p := range r.Places {
		if !slices.ContainsFunc(r.Add, func(s Setting) bool { return s.Component == p.Name }) {
			names = append(names, p.Name)
		}
	}
	return names
}

func (w *work) unknown(name string) error {
	m := w.edit.Before
	f := fault.New(fault.Usage, "unknown-component", "%q is no component of %s", name, m.File)
	if near := m.Nearest(name); near != "" {
		return f.Hint("did you mean %s?", near)
	}
	return f.Hint("--add %s@GROUP adds it", name)
}

func (w *work) product(context.Context) error {
	to, m := w.asked.Product, w.edit.After
	if to == "" {
		return nil
	}
	if v, err := manifest.ParseVersion(to); err != nil || v.Original()+"-SNAPSHOT" != to {
		return fault.New(fault.Usage, "usage", "%s cannot be the product's next version: it must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT", to)
	}
	edited, err := m.SetVersion(to)
	return w.change(edited, err, Change{Action: SetProduct, From: m.Version, To: to})
}

func (w *work) add(context.Context) error {
	for _, s := range w.asked.Add {
		found := w.found[s.Component]
		s.Version = cmp.Or(s.Version, found.version)
		edited, err := w.edit.After.AddComponent(s.Component, s.Version)
		if err := w.change(edited, err, Change{Action: Add, Component: s.Component, To: s.Version, Why: found.why()}); err != nil {
			return err
		}
	}
	return nil
}

// place groups new components without a change of its own: that they are added says enough.
func (w *work) place(context.Context) error {
	before := w.edit.After
	edited, err := before.PutInGroups(w.asked.Places...)
	if err != nil {
		return err
	}
	w.edit.After = edited
	for _, p := range w.asked.Places {
		added := slices.ContainsFunc(w.asked.Add, func(s Setting) bool { return s.Component == p.Name })
		was, to := groupOf(before, p.Name), strconv.Itoa(p.Group)
		if added || was == to && !p.New {
			continue
		}
		if p.New {
			to = "new, behind " + to
		}
		w.edit.Changes = append(w.edit.Changes, Change{Action: Place, Component: p.Name, From: cmp.Or(was, "none"), To: to})
	}
	return nil
}

func (w *work) versions(context.Context) error {
	for _, s := range w.asked.Set {
		c, _ := w.edit.After.Component(s.Component)
		change, since := Change{Action: Take, Component: c.Name, From: c.Version, To: s.Version}, ""
		switch {
		case isOpen(s.Version):
			change.Action = Open
		case c.Open() && c.ReleaseVersion() == s.Version:
			change.Action, since = Record, w.edit.Before.ReleaseVersion()
		}
		edited, err := w.edit.After.SetComponent(c.Name, s.Version, since)
		if err := w.change(edited, err, change); err != nil {
			return err
		}
	}
	for _, c := range w.edit.Before.Components {
		opening, found := w.found[c.Name]
		if !found {
			continue
		}
		edited, err := w.edit.After.SetComponent(c.Name, opening.version, "")
		change := Change{Action: Open, Component: c.Name, From: c.Version, To: opening.version, Why: opening.why(), Subjects: opening.subjects}
		if err := w.change(edited, err, change); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) remove(context.Context) error {
	for _, name := range w.asked.Remove {
		c, found := w.edit.After.Component(name)
		grouped := groupOf(w.edit.After, name) != ""
		var err error
		edited := w.edit.After
		if grouped {
			edited, err = edited.RemoveFromGroups(name)
		}
		if err == nil && found {
			edited, err = edited.RemoveComponent(name)
		}
		if err := w.change(edited, err, Change{Action: Remove, Component: name, From: c.Version}); err != nil {
			return err
		}
	}
	return nil
}

// check refuses a result that is worse than what was there.
func (w *work) check() error {
	after := w.edit.After
	if len(w.edit.Changes) == 0 {
		return nil
	}
	if err := w.releasable(); err != nil {
		return err
	}
	remaining, err := after.CheckEdit(w.edit.Before)
	if err != nil {
		return err
	}
	if w.edit.Remaining = remaining; len(remaining) > 0 {
		return nil
	}
	_, err = plan.Make(after, w.options)
	return err
}

// releasable says what is most often forgotten in words of the command line: Check would tell it, too.
func (w *work) releasable() error {
	after := w.edit.After
	for _, c := range w.edit.Changes {
		is, _ := after.Component(c.Component)
		if is.Open() && groupOf(after, c.Component) == "" {
			flag := "--group"
			if c.Action == Add {
				flag = "--add"
			}
			return fault.New(fault.Invalid, "no-group", "%s is to be released (%s) but would stand in no group of buildDependencies", c.Component, is.Version).
				Hint("say which: %s %s@GROUP", flag, c.Component)
		}
	}
	if !slices.ContainsFunc(after.Components, manifest.Component.Open) || after.Open() {
		return nil
	}
	f := fault.New(fault.Invalid, "product-released", "%s: version %s of the product counts as released: there is nothing yet that components can be opened for", after.VersionAt, after.Version)
	if next, err := plan.NextVersions(after.Version, w.options.Branch, w.options.MainBranch, ""); err == nil {
		f = f.Hint("--version %s sets the next one", next.Version)
	}
	return f
}
