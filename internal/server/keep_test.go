package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/server"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// says runs a command, which must succeed, and returns what it prints.
func (w *world) says(do func(context.Context, server.Settings, io.Writer) error) string {
	w.Helper()
	var out bytes.Buffer
	if err := do(w.Context(), w.settings, &out); err != nil {
		w.Errorf("%v\n%s", err, out.String())
	}
	return out.String()
}

// with gives a command what its flag names.
func with(named string, do func(context.Context, server.Settings, string, io.Writer) error) func(context.Context, server.Settings, io.Writer) error {
	return func(ctx context.Context, s server.Settings, out io.Writer) error { return do(ctx, s, named, out) }
}

// other is where a server could be, on an empty database of the other kind.
func (w *world) other() *world {
	w.Helper()
	o := &world{T: w.T, data: filepath.Join(w.TempDir(), "data"), log: &talk{}, admin: w.admin}
	url := storetest.SQLite
	if storetest.IsSQLite(w.settings.Database) {
		url = storetest.Postgres
	}
	o.settings = server.Settings{Listen: "127.0.0.1:0", Data: o.data, Database: url(w.T)}
	return o
}

func (w *world) contains(text string, parts ...string) {
	w.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			w.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

// lived is a server that has a deployment, in a world with secrets.
func (w *world) lived() *world {
	w.Helper()
	w.declared()
	w.ofStatus(http.StatusCreated, w.admin, "POST", candidates+"1.0.0-rc1", routes()[0].body)
	w.ofStatus(http.StatusCreated, w.admin, "POST", candidates+"1.1.0-rc1", routes()[0].body)
	w.wants(w.admin, "PATCH", qa, as("1.0.0-rc1", "success"), 200, "")
	w.sealed(5)
	return w
}

// TestBackupRestoreResume: a backup beside the server, restored into a database of the other kind. It answers as the first one did,
// starts nothing, and says so; until somebody resumes it, beside the server.
func TestBackupRestoreResume(t *testing.T) {
	each(t, func(w *world) {
		w.lived()
		before := w.ofStatus(http.StatusOK, w.admin, "GET", qa, "")
		backup := filepath.Join(w.TempDir(), "backup.db")
		printed := w.says(with(backup, server.Backup))
		w.contains(printed, "deployments   1\n", "events        5\n", "ends at position 5 with ", "written to "+backup)
		again := w.other()
		printed += again.says(with(backup, server.Restore))
		w.contains(printed, "restored and quarantined")
		if err := server.Restore(w.Context(), again.settings, backup, io.Discard); !fault.Is(err, "not-empty") {
			w.Errorf("restored twice: %v", err)
		}
		again.end = again.serve()
		if _, err := os.Stat(filepath.Join(again.data, "admin-token")); !os.IsNotExist(err) {
			w.Errorf("another first token was made: %v", err)
		}
		w.contains(again.log.String(), "the ledger is quarantined")
		if after := again.ofStatus(http.StatusOK, w.admin, "GET", qa, ""); after != before {
			w.Errorf("%s, before %s", after, before)
		}
		w.contains(again.ofStatus(http.StatusOK, "", "GET", "/ready", ""), "quarantined since 20", "position 5")
		if err := server.Ready(w.Context(), server.Settings{Listen: again.address}); err != nil {
			w.Errorf("a health check would end it: %v", err)
		}
		w.contains(again.ofStatus(http.StatusOK, "", "GET", "/metrics", ""), "\ngio_server_quarantined 1\n")
		w.contains(again.says(server.Check), "quarantined since 20")
		again.wants(w.admin, "POST", qa, of("1.1.0-rc1"), 201, "") // recorded
		w.contains(again.ofStatus(http.StatusOK, w.admin, "GET", qa, ""), `"status":"pending"`)
		w.contains(again.says(server.Resume), "resumed")
		again.wants("", "GET", "/ready", "", http.StatusNoContent, "")
		if err := server.Resume(w.Context(), again.settings, io.Discard); !fault.Is(err, "not-quarantined") {
			w.Errorf("resumed twice: %v", err)
		}
		again.sealed(8)
		events := again.ofStatus(http.StatusOK, w.admin, "GET", "/v1/events?limit=1000", "")
		w.contains(events, `"ledger.restored"`, `"ledger.resumed"`, `"dialect":"local"`)
		printed += again.says(server.Verify)
		w.contains(printed, "ends at position 8 with ", "verified")
		held, err := os.ReadFile(backup)
		if err != nil {
			w.Fatal(err)
		}
		if kept := printed + string(held) + again.log.String(); strings.Contains(kept, w.admin) || !strings.Contains(kept, "candidate.created") {
			w.Error("the secret of a token is kept, or not all was read")
		}
	})
}

// TestCopy: a server that moves to a database of the other kind goes on there.
func TestCopy(t *testing.T) {
	each(t, func(w *world) {
		w.lived()
		before := w.ofStatus(http.StatusOK, w.admin, "GET", qa, "")
		moved := w.other()
		if storetest.IsSQLite(w.settings.Database) {
			if err := server.Copy(w.Context(), w.settings, moved.settings.Database, io.Discard); !fault.Is(err, "database-in-use") {
				w.Errorf("copied beside the server: %v", err)
			}
		}
		w.end()
		w.contains(w.says(with(moved.settings.Database, server.Copy)), "deployments   1\n", "position 5")
		moved.end = moved.serve()
		if after := moved.ofStatus(http.StatusOK, w.admin, "GET", qa, ""); after != before {
			w.Errorf("%s, before %s", after, before)
		}
		moved.wants("", "GET", "/ready", "", http.StatusNoContent, "")
		moved.wants(w.admin, "POST", qa, of("1.1.0-rc1"), 201, "")
		moved.sealed(6)
	})
}

// TestVerifyFails: it says where the history was changed.
func TestVerifyFails(t *testing.T) {
	each(t, func(w *world) {
		w.lived()
		if _, err := storetest.Raw(w.T, w.settings.Database).ExecContext(w.Context(), "UPDATE events SET actor = 'eve' WHERE position = 4"); err != nil {
			w.Fatal(err)
		}
		err := server.Verify(w.Context(), w.settings, io.Discard)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "position 4") {
			w.Errorf("%v", err)
		}
	})
}

