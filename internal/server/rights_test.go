package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/store/storetest"
)

const own = "/v1/projects/apim"

// routes are all of the server's, with the least role that may use each, and a body that is right. DEPLOYMENT stands for the id of one.
func routes() []struct{ method, path, body, role string } {
	return []struct{ method, path, body, role string }{
		{"POST", candidates + "1.0.0-rc1", `{"repo": "acme/apim", "commit": "` + commit + `"}`, "releaser"},
		{"POST", qa, of("1.0.0-rc1"), "deployer"},
		{"PATCH", qa, as("1.0.0-rc1", "success"), "reporter"},
		{"GET", qa, "", "reader"},
		{"POST", back, "", "deployer"},
		{"GET", "/v1/projects", "", "reader"},
		{"GET", "/v1/projects/apim", "", "reader"},
		{"PUT", "/v1/projects/apim", `{"name": "apim", "repository": "acme/apim"}`, "admin"},
		{"GET", "/v1/projects/apim/environments", "", "reader"},
		{"GET", own + "/environments/qa", "", "reader"},
		{"GET", own + "/environments/qa/deployments", "", "reader"},
		{"POST", own + "/environments/qa/deployments", `{"candidate": "1.0.0-rc1"}`, "deployer"},
		{"POST", own + "/environments/prod/rollback", `{}`, "deployer"},
		{"POST", own + "/environments/prod/resume", "", "deployer"},
		{"GET", own + "/candidates", "", "reader"},
		{"POST", own + "/candidates", `{"version": "1.0.0-rc1", "commit": "` + commit + `"}`, "releaser"},
		{"POST", own + "/candidates/0.9.0-rc1/block", `{"reason": "no"}`, "releaser"},
		{"GET", own + "/candidates/0.9.0-rc1", "", "reader"},
		{"GET", own + "/releases", "", "reader"},
		{"POST", "/v1/releases/look", `{"repository": "https://git.example.org/acme/release", "version": "1.0.0"}`, "reporter"},
		{"GET", own + "/freezes", "", "reader"},
		{"POST", own + "/freezes", `{"environment": "frozen", "reason": "no"}`, "releaser"},
		{"DELETE", own + "/freezes/nothing", "", "releaser"},
		{"GET", own + "/bundles", "", "reader"},
		{"POST", own + "/bundles", `{"name": "box", "version": "1", "files": [{"repository": "libs", "path": "a"}]}`, "releaser"},
		{"GET", own + "/bundles/box", "", "reader"},
		{"GET", own + "/bundles/box/1", "", "reader"},
		{"DELETE", own + "/bundles/box/1", "", "releaser"},
		{"POST", own + "/bundles/box/1/seal", "", "releaser"},
		{"GET", own + "/bundles/box/1/verify", "", "reader"},
		{"GET", own + "/bundles/box/1/promotions", "", "reader"},
		{"POST", own + "/bundles/box/1/promotions", `{"environment": "qa"}`, "deployer"},
		{"POST", own + "/bundles/box/1/promotions/rollback", `{"environment": "qa"}`, "deployer"},
		{"GET", own + "/shipments", "", "reader"},
		{"GET", own + "/shipment?id=my/repo-1", "", "reader"},
		{"POST", own + "/shipments/deploy", `{"shipment": "my/repo-1", "environment": "qa"}`, "deployer"},
		{"GET", own + "/batches/none", "", "reader"},
		{"POST", own + "/branches/deleted", `{"branch": "feature/x"}`, "reporter"},
		{"GET", "/v1/deployments/DEPLOYMENT", "", "reader"},
		{"POST", "/v1/deployments/DEPLOYMENT/approve", "", "approver"},
		{"POST", "/v1/deployments/DEPLOYMENT/reject", `{"reason": "no"}`, "approver"},
		{"POST", "/v1/deployments/DEPLOYMENT/cancel", `{"reason": "no"}`, "deployer"},
		{"POST", "/v1/deployments/DEPLOYMENT/resolve", `{"outcome": "failed", "reason": "seen"}`, "deployer"},
		{"GET", "/v1/tokens", "", "admin"},
		{"POST", "/v1/tokens", `{"subject": "bob", "role": "reader", "project": "apim"}`, "admin"},
		{"DELETE", "/v1/tokens/nobody", "", "admin"},
		{"GET", "/v1/events?project=apim", "", "reader"},
		{"GET", "/v1/events", "", "admin"},
		{"GET", "/v1/audit/head", "", "admin"},
		{"GET", "/v1/audit/verify", "", "admin"},
	}
}

