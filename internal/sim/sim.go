// Package sim simulates CircleCI, and a GitHub beside it, by a scenario.
//
// It computes every state from the clock when it is read: there is no goroutine and no timer, so the same
// handler serves over TCP, in process, and under testing/synctest. Its answers follow the published
// contract (contracts/circleci.md; testdata/contracts/circleci-openapi.yaml; docs.github.com/rest), not gio's clients.
package sim

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sim is an http.Handler that answers like https://circleci.com. Paths begin with /api/v2, those of step output
// with /api/v1.1 and /output, and those of GitHub with /api/v3. It is safe for concurrent use.
type Sim struct {
	scenario Scenario
	began    time.Time

	mu          sync.Mutex
	faults      []*armed
	listed      map[string]Project  // Scenario.Projects by canonical slug or bare name
	projects    map[string]*project // by canonical slug
	byProjectID map[string]*project
	byID        map[string]*pipeline
	orgs        map[string][]*pipeline // by organization, all under "", oldest first
	workflows   map[string]*workflow   // by id
	pipelines   []*pipeline            // in the order of their triggers, without history
	requests    []Request
	bucket      bucket
	hub         *hub
	draws       map[string]int // chaos: number of draws by method and path
	tally       tally

	server *Server
}

// New makes a simulator. It panics when the scenario is invalid; Load returns errors for such scenarios.
func New(s Scenario) *Sim {
	if err := s.validate(); err != nil {
		panic("sim: " + err.Error())
	}
	if s.Login == "" {
		s.Login = "release-bot"
	}
	if s.PageSize == 0 {
		s.PageSize = 20
	}
	if s.KeepRequests == 0 {
		s.KeepRequests = 10_000
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	sim := &Sim{
		scenario: s, began: s.Now(), faults: arm(s.Faults), listed: map[string]Project{}, projects: map[string]*project{},
		byProjectID: map[string]*project{}, byID: map[string]*pipeline{}, orgs: map[string][]*pipeline{},
		workflows: map[string]*workflow{}, draws: map[string]int{}, tally: tally{requests: map[string]map[int]int{}, github: map[string]map[int]int{}},
	}
	for name, p := range s.Projects {
		sim.listed[canonical(name)] = p
	}
	if s.GitHub != nil {
		sim.hub = sim.newHub(*s.GitHub, s.Now())
	}
	sim.server = InProcess(sim)
	return sim
}

// Request is one request as it arrived, without the tokens in its headers and query.
type Request struct {
	Time   time.Time
	Method string
	Path   string // escaped, as it was sent
	Query  url.Values
	Header http.Header
	Body   string
	Status int // 0 when no status was sent
}

const bodyLimit = 1 << 20

// ServeHTTP answers one request. It panics with http.ErrAbortHandler for a reset; a hang lasts until the request's
// context ends.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Read the body before anything else: only then does net/http notice that a caller has gone.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a, end := s.handle(r, body)
	if !sleep(r.Context(), s.latency(r)) {
		panic(http.ErrAbortHandler)
	}
	switch end {
	case silent:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case dropped:
		panic(http.ErrAbortHandler)
	case truncated, sent:
		a.write(w, s.scenario.Now(), end == truncated)
	}
}

func (s *Sim) latency(r *http.Request) time.Duration {
	if s.scenario.GitHub != nil && onGitHub(r) {
		return s.scenario.GitHub.Latency
	}
	return s.scenario.Latency
}

// sleep waits, and reports whether the time passed before the caller gave up.
func sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// handle takes one request from its record to its answer, at one instant.
func (s *Sim) handle(r *http.Request, body []byte) (answer, ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.scenario.Now()
	seen := record(r, body, now)
	var a answer
	var end ending
	var count func(status int)
	if onGitHub(r) {
		c := s.readHub(r, body, now)
		a, end = s.decideHub(c)
		count = func(status int) { s.tally.countGitHub(c.endpoint, status) }
	} else {
		c := s.read(r, body, now)
		a, end = s.decide(c)
		a.drift, a.undated = c.drift, s.undated(c)
		for name, value := range s.limitHeaders() {
			a = a.with(name, value)
		}
		count = func(status int) { s.tally.count(c.endpoint, status, now) }
	}
	if end == sent || end == truncated {
		seen.Status = a.status
	}
	s.keep(seen)
	count(seen.Status)
	return a, end
}

