package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fluxEvent is one as Flux's own forwarder sends it, with the hash of a commit in it.
const fluxEvent = `{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"staging","uid":"u","apiVersion":"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"1"},"severity":"info","timestamp":"2026-11-29T10:59:50Z","message":"MESSAGE","reason":"REASON","metadata":{"revision":"main@sha1:176da9babbd7647fc68f3c5268a86a1d5fc6669a","summary":"staging"},"reportingController":"kustomize-controller","reportingInstance":"kc-0"}`

const pushedHash = "176da9babbd7647fc68f3c5268a86a1d5fc6669a"

// flux sends an event as Flux does, with its token in the address.
func (w *world) flux(token, env, body string) (int, string) {
	w.Helper()
	return w.sends("POST /api/flux-events?env="+env+"&access_token="+token+" HTTP/1.1\nHost: HOST\nContent-Type: application/json\nUser-Agent: Go-http-client/1.1\nGotk-Component: kustomize-controller\n", body)
}

// TestGimletCommits: what is committed is tracked to its end, listed, rolled back and removed; Flux tells of it.
func TestGimletCommits(t *testing.T) {
	eachGitOps(t, func(w *world) {
		w.ofStatus(http.StatusOK, w.admin, "PUT", own, strings.Replace(gitops, `, "confirm": "push"`, ``, 1))
		shop := w.ships(onDemand()...)
		id := w.releasesApp("staging", "demo-app", shop)
		// Somebody has pushed it, and has the effect: what the server's own worker is about to say of it is void.
		w.change(`UPDATE effects SET state = 'done', held = 0, token = token + 1`)
		w.change(`UPDATE deployments SET effect = 'done', message = 'waits until Flux has applied it', commit_hash = '` + pushedHash + `', commit_status = 'NotReconciled', commit_at = 1796000000000`)
		say := func(reason, body string) string {
			t.Helper()
			if status, said := w.flux(w.admin, "staging", strings.NewReplacer("REASON", reason, "MESSAGE", "it is "+reason).Replace(body)); status != 200 || said != "" {
				w.Errorf("Flux is answered %d %s", status, said)
			}
			got := w.track(id)
			if got.Status != "processed" || len(got.Results) != 1 || got.Results[0].Hash != pushedHash || got.Results[0].Status != "success" {
				w.Errorf("%s: %+v", reason, got)
			}
			return got.Results[0].GitopsCommitStatus + ": " + got.Results[0].GitopsCommitStatusDesc
		}
		if got := say("", `{"reason": "no revision"}`); got != "NotReconciled: " {
			w.Error(got)
		}
		for _, useless := range []string{"", "{", "[]", `{"metadata":7}`, strings.Replace(fluxEvent, pushedHash, commit, 1), strings.Replace(fluxEvent, "main@sha1:"+pushedHash, "main", 1)} {
			if got := say("ReconciliationSucceeded", useless); got != "NotReconciled: " {
				w.Errorf("%.40s: %s", useless, got)
			}
		}
		for _, reason := range []string{"Progressing", "DependencyNotReady"} {
			if got := say(reason, fluxEvent); got != reason+": it is "+reason {
				w.Error(got)
			}
		}
		if old := w.gimletSays(200, "GET", "/api/event?id="+id, ""); old != `{"status":"processed","statusDesc":"","gitopsHashes":[{"hash":"`+pushedHash+`","status":"DependencyNotReady","statusDesc":"it is DependencyNotReady"}]}` {
			w.Errorf("the old track: %s", old)
		}
		if got := say("ReconciliationSucceeded", strings.Replace(fluxEvent, "main@sha1:", "feature/x/", 1)); got != "ReconciliationSucceeded: it is ReconciliationSucceeded" {
			w.Error(got)
		}
		say("ReconciliationFailed", fluxEvent)
		one := regexp.MustCompile(`^\{"app":"demo-app","env":"staging","artifactId":"my/repo-[0-9a-f-]{36}","triggeredBy":"admin","version":\{"repositoryName":"my/repo","sha":"07141e7b[^}]*\},` +
			`"gitopsRef":"` + pushedHash + `","gitopsRepo":"acme/gitops","gitopsCommitStatus":"ReconciliationSucceeded","gitopsCommitStatusDesc":"it is ReconciliationSucceeded","gitopsCommitCreated":1796000000,"created":\d{10}\}$`)
		for _, query := range []string{"limit=3&env=staging", "env=staging&limit=-1&reverse=true&since=2021-02-01T15%3A34%3A26%2B01%3A00&app=demo-app&git-repo=my/repo", "limit=2&offset=1&env=staging"} {
			list := w.gimletSays(200, "GET", "/api/releases?"+query, "")
			if !one.MatchString(strings.TrimSuffix(strings.TrimPrefix(list, "["), "]")) {
				w.Errorf("%s: %s", query, list)
			}
		}
		for _, query := range []string{"env=staging&git-repo=my/other", "env=staging&app=other", "env=staging&until=2021-02-01T15:34:26Z&since=2020-01-01T00:00:00Z", "env=production", "env=staging&limit=0"} {
			if list := w.gimletSays(200, "GET", "/api/releases?"+query, ""); list != "[]" {
				w.Errorf("%s: %s", query, list)
			}
		}
		status := w.gimletSays(200, "GET", "/api/status?env=staging&app=demo-app", "")
		if !one.MatchString(strings.TrimSuffix(strings.TrimPrefix(status, `{"demo-app":`), "}")) {
			w.Errorf("the status: %s", status)
		}
		var back struct{ ID string }
		w.decode(w.gimletSays(201, "POST", "/api/rollback?env=staging&app=demo-app&sha="+pushedHash, ""), &back)
		if got := w.track(back.ID); got.Type != "rollback" || got.results() != "processed: " {
			w.Errorf("back to what runs: %+v", got)
		}
		w.decode(w.gimletSays(201, "POST", "/api/rollback?env=staging&app=demo-app&sha="+commit, ""), &back)
		if got := w.track(back.ID); got.results() != "new: demo-app -> staging pending" {
			w.Errorf("back to a commit: %+v", got)
		}
		w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/freezes", `{"environment": "staging", "reason": "holidays"}`)
		if status, said := w.gimletd("POST", "/api/delete?env=staging&app=demo-app", ""); status != 409 || !strings.Contains(said, "holidays") {
			w.Errorf("a removal while frozen: %d %s", status, said)
		}
		if list := w.ofStatus(200, w.admin, "GET", own+"/environments/staging/deployments", ""); !strings.Contains(list, `"action":"rollback"`) || strings.Contains(list, `"action":"delete"`) {
			w.Errorf("the deployments: %s", list)
		}
		if strings.Contains(w.log.String(), "access_token") || strings.Contains(w.log.String(), w.admin) {
			w.Error("a token of an address is in the log")
		}
	})
}

