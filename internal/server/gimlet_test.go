package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// shipped is the artifact that Gimlet's command line sends, as it was recorded.
const shipped = `{"version":{"repositoryName":"my/repo","sha":"07141e7b4d8b2e8e5d0c1fbd7d2a6f6f9e3a953b","created":1602071729,"branch":"main","authorName":"Jane","authorEmail":"j@x","committerName":"Jane","committerEmail":"j@x","message":"hello","url":"https://x/y"},"context":{"BRANCH":"main","SHA":"07141e7b4d8b2e8e5d0c1fbd7d2a6f6f9e3a953b"},"environments":[{"app":"demo-app","env":"staging","namespace":"my-team","deploy":{"branch":"main","event":"push"},"chart":{"repository":"https://chart.onechart.dev","name":"onechart","version":"0.32.0"},"values":{"image":{"repository":"myapp","tag":"{{ .SHA }}"},"replicas":2}}],"items":[{"name":"CI","url":"http://ci/1"}],"vars":{"BRANCH":"main","FOO":"bar","SHA":"07141e7b4d8b2e8e5d0c1fbd7d2a6f6f9e3a953b","name":"CI","url":"http://ci/1"}}`

// gimletd sends a request as Gimlet's clients do, byte by byte but for the token, and returns the answer.
func (w *world) gimletd(method, target, body string) (int, string) {
	w.Helper()
	head := method + " " + target + " HTTP/1.1\nHost: HOST\nUser-Agent: Go-http-client/1.1\nAuthorization: Bearer TOKEN\nAccept-Encoding: gzip\n"
	switch {
	case body != "":
		head += "Content-Type: application/json\n"
	case method == "POST":
		head += "Content-Length: 0\n"
	}
	return w.sends(head, body)
}

// gimletSays is gimletd for an answer of one status.
func (w *world) gimletSays(status int, method, target, body string) string {
	w.Helper()
	got, said := w.gimletd(method, target, body)
	if got != status {
		w.Fatalf("%s %s: %d %s, want %d\n%s", method, target, got, said, status, w.log)
	}
	return said
}

// ships ships the recorded artifact with other texts in it, and returns its id.
func (w *world) ships(replace ...string) string {
	w.Helper()
	var made struct{ ID string }
	w.decode(w.gimletSays(http.StatusCreated, "POST", "/api/artifact", strings.NewReplacer(replace...).Replace(shipped)), &made)
	return made.ID
}

// eachGimlet is each, for a server whose tokens are for the project apim unless they say another one.
func eachGimlet(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	eachPrepared(t, func(w *world) {
		w.settings.DefaultProject = "apim"
		test(w.begin().declared())
	})
}

// TestGimletArtifact: what is shipped is answered, listed and tracked as Gimlet does it.
func TestGimletArtifact(t *testing.T) {
	eachGimlet(t, func(w *world) {
		said := w.gimletSays(http.StatusCreated, "POST", "/api/artifact", shipped)
		want := regexp.MustCompile(`^\{"id":"my/repo-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}","created":\d{10},"version":\{.*`)
		if !want.MatchString(said) {
			w.Fatalf("%s\nwant %s", said, want)
		}
		var made struct{ ID string }
		w.decode(said, &made)
		_, rest, _ := strings.Cut(said, `,"version"`)
		if `{"version"`+rest != shipped {
			w.Errorf("it is not stored as it was sent:\n%s\n%s", `{"version"`+rest, shipped)
		}
		if list := w.gimletSays(200, "GET", "/api/artifacts?limit=3", ""); list != "["+said+"]" {
			w.Errorf("the list: %s\nwant %s", list, said)
		}
		track := w.gimletSays(200, "GET", "/api/eventArtifactTrack?artifactId="+made.ID, "")
		if track != `{"type":"","status":"processed","statusDesc":"demo-app -> staging: apim has no environment staging that is deployed by Git","results":[]}` {
			w.Errorf("the track: %s", track)
		}
		// The server makes the id, and a client's manifest keeps the keys that only old clients send.
		old := `{"id":"mine","version":{"repositoryName":"my/repo","sha":"07141e7b","event":"pr","sourceBranch":"feat","targetBranch":"main","tag":""},` +
			`"environments":[{"app":"a","env":"staging","preview":null,"deploy":null,"namespace":"","chart":{"repository":"","name":"","version":""},"strategicMergePatches":"","json6902Patches":null,"manifests":""}],"fake":true,"unknown":{}}`
		said = w.gimletSays(201, "POST", "/api/artifact", old)
		for _, part := range []string{`"id":"my/repo-`, `"event":"pr"`, `"json6902Patches":null`, `"strategicMergePatches":""`, `"fake":true`} {
			if !strings.Contains(said, part) {
				w.Errorf("%s is missing in %s", part, said)
			}
		}
		for _, part := range []string{`"mine"`, "unknown", `"vars"`, `"context"`, `"items"`, `"tag":""`} {
			if strings.Contains(said, part) {
				w.Errorf("%s is in %s", part, said)
			}
		}
	})
}

