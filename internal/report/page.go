package report

import (
	"crypto/sha256"
	_ "embed" // the page and its style are files
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/run"
)

//go:embed page/page.html
var pageTemplate string

//go:embed page/page.css
var pageStyle string

// StoryPage writes a story as one HTML page. It loads nothing, needs no script, and its content security policy forbids both;
// it follows the reader's light or dark setting and prints on paper. Gio is the version of this program, now when it is made.
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
	Called    string // what kind of run it is
	Tallies   []standingCount
	Attention []bar
	Timeline  []band
	Ticks     []tick
	Total     int
	Took      string // with the time between the sessions, as in the history
	Now       int    // materials that this version releases
	What      string // has become of them
	Column    string // of the table that says so
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

// rectangle is a span's place in the timeline.
type rectangle struct {
	X, Width  string
	Y, Height int
	Class     string
}

// standingCount is how many components stand in one status.
type standingCount struct {
	Class, Symbol, Word string
	N                   int
}

func newPage(s *Story, gio string, now time.Time) page {
	sum := sha256.Sum256([]byte(pageStyle))
	p := page{
		Story: s, Style: template.CSS(pageStyle), Gio: gio, Made: now, //nolint:gosec // it is ours, and embedded
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Head:   heading(s.Kind, s.Standing), Called: called(s.Kind), What: materialWord(s.Kind),
	}
	end := s.LastEvent
	if s.Driven {
		end = now
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

// materialWord is what a run has done to the materials that succeeded.
func materialWord(kind string) string {
	switch kind {
	case "dry":
		return "tried in this dry run"
	case "stage":
		return "staged by this run"
	}
	return "released by this run"
}

// called is what a kind of run is called at the beginning of a sentence.
func called(kind string) string {
	switch kind {
	case "dry":
		return "Dry run"
	case "stage":
		return "Staging"
	case "trigger":
		return "Trigger"
	}
	return "Release"
}

// draw places every span.
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
			if st.Status == run.HasFailed || st.Status == run.IsUnknown || st.Status == run.OnHold {
				p.Attention = append(p.Attention, one)
			}
		}
		p.Timeline = append(p.Timeline, b)
	}
	for _, class := range order {
		p.Tallies = append(p.Tallies, *tallies[class])
	}
}

func newBar(st StoryStep, a axis) bar {
	l := lookOf(st.Step.Step)
	b := bar{StoryStep: st, Class: string(st.Status), Symbol: l.symbol, Word: l.word}
	for _, p := range a.pieces {
		if p.idle {
			b.Gaps = append(b.Gaps, rectangle{X: place(p.begin), Width: place(p.size), Height: 16, Class: "gap"})
		}
	}
	for _, s := range st.Spans {
		r := rectangle{X: place(a.at(s.From)), Width: place(max(a.at(s.To)-a.at(s.From), 2))}
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

// shape tells the kinds of spans apart, by more than their colour: a failure is the highest, a hold the lowest.
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

// place is a number of the drawing, with one digit behind the point.
func place(x float64) string { return fmt.Sprintf("%g", math.Round(x*10)/10) }

// why is a sentence about a step that needs attention.
func why(st run.Step) string {
	switch {
	case st.Status == run.OnHold:
		return fmt.Sprintf("Waits for an approval in workflow %s.", st.Workflow)
	case reason(st) == "":
		return ""
	}
	return upper(strings.ReplaceAll(reason(st), "  ", ": ")) + "."
}

// codeSpan is a piece of a sentence; Code marks what stood between backticks.
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

// heading is how a run stands, in some words that are not taken for those of a release.
func heading(kind string, s Standing) string {
	if kind != "release" {
		return called(kind) + " " + strings.ToLower(standingWord(s))
	}
	return standingWord(s)
}

func standingWord(s Standing) string {
	switch s {
	case IsReleased:
		return "Released"
	case IsDriven:
		return "Under way"
	case AwaitsAnswer:
		return "Needs a decision"
	case HasFailed:
		return "Failed"
	case HasStopped:
		return "Stopped"
	case HasPassed:
		return "Passed"
	case IsPartial:
		return "Released in part"
	case IsDamaged:
	}
	return string(s)
}

func clockOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
