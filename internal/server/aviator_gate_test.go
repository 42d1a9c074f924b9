package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/server"
)

// connect gives a server settings with connections, before it begins.
func (w *world) connect(connections string, environ ...string) *world {
	w.Helper()
	file := filepath.Join(w.TempDir(), "gio-server.yaml")
	if err := os.WriteFile(file, []byte(connections), 0o600); err != nil {
		w.Fatal(err)
	}
	s, err := server.ReadSettings(w.settings, file, environ)
	if err != nil {
		w.Fatal(err)
	}
	s.TrustedProxies = w.settings.TrustedProxies
	w.settings = s
	return w
}

// eachConnected is each, with connections.
func eachConnected(t *testing.T, connections string, environ []string, test func(w *world)) {
	t.Helper()
	t.Parallel()
	eachPrepared(t, func(w *world) { test(w.connect(connections, environ...).begin()) })
}

// away is a CircleCI that does not answer: what is asked of it waits.
func away(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(server.Close)
	return server.URL
}

// TestAviatorGate goes through what the gate says to Aviator's clients, in one story.
func TestAviatorGate(t *testing.T) {
	eachConnected(t, `connections: {circleci: {host: "`+away(t)+`", token: "env:T"}}`, []string{"T=planted-token"}, func(w *world) {
		w.ofStatus(http.StatusOK, w.admin, "PUT", own, `{"name": "apim", "repository": "acme/apim",
			"build": {"connection": "circleci", "project": "gh/acme/apim", "branch": "build"},
			"environments": [{"name": "qa"}, {"name": "prod", "kind": "circleci", "deploy": {"connection": "circleci", "project": "gh/acme/deploy", "branch": "main"}, "requires": {"approvals": 1}}]}`)
		made := `{"repo": "acme/apim", "commit": "` + commit + `"}`
		deployer, releaser := w.token("deployer", "apim"), w.token("releaser", "apim")
		forced := func(candidate string) string {
			return `{"release_candidate_version": "` + candidate + `", "force": true}`
		}
		type row struct {
			token, method, path, body string
			status                    int
			answer                    string
		}
		ask := func(rows ...row) {
			w.Helper()
			for _, r := range rows {
				w.wants(r.token, r.method, r.path, r.body, r.status, r.answer)
			}
		}
		ask(
			row{w.admin, "POST", candidates + "1.0.0-rc1", made, 201, ""},
			row{w.admin, "POST", candidates + "1.0.0-rc2", made, 201, ""},
			// A build decides; the same request again changes nothing.
			row{w.admin, "POST", candidates + "1.0.0-rc3", strings.Replace(made, "}", `, "trigger_build_workflow": true}`, 1), 201, ""},
			row{w.admin, "POST", candidates + "1.0.0-rc3", strings.Replace(made, "}", `, "trigger_build_workflow": true}`, 1), 201, ""},
			row{w.admin, "POST", prod, of("1.0.0-rc3"), 400, problem("Release candidate is not ready: the candidate 1.0.0-rc3 is building")},
			// A required thing is missing: it waits, and the list says for what.
			row{deployer, "POST", prod, of("1.0.0-rc1"), 201, ""},
		)
		waits := func(message string) {
			w.Helper()
			var list []struct {
				Message string `json:"error_message"`
			}
			w.decode(w.ofStatus(http.StatusOK, deployer, "GET", prod, ""), &list)
			if len(list) == 0 || list[0].Message != message {
				w.Errorf("%+v, want %q", list, message)
			}
		}
		waits("waits for 1 approval")
		ask(row{w.admin, "PATCH", prod, as("1.0.0-rc2", "success"), 200, ""}, row{w.admin, "PATCH", prod, as("1.0.0-rc1", "success"), 200, ""})
		w.ofStatus(http.StatusCreated, w.admin, "POST", own+"/freezes", `{"environment": "prod", "reason": "peak season"}`)
		ask(
			row{deployer, "POST", prod, of("1.0.0-rc1"), 400, problem("Environment is frozen")},
			row{deployer, "POST", prod, forced("1.0.0-rc1"), 403, problem("Forbidden")},
			row{deployer, "POST", back, "", 400, problem("Environment is frozen")},
			row{deployer, "POST", back, `{"force": false}`, 400, problem("Environment is frozen")},
			row{deployer, "POST", back, `{"force": true}`, 403, problem("Forbidden")},
			row{deployer, "POST", qa, of("1.0.0-rc1"), 201, ""},               // another environment
			row{deployer, "PATCH", prod, as("1.0.0-rc2", "success"), 200, ""}, // a report starts nothing
			row{releaser, "POST", prod, forced("1.0.0-rc2"), 201, ""},
		)
		waits("waits for 1 approval") // force passes the freeze, and nothing else
		if answer := w.ofStatus(http.StatusCreated, releaser, "POST", back, `{"force": true}`); !strings.Contains(answer, `"release_candidate_version":"1.0.0-rc1","release_version":"1.0.0","status":"in_progress"`) {
			w.Errorf("a forced rollback: %s", answer)
		}
		w.ofStatus(http.StatusOK, w.admin, "POST", own+"/candidates/1.0.0-rc1/block", `{"reason": "it leaks"}`)
		ask(row{deployer, "POST", qa, of("1.0.0-rc1"), 400, problem("Release candidate is not ready: the candidate 1.0.0-rc1 is blocked: it leaks")})
		text, err := json.Marshal(w.log.String())
		if err != nil || strings.Contains(string(text), "planted") {
			w.Errorf("a secret is logged: %s", text)
		}
	})
}
