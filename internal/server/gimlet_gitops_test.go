package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// gitops declares apim with environments that are deployed by Git: staging at once, production with an approval and after staging.
const gitops = `{"name": "apim", "repository": "acme/apim", "environments": [
	{"name": "staging", "kind": "gitops", "gitops": {"connection": "git", "repository": "acme/gitops", "confirm": "push"}},
	{"name": "production", "tier": "production", "kind": "gitops", "gitops": {"connection": "git", "repository": "acme/gitops-production", "branch": "live", "path": "/apps/", "per_environment": true},
		"requires": {"approvals": 1, "previous": "staging"}},
	{"name": "preview", "kind": "gitops", "gitops": {"connection": "git", "repository": "acme/gitops"}, "requires": {"approvals": 1}},
	{"name": "qa"}]}`

// eachGitOps is each, for a server with the project apim, deployed by Git. Nobody does what is to be done: effects stay as they are.
func eachGitOps(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	eachPrepared(t, func(w *world) {
		w.settings.DefaultProject = "apim"
		w.connect(`connections: {git: {kind: git, url: "https://git.test"}}`).begin()
		w.ofStatus(http.StatusOK, w.admin, "PUT", own, gitops)
		test(w)
	})
}

// onDemand are the texts that make the recorded artifact one without policies, for all environments.
func onDemand() []string {
	return []string{`"environments":[{`, `"environments":[{"app":"demo-app","env":"production"},{"app":"other","env":"staging"},{"app":"x-{{ .FOO }}","env":"preview"},{`, `"deploy":{"branch":"main","event":"push"},`, ``}
}

type tracked struct {
	Type, Status, StatusDesc string
	Results                  []struct{ App, Env, Hash, Status, StatusDesc, GitopsCommitStatus, GitopsCommitStatusDesc string }
}

// releases asks for a release, and returns the id of the request.
func (w *world) releasesApp(environment, app, artifact string) string {
	w.Helper()
	body := `{"env":"` + environment + `","app":"` + app + `","artifactId":"` + artifact + `","triggeredBy":""}`
	if app == "" {
		body = `{"env":"` + environment + `","artifactId":"` + artifact + `","triggeredBy":""}`
	}
	said := w.gimletSays(http.StatusCreated, "POST", "/api/releases", body)
	if !regexp.MustCompile(`^\{"id":"[0-9a-f-]{36}","type":"release"\}$`).MatchString(said) {
		w.Fatalf("POST /api/releases: %s", said)
	}
	var made struct{ ID string }
	w.decode(said, &made)
	return made.ID
}

func (w *world) track(id string) (t tracked) {
	w.Helper()
	w.decode(w.gimletSays(200, "GET", "/api/eventReleaseTrack?id="+id, ""), &t)
	return t
}

// results are those of a track, each as "app -> env status commit".
func (t tracked) results() string {
	var all []string
	for _, r := range t.Results {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s -> %s %s %s", r.App, r.Env, r.Status, r.GitopsCommitStatus)))
	}
	return t.Status + ": " + strings.Join(all, ", ")
}

