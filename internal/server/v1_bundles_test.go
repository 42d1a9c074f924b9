package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/store/storetest"
)

const boxes = "/v1/projects/commons/bundles"

// filesOfCommons are the files in DEV as /v1 names them.
func filesOfCommons() string {
	var all []string
	for _, f := range commonsFiles {
		repository, path, _ := strings.Cut(f[0], "/")
		all = append(all, `{"repository": "`+repository+`", "path": "`+path+`"}`)
	}
	return strings.Join(all, ", ")
}

// TestBundlesV1: a bundle from its making to its end by /v1.
func TestBundlesV1(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w)
		made := w.ofStatus(http.StatusCreated, w.admin, "POST", boxes, `{"name": "box", "version": "1.0.0", "files": [`+filesOfCommons()+`]}`)
		for _, field := range []string{`"name":"box"`, `"version":"1.0.0"`, `"status":"sealed"`, `"key":"gio-server"`, `"created_by":"admin"`} {
			if !strings.Contains(made, field) {
				w.Errorf("there is no %s in %s", field, made)
			}
		}
		w.refused("POST", boxes, `{"name": "box", "version": "1.0.0", "files": [`+filesOfCommons()+`]}`, http.StatusConflict, "bundle-exists")
		w.refused("POST", boxes, `{"name": "box", "version": "1.0.1", "files": [{"repository": "libs", "path": "*"}]}`, http.StatusNotFound, "no-file")
		w.refused("POST", boxes, `{"name": "box", "version": "1.0.1", "files": [{"repository": "none", "path": "*"}]}`, http.StatusNotFound, "no-repository")
		w.refused("POST", boxes, `{"name": "box", "version": "1.0.1", "candidate": "1.0.1-rc1", "files": [{"repository": "libs", "path": "*"}]}`, http.StatusNotFound, "no-candidate")
		w.refused("POST", boxes+"/box/1.0.0/seal", "", http.StatusConflict, "not-draft")

		// Names and versions, page by page.
		w.ofStatus(http.StatusCreated, w.admin, "POST", boxes, `{"name": "box", "version": "2.0.0", "files": [{"repository": "commons-dev-generic-local", "path": "commons/*"}]}`)
		w.ofStatus(http.StatusCreated, w.admin, "POST", boxes, `{"name": "other", "version": "1", "files": [{"repository": "commons-dev-generic-local", "path": "commons/*"}]}`)
		if got, want := w.bundleNames(boxes), "other box"; got != want {
			w.Errorf("the names are %s, want %s", got, want)
		}
		if got, want := w.bundleNames(boxes+"/box"), "2.0.0 1.0.0"; got != want {
			w.Errorf("the versions are %s, want %s", got, want)
		}
		if got := w.ofStatus(http.StatusOK, w.admin, "GET", boxes+"/nothing", ""); got != `{"bundles":[]}` {
			w.Errorf("the versions of nothing: %s", got)
		}

		// Promotions, and what a second one of them meets.
		w.ofStatus(http.StatusCreated, w.admin, "POST", boxes+"/box/1.0.0/promotions", `{"environment": "QA"}`)
		w.holds("qa", true)
		var moved record
		w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", boxes+"/box/1.0.0/promotions", `{"environment": "PROD", "move": true}`), &moved)
		if moved.Operation != "move" || moved.From != "QA" || moved.Status != "completed" || strings.Join(moved.Repositories, " ") != "commons-prod-generic-local commons-prod-docker-local commons-prod-maven-local" {
			w.Errorf("the move is %+v", moved)
		}
		w.holds("qa", false)
		w.holds("prod", true)
		w.refused("POST", boxes+"/box/1.0.0/promotions", `{"environment": "PROD", "include": ["libs"]}`, http.StatusBadRequest, "not-assigned")
		w.refused("POST", boxes+"/box/1.0.0/promotions", `{"environment": "NONE"}`, http.StatusNotFound, "no-environment")
		w.refused("POST", boxes+"/box/9/promotions", `{"environment": "QA"}`, http.StatusNotFound, "no-bundle")
		w.uploads("commons-qa-generic-local/commons/release-notes-1.0.0.txt", "others")
		var failed record
		w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", boxes+"/box/1.0.0/promotions", `{"environment": "QA"}`), &failed)
		if failed.Status != "failed" || strings.Join(failed.Messages, "") != "Target artifact already exists: commons-qa-generic-local/commons/release-notes-1.0.0.txt" {
			w.Errorf("it is %+v", failed)
		}

		// All about it.
		var shown struct {
			Status    string
			Items     []struct{ Kind, Type, Repository, Path, SHA256 string }
			Records   []record
			Signature struct {
				PayloadType string
				Signatures  []struct{ KeyID string }
			}
		}
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", boxes+"/box/1.0.0", ""), &shown)
		if len(shown.Items) != 3 || shown.Items[0].Path != "commons/release-notes-1.0.0.txt" || shown.Items[0].SHA256 != sumOf("notes") || shown.Items[2].Type != "maven" {
			w.Errorf("the items are %+v", shown.Items)
		}
		if len(shown.Records) != 3 || shown.Records[0].ID != failed.ID || shown.Records[1].ID != moved.ID {
			w.Errorf("the records are %+v", shown.Records)
		}
		if len(shown.Signature.Signatures) != 1 || shown.Signature.PayloadType != "application/vnd.in-toto+json" {
			w.Errorf("the signature is %+v", shown.Signature)
		}
		var listed struct {
			Promotions []record
			Next       string
		}
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", boxes+"/box/1.0.0/promotions?limit=2", ""), &listed)
		if len(listed.Promotions) != 2 || listed.Promotions[0].ID != failed.ID || listed.Next == "" {
			w.Errorf("the promotions are %+v", listed)
		}

		// Back to where it was, and the end.
		w.refused("POST", boxes+"/box/1.0.0/promotions/rollback", `{"environment": "QA"}`, http.StatusBadRequest, "elsewhere")
		w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/commons/freezes", `{"environment": "PROD", "reason": "feast"}`)
		w.refused("POST", boxes+"/box/1.0.0/promotions/rollback", `{"environment": "PROD"}`, http.StatusConflict, "frozen")
		w.refused("DELETE", boxes+"/box/1.0.0", "", http.StatusConflict, "frozen")
		w.ofStatus(http.StatusOK, w.admin, "POST", boxes+"/box/1.0.0/promotions/rollback", `{"environment": "PROD", "force": {"reason": "broken"}}`)
		w.holds("prod", false)
		w.ofStatus(http.StatusOK, w.admin, "DELETE", boxes+"/box/1.0.0", "")
		w.refused("GET", boxes+"/box/1.0.0", "", http.StatusNotFound, "no-bundle")
	})
}

