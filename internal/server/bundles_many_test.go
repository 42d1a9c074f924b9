package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// posts sends a request over a connection of its own, and returns the answer's status.
func (w *world) posts(token, path, body string) int {
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http://"+w.address+path, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Error(err)
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestHundredPromotionsAtOnce: while one is under way 99 others are refused; without anything that keeps it, nothing is promoted that was
// not answered so.
func TestHundredPromotionsAtOnce(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		const many = 100
		shelved(w).bundled("1.0.0")
		db := storetest.Raw(w.T, w.settings.Database)
		db.SetMaxOpenConns(1)
		keeping, err := db.BeginTx(w.Context(), nil) // whoever does something with the bundle waits for it
		if err != nil {
			w.Fatal(err)
		}
		defer func() { _ = keeping.Rollback() }()
		if _, err := keeping.ExecContext(w.Context(), "UPDATE bundles SET rev = rev"); err != nil {
			w.Fatal(err)
		}
		answers := make(chan int, many)
		for range many {
			go func() { answers <- w.posts(w.admin, commons+"?async=false", `{"environment":"QA"}`) }()
		}
		got := map[int]int{}
		for n := range many {
			if n == many-1 { // all but one were answered
				if err := keeping.Rollback(); err != nil {
					w.Fatal(err)
				}
			}
			select {
			case status := <-answers:
				got[status]++
			case <-time.After(time.Minute):
				w.Fatalf("%d were answered, as %v", n, got)
			}
		}
		if got[http.StatusCreated] != 1 || got[http.StatusConflict] != many-1 {
			w.Errorf("they were answered %v", got)
		}
		w.holds("qa", true)

		clear(got)
		for range many {
			go func() { answers <- w.posts(w.admin, commons+"?async=false", `{"environment":"PROD"}`) }()
		}
		for range many {
			got[<-answers]++
		}
		said := w.ofStatus(http.StatusOK, w.admin, "GET", commons+"?filter_by=PROD", "")
		if n := strings.Count(said, `"status":"COMPLETED"`); n == 0 || n != got[http.StatusCreated] || n+got[http.StatusConflict] != many {
			w.Errorf("%d promotions, answered %v", n, got)
		}
	})
}

// TestPromotionsOfManyBundles: bundles that share an environment are promoted, moved and rolled back at the same time; each file ends where
// its bundle's records say, and no answer is 5xx.
func TestPromotionsOfManyBundles(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		const many = 12
		shelved(w)
		for i := range many {
			w.bundled(fmt.Sprintf("1.0.%d", i))
		}
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				bundle := fmt.Sprintf("/Commons-Bundle/1.0.%d", i)
				for _, step := range [][2]string{
					{promotionRoute + "/records" + bundle + "?async=false", `{"environment":"QA"}`},
					{promotionRoute + "/records" + bundle + "?async=false&operation=move", `{"environment":"PROD"}`},
					{promotionRoute + "/rollback" + bundle + "?from_environment=PROD&async=false", ""},
					{promotionRoute + "/records" + bundle + "?async=false&operation=move", `{"environment":"PROD"}`},
				} {
					if status := w.posts(w.admin, step[0], step[1]); status != http.StatusCreated && status != http.StatusOK {
						w.Errorf("%s: %d", step[0], status)
					}
				}
			})
		}
		all.Wait()
		w.holds("qa", false)
		w.holds("prod", true)
		for i := range many { // the last one takes the files with it, and no other
			w.holds("prod", true)
			w.ofStatus(http.StatusNoContent, w.admin, "DELETE", fmt.Sprintf("%s/records/Commons-Bundle/1.0.%d?async=false", bundleRoute, i), "")
		}
		w.holds("prod", false)
		w.holds("dev", true)
	})
}

