package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const (
	commit     = "0123456789abcdef0123456789abcdef01234567"
	other      = "89abcdef0123456789abcdef0123456789abcdef"
	candidates = "/api/releases/apim/releases/"
	qa         = "/api/releases/apim/environments/qa/deployments"
	prod       = "/api/releases/apim/environments/prod/deployments"
	back       = "/api/releases/apim/environments/prod/rollback"
)

func problem(text string) string { return `{"error":"` + text + `"}` }

func of(candidate string) string { return `{"release_candidate_version": "` + candidate + `"}` }

func as(candidate, status string) string {
	return `{"release_candidate_version": "` + candidate + `", "status": "` + status + `"}`
}

// TestAviator goes through Aviator's API row by row, in one story.
func TestAviator(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		made := `{"repo": "acme/apim", "commit": "` + commit + `"}`
		for _, row := range []struct {
			method, path, body string
			status             int
			answer             string
		}{
			// Create a release.
			{"POST", candidates + "3.9.4-rc1", made, 201, ""},
			{"POST", candidates + "3.9.4-rc1", made, 201, ""}, // the same again
			{"POST", candidates + "3.9.4-rc1", `{"repo": "acme/apim", "commit": "` + other + `"}`, 400, problem("Release candidate already exists")},
			{"POST", candidates + "3.9.4-rc2", `{"repo": "acme/apim", "commit": "` + strings.ToUpper(other) + `", "trigger_build_workflow": false}`, 201, ""},
			{"POST", candidates + "3.9.5-rc1", made, 201, ""},
			{"POST", candidates + "3.9.4", made, 400, problem("Invalid release candidate version")},
			{"POST", candidates + "3.9.4-rc0", made, 400, problem("Invalid release candidate version")},
			{"POST", candidates + "3.9.4-rc01", made, 400, problem("Invalid release candidate version")},
			{"POST", candidates + "3.9.4-RC1", made, 400, problem("Invalid release candidate version")},
			{"POST", candidates + "3.9.4-rc9", `{"repo": "acme/apim", "commit": "main"}`, 400, problem("Invalid commit hash")},
			{"POST", candidates + "3.9.4-rc9", `{"repo": "acme/other", "commit": "` + commit + `"}`, 404, problem("GitHub repository not found")},
			{"POST", candidates + "3.9.4-rc9", `{"repo": "acme/apim", "commit": "` + commit + `", "trigger_build_workflow": true}`, 400, problem("Build workflow is not configured")},
			{"POST", "/api/releases/Apim/releases/3.9.4-rc1", made, 404, problem("Release project not found")},
			// Nothing to roll back from.
			{"POST", back, "", 404, problem("No previous deployment to roll back from")},
			// Create a deployment.
			{"POST", qa, of("3.9.4-rc1"), 201, ""},
			{"POST", qa, of("3.9.4"), 400, problem("Invalid release candidate version")},
			{"POST", qa, of("9.9.9-rc1"), 404, problem("Release not found")},
			{"POST", "/api/releases/apim/environments/QA/deployments", of("3.9.4-rc1"), 404, problem("Release environment not found")},
			{"POST", "/api/releases/none/environments/qa/deployments", of("3.9.4-rc1"), 404, problem("Release project not found")},
			// Update its status; make one where there is none.
			{"PATCH", qa, as("3.9.4-rc1", "in_progress"), 200, ""},
			{"PATCH", qa, as("3.9.4-rc1", "success"), 200, ""},
			{"PATCH", prod, as("3.9.4-rc1", "success"), 200, ""},
			{"PATCH", prod, as("3.9.4-rc2", "success"), 200, ""},
			{"PATCH", prod, as("3.9.4-rc2", "done"), 400, problem("Invalid deployment status")},
			{"PATCH", prod, as("3.9.4", "success"), 400, problem("Invalid release candidate version")},
			{"PATCH", prod, as("9.9.9-rc1", "success"), 404, problem("Release not found")},
			{"PATCH", "/api/releases/apim/environments/none/deployments", as("3.9.4-rc1", "success"), 404, problem("Release environment not found")},
			// Lists.
			{"GET", "/api/releases/apim/environments/none/deployments", "", 404, problem("Release environment not found")},
			{"GET", "/api/releases/none/environments/qa/deployments", "", 404, problem("Release project not found")},
			{"GET", qa + "?page=0", "", 400, problem("Invalid page")},
			{"GET", qa + "?per_page=101", "", 400, problem("Invalid page")},
			{"GET", qa + "?page=x", "", 400, problem("Invalid page")},
			{"GET", qa + "?page=2", "", 200, "[]"},
			// Rollbacks.
			{"POST", "/api/releases/none/environments/prod/rollback", "{}", 404, problem("Release project not found")},
			{"POST", "/api/releases/apim/environments/none/rollback", "{}", 404, problem("Release environment not found")},
			// Anything else.
			{"DELETE", qa, "", 404, problem("Not found")},
			{"GET", "/api/releases/apim", "", 404, problem("Not found")},
			{"POST", qa, "[]", 400, problem("Invalid request body")},
			{"POST", qa, "", 400, problem("Invalid request body")},
			{"POST", qa, `{"release_candidate_version": 7}`, 400, problem("Invalid request body")},
			{"POST", qa, `{"release_candidate_version": "` + strings.Repeat("x", 2<<20) + `"}`, 400, problem("Invalid request body")},
		} {
			w.wants(w.admin, row.method, row.path, row.body, row.status, row.answer)
		}
		w.wants("", "GET", qa, "", 401, problem("Unauthorized"))
		w.wants("av_uat_nobody_knows_this_one", "GET", qa, "", 401, problem("Unauthorized"))
	})
}

