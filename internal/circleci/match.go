package circleci

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Query describes the pipeline that an uncertain trigger may have made (contracts/circleci.md 6). The caller
// allows for the difference between its clock and CircleCI's.
type Query struct {
	After  int64     // the project's newest number before the trigger
	Login  string    // of the token's user
	Branch string    // that was asked for
	From   time.Time // not triggered before
	Until  time.Time // not triggered after; zero for no limit
}

// Matches tells whether a pipeline can be the one that q describes: a later number, triggered by API, by
// that user (GitHub's logins ignore case), on that branch, received (else created) in that time. What
// p or q does not say does not match. Parameters cannot be compared: CircleCI does not give them back.
func Matches(p Pipeline, q Query) bool {
	at := p.ReceivedAt
	if at.IsZero() {
		at = p.CreatedAt
	}
	return p.ID != "" && p.Number > q.After && p.Trigger == "api" &&
		q.Login != "" && strings.EqualFold(p.Actor, q.Login) &&
		q.Branch != "" && p.Branch == q.Branch &&
		!at.IsZero() && !at.Before(q.From) && (q.Until.IsZero() || !at.After(q.Until))
}

// PipelineURL is the web page of a pipeline: https://app.circleci.com/pipelines/gh/org/repo/42. The page of a
// Server installation is on its host with "app." before it, too (contracts/circleci.md 5).
func PipelineURL(host, slug string, number int64) string {
	return webHost(host) + "/pipelines/" + escapeSlug(slug) + "/" + strconv.FormatInt(number, 10)
}

// WorkflowURL is the web page of a workflow of that pipeline.
func WorkflowURL(host, slug string, number int64, workflowID string) string {
	return PipelineURL(host, slug, number) + "/workflows/" + url.PathEscape(workflowID)
}

// webHost puts "app." before the host of an API address. An IP address and a local name have no such page;
// they stay, so that a link shows at least where it belongs.
func webHost(host string) string {
	u, err := url.Parse(cleanHost(host))
	if err != nil {
		return defaultHost
	}
	name := u.Hostname()
	if !strings.HasPrefix(name, "app.") && net.ParseIP(name) == nil && strings.Contains(name, ".") {
		u.Host = "app." + u.Host
	}
	return u.Scheme + "://" + u.Host
}

func escapeSlug(slug string) string {
	parts := strings.Split(slug, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}
