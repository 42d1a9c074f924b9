package github_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
)

// FuzzReads feeds every decoder. None panics, and every error is a fault without the token.
func FuzzReads(f *testing.F) {
	names, err := filepath.Glob("../../testdata/wire/github/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(200, string(data))
		f.Add(403, string(data))
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		base := roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		c, err := github.New(github.Options{Token: token, HTTP: &http.Client{Transport: base}})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		_, e1 := c.User(ctx)
		_, e2 := c.Repository(ctx, "a/b")
		_, e3 := c.Branch(ctx, "a/b", "c")
		_, e4 := c.File(ctx, "a/b", "c", "d")
		_, e5 := c.Tag(ctx, "a/b", "c")
		_, e6 := c.Compare(ctx, "a/b", "c", "d")
		_, e7 := c.Demands(ctx, "a/b", []github.Target{{Name: "c", Exists: true}, {Name: "d", Like: "c"}, {Name: "t", Tag: true}})
		_, e8 := c.Release(ctx, "a/b", "c")
		_, e9 := c.CreateRelease(ctx, "a/b", github.Release{Tag: "c"})
		e10 := c.SetStatus(ctx, "a/b", "c", github.Status{})
		_, e12 := c.HasTag(ctx, "a/b", "c")
		_, e13 := c.Commit(ctx, "a/b", "0000000")
		_, e14 := c.BranchesAt(ctx, "a/b", "0000000")
		var e11 error
		for _, e11 = range c.Tags(ctx, "a/b") {
			break
		}
		for _, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13, e14} {
			if err != nil && (fault.CodeOf(err) == "" || strings.Contains(err.Error(), token)) {
				t.Fatalf("%v", err)
			}
		}
	})
}
