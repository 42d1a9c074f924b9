package needs

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Wrong is a version that a file of a release must not name.
type Wrong struct {
	Artifact string // group:artifact, or the name of an npm package; "" for a file that cannot be read
	Named    string
	Place    Place
	Line     string // of the file, without the space around it
	Why      string // what is wrong with it
}

// String says it all in one line.
func (w Wrong) String() string {
	if w.Artifact == "" {
		return w.Why
	}
	return fmt.Sprintf("%s (`%s`) names %s %s: %s", w.Place, w.Line, w.Artifact, w.Named, w.Why)
}

// Verify checks the files of a component as they were released: they name no SNAPSHOT, no branch build, and of the other components that
// this run releases no version that is not released, beside those of older lines. A branch build is a version of an artifact of the same
// house whose qualifier neither the product has nor a component of the run. Versions that the files themselves do not tell are not
// checked.
func Verify(released Component, others []Component, product string) (all []Wrong) {
	own, unread := readAll([]Component{released})
	for _, u := range unread {
		all = append(all, Wrong{Why: u.Err.Error()})
	}
	rest, _ := readAll(others) // only whose artifacts they are
	v := verification{own: own, others: rest, qualifiers: []string{family(product), family(released.Version)}}
	for _, c := range others {
		v.qualifiers = append(v.qualifiers, family(c.Version))
	}
	c := own.components[0]
	for _, f := range c.files {
		v.houses = append(v.houses, house(f.kind, own.resolve(c, mention{file: f}, f.own.group), f.own.name))
	}
	for _, f := range c.files {
		for _, m := range append(f.self(), f.mentions...) {
			if w, is := v.judge(m); is && !slices.ContainsFunc(all, w.isSame) {
				w.Line = lineOf(released.Files, w.Place)
				all = append(all, w)
			}
		}
	}
	return all
}

// self is what a file says that it is, where it says its version itself.
func (f *file) self() []mention {
	if f.versionLine == 0 {
		return nil
	}
	return []mention{{coordinates: f.own, file: f, line: f.versionLine}}
}

func (w Wrong) isSame(other Wrong) bool {
	return w.Artifact == other.Artifact && w.Named == other.Named
}

// verification is what a release is held against.
type verification struct {
	own, others reading
	qualifiers  []string // families that are the product's own
	houses      []string
}

func (v verification) judge(m mention) (w Wrong, is bool) {
	c := v.own.components[0]
	m.group = v.own.resolve(c, m, m.group)
	w = Wrong{Artifact: m.artifact(), Named: v.own.resolve(c, m, m.version), Place: Place{m.file.path, m.line}}
	owners := v.others.owners[w.Artifact]
	if len(v.own.owners[w.Artifact]) > 0 { // several components may be of one build
		owners = nil
	}
	switch {
	case strings.Contains(w.Named, snapshot), timestamp.MatchString(w.Named):
		w.Why = "a SNAPSHOT"
	case v.isBranchBuild(m, w.Named, len(owners) > 0):
		w.Why = "a branch build or a pre-release"
	case len(owners) > 0 && !slices.ContainsFunc(owners, func(o owner) bool { return fits(w.Named, o.Version) }):
		w.Why = fmt.Sprintf("this run releases %s %s", owners[0].Name, owners[0].Version)
	}
	return w, w.Why != ""
}

// timestamp ends the version of a SNAPSHOT that was deployed (maven.apache.org/repositories/artifacts.html).
var timestamp = regexp.MustCompile(`-\d{8}\.\d{6}-\d+$`)

// isBranchBuild tells whether a version of an artifact of the same house, or of the run, has a qualifier of its own.
func (v verification) isBranchBuild(m mention, named string, ours bool) bool {
	if h := house(m.file.kind, m.group, m.name); !ours && (h == "" || !slices.Contains(v.houses, h)) {
		return false
	}
	f := family(named)
	return f != "" && !slices.Contains(v.qualifiers, f)
}

// fits tells whether a version may be named while another one is released: that one, one of an older line, and whatever is no version.
func fits(named, released string) bool {
	a, ok := parse(named)
	b, is := parse(released)
	return !ok || !is || a.compare(b) == 0 || ofVersion(named, released) == Older
}

// family is the qualifier of a version without the number at its end: alpha of 3.0.0-alpha.2; "" of one that has none, and of what is no version.
func family(text string) string {
	v, _ := parse(strings.TrimPrefix(text, "="))
	return strings.TrimRight(v.qualifier, ".-_0123456789")
}

// house is what the artifacts of one organization have in common: the first two parts of the group, or the scope of an npm package.
func house(k kind, group, name string) string {
	if k == npm {
		scope, _, found := strings.Cut(name, "/")
		if !found {
			return ""
		}
		return scope
	}
	parts := strings.Split(group, ".")
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// maxLine bounds what is quoted of a line, in characters.
const maxLine = 80

func lineOf(files []File, p Place) string {
	i := slices.IndexFunc(files, func(f File) bool { return f.Path == p.File })
	lines := bytes.Split(files[i].Data, []byte("\n"))
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	line := []rune(strings.TrimSpace(string(lines[p.Line-1])))
	if len(line) > maxLine {
		line = append(line[:maxLine], '…')
	}
	return string(line)
}
