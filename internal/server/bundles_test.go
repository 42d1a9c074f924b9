package server_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const (
	bundleRoute    = "/lifecycle/api/v2/release_bundle"
	promotionRoute = "/lifecycle/api/v2/promotion"
	commons        = promotionRoute + "/records/Commons-Bundle/1.0.0"
)

// shelved makes the project "commons", the one of requests that name none, with repositories of three types in DEV, QA and PROD, the last
// of them in production, and files in those of DEV.
func shelved(w *world) *world {
	w.Helper()
	w.settings.DefaultProject = "commons"
	w.begin()
	w.declareCommons("")
	for _, f := range commonsFiles {
		w.uploads(f[0], f[1])
	}
	return w
}

// commonsFiles are the files in DEV, with their contents.
var commonsFiles = [][2]string{
	{"commons-dev-generic-local/commons/release-notes-1.0.0.txt", "notes"},
	{"commons-dev-docker-local/commons/1.0.0/manifest.json", "manifest"},
	{"commons-dev-maven-local/org/acme/commons/1.0.0/commons-1.0.0.jar", "jar"},
}

// declareCommons declares it; more is what else PROD requires.
func (w *world) declareCommons(more string) {
	w.Helper()
	var repositories []string
	for _, environment := range []string{"DEV", "QA", "PROD"} {
		for _, kind := range []string{"docker", "generic", "maven"} {
			repositories = append(repositories, fmt.Sprintf(`{"name": "commons-%s-%s-local", "environment": %q, "type": %q}`, strings.ToLower(environment), kind, environment, kind))
		}
	}
	repositories = append(repositories, `{"name": "libs"}`)
	w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/commons", `{"name": "commons", "repository": "acme/commons",
		"environments": [{"name": "DEV"}, {"name": "QA", "tier": "staging"}, {"name": "PROD", "tier": "production"`+more+`}],
		"repositories": [`+strings.Join(repositories, ",")+`]}`)
}

// uploads puts a file into a hosted repository.
func (w *world) uploads(path, content string) {
	w.Helper()
	w.ofStatus(http.StatusCreated, w.admin, "PUT", "/artifactory/"+path, content)
}

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// commonsBundle is the body that makes the bundle.
func commonsBundle(name, version string) string {
	var artifacts []string
	for _, f := range commonsFiles {
		artifacts = append(artifacts, fmt.Sprintf(`{"path":%q,"sha256":%q}`, f[0], sumOf(f[1])))
	}
	return fmt.Sprintf(`{"release_bundle_name":%q,"release_bundle_version":%q,"source_type":"artifacts","source":{"artifacts":[%s]}}`, name, version, strings.Join(artifacts, ","))
}

// bundled makes the bundle of all files in DEV.
func (w *world) bundled(version string) {
	w.Helper()
	w.ofStatus(http.StatusCreated, w.admin, "POST", bundleRoute+"?async=false", commonsBundle("Commons-Bundle", version))
}

// promoted is what is answered to a promotion.
type promoted struct {
	Environment string   `json:"environment"`
	From        string   `json:"source_environment"`
	Included    []string `json:"included_repository_keys"`
	Millis      int64    `json:"created_millis"`
	Created     string   `json:"created"`
}

// promotes promotes Commons-Bundle 1.0.0, and waits.
func (w *world) promotes(environment, operation string) (p promoted) {
	w.Helper()
	w.decode(w.ofStatus(http.StatusCreated, w.admin, "POST", commons+"?async=false&operation="+operation, `{"environment":"`+environment+`"}`), &p)
	return p
}

// holds fails unless the repositories of an environment have all files of the bundle, or none.
func (w *world) holds(environment string, all bool) {
	w.Helper()
	for _, f := range commonsFiles {
		path := "/artifactory/" + strings.Replace(f[0], "-dev-", "-"+environment+"-", 1)
		status, said := w.ask(w.admin, "GET", path, "")
		if is := status == http.StatusOK && said == f[1]; is != all || !is && status != http.StatusNotFound {
			w.Errorf("%s: %d %s, want it there: %t", path, status, said, all)
		}
	}
}

// sends sends a request as it was recorded, byte by byte but for the token, and returns the answer.
func (w *world) sends(request, body string) (int, string) {
	w.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.Context(), "tcp", w.address)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	request = strings.ReplaceAll(strings.ReplaceAll(request, "TOKEN", w.admin), "HOST", w.address)
	if body != "" {
		request += fmt.Sprintf("Content-Length: %d\n", len(body))
	}
	request = strings.ReplaceAll(request, "\n", "\r\n") + "\r\n" + body
	if _, err := io.WriteString(conn, request); err != nil {
		w.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer.StatusCode, strings.TrimSpace(string(said))
}

// TestSeedPromotion: the sample request of the document and its answer, field by field.
func TestSeedPromotion(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w).bundled("1.0.0")
		sample := `{
    "environment": "QA",
    "included_repository_keys": [],
    "excluded_repository_keys": [],
    "artifact_additional_properties": [
        {
            "key": "env",
            "values": [
                "QA"
            ]
        },
        {
            "key": "testers",
            "values": [
                "LouiseR", "PhilipG", "PavelN"
            ]
        }
    ]
}`
		said := w.ofStatus(http.StatusCreated, w.admin, "POST", commons+"?async=false", sample)
		want := `{"repository_key":"release-bundles-v2","release_bundle_name":"Commons-Bundle","release_bundle_version":"1.0.0","environment":"QA",` +
			`"included_repository_keys":["commons-qa-generic-local","commons-qa-docker-local","commons-qa-maven-local"],"excluded_repository_keys":[],` +
			`"artifact_additional_properties":[{"key":"env","values":["QA"]},{"key":"testers","values":["LouiseR","PhilipG","PavelN"]}],` +
			`"created":"CREATED","created_millis":MILLIS,"source_environment":"DEV"}`
		times := regexp.MustCompile(`"created":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","created_millis":(\d{13})`).FindStringSubmatch(said)
		if times == nil {
			w.Fatal(said)
		}
		want = strings.NewReplacer("CREATED", times[1], "MILLIS", times[2]).Replace(want)
		if said != want {
			w.Errorf("got\n%s\nwant\n%s", said, want)
		}
		w.holds("qa", true)
		properties := w.ofStatus(http.StatusOK, w.admin, "GET", "/artifactory/api/storage/commons-qa-maven-local/org/acme/commons/1.0.0/commons-1.0.0.jar?properties", "")
		if !strings.Contains(properties, `"properties":{"env":["QA"],"testers":["LouiseR","PhilipG","PavelN"]}`) {
			w.Errorf("the properties: %s", properties)
		}
	})
}

