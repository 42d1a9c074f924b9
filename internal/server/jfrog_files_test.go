package server_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// shelved makes the project apim with repositories: of none, and of each environment.
func (w *world) shelved() *world {
	w.Helper()
	w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/apim", `{"name": "apim", "repository": "acme/apim",
		"environments": [{"name": "qa", "tier": "staging"}, {"name": "prod", "tier": "production"}],
		"repositories": [{"name": "libs-dev"}, {"name": "maven", "type": "maven"}, {"name": "npm", "type": "npm"}, {"name": "libs-qa", "environment": "qa"}]}`)
	w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/ae", `{"name": "ae", "repository": "acme/ae", "repositories": [{"name": "ae-libs"}]}`)
	return w
}

// answered is all of an answer.
type answered struct {
	status int
	header http.Header
	body   string
}

// send sends a request with headers, in pairs.
func (w *world) send(token, method, path string, body io.Reader, headers ...string) answered {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, "http://"+w.address+path, body)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answered{res.StatusCode, res.Header, string(text)}
}

// sums are the checksums of a text: SHA-256, SHA-1 and MD5.
func sums(text string) (string, string, string) {
	a, b, c := sha256.Sum256([]byte(text)), sha1.Sum([]byte(text)), md5.Sum([]byte(text))
	return hex.EncodeToString(a[:]), hex.EncodeToString(b[:]), hex.EncodeToString(c[:])
}

// deployed is what jf sends with a file.
func deployed(text string) []string {
	a, b, c := sums(text)
	return []string{"X-Checksum", a, "X-Checksum-Sha1", b, "X-Checksum-Md5", c}
}

const libs = "/artifactory/libs-dev/"

// TestFile: a file goes up and comes down, whole and in parts, with all that is told of it.
func TestFile(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		text := "hello, world\n"
		sum256, sum1, sum5 := sums(text)
		put := w.send(w.admin, "PUT", libs+"a/b/x%20%C3%BC+%23.txt;build.name=bn;build.number=7;k=1;k=2,3;c=a%2Cb;s=x+y%3Dz;empty=", strings.NewReader(text), deployed(text)...)
		var info map[string]any
		w.decode(put.body, &info)
		if put.status != http.StatusCreated || info["repo"] != "libs-dev" || info["path"] != "/a/b/x ü+#.txt" || info["size"] != "13" || info["createdBy"] != "admin" ||
			info["downloadUri"] != "http://"+w.address+"/artifactory/libs-dev/a/b/x%20%C3%BC+%23.txt" || info["mimeType"] != "text/plain" ||
			info["uri"] != "http://"+w.address+"/artifactory/api/storage/libs-dev/a/b/x%20%C3%BC+%23.txt" ||
			fmt.Sprint(info["checksums"]) != fmt.Sprint(map[string]any{"md5": sum5, "sha1": sum1, "sha256": sum256}) {
			w.Errorf("%d %s", put.status, put.body)
		}
		if again := w.send(w.admin, "GET", "/artifactory/api/storage/libs-dev/a/b/x%20%C3%BC+%23.txt", nil); again.status != 200 || again.body != put.body {
			w.Errorf("its info: %d %s, want %s", again.status, again.body, put.body)
		}
		file := libs + "a/b/x%20%C3%BC+%23.txt"
		for _, test := range []struct {
			method string
			header []string
			status int
			body   string
		}{
			{"GET", nil, 200, text},
			{"HEAD", nil, 200, ""},
			{"GET", []string{"Range", "bytes=7-11"}, 206, "world"},
			{"GET", []string{"Range", "bytes=-6"}, 206, "world\n"},
			{"GET", []string{"Range", "bytes=13-"}, 416, "invalid range: failed to overlap\n"},
			{"GET", []string{"Range", "bytes=0-4", "If-Range", `"` + sum256 + `"`}, 206, "hello"},
			{"GET", []string{"Range", "bytes=0-4", "If-Range", `"another"`}, 200, text},
			{"GET", []string{"If-None-Match", `"` + sum256 + `"`}, 304, ""},
			{"HEAD", []string{"If-None-Match", `"` + sum256 + `"`}, 304, ""},
			{"GET", []string{"If-None-Match", `"another"`}, 200, text},
		} {
			got := w.send(w.admin, test.method, file, nil, test.header...)
			if got.status != test.status || got.body != test.body {
				w.Errorf("%s %s: %d %q", test.method, test.header, got.status, got.body)
			}
			if got.header.Get("ETag") != `"`+sum256+`"` || got.header.Get("X-Checksum-Sha256") != sum256 || got.header.Get("X-Checksum-Sha1") != sum1 || got.header.Get("X-Checksum-Md5") != sum5 {
				if test.status != 416 {
					w.Errorf("%s %s: %v", test.method, test.header, got.header)
				}
			}
		}
		if h := w.send(w.admin, "HEAD", file, nil).header; h.Get("Content-Length") != "13" || h.Get("Accept-Ranges") != "bytes" || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Last-Modified") == "" {
			w.Errorf("%v", h)
		}
		for kind, sum := range map[string]string{"sha256": sum256, "sha1": sum1, "md5": sum5} {
			if got := w.send(w.admin, "GET", file+"."+kind, nil); got.status != 200 || got.body != sum {
				w.Errorf("its %s: %d %s", kind, got.status, got.body)
			}
		}
		w.wants(w.admin, "GET", "/artifactory/api/storage/libs-dev/a/b/x%20%C3%BC+%23.txt?properties", "", 200, `{"properties":{"build.name":["bn"],"build.number":["7"],"c":["a,b"],"empty":[""],"k":["1","2","3"],"s":["x y=z"]},`+
			`"uri":"http://`+w.address+`/artifactory/api/storage/libs-dev/a/b/x%20%C3%BC+%23.txt"}`)
		w.wants(w.admin, "DELETE", file, "", 204, "")
		w.wants(w.admin, "DELETE", file, "", 404, jfrogError(404, "there is no file or folder libs-dev/a/b/x ü+#.txt"))
		w.wants(w.admin, "GET", file, "", 404, jfrogError(404, "there is no file libs-dev/a/b/x ü+#.txt"))
		w.sealed(5)
		w.contains(w.ofStatus(200, w.admin, "GET", "/v1/events?limit=1000", ""), `"type":"file.uploaded"`, `"type":"file.deleted"`, `"dialect":"jfrog"`, sum256)
	})
}

// TestChecksumDeploy: a checksum stands for a content that the caller may read, and for no other one.
func TestChecksumDeploy(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		text := strings.Repeat("big ", 5000)
		_, sum1, _ := sums(text)
		known := append(deployed(text), "X-Checksum-Deploy", "true")
		theirs := w.token("releaser", "ae")
		unknown := w.send(w.admin, "PUT", libs+"a", nil, known...)
		if unknown.status != 404 || !strings.HasPrefix(unknown.body, `{"errors":[{"status":404,"message":"no file has the content `) {
			w.Errorf("before it is here: %d %s", unknown.status, unknown.body)
		}
		if got := w.send(w.admin, "PUT", libs+"a", strings.NewReader(text), deployed(text)...); got.status != 201 {
			w.Errorf("%d %s", got.status, got.body)
		}
		for _, test := range []struct {
			title, token, path string
			headers            []string
			status             int
		}{
			{"by all", w.admin, libs + "b", known, 201},
			{"by its SHA-1", w.admin, libs + "c", []string{"X-Checksum-Sha1", sum1, "X-Checksum-Deploy", "true"}, 201},
			{"by nothing", w.admin, libs + "d", []string{"X-Checksum-Deploy", "true"}, 400},
			{"by something else", w.admin, libs + "d", []string{"X-Checksum-Sha1", "xyz", "X-Checksum-Deploy", "true"}, 400},
			{"by one that is another's", w.admin, libs + "d", []string{"X-Checksum-Sha1", sum1, "X-Checksum-Md5", strings.Repeat("0", 32), "X-Checksum-Deploy", "true"}, 409},
			{"of another project", theirs, "/artifactory/ae-libs/a", known, 404},
			{"to another project", theirs, libs + "d", known, 404},
		} {
			if got := w.send(test.token, "PUT", test.path, nil, test.headers...); got.status != test.status {
				w.Errorf("%s: %d %s", test.title, got.status, got.body)
			}
		}
		for _, name := range []string{"b", "c"} {
			if got := w.send(w.admin, "GET", libs+name, nil); got.status != 200 || got.body != text {
				w.Errorf("%s: %d", name, got.status)
			}
		}
		if got := w.send(theirs, "PUT", "/artifactory/ae-libs/a", strings.NewReader(text), deployed(text)...); got.status != 201 {
			w.Errorf("its own upload: %d %s", got.status, got.body)
		}
		if got := w.send(theirs, "PUT", "/artifactory/ae-libs/b", nil, known...); got.status != 201 {
			w.Errorf("and then by its checksum: %d %s", got.status, got.body)
		}
		if kept := w.contents(); kept != 1 {
			w.Errorf("%d contents are kept", kept)
		}
	})
}