func onGitHub(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, gitHubRoot) }

// decide applies, in the order of a real service: the rate limit, the network's faults, the service itself.
func (s *Sim) decide(c *call) (answer, ending) {
	if !s.takeRequest(c.now) {
		return s.throttled(), sent
	}
	f := s.fault(c)
	if f == nil {
		return s.answer(c), sent
	}
	c.mixedUp = f.Kind == MixedUp
	return f.apply(c.now.Add(c.drift), func() answer { return s.answer(c) })
}

// fault returns what goes wrong with the call, by the scenario or else by chance; nil when nothing does.
func (s *Sim) fault(c *call) *Fault {
	if f := nextFault(s.faults, c); f != nil {
		return &f.Fault
	}
	return s.draw(c)
}

func (s *Sim) answer(c *call) answer {
	open := c.route != nil && c.route.open
	switch {
	case !open && !s.accepts(c.token):
		return fail(http.StatusUnauthorized, "You must log in first.")
	case c.route == nil:
		return fail(http.StatusNotFound, "Not found")
	case c.route.method != c.method:
		return fail(http.StatusMethodNotAllowed, "Method not allowed")
	}
	if refusal := s.refusal(c); refusal != nil {
		return *refusal
	}
	return c.route.serve(s, c)
}

// keep stores a request, and drops the oldest when there are twice as many as Requests returns.
func (s *Sim) keep(r Request) {
	if n := s.scenario.KeepRequests; len(s.requests) >= 2*n {
		s.requests = slices.Delete(s.requests, 0, len(s.requests)-n)
	}
	s.requests = append(s.requests, r)
}

func record(r *http.Request, body []byte, now time.Time) Request {
	header, query := r.Header.Clone(), r.URL.Query()
	maps.DeleteFunc(header, func(name string, _ []string) bool { return name == "Authorization" || name == "Circle-Token" })
	query.Del("circle-token")
	return Request{Time: now, Method: r.Method, Path: r.URL.EscapedPath(), Query: query, Header: header, Body: string(body)}
}

// answer is the response to the caller.
type answer struct {
	status    int
	mediaType string
	body      []byte
	header    map[string]string
	drift     time.Duration // of the clock that dates it
	undated   bool
}

func (a answer) with(name, value string) answer {
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header[name] = value
	return a
}

func reply(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic("sim: " + err.Error())
	}
	return answer{status: status, mediaType: "application/json", body: body}
}

// message is the body of an error, and of an answer that only confirms.
type message struct {
	Message string `json:"message"`
}

func fail(status int, text string) answer { return reply(status, message{text}) }

// raw makes an answer of any text, JSON or not.
func raw(status int, body string) answer {
	a := answer{status: status, mediaType: "text/plain; charset=utf-8", body: []byte(body)}
	if t := strings.TrimSpace(body); strings.HasPrefix(t, "{") || strings.HasPrefix(t, "[") {
		a.mediaType = "application/json"
	}
	return a
}

// write sends the answer, or only its head and half of its body.
func (a answer) write(w http.ResponseWriter, now time.Time, half bool) {
	h := w.Header()
	h.Set("Date", now.Add(a.drift).UTC().Format(http.TimeFormat))
	if a.undated {
		h["Date"] = nil // or net/http adds its own
	}
	h.Set("Content-Type", a.mediaType)
	h.Set("Content-Length", fmt.Sprint(len(a.body)))
	for name, value := range a.header {
		h.Set(name, value)
	}
	w.WriteHeader(a.status)
	if !half {
		_, _ = w.Write(a.body) // the caller may have gone, which does not concern the server
		return
	}
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// uuid makes an id that depends on the seed and on what it names, not on the order of concurrent requests.
func (s *Sim) uuid(parts ...any) string {
	b := sha256.Sum256(fmt.Append(nil, append([]any{s.scenario.Seed}, parts...)...))
	b[6] = b[6]&0x0f | 0x40 // version 4, RFC 9562 variant: what a strict reader of UUIDs expects
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
