package sim

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// route is one endpoint. In path, "*" is one segment; a project slug is one segment too, however it was sent.
type route struct {
	endpoint string
	method   string
	path     string
	segments bool // the slug must come as three segments; %2F gives 404 (contracts/circleci.md 1.4)
	open     bool // needs no token
	serve    func(*Sim, *call) answer
}

// routes are tried from top to bottom.
var routes = []route{
	{endpoint: "me", method: "GET", path: "me", serve: (*Sim).me},
	{endpoint: "project", method: "GET", path: "project/*", serve: (*Sim).readProject},
	{endpoint: "settings", method: "GET", path: "project/*/settings", segments: true, serve: (*Sim).readSettings},
	{endpoint: "project-pipelines", method: "GET", path: "project/*/pipeline", serve: (*Sim).projectPipelines},
	{endpoint: "trigger", method: "POST", path: "project/*/pipeline", serve: (*Sim).trigger},
	{endpoint: "run", method: "POST", path: "project/*/pipeline/run", segments: true, serve: (*Sim).triggerRun},
	{endpoint: "my-pipelines", method: "GET", path: "project/*/pipeline/mine", serve: (*Sim).myPipelines},
	{endpoint: "pipeline-by-number", method: "GET", path: "project/*/pipeline/*", serve: (*Sim).pipelineByNumber},
	{endpoint: "job", method: "GET", path: "project/*/job/*", serve: (*Sim).readJob},
	{endpoint: "org-pipelines", method: "GET", path: "pipeline", serve: (*Sim).orgPipelines},
	{endpoint: "pipeline", method: "GET", path: "pipeline/*", serve: (*Sim).readPipeline},
	{endpoint: "workflows", method: "GET", path: "pipeline/*/workflow", serve: (*Sim).listWorkflows},
	{endpoint: "config", method: "GET", path: "pipeline/*/config", serve: (*Sim).readConfig},
	{endpoint: "workflow", method: "GET", path: "workflow/*", serve: (*Sim).readWorkflow},
	{endpoint: "jobs", method: "GET", path: "workflow/*/job", serve: (*Sim).listJobs},
	{endpoint: "cancel", method: "POST", path: "workflow/*/cancel", serve: (*Sim).cancelWorkflow},
	{endpoint: "rerun", method: "POST", path: "workflow/*/rerun", serve: (*Sim).rerunWorkflow},
	{endpoint: "definitions", method: "GET", path: "projects/*/pipeline-definitions", serve: (*Sim).listDefinitions},
	{endpoint: "insights", method: "GET", path: "insights/*/workflows", serve: (*Sim).workflowMetrics},
	{endpoint: "insights-runs", method: "GET", path: "insights/*/workflows/*", serve: (*Sim).workflowRuns},
	{endpoint: "steps", method: "GET", path: "v1.1/project/*/*", segments: true, serve: (*Sim).readSteps},
	{endpoint: "step-output", method: "GET", path: "output/*/*", open: true, serve: (*Sim).readOutput},
	{endpoint: "approve", method: "POST", path: "workflow/*/approve/*", serve: (*Sim).approveJob},
}

// Endpoints are the names that Match.Endpoint knows.
func Endpoints() []string {
	var list []string
	for _, r := range routes {
		list = append(list, r.endpoint)
	}
	return list
}

// call is one request, understood.
type call struct {
	method   string
	path     string // decoded, after /api/v2; whole when it does not begin so
	route    *route // nil when there is no such path
	endpoint string // "" then
	args     []string
	project  string // slug of the project it is about, "" when there is none
	token    string
	json     bool // it says that its body is JSON
	body     []byte
	query    url.Values
	base     string // of the service, as the caller reached it
	now      time.Time
}

func (s *Sim) read(r *http.Request, body []byte, now time.Time) *call {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	c := &call{
		method: r.Method, path: strings.TrimPrefix(r.URL.Path, "/api/v2"), token: token(r),
		json: media == "application/json", body: body, query: r.URL.Query(), base: "http://" + r.Host, now: now,
	}
	if r.TLS != nil {
		c.base = "https://" + r.Host
	}
	c.resolve(r.URL.EscapedPath())
	c.project = s.about(c)
	return c
}

// resolve finds the route. A path that exists for another method only gets that route: answer says 405.
func (c *call) resolve(escaped string) {
	segments, encoded := joinSlug(strings.Split(routed(escaped), "/"))
	for i := range routes {
		r := &routes[i]
		args, ok := match(strings.Split(r.path, "/"), segments)
		if !ok || c.route != nil && r.method != c.method {
			continue
		}
		if encoded && r.segments {
			return
		}
		c.route, c.endpoint, c.args = r, r.endpoint, args
		if r.method == c.method {
			return
		}
	}
}

// routed is the path as routes write it, empty when no route can begin so.
func routed(escaped string) string {
	outside := func(path string) bool { return strings.HasPrefix(path, "v1.1/") || strings.HasPrefix(path, "output/") }
	if rest, ok := strings.CutPrefix(escaped, "/api/v2/"); ok && !outside(rest) {
		return rest
	}
	if rest, ok := strings.CutPrefix(escaped, "/api/"); ok && strings.HasPrefix(rest, "v1.1/") {
		return rest
	}
	if rest := strings.TrimPrefix(escaped, "/"); strings.HasPrefix(rest, "output/") {
		return rest
	}
	return ""
}

