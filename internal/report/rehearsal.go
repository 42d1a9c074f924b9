package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Rehearsal is what a release is predicted to be. Its field names are a contract; spans are in seconds.
type Rehearsal struct {
	Product     string      `json:"product"`
	Version     string      `json:"version"`
	MaxParallel int         `json:"max_parallel"`
	Began       time.Time   `json:"began"` // what all times assume
	Low         int64       `json:"low"`   // the run takes at least that, and at most High, with a chance of 80 %
	Likely      int64       `json:"likely"`
	High        int64       `json:"high"`
	WhatIf      bool        `json:"what_if"` // something was asked to go wrong: Low, Likely and High are without it
	Started     int         `json:"started"` // pipelines that the simulated CircleCI saw, in all sessions
	Twice       []string    `json:"twice"`   // those of them that must not both exist: none, or gio is wrong
	Sessions    []Rehearsed `json:"sessions"`
}

// Rehearsed is one session: what one `gio release` does. Another follows where the one before it did not finish.
type Rehearsed struct {
	Began      time.Time       `json:"began"`
	Ended      time.Time       `json:"ended"`
	Exit       int             `json:"exit"`
	Error      *Error          `json:"error,omitempty"`
	Killed     *Killed         `json:"killed,omitempty"` // gio was killed then
	Finished   bool            `json:"finished"`         // the product is released
	Recorded   []string        `json:"recorded"`         // component@version whose success the release repository then holds
	Pipelines  []RehearsedStep `json:"pipelines"`        // of the plan, in its order
	exitCalled string
}

// RehearsedStep is what becomes of one component in a session.
type RehearsedStep struct {
	Wave      int        `json:"wave"`
	Component string     `json:"component"`
	Version   string     `json:"version"`
	Status    run.Status `json:"status"`
	Start     time.Time  `json:"start,omitzero"` // of what an earlier session started, the beginning of this one; zero when it did not run
	End       time.Time  `json:"end,omitzero"`
	Took      int64      `json:"took"`
	Source    string     `json:"source"` // of how long it takes
	Critical  bool       `json:"critical"`
}

// NewRehearsed is a session that began then and ended now with this state and error. Source says where the duration of a
// component comes from.
func NewRehearsed(p *plan.Plan, s *run.State, began, now time.Time, err error, source func(component string) string) Rehearsed {
	kind := fault.KindOf(err)
	r := Rehearsed{
		Began: began, Ended: now, Exit: int(kind), exitCalled: kind.String(), Error: NewError(err),
		Finished: s.Finished, Recorded: []string{}, Pipelines: []RehearsedStep{},
	}
	for i, w := range p.Waves {
		for _, planned := range w.Steps {
			st := s.Step(run.StepID(planned.ID()))
			if st.Recorded {
				r.Recorded = append(r.Recorded, planned.ID())
			}
			row := RehearsedStep{Wave: i + 1, Component: planned.Component, Version: planned.Version, Status: st.Status, Source: source(planned.Component)}
			if end := orTime(st.EndedAt, now); !st.StartedAt.IsZero() && end.After(began) {
				row.Start, row.End = later(st.StartedAt, began), end
				row.Took = seconds(row.End.Sub(row.Start))
			}
			r.Pipelines = append(r.Pipelines, row)
		}
	}
	r.markCritical()
	return r
}

// Killed is a moment of a component at which gio is killed: "intent", it is written that the pipeline will be triggered, and
// nothing was sent; "sent", CircleCI has the request, and gio not its answer; "running", it is written which pipeline it is;
// "ended", it is written how that ended.
type Killed struct {
	Component string `json:"component"`
	At        string `json:"at"`
}

func (k Killed) String() string {
	when := map[string]string{
		"intent": "just before it triggers %s", "sent": "before it knows CircleCI's answer to its trigger of %s",
		"running": "just after it has triggered %s", "ended": "just after it has noted the end of %s",
	}[k.At]
	return fmt.Sprintf(when, k.Component)
}

// Die tells of a session that gio was killed, instead of how it ended.
func (r *Rehearsed) Die(k Killed) {
	r.Exit, r.exitCalled, r.Error, r.Killed = killed, "killed", nil, &k
}

// killed is what a shell says of a program that SIGKILL has ended.
const killed = 137

// markCritical goes back from what ends last: before it stands what had its slot, else what its wave waited for.
func (r *Rehearsed) markCritical() {
	at := lastOf(r.Pipelines, func(RehearsedStep) bool { return true })
	for at >= 0 {
		r.Pipelines[at].Critical = true
		next := r.Pipelines[at]
		before := lastOf(r.Pipelines, func(p RehearsedStep) bool { return p.Wave == next.Wave && !p.Critical && !p.End.After(next.Start) })
		for wave := next.Wave - 1; before < 0 && wave > 0; wave-- {
			before = lastOf(r.Pipelines, func(p RehearsedStep) bool { return p.Wave == wave })
		}
		at = before
	}
}

// lastOf is the index of the pipeline that ends last among those of a kind, -1 where there is none.
func lastOf(all []RehearsedStep, of func(RehearsedStep) bool) int {
	last := -1
	for i, p := range all {
		if !p.Start.IsZero() && of(p) && (last < 0 || p.End.After(all[last].End)) {
			last = i
		}
	}
	return last
}

// RehearsalTable writes a rehearsal for a person: aligned where columns is not 0, separated by tabs elsewhere. Starts and ends count
// from the start of the session.
func RehearsalTable(w io.Writer, r Rehearsal, columns int) error {
	for i, session := range r.Sessions {
		if i == 0 {
			n := len(session.Pipelines)
			fmt.Fprintf(w, "%s %s, rehearsed: %s, at most %s of a wave at once\n", clean(r.Product), clean(r.Version), count(n, "component"), count(r.MaxParallel, "pipeline"))
		}
		if i > 0 {
			fmt.Fprint(w, "\nthe same command again, at once:\n")
		}
		if err := session.table(w, columns); err != nil {
			return err
		}
		for _, line := range session.tell(r) {
			fmt.Fprintln(w, clean(line))
		}
	}
	if r.WhatIf {
		fmt.Fprintln(w, r.started())
	}
	_, err := fmt.Fprintln(w, r.finish())
	return err
}

