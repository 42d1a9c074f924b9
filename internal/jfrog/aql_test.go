package jfrog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

func files(paths ...string) (all []ledger.File) {
	for _, path := range paths {
		repository, path, _ := strings.Cut(path, "/")
		f := ledger.File{Repository: repository, Path: path}
		if strings.HasSuffix(path, ".jar") {
			f.Properties = ledger.Properties{"build.name": {"b"}, "build.number": {"7", "8"}}
		}
		all = append(all, f)
	}
	return all
}

// TestQueries: which files a query means, and where they are looked for.
func TestQueries(t *testing.T) {
	t.Parallel()
	all := files("libs/top.txt", "libs/a/b/x.jar", "libs/a/y.txt", "libs/ab/z.jar", "other/a/y.txt")
	of := func(triples string) string { return `{"$or":[{"$and":[{` + triples + `}]}]}` }
	for _, test := range []struct {
		criteria, want, at string // at are the beginnings in libs
	}{
		{`{}`, "libs/top.txt libs/a/b/x.jar libs/a/y.txt libs/ab/z.jar other/a/y.txt", `[""]`},
		{of(`"repo":"libs","path":"a","name":{"$match":"*"}`), "libs/a/y.txt", `["a/"]`},
		{of(`"repo":"libs","path":"a","name":"y.txt"`), "libs/a/y.txt", `["a/y.txt"]`},
		{of(`"name":{"$match":"y*"},"path":{"$eq":"a"}`), "libs/a/y.txt other/a/y.txt", `["a/y"]`},
		{of(`"repo":"libs","path":".","name":{"$match":"*"}`), "libs/top.txt", `[""]`},
		{of(`"repo":"libs","path":".","name":{"$match":"t*"}`), "libs/top.txt", `["t"]`},
		{of(`"repo":"libs","path":{"$match":"a*"},"name":{"$match":"*.jar"}`), "libs/a/b/x.jar libs/ab/z.jar", `["a"]`},
		{of(`"repo":"libs","path":{"$match":"?b"}`), "libs/ab/z.jar", `[""]`},
		{of(`"repo":"libs","path":{"$match":".*"}`), "libs/top.txt", `[""]`},
		{of(`"repo":"other","path":"a"`), "other/a/y.txt", `[]`},
		{of(`"repo":{"$match":"l*s"},"name":{"$match":"*.txt"}`), "libs/top.txt libs/a/y.txt", `[""]`},
		{of(`"repo":{"$nmatch":"l*s"}`), "other/a/y.txt", `[]`},
		{`{"$or":[{"$and":[{"path":"a/b"}]},{"$and":[{"path":{"$match":"a/*"}}]},{"$and":[{"path":"ab"}]}]}`, "libs/a/b/x.jar libs/ab/z.jar", `["a/" "ab/"]`},
		{`{"path":{"$ne":"."},` + of(`"repo":"libs"`)[1:], "libs/a/b/x.jar libs/a/y.txt libs/ab/z.jar", `[""]`},
		{`{"type":"any","repo":"libs","path":"a"}`, "libs/a/y.txt", `["a/"]`},
		{`{"type":"folder"}`, "", `[]`},
		{`{"@build.name":"b","@build.number":"8"}`, "libs/a/b/x.jar libs/ab/z.jar", `[""]`},
		{`{"@build.number":{"$ne":"8"}}`, "libs/top.txt libs/a/y.txt other/a/y.txt", `[""]`},
		{`{"@build.number":{"$match":"?"}}`, "libs/a/b/x.jar libs/ab/z.jar", `[""]`},
		// What stands in one object of an $or is any of it; and keys that are repeated all count.
		{`{"$or":[{"path":{"$nmatch":"a*"},"name":{"$nmatch":"*.jar"}}]}`, "libs/top.txt libs/a/y.txt other/a/y.txt", `[""]`},
		{`{"$or":[{"name":"x.jar"},{"name":"y.txt"}],"$or":[{"path":{"$nmatch":"a/*"}}]}`, "libs/a/y.txt other/a/y.txt", `[""]`},
		{`{"repo":"libs","$and":[]}`, "libs/top.txt libs/a/b/x.jar libs/a/y.txt libs/ab/z.jar", `[""]`},
	} {
		q, err := parseQuery("items.find(" + test.criteria + ")\n.include(\"name\", \"repo\",\"path\",\"property\")")
		if err != nil {
			t.Errorf("%s: %v", test.criteria, err)
			continue
		}
		var found []string
		for _, f := range all {
			if q.criteria.holds(itemOf(f)) {
				found = append(found, f.String())
				if at := q.criteria.beginnings(f.Repository); !slices.ContainsFunc(at, func(one string) bool { return strings.HasPrefix(f.Path, one) }) {
					t.Errorf("%s: %s is not looked for at %q", test.criteria, f, at)
				}
			}
		}
		if got := strings.Join(found, " "); got != test.want {
			t.Errorf("%s: %s, want %s", test.criteria, got, test.want)
		}
		if at := fmt.Sprintf("%q", q.criteria.beginnings("libs")); at != test.at {
			t.Errorf("%s is looked for at %s, want %s", test.criteria, at, test.at)
		}
	}
}

