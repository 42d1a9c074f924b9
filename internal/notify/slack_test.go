package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// line shows a request to Slack in one line: method, thread or message, text.
func line(r request) string {
	parts := []string{strings.TrimPrefix(r.path, "/api/")}
	for _, key := range []string{"channel", "ts", "thread_ts", "text"} {
		if value, ok := r.json[key].(string); ok {
			parts = append(parts, value)
		}
	}
	return strings.Join(parts, " ")
}

func lines(list []request) []string {
	var all []string
	for _, r := range list {
		all = append(all, line(r))
	}
	return all
}

const posted = `{"ok": true, "channel": "C1", "ts": "1700000000.000100"}`

func bot(w *wire) Receiver {
	b := newSlackBot(Slack{Token: "xoxb-planted", Channel: "#releases", API: "https://slack.test/api", Texts: texts()})
	w.over(b.poster)
	return b.receiver()
}

// One message, kept up to date no more than every three seconds, and a reply for each failure.
func TestSlackBot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(int, request) (int, string, string) { return http.StatusOK, "", posted }}
		s := newStory(t, "release", bot(w))
		synctest.Wait()
		s.fail("api")
		s.fail("gateway")
		time.Sleep(time.Minute)
		id := s.trigger("portal") // changes nothing that the message says
		s.add(run.Event{Type: run.Unknown, Steps: []plan.StepID{id}, Reason: "portal?"})
		time.Sleep(time.Minute)
		if failed := s.n.Close(t.Context(), errPipeline); failed != nil {
			t.Error(failed)
		}
		want := []string{
			"chat.postMessage #releases over false, failed 0",
			"chat.update C1 1700000000.000100 over false, failed 2",
			"chat.postMessage C1 1700000000.000100 api broke",
			"chat.postMessage C1 1700000000.000100 gateway broke",
			"chat.postMessage C1 1700000000.000100 portal?",
			"chat.update C1 1700000000.000100 over true, failed 2",
		}
		got := w.requests()
		if diff := cmp.Diff(want, lines(got)); diff != "" {
			t.Fatal(diff)
		}
		if gap := got[1].at.Sub(got[0].at); gap < slackEvery {
			t.Errorf("updated after %s", gap)
		}
		if got[0].header.Get("Authorization") != "Bearer xoxb-planted" || got[0].json["unfurl_links"] != false {
			t.Errorf("%v %s", got[0].header, got[0].body)
		}
	})
}

// A message that Slack throttles, loses or deletes arrives in the end, without an error.
func TestSlackRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(n int, _ request) (int, string, string) {
			switch n {
			case 0:
				return http.StatusTooManyRequests, "Retry-After: 7", ""
			case 1:
				return http.StatusOK, "", `{"ok": false, "error": "internal_error"}`
			case 3:
				return http.StatusOK, "", `{"ok": false, "error": "message_not_found"}`
			case 5:
				return http.StatusOK, "", `not JSON`
			}
			return http.StatusOK, "", posted
		}}
		s := newStory(t, "release", bot(w))
		time.Sleep(time.Minute)
		s.fail("api")
		time.Sleep(time.Minute)
		failed := s.n.Close(t.Context(), nil)
		if len(failed) != 1 || !strings.Contains(failed[0].Error(), "not sent: Slack, #releases: its answer is not one of Slack's") {
			t.Errorf("%v", failed)
		}
		want := []string{
			"chat.postMessage #releases over false, failed 0",
			"chat.postMessage #releases over false, failed 0",
			"chat.postMessage #releases over false, failed 0",
			"chat.update C1 1700000000.000100 over false, failed 1",
			"chat.postMessage #releases over false, failed 1",
			"chat.postMessage C1 1700000000.000100 api broke",
		}
		if diff := cmp.Diff(want, lines(w.requests())); diff != "" {
			t.Error(diff)
		}
	})
}

// The fault has Slack's error code and what to do about it, and nothing more is sent.
func TestSlackRefuses(t *testing.T) {
	t.Parallel()
	for word, hint := range map[string]string{
		"channel_not_found": "/invite", "invalid_auth": "SLACK_BOT_TOKEN", "missing_scope": "chat:write", "something_new": "docs.slack.dev",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &wire{answer: func(int, request) (int, string, string) {
				return http.StatusOK, "", `{"ok": false, "error": "` + word + `"}`
			}}
			s := newStory(t, "release", bot(w))
			synctest.Wait()
			s.fail("api")
			failed := s.n.Close(t.Context(), nil)
			if len(failed) != 1 || failed[0].Error() != "not sent: Slack, #releases: it says "+word || len(w.requests()) != 1 {
				t.Fatalf("%v, %v", failed, lines(w.requests()))
			}
			if advice := hints(failed[0]); !strings.Contains(advice, hint) {
				t.Errorf("%s: %s", word, advice)
			}
		})
	}
}

// An incoming webhook gets the beginning, every failure and the end, over HTTP; its address is in no error.
func TestSlackWebhook(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	refuse := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var body struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/services/T0/B0/planted" {
			t.Errorf("%s: %v", r.URL, err)
		}
		if got = append(got, body.Text); refuse {
			http.Error(w, "no_service", http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	hook := SlackWebhook{URL: server.URL + "/services/T0/B0/planted", Texts: texts()}
	receiver, first := told(hook.Receiver())
	s := newStory(t, "release", receiver)
	<-first
	s.fail("api")
	s.fail("gateway")
	if failed := s.n.Close(t.Context(), errPipeline); failed != nil {
		t.Error(failed)
	}
	want := []string{"over false, failed 0", "api broke", "gateway broke", "over true, failed 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	mu.Lock()
	refuse = true
	mu.Unlock()
	s = newStory(t, "release", hook.Receiver())
	failed := s.n.Close(t.Context(), nil)
	if len(failed) != 1 || failed[0].Error() != "not sent: Slack's incoming webhook: it says no_service" {
		t.Errorf("%v", failed)
	}
	server.Close()
	s = newStory(t, "release", hook.Receiver())
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if failed := s.n.Close(short, nil); len(failed) != 1 || strings.Contains(failed[0].Error(), "planted") {
		t.Errorf("%v", failed)
	}
}
