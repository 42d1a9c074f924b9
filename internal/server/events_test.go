package server_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// follow reads so many events of a stream: "position type project".
func (w *world) follow(token, path, last string, n int) (events []string) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.address+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Last-Event-ID", last)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return []string{res.Status}
	}
	for lines := bufio.NewScanner(res.Body); len(events) < n && lines.Scan(); {
		if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
			var e struct{ Type, Project string }
			w.decode(data, &e)
			events = append(events, e.Type+" "+e.Project)
		}
	}
	return events
}

// TestStream: a token sees its projects and no others, and what belongs to none only who may read the audit.
func TestStream(t *testing.T) {
	each(t, func(w *world) {
		apim, all := w.declared().token("reader", "apim"), w.token("reader", "")
		w.ofStatus(http.StatusOK, w.admin, "PUT", "/v1/projects/am", `{"name": "am", "repository": "acme/am"}`)
		w.ofStatus(http.StatusCreated, w.admin, "POST", candidates+"1.0.0-rc1", routes()[0].body)
		history := []string{"token.created ", "project.applied apim", "token.created apim", "token.created ", "project.applied am", "candidate.created apim"}
		ofAll := []string{"project.applied apim", "token.created apim", "project.applied am", "candidate.created apim"}
		ofAPIM := []string{"project.applied apim", "token.created apim", "candidate.created apim"}
		for _, test := range []struct {
			token, path, last string
			want              []string
		}{
			{w.admin, "/v1/events", "", history},
			{w.admin, "/v1/events?after=4", "", history[4:]},
			{w.admin, "/v1/events?after=1", "5", history[5:]}, // a client that comes back knows better
			{w.admin, "/v1/events?project=apim", "", ofAPIM},
			{all, "/v1/events", "", ofAll},
			{apim, "/v1/events", "", ofAPIM},
			{apim, "/v1/events?project=apim", "2", ofAPIM[1:]},
			{apim, "/v1/events?project=am", "", []string{"403 Forbidden"}},
			{"nobody", "/v1/events", "", []string{"401 Unauthorized"}},
			{all, "/v1/events?after=-1", "", []string{"400 Bad Request"}},
			{all, "/v1/events", "x", []string{"400 Bad Request"}},
		} {
			if got := w.follow(test.token, test.path, test.last, len(test.want)); !slices.Equal(got, test.want) {
				w.Errorf("%s after %q: %q, want %q", test.path, test.last, got, test.want)
			}
		}
	})
}

// TestAudit: the server proves its history, and says where it was changed.
func TestAudit(t *testing.T) {
	each(t, func(w *world) {
		w.declared().sealed(2)
		type head struct {
			Position int64
			Hash     string
		}
		var end head
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/audit/head", ""), &end)
		var v struct {
			Intact  bool
			Head    head
			Problem string
		}
		kept := fmt.Sprintf("?position=%d&hash=%s", end.Position, end.Hash)
		for _, query := range []string{"", kept} {
			w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/audit/verify"+query, ""), &v)
			if !v.Intact || v.Head != end || end.Position != 2 {
				w.Errorf("%q: %+v, want %v", query, v, end)
			}
		}
		for _, query := range []string{"?position=2", "?hash=" + end.Hash, "?position=2&hash=x", "?position=-1&hash=" + end.Hash} {
			if status, said := w.ask(w.admin, "GET", "/v1/audit/verify"+query, ""); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
				w.Errorf("%s: %d %s", query, status, said)
			}
		}
		w.change("UPDATE events SET actor = 'bob' WHERE position = 1")
		w.decode(w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/audit/verify", ""), &v)
		if v.Intact || !strings.Contains(v.Problem, "changed at position 1") {
			w.Errorf("a changed event: %+v", v)
		}
	})
}

// change changes the database behind the server's back.
func (w *world) change(statement string) {
	w.Helper()
	if _, err := storetest.Raw(w.T, w.settings.Database).ExecContext(w.Context(), statement); err != nil {
		w.Fatal(err)
	}
}
