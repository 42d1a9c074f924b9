// Package gimlet speaks those parts of Gimlet's REST API that its command line, its CircleCI orb, its GitHub action and Flux need
// (github.com/gimlet-io/gimlet): shipments, which Gimlet calls artifacts, and releases of apps by Git. Words, status codes and texts of errors are Gimlet's;
// the rules are the ledger's.
package gimlet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// maxBody is how large the body of a request may be, in bytes: a shipment has the files of all its apps.
const maxBody = 4 << 20

// API answers Gimlet's clients.
type API struct {
	Ledger *ledger.Ledger
	// Fail gets what the client is not told: errors that are nobody's fault.
	Fail func(ctx context.Context, err error)
	// DefaultProject is the project of tokens that are for no single one; "" for none.
	DefaultProject string
	Flux           FluxEvents
	// FluxFiles returns what Flux is installed with in the cluster of an environment, by the names of the files.
	FluxFiles func(ctx context.Context, c ledger.Caller, project, environment string) (map[string]string, error)
}

// Register adds the routes to a mux.
func (a API) Register(mux *http.ServeMux) {
	mux.Handle("POST /api/artifact", a.answering(a.ship))
	mux.Handle("GET /api/artifacts", a.answering(a.shipments))
	mux.Handle("GET /api/eventArtifactTrack", a.answering(a.trackShipment))
	mux.Handle("GET /api/eventReleaseTrack", a.answering(a.trackBatch))
	mux.Handle("GET /api/event", a.answering(a.trackEither))
	mux.Handle("GET /api/releases", a.answering(a.releases))
	mux.Handle("POST /api/releases", a.answering(a.deploy))
	mux.Handle("GET /api/status", a.answering(a.status))
	mux.Handle("POST /api/rollback", a.answering(a.rollback))
	mux.Handle("/api/releases", a.answering(func(request) (int, any, error) { return 0, nil, errNoRoute })) // or it would be sent on to Aviator's
	mux.Handle("POST /api/flux-events", a.letIn(fluxToken, a.flux, nil))
	mux.Handle("GET /api/gitopsManifests/{env}", a.answering(a.manifests))
	mux.Handle("GET /api/users", a.answering(a.users))
	mux.Handle("POST /api/deleteUser", a.answering(a.deleteUser))
	mux.Handle("POST /api/delete", a.letIn(bearer, a.remove, a.removed))
}

// request is what a handler gets.
type request struct {
	*http.Request
	caller  ledger.Caller
	project string
	body    []byte
}

// handler returns a status, and the value of the body.
type handler func(request) (status int, body any, err error)

// answering makes a handler of one whose answer is JSON. Errors are plain text.
func (a API) answering(h handler) http.Handler { return a.letIn(bearer, h, nil) }

// letIn is answering for requests that show their token in some way, and whose answer comes when what they asked for is done.
func (a API) letIn(secret func(*http.Request) string, h handler, done func(request, string) (string, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		asked := request{Request: r}
		answer, again, err := a.answer(&asked, secret(r), h)
		if err == nil && done != nil {
			answer, err = done(asked, answer)
		}
		if err != nil {
			status, text := a.refusal(r.Context(), err)
			http.Error(w, text, status)
			return
		}
		if again {
			w.Header().Set("Idempotency-Replayed", "true")
		}
		status, body, _ := strings.Cut(answer, " ")
		if body != "" {
			w.Header().Set("Content-Type", "application/json")
		}
		code, _ := strconv.Atoi(status) // it is ours
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body) // the client is gone, if it fails
	})
}

