package transport

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// read reads from a host and returns how long it took and the final status, 0 for an error.
func read(t *testing.T, client *http.Client, host string) (took time.Duration, code int) {
	t.Helper()
	start := time.Now()
	res, err := client.Do(newRequest(t.Context(), t, "GET", "http://"+host+"/x", nil))
	if err == nil {
		code = res.StatusCode
		_ = res.Body.Close()
	}
	return time.Since(start), code
}

// A waiting caller hears within seconds why, and for how long gio tries; the host may refuse, answer nonsense or be silent.
func TestTroubleSaysForHowLong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bad       http.HandlerFunc
		impatient bool
		want      []string // how what is said begins
	}{
		"500":            {status(500), false, []string{"ci.example does not answer properly, still trying for about 1m5", "ci.example does not answer properly, still trying for about "}},
		"hang":           {hang, false, []string{"ci.example has not answered yet, still trying for about 1m56s", "ci.example does not answer properly, still trying for about "}},
		"reset":          {reset, true, []string{"ci.example does not answer properly, still trying for about 2"}},
		"hang, watched":  {hang, true, []string{"ci.example has not answered yet, still trying for about 26s"}},
		"asked for more": {status(503, "Retry-After", "20"), false, []string{"ci.example does not answer properly, still trying for about 2m0s (the last answer: 503)", "ci.example does not answer properly"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told []string
				var first time.Duration
				began := time.Now()
				var r record
				read(t, New(Options{Base: serve(t, answers(&r, test.bad)), Impatient: test.impatient, Trouble: func(s string) {
					if len(told) == 0 {
						first = time.Since(began)
					}
					told = append(told, s)
				}}), "ci.example")
				if !slices.EqualFunc(told, test.want, strings.HasPrefix) || first > troubleAfter {
					t.Errorf("first after %s, told %q", first, told)
				}
			})
		})
	}
}

// With Impatient, gio gives up soon on a host that never answered, whatever another host has answered.
func TestImpatience(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before http.HandlerFunc // how the host has answered before
		want   time.Duration
	}{
		"never answered":            {nil, impatientReadLimit},
		"answered":                  {status(200), readLimit},
		"answered that it is wrong": {status(404), readLimit},
	} {
		synctest.Test(t, func(t *testing.T) {
			down := false
			client := New(Options{Impatient: true, Base: serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if down || req.Host == "ci.example" && test.before == nil {
					panic(http.ErrAbortHandler)
				}
				if test.before != nil {
					test.before(w, req)
				}
			}))})
			if test.before != nil {
				read(t, client, "ci.example")
			} else {
				read(t, client, "hub.example")
			}
			down = true
			if took, code := read(t, client, "ci.example"); took < test.want || took > test.want+time.Second || code != 0 {
				t.Errorf("%s: gave up after %s with status %d, want %s", name, took, code, test.want)
			}
		})
	}
}

// A limit is an answer: gio waits for it as long as without Impatient.
func TestImpatienceKnowsALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r record
		client := New(Options{Impatient: true, Base: serve(t, answers(&r, status(429, "Retry-After", "50"), status(200)))})
		if took, code := read(t, client, "ci.example"); took != 50*time.Second || code != 200 {
			t.Errorf("status %d after %s", code, took)
		}
	})
}
