package report

import (
	"net/url"
	"strconv"
	"strings"
)

// markdownTable is a table whose cells are Markdown.
type markdownTable struct {
	head []string
	rows [][]string
}

func (t markdownTable) String() string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(t.head)
	b.WriteString(strings.Repeat("| --- ", len(t.head)) + "|\n")
	for _, cells := range t.rows {
		line(cells)
	}
	return b.String()
}

// inMarkdown escapes a foreign text: nothing in it is markup, a link or HTML.
func inMarkdown(text string) string {
	var b strings.Builder
	for _, r := range clean(text) {
		switch r {
		case '<', '>', '&':
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
			continue
		case '\\', '`', '*', '_', '[', ']', '|', '#', '~', '!':
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// markdownLink makes a link, or the text alone where the address is no web address.
func markdownLink(text, address string) string {
	if address = webLink(address); address == "" {
		return inMarkdown(text)
	}
	return "[" + inMarkdown(text) + "](" + address + ")"
}

// commandsInMarkdown escapes a text of gio's own. It keeps the commands between backticks as code, so that they can be copied
// verbatim. The rest is escaped by inMarkdown, and so is the whole text where a name in it contains what could be HTML.
func commandsInMarkdown(text string) string {
	parts := strings.Split(clean(text), "`")
	if len(parts)%2 == 0 || strings.ContainsAny(text, "<>&") {
		return inMarkdown(text)
	}
	for i, part := range parts {
		if i%2 == 0 || part == "" {
			parts[i] = inMarkdown(part)
		} else {
			parts[i] = "`" + part + "`"
		}
	}
	return strings.Join(parts, "")
}

// webLink returns an address if it is safe to send a browser to, else "".
func webLink(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	return strings.NewReplacer("(", "%28", ")", "%29").Replace(u.String())
}
