package sign

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/fault"
)

// The types of a statement (github.com/in-toto/attestation, spec/v1/statement.md) and of its predicate, which is gio's own.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://github.com/gravitee-lab/gio/bundle/v1"
)

// Statement says what one version of a bundle holds. It names the bundle, so that the list of one is not taken for another's.
type Statement struct {
	Project string
	Name    string
	Version string
	Items   []Item // in the order of their names after Verify
}

// Item is one thing in a bundle.
type Item struct {
	Name   string // where it is: a repository with a path, or an image; unique in the bundle
	SHA256 string // of its content, of an image that of its manifest; 64 characters of hex in lower case
}

// The statement as it is written. The order of the fields is that of the bytes.
type (
	wireStatement struct {
		Type          string        `json:"_type"`
		Subject       []wireSubject `json:"subject"`
		PredicateType string        `json:"predicateType"`
		Predicate     wirePredicate `json:"predicate"`
	}
	wireSubject struct {
		Name   string `json:"name"`
		Digest struct {
			SHA256 string `json:"sha256"`
		} `json:"digest"`
	}
	wirePredicate struct {
		Project string `json:"project"`
		Name    string `json:"name"`
		Version string `json:"version"`
	}
)

// encode returns the bytes that are signed: the same for the same statement, in whatever order its items are.
func (s Statement) encode() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	w := wireStatement{
		Type: StatementType, PredicateType: PredicateType,
		Predicate: wirePredicate{Project: s.Project, Name: s.Name, Version: s.Version},
		Subject:   make([]wireSubject, len(s.Items)),
	}
	for i, item := range sorted(s.Items) {
		w.Subject[i].Name, w.Subject[i].Digest.SHA256 = item.Name, item.SHA256
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(w); err != nil {
		return nil, fault.New(fault.Internal, "statement", "the list of %s cannot be written", s.title()).Because(err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

func sorted(items []Item) []Item {
	return slices.SortedFunc(slices.Values(items), func(a, b Item) int { return cmp.Compare(a.Name, b.Name) })
}

func (s Statement) title() string {
	title := strings.TrimSpace(s.Name + " " + s.Version)
	return cmp.Or(title, "a bundle without a name")
}

// check says what a list lacks that is signed or was signed.
func (s Statement) check() error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "statement", "the list of %s cannot be signed: "+format, append([]any{s.title()}, args...)...)
	}
	switch {
	case s.Project == "" || s.Name == "" || s.Version == "":
		return bad("it must name its project, its bundle and its version")
	case !utf8.ValidString(s.Project + s.Name + s.Version):
		return bad("its name is not UTF-8")
	case len(s.Items) == 0:
		return bad("it is empty")
	}
	seen := make(map[string]bool, len(s.Items))
	for _, item := range s.Items {
		switch sum, err := hex.DecodeString(item.SHA256); {
		case item.Name == "":
			return bad("one of its items has no name")
		case !utf8.ValidString(item.Name):
			return bad("the name of the item %q is not UTF-8", item.Name)
		case err != nil || len(sum) != 32 || strings.ToLower(item.SHA256) != item.SHA256:
			return bad("the SHA-256 of %s is not 64 characters of hex in lower case", item.Name)
		case seen[item.Name]:
			return bad("%s is in it twice", item.Name)
		}
		seen[item.Name] = true
	}
	return nil
}

// decode reads a signed statement. What others have added to it is left out.
func decode(payload []byte) (Statement, error) {
	bad := fault.New(fault.Invalid, "signature-statement", "the signed text is not the list of a bundle")
	var w wireStatement
	switch err := json.Unmarshal(payload, &w); {
	case err != nil:
		return Statement{}, bad.Because(err)
	case w.Type != StatementType:
		return Statement{}, bad.Hint("it is of the type %.100q, not %s", w.Type, StatementType)
	case w.PredicateType != PredicateType:
		return Statement{}, bad.Hint("it says %.100q of its subject, not %s", w.PredicateType, PredicateType)
	}
	s := Statement{Project: w.Predicate.Project, Name: w.Predicate.Name, Version: w.Predicate.Version}
	for _, subject := range w.Subject {
		s.Items = append(s.Items, Item{Name: subject.Name, SHA256: subject.Digest.SHA256})
	}
	s.Items = sorted(s.Items)
	if err := s.check(); err != nil {
		return Statement{}, bad.Because(err)
	}
	return s, nil
}
