// Package api is gio-server's own API, /v1: what gio and other programs of ours ask. The OpenAPI document is made from the code,
// and served at /v1/openapi.json; errors are problem+json (RFC 9457) with the stable code of the fault.
package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

// API answers /v1.
type API struct {
	Ledger *ledger.Ledger
	// Fail gets what the client is not told: errors that are nobody's fault.
	Fail func(ctx context.Context, err error)
	// BaseURL is how the server's address begins for its clients, DefaultProject the project of those who name none.
	BaseURL, DefaultProject string
	// Ending is closed when the server is told to end: what lasts as long as its client wants ends then. Nil: it never is.
	Ending <-chan struct{}
	// Look looks at the release repository of which somebody tells, for each project of the caller that names it.
	Look func(context.Context, ledger.Caller, wire.Look) ([]wire.Looked, error)
}

// Register adds the routes to a mux, and returns the OpenAPI document.
func (a API) Register(mux *http.ServeMux) *huma.OpenAPI {
	config := huma.DefaultConfig("gio-server", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/v1/openapi", "", "/v1/schemas"
	config.CreateHooks = nil // no links to schemas in the answers
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	config.Security = []map[string][]string{{"token": {}}}
	if a.BaseURL != "" {
		config.Servers = []*huma.Server{{URL: a.BaseURL}}
	}
	routes := humago.New(mux, config)
	a.projects(routes)
	a.candidates(routes)
	a.releases(routes)
	a.deployments(routes)
	a.environments(routes)
	a.freezes(routes)
	a.bundles(routes)
	a.shipments(routes)
	a.tokens(routes)
	a.history(routes)
	a.audit(routes)
	return routes.OpenAPI()
}

var errCursor = fault.New(fault.Invalid, "invalid-cursor", "the cursor is none").Hint("take it from the answer before, as it is")

var errRunsThere = fault.New(fault.Invalid, "no-previous", "that runs there already: there is nothing to roll back")

var errOtherName = fault.New(fault.Invalid, "invalid-project", "the name in the body is not the one in the address")

// Authorized is the part of every request that says who asks.
type Authorized struct {
	Authorization string `header:"Authorization" doc:"Bearer and the token"`
	address       string
}

// Resolve keeps the address of the client.
func (i *Authorized) Resolve(ctx huma.Context) []error {
	i.address = ctx.RemoteAddr()
	return nil
}

func (a API) caller(ctx context.Context, in Authorized) (ledger.Caller, error) {
	scheme, secret, _ := strings.Cut(in.Authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		secret = ""
	}
	t, err := a.Ledger.Authenticate(ctx, strings.TrimSpace(secret))
	return ledger.Caller{Token: t, Dialect: "v1", Address: in.address}, err
}

// problem is an error of /v1.
type problem struct {
	Status int      `json:"status"`
	Title  string   `json:"title"`
	Detail string   `json:"detail"`
	Code   string   `json:"code"`
	Hints  []string `json:"hints,omitempty"`
}

func (p *problem) Error() string  { return p.Detail }
func (p *problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// conflicts are the codes of faults of kind Invalid that are about what is there already.
var conflicts = map[string]bool{"candidate-exists": true, "token-exists": true, "other-repository": true, "bundle-exists": true, "request-under-way": true}

// refusal turns a fault into a problem, and nil into none.
func (a API) refusal(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return a.problem(ctx, err)
}

// problem is what the client learns of a fault. Only defects are hidden from it.
func (a API) problem(ctx context.Context, err error) *problem {
	status := http.StatusInternalServerError
	switch code := fault.CodeOf(err); fault.KindOf(err) {
	case fault.Usage, fault.Invalid:
		status = http.StatusBadRequest
		switch {
		case conflicts[code]:
			status = http.StatusConflict
		case code == "other-request":
			status = http.StatusUnprocessableEntity
		}
	case fault.Auth:
		status = http.StatusForbidden
		if code == "bad-token" {
			status = http.StatusUnauthorized
		}
	case fault.NotFound:
		status = http.StatusNotFound
	case fault.Stopped, fault.Decision, fault.Cancelled:
		status = http.StatusConflict
	default:
		a.Fail(ctx, err)
		return &problem{Status: status, Title: http.StatusText(status), Detail: "the server has failed: its log says how", Code: "internal"}
	}
	return &problem{Status: status, Title: http.StatusText(status), Detail: err.Error(), Code: fault.CodeOf(err), Hints: fault.HintLines(err)}
}

// answer is a body.
type answer[T any] struct {
	Replayed string `header:"Idempotency-Replayed" enum:"true" doc:"it was answered before"`
	Body     T
}

// created makes an operation answer 201.
func created(o *huma.Operation) { o.DefaultStatus = http.StatusCreated }

// route registers an operation whose handler gets the caller.
func route[I any, O any](a API, routes huma.API, method, path, id, summary string, who func(*I) Authorized, do func(context.Context, ledger.Caller, *I) (O, error), more ...func(*huma.Operation)) {
	o := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, MaxBodyBytes: 1 << 20}
	if method == http.MethodPost {
		o.Parameters = []*huma.Param{keyParameter()}
	}
	for _, change := range more {
		change(&o)
	}
	huma.Register(routes, o, func(ctx context.Context, in *I) (*answer[O], error) {
		c, err := a.caller(ctx, who(in))
		if err != nil {
			return nil, a.refusal(ctx, err)
		}
		body, err := once(ctx, a.Ledger, c, func(ctx context.Context) (O, error) { return do(ctx, c, in) })
		if err != nil {
			return nil, a.refusal(ctx, err)
		}
		return body, nil
	})
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// cursor is a place in a list, which clients take as it is.
func cursor(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

// after reads a cursor; "" is the beginning.
func after(text string) (id string, err error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) > 100 || !utf8.Valid(data) {
		return "", errCursor
	}
	return string(data), nil
}

func candidateOrNone(v ledger.Version) string {
	if v.Number == 0 {
		return ""
	}
	return v.String()
}

func deploymentOf(d ledger.Deployment, e ledger.Environment) wire.Deployment {
	return wire.Deployment{
		ID: d.ID, Project: e.Project, Environment: e.Name, Candidate: candidateOrNone(d.Candidate), App: appOf(d), From: fromOf(d),
		Status: string(d.Status), Effect: string(d.Effect), Message: d.Message, Link: d.Link, Actor: d.Actor, Restores: d.Restores, Forced: d.Forced,
		StartedAt: d.StartedAt, EndedAt: optional(d.EndedAt),
	}
}

func deploymentsOf(all []ledger.Deployment, e ledger.Environment) []wire.Deployment {
	list := []wire.Deployment{}
	for _, d := range all {
		list = append(list, deploymentOf(d, e))
	}
	return list
}
