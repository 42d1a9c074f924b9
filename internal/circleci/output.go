package circleci

import (
	"bytes"
	"context"
	"encoding/json"
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
	outputPath    = "/api/v1.1/project/" // v2 has no such thing (contracts/circleci.md 1.13)
	outputTimeout = 5 * time.Second      // for both requests: nobody waits for a nicety
	outputTail    = 64 << 10             // bytes of the output that are looked at
	outputLines   = 20
	outputColumns = 240 // characters of a line
)

// wireBuild is what gio reads of a job's steps.
type wireBuild struct {
	Steps []struct {
		Actions []wireAction `json:"actions"`
	} `json:"steps"`
}

type wireAction struct {
	Status    string `json:"status"`
	ExitCode  *count `json:"exit_code"`
	OutputURL string `json:"output_url"`
}

func (a wireAction) failed() bool {
	bad := slices.Contains([]string{"failed", "timedout", "infrastructure_fail"}, a.Status)
	return bad || a.ExitCode != nil && *a.ExitCode != 0
}

// FailureOutput is the last lines, at most 20, that the failing step of a job printed: plain text, without
// control characters, without the token and without secrets in URLs. Where CircleCI does not give them within five
// seconds there are none, which is no error (contracts/circleci.md 1.13).
func (c *Client) FailureOutput(ctx context.Context, slug string, job int64) []string {
	parts, err := splitSlug(slug)
	if err != nil || job <= 0 {
		return nil
	}
	path, err := escape(append(parts, strconv.FormatInt(job, 10))...)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, outputTimeout)
	defer cancel()
	body := c.fetch(ctx, c.host+outputPath+strings.TrimPrefix(path, "/"), http.Header{"Circle-Token": {c.token}})
	var build wireBuild
	if json.Unmarshal(body, &build) != nil {
		return nil
	}
	for _, step := range build.Steps {
		for _, action := range step.Actions {
			if action.failed() && c.safe(action.OutputURL) {
				// A signed link: it needs no token, and its host must not get one.
				tail := c.fetch(ctx, action.OutputURL, http.Header{"Range": {"bytes=-" + strconv.Itoa(outputTail)}})
				return c.lastLines(messages(tail))
			}
		}
	}
	return nil
}

// safe tells whether a link may be followed: never from https to http.
func (c *Client) safe(link string) bool {
	u, err := url.Parse(link)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && strings.HasPrefix(c.host, "http://"))
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
	defer func() { _ = res.Body.Close() }() // read to the end, or given up
	body, err := readAnswer(res.Body)
	if err != nil || res.StatusCode < 200 || res.StatusCode > 299 {
		return nil
	}
	return body
}

// messages is the end of what an output link answered, which is a JSON array of {type, time, message}. Cut at
// its beginning, by the range asked for or here, it most likely begins within a message.
func messages(body []byte) string {
	tail := body[max(len(body)-outputTail, 0):]
	cut := tail
	if i := bytes.Index(tail, []byte(`\n`)); i >= 0 { // a whole line, and no half escape
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

// escapes are the sequences that colour a text and move the cursor: CSI, OSC with its end, and the short ones.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[ -/]*[0-~])")

// lastLines are the last lines that are not empty, fit to be shown.
func (c *Client) lastLines(text string) []string {
	text = text[max(len(text)-outputTail, 0):]
	text = transport.RedactText(strings.ToValidUTF8(text, "?"), c.token)
	var lines []string
	for line := range strings.SplitSeq(escapes.ReplaceAllString(text, ""), "\n") {
		line = strings.TrimRight(line, "\r")
		line = line[strings.LastIndexByte(line, '\r')+1:] // a progress bar writes over itself
		line = strings.TrimRightFunc(strings.Map(printable, line), unicode.IsSpace)
		if runes := []rune(line); len(runes) > outputColumns {
			line = string(runes[:outputColumns-1]) + "…"
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(len(lines)-outputLines, 0):]
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
