package sim

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// gitHubRoot is where the paths of the simulated GitHub begin.
const gitHubRoot = "/api/v3/"

// hub is the simulated GitHub; without one its paths do not exist.
type hub struct {
	GitHub
	repositories map[string]*repository // by org/name
	byID         map[string]*repository
	faults       []*armed
	unsettled    []*pipeline // that release when they succeed, and have not yet
	began        time.Time
	used         int       // requests in the window
	window       time.Time // when it began
}

func (s *Sim) newHub(g GitHub, now time.Time) *hub {
	h := &hub{GitHub: g, repositories: map[string]*repository{}, byID: map[string]*repository{}, faults: arm(withBodies(g.Faults)), began: now}
	if h.Login == "" {
		h.Login = s.scenario.Login
	}
	if h.Limit != nil && h.Limit.Window == 0 {
		h.Limit = &GitHubLimit{Requests: h.Limit.Requests, Window: time.Hour}
	}
	for i, name := range slices.Sorted(maps.Keys(g.Repositories)) {
		project, _ := s.settingsOf("gh/" + name)
		r := s.newRepository(name, i+1, g.Repositories[name], project, now)
		h.repositories[name], h.byID[strconv.Itoa(r.id)] = r, r
	}
	return h
}

// withBodies adds a body in GitHub's form to faults that have only a status.
func withBodies(faults []Fault) []Fault {
	faults = slices.Clone(faults)
	for i := range faults {
		if f := &faults[i]; f.Kind == Answer && f.Body == "" {
			f.Body = string(hubFail(f.Status, http.StatusText(f.Status)).body)
		}
	}
	return faults
}

// repository returns the repository org/name, nil when there is none.
func (h *hub) repository(repository string) *repository {
	if h == nil {
		return nil
	}
	return h.repositories[repository]
}

// hubRoute is one endpoint below a repository, or below the root. "*" is one segment, "**" all that follow.
type hubRoute struct {
	endpoint string
	method   string
	path     string
	serve    func(*Sim, *hubCall) answer
}

var hubRoutes = []hubRoute{
	{endpoint: "repository", method: "GET", path: "", serve: (*Sim).hubRepository},
	{endpoint: "branch", method: "GET", path: "branches/*", serve: (*Sim).hubBranch},
	{endpoint: "protection", method: "GET", path: "branches/*/protection", serve: (*Sim).hubProtection},
	{endpoint: "branch-rules", method: "GET", path: "rules/branches/*", serve: (*Sim).hubBranchRules},
	{endpoint: "rulesets", method: "GET", path: "rulesets", serve: (*Sim).hubRulesetList},
	{endpoint: "ruleset", method: "GET", path: "rulesets/*", serve: (*Sim).hubRuleset},
	{endpoint: "contents", method: "GET", path: "contents/**", serve: (*Sim).hubContents},
	{endpoint: "ref", method: "GET", path: "git/ref/**", serve: (*Sim).hubRef},
	{endpoint: "matching-refs", method: "GET", path: "git/matching-refs/**", serve: (*Sim).hubMatchingRefs},
	{endpoint: "tag-object", method: "GET", path: "git/tags/*", serve: (*Sim).hubTagObject},
	{endpoint: "tag-protection", method: "GET", path: "tags/protection", serve: (*Sim).hubTagProtection},
	{endpoint: "tags", method: "GET", path: "tags", serve: (*Sim).hubTags},
	{endpoint: "compare", method: "GET", path: "compare/*", serve: (*Sim).hubCompare},
	{endpoint: "commit", method: "GET", path: "commits/*", serve: (*Sim).hubCommit},
	{endpoint: "branches-at", method: "GET", path: "commits/*/branches-where-head", serve: (*Sim).hubBranchesAt},
	{endpoint: "release", method: "GET", path: "releases/tags/*", serve: (*Sim).hubRelease},
	{endpoint: "create-release", method: "POST", path: "releases", serve: (*Sim).hubCreateRelease},
	{endpoint: "set-status", method: "POST", path: "statuses/*", serve: (*Sim).hubSetStatus},
}

// GitHubEndpoints returns the names that Match.Endpoint accepts in the faults of GitHub.
func GitHubEndpoints() []string {
	list := []string{"user", "org-repositories"}
	for _, r := range hubRoutes {
		list = append(list, r.endpoint)
	}
	return list
}

