// Package needs finds out which component of a run needs which other one, and why: from their pom.xml and package.json files.
//
// A file names artifacts and their versions. Whose an artifact is the files say, too: each names its own. A need binds when the
// component would be built with what the other one releases in the same run.
package needs

import (
	"fmt"
	"slices"
	"strings"
)

// Component is what a run releases, with its files. Its name is whatever tells it from the others of the run.
type Component struct {
	Name    string
	Version string // that the run releases, without -SNAPSHOT
	Files   []File
}

// File is a pom.xml or a package.json.
type File struct {
	Path string // in its repository
	Data []byte
}

// Need says that a component names an artifact of another one.
type Need struct {
	From, To string // names of components
	Artifact string // group:artifact, or the name of an npm package; "" of one that is declared
	Named    string // the version, with properties replaced as far as they are known; "" of one that is declared
	Released string // the version of To in this run
	Class    Class
	Place    Place
}

// Place is where a version is named.
type Place struct {
	File string
	Line int // from 1
}

// String returns FILE:LINE.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Class says how the version that a file names stands to the one that the run releases.
type Class string

// The classes.
const (
	Exact   Class = "exact"   // the same, or its SNAPSHOT
	Patch   Class = "patch"   // a lower one of the same minor line: a release job raises it
	Range   Class = "range"   // any of several, the released one among them
	Unknown Class = "unknown" // it cannot be told, as where nothing says the value of a property
	Older   Class = "older"   // of an older line
	Newer   Class = "newer"   // than what the run releases, or a range without it
	Stated  Class = "stated"  // no file names it: it is declared
	Waived  Class = "waived"  // a file names it, and it is declared to be no need
)

// Binds tells whether the component is built with what the run releases, so that this must be released before.
func (n Need) Binds() bool {
	return slices.Contains([]Class{Exact, Patch, Range, Unknown, Stated}, n.Class)
}

// IsSnapshot tells whether the version is one that is still to be released.
func (n Need) IsSnapshot() bool { return strings.HasSuffix(n.Named, snapshot) }

// Unread is a file that cannot be read, or an artifact of which two components say that it is theirs.
type Unread struct {
	Component string
	Other     string // whose artifact it is, too; "" for a file
	Err       error
}

// Found is what files say: the needs in order of From, To and version, each version that one component names of another once; the SNAPSHOTs of
// artifacts that none of the components has, each once for a component; what could not be read; and what must not be declared.
type Found struct {
	Needs     []Need
	Snapshots []Snapshot
	Unread    []Unread
	Refused   []Refused
}

// Of reads the files of components. What a component names of itself is no need. What is declared about others than these does
// not count.
func Of(components []Component, declared ...Declared) (found Found) {
	read, unread := readAll(components)
	found.Unread = unread
	for _, c := range read.components {
		for _, f := range c.files {
			for _, m := range f.mentions {
				found.Needs = append(found.Needs, read.needs(c, m)...)
			}
		}
		found.Snapshots = append(found.Snapshots, read.snapshots(c)...)
	}
	slices.SortStableFunc(found.Needs, compareNeeds)
	found.Needs = slices.CompactFunc(found.Needs, func(a, b Need) bool { return a.From == b.From && a.To == b.To && a.Named == b.Named })
	found.declare(components, declared)
	return found
}

// needs are those of a component for which a mention stands.
func (all reading) needs(c *read, m mention) (needs []Need) {
	m.group = all.resolve(c, m, m.group)
	owners := all.owners[m.artifact()]
	if len(owners) == 0 || slices.ContainsFunc(owners, func(o owner) bool { return o.read == c }) {
		return nil
	}
	named := all.resolve(c, m, m.version)
	for _, to := range owners {
		needs = append(needs, Need{
			From: c.Name, To: to.Name, Artifact: m.artifact(), Named: named, Released: to.Version,
			Class: classOf(m.file.kind, named, to.Version), Place: Place{m.file.path, m.line},
		})
	}
	return needs
}
