package jfrog

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// target is what an address names: a repository, a path in it, "" for all of it, and the properties that stand in the address.
type target struct {
	repository, path string
	properties       ledger.Properties
	folder           bool // it ends with a slash
}

var (
	errEncoding = fault.New(fault.Invalid, "invalid-path", "the address is not encoded as it must be")
	errSlash    = fault.New(fault.Invalid, "invalid-path", "a name in the address has a slash in it")
	errNoPath   = fault.New(fault.Invalid, "invalid-path", "the address names no file")
)

// targetOf reads what stands in an address after its first segments. Any segment may have properties: NAME;key=value;key=value,value.
func targetOf(r *http.Request, segments int) (t target, err error) {
	parts := strings.SplitN(r.URL.EscapedPath(), "/", segments+2) // the first is empty
	if len(parts) < segments+2 {
		return t, errNoPath
	}
	names := strings.Split(parts[segments+1], "/")
	for i, segment := range names {
		name, parameters, _ := strings.Cut(segment, ";")
		if names[i], err = url.PathUnescape(name); err != nil {
			return t, errEncoding
		}
		if strings.Contains(names[i], "/") {
			return t, errSlash
		}
		if err := t.add(parameters); err != nil {
			return t, err
		}
	}
	if last := len(names) - 1; last > 0 && names[last] == "" {
		names, t.folder = names[:last], true
	}
	t.repository, t.path = names[0], strings.Join(names[1:], "/")
	if t.path == "" {
		return t, nil
	}
	return t, ledger.CheckPath(t.path)
}

// fileAt is the target of an address that must name more than a repository.
func fileAt(r *http.Request, segments int) (target, error) {
	t, err := targetOf(r, segments)
	switch {
	case t.repository == "api": // no route took it
		return t, errNoRoute
	case err == nil && t.path == "":
		return t, errNoPath
	}
	return t, err
}

// add adds the properties that stand in a segment. A comma parts values, unless it is encoded; a backslash before it means nothing then.
func (t *target) add(parameters string) error {
	for pair := range strings.SplitSeq(parameters, ";") {
		if pair == "" {
			continue
		}
		name, values, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(name)
		if err != nil {
			return errEncoding
		}
		for value := range strings.SplitSeq(values, ",") {
			value, err := url.QueryUnescape(value)
			if err != nil {
				return errEncoding
			}
			if t.properties == nil {
				t.properties = ledger.Properties{}
			}
			t.properties[key] = append(t.properties[key], strings.ReplaceAll(value, `\,`, ","))
		}
	}
	return nil
}

// raw is a parameter of a query as it stands there: Go's own reader takes no query with a semicolon in it, and jf writes some.
func raw(r *http.Request, name string) (value string, there bool) {
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value, true
		}
	}
	return "", false
}

// propertiesOf reads those of a query: key=value,value;key=value. A comma that is part of a value has a backslash before it.
func propertiesOf(text string) (ledger.Properties, error) {
	all := ledger.Properties{}
	for pair := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '|' }) {
		name, values, found := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(name)
		if err != nil {
			return nil, errEncoding
		}
		decoded, err := url.QueryUnescape(values)
		if err != nil {
			return nil, errEncoding
		}
		if !found {
			return nil, fault.New(fault.Invalid, "invalid-property", "the property %.80q has no value", key).Hint("write key=value")
		}
		all[key] = append(all[key], commas(decoded)...)
	}
	return all, nil
}

// commas parts a text at its commas, but for those with a backslash before them.
func commas(text string) (parts []string) {
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == ',':
			i++
			part.WriteByte(',')
		case text[i] == ',':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(text[i])
		}
	}
	return append(parts, part.String())
}

// into is the target of a copy or a move: REPOSITORY/PATH, perhaps with a slash before it. With one behind it, or without a path, it is a
// folder into which what was at another path goes.
func into(text, from string) (repository, to string, err error) {
	repository, to, _ = strings.Cut(strings.TrimLeft(text, "/"), "/")
	if repository == "" {
		return "", "", fault.New(fault.Invalid, "invalid-path", "to says where").Hint("write ?to=/REPOSITORY/PATH")
	}
	if to == "" || strings.HasSuffix(to, "/") {
		to += path.Base(from)
	}
	return repository, to, ledger.CheckPath(to)
}
