package sim_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/sim"
)

// send makes a request and returns the answer with its body.
func (t tester) send(r *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := t.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestLimit(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Limit: &sim.Limit{PerSecond: 2, Burst: 4}}, func(t tester) {
		count := func(requests int) (let int) {
			for range requests {
				answer, text := t.send(t.request("GET", "/me", ""))
				if answer.StatusCode == 200 {
					let++
					continue
				}
				t.equal("refusal", []any{answer.StatusCode, text, answer.Header.Get("Retry-After")}, []any{429, `{"message":"Rate limit exceeded"}`, "1"})
			}
			return let
		}
		t.equal("burst", count(10), 4)
		time.Sleep(499 * time.Millisecond)
		t.equal("too early", count(1), 0)
		time.Sleep(time.Millisecond)
		t.equal("one came back", count(2), 1)
		time.Sleep(time.Second)
		t.equal("two came back", count(3), 2)
		time.Sleep(time.Hour)
		t.equal("never more than the burst", count(10), 4)
		t.equal("throttled", t.sim.Stats().Throttled, 6+1+1+1+6)
	})
}

func TestLimitNeverSaysTooShortAWait(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Limit: &sim.Limit{PerSecond: 3}}, func(t tester) {
		for i := range 50 {
			answer, _ := t.send(t.request("GET", "/me", ""))
			if answer.StatusCode == 429 {
				time.Sleep(time.Second)
				answer, _ = t.send(t.request("GET", "/me", ""))
			}
			t.equal(fmt.Sprint("request ", i), answer.StatusCode, 200)
		}
	})
}

func TestLimitHeaders(t *testing.T) {
	t.Parallel()
	names := []string{"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-RateLimit-Limit-Second", "X-RateLimit-Remaining-Second", "X-RateLimit-Reset-Second"}
	for _, headers := range []bool{false, true} {
		bubble(t, sim.Scenario{Limit: &sim.Limit{PerSecond: 2, Headers: headers, Plain: true}}, func(t tester) {
			for _, want := range []string{"2 1 1 2 1 1", "2 0 1 2 0 1", "2 0 1 2 0 1"} {
				answer, text := t.send(t.request("GET", "/me", ""))
				var got []string
				for _, name := range names {
					got = append(got, answer.Header.Get(name))
				}
				if !headers {
					want = "     "
				}
				t.equal("headers", strings.Join(got, " "), want)
				if answer.StatusCode == 429 {
					t.equal("body", text, "Rate limited.")
				}
			}
		})
	}
}

func TestOddRetryAfter(t *testing.T) {
	t.Parallel()
	for want, fault := range map[string]sim.Fault{
		"864000": {RetryAfter: 240 * time.Hour},
		"-5":     {RetryText: "-5"},
		"soon":   {RetryText: "soon"},
		"":       {},
	} {
		fault.Kind = sim.Throttle
		bubble(t, sim.Scenario{Faults: []sim.Fault{fault}}, func(t tester) {
			answer, _ := t.send(t.request("GET", "/me", ""))
			t.equal("Retry-After", answer.Header.Get("Retry-After"), want)
		})
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 307, 308} {
		for _, location := range []string{"https://elsewhere.example/api/v2/me", "/api/v2/me"} {
			s := sim.Scenario{Faults: []sim.Fault{{Kind: sim.Answer, Status: status, Location: location}}}
			bubble(t, s, func(t tester) {
				followed := t.client
				t.client = &http.Client{Transport: followed.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				answer, _ := t.send(t.request("POST", widget+"/pipeline", "{}"))
				t.equal("answer", []any{answer.StatusCode, answer.Header.Get("Location")}, []any{status, location})
				t.equal("pipelines", len(t.sim.Pipelines()), 0)
			})
			bubble(t, s, func(t tester) {
				answer, err := t.client.Do(t.request("GET", widget, ""))
				if err == nil {
					answer.Body.Close()
				}
				t.equal("can be followed", err == nil && answer.Request.URL.Path == "/api/v2/me", location[0] == '/')
			})
		}
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Latency: 700 * time.Millisecond}, func(t tester) {
		start := time.Now()
		id := t.trigger("")
		t.equal("late", time.Since(start), 700*time.Millisecond)
		t.equal("though created at once", t.sim.Pipelines()[0].CreatedAt, start.Add(35*time.Millisecond))
		t.get("/pipeline/" + id)
		t.equal("twice", time.Since(start), 1400*time.Millisecond)
		t.client.Timeout = time.Millisecond
		if _, err := t.client.Do(t.request("GET", "/me", "")); err == nil {
			t.Error("answered before its time")
		}
	})
}

