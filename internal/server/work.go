package server

import (
	"context"
	"net/url"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/api"
	"github.com/gravitee-lab/gio/internal/artifactory"
	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/registry"
	"github.com/gravitee-lab/gio/internal/transport"
	"github.com/gravitee-lab/gio/internal/wire"
	"github.com/gravitee-lab/gio/internal/worker"
)

// newWorker makes what drives the ledger's effects over these connections, and tells the ledger which of them are to one host.
func newWorker(l *ledger.Ledger, connections map[string]Connection, log zerolog.Logger) *worker.Worker {
	w := worker.New(l)
	w.Version = config.Version()
	w.CircleCI, w.Webhooks, l.Hosts = map[string]*worker.CircleCI{}, map[string]worker.Webhook{}, map[string]string{}
	w.Fail = func(_ context.Context, err error) { log.Warn().Err(err).Msg("it is tried again") }
	for name, c := range connections {
		switch c.Kind {
		case ledger.Webhook:
			w.Webhooks[name] = worker.Webhook{URL: c.URL, Secret: c.Secrets["secret"].Reveal()}
		case ledger.CircleCI:
			requests := transport.New(transport.Options{Base: worker.Guard(transport.NewBase()), Version: w.Version, Log: log.Level(zerolog.InfoLevel)})
			w.CircleCI[name] = &worker.CircleCI{Client: circleci.New(circleci.Options{Host: c.URL, Token: c.Secrets["token"].Reveal(), HTTP: requests})}
			l.Hosts[name] = w.CircleCI[name].Client.Host()
		case ledger.Git: // newWatcher's, too
			l.Hosts[name] = c.URL
		case artifactories, registries: // openOutside's
		default:
		}
	}
	return w
}

// openOutside makes the clients of where repositories are that live elsewhere. Nothing is sent.
func openOutside(connections map[string]Connection, log zerolog.Logger) (o worker.Outside, err error) {
	o = worker.Outside{Artifactories: map[string]*artifactory.Client{}, Registries: map[string]*registry.Client{}}
	for name, c := range connections {
		switch c.Kind {
		case artifactories:
			o.Artifactories[name], err = c.artifactory(log)
		case registries:
			o.Registries[name], err = c.registry(log)
		default:
		}
		if err != nil {
			return o, fault.New(fault.Invalid, "invalid-connection", "connections.%s: it cannot be used", name).Because(err)
		}
	}
	return o, nil
}

// stream sends contents, and nothing for a driver whose lease may have run out.
func stream(log zerolog.Logger) transport.Options {
	return transport.Options{Base: worker.Guard(transport.NewBase()), Version: config.Version(), Log: log.Level(zerolog.InfoLevel)}
}

func (c Connection) artifactory(log zerolog.Logger) (*artifactory.Client, error) {
	o := stream(log)
	return artifactory.New(artifactory.Options{
		URL: c.URL, User: c.User, Token: c.Secrets["token"].Reveal(), HTTP: transport.New(artifactory.Wire(o)), Stream: transport.NewStream(o),
	})
}

func (c Connection) registry(log zerolog.Logger) (*registry.Client, error) {
	return registry.New(registry.Options{URL: c.URL, User: c.User, Token: c.Secrets["token"].Reveal(), HTTP: transport.NewStream(stream(log))})
}

// hooksOf are those whose webhooks are answered: the connections to CircleCI with a secret for them.
func hooksOf(w *worker.Worker, connections map[string]Connection) map[string]hook {
	hooks := map[string]hook{}
	for name, c := range w.CircleCI {
		if secret := connections[name].Secrets["webhook_secret"].Reveal(); secret != "" {
			hooks[name] = hook{c.Client.Host(), secret}
		}
	}
	return hooks
}

// newWatcher makes what looks at the release repositories that are reached over these connections.
func newWatcher(l *ledger.Ledger, connections map[string]Connection, log zerolog.Logger) *worker.Watcher {
	w := &worker.Watcher{Ledger: l, Hosts: map[string]worker.Host{}}
	w.Fail = func(_ context.Context, err error) {
		log.Warn().Err(err).Msg("the release repositories are looked at again")
	}
	for name, c := range connections {
		if c.Kind != ledger.Git {
			continue
		}
		host := worker.Host{URL: c.URL}
		if token := c.Secrets["token"].Reveal(); token != "" {
			host.Credentials = gitrepo.Credentials{Token: gitrepo.Secret(token), User: c.User, TokenHost: hostOf(c.URL)}
		}
		w.Hosts[name] = host
	}
	return w
}

// fluxSecrets are those with which Flux signs its events, by the name of the connection to the repositories that it applies.
func fluxSecrets(connections map[string]Connection) map[string]string {
	all := map[string]string{}
	for name, c := range connections {
		if c.Kind == ledger.Git {
			all[name] = c.Secrets["flux_secret"].Reveal()
		}
	}
	return all
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// lookBy answers those who tell of a release.
func lookBy(w *worker.Watcher) func(context.Context, ledger.Caller, wire.Look) ([]wire.Looked, error) {
	return func(ctx context.Context, c ledger.Caller, told wire.Look) ([]wire.Looked, error) {
		all, err := w.Told(ctx, c, told.Repository, told.Manifest, told.Version)
		looked := []wire.Looked{}
		for _, t := range all {
			looked = append(looked, api.Looked(t.Project, t.Candidate, t.Problem))
		}
		return looked, err
	}
}
