// Package server is gio-server: it serves a ledger to the clients that people have, and keeps it.
package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/api"
	"github.com/gravitee-lab/gio/internal/aviator"
	"github.com/gravitee-lab/gio/internal/blobs"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gimlet"
	"github.com/gravitee-lab/gio/internal/jfrog"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/render"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/worker"
)

// leaving is how long a server that is told to end waits for its clients.
const leaving = 30 * time.Second

// Run serves until ctx ends, and returns nil then. Apps are rendered with k; where it is nil, those with charts and patches are not. Its log goes to talk as JSON lines. Listening gets the address once clients are answered.
func Run(ctx context.Context, s Settings, k render.Kubernetes, talk io.Writer, listening func(address string)) (err error) {
	log := zerolog.New(zerolog.SyncWriter(talk)).With().Timestamp().Logger()
	connections, err := s.Connections.Resolve()
	if err != nil {
		return err
	}
	receivers, err := s.Notify.Resolve()
	if err != nil {
		return err
	}
	elsewhere, err := openOutside(connections, log)
	if err != nil {
		return err
	}
	charts, err := s.charts(elsewhere.Registries)
	if err != nil {
		return err
	}
	kept, err := Open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	l := New(kept)
	if dir := s.blobs(); dir != "" {
		if l.Home, err = blobs.Open(dir); err != nil {
			return err
		}
	}
	l.Connections, l.Receivers, l.Outside = kindsOf(connections), slices.Sorted(maps.Keys(receivers)), elsewhere
	if l.Signing, err = s.signing(); err != nil {
		return err
	}
	if err := firstToken(ctx, l, s.Data, log); err != nil {
		return err
	}
	listener, err := listen(ctx, s)
	if err != nil {
		return err
	}
	s.BaseURL = s.baseURL(listener.Addr().String())
	if since, reason, err := l.Quarantined(ctx); err != nil {
		return err
	} else if !since.IsZero() {
		log.Warn().Time("since", since).Str("reason", reason).Msg("the ledger is quarantined: nothing is started until gio-server resume")
	}
	measured := newMetrics(kept)
	background, stop := context.WithCancel(context.WithoutCancel(ctx)) // what the last clients change is sealed, too
	var atWork sync.WaitGroup
	atWork.Go(func() {
		kept.Run(background, func(err error) {
			measured.sealErrors.Inc()
			log.Warn().Err(err).Msg("events could not be sealed; they are kept, and sealed later")
		})
	})
	atWork.Go(func() { pruning(background, l, log) })
	driving := newWorker(l, connections, log)
	driving.Receivers, driving.Outside, driving.Kubernetes, driving.Charts = receivers, elsewhere, k, charts
	watching := newWatcher(l, connections, log)
	driving.Repositories = &worker.Repositories{Dir: filepath.Join(s.Data, "gitops"), Hosts: watching.Hosts}
	atWork.Go(func() { driving.Run(ctx) }) // it hands back what it drives as soon as the server is told to end
	atWork.Go(func() { watching.Run(ctx) })
	defer func() { stop(); atWork.Wait(); _ = driving.Repositories.Close() }() // it only frees the folders
	log.Info().Str("address", s.BaseURL).Stringer("settings", s).Msg("listening")
	listening(listener.Addr().String())
	flux := fluxReader{l, driving.Repositories, fluxSecrets(connections), log}
	outside := service{flux: flux, ledger: l, settings: s, watching: watching, hooks: hooksOf(driving, connections), measured: measured, log: log}
	return serve(ctx, listener, outside.handler(ctx), log)
}

// listen opens the address, and speaks TLS there where the settings have a certificate.
func listen(ctx context.Context, s Settings) (net.Listener, error) {
	secured, err := s.certificate()
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return nil, fault.New(fault.Invalid, "cannot-listen", "the server cannot listen at %s", s.Listen).Because(err).
			Hint("another address: --listen, or GIOSERVER_LISTEN")
	}
	if secured != nil {
		return tls.NewListener(listener, secured), nil
	}
	return listener, nil
}

// certificate reads the one that the settings name; nil where they name none.
func (s Settings) certificate() (*tls.Config, error) {
	if s.TLS.Certificate == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(s.TLS.Certificate, s.TLS.Key)
	if err != nil {
		return nil, fault.New(fault.Invalid, "tls", "the certificate and its key cannot be used").Because(err).
			Hint("both are files in PEM: tls.certificate and tls.key")
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// Open opens the database, and makes its directory.
func Open(ctx context.Context, s Settings) (*store.Store, error) {
	if err := makeData(s); err != nil {
		return nil, err
	}
	return store.Open(ctx, s.Database)
}

func makeData(s Settings) error {
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return fault.New(fault.Invalid, "data-directory", "the directory for the ledger cannot be made").Because(err).Hint("another one: --data, or GIOSERVER_DATA")
	}
	return nil
}

// New makes a ledger on a store.
func New(kept ledger.Store) *ledger.Ledger {
	return &ledger.Ledger{Store: kept, Now: func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }, NewID: newID}
}

