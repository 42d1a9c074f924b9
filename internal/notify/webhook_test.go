package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// The whole run over HTTP, with a receiver's checks.
func TestWebhook(t *testing.T) {
	t.Parallel()
	const secret = "planted"
	var mu sync.Mutex
	var got []Delivery
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); r.Header.Get("X-Gio-Signature-256") != want {
			t.Errorf("signature %q, want %q", r.Header.Get("X-Gio-Signature-256"), want)
		}
		if bytes.Contains(body, []byte(secret)) {
			t.Error("the secret is sent")
		}
		var d Delivery
		if err := json.Unmarshal(body, &d); err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPost || r.Header.Get("X-Gio-Delivery") != d.Delivery || r.Header.Get("X-Gio-Event") != d.Type ||
			r.Header.Get("X-Gio-Timestamp") == "" || r.Header.Get("User-Agent") != "gio/1.2.3" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		got = append(got, d)
	}))
	t.Cleanup(server.Close)

	s := newStory(t, "dry", Webhook{URL: server.URL, Secret: secret, Version: "1.2.3"}.Receiver())
	s.fail("gateway")
	if failed := s.n.Close(t.Context(), errPipeline); failed != nil {
		t.Fatal(failed)
	}
	var types []run.Type
	for _, d := range got {
		for _, e := range d.Events {
			types = append(types, e.Type)
		}
	}
	if diff := cmp.Diff([]run.Type{run.Opened, run.Planned, run.Intent, run.Triggered, run.Failed}, types); diff != "" {
		t.Error(diff)
	}
	last := got[len(got)-1]
	want := Delivery{
		Schema: 1, Delivery: last.Delivery, SentAt: last.SentAt, Type: "ended", Run: "dry/3.9.4", Product: "Acme", Version: "3.9.4",
		Branch: "3.9.x", DryRun: true, Job: "https://circleci.test/job/1", Events: last.Events,
		State: Summary{
			Components: map[run.Status]int{run.HasFailed: 1, run.Pending: 2},
			Attention:  []Attention{{Component: "gateway", Version: "3.9.4", Status: run.HasFailed, Workflow: "release", Reason: "gateway broke"}},
		},
		Ended: &Ended{Exit: 10, Code: "pipeline-failed", Message: "a pipeline failed"},
	}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Error(diff)
	}
}

// A delivery that is not accepted is sent again unchanged; one that is never accepted does not block the next.
func TestWebhookTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(n int, _ request) (int, string, string) {
			switch {
			case n == 0:
				return http.StatusTooManyRequests, "Retry-After: 30", ""
			case n < 1+webhookTries:
				return http.StatusServiceUnavailable, "", ""
			}
			return http.StatusNoContent, "", ""
		}}
		h := newHook(Webhook{URL: "https://hook.test/"})
		w.over(h.poster)
		began := time.Now()
		s := newStory(t, "release", h.receiver())
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		s.fail("api")
		time.Sleep(time.Minute)
		failed := s.n.Close(t.Context(), nil)
		if len(failed) != 1 || !strings.Contains(failed[0].Error(), "webhook https://hook.test, 1 of its deliveries: it answers 503") {
			t.Errorf("%v", failed)
		}
		got := w.requests()
		if wait := got[1].at.Sub(began); wait < 30*time.Second {
			t.Errorf("sent again after %s, 30 s were asked for", wait)
		}
		for i, r := range got[:webhookTries] {
			if !bytes.Equal(r.body, got[0].body) {
				t.Errorf("try %d is another delivery: %s", i+1, r.body)
			}
		}
		if bytes.Equal(got[webhookTries].body, got[0].body) {
			t.Error("a sixth try")
		}
		if last := got[len(got)-1]; last.json["type"] != "ended" || last.json["ended"] == nil {
			t.Errorf("%s", last.body)
		}
	})
}

// A receiver that refuses gets no more requests, and no redirect is followed.
func TestWebhookRefuses(t *testing.T) {
	t.Parallel()
	for status, header := range map[int]string{http.StatusUnauthorized: "", http.StatusTemporaryRedirect: "Location: https://elsewhere.test/"} {
		synctest.Test(t, func(t *testing.T) {
			w := &wire{answer: func(int, request) (int, string, string) { return status, header, "" }}
			h := newHook(Webhook{URL: "https://hook.test/"})
			w.over(h.poster)
			s := newStory(t, "release", h.receiver())
			synctest.Wait()
			s.fail("api")
			failed := s.n.Close(t.Context(), nil)
			if len(w.requests()) != 1 || len(failed) != 1 || fault.KindOf(failed[0]) != fault.Invalid {
				t.Errorf("%d requests, %v", len(w.requests()), failed)
			}
		})
	}
}
