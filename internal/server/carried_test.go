package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/artifactory/artifactorytest"
	"github.com/gravitee-lab/gio/internal/registry/registrytest"
	"github.com/gravitee-lab/gio/internal/server"
)

// outside are the systems with which a server has connections, "art" and "images".
type outside struct {
	art           *artifactorytest.Fake
	artURL, index string // addresses
}

// connected gives a server connections to an Artifactory and a registry, and begins it.
func connected(w *world) outside {
	w.Helper()
	o := outside{index: registrytest.Memory(w.T)}
	o.art, o.artURL = artifactorytest.New(w.T)
	file := filepath.Join(w.TempDir(), "gio-server.yaml")
	text := fmt.Sprintf("connections:\n  art: {kind: artifactory, url: %q, token: env:ART}\n  images: {kind: registry, url: %q}\n", o.artURL, o.index)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	read, err := server.ReadSettings(server.Settings{Data: w.data}, file, []string{"ART=" + artifactorytest.Token})
	if err != nil {
		w.Fatal(err)
	}
	w.settings.Connections, w.settings.DefaultProject = read.Connections, "shop"
	w.begin()
	w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/shop", `{"name": "shop", "repository": "acme/shop",
		"environments": [{"name": "QA", "tier": "staging"}, {"name": "PROD", "tier": "production"}],
		"repositories": [{"name": "libs"}, {"name": "art-dev", "kind": "artifactory", "connection": "art", "path": "dev-local"},
			{"name": "images-dev", "kind": "registry", "connection": "images", "path": "dev"},
			{"name": "qa-files", "environment": "QA", "kind": "artifactory", "connection": "art", "path": "qa-local"},
			{"name": "qa-jars", "environment": "QA", "type": "maven"},
			{"name": "qa-images", "environment": "QA", "kind": "registry", "connection": "images", "path": "qa"},
			{"name": "prod-files", "environment": "PROD", "kind": "artifactory", "connection": "art", "path": "prod-local"},
			{"name": "prod-images", "environment": "PROD", "kind": "registry", "connection": "images", "path": "prod"}]}`)
	return o
}

// wantArt fails unless the Artifactory has these files, REPOSITORY/PATH CONTENT.
func (o outside) wantArt(w *world, want ...string) {
	w.Helper()
	var got []string
	for _, name := range o.art.Names() {
		content, _ := o.art.Content(name)
		got = append(got, name+" "+content)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.Errorf("in Artifactory are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// bundles makes a bundle of files and images, REPOSITORY/PATH.
func (w *world) bundles(name string, places ...string) {
	w.Helper()
	var all []string
	for _, place := range places {
		all = append(all, fmt.Sprintf(`{"path":%q}`, place))
	}
	w.ofStatus(http.StatusCreated, w.admin, "POST", bundleRoute+"?async=false",
		fmt.Sprintf(`{"release_bundle_name":%q,"release_bundle_version":"1","source_type":"artifacts","source":{"artifacts":[%s]}}`, name, strings.Join(all, ",")))
}

// carried promotes version 1 of a bundle, and waits.
func (w *world) carried(name, environment, operation string, status int) (p promoted) {
	w.Helper()
	text := w.ofStatus(status, w.admin, "POST", promotionRoute+"/records/"+name+"/1?async=false&operation="+operation,
		fmt.Sprintf(`{"environment":%q,"artifact_additional_properties":[{"key":"env","values":[%q]}]}`, environment, environment))
	w.decode(text, &p)
	return p
}

// From a repository here to one of an Artifactory, and on from there.
func TestPromotionToArtifactory(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		o := connected(w)
		w.uploads("libs/notes/1.txt;built=yes", "notes")
		w.bundles("box", "libs/notes/1.txt")
		p := w.carried("box", "QA", "copy", http.StatusCreated)
		o.wantArt(w, "qa-local/notes/1.txt notes")
		if got := fmt.Sprint(o.art.Properties("qa-local/notes/1.txt")); got != "map[built:[yes] env:[QA]]" {
			w.Error(got)
		}
		w.wants(w.admin, "GET", fmt.Sprintf("%s/statuses/box/1/%d", promotionRoute, p.Millis), "", http.StatusOK, `{"status":"COMPLETED","messages":[]}`)
	})
}
