package report

import (
	"fmt"
	"io"
	"slices"
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
	Notes    []string         `json:"notes,omitempty"`    // what was considered and not done, and why
	Warnings []string         `json:"warnings,omitempty"` // problems that release.json had before and still has, and what is suspicious now
	Commit   string           `json:"commit,omitempty"`   // the pushed commit
}

// PreparedChange is one part of an edit. Component is "" for the product; from and to are versions, "" where there is none.
type PreparedChange struct {
	Action    prepare.Action `json:"action"`
	Component string         `json:"component,omitempty"`
	From      string         `json:"from,omitempty"`
	To        string         `json:"to,omitempty"`
	Why       string         `json:"why,omitempty"`      // where the version comes from
	Since     string         `json:"since,omitempty"`    // that the component gets, too; "none" where it loses it
	Subjects  []string       `json:"subjects,omitempty"` // of the newest unreleased commits, the newest first
}

// NewPrepared is an edit that ended with err; commit is "" where nothing was pushed.
func NewPrepared(e *prepare.Edit, branch, commit string, err error) Prepared {
	p := Prepared{
		Product: e.After.Name, Version: e.After.Version, Branch: branch, Exit: int(fault.KindOf(err)), Error: NewError(err),
		Changes: []PreparedChange{}, Notes: e.Notes, Warnings: slices.Concat(e.Remaining, e.Warnings), Commit: commit,
	}
	for _, c := range e.Changes {
		p.Changes = append(p.Changes, PreparedChange(c))
	}
	return p
}

// PreparedTable writes what an edit of release.json does: a line for each component, and below it the newest unreleased
// commits.
func PreparedTable(w io.Writer, e *prepare.Edit) {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, c := range e.Changes {
		component := clean(c.Component)
		if c.Action == prepare.SetProduct {
			component = clean(e.After.Name)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", c.Action, component, moved(c), whyAndSince(c))
	}
	_ = tw.Flush() // a strings.Builder never fails
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		for _, subject := range e.Changes[i].Subjects {
			fmt.Fprintf(w, "        %s\n", clean(subject))
		}
	}
}

// whyAndSince is where a version comes from, and what else the component gets.
func whyAndSince(c prepare.Change) string {
	parts := []string{clean(c.Why), clean(c.Since)}
	if c.Since != "" {
		parts[1] = "since " + parts[1]
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
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
