package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/prepare"
)

// Prepared is an edit of release.json, for `--json`. Its field names are a contract.
type Prepared struct {
	Product  string           `json:"product"`
	Version  string           `json:"version"` // of the product, after the edit
	Branch   string           `json:"branch"`
	Exit     int              `json:"exit"`
	Error    *Error           `json:"error,omitempty"`
	Changes  []PreparedChange `json:"changes"`
	Notes    []string         `json:"notes,omitempty"`    // what was looked at and not done, and why
	Warnings []string         `json:"warnings,omitempty"` // problems that release.json had before and still has
	Commit   string           `json:"commit,omitempty"`   // that was pushed
}

// PreparedChange is one part of an edit. Component is "" for the product; from and to are versions, "" where there is none.
type PreparedChange struct {
	Action    prepare.Action `json:"action"`
	Component string         `json:"component,omitempty"`
	From      string         `json:"from,omitempty"`
	To        string         `json:"to,omitempty"`
	Why       string         `json:"why,omitempty"`      // where the version comes from
	Subjects  []string       `json:"subjects,omitempty"` // of the newest commits that are to be released, the newest first
}

// NewPrepared is an edit that ended with err; commit is "" where nothing was pushed.
func NewPrepared(e *prepare.Edit, branch, commit string, err error) Prepared {
	p := Prepared{
		Product: e.After.Name, Version: e.After.Version, Branch: branch, Exit: int(fault.KindOf(err)), Error: NewError(err),
		Changes: []PreparedChange{}, Notes: e.Notes, Warnings: e.Remaining, Commit: commit,
	}
	for _, c := range e.Changes {
		p.Changes = append(p.Changes, PreparedChange(c))
	}
	return p
}

// PreparedTable writes what an edit of release.json does, a line for each component, and below it the newest
// commits that are to be released.
func PreparedTable(w io.Writer, e *prepare.Edit) {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, c := range e.Changes {
		component := clean(c.Component)
		if c.Action == prepare.SetProduct {
			component = clean(e.After.Name)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", c.Action, component, moved(c), clean(c.Why))
	}
	_ = tw.Flush() // a string takes everything
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		for _, subject := range e.Changes[i].Subjects {
			fmt.Fprintf(w, "        %s\n", clean(subject))
		}
	}
}

func moved(c prepare.Change) string {
	from, to := clean(c.From), clean(c.To)
	switch {
	case from == "":
		return to
	case to == "":
		return from
	}
	return from + " -> " + to
}
