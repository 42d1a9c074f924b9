package sim

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Fault is something that goes wrong on the wire. Every fault counts the requests that match it; the first fault of
// the scenario that is due decides the fate of a request. Faults come before the token check and after Limit:
// a request that the limit rejects is not counted.
type Fault struct {
	Match       Match         `yaml:"match"`
	Nth         int           `yaml:"nth"`   // the first matching request that is hit, from 1; default 1
	Times       int           `yaml:"times"` // how many from there on; default 1, -1 = all
	For         time.Duration `yaml:"for"`   // all from there on for that long, instead of times
	Kind        FaultKind     `yaml:"kind"`
	Status      int           `yaml:"status"`        // for the kinds status and status-after
	Body        string        `yaml:"body"`          // for 500-*, 429* and status*; sent as JSON when it looks like it, else as plain text
	MediaType   string        `yaml:"media_type"`    // of that body, instead
	Silence     Silence       `yaml:",inline"`       // for status-after without a body: sends the server's own answer, without these fields
	RetryAfter  time.Duration `yaml:"retry_after"`   // for 429* and status*: sends Retry-After, in whole seconds
	RetryAsDate bool          `yaml:"retry_as_date"` // sends it as an HTTP date
	RetryText   string        `yaml:"retry_text"`    // sends that as Retry-After instead: a negative number, nonsense
	Location    string        `yaml:"location"`      // for status 300 to 399: where it redirects to, a URL, or a path of the same host
}

// Match selects requests: all fields that are set must match; without any, every request matches.
type Match struct {
	Method   string `yaml:"method"`
	Path     string `yaml:"path"`     // regular expression, found anywhere in the decoded path
	Project  string `yaml:"project"`  // slug or bare repository name, also for requests about its pipelines and workflows
	Endpoint string `yaml:"endpoint"` // name of an endpoint as Endpoints lists them
}

// FaultKind says what happens to a request. "before" means that the server does not act, "after" that it
// acts and the caller does not learn of it.
type FaultKind string

// The kinds of fault.
const (
	ErrorBefore   FaultKind = "500-before"
	ErrorAfter    FaultKind = "500-after"
	HangBefore    FaultKind = "hang-before" // no answer until the caller gives up
	HangAfter     FaultKind = "hang-after"
	ResetBefore   FaultKind = "reset-before" // the connection is dropped
	ResetAfter    FaultKind = "reset-after"
	Throttle      FaultKind = "429"
	ThrottleAfter FaultKind = "429-after"
	Answer        FaultKind = "status" // any answer; the server does not act
	AnswerAfter   FaultKind = "status-after"
	TruncateAfter FaultKind = "truncate-after" // the connection is dropped in the middle of the answer's body
	// MixedUp answers a read of a pipeline or of its workflows with another pipeline of the project, long green, as a mixed-up
	// cache does. It hits only such reads.
	MixedUp FaultKind = "mixed-up"
	// DeadPageToken answers 404 for a page token that was handed out. It hits only requests with one (circleci-docs #6472).
	DeadPageToken FaultKind = "dead-page-token"
	// SecondaryLimit is GitHub's 403 for too much at once; without retry_after only its message shows what it is.
	SecondaryLimit FaultKind = "secondary-limit"
)

func (k FaultKind) valid() bool {
	return slices.Contains([]FaultKind{
		ErrorBefore, ErrorAfter, HangBefore, HangAfter, ResetBefore, ResetAfter, Throttle, ThrottleAfter, Answer, AnswerAfter,
		TruncateAfter, MixedUp, DeadPageToken, SecondaryLimit,
	}, k)
}

// answers reports whether the kind has an answer of its own, which a scenario can shape.
func (k FaultKind) answers() bool {
	return slices.Contains([]FaultKind{Throttle, ThrottleAfter, Answer, AnswerAfter, SecondaryLimit}, k)
}

// acts reports whether the server acts before the answer goes wrong.
func (k FaultKind) acts() bool {
	return slices.Contains([]FaultKind{ErrorAfter, HangAfter, ResetAfter, ThrottleAfter, AnswerAfter, TruncateAfter, MixedUp}, k)
}

// concerns reports whether a fault of that kind can hit a request.
func (k FaultKind) concerns(c *call) bool {
	switch k {
	case MixedUp:
		return slices.Contains(mixable, c.endpoint)
	case DeadPageToken:
		return c.query.Has("page-token")
	default:
		return true
	}
}

// mixable are the endpoints whose answers can be mixed up.
var mixable = []string{"pipeline", "pipeline-by-number", "workflows"}