// contents is how many there are on the disk, half ones, too.
func (w *world) contents() int {
	w.Helper()
	kept, err := filepath.Glob(filepath.Join(w.data, "blobs", "*", "*"))
	if err != nil {
		w.Fatal(err)
	}
	return len(kept)
}

// TestWrongChecksums: what arrives as another content is refused by the names of its checksums, and nothing of it is left.
func TestWrongChecksums(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		sum256, sum1, sum5 := sums("right")
		for _, test := range []struct {
			header, value string
			status        int
			says          string
		}{
			{"X-Checksum", strings.Repeat("0", 64), 409, "its SHA-256 is " + sum256},
			{"X-Checksum-Sha256", strings.Repeat("0", 64), 409, "its SHA-256 is " + sum256},
			{"X-Checksum-Sha1", strings.Repeat("0", 40), 409, "its SHA-1 is " + sum1},
			{"X-Checksum", strings.Repeat("0", 40), 409, "its SHA-1 is " + sum1},
			{"X-Checksum-Md5", strings.Repeat("0", 32), 409, "its MD5 is " + sum5},
			{"X-Checksum-Md5", "none", 400, "is no MD5"},
			{"X-Checksum-Sha256", strings.Repeat("x", 64), 400, "is no SHA-256"},
			{"X-Checksum-Md5", strings.ToUpper(sum5), 201, sum256},
		} {
			got := w.send(w.admin, "PUT", libs+"a", strings.NewReader("right"), test.header, test.value)
			if got.status != test.status || !strings.Contains(got.body, test.says) {
				w.Errorf("%s %s: %d %s", test.header, test.value, got.status, got.body)
			}
			if left := w.contents(); test.status != 201 && left > 0 {
				w.Errorf("%s %s: %d contents are left", test.header, test.value, left)
			}
		}
	})
}