// allowed are the roles that may what the least of them may. An approver is beside the others: only an admin may what they may.
var allowed = map[string][]string{
	"reader":   {"reader", "reporter", "deployer", "approver", "releaser", "admin"},
	"reporter": {"reporter", "deployer", "releaser", "admin"},
	"deployer": {"deployer", "releaser", "admin"},
	"approver": {"approver", "admin"},
	"releaser": {"releaser", "admin"},
	"admin":    {"admin"},
}

// TestRoles: every route with every role, bound to the project, to none, and to another one.
func TestRoles(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/am", `{"name": "am", "repository": "acme/am"}`)
		deployment := w.deployment("1.0.0-rc1")
		for _, role := range allowed["reader"] {
			for _, project := range []string{"", "apim", "am"} {
				secret := w.token(role, project)
				for _, r := range routes() {
					r.path = strings.Replace(r.path, "DEPLOYMENT", deployment, 1)
					hidden := project == "am" && strings.HasPrefix(r.path, "/v1/deployments/") // a bound token learns nothing of other projects
					all := r.path == "/v1/projects" || r.path == "/v1/releases/look" || r.path == "/v1/tokens" && r.method == "GET" || strings.HasPrefix(r.path, "/v1/tokens/")
					whole := r.path == "/v1/events" || strings.HasPrefix(r.path, "/v1/audit/") // no token of a project may
					foreign := project == "am" && !all || whole && project != ""
					may := slices.Contains(allowed[r.role], role) && !foreign
					status, said := w.ask(secret, r.method, r.path, r.body)
					if hidden {
						if status != http.StatusNotFound {
							w.Errorf("a %s of %q: %s %s: %d %s", role, project, r.method, r.path, status, said)
						}
						continue
					}
					if refused := status == http.StatusForbidden; refused == may || status >= 500 || status == http.StatusUnauthorized {
						w.Errorf("a %s of %q: %s %s: %d %s, may: %t", role, project, r.method, r.path, status, said, may)
					}
				}
			}
		}
		for i, r := range routes() {
			w.client = fmt.Sprintf("198.51.100.%d", i) // many bad tokens of one address are slow
			for _, secret := range []string{"", "gio_x_y", strings.Repeat("x", 5000)} {
				if status, said := w.ask(secret, r.method, r.path, r.body); status != http.StatusUnauthorized {
					w.Errorf("with %.10q: %s %s: %d %s", secret, r.method, r.path, status, said)
				}
			}
		}
	})
}

// TestRoutes: the table has every route of /v1.
func TestRoutes(t *testing.T) {
	t.Parallel()
	w := start(t, storetest.SQLite(t))
	var document struct {
		Paths map[string]map[string]any
	}
	w.decode(w.ofStatus(http.StatusOK, "", "GET", "/v1/openapi.json", ""), &document)
	if len(document.Paths) == 0 {
		t.Fatal("the document has no paths")
	}
	for path, methods := range document.Paths {
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "[^/]+") + `(\?.*)?$`)
		for method := range methods {
			listed := func(r struct{ method, path, body, role string }) bool {
				return strings.EqualFold(r.method, method) && pattern.MatchString(r.path)
			}
			if !slices.ContainsFunc(routes(), listed) {
				t.Errorf("nobody tests who may %s %s", method, path)
			}
		}
	}
}

// TestRevokedToken is refused at once, and one that was imported works as it is.
func TestRevokedToken(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		var made struct{ ID, Secret string }
		w.decode(w.ofStatus(http.StatusOK, w.admin, "POST", "/v1/tokens", `{"subject": "ci", "role": "reader", "secret": "av_uat_0123456789abcdef"}`), &made)
		if made.Secret != "" {
			w.Error("an imported secret is told again")
		}
		w.ofStatus(http.StatusOK, "av_uat_0123456789abcdef", "GET", qa, "")
		w.ofStatus(http.StatusConflict, w.admin, "POST", "/v1/tokens", `{"subject": "ci", "role": "reader", "secret": "av_uat_0123456789abcdef"}`)
		w.ofStatus(http.StatusOK, w.admin, "DELETE", "/v1/tokens/"+made.ID, "")
		w.ofStatus(http.StatusUnauthorized, "av_uat_0123456789abcdef", "GET", qa, "")
		w.ofStatus(http.StatusBadRequest, w.admin, "POST", "/v1/tokens", `{"subject": "ci", "role": "reader", "secret": "short"}`)
		w.ofStatus(http.StatusOK, w.admin, "POST", "/v1/tokens", `{"subject": "ci", "role": "reader", "expires_at": "2001-01-01T00:00:00Z"}`)
	})
}

