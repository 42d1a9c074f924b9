package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func TestOutbox(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		one := ledger.News{ID: "1", Receiver: "slack", Body: `{"type": "a"}`, CreatedAt: at(1)}
		two := ledger.News{ID: "2", Receiver: "webhook", Body: "{}", CreatedAt: at(2)}
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return errors.Join(tx.InsertNews(ctx, two), tx.InsertNews(ctx, one))
		})
		fails(t, s, "the same again", "news-exist", func(ctx context.Context, tx ledger.Tx) error { return tx.InsertNews(ctx, one) })
		waiting := func() []string {
			return get(t, s, func(ctx context.Context, tx ledger.Tx) ([]string, error) { return tx.WaitingNews(ctx, 10) })
		}
		same(t, waiting(), []string{"1", "2"})
		take := func(id string) func(ctx context.Context, tx ledger.Tx) error {
			return func(ctx context.Context, tx ledger.Tx) error {
				n, err := tx.TakeNews(ctx, id, time.Minute)
				if one.Tries++; err == nil {
					same(t, n, one)
				} else {
					one.Tries--
				}
				return err
			}
		}
		change(t, s, take("1"))
		same(t, waiting(), []string{"2"})
		fails(t, s, "somebody has it", "no-news", take("1"))
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.PutOffNews(ctx, "1", -time.Second) })
		same(t, waiting(), []string{"2", "1"})
		change(t, s, take("1"))
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return errors.Join(tx.DeleteNews(ctx, "1"), tx.DeleteNews(ctx, "1"))
		})
		fails(t, s, "they are told", "no-news", func(ctx context.Context, tx ledger.Tx) error { return tx.PutOffNews(ctx, "1", 0) })
		same(t, waiting(), []string{"2"})
		// Many take: one sends.
		programs := replicas(t, url, s)
		var won atomic.Int32
		atOnce(t, 20, func(i int) error {
			all, err := newLedger(programs[i%len(programs)]).TakeNews(t.Context(), 10)
			won.Add(int32(len(all)))
			return err
		})
		if won.Load() != 1 {
			t.Errorf("%d have taken them", won.Load())
		}
	})
}

// News are of the transaction of their event, for each receiver, and only of what people want to know.
func TestNewsOfEvents(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		l := racing(s, 30)
		l.Receivers = []string{"slack", "webhook"}
		pipelines(t, l, ledger.Requirements{}, "prod")
		if _, err := l.Deploy(t.Context(), storetest.Admin(), "acme", "prod", rc(1), ledger.DeployOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Deploy(t.Context(), storetest.Admin(), "acme", "prod", rc(9), ledger.DeployOptions{}); err == nil {
			t.Fatal("there is no such candidate")
		}
		for _, status := range []ledger.Status{ledger.InProgress, ledger.Success} {
			if _, err := l.Report(t.Context(), storetest.Admin(), "acme", "qa", rc(2), status); err != nil {
				t.Fatal(err)
			}
		}
		got := map[string]int{}
		for _, line := range rows(t, storetest.Raw(t, url), "SELECT receiver, body FROM outbox") {
			got[line]++
		}
		if len(got) != 4 { // it began in prod, and runs in qa
			t.Errorf("%d news: %v", len(got), got)
		}
	})
}
