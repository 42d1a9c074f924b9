package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// hook sends what CircleCI sends, with a list of signatures.
func (w *world) hook(path, signatures, body string) int {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http://"+w.address+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Circleci-Event-Type", "workflow-completed")
	if signatures != "" {
		req.Header.Set("Circleci-Signature", signatures)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if said, err := io.ReadAll(res.Body); err != nil || len(said) > 0 {
		w.Errorf("%s: %q, %v", path, said, err)
	}
	return res.StatusCode
}

func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// TestHooks: what CircleCI tells of a pipeline is kept if it is signed, and nothing else is, whoever sends it.
func TestHooks(t *testing.T) {
	const path, id = "/hooks/circleci/circleci", "1b2c3d4e-0000-4000-8000-1234567890ab"
	settings := `connections:
  circleci: {host: "` + away(t) + `", token: "env:T", webhook_secret: "env:S"}
  deaf: {kind: circleci, host: "` + away(t) + `", token: "env:T"}
`
	eachConnected(t, settings, []string{"T=planted-token", "S=planted-hook"}, func(w *world) {
		done := `{"type": "workflow-completed", "id": "e", "pipeline": {"id": "` + id + `", "number": 7}, "workflow": {"status": "success"}, "project": {"name": "planted-name"}}`
		signed := func(body string) string { return signature("planted-hook", body) }
		ping, job, other := `{"type": "ping", "id": "e"}`, `{"type": "job-completed", "pipeline": {"id": "`+id+`"}}`, strings.Replace(done, id, "other", 1)
		empty, long := strings.Replace(done, id, "", 1), strings.Replace(done, id, strings.Repeat("7", 65), 1)
		for i, row := range []struct {
			path, signatures, body string
			status                 int
		}{
			{path, signed(done), done, 204},
			{path, "v2=00," + signed(done), done, 204}, // several versions; and once more
			{path, "v2=00, " + strings.ToUpper(signed(done)[:2]) + signed(done)[2:], done, 401},
			{path, signed(other), other, 204},
			{path, signed(ping), ping, 204},
			{path, signed(job), job, 204},
			{path, "", done, 401},
			{path, signed(done) + "0", done, 401},
			{path, signed(done)[:20], done, 401},
			{path, "v1=", done, 401},
			{path, strings.Replace(signed(done), "v1", "v2", 1), done, 401},
			{path, signed(ping), done, 401},
			{path, signature("planted-token", done), done, 401},
			{path, signature("", done), done, 401},
			{path, "", "", 401},
			{path, signed("no JSON"), "no JSON", 400},
			{path, signed(empty), empty, 400},
			{path, signed(long), long, 400},
			{path, signed(done), done + strings.Repeat(" ", 1<<20), 413},
			{"/hooks/circleci/deaf", signature("", done), done, 404},
			{"/hooks/circleci/none", signed(done), done, 404},
		} {
			if got := w.hook(row.path, row.signatures, row.body); got != row.status {
				w.Errorf("row %d: %d, want %d", i, got, row.status)
			}
		}
		rows, err := storetest.Raw(w.T, w.settings.Database).QueryContext(w.Context(), "SELECT host, pipeline, count FROM deliveries ORDER BY pipeline")
		if err != nil {
			w.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var kept []string
		for rows.Next() {
			var host, pipeline string
			var count int
			if err := rows.Scan(&host, &pipeline, &count); err != nil {
				w.Fatal(err)
			}
			kept = append(kept, fmt.Sprintf("%s %d", pipeline, count))
		}
		if want := id + " 2, other 1"; strings.Join(kept, ", ") != want || rows.Err() != nil {
			w.Errorf("%q, want %s: %v", kept, want, rows.Err())
		}
	})
}