// started is what CircleCI saw of all that.
func (r Rehearsal) started() string {
	twice := "none twice"
	if len(r.Twice) > 0 {
		twice = "twice: " + strings.Join(r.Twice, "; ")
	}
	return fmt.Sprintf("CircleCI saw %s for %s, %s", count(r.Started, "pipeline"), count(len(r.Sessions[0].Pipelines), "component"), twice)
}

// finish says when the run ends.
func (r Rehearsal) finish() string {
	at := func(s int64) string { return r.Began.Add(time.Duration(s) * time.Second).Local().Format("15:04") }
	long := func(s int64) string {
		d := time.Duration(s) * time.Second
		if d < 10*time.Minute { // its minutes alone would be too rough
			return Duration(d.Round(10 * time.Second))
		}
		return rough(d)
	}
	text := fmt.Sprintf("likely to take %s, with a chance of 80 %% between %s and %s: begun now, it ends about %s (%s to %s)",
		long(r.Likely), long(r.Low), long(r.High), at(r.Likely), at(r.Low), at(r.High))
	if r.WhatIf {
		return "without what was asked to go wrong: " + text
	}
	return text
}

// path is the critical path, in the order of time.
func (r Rehearsed) path() []string {
	critical := slices.DeleteFunc(slices.Clone(r.Pipelines), func(p RehearsedStep) bool { return !p.Critical })
	slices.SortStableFunc(critical, func(a, b RehearsedStep) int { return a.Start.Compare(b.Start) })
	var names []string
	for _, p := range critical {
		names = append(names, p.Component)
	}
	return names
}

func (r Rehearsed) table(w io.Writer, columns int) error {
	if columns == 0 {
		return r.rows(w)
	}
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	_ = r.rows(tw)
	_ = tw.Flush() // a string takes everything
	for line := range strings.Lines(b.String()) {
		line = row{{strings.TrimSuffix(line, "\n"), plain}}.render(columns, false)
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func (r Rehearsed) rows(w io.Writer) error {
	if _, err := fmt.Fprintln(w, "WAVE\tCOMPONENT\tVERSION\tSTART\tEND\tTAKES\tENDED\tCRIT\tTAKES FROM"); err != nil {
		return err
	}
	for _, p := range r.Pipelines {
		start, end, took, critical := "-", "-", "-", "-"
		if !p.Start.IsZero() {
			start, end = "+"+Duration(p.Start.Sub(r.Began)), "+"+Duration(p.End.Sub(r.Began))
			took = Duration(time.Duration(p.Took) * time.Second)
		}
		if p.Critical {
			critical = "*"
		}
		if _, err := fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			p.Wave, clean(p.Component), clean(p.Version), start, end, took, p.Status, critical, clean(p.Source)); err != nil {
			return err
		}
	}
	return nil
}

// tell says what a session comes to beside its table.
func (r Rehearsed) tell(of Rehearsal) []string {
	var open, watched, sought, done []string
	for _, p := range r.Pipelines {
		switch p.Status {
		case run.Intended:
			sought = append(sought, p.Component)
		case run.Running, run.OnHold:
			watched = append(watched, p.Component)
		case run.HasSucceeded:
			done = append(done, p.Component+"@"+p.Version)
		default:
			open = append(open, p.Component)
		}
	}
	var lines []string
	if path := r.path(); len(path) > 0 {
		lines = append(lines, "critical path: "+strings.Join(path, ", "))
	}
	switch {
	case r.Killed != nil:
		lines = append(lines, fmt.Sprintf("gio is killed after %s, %s", Duration(r.Ended.Sub(r.Began)), r.Killed))
	case r.Finished:
		lines = append(lines, fmt.Sprintf("%s %s is released after %s, exit 0", of.Product, of.Version, Duration(r.Ended.Sub(r.Began))))
	case r.Error == nil:
		lines = append(lines, fmt.Sprintf("ends after %s, exit 0; %s %s is not finished", Duration(r.Ended.Sub(r.Began)), of.Product, of.Version))
	default:
		lines = append(lines, fmt.Sprintf("ends after %s with exit %d (%s): %s", Duration(r.Ended.Sub(r.Began)), r.Exit, r.exitCalled, r.Error.Message))
	}
	if len(open)+len(watched)+len(sought) == 0 {
		return lines
	}
	if r.Killed != nil && len(done) > 0 {
		lines = append(lines, "the journal keeps what has succeeded: "+some(done))
	} else {
		lines = append(lines, "would be recorded: "+cmp.Or(some(r.Recorded), "nothing"))
	}
	if len(sought) > 0 {
		lines = append(lines, "the next `gio release` would look on CircleCI for, and watch or start: "+some(sought))
	}
	if len(watched) > 0 {
		lines = append(lines, "the next `gio release` would find and watch: "+some(watched))
	}
	if len(open) > 0 {
		lines = append(lines, "the next `gio release` would start: "+some(open))
	}
	return lines
}

// some names the first of many: the table has them all.
func some(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

func seconds(d time.Duration) int64 { return int64(d.Round(time.Second).Seconds()) }

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func orTime(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

// Tell puts a forecast into a rehearsal.
func (r *Rehearsal) Tell(f Forecast) {
	r.Low, r.Likely, r.High = seconds(f.Low), seconds(f.Likely), seconds(f.High)
}
