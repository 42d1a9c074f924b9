package operate

import (
	"context"
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
	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	// checkPerSecond is how often a check asks CircleCI: it takes seconds, where a release takes hours. CircleCI throttled 51
	// requests a second (contracts/circleci.md 3); even twice this many, in the first second, are fewer.
	checkPerSecond = 25
	// hintsPerSecond is how often a release asks for hints, beside its own requests: hints must neither delay those nor use up
	// what CircleCI allows.
	hintsPerSecond = 2
)

// precheck is a check with its clients: the one before a release, or gio check.
type precheck struct {
	Setup
	question check.Question
	steady   *circleci.Client // for the hours after the check
	hints    *circleci.Client // for durations that a view shows meanwhile
	noToken  error            // why there is no CircleCI client
	guard    check.Guard      // of the release, once it is checked
	running  bool             // the check found a running pipeline that is not this run's
	requests atomic.Int64
}

// newPrecheck makes the clients. Without a token it sets noToken, and the check does not ask CircleCI.
func newPrecheck(s Setup) (*precheck, error) {
	p := &precheck{Setup: s}
	p.question.ParameterAt = func(component, name string) (where, written string) {
		at := s.Config.ParameterAt(component, name)
		return at.Where, at.Written
	}
	found, err := s.CircleCI()
	switch {
	case fault.Is(err, "no-token"):
		p.noToken, p.question.NoCI = err, "there is no CircleCI token"
	case err != nil:
		return nil, err
	default:
		hints := p.readWire(hintsPerSecond)
		hints.Trouble, hints.MaxWait = nil, time.Nanosecond // after a 429 no more hints: the release itself must rest then
		p.question.CI, p.steady, p.hints = s.circleCIOver(found, p.readWire(checkPerSecond)), s.circleCIOver(found, s.steadyWire()), s.circleCIOver(found, hints)
	}
	return p, p.findGitHub()
}

// findGitHub makes the client where there is a GitHub and a token for it.
func (p *precheck) findGitHub() (err error) {
	if p.question.GitHub, p.question.NoGitHub, err = p.hubWithToken(p.readWire(0)); err != nil {
		return err
	}
	credentials, err := p.Credentials()
	if err != nil {
		return err
	}
	p.question.Files = &check.Files{GitHub: p.question.GitHub, NoGitHub: p.question.NoGitHub, Declared: p.Config.Declared()}
	if id := strings.Split(gitrepo.RepoID(p.Checkout.RemoteURL), "/"); len(id) == 3 && credentials.BelongTo(p.Checkout.RemoteURL) {
		p.question.Release = id[1] + "/" + id[2]
	}
	p.question.Job.Project, p.question.Job.Branch = p.Job()
	return nil
}

// tagLookup returns the function that asks GitHub for a tag; nil where the check does not ask GitHub.
func (p *precheck) tagLookup() func(ctx context.Context, repository, tag string) (bool, error) {
	if p.question.GitHub == nil {
		return nil
	}
	return p.question.GitHub.HasTag
}

// checkRelease checks a prepared release, and shows the findings. An error keeps the release from starting.
func (p *precheck) checkRelease(ctx context.Context, r *engine.Release, o ReleaseOptions) error {
	p.question.Plan, p.question.State, p.question.Options, p.question.Repo = r.Plan, r.State(), r.Options, r.Repo
	p.question.Refs, p.question.Path = r.Refs(), r.Path
	p.question.DryRun, p.question.Skip = r.Options.DryRun, o.SkipCheck
	if err := p.readPast(ctx); err != nil {
		return err
	}
	found, err := check.Run(ctx, p.question)
	if err != nil {
		return err
	}
	if p.ShowFindings != nil {
		p.ShowFindings(found)
	}
	p.guard = check.NewGuard(p.question, found)
	p.running = slices.ContainsFunc(found.Findings, func(f check.Finding) bool { return f.Code == check.PipelineRunning })
	return found.Err()
}

// readPast finds out what a lost journal is told by.
func (p *precheck) readPast(ctx context.Context) (err error) {
	q := &p.question
	q.Known = pipelinesKnown(ctx, q.Repo)
	q.Opened, err = openedAt(ctx, q.Repo, q.Options.ProductTag, q.Plan.Version)
	return err
}

// prepareAgain prepares the release again when a pipeline runs already: another product's run may have claimed the version
// since, and the fault then names that run.
func (p *precheck) prepareAgain(ctx context.Context, r *engine.Release) error {
	if !p.running || r.Close() != nil {
		return nil
	}
	return r.Prepare(ctx)
}

// readWire is Setup.readWire whose requests are counted.
func (p *precheck) readWire(perSecond float64) transport.Options {
	wire := p.Setup.readWire(perSecond)
	wire.Base = &countingTransport{next: wire.Base, n: &p.requests}
	return wire
}

// countingTransport counts the requests.
type countingTransport struct {
	next http.RoundTripper
	n    *atomic.Int64
}

// RoundTrip counts one request and passes it on.
func (c *countingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(req)
}