// TestGimletList: every filter, and the order.
func TestGimletList(t *testing.T) {
	eachGimlet(t, func(w *world) {
		w.ships()
		w.ships("my/repo", "my/other", `"branch":"main"`, `"branch":"feature/x"`)
		w.ships(`"branch":"main"`, `"branch":"dev","event":"pr"`, "07141e7b4d8b2e8e5d0c1fbd7d2a6f6f9e3a953b", commit)
		names := func(query string) string {
			var list []struct {
				Version struct{ RepositoryName, Branch string }
			}
			w.decode(w.gimletSays(200, "GET", "/api/artifacts?"+query, ""), &list)
			var all []string
			for _, a := range list {
				all = append(all, strings.TrimPrefix(a.Version.RepositoryName, "my/")+":"+a.Version.Branch)
			}
			return strings.Join(all, " ")
		}
		for query, want := range map[string]string{
			"limit=3": "repo:dev other:feature/x repo:main", "": "repo:dev other:feature/x repo:main", "limit=1&offset=1": "other:feature/x", "offset=1": "",
			"repository=my/repo": "repo:dev repo:main", "branch=main": "repo:main", "sourceBranch=feature/x": "other:feature/x", "branch=main&sourceBranch=dev": "",
			"repository=my/repo&branch=dev": "repo:dev", "event=pr": "repo:dev", "event=push": "other:feature/x repo:main", "event=tag": "",
			"sha=" + commit: "repo:dev", "sha=" + commit + "&sha=07141e7b4d8b2e8e5d0c1fbd7d2a6f6f9e3a953b&branch=main": "repo:main", "sha=abc": "",
			"since=2021-02-01T15%3A34%3A26%2B01%3A00&limit=2": "repo:dev other:feature/x", "until=2021-02-01T15%3A34%3A26Z": "", "since=2999-01-01T00:00:00Z": "",
			"limit=2&offset=1&since=2021-02-01T15%3A34%3A26%2B01%3A00&repository=my/repo&branch=main&event=pr&sourceBranch=feat&sha=abc": "",
		} {
			if got := names(query); got != want {
				w.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		for query, want := range map[string]string{
			"limit=x": "Bad Request - ", "offset=-1": "Bad Request - ", "since=yesterday": "Bad Request - ", "until=1": "Bad Request - ",
		} {
			if said := w.gimletSays(400, "GET", "/api/artifacts?"+query, ""); !strings.HasPrefix(said, want) {
				w.Errorf("%s: %s", query, said)
			}
		}
	})
}

// TestGimletSecrets: what CI ships of its own secrets is kept nowhere, and answered nowhere.
func TestGimletSecrets(t *testing.T) {
	eachGimlet(t, func(w *world) {
		jwt := "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvcmciLCJhdWQiOiJ4In0.c2VjcmV0LXNpZ25hdHVyZQ"
		secrets := []string{jwt, "plain-oidc-token", "hunter2-password", "aws-key-material", "in-an-item-secret", "deep-secret", "x-access:ghs_in_an_address"}
		body := `{"version":{"repositoryName":"my/repo","sha":"` + commit + `","message":"see ` + jwt + `","url":"https://u:hunter2-password@host/x"},` +
			`"context":{"CIRCLE_OIDC_TOKEN_V2":"plain-oidc-token","OK":"fine"},` +
			`"items":[{"name":"CI","db_password":"in-an-item-secret","nested":{"list":["` + jwt + `","kept-text"],"api_key":"deep-secret"}}],` +
			`"vars":{"CIRCLE_SHA":"abc","AWS_SECRET_ACCESS_KEY":"aws-key-material","harmless":"` + jwt + `","CIRCLE_REPOSITORY_URL":"https://x-access:ghs_in_an_address@github.com/a/b"}}`
		said := w.gimletSays(201, "POST", "/api/artifact", body) + w.gimletSays(200, "GET", "/api/artifacts", "")
		for _, kept := range []string{"kept-text", `"OK":"fine"`, `"CIRCLE_SHA":"abc"`} {
			if !strings.Contains(said, kept) {
				w.Errorf("%s is gone: %s", kept, said)
			}
		}
		w.sealed(3)
		said += w.ofStatus(200, w.admin, "GET", "/v1/events", "")
		rows := w.rows()
		for _, name := range []string{"CIRCLE_OIDC_TOKEN_V2", "AWS_SECRET_ACCESS_KEY", "harmless", "CIRCLE_REPOSITORY_URL", "db_password", "api_key"} {
			if !strings.Contains(rows, name) {
				w.Errorf("nobody will know that %s was dropped", name)
			}
		}
		for _, secret := range secrets {
			if strings.Contains(said+rows+w.log.String(), secret) {
				w.Errorf("%s is kept", secret)
			}
		}
	})
}

// TestGimletManyShip: twenty identical pushes at once are twenty artifacts, each with its own processing.
func TestGimletManyShip(t *testing.T) {
	eachGimlet(t, func(w *world) {
		ids := make([]string, 20)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() { ids[i] = w.ships() })
		}
		all.Wait()
		slices.Sort(ids)
		if n := len(slices.Compact(ids)); n != 20 {
			w.Errorf("%d artifacts", n)
		}
		w.key = "once"
		w.settings.Data = w.data
		first := w.ofStatus(201, w.admin, "POST", "/api/artifact", shipped)
		if again := w.ofStatus(201, w.admin, "POST", "/api/artifact", shipped); again != first || !w.replayed {
			w.Errorf("sent again: %s", again)
		}
	})
}

