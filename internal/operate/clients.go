package operate

import (
	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/transport"
)

// circleCI makes a client with the workspace's token.
func (s Setup) circleCI() (*circleci.Client, error) {
	found, err := s.CircleCI()
	if err != nil {
		return nil, err
	}
	return s.circleCIOver(found, s.Wire), nil
}

func (s Setup) circleCIOver(found config.CircleCI, wire transport.Options) *circleci.Client {
	return circleci.New(circleci.Options{Host: found.Host.Value, Token: found.Token, Secrets: s.Secrets(), HTTP: transport.New(wire)})
}

// steadyWire returns the options for requests of a run that is under way: no short outage may end it.
func (s Setup) steadyWire() transport.Options {
	wire := s.Wire
	wire.Impatient = false
	return wire
}

// gitHub makes a client of the GitHub that holds the components; ok is false where there is none.
func (s Setup) gitHub(wire transport.Options) (client *github.Client, ok bool, err error) {
	address, credentials, ok, err := s.GitHub()
	if !ok || err != nil {
		return nil, false, err
	}
	client, err = github.New(github.Options{URL: address.Value, Token: string(credentials.Token), HTTP: transport.New(github.Wire(wire))})
	if err != nil {
		return nil, false, err
	}
	s.ReportSetting("GitHub", config.First(address, config.Value{Value: client.URL(), Source: "default"}))
	return client, true, nil
}

const hubElsewhere = "the release repository is not on GitHub; GITHUB_API_URL names another one"

// hubWithToken is gitHub where there is a token for it, too; why says why there is no client. Without a token GitHub answers 60
// requests an hour, which eight components use up.
func (s Setup) hubWithToken(wire transport.Options) (hub *github.Client, why string, err error) {
	hub, found, err := s.gitHub(wire)
	if err != nil {
		return nil, "", err
	}
	credentials, err := s.Credentials()
	switch {
	case err != nil:
		return nil, "", err
	case !found:
		return nil, hubElsewhere, nil
	case credentials.Token == "":
		return nil, "set GITHUB_TOKEN: without one GitHub answers 60 requests an hour", nil
	}
	return hub, "", nil
}

// connections is how many connections are kept open to one host by what asks about all components at once.
const connections = 100

// readWire returns options for clients that can only read; with perSecond 0 their pace has no limit of its own.
func (s Setup) readWire(perSecond float64) transport.Options {
	base := transport.NewBase()
	base.MaxIdleConnsPerHost = connections
	wire := s.Wire
	wire.PerSecond, wire.Base = perSecond, transport.ReadOnly(base)
	return wire
}

// noGitHub says why componentHub returns nil.
const noGitHub = "the release repository is not on GitHub, and GITHUB_API_URL is not set"

// componentHub is gitHub over the setup's wire; nil where there is no GitHub.
func (s Setup) componentHub() (*github.Client, error) {
	client, _, err := s.gitHub(s.Wire)
	return client, err
}