// bundleRoutes are those of bundles and promotions, with the least role that may use each, and a body that is right. None finds what it
// names, so that all can be tried by each role.
func bundleRoutes() []struct{ method, path, body, role string } {
	return []struct{ method, path, body, role string }{
		{"POST", bundleRoute, commonsBundle("none", "1"), "releaser"},
		{"PATCH", bundleRoute, `{"release_bundle_name":"none","release_bundle_version":"1","add_sources":[{"source_type":"artifacts","artifacts":[]}]}`, "releaser"},
		{"POST", bundleRoute + "/none/1/finalize", "", "releaser"},
		{"GET", bundleRoute + "/statuses/none/1", "", "reader"},
		{"GET", bundleRoute + "/records/none/1", "", "reader"},
		{"GET", bundleRoute + "/existence/none/1", "", "reader"},
		{"GET", bundleRoute + "/groups", "", "reader"},
		{"GET", bundleRoute + "/records/none", "", "reader"},
		{"PUT", bundleRoute + "/records/none/1/tag", `{"tag":"t"}`, "releaser"},
		{"PUT", "/artifactory/api/storage/commons-release-bundles-v2/none/1/release-bundle.json.evd?properties=a%3Db", "", "releaser"},
		{"DELETE", "/artifactory/api/storage/commons-release-bundles-v2/none/1/release-bundle.json.evd?properties=a", "", "releaser"},
		{"POST", promotionRoute + "/records/none/1", `{"environment":"QA"}`, "deployer"},
		{"GET", promotionRoute + "/records/none/1", "", "reader"},
		{"GET", promotionRoute + "/records/none/1/7", "", "reader"},
		{"GET", promotionRoute + "/statuses/none/1/7", "", "reader"},
		{"DELETE", promotionRoute + "/records/none/1/7", "", "deployer"},
		{"POST", promotionRoute + "/rollback/none/1?from_environment=QA", "", "deployer"},
		{"DELETE", bundleRoute + "/records/none/1", "", "releaser"},
	}
}

// TestBundleRoles: every route of bundles with every role, bound to the project, to none, and to another one.
func TestBundleRoles(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w)
		w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/am", `{"name": "am", "repository": "acme/am"}`)
		for _, role := range allowed["reader"] {
			for _, project := range []string{"", "commons", "am"} {
				secret := w.token(role, project)
				for _, r := range bundleRoutes() {
					path := r.path
					if !strings.Contains(path, "release-bundles-v2") {
						path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + "project=commons"
					}
					may := slices.Contains(allowed[r.role], role) && project != "am"
					status, said := w.ask(secret, r.method, path, r.body)
					if refused := status == http.StatusForbidden; refused == may || status >= 500 || status == http.StatusUnauthorized {
						w.Errorf("a %s of %q: %s %s: %d %s, may: %t", role, project, r.method, r.path, status, said, may)
					}
				}
			}
		}
		for i, r := range bundleRoutes() {
			w.client = fmt.Sprintf("198.51.100.%d", i) // many bad tokens of one address are slow
			for _, secret := range []string{"", "gio_x_y"} {
				if status, said := w.ask(secret, r.method, r.path, r.body); status != http.StatusUnauthorized {
					w.Errorf("with %.10q: %s %s: %d %s", secret, r.method, r.path, status, said)
				}
			}
		}
	})
}

