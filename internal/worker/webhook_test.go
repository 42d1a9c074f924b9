package worker_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
	"github.com/gravitee-lab/gio/internal/worker"
)

// receiver answers requests one after the other; the last answer is for all that follow. "lost" is a connection that breaks after
// the request arrived, "429" wants a minute of rest.
type receiver struct {
	answers []string

	mu     sync.Mutex
	got    []*http.Request
	bodies []string
	asked  chan struct{} // gets one for each request, where it is not nil
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	answer := r.answers[min(len(r.got), len(r.answers)-1)]
	r.got, r.bodies = append(r.got, req), append(r.bodies, string(body))
	r.mu.Unlock()
	if r.asked != nil {
		r.asked <- struct{}{}
	}
	switch answer {
	case "lost":
		return nil, errors.New("connection reset by peer")
	case "silence":
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	var status int
	_, _ = fmt.Sscan(answer, &status)
	w := httptest.NewRecorder()
	w.Header().Set("Retry-After", "60")
	http.Error(w, "no such path: /planted-path", status)
	return w.Result(), nil
}

const planted = "planted-secret"

// hooked is a world in which a webhook deploys qa.
func hooked(t *testing.T, url string, r *receiver) *world {
	t.Helper()
	w := newWorld(t, url, sim.Scenario{})
	w.hooks = map[string]worker.Webhook{"hook": {URL: "https://hooks.test/planted-path", Secret: planted, Wire: worker.Guard(r)}}
	w.declare(ledger.Environment{Name: "qa", Kind: ledger.Webhook, Deploy: &ledger.Trigger{Connection: "hook", Parameters: ledger.Parameters{
		"version": "{{.Version}}", "n": int64(7), "quick": true,
	}}})
	return w
}

func (w *world) report(n int64, s ledger.Status) ledger.Deployment {
	w.t.Helper()
	d, err := w.Report(context.Background(), storetest.Admin(), "acme", "qa", rc(n), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// A request is sent until somebody takes it, always the same one; who took it says how it ended.
func TestWebhook(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answers, want string
		most          int // requests
	}{
		{"200", "in_progress running ", 1},
		{"503 429 lost 408 204", "in_progress running ", 5},
		{"404", "error failed the receiver answers 404 Not Found", 1},
		{"302", "error failed the receiver answers 302 Found", 1},
		{"lost 404", "unknown unknown the receiver answers 404 Not Found; the request was sent 2 times, and no answer says whether it arrived", 2},
		{"503", "unknown unknown nobody took it for a day; the request was sent # times, and no answer says whether it arrived", 12},
		{"silence 200", "in_progress running ", 2},
	} {
		t.Run(test.answers, func(t *testing.T) {
			t.Parallel()
			url := storetest.SQLite(t)
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{answers: strings.Fields(test.answers)}
				w := hooked(t, url, r)
				defer w.close()
				w.deploy("qa", 1)
				d := w.deploy("prod", 2) // of another kind, beside it
				id := w.report(1, ledger.InProgress).ID
				if test.most > 10 { // the server is away for most of the day
					end := w.work()
					time.Sleep(10 * time.Minute)
					end()
					time.Sleep(24 * time.Hour)
				}
				w.until("it was taken, or nobody took it", func() bool {
					s := w.deployment(id).Effect
					return s != ledger.EffectIntended && s != ledger.EffectWanted
				})
				w.until("the other one has ended", w.ended(d.ID))
				got := w.deployment(id)
				want := strings.Replace(test.want, "#", fmt.Sprint(len(r.got)), 1)
				if text := fmt.Sprintf("%s %s %s", got.Status, got.Effect, got.Message); text != want {
					t.Errorf("%q, want %q", text, want)
				}
				if len(r.got) > test.most || test.most > 10 && len(r.got) < 4 || test.most <= 10 && len(r.got) != test.most {
					t.Errorf("%d requests, want %d", len(r.got), test.most)
				}
				w.holds(r, id)
			})
		})
	}
}

