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

// Position is a position in a manifest. Line and Column count from 1, Column in characters, not bytes.
type Position struct {
	File         string
	Line, Column int
}

// String returns the form that editors and CI systems turn into a link: "release.json:12:16"; without a line only the file.
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
	marks []int // characters before each multiple of stride, so that a column in a long line costs no more than one in a short line
}

const stride = 256 // bytes

func newSource(file string, data []byte) source {
	s := source{file: file, data: bytes.Clone(data), lines: []int{0}}
	characters := 0
	for i, b := range s.data {
		if i%stride == 0 {
			s.marks = append(s.marks, characters)
		}
		if utf8.RuneStart(b) {
			characters++
		}
		if b == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	s.marks = append(s.marks, characters) // for an offset at the very end
	return s
}

func (s source) position(offset int) Position {
	line := sort.SearchInts(s.lines, offset+1)
	return Position{File: s.file, Line: line, Column: s.characters(offset) - s.characters(s.lines[line-1]) + 1}
}

// characters returns how many characters begin before an offset.
func (s source) characters(offset int) int {
	mark := offset / stride
	n := s.marks[mark]
	for _, b := range s.data[mark*stride : offset] {
		if utf8.RuneStart(b) {
			n++
		}
	}
	return n
}

// kind is the kind of a JSON value, in the words of an error message.
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
	keys       map[string]int // indexes of members by key, for an object with many
	items      []*node
}

type member struct{ key, value *node }

// manyMembers is the number of members from which an object finds them by an index: nearly all objects have three.
const manyMembers = 16

// add appends a member.
func (n *node) add(m member) {
	n.members = append(n.members, m)
	switch {
	case n.keys != nil:
		n.keys[m.key.text] = len(n.members) - 1
	case len(n.members) == manyMembers:
		n.keys = map[string]int{}
		for i, m := range n.members {
			n.keys[m.key.text] = i
		}
	}
}

// get finds a member by its key, nil when there is none.
func (n *node) get(key string) *member {
	if n.keys != nil {
		if i, found := n.keys[key]; found {
			return &n.members[i]
		}
		return nil
	}
	for i := range n.members {
		if n.members[i].key.text == key {
			return &n.members[i]
		}
	}
	return nil
}

// read parses the text into a tree. It first checks the syntax as a whole, because the token reader accepts what no other
// JSON parser does, and does not know the position of an error.
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

// syntaxFault adds the position to an error of encoding/json and, for the two mistakes that real files have, plain words.
// The position is that of the first invalid byte.
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
		return s.syntax(offset-1, "not valid JSON: no comma is allowed before %q", s.data[offset-1]).
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

// reader walks through the tokens of a text whose syntax is correct.
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

// next returns the offset of the next token: the decoder only knows where the last one ended.
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
		return r.shape(key, "key %q appears here again, first at %s", key.text, r.position(first.key.start))
	}
	v, err := r.value()
	n.add(member{key, v})
	return err
}

func (s source) shape(at *node, format string, args ...any) error {
	return fault.New(fault.Invalid, "manifest-shape", "%s: %s", s.position(at.start), fmt.Sprintf(format, args...))
}
