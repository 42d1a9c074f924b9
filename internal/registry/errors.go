package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	ociwire "github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// errNoAnswer is the cause of callLimit. It is not a context error, because that would mean that the caller gave up.
var errNoAnswer = errors.New("no complete answer within two minutes")

// explain makes a fault of what went wrong with what; it returns the cause when the caller has ended the call. More secrets are those of
// another registry that has part in it.
func (r Repository) explain(ctx context.Context, what string, err error, more ...string) error {
	secrets := slices.Concat(r.client.secrets, more)
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", what, cause)
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f
	}
	if explained := transport.Explained(what, err, secrets...); explained != nil {
		return explained
	}
	if answer, ok := errors.AsType[*ociwire.Error](err); ok {
		return r.statusFault(what, answer, secrets)
	}
	// What follows a first line is quoted from an answer, perhaps one of those that hold tokens.
	text, _, _ := strings.Cut(transport.Quiet(err, secrets...).Error(), "\n")
	return fault.New(fault.Remote, "registry-unreachable", "%s: no proper answer from %s", what, r.registryHost()).
		Because(errors.New(text)).Hint("check the network, and the address of the registry")
}

func (r Repository) statusFault(what string, answer *ociwire.Error, secrets []string) error {
	var said []string
	for _, d := range answer.Errors {
		said = append(said, strings.TrimSpace(string(d.Code)+" "+d.Message))
	}
	text := fmt.Sprintf("%s: %s answered %d", what, answerer(answer, r.registryHost()), answer.StatusCode)
	if words := transport.Words(strings.Join(said, "; "), secrets...); words != "" {
		text += " (" + words + ")"
	}
	switch status := answer.StatusCode; {
	case status == http.StatusProxyAuthRequired:
		return transport.ProxyRefusal(&http.Response{StatusCode: status, Request: answer.Request})
	case status == http.StatusUnauthorized:
		return fault.New(fault.Auth, "registry-unauthorized", "%s: the user or the token is wrong, or it may not do this", text)
	case status == http.StatusForbidden:
		return fault.New(fault.Auth, "registry-forbidden", "%s: check what the user of the token may do there", text)
	case isMissing(answer):
		return fault.New(fault.NotFound, "no-image", "%s", text)
	case status == http.StatusTooManyRequests:
		return fault.New(fault.Remote, "registry-limit", "%s: the registry limits the rate of requests, try again later", text)
	}
	return fault.New(fault.Remote, "registry-error", "%s", text)
}

// answerer names who answered: the registry, or the service that makes its tokens.
func answerer(answer *ociwire.Error, registry string) string {
	if answer.Request != nil && answer.Request.URL != nil && answer.Request.URL.Host != "" {
		return answer.Request.URL.Host
	}
	return registry
}

// isMissing tells that a registry does not have what was asked for. A 404 of anything but a manifest or a blob says that there is no
// registry.
func isMissing(answer *ociwire.Error) bool {
	if answer.StatusCode != http.StatusNotFound || answer.Request == nil || answer.Request.URL == nil {
		return false
	}
	p := answer.Request.URL.Path
	return strings.Contains(p, "/manifests/") || strings.Contains(p, "/blobs/")
}

// statusOf returns the status of an answer that is an error, else 0.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*ociwire.Error](err); ok {
		return answer.StatusCode
	}
	return 0
}