// TestMaven: files and their checksums as Maven sends them, one after the other; npm's plain files, too.
func TestMaven(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		ci := w.token("reporter", "apim")
		jar, _, _ := sums("jar")
		_, pom, _ := sums("<project/>")
		const at = "/artifactory/maven/io/acme/gateway/3.9.4/gateway-3.9.4"
		const list = "/artifactory/maven/io/acme/gateway/maven-metadata.xml"
		_, first, _ := sums("<metadata>1</metadata>")
		for _, row := range []struct {
			method, path, body string
			status             int
			answer             string // that it has
		}{
			{"PUT", at + ".jar", "jar", 201, `"mimeType":"application/java-archive"`},
			{"PUT", at + ".jar.sha256", jar + "  gateway-3.9.4.jar\n", 201, jar},
			{"PUT", at + ".jar.sha256", strings.Repeat("0", 64), 409, "the sha256 of maven/io/acme/gateway/3.9.4/gateway-3.9.4.jar is " + jar},
			{"PUT", at + ".pom", "<project/>", 201, pom},
			{"PUT", at + ".pom.sha1", strings.ToUpper(pom), 201, pom},
			{"GET", at + ".pom.sha1", "", 200, pom},
			{"GET", at + ".pom.md5", "", 200, ""},
			{"GET", at + ".pom.asc.sha1", "", 404, "there is no file"},
			{"PUT", at + ".pom", "<another/>", 403, "a reporter may not overwrite files"},
			{"PUT", at + ".pom", "<project/>", 201, ""},
			{"PUT", list, "<metadata>1</metadata>", 201, first},
			{"PUT", list + ".sha1", first, 201, ""},
			{"PUT", list, "<metadata>2</metadata>", 201, ""},
			{"PUT", list + ".sha1", first, 409, "send the file again"},
			{"GET", list, "", 200, "<metadata>2</metadata>"},
			{"GET", "/artifactory/maven/io/acme/gateway/3.9.5/gateway-3.9.5.jar", "", 404, "there is no file"},
			{"PUT", "/artifactory/npm/@acme/ui/-/@acme/ui-1.0.0.tgz", "tgz", 201, `"path":"/@acme/ui/-/@acme/ui-1.0.0.tgz"`},
			{"GET", "/artifactory/npm/@acme/ui/-/@acme/ui-1.0.0.tgz", "", 200, "tgz"},
			// Checksums of no file are files.
			{"PUT", "/artifactory/npm/sums.sha256", "abc", 201, ""},
			{"GET", "/artifactory/npm/sums.sha256", "", 200, "abc"},
		} {
			if got := w.send(ci, row.method, row.path, strings.NewReader(row.body)); got.status != row.status || !strings.Contains(got.body, row.answer) {
				w.Errorf("%s %s %s: %d %s", row.method, row.path, row.body, got.status, got.body)
			}
		}
	})
}

// TestOddPaths: what climbs, hides a slash, has no name or no end is refused, and nothing is kept of it.
func TestOddPaths(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		w.ofStatus(201, w.admin, "PUT", libs+"there/is", "a file")
		for path, status := range map[string]int{
			libs + "../libs-qa/a":                  400,
			libs + "a/..":                          400,
			libs + "a/./b":                         400,
			libs + "%2e%2e/a":                      400,
			libs + "a%2F..%2F..%2Fetc/passwd":      400,
			libs + "a%2Fb":                         400,
			libs + "a%00b":                         400,
			libs + "a%0Ab":                         400,
			libs + "a%5Cb":                         400,
			libs + "a*":                            400,
			libs + "a%3Fb":                         400,
			libs + "%FF":                           400,
			libs + "%20a":                          400,
			libs + "a;k%3D%00=v":                   400,
			libs + "a;=v":                          400,
			libs + strings.Repeat("x", 256):        400,
			libs + strings.Repeat("x/", 520) + "x": 400,
			libs + "folder/":                       409,
			libs + "there/is/below":                409,
			libs + "there":                         409,
			"/artifactory/libs-dev":                400,
			"/artifactory/libs-dev/":               400,
			"/artifactory/..%2Flibs-dev/a":         400,
			"/artifactory/nowhere/a":               404,
			"/artifactory/api/a":                   404,
			"/artifactory/api/storage/libs-dev/a":  400,
			"/artifactory/%00/a":                   400,
		} {
			got := w.send(w.admin, "PUT", path, strings.NewReader("content"))
			if got.status != status || !strings.HasPrefix(got.body, fmt.Sprintf(`{"errors":[{"status":%d,"message":"`, status)) {
				w.Errorf("PUT %s: %d %s, want %d", path, got.status, got.body, status)
			}
			if got := w.send(w.admin, "GET", path, nil); got.status/100 != 4 && !strings.Contains(path, "storage") && path != libs+"there" {
				w.Errorf("GET %s: %d %s", path, got.status, got.body)
			}
		}
		if kept := w.contents(); kept != 1 {
			w.Errorf("%d contents are kept", kept)
		}
		if got := w.send(w.admin, "PUT", libs+"z.zip", strings.NewReader("zip"), "X-Explode-Archive", "true"); got.status != 400 {
			w.Errorf("an archive that is to be unpacked: %d %s", got.status, got.body)
		}
		for _, path := range []string{"//artifactory//libs-dev//q//a.txt", libs + "...", libs + "a..b/c", libs + "-", libs + strings.Repeat("x/", 500) + "x"} {
			if got := w.send(w.admin, "PUT", path, strings.NewReader("content")); got.status != 201 {
				w.Errorf("PUT %s: %d %s", path, got.status, got.body)
			}
		}
		w.wants(w.admin, "GET", libs+"q/a.txt", "", 200, "content")
	})
}