// holds checks each request: signed, always the same, with no secret that anybody could read.
func (w *world) holds(r *receiver, id string) {
	w.t.Helper()
	want := `{"deployment":"` + id + `","project":"acme","environment":"qa","candidate":"1.0-rc1","version":"1.0","commit":"` + commit + `","parameters":{"n":7,"quick":true,"version":"1.0"}}`
	for i, req := range r.got {
		mac := hmac.New(sha256.New, []byte(planted))
		mac.Write([]byte(r.bodies[i]))
		switch {
		case r.bodies[i] != want:
			w.t.Errorf("request %d: %s\nwant %s", i, r.bodies[i], want)
		case req.Header.Get("X-Gio-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)):
			w.t.Errorf("request %d has the signature %s", i, req.Header.Get("X-Gio-Signature"))
		case req.Header.Get("X-Gio-Delivery") == "" || req.Header.Get("X-Gio-Delivery") != r.got[0].Header.Get("X-Gio-Delivery"):
			w.t.Errorf("request %d is the delivery %q", i, req.Header.Get("X-Gio-Delivery"))
		}
	}
	if text := w.everything(); strings.Contains(text, "planted") {
		w.t.Errorf("a secret is kept: %s", text)
	}
}

// everything is what the ledger holds of deployments, effects and their journals.
func (w *world) everything() string {
	w.t.Helper()
	var all []string
	db := storetest.Raw(w.t, w.url)
	for _, query := range []string{"SELECT message || forced || link FROM deployments", "SELECT intent || answer FROM effects", "SELECT entry FROM journal", "SELECT data FROM events"} {
		rows, err := db.QueryContext(context.Background(), query)
		if err != nil {
			w.t.Fatal(err)
		}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				w.t.Fatal(err)
			}
			all = append(all, text)
		}
		if err := rows.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	return strings.Join(all, "\n")
}

// What was taken ends by a report, and the next one begins. Nothing is sent for what was canceled before.
func TestWebhookEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		synctest.Test(t, func(t *testing.T) {
			r := &receiver{answers: []string{"202"}}
			w := hooked(t, url, r)
			defer w.close()
			early := w.deploy("qa", 1)
			if _, err := w.Cancel(context.Background(), storetest.Admin(), early.ID, ""); err != nil {
				t.Fatal(err)
			}
			w.until("it ended", w.ended(early.ID))
			if got := w.deployment(early.ID); got.Status != ledger.Canceled || len(r.got) > 0 {
				t.Errorf("%+v, %d requests", got, len(r.got))
			}
			first := w.deploy("qa", 1)
			w.until("it was taken", func() bool { return w.deployment(first.ID).Effect == ledger.EffectRunning })
			second := w.deploy("qa", 2)
			w.report(1, ledger.Success)
			w.until("the next one was taken", func() bool { return w.deployment(second.ID).Effect == ledger.EffectRunning })
			if got := w.deployment(first.ID); got.Status != ledger.Success || got.Effect != ledger.EffectDone || len(r.got) != 2 {
				t.Errorf("%+v, %d requests", got, len(r.got))
			}
			if want := `"previous":"1.0-rc1"`; !strings.Contains(r.bodies[1], want) {
				t.Errorf("%s, want %s", r.bodies[1], want)
			}
			w.report(2, ledger.Failure)
			if got := w.deployment(second.ID); got.Effect != ledger.EffectFailed {
				t.Errorf("%+v", got)
			}
		})
	})
}

// A worker that ends while it sends leaves the request to the next one: it may arrive twice, as the same delivery. Who cancels it then
// is told that nobody knows.
func TestWebhookHandedOver(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answers: []string{"silence", "503"}, asked: make(chan struct{}, 1000)}
		w := hooked(t, url, r)
		defer w.close()
		d := w.deploy("qa", 1)
		end := w.work()
		<-r.asked
		end()
		end = w.work()
		<-r.asked
		time.Sleep(time.Second) // it rests
		if got := w.deployment(d.ID); got.Message != "the receiver answers 503 Service Unavailable; it is sent again in 1m0s" {
			t.Errorf("%q", got.Message)
		}
		if _, err := w.Cancel(context.Background(), storetest.Admin(), d.ID, "too late"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		end()
		if got := w.deployment(d.ID); got.Effect != ledger.EffectUnknown || !strings.HasPrefix(got.Message, "it was to be canceled; the request was sent 2 times") {
			t.Errorf("%s %q", got.Effect, got.Message)
		}
		w.holds(r, d.ID)
	})
}
