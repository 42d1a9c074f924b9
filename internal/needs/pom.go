package needs

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/versionfile"
)

// element is one of a pom.xml.
type element struct {
	name     string
	text     string
	line     int // of its end: a version stands in one line
	children []*element
}

// maxDepth bounds how deep elements are nested.
const maxDepth = 100

func parseXML(data []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = versionfile.Charset
	root := &element{}
	open := []*element{root}
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return root, nil
		case err != nil:
			return nil, err
		}
		inner := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if len(open) > maxDepth {
				return nil, fmt.Errorf("its elements are nested more than %d deep", maxDepth)
			}
			e := &element{name: t.Name.Local}
			inner.children = append(inner.children, e)
			open = append(open, e)
		case xml.EndElement:
			inner.text = strings.TrimSpace(inner.text)
			inner.line, _ = d.InputPos()
			open = open[:len(open)-1]
		case xml.CharData:
			inner.text += string(t)
		}
	}
}

// child is the first of a name; an empty one where there is none.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return &element{}
}

func (f *file) pom(data []byte) error {
	root, err := parseXML(data)
	if err != nil {
		return err
	}
	project := root.child("project")
	if project.name == "" {
		return errors.New("it has no element project")
	}
	if parent := project.child("parent"); parent.name != "" {
		m := f.mentioned(parent, 0)
		f.parent = &m
		f.mentions = append(f.mentions, m)
	}
	f.own = coordinates{project.child("groupId").text, project.child("artifactId").text, project.child("version").text}
	f.versionLine = project.child("version").line
	if f.parent != nil {
		f.own.group, f.own.version = cmp.Or(f.own.group, f.parent.group), cmp.Or(f.own.version, f.parent.version)
	}
	f.scopes = append(f.scopes, project.child("properties").properties())
	for _, p := range project.child("profiles").children {
		f.scopes = append(f.scopes, p.child("properties").properties())
		f.collect(p, len(f.scopes)-1)
	}
	for _, e := range project.children {
		if !slices.Contains([]string{"parent", "profiles"}, e.name) {
			f.collect(e, 0)
		}
	}
	return nil
}

func (e *element) properties() scope {
	s := scope{}
	for _, p := range e.children {
		s[p.name] = p.text
	}
	return s
}

// naming are the elements that name an artifact with a version (maven.apache.org/pom.html): artifactItem is that of the plugin that
// copies and unpacks, path that of the compiler's annotation processors.
var naming = []string{"dependency", "plugin", "extension", "path", "artifactItem"}

// collect finds the artifacts that an element names, however deep. One without a version has it from elsewhere, where it is named.
func (f *file) collect(e *element, scope int) {
	if slices.Contains(naming, e.name) {
		if m := f.mentioned(e, scope); m.name != "" && m.version != "" {
			f.mentions = append(f.mentions, m)
		}
	}
	for _, c := range e.children {
		if c.name != "exclusions" {
			f.collect(c, scope)
		}
	}
}

func (f *file) mentioned(e *element, scope int) mention {
	version := e.child("version")
	return mention{coordinates{e.child("groupId").text, e.child("artifactId").text, version.text}, f, version.line, scope}
}