// endings makes the same requests and returns how each ended.
func endings(t *testing.T, s sim.Scenario, paths []string, rounds int) map[string][]string {
	t.Helper()
	got := map[string][]string{}
	bubble(t, s, func(t tester) {
		t.client.Timeout = time.Minute
		// On a connection that was used before, net/http repeats a GET that was reset without saying so.
		t.client.Transport.(*http.Transport).DisableKeepAlives = true
		for range rounds {
			for _, path := range paths {
				method, at, _ := strings.Cut(path, " ")
				start := time.Now()
				answer, err := t.client.Do(t.request(method, at, ""))
				how := "reset"
				switch {
				case err == nil:
					_, err = io.ReadAll(answer.Body)
					answer.Body.Close()
					how = fmt.Sprint(answer.StatusCode, " ", answer.Header.Get("Retry-After") != "", " ", answer.Header.Get("Content-Type"), " ", err != nil)
				case time.Since(start) > 0:
					how = "hang"
				}
				got[path] = append(got[path], how)
			}
		}
	})
	return got
}

func TestChaosFollowsFromTheSeed(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Seed: 3, Chaos: &sim.Chaos{Rate: 0.5}}
	one := endings(t, s, []string{"GET /me", "GET " + widget, "POST " + widget + "/pipeline"}, 60)
	two := endings(t, s, []string{"POST " + widget + "/pipeline", "GET " + widget, "GET /me"}, 60)
	if d := cmp.Diff(one, two); d != "" {
		t.Errorf("another order of requests met other faults (-one +two):\n%s", d)
	}
	s.Seed = 4
	if cmp.Equal(one, endings(t, s, []string{"GET /me", "GET " + widget, "POST " + widget + "/pipeline"}, 60)) {
		t.Error("another seed met the same faults")
	}
}

func TestChaosDrawsEveryKind(t *testing.T) {
	t.Parallel()
	got := endings(t, sim.Scenario{Chaos: &sim.Chaos{Rate: 0.5}}, []string{"GET /me", "POST " + widget + "/pipeline"}, 400)
	const plain, doc = "text/plain; charset=utf-8", "application/json"
	for _, want := range []string{
		"500 false " + doc + " false", "reset", "200 false " + doc + " true",
		"429 false " + plain + " false", "429 true " + plain + " false", "429 false " + doc + " false",
	} {
		if !slices.Contains(got["GET /me"], want) {
			t.Errorf("%q was never met", want)
		}
	}
	hangs := func(path string) bool { return slices.Contains(got[path], "hang") }
	if hangs("GET /me") || !hangs("POST "+widget+"/pipeline") {
		t.Error("a GET hung, or no POST")
	}
	good := 0
	for _, how := range got["GET /me"] {
		if how == "200 false "+doc+" false" {
			good++
		}
	}
	if good < 150 || good > 250 {
		t.Errorf("%d of 400 requests went well at a rate of 0.5", good)
	}
}

func TestChaosMethodsAndKinds(t *testing.T) {
	t.Parallel()
	all := func(how string) map[string][]string {
		return map[string][]string{"GET /me": slices.Repeat([]string{"200 false application/json false"}, 5), "POST /me": slices.Repeat([]string{how}, 5)}
	}
	tests := []struct {
		name  string
		chaos sim.Chaos
		want  map[string][]string
	}{
		{"one kind, one method", sim.Chaos{Rate: 1, Methods: []string{"POST"}, Kinds: []sim.FaultKind{sim.ErrorAfter}}, all("500 false application/json false")},
		{"hang for POST only", sim.Chaos{Rate: 1, Kinds: []sim.FaultKind{sim.HangBefore}}, all("hang")},
	}
	for _, test := range tests {
		got := endings(t, sim.Scenario{Chaos: &test.chaos}, []string{"GET /me", "POST /me"}, 5)
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
	}
	got := endings(t, sim.Scenario{Chaos: &sim.Chaos{Rate: 1, Kinds: []sim.FaultKind{sim.HangAfter}, HangMethods: []string{"GET"}}}, []string{"GET /me"}, 2)
	if d := cmp.Diff([]string{"hang", "hang"}, got["GET /me"]); d != "" {
		t.Error(d)
	}
}

func TestChaosOverTCP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(sim.New(sim.Scenario{Chaos: &sim.Chaos{Rate: 1, Kinds: []sim.FaultKind{sim.ResetAfter, sim.TruncateAfter}}}))
	defer server.Close()
	for range 10 {
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/api/v2"+widget+"/pipeline", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Circle-Token", "x")
		answer, err := server.Client().Do(r)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			answer.Body.Close()
		}
		if err == nil {
			t.Error("a whole answer came")
		}
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{
		Faults:       []sim.Fault{{Match: sim.Match{Endpoint: "me"}, Kind: sim.ResetBefore}, {Match: sim.Match{Endpoint: "project"}, Kind: sim.Throttle}},
		KeepRequests: 2,
	}
	bubble(t, s, func(t tester) {
		if answer, err := t.client.Do(t.request("GET", "/me", "")); err == nil {
			answer.Body.Close()
			t.Error(errors.New("a dropped connection gave an answer"))
		}
		t.call("GET", "/nothing", "", 404)
		t.do(t.request("GET", widget, ""))
		time.Sleep(999 * time.Millisecond)
		t.get(widget)
		time.Sleep(time.Millisecond)
		t.trigger("")
		t.trigger("")
		got := t.sim.Stats()
		t.equal("requests", got.Requests, map[string]map[int]int{"me": got.Requests["me"], "": {404: 1}, "project": {429: 1, 200: 1}, "trigger": {201: 2}})
		dropped := got.Requests["me"][0]
		if dropped < 1 || len(got.Requests["me"]) != 1 {
			t.Errorf("dropped: %v", got.Requests["me"])
		}
		t.equal("throttled", got.Throttled, 1)
		t.equal("peak", got.PeakPerSecond, dropped+3)
		t.equal("kept", len(t.sim.Requests()), 2)
		t.equal("newest", t.sim.Requests()[1].Method, "POST")
	})
}

