package operate

import (
	"context"
	"errors"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// CheckOptions say what is checked.
type CheckOptions struct {
	Only, Except []string // components
	Offline      bool     // read the checkout alone: no request is sent
}

// Check finds what is wrong before anything starts. It writes nothing. What is wrong is a finding, not an error.
func Check(ctx context.Context, s Setup, o CheckOptions) (check.Report, error) {
	var p *precheck
	var findings []check.Finding
	var err error
	if o.Offline {
		p = &precheck{Setup: s, question: check.Question{NoCI: "left out by --offline", NoGitHub: "left out by --offline"}}
		findings, err = p.planOffline(o)
	} else {
		if p, err = newPrecheck(s); err != nil {
			return check.Report{}, err
		}
		findings, err = p.planOnline(ctx, o)
	}
	if err != nil {
		return check.Report{}, err
	}
	p.question.Earlier = append(findings, p.unnotified(o.Offline)...)
	r, err := check.Run(ctx, p.question)
	r.Requests = int(p.requests.Load())
	return r, err
}

// planOffline makes the plan from the checkout alone.
func (p *precheck) planOffline(o CheckOptions) ([]check.Finding, error) {
	ws := p.Workspace
	m, err := ws.Manifest()
	if err != nil {
		return asFindings(err)
	}
	if o.Offline {
		var warning string
		if ws, warning = ws.ForReleaseBranch(m); warning != "" {
			p.warn(warning)
		}
	}
	ws, assumptions := ws.WithAssumptions(m)
	p.warn(assumptions...)
	options := ws.PlanOptions(o.Only, o.Except)
	options.MainBranch = ws.Checkout.MainBranch
	made, err := plan.Make(m, options)
	if err != nil {
		return asFindings(err)
	}
	p.question.Plan, p.question.Options = made, options
	p.question.ByGraph = p.orderOf("") == plan.ByGraph
	next, _ := plan.NextVersions(made.Version, options.Branch, options.MainBranch, "") // where none can be counted, none is pushed
	p.question.Refs, p.question.Path = made.Refs(next), ws.Path
	return check.OfWarnings(made.Warnings), nil
}

// asFindings turns an error into findings, or returns it where it is none.
func asFindings(err error) ([]check.Finding, error) {
	findings := check.OfFault(err)
	if len(findings) == 0 {
		return nil, err
	}
	return findings, nil
}

// planOnline prepares a release as Release does, with a journal that is only read: each reason to refuse it is a finding. What
// cannot be read is a finding, too, and is not checked.
func (p *precheck) planOnline(ctx context.Context, o CheckOptions) ([]check.Finding, error) {
	repo, err := p.Repository(ctx, nil)
	if err != nil {
		findings, err := asFindings(err)
		if err != nil {
			return nil, err
		}
		more, err := p.planOffline(o)
		return append(findings, more...), err
	}
	p.question.Repo = repo
	if p.question.CI == nil {
		more, err := p.planOffline(o)
		return append(more, check.OfFault(p.noToken)...), err
	}
	r := NewRelease(p.Setup, Ends{CI: p.question.CI, Repo: repo, files: p.question.Files}, ReleaseOptions{Only: o.Only, Except: o.Except})
	r.Tagged, r.Open = p.tagLookup(), readOnlyJournal(ctx, repo)
	err = r.Prepare(ctx)
	findings := check.OfFault(err)
	if kind := fault.KindOf(err); err != nil && !errors.Is(err, engine.ErrNothing) && (kind == fault.Internal || kind == fault.Usage) {
		return nil, err
	}
	if r.Plan == nil { // CircleCI refused, or release.json is wrong
		more, err := p.planOffline(o)
		return append(findings, more...), err
	}
	if err == nil {
		findings = check.OfFault(refusedByJournal(ctx, r))
	}
	p.question.Plan, p.question.State, p.question.Options = r.Plan, r.State(), r.Options
	p.question.ByGraph = r.Order == plan.ByGraph
	p.question.Refs, p.question.Path = r.Refs(), p.Path
	p.question.Manifest, err = p.Manifest()
	if err == nil {
		err = p.readPast(ctx)
	}
	return append(findings, check.OfWarnings(r.Plan.Warnings)...), err
}