// TestRecordedPromotions: what jf and its library send, byte by byte as they were recorded, and the statuses that they accept.
func TestRecordedPromotions(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w).bundled("1.0.0")
		const (
			common = "Host: HOST\nUser-Agent: jfrog-cli-go/2.90.0\n"
			trace  = "Uber-Trace-Id: 58a1bd31a4f3c5cc:58a1bd31a4f3c5cc:0:0\nAccept-Encoding: gzip\nConnection: close\n"
			bearer = "Authorization: Bearer TOKEN\n"
			json   = "Content-Type: application/json\n"
			noKey  = "X-Jfrog-Signing-Key-Name: \n"
		)
		accepted := regexp.MustCompile(`^\{"repository_key":"release-bundles-v2","release_bundle_name":"Commons-Bundle",.*"created_millis":\d+,.*\}$`)
		for _, row := range []struct {
			title, request, body string
			status               int
		}{
			{"the version", "GET /artifactory/api/system/version HTTP/1.1\n" + common + bearer + trace, "", 200},
			{"rbp", "POST " + commons + "?async=false&operation=copy HTTP/1.1\n" + common + bearer + json + trace + noKey, `{"environment":"QA"}`, 201},
			{"rbp --sync=false", "POST " + commons + "?async=true&operation=copy HTTP/1.1\n" + common + bearer + json + trace + noKey, `{"environment":"QA"}`, 200},
			{
				"rbp with everything", "POST " + commons + "?async=false&operation=move&project=commons HTTP/1.1\n" + common + bearer + json + trace + "X-Jfrog-Signing-Key-Name: gio-server\n",
				`{"environment":"PROD","included_repository_keys":["commons-prod-generic-local","commons-prod-maven-local"],"excluded_repository_keys":["c-local"]}`, 201,
			},
			{"rbp with a name that no bundle has", "POST " + promotionRoute + "/records/Bundle%20with%20space/1.0+meta?async=false&operation=copy HTTP/1.1\n" + common + bearer + json + trace + noKey, `{"environment":"PRE PROD"}`, 404},
			{"rbp --user --password", "POST " + commons + "?async=false&operation=copy HTTP/1.1\n" + common + "Authorization: Basic BASIC\n" + json + trace + noKey, `{"environment":"QA"}`, 201},
			{"client-go", "POST " + commons + "?async=true HTTP/1.1\n" + common + bearer + json + trace + noKey, `{"environment":"QA"}`, 200},
			{"a double slash", "POST /" + commons + "?async=true HTTP/1.1\n" + common + bearer + json + trace + noKey, `{"environment":"QA"}`, 200},
			{"client-go's list", "GET " + commons + "?filter_by=f&include=messages&limit=2&offset=1&order_asc=true&order_by=created&project=commons HTTP/1.1\n" + common + bearer + trace, "", 200},
			{"rbs versions", "GET " + bundleRoute + "/records/Commons-Bundle?filter_by=x&limit=5&offset=2&order_asc=true&order_by=created&project=commons HTTP/1.1\n" + common + bearer + trace, "", 200},
			{"rbs names", "GET " + bundleRoute + "/groups HTTP/1.1\n" + common + bearer + trace, "", 200},
			{"rba --tag", "PUT " + bundleRoute + "/records/Commons-Bundle/1.0.0/tag?project=default HTTP/1.1\n" + common + bearer + json + trace, `{"tag":"t1","exist":true}`, 200},
			{"rba --properties", "PUT /artifactory/api/storage/release-bundles-v2/Commons-Bundle/1.0.0/release-bundle.json.evd?properties=a%3Db&recursive=1 HTTP/1.1\n" + common + bearer + trace, "", 204},
			{"rbdelr", "DELETE " + bundleRoute + "/records/Commons-Bundle/1.0.0 HTTP/1.1\n" + common + bearer + json + trace, `{"dry_run":false,"distribution_rules":[{"site_name":"*"}]}`, 400},
			{"rbdelr --dry-run", "DELETE " + bundleRoute + "/records/Commons-Bundle/1.0.0 HTTP/1.1\n" + common + bearer + json + trace, `{"dry_run":true,"distribution_rules":[{"site_name":"*"}]}`, 400},
			{"rbdelr of a site", "POST /lifecycle/api/v2/distribution/remote_delete/Commons-Bundle/1.0.0 HTTP/1.1\n" + common + bearer + json + trace, `{"dry_run":false,"distribution_rules":[{"site_name":"edge"}]}`, 404},
			{"rbd", "POST /lifecycle/api/v2/distribution/distribute/Commons-Bundle/1.0.0 HTTP/1.1\n" + common + bearer + json + trace, `{"dry_run":false,"distribution_rules":[{"site_name":"*"}],"modifications":{"mappings":[]}}`, 404},
			{"rbe", "GET /lifecycle/api/v2/distribution/export/status/Commons-Bundle/1.0.0?async=true HTTP/1.1\n" + common + bearer + trace, "", 404},
		} {
			request := strings.Replace(row.request, "BASIC", base64.StdEncoding.EncodeToString([]byte("admin:"+w.admin)), 1)
			status, said := w.sends(request, row.body)
			if status != row.status {
				w.Errorf("%s: %d %s, want %d", row.title, status, said, row.status)
			}
			if strings.Contains(request, "POST "+commons) && !accepted.MatchString(said) {
				w.Errorf("%s: %s", row.title, said)
			}
			if status >= 400 && !strings.HasPrefix(said, fmt.Sprintf(`{"errors":[{"status":%d,"message":"`, status)) {
				w.Errorf("%s: %s", row.title, said)
			}
		}
		w.ofStatus(http.StatusOK, w.admin, "GET", bundleRoute+"/records/Commons-Bundle/1.0.0", "") // nothing was deleted

		// jf rbdell b 1 QA: the records, and each to there.
		var list struct {
			Promotions []struct {
				Environment string
				Millis      int64 `json:"created_millis"`
			}
		}
		_, said := w.sends("GET "+commons+" HTTP/1.1\n"+common+bearer+trace, "")
		w.decode(said, &list)
		if len(list.Promotions) != 6 {
			w.Errorf("%d records: %s", len(list.Promotions), said)
		}
		for _, p := range list.Promotions {
			if status, said := w.sends(fmt.Sprintf("DELETE %s/%d?async=false HTTP/1.1\n", commons, p.Millis)+common+bearer+trace, ""); status != 204 || said != "" {
				w.Errorf("%d %s", status, said)
			}
		}
		w.holds("qa", false)
		w.holds("prod", false)
		if status, said := w.sends("DELETE "+bundleRoute+"/records/Commons-Bundle/1.0.0?async=false HTTP/1.1\n"+common+bearer+trace, ""); status != 204 || said != "" {
			w.Errorf("%d %s", status, said)
		}
	})
}

