package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// Limits of Slack's Block Kit (https://docs.slack.dev/reference/block-kit/blocks): blocks of a message, fields of a section, and
// characters of a header, of a field, of the label of a button and of its address.
const (
	slackBlocks  = 50
	slackFields  = 10
	slackHeader  = 150
	slackField   = 2000
	slackLabel   = 75
	slackAddress = 3000
)

// slackBlock is a block of a message, or a button in one. Fields that a type does not have are omitted.
type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Fields   []slackText `json:"fields,omitempty"`
	Elements []any       `json:"elements,omitempty"`
	URL      string      `json:"url,omitempty"`
	Value    string      `json:"value,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// BOMSlack writes what this version releases as one message of Slack's Block Kit: on one line, or with each level indented by
// indent. A button leads to job, the link of a CircleCI job; "" omits the button.
//
// CircleCI's Slack orb passes the line to the shell's eval, some versions of it without quotes. So the texts contain only
// characters that mean nothing to a shell, the line has no backslash, and a space follows every comma, so that no word of
// it is subject to brace expansion.
func BOMSlack(w io.Writer, b BOM, job, indent string) error {
	job = slackLink(job)
	blocks := []slackBlock{
		{Type: "header", Text: slackPlain(slackHeader, "%s %s: bill of materials", b.Product, b.Version)},
		{Type: "section", Text: slackPlain(slackField, "%s", b.question(job))},
	}
	var last []slackBlock
	if job != "" {
		label := "Go to CircleCI"
		if b.Open {
			label += " to approve or cancel"
		}
		button := slackBlock{Type: "button", Text: slackPlain(slackLabel, "%s", label), URL: job, Value: "goToCircleCIJob"}
		last = []slackBlock{{Type: "divider"}, {Type: "actions", Elements: []any{button}}}
	}
	blocks = append(blocks, slackGroups(b.now(), slackBlocks-len(blocks)-len(last))...)
	message := map[string]any{"blocks": append(blocks, last...)}
	if indent != "" {
		return jsonWith(w, indent, message)
	}
	var text bytes.Buffer
	if err := jsonWith(&text, " ", message); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, strings.Join(strings.Fields(text.String()), " ")) // no text contains two spaces in a row
	return err
}

func (b BOM) question(job string) string {
	switch {
	case !b.Open:
		return b.sentence()
	case job == "":
		return b.sentence() + " Please check them."
	}
	return b.sentence() + " Please check them, then approve or cancel the job on hold."
}

// slackGroups shows the groups in at most room blocks: each under its number or, where those are too many, all components in
// one list; it counts what then still does not fit.
func slackGroups(groups [][]Material, room int) []slackBlock {
	var blocks []slackBlock
	var fields []slackText
	for i, group := range groups {
		if len(group) == 0 {
			continue
		}
		var own []slackText
		for _, m := range group {
			own = append(own, *slackPlain(slackField, "%s %s", m.Name, m.Version))
		}
		heading := slackPlain(slackField, "Group %d of %d: %s", i+1, len(groups), count(len(group), "component"))
		blocks = append(blocks, slackBlock{Type: "divider"}, slackBlock{Type: "context", Elements: []any{heading}})
		blocks, fields = append(blocks, slackSections(own)...), append(fields, own...)
	}
	if len(blocks) <= room {
		return blocks
	}
	if most := room * slackFields; len(fields) > most {
		fields = append(fields[:most-1], *slackPlain(slackField, "and %d more", len(fields)-most+1))
	}
	return slackSections(fields)
}

func slackSections(fields []slackText) []slackBlock {
	var blocks []slackBlock
	for chunk := range slices.Chunk(fields, slackFields) {
		blocks = append(blocks, slackBlock{Type: "section", Fields: chunk})
	}
	return blocks
}

// slackPlain makes a text of at most most characters that contains no Slack markup and nothing that a shell interprets.
func slackPlain(most int, format string, args ...any) *slackText {
	text := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ._:/@+,=%-", r) {
			return r
		}
		return '-'
	}, clean(fmt.Sprintf(format, args...)))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return &slackText{Type: "plain_text", Text: text}
}

// slackLink returns the address for a button, "" where it is no web address or too long. It encodes what a shell interprets.
func slackLink(address string) string {
	link := webLink(address)
	var b strings.Builder
	for i := range len(link) {
		if c := link[i]; strings.IndexByte("._~:/?#@+,=%-", c) >= 0 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() > slackAddress {
		return ""
	}
	return b.String()
}
