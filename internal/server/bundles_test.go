package server_test

import (
	"bufio"
	"crypto/sha256"
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
