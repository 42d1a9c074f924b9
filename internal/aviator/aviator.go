// Package aviator speaks the REST API of Aviator Releases: candidates, deployments and rollbacks, as its clients know them
// (docs.aviator.co, Releases, API reference). Words, status codes and error texts are Aviator's; the rules are the ledger's.
package aviator

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// maxBody is how large the body of a request may be, in bytes.
const maxBody = 1 << 20

// API answers Aviator's clients.
type API struct {
	Ledger *ledger.Ledger
	// Fail gets what the client is not told: errors that are nobody's fault.
	Fail func(ctx context.Context, err error)
}

// Register adds the routes to a mux.
func (a API) Register(mux *http.ServeMux) {
	const deployments = "/api/releases/{project}/environments/{environment}/deployments"
	mux.Handle("POST /api/releases/{project}/releases/{candidate}", a.answering(a.createCandidate))
	mux.Handle("POST "+deployments, a.answering(a.deploy))
	mux.Handle("PATCH "+deployments, a.answering(a.report))
	mux.Handle("GET "+deployments, a.answering(a.list))
	mux.Handle("POST /api/releases/{project}/environments/{environment}/rollback", a.answering(a.rollback))
	mux.Handle("/api/releases/", a.answering(func(*http.Request, ledger.Caller) (int, any, error) { return 0, nil, errNoRoute }))
}

var (
	errNoRoute = fault.New(fault.NotFound, "no-route", "there is no such address")
	errBody    = fault.New(fault.Invalid, "invalid-body", "the body is no JSON object with fields of the right types")
	errPage    = fault.New(fault.Invalid, "invalid-page", "page and per_page are numbers from 1, per_page up to %d", maxPerPage)
)

// handler returns a status, and the value of the body or nil for an empty one.
type handler func(*http.Request, ledger.Caller) (status int, body any, err error)

func (a API) answering(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, again, err := a.answer(r, h)
		if err != nil {
			answer = written(a.refusal(r.Context(), err))
		}
		if again {
			w.Header().Set("Idempotency-Replayed", "true")
		}
		reply(w, answer)
	})
}

// answer does what a request asks for, or finds what it was answered before.
func (a API) answer(r *http.Request, h handler) (answer string, again bool, err error) {
	caller := ledger.Caller{Dialect: "aviator", Address: r.RemoteAddr}
	if caller.Token, err = a.Ledger.Authenticate(r.Context(), bearer(r)); err != nil {
		return "", false, err
	}
	body, unread := io.ReadAll(r.Body)
	return a.Ledger.Once(r.Context(), ledger.RequestOf(r.Context(), caller), func(ctx context.Context) (string, error) {
		r := r.WithContext(ctx)
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{unread}))
		status, said, err := h(r, caller)
		return written(status, said), err
	})
}

// failing is the end of a body: what it could not be read for, if so.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, cmp.Or(f.err, io.EOF) }

// written is an answer as it is kept: its status and, after a space, its body.
func written(status int, body any) string {
	if body == nil {
		return fmt.Sprintf("%d ", status)
	}
	text, _ := json.Marshal(body) // only our own plain structs
	return fmt.Sprintf("%d %s\n", status, text)
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func reply(w http.ResponseWriter, answer string) {
	status, body, _ := strings.Cut(answer, " ")
	if body != "" {
		w.Header().Set("Content-Type", "application/json")
	}
	code, _ := strconv.Atoi(status) // it is ours
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body) // the client is gone, if it fails
}

// refusals are Aviator's answers by the codes of faults.
var refusals = map[string]struct {
	status int
	text   string
}{
	"bad-token":         {http.StatusUnauthorized, "Unauthorized"},
	"other-project":     {http.StatusForbidden, "Forbidden"},
	"not-allowed":       {http.StatusForbidden, "Forbidden"},
	"invalid-candidate": {http.StatusBadRequest, "Invalid release candidate version"},
	"invalid-commit":    {http.StatusBadRequest, "Invalid commit hash"},
	"invalid-status":    {http.StatusBadRequest, "Invalid deployment status"},
	"invalid-body":      {http.StatusBadRequest, "Invalid request body"},
	"invalid-text":      {http.StatusBadRequest, "Invalid request"},
	"invalid-key":       {http.StatusBadRequest, "Invalid Idempotency-Key"},
	"other-request":     {http.StatusUnprocessableEntity, "Idempotency-Key was used for another request"},
	"request-under-way": {http.StatusConflict, "The same request is under way"},
	"invalid-page":      {http.StatusBadRequest, "Invalid page"},
	"not-by-candidate":  {http.StatusBadRequest, "Release environment is not deployed by release candidates"},
	"candidate-exists":  {http.StatusBadRequest, "Release candidate already exists"},
	"no-build":          {http.StatusBadRequest, "Build workflow is not configured"},
	"not-ready":         {http.StatusBadRequest, "Release candidate is not ready"},
	"frozen":            {http.StatusBadRequest, "Environment is frozen"},
	"other-repository":  {http.StatusNotFound, "GitHub repository not found"},
	"no-project":        {http.StatusNotFound, "Release project not found"},
	"no-environment":    {http.StatusNotFound, "Release environment not found"},
	"no-candidate":      {http.StatusNotFound, "Release not found"},
	"no-previous":       {http.StatusNotFound, "No previous deployment to roll back from"},
	"no-route":          {http.StatusNotFound, "Not found"},
}

type problem struct {
	Error string `json:"error"`
}

