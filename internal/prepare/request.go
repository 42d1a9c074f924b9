package prepare

import (
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// Request is what to edit. New names of renamed components are used in all other parts.
type Request struct {
	Product    string               // version of the product, X.Y.Z-SNAPSHOT, or X.Y.Z when all is released; "" keeps it
	Open       []string             // components to open at the version that their version file says
	Set        []Setting            // components that get a version as it is given
	Add        []Setting            // new components; without a version Make opens them like those of Open
	Since      []Setting            // components, and the product version that they were released with; "" removes it
	Groups     []manifest.Placement // of buildDependencies, for new and for other components
	Move       []Move               // components, old and new, to a position in the list, one after the other
	Rename     []Renaming
	Remove     []string // components, or names that only stand in groups
	Mend       []string // components that stand twice, or have a since that is none: one entry stays, without it
	Unreleased bool     // open every released component whose branch has commits since its version's tag
}

// Setting is a component and its version: X.Y.Z-SNAPSHOT opens it, any other one says that it is released. OfProduct takes its own
// version away.
type Setting struct{ Component, Version string }

// OfProduct stands for a version: the component has the product's.
const OfProduct = "product"

// Move is a component and its position in the list.
type Move struct {
	Component string
	To        manifest.Place
}

// Renaming is a component and its new name.
type Renaming struct{ Component, To string }

// Empty tells whether the request changes nothing.
func (r Request) Empty() bool {
	return r.Product == "" && !r.Unreleased && len(r.Mend)+len(r.edited()) == 0
}

// edited are all names that the request says something about.
func (r Request) edited() []string {
	names := append(r.names(), componentsOf(r.Since)...)
	for _, p := range r.Groups {
		names = append(names, p.Name)
	}
	for _, m := range r.Move {
		names = append(names, m.Component)
	}
	for _, n := range r.Rename {
		names = append(names, n.To)
	}
	return names
}

// names are all components that get or lose a version.
func (r Request) names() []string {
	return slices.Concat(r.Open, r.Remove, componentsOf(r.Set), componentsOf(r.Add))
}

func componentsOf(settings []Setting) []string {
	var names []string
	for _, s := range settings {
		names = append(names, s.Component)
	}
	return names
}

// existing are the names that must be components already.
func (r Request) existing() []string {
	names := slices.Clone(r.edited())
	for _, m := range r.Move {
		if m.To.Behind != "" {
			names = append(names, m.To.Behind)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return r.adds(name) || slices.Contains(r.Remove, name) })
}

func (r Request) adds(name string) bool { return slices.Contains(componentsOf(r.Add), name) }

// Words are a request as the command line says it.
type Words struct {
	Components []string // COMPONENT or COMPONENT=VERSION
	Add        []string // NEW or NEW=VERSION, each with @GROUP behind it or without
	Group      []string // NAME@GROUP
	Since      []string // NAME=VERSION, or VERSION for all that Components and Add name
	At         []string // NAME=POSITION
	After      []string // NAME=OTHER
	Rename     []string // NAME=NEW
	Remove     []string
	Version    string // of the product
	Unreleased bool
}

// Parse reads a request. What it cannot read, and a request for nothing, is a fault of kind Usage.
func Parse(w Words) (Request, error) {
	r := Request{Product: w.Version, Remove: w.Remove, Unreleased: w.Unreleased}
	for _, part := range []struct {
		words []string
		parse func(string) error
	}{
		{w.Components, r.parseComponent},
		{w.Add, r.parseAdd},
		{w.Group, r.parseGroup},
		{w.Since, r.parseSince},
		{w.At, r.parseAt},
		{w.After, r.parseAfter},
		{w.Rename, r.parseRename},
	} {
		for _, word := range part.words {
			if err := part.parse(word); err != nil {
				return Request{}, err
			}
		}
	}
	if r.Empty() || slices.Contains(r.Remove, "") {
		return Request{}, usage("gio prepare needs to be told what to prepare").Hint("%s proposes what has commits since its last release", fault.Next{Action: fault.Prepare, Args: []string{"--unreleased"}})
	}
	return r, nil
}
