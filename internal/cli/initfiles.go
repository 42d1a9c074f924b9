package cli

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const manifestName = "release.json"

// starters are the files of a new release repository that are the same in all of them.
//
//go:embed init
var starters embed.FS

// newFiles are the files that are to be written into a directory, without release.json, and the names of those that are
// there already.
func newFiles(dir string) (files []newFile, kept []string, err error) {
	for _, name := range []string{manifestName, "gio.yaml", "Makefile", circleFolder + "/config.yml"} {
		_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
		if err == nil {
			kept = append(kept, name)
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
		if name == manifestName {
			continue
		}
		content, err := starters.ReadFile("init/" + filepath.Base(name))
		if err != nil {
			return nil, nil, err
		}
		files = append(files, newFile{name, content})
	}
	return files, kept, nil
}

// writeNewFiles writes each file whole or not at all.
func writeNewFiles(dir string, files []newFile) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeInto(dir, files)
}

// newManifest is a release.json in the order and form in which people know it.
type newManifest struct {
	Name       string         `json:"name"`
	Version    string         `json:"version"`
	SCMHTTPURL string         `json:"scmHttpUrl,omitempty"`
	Components []newComponent `json:"components"`
	Groups     [][]string     `json:"buildDependencies"`
}

type newComponent struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"` // "" follows the product's
}

// take adds a component as a flag names it: NAME or NAME=VERSION.
func (m *newManifest) take(said, flag string) (name string, err error) {
	name, version, given := strings.Cut(strings.TrimSpace(said), "=")
	if name == "" || given && version == "" {
		return "", initUsage("%s: %q is not NAME or NAME=VERSION", flag, said)
	}
	if before := m.component(name); before != nil && before.Version != "" && given && before.Version != version {
		return "", initUsage("%s is given two versions, %s and %s", name, before.Version, version)
	}
	m.add(name, version)
	return name, nil
}

// add adds a component, or a version to one that has none.
func (m *newManifest) add(name, version string) {
	if c := m.component(name); c == nil {
		m.Components = append(m.Components, newComponent{name, version})
	} else if c.Version == "" {
		c.Version = version
	}
}

func (m *newManifest) component(name string) *newComponent {
	i := slices.IndexFunc(m.Components, func(c newComponent) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &m.Components[i]
}

// groupTheRest makes one more group of the components that stand in none.
func (m *newManifest) groupTheRest() {
	grouped := slices.Concat(m.Groups...)
	var rest []string
	for _, c := range m.Components {
		if !slices.Contains(grouped, c.Name) {
			rest = append(rest, c.Name)
		}
	}
	if len(rest) > 0 {
		m.Groups = append(m.Groups, rest)
	}
}

func (m *newManifest) bytes() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	_ = enc.Encode(m) // strings and lists always can be
	return b.Bytes()
}
