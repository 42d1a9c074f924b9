package server

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gravitee-lab/gio/internal/store"
)

// counting counts how often it is read.
type counting struct {
	reads int64
	err   error
}

func (c *counting) Standing(context.Context) (store.Standing, error) {
	c.reads++
	return store.Standing{Position: c.reads}, c.err
}
func (c *counting) Pools() []store.Pool { return []store.Pool{{Name: "both", InUse: 3}} }
func (c *counting) Kind() string        { return "sqlite" }

// The ledger is read once in five seconds, however often it is asked; a database that does not answer is shown as that.
func TestStandingIsKept(t *testing.T) {
	t.Parallel()
	from, now := &counting{}, time.Unix(1000, 0)
	registry := prometheus.NewRegistry()
	registry.MustRegister(&watched{source: from, now: func() time.Time { return now }})
	scrape := func(want string) {
		t.Helper()
		answer := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
		if !strings.Contains(answer.Body.String(), want) || !strings.Contains(answer.Body.String(), `{pool="both",state="in_use"} 3`) {
			t.Errorf("%d, want %s in\n%s", answer.Code, want, answer.Body.String())
		}
	}
	scrape("\ngio_server_chain_position 1\n")
	now = now.Add(fresh - time.Millisecond)
	scrape("\ngio_server_chain_position 1\n")
	now = now.Add(time.Millisecond)
	scrape("\ngio_server_chain_position 2\n")
	from.err = errors.New("it is gone")
	now = now.Add(fresh)
	scrape("\ngio_server_database_up{kind=\"sqlite\"} 0\n")
}
