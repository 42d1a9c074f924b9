package report

import (
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// Limits for the message of a run: characters of a section (by Slack's Block Kit), components listed one by one, and how many
// of them have a button.
const (
	slackSection = 3000
	slackListed  = 20
	slackButtons = 10
)

// SlackMoment is what the state does not say about a run.
type SlackMoment struct {
	Continued bool  // an earlier session began it
	Over      bool  // the session has ended
	Err       error // how it ended; nil is success
}

// SlackRun makes the message about a run: its blocks and, for where those are not shown, its text. Neither contains markup,
// whatever the names of the components.
func SlackRun(s *run.State, m SlackMoment) (text string, blocks any) {
	heading := slackHeading(s, m)
	lines := append([]string{tally(s)}, slackAttention(s)...)
	if m.Over && m.Err != nil {
		lines = append(lines, slackNext(m.Err)...)
	}
	where := "branch " + s.Header.Branch
	if s.Driver.Login != "" {
		where += ", driven by " + s.Driver.Login
	}
	list := []slackBlock{
		{Type: "header", Text: slackVerbatim(slackHeader, heading)},
		{Type: "section", Text: slackVerbatim(slackSection, strings.Join(lines, "\n"))},
		{Type: "context", Elements: []any{slackVerbatim(slackField, where)}},
	}
	if buttons := slackRunButtons(s); len(buttons) > 0 {
		list = append(list, slackBlock{Type: "actions", Elements: buttons})
	}
	return slackEscape(heading + " (" + tally(s) + ")"), list
}

// SlackFailure makes the message about an event of type Failed or Unknown, with the state after it. It omits what the job
// printed, which may contain anything.
func SlackFailure(e run.Event, s *run.State) (text string, blocks any) {
	var names []string
	for _, id := range e.Steps {
		names = append(names, id.Component()+" "+id.Version())
	}
	word, then := "failed", ""
	if e.Type == run.Unknown {
		word, then = "needs an answer", "\ngio does not know whether its pipeline was started: look at CircleCI, then run `gio resolve`"
		if e.Code == run.WrongPoms {
			then = "\nit is released, and nothing builds on it until somebody runs `gio resolve`"
		}
	}
	if s.Header.Kind == run.DryRun {
		word += " (dry run)"
	}
	heading := strings.Join(names, ", ") + " " + word
	why := reason(run.Step{Workflow: e.Workflow, Job: e.Job, Reason: e.Reason})
	list := []slackBlock{{Type: "section", Text: slackVerbatim(slackSection, heading+"\n"+why+then)}}
	if button, ok := slackButton("Open on CircleCI", e.URL); ok {
		list = append(list, slackBlock{Type: "actions", Elements: []any{button}})
	}
	return slackEscape(heading + ": " + why), list
}

func slackHeading(s *run.State, m SlackMoment) string {
	name := s.Header.Product + " " + s.Header.Version
	if s.Header.Kind == run.DryRun {
		name += " (dry run)"
	}
	switch {
	case m.Over && m.Err != nil:
		return name + ": " + fault.KindOf(m.Err).String()
	case m.Over && s.Header.Kind == run.DryRun:
		return name + ": all pipelines succeeded"
	case m.Over && s.Finished:
		return name + " is released"
	case m.Over:
		return name + " is not finished: components were left out"
	case m.Continued:
		return name + ": release continued" + slackWave(s)
	}
	return name + ": release runs" + slackWave(s)
}

// slackWave names the wave under way, "" when none is.
func slackWave(s *run.State) string {
	for _, st := range s.Steps() {
		if wave, of := s.Wave(st.ID); of > 0 && st.Open() {
			return fmt.Sprintf(", %s %d of %d", layer(s.Plan), wave, of)
		}
	}
	return ""
}

// attention lists the steps that need a person's attention.
func attention(s *run.State) []run.Step {
	var list []run.Step
	for _, status := range []run.Status{run.HasFailed, run.IsUnknown, run.OnHold} {
		list = append(list, s.With(status)...)
	}
	return list
}

func slackAttention(s *run.State) []string {
	var lines []string
	all := attention(s)
	for i, st := range all {
		if i == slackListed {
			return append(lines, fmt.Sprintf("and %d more", len(all)-i))
		}
		word := string(st.Status)
		if st.Status == run.OnHold {
			word = "waits for an approval"
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s  %s", st.ID.Component(), st.ID.Version(), word, reason(st)))
	}
	return lines
}

// slackNext says what ended the session and what to do about it.
func slackNext(err error) []string {
	e := NewError(err)
	return append([]string{"", strings.Join(strings.Fields(e.Message), " ")}, e.Hints...)
}

// slackRunButtons lead to the job in which gio runs and to the steps that need attention.
func slackRunButtons(s *run.State) []any {
	var buttons []any
	if button, ok := slackButton("gio's job", s.Driver.Job); ok {
		buttons = append(buttons, button)
	}
	for _, st := range attention(s) {
		if button, ok := slackButton(st.ID.Component(), st.URL); ok && len(buttons) <= slackButtons {
			buttons = append(buttons, button)
		}
	}
	return buttons
}

func slackButton(label, address string) (slackBlock, bool) {
	address = slackLink(address)
	return slackBlock{Type: "button", Text: slackVerbatim(slackLabel, label), URL: address}, address != ""
}

// slackVerbatim makes a text of at most most characters in which Slack reads no markup.
func slackVerbatim(most int, text string) *slackText {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimRight(clean(line), " "))
	}
	runes := []rune(strings.Join(lines, "\n"))
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return &slackText{Type: "plain_text", Text: string(runes)}
}

// slackEscape keeps Slack from reading mentions and links into a message's text
// (https://docs.slack.dev/messaging/formatting-message-text#escaping).
func slackEscape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(clean(text))
}