// newID returns a UUID of version 7, which sorts by the time of its making.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// firstToken makes a token for an admin where there is none, and writes it to a file that only the server's user may read.
func firstToken(ctx context.Context, l *ledger.Ledger, dir string, log zerolog.Logger) error {
	path := filepath.Join(dir, config.AdminTokenFile)
	has, err := l.HasTokens(ctx)
	if err != nil || has {
		return err
	}
	_, secret, err := l.Recover(ctx, "admin")
	if err != nil {
		return err
	}
	_ = os.Remove(path) // an old one might be readable by others
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return fault.New(fault.Invalid, "admin-token", "the first token cannot be written").Because(err).
			Hint("`gio-server token` makes another one")
	}
	log.Info().Str("file", path).Msg("the first token of an admin is here")
	return nil
}

// service is what clients are answered with.
type service struct {
	ledger   *ledger.Ledger
	settings Settings
	watching *worker.Watcher
	hooks    map[string]hook
	flux     fluxReader
	measured *metrics
	log      zerolog.Logger
}

// handler answers all clients. What lasts as long as its client wants ends with ctx.
func (o service) handler(ctx context.Context) http.Handler {
	l, s, log, measured := o.ledger, o.settings, o.log, o.measured
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {}) // 200, which those who watch a Gimlet expect
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		since, reason, err := l.Quarantined(r.Context())
		switch {
		case err != nil:
			log.Error().Err(err).Msg("the database does not answer")
			w.WriteHeader(http.StatusServiceUnavailable)
		case since.IsZero():
			w.WriteHeader(http.StatusNoContent)
		default: // what is asked is answered, so a balancer must find it ready
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = fmt.Fprintln(w, readiness(since, reason))
		}
	})
	mux.Handle("GET /metrics", measured.handler())
	fail := func(ctx context.Context, err error) {
		log.Error().Err(err).Any("request", ctx.Value(requestKey{})).Msg("the request failed")
	}
	mux.Handle("POST /hooks/circleci/{connection}", fromCircleCI(l, o.hooks, fail))
	aviator.API{Ledger: l, Fail: fail}.Register(mux)
	gimlet.API{Ledger: l, Fail: fail, DefaultProject: s.DefaultProject, Flux: o.flux.read, FluxFiles: o.flux.files}.Register(mux)
	jfrog.API{Ledger: l, Fail: fail, BaseURL: s.BaseURL, DefaultProject: s.DefaultProject, Ending: ctx.Done()}.Register(mux)
	api.API{Ledger: l, Fail: fail, BaseURL: s.BaseURL, DefaultProject: s.DefaultProject, Ending: ctx.Done(), Look: lookBy(o.watching)}.Register(mux)
	return forwarded(logged(slowed(keyed(cleaned(named(mux)))), log, measured), s.TrustedProxies)
}

type requestKey struct{}

type routeKey struct{}

// named tells those around it which route a request took: they may have given the mux another request than theirs.
func named(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		if route, asked := r.Context().Value(routeKey{}).(*string); asked {
			*route = r.Pattern
		}
	})
}

// logged gives each request an id, which the answer has too, logs it without its query, where tokens can be, and measures it.
func logged(next http.Handler, log zerolog.Logger, measured *metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, id := time.Now(), shortID()
		w.Header().Set("X-Request-Id", id)
		seen := &seenStatus{ResponseWriter: w, status: http.StatusOK}
		route := ""
		r = r.WithContext(context.WithValue(context.WithValue(r.Context(), requestKey{}, id), routeKey{}, &route))
		next.ServeHTTP(seen, r)
		if seen.Header().Get("Content-Type") != "text/event-stream" { // a stream lasts as long as its client wants
			measured.answered(route, seen.status, time.Since(began))
		}
		log.Info().Str("request", id).Str("method", r.Method).Str("path", r.URL.Path).Str("from", r.RemoteAddr).Int("status", seen.status).Dur("took", time.Since(began)).Send()
	})
}

func shortID() string {
	var bits [8]byte
	_, _ = rand.Read(bits[:]) // it never fails
	return hex.EncodeToString(bits[:])
}

type seenStatus struct {
	http.ResponseWriter
	status int
}

func (s *seenStatus) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer.
func (s *seenStatus) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func serve(ctx context.Context, listener net.Listener, handler http.Handler, log zerolog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog:    stdlog.New(log, "", 0),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fault.New(fault.Internal, "server", "the server has ended").Because(err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close() // clients that take longer than that are cut off
	}
	return nil
}
