package notify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

const (
	slackAPI = "https://slack.com/api"
	// slackEvery keeps a run below Slack's limits: a message a second for each channel, 50 updates a minute
	// (https://docs.slack.dev/apis/web-api/rate-limits). Slack allows short bursts; gio waits after a 429.
	slackEvery = 3 * time.Second
)

// Message is a message for Slack: blocks, and a text for where those cannot be shown.
type Message struct {
	Text   string
	Blocks any // an array of Block Kit; nil for only the text
}

// Texts make the messages for Slack.
type Texts struct {
	Run     func(Moment) Message                // how the run stands
	Failure func(run.Event, *run.State) Message // of an event of type Failed or Unknown
}

// Slack is one channel, written to with a bot's token: one message for the run, kept up to date, and a reply to it for every
// failure. Its faults have Slack's own error codes.
type Slack struct {
	Token   string // needs the scope chat:write
	Channel string // "#releases", or an id; the bot is a member of it
	API     string // "" is Slack's own
	Version string // of gio
	Texts
}

// Receiver returns the receiver that writes to the channel.
func (s Slack) Receiver() Receiver { return newSlackBot(s).receiver() }

// slackBot keeps one message up to date.
type slackBot struct {
	Slack
	*poster
	channel, ts string // of the run's message, in Slack's terms; "" before it exists
	shown       []byte // its current content
	lastSent    int64  // the last event that has a reply
}

func newSlackBot(s Slack) *slackBot { return &slackBot{Slack: s, poster: newPoster(s.Version)} }

func (b *slackBot) receiver() Receiver {
	return Receiver{name: "Slack, " + b.Channel, every: slackEvery, deliver: b.deliver}
}

func (b *slackBot) deliver(ctx context.Context, m Moment) error {
	if err := b.show(ctx, m); err != nil {
		return err
	}
	for _, e := range failures(m.Events, b.lastSent) {
		body := content(b.Failure(e, m.State), map[string]any{"channel": b.channel, "thread_ts": b.ts})
		if _, err := b.call(ctx, "chat.postMessage", body); err != nil {
			return err
		}
		b.lastSent = e.Seq
	}
	return nil
}

// show updates the run's message.
func (b *slackBot) show(ctx context.Context, m Moment) error {
	message := b.Run(m)
	current := content(message, nil)
	if bytes.Equal(current, b.shown) {
		return nil
	}
	method, target := "chat.update", map[string]any{"channel": b.channel, "ts": b.ts}
	if b.ts == "" {
		method, target = "chat.postMessage", map[string]any{"channel": b.Channel}
	}
	res, err := b.call(ctx, method, content(message, target))
	if fault.Is(err, "message_not_found") { // somebody deleted it: the next try posts another one
		b.ts = ""
		return fault.New(fault.Remote, "message-gone", "the message was deleted")
	}
	if err != nil {
		return err
	}
	b.shown, b.channel, b.ts = current, res.Channel, res.TS
	return nil
}

// slackAnswer is the answer of every method (https://docs.slack.dev/apis/web-api).
type slackAnswer struct {
	OK      bool   `json:"ok"`
	Error   string `json:"error"`
	Channel string `json:"channel"` // its id, because chat.update accepts no name
	TS      string `json:"ts"`
}

func (b *slackBot) call(ctx context.Context, method string, body []byte) (slackAnswer, error) {
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Authorization": {"Bearer " + b.Token}}
	got, err := b.post(ctx, cmp.Or(b.API, slackAPI)+"/"+method, header, body)
	if err != nil {
		return slackAnswer{}, err
	}
	var res slackAnswer
	if json.Unmarshal(got.body, &res) != nil || !got.ok() || got.ok() && !res.OK {
		return res, slackFault(got, slackCode(res.Error))
	}
	return res, nil
}

// SlackWebhook is a channel behind an incoming webhook, which cannot change a message: the beginning, every failure and the
// end get one message each. Its address is a secret.
type SlackWebhook struct {
	URL     string
	Version string // of gio
	Texts
}

// Receiver returns the receiver that writes to the channel.
func (s SlackWebhook) Receiver() Receiver {
	h := &slackHook{SlackWebhook: s, poster: newPoster(s.Version)}
	return Receiver{name: "Slack's incoming webhook", every: slackEvery, deliver: h.deliver}
}

type slackHook struct {
	SlackWebhook
	*poster
	begun    bool
	lastSent int64
}

func (h *slackHook) deliver(ctx context.Context, m Moment) error {
	if !h.begun && !m.Over {
		if err := h.send(ctx, h.Run(m)); err != nil {
			return err
		}
	}
	h.begun = true
	for _, e := range failures(m.Events, h.lastSent) {
		if err := h.send(ctx, h.Failure(e, m.State)); err != nil {
			return err
		}
		h.lastSent = e.Seq
	}
	if m.Over {
		return h.send(ctx, h.Run(m))
	}
	return nil
}

func (h *slackHook) send(ctx context.Context, message Message) error {
	got, err := h.post(ctx, h.URL, http.Header{"Content-Type": {"application/json"}}, content(message, nil))
	if err == nil && !got.ok() {
		err = slackFault(got, slackCode(string(bytes.TrimSpace(got.body))))
	}
	return err
}

// failures returns the events after a number that need a person's action.
func failures(events []run.Event, after int64) []run.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e run.Event) bool {
		return e.Seq <= after || e.Type != run.Failed && e.Type != run.Unknown
	})
}

// content encodes a message for Slack, without previews of links. Target says where to post or what to update.
func content(m Message, target map[string]any) []byte {
	body := map[string]any{"text": m.Text, "unfurl_links": false, "unfurl_media": false}
	if m.Blocks != nil {
		body["blocks"] = m.Blocks
	}
	maps.Copy(body, target)
	data, err := json.Marshal(body)
	if err != nil { // texts and blocks are plain data
		panic(err)
	}
	return data
}

var slackCodeForm = regexp.MustCompile(`^[a-z_]{1,60}$`)

// slackCode returns a text if it is one of Slack's error codes, else "": gio repeats nothing else of an answer.
func slackCode(text string) string {
	if !slackCodeForm.MatchString(text) {
		return ""
	}
	return text
}

// slackFault returns the fault for an answer with that error code of Slack's, which is the fault's code.
func slackFault(a answer, code string) error {
	if code == "" && a.ok() {
		return fault.New(fault.Invalid, "slack", "its answer is not one of Slack's").Hint("a proxy may have answered in Slack's place")
	}
	transient := a.transient() || slices.Contains([]string{
		"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "rollup_error",
	}, code)
	if transient {
		return fault.New(fault.Remote, cmp.Or(code, "slack"), "it says %s", cmp.Or(code, http.StatusText(a.status)))
	}
	f := fault.New(fault.Invalid, cmp.Or(code, "slack"), "it says %s", cmp.Or(code, http.StatusText(a.status)))
	switch code {
	case "channel_not_found", "not_in_channel", "is_archived", "channel_is_archived":
		return f.Hint("check notify.slack.channel in gio.yaml, and invite the bot there: /invite @BOT")
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive":
		return f.Hint("SLACK_BOT_TOKEN must hold the bot token (xoxb-…) of an app that is installed")
	case "missing_scope", "not_allowed_token_type":
		return f.Hint("give the app the bot scope chat:write and install it again")
	case "no_service", "no_service_id", "invalid_token", "no_team":
		return f.Hint("SLACK_WEBHOOK_URL is no longer valid: make a new incoming webhook")
	}
	return f.Hint("https://docs.slack.dev/reference/methods/chat.postMessage explains the word")
}