// TestVerifyFindsMissingBlobs: it lists the contents that are not where they must be.
func TestVerifyFindsMissingBlobs(t *testing.T) {
	each(t, func(w *world) {
		w.shelved()
		w.ofStatus(http.StatusCreated, w.admin, "PUT", "/artifactory/libs-dev/a.txt", "hello\n")
		w.ofStatus(http.StatusCreated, w.admin, "PUT", "/artifactory/libs-dev/b.txt", "b\n")
		w.contains(w.says(server.Verify), "blobs         2\n", "verified")
		kept, err := filepath.Glob(filepath.Join(w.data, "blobs", "*", "*"))
		if err != nil || len(kept) != 2 {
			w.Fatalf("%s, %v", kept, err)
		}
		for _, path := range kept {
			if text, _ := os.ReadFile(path); string(text) == "hello\n" {
				err = os.Remove(path)
			}
		}
		if err != nil {
			w.Fatal(err)
		}
		var out bytes.Buffer
		if err := server.Verify(w.Context(), w.settings, &out); !fault.Is(err, "missing-blobs") || !strings.Contains(err.Error(), "1 contents") {
			w.Errorf("%v", err)
		}
		w.contains(out.String(), "missing: the content 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03, of 6 bytes, at ")
		w.settings.Blobs = filepath.Join(w.data, "nowhere")
		if err := server.Verify(w.Context(), w.settings, io.Discard); !fault.Is(err, "missing-blobs") {
			w.Errorf("without the folder: %v", err)
		}
	})
}

