package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/artifactory/artifactorytest"
	"github.com/gravitee-lab/gio/internal/registry"
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

// wantImages fails unless tags name what they should of images name, NAME:TAG DIGEST; a name without a tag is not there.
func (o outside) wantImages(w *world, want map[string]string) {
	w.Helper()
	client, err := registry.New(registry.Options{URL: o.index})
	if err != nil {
		w.Fatal(err)
	}
	for name, digest := range want {
		path, tag, _ := strings.Cut(name, ":")
		at, err := client.Repository(path)
		if err != nil {
			w.Fatal(err)
		}
		got, err := at.Digest(w.Context(), tag)
		if got != digest || (err == nil) != (digest != "") {
			w.Errorf("%s: %q, %v, want %q", name, got, err, digest)
		}
		if digest != "" {
			registrytest.Pull(w.T, o.index, name)
		}
	}
}

// From here and from elsewhere to elsewhere, on from there, and back.
func TestPromotionElsewhere(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		o := connected(w)
		w.uploads("libs/notes/1.txt;built=yes", "notes")
		o.art.Put("dev-local/web/1.zip", "web")
		digest := registrytest.Image(w.T, o.index, "dev/acme/web:1")
		w.bundles("box", "libs/notes/1.txt", "art-dev/web/1.zip", "images-dev/acme/web:1")
		shown := w.ofStatus(http.StatusOK, w.admin, "GET", bundleRoute+"/records/box/1", "")
		for _, sum := range []string{sumOf("notes"), sumOf("web"), strings.TrimPrefix(digest, "sha256:")} {
			if !strings.Contains(shown, sum) {
				w.Errorf("%s is not in %s", sum, shown)
			}
		}
		at := func(environment string) []string {
			return []string{environment + "-local/notes/1.txt notes", environment + "-local/web/1.zip web"}
		}
		dev := []string{"dev-local/web/1.zip web"}

		p := w.carried("box", "QA", "move", http.StatusCreated) // the first one copies
		if strings.Join(p.Included, " ") != "qa-files qa-images" {
			w.Error(p)
		}
		o.wantArt(w, append(dev, at("qa")...)...)
		o.wantImages(w, map[string]string{"dev/acme/web:1": digest, "qa/acme/web:1": digest})
		if got := fmt.Sprint(o.art.Properties("qa-local/notes/1.txt")); got != "map[built:[yes] env:[QA]]" {
			w.Error(got)
		}
		w.wants(w.admin, "GET", fmt.Sprintf("%s/statuses/box/1/%d", promotionRoute, p.Millis), "", http.StatusOK, `{"status":"COMPLETED","messages":[]}`)

		w.carried("box", "PROD", "move", http.StatusCreated)
		o.wantArt(w, append(dev, at("prod")...)...)
		o.wantImages(w, map[string]string{"qa/acme/web:1": "", "prod/acme/web:1": digest})
		if got := fmt.Sprint(o.art.Properties("prod-local/notes/1.txt")); got != "map[built:[yes] env:[PROD]]" {
			w.Error(got)
		}

		w.ofStatus(http.StatusOK, w.admin, "POST", promotionRoute+"/rollback/box/1?from_environment=PROD&async=false", "")
		o.wantArt(w, append(dev, at("qa")...)...)
		o.wantImages(w, map[string]string{"dev/acme/web:1": digest, "qa/acme/web:1": digest, "prod/acme/web:1": ""})
		w.ofStatus(http.StatusNoContent, w.admin, "DELETE", fmt.Sprintf("%s/records/box/1/%d?async=false", promotionRoute, p.Millis), "")
		o.wantArt(w, dev...)
		o.wantImages(w, map[string]string{"dev/acme/web:1": digest, "qa/acme/web:1": ""})
		w.ofStatus(http.StatusNoContent, w.admin, "DELETE", bundleRoute+"/records/box/1?async=false", "")
	})
}

// Something else is at the place of one item: nothing is moved, and it is said where.
func TestPromotionElsewhereIsTaken(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		o := connected(w)
		w.uploads("libs/a.txt", "a")
		w.uploads("libs/b.txt", "b")
		digest, other := registrytest.Image(w.T, o.index, "dev/acme/web:1"), registrytest.Image(w.T, o.index, "qa/acme/web:1")
		w.bundles("files", "libs/a.txt", "libs/b.txt")
		w.bundles("box", "libs/a.txt", "images-dev/acme/web:1")
		o.art.Put("qa-local/b.txt", "other")
		w.carried("files", "QA", "copy", http.StatusConflict)
		said := w.ofStatus(http.StatusConflict, w.admin, "POST", promotionRoute+"/records/files/1?async=false", `{"environment":"QA"}`)
		if !strings.Contains(said, "Target artifact already exists: qa-files/b.txt") {
			w.Error(said)
		}
		said = w.ofStatus(http.StatusConflict, w.admin, "POST", promotionRoute+"/records/box/1?async=false", `{"environment":"QA"}`)
		if !strings.Contains(said, "Target artifact already exists: qa-images/acme/web:1") {
			w.Error(said)
		}
		o.wantArt(w, "qa-local/b.txt other")
		o.wantImages(w, map[string]string{"dev/acme/web:1": digest, "qa/acme/web:1": other})
		if n := o.art.Count("PUT"); n != 0 {
			w.Errorf("%d writes", n)
		}
		status, text := w.ask(w.admin, "POST", bundleRoute+"?async=false", `{"release_bundle_name":"none","release_bundle_version":"1","source_type":"artifacts","source":{"artifacts":[{"path":"art-dev/x.jar"}]}}`)
		if status != http.StatusNotFound || !strings.Contains(text, "art-dev/x.jar is not there") {
			w.Error(status, text)
		}
	})
}

