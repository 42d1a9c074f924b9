package transport

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// epoch tells the two meanings of a Reset header apart: GitHub gives seconds since 1970
// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api), CircleCI seconds from now.
const epoch = 100_000_000

// limited tells whether an answer is a rate limit. GitHub's may be a 403, which then says when to come back.
func limited(res *http.Response) bool {
	if res.StatusCode == http.StatusForbidden {
		return res.Header.Get("Retry-After") != "" || res.Header.Get("X-RateLimit-Remaining") == "0"
	}
	return res.StatusCode == http.StatusTooManyRequests
}

// asked is the wait that an answer asks for, however long: in its Retry-After and, when it is a rate limit, until
// the time at which GitHub's window begins anew. It is 0 where there is none, or none that makes sense.
func asked(res *http.Response) time.Duration {
	wait := retryAfter(res.Header)
	if limited(res) && wait == 0 && res.Header.Get("X-RateLimit-Remaining") == "0" {
		wait = untilReset(res.Header, "X-RateLimit-Reset")
	}
	return wait
}

// beyond tells whether an answer asks for a longer wait than the client accepts; 0 accepts every one.
func beyond(maxWait time.Duration, res *http.Response) bool {
	return maxWait > 0 && res != nil && limited(res) && asked(res) > maxWait
}

// Rests tells whether a client made with that MaxWait rests after an answer, and its next requests wait.
func Rests(res *http.Response, maxWait time.Duration) bool { return restAfter(res, maxWait) > 0 }

// RetryAfter is the wait that an answer asks for in its header Retry-After, given in seconds or as an HTTP
// date. It is 0 where there is none, or none that makes sense, and at most a minute: CircleCI sends both
// forms, and absurd values were seen (contracts/circleci.md 3).
func RetryAfter(h http.Header) time.Duration { return min(retryAfter(h), maxRetryAfter) }

func retryAfter(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if count, err := strconv.ParseInt(value, 10, 64); err == nil {
		return seconds(count)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(at.Sub(serverTime(h)), 0)
}

// untilReset is the time until the one that a header names, in either meaning.
func untilReset(h http.Header, name string) time.Duration {
	value, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 64)
	switch {
	case err != nil:
		return 0
	case value > epoch:
		return max(time.Unix(value, 0).Sub(serverTime(h)), 0)
	}
	return seconds(value)
}

// seconds is never negative, and never more than a duration can hold.
func seconds(count int64) time.Duration {
	return time.Duration(min(max(count, 0), math.MaxInt64/int64(time.Second))) * time.Second
}

// serverTime is the server's clock, where it tells.
func serverTime(h http.Header) time.Time {
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Now()
	}
	return now
}
