package sim

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Fault is something that goes wrong on the wire. Every fault counts the requests that match it; the first
// fault of the scenario whose turn it is decides what becomes of a request. Faults come before the token check,
// and after Limit: a request that the limit turns away is not counted.
type Fault struct {
	Match       Match         `yaml:"match"`
	Nth         int           `yaml:"nth"`   // the first matching request that is hit, from 1; default 1
	Times       int           `yaml:"times"` // how many from there on; default 1, -1 = all
	Kind        FaultKind     `yaml:"kind"`
	Status      int           `yaml:"status"`        // for the kind status
	Body        string        `yaml:"body"`          // for 500-*, 429 and status; sent as JSON when it looks like it, else as plain text
	RetryAfter  time.Duration `yaml:"retry_after"`   // for 429 and status: sends Retry-After, in whole seconds
	RetryAsDate bool          `yaml:"retry_as_date"` // sends it as an HTTP date
	RetryText   string        `yaml:"retry_text"`    // sends that as Retry-After instead: a negative number, nonsense
	Location    string        `yaml:"location"`      // for status 300 to 399: where it redirects to, a URL, or a path of the same host
}

// Match says which requests are meant: all that is given must hold, nothing given means every request.
type Match struct {
	Method   string `yaml:"method"`
	Path     string `yaml:"path"`     // regular expression, found anywhere in the decoded path
	Project  string `yaml:"project"`  // slug or bare repository name, also for requests about its pipelines and workflows
	Endpoint string `yaml:"endpoint"` // name of an endpoint as Endpoints lists them
}

// FaultKind is what happens to a request. "before" means that the server does not act, "after" that it
// acted and the caller does not learn it.
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
	Answer        FaultKind = "status"         // any answer; the server does not act
	TruncateAfter FaultKind = "truncate-after" // the connection is dropped in the middle of the answer's body
	// SecondaryLimit is GitHub's 403 for too much at once; without retry_after only its words say what it is.
	SecondaryLimit FaultKind = "secondary-limit"
)

func (k FaultKind) known() bool {
	return slices.Contains([]FaultKind{ErrorBefore, ErrorAfter, HangBefore, HangAfter, ResetBefore, ResetAfter, Throttle, Answer, TruncateAfter, SecondaryLimit}, k)
}

// validate knows the endpoints of the service that the fault belongs to.
func (f Fault) validate(endpoints []string) error {
	var c complaints
	refuse := c.refuse
	answers := f.Kind == Throttle || f.Kind == Answer || f.Kind == SecondaryLimit
	refuse(!f.Kind.known(), "unknown kind of fault %q", f.Kind)
	refuse(f.Nth < 0, "nth counts from 1, it is %d", f.Nth)
	refuse(f.Times < -1, "times is a number, or -1 for all, it is %d", f.Times)
	refuse(f.Kind == Answer && (f.Status < 200 || f.Status > 599), "status needs to be 200 to 599, it is %d", f.Status)
	refuse(f.Kind != Answer && f.Status != 0, "status belongs to the kind status")
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

// armed is a fault that counts.
type armed struct {
	Fault
	path *regexp.Regexp
	seen int
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

// due is the fault whose turn it is, or nil. Each fault counts the call, also when an earlier one takes it.
func due(faults []*armed, c *call) *armed {
	var hit *armed
	for _, f := range faults {
		if !f.matches(c) {
			continue
		}
		f.seen++
		if hit == nil && f.seen >= f.Nth && (f.Times < 0 || f.seen < f.Nth+f.Times) {
			hit = f
		}
	}
	return hit
}

func (f *armed) matches(c *call) bool {
	m := f.Match
	return (m.Method == "" || m.Method == c.method) &&
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

// strike is what the fault makes of a call that act would answer.
func (f Fault) strike(now time.Time, act func() answer) (answer, ending) {
	if f.Kind == ErrorAfter || f.Kind == HangAfter || f.Kind == ResetAfter {
		act()
	}
	switch f.Kind {
	case HangBefore, HangAfter:
		return answer{}, silent
	case ResetBefore, ResetAfter:
		return answer{}, dropped
	case TruncateAfter:
		return act(), truncated
	case Throttle:
		return f.answer(now, http.StatusTooManyRequests, "Rate limited."), sent
	case Answer:
		return f.answer(now, f.Status, ""), sent
	case SecondaryLimit:
		return f.answer(now, http.StatusForbidden, secondaryLimit), sent
	default:
		return f.answer(now, http.StatusInternalServerError, `{"message":"Internal server error"}`), sent
	}
}

func (f Fault) answer(now time.Time, status int, body string) answer {
	if f.Body != "" {
		body = f.Body
	}
	a := raw(status, body)
	if f.Location != "" {
		a = a.with("Location", f.Location)
	}
	switch seconds := (f.RetryAfter + time.Second - 1) / time.Second; {
	case f.RetryText != "":
		a = a.with("Retry-After", f.RetryText)
	case seconds == 0:
	case f.RetryAsDate:
		// An HTTP date has whole seconds: the next one, so that the wait is never shorter than was said.
		a = a.with("Retry-After", now.Add((seconds+1)*time.Second).UTC().Format(http.TimeFormat))
	default:
		a = a.with("Retry-After", strconv.Itoa(int(seconds)))
	}
	return a
}