// TestGimletRoles: every route with every role; a token of another project sees and changes nothing.
func TestGimletRoles(t *testing.T) {
	eachGitOps(t, func(w *world) {
		w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/am", strings.ReplaceAll(gitops, "apim", "am"))
		shop := w.ships(onDemand()...)
		w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/freezes", `{"reason": "so that nothing is made"}`)
		rows := []struct {
			method, target, body, role string
			foreign                    int // for a token of another project
		}{
			{"POST", "/api/artifact", shipped, "reporter", 201},
			{"GET", "/api/artifacts", "", "reader", 200},
			{"GET", "/api/eventArtifactTrack?artifactId=" + shop, "", "reader", 404},
			{"GET", "/api/eventReleaseTrack?id=x", "", "reader", 404},
			{"GET", "/api/event?id=" + shop, "", "reader", 404},
			{"GET", "/api/releases?env=staging", "", "reader", 200},
			{"POST", "/api/releases", `{"env":"staging","app":"demo-app","artifactId":"` + shop + `"}`, "deployer", 404},
			{"GET", "/api/status?env=staging", "", "reader", 200},
			{"POST", "/api/rollback?env=staging&app=demo-app&sha=" + commit, "", "deployer", 201},
			{"POST", "/api/delete?env=staging&app=demo-app", "", "deployer", 0},
			{"POST", "/api/flux-events?env=staging", fluxEvent, "reporter", 200},
			{"GET", "/api/gitopsManifests/none", "", "admin", 400},
			{"GET", "/api/users", "", "admin", 200},
			{"POST", "/api/deleteUser", `"nobody"`, "admin", 204},
		}
		for _, role := range allowed["reader"] {
			for _, project := range []string{"", "apim", "am"} {
				secret := w.token(role, project)
				for _, r := range rows {
					if project == "am" && r.foreign == 0 {
						continue
					}
					may := slices.Contains(allowed[r.role], role)
					status, said := w.ask(secret, r.method, r.target, r.body)
					if refused := status == http.StatusForbidden; refused == may || status >= 500 || refused && !strings.HasPrefix(said, "Forbidden") {
						w.Errorf("a %s of %q: %s %s: %d %s, may: %t", role, project, r.method, r.target, status, said, may)
					}
					if project == "am" && may && status != r.foreign {
						w.Errorf("a %s of another project: %s %s: %d %s", role, r.method, r.target, status, said)
					}
				}
			}
		}
		for i, r := range rows {
			w.client = fmt.Sprintf("198.51.100.%d", i)
			for _, secret := range []string{"", "gio_x_y"} {
				if status, said := w.ask(secret, r.method, r.target, r.body); status != 401 || said != "Unauthorized" {
					w.Errorf("with %q: %s %s: %d %s", secret, r.method, r.target, status, said)
				}
			}
		}
		if status, _ := w.flux("gio_x_y", "staging", fluxEvent); status != 401 {
			w.Errorf("Flux with a bad token: %d", status)
		}
		if status, _ := w.flux(w.token("reporter", "apim"), "none", fluxEvent); status != 400 {
			w.Errorf("Flux of no environment: %d", status)
		}
		if users := w.gimletSays(200, "GET", "/api/users", ""); users != `[]` {
			w.Errorf("the users: %s", users) // ann is an admin, too
		}
		// The token that Gimlet's clients have goes on working.
		jwt := "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJjaSIsInR5cGUiOiJ1c2VyIn0.c2lnbmF0dXJl"
		w.client = ""
		w.ofStatus(http.StatusOK, w.admin, "POST", "/v1/tokens", `{"subject": "ci", "role": "reporter", "project": "apim", "secret": "`+jwt+`"}`)
		w.ofStatus(http.StatusCreated, jwt, "POST", "/api/artifact", shipped)
		if users := w.gimletSays(200, "GET", "/api/users", ""); users != `[{"login":"ci","token":"","admin":false,"name":""}]` {
			w.Errorf("the users: %s", users)
		}
		for _, bad := range []string{`"admin"`, `{"login":"ci"}`, ``} {
			if status, said := w.gimletd("POST", "/api/deleteUser", bad); status != 400 {
				w.Errorf("delete %s: %d %s", bad, status, said)
			}
		}
		w.ofStatus(http.StatusOK, w.admin, "POST", "/v1/tokens", `{"subject": "ci", "role": "deployer"}`)
		for range 2 {
			if said := w.gimletSays(204, "POST", "/api/deleteUser", `"ci"`); said != "" {
				w.Errorf("delete: %s", said)
			}
		}
		w.ofStatus(http.StatusUnauthorized, jwt, "GET", "/api/artifacts", "")
		if users := w.gimletSays(200, "GET", "/api/users", ""); users != `[]` {
			w.Errorf("the users: %s", users)
		}
		w.until(func() bool {
			return strings.Count(w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/events?limit=1000", ""), `"token.revoked"`) == 2
		})
	})
}
