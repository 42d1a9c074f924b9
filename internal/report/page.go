package report

import (
	"crypto/sha256"
	_ "embed" // the page and its style are files
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

//go:embed page/page.html
var pageTemplate string

//go:embed page/page.css
var pageStyle string

// StoryPage writes a story as one HTML page. The page loads nothing and needs no script, and its content security policy
// forbids both; it follows the reader's light or dark setting and prints on paper. Gio is the version of this program, now
// the time at which it makes the page.
func StoryPage(w io.Writer, s *Story, gio string, now time.Time) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"clean": clean, "short": short, "clock": clockOf, "duration": func(seconds int64) string { return Duration(time.Duration(seconds) * time.Second) },
		"count": count, "web": webLink, "why": why, "code": codeSpans,
	}).Parse(pageTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, newPage(s, gio, now))
}

// page is what the template shows.
type page struct {
	*Story
	Style  template.CSS
	Policy string
	Gio    string
	Made   time.Time

	Head      string
	KindName  string
	Tallies   []standingCount
	Attention []bar
	Timeline  []band
	Ticks     []tick
	Total     int
	Took      string // includes the time between the sessions, as in the history
	Now       int    // number of materials that this version releases
	What      string // what the run did to them
	Column    string // heading of the table's column that says so
	Layer     string // Wave, or Level by the graph
	Mark      string // what is critical
}

// band is a wave with its bars.
type band struct {
	Number, Of int
	Bars       []bar
	Gaps       []rectangle
}

// bar is a step in the timeline.
type bar struct {
	StoryStep
	Class, Symbol, Word string
	Rectangles          []rectangle
	Gaps                []rectangle
	Title               string
}

// Note says why there is no bar.
func (b bar) Note() string {
	if len(b.WaitsFor) > 0 {
		return "waits for " + strings.Join(b.WaitsFor, ", ")
	}
	return b.Reason
}

// Needed names the first of the components that a step needs, by the graph.
func (b bar) Needed() string {
	var names []string
	for _, id := range b.Needs {
		names = append(names, id.Component())
	}
	return firstNames(names)
}

// rectangle is a span's position in the timeline.
type rectangle struct {
	X, Width  string
	Y, Height int
	Class     string
}

// standingCount is the number of components in one status.
type standingCount struct {
	Class, Symbol, Word string
	N                   int
}

func newPage(s *Story, gio string, now time.Time) page {
	sum := sha256.Sum256([]byte(pageStyle))
	p := page{
		Story: s, Style: template.CSS(pageStyle), Gio: gio, Made: now, //nolint:gosec // it is ours, and embedded
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Head:   heading(s.Kind, s.Standing), KindName: kindName(s.Kind), What: materialWord(s.Kind),
	}
	end := s.LastEvent
	if s.Driven {
		end = now
	}
	p.Layer, p.Mark = s.layer(), "the last of its wave to end"
	if s.Order == plan.ByGraph {
		p.Mark = "on the way that ended last, from need to need"
	}
	first, _, _ := strings.Cut(p.What, " ")
	p.Column = upper(first)
	p.Took = lasting(end.Sub(s.Began))
	for _, m := range s.Materials {
		if m.Now {
			p.Now++
		}
	}
	p.draw()
	return p
}

// materialWord says what a run did to the materials that succeeded.
func materialWord(kind run.Kind) string {
	switch kind {
	case run.DryRun:
		return "tried in this dry run"
	case run.Staging:
		return "staged by this run"
	case run.Release, run.Trigger:
	}
	return "released by this run"
}

// kindName names a kind of run at the beginning of a sentence.
func kindName(kind run.Kind) string {
	switch kind {
	case run.DryRun:
		return "Dry run"
	case run.Staging:
		return "Staging"
	case run.Trigger:
		return "Trigger"
	case run.Release:
	}
	return "Release"
}

