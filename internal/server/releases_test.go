package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// TestReleases: a release repository that the server may not read is said where the project is looked at, and its token nowhere.
func TestReleases(t *testing.T) {
	t.Parallel()
	git := gittest.HTTP(t, gittest.Bare(t, map[string]string{"release.json": "{}"}, "master"), gittest.Options{Token: "another", Under: "acme"})
	w := prepare(t, storetest.SQLite(t))
	file := filepath.Join(t.TempDir(), "gio-server.yaml")
	text := "connections: {git: {url: '" + strings.TrimSuffix(git.URL, "/acme/release.git") + "', token: 'env:GIT_TOKEN'}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := server.ReadSettings(w.settings, file, []string{"GIT_TOKEN=planted-token"})
	if err != nil {
		t.Fatal(err)
	}
	w.settings.Connections = read.Connections
	w.begin()
	const project = `{"name": "apim", "repository": "acme/release", "releases": {"connection": "git"}}`
	for connection, status := range map[string]int{"git": http.StatusOK, "none": http.StatusBadRequest} {
		body := strings.Replace(project, `"connection": "git"`, `"connection": "`+connection+`"`, 1)
		w.ofStatus(status, w.admin, "PUT", "/v1/projects/apim", body)
	}
	w.wants(w.admin, "GET", "/v1/projects/apim", "", http.StatusOK,
		`{"name":"apim","repository":"acme/release","releases":{"connection":"git","repository":"acme/release","manifest":"release.json"}}`)
	w.key = "sent-again" // it has no effect there
	said := w.ofStatus(http.StatusOK, w.token("reporter", "apim"), "POST", "/v1/releases/look", `{"repository": "`+git.URL+`", "version": "3.9.4"}`)
	w.key = ""
	said += w.ofStatus(http.StatusOK, w.token("reader", "apim"), "GET", "/v1/projects/apim/releases", "")
	if strings.Count(said, `"git-auth"`) != 2 || !strings.Contains(said, `[{"project":"apim","problem":`) {
		t.Errorf("it is not said: %s", said)
	}
	w.ofStatus(http.StatusNotFound, w.admin, "GET", "/v1/projects/apim/candidates/3.9.4-rc1", "")
	w.ofStatus(http.StatusNotFound, w.admin, "GET", "/v1/projects/none/releases", "")
	if all := said + w.rows() + w.log.String(); strings.Contains(all, "planted") {
		t.Errorf("the token is shown: %s", all)
	}
}
