package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// CancelledRun is the result of gio cancel, for `--json`. Its field names are a contract.
type CancelledRun struct {
	Run       string              `json:"run"`
	Exit      int                 `json:"exit"`
	Error     *Error              `json:"error,omitempty"`
	Pipelines []CancelledPipeline `json:"pipelines"` // what was to be cancelled; empty where nothing ran
	Noted     bool                `json:"noted"`     // their outcome is in the journal; else the driver writes it there
	Driver    run.DriverStatus    `json:"driver"`
}

// CancelledPipeline is the outcome of a pipeline, or of a step that has none.
type CancelledPipeline struct {
	Steps  []StepNamed `json:"steps"` // that share it
	Fate   engine.Fate `json:"fate"`
	Reason string      `json:"reason,omitempty"`
	URL    string      `json:"url,omitempty"`
}

// NewCancelledRun is the result of a cancel that ended with err.
func NewCancelledRun(name string, ended []engine.Cancelled, noted bool, d run.DriverStatus, err error) CancelledRun {
	c := CancelledRun{Run: name, Exit: int(fault.KindOf(err)), Error: NewError(err), Pipelines: []CancelledPipeline{}, Noted: noted, Driver: d}
	for _, t := range ended {
		p := CancelledPipeline{Steps: NamesOf(t.Steps), Fate: t.Fate, Reason: t.Reason, URL: orElse(t.Steps[0].Pipeline.URL, t.Steps[0].URL)}
		if t.Err != nil {
			p.Reason = t.Err.Error()
		}
		c.Pipelines = append(c.Pipelines, p)
	}
	return c
}

// CancelTable lists what is about to be cancelled, for a person at a terminal.
func CancelTable(w io.Writer, open []run.Step) error {
	var lines []cancelLine
	for _, st := range open {
		lines = append(lines, cancelLine{id: st.ID, word: string(st.Status), link: st.URL})
	}
	return writeCancelLines(w, lines, 1, false)
}

// CancelledTable writes the outcome of each pipeline that was to be cancelled: aligned on a terminal, separated by tabs
// elsewhere (0 columns).
func CancelledTable(w io.Writer, ended []engine.Cancelled, columns int, color bool) error {
	var lines []cancelLine
	for _, t := range ended {
		word, how := fateBadge(t.Fate)
		for _, st := range t.Steps {
			why := ""
			if t.Fate != engine.IsCancelled && t.Fate != engine.HadSucceeded {
				why = t.Reason
			}
			if t.Err != nil {
				why = t.Err.Error()
			}
			lines = append(lines, cancelLine{st.ID, word, how, why, orElse(st.Pipeline.URL, st.URL)})
		}
	}
	return writeCancelLines(w, lines, columns, color)
}

func fateBadge(f engine.Fate) (word string, how style) {
	switch f {
	case engine.IsCancelled:
		return "cancelled", yellow
	case engine.HadSucceeded:
		return "too late: succeeded", green
	case engine.HadFailed:
		return "too late: failed", red
	case engine.NotStarted:
		return "not started", plain
	case engine.NotKnown:
		return "NOT CANCELLED: pipeline unknown", red
	case engine.StillRuns:
	}
	return "NOT CANCELLED: still runs", red
}

type cancelLine struct {
	id        plan.StepID
	word      string
	how       style
	why, link string
}

func writeCancelLines(w io.Writer, lines []cancelLine, columns int, color bool) error {
	name, word := 0, 0
	for _, l := range lines {
		name = max(name, Width(l.id.Component())+1+Width(l.id.Version()))
		word = max(word, Width(l.word))
	}
	for _, l := range lines {
		why := clean(l.why)
		text := strings.Join([]string{clean(l.id.Component()), clean(l.id.Version()), l.word, orElse(why, "-"), orElse(clean(l.link), "-")}, "\t")
		if columns > 0 {
			if why != "" {
				why = "  " + why
			}
			text = row{
				{pad(clean(l.id.Component()+" "+l.id.Version()), name) + "  ", plain},
				{pad(l.word, word), l.how},
				{why, plain},
				{"  " + clean(l.link), faint},
			}.render(0, color)
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}
