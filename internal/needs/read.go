package needs

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// kind is that of a file.
type kind int

const (
	maven kind = iota
	npm
)

// file is what a file says.
type file struct {
	path   string
	kind   kind
	own    coordinates
	parent *mention // of a pom.xml

	versionLine int // where it says its own version; 0 where it does not

	scopes   []scope // of properties: the project's, then those of its profiles
	mentions []mention
}

// coordinates name an artifact; of an npm package the group is "".
type coordinates struct{ group, name, version string }

func (c coordinates) artifact() string {
	if c.group == "" {
		return c.name
	}
	return c.group + ":" + c.name
}

// mention is an artifact that a file names, with a version as it is written.
type mention struct {
	coordinates
	file  *file
	line  int
	scope int // in which of the file's scopes it stands
}

// scope is where properties are defined.
type scope map[string]string

// read is a component whose files are read.
type read struct {
	Component
	files []*file
}

// reading is all that was read.
type reading struct {
	components []*read
	owners     map[string][]owner // by artifact, one of each component
}

// owner is who names an artifact as its own, and where.
type owner struct {
	*read
	file *file
}

// maxFile bounds a file, in bytes: the largest pom.xml of real products has 200 kB.
const maxFile = 4 << 20

func readAll(components []Component) (all reading, unread []Unread) {
	all.owners = map[string][]owner{}
	for _, c := range components {
		r := &read{Component: c}
		for _, f := range c.Files {
			parsed, err := parseFile(f)
			if err != nil {
				unread = append(unread, Unread{c.Name, "", err})
				continue
			}
			r.files = append(r.files, parsed)
			if other, doubled := all.own(r, parsed); doubled != nil {
				unread = append(unread, Unread{c.Name, other, doubled})
			}
		}
		all.components = append(all.components, r)
	}
	return all, unread
}

// own notes whose the artifact of a file is. One that two components have is of both.
func (all *reading) own(r *read, f *file) (other string, doubled error) {
	name := f.own.artifact()
	others := all.owners[name]
	if f.own.name == "" || slices.ContainsFunc(others, func(o owner) bool { return o.read == r }) {
		return "", nil
	}
	all.owners[name] = append(others, owner{r, f})
	if len(others) == 0 {
		return "", nil
	}
	return others[0].Name, fault.New(fault.Invalid, "artifact-of-two", "%s names %s, which is an artifact of %s, too", f.path, name, others[0].Name)
}

func parseFile(f File) (*file, error) {
	if len(f.Data) > maxFile {
		return nil, unreadable(f.Path, fmt.Errorf("it has more than %d bytes", maxFile))
	}
	parsed := &file{path: f.Path}
	var err error
	switch path.Base(f.Path) {
	case "package.json":
		parsed.kind = npm
		err = parsed.packageJSON(f.Data)
	default:
		err = parsed.pom(f.Data)
	}
	if err != nil {
		return nil, unreadable(f.Path, err)
	}
	return parsed, nil
}

func unreadable(file string, why error) error {
	return fault.New(fault.Invalid, "needs-unread", "%s cannot be read", file).Because(why)
}

// maxNesting bounds properties that refer to each other, maxVersion what they grow to, in bytes.
const (
	maxNesting = 8
	maxVersion = 200
)

// resolve replaces the properties of a text by their values, as far as they are known: what a file does not define its parent may, in
// the same repository or in that of another component.
func (all reading) resolve(r *read, m mention, text string) string {
	for range maxNesting {
		before, rest, found := cutLast(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return text
		}
		value, known := all.property(r, m, name)
		if !known || len(text)+len(value) > maxVersion {
			return text
		}
		text = before + value + after
	}
	return text
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// maxParents bounds a chain of parents, which may go in a circle.
const maxParents = 20

func (all reading) property(r *read, m mention, name string) (value string, known bool) {
	f, in := m.file, m.scope
	for range maxParents {
		if value, known := f.property(in, name); known {
			return value, true
		}
		parent, is := all.parentOf(r, f)
		if !is {
			break
		}
		r, f, in = parent.read, parent.file, 0
	}
	return "", false
}

// parentOf finds the parent of a file: in its own repository, or in that of the component whose artifact it is.
func (all reading) parentOf(r *read, f *file) (parent owner, is bool) {
	if f.parent == nil {
		return owner{}, false
	}
	owners := all.owners[f.parent.artifact()]
	if i := slices.IndexFunc(owners, func(o owner) bool { return o.read == r }); i >= 0 {
		return owners[i], owners[i].file != f
	}
	if len(owners) == 0 {
		return owner{}, false
	}
	return owners[0], true
}

// property is what a file itself says: in the scope of a profile, for the whole project, or in any profile.
func (f *file) property(in int, name string) (value string, known bool) {
	switch strings.TrimPrefix(strings.TrimPrefix(name, "project."), "pom.") {
	case "version":
		return f.own.version, f.own.version != ""
	case "groupId":
		return f.own.group, f.own.group != ""
	case "parent.groupId":
		if f.parent != nil {
			return f.parent.group, true
		}
	case "parent.version":
		if f.parent != nil {
			return f.parent.version, true
		}
	}
	if in < len(f.scopes) {
		if value, known = f.scopes[in][name]; known {
			return value, true
		}
	}
	for _, s := range f.scopes {
		if value, known = s[name]; known {
			return value, true
		}
	}
	return "", false
}
