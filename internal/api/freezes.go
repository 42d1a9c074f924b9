package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

type newFreezeInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	Body    wire.NewFreeze
}

type freezeInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	ID      string `path:"id" maxLength:"100"`
}

func (a API) freezes(routes huma.API) {
	const path = "/v1/projects/{project}/freezes"
	route(a, routes, http.MethodGet, path, "list-freezes", "The freezes of a project that hold",
		func(in *projectInput) Authorized { return in.Authorized }, a.listFreezes)
	route(a, routes, http.MethodPost, path, "create-freeze", "Keep an environment, or all of a project, from taking anything new",
		func(in *newFreezeInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *newFreezeInput) (wire.Freeze, error) {
			b := in.Body
			f, err := a.Ledger.Freeze(ctx, c, in.Project, ledger.NewFreeze{Environment: b.Environment, Reason: b.Reason, EndsAt: orZero(b.Until)})
			return freezeOf(f, map[string]string{f.Environment: b.Environment}), err
		}, created)
	route(a, routes, http.MethodDelete, path+"/{id}", "lift-freeze", "End a freeze",
		func(in *freezeInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *freezeInput) (struct{}, error) {
			return struct{}{}, a.Ledger.Unfreeze(ctx, c, in.Project, in.ID)
		})
}

func (a API) listFreezes(ctx context.Context, c ledger.Caller, in *projectInput) ([]wire.Freeze, error) {
	list := []wire.Freeze{}
	all, err := a.Ledger.Freezes(ctx, c, in.Project)
	if err != nil || len(all) == 0 {
		return list, err
	}
	d, err := a.Ledger.Declared(ctx, c, in.Project) // no environment goes away
	names := map[string]string{}
	for _, e := range d.Environments {
		names[e.ID] = e.Name
	}
	for _, f := range all {
		list = append(list, freezeOf(f, names))
	}
	return list, err
}

// freezeOf shows a freeze; names are those of the environments, by their ids.
func freezeOf(f ledger.Freeze, names map[string]string) wire.Freeze {
	return wire.Freeze{ID: f.ID, Environment: names[f.Environment], Reason: f.Reason, Actor: f.Actor, CreatedAt: f.CreatedAt, Until: optional(f.EndsAt)}
}
