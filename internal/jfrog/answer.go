package jfrog

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// maxBody is how large the body of a request may be that is no file, in bytes: a bundle of 50,000 files has less.
const maxBody = 16 << 20

// handler returns a status, and the value of the body or nil for an empty one.
type handler func(*http.Request, ledger.Caller) (status int, body any, err error)

// answering makes a handler of one whose answer is JSON.
func (a API) answering(h handler) http.Handler {
	receiving := a.receiving(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		receiving.ServeHTTP(w, r)
	})
}

// receiving is answering for one that takes a body of any size.
func (a API) receiving(h handler) http.Handler {
	return patient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.caller(r)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		status, body, err := h(r, c)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		reply(w, status, body)
	}))
}

func reply(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // only our own plain structs, so the client is gone, if it fails
}

// caller finds who asks.
func (a API) caller(r *http.Request) (ledger.Caller, error) {
	t, err := a.Ledger.Authenticate(r.Context(), secretOf(r))
	return ledger.Caller{Token: t, Dialect: "jfrog", Address: r.RemoteAddr}, err
}

// secretOf is the token of a request: a bearer's, the password of any user, or an API key.
func secretOf(r *http.Request) string {
	if _, password, basic := r.BasicAuth(); basic {
		return password
	}
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-JFrog-Art-Api")
}

// statuses are those of faults by their codes, where they are not those of their kinds.
var statuses = map[string]int{
	"bad-token":      http.StatusUnauthorized,
	"bundle-exists":  http.StatusConflict,
	"body-too-large": http.StatusRequestEntityTooLarge,
	"other-checksum": http.StatusConflict,
	"is-a-file":      http.StatusConflict,
	"is-a-folder":    http.StatusConflict,
	"file-exists":    http.StatusConflict,
}

// statusOf is what a fault is answered with: 4xx for what a client can do something about. JFrog's clients send everything that is
// answered 5xx three more times.
func statusOf(err error) int {
	if status, is := statuses[fault.CodeOf(err)]; is {
		return status
	}
	switch fault.KindOf(err) {
	case fault.Usage, fault.Invalid:
		return http.StatusBadRequest
	case fault.Auth:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Cancelled, fault.Decision, fault.Stopped:
		return http.StatusConflict
	default: // nobody's fault
		return http.StatusInternalServerError
	}
}

// problems is the shape of JFrog's errors.
type problems struct {
	Errors []problem `json:"errors"`
}

type problem struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// refuse answers with an error.
func (a API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, message := statusOf(err), strings.Join(append([]string{err.Error()}, fault.HintLines(err)...), "; ")
	if status == http.StatusInternalServerError {
		a.Fail(r.Context(), err)
		message = "Internal server error"
	}
	if status == http.StatusUnauthorized { // Maven shows its password only to those who ask for one
		w.Header().Set("WWW-Authenticate", `Basic realm="gio-server"`)
	}
	reply(w, status, problems{[]problem{{status, message}}})
}

var errBody = fault.New(fault.Invalid, "invalid-body", "the body is no JSON object with fields of the right types")

// decode reads the body. Fields that are not known are left out, as JFrog does.
func decode[T any](r *http.Request) (T, error) {
	var none T
	data, err := read(r)
	if err != nil {
		return none, err
	}
	var body *T // nil for null
	if json.Unmarshal(data, &body) != nil || body == nil {
		return none, errBody
	}
	return *body, nil
}

// read reads the body.
func read(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(r.Body)
	if tooLarge, is := errors.AsType[*http.MaxBytesError](err); is {
		return nil, fault.New(fault.Invalid, "body-too-large", "the body is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "unread-body", "the body broke off").Because(err)
	}
	return data, nil
}

// slowest is how long a client may send nothing of a body, or take nothing of an answer.
const slowest = time.Minute

// patient lets a request last as long as it takes: the server's limit for whole requests would end large files and promotions that
// are waited for. What does not move for a minute ends all the same.
func patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		flow := http.NewResponseController(w)
		if r.Body == http.NoBody {
			_ = flow.SetReadDeadline(time.Time{}) // a writer without deadlines is a test's; so below
		} else {
			r.Body = &slowBody{r.Body, flow}
		}
		next.ServeHTTP(slowAnswer{w, flow}, r)
		_ = flow.SetWriteDeadline(time.Time{}) // of the next request
	})
}

// slowAnswer is an answer whose parts each have a minute.
type slowAnswer struct {
	http.ResponseWriter
	flow *http.ResponseController
}

// Unwrap lets http.ResponseController reach the writer.
func (a slowAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a slowAnswer) Write(p []byte) (int, error) {
	_ = a.flow.SetWriteDeadline(time.Now().Add(slowest))
	return a.ResponseWriter.Write(p)
}

// slowBody is a body whose parts each have a minute.
type slowBody struct {
	io.ReadCloser
	flow *http.ResponseController
}

func (b *slowBody) Read(p []byte) (int, error) {
	_ = b.flow.SetReadDeadline(time.Now().Add(slowest))
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) { // nothing more is read until it is answered
		_ = b.flow.SetReadDeadline(time.Time{})
	}
	return n, err
}
