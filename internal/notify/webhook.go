package notify

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

const (
	webhookSchema = 1
	webhookEvery  = time.Second
	webhookTries  = 5 // of one delivery before gio gives it up
)

// Webhook gets every event of a run as JSON. Its address may be a secret except for scheme and host.
type Webhook struct {
	URL     string
	Secret  string // key of the signature; "" for no signature
	Version string // of gio
}

// Receiver returns the receiver that calls the webhook.
func (w Webhook) Receiver() Receiver { return newHook(w).receiver() }

// redact returns the part of an address that is no secret.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "(an invalid address)"
	}
	return u.Scheme + "://" + u.Host
}

// Delivery is the body of one request. Its field names are a contract, which `gio help notify` documents. It contains id and
// time, so that the signature covers them: a receiver that remembers the ids and refuses old deliveries is safe from replays.
type Delivery struct {
	Schema   int         `json:"schema"`
	Delivery string      `json:"delivery"` // random; the same when it is sent again
	SentAt   time.Time   `json:"sent_at"`  // when it was sent first
	Type     string      `json:"type"`     // "events", or "ended" for the last one of a session
	Run      string      `json:"run"`
	Product  string      `json:"product"`
	Version  string      `json:"version"`
	Branch   string      `json:"branch"`
	DryRun   bool        `json:"dry_run"`
	Job      string      `json:"job,omitempty"` // link of the CircleCI job that gio runs in
	Events   []run.Event `json:"events"`
	Dropped  int         `json:"dropped,omitempty"` // number of observations omitted because the receiver did not answer
	State    Summary     `json:"state"`
	Ended    *Ended      `json:"ended,omitempty"`
}

// Summary is the standing of the run.
type Summary struct {
	Finished   bool               `json:"finished"` // the product is recorded as released
	Components map[run.Status]int `json:"components"`
	Attention  []Attention        `json:"attention"` // components that failed, are unknown or wait for an approval
}

// Attention is a component that needs a person's attention.
type Attention struct {
	Component string     `json:"component"`
	Version   string     `json:"version"`
	Status    run.Status `json:"status"`
	Workflow  string     `json:"workflow,omitempty"`
	Job       string     `json:"job,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	URL       string     `json:"url,omitempty"`
}

// Ended is how a session ended.
type Ended struct {
	Exit    int    `json:"exit"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

type hook struct {
	Webhook
	*poster
	lastSent int64  // the last event that was sent, or given up
	ended    bool   // the end of the session was sent, or given up
	open     *batch // made, and not yet known to have arrived
	lost     int    // deliveries given up
	why      error  // the last of them
}

type batch struct {
	Delivery
	body  []byte
	tries int
}

func newHook(w Webhook) *hook { return &hook{Webhook: w, poster: newPoster(w.Version)} }

func (h *hook) receiver() Receiver {
	return Receiver{
		name: "webhook " + redact(h.URL), every: webhookEvery, deliver: h.deliver,
		missed: func() (int, error) { return h.lost, h.why },
	}
}

func (h *hook) deliver(ctx context.Context, m Moment) error {
	for {
		if h.open == nil && !h.compose(m) {
			return nil
		}
		if err := h.send(ctx); err != nil {
			return err
		}
	}
}

// compose makes a delivery of the unsent events, and reports whether there is one.
func (h *hook) compose(m Moment) bool {
	events := slices.DeleteFunc(slices.Clone(m.Events), func(e run.Event) bool { return e.Seq <= h.lastSent })
	if len(events) == 0 && (!m.Over || h.ended) {
		return false
	}
	head := m.State.Header
	d := Delivery{
		Schema: webhookSchema, Delivery: strings.ToLower(rand.Text()), SentAt: time.Now().UTC(), Type: "events",
		Run: head.Run(), Product: head.Product, Version: head.Version, Branch: head.Branch, DryRun: head.Kind == run.DryRun,
		Job: m.State.Driver.Job, Events: events, Dropped: m.Dropped, State: summary(m.State),
	}
	if d.Events == nil {
		d.Events = []run.Event{}
	}
	if m.Over {
		d.Type, d.Ended = "ended", ended(m.Err)
	}
	body, err := json.Marshal(d)
	if err != nil { // it is plain data
		panic(err)
	}
	h.open = &batch{Delivery: d, body: body}
	return true
}

// send sends the open delivery once. It gives up one that has failed too often, so that the next can be sent.
func (h *hook) send(ctx context.Context) error {
	h.open.tries++
	got, err := h.post(ctx, h.URL, h.header(), h.open.body)
	switch {
	case err == nil && got.ok():
		h.close()
		return nil
	case err == nil && !got.transient():
		return fault.New(fault.Invalid, "webhook", "it answers %d %s", got.status, http.StatusText(got.status)).
			Hint("check notify.webhook.url in gio.yaml and, where it checks signatures, GIO_WEBHOOK_SECRET")
	case err == nil:
		err = fault.New(fault.Remote, "webhook", "it answers %d %s", got.status, http.StatusText(got.status))
	}
	if h.open.tries == webhookTries && ctx.Err() == nil {
		h.lost, h.why = h.lost+1, err
		h.close()
	}
	return err
}

// close ends the open delivery.
func (h *hook) close() {
	if n := len(h.open.Events); n > 0 {
		h.lastSent = h.open.Events[n-1].Seq
	}
	h.ended = h.ended || h.open.Ended != nil
	h.open = nil
}

func (h *hook) header() http.Header {
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("X-Gio-Event", h.open.Type)
	header.Set("X-Gio-Delivery", h.open.Delivery.Delivery)
	header.Set("X-Gio-Timestamp", strconv.FormatInt(h.open.SentAt.Unix(), 10))
	if h.Secret != "" {
		mac := hmac.New(sha256.New, []byte(h.Secret))
		mac.Write(h.open.body)
		header.Set("X-Gio-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	return header
}

func summary(s *run.State) Summary {
	sum := Summary{Finished: s.Finished, Components: map[run.Status]int{}, Attention: []Attention{}}
	for _, st := range s.Steps() {
		sum.Components[st.Status]++
		if st.Status == run.HasFailed || st.Status == run.IsUnknown || st.Status == run.OnHold {
			sum.Attention = append(sum.Attention, Attention{
				Component: st.ID.Component(), Version: st.ID.Version(), Status: st.Status,
				Workflow: st.Workflow, Job: st.Job, Reason: st.Reason, URL: st.URL,
			})
		}
	}
	return sum
}

func ended(err error) *Ended {
	e := &Ended{Exit: int(fault.KindOf(err)), Code: fault.CodeOf(err)}
	if err != nil {
		e.Message = err.Error()
	}
	return e
}