// TestFileRights: who may put, overwrite and delete files, and where.
func TestFileRights(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		w.ofStatus(201, w.admin, "PUT", libs+"old", "old")
		w.ofStatus(201, w.admin, "PUT", "/artifactory/libs-qa/old", "old")
		tokens := map[string]string{"theirs": w.token("releaser", "ae")}
		for _, role := range []string{"reader", "reporter", "deployer", "approver", "releaser", "admin"} {
			tokens[role] = w.token(role, "apim")
		}
		const none = "/artifactory/api/storage/libs-dev/old?properties="
		for _, row := range []struct {
			method, path, body string
			status             map[string]int // of those who may not do it
		}{
			{"GET", libs + "old", "", map[string]int{"theirs": 404}},
			{"GET", "/artifactory/api/storage/libs-dev/old", "", map[string]int{"theirs": 404}},
			{"PUT", libs + "new", "new", map[string]int{"theirs": 404, "reader": 403, "approver": 403}},
			{"PUT", libs + "old", "old", map[string]int{"theirs": 404, "reader": 403, "approver": 403}},
			{"PUT", "/artifactory/libs-qa/new", "new", map[string]int{"theirs": 404, "reader": 403, "approver": 403, "reporter": 403, "deployer": 403}},
			{"POST", "/artifactory/api/copy/libs-dev/old?to=/libs-dev/copy", "", map[string]int{"theirs": 404, "reader": 403, "approver": 403}},
			{"POST", "/artifactory/api/copy/libs-dev/old?to=/libs-qa/copy", "", map[string]int{"theirs": 404, "reader": 403, "approver": 403, "reporter": 403, "deployer": 403}},
			{"PUT", none + "a=b", "", map[string]int{"theirs": 404, "reader": 403, "approver": 403}},
			{"DELETE", none + "a", "", map[string]int{"theirs": 404, "reader": 403, "approver": 403}},
			{"PUT", libs + "old", "new", map[string]int{"theirs": 404, "reader": 403, "approver": 403, "reporter": 403, "deployer": 403}},
			{"DELETE", libs + "new", "", map[string]int{"theirs": 404, "reader": 403, "approver": 403, "reporter": 403, "deployer": 403}},
			{"PUT", "/artifactory/api/build", `{"name":"n","number":"1","started":"2026-11-30T12:00:00.000+0000"}`, map[string]int{"theirs": 204, "reader": 403, "approver": 403}},
		} {
			for who, token := range tokens {
				want, mayNot := row.status[who]
				switch { // as it was before anybody else came
				case row.method == "DELETE" && strings.HasPrefix(row.path, libs):
					w.ofStatus(201, w.admin, "PUT", row.path, "new")
				case row.path == libs+"old":
					w.ofStatus(201, w.admin, "PUT", row.path, "old")
				}
				got := w.send(token, row.method, row.path, strings.NewReader(row.body))
				if mayNot && got.status != want || !mayNot && got.status/100 != 2 {
					w.Errorf("%s: %s %s: %d %s, want %d", who, row.method, row.path, got.status, got.body, want)
				}
			}
		}
	})
}

// TestProperties: they are set, read and deleted, of one file and of all in a folder.
func TestProperties(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		for _, name := range []string{"a", "f/b", "f/g/c"} {
			w.ofStatus(201, w.admin, "PUT", libs+name+";old=1", name)
		}
		const at = "/artifactory/api/storage/libs-dev/"
		of := func(name, properties string) {
			w.Helper()
			got := w.send(w.admin, "GET", at+name+"?properties", nil)
			if !strings.HasPrefix(got.body, `{"properties":`+properties+`,"uri":`) {
				w.Errorf("the properties of %s are %d %s, want %s", name, got.status, got.body, properties)
			}
		}
		w.wants(w.admin, "PUT", at+"a?properties=k%3D=v;;w=1%2C2%5C%2C3;x=y,z&recursive=0", "", 204, "")
		of("a", `{"k=":["v"],"old":["1"],"w":["1","2,3"],"x":["y","z"]}`)
		w.wants(w.admin, "PUT", at+"f?properties=old=2|n=&recursive=1", "", 204, "")
		of("f/b", `{"n":[""],"old":["2"]}`)
		of("f/g/c", `{"n":[""],"old":["2"]}`)
		w.wants(w.admin, "DELETE", at+"f/g?properties=old,n,none", "", 204, "")
		w.wants(w.admin, "GET", at+"f/g/c?properties", "", 404, jfrogError(404, "No properties could be found."))
		if got := w.send(w.admin, "GET", at+"a?properties=x,old", nil); !strings.Contains(got.body, `{"old":["1"],"x":["y","z"]}`) {
			w.Errorf("some of them: %s", got.body)
		}
		// The same content again adds some, another one has its own.
		w.ofStatus(201, w.admin, "PUT", libs+"f/b;new=3", "f/b")
		of("f/b", `{"n":[""],"new":["3"],"old":["2"]}`)
		w.ofStatus(201, w.admin, "PUT", libs+"f/b;own=4", "another")
		of("f/b", `{"own":["4"]}`)
		for path, status := range map[string]int{"a?properties=": 400, "a?properties=k": 400, "a?properties=%00=v": 400, "a": 400, "none?properties=k=v": 404, "a?properties=%zz=1": 400} {
			if got := w.send(w.admin, "PUT", at+path, nil); got.status != status {
				w.Errorf("PUT %s: %d %s", path, got.status, got.body)
			}
		}
		w.wants(w.admin, "GET", at+"none?properties", "", 404, jfrogError(404, "there is no file libs-dev/none"))
	})
}