// hubCall is one request to GitHub, understood.
type hubCall struct {
	call
	repository *repository
	rest       string                      // of the path, after the repository
	serve      func(*Sim, *hubCall) answer // nil when there is no such path
}

func (s *Sim) readHub(r *http.Request, body []byte, now time.Time) *hubCall {
	c := &hubCall{call: call{
		method: r.Method, path: r.URL.Path, body: body, query: r.URL.Query(), base: "http://" + r.Host, now: now,
		token: hubToken(r),
	}}
	if r.TLS != nil {
		c.base = "https://" + r.Host
	}
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), gitHubRoot), "/")
	for i := range segments {
		segments[i], _ = url.PathUnescape(segments[i]) // net/http has rejected what cannot be decoded
	}
	switch {
	case s.hub == nil:
	case len(segments) == 1 && segments[0] == "user" && c.method == http.MethodGet:
		c.endpoint, c.serve = "user", (*Sim).hubUser
	case len(segments) == 3 && segments[0] == "orgs" && segments[2] == "repos" && c.method == http.MethodGet:
		c.endpoint, c.serve, c.args = "org-repositories", (*Sim).hubOrgRepositories, segments[1:2]
	case len(segments) > 2 && segments[0] == "repos":
		c.route(s.hub.repositories[segments[1]+"/"+segments[2]], segments[3:])
	case len(segments) > 1 && segments[0] == "repositories":
		c.route(s.hub.byID[segments[1]], segments[2:])
	}
	return c
}

// route sets the endpoint below a repository; r is nil when the repository does not exist.
func (c *hubCall) route(r *repository, rest []string) {
	if r != nil {
		c.repository, c.project = r, r.name
	}
	c.rest = strings.Join(rest, "/")
	for _, route := range hubRoutes {
		if args, ok := matchHub(route.path, rest); ok && route.method == c.method {
			c.endpoint, c.serve, c.args = route.endpoint, route.serve, args
			return
		}
	}
}

func matchHub(pattern string, segments []string) ([]string, bool) {
	if pattern == "" {
		return nil, len(segments) == 0
	}
	if prefix, ok := strings.CutSuffix(pattern, "/**"); ok {
		rest, found := strings.CutPrefix(strings.Join(segments, "/"), prefix+"/")
		return []string{rest}, found && rest != ""
	}
	return match(strings.Split(pattern, "/"), segments)
}

func hubToken(r *http.Request) string {
	kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") || strings.EqualFold(kind, "token") {
		return strings.TrimSpace(value)
	}
	return ""
}

// decideHub applies, in the order of a real service: the rate limit, the network's faults, the service itself.
func (s *Sim) decideHub(c *hubCall) (answer, ending) {
	if s.hub == nil {
		return fail(http.StatusNotFound, "Not found"), sent
	}
	if !s.hub.takeRequest(c.now) {
		return s.hub.answerLimits(hubLimited()), sent
	}
	s.settle(c.now)
	act := func() answer { return s.answerHub(c) }
	f := nextFault(s.hub.faults, &c.call)
	if f == nil {
		return s.hub.answerLimits(act()), sent
	}
	a, end := f.apply(c.now, act)
	return s.hub.answerLimits(a), end
}

func (s *Sim) answerHub(c *hubCall) answer {
	switch {
	case c.token != "" && len(s.hub.Tokens) > 0 && !slices.Contains(s.hub.Tokens, c.token):
		return hubFail(http.StatusUnauthorized, "Bad credentials")
	case c.endpoint == "user" && c.token == "":
		return hubFail(http.StatusUnauthorized, "Requires authentication")
	case c.serve == nil, !c.withoutRepository() && !c.sees():
		return hubNotFound()
	case c.repository != nil && c.repository.RenamedTo != "":
		return s.redirect(c)
	case c.method == http.MethodPost:
		if refusal := c.writeRefusal(); refusal != nil {
			return *refusal
		}
	}
	a := c.serve(s, c)
	if s.hub.Scopes != nil && c.token != "" {
		a = a.with("X-OAuth-Scopes", *s.hub.Scopes)
	}
	return a
}

