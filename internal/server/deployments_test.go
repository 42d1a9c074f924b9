package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestPages: lists are complete, the newest first, whatever the length of a page; a cursor of one list is none of another.
func TestPages(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		var want []string
		for n := range 7 {
			candidate := fmt.Sprintf("1.0.0-rc%d", n+1)
			w.deployment(candidate)
			want = append([]string{candidate}, want...)
		}
		for _, path := range []string{own + "/candidates", own + "/environments/qa/deployments"} {
			for _, limit := range []int{1, 3, 7, 100} {
				if got, _ := w.pages(path, limit); !slices.Equal(got, want) {
					w.Errorf("%s by %d: %v", path, limit, got)
				}
			}
		}
		_, next := w.pages(own+"/environments/qa/deployments", 3)
		w.ofStatus(http.StatusBadRequest, w.admin, "GET", own+"/environments/prod/deployments?after="+next, "")
	})
}

// pages reads a list to its end, and returns also the first cursor.
func (w *world) pages(path string, limit int) (candidates []string, first string) {
	w.Helper()
	for next := ""; ; {
		var page struct {
			Candidates, Deployments []struct{ Candidate string }
			Next                    string
		}
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", fmt.Sprintf("%s?limit=%d&after=%s", path, limit, next), ""), &page)
		for _, one := range append(page.Candidates, page.Deployments...) {
			candidates = append(candidates, one.Candidate)
		}
		if first == "" {
			first = page.Next
		}
		if next = page.Next; next == "" {
			return candidates, first
		}
	}
}

// gate is what GET /v1/deployments/{id} answers.
type gate struct {
	ID, Status, Message, Actor, Closed, Commit, Freeze, Forced, Candidate, Restores string
	Approvals                                                                       []struct{ By string }
}

func (w *world) gate(token, id string) (g gate) {
	w.Helper()
	w.decode(w.ofStatus(http.StatusOK, token, "GET", "/v1/deployments/"+id, ""), &g)
	return g
}

// TestDeploymentsV1 goes through a day by /v1: what waits says for what, who may not is told why, and what cannot be is a conflict.
func TestDeploymentsV1(t *testing.T) {
	each(t, func(w *world) {
		w.ofStatus(http.StatusOK, w.admin, "PUT", own, `{"name": "apim", "repository": "acme/apim", "environments": [
			{"name": "qa"}, {"name": "prod", "requires": {"approvals": 1, "previous": "qa"}}]}`)
		id := w.deployment("1.0.0-rc1")
		w.wants(w.admin, "PATCH", qa, as("1.0.0-rc1", "success"), 200, "")
		// By version: the newest that is ready.
		w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/candidates", `{"version": "1.0.0-rc2", "commit": "`+other+`", "author": "ann@example.org"}`)
		w.ofStatus(http.StatusOK, w.admin, "POST", own+"/candidates/1.0.0-rc2/block", `{"reason": "broken"}`)
		var asked gate
		w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/environments/prod/deployments", `{"version": "1.0.0"}`), &asked)
		if asked.Candidate != "1.0.0-rc1" {
			w.Errorf("it is %s", asked.Candidate)
		}
		if g := w.gate(w.admin, asked.ID[:35]); g.ID != asked.ID || g.Closed != "waits for 1 approval" || g.Commit != commit {
			w.Errorf("the gate: %+v", g)
		}
		if said := w.ofStatus(http.StatusBadRequest, w.admin, "POST", own+"/environments/prod/deployments", `{"candidate": "1.0.0-rc2"}`); !strings.Contains(said, "blocked: broken") {
			w.Error(said)
		}
		w.ofStatus(http.StatusNotFound, w.admin, "POST", own+"/environments/prod/deployments", `{"version": "7"}`)
		w.ofStatus(http.StatusBadRequest, w.admin, "POST", own+"/environments/prod/deployments", `{}`)
		// Approved by another person, once.
		ann := w.token("approver", "")
		for range 2 {
			w.ofStatus(http.StatusOK, ann, "POST", "/v1/deployments/"+asked.ID+"/approve", "")
		}
		if g := w.gate(w.admin, asked.ID); len(g.Approvals) != 1 || g.Closed != "" {
			w.Errorf("after the approval: %+v", g)
		}
		if said := w.ofStatus(http.StatusForbidden, w.admin, "POST", "/v1/deployments/"+asked.ID+"/approve", ""); !strings.Contains(said, "may-not-approve") {
			w.Error(said)
		}
		// What has ended is a conflict.
		for _, what := range []string{"approve", "reject", "cancel"} {
			w.ofStatus(http.StatusConflict, w.admin, "POST", "/v1/deployments/"+id+"/"+what, "")
		}
		w.ofStatus(http.StatusConflict, w.admin, "POST", "/v1/deployments/"+id+"/resolve", `{"outcome": "failed", "reason": "seen"}`)
		w.ofStatus(http.StatusBadRequest, w.admin, "POST", "/v1/deployments/"+id+"/resolve", `{"outcome": "failed", "pipeline": 7, "reason": "seen"}`)
		w.freezesV1()
	})
}

