package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

type projectInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
}

type applyInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	DryRun  bool   `query:"dry_run" doc:"only say what would change"`
	Body    wire.Project
}

func (a API) projects(routes huma.API) {
	route(a, routes, http.MethodGet, "/v1/projects", "list-projects", "The projects that the token sees",
		func(in *struct{ Authorized }) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, _ *struct{ Authorized }) ([]wire.ListedProject, error) {
			all, err := a.Ledger.Projects(ctx, c)
			list := []wire.ListedProject{}
			for _, p := range all {
				list = append(list, wire.ListedProject{Name: p.Name, Repository: p.Repository, Default: p.Name == a.DefaultProject})
			}
			return list, err
		})
	route(a, routes, http.MethodGet, "/v1/projects/{project}", "show-project", "A project and its environments",
		func(in *projectInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *projectInput) (wire.Project, error) {
			d, err := a.Ledger.Declared(ctx, c, in.Project)
			return projectOf(d), err
		})
	route(a, routes, http.MethodPut, "/v1/projects/{project}", "apply-project", "Make a project what is declared",
		func(in *applyInput) Authorized { return in.Authorized }, a.apply)
	route(a, routes, http.MethodGet, "/v1/projects/{project}/environments", "list-environments", "What runs where",
		func(in *projectInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *projectInput) ([]wire.Running, error) {
			all, err := a.Ledger.Running(ctx, c, in.Project)
			list := []wire.Running{}
			for _, r := range all {
				list = append(list, runningOf(r))
			}
			return list, err
		})
}

func projectOf(d ledger.Declaration) wire.Project {
	p := wire.Project{Name: d.Project.Name, Repository: d.Project.Repository, Build: triggerOf(d.Project.Build), Releases: releasesOf(d.Project.Releases)}
	for _, m := range d.Project.Bundle {
		p.Bundle = append(p.Bundle, wire.Mapping(m))
	}
	for _, e := range d.Environments {
		p.Environments = append(p.Environments, environmentOf(e))
	}
	for _, r := range d.Repositories {
		p.Repositories = append(p.Repositories, wire.Repository{
			Name: r.Name, Environment: r.Environment, Kind: string(r.Kind), Type: r.Type, Connection: r.Connection, Path: r.Path,
		})
	}
	return p
}

func environmentOf(e ledger.Environment) wire.Environment {
	out := wire.Environment{Name: e.Name, Tier: string(e.Tier), Kind: string(e.Kind), Deploy: triggerOf(e.Deploy), GitOps: gitOpsOf(e.GitOps)}
	if r := wire.Requirements(e.Requires); r != (wire.Requirements{}) {
		out.Requires = &r
	}
	return out
}

func triggerOf(t *ledger.Trigger) *wire.Trigger {
	if t == nil {
		return nil
	}
	return &wire.Trigger{Connection: t.Connection, Project: t.Project, Branch: t.Branch, Definition: t.Definition, Parameters: t.Parameters}
}

// declared is a project as the ledger takes it.
func declared(p wire.Project) ledger.Declaration {
	d := ledger.Declaration{Project: ledger.Project{Name: p.Name, Repository: p.Repository, Build: asTrigger(p.Build), Releases: asReleases(p.Releases)}}
	for _, m := range p.Bundle {
		d.Project.Bundle = append(d.Project.Bundle, ledger.Mapping(m))
	}
	for _, e := range p.Environments {
		out := ledger.Environment{Name: e.Name, Tier: ledger.Tier(e.Tier), Kind: ledger.Kind(e.Kind), Deploy: asTrigger(e.Deploy), GitOps: asDesired(e.GitOps)}
		if e.Requires != nil {
			out.Requires = ledger.Requirements(*e.Requires)
		}
		d.Environments = append(d.Environments, out)
	}
	for _, r := range p.Repositories {
		d.Repositories = append(d.Repositories, ledger.Repository{
			Name: r.Name, Environment: r.Environment, Kind: ledger.RepositoryKind(r.Kind), Type: r.Type, Connection: r.Connection, Path: r.Path,
		})
	}
	return d
}

func asTrigger(t *wire.Trigger) *ledger.Trigger {
	if t == nil {
		return nil
	}
	return &ledger.Trigger{Connection: t.Connection, Project: t.Project, Branch: t.Branch, Definition: t.Definition, Parameters: t.Parameters}
}

func runningOf(r ledger.Running) wire.Running {
	e := r.Environment
	out := wire.Running{Environment: environmentOf(e), Frozen: r.Frozen != nil, Held: e.Hold != "", Apps: runningAppsOf(r.Apps, e)}
	if r.Current != nil {
		d := deploymentOf(*r.Current, e)
		out.Current = &d
	}
	for _, d := range r.Active {
		out.Active = append(out.Active, deploymentOf(d, e))
	}
	return out
}

