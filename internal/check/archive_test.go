package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// usersAccount lets acme be a user's account, which has no list of an organization.
func usersAccount(w *world) {
	w.GitHub.Faults = append(w.GitHub.Faults, answer("org-repositories", "", 404, `{"message":"Not Found"}`))
}

func TestArchived(t *testing.T) {
	t.Parallel()
	archive := func(name string) func(*world) {
		return func(w *world) { w.repository(name, func(r *sim.Repository) { r.Archived = true }) }
	}
	both := func(edits ...func(*world)) func(*world) {
		return func(w *world) {
			for _, edit := range edits {
				edit(w)
			}
		}
	}
	archived := []string{"error archived api"}
	checkPlanted(t, []planted{
		{"in the organization", archive("acme/api"), archived, 7, `"where":"acme/api"`},
		{"in a user's account", both(archive("acme/api"), usersAccount), archived, 7, ""},
		{"not to be released", archive("acme/common"), nil, 0, ""},
		{"not to be released, in a user's account", both(archive("acme/common"), usersAccount), nil, 0, ""},
		{"under a name of other letters", func(w *world) {
			w.GitHub.Repositories["acme/API"] = w.GitHub.Repositories["acme/api"]
			w.GitHub.Repositories["acme/api"] = sim.Repository{RenamedTo: "acme/API"}
			archive("acme/API")(w)
		}, archived, 7, ""},
		{"in another organization", func(w *world) {
			w.options.Overrides = map[string]plan.Override{"api": {Repository: "other/api"}}
			w.GitHub.Repositories["other/api"] = w.GitHub.Repositories["acme/api"]
			archive("other/api")(w)
		}, archived, 7, `"where":"other/api"`},
		{"of two components", func(w *world) {
			w.options.Overrides = map[string]plan.Override{"definition": {Repository: "acme/api", Branch: "1.25.x"}}
			archive("acme/api")(w)
		}, []string{"error archived api", "error archived definition"}, 7, ""},
		{"missing", func(w *world) { delete(w.GitHub.Repositories, "acme/api") }, []string{"error repository-missing api"}, 7, ""},
		{"missing in a user's account", both(func(w *world) { delete(w.GitHub.Repositories, "acme/api") }, usersAccount), []string{"error repository-missing api"}, 7, ""},
		{"the list cannot be read", func(w *world) { w.hubAnswers("org-repositories", "", 418) }, []string{"error not-checked"}, 4, "not checked: which repositories of acme are archived: "},
		{"a repository cannot be read", both(usersAccount, func(w *world) { w.hubAnswers("repository", "acme/api", 418) }), []string{"error not-checked"}, 4, "not checked: which repositories of acme are archived: "},
	})
}

// TestArchivedPages: a list is read until everything was seen, and no further.
func TestArchivedPages(t *testing.T) {
	t.Parallel()
	for between, pages := range map[string]int{"b": 2, "z": 1} { // before or behind those that are to be released
		w := ready()
		for n := range 150 {
			w.GitHub.Repositories[fmt.Sprintf("acme/%s%03d", between, n)] = sim.Repository{}
		}
		w.repository("acme/gateway", func(r *sim.Repository) { r.Archived = true })
		s, q := w.open(t)
		defer s.Close()
		r, err := Run(t.Context(), q)
		if err != nil || strings.Join(lines(r.Findings), ", ") != "error archived gateway" {
			t.Errorf("%s: %v, %v", between, lines(r.Findings), err)
		}
		read := 0
		for _, request := range s.Requests() {
			if strings.HasPrefix(request.Path, "/api/v3/orgs/acme/repos") {
				read++
			}
		}
		if read != pages {
			t.Errorf("%s: %d pages were read, want %d", between, read, pages)
		}
	}
}

// TestArchivedWithoutItsPage: when GitHub does not find a later page of its list, the repositories are read one by one.
func TestArchivedWithoutItsPage(t *testing.T) {
	t.Parallel()
	w := ready()
	for n := range 150 {
		w.GitHub.Repositories[fmt.Sprintf("acme/b%03d", n)] = sim.Repository{}
	}
	for _, nth := range []int{2, 4} { // the second page, both times
		f := answer("org-repositories", "", 404, `{"message":"Not Found"}`)
		f.Nth, f.Times = nth, 1
		w.GitHub.Faults = append(w.GitHub.Faults, f)
	}
	w.repository("acme/gateway", func(r *sim.Repository) { r.Archived = true })
	if found := lines(w.check(t).Findings); strings.Join(found, ", ") != "error archived gateway" {
		t.Errorf("%v", found)
	}
}
