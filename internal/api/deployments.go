package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

// Place is the part of a request that names an environment.
type Place struct {
	Project     string `path:"project" maxLength:"100"`
	Environment string `path:"environment" maxLength:"100"`
}

type environmentInput struct {
	Authorized
	Place
}

type deploymentsInput struct {
	Authorized
	Place
	Page
}

type newDeploymentInput struct {
	Authorized
	Place
	Body wire.NewDeployment
}

type rollbackInput struct {
	Authorized
	Place
	Body *wire.NewRollback
}

type deploymentInput struct {
	Authorized
	ID string `path:"id" maxLength:"100"`
}

type reasonInput struct {
	Authorized
	ID   string `path:"id" maxLength:"100"`
	Body *wire.Reason
}

type resolveInput struct {
	Authorized
	ID   string `path:"id" maxLength:"100"`
	Body wire.Resolution
}

// environments are the routes of one environment.
func (a API) environments(routes huma.API) {
	const path = "/v1/projects/{project}/environments/{environment}"
	who := func(in *environmentInput) Authorized { return in.Authorized }
	route(a, routes, http.MethodGet, path, "show-environment", "All about one environment", who,
		func(ctx context.Context, c ledger.Caller, in *environmentInput) (wire.Overview, error) {
			o, err := a.Ledger.Overview(ctx, c, in.Project, in.Environment)
			return overviewOf(o), err
		})
	route(a, routes, http.MethodGet, path+"/deployments", "list-deployments", "The deployments of an environment, the newest first",
		func(in *deploymentsInput) Authorized { return in.Authorized }, a.listDeployments)
	route(a, routes, http.MethodPost, path+"/deployments", "create-deployment", "Ask for a deployment",
		func(in *newDeploymentInput) Authorized { return in.Authorized }, a.deploy, created)
	route(a, routes, http.MethodPost, path+"/rollback", "roll-back", "Deploy what ran before",
		func(in *rollbackInput) Authorized { return in.Authorized }, a.rollback, created)
	route(a, routes, http.MethodPost, path+"/resume", "resume-environment", "Let policies deploy again where a rollback holds them", who,
		func(ctx context.Context, c ledger.Caller, in *environmentInput) (wire.Overview, error) {
			if err := a.Ledger.Resume(ctx, c, in.Project, in.Environment); err != nil {
				return wire.Overview{}, err
			}
			o, err := a.Ledger.Overview(ctx, c, in.Project, in.Environment)
			return overviewOf(o), err
		})
}

// deployments are the routes of one deployment.
func (a API) deployments(routes huma.API) {
	const path = "/v1/deployments/{id}"
	who := func(in *deploymentInput) Authorized { return in.Authorized }
	reason := func(in *reasonInput) Authorized { return in.Authorized }
	route(a, routes, http.MethodGet, path, "show-deployment", "A deployment, its approvals, and what it waits for; the id may be shortened to 8 characters", who,
		func(ctx context.Context, c ledger.Caller, in *deploymentInput) (wire.Gate, error) {
			return a.shown(ctx, c, in.ID)
		})
	route(a, routes, http.MethodPost, path+"/approve", "approve-deployment", "One person's yes to a deployment that waits", who,
		func(ctx context.Context, c ledger.Caller, in *deploymentInput) (wire.Gate, error) {
			_, err := a.Ledger.Approve(ctx, c, in.ID)
			return a.then(ctx, c, in.ID, err)
		})
	route(a, routes, http.MethodPost, path+"/reject", "reject-deployment", "Cancel a deployment that waits for approvals", reason,
		func(ctx context.Context, c ledger.Caller, in *reasonInput) (wire.Gate, error) {
			_, err := a.Ledger.Reject(ctx, c, in.ID, given(in.Body).Reason)
			return a.then(ctx, c, in.ID, err)
		})
	route(a, routes, http.MethodPost, path+"/cancel", "cancel-deployment", "Cancel a deployment, or ask what runs to stop", reason,
		func(ctx context.Context, c ledger.Caller, in *reasonInput) (wire.Gate, error) {
			_, err := a.Ledger.Cancel(ctx, c, in.ID, given(in.Body).Reason)
			return a.then(ctx, c, in.ID, err)
		})
	route(a, routes, http.MethodPost, path+"/resolve", "resolve-deployment", "Say what became of a deployment of which nobody knows it",
		func(in *resolveInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *resolveInput) (wire.Gate, error) {
			r, err := resolution(in.Body)
			if err == nil {
				_, err = a.Ledger.Resolve(ctx, c, in.ID, r)
			}
			return a.then(ctx, c, in.ID, err)
		})
}

// given is a body that may be left out.
func given[T any](body *T) T { return *cmp.Or(body, new(T)) }

