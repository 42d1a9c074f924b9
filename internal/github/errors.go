package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v57/github"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// errNoAnswer is the cause of the time limit of a POST.
var errNoAnswer = errors.New("no complete answer within 30 seconds")

// callFault returns the fault of a call that failed.
func (c *Client) callFault(ctx context.Context, k call, res *gogithub.Response, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errNoAnswer) {
		return fmt.Errorf("%s: %w", k, cause)
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f // gio's own, complete
	}
	if limit, ok := errors.AsType[*gogithub.RateLimitError](err); ok {
		return c.limited(k, limit.Rate.Reset.Time)
	}
	if limit, ok := errors.AsType[*gogithub.AbuseRateLimitError](err); ok {
		return c.limited(k, secondary(limit))
	}
	if explained := transport.Explained(k.String(), err, c.token); explained != nil {
		return explained
	}
	if res == nil || res.Response == nil {
		return fault.New(fault.Remote, "github-unreachable", "%s: no complete answer from GitHub", k).
			Because(transport.Quiet(err, c.token)).Hint("check the network, and GITHUB_API_URL")
	}
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return fault.New(fault.Remote, "github-answer", "%s: cannot understand the answer %d", k, res.StatusCode).
			Because(transport.Quiet(err, c.token)).Hint("a proxy may have answered in GitHub's place: check GITHUB_API_URL, which looks like https://ghe.example.org/api/v3")
	}
	return c.statusFault(k, res.Response, err)
}

// statusFault returns the fault for an answer that is not a 2xx.
func (c *Client) statusFault(k call, res *http.Response, err error) error {
	if refusal := transport.ProxyRefusal(res); refusal != nil {
		return refusal
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && res.StatusCode >= 400 {
		return fault.New(fault.Remote, "github-page", "%s: a web page came back, with status %d, instead of GitHub's answer", k, res.StatusCode).
			Hint("a firewall or a proxy may have answered in GitHub's place: ask who runs it, and check GITHUB_API_URL, which looks like https://ghe.example.org/api/v3")
	}
	text := fmt.Sprintf("%s: GitHub answered %d", k, res.StatusCode)
	if message := c.message(err); message != "" {
		text += " (" + message + ")"
	}
	switch status := res.StatusCode; {
	case status >= 300 && status <= 399:
		return redirected(redirectHost(res))
	case status == http.StatusTooManyRequests:
		return c.limited(k, time.Now().Add(max(transport.RetryAfter(res.Header), time.Minute)))
	case status == http.StatusUnauthorized && c.token == "":
		return fault.New(fault.Auth, "github-unauthorized", "%s: this needs a token", text).Hint("set GITHUB_TOKEN")
	case status == http.StatusUnauthorized:
		return fault.New(fault.Auth, "github-unauthorized", "%s: the token is wrong, expired or revoked", text).
			Hint("set GITHUB_TOKEN to a token of %s", c.url)
	case status == http.StatusForbidden:
		return c.forbidden(k, text, res)
	case status == http.StatusNotFound && strings.HasPrefix(c.message(err), "No commit found"):
		return fault.New(fault.NotFound, "no-commit", "%s: there is no such branch, tag or commit", k.subject)
	case status == http.StatusNotFound && c.message(err) == "Branch not protected":
		return fault.New(fault.NotFound, "not-protected", "%s: there is none", k.subject)
	case status == http.StatusConflict && k.method == http.MethodGet && k.missing == "no-repository": // it was found
		return fault.New(fault.NotFound, "github-empty", "%s is empty: it has no commit", k.subject)
	case status == http.StatusNotFound, status == http.StatusConflict && k.method == http.MethodGet: // 409: an empty repository
		return c.notFound(k)
	}
	if alreadyExists(err) {
		return fault.New(fault.Invalid, "release-exists", "%s exists already", k.subject)
	}
	if res.StatusCode == http.StatusUnprocessableEntity { // another try has the same answer
		return fault.New(fault.Invalid, "github-refused", "%s", text)
	}
	return fault.New(fault.Remote, "github-error", "%s", text)
}

// alreadyExists reports whether err is the 422 of something that already exists (docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api).
func alreadyExists(err error) bool {
	answer, ok := errors.AsType[*gogithub.ErrorResponse](err)
	return ok && slices.ContainsFunc(answer.Errors, func(e gogithub.Error) bool { return e.Code == "already_exists" })
}

func (c *Client) forbidden(k call, text string, res *http.Response) error {
	f := fault.New(fault.Auth, "github-forbidden", "%s: the token may not do this with %s", text, k.subject)
	if needs := res.Header.Get("X-Accepted-GitHub-Permissions"); needs != "" {
		f = f.Hint("the token needs: %s", transport.Words(needs, c.token))
	}
	if strings.HasPrefix(res.Header.Get("X-GitHub-SSO"), "required") {
		f = f.Hint("the organization requires single sign-on: authorize the token for it in the settings of your GitHub account")
	}
	return f
}

// notFound returns the fault of a 404, which GitHub also answers when the token may not see a repository.
func (c *Client) notFound(k call) *fault.Fault {
	if c.token == "" {
		return fault.New(fault.NotFound, k.missing, "%s: not found, or private: without a token gio sees public repositories only", k.subject).
			Hint("set GITHUB_TOKEN to a token that may read it (contents:read)")
	}
	return fault.New(fault.NotFound, k.missing, "%s: not found, or the token cannot see it: it needs contents:read", k.subject).
		Hint("check the spelling, and that the token's user has access")
}

// doesNotExist returns the fault of a missing resource of a repository that the token can see.
func doesNotExist(k call) error {
	return fault.New(fault.NotFound, k.missing, "%s does not exist", k.subject)
}

// limited returns the fault of a rate limit that is too long to wait for.
func (c *Client) limited(k call, until time.Time) error {
	f := fault.New(fault.Remote, "github-limit", "%s: GitHub's rate limit is used up until %s", k, until.Local().Format("15:04:05 MST"))
	if c.token == "" {
		return f.Hint("set GITHUB_TOKEN: with a token there are 5000 requests an hour, without one 60")
	}
	return f.Hint("wait until then, or use the token of another user or of a GitHub App")
}

// secondary returns when a secondary limit ends: in a minute where GitHub does not say.
func secondary(limit *gogithub.AbuseRateLimitError) time.Time {
	if limit.RetryAfter == nil {
		return time.Now().Add(time.Minute)
	}
	return time.Now().Add(*limit.RetryAfter)
}

func redirected(host string) error {
	return fault.New(fault.Remote, "github-redirect", "GitHub redirects to %s, which is not followed: the token is sent to no other host", host).
		Hint("check GITHUB_API_URL, and the proxy if there is one")
}

// redirectHost returns the target of a redirect: only the host, because the rest may contain secrets.
func redirectHost(res *http.Response) string {
	location, err := res.Location()
	if err != nil || location.Host == "" {
		return "an address that cannot be read"
	}
	return location.Host
}

// message returns GitHub's message about an error, and those of its details.
func (c *Client) message(err error) string {
	answer, ok := errors.AsType[*gogithub.ErrorResponse](err)
	if !ok {
		return ""
	}
	words := []string{answer.Message}
	for _, detail := range answer.Errors {
		words = append(words, strings.TrimSpace(strings.Join([]string{detail.Message, detail.Field, detail.Code}, " ")))
	}
	return transport.Words(strings.Join(words, "; "), c.token)
}