// many puts two to the power of n files into a folder.
func (w *world) many(folder string, n int) {
	w.Helper()
	w.ofStatus(201, w.admin, "PUT", libs+folder+"/first", "n")
	for n := range n {
		w.ofStatus(200, w.admin, "POST", fmt.Sprintf("/artifactory/api/copy/libs-dev/%s?to=/libs-dev/more/%d", folder, n), "")
		w.ofStatus(200, w.admin, "POST", fmt.Sprintf("/artifactory/api/move/libs-dev/more/%d?to=/libs-dev/%s/%[1]d", n, folder), "")
	}
}

// TestFolders: what is told of folders, which are there as long as something is in them.
func TestFolders(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		for _, name := range []string{"a", "f/b", "f/g/c", "f/g/d", "f-1/e", "f.x"} {
			w.ofStatus(201, w.admin, "PUT", libs+name, name)
		}
		w.many("f/g/n", 8) // more than are read at a time
		at := "http://" + w.address + "/artifactory/api/storage/libs-dev"
		w.wants(w.admin, "GET", "/artifactory/api/storage/libs-dev", "", 200, `{"repo":"libs-dev","path":"/","children":[{"uri":"/f","folder":true},{"uri":"/f-1","folder":true},`+
			`{"uri":"/a","folder":false},{"uri":"/f.x","folder":false}],"uri":"`+at+`"}`)
		w.wants(w.admin, "GET", "/artifactory/api/storage/libs-dev/f/", "", 200, `{"repo":"libs-dev","path":"/f","children":[{"uri":"/g","folder":true},{"uri":"/b","folder":false}],"uri":"`+at+`/f"}`)
		w.wants(w.admin, "GET", "/artifactory/api/storage/maven/", "", 200, `{"repo":"maven","path":"/","children":[],"uri":"http://`+w.address+`/artifactory/api/storage/maven"}`)
		w.wants(w.admin, "GET", "/artifactory/api/storage/libs-dev/none", "", 404, jfrogError(404, "there is no file or folder libs-dev/none"))
		for query, want := range map[string]int{"list": 1, "list&listFolders=1": 2, "list&deep=1": 259} {
			var list struct {
				URI   string
				Files []struct {
					URI, SHA1, SHA2 string
					Folder          bool
					Size            int64
				}
			}
			w.decode(w.ofStatus(200, w.admin, "GET", "/artifactory/api/storage/libs-dev/f?"+query, ""), &list)
			if len(list.Files) != want || list.URI != at+"/f" {
				w.Errorf("?%s: %d of %s", query, len(list.Files), list.URI)
			}
			sum256, sum1, _ := sums("f/b")
			if last := list.Files[len(list.Files)-1]; want < 3 && (last.URI != "/b" || last.SHA1 != sum1 || last.SHA2 != sum256 || last.Size != 3 || last.Folder) {
				w.Errorf("?%s: %+v", query, last)
			}
		}
		w.wants(w.admin, "DELETE", libs+"f/g/", "", 204, "")
		w.wants(w.admin, "GET", "/artifactory/api/storage/libs-dev/f", "", 200, `{"repo":"libs-dev","path":"/f","children":[{"uri":"/b","folder":false}],"uri":"`+at+`/f"}`)
		w.wants(w.admin, "DELETE", "/artifactory/libs-dev/", "", 400, jfrogError(400, "the address names no file"))
	})
}