// record is a promotion as /v1 answers it.
type record struct {
	ID, Environment, From, Operation, Status string
	Messages, Repositories                   []string
}

// refused fails unless a request of an admin is refused with a code.
func (w *world) refused(method, path, body string, status int, code string) {
	w.Helper()
	var p struct{ Code string }
	w.decode(w.ofStatus(status, w.admin, method, path, body), &p)
	if p.Code != code {
		w.Errorf("%s %s %s: %s, want %s", method, path, body, p.Code, code)
	}
}

// bundleNames reads a list by pages of one.
func (w *world) bundleNames(path string) string {
	w.Helper()
	var all []string
	for next := ""; ; {
		var page struct {
			Bundles []struct{ Name, Version string }
			Next    string
		}
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", path+"?limit=1&after="+next, ""), &page)
		for _, b := range page.Bundles {
			if path != boxes {
				b.Name = b.Version
			}
			all = append(all, b.Name)
		}
		if next = page.Next; next == "" {
			return strings.Join(all, " ")
		}
	}
}

// TestBundleOnce: a bundle and a promotion that are asked for again with the same key are made once.
func TestBundleOnce(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w)
		for n, request := range [][2]string{
			{boxes, `{"name": "box", "version": "1", "files": [` + filesOfCommons() + `]}`}, {boxes + "/box/1/promotions", `{"environment": "QA"}`},
		} {
			w.key = "request-" + string(rune('a'+n))
			first := w.ofStatus(http.StatusCreated, w.admin, "POST", request[0], request[1])
			again := w.ofStatus(http.StatusCreated, w.admin, "POST", request[0], request[1])
			if again != first || !w.replayed {
				w.Errorf("%s: %s, then %s, replayed: %t", request[0], first, again, w.replayed)
			}
		}
		w.key = ""
		var listed struct{ Promotions []record }
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", boxes+"/box/1/promotions", ""), &listed)
		if len(listed.Promotions) != 1 {
			w.Errorf("it was promoted %d times", len(listed.Promotions))
		}
	})
}

