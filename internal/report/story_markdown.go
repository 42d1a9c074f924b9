package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// StoryMarkdown writes a story for a release note, an issue or a chat. Times are UTC.
func StoryMarkdown(w io.Writer, s *Story) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# %s %s: %s\n\n", inMarkdown(s.Product), inMarkdown(s.Version), strings.ToLower(heading(s.Kind, s.Standing)))
	fmt.Fprintf(&text, "Run %s from branch %s, began %s, last event %s (UTC). Critical path: %s.\n",
		inMarkdown(s.Run), inMarkdown(s.Branch), clockOf(s.Began), clockOf(s.LastEvent), Duration(time.Duration(s.Critical)*time.Second))
	for _, wave := range s.Waves {
		for _, st := range wave.Steps {
			troubleMarkdown(&text, st)
		}
	}
	if s.Note != "" {
		fmt.Fprintf(&text, "\n%s\n", inMarkdown(s.Note))
	}
	for i, step := range s.Next {
		if i == 0 {
			text.WriteString("\nWhat to do:\n\n")
		}
		fmt.Fprintf(&text, "- %s\n", commandsInMarkdown(step))
	}
	fmt.Fprintf(&text, "\n## Components\n\n%s", timelineMarkdown(s))
	fmt.Fprintf(&text, "\n## Who drove it\n\n%s", sessionsMarkdown(s))
	n := slices.IndexFunc(s.Materials, func(m Material) bool { return !m.Now })
	if n < 0 {
		n = len(s.Materials)
	}
	bomSection(&text, upper(materialWord(s.Kind)), s.Materials[:n], "")
	rest := "The rest of the product"
	if s.Kind == run.Staging {
		rest = "Not staged"
	}
	bomSection(&text, rest, s.Materials[n:], "")
	_, err := io.WriteString(w, text.String())
	return err
}

// troubleMarkdown writes about a step that failed, is unknown or on hold; nothing about others.
func troubleMarkdown(w *strings.Builder, st StoryStep) {
	if !needsAttention(st.Step.Step) {
		return
	}
	l := badgeOf(st.Step.Step)
	fmt.Fprintf(w, "\n**%s %s** %s %s: %s", l.symbol, inMarkdown(l.word), inMarkdown(st.Component), inMarkdown(st.Version), inMarkdown(failure(st.Step.Step)))
	w.WriteString("\n")
	if len(st.Output) == 0 {
		return
	}
	w.WriteString("\n")
	for _, line := range st.Output { // indented, not fenced: a line may hold any number of backticks
		w.WriteString(strings.TrimRight("    "+clean(line), " ") + "\n")
	}
}

func timelineMarkdown(s *Story) string {
	table := markdownTable{head: []string{s.layer(), "Component", "Version", "State", "Took", "Pipeline"}}
	for _, wave := range s.Waves {
		for _, st := range wave.Steps {
			l := badgeOf(st.Step.Step)
			took := ""
			if st.Seconds > 0 {
				took = Duration(time.Duration(st.Seconds) * time.Second)
			}
			state := l.symbol + " " + inMarkdown(l.word)
			if st.Critical {
				state += " (critical)"
			}
			number := ""
			if st.Pipeline.Number > 0 {
				number = markdownLink(strconv.FormatInt(st.Pipeline.Number, 10), st.Pipeline.URL)
			}
			table.rows = append(table.rows, []string{strconv.Itoa(wave.Number), inMarkdown(st.Component), inMarkdown(st.Version), state, took, number})
		}
	}
	return table.String()
}

func sessionsMarkdown(s *Story) string {
	table := markdownTable{head: []string{"Who", "From", "To", "Job", "Ended"}}
	for _, d := range s.Sessions {
		job := ""
		if d.Job != "" {
			job = markdownLink("job", d.Job)
		}
		table.rows = append(table.rows, []string{inMarkdown(orElse(d.Login, "somebody")), clockOf(d.Began), clockOf(d.Ended), job, inMarkdown(d.End)})
	}
	return table.String()
}

// layer is what the parts of the run are called, as a heading.
func (s *Story) layer() string {
	if s.Order == plan.ByGraph {
		return "Level"
	}
	return "Wave"
}