// TestGimletRelease: what is asked for is made, and tracked until somebody does it.
func TestGimletRelease(t *testing.T) {
	eachGitOps(t, func(w *world) {
		shop := w.ships(onDemand()...)
		id := w.releasesApp("staging", "demo-app", shop)
		if got := w.track(id); got.Type != "release" || got.results() != "new: demo-app -> staging pending" {
			w.Errorf("%+v", got)
		}
		if old := w.gimletSays(200, "GET", "/api/event?id="+id, ""); old != `{"status":"new","statusDesc":"","gitopsHashes":[]}` {
			w.Errorf("the old track: %s", old)
		}
		if old := w.gimletSays(200, "GET", "/api/event?id="+shop, ""); old != `{"status":"processed","statusDesc":"","gitopsHashes":[]}` {
			w.Errorf("the old track of the artifact: %s", old)
		}
		// The slot is the app's: the same app waits, and another one begins. What waits is superseded.
		again := w.releasesApp("staging", "demo-app", shop)
		if got := w.track(again); got.results() != "new: demo-app -> staging pending" || !strings.Contains(got.Results[0].StatusDesc, "waits for the end of demo-app of "+shop) {
			w.Errorf("%+v", got)
		}
		if got := w.track(w.releasesApp("staging", "", shop)); got.results() != "new: other -> staging pending, demo-app -> staging pending" {
			w.Errorf("all apps: %+v", got)
		}
		if got := w.track(again); got.results() != "processed: demo-app -> staging failure ReleaseFailed" || !strings.Contains(got.Results[0].StatusDesc, "superseded by") {
			w.Errorf("superseded: %+v", got)
		}
		if got := w.track(w.releasesApp("staging", "nothing", shop)); got.results() != "processed: " {
			w.Errorf("no such app: %+v", got)
		}
		// The gate: staging does not run it, so production takes nothing; preview waits for a person.
		if got := w.track(w.releasesApp("production", "demo-app", shop)); got.results() != "processed: demo-app -> production failure GateFailed" || !strings.Contains(got.Results[0].GitopsCommitStatusDesc, "waits until staging runs") {
			w.Errorf("previous: %+v", got)
		}
		got := w.track(w.releasesApp("preview", "x-bar", shop))
		if got.results() != "new: x-bar -> preview pending" || !strings.HasPrefix(got.StatusDesc, "waits for 1 approval: gio deployment approve ") {
			w.Errorf("approval: %+v", got)
		}
		_, deployment, _ := strings.Cut(got.StatusDesc, "approve ")
		w.ofStatus(403, w.admin, "POST", "/v1/deployments/"+deployment+"/approve", "") // not a person
		var ann struct{ Secret string }
		w.decode(w.ofStatus(200, w.admin, "POST", "/v1/tokens", `{"subject": "ann@example.org", "role": "approver"}`), &ann)
		w.ofStatus(200, ann.Secret, "POST", "/v1/deployments/"+deployment+"/approve", "")
		w.ofStatus(201, w.admin, "POST", own+"/freezes", `{"environment": "staging", "reason": "holidays"}`)
		if got := w.track(w.releasesApp("staging", "demo-app", shop)); got.results() != "processed: demo-app -> staging failure GateFailed" || !strings.Contains(got.Results[0].StatusDesc, "holidays") {
			w.Errorf("frozen: %+v", got)
		}
		status, said := w.ask(w.admin, "POST", own+"/environments/staging/deployments", `{"candidate": "1.0.0-rc1"}`)
		if status != 400 || !strings.Contains(said, "not-by-candidate") {
			w.Errorf("by candidate: %d %s", status, said)
		}
		if list := w.gimletSays(200, "GET", "/api/releases?limit=3&env=staging", ""); list != "[]" {
			w.Errorf("what nobody has pushed is listed: %s", list)
		}
		if runs := w.gimletSays(200, "GET", "/api/status?env=staging", ""); runs != `{"demo-app":null,"other":null}` {
			w.Errorf("the status: %s", runs)
		}
		if runs := w.gimletSays(200, "GET", "/api/status?env=staging&app=none", ""); runs != `{"none":null}` {
			w.Errorf("the status of one app: %s", runs)
		}
	})
}