func (a API) refusal(ctx context.Context, err error) (int, any) {
	if known, ok := refusals[fault.CodeOf(err)]; ok {
		text := known.text
		if fault.Is(err, "not-ready") { // it may be building, failed or blocked
			text += ": " + err.Error()
		}
		return known.status, problem{text}
	}
	a.Fail(ctx, err)
	return http.StatusInternalServerError, problem{"Internal server error"}
}

// decode reads the body. Fields that are not known are left out, as Aviator does; an empty body is an empty object where that may be.
func decode[T any](r *http.Request, mayBeEmpty bool) (T, error) {
	var none T
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return none, errBody
	}
	if len(data) == 0 && mayBeEmpty {
		return none, nil
	}
	var body *T // nil for null
	if json.Unmarshal(data, &body) != nil || body == nil {
		return none, errBody
	}
	return *body, nil
}

func (a API) createCandidate(r *http.Request, c ledger.Caller) (int, any, error) {
	v, err := ledger.ParseVersion(r.PathValue("candidate"))
	if err != nil {
		return 0, nil, err
	}
	body, err := decode[struct {
		Repository string `json:"repo"`
		Commit     string `json:"commit"`
		Build      bool   `json:"trigger_build_workflow"`
	}](r, false)
	if err != nil {
		return 0, nil, err
	}
	_, err = a.Ledger.CreateCandidate(r.Context(), c, r.PathValue("project"), v, body.Repository, body.Commit, ledger.CandidateOptions{Build: body.Build})
	return http.StatusCreated, nil, err
}

type deployBody struct {
	forceBody
	Candidate string        `json:"release_candidate_version"`
	Status    ledger.Status `json:"status"`
}

type forceBody struct {
	Force bool `json:"force"` // pass a freeze
}

func (b forceBody) asked() *ledger.Force {
	if b.Force {
		return &ledger.Force{}
	}
	return nil
}

func (a API) deploy(r *http.Request, c ledger.Caller) (int, any, error) {
	v, body, err := target(r)
	if err != nil {
		return 0, nil, err
	}
	_, err = a.Ledger.Deploy(r.Context(), c, r.PathValue("project"), r.PathValue("environment"), v, ledger.DeployOptions{Force: body.asked()})
	return http.StatusCreated, nil, err
}

func (a API) report(r *http.Request, c ledger.Caller) (int, any, error) {
	v, body, err := target(r)
	if err != nil {
		return 0, nil, err
	}
	_, err = a.Ledger.Report(r.Context(), c, r.PathValue("project"), r.PathValue("environment"), v, body.Status)
	return http.StatusOK, nil, err
}

func target(r *http.Request) (ledger.Version, deployBody, error) {
	body, err := decode[deployBody](r, false)
	if err != nil {
		return ledger.Version{}, body, err
	}
	v, err := ledger.ParseVersion(body.Candidate)
	return v, body, err
}

const (
	usualPerPage = 10
	maxPerPage   = 100
)

func (a API) list(r *http.Request, c ledger.Caller) (int, any, error) {
	page, err := number(r, "page", 1, 1<<20)
	if err != nil {
		return 0, nil, err
	}
	size, err := number(r, "per_page", usualPerPage, maxPerPage)
	if err != nil {
		return 0, nil, err
	}
	environment := r.PathValue("environment")
	all, err := a.Ledger.Deployments(r.Context(), c, r.PathValue("project"), environment, (page-1)*size, size)
	list := []deployment{}
	for _, d := range all {
		if d.App != "" { // Aviator knows no apps
			continue
		}
		list = append(list, asObject(d, environment))
	}
	return http.StatusOK, list, err
}

func number(r *http.Request, name string, usual, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, errPage
	}
	return n, nil
}

func (a API) rollback(r *http.Request, c ledger.Caller) (int, any, error) {
	body, err := decode[forceBody](r, true)
	if err != nil {
		return 0, nil, err
	}
	environment := r.PathValue("environment")
	d, err := a.Ledger.Rollback(r.Context(), c, r.PathValue("project"), environment, ledger.RollbackOptions{Force: body.asked()})
	return http.StatusCreated, asObject(d, environment), err
}

// deployment is Aviator's deployment object.
type deployment struct {
	Actor         *string       `json:"actor"` // a person's address
	EndAt         *string       `json:"deploy_end_at"`
	StartAt       string        `json:"deploy_start_at"`
	Environment   string        `json:"environment_name"`
	Message       *string       `json:"error_message"`
	FromCandidate *string       `json:"from_release_candidate_version"`
	FromRelease   *string       `json:"from_release_version"`
	ID            string        `json:"id"`
	Candidate     string        `json:"release_candidate_version"`
	Release       string        `json:"release_version"`
	Status        ledger.Status `json:"status"`
}

func asObject(d ledger.Deployment, environment string) deployment {
	o := deployment{
		StartAt: iso(d.StartedAt), Environment: environment, ID: d.ID, Candidate: d.Candidate.String(), Release: d.Candidate.Release, Status: d.Status,
	}
	if strings.Contains(d.Actor, "@") {
		o.Actor = &d.Actor
	}
	if !d.EndedAt.IsZero() {
		end := iso(d.EndedAt)
		o.EndAt = &end
	}
	if d.Message != "" {
		o.Message = &d.Message
	}
	if d.From.Number > 0 {
		from := d.From.String()
		o.FromCandidate, o.FromRelease = &from, &d.From.Release
	}
	return o
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