// validate checks a fault of the service that has these endpoints.
func (f Fault) validate(endpoints []string) error {
	var c complaints
	refuse := c.refuse
	answers, ofStatus := f.Kind.answers(), f.Kind == Answer || f.Kind == AnswerAfter
	refuse(!f.Kind.valid(), "unknown kind of fault %q", f.Kind)
	refuse(f.Nth < 0, "nth counts from 1, it is %d", f.Nth)
	refuse(f.Times < -1, "times is a number, or -1 for all, it is %d", f.Times)
	refuse(f.For < 0 || f.For > 0 && f.Times != 0, "for is positive, and instead of times")
	refuse(ofStatus && (f.Status < 200 || f.Status > 599), "status needs to be 200 to 599, it is %d", f.Status)
	refuse(!ofStatus && f.Status != 0, "status belongs to the kind status")
	refuse(f.MediaType != "" && f.Body == "", "media_type needs body")
	refuse(!f.Silence.none() && (f.Kind != AnswerAfter || f.Body != ""), "without and nulls belong to the kind status-after without a body")
	refuse(f.Kind == MixedUp && f.Match.Endpoint != "" && !slices.Contains(mixable, f.Match.Endpoint), "%s hits only %v", f.Kind, mixable)
	refuse(f.Body != "" && !answers && f.Kind != ErrorBefore && f.Kind != ErrorAfter, "%s sends no body of its own", f.Kind)
	refuse(f.RetryAfter < 0, "retry_after must not be negative, it is %v", f.RetryAfter)
	refuse(f.RetryAfter != 0 && !answers, "retry_after belongs to the kinds 429, status and secondary-limit")
	refuse(f.RetryAsDate && f.RetryAfter == 0, "retry_as_date needs retry_after")
	refuse(f.RetryText != "" && (!answers || f.RetryAfter != 0), "retry_text belongs to the kinds 429 and status, instead of retry_after")
	refuse(f.Location != "" && (f.Status < 300 || f.Status > 399), "location belongs to the statuses 300 to 399")
	_, err := url.Parse(f.Location)
	refuse(err != nil, "location: %v", err)
	refuse(f.Match.Endpoint != "" && !slices.Contains(endpoints, f.Match.Endpoint), "unknown endpoint %q, known are %v", f.Match.Endpoint, endpoints)
	_, err = regexp.Compile(f.Match.Path)
	refuse(err != nil, "match.path: %v", err)
	return c.join()
}

// armed is a fault with its count of requests.
type armed struct {
	Fault
	path  *regexp.Regexp
	seen  int
	since time.Time // it hit the first request
}

func arm(faults []Fault) []*armed {
	var list []*armed
	for _, f := range faults {
		f.Nth = max(f.Nth, 1)
		if f.Times == 0 {
			f.Times = 1
		}
		list = append(list, &armed{Fault: f, path: regexp.MustCompile(f.Match.Path)})
	}
	return list
}

// nextFault counts the call with every fault that matches it, and returns the first that is due, or nil.
func nextFault(faults []*armed, c *call) *armed {
	var hit *armed
	for _, f := range faults {
		if !f.matches(c) {
			continue
		}
		f.seen++
		if hit == nil && f.due(c.now) {
			hit = f
		}
	}
	return hit
}

// due reports whether the fault hits the matching request that was counted last.
func (f *armed) due(now time.Time) bool {
	switch {
	case f.seen < f.Nth:
		return false
	case f.For == 0:
		return f.Times < 0 || f.seen < f.Nth+f.Times
	case f.since.IsZero():
		f.since = now
	}
	return now.Before(f.since.Add(f.For))
}

func (f *armed) matches(c *call) bool {
	m := f.Match
	return f.Kind.concerns(c) && (m.Method == "" || m.Method == c.method) &&
		(m.Endpoint == "" || m.Endpoint == c.endpoint) &&
		(m.Project == "" || c.project != "" && names(m.Project, c.project)) &&
		f.path.MatchString(c.path)
}

// ending is how an exchange ends for the caller.
type ending int

const (
	sent ending = iota
	truncated
	dropped
	silent
)

// apply answers a call as the fault demands. Act is the regular answer and its effects.
func (f Fault) apply(now time.Time, act func() answer) (answer, ending) {
	var regular answer
	if f.Kind.acts() {
		regular = act()
	}
	switch f.Kind {
	case HangBefore, HangAfter:
		return answer{}, silent
	case ResetBefore, ResetAfter:
		return answer{}, dropped
	case TruncateAfter:
		return regular, truncated
	case MixedUp:
		return regular, sent
	case DeadPageToken:
		return fail(http.StatusNotFound, "Not Found"), sent
	case Throttle, ThrottleAfter:
		return f.answer(now, http.StatusTooManyRequests, "Rate limited."), sent
	case Answer, AnswerAfter:
		return f.answer(now, f.Status, f.rest(regular)), sent
	case SecondaryLimit:
		return f.answer(now, http.StatusForbidden, secondaryLimit), sent
	default:
		return f.answer(now, http.StatusInternalServerError, `{"message":"Internal server error"}`), sent
	}
}

// rest returns what the fault leaves of the regular answer.
func (f Fault) rest(regular answer) string {
	if f.Silence.none() {
		return ""
	}
	return string(reply(f.Status, f.Silence.of(regular.body)).body)
}

func (f Fault) answer(now time.Time, status int, body string) answer {
	if f.Body != "" {
		body = f.Body
	}
	a := raw(status, body)
	if f.MediaType != "" {
		a.mediaType = f.MediaType
	}
	if f.Location != "" {
		a = a.with("Location", f.Location)
	}
	switch seconds := (f.RetryAfter + time.Second - 1) / time.Second; {
	case f.RetryText != "":
		a = a.with("Retry-After", f.RetryText)
	case seconds == 0:
	case f.RetryAsDate:
		// An HTTP date has whole seconds: take the next one, so that the wait is never shorter than demanded.
		a = a.with("Retry-After", now.Add((seconds+1)*time.Second).UTC().Format(http.TimeFormat))
	default:
		a = a.with("Retry-After", strconv.Itoa(int(seconds)))
	}
	return a
}
