package transport

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// epoch distinguishes the two meanings of a Reset header: GitHub sends seconds since 1970
// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api), CircleCI seconds from now.
const epoch = 100_000_000

// limited reports whether an answer is a rate limit. GitHub's may be a 403, which then says how long to wait.
func limited(res *http.Response) bool {
	if res.StatusCode == http.StatusForbidden {
		return res.Header.Get("Retry-After") != "" || res.Header.Get("X-RateLimit-Remaining") == "0"
	}
	return res.StatusCode == http.StatusTooManyRequests
}

// requestedWait returns the wait that an answer demands, however long: its Retry-After or, for a rate limit, the time until
// GitHub's next window. It is 0 where there is none or it makes no sense.
func requestedWait(res *http.Response) time.Duration {
	wait := retryAfter(res.Header)
	if limited(res) && wait == 0 && res.Header.Get("X-RateLimit-Remaining") == "0" {
		wait = untilReset(res.Header, "X-RateLimit-Reset")
	}
	return wait
}

// exceeds reports whether an answer demands a longer wait than maxWait; 0 allows every wait.
func exceeds(maxWait time.Duration, res *http.Response) bool {
	return maxWait > 0 && res != nil && limited(res) && requestedWait(res) > maxWait
}

// Rests reports whether the next requests of a client with that MaxWait wait after an answer.
func Rests(res *http.Response, maxWait time.Duration) bool { return restAfter(res, maxWait) > 0 }

// RetryAfter returns the wait in an answer's header Retry-After, which is in seconds or an HTTP date. It is 0 where there is
// none or it makes no sense, and at most a minute: CircleCI sends both forms, and absurd values occur (contracts/circleci.md
// 3).
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

// untilReset returns the time until the reset that a header names, in either meaning.
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

// seconds makes a duration, never negative and never an overflow.
func seconds(count int64) time.Duration {
	return time.Duration(min(max(count, 0), math.MaxInt64/int64(time.Second))) * time.Second
}

// serverTime returns the server's clock, else the local one.
func serverTime(h http.Header) time.Time {
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Now()
	}
	return now
}