// TestBadBundleInput: whatever a body, a path or a query holds, the answer is 4xx in JFrog's shape.
func TestBadBundleInput(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w).bundled("1.0.0")
		refuses := func(method, path, body string) {
			w.Helper()
			status, said := w.ask(w.admin, method, path, body)
			if status < 400 || status >= 500 || !strings.HasPrefix(said, `{"errors":[{"status":`) {
				w.Errorf("%s %s %.80s: %d %.300s", method, path, body, status, said)
			}
		}
		bodies := []string{"{", "[]", "null", "7", `"x"`, `{"environment":7,"release_bundle_name":7,"tag":7,"overwrite_strategy":7}`, "\xff\xfe", strings.Repeat("[", 20000), strings.Repeat("a", 17<<20)}
		for _, r := range bundleRoutes() {
			path := strings.Replace(r.path, "/none/1", "/Commons-Bundle/1.0.0", 1)
			if r.body == "" && !strings.Contains(path, "rollback") {
				continue
			}
			for _, body := range bodies {
				refuses(r.method, path, body)
			}
		}
		for _, body := range []string{"{", "x", `{"distribution_rules":[]}`, "{}"} { // whatever it is, it is no local deletion
			refuses("DELETE", bundleRoute+"/records/Commons-Bundle/1.0.0", body)
		}
		make := func(name, version, sources string) string {
			return fmt.Sprintf(`{"release_bundle_name":%q,"release_bundle_version":%q,%s}`, name, version, sources)
		}
		good := `"source_type":"artifacts","source":{"artifacts":[{"path":"commons-dev-generic-local/commons/release-notes-1.0.0.txt"}]}`
		for _, body := range []string{
			"", "{}", make("a b", "1", good), make("a", "", good), make("-a", "1", good), make("a", strings.Repeat("1", 256), good), make("ü", "1", good),
			make("a", "1", `"source_type":"artifacts"`), make("a", "1", `"source_type":"artifacts","source":{"artifacts":[]}`), make("a", "1", `"source_type":"artifacts","source":{"artifacts":[{}]}`),
			make("a", "1", `"source_type":"artifacts","source":{"artifacts":[{"path":"commons-dev-generic-local"}]}`), make("a", "1", `"source_type":"artifacts","source":[]`),
			make("a", "1", `"source_type":"artifacts","source":{"artifacts":[{"path":"commons-dev-generic-local/\u0000"}]}`),
			make("a", "1", `"source_type":"packages","source":{"packages":[{"package_name":"x"}]}`), make("a", "1", `"source_type":"magic","source":{}`), make("a", "1", `"source":{}`),
			make("a", "1", `"source_type":"aql","source":{"aql":"items.find("}`), make("a", "1", `"source_type":"aql","source":{"aql":"items.find({\"repo\":\"nothing\"})"}`),
			make("a", "1", `"source_type":"builds","source":{"builds":[{"build_name":"x","build_number":"1","build_repository":"libs"}]}`),
			make("a", "1", `"source_type":"builds","source":{"builds":[{"build_name":"x","build_number":"1"}]}`),
			make("a", "1", `"source_type":"release_bundles","source":{"release_bundles":[{"release_bundle_name":"x","release_bundle_version":"1"}]}`),
			make("a", "1", `"source":{},"sources":[{}]`), make("a", "1", `"add_sources":[]`), make("a", "1", good+`,"add_sources":[{"source_type":"artifacts"}]`),
		} {
			refuses("POST", bundleRoute, body)
		}
		for _, body := range []string{
			"", "{}", `{"environment":""}`, `{"environment":"\u0000"}`, `{"environment":"nowhere"}`, `{"environment":"QA","included_repository_keys":"x"}`, `{"environment":"QA","artifact_additional_properties":[{"values":["x"]}]}`,
			`{"environment":"QA","artifact_additional_properties":[{"key":"a","values":["\u0000"]}]}`, `{"environment":"QA","artifact_additional_properties":[{"key":"a"},{"key":"a"}]}`,
		} {
			refuses("POST", commons, body)
		}
		for _, query := range []string{"async=maybe", "operation=link", "project=nothing", "repository_key=nothing", "project=%00", "async=false&operation="} {
			body := `{"environment":"QA"}`
			if query == "async=false&operation=" {
				body = `{"environment":"qa"}`
			}
			refuses("POST", commons+"?"+query, body)
		}
		for _, query := range []string{"limit=0", "limit=1001", "limit=x", "offset=-1", "offset=99999999999", "order_by=id", "order_asc=x", "filter_by=%00"} {
			for _, path := range []string{commons, bundleRoute + "/groups", bundleRoute + "/records/Commons-Bundle"} {
				refuses("GET", path+"?"+query, "")
			}
		}
		for _, path := range []string{
			"/records/%00/1", "/records/..%2f..%2fetc/1", "/statuses/Commons-Bundle/1.0.0/x", "/statuses/Commons-Bundle/1.0.0/99999999999999999999", "/records/Commons-Bundle/1.0.0/7", "/records", "/nothing",
		} {
			refuses("GET", promotionRoute+path, "")
		}
		refuses("PUT", "/artifactory/api/storage/libs/Commons-Bundle/1.0.0/release-bundle.json.evd?properties=a%3Db", "")
		refuses("PUT", "/artifactory/api/storage/release-bundles-v2/Commons-Bundle/1.0.0/release-bundle.json.evd?properties=a", "")
		refuses("PUT", "/artifactory/api/storage/release-bundles-v2/Commons-Bundle/1.0.0/release-bundle.json.evd", "")
		refuses("PUT", "/artifactory/api/storage/release-bundles-v2/Commons-Bundle/1.0.0/release-bundle.json.evd?properties=%zz", "")
		if said := w.ofStatus(http.StatusOK, w.admin, "GET", bundleRoute+"/groups", ""); !strings.Contains(said, `"release_bundle_versions_count":1}],"total":1,`) {
			w.Errorf("something was made: %s", said)
		}
		if said := w.ofStatus(http.StatusOK, w.admin, "GET", commons, ""); !strings.Contains(said, `"total":0`) {
			w.Errorf("something was promoted: %s", said)
		}
	})
}