func (a API) apply(ctx context.Context, c ledger.Caller, in *applyInput) (wire.Applied, error) {
	if in.Body.Name != in.Project {
		return wire.Applied{}, errOtherName
	}
	changes, err := a.Ledger.Apply(ctx, c, declared(in.Body), in.DryRun)
	applied := wire.Applied{DryRun: in.DryRun, Changes: []wire.Change{}}
	for _, change := range changes {
		applied.Changes = append(applied.Changes, wire.Change{What: change.What, From: change.From, To: change.To})
	}
	return applied, err
}

type createTokenInput struct {
	Authorized
	Body wire.NewToken
}

type tokenInput struct {
	Authorized
	ID string `path:"id" maxLength:"100"`
}

func (a API) tokens(routes huma.API) {
	route(a, routes, http.MethodGet, "/v1/tokens", "list-tokens", "The tokens that the token sees, without their secrets",
		func(in *struct{ Authorized }) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, _ *struct{ Authorized }) ([]wire.Token, error) {
			all, err := a.Ledger.Tokens(ctx, c)
			list := []wire.Token{}
			for _, t := range all {
				list = append(list, tokenOf(t))
			}
			return list, err
		})
	route(a, routes, http.MethodPost, "/v1/tokens", "create-token", "Make a token, or import a foreign one",
		func(in *createTokenInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *createTokenInput) (wire.CreatedToken, error) {
			b := in.Body
			wanted := ledger.Token{Subject: b.Subject, Project: b.Project, Role: ledger.Role(b.Role), ExpiresAt: orZero(b.ExpiresAt)}
			t, secret, err := a.Ledger.CreateToken(ctx, c, wanted, b.Secret)
			if b.Secret != "" {
				secret = ""
			}
			return wire.CreatedToken{Token: tokenOf(t), Secret: secret}, err
		})
	route(a, routes, http.MethodDelete, "/v1/tokens/{id}", "revoke-token", "End a token at once",
		func(in *tokenInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *tokenInput) (struct{}, error) {
			return struct{}{}, a.Ledger.RevokeToken(ctx, c, in.ID)
		})
}

func tokenOf(t ledger.Token) wire.Token {
	return wire.Token{
		ID: t.ID, Subject: t.Subject, Project: t.Project, Role: string(t.Role),
		CreatedAt: t.CreatedAt, ExpiresAt: optional(t.ExpiresAt), RevokedAt: optional(t.RevokedAt), UsedAt: optional(t.UsedAt),
	}
}

type eventsInput struct {
	Authorized
	Project string `query:"project" doc:"left out: all, for admins"`
	After   int64  `query:"after" minimum:"0" doc:"position in the history"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (a API) history(routes huma.API) {
	route(a, routes, http.MethodGet, "/v1/events", "list-events", "What happened, in order",
		func(in *eventsInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *eventsInput) ([]wire.Event, error) {
			all, err := a.Ledger.Events(ctx, c, in.Project, in.After, in.Limit)
			list := []wire.Event{}
			for _, e := range all {
				list = append(list, eventOf(e))
			}
			return list, err
		}, func(o *huma.Operation) { o.Middlewares = huma.Middlewares{a.streaming} })
	list := routes.OpenAPI().Paths["/v1/events"].Get
	list.Description = "With `Accept: text/event-stream`, events as they come: of the project, or of all that the token sees. " +
		"The id of each is its position, so that Last-Event-ID goes on behind it."
	list.Responses["200"].Content[eventStream] = &huma.MediaType{Schema: &huma.Schema{Type: "string"}}
}

func eventOf(e ledger.Event) wire.Event {
	return wire.Event{
		Position: e.Position, Time: e.Time, Project: e.Project, Type: e.Type, Subject: e.Subject,
		Actor: e.Actor, Dialect: e.Dialect, Address: e.Address, Data: e.Data,
	}
}

type verifyInput struct {
	Authorized
	Position int64  `query:"position" minimum:"1" doc:"of an end that was kept elsewhere, with its hash"`
	Hash     string `query:"hash" pattern:"^[0-9a-f]{64}$"`
}

var errHalfHead = fault.New(fault.Invalid, "invalid-position", "position and hash belong together")

func (a API) audit(routes huma.API) {
	route(a, routes, http.MethodGet, "/v1/audit/head", "show-head", "The end of the history, to be kept elsewhere",
		func(in *struct{ Authorized }) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, _ *struct{ Authorized }) (wire.Head, error) {
			head, err := a.Ledger.Head(ctx, c)
			return wire.Head(head), err
		})
	route(a, routes, http.MethodGet, "/v1/audit/verify", "verify-history", "Whether the history is what was written",
		func(in *verifyInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *verifyInput) (wire.Verified, error) {
			if (in.Position == 0) != (in.Hash == "") {
				return wire.Verified{}, errHalfHead
			}
			end, err := a.Ledger.Verify(ctx, c, ledger.Head{Position: in.Position, Hash: in.Hash})
			if fault.Is(err, "broken-chain") {
				return wire.Verified{Problem: err.Error()}, nil
			}
			head := wire.Head(end)
			return wire.Verified{Intact: true, Head: &head}, err
		})
}
