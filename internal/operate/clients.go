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

// noGitHub says why componentHub returns nil.
const noGitHub = "the release repository is not on GitHub, and GITHUB_API_URL is not set"

// componentHub is gitHub over the setup's wire; nil where there is no GitHub.
func (s Setup) componentHub() (*github.Client, error) {
	client, _, err := s.gitHub(s.Wire)
	return client, err
}