// TestGimletRefusals: errors are plain text with Gimlet's words, and change nothing.
func TestGimletRefusals(t *testing.T) {
	eachGimlet(t, func(w *world) {
		for _, row := range []struct {
			method, target, body string
			status               int
			text                 string
		}{
			{"POST", "/api/artifact", "{", 400, "Bad Request - the body cannot be read"},
			{"POST", "/api/artifact", "", 400, "Bad Request - the body cannot be read"},
			{"POST", "/api/artifact", "null", 400, "Bad Request - "},
			{"POST", "/api/artifact", "[]", 400, "Bad Request - "},
			{"POST", "/api/artifact", shipped + "{}", 400, "Bad Request - "},
			{"POST", "/api/artifact", "{}", 400, "Bad Request - version.repositoryName"},
			{"POST", "/api/artifact", `{"version":{"repositoryName":"my repo&x"}}`, 400, "Bad Request - version.repositoryName"},
			{"POST", "/api/artifact", `{"version":{"repositoryName":"my/repo","sha":"abc"}}`, 400, "Bad Request - version.sha"},
			{"POST", "/api/artifact", `{"version":{"repositoryName":"my/repo","sha":7}}`, 400, "Bad Request - the body cannot be read: version.sha cannot be a number"},
			{"POST", "/api/artifact", strings.Replace(shipped, `"app":"demo-app"`, `"app":7`, 1), 400, "Bad Request - environments[0] is no app file: app cannot be a number"},
			{"POST", "/api/artifact", strings.Replace(shipped, `"app":"demo-app",`, ``, 1), 400, "Bad Request - environments[0] is no app file: app is missing"},
			{"POST", "/api/artifact", strings.Replace(shipped, `"branch":"main"`, `"branch":"\u0000"`, 1), 400, "Bad Request - "},
			{"POST", "/api/artifact", strings.Replace(shipped, "hello", "\xff", 1) + " ", 201, ""},
			{"POST", "/api/artifact", strings.Replace(shipped, "myapp", "\xff", 1), 400, "Bad Request - "},
			{"POST", "/api/artifact", strings.Replace(shipped, "hello", strings.Repeat("x", 5<<20), 1), 413, "Request Entity Too Large - "},
			{"GET", "/api/eventArtifactTrack", "", 400, "Bad Request: artifactId parameter is mandatory"},
			{"GET", "/api/eventArtifactTrack?artifactId=", "", 400, "Bad Request: artifactId parameter is mandatory"},
			{"GET", "/api/eventArtifactTrack?artifactId=my/repo-1", "", 404, "Not Found"},
		} {
			if status, said := w.gimletd(row.method, row.target, row.body); status != row.status || !strings.HasPrefix(said, row.text) {
				w.Errorf("%s %s %.80s: %d %.300s, want %d %s", row.method, row.target, row.body, status, said, row.status, row.text)
			}
		}
		if list := w.gimletSays(200, "GET", "/api/artifacts", ""); strings.Count(list, `"id"`) != 1 {
			w.Errorf("something else is stored: %s", list)
		}
		for i, header := range []string{"", "Authorization: Bearer \n", "Authorization: Bearer nothing\n", "Authorization: Basic TOKEN\n", "Cookie: user_sess=TOKEN\n"} {
			head := fmt.Sprintf("GET /api/artifacts?access_token=TOKEN HTTP/1.1\nHost: HOST\nX-Forwarded-For: 192.0.2.%d\n", i+1)
			if status, said := w.sends(head+header, ""); status != 401 || said != "Unauthorized" {
				w.Errorf("%s: %d %s", header, status, said)
			}
		}
		if status, said := w.sends("GET /api/artifacts HTTP/1.1\nHost: HOST\nAuthorization: BEARER TOKEN\n", ""); status != 200 {
			w.Errorf("BEARER: %d %s", status, said)
		}
	})
}
