package server

import (
	"net/http"
	"net/url"
	"strings"
)

// cleaned takes empty segments out of paths, for clients join addresses carelessly. The mux would redirect them, and the clients of
// JFrog take a redirect for a failure. Segments that climb, "." and "..", it escapes: the mux does not redirect those either, and who
// answers finds no such thing.
func cleaned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped := r.URL.EscapedPath()
		if path := clean(escaped); path != escaped {
			if decoded, err := url.PathUnescape(path); err == nil {
				address := *r.URL
				address.Path, address.RawPath = decoded, path
				r = r.WithContext(r.Context()) // a copy
				r.URL = &address
			}
		}
		next.ServeHTTP(w, r)
	})
}

// clean is a path, escaped, without empty segments, and with the dots of those that climb escaped.
func clean(path string) string {
	segments := strings.Split(path, "/")
	kept := segments[:0]
	for i, segment := range segments {
		switch {
		case segment == "" && i > 0 && i < len(segments)-1:
			continue
		case segment == "." || segment == "..":
			segment = strings.ReplaceAll(segment, ".", "%2E")
		}
		kept = append(kept, segment)
	}
	return strings.Join(kept, "/")
}
