package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/operate"
)

// Where is which product versions contain a component or a commit, for `--json`. Its field names are a contract.
type Where struct {
	Components []string         `json:"components"` // one, unless the commit's repository has several
	Version    string           `json:"version,omitempty"`
	Repository string           `json:"repository,omitempty"` // of the commit
	Commit     *ChangelogCommit `json:"commit,omitempty"`
	First      []TaggedVersion  `json:"first,omitempty"` // of each line of versions of the components the oldest with the commit
	Products   []Holding        `json:"products"`
	NotIn      []Without        `json:"not_in"`
	Idle       int              `json:"idle"`               // release branches that are left out of not_in
	Branches   []string         `json:"branches,omitempty"` // of the repository, with the commit; where no version has it
	Unread     []string         `json:"unread,omitempty"`
}

// TaggedVersion is a version of a component with its tag.
type TaggedVersion struct {
	Component string `json:"component"`
	Version   string `json:"version"`
	Tag       string `json:"tag"`
}

// Holding is a product version with a component in it.
type Holding struct {
	Product   string    `json:"product"`
	Component string    `json:"component"`
	Version   string    `json:"version"`
	Released  time.Time `json:"released,omitzero"`
	Branch    string    `json:"branch,omitempty"` // on which it is open
	// Environments are those that run the product version; nil where no gio-server was asked.
	Environments []string `json:"environments,omitzero"`
}

// Without is a release branch whose product versions do not contain what was looked for.
type Without struct {
	Branch string `json:"branch"`
	Newest string `json:"newest,omitempty"` // released version
	Open   string `json:"open,omitempty"`
}

// NewWhere makes the Where of what was found.
func NewWhere(f operate.Where) Where {
	w := Where{
		Components: f.Components, Version: f.Version, Repository: f.Repository, Products: []Holding{}, NotIn: []Without{}, Idle: f.Idle,
		Branches: f.Branches, Unread: f.Unread,
	}
	if f.Commit != nil {
		commit := newCommit(*f.Commit)
		w.Commit = &commit
	}
	for _, t := range f.First {
		w.First = append(w.First, TaggedVersion(t))
	}
	for _, h := range f.Products {
		w.Products = append(w.Products, Holding{Product: h.Product, Component: h.Component, Version: h.Version, Released: h.At, Branch: h.Branch})
	}
	for _, n := range f.NotIn {
		w.NotIn = append(w.NotIn, Without(n))
	}
	return w
}

// WhereTable writes what was found: aligned in the columns of a terminal, with tabs elsewhere (0). With environments it has a column
// of them.
func WhereTable(w io.Writer, of Where, columns int, environments bool) error {
	for _, line := range of.lead() {
		if _, err := fmt.Fprintln(w, row{{clean(line), plain}}.render(columns, false)); err != nil {
			return err
		}
	}
	if len(of.Products) > 0 {
		header, rows := of.table(columns, environments)
		if err := Table(w, header, rows, columns); err != nil {
			return err
		}
	}
	if line := of.notIn(); line != "" {
		_, err := fmt.Fprintln(w, clean(line))
		return err
	}
	return nil
}

// lead says what was found, and where a commit was released first.
func (w Where) lead() []string {
	if w.Commit == nil {
		return []string{strings.TrimSpace("component " + w.Components[0] + " " + w.Version)}
	}
	lines := []string{fmt.Sprintf("commit %s %s, %s", short(w.Commit.SHA), w.Commit.Subject, strings.Join(w.Components, ", "))}
	switch {
	case len(w.First) > 0:
		return append(lines, "first released in "+w.first())
	case len(w.Branches) > 0:
		return append(lines, fmt.Sprintf("not released yet: it is on %s of %s", strings.Join(w.Branches, ", "), w.Repository))
	}
	return append(lines, fmt.Sprintf("not released: it is on no branch of %s that releases are built from; perhaps of a pull request or a fork", w.Repository))
}

// listedLines is how many lines of versions a sentence names.
const listedLines = 5

func (w Where) first() string {
	var names []string
	for i, t := range w.First {
		if i == 0 || t.Component != w.First[i-1].Component {
			names = append(names, t.Component+" "+t.Version)
		} else {
			names = append(names, t.Version)
		}
	}
	if more := len(names) - listedLines; more > 0 {
		names = append(names[:listedLines], count(more, "later line"))
	}
	return strings.Join(names, ", ")
}

func (w Where) table(columns int, environments bool) (header []string, rows [][]string) {
	header = []string{"PRODUCT", "COMPONENT", "RELEASED"}
	if environments {
		header = append(header, "ENVIRONMENTS")
	}
	for _, h := range w.Products {
		version := h.Version
		if len(w.Components) > 1 {
			version = h.Component + " " + version
		}
		cells := []string{h.Product, version, h.released(columns)}
		if environments {
			cells = append(cells, strings.Join(h.Environments, ", "))
		}
		rows = append(rows, cells)
	}
	return header, rows
}

func (h Holding) released(columns int) string {
	switch {
	case h.Branch != "":
		return "open"
	case columns == 0:
		return h.Released.UTC().Format(time.RFC3339)
	}
	return h.Released.Local().Format(time.DateOnly)
}

func (w Where) notIn() string {
	var names []string
	for _, n := range w.NotIn {
		switch {
		case n.Newest != "":
			names = append(names, n.Branch+" (newest "+n.Newest+")")
		case n.Open != "":
			names = append(names, n.Branch+" (open "+n.Open+")")
		default:
			names = append(names, n.Branch)
		}
	}
	if w.Idle == 1 {
		names = append(names, "1 idle branch")
	} else if w.Idle > 1 {
		names = append(names, fmt.Sprintf("%d idle branches", w.Idle))
	}
	if len(names) == 0 {
		return ""
	}
	return "not in: " + strings.Join(names, ", ")
}