// joinSlug makes one decoded segment of a slug, and says whether it came with %2F.
func joinSlug(segments []string) ([]string, bool) {
	for i := range segments {
		segments[i], _ = url.PathUnescape(segments[i]) // net/http has refused what cannot be decoded
	}
	at := 1 // where the slug begins
	if segments[0] == "v1.1" {
		at = 2
	}
	if len(segments) <= at || segments[at-1] != "project" && segments[at-1] != "insights" {
		return segments, false
	}
	if strings.Contains(segments[at], "/") {
		return slices.Concat(segments[:at], []string{canonical(segments[at])}, segments[at+1:]), true
	}
	if len(segments) < at+3 {
		return nil, false
	}
	slug := canonical(strings.Join(segments[at:at+3], "/"))
	return slices.Concat(segments[:at], []string{slug}, segments[at+3:]), false
}

func match(pattern, segments []string) (args []string, ok bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	for i, p := range pattern {
		switch {
		case p == "*" && segments[i] != "":
			args = append(args, segments[i])
		case p != segments[i]:
			return nil, false
		}
	}
	return args, true
}

// about is the project that a call is about, as far as its path says it.
func (s *Sim) about(c *call) string {
	if c.route == nil || len(c.args) == 0 {
		return ""
	}
	switch c.route.thing() {
	case "project", "insights", "v1.1":
		return c.args[0]
	case "projects":
		if p := s.projectByID(c.args[0], c.now); p != nil {
			return p.slug
		}
	case "workflow", "output":
		if w := s.workflow(c.args[0], c.now); w != nil {
			return w.pipeline.project.slug
		}
	case "pipeline":
		if p := s.byID[c.args[0]]; p != nil {
			return p.project.slug
		}
	}
	return ""
}

// thing is what the first argument of a path names.
func (r *route) thing() string {
	first, _, _ := strings.Cut(r.path, "/")
	return first
}

// canonical is the slug with the short provider name. It leaves a bare repository name alone.
func canonical(slug string) string {
	provider, rest, _ := strings.Cut(slug, "/")
	switch provider {
	case "github":
		return "gh/" + rest
	case "bitbucket":
		return "bb/" + rest
	}
	return slug
}

// names tells whether a slug or a bare repository name means the project of that canonical slug.
func names(name, slug string) bool {
	return canonical(name) == slug || !strings.Contains(name, "/") && strings.HasSuffix(slug, "/"+name)
}

// token is the caller's token, from any of the three places that CircleCI reads headers from.
func token(r *http.Request) string {
	if t := r.Header.Get("Circle-Token"); t != "" {
		return t
	}
	if user, _, ok := r.BasicAuth(); ok {
		return user
	}
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(t)
	}
	return ""
}

func (s *Sim) accepts(token string) bool {
	if token == "" || slices.Contains(s.scenario.ProjectTokens, token) {
		return false
	}
	return len(s.scenario.Tokens) == 0 || slices.Contains(s.scenario.Tokens, token)
}

// bar is the refusal of a call that its token may not make, or that nobody may make now; nil lets it through.
func (s *Sim) bar(c *call) *answer {
	if c.project == "" || c.route.open {
		return nil
	}
	p := s.known(c.project, c.now)
	var a answer
	switch {
	case p == nil:
		return nil
	case slices.Contains(p.HiddenFrom, c.token):
		a = c.route.notFound()
	case c.method == http.MethodPost && on(p.Forbidden):
		a = fail(http.StatusForbidden, "Permission denied")
	case on(p.Blocked) && slices.Contains([]string{"trigger", "run", "rerun"}, c.endpoint):
		a = fail(http.StatusForbidden, "New work is blocked for this project")
	default:
		return nil
	}
	return &a
}

func (r *route) notFound() answer {
	switch r.thing() {
	case "workflow":
		return noWorkflow()
	case "pipeline":
		return noPipeline()
	}
	return noProject()
}

// decode reads the body into v. A body that is not said to be JSON, or is not, is ignored, as the real
// service does (contracts/circleci.md 1.3); JSON of another shape is the caller's mistake.
func (c *call) decode(v any) error {
	if !c.json || !json.Valid(c.body) {
		return nil
	}
	return json.Unmarshal(c.body, v)
}

// list is a page as every list of the API sends it.
type list struct {
	Items any     `json:"items"`
	Next  *string `json:"next_page_token"`
}

// paged is an item that a page token can point at.
type paged interface{ key() string }

// page answers with the items behind the page token. The token names the last item seen, so that items
// which appear meanwhile shift nothing. Any other query name, such as next_page_token, is ignored: page one.
func page[T paged](s *Sim, c *call, items []T) answer {
	if t := c.query.Get("page-token"); t != "" {
		i := slices.IndexFunc(items, func(item T) bool { return pageToken(item) == t })
		if i < 0 {
			return badPageToken()
		}
		items = items[i+1:]
	}
	l := list{Items: items}
	if n := s.scenario.PageSize; len(items) > n {
		next := pageToken(items[n-1])
		l.Items, l.Next = items[:n], &next
	} else if len(items) == 0 {
		l.Items = []T{} // never null
	}
	return reply(http.StatusOK, l)
}

func badPageToken() answer { return fail(http.StatusBadRequest, "Invalid page token") }

func pageToken(item paged) string { return base64.RawURLEncoding.EncodeToString([]byte(item.key())) }

// fromPageToken is the key in it, empty when there is none.
func fromPageToken(token string) string {
	key, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return ""
	}
	return string(key)
}

// number reads a pipeline number, 0 when it is none.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Times on the wire: pipelines have milliseconds, workflows and jobs whole seconds (contracts/circleci.md 0).
func millis(t time.Time) string  { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
func seconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// maybe is null for no time.
func maybe(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := seconds(t)
	return &text
}
