package needs

import (
	"cmp"
	"slices"
)

// Declared is what a person says of two components: that one needs the other, which no file of it says; or, with a reason, that
// it does not, although a file names it.
type Declared struct {
	From, To string
	NotFor   string // why it is no need; "" where it is one
	Place    Place
}

// Refused is what was declared to be no need, and is one: it names a SNAPSHOT, which does not exist before its release.
type Refused struct {
	Declared
	Need Need
}

// declare adds what is declared between components of the run, and takes away what is declared to be none.
func (f *Found) declare(components []Component, declared []Declared) {
	versions := map[string]string{}
	for _, c := range components {
		versions[c.Name] = c.Version
	}
	for _, d := range declared {
		_, runs := versions[d.From]
		released, isReleased := versions[d.To]
		switch {
		case !runs || !isReleased || d.From == d.To:
		case d.NotFor != "":
			f.waive(d)
		default:
			f.Needs = append(f.Needs, Need{From: d.From, To: d.To, Released: released, Class: Stated, Place: d.Place})
		}
	}
	slices.SortStableFunc(f.Needs, compareNeeds)
}

func (f *Found) waive(d Declared) {
	for i, n := range f.Needs {
		switch {
		case n.From != d.From || n.To != d.To || !n.Binds():
		case n.IsSnapshot():
			f.Refused = append(f.Refused, Refused{d, n})
		default:
			f.Needs[i].Class = Waived
		}
	}
}

func compareNeeds(a, b Need) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Named, b.Named), cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line))
}