// TestCopyAndMove: files and folders, dry and done, over what is there.
func TestCopyAndMove(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		for _, name := range []string{"a", "f/b", "f/g/c"} {
			w.ofStatus(201, w.admin, "PUT", libs+name+";of="+name[:1], name)
		}
		said := func(text string) string { return `{"messages":[{"level":"INFO","message":"` + text + `"}]}` }
		for _, row := range []struct {
			path   string
			status int
			answer string
		}{
			{"copy/libs-dev/a?to=/libs-qa/x/a&dry=1", 200, said("copying libs-dev/a to libs-qa/x/a would be done (dry run), 1 artifacts")},
			{"copy/libs-dev/a?to=libs-qa/x/a", 200, said("copying libs-dev/a to libs-qa/x/a completed successfully, 1 artifacts")},
			{"copy/libs-dev/f?to=/libs-qa/y", 200, said("copying libs-dev/f to libs-qa/y completed successfully, 2 artifacts")},
			{"copy/libs-dev/f?to=/libs-qa/y", 200, said("copying libs-dev/f to libs-qa/y completed successfully, 2 artifacts")},
			{"copy/libs-dev/f?to=/libs-dev/f/h", 400, jfrogError(400, "libs-dev/f cannot be copied or moved into itself")},
			{"copy/libs-dev/a?to=/libs-dev/a", 400, jfrogError(400, "libs-dev/a cannot be copied or moved into itself")},
			{"copy/libs-dev/a", 400, jfrogError(400, "to says where; write ?to=/REPOSITORY/PATH")},
			{"copy/libs-dev/none?to=/libs-qa/z", 404, jfrogError(404, "there is no file or folder libs-dev/none")},
			{"copy/libs-dev/a?to=/nowhere/z", 404, ""},
			{"copy/libs-dev/a?to=/libs-qa/../z", 400, ""},
			{"move/libs-dev/a?to=/libs-qa/", 200, said("moving libs-dev/a to libs-qa/a completed successfully, 1 artifacts")},
			{"move/libs-dev/a?to=/libs-qa/", 404, ""},
			{"move/libs-dev/f?to=/libs-dev/moved/f", 200, said("moving libs-dev/f to libs-dev/moved/f completed successfully, 2 artifacts")},
			{"copy/libs-qa/a?to=/libs-dev/moved", 409, ""},
		} {
			if got, body := w.ask(w.admin, "POST", "/artifactory/api/"+row.path, ""); got != row.status || row.answer != "" && body != row.answer {
				w.Errorf("%s: %d %s", row.path, got, body)
			}
		}
		for path, content := range map[string]string{
			"libs-qa/x/a": "a", "libs-qa/y/b": "f/b", "libs-qa/y/g/c": "f/g/c", "libs-qa/a": "a", "libs-dev/moved/f/g/c": "f/g/c", "libs-dev/f/b": "", "libs-dev/a": "",
		} {
			got := w.send(w.admin, "GET", "/artifactory/"+path, nil)
			if content == "" && got.status != 404 || content != "" && got.body != content {
				w.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		if got := w.send(w.admin, "GET", "/artifactory/api/storage/libs-qa/y/g/c?properties", nil); !strings.Contains(got.body, `{"of":["f"]}`) {
			w.Errorf("the properties of a copy: %s", got.body)
		}
	})
}

// TestSearch: the queries of jf, as it sends them.
func TestSearch(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		w.ofStatus(201, w.admin, "PUT", libs+"a/b/x.txt;k=v;k=w", "hello\n")
		w.ofStatus(201, w.admin, "PUT", libs+"a/y.txt", "y")
		w.ofStatus(201, w.admin, "PUT", libs+"top.txt", "t")
		w.ofStatus(201, w.admin, "PUT", "/artifactory/ae-libs/a/y.txt", "y")
		const include = `.include("name","repo","path","actual_md5","actual_sha1","sha256","size","type","modified","created"`
		sum256, sum1, sum5 := sums("hello\n")
		var all struct {
			Results []struct {
				Repo, Path, Name, Type, Created, Modified, SHA256 string
				MD5                                               string `json:"actual_md5"`
				SHA1                                              string `json:"actual_sha1"`
				Size                                              int64
				Properties                                        []struct{ Key, Value string }
			}
			Range map[string]int
		}
		ask := func(token, query string) string {
			got := w.send(token, "POST", "/artifactory/api/search/aql", strings.NewReader(query), "Content-Type", "text/plain")
			all.Results, all.Range = nil, nil
			if got.status != 200 {
				return fmt.Sprintf("%d %s", got.status, got.body)
			}
			w.decode(got.body, &all)
			var names []string
			for _, r := range all.Results {
				names = append(names, r.Repo+":"+r.Path+"/"+r.Name)
			}
			if n := len(names); all.Range["total"] != n || all.Range["end_pos"] != n {
				w.Errorf("%s: %v", query, all.Range)
			}
			return strings.Join(names, " ")
		}
		under := `items.find({"path":{"$ne":"."},"$or":[{"$and":[{"repo":"libs-dev","path":"a","name":{"$match":"*"}}]},{"$and":[{"repo":"libs-dev","path":{"$match":"a/*"},"name":{"$match":"*"}}]}]})`
		if got := ask(w.admin, under+include+`,"property")`); got != "libs-dev:a/b/x.txt libs-dev:a/y.txt" {
			w.Error(got)
		}
		if x := all.Results[0]; x.Type != "file" || x.Size != 6 || x.SHA256 != sum256 || x.SHA1 != sum1 || x.MD5 != sum5 || fmt.Sprint(x.Properties) != "[{k v} {k w}]" || !strings.HasSuffix(x.Created, "Z") {
			w.Errorf("%+v", x)
		}
		ask(w.admin, under+include+`)`)
		if all.Results[0].Properties != nil {
			w.Errorf("properties that nobody asked for: %+v", all.Results[0])
		}
		ours := w.token("reader", "apim")
		for query, want := range map[string]string{
			`items.find({"type":"any","$or":[{"$and":[{"path":{"$match":"*"},"name":{"$match":"*.txt"}}]}]})`:        "libs-dev:a/b/x.txt libs-dev:a/y.txt libs-dev:./top.txt",
			`items.find({"$or":[{"$and":[{"repo":{"$match":"*-libs"},"path":{"$match":"*"},"name":"y.txt"}]}]})`:     "",
			`items.find({"$or":[{"$and":[{"repo":"libs-dev","path":".","name":"top.txt"}]}]})` + include + `)`:       "libs-dev:./top.txt",
			`items.find({"$and":[{"@k":"w"}],"$or":[{"$and":[{"repo":"libs-dev"}]}]})`:                               "libs-dev:a/b/x.txt",
			`items.find({"$or":[{"path":{"$nmatch":"a*"},"name":{"$nmatch":"x*"}}]})`:                                "libs-dev:a/y.txt libs-dev:./top.txt",
			`items.find({"$or":[{"$and":[{"repo":"libs-dev","path":"a","name":"y.txt"}]}]}).sort({"$asc":["name"]})`: "400",
			`items.find({"$or":[{"$and":[{"artifact.module.build.name":"b"}]}]})`:                                    "400",
			`builds.find({})`: "400",
		} {
			if got := ask(ours, query); got != want && (want != "400" || !strings.HasPrefix(got, `400 {"errors":[{"status":400,"message":"the query cannot be answered: `)) {
				w.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		if got := ask(w.admin, `items.find({"name":"y.txt"})`); got != "ae-libs:a/y.txt libs-dev:a/y.txt" {
			w.Errorf("of all projects: %s", got)
		}
		w.many("many", 10) // more than are read at a time
		if ask(w.admin, `items.find({"path":{"$match":"many*"}})`); len(all.Results) != 1024 {
			w.Errorf("%d of many", len(all.Results))
		}
	})
}

