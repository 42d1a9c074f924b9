package circleci

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	outputTimeout = 5 * time.Second // for both requests: the output is optional
	outputTail    = 64 << 10        // bytes of the output that are read
	outputLines   = 20
	outputColumns = 240 // characters of a line
)

// wireBuild is what gio reads of a job: its steps, and what CircleCI itself says of it.
type wireBuild struct {
	Number count `json:"build_num"`
	Steps  loose[[]loose[struct {
		Name    text                       `json:"name"`
		Actions loose[[]loose[wireAction]] `json:"actions"`
	}]] `json:"steps"`
	Messages loose[[]struct {
		Message text `json:"message"`
	}] `json:"messages"`
}

// said returns CircleCI's messages, one a line.
func (b wireBuild) said() string {
	var lines strings.Builder
	for _, m := range b.Messages.is {
		lines.WriteString(string(m.Message) + "\n")
	}
	return lines.String()
}

type wireAction struct {
	Container count  `json:"index"`
	Status    text   `json:"status"`
	ExitCode  *count `json:"exit_code"`
	OutputURL text   `json:"output_url"`
}

func (a wireAction) failed() bool {
	return JobFailed(string(a.Status)) || a.ExitCode != nil && *a.ExitCode != 0
}

// FailureOutput returns the last lines, at most 20, that the failing step of a job printed: plain text, without control
// characters, without the token, the secrets of Options, and secrets in URLs. A job that CircleCI refused to run has no such step:
// its lines are CircleCI's messages. It returns none, and no error, where CircleCI does not send them within five seconds
// (contracts/circleci.md 1.13).
func (c *Client) FailureOutput(ctx context.Context, slug string, job int64) []string {
	k, err := buildCall(slug, job)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, outputTimeout)
	defer cancel()
	body := c.fetch(ctx, c.host+k.under()+k.path, http.Header{"Circle-Token": {c.token}})
	var build wireBuild
	if json.Unmarshal(body, &build) != nil || build.Number != 0 && int64(build.Number) != job {
		return nil
	}
	if link := c.failingLink(build); link != "" {
		// The link is signed: it needs no token, and its host must not get one.
		tail := c.fetch(ctx, link, http.Header{"Range": {"bytes=-" + strconv.Itoa(outputTail)}})
		if lines := c.lastLines(messages(tail)); len(lines) > 0 {
			return lines
		}
	}
	return c.lastLines(build.said())
}

// failingLink returns the link to the output of the first step that failed, "" when there is none that gio may follow.
func (c *Client) failingLink(build wireBuild) string {
	for _, step := range build.Steps.is {
		for _, action := range step.is.Actions.is {
			if link := string(action.is.OutputURL); action.is.failed() && c.followable(link) {
				return link
			}
		}
	}
	return ""
}

// outputHosts are those that CircleCI's cloud names in output_url, with their subdomains: recorded answers in public
// repositories have circle-production-action-output.s3.amazonaws.com (2018 to 2024), and circleci.com with the path
// /api/private/output/presigned since.
var outputHosts = []string{"circleci.com", "amazonaws.com"}

// followable reports whether gio may follow a link: to the hosts of CircleCI's cloud by https, and to CIRCLE_HOST's own as
// CIRCLE_HOST itself, which of this machine may be another name and port of it (gio sim).
func (c *Client) followable(link string) bool {
	u, err := url.Parse(link)
	if err != nil || u.Hostname() == "" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	if own, err := url.Parse(c.host); err == nil && (host == strings.ToLower(own.Hostname()) || loopback(host) && loopback(own.Hostname())) {
		return u.Scheme == "https" || u.Scheme == "http" && own.Scheme == "http"
	}
	return u.Scheme == "https" && slices.ContainsFunc(outputHosts, func(known string) bool {
		return host == known || strings.HasSuffix(host, "."+known)
	})
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// fetch reads an answer, or nil.
func (c *Client) fetch(ctx context.Context, target string, header http.Header) []byte {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil
	}
	req.Header = header
	res, err := c.http.Do(req)
	if err != nil {
		return nil
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or the output is given up
	body, err := readAnswer(res.Body)
	if err != nil || res.StatusCode < 200 || res.StatusCode > 299 {
		return nil
	}
	return body
}

// messages returns the text at the end of an output link's answer, which is a JSON array of {type, time, message}. Cut at
// its beginning, by the requested range or here, it most likely begins within a message.
func messages(body []byte) string {
	tail := body[max(len(body)-outputTail, 0):]
	cut := tail
	if i := bytes.Index(tail, []byte(`\n`)); i >= 0 { // begin with a whole line, and no half escape sequence
		cut = tail[i+2:]
	}
	next := tail
	if i := bytes.Index(tail, []byte(`},`)); i >= 0 {
		next = tail[i+2:]
	}
	for _, candidate := range [][]byte{body, slices.Concat([]byte(`[{"message":"`), cut), slices.Concat([]byte(`[`), next)} {
		var items []struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(candidate, &items) != nil {
			continue
		}
		var text strings.Builder
		for _, item := range items {
			text.WriteString(item.Message)
		}
		return text.String()
	}
	return ""
}

// escapes matches the sequences that colour a text and move the cursor: CSI, OSC with its end, and the short ones.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[ -/]*[0-~])")

// lastLines returns the last lines that are not empty, safe to show.
func (c *Client) lastLines(text string) []string {
	text = text[max(len(text)-outputTail, 0):]
	text = transport.RedactText(strings.ToValidUTF8(text, "?"), c.secrets...)
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = c.clean(line)
		if runes := []rune(line); len(runes) > outputColumns {
			line = string(runes[:outputColumns-1]) + "…"
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(len(lines)-outputLines, 0):]
}

// clean makes a line safe to show: as it stands in the end on a terminal, and without secrets.
func (c *Client) clean(line string) string {
	line = transport.RedactText(strings.ToValidUTF8(line, "?"), c.secrets...)
	line = strings.TrimRight(escapes.ReplaceAllString(line, ""), "\r")
	line = line[strings.LastIndexByte(line, '\r')+1:] // a progress bar overwrites itself
	line = strings.TrimRightFunc(strings.Map(printable, line), unicode.IsSpace)
	return transport.RedactText(line, c.secrets...) // again: what stood between the parts of a secret is gone
}

// printable drops what a terminal would obey instead of showing.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}