// TestRecordedBundles: what jf sends to make bundles, as it was recorded.
func TestRecordedBundles(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w)
		info := fmt.Sprintf(`{"name":"bn","number":"7","started":"2026-08-13T10:00:00.000+0000","modules":[{"id":"m","artifacts":[{"name":"x.txt","path":"a/b/x.txt","originalDeploymentRepo":"libs","sha1":"","sha256":%q}]}]}`, sumOf("x"))
		w.uploads("libs/a/b/x.txt", "x")
		w.ofStatus(http.StatusNoContent, w.admin, "PUT", "/artifactory/api/build", info)
		artifacts := `"artifacts":[{"path":"libs/a/b/x.txt","sha256":"` + sumOf("x") + `"}]`
		for _, row := range []struct {
			title, method, path, body string
			status                    int
			answer                    string
		}{
			{
				"rbc --spec", "POST", bundleRoute + "?async=false", `{"release_bundle_name":"b","release_bundle_version":"1","source_type":"artifacts","source":{` + artifacts + `}}`,
				201, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"1","created":"TIME"}`,
			},
			{
				"rbc --sync=false --build-name --project", "POST", bundleRoute + "?async=true&project=commons", `{"release_bundle_name":"b","release_bundle_version":"2","source_type":"builds","source":{"builds":[{"build_name":"bn","build_number":"7","build_repository":"commons-build-info"}]}}`,
				200, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"2","created":"TIME"}`,
			},
			{
				"rbc --build-name", "POST", bundleRoute + "?async=false", `{"release_bundle_name":"b","release_bundle_version":"2a","source_type":"builds","source":{"builds":[{"build_name":"bn","build_number":"7","build_repository":"artifactory-build-info"}]}}`,
				201, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"2a","created":"TIME"}`,
			},
			{
				"rbc --release-bundles", "POST", bundleRoute + "?async=false", `{"release_bundle_name":"b","release_bundle_version":"3","source_type":"release_bundles","source":{"release_bundles":[{"release_bundle_name":"b","release_bundle_version":"1","project":"commons","repository_key":"commons-release-bundles-v2"}]}}`,
				201, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"3","created":"TIME"}`,
			},
			{
				"rbc --source-type-builds --source-type-release-bundles", "POST", bundleRoute + "?async=false",
				`{"release_bundle_name":"b","release_bundle_version":"4","sources":[{"source_type":"builds","builds":[{"build_name":"bn","build_number":"7","build_repository":"artifactory-build-info"}]},{"source_type":"release_bundles","release_bundles":[{"release_bundle_name":"b","release_bundle_version":"1"}]}]}`,
				201, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"4","created":"TIME"}`,
			},
			{
				"rbc by AQL", "POST", bundleRoute + "?async=false", `{"release_bundle_name":"b","release_bundle_version":"5","source_type":"aql","source":{"aql":"items.find({\"repo\":\"libs\",\"path\":{\"$match\":\"a/*\"},\"name\":{\"$match\":\"*\"}})"}}`,
				201, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"5","created":"TIME"}`,
			},
			{
				"rbc --draft", "POST", bundleRoute + "?async=false", `{"release_bundle_name":"b","release_bundle_version":"6","draft":true,"source_type":"artifacts","source":{` + artifacts + `}}`,
				201, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"6","created":"TIME"}`,
			},
			{"its status", "GET", bundleRoute + "/statuses/b/6", "", 200, `{"status":"DRAFT","messages":[]}`},
			{
				"rbu --add", "PATCH", bundleRoute + "?async=false", `{"release_bundle_name":"b","release_bundle_version":"6","add_sources":[{"source_type":"release_bundles","release_bundles":[{"release_bundle_name":"b","release_bundle_version":"5"}]}]}`,
				200, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"6","created":"TIME"}`,
			},
			{"rbf", "POST", bundleRoute + "/b/6/finalize?async=false", "", 200, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"6","created":"TIME"}`},
			{"rbf again", "POST", bundleRoute + "/b/6/finalize?async=false", "", 409, jfrogError(409, "the bundle b 6 is sealed, and never changes")},
			{
				"rbu of a sealed one", "PATCH", bundleRoute + "?async=false", `{"release_bundle_name":"b","release_bundle_version":"6","add_sources":[{"source_type":"artifacts",` + artifacts + `}]}`,
				409, jfrogError(409, "the bundle b 6 is sealed, and never changes"),
			},
			{
				"the same again", "POST", bundleRoute + "?async=false", `{"release_bundle_name":"b","release_bundle_version":"1","source_type":"artifacts","source":{` + artifacts + `}}`,
				409, jfrogError(409, "the bundle b 1 exists already, and a bundle never changes; give the new one another version"),
			},
			{"its status", "GET", bundleRoute + "/statuses/b/1", "", 200, `{"status":"COMPLETED","messages":[]}`},
			{"is it there?", "GET", bundleRoute + "/existence/b/1", "", 200, `{"exists":true}`},
			{"is it there?", "GET", bundleRoute + "/existence/b/9", "", 200, `{"exists":false}`},
			{"what is in it", "GET", bundleRoute + "/records/b/2", "", 200, `{"repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"2","created":"TIME","service_id":"gio-server","status":"COMPLETED","created_by":"admin","created_millis":MILLIS,` +
				`"artifacts":[{"path":"a/b/x.txt","checksum":"` + sumOf("x") + `","source_repository_key":"libs","package_type":"generic","size":1,"properties":[]}]}`},
			{"rba --tag", "PUT", bundleRoute + "/records/b/2/tag?project=default", `{"tag":"t1","exist":true}`, 200, ""},
			{"rbs versions", "GET", bundleRoute + "/records/b?limit=1&offset=4&order_by=release_bundle_version", "", 200, `{"release_bundles":[{"status":"COMPLETED","repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"2a","created":"TIME","service_id":"gio-server","created_by":"admin","created_millis":MILLIS,"release_status":"PRE_RELEASE"}],"total":7,"limit":1,"offset":4}`},
			{"rbs versions with a tag", "GET", bundleRoute + "/records/b?filter_by=2&order_asc=true&limit=1", "", 200, `{"release_bundles":[{"status":"COMPLETED","repository_key":"release-bundles-v2","release_bundle_name":"b","release_bundle_version":"2","created":"TIME","service_id":"gio-server","created_by":"admin","created_millis":MILLIS,"tag":"t1","release_status":"PRE_RELEASE"}],"total":2,"limit":1,"offset":0}`},
			{"rbs names", "GET", bundleRoute + "/groups", "", 200, `{"release_bundles":[{"repository_key":"release-bundles-v2","project_key":"default","project_name":"commons","service_id":"gio-server","created":"TIME","release_bundle_name":"b","release_bundle_version_latest":"6","release_bundle_versions_count":7}],"total":1,"limit":25,"offset":0}`},
			{"of a name that there is not", "GET", bundleRoute + "/records/none", "", 200, `{"release_bundles":[],"total":0,"limit":25,"offset":0}`},
			{"rbdell --sync=false", "DELETE", bundleRoute + "/records/b/2?async=true", "", 200, ""},
			{"rbdell", "DELETE", bundleRoute + "/records/b/3?async=false", "", 204, ""},
			{"rbdell again", "DELETE", bundleRoute + "/records/b/3?async=false", "", 404, jfrogError(404, "there is no bundle b 3")},
			{"what is in it", "GET", bundleRoute + "/records/b/3", "", 404, jfrogError(404, "there is no bundle b 3")},
		} {
			status, said := w.ask(w.admin, row.method, row.path, row.body)
			if said = withoutTimes(said); status != row.status || said != row.answer {
				w.Errorf("%s: %d %s\nwant %d %s", row.title, status, said, row.status, row.answer)
			}
		}
	})
}

