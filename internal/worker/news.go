package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/transport"
)

// Receiver gets news of deployments and promotions. (Those of package notify follow the state of one run, in one process, which deployments have
// not: what is sent here stands in the ledger until it arrived.)
type Receiver struct {
	URL    string // may be a secret
	Secret string // key of the signature; "" for none
	Slack  bool   // it is an incoming webhook of Slack, which wants a text
	Wire   http.RoundTripper
}

// tellAtOnce bounds how many news are sent at once.
const tellAtOnce = 20

// telling sends news until ctx ends. What one worker could not send another one sends: news arrive once or more.
func (w *Worker) telling(ctx context.Context) {
	if len(w.Receivers) == 0 {
		return
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		all, err := w.Ledger.TakeNews(ctx, tellAtOnce)
		if err != nil && ctx.Err() == nil {
			w.Fail(ctx, err)
		}
		var sending sync.WaitGroup
		for _, n := range all {
			sending.Go(func() {
				if err := w.tellOne(ctx, n); err != nil && ctx.Err() == nil {
					w.Fail(ctx, err)
				}
			})
		}
		sending.Wait()
		if len(all) == tellAtOnce {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tellOne sends news once, and puts them off or gives them up where that fails.
func (w *Worker) tellOne(ctx context.Context, n ledger.News) error {
	to, known := w.Receivers[n.Receiver]
	if !known { // the settings have changed
		return w.Ledger.Told(ctx, n.ID)
	}
	if to.Wire == nil {
		to.Wire = sharedWire()
	}
	body, err := to.body(n)
	if err != nil {
		return w.giveUp(ctx, n, err)
	}
	header := signed(to.Secret, n.ID, body)
	header.Set("User-Agent", "gio-server/"+w.Version)
	pause, err := post(ctx, to.Wire, to.URL, header, body)
	last, cancel := lastly(ctx)
	defer cancel()
	switch {
	case err == nil:
		return w.Ledger.Told(last, n.ID)
	case fault.KindOf(err) != fault.Remote, time.Since(n.CreatedAt) > givenUpAfter && ctx.Err() == nil:
		return w.giveUp(last, n, err)
	case ctx.Err() != nil:
		return w.Ledger.TellLater(last, n.ID, 0)
	}
	return w.Ledger.TellLater(last, n.ID, max(pauseAfter(n.Tries), min(pause, longestPause)))
}

var sharedWire = sync.OnceValue(func() http.RoundTripper { return transport.NewBase() })

func (w *Worker) giveUp(ctx context.Context, n ledger.News, why error) error {
	if err := w.Ledger.Told(ctx, n.ID); err != nil {
		return err
	}
	return fault.New(fault.KindOf(why), "not-told", "%s is not told: %s", n.Receiver, n.Body).Because(why)
}

// body is what a receiver gets.
func (r Receiver) body(n ledger.News) ([]byte, error) {
	if !r.Slack {
		return []byte(n.Body), nil
	}
	var s ledger.Story
	if err := json.Unmarshal([]byte(n.Body), &s); err != nil {
		return nil, fault.New(fault.Internal, "damaged-news", "news %s cannot be read", n.ID).Because(err)
	}
	return json.Marshal(map[string]string{"text": slackText.Replace(sentence(s))})
}

// slackText escapes what Slack reads as links and mentions.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// sentence tells a story to people.
func sentence(s ledger.Story) string {
	what := ""
	if s.App != "" {
		s.Candidate = s.App
		if s.Action == string(ledger.DeleteApp) {
			s.Candidate = "the removal of " + s.App
		}
	}
	switch {
	case s.Type == "deployment.started":
		what = fmt.Sprintf("the deployment of %s to %s begins", s.Candidate, s.Environment)
	case s.Type == "deployment.waits":
		what = fmt.Sprintf("the deployment of %s to %s %s", s.Candidate, s.Environment, cmp.Or(s.Message, "waits"))
	case s.Type == "deployment.rollback":
		what = fmt.Sprintf("%s rolls %s back to %s", s.Actor, s.Environment, s.Candidate)
		if s.App != "" {
			what = fmt.Sprintf("%s rolls %s back in %s", s.Actor, s.App, s.Environment)
		}
	case s.Type == "bundle.promoted":
		what = fmt.Sprintf("%s is in %s", s.Bundle, s.Environment)
	case s.Type == "bundle.promotion-failed":
		what = fmt.Sprintf("%s could not be promoted to %s", s.Bundle, s.Environment)
	case s.Type == "bundle.rollback":
		what = fmt.Sprintf("%s rolls %s back from %s", s.Actor, s.Bundle, s.Environment)
	case s.Status == ledger.Success && s.Action == string(ledger.DeleteApp):
		what = fmt.Sprintf("%s is removed from %s", s.App, s.Environment)
	case s.Status == ledger.Success && s.Action == string(ledger.DeployApp):
		what = fmt.Sprintf("%s of %s runs in %s", s.App, s.Shipment, s.Environment)
	case s.Status == ledger.Success:
		what = fmt.Sprintf("%s runs in %s", s.Candidate, s.Environment)
	case s.Status == ledger.Unknown:
		what = fmt.Sprintf("nobody knows what became of the deployment of %s to %s; say it: gio deployment resolve %s", s.Candidate, s.Environment, s.Deployment)
	default:
		ends := map[ledger.Status]string{ledger.Failure: "failed", ledger.Error: "had an error", ledger.Canceled: "was canceled"}
		what = fmt.Sprintf("the deployment of %s to %s %s", s.Candidate, s.Environment, ends[s.Status])
	}
	if s.Message != "" && s.Type != "deployment.waits" {
		what += " (" + s.Message + ")"
	}
	return s.Project + ": " + what
}