// answer does what a request asks for, or finds what it was answered before: a status and, after a space, a body.
func (a API) answer(r *request, secret string, h handler) (answer string, again bool, err error) {
	r.caller = ledger.Caller{Dialect: "gimlet", Address: r.RemoteAddr}
	if r.caller.Token, err = a.Ledger.Authenticate(r.Context(), secret); err != nil {
		return "", false, err
	}
	r.project = cmp.Or(r.caller.Token.Project, a.DefaultProject)
	if r.project == "" {
		return "", false, fault.New(fault.Invalid, "which-project", "the token is for all projects, and the server has no default_project")
	}
	r.body, err = io.ReadAll(r.Body)
	if tooLarge, is := errors.AsType[*http.MaxBytesError](err); is {
		return "", false, fault.New(fault.Invalid, "body-too-large", "the body is larger than %d bytes", tooLarge.Limit)
	} else if err != nil {
		return "", false, fault.New(fault.Invalid, "unread-body", "the body broke off").Because(err)
	}
	return a.Ledger.Once(r.Context(), ledger.RequestOf(r.Context(), r.caller), func(ctx context.Context) (string, error) {
		status, said, err := h(request{r.WithContext(ctx), r.caller, r.project, r.body})
		if err != nil || said == nil {
			return fmt.Sprintf("%d ", status), err
		}
		var text strings.Builder
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		err = e.Encode(said)
		return fmt.Sprintf("%d %s", status, strings.TrimSpace(text.String())), err
	})
}

// bearer is the token of a request, whose scheme Gimlet also writes BEARER.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// statuses are those of faults by their codes, where they are not those of their kinds.
var statuses = map[string]int{
	"bad-token":           http.StatusUnauthorized,
	"bad-signature":       http.StatusUnauthorized,
	"body-too-large":      http.StatusRequestEntityTooLarge,
	"other-request":       http.StatusUnprocessableEntity,
	"request-under-way":   http.StatusConflict,
	"unknown-environment": http.StatusInternalServerError,
	"no-environment":      http.StatusBadRequest, // it is only a parameter
}

var errNoRoute = fault.New(fault.NotFound, "no-route", "there is no such address")

// texts are Gimlet's, where its clients may know them.
var texts = map[string]string{"bad-token": "Unauthorized", "no-batch": "Not Found"}

// refusal is what a fault is answered with.
func (a API) refusal(ctx context.Context, err error) (status int, text string) {
	code := fault.CodeOf(err)
	switch fault.KindOf(err) {
	case fault.Usage, fault.Invalid:
		status = http.StatusBadRequest
	case fault.Auth:
		status = http.StatusForbidden
	case fault.NotFound:
		status = http.StatusNotFound
	case fault.Cancelled, fault.Decision, fault.Stopped:
		status = http.StatusConflict
	case fault.Timeout, fault.Remote: // Gimlet says 500, too
		return http.StatusInternalServerError, whole(err)
	default:
		a.Fail(ctx, err)
		return http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError)
	}
	status = cmp.Or(statuses[code], status)
	if known, is := texts[code]; is {
		return status, known
	}
	between := " - "
	if code == "missing-parameter" {
		between = ": "
	}
	return status, http.StatusText(status) + between + whole(err)
}

// whole is a fault with what caused it, in one line.
func whole(err error) string {
	text := err.Error()
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
		if !strings.Contains(text, cause.Error()) {
			text += ": " + cause.Error()
		}
	}
	return strings.Join(strings.Fields(text), " ")
}

func missing(name string) error {
	return fault.New(fault.Invalid, "missing-parameter", "%s parameter is mandatory", name)
}

// decode reads a body. Fields that are not known are left out, as Gimlet does.
func decode[T any](r request) (T, error) {
	var body *T // nil for null
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	err := d.Decode(&body)
	if err == nil && body == nil {
		err = errors.New("it is null")
	}
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is something behind it")
		}
	}
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		err = fmt.Errorf("%s cannot be a %s", cmp.Or(wrong.Field, "it"), wrong.Value)
	}
	if err != nil {
		var none T
		return none, fault.New(fault.Invalid, "invalid-body", "the body cannot be read").Because(err)
	}
	return *body, nil
}