var (
	someTime   = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
	someMillis = regexp.MustCompile(`:\d{13}\b`)
)

// withoutTimes is an answer without its times.
func withoutTimes(said string) string {
	return someMillis.ReplaceAllString(someTime.ReplaceAllString(said, `"TIME"`), ":MILLIS")
}

// TestPromotionsOverHTTP goes through what is answered about promotions, row by row: statuses, records, details, guard, rollback, deletion.
func TestPromotionsOverHTTP(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w).bundled("1.0.0")
		wants := func(method, path, body string, status int, answer string) {
			w.Helper()
			got, said := w.ask(w.admin, method, path, body)
			if said = withoutTimes(said); got != status || said != answer {
				w.Errorf("%s %s %s: %d %s\nwant %d %s", method, path, body, got, said, status, answer)
			}
		}
		wants("GET", commons, "", 200, `{"promotions":[],"total":0,"limit":1000,"offset":0}`)
		first := w.promotes("QA", "move")
		if first.From != "DEV" {
			w.Errorf("%+v", first)
		}
		w.holds("dev", true)
		status := func(p promoted) string {
			return fmt.Sprintf("%s/statuses/Commons-Bundle/1.0.0/%d", promotionRoute, p.Millis)
		}
		details := func(p promoted) string { return fmt.Sprintf("%s/%d", commons, p.Millis) }
		wants("GET", status(first)+"?project=commons", "", 200, `{"status":"COMPLETED","messages":[]}`)
		wants("GET", details(first), "", 200, `{"environment":"QA","created_by":"admin","created":"TIME","created_millis":MILLIS,"artifacts":[`+
			`{"path":"commons-qa-generic-local/commons/release-notes-1.0.0.txt","checksum":"`+sumOf("notes")+`","package_type":"generic"},`+
			`{"path":"commons-qa-docker-local/commons/1.0.0/manifest.json","checksum":"`+sumOf("manifest")+`","package_type":"docker"},`+
			`{"path":"commons-qa-maven-local/org/acme/commons/1.0.0/commons-1.0.0.jar","checksum":"`+sumOf("jar")+`","package_type":"maven","package_name":"commons","package_version":"1.0.0"}],`+
			`"included_repository_keys":["commons-qa-generic-local","commons-qa-docker-local","commons-qa-maven-local"],"excluded_repository_keys":[]}`)
		second := w.promotes("PROD", "move")
		w.holds("qa", false)
		w.holds("prod", true)
		if second.From != "QA" || second.Millis <= first.Millis {
			w.Errorf("%+v after %+v", second, first)
		}
		if said := w.ofStatus(http.StatusOK, w.admin, "GET", bundleRoute+"/records/Commons-Bundle", ""); !strings.Contains(said, `"release_status":"RELEASED"`) {
			w.Errorf("it is in production: %s", said)
		}
		// The guard, for those who wait and those who do not.
		w.uploads("commons-qa-maven-local/org/acme/commons/1.0.0/commons-1.0.0.jar", "another jar")
		taken := "Target artifact already exists: commons-qa-maven-local/org/acme/commons/1.0.0/commons-1.0.0.jar"
		wants("POST", commons+"?async=false&operation=move", `{"environment":"QA"}`, 409, jfrogError(409, taken))
		var failed promoted
		w.decode(w.ofStatus(http.StatusOK, w.admin, "POST", commons+"?async=true&operation=move", `{"environment":"QA"}`), &failed)
		wants("GET", status(failed), "", 200, `{"status":"FAILED","messages":[{"source":"gio-server","text":"`+taken+`","created":"TIME"}]}`)
		w.holds("prod", true)
		for _, path := range []string{"commons-qa-generic-local/commons/release-notes-1.0.0.txt", "commons-qa-docker-local/commons/1.0.0/manifest.json"} {
			w.ofStatus(http.StatusNotFound, w.admin, "GET", "/artifactory/"+path, "")
		}
		record := func(status, environment, more string) string {
			return `{"status":"` + status + `","repository_key":"release-bundles-v2","release_bundle_name":"Commons-Bundle","release_bundle_version":"1.0.0","environment":"` + environment +
				`","service_id":"gio-server","created_by":"admin","created":"TIME","created_millis":MILLIS` + more + `}`
		}
		messages := `,"messages":[{"source":"gio-server","text":"` + taken + `","created":"TIME"}]`
		wants("GET", commons+"?include=messages&limit=2", "", 200, `{"promotions":[`+record("FAILED", "QA", messages)+","+record("FAILED", "QA", messages)+`],"total":4,"limit":2,"offset":0}`)
		wants("GET", commons+"?order_by=environment&order_asc=true&offset=0&limit=1", "", 200, `{"promotions":[`+record("COMPLETED", "PROD", "")+`],"total":4,"limit":1,"offset":0}`)
		wants("GET", commons+"?filter_by=prod&order_by=created_by", "", 200, `{"promotions":[`+record("COMPLETED", "PROD", "")+`],"total":1,"limit":1000,"offset":0}`)
		wants("GET", commons+"?order_by=created_millis&order_asc=true&limit=1", "", 200, `{"promotions":[`+record("COMPLETED", "QA", "")+`],"total":4,"limit":1,"offset":0}`)
		// Back from where it is, as it was made.
		rollback := promotionRoute + "/rollback/Commons-Bundle/1.0.0"
		wants("POST", rollback+"?from_environment=QA", "", 400, jfrogError(400, "Commons-Bundle 1.0.0 was promoted to PROD last, not to QA"))
		wants("POST", rollback, "", 400, jfrogError(400, "from_environment is missing: from where is the bundle to be rolled back?"))
		wants("POST", rollback+"?from_environment=PROD", `{"overwrite_strategy":"some"}`, 400, jfrogError(400, `nothing is overwritten by "some": skip, all or latest`))
		wants("POST", rollback+"?from_environment=PROD&async=false&project=commons", `{"overwrite_strategy":"all"}`, 200,
			`{"repository_key":"release-bundles-v2","release_bundle_name":"Commons-Bundle","release_bundle_version":"1.0.0","rollback_from_environment":"PROD","rollback_to_environment":"QA"}`)
		w.holds("prod", false)
		w.holds("qa", true)
		wants("GET", details(second), "", 404, jfrogError(404, "there is no promotion with that time"))
		wants("DELETE", details(failed)+"?async=true", "", 200, "")
		wants("DELETE", details(first)+"?async=false", "", 204, "")
		wants("DELETE", details(first)+"?async=false", "", 404, jfrogError(404, "there is no promotion with that time"))
		w.holds("qa", false)
		w.holds("dev", true)
		wants("POST", rollback+"?from_environment=QA", "", 404, jfrogError(404, "Commons-Bundle 1.0.0 is in no environment"))
		// Where it may not go.
		none := `; repositories: of the project file says which repository is of which environment`
		wants("POST", commons, `{"environment":"QA","included_repository_keys":["libs"]}`, 400, jfrogError(400, "the repository libs is not assigned to environment QA"+none))
		wants("POST", commons, `{"environment":"QA","excluded_repository_keys":["commons-qa-generic-local","commons-qa-docker-local","commons-qa-maven-local"]}`, 400,
			jfrogError(400, "a repository for what is in Commons-Bundle 1.0.0 is not assigned to environment QA"+none))
		wants("POST", commons, `{"environment":"qa"}`, 404, jfrogError(404, `there is no environment "qa" of "commons"; gio env list shows those there are; an admin declares others: gio project apply`))
		wants("POST", promotionRoute+"/records/Commons-Bundle/2.0.0", `{"environment":"QA"}`, 404, jfrogError(404, "there is no bundle Commons-Bundle 2.0.0"))
		w.ofStatus(http.StatusCreated, w.admin, "POST", "/v1/projects/commons/freezes", `{"environment": "PROD", "reason": "peak season"}`)
		wants("POST", commons, `{"environment":"PROD"}`, 409, jfrogError(409, "PROD of commons is frozen by admin: peak season; wait, or ask who froze it; a releaser may force it"))
		w.declareCommons(`, "requires": {"previous": "QA", "signed": true}`)
		w.promotes("QA", "copy")
	})
}

