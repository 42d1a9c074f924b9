package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/transport"
)

// Webhook is a connection to whoever deploys when a signed request tells so.
type Webhook struct {
	URL    string // may be a secret
	Secret string
	Wire   http.RoundTripper // with Guard; nil for one of its own
}

// asked is the body of the request: what is to be deployed where. Its field names are a contract.
type asked struct {
	Deployment  string            `json:"deployment"` // id
	Project     string            `json:"project"`
	Environment string            `json:"environment"` // name
	Candidate   string            `json:"candidate"`
	Version     string            `json:"version"`
	Commit      string            `json:"commit"`
	Previous    string            `json:"previous,omitempty"` // the candidate that runs there
	Parameters  ledger.Parameters `json:"parameters"`
}

// attempt is a line of a webhook's journal: a request is about to be sent, or has been taken.
type attempt struct {
	At    time.Time `json:"at"`
	Taken bool      `json:"taken,omitempty"`
}

// restDelivered is how long an effect rests whose request was taken: its end is reported, and then it is nobody's to drive.
const restDelivered = time.Hour

// webhook sends the request of an effect until somebody takes it. It may arrive more than once, with the same X-Gio-Delivery.
func (d *drive) webhook(ctx context.Context, entries []ledger.Entry) (rest time.Duration, err error) {
	attempts, err := attemptsOf(entries)
	if err != nil {
		return againAfter, err
	}
	to, known := d.Webhooks[d.effect.Intent.Connection]
	switch sent := len(attempts); {
	case sent > 0 && attempts[sent-1].Taken:
		return restDelivered, nil
	case d.lease.wantsStop() && sent == 0:
		return d.finish(ctx, ledger.Outcome{State: ledger.EffectFailed, Status: ledger.Canceled, Message: "canceled before it began"})
	case d.lease.wantsStop():
		return d.finish(ctx, unclear(attempts, "it was to be canceled"))
	case sent > 0 && time.Since(attempts[0].At) > givenUpAfter:
		return d.finish(ctx, unclear(attempts, "nobody took it for a day"))
	case !known:
		return d.wait(ctx, fault.New(fault.Invalid, "no-connection", "the server has no webhook %s any more", d.effect.Intent.Connection).
			Hint("an admin of the server writes it into gio-server.yaml"))
	}
	return d.deliver(ctx, to, attempts)
}

// unclear is the outcome of requests that may have arrived: a person finds out.
func unclear(attempts []attempt, why string) ledger.Outcome {
	return ledger.Outcome{
		State: ledger.EffectUnknown, Status: ledger.Unknown,
		Message: fmt.Sprintf("%s; the request was sent %d times, and no answer says whether it arrived", why, len(attempts)),
	}
}

// deliver sends the request once more.
func (d *drive) deliver(ctx context.Context, to Webhook, attempts []attempt) (rest time.Duration, err error) {
	body, err := json.Marshal(request(d.effect))
	if err != nil {
		return againAfter, err
	}
	attempts = append(attempts, attempt{At: time.Now().UTC()})
	if err := d.record(ctx, attempts, ledger.Noted{}); err != nil {
		return 0, err
	}
	if to.Wire == nil {
		to.Wire = Guard(transport.NewBase())
	}
	header := signed(to.Secret, d.effect.ID, body)
	header.Set("User-Agent", "gio-server/"+d.Version)
	pause, err := post(d.lease.whileFresh(ctx), to.Wire, to.URL, header, body)
	switch kind := fault.KindOf(err); {
	case err == nil:
		attempts = append(attempts, attempt{At: time.Now().UTC(), Taken: true})
		last, cancel := lastly(ctx)
		defer cancel()
		if err := d.record(last, attempts, ledger.Noted{Delivered: true}); err != nil {
			return 0, err // whoever goes on sends it again
		}
		return restDelivered, nil
	case kind == fault.Stopped || ctx.Err() != nil:
		return 0, err
	case kind == fault.Invalid && len(attempts) == 1:
		return d.finish(ctx, ledger.Outcome{State: ledger.EffectFailed, Status: ledger.Error, Message: err.Error()})
	case kind == fault.Invalid: // one before may have arrived
		return d.finish(ctx, unclear(attempts, err.Error()))
	}
	rest = max(pauseAfter(len(attempts)), min(pause, longestPause))
	if told := d.Ledger.Say(ctx, d.lease.lease, fmt.Sprintf("%s; it is sent again in %s", err, rest.Round(time.Second))); told != nil {
		return 0, told
	}
	return rest, nil
}

func request(e ledger.Effect) asked {
	r := asked{
		Deployment: e.Deployment, Project: e.Project, Environment: e.Intent.Environment, Candidate: e.Intent.Version, Commit: e.Intent.Commit,
		Previous: e.Intent.Previous, Parameters: e.Intent.Parameters,
	}
	if v, err := ledger.ParseVersion(e.Intent.Version); err == nil {
		r.Version = v.Release
	}
	return r
}

// record keeps the last of the attempts.
func (d *drive) record(ctx context.Context, attempts []attempt, n ledger.Noted) error {
	began := time.Now()
	text, err := json.Marshal(attempts[len(attempts)-1])
	if err != nil {
		return err
	}
	if err := d.Ledger.Note(ctx, d.lease.lease, []ledger.Entry{{Seq: int64(len(attempts)), Text: string(text)}}, n); err != nil {
		return err
	}
	d.lease.confirm(began, false)
	return nil
}

func attemptsOf(entries []ledger.Entry) ([]attempt, error) {
	all := make([]attempt, len(entries))
	for i, e := range entries {
		if err := json.Unmarshal([]byte(e.Text), &all[i]); err != nil {
			return nil, fault.New(fault.Internal, "damaged-journal", "entry %d of a webhook's journal cannot be read", e.Seq).Because(err)
		}
	}
	return all, nil
}
