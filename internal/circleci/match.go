package circleci

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Query describes the pipeline that a trigger may have made whose answer was lost (contracts/circleci.md 6).
type Query struct {
	After  int64    // the project's newest number before the trigger
	Logins []string // of the users whose tokens sent it
	Branch string   // the requested one
}

// Match says whether a pipeline is the one that a trigger made.
type Match string

// The answers of MatchOf.
const (
	Ours       Match = "ours"        // all that a Query asks is said, and agrees
	NotOurs    Match = "not ours"    // something that the pipeline says contradicts the Query
	CannotTell Match = "cannot tell" // nothing contradicts, and something is not said
)

// MatchOf compares what a pipeline says with q: its number, how it was triggered, by whom (GitHub's logins ignore case), and
// its branch. What CircleCI does not say (there are pipelines without vcs, of trigger type "unknown", without a login) neither
// agrees nor contradicts. Times are not compared, because several servers have several clocks; neither are parameters, which
// CircleCI does not return.
func MatchOf(p Pipeline, q Query) Match {
	facts := []Match{
		agrees(p.ID != "", true),
		agrees(p.Number != 0, p.Number > q.After),
		agrees(p.Trigger == "api" || slices.Contains(notByAPI, p.Trigger), p.Trigger == "api"),
		agrees(p.Actor != "" && len(q.Logins) > 0, slices.ContainsFunc(q.Logins, func(login string) bool { return strings.EqualFold(login, p.Actor) })),
		agrees(p.Branch != "" && q.Branch != "", p.Branch == q.Branch),
	}
	for _, decisive := range []Match{NotOurs, CannotTell} {
		if slices.Contains(facts, decisive) {
			return decisive
		}
	}
	return Ours
}

// notByAPI are the trigger types that prove that no API call made a pipeline (contracts/circleci.md 1.5). Any other proves
// nothing.
var notByAPI = []string{"webhook", "explicit", "scheduled_pipeline"}

func agrees(said, equal bool) Match {
	switch {
	case !said:
		return CannotTell
	case equal:
		return Ours
	}
	return NotOurs
}

// PipelineURL returns the web page of a pipeline: https://app.circleci.com/pipelines/gh/org/repo/42. A Server
// installation also has its pages on its host with "app." before it (contracts/circleci.md 5).
func PipelineURL(host, slug string, number int64) string {
	return PipelinesURL(host, slug) + "/" + strconv.FormatInt(number, 10)
}

// PipelinesURL returns the web page that lists the pipelines of a project.
func PipelinesURL(host, slug string) string { return webHost(host) + "/pipelines/" + escapeSlug(slug) }

// WorkflowURL returns the web page of a workflow of that pipeline.
func WorkflowURL(host, slug string, number int64, workflowID string) string {
	return PipelineURL(host, slug, number) + "/workflows/" + url.PathEscape(workflowID)
}

// JobURL returns the web page of a job of that workflow; that of the workflow for a job without a number.
func JobURL(host, slug string, number int64, workflowID string, job int64) string {
	page := WorkflowURL(host, slug, number, workflowID)
	if job > 0 {
		page += "/jobs/" + strconv.FormatInt(job, 10)
	}
	return page
}

// webHost puts "app." before the host of an API address. It does not change an IP address or a local name, which have
// no such page, so that a link at least shows the right host.
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