// TestBadInput: whatever a body or a path holds, the answer is 4xx in the shape of its API, and nothing is written.
func TestBadInput(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		bodies := []string{"", "{", "[]", "null", "7", `"x"`, `{"name": 7, "repo": [], "subject": {}, "release_candidate_version": true}`, "\xff\xfe", strings.Repeat("[", 20000), strings.Repeat("a", 2<<20)}
		before := w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/projects/apim", "")
		for _, r := range routes() {
			if r.method == "GET" || r.method == "DELETE" || r.path == back || strings.HasSuffix(r.path, "/resume") || strings.HasSuffix(r.path, "/approve") {
				continue
			}
			for _, body := range bodies {
				status, said := w.ask(w.admin, r.method, r.path, body)
				shape := `{"error":`
				if strings.HasPrefix(r.path, "/v1") {
					shape = `"status":`
				}
				if status < 400 || status >= 500 || !strings.Contains(said, shape) {
					w.Errorf("%s %s with %.40q: %d %.200s", r.method, r.path, body, status, said)
				}
			}
		}
		for _, path := range []string{
			"/api/releases/%00/releases/1.0.0-rc1", "/api/releases/..%2f..%2fetc/releases/1.0.0-rc1", "/v1/projects/%00", "/v1/events?after=-1", "/v1/events?limit=x", "/v1/nothing", "/",
			own + "/candidates?limit=0", own + "/candidates?after=!", own + "/environments/qa/deployments?limit=101", own + "/environments/qa/deployments?after=bm90aGluZw",
			own + "/bundles?after=bm90aGluZw", own + "/bundles?after=LTE", own + "/bundles/box?limit=0", own + "/bundles/box/1", own + "/bundles/%00/1",
			own + "/shipments?after=bm90aGluZw", own + "/shipments?limit=0", own + "/shipment", own + "/shipment?id=", own + "/shipment?id=%00", own + "/batches/%00",
			own + "/environments/none", "/v1/deployments/%00", "/v1/deployments/short", "/v1/deployments/01234567-none",
		} {
			if status, said := w.ask(w.admin, "GET", path, ""); status < 400 || status >= 500 {
				w.Errorf("%s: %d %s", path, status, said)
			}
		}
		if after := w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/projects/apim", ""); after != before {
			w.Errorf("it was changed: %s", after)
		}
	})
}

// TestHistory: every change is an event, in order, with who made it by which API; no secret is in an event, a log or the database.
func TestHistory(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		secret := w.token("releaser", "apim")
		w.ofStatus(http.StatusCreated, secret, "POST", candidates+"1.0.0-rc1", routes()[0].body)
		w.wants(secret, "PATCH", qa, as("1.0.0-rc1", "success"), 200, "")
		w.wants(secret, "PATCH", qa, as("1.0.0-rc1", "success"), 200, "") // changes nothing
		w.sealed(5)
		var events []struct {
			Position                      int64
			Type, Actor, Dialect, Project string
		}
		said := w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/events", "")
		w.decode(said, &events)
		var got []string
		for _, e := range events {
			got = append(got, fmt.Sprintf("%d %s by %s via %s of %s", e.Position, e.Type, e.Actor, e.Dialect, e.Project))
		}
		want := []string{
			"1 token.created by local via local of ", "2 project.applied by admin via v1 of apim", "3 token.created by admin via v1 of apim",
			"4 candidate.created by ann@example.org via aviator of apim", "5 deployment.reported by ann@example.org via aviator of apim",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			w.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		rows := w.rows()
		if !strings.Contains(rows, "ann@example.org") || !strings.Contains(rows, "candidate.created") {
			w.Fatalf("not all was read: %s", rows)
		}
		kept := said + w.log.String() + rows
		for _, s := range []string{secret, w.admin} {
			if strings.Contains(kept, s) || strings.Contains(kept, s[len(s)-20:]) {
				w.Error("a secret is kept")
			}
		}
	})
}
