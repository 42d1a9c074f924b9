package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/run"
)

// Overview is how all release branches stand, for `--json`. Its field names are a contract.
type Overview struct {
	Branches []BranchOverview `json:"branches"`
	Idle     []string         `json:"idle"`      // branches that were left out
	NeedsYou []string         `json:"needs_you"` // commands
	Unread   []string         `json:"unread,omitempty"`
}

// BranchOverview is how one release branch stands.
type BranchOverview struct {
	Branch      string           `json:"branch"`
	Open        string           `json:"open,omitempty"` // product version that is to be released
	ToDo        int              `json:"to_do"`          // components
	State       string           `json:"state"`          // in words
	Run         string           `json:"run,omitempty"`
	Standing    run.Standing     `json:"standing,omitempty"` // of the run
	Driver      run.DriverStatus `json:"driver,omitzero"`
	Succeeded   int              `json:"succeeded"` // components of the run
	Total       int              `json:"total"`
	SecondsLeft int64            `json:"seconds_left,omitempty"` // that the run is likely to take; while it has a driver
	Failed      []string         `json:"failed,omitempty"`       // components
	Held        []string         `json:"held,omitempty"`
	Unknown     []string         `json:"unknown,omitempty"`
	Ready       *Ready           `json:"ready,omitempty"` // of what is open and has no driver
	Last        *LastRelease     `json:"last,omitempty"`
	Error       *Error           `json:"error,omitempty"` // why it cannot be read
}

// Ready is what a check has found. Where nothing could be checked, Error says why.
type Ready struct {
	Errors   int    `json:"errors"`
	Warnings int    `json:"warnings"`
	Offline  bool   `json:"offline"` // by release.json and gio.yaml alone
	Error    *Error `json:"error,omitempty"`
}

// LastRelease is the newest version that was released from a branch.
type LastRelease struct {
	Version  string    `json:"version"`
	Released time.Time `json:"released"`
}

// NewOverview makes the Overview of what was read at that time. Needs returns the commands that a branch needs somebody to type.
func NewOverview(o operate.Overview, whole bool, now time.Time, needs func(operate.BranchOverview) []string) Overview {
	made := Overview{Branches: []BranchOverview{}, Idle: append([]string{}, o.Idle...), NeedsYou: []string{}, Unread: o.Unread}
	for _, b := range o.Branches {
		made.Branches = append(made.Branches, newBranchOverview(b, whole, now))
		made.NeedsYou = append(made.NeedsYou, needs(b)...)
	}
	return made
}

func newBranchOverview(b operate.BranchOverview, whole bool, now time.Time) BranchOverview {
	made := BranchOverview{Branch: b.Name, Open: b.Open, ToDo: b.ToDo, Error: NewError(b.Err)}
	if b.Run != nil {
		s := b.Run.State
		made.Run, made.Standing, made.Driver = s.Header.Run(), b.Run.Standing(now), b.Run.Lease.Status(now)
		made.Succeeded, made.Total = len(s.With(run.HasSucceeded)), len(s.Steps())
		made.SecondsLeft = int64(b.Left.Round(time.Second).Seconds())
		made.Failed, made.Held, made.Unknown = named(s, run.HasFailed), named(s, run.OnHold), named(s, run.IsUnknown)
	}
	if b.Ready != nil {
		made.Ready = &Ready{Errors: b.Ready.Count(check.Error), Warnings: b.Ready.Count(check.Warning), Offline: !whole}
	} else if b.Unchecked != nil {
		made.Ready = &Ready{Offline: !whole, Error: NewError(b.Unchecked)}
	}
	if b.Last.Version != "" {
		made.Last = &LastRelease{b.Last.Version, b.Last.At}
	}
	made.State = made.state()
	return made
}

// named are the components of the run's newest plan in a status.
func named(s *run.State, status run.Status) (names []string) {
	for _, st := range s.With(status) {
		if !s.Earlier(st.ID) {
			names = append(names, st.ID.Component())
		}
	}
	return names
}

// state says how the branch stands.
func (b BranchOverview) state() string {
	progress := fmt.Sprintf("%d/%d", b.Succeeded, b.Total)
	switch {
	case b.Error != nil:
		return "cannot be read: " + b.Error.Message
	case b.Open == "":
		return "nothing open"
	case b.Run == "":
		return "not begun"
	case b.Standing == run.StandingDriven:
		return b.driven(progress)
	case len(b.Unknown) > 0:
		return "unknown: " + few(b.Unknown)
	case len(b.Failed) > 0:
		return "failed: " + few(b.Failed)
	case len(b.Held) > 0:
		return "on hold: " + few(b.Held)
	case b.Standing == run.StandingPartial:
		return "some were left out, " + progress
	}
	return string(b.Standing) + ", " + progress
}

func (b BranchOverview) driven(progress string) string {
	text := orElse(b.Driver.Login, "somebody") + " drives"
	if strings.HasPrefix(b.Run, string(run.DryRun)+"/") {
		text += " a dry run"
	}
	text += ", " + progress
	if len(b.Failed) > 0 {
		text += ", failed: " + few(b.Failed)
	}
	switch left := time.Duration(b.SecondsLeft) * time.Second; {
	case len(b.Held) > 0:
		text += ", on hold: " + few(b.Held)
	case left >= time.Hour:
		text += ", ~" + rough(left) + " left"
	case left > 0:
		text += fmt.Sprintf(", ~%d min left", max(int(left.Round(time.Minute).Minutes()), 1))
	}
	return text
}

// few names the first component, and counts the others.
func few(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%s, %d more", names[0], len(names)-1)
}

func (b BranchOverview) ready() string {
	switch r := b.Ready; {
	case r == nil:
		return "-"
	case r.Error != nil:
		return "not checked"
	case r.Errors > 0:
		return count(r.Errors, "error")
	case r.Warnings > 0:
		return count(r.Warnings, "warning")
	}
	return "yes"
}

// last says which version was released last, and how long ago.
func (b BranchOverview) last(now time.Time) string {
	if b.Last == nil {
		return "-"
	}
	return b.Last.Version + " " + age(max(now.Sub(b.Last.Released), 0))
}

// age formats a time span in one unit: "12m", "40h", "12d".
func age(d time.Duration) string {
	switch {
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + "d"
}

// OverviewTable writes an overview: aligned in the columns of a terminal, separated by tabs elsewhere (0).
func OverviewTable(w io.Writer, o Overview, columns int, now time.Time) error {
	var rows [][]string
	for _, b := range o.Branches {
		rows = append(rows, []string{b.Branch, b.Open, strconv.Itoa(b.ToDo), b.State, b.ready(), b.last(now)})
	}
	if len(rows) > 0 {
		if err := Table(w, []string{"BRANCH", "OPEN", "TO DO", "STATE", "READY", "LAST"}, rows, columns); err != nil {
			return err
		}
	}
	var lines []string
	for _, command := range o.NeedsYou {
		lines = append(lines, "needs you: `"+command+"`")
	}
	if n := len(o.Idle); n == 1 {
		lines = append(lines, "1 idle branch: --all")
	} else if n > 1 {
		lines = append(lines, fmt.Sprintf("%d idle branches: --all", n))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, clean(line)); err != nil {
			return err
		}
	}
	return nil
}
