// Package simtest checks, in tests, a client and a simulator against the published contract.
package simtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Contract wraps h and fails the test when an exchange breaks testdata/contracts/circleci-openapi.yaml: an
// answer below 500 that the document does not describe, or a request it does not describe that was not
// answered with 4xx. It only passes on an exchange that ends without an answer (http.ErrAbortHandler). The document
// does not cover redirects, the older API and the links to step output: these pass.
func Contract(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	c := load(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(rec, r)
		if err := c.check(r, body, rec); err != nil {
			t.Errorf("%s %s answered with %d breaks the contract: %v", r.Method, r.URL.EscapedPath(), rec.status, err)
		}
	})
}

// Document returns the contract itself, for checks without an exchange; Formats has its formats.
func Document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(Root(t), "testdata", "contracts", "circleci-openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// Formats returns options that make a validation strict about ids and times.
func Formats() []openapi3.SchemaValidationOption {
	return []openapi3.SchemaValidationOption{
		openapi3.WithStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC4122)),
		openapi3.WithStringFormatValidator("date-time", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringDateTime)),
	}
}

// Root returns the directory of the module.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

type contract struct{ router routers.Router }

func load(t testing.TB) contract {
	t.Helper()
	doc := Document(t)
	doc.Servers = openapi3.Servers{{URL: "/api/v2"}} // whatever the host
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return contract{router}
}

func (c contract) check(r *http.Request, body []byte, rec *recorder) error {
	redirect := rec.status >= http.StatusMultipleChoices && rec.status < http.StatusBadRequest
	if rec.status >= http.StatusInternalServerError || redirect {
		return nil // no contract covers the answers of a gateway
	}
	if strings.HasPrefix(r.URL.Path, "/api/v1.1/") || strings.HasPrefix(r.URL.Path, "/output/") {
		return nil
	}
	refused := rec.status >= http.StatusBadRequest
	probe := r.Clone(r.Context())
	probe.URL = oneSegment(r.URL)
	probe.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := c.router.FindRoute(probe)
	if err != nil {
		if refused {
			return nil
		}
		return fmt.Errorf("no such path: %w", err)
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, SchemaValidationOptions: Formats(),
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, // tokens are the handler's affair: it says 401
	}
	input := &openapi3filter.RequestValidationInput{Request: probe, PathParams: params, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil && !refused {
		return fmt.Errorf("request: %w", err)
	}
	if len(body) > 0 && !refused && route.Operation.RequestBody == nil {
		return fmt.Errorf("request: a body of %d bytes where none is foreseen", len(body))
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: rec.status, Header: rec.Header(), Options: options}
	answer.SetBodyBytes(rec.body.Bytes())
	return openapi3filter.ValidateResponse(r.Context(), answer)
}

// oneSegment turns a project slug into one segment, as the document's {project-slug} needs it. The paths with
// {provider}/{organization}/{project} keep their three.
func oneSegment(u *url.URL) *url.URL {
	part := strings.Split(u.EscapedPath(), "/") // "", api, v2, project, gh, org, repo, ...
	if len(part) < 7 || part[3] != "project" && part[3] != "insights" || strings.Contains(part[4], "%2F") {
		return u
	}
	if rest := strings.Join(part[7:], "/"); rest == "settings" || rest == "pipeline/run" {
		return u
	}
	slug := strings.Join(part[4:7], "%2F")
	one := *u
	one.RawPath = strings.Join(slices.Concat(part[:4], []string{slug}, part[7:]), "/")
	return &one
}

// recorder keeps a copy of the answer.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
