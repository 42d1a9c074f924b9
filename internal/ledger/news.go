package ledger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// News are an event of a deployment, or of a bundle in an environment, for one receiver. They are kept in the transaction of the event until they were sent.
type News struct {
	ID        string // the same whenever they are sent again
	Receiver  string // name
	Body      string // a Story, as JSON
	Tries     int    // how often they were taken
	CreatedAt time.Time
}

// Story is what news tell. Its field names are a contract.
type Story struct {
	Type        string    `json:"type"` // of the event: "deployment.started"
	Time        time.Time `json:"time"`
	Project     string    `json:"project"`
	Deployment  string    `json:"deployment"` // id; "" of a bundle
	Environment string    `json:"environment"`
	Candidate   string    `json:"candidate"`        // "" of a bundle
	Bundle      string    `json:"bundle,omitempty"` // its name and its version
	App         string    `json:"app,omitempty"`    // of an app's deployment, which has no candidate
	Action      string    `json:"action,omitempty"`
	Shipment    string    `json:"shipment,omitempty"`
	Status      Status    `json:"status"` // of a bundle that of its promotion
	Message     string    `json:"message,omitempty"`
	Actor       string    `json:"actor"`
}

// isNews tells whether receivers are told of an event: that a deployment began, ended, waits for persons or is a rollback; that a bundle was
// promoted, could not be, or was rolled back.
func isNews(e Event) bool {
	switch e.Type {
	case "deployment.started", "deployment.ended", "deployment.unknown", "deployment.waits", "deployment.rollback":
		return true
	case "bundle.promoted", "bundle.promotion-failed", "bundle.rollback":
		return true
	case "deployment.reported", "deployment.resolved":
		return Status(e.Data["status"]).Ended()
	}
	return false
}

// tell keeps the news of an event for each receiver.
func (l *Ledger) tell(ctx context.Context, tx Tx, e Event) error {
	if !isNews(e) {
		return nil
	}
	story := Story{
		Type: e.Type, Time: e.Time, Project: e.Project, Deployment: e.Subject, Environment: e.Data["environment"], Candidate: e.Data["candidate"],
		Status: Status(e.Data["status"]), Message: e.Data["message"], Actor: e.Actor,
	}
	story.App, story.Action, story.Shipment = e.Data["app"], e.Data["action"], e.Data["shipment"]
	if name := e.Data["bundle"]; name != "" {
		story.Deployment, story.Bundle = "", name+" "+e.Data["version"]
	}
	body, err := json.Marshal(story)
	if err != nil {
		return err
	}
	for _, receiver := range l.Receivers {
		if err := tx.InsertNews(ctx, News{ID: e.ID + "-" + receiver, Receiver: receiver, Body: string(body), CreatedAt: e.Time}); err != nil {
			return err
		}
	}
	return nil
}

// newsLease is how long nobody else sends news that somebody has taken: longer than a request lasts.
const newsLease = time.Minute

// TakeNews takes what is to be sent by now, at most limit. While the ledger is quarantined there is nothing.
func (l *Ledger) TakeNews(ctx context.Context, limit int) (all []News, err error) {
	var ids []string
	err = l.Store.Read(ctx, func(tx Tx) error {
		ids = nil
		if why, err := held(ctx, tx); err != nil || why != "" {
			return err
		}
		ids, err = tx.WaitingNews(ctx, limit)
		return err
	})
	for _, id := range ids {
		var n News
		if err == nil {
			err = l.Store.Change(ctx, func(tx Tx) error {
				n, err = tx.TakeNews(ctx, id, newsLease)
				return err
			})
		}
		if fault.Is(err, "no-news") { // another one has it
			err = nil
			continue
		}
		if err == nil {
			all = append(all, n)
		}
	}
	return all, err
}

// Told ends news: they arrived, or are given up.
func (l *Ledger) Told(ctx context.Context, id string) error {
	return l.Store.Change(ctx, func(tx Tx) error { return tx.DeleteNews(ctx, id) })
}

// TellLater puts news off.
func (l *Ledger) TellLater(ctx context.Context, id string, pause time.Duration) error {
	return l.Store.Change(ctx, func(tx Tx) error {
		err := tx.PutOffNews(ctx, id, pause)
		if fault.Is(err, "no-news") { // another one has sent them
			return nil
		}
		return err
	})
}