// TestProjectsOfBundles: which project a request means, by its key, its repository or its token.
func TestProjectsOfBundles(t *testing.T) {
	t.Parallel()
	eachPrepared(t, func(w *world) {
		shelved(w)
		w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/other", `{"name": "other", "repository": "acme/other", "environments": [{"name": "QA"}], "repositories": [{"name": "other-libs"}, {"name": "other-qa", "environment": "QA"}]}`)
		w.uploads("other-libs/x", "x")
		body := `{"release_bundle_name":"b","release_bundle_version":"1","source_type":"artifacts","source":{"artifacts":[{"path":"other-libs/x"}]}}`
		bound, foreign := w.token("releaser", "other"), w.token("releaser", "commons")
		const made = `{"repository_key":"other-release-bundles-v2","release_bundle_name":"b","release_bundle_version":"1","created":"TIME"}`
		if said := withoutTimes(w.ofStatus(http.StatusCreated, bound, "POST", bundleRoute+"?async=false", body)); said != made {
			w.Errorf("by the token alone: %s", said)
		}
		for _, query := range []string{"?project=other", "?repository_key=other-release-bundles-v2", "?project=other&repository_key=other-release-bundles-v2"} {
			w.ofStatus(http.StatusOK, w.admin, "GET", bundleRoute+"/records/b/1"+query, "")
			w.ofStatus(http.StatusForbidden, foreign, "GET", bundleRoute+"/records/b/1"+query, "")
		}
		w.ofStatus(http.StatusNotFound, w.admin, "GET", bundleRoute+"/records/b/1", "")
		w.ofStatus(http.StatusNotFound, w.admin, "GET", bundleRoute+"/records/b/1?repository_key=release-bundles-v2", "")
		w.ofStatus(http.StatusBadRequest, w.admin, "GET", bundleRoute+"/records/b/1?project=commons&repository_key=other-release-bundles-v2", "")
		w.ofStatus(http.StatusBadRequest, w.admin, "GET", bundleRoute+"/records/b/1?repository_key=libs", "")
		// Another project's files and bundles are not there for a token that is not for it.
		for _, source := range []string{
			`"source_type":"artifacts","source":{"artifacts":[{"path":"other-libs/x"}]}`,
			`"source_type":"release_bundles","source":{"release_bundles":[{"release_bundle_name":"b","release_bundle_version":"1","project":"other"}]}`,
		} {
			w.ofStatus(http.StatusNotFound, foreign, "POST", bundleRoute, `{"release_bundle_name":"mine","release_bundle_version":"1",`+source+`}`)
			w.ofStatus(http.StatusOK, w.admin, "POST", bundleRoute, `{"release_bundle_name":"mine-`+sumOf(source)[:4]+`","release_bundle_version":"1",`+source+`}`)
		}
		if said := w.ofStatus(http.StatusCreated, w.admin, "POST", promotionRoute+"/records/b/1?async=false&project=other", `{"environment":"QA"}`); !strings.Contains(said, `"repository_key":"other-release-bundles-v2"`) {
			w.Errorf("the promotion: %s", said)
		}
	})
}
