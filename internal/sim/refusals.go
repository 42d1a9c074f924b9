package sim

import (
	"net/http"
	"time"
)

// firewallPage is what a firewall or a proxy says instead of CircleCI.
const firewallPage = "<!DOCTYPE html>\n<html><head><title>Access denied</title></head><body><h1>Request blocked</h1><p>Incident 7f3a.</p></body></html>\n"

// Refusals returns, as faults of the next request, the ways in which a trigger that made a pipeline is answered as if it had
// not, or without saying which: a redirect, a page of a firewall, messages that are not CircleCI's, an answer without an id. Chaos
// draws its status-after from them.
func Refusals() []Fault {
	after := func(status int, f Fault) Fault {
		f.Kind, f.Status = AnswerAfter, status
		return f
	}
	without := func(fields ...string) Fault { return Fault{Silence: Silence{Without: fields}} }
	return []Fault{
		after(http.StatusFound, Fault{Location: "/login"}),
		after(http.StatusTemporaryRedirect, Fault{Location: "/maintenance"}),
		after(http.StatusForbidden, Fault{Body: firewallPage, MediaType: "text/html"}),
		after(http.StatusForbidden, Fault{Body: `{"error":"blocked by policy","incident":"7f3a"}`}),
		after(http.StatusNotFound, Fault{Body: "404 page not found\n"}),
		after(http.StatusNotFound, Fault{Body: `{"message":"not found"}`}),
		after(http.StatusConflict, Fault{Body: `{"message":"conflict"}`}),
		after(http.StatusOK, without("id")),
		after(http.StatusOK, without("id", "number")),
		after(http.StatusCreated, without("id")),
		after(http.StatusCreated, without("id", "number")),
		after(http.StatusCreated, without("id", "number", "state", "created_at")),
		after(http.StatusCreated, Fault{Silence: Silence{Nulls: []string{"id"}}}),
	}
}

// throttles returns the forms of a 429 of that kind.
func throttles(kind FaultKind) []Fault {
	return []Fault{
		{Kind: kind},
		{Kind: kind, RetryAfter: time.Second},
		{Kind: kind, RetryAfter: time.Second, RetryAsDate: true},
		{Kind: kind, Body: `{"message":"Rate limit exceeded"}`},
	}
}
