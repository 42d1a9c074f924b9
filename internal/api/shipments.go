package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

type shipmentsInput struct {
	Authorized
	Project    string `path:"project" maxLength:"100"`
	Repository string `query:"repository" maxLength:"200" doc:"owner/name; left out: all"`
	Branch     string `query:"branch" maxLength:"500" doc:"left out: all"`
	Page
}

type shipmentInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	ID      string `query:"id" required:"true" maxLength:"300" doc:"of the shipment; it has slashes"`
}

type batchInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	ID      string `path:"id" maxLength:"100"`
}

type deployShipmentInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	Body    wire.DeployShipment
}

type deletedBranchInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	Body    wire.DeletedBranch
}

// shipments are the routes of what CI ships, and of what is deployed of it.
func (a API) shipments(routes huma.API) {
	const path = "/v1/projects/{project}"
	route(a, routes, http.MethodGet, path+"/shipments", "list-shipments", "What CI has shipped, the newest first",
		func(in *shipmentsInput) Authorized { return in.Authorized }, a.listShipments)
	route(a, routes, http.MethodGet, path+"/shipment", "show-shipment", "A shipment, and what its policies have made",
		func(in *shipmentInput) Authorized { return in.Authorized }, a.showShipment)
	route(a, routes, http.MethodPost, path+"/shipments/deploy", "deploy-shipment", "Deploy the apps of a shipment in an environment",
		func(in *deployShipmentInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *deployShipmentInput) (wire.Batch, error) {
			b := in.Body
			made, err := a.Ledger.DeployApps(ctx, c, in.Project, b.Environment, b.Shipment, ledger.AppsOptions{App: b.App, Force: forced(b.Force)})
			return batchOf(made), err
		}, created)
	route(a, routes, http.MethodGet, path+"/batches/{id}", "show-batch", "What one request has made of apps",
		func(in *batchInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *batchInput) (wire.Batch, error) {
			b, err := a.Ledger.Batch(ctx, c, in.Project, in.ID)
			return batchOf(b), err
		})
	route(a, routes, http.MethodPost, path+"/branches/deleted", "branch-deleted", "Tell that a branch is gone: the apps that say so are removed with it",
		func(in *deletedBranchInput) Authorized { return in.Authorized }, a.branchDeleted, created)
}

func (a API) listShipments(ctx context.Context, c ledger.Caller, in *shipmentsInput) (wire.Shipments, error) {
	list := wire.Shipments{Shipments: []wire.Shipment{}}
	last, err := after(in.After)
	if err != nil {
		return list, err
	}
	all, err := a.Ledger.Shipments(ctx, c, in.Project, ledger.ShipmentList{Repository: in.Repository, Branch: in.Branch, After: last, Limit: in.Limit + 1})
	if len(all) > in.Limit {
		all = all[:in.Limit]
		list.Next = cursor(all[in.Limit-1].Made)
	}
	for _, s := range all {
		list.Shipments = append(list.Shipments, shipmentOf(s))
	}
	return list, err
}

func shipmentOf(s ledger.Shipment) wire.Shipment {
	r := s.Revision
	out := wire.Shipment{ID: s.ID, Apps: []wire.AppFile{}, CreatedAt: s.CreatedAt, CreatedBy: s.CreatedBy, Revision: wire.Revision{
		Repository: r.Repository, SHA: r.SHA, Branch: r.Branch, Event: string(r.Event), SourceBranch: r.SourceBranch, TargetBranch: r.TargetBranch,
		Tag: r.Tag, Author: r.AuthorEmail, Message: r.Message, URL: r.URL,
	}}
	for _, raw := range s.Contents.Files {
		if f, err := ledger.ParseAppFile(raw); err == nil { // it was checked when it was shipped
			out.Apps = append(out.Apps, wire.AppFile{App: f.App, Environment: f.Environment, Policy: f.Deploy != nil || f.Preview})
		}
	}
	return out
}