// What comes from elsewhere to where files are kept here, with its properties, and from there to nowhere else than it was.
func TestPromotionFromElsewhere(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		o := connected(w)
		w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/shop", `{"name": "shop", "repository": "acme/shop",
			"environments": [{"name": "QA", "tier": "staging"}], "repositories": [{"name": "jars-dev", "type": "maven", "kind": "artifactory", "connection": "art", "path": "dev-local"}]}`)
		o.art.Put("dev-local/web/1.jar", "web")
		w.bundles("box", "jars-dev/web/1.jar")
		w.carried("box", "QA", "copy", http.StatusCreated)
		w.wants(w.admin, "GET", "/artifactory/qa-jars/web/1.jar", "", http.StatusOK, "web")
		o.wantArt(w, "dev-local/web/1.jar web")
	})
}

// The bundle of a candidate names the image that is missing, and is sealed once that is there.
func TestBundleOfImages(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		o := connected(w)
		w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/shop", `{"name": "shop", "repository": "acme/shop", "environments": [{"name": "QA", "tier": "staging"}],
			"bundle": [{"image": "acme/web:{{.ProductVersion}}"}, {"repository": "art-dev", "path": "web/{{.ProductVersion}}.zip"}]}`)
		w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/shop/candidates", `{"version": "1.0-rc1", "commit": "`+commit+`"}`)
		o.art.Put("dev-local/web/1.0.zip", "web")
		made := func() (b struct{ Status, Missing string }) {
			w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/shop/bundles", `{"candidate": "1.0-rc1"}`), &b)
			return b
		}
		if b := made(); b.Status != "draft" || b.Missing != "there is no file images-dev/acme/web:1.0" {
			w.Error(b)
		}
		registrytest.Image(w.T, o.index, "dev/acme/web:1.0")
		if b := made(); b.Status != "sealed" || b.Missing != "" {
			w.Error(b)
		}
	})
}

// A deployment has the bundle of its candidate carried first, and gio-server check tries what that needs.
func TestDeploymentCarriesFirst(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		o := connected(w)
		w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/shop", `{"name": "shop", "repository": "acme/shop", "environments": [{"name": "QA", "tier": "staging"}],
			"bundle": [{"image": "acme/web:{{.ProductVersion}}"}]}`)
		w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/shop/candidates", `{"version": "1.0-rc1", "commit": "`+commit+`"}`)
		digest := registrytest.Image(w.T, o.index, "dev/acme/web:1.0")
		w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/shop/bundles", `{"candidate": "1.0-rc1"}`)
		w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/shop/environments/QA/deployments", `{"candidate": "1.0-rc1"}`)
		var records struct{ Promotions []struct{ Status string } }
		for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(50 * time.Millisecond) {
			w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/projects/shop/bundles/shop/1.0/promotions", ""), &records)
			if records.Promotions[0].Status != "processing" {
				break
			}
		}
		if len(records.Promotions) != 1 || records.Promotions[0].Status != "completed" {
			w.Error(records)
		}
		o.wantImages(w, map[string]string{"qa/acme/web:1.0": digest})
		w.contains(w.says(server.Check), "Artifactory 7.146.0 takes the token", "it is a registry, and takes the token")
		wrong := *w
		file := filepath.Join(w.TempDir(), "gio-server.yaml")
		if err := os.WriteFile(file, []byte("connections: {artifactory: {url: '"+o.artURL+"', token: env:ART}}"), 0o600); err != nil {
			w.Fatal(err)
		}
		read, err := server.ReadSettings(server.Settings{Data: w.data}, file, []string{"ART=planted-and-wrong"})
		if err != nil {
			w.Fatal(err)
		}
		wrong.settings.Connections = read.Connections
		var out bytes.Buffer
		if err := server.Check(w.Context(), wrong.settings, &out); err == nil || !strings.Contains(out.String(), "the user or the token is wrong") || strings.Contains(out.String(), "planted") {
			w.Errorf("%v\n%s", err, &out)
		}
	})
}
