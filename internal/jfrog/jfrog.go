// Package jfrog speaks those parts of JFrog's REST APIs that its command line jf needs for files, release bundles and their promotion
// (docs.jfrog.com, Artifactory and Release Lifecycle). Words, status codes and the shape of errors are JFrog's; the rules are the
// ledger's.
package jfrog

import (
	"context"
	"net/http"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// version is the one of Artifactory whose clients are answered: jf asks for 7.63.2 and, of some commands, for 7.136.0.
const version = "7.146.0"

// API answers JFrog's clients.
type API struct {
	Ledger *ledger.Ledger
	// Fail gets what the client is not told: errors that are nobody's fault.
	Fail func(ctx context.Context, err error)
	// BaseURL is how the server's address begins for its clients. DefaultProject is the project of requests and tokens that name none,
	// "" for none.
	BaseURL, DefaultProject string
	// Ending is closed when the server is told to end: who waits for the end of a promotion waits no more. Nil: it never is.
	Ending <-chan struct{}
}

// Register adds the routes to a mux. What begins with their roots, and is no route, is answered with an error in JFrog's shape.
func (a API) Register(mux *http.ServeMux) {
	mux.Handle("GET /artifactory/api/system/version", a.answering(a.version))
	mux.Handle("GET /artifactory/api/system/ping", patient(http.HandlerFunc(a.ping)))
	mux.Handle("POST /artifactory/api/system/usage", a.answering(a.usage))
	mux.Handle("GET /artifactory/api/security/encryptedPassword", patient(http.HandlerFunc(a.password)))
	mux.Handle("POST /artifactory/api/security/token", a.answering(a.token))
	mux.Handle("POST /artifactory/api/search/aql", patient(http.HandlerFunc(a.search)))
	a.files(mux)
	a.storage(mux)
	a.bundles(mux)
	a.promotions(mux)
	a.builds(mux)
	for _, root := range []string{"/artifactory", "/artifactory/", "/lifecycle", "/lifecycle/"} {
		mux.Handle(root, a.answering(func(*http.Request, ledger.Caller) (int, any, error) { return 0, nil, errNoRoute }))
	}
}

var errNoRoute = fault.New(fault.NotFound, "no-route", "there is no such address")

func (a API) version(*http.Request, ledger.Caller) (int, any, error) {
	return http.StatusOK, struct {
		Version string   `json:"version"`
		Addons  []string `json:"addons"`
	}{version, []string{}}, nil
}

// ping answers whoever asks whether the server is there, and tells those who show a token whether it is good.
func (a API) ping(w http.ResponseWriter, r *http.Request) {
	if secretOf(r) != "" {
		if _, err := a.caller(r); err != nil {
			a.refuse(w, r, err)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte("OK")) // the client is gone, if it fails
}

// usage takes what jf tells of itself after its commands, and keeps nothing of it.
func (a API) usage(*http.Request, ledger.Caller) (int, any, error) { return http.StatusOK, nil, nil }

// password answers with the password as jf is to keep it in its configuration, from where it uses it from then on: the one that it
// sent, for tokens are kept here as hashes, and nothing can be made of them that would be accepted.
func (a API) password(w http.ResponseWriter, r *http.Request) {
	if _, err := a.caller(r); err != nil {
		a.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(secretOf(r)))
}

// token answers jf, which exchanges a password that it was configured with for a token before it does anything else, with the password:
// it is one.
func (a API) token(r *http.Request, _ ledger.Caller) (int, any, error) {
	if r.PostFormValue("grant_type") == "refresh_token" {
		return 0, nil, fault.New(fault.Invalid, "no-refresh", "tokens are not refreshed here").Hint("gio token create makes one")
	}
	return http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}{secretOf(r), "Bearer"}, nil
}

// iso is a time as JFrog writes it.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