// TestAviatorDeployments: every status, the fields of the object, the newest first, and pages.
func TestAviatorDeployments(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		ann := w.token("releaser", "apim")
		for _, v := range []string{"3.9.4-rc1", "3.9.4-rc2"} {
			w.ofStatus(http.StatusCreated, ann, "POST", candidates+v, `{"repo": "acme/apim", "commit": "`+commit+`"}`)
		}
		for _, status := range []string{"pending", "in_progress", "success", "failure", "canceling", "canceled", "error", "unknown"} {
			w.wants(ann, "PATCH", prod, as("3.9.4-rc1", status), 200, "")
			if list := w.ofStatus(http.StatusOK, ann, "GET", prod, ""); !strings.Contains(list, `"status":"`+status+`"`) || strings.Count(list, `"id"`) != 1 {
				w.Errorf("%s: %s", status, list)
			}
		}
		w.wants(ann, "PATCH", prod, as("3.9.4-rc1", "success"), 200, "")
		w.wants(ann, "POST", prod, of("3.9.4-rc2"), 201, "")
		list := w.ofStatus(http.StatusOK, ann, "GET", prod, "")
		want := regexp.MustCompile(`^\[\{"actor":"ann@example.org","deploy_end_at":null,"deploy_start_at":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d.\d{3}Z","environment_name":"prod",` +
			`"error_message":null,"from_release_candidate_version":"3.9.4-rc1","from_release_version":"3.9.4","id":"[0-9a-f-]{36}",` +
			`"release_candidate_version":"3.9.4-rc2","release_version":"3.9.4","status":"pending"\},\{.*"from_release_version":null.*"release_candidate_version":"3.9.4-rc1".*\}\]$`)
		if !want.MatchString(list) {
			w.Errorf("%s\nwant %s", list, want)
		}
		if one := w.ofStatus(http.StatusOK, ann, "GET", prod+"?per_page=1&page=2", ""); strings.Count(one, `"id"`) != 1 || !strings.Contains(one, `"release_candidate_version":"3.9.4-rc1"`) {
			w.Errorf("the second page: %s", one)
		}
	})
}

// TestAviatorReportsBesideAWaitingOne: a deployment supersedes those that wait, and a report of another one cancels nothing.
func TestAviatorReportsBesideAWaitingOne(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		for _, v := range []string{"1.0.0-rc1", "1.1.0-rc1", "1.2.0-rc1"} {
			w.ofStatus(http.StatusCreated, w.admin, "POST", candidates+v, `{"repo": "acme/apim", "commit": "`+commit+`"}`)
		}
		w.wants(w.admin, "POST", qa, of("1.0.0-rc1"), 201, "")
		w.wants(w.admin, "PATCH", qa, as("1.1.0-rc1", "pending"), 200, "")
		if list := w.ofStatus(http.StatusOK, w.admin, "GET", qa, ""); strings.Count(list, `"status":"pending"`) != 2 {
			w.Errorf("a report has canceled something: %s", list)
		}
		w.wants(w.admin, "POST", qa, of("1.2.0-rc1"), 201, "")
		list := w.ofStatus(http.StatusOK, w.admin, "GET", qa, "")
		if strings.Count(list, `"status":"pending"`) != 1 || strings.Count(list, `"error_message":"superseded by 1.2.0-rc1"`) != 2 {
			w.Errorf("what waited is not superseded: %s", list)
		}
	})
}

// TestAviatorRollback: what is active is canceled, and what ran before is deployed; the answer is the new deployment.
func TestAviatorRollback(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		for _, v := range []string{"1.0.0-rc1", "1.1.0-rc1", "1.2.0-rc1"} {
			w.ofStatus(http.StatusCreated, w.admin, "POST", candidates+v, `{"repo": "acme/apim", "commit": "`+commit+`"}`)
		}
		w.wants(w.admin, "PATCH", prod, as("1.0.0-rc1", "success"), 200, "")
		w.wants(w.admin, "POST", back, "", 404, problem("No previous deployment to roll back from"))
		w.wants(w.admin, "PATCH", prod, as("1.1.0-rc1", "success"), 200, "")
		w.wants(w.admin, "POST", prod, of("1.2.0-rc1"), 201, "")
		for _, step := range []struct{ to, ends string }{
			{"1.0.0-rc1", "success"}, // 1.1.0 was good, and is rolled back; 1.2.0 was under way
		} {
			answer := w.ofStatus(http.StatusCreated, w.admin, "POST", back, `{"force": true}`)
			for _, part := range []string{`"release_candidate_version":"` + step.to + `"`, `"status":"pending"`, `"deploy_end_at":null`, `"error_message":null`, `"from_release_candidate_version":"1.1.0-rc1"`} {
				if !strings.Contains(answer, part) {
					w.Errorf("the rollback says %s, and not %s", answer, part)
				}
			}
			w.wants(w.admin, "PATCH", prod, as(step.to, step.ends), 200, "")
		}
		list := w.ofStatus(http.StatusOK, w.admin, "GET", prod, "")
		if !regexp.MustCompile(`"error_message":"rolled back to 1.0.0-rc1".*"release_candidate_version":"1.2.0-rc1".*"status":"canceled"`).MatchString(list) {
			w.Errorf("what was under way: %s", list)
		}
		w.wants(w.admin, "POST", back, "", 404, problem("No previous deployment to roll back from")) // 1.1.0 was rolled back, and nothing was before 1.0.0
		w.wants(w.admin, "PATCH", prod, as("1.2.0-rc1", "failure"), 200, "")
	})
}
