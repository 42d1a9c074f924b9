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
	// slackEvery keeps a run below what Slack takes: a message a second for each channel, 50 updates a minute
	// (https://docs.slack.dev/apis/web-api/rate-limits). A few more at once are allowed, a 429 is waited for.
	slackEvery = 3 * time.Second
)

// Message is one of Slack's: blocks, and a text for where those cannot be shown.
type Message struct {
	Text   string
	Blocks any // an array of Block Kit; nil for the text alone
}

// Texts are what Slack is told.
type Texts struct {
	Run     func(Moment) Message                // how the run stands
	Failure func(run.Event, *run.State) Message // of an event of type Failed or Unknown
}

// Slack is one channel, told by a bot's token. The run has one message, kept up to date by all that happens, and a reply to
// it for every failure. Its fault says Slack's own word.
type Slack struct {
	Token   string // needs the scope chat:write
	Channel string // "#releases", or an id; the bot is a member of it
	API     string // "" is Slack's own
	Version string // of gio
	Texts
}

// Receiver makes the channel one.
func (s Slack) Receiver() Receiver { return newSlackBot(s).receiver() }

// slackBot keeps one message up to date.
type slackBot struct {
	Slack
	*poster
	channel, ts string // of the run's message, as Slack names it; "" before it is there
	shown       []byte // what it says
	told        int64  // the last event that has its reply
}

func newSlackBot(s Slack) *slackBot { return &slackBot{Slack: s, poster: newPoster(s.Version)} }

func (b *slackBot) receiver() Receiver {
	return Receiver{name: "Slack, " + b.Channel, every: slackEvery, deliver: b.deliver}
}

func (b *slackBot) deliver(ctx context.Context, m Moment) error {
	if err := b.show(ctx, m); err != nil {
		return err
	}
	for _, e := range failures(m.Events, b.told) {
		body := content(b.Failure(e, m.State), map[string]any{"channel": b.channel, "thread_ts": b.ts})
		if _, err := b.call(ctx, "chat.postMessage", body); err != nil {
			return err
		}
		b.told = e.Seq
	}
	return nil
}

// show brings the run's message up to date.
func (b *slackBot) show(ctx context.Context, m Moment) error {
	message := b.Run(m)
	says := content(message, nil)
	if bytes.Equal(says, b.shown) {
		return nil
	}
	method, where := "chat.update", map[string]any{"channel": b.channel, "ts": b.ts}
	if b.ts == "" {
		method, where = "chat.postMessage", map[string]any{"channel": b.Channel}
	}
	res, err := b.call(ctx, method, content(message, where))
	if fault.Is(err, "message_not_found") { // somebody deleted it: the next try posts another one
		b.ts = ""
		return fault.New(fault.Remote, "message-gone", "the message was deleted")
	}
	if err != nil {
		return err
	}
	b.shown, b.channel, b.ts = says, res.Channel, res.TS
	return nil
}

// slackAnswer is what every method answers (https://docs.slack.dev/apis/web-api).
type slackAnswer struct {
	OK      bool   `json:"ok"`
	Error   string `json:"error"`
	Channel string `json:"channel"` // its id: chat.update takes no name
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
		return res, slackFault(got, word(res.Error))
	}
	return res, nil
}

// SlackWebhook is a channel that is told by an incoming webhook, which can change nothing that it has said: the beginning, every
// failure and the end are a message each. Its address is a secret.
type SlackWebhook struct {
	URL     string
	Version string // of gio
	Texts
}

// Receiver makes the channel one.
func (s SlackWebhook) Receiver() Receiver {
	h := &slackHook{SlackWebhook: s, poster: newPoster(s.Version)}
	return Receiver{name: "Slack's incoming webhook", every: slackEvery, deliver: h.deliver}
}

type slackHook struct {
	SlackWebhook
	*poster
	begun bool
	told  int64
}

func (h *slackHook) deliver(ctx context.Context, m Moment) error {
	if !h.begun && !m.Over {
		if err := h.send(ctx, h.Run(m)); err != nil {
			return err
		}
	}
	h.begun = true
	for _, e := range failures(m.Events, h.told) {
		if err := h.send(ctx, h.Failure(e, m.State)); err != nil {
			return err
		}
		h.told = e.Seq
	}
	if m.Over {
		return h.send(ctx, h.Run(m))
	}
	return nil
}

func (h *slackHook) send(ctx context.Context, message Message) error {
	got, err := h.post(ctx, h.URL, http.Header{"Content-Type": {"application/json"}}, content(message, nil))
	if err == nil && !got.ok() {
		err = slackFault(got, word(string(bytes.TrimSpace(got.body))))
	}
	return err
}

// failures are the events that a person must do something about, behind one number.
func failures(events []run.Event, behind int64) []run.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e run.Event) bool {
		return e.Seq <= behind || e.Type != run.Failed && e.Type != run.Unknown
	})
}

// content is a message as Slack takes it. Links do not unfold into previews.
func content(m Message, where map[string]any) []byte {
	body := map[string]any{"text": m.Text, "unfurl_links": false, "unfurl_media": false}
	if m.Blocks != nil {
		body["blocks"] = m.Blocks
	}
	maps.Copy(body, where)
	data, err := json.Marshal(body)
	if err != nil { // texts and blocks are plain data
		panic(err)
	}
	return data
}

var slackWord = regexp.MustCompile(`^[a-z_]{1,60}$`)

// word is Slack's word for an error; nothing else that an answer holds is repeated.
func word(text string) string {
	if !slackWord.MatchString(text) {
		return ""
	}
	return text
}

// slackFault is what Slack's answer means. Its code is Slack's word.
func slackFault(a answer, said string) error {
	if said == "" && a.ok() {
		return fault.New(fault.Invalid, "slack", "its answer is not one of Slack's").Hint("is there a proxy that answers for it?")
	}
	transient := a.transient() || slices.Contains([]string{
		"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "rollup_error",
	}, said)
	if transient {
		return fault.New(fault.Remote, cmp.Or(said, "slack"), "it says %s", cmp.Or(said, http.StatusText(a.status)))
	}
	f := fault.New(fault.Invalid, cmp.Or(said, "slack"), "it says %s", cmp.Or(said, http.StatusText(a.status)))
	switch said {
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