// withoutRepository reports whether the endpoint is about no single repository.
func (c *hubCall) withoutRepository() bool {
	return c.endpoint == "user" || c.endpoint == "org-repositories"
}

// sees reports whether the caller may see the repository.
func (c *hubCall) sees() bool {
	r := c.repository
	return r != nil && (!r.Private || c.token != "") && !slices.Contains(r.HiddenFrom, c.token)
}

// redirect leads to the new name, which GitHub expresses as an id (docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
func (s *Sim) redirect(c *hubCall) answer {
	return c.moved(s.hub.repositories[c.repository.RenamedTo], strings.ReplaceAll(url.PathEscape(c.rest), "%2F", "/"))
}

// moved leads to a resource of a repository, "" for the repository itself.
func (c *hubCall) moved(to *repository, rest string) answer {
	target := fmt.Sprintf("%s%srepositories/%d", c.base, gitHubRoot, to.id)
	if rest != "" {
		target += "/" + rest
	}
	if len(c.query) > 0 {
		target += "?" + c.query.Encode()
	}
	status := http.StatusMovedPermanently
	if c.method == http.MethodPost {
		status = http.StatusTemporaryRedirect
	}
	return reply(status, map[string]string{"message": "Moved Permanently", "url": target, "documentation_url": hubDocs}).with("Location", target)
}

// writeRefusal returns the refusal of a write, nil when it is allowed.
func (c *hubCall) writeRefusal() *answer {
	var a answer
	needs := map[string]string{"set-status": "statuses=write", "create-release": "contents=write"}[c.endpoint]
	switch r := c.repository; {
	case c.token == "":
		a = hubFail(http.StatusUnauthorized, "Requires authentication")
	case r.Archived:
		a = hubFail(http.StatusForbidden, "Repository was archived so is read-only.")
	case r.CanPush != nil && !*r.CanPush:
		a = hubFail(http.StatusForbidden, "Resource not accessible by personal access token").with("X-Accepted-GitHub-Permissions", needs)
	default:
		return nil
	}
	return &a
}

const hubDocs = "https://docs.github.com/rest"

// hubMessage is the body of GitHub's errors.
type hubMessage struct {
	Message       string     `json:"message"`
	Errors        []hubError `json:"errors,omitempty"`
	Documentation string     `json:"documentation_url"`
	Status        string     `json:"status"`
}

type hubError struct {
	Resource string `json:"resource"`
	Code     string `json:"code"`
	Field    string `json:"field"`
}

func hubFail(status int, text string, errors ...hubError) answer {
	return reply(status, hubMessage{Message: text, Errors: errors, Documentation: hubDocs, Status: strconv.Itoa(status)})
}

func hubNotFound() answer { return hubFail(http.StatusNotFound, "Not Found") }

// takeRequest counts a request in the window, and reports whether the limit allows it.
func (h *hub) takeRequest(now time.Time) bool {
	if h.Limit == nil {
		return true
	}
	if h.window.IsZero() || !now.Before(h.reset()) {
		h.window, h.used = now, 0
	}
	h.used++
	return h.used <= h.Limit.Requests
}

// reset returns when the window ends, in whole seconds as GitHub sends it.
func (h *hub) reset() time.Time { return h.window.Add(h.Limit.Window).Truncate(time.Second) }

// answerLimits adds the limit's headers to an answer, times in seconds since 1970
// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api).
func (h *hub) answerLimits(a answer) answer {
	if h.Limit == nil {
		return a
	}
	return a.with("X-RateLimit-Limit", strconv.Itoa(h.Limit.Requests)).
		with("X-RateLimit-Remaining", strconv.Itoa(max(0, h.Limit.Requests-h.used))).
		with("X-RateLimit-Used", strconv.Itoa(min(h.used, h.Limit.Requests))).
		with("X-RateLimit-Reset", strconv.FormatInt(h.reset().Unix(), 10)).
		with("X-RateLimit-Resource", "core")
}

func hubLimited() answer {
	return hubFail(http.StatusForbidden, "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include the request ID.")
}

// secondaryLimit is the body of a secondary limit.
const secondaryLimit = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",` +
	`"documentation_url":"` + hubDocs + `/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
