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
	"github.com/gravitee-lab/gio/internal/rehearse"
	"github.com/gravitee-lab/gio/internal/run"
)

// Rehearsal is the forecast of a release. Its field names are a contract; durations are in seconds.
type Rehearsal struct {
	Product     string      `json:"product"`
	Version     string      `json:"version"`
	MaxParallel int         `json:"max_parallel"`
	Began       time.Time   `json:"began"` // the assumed beginning, on which all times depend
	Low         int64       `json:"low"`   // with a probability of 80 % the run takes between Low and High
	Likely      int64       `json:"likely"`
	High        int64       `json:"high"`
	ByWaves     int64       `json:"likely_by_waves,omitempty"` // of a rehearsal by the graph: what is likely by waves
	WhatIf      bool        `json:"what_if"`                   // the rehearsal contains requested failures; Low, Likely and High do not
	Started     int         `json:"started"`                   // pipelines that the simulated CircleCI has started, in all sessions
	Twice       []string    `json:"twice"`                     // those of them that must not both exist: empty, or gio has a defect
	Sessions    []Rehearsed `json:"sessions"`
}

// NewRehearsal makes the report of a rehearsal.
func NewRehearsal(r rehearse.Rehearsal) Rehearsal {
	shown := Rehearsal{
		Product: r.Plan.Product, Version: r.Plan.Version, MaxParallel: r.Parallel, Began: r.Began,
		Low: seconds(r.Forecast.Low), Likely: seconds(r.Forecast.Likely), High: seconds(r.Forecast.High),
		ByWaves: seconds(r.ByWaves.Likely), WhatIf: r.WhatIf, Started: r.Started, Twice: append([]string{}, r.Twice...), // never null
	}
	for _, s := range r.Sessions {
		session := NewRehearsed(r.Plan, s.State, s.Began, s.Ended, s.Err, s.Source)
		if s.Killed != nil {
			session.MarkKilled(Killed{Component: s.Killed.Component, At: s.Killed.At})
		}
		shown.Sessions = append(shown.Sessions, session)
	}
	return shown
}

// Rehearsed is one session: what one `gio release` does. Another one follows where it did not finish.
type Rehearsed struct {
	Began     time.Time       `json:"began"`
	Ended     time.Time       `json:"ended"`
	Exit      int             `json:"exit"`
	Error     *Error          `json:"error,omitempty"`
	Killed    *Killed         `json:"killed,omitempty"` // when gio was killed
	Finished  bool            `json:"finished"`         // the product is released
	Recorded  []string        `json:"recorded"`         // component@version whose success the release repository then holds
	Pipelines []RehearsedStep `json:"pipelines"`        // of the plan, in its order
	exitName  string
	layer     string // what the parts of the plan are called
}

// RehearsedStep is one component in a session.
type RehearsedStep struct {
	Wave      int        `json:"wave"`
	Component string     `json:"component"`
	Version   string     `json:"version"`
	Status    run.Status `json:"status"`
	Start     time.Time  `json:"start,omitzero"` // the session's beginning where an earlier session started it; zero when it did not run
	End       time.Time  `json:"end,omitzero"`
	Took      int64      `json:"took"`
	Source    string     `json:"source"` // of its duration
	Critical  bool       `json:"critical"`

	Needs []plan.StepID `json:"needs,omitempty"` // by the graph
}

// NewRehearsed is a session that began and ended at the given times, with this state and error. Source says where the
// duration of a component comes from.
func NewRehearsed(p *plan.Plan, s *run.State, began, now time.Time, err error, source func(component string) string) Rehearsed {
	kind := fault.KindOf(err)
	r := Rehearsed{
		Began: began, Ended: now, Exit: int(kind), exitName: kind.String(), Error: NewError(err),
		Finished: s.Finished, Recorded: []string{}, Pipelines: []RehearsedStep{}, layer: layer(p),
	}
	for i, w := range p.Waves {
		for _, planned := range w.Steps {
			st := s.Step(planned.ID())
			if st.Recorded {
				r.Recorded = append(r.Recorded, string(planned.ID()))
			}
			row := RehearsedStep{Wave: i + 1, Component: planned.Component, Version: planned.Version, Status: st.Status, Source: source(planned.Component)}
			if end := orTime(st.EndedAt, now); !st.StartedAt.IsZero() && end.After(began) {
				row.Start, row.End = later(st.StartedAt, began), end
				row.Took = seconds(row.End.Sub(row.Start))
			}
			for _, n := range planned.Needs {
				row.Needs = append(row.Needs, n.Step)
			}
			r.Pipelines = append(r.Pipelines, row)
		}
	}
	if p.IsByGraph() {
		r.markPath()
	} else {
		r.markCritical()
	}
	return r
}

// Killed is a moment of a component at which gio is killed.
type Killed struct {
	Component string          `json:"component"`
	At        rehearse.Moment `json:"at"`
}

// String says which crash it is, and what was going on.
func (k Killed) String() string {
	when := map[rehearse.Moment]string{
		rehearse.AtIntent: "just before it triggers %s", rehearse.AtSent: "before it knows CircleCI's answer to its trigger of %s",
		rehearse.AtRunning: "just after it has triggered %s", rehearse.AtEnded: "just after it has noted the end of %s",
	}[k.At]
	return fmt.Sprintf(when, k.Component)
}