// TestBadQueries: what is no query of jf's is refused.
func TestBadQueries(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "items.find()", "items.find", `items.find({"repo":"a"}`, `items.find({"repo":"a"}).limit(1)`, `items.find({"repo":"a"}).include("name").sort({"$asc":["name"]})`,
		`items.find({"repo":"a"}).include("stat")`, `items.find({"repo":"a"}).include(name)`, `items.find({"repo":"a"}).include()x)`, `items.find({"repo":"a"}); items.find({})`,
		`items.find({"size":{"$gt":1}})`, `items.find({"repo":1})`, `items.find({"repo":null})`, `items.find({"repo":["a"]})`, `items.find({"repo":{"$gt":"a"}})`,
		`items.find({"repo":{"$eq":1}})`, `items.find({"repo":{"$eq":"a","$ne":"b"}})`, `items.find({"repo":{}})`, `items.find({"@":"a"})`, `items.find({"$or":[]})`,
		`items.find({"$or":{}})`, `items.find({"$and":["a"]})`, `items.find({"type":"any thing"})`, `items.find({"type":{"$ne":"file"}})`, `items.find([])`, `items.find({"repo"`,
		`items.find({"archive.entry.name":"x"})`, "items.find(" + strings.Repeat(`{"$and":[`, 50) + strings.Repeat("]}", 50) + ")",
		`items.find({"$or":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a"},`, 3000), ",") + `]})`,
	} {
		if _, err := parseQuery(text); !fault.Is(err, "invalid-query") {
			t.Errorf("%.200s: %v", text, err)
		}
	}
}

// TestMatches: * is any text, ? any character.
func TestMatches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b", true},
		{"a*", "a", true},
		{"a*b", "ab", true},
		{"a*b", "axxb", true},
		{"a*b", "axxbc", false},
		{"*.jar", "x.jar", true},
		{"*.jar", "x.jars", false},
		{"**", "x", true},
		{"?", "ü", true},
		{"?", "", false},
		{"a?c*", "abcd", true},
		{"*a*b*c", "aabbcc", true},
		{"*a*b*c", "acb", false},
	} {
		if got := matches(test.pattern, test.text); got != test.want {
			t.Errorf("%q as %q: %t", test.text, test.pattern, got)
		}
	}
}

// FuzzQuery: no query brings the reader down, and what it means is looked for where it is.
func FuzzQuery(f *testing.F) {
	f.Add(`items.find({"path":{"$ne":"."},"$or":[{"$and":[{"repo":"libs","path":{"$match":"a/*"},"name":{"$match":"*"}}]}]}).include("name","property")`, "a/b/x.txt")
	f.Add(`items.find({"$and":[{"@k":{"$ne":"v"}}],"type":"any"})`, "x")
	f.Fuzz(func(t *testing.T, text, path string) {
		q, err := parseQuery(text)
		if err != nil {
			if !fault.Is(err, "invalid-query") {
				t.Errorf("%v", err)
			}
			return
		}
		if ledger.CheckPath(path) != nil {
			return
		}
		one := ledger.File{Repository: "libs", Path: path, Properties: ledger.Properties{"k": {"v"}}}
		at := q.criteria.beginnings("libs")
		for i, beginning := range at {
			if i > 0 && strings.HasPrefix(beginning, at[i-1]) {
				t.Errorf("%s: %q is read twice", text, at)
			}
		}
		if q.criteria.holds(itemOf(one)) && !slices.ContainsFunc(at, func(beginning string) bool { return strings.HasPrefix(path, beginning) }) {
			t.Errorf("%s: %s is not looked for at %q", text, path, at)
		}
	})
}
