package circleci

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const jobTimeout = 15 * time.Second // short, since the caller has another way to find out

// overStatuses are the statuses of a job that has begun and ended (contracts/circleci.md 1.8).
var overStatuses = []string{"success", "failed", "canceled", "timedout", "infrastructure_fail", "terminated-unknown"}

// JobEnded reports whether the job behind a link, in the form of CIRCLE_BUILD_URL, has certainly ended. It is false for a
// link to another host, a link that is no job's, and a job that cannot be read within 15 seconds.
func (c *Client) JobEnded(ctx context.Context, link string) bool {
	slug, number, ok := c.parseJobLink(link)
	if !ok {
		return false
	}
	n := strconv.FormatInt(number, 10)
	path, err := projectPath(slug, "job", n)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	var w wireJobDetails
	if _, err := c.get(ctx, call{method: http.MethodGet, path: path, subject: "job " + n + " of " + slug}, &w); err != nil {
		return false
	}
	return int64(w.Number) == number && !w.StoppedAt.IsZero() && slices.Contains(overStatuses, string(w.Status))
}

// parseJobLink returns the project and the number in a job's link. CIRCLE_BUILD_URL is https://circleci.com/gh/org/repo/12 (as
// public build logs show it); CircleCI's pages are app.circleci.com/jobs/gh/org/repo/12 and
// app.circleci.com/pipelines/gh/org/repo/3/workflows/<id>/jobs/12 (contracts/circleci.md 5, and the tests of CircleCI's MCP
// server).
func (c *Client) parseJobLink(link string) (slug string, number int64, ok bool) {
	at, err := url.Parse(link)
	if err != nil {
		return "", 0, false
	}
	ours, err := url.Parse(c.host)
	if err != nil || at.Scheme != ours.Scheme || at.Host != ours.Host && at.Host != "app."+ours.Host {
		return "", 0, false
	}
	parts := strings.Split(strings.Trim(at.Path, "/"), "/")
	switch {
	case len(parts) == 9 && parts[0] == "pipelines" && parts[5] == "workflows" && parts[7] == "jobs":
		parts = append(parts[1:4], parts[8])
	case len(parts) == 5 && parts[0] == "jobs":
		parts = parts[1:]
	}
	if len(parts) != 4 || !slices.Contains([]string{"gh", "github", "bb", "bitbucket", "circleci"}, parts[0]) {
		return "", 0, false
	}
	number, err = strconv.ParseInt(parts[3], 10, 64)
	return strings.Join(parts[:3], "/"), number, err == nil && number > 0
}