// draw positions every span.
func (p *page) draw() {
	var spans []Span
	begin, end := p.Began, p.LastEvent
	for _, w := range p.Waves {
		for _, st := range w.Steps {
			spans = append(spans, st.Spans...)
		}
	}
	for _, s := range spans {
		end = latest(end, s.To)
	}
	a := newAxis(begin, end, spans)
	p.Ticks = a.labels()
	tallies := map[string]*standingCount{}
	var order []string
	for _, w := range p.Waves {
		b := band{Number: w.Number, Of: p.Waves[len(p.Waves)-1].Number}
		for _, st := range w.Steps {
			one := newBar(st, a)
			b.Bars = append(b.Bars, one)
			if tallies[one.Class] == nil {
				tallies[one.Class] = &standingCount{Class: one.Class, Symbol: one.Symbol, Word: statusWord(st.Status)}
				order = append(order, one.Class)
			}
			tallies[one.Class].N++
			p.Total++
			if needsAttention(st.Step.Step) {
				p.Attention = append(p.Attention, one)
			}
		}
		p.Timeline = append(p.Timeline, b)
	}
	for _, class := range order {
		p.Tallies = append(p.Tallies, *tallies[class])
	}
}

// needsAttention tells whether a person should look at a step: it waits for one, or its success has a flaw.
func needsAttention(st run.Step) bool {
	return slices.Contains([]run.Status{run.HasFailed, run.IsUnknown, run.OnHold}, st.Status) || st.Status == run.HasSucceeded && st.Reason != ""
}

func newBar(st StoryStep, a axis) bar {
	l := badgeOf(st.Step.Step)
	b := bar{StoryStep: st, Class: string(st.Status), Symbol: l.symbol, Word: l.word}
	for _, p := range a.pieces {
		if p.idle {
			b.Gaps = append(b.Gaps, rectangle{X: coordinate(p.begin), Width: coordinate(p.size), Height: 16, Class: "gap"})
		}
	}
	for _, s := range st.Spans {
		r := rectangle{X: coordinate(a.at(s.From)), Width: coordinate(max(a.at(s.To)-a.at(s.From), 2))}
		r.Class, r.Y, r.Height = shape(s)
		b.Rectangles = append(b.Rectangles, r)
	}
	if n := len(st.Spans); n > 0 {
		b.Title = fmt.Sprintf("from %s to %s", clockOf(st.Spans[0].From), clockOf(st.Spans[n-1].To))
		if st.Spans[n-1].Open {
			b.Title = "since " + clockOf(st.Spans[0].From)
		}
	}
	return b
}

// shape makes the kinds of spans differ by more than their colour: a failure is the highest, a hold the lowest.
func shape(s Span) (class string, y, height int) {
	switch {
	case s.Failed:
		return "failed", 0, 16
	case s.Held:
		return "held", 6, 4
	case s.Open:
		return "running", 3, 10
	}
	return "succeeded", 3, 10
}

// coordinate formats a number of the drawing, with one decimal.
func coordinate(x float64) string { return fmt.Sprintf("%g", math.Round(x*10)/10) }

// why explains in a sentence what a step that needs attention waits for or failed with.
func why(st run.Step) string {
	switch {
	case st.Status == run.OnHold:
		return fmt.Sprintf("Waits for an approval in workflow %s.", st.Workflow)
	case reason(st) == "":
		return ""
	}
	return upper(strings.ReplaceAll(reason(st), "  ", ": ")) + "."
}

// codeSpan is a part of a sentence; Code marks what stood between backticks.
type codeSpan struct {
	Text string
	Code bool
}

func codeSpans(sentence string) []codeSpan {
	var all []codeSpan
	for i, text := range strings.Split(sentence, "`") {
		all = append(all, codeSpan{text, i%2 == 1})
	}
	return all
}

// statusWord is a status without CircleCI's detail.
func statusWord(s run.Status) string {
	switch s {
	case run.OnHold:
		return "on hold"
	case run.Intended:
		return "being triggered"
	case run.Pending, run.Running, run.HasSucceeded, run.HasFailed, run.IsUnknown, run.WasSkipped:
	}
	return string(s)
}

// heading says how a run stands. For kinds other than a release it names the kind.
func heading(kind run.Kind, s run.Standing) string {
	if kind != run.Release {
		return kindName(kind) + " " + strings.ToLower(standingWord(s))
	}
	return standingWord(s)
}

func standingWord(s run.Standing) string {
	switch s {
	case run.StandingReleased:
		return "Released"
	case run.StandingDriven:
		return "Under way"
	case run.StandingUnknown:
		return "Needs a decision"
	case run.StandingFailed:
		return "Failed"
	case run.StandingStopped:
		return "Stopped"
	case run.StandingPassed:
		return "Passed"
	case run.StandingPartial:
		return "Released in part"
	case run.StandingDamaged:
	}
	return string(s)
}

func clockOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
