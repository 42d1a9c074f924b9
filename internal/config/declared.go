package config

import (
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/needs"
)

// Needs lists, for a component, those that it needs although no file of it names them.
type Needs []needs.Declared

// NotNeeded lists, for a component, those that a file of it names and that it does not need, each with the reason.
type NotNeeded []needs.Declared

// UnmarshalYAML keeps the lines.
func (n *Needs) UnmarshalYAML(node *yaml.Node) error {
	var all map[string][]string // in which form it must be
	if err := node.Decode(&all); err != nil {
		return err
	}
	return each(node, func(from, names *yaml.Node) error {
		for _, to := range resolved(names).Content {
			d, err := declared(from, to)
			if err != nil {
				return err
			}
			*n = append(*n, d)
		}
		return nil
	})
}

// UnmarshalYAML keeps the lines.
func (n *NotNeeded) UnmarshalYAML(node *yaml.Node) error {
	var all map[string]map[string]string
	if err := node.Decode(&all); err != nil {
		return err
	}
	return each(node, func(from, reasons *yaml.Node) error {
		return each(resolved(reasons), func(to, reason *yaml.Node) error {
			d, err := declared(from, to)
			if d.NotFor = resolved(reason).Value; err == nil && d.NotFor == "" {
				err = lineError(to, "not_needed says no reason why %s does not need %s", from.Value, to.Value)
			}
			*n = append(*n, d)
			return err
		})
	})
}

func declared(from, to *yaml.Node) (needs.Declared, error) {
	d := needs.Declared{From: from.Value, To: resolved(to).Value, Place: needs.Place{Line: to.Line}}
	if d.From == d.To {
		return d, lineError(to, "%s is said to need itself", d.From)
	}
	return d, nil
}

// resolved is the node that an alias stands for.
func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// Declared is what the file says of who needs whom, with its places: by the name of the file alone, since journals keep them.
func (f File) Declared() (all []needs.Declared) {
	for _, d := range slices.Concat([]needs.Declared(f.Needs), []needs.Declared(f.NotNeeded)) {
		d.Place.File = filepath.Base(f.Path)
		all = append(all, d)
	}
	return all
}

// checkDeclared refuses what is said both ways.
func (f File) checkDeclared() error {
	for _, d := range f.NotNeeded {
		other := slices.IndexFunc(f.Needs, func(n needs.Declared) bool { return n.From == d.From && n.To == d.To })
		if other >= 0 {
			return fault.New(fault.Invalid, "config-file", "%s:%d: not_needed says that %s does not need %s, and needs in line %d that it does", f.Path, d.Place.Line, d.From, d.To, f.Needs[other].Place.Line).
				Hint("leave one of them out")
		}
	}
	return nil
}