// TestCheck: what is right and what is wrong, before the first start and beside the server.
func TestCheck(t *testing.T) {
	each(t, func(w *world) {
		w.contains(w.says(server.Check), "up to date", "can be written")
		if entries, err := os.ReadDir(w.data); err != nil || len(entries) != 3 { // its token, its key and the blobs
			w.Errorf("it left something: %v, %v", entries, err)
		}
		first := *w
		first.settings.Database = filepath.Join(w.data, "new.db")
		w.contains(first.says(server.Check), "made when the server starts")
		if _, err := os.Stat(first.settings.Database); !os.IsNotExist(err) {
			w.Errorf("it made the database: %v", err)
		}
		file := filepath.Join(w.TempDir(), "file")
		if err := os.WriteFile(file, bytes.Repeat([]byte("no database\n"), 100), 0o600); err != nil {
			w.Fatal(err)
		}
		var out bytes.Buffer
		err := server.Check(w.Context(), server.Settings{Listen: "nowhere", Data: file, Database: file}, &out)
		if !fault.Is(err, "check-failed") || strings.Count(out.String(), "FAILED") != 4 || !strings.Contains(err.Error(), "4 of 5") {
			w.Errorf("%v\n%s", err, out.String())
		}
		w.contains(out.String(), "-> another address: --listen")
	})
}

// TestMetrics: requests by route, the chain, the database; and no name that the ledger holds.
func TestMetrics(t *testing.T) {
	each(t, func(w *world) {
		w.lived()
		w.wants(w.admin, "POST", qa, of("1.1.0-rc1"), 201, "")
		w.sealed(6)
		w.ofStatus(http.StatusNotFound, "", "GET", "/apim-secret", "")
		shown := w.ofStatus(http.StatusOK, "", "GET", "/metrics", "")
		const route = `gio_server_request_duration_seconds_count{route="PATCH /api/releases/{project}/environments/{environment}/deployments",status="2xx"} 1`
		w.contains(shown, route, `{route="none",status="4xx"} 1`, `{route="PUT /v1/projects/{project}",status="2xx"} 1`,
			"\ngio_server_chain_position 6\n", "\ngio_server_events_unsealed 0\n", "\ngio_server_seal_errors_total 0\n", "\ngio_server_quarantined 0\n",
			`gio_server_deployments{status="pending"} 1`, `gio_server_deployments{status="unknown"} 0`, "gio_server_database_up{kind=", "gio_server_build_info{")
		for _, name := range []string{"apim", "acme", "qa", "ann@example.org", "1.0.0"} {
			if strings.Contains(shown, name) {
				w.Errorf("/metrics names %s:\n%s", name, shown)
			}
		}
	})
}

// TestCheckConnections: each is asked, nothing is started there, and no secret is shown.
func TestCheckConnections(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.Path
		if r.Header.Get("Authorization") == "Bearer planted-good" {
			_, _ = io.WriteString(w, `{"id": "1", "login": "release-bot", "name": "Release Bot"}`)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer outside.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	file := filepath.Join(t.TempDir(), "gio-server.yaml")
	text := `
data: "` + filepath.ToSlash(t.TempDir()) + `"
connections:
  good: {kind: circleci, host: "` + outside.URL + `", token: "env:GOOD"}
  bad: {kind: circleci, host: "` + outside.URL + `", token: "env:BAD"}
  unset: {kind: circleci, token: "env:UNSET"}
  hook: {kind: webhook, url: "` + outside.URL + `/planted-path", secret: "env:GOOD"}
  gone: {kind: webhook, url: "` + gone.URL + `/planted-path", secret: "env:GOOD"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := server.ReadSettings(server.Settings{}, file, []string{"GOOD=planted-good", "BAD=planted-bad"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = server.Check(t.Context(), s, &out)
	if !fault.Is(err, "check-failed") || !strings.Contains(err.Error(), "3 of 10") {
		t.Errorf("%v", err)
	}
	for _, want := range []string{
		`connection good +ok +good \(circleci at \S+\): the token is of release-bot`, `connection bad +FAILED`, `connection unset +FAILED +.*UNSET is not set`,
		`connection hook +ok +hook \(webhook at`, `connection gone +FAILED +gone \(webhook at \S+\) cannot be reached`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("%s is not in\n%s", want, out.String())
		}
	}
	if shown := out.String() + err.Error(); strings.Contains(shown, "planted") {
		t.Errorf("a secret is shown: %s", shown)
	}
	close(asked)
	var all []string
	for each := range asked {
		all = append(all, each)
	}
	slices.Sort(all)
	for _, each := range slices.Compact(all) {
		if each != "GET /api/v2/me" && each != "HEAD /planted-path" {
			t.Errorf("it asked for %s", each)
		}
	}
}
