package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	// checkPerSecond is how often a check asks CircleCI: it is over in seconds, where a release goes on for hours. 51 requests a
	// second were seen to be throttled (contracts/circleci.md 3); twice this many in the first second are fewer.
	checkPerSecond = 25
	// hintsPerSecond is how often a release asks for hints, beside its own requests: it must neither delay those nor use up
	// what CircleCI allows.
	hintsPerSecond = 2
	// connections are what a check keeps open to one host; it has no more requests under way.
	connections = 100
)

// asker is a check and the wires it asks over.
type asker struct {
	env      *environment
	ws       workspace
	check    check.Check
	steady   *circleci.Client // for the hours after the check
	hints    *circleci.Client // for what a view would like to know meanwhile
	noToken  error            // why there is no CircleCI client
	runs     bool             // the check found a pipeline that runs and is not this run's
	requests atomic.Int64
}

// connect makes the clients.
func (a *asker) connect() error {
	found, err := a.env.findCircleCI(a.ws)
	switch {
	case fault.Is(err, "no-token"):
		a.noToken, a.check.NoCI = err, "there is no CircleCI token"
	case err != nil:
		return err
	default:
		client := func(wire transport.Options) *circleci.Client {
			return circleci.New(circleci.Options{Host: found.Host.Value, Token: found.Token, HTTP: transport.New(wire)})
		}
		hints := a.wire(hintsPerSecond)
		hints.Trouble, hints.MaxWait = nil, time.Nanosecond // a throttled hint is the last: the release itself must rest then
		a.check.CI, a.steady, a.hints = client(a.wire(checkPerSecond)), client(a.env.steadyWire()), client(hints)
	}
	return a.connectGitHub()
}

// connectGitHub makes the client where there is a GitHub and a token for it. Without one there are 60 requests an hour, which
// are used up by eight components.
func (a *asker) connectGitHub() error {
	hub, found, err := a.env.gitHubOver(a.ws, a.wire(0))
	if err != nil {
		return err
	}
	credentials, err := a.env.credentials(a.ws)
	switch {
	case err != nil:
		return err
	case !found:
		a.check.NoGitHub = "the release repository is not on GitHub; GITHUB_API_URL names another one"
	case credentials.Token == "":
		a.check.NoGitHub = "set GITHUB_TOKEN: without one GitHub answers 60 requests an hour"
	default:
		a.check.GitHub = hub
	}
	if id := strings.Split(gitrepo.RepoID(a.ws.Checkout.RemoteURL), "/"); len(id) == 3 && credentials.BelongTo(a.ws.Checkout.RemoteURL) {
		a.check.Release = id[1] + "/" + id[2]
	}
	a.check.Job = a.job()
	return nil
}

// tagged asks GitHub for a tag; it is nil where GitHub is not asked.
func (a *asker) tagged() func(ctx context.Context, repository, tag string) (bool, error) {
	if a.check.GitHub == nil {
		return nil
	}
	return a.check.GitHub.HasTag
}

// beforeRelease checks a release that is prepared, and tells what it finds. Its error keeps the release from starting.
func (a *asker) beforeRelease(ctx context.Context, r *engine.Release, o releaseOptions) error {
	a.check.Plan, a.check.State, a.check.Options, a.check.Repo = r.Plan, r.State(), r.Options, r.Repo
	a.check.DryRun, a.check.Skip = o.dryRun == dryServer, o.skipCheck
	found, err := a.check.Run(ctx)
	if err != nil {
		return err
	}
	for _, line := range report.FindingLines(found, a.env.color()) {
		fmt.Fprintln(a.env.Stderr, line)
	}
	a.runs = slices.ContainsFunc(found.Findings, func(f check.Finding) bool { return f.Code == check.PipelineRunning })
	return found.Err()
}

// overtaken looks at the journal again when a pipeline runs already: another product's run may have claimed the version since,
// and then it is said whose it is.
func (a *asker) overtaken(ctx context.Context, r *engine.Release) error {
	if !a.runs || r.Close() != nil {
		return nil
	}
	return r.Prepare(ctx)
}

// job is the CircleCI job that gio runs in, by its variables (contracts/circleci.md 5).
func (a *asker) job() check.Job {
	getenv := a.env.Getenv
	if getenv("CIRCLECI") == "" || getenv("CIRCLE_PROJECT_USERNAME") == "" || getenv("CIRCLE_PROJECT_REPONAME") == "" {
		return check.Job{}
	}
	provider := "gh"
	if strings.Contains(getenv("CIRCLE_REPOSITORY_URL"), "bitbucket.org") {
		provider = "bb"
	}
	return check.Job{
		Project: fmt.Sprintf("%s/%s/%s", provider, getenv("CIRCLE_PROJECT_USERNAME"), getenv("CIRCLE_PROJECT_REPONAME")),
		Branch:  getenv("CIRCLE_BRANCH"),
	}
}

// wire counts what goes over it, and lets only reads through; perSecond 0 leaves the pace to others.
func (a *asker) wire(perSecond float64) transport.Options {
	base := transport.NewBase()
	base.MaxIdleConnsPerHost = connections
	o := a.env.wire()
	o.PerSecond, o.Base = perSecond, &counted{next: transport.ReadOnly(base), n: &a.requests}
	return o
}

// counted counts requests.
type counted struct {
	next http.RoundTripper
	n    *atomic.Int64
}

// RoundTrip answers one request.
func (c *counted) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(req)
}
