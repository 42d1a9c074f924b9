package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/run"
)

// CancelTable lists for a person, on a terminal, what is about to be cancelled.
func CancelTable(w io.Writer, open []run.Step) error {
	var lines []cancelLine
	for _, st := range open {
		lines = append(lines, cancelLine{id: st.ID, word: string(st.Status), link: st.URL})
	}
	return writeCancelLines(w, lines, 1, false)
}

// CancelledTable tells what became of pipelines that were to be cancelled: aligned on a terminal, separated by tabs
// elsewhere (0 columns).
func CancelledTable(w io.Writer, ended []engine.Cancelled, columns int, color bool) error {
	var lines []cancelLine
	for _, t := range ended {
		word, how := fateLook(t.Fate)
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

func fateLook(f engine.Fate) (word string, how style) {
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
		return "NOT CANCELLED: pipeline not known", red
	case engine.StillRuns:
	}
	return "NOT CANCELLED: still runs", red
}

type cancelLine struct {
	id        run.StepID
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