// TestBuildInfo: what a CI server says of a build is kept as it is, and found by project.
func TestBuildInfo(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		ci := w.token("reporter", "apim")
		const said = `{"name":"b n","number":"7/1","started":"2026-11-30T12:00:00.000+0100","modules":[{"id":"m","artifacts":[]}]}`
		w.wants(ci, "PUT", "/artifactory/api/build", said, 204, "")
		at := "http://" + w.address + "/artifactory/api/build/b%20n"
		w.wants(ci, "GET", "/artifactory/api/build/b%20n/7%2F1", "", 200, `{"buildInfo":`+said+`,"uri":"`+at+`/7%2F1"}`)
		w.wants(ci, "GET", "/artifactory/api/build/b%20n", "", 200, `{"uri":"`+at+`","buildsNumbers":[{"uri":"/7%2F1","started":"2026-11-30T11:00:00.000+0000"}]}`)
		w.wants(w.admin, "GET", "/artifactory/api/build/b%20n/7%2F1?project=apim", "", 200, `{"buildInfo":`+said+`,"uri":"`+at+`/7%2F1"}`)
		w.wants(w.admin, "GET", "/artifactory/api/build/b%20n/7%2F1?project=ae", "", 404, jfrogError(404, "there is no build b n 7/1 in ae-build-info; jf rt build-publish sends it"))
		newer := strings.Replace(said, `"id":"m"`, `"id":"n"`, 1)
		w.wants(ci, "PUT", "/artifactory/api/build?project=apim", newer, 204, "")
		w.contains(w.ofStatus(200, ci, "GET", "/artifactory/api/build/b%20n/7%2F1", ""), `"id":"n"`)
		for _, row := range []struct {
			token, query, body string
			status             int
		}{
			{w.admin, "", said, 400}, // of no project
			{w.admin, "?project=none", said, 404},
			{ci, "?project=ae", said, 403},
			{w.token("reader", "apim"), "", said, 403},
			{ci, "", `{"name":"","number":"1","started":"2026-11-30T12:00:00.000+0100"}`, 400},
			{ci, "", `{"name":"n","number":"1"}`, 400},
			{ci, "", `[]`, 400},
			{ci, "", `null`, 400},
			{ci, "", `{`, 400},
			{ci, "", `{"name":"` + strings.Repeat("x", 17<<20) + `"}`, 413},
		} {
			if got := w.send(row.token, "PUT", "/artifactory/api/build"+row.query, strings.NewReader(row.body)); got.status != row.status {
				w.Errorf("%s %.80s: %d %s, want %d", row.query, row.body, got.status, got.body, row.status)
			}
		}
	})
}

// TestOverwrites: many at once to one path. Each that is answered 2xx was there, and the last is what it is said to be.
func TestOverwrites(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		var at sync.WaitGroup
		for n := range 24 {
			at.Go(func() {
				text := strings.Repeat(fmt.Sprint(n%5), 1000)
				if got := w.send(w.admin, "PUT", libs+"one", strings.NewReader(text), deployed(text)...); got.status != 201 {
					w.Errorf("%d %s", got.status, got.body)
				}
				got := w.send(w.admin, "GET", libs+"one", nil)
				if sum, _, _ := sums(got.body); got.status != 200 || sum != got.header.Get("X-Checksum-Sha256") || len(got.body) != 1000 {
					w.Errorf("%d, %d bytes", got.status, len(got.body))
				}
			})
		}
		at.Wait()
		if kept := w.contents(); kept > 5 {
			w.Errorf("%d contents are kept", kept)
		}
	})
}