func TestPeakOfUnfinishedPipelines(t *testing.T) {
	t.Parallel()
	held := sim.Run{Outcome: sim.Held}
	tests := []struct {
		name string
		runs []sim.Run
		gap  time.Duration // between three triggers
		want int
	}{
		{"at once", nil, 0, 3},
		{"one after the other", nil, time.Minute, 1},
		{"overlapping by one", nil, 2 * time.Second, 2},
		{"the next begins when the last ends", nil, prelude + 2*time.Second, 1},
		{"held for ever", []sim.Run{held, held, held}, time.Hour, 3},
		{"errored", []sim.Run{{Outcome: sim.Errored}, {Outcome: sim.None}}, time.Second, 1},
		{"setup that is never continued", []sim.Run{{Setup: &sim.Setup{Never: true}}}, time.Hour, 2},
		{"setup, continued", []sim.Run{{Setup: &sim.Setup{}}}, time.Hour, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{Default: sim.Project{Runs: test.runs}}, func(t tester) {
				for range 3 {
					t.trigger("")
					time.Sleep(test.gap)
				}
				time.Sleep(time.Hour)
				t.equal("peak", t.sim.Stats().PeakUnfinished, test.want)
			})
		})
	}
}

// BenchmarkFleet is 10,000 projects with a pipeline each and 20 requests for each, in simulated time.
func BenchmarkFleet(b *testing.B) {
	const projects, polls = 10_000, 9
	for b.Loop() {
		made := sim.New(sim.Scenario{Default: sim.Project{Duration: time.Minute}, Limit: &sim.Limit{PerSecond: 1_000_000, Headers: true}})
		fleet(b, made, projects, polls)
		if st := made.Stats(); st.PeakUnfinished != projects || st.Requests["workflows"][200] != projects*polls {
			b.Fatalf("%+v", st)
		}
	}
}

func fleet(b *testing.B, made *sim.Sim, projects, polls int) {
	b.Helper()
	ask := func(method, path string) string {
		r := httptest.NewRequest(method, "/api/v2"+path, nil)
		r.Header.Set("Circle-Token", "x")
		w := httptest.NewRecorder()
		made.ServeHTTP(w, r)
		if w.Code >= 300 {
			b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		_, id, _ := strings.Cut(w.Body.String(), `"id":"`)
		return id[:min(36, len(id))]
	}
	ids := make([]string, projects)
	for i := range ids {
		ids[i] = ask("POST", fmt.Sprintf("/project/gh/acme/p%d/pipeline", i))
		ask("GET", fmt.Sprintf("/project/gh/acme/p%d/pipeline/mine", i))
	}
	for range polls {
		for _, id := range ids {
			ask("GET", "/pipeline/"+id)
			ask("GET", "/pipeline/"+id+"/workflow")
		}
		ask("GET", "/pipeline?org-slug=gh/acme&mine=true")
	}
}

// TestListsOfManyAreCheap holds that a page of an organization's list does not cost the whole list. It counts
// allocations and so cannot run beside others.
func TestListsOfManyAreCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := sim.New(sim.Scenario{Default: sim.Project{NextNumber: 5000}, Projects: map[string]sim.Project{"gh/acme/widget": {}, "gh/acme/gadget": {}}})
		defer made.Close()
		at := tester{t, made, made.Client()}
		at.get("/project/gh/acme/widget")
		at.get("/project/gh/acme/gadget")
		first := at.get("/pipeline?org-slug=gh/acme")
		at.equal("both, newest first", first.items()[0]["number"], any(4999.0))
		second := at.get("/pipeline?org-slug=gh/acme&page-token=" + first.text("next_page_token"))
		at.equal("next page", second.items()[0]["number"], any(4989.0))
		allocs := testing.AllocsPerRun(1, func() { at.get("/pipeline?org-slug=gh/acme") })
		if allocs > 50_000 {
			t.Errorf("%v allocations for a page of 20 of 9998 pipelines", allocs)
		}
	})
}
