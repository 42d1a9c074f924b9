package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestCleaned: no path is redirected, and none means another place than before.
func TestCleaned(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/a/{rest...}", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.PathValue("rest"))) })
	for path, want := range map[string]string{
		"/a/b/c":          "b/c",
		"//a//b///c":      "b/c",
		"/a/b/":           "b/",
		"/a/b//":          "b/",
		"/a/./b":          "./b",
		"/a/../b":         "../b",
		"/a/b/..":         "b/..",
		"/a/%2e%2e/b":     "../b",
		"/a/b%2F..%2Fc":   "b/../c",
		"/a/x;k=v//y%20z": "x;k=v/y z",
		"/a/...":          "...",
	} {
		w := httptest.NewRecorder()
		cleaned(mux).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil))
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
	for path, want := range map[string]string{"/": "/", "": "", "*": "*", "//": "/", "/..": "/%2E%2E"} {
		if got := clean(path); got != want {
			t.Errorf("%q is cleaned to %q, want %q", path, got, want)
		}
	}
}