func (a API) showShipment(ctx context.Context, c ledger.Caller, in *shipmentInput) (wire.ShownShipment, error) {
	s, err := a.Ledger.Shipment(ctx, c, in.Project, in.ID)
	if err != nil {
		return wire.ShownShipment{}, err
	}
	b, err := a.Ledger.BatchOfShipment(ctx, c, in.Project, in.ID)
	out := wire.ShownShipment{
		Shipment: shipmentOf(s), Files: []any{}, Variables: s.Contents.Variables(), Dropped: s.Contents.Dropped, Policies: batchOf(b),
	}
	for _, raw := range s.Contents.Files {
		out.Files = append(out.Files, raw)
	}
	return out, err
}

func batchOf(b ledger.ShownBatch) wire.Batch {
	out := wire.Batch{
		ID: b.ID, Kind: string(b.Kind), Shipment: b.Shipment, Deployments: []wire.Deployment{}, Refused: []wire.Refused{},
		CreatedAt: b.CreatedAt, CreatedBy: b.CreatedBy,
	}
	for _, d := range b.Deployments {
		out.Deployments = append(out.Deployments, deploymentOf(d, b.Environments[d.Environment]))
	}
	for _, r := range b.Refused {
		out.Refused = append(out.Refused, wire.Refused(r))
	}
	return out
}

func (a API) branchDeleted(ctx context.Context, c ledger.Caller, in *deletedBranchInput) (wire.Batch, error) {
	repository := in.Body.Repository
	if repository == "" {
		d, err := a.Ledger.Declared(ctx, c, in.Project) // it never changes
		if err != nil {
			return wire.Batch{}, err
		}
		repository = d.Project.Repository
	}
	b, err := a.Ledger.DeleteBranch(ctx, c, in.Project, repository, in.Body.Branch)
	return batchOf(b), err
}

// appOf is what a deployment has of an app; nil for a candidate's.
func appOf(d ledger.Deployment) *wire.AppOf {
	if d.App == "" {
		return nil
	}
	out := wire.AppOf{Name: d.App, Action: string(d.Action), Shipment: d.Shipment, To: d.To, Batch: d.Batch}
	if d.Commit.Hash != "" {
		out.Commit = &wire.Commit{Hash: d.Commit.Hash, Status: d.Commit.Status, Message: d.Commit.Message, At: d.Commit.At}
	}
	return &out
}

func runningAppsOf(all []ledger.RunningApp, e ledger.Environment) (list []wire.RunningApp) {
	for _, each := range all {
		out := wire.RunningApp{Name: each.Name, SHA: each.Revision.SHA, Held: each.Hold != ""}
		if each.Current != nil {
			d := deploymentOf(*each.Current, e)
			out.Current = &d
		}
		list = append(list, out)
	}
	return list
}

func gitOpsOf(d *ledger.Desired) *wire.GitOps {
	if d == nil {
		return nil
	}
	return &wire.GitOps{Connection: d.Connection, Repository: d.Repository, Branch: d.Branch, Path: d.Path, PerEnvironment: d.PerEnvironment, Confirm: string(d.Confirm)}
}

func asDesired(g *wire.GitOps) *ledger.Desired {
	if g == nil {
		return nil
	}
	return &ledger.Desired{Connection: g.Connection, Repository: g.Repository, Branch: g.Branch, Path: g.Path, PerEnvironment: g.PerEnvironment, Confirm: ledger.Confirm(g.Confirm)}
}

// rollbackApp brings back what ran of an app.
func (a API) rollbackApp(ctx context.Context, c ledger.Caller, in *rollbackInput) (wire.Deployment, error) {
	b := *in.Body
	made, err := a.Ledger.RollbackApp(ctx, c, in.Project, in.Environment, b.App, ledger.RollbackAppOptions{To: b.To, Force: forced(b.Force)})
	if err != nil {
		return wire.Deployment{}, err
	}
	if len(made.Deployments) == 0 {
		return wire.Deployment{}, errRunsThere
	}
	d := made.Deployments[0]
	return deploymentOf(d, made.Environments[d.Environment]), nil
}

// fromOf is what ran before.
func fromOf(d ledger.Deployment) string { return cmp.Or(candidateOrNone(d.From), d.FromShipment) }
