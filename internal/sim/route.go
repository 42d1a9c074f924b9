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

// route is one endpoint. In path, "*" is one segment; a project slug counts as one segment, however it was sent.
type route struct {
	endpoint string
	method   string
	path     string
	short    bool // the slug must have the short name of its provider (contracts/circleci.md 1.4)
	segments bool // the slug must come as three segments; %2F gives 404 (contracts/circleci.md 1.4)
	open     bool // needs no token
	serve    func(*Sim, *call) answer
}

// routes are tried in this order.
var routes = []route{
	{endpoint: "me", method: "GET", path: "me", serve: (*Sim).me},
	{endpoint: "project", method: "GET", path: "project/*", serve: (*Sim).readProject},
	{endpoint: "settings", method: "GET", path: "project/*/settings", segments: true, serve: (*Sim).readSettings},
	{endpoint: "project-pipelines", method: "GET", path: "project/*/pipeline", serve: (*Sim).projectPipelines},
	{endpoint: "trigger", method: "POST", path: "project/*/pipeline", serve: (*Sim).trigger},
	{endpoint: "run", method: "POST", path: "project/*/pipeline/run", segments: true, short: true, serve: (*Sim).triggerRun},
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

// Endpoints returns the names that Match.Endpoint accepts.
func Endpoints() []string {
	var list []string
	for _, r := range routes {
		list = append(list, r.endpoint)
	}
	return list
}

// call is one parsed request.
type call struct {
	method   string
	path     string // decoded, after /api/v2; the whole path when it does not begin with that
	route    *route // nil when there is no such path
	endpoint string // "" without a route
	args     []string
	project  string // slug of the project that it is about, "" when there is none
	token    string
	json     bool // its content type is JSON
	body     []byte
	query    url.Values
	base     string // address by which the caller reached the service
	now      time.Time
	mixedUp  bool          // it is answered about another pipeline
	nth      int           // of the calls of its kind, where chance dates the answers
	drift    time.Duration // of the clock that dates the answer
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
	c.project = s.projectOf(c)
	if chaos := s.scenario.Chaos; chaos != nil && (chaos.Clocks > 0 || chaos.NoDate > 0) {
		s.draws["date "+c.what()]++
		c.nth = s.draws["date "+c.what()]
	}
	c.drift = s.dateDrift(c)
	return c
}

// what names the kind of request that a call is, for counting.
func (c *call) what() string { return c.method + " " + c.path }

// resolve finds the route. A path that exists only for another method gets that one's route, for answer to say 405.
func (c *call) resolve(escaped string) {
	segments, encoded, long := joinSlug(strings.Split(routed(escaped), "/"))
	for i := range routes {
		r := &routes[i]
		args, ok := match(strings.Split(r.path, "/"), segments)
		if !ok || c.route != nil && r.method != c.method {
			continue
		}
		if encoded && r.segments || long && r.short {
			return
		}
		c.route, c.endpoint, c.args = r, r.endpoint, args
		if r.method == c.method {
			return
		}
	}
}

// routed returns the path in the form of the routes, "" when no route begins like it.
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

// joinSlug joins a slug into one decoded segment, and reports whether it came with %2F or with the provider's long name.
func joinSlug(segments []string) (joined []string, encoded, long bool) {
	for i := range segments {
		segments[i], _ = url.PathUnescape(segments[i]) // net/http has rejected what cannot be decoded
	}
	at := 1 // where the slug begins
	if segments[0] == "v1.1" {
		at = 2
	}
	if len(segments) <= at || segments[at-1] != "project" && segments[at-1] != "insights" {
		return segments, false, false
	}
	if strings.Contains(segments[at], "/") {
		return slices.Concat(segments[:at], []string{canonical(segments[at])}, segments[at+1:]), true, false
	}
	if len(segments) < at+3 {
		return nil, false, false
	}
	sent := strings.Join(segments[at:at+3], "/")
	slug := canonical(sent)
	return slices.Concat(segments[:at], []string{slug}, segments[at+3:]), false, slug != sent
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

// projectOf returns the slug of the project that a call is about, "" where its path does not tell.
func (s *Sim) projectOf(c *call) string {
	if c.route == nil || len(c.args) == 0 {
		return ""
	}
	switch c.route.argumentKind() {
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

// argumentKind returns the kind of thing that the first argument of a path names.
func (r *route) argumentKind() string {
	first, _, _ := strings.Cut(r.path, "/")
	return first
}

// canonical returns the slug with the short provider name. It does not change a bare repository name.
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

// names reports whether a slug or a bare repository name means the project of that canonical slug.
func names(name, slug string) bool {
	return canonical(name) == slug || !strings.Contains(name, "/") && strings.HasSuffix(slug, "/"+name)
}

// token returns the caller's token, from any of the three headers that CircleCI reads.
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

// refusal returns the answer to a call that its token may not make, or that nobody may make now; nil allows it.
func (s *Sim) refusal(c *call) *answer {
	if c.project == "" || c.route.open {
		return nil
	}
	p := s.ensureProject(c.project, c.now)
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
	switch r.argumentKind() {
	case "workflow":
		return noWorkflow()
	case "pipeline":
		return noPipeline()
	}
	return noProject()
}

// decode reads the body into v. It ignores a body that is not JSON or whose content type is not, as the real
// service does (contracts/circleci.md 1.3); JSON of another shape is the caller's mistake.
func (c *call) decode(v any) error {
	if !c.json || !json.Valid(c.body) {
		return nil
	}
	return json.Unmarshal(c.body, v)
}

// list is a page in the form of every list of the API.
type list struct {
	Items any     `json:"items"`
	Next  *string `json:"next_page_token"`
}

// paged is an item to which a page token can point.
type paged interface{ key() string }

// page answers the items after the page token. The token names the last item of the page before, so that new items
// shift nothing. Any other query name, such as next_page_token, is ignored and gives page one.
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

// fromPageToken returns the key in a page token, "" when there is none.
func fromPageToken(token string) string {
	key, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return ""
	}
	return string(key)
}

// number parses a pipeline number, 0 when it is none.
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

// timeOrNull formats a time; a zero time is null.
func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := seconds(t)
	return &text
}