// TestNoBlobs: a server that keeps no files says so, and loses none.
func TestNoBlobs(t *testing.T) {
	t.Parallel()
	w := prepare(t, storetest.SQLite(t))
	w.settings.Blobs = "none"
	w.begin().shelved()
	refused := jfrogError(400, "this server keeps no files; its admin names a directory for them in its settings: blobs:")
	w.wants(w.admin, "PUT", libs+"a", "text", 400, refused)
	w.wants(w.admin, "GET", libs+"a", "", 400, refused)
	w.contains(w.says(server.Check), "none: hosted repositories take no files")
	if _, err := os.Stat(filepath.Join(w.data, "blobs")); !os.IsNotExist(err) {
		t.Errorf("it made a directory for them: %v", err)
	}
}

// TestBrokenUpload: a client that dies in the middle leaves nothing.
func TestBrokenUpload(t *testing.T) {
	t.Parallel()
	w := start(t, storetest.SQLite(t))
	w.shelved()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+w.address+libs+"half", io.MultiReader(bytes.NewReader(make([]byte, 4<<20)), dead{}))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 8 << 20
	r.Header.Set("Authorization", "Bearer "+w.admin)
	if res, err := http.DefaultClient.Do(r); err == nil {
		_ = res.Body.Close()
		t.Errorf("it was answered: %s", res.Status)
	}
	w.end() // its requests are over then
	if kept := w.contents(); kept != 0 {
		t.Errorf("%d contents are left", kept)
	}
	w.end = w.serve()
	w.wants(w.admin, "GET", libs+"half", "", 404, jfrogError(404, "there is no file libs-dev/half"))
}

// TestLostContent: a content whose file is lost is sent again, and then every file has it.
func TestLostContent(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		text := strings.Repeat("big ", 5000)
		put := func(path string) int {
			return w.send(w.admin, "PUT", libs+path, strings.NewReader(text), deployed(text)...).status
		}
		if got := put("a"); got != 201 {
			w.Fatal(got)
		}
		lost, _ := filepath.Glob(filepath.Join(w.data, "blobs", "*", "*"))
		if err := os.Remove(lost[0]); err != nil {
			w.Fatal(err)
		}
		if got := w.send(w.admin, "GET", libs+"a", nil); got.status != 500 {
			w.Errorf("lost: %d %s", got.status, got.body)
		}
		known := append(deployed(text), "X-Checksum-Deploy", "true")
		if got := w.send(w.admin, "PUT", libs+"b", nil, known...); got.status != 404 {
			w.Errorf("by its checksum: %d %s", got.status, got.body)
		}
		if got := put("b"); got != 201 {
			w.Errorf("sent again: %d", got)
		}
		for _, path := range []string{"a", "b"} {
			if got := w.send(w.admin, "GET", libs+path, nil); got.status != 200 || got.body != text {
				w.Errorf("%s: %d", path, got.status)
			}
		}
		if kept := w.contents(); kept != 1 {
			w.Errorf("%d contents are kept", kept)
		}
	})
}

// dead is a client that is gone.
type dead struct{}

func (dead) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestBigFile: 48 MB go up and down.
func TestBigFile(t *testing.T) {
	t.Parallel()
	w := start(t, storetest.SQLite(t)).shelved()
	w.upAndDown(48 << 20)
}

// TestFiguresBigFile: 2 GB go up and down through one program that is server and client, and needs no more memory for that.
func TestFiguresBigFile(t *testing.T) {
	if !*figures {
		t.Skip("measured with -figures")
	}
	w := start(t, storetest.SQLite(t)).shelved()
	w.upAndDown(1 << 20)
	runtime.GC()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600) // the peak is counted anew; where that cannot be, it shows what was before
	small := peak()
	began := time.Now()
	w.upAndDown(2 << 30)
	fmt.Printf("  %-70s %s; peak memory %s, before %s\n", "2 GB up and down, server and client in one program", time.Since(began).Round(time.Second), peak(), small)
}

// upAndDown uploads that many bytes, and downloads them again.
func (w *world) upAndDown(size int64) {
	w.Helper()
	do := func(method string, body io.Reader) *http.Response {
		w.Helper()
		r, err := http.NewRequestWithContext(w.Context(), method, "http://"+w.address+libs+"big", body)
		if err != nil {
			w.Fatal(err)
		}
		if body != nil {
			r.ContentLength = size
		}
		r.Header.Set("Authorization", "Bearer "+w.admin)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			w.Fatal(err)
		}
		w.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	up := do(http.MethodPut, io.LimitReader(&endless{}, size))
	var info struct{ Checksums struct{ SHA256 string } }
	if err := json.NewDecoder(up.Body).Decode(&info); err != nil || up.StatusCode != http.StatusCreated {
		w.Fatalf("%s, %v", up.Status, err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, do(http.MethodGet, nil).Body)
	if err != nil || n != size || hex.EncodeToString(sum.Sum(nil)) != info.Checksums.SHA256 {
		w.Errorf("%d of %d bytes came back, %v", n, size, err)
	}
}

// peak is the most memory that this program had, where the system tells it.
func peak() string {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	if !found {
		return "unknown"
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// endless is text without end, no two parts of which are alike.
type endless struct{ n uint64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		e.n = e.n*6364136223846793005 + 1442695040888963407
		p[i] = byte(e.n >> 56)
	}
	return len(p), nil
}
