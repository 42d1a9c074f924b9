package operate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// NewProduct describes what a new release repository is to release, as the flags of gio init do.
type NewProduct struct {
	Dir        string   // of the release repository
	Name       string   // "" is the directory's
	Version    string   // X.Y.Z-SNAPSHOT
	SCMHTTPURL string   // "" is found, see NewManifest
	FromOrg    string   // organization on GitHub whose components are added
	Components []string // NAME or NAME=VERSION
	Groups     []string // the same, several separated by commas
}

// DescribesManifest reports whether anything but the version describes release.json.
func (o NewProduct) DescribesManifest() bool {
	return o.Name+o.SCMHTTPURL+o.FromOrg != "" || len(o.Components)+len(o.Groups) > 0
}

// Check returns a fault (kind Usage) where the description makes no release.json.
func (o NewProduct) Check() error {
	_, err := o.manifest()
	return err
}

func initUsage(format string, args ...any) *fault.Fault {
	return fault.New(fault.Usage, "usage", format, args...).Hint("`gio init --help` shows how it is used")
}

// manifest makes the release.json that is described, without what GitHub knows.
func (o NewProduct) manifest() (newManifest, error) {
	m := newManifest{Name: cmp.Or(o.Name, filepath.Base(o.Dir)), Version: o.Version, SCMHTTPURL: o.SCMHTTPURL, Components: []newComponent{}, Groups: [][]string{}}
	if _, err := manifest.ParseVersion(m.Version); err != nil || !strings.HasSuffix(m.Version, "-SNAPSHOT") {
		return m, initUsage("--version %q is not X.Y.Z-SNAPSHOT", m.Version)
	}
	for _, list := range o.Groups {
		var group []string
		for value := range strings.SplitSeq(list, ",") {
			name, err := m.addFlag("--group", value)
			if err != nil {
				return m, err
			}
			group = append(group, name)
		}
		m.Groups = append(m.Groups, group)
	}
	for _, value := range o.Components {
		if _, err := m.addFlag("--component", value); err != nil {
			return m, err
		}
	}
	return m, nil
}

// NewManifest makes the content of a release.json that can be released, with the components that GitHub knows of FromOrg.
// scmHttpUrl, where it is not given, is that of FromOrg, of GH_ORG, or of the remote of a checkout in Dir. The setup must have
// the workspace of FromOrg.
func NewManifest(ctx context.Context, s Setup, o NewProduct) ([]byte, error) {
	m, err := o.manifest()
	if err != nil {
		return nil, err
	}
	if o.FromOrg != "" {
		if err := s.survey(ctx, &m, o.FromOrg); err != nil {
			return nil, err
		}
	}
	if m.SCMHTTPURL == "" {
		m.SCMHTTPURL = workspace.ScmURL(ctx, s.Options(), o.FromOrg, o.Dir)
	}
	m.groupTheRest()
	content := m.bytes()
	parsed, err := manifest.Parse(workspace.ManifestName, content)
	if err != nil {
		return nil, err
	}
	warnings, err := parsed.Check()
	s.warn(warnings...)
	if m.SCMHTTPURL == "" {
		s.warn("it is not known where the component repositories are: write scmHttpUrl into release.json (https://github.com/ORG)")
	}
	return content, err
}

// survey adds the components that GitHub knows of an organization.
func (s Setup) survey(ctx context.Context, m *newManifest, org string) error {
	gh, err := s.componentHub()
	if err != nil {
		return err
	}
	found, err := prepare.Survey(ctx, prepare.Organization{Name: org, GitHub: gh, NoGitHub: noGitHub})
	if err != nil {
		return err
	}
	for _, reason := range found.Skipped {
		s.tell("left out: %s", reason)
	}
	for _, c := range m.Components {
		if !slices.ContainsFunc(found.Components, func(s prepare.Setting) bool { return s.Component == c.Name }) {
			s.warn(c.Name + " was not found as a component in " + org + ", but is written nevertheless")
		}
	}
	for _, f := range found.Components {
		m.add(f.Component, f.Version)
	}
	s.tell("components found in %s: %d", org, len(found.Components))
	return nil
}

// newManifest is a release.json with its keys in the usual order.
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

// addFlag adds a component by the value of a flag: NAME or NAME=VERSION.
func (m *newManifest) addFlag(flag, value string) (name string, err error) {
	name, version, given := strings.Cut(strings.TrimSpace(value), "=")
	if name == "" || given && version == "" {
		return "", initUsage("%s: %q is not NAME or NAME=VERSION", flag, value)
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

// groupTheRest makes one more group of the components that are in none.
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
	_ = enc.Encode(m) // strings and lists can always be encoded
	return b.Bytes()
}
