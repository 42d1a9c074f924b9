package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestLaterPageIsGone: a later page that GitHub does not find is no misspelling. The list is read anew, once; after that the error
// says how much was read.
func TestLaterPageIsGone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		gone int // answers of the second page that are 404
		tags int
		says string
	}{
		"never": {0, 3, ""}, "once": {1, 3, ""}, "for ever": {99, 2, "GitHub gave 2 entries of the list and did not find its own next page, twice"},
	} {
		synctest.Test(t, func(t *testing.T) {
			gone := tt.gone
			c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch second := r.URL.Query().Get("page") == "2"; {
				case second && gone > 0:
					gone--
					w.WriteHeader(http.StatusNotFound)
					fmt.Fprint(w, `{"message":"Not Found"}`)
				case second:
					fmt.Fprint(w, `[{"name":"v1","full_name":"acme/v1"}]`)
				default:
					w.Header().Set("Link", `<http://`+r.Host+r.URL.Path+`?page=2>; rel="next"`)
					fmt.Fprint(w, `[{"name":"v3","full_name":"acme/v3"},{"name":"v2","full_name":"acme/v2"}]`)
				}
			}), token)
			var tags, repositories []string
			var last, lastOfOrg error
			for tag, err := range c.Tags(t.Context(), "acme/alpha") {
				if last = err; err == nil {
					tags = append(tags, tag.Name)
				}
			}
			gone = tt.gone
			for r, err := range c.Repositories(t.Context(), "acme") {
				if lastOfOrg = err; err == nil {
					repositories = append(repositories, r.FullName)
				}
			}
			if len(tags) != tt.tags || len(repositories) != tt.tags {
				t.Errorf("%s: %q, %q", name, tags, repositories)
			}
			for _, err := range []error{last, lastOfOrg} {
				if (err != nil) != (tt.says != "") || err != nil && (fault.KindOf(err) != fault.Remote || !strings.Contains(err.Error(), tt.says)) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// TestOneRefusedToken: amid good answers one 401 is asked again once. The first answer of all counts at once.
func TestOneRefusedToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refuse string // the requests that are refused
		asked  int
		bad    bool
	}{
		"the second": {" 2 ", 3, false}, "the second and third": {" 2 3 ", 3, true}, "the first": {" 1 ", 2, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			c := client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if n++; strings.Contains(tt.refuse, fmt.Sprintf(" %d ", n)) {
					w.WriteHeader(http.StatusUnauthorized)
				}
				fmt.Fprint(w, `{"full_name":"acme/alpha"}`)
			}), token)
			_, first := c.Repository(t.Context(), "acme/alpha")
			_, second := c.Repository(t.Context(), "acme/alpha")
			if bad := first != nil || second != nil; bad != tt.bad || n != tt.asked {
				t.Errorf("%s: %v, %v after %d requests", name, first, second, n)
			}
		})
	}
}