// TestGimletReleaseRefusals: each route refuses what is wrong, in plain text, and writes nothing.
func TestGimletReleaseRefusals(t *testing.T) {
	eachGitOps(t, func(w *world) {
		shop := w.ships(`"tag":"{{ .SHA }}"`, `"tag":"1"`, `"app":"demo-app"`, `"app":"demo-{{ .NOTHING }}"`)
		before := w.gimletSays(200, "GET", "/api/status?env=staging", "")
		for _, row := range []struct {
			method, target, body string
			status               int
			text                 string
		}{
			{"POST", "/api/releases", "{", 400, "Bad Request - "},
			{"POST", "/api/releases", "", 400, "Bad Request - "},
			{"POST", "/api/releases", `{"artifactId":"x"}`, 400, "Bad Request: env parameter is mandatory"},
			{"POST", "/api/releases", `{"env":"staging"}`, 400, "Bad Request: artifact parameter is mandatory"},
			{"POST", "/api/releases", `{"env":"staging","app":"demo-app","artifactId":"my/repo-1","triggeredBy":""}`, 404, "Not Found - cannot find artifact with id my/repo-1"},
			{"POST", "/api/releases", `{"env":"staging","artifactId":"` + shop + `"}`, 400, "Bad Request - "},
			{"POST", "/api/releases", `{"env":"none","artifactId":"` + shop + `"}`, 400, "Bad Request - "},
			{"POST", "/api/releases", `{"env":"qa","artifactId":"` + shop + `"}`, 400, "Bad Request - "},
			{"POST", "/api/releases", `{"env":7,"artifactId":"x"}`, 400, "Bad Request - "},
			{"GET", "/api/eventReleaseTrack?id=", "", 400, "Bad Request: id parameter is mandatory"},
			{"GET", "/api/eventReleaseTrack", "", 400, "Bad Request: id parameter is mandatory"},
			{"GET", "/api/eventReleaseTrack?id=ff11eb64-2f94-49c3-ac07-e9274735096c", "", 404, "Not Found"},
			{"GET", "/api/event?id=", "", 400, "Bad Request: id parameter is mandatory"},
			{"GET", "/api/event?id=my/repo-1", "", 404, "Not Found"},
			{"GET", "/api/releases", "", 400, "Bad Request: env parameter is mandatory"},
			{"GET", "/api/releases?env=none", "", 400, "Bad Request"},
			{"GET", "/api/releases?env=staging&limit=x", "", 400, "Bad Request - "},
			{"GET", "/api/releases?env=staging&limit=-2", "", 400, "Bad Request - "},
			{"GET", "/api/releases?env=staging&reverse=maybe", "", 400, "Bad Request - "},
			{"GET", "/api/releases?env=staging&since=x", "", 400, "Bad Request - "},
			{"GET", "/api/releases?env=staging&until=x", "", 400, "Bad Request - "},
			{"GET", "/api/status", "", 400, "Bad Request: env parameter is mandatory"},
			{"GET", "/api/status?env=none", "", 500, "Internal Server Error"},
			{"POST", "/api/rollback?env=staging&app=demo-app", "", 400, "Bad Request: sha parameter is mandatory"},
			{"POST", "/api/rollback?env=staging&sha=x", "", 400, "Bad Request: app parameter is mandatory"},
			{"POST", "/api/rollback?app=demo-app&sha=x", "", 400, "Bad Request: env parameter is mandatory"},
			{"POST", "/api/rollback?env=staging&app=demo-app&sha=x", "", 400, "Bad Request - "},
			{"POST", "/api/rollback?env=staging&app=../x&sha=176da9babbd7647fc68f3c5268a86a1d5fc6669a", "", 400, "Bad Request - "},
			{"POST", "/api/rollback?env=none&app=demo-app&sha=176da9babbd7647fc68f3c5268a86a1d5fc6669a", "", 400, "Bad Request - "},
			{"POST", "/api/delete?env=staging", "", 400, "Bad Request: app parameter is mandatory"},
			{"POST", "/api/delete?app=demo-app", "", 400, "Bad Request: env parameter is mandatory"},
			{"POST", "/api/delete?env=staging&app=a%2Fb", "", 400, "Bad Request - "},
			{"DELETE", "/api/releases", "", 404, "Not Found"},
		} {
			if status, said := w.gimletd(row.method, row.target, row.body); status != row.status || !strings.HasPrefix(said, row.text) {
				w.Errorf("%s %s %.80s: %d %.300s, want %d %s", row.method, row.target, row.body, status, said, row.status, row.text)
			}
		}
		if after := w.gimletSays(200, "GET", "/api/status?env=staging", ""); after != before {
			w.Errorf("something was deployed: %s", after)
		}
		if list := w.ofStatus(200, w.admin, "GET", own+"/environments/staging/deployments", ""); list != `{"deployments":[]}` {
			w.Errorf("something was written: %s", list)
		}
	})
}
