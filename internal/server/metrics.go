package server

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
)

// metrics are what /metrics shows, in Prometheus' text format. They need no token, and so name nothing that the ledger holds: no
// project, environment or person.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.HistogramVec
	sealErrors prometheus.Counter
}

func newMetrics(kept *store.Store) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gio_server_request_duration_seconds", Help: "How long requests took, by the pattern of their route and the class of the answer's status.",
			Buckets: []float64{.001, .005, .025, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"route", "status"}),
		sealErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gio_server_seal_errors_total", Help: "How often events could not be sealed; they are kept, and sealed later.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gio_server_build_info", Help: "Always 1; its labels say what runs.", ConstLabels: prometheus.Labels{"version": config.Version(), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.sealErrors, build, newWatched(kept),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// answered counts a request. Pattern is that of its route, and not its path, which has names in it and no end.
func (m *metrics) answered(pattern string, status int, took time.Duration) {
	if pattern == "" {
		pattern = "none"
	}
	m.requests.WithLabelValues(pattern, fmt.Sprintf("%dxx", status/100)).Observe(took.Seconds())
}

// fresh is how long the standing of the ledger is shown before it is read again: however many ask, the database is asked seldom.
const fresh = 5 * time.Second

// source is what a store says of itself.
type source interface {
	Standing(ctx context.Context) (store.Standing, error)
	Pools() []store.Pool
	Kind() string
}

// watched collects the standing of a ledger.
type watched struct {
	source source
	now    func() time.Time

	mutex sync.Mutex
	read  time.Time // zero: never
	last  store.Standing
	err   error
}

func newWatched(kept source) *watched { return &watched{source: kept, now: time.Now} }

var (
	descUp          = prometheus.NewDesc("gio_server_database_up", "Whether the database answers.", []string{"kind"}, nil)
	descConnections = prometheus.NewDesc("gio_server_database_connections", "Connections to the database.", []string{"pool", "state"}, nil)
	descWaited      = prometheus.NewDesc("gio_server_database_wait_seconds_total", "How long requests waited for a connection, together.", []string{"pool"}, nil)
	descPosition    = prometheus.NewDesc("gio_server_chain_position", "Position of the newest sealed event.", nil, nil)
	descUnsealed    = prometheus.NewDesc("gio_server_events_unsealed", "Events that are not sealed yet.", nil, nil)
	descDeployments = prometheus.NewDesc("gio_server_deployments", "Deployments that have not ended, or of which nobody knows.", []string{"status"}, nil)
	descQuarantined = prometheus.NewDesc("gio_server_quarantined", "Whether the ledger was restored and starts nothing until gio-server resume.", nil, nil)
)

// Describe implements prometheus.Collector.
func (w *watched) Describe(all chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUp, descConnections, descWaited, descPosition, descUnsealed, descDeployments, descQuarantined} {
		all <- d
	}
}

// Collect implements prometheus.Collector. A database that does not answer is shown as that, and what only it knows is left out.
func (w *watched) Collect(all chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		all <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, p := range w.source.Pools() {
		gauge(descConnections, float64(p.InUse), p.Name, "in_use")
		gauge(descConnections, float64(p.Idle), p.Name, "idle")
		all <- prometheus.MustNewConstMetric(descWaited, prometheus.CounterValue, p.Waited.Seconds(), p.Name)
	}
	now, err := w.standing()
	if err != nil {
		gauge(descUp, 0, w.source.Kind())
		return
	}
	gauge(descUp, 1, w.source.Kind())
	gauge(descPosition, float64(now.Position))
	gauge(descUnsealed, float64(now.Unsealed))
	for _, status := range []ledger.Status{ledger.Pending, ledger.InProgress, ledger.Canceling, ledger.Unknown} {
		gauge(descDeployments, float64(now.Deployments[string(status)]), string(status))
	}
	quarantined := 0.0
	if !now.Quarantined.IsZero() {
		quarantined = 1
	}
	gauge(descQuarantined, quarantined)
}

// standing reads it, unless that was done a moment ago.
func (w *watched) standing() (store.Standing, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if now := w.now(); w.read.IsZero() || now.Sub(w.read) >= fresh {
		ctx, cancel := context.WithTimeout(context.Background(), fresh)
		defer cancel()
		w.last, w.err = w.source.Standing(ctx)
		w.read = now
	}
	return w.last, w.err
}