// then shows a deployment after a change of it.
func (a API) then(ctx context.Context, c ledger.Caller, id string, err error) (wire.Gate, error) {
	if err != nil {
		return wire.Gate{}, err
	}
	return a.shown(ctx, c, id)
}

func (a API) shown(ctx context.Context, c ledger.Caller, id string) (wire.Gate, error) {
	g, err := a.Ledger.Gate(ctx, c, id)
	if err != nil {
		return wire.Gate{}, err
	}
	out := wire.Gate{
		Deployment: deploymentOf(g.Deployment, g.Environment), Commit: g.Facts.Candidate.Commit, Author: g.Facts.Candidate.Author,
		Closed: g.Closed, Requires: wire.Requirements(g.Facts.Requires), Approvals: []wire.Approval{}, Previous: g.Facts.Previous,
	}
	if g.Deployment.App != "" {
		out.Commit, out.Author = g.Revision.SHA, g.Revision.AuthorEmail
	}
	if b := g.Facts.Box; b != nil {
		out.Bundle, out.Unpromoted = b.Name+" "+b.Version, g.Facts.Unpromoted
	}
	if g.Facts.Frozen != nil {
		out.Freeze = g.Facts.Frozen.String()
	}
	for _, yes := range g.Approved {
		out.Approvals = append(out.Approvals, wire.Approval{By: yes.Subject, At: yes.At})
	}
	return out, nil
}

func resolution(r wire.Resolution) (ledger.Resolution, error) {
	if (r.Pipeline > 0) == (r.Outcome != "") {
		return ledger.Resolution{}, fault.New(fault.Invalid, "invalid-resolution", "either a pipeline or an outcome is needed").
			Hint("an outcome is succeeded, failed or not_started")
	}
	state := map[string]ledger.Status{"succeeded": ledger.Success, "failed": ledger.Failure, "not_started": ledger.Error}[r.Outcome]
	return ledger.Resolution{Pipeline: r.Pipeline, State: state, Reason: r.Reason}, nil
}

func (a API) listDeployments(ctx context.Context, c ledger.Caller, in *deploymentsInput) (wire.Deployments, error) {
	list := wire.Deployments{Deployments: []wire.Deployment{}}
	before, err := after(in.After)
	if err != nil {
		return list, err
	}
	all, e, err := a.Ledger.DeploymentsBefore(ctx, c, in.Project, in.Environment, before, in.Limit+1)
	if len(all) > in.Limit {
		all = all[:in.Limit]
		list.Next = cursor(all[in.Limit-1].ID)
	}
	list.Deployments = deploymentsOf(all, e)
	return list, err
}

func (a API) deploy(ctx context.Context, c ledger.Caller, in *newDeploymentInput) (wire.Deployment, error) {
	b := in.Body
	v := ledger.Version{Release: b.Version}
	if (b.Candidate == "") == (b.Version == "") {
		return wire.Deployment{}, fault.New(fault.Invalid, "invalid-candidate", "either a candidate or a version is needed").
			Hint("a candidate is RELEASE-rcN; of a version the newest candidate that is ready is deployed")
	}
	if b.Candidate != "" {
		var err error
		if v, err = ledger.ParseVersion(b.Candidate); err != nil {
			return wire.Deployment{}, err
		}
	}
	d, err := a.Ledger.Deploy(ctx, c, in.Project, in.Environment, v, ledger.DeployOptions{Force: forced(b.Force)})
	return deploymentOf(d, ledger.Environment{Project: in.Project, Name: in.Environment}), err
}

func forced(f *wire.Force) *ledger.Force {
	if f == nil {
		return nil
	}
	return &ledger.Force{Reason: f.Reason}
}

func (a API) rollback(ctx context.Context, c ledger.Caller, in *rollbackInput) (wire.Deployment, error) {
	b := given(in.Body)
	if b.App != "" {
		return a.rollbackApp(ctx, c, in)
	}
	o := ledger.RollbackOptions{Force: forced(b.Force)}
	if b.To != "" {
		v, err := ledger.ParseVersion(b.To)
		if err != nil {
			return wire.Deployment{}, err
		}
		o.To = &v
	}
	d, err := a.Ledger.Rollback(ctx, c, in.Project, in.Environment, o)
	return deploymentOf(d, ledger.Environment{Project: in.Project, Name: in.Environment}), err
}

func overviewOf(o ledger.Overview) wire.Overview {
	e := o.Environment
	out := wire.Overview{Running: runningOf(o.Running), Recent: deploymentsOf(o.Recent, e)}
	if o.Hold != nil {
		hold := deploymentOf(*o.Hold, e)
		out.Hold = &hold
	}
	for _, f := range o.Freezes {
		out.Freezes = append(out.Freezes, freezeOf(f, map[string]string{e.ID: e.Name}))
	}
	return out
}