func (w *world) freezesV1() {
	w.Helper()
	var f struct{ ID, Environment string }
	w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/freezes", `{"environment": "qa", "reason": "sale", "until": "2100-01-01T00:00:00Z"}`), &f)
	w.ofStatus(http.StatusBadRequest, w.admin, "POST", own+"/freezes", `{"reason": "sale", "until": "2001-01-01T00:00:00Z"}`)
	w.ofStatus(http.StatusNotFound, w.admin, "POST", own+"/freezes", `{"environment": "none", "reason": "sale"}`)
	if said := w.ofStatus(http.StatusOK, w.admin, "GET", own+"/freezes", ""); f.Environment != "qa" || !strings.Contains(said, `"environment":"qa"`) {
		w.Error(said)
	}
	deploy := own + "/environments/qa/deployments"
	w.ofStatus(http.StatusConflict, w.admin, "POST", deploy, `{"candidate": "1.0.0-rc1"}`)
	w.ofStatus(http.StatusForbidden, w.token("deployer", "apim"), "POST", deploy, `{"candidate": "1.0.0-rc1", "force": {"reason": "needed"}}`)
	w.ofStatus(http.StatusUnprocessableEntity, w.admin, "POST", deploy, `{"candidate": "1.0.0-rc1", "force": {}}`)
	var forced gate
	w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", deploy, `{"candidate": "1.0.0-rc1", "force": {"reason": "needed"}}`), &forced)
	if forced.Forced != "needed" {
		w.Errorf("forced: %+v", forced)
	}
	var seen struct {
		Frozen  bool
		Freezes []struct{ Reason string }
		Active  []gate
		Current gate
	}
	w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", own+"/environments/qa", ""), &seen)
	if !seen.Frozen || len(seen.Freezes) != 1 || len(seen.Active) != 1 || seen.Current.Candidate != "1.0.0-rc1" {
		w.Errorf("the environment: %+v", seen)
	}
	w.ofStatus(http.StatusOK, w.admin, "DELETE", own+"/freezes/"+f.ID, "")
	w.ofStatus(http.StatusNotFound, w.admin, "DELETE", own+"/freezes/"+f.ID, "")
	var back struct {
		Held bool
		Hold gate
	}
	w.ofStatus(http.StatusCreated, w.admin, "POST", deploy, `{"candidate": "1.0.0-rc1"}`)
	w.wants(w.admin, "PATCH", qa, as("1.0.0-rc1", "failure"), 200, "")
	var rollback gate
	w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/environments/qa/rollback", ""), &rollback)
	w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", own+"/environments/qa", ""), &back)
	if !back.Held || back.Hold.ID != rollback.ID || rollback.Restores == "" {
		w.Errorf("after the rollback %+v: %+v", rollback, back)
	}
	back.Held, back.Hold = false, gate{}
	w.decode(w.ofStatus(http.StatusOK, w.admin, "POST", own+"/environments/qa/resume", ""), &back)
	if back.Held || back.Hold.ID != "" {
		w.Errorf("it is held: %+v", back)
	}
}
