package jfrog

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

func requestOf(escaped string) (*http.Request, error) {
	u, err := url.ParseRequestURI(escaped)
	return &http.Request{URL: u}, err
}

// TestTarget: which file an address names, and with which properties.
func TestTarget(t *testing.T) {
	t.Parallel()
	for escaped, want := range map[string]target{
		"/artifactory/libs":                            {repository: "libs"},
		"/artifactory/libs/":                           {repository: "libs", folder: true},
		"/artifactory/libs/a/b":                        {repository: "libs", path: "a/b"},
		"/artifactory/libs/a/b/":                       {repository: "libs", path: "a/b", folder: true},
		"/artifactory/libs/a%20b+c%25":                 {repository: "libs", path: "a b+c%"},
		"/artifactory/libs/a;k=v;k=w,x;e=;l=1%2C2":     {repository: "libs", path: "a", properties: ledger.Properties{"k": {"v", "w", "x"}, "e": {""}, "l": {"1,2"}}},
		"/artifactory/libs;r=1/a;k=a+b%2Fc;;":          {repository: "libs", path: "a", properties: ledger.Properties{"r": {"1"}, "k": {"a b/c"}}},
		"/artifactory/libs/a%3Bk=v":                    {repository: "libs", path: "a;k=v"},
		"/artifactory/libs/a;u=https%3A%2F%2Fx;c=%5C,": {repository: "libs", path: "a", properties: ledger.Properties{"u": {"https://x"}, "c": {`\`, ""}}},
	} {
		r, err := requestOf(escaped)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := targetOf(r, 1); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", escaped, got, err, want)
		}
	}
	for _, escaped := range []string{"/artifactory", "/artifactory/libs/a%2Fb", "/artifactory/libs/%2E%2E/a", "/artifactory/libs/a/../b", "/artifactory/libs//a", "/artifactory/libs/%ff"} {
		r, err := requestOf(escaped)
		if err != nil {
			r = &http.Request{URL: &url.URL{Path: escaped, RawPath: escaped}}
		}
		if got, err := targetOf(r, 1); !fault.Is(err, "invalid-path") {
			t.Errorf("%s: %+v, %v", escaped, got, err)
		}
	}
}

// TestPropertiesOf: as jf writes them, and as people do.
func TestPropertiesOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ledger.Properties{
		"":                     {},
		";a=b":                 {"a": {"b"}},
		"a=b%2Cc;d=e":          {"a": {"b", "c"}, "d": {"e"}},
		"a=b,c|d=e%20f+g":      {"a": {"b", "c"}, "d": {"e f g"}},
		"a=b%5C%2Cc%2Cd":       {"a": {"b,c", "d"}},
		"a=1;a=2;b=":           {"a": {"1", "2"}, "b": {""}},
		"a%3Bb=x%3By%7Cz;c==d": {"a;b": {"x;y|z"}, "c": {"=d"}},
	} {
		if got, err := propertiesOf(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"a", "a=%zz", "%zz=a"} {
		if got, err := propertiesOf(text); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// FuzzTarget: whatever an address names is a path that a file may have: nothing climbs out of a repository.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"libs/a/b", "libs/%2e%2e/a", "libs/a%2Fb", "libs/a;k=v,w;x=%2C", "libs//", "l;;;/;a/;=", "%00/%ff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		r, err := requestOf("/artifactory/" + rest)
		if err != nil {
			return
		}
		got, err := fileAt(r, 1)
		if err != nil {
			if statusOf(err)/100 != 4 {
				t.Errorf("%q: %v", rest, err)
			}
			return
		}
		if ledger.CheckPath(got.path) != nil || strings.Contains(got.repository, "/") {
			t.Errorf("%q: %+v", rest, got)
		}
		for segment := range strings.SplitSeq(got.path, "/") {
			if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, "\x00\\") {
				t.Errorf("%q: %+v", rest, got)
			}
		}
	})
}
