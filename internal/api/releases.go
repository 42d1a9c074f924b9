package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

type lookInput struct {
	Authorized
	Body wire.Look
}

func (a API) releases(routes huma.API) {
	route(a, routes, http.MethodGet, "/v1/projects/{project}/releases", "show-releases", "What is known of the release repository of a project",
		func(in *projectInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *projectInput) (wire.Watched, error) {
			w, err := a.Ledger.Watched(ctx, c, in.Project)
			return wire.Watched{Releases: *releasesOf(&w.Releases), LookedAt: optional(w.LookedAt), Problem: problemOf(w.Problem)}, err
		})
	// It is no change of its client's, and lasts as long as the repository takes to answer: it has no Idempotency-Key.
	huma.Register(routes, huma.Operation{
		OperationID: "look-at-releases", Method: http.MethodPost, Path: "/v1/releases/look", MaxBodyBytes: 1 << 20,
		Summary: "Tell of a release: its repository is looked at now, for each project that names it; the same again changes nothing",
	}, func(ctx context.Context, in *lookInput) (*answer[[]wire.Looked], error) {
		c, err := a.caller(ctx, in.Authorized)
		if err != nil {
			return nil, a.refusal(ctx, err)
		}
		looked, err := a.Look(ctx, c, in.Body)
		if err != nil {
			return nil, a.refusal(ctx, err)
		}
		return &answer[[]wire.Looked]{Body: looked}, nil
	})
}

func releasesOf(r *ledger.Releases) *wire.Releases {
	if r == nil {
		return nil
	}
	out := wire.Releases(*r)
	return &out
}

func asReleases(r *wire.Releases) *ledger.Releases {
	if r == nil {
		return nil
	}
	out := ledger.Releases(*r)
	return &out
}

func problemOf(p *ledger.Problem) *wire.Problem {
	if p == nil {
		return nil
	}
	return &wire.Problem{Code: p.Code, Message: p.Message, Since: p.Since}
}

// Looked is what came of a look in one project; candidate nil for none.
func Looked(project string, candidate *ledger.Candidate, p *ledger.Problem) wire.Looked {
	l := wire.Looked{Project: project, Problem: problemOf(p)}
	if candidate != nil {
		l.Candidate, l.State = candidate.Version.String(), string(candidate.State)
	}
	return l
}
