// Package versionfile reads the version of a component from the file of its build tool.
package versionfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Candidates returns the paths in a repository that may have its version, in order of precedence: the first that exists
// counts. A web interface that Maven wraps has both files, and is released by Maven.
func Candidates() []string { return []string{"pom.xml", "package.json"} }

// Of returns the version in a file, as its build tool does. For a pom.xml that is the project's version, else its
// parent's, with properties replaced (https://maven.apache.org/maven-ci-friendly.html); for a package.json its version. A
// file that has none, or cannot be read, is the fault version-file.
func Of(file string, data []byte) (version string, err error) {
	switch path.Base(file) {
	case "pom.xml":
		version, err = ofPOM(file, data)
	case "package.json":
		version, err = ofPackage(file, data)
	default:
		return "", broken(file, "is not a file with a version (%s)", strings.Join(Candidates(), ", "))
	}
	if err == nil && version == "" {
		return "", broken(file, "has no version")
	}
	return version, err
}

func broken(file, format string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "version-file", "%s "+format, append([]any{file}, args...)...)
}

func ofPackage(file string, data []byte) (string, error) {
	var content struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &content); err != nil {
		return "", broken(file, "cannot be read").Because(err)
	}
	return strings.TrimSpace(content.Version), nil
}

// project is the part of a pom.xml that determines its version.
type project struct {
	XMLName xml.Name `xml:"project"`
	Version string   `xml:"version"`
	Parent  struct {
		Version string `xml:"version"`
	} `xml:"parent"`
	Properties properties `xml:"properties"`
}

// properties are the project's own, without those of its profiles and its parent.
type properties map[string]string

// UnmarshalXML reads elements of any name.
func (p *properties) UnmarshalXML(d *xml.Decoder, _ xml.StartElement) error {
	if *p == nil {
		*p = properties{}
	}
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			var value string
			if err := d.DecodeElement(&value, &t); err != nil {
				return err
			}
			(*p)[t.Name.Local] = strings.TrimSpace(value)
		case xml.EndElement:
			return nil
		}
	}
}

func ofPOM(file string, data []byte) (string, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	dec.CharsetReader = Charset
	var p project
	if err := dec.Decode(&p); err != nil {
		return "", broken(file, "cannot be read").Because(err)
	}
	return p.resolved(file, cmp.Or(strings.TrimSpace(p.Version), strings.TrimSpace(p.Parent.Version)))
}

// Limits on properties that refer to each other, so that a crafted file ends soon.
const (
	maxNesting = 8
	maxVersion = 200 // bytes
)

var placeholder = regexp.MustCompile(`\$\{[^${}]*\}`)

// resolved replaces properties by their values.
func (p project) resolved(file, version string) (string, error) {
	for range maxNesting {
		if len(version) > maxVersion {
			return "", broken(file, "has a version of more than %d characters", maxVersion)
		}
		names := placeholder.FindAllString(version, -1)
		if len(names) == 0 {
			return version, nil
		}
		for _, name := range names {
			value, found := p.property(name[2 : len(name)-1])
			if !found {
				return "", broken(file, "has a version made of %s, which it does not define", name)
			}
			version = strings.Replace(version, name, value, 1)
		}
	}
	return "", broken(file, "has a version that refers to itself: %s", version[:min(len(version), maxVersion)])
}

// property returns the value of ${name}.
func (p project) property(name string) (value string, found bool) {
	switch name {
	case "project.parent.version", "parent.version":
		return strings.TrimSpace(p.Parent.Version), p.Parent.Version != ""
	}
	value, found = p.Properties[name]
	return value, found
}

// Charset reads ISO-8859-1 and similar encodings. Versions are ASCII, which all of them share.
func Charset(charset string, input io.Reader) (io.Reader, error) {
	if lower := strings.ToLower(charset); !strings.HasPrefix(lower, "iso-8859-") && !strings.HasPrefix(lower, "windows-125") && lower != "us-ascii" {
		return nil, fmt.Errorf("the encoding %q is unknown", charset)
	}
	data, err := io.ReadAll(input)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, b := range data {
		text.WriteRune(rune(b))
	}
	return strings.NewReader(text.String()), nil
}