// MarkKilled replaces the end of a session by the moment at which gio was killed.
func (r *Rehearsed) MarkKilled(k Killed) {
	r.Exit, r.exitName, r.Error, r.Killed = killedExit, "killed", nil, &k
}

// killedExit is the exit code that a shell reports for a program ended by SIGKILL.
const killedExit = 137

// markCritical goes back from the pipeline that ends last: to the one that had its slot before, else to the one that its wave
// waited for.
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

// aboutAtOnce is how soon after another pipeline one starts that has waited for it: ends are seen late.
const aboutAtOnce = time.Minute

// markPath goes back from the pipeline that ends last: to the last one that it needs, or to the one that had its slot before.
func (r *Rehearsed) markPath() {
	at := lastOf(r.Pipelines, func(RehearsedStep) bool { return true })
	for at >= 0 {
		r.Pipelines[at].Critical = true
		next := r.Pipelines[at]
		before := func(p RehearsedStep) bool { return !p.Critical && !p.End.After(next.Start) }
		needed := lastOf(r.Pipelines, func(p RehearsedStep) bool {
			return before(p) && slices.Contains(next.Needs, plan.ID(p.Component, p.Version))
		})
		since := r.Began
		if needed >= 0 {
			since = r.Pipelines[needed].End
		}
		if at = needed; next.Start.Sub(since) > aboutAtOnce {
			at = lastOf(r.Pipelines, before)
		}
	}
}

// lastOf returns the index of the pipeline that ends last among those that match, -1 where none does.
func lastOf(all []RehearsedStep, match func(RehearsedStep) bool) int {
	last := -1
	for i, p := range all {
		if !p.Start.IsZero() && match(p) && (last < 0 || p.End.After(all[last].End)) {
			last = i
		}
	}
	return last
}

// RehearsalTable writes a rehearsal: aligned on a terminal of the given columns, separated by tabs elsewhere (0). Starts and
// ends count from the beginning of the session.
func RehearsalTable(w io.Writer, r Rehearsal, columns int) error {
	for i, session := range r.Sessions {
		if i == 0 {
			n, ofWave := len(session.Pipelines), " of a wave"
			if session.layer != "wave" {
				ofWave = ""
			}
			fmt.Fprintf(w, "%s %s, rehearsed: %s, at most %s%s at once\n", clean(r.Product), clean(r.Version), count(n, "component"), count(r.MaxParallel, "pipeline"), ofWave)
		}
		if i > 0 {
			fmt.Fprint(w, "\nthe same command again, at once:\n")
		}
		if err := session.table(w, columns); err != nil {
			return err
		}
		for _, line := range session.conclusions(r) {
			fmt.Fprintln(w, clean(line))
		}
	}
	if r.WhatIf {
		fmt.Fprintln(w, r.started())
	}
	_, err := fmt.Fprintln(w, r.finish())
	return err
}

// started says how many pipelines CircleCI has started, and which of them twice.
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
		if d < 10*time.Minute { // whole minutes would be too rough
			return Duration(d.Round(10 * time.Second))
		}
		return rough(d)
	}
	text := fmt.Sprintf("likely to take %s, with a chance of 80 %% between %s and %s: begun now, it ends about %s (%s to %s)",
		long(r.Likely), long(r.Low), long(r.High), at(r.Likely), at(r.Low), at(r.High))
	if r.ByWaves > 0 {
		text += fmt.Sprintf("; by waves it would take about %s", long(r.ByWaves))
	}
	if r.WhatIf {
		return "without the requested failures: " + text
	}
	return text
}

// path returns the components of the critical path, in the order of time.
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
	_ = tw.Flush() // a strings.Builder never fails
	for line := range strings.Lines(b.String()) {
		line = row{{strings.TrimSuffix(line, "\n"), plain}}.render(columns, false)
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func (r Rehearsed) rows(w io.Writer) error {
	if _, err := fmt.Fprintln(w, strings.ToUpper(r.layer)+"\tCOMPONENT\tVERSION\tSTART\tEND\tTAKES\tENDED\tCRIT\tBASED ON"); err != nil {
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

// conclusions returns the lines below a session's table: its critical path, its end, and what the next session does.
func (r Rehearsed) conclusions(of Rehearsal) []string {
	var open, watched, uncertain, done []string
	for _, p := range r.Pipelines {
		switch p.Status {
		case run.Intended:
			uncertain = append(uncertain, p.Component)
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
		lines = append(lines, fmt.Sprintf("ends after %s with exit %d (%s): %s", Duration(r.Ended.Sub(r.Began)), r.Exit, r.exitName, r.Error.Message))
	}
	if len(open)+len(watched)+len(uncertain) == 0 {
		return lines
	}
	if r.Killed != nil && len(done) > 0 {
		lines = append(lines, "the journal keeps what has succeeded: "+firstNames(done))
	} else {
		lines = append(lines, "would be recorded: "+cmp.Or(firstNames(r.Recorded), "nothing"))
	}
	if len(uncertain) > 0 {
		lines = append(lines, "the next `gio release` would look up on CircleCI, then watch or start: "+firstNames(uncertain))
	}
	if len(watched) > 0 {
		lines = append(lines, "the next `gio release` would find and watch: "+firstNames(watched))
	}
	if len(open) > 0 {
		lines = append(lines, "the next `gio release` would start: "+firstNames(open))
	}
	return lines
}

// firstNames lists the first of many names: the table has them all.
func firstNames(names []string) string {
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
