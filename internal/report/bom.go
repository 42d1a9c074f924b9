package report

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// BOM is the bill of materials of a product version: what release.json says, and what the version's run adds to it.
type BOM struct {
	Product, Version string // as release.json has them
	Open             bool   // the version is not released yet
	Commit           string // of the release repository, "" when unknown
	Time             time.Time
	Host             string       // web address of the Git host: "https://github.com"
	Groups           [][]Material // as in buildDependencies, the empty ones too
	Others           []Material   // in no group: released long ago
}

// Material is one component of a product version. Unknown fields are zero.
type Material struct {
	Name       string `json:"name"`
	Version    string `json:"version"`            // as release.json has it
	Now        bool   `json:"now"`                // this version of the product releases it, or has released it
	Since      string `json:"since,omitempty"`    // the product version that it was released with
	Repository string `json:"-"`                  // org/name
	Commit     string `json:"commit,omitempty"`   // on which its pipeline was started
	Pipeline   string `json:"pipeline,omitempty"` // link
}

// NewBOM reads a manifest. Repository returns org/name of a component, "" where unknown. The state is that of the run that
// released the version; with nil, commits, pipelines and the time stay unknown.
func NewBOM(m *manifest.Manifest, repository func(manifest.Component) string, s *run.State) BOM {
	b := BOM{Product: m.Name, Version: m.Version, Open: m.Open(), Host: webHost(m.SCMHTTPURL), Groups: make([][]Material, len(m.Groups))}
	if s != nil {
		b.Time = s.Time
	}
	listed := map[string]bool{}
	material := func(c manifest.Component) Material {
		listed[c.Name] = true
		part := Material{
			Name: c.Name, Version: c.Version, Since: c.Since, Repository: repository(c),
			Now: c.Open() || !m.Open() && c.Since == m.Version,
		}
		if s != nil {
			st := s.Step(plan.ID(c.Name, c.Version))
			part.Commit, part.Pipeline = st.Commit, st.Pipeline.URL
		}
		return part
	}
	for i, group := range m.Groups {
		for _, e := range group {
			if c, ok := m.Component(e.Name); ok && !listed[c.Name] {
				b.Groups[i] = append(b.Groups[i], material(c))
			}
		}
	}
	for _, c := range m.Components {
		if !listed[c.Name] {
			b.Others = append(b.Others, material(c))
		}
	}
	return b
}

// webHost returns scheme and host of an address, those of GitHub where it has none.
func webHost(address string) string {
	u, err := url.Parse(webLink(address))
	if err != nil || u.Host == "" {
		return "https://github.com"
	}
	return u.Scheme + "://" + u.Host
}

// all lists every component, group after group.
func (b BOM) all() []Material { return append(slices.Concat(b.Groups...), b.Others...) }

// now returns the groups with only what this version releases, including empty groups.
func (b BOM) now() [][]Material {
	groups := make([][]Material, 0, len(b.Groups))
	for _, group := range append(slices.Clone(b.Groups), b.Others) {
		groups = append(groups, slices.DeleteFunc(slices.Clone(group), func(m Material) bool { return !m.Now }))
	}
	if last := len(groups) - 1; len(groups[last]) == 0 { // Others, which is no group of the file
		groups = groups[:last]
	}
	return groups
}

// BOMJSON writes what this version releases in the format of the system that gio replaces: the groups of
// buildDependencies, including empty ones, with the versions as release.json has them.
func BOMJSON(w io.Writer, b BOM) error { return jsonWith(w, " ", bomOf(b)) }

// BOMYAML writes the same as YAML.
func BOMYAML(w io.Writer, b BOM) error { return YAML(w, bomOf(b)) }

func bomOf(b BOM) any {
	type entry struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	groups := make([][]entry, 0, len(b.Groups))
	for _, group := range b.now() {
		entries := []entry{}
		for _, m := range group {
			entries = append(entries, entry{m.Name, m.Version})
		}
		groups = append(groups, entries)
	}
	return map[string]any{"built_execution_plan_is": groups}
}

// BOMMarkdown writes the whole product as two tables: what this version releases, and what it leaves unchanged.
func BOMMarkdown(w io.Writer, b BOM) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# %s %s: bill of materials\n\n%s\n", inMarkdown(b.Product), inMarkdown(b.Version), b.sentence())
	before := slices.DeleteFunc(b.all(), func(m Material) bool { return m.Now })
	bomSection(&text, upper(b.what()), slices.Concat(b.now()...), b.Host)
	bomSection(&text, "Unchanged", before, b.Host)
	_, err := io.WriteString(w, text.String())
	return err
}

// sentence says how much of the product is new. It contains no text from outside.
func (b BOM) sentence() string {
	return fmt.Sprintf("%s, %d %s.", count(len(b.all()), "component"), len(slices.Concat(b.now()...)), b.what())
}

func (b BOM) what() string {
	if b.Open {
		return "to be released"
	}
	return "released with this version"
}

func bomSection(w *strings.Builder, title string, all []Material, host string) {
	if len(all) > 0 {
		fmt.Fprintf(w, "\n## %s\n\n%s", title, bomTable(all, host))
	}
}

// bomTable omits columns that would be empty.
func bomTable(all []Material, host string) string {
	since := slices.ContainsFunc(all, func(m Material) bool { return m.Since != "" && !m.Now })
	commits := slices.ContainsFunc(all, func(m Material) bool { return m.Commit != "" })
	pipelines := slices.ContainsFunc(all, func(m Material) bool { return m.Pipeline != "" })
	columns := func(name, version, with, commit, pipeline string) []string {
		cells := []string{name, version}
		for _, c := range []struct {
			shown bool
			cell  string
		}{{since, with}, {commits, commit}, {pipelines, pipeline}} {
			if c.shown {
				cells = append(cells, c.cell)
			}
		}
		return cells
	}
	table := markdownTable{head: columns("Component", "Version", "Released with", "Commit", "Pipeline")}
	for _, m := range all {
		table.rows = append(table.rows, columns(inMarkdown(m.Name), inMarkdown(m.Version), inMarkdown(m.Since),
			markdownLink(short(m.Commit), commitURL(host, m.Repository, m.Commit)), pipelineLink(m.Pipeline)))
	}
	return table.String()
}

func upper(sentence string) string {
	_, first := utf8.DecodeRuneInString(sentence)
	return strings.ToUpper(sentence[:first]) + sentence[first:]
}

func pipelineLink(address string) string {
	if address == "" {
		return ""
	}
	return markdownLink(address[strings.LastIndex(address, "/")+1:], address)
}

// short returns the beginning of a commit's hash, as Git shows it.
func short(commit string) string { return commit[:min(len(commit), 8)] }

func commitURL(host, repository, commit string) string {
	if host == "" || repository == "" || commit == "" {
		return ""
	}
	return host + "/" + repository + "/commit/" + commit
}
