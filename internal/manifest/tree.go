package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Position is a place in a manifest. Line and Column count from 1, Column in characters, not bytes.
type Position struct {
	File         string
	Line, Column int
}

// String is the form that editors and CI systems turn into a link: "release.json:12:16". What stands on no line is the file's.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// source is the text of a manifest and knows where its lines begin.
type source struct {
	file  string
	data  []byte
	lines []int // offset of the first byte of each line
}

func newSource(file string, data []byte) source {
	s := source{file: file, data: bytes.Clone(data), lines: []int{0}}
	for i, b := range s.data {
		if b == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

func (s source) position(offset int) Position {
	line := sort.SearchInts(s.lines, offset+1)
	column := utf8.RuneCount(s.data[s.lines[line-1]:offset]) + 1
	return Position{File: s.file, Line: line, Column: column}
}

// kind is what a JSON value is, in the words of an error message.
type kind string

const (
	object  kind = "an object"
	array   kind = "an array"
	text    kind = "a string"
	number  kind = "a number"
	boolean kind = "a boolean"
	null    kind = "null"
)

// node is one JSON value and the bytes data[start:end] that it was read from.
type node struct {
	kind       kind
	start, end int
	text       string // of a string, unescaped
	members    []member
	items      []*node
}

type member struct{ key, value *node }

// get finds a member by its key, nil when there is none.
func (n *node) get(key string) *member {
	for i := range n.members {
		if n.members[i].key.text == key {
			return &n.members[i]
		}
	}
	return nil
}

// read turns the text into a tree. The syntax is checked as a whole first, because the token reader
// alone would accept what no other JSON parser does and knows no place of a fault.
func (s source) read() (*node, error) {
	if err := s.checkText(); err != nil {
		return nil, err
	}
	var whole json.RawMessage
	if err := json.Unmarshal(s.data, &whole); err != nil {
		return nil, s.syntaxFault(err)
	}
	r := reader{source: s, dec: json.NewDecoder(bytes.NewReader(s.data))}
	r.dec.UseNumber()
	return r.value()
}

func (s source) checkText() error {
	if bytes.HasPrefix(s.data, []byte("\ufeff")) {
		return s.syntax(0, "the file begins with a byte order mark").Hint("save it as UTF-8 without a byte order mark")
	}
	for i := 0; i < len(s.data); {
		r, size := utf8.DecodeRune(s.data[i:])
		if r == utf8.RuneError && size == 1 {
			return s.syntax(i, "byte 0x%02x is not UTF-8", s.data[i]).Hint("save the file as UTF-8")
		}
		i += size
	}
	return nil
}

func (s source) syntax(offset int, format string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "manifest-syntax", "%s: %s", s.position(offset), fmt.Sprintf(format, args...))
}

// syntaxFault puts what encoding/json says into a place and, for the two mistakes that real files
// have, into plain words. The place is the first byte that cannot stand where it stands.
func (s source) syntaxFault(err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return s.syntax(0, "not valid JSON").Because(err)
	}
	offset := min(int(syntax.Offset), len(s.data))
	before := bytes.TrimRight(s.data[:max(offset-1, 0)], " \t\r\n")
	switch {
	case strings.Contains(syntax.Error(), "unexpected end"):
		end := len(bytes.TrimRight(s.data, " \t\r\n"))
		return s.syntax(end, "not valid JSON: the file ends too early").Hint("is a closing brace, bracket or quote missing?")
	case bytes.HasSuffix(before, []byte(",")) && closes(s.data[offset-1]):
		return s.syntax(offset-1, "not valid JSON: no comma may stand before %q", s.data[offset-1]).
			Hint("remove the comma at %s", s.position(len(before)-1))
	case betweenValues(syntax) && opens(s.data[offset-1]):
		return s.syntax(offset-1, "not valid JSON: a comma is missing before this").
			Hint("add a comma at %s", s.position(len(before)))
	}
	return s.syntax(max(offset-1, 0), "not valid JSON: %s", syntax)
}

func closes(b byte) bool { return b == '}' || b == ']' }

func opens(b byte) bool { return b == '"' || b == '{' || b == '[' }

func betweenValues(err error) bool {
	return strings.Contains(err.Error(), "after object key:value pair") || strings.Contains(err.Error(), "after array element")
}

// reader walks through tokens of a text whose syntax is known to be right.
type reader struct {
	source
	dec *json.Decoder
}

func (r *reader) value() (*node, error) {
	n := &node{start: r.next()}
	token, err := r.dec.Token()
	if err != nil {
		return nil, r.syntax(n.start, "not valid JSON").Because(err)
	}
	switch t := token.(type) {
	case json.Delim:
		return r.container(n, t)
	case string:
		n.kind, n.text = text, t
	case bool:
		n.kind = boolean
	case nil:
		n.kind = null
	default:
		n.kind = number
	}
	n.end = int(r.dec.InputOffset())
	return n, nil
}

// next is the offset of the next token: the decoder only tells where the last one ended.
func (r *reader) next() int {
	i := int(r.dec.InputOffset())
	for i < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[i]) >= 0 {
		i++
	}
	return i
}

func (r *reader) container(n *node, open json.Delim) (*node, error) {
	read := r.item
	n.kind = array
	if open == '{' {
		n.kind, read = object, r.member
	}
	for r.dec.More() {
		if err := read(n); err != nil {
			return nil, err
		}
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, r.syntax(n.start, "not valid JSON").Because(err)
	}
	n.end = int(r.dec.InputOffset())
	return n, nil
}

func (r *reader) item(n *node) error {
	v, err := r.value()
	n.items = append(n.items, v)
	return err
}

func (r *reader) member(n *node) error {
	key, err := r.value()
	if err != nil {
		return err
	}
	if first := n.get(key.text); first != nil {
		return r.shape(key, "key %q stands here a second time, first at %s", key.text, r.position(first.key.start))
	}
	v, err := r.value()
	n.members = append(n.members, member{key, v})
	return err
}

func (s source) shape(at *node, format string, args ...any) error {
	return fault.New(fault.Invalid, "manifest-shape", "%s: %s", s.position(at.start), fmt.Sprintf(format, args...))
}