// TestVerifyBundle: a content that is gone or cut, and a list that somebody has changed, are found.
func TestVerifyBundle(t *testing.T) {
	t.Parallel()
	w := shelved(prepare(t, storetest.SQLite(t)))
	w.ofStatus(http.StatusCreated, w.admin, "POST", boxes, `{"name": "box", "version": "1", "files": [`+filesOfCommons()+`]}`)
	const intact = `{"intact":true,"key":"gio-server","items":3,"kept":3}`
	w.wants(w.admin, "GET", boxes+"/box/1/verify", "", http.StatusOK, intact)
	w.refused("GET", boxes+"/box/2/verify", "", http.StatusNotFound, "no-bundle")

	places, err := filepath.Glob(filepath.Join(w.data, "blobs", "*", "*"))
	if err != nil || len(places) != 3 {
		t.Fatal(places, err)
	}
	for _, place := range places {
		content, err := os.ReadFile(place)
		if err != nil {
			t.Fatal(err)
		}
		switch string(content) {
		case "notes":
			err = os.Remove(place)
		case "jar":
			err = os.WriteFile(place, []byte("ja"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.wants(w.admin, "GET", boxes+"/box/1/verify", "", http.StatusOK, `{"intact":false,"key":"gio-server","items":3,"kept":3,"lost":["commons-dev-generic-local/commons/release-notes-1.0.0.txt","commons-dev-maven-local/org/acme/commons/1.0.0/commons-1.0.0.jar"]}`)

	w.end()
	if _, err := storetest.Raw(t, w.settings.Database).ExecContext(t.Context(), `UPDATE items SET path = 'elsewhere.txt' WHERE number = 1`); err != nil {
		t.Fatal(err)
	}
	w.end = w.serve()
	if said := w.ofStatus(http.StatusOK, w.admin, "GET", boxes+"/box/1/verify", ""); !strings.Contains(said, `"intact":false`) ||
		!strings.Contains(said, `"problem":"what is in the bundle box 1 is not what was signed`) || strings.Contains(said, `"key"`) {
		w.Error(said)
	}
}

// TestDeploymentsPromote: whoever asks for a deployment, in whatever way, it promotes the candidate's bundle first.
func TestDeploymentsPromote(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w)
		const aviator = "/api/releases/commons"
		w.ofStatus(http.StatusCreated, w.admin, "POST", aviator+"/releases/1.0.0-rc1", `{"repo": "acme/commons", "commit": "`+commit+`"}`)
		w.ofStatus(http.StatusCreated, w.admin, "POST", boxes, `{"name": "box", "version": "1.0.0", "candidate": "1.0.0-rc1", "files": [`+filesOfCommons()+`]}`)
		w.ofStatus(http.StatusCreated, w.admin, "POST", aviator+"/environments/QA/deployments", of("1.0.0-rc1"))
		w.holds("qa", true)
		w.uploads("commons-prod-generic-local/commons/release-notes-1.0.0.txt", "others")
		w.ofStatus(http.StatusCreated, w.admin, "POST", aviator+"/environments/PROD/deployments", of("1.0.0-rc1"))
		var list []struct{ Status string }
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", aviator+"/environments/PROD/deployments", ""), &list)
		if len(list) != 1 || list[0].Status != "error" {
			w.Errorf("%+v", list)
		}
		var asked gate
		w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/commons/environments/PROD/deployments", `{"version": "1.0.0"}`), &asked)
		if want := "box 1.0.0 cannot be promoted to PROD: Target artifact already exists: commons-prod-generic-local/commons/release-notes-1.0.0.txt"; asked.Status != "error" || asked.Message != want {
			w.Errorf("it is %s, %s", asked.Status, asked.Message)
		}
		w.ofStatus(http.StatusNoContent, w.admin, "DELETE", "/artifactory/commons-prod-generic-local/commons/release-notes-1.0.0.txt", "")
		w.key = "once"
		for range 2 {
			w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/commons/environments/PROD/deployments", `{"version": "1.0.0"}`)
		}
		w.key = ""
		w.holds("prod", true)
		var listed struct{ Promotions []record }
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", boxes+"/box/1.0.0/promotions", ""), &listed)
		var got []string
		for _, p := range listed.Promotions {
			got = append(got, p.Environment+" "+p.Status+" from "+p.From)
		}
		if want := "PROD completed from QA, PROD failed from QA, PROD failed from QA, QA completed from DEV"; strings.Join(got, ", ") != want {
			w.Errorf("the promotions are %s", got)
		}
		w.deployedAgain()
	})
}

// deployedAgain fails unless the newest deployment in PROD says that its bundle is there.
func (w *world) deployedAgain() {
	w.Helper()
	var page struct {
		Deployments []struct{ ID string }
	}
	w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/projects/commons/environments/PROD/deployments?limit=1", ""), &page)
	var shown struct{ Status, Bundle, Unpromoted string }
	w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/deployments/"+page.Deployments[0].ID, ""), &shown)
	if shown.Status != "pending" || shown.Bundle != "box 1.0.0" || shown.Unpromoted != "" {
		w.Errorf("%+v", shown)
	}
}
