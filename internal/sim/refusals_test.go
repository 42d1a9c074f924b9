package sim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// answered triggers the widget without following a redirect, and describes the answer in one line.
func (t tester) answered() string {
	t.Helper()
	answer, err := t.client.Transport.RoundTrip(t.request("POST", widget+"/pipeline", "{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	said := fmt.Sprintf("%d bytes", len(body))
	var o object
	if json.Unmarshal(body, &o) == nil {
		said = strings.Join(slices.Sorted(maps.Keys(o)), " ")
		if id, ok := o["id"]; ok && id == nil {
			said += ", id is null"
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s: %s %s%s", answer.StatusCode, media, said, answer.Header.Get("Location"), answer.Header.Get("Retry-After")))
}

func TestRefusalsThatCreated(t *testing.T) {
	t.Parallel()
	want := []string{
		"302 text/plain: 0 bytes /login",
		"307 text/plain: 0 bytes /maintenance",
		"403 text/html: 129 bytes",
		"403 application/json: error incident",
		"404 text/plain: 19 bytes",
		"404 application/json: message",
		"409 application/json: message",
		"200 application/json: created_at number state",
		"200 application/json: created_at state",
		"201 application/json: created_at number state",
		"201 application/json: created_at state",
		"201 application/json:",
		"201 application/json: created_at id number state, id is null",
	}
	var got []string
	for _, f := range sim.Refusals() {
		bubble(t, sim.Scenario{Faults: []sim.Fault{f}}, func(t tester) {
			got = append(got, t.answered())
			t.equal("pipelines", len(t.sim.Pipelines()), 1)
			t.equal("the gap", t.get("/pipeline/" + t.trigger(""))["number"], any(2.0))
		})
	}
	tester{T: t}.equal("answers", got, want)
}

func TestThrottledAlthoughCreated(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]sim.Fault{
		"429 text/plain: 13 bytes":          {},
		"429 text/plain: 13 bytes 7":        {RetryAfter: 7 * time.Second},
		"429 application/json: message":     {Body: `{"message":"slow down"}`},
		"429 text/plain: 13 bytes tomorrow": {RetryText: "tomorrow"},
	} {
		f.Kind = sim.ThrottleAfter
		bubble(t, sim.Scenario{Faults: []sim.Fault{f}}, func(t tester) {
			t.equal("answer", t.answered(), want)
			t.equal("pipelines", len(t.sim.Pipelines()), 1)
		})
	}
}

func TestRefusalsByChanceHitOnlyTriggers(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Chaos: &sim.Chaos{Rate: 1, Kinds: []sim.FaultKind{sim.AnswerAfter, sim.ThrottleAfter}}}
	bubble(t, s, func(t tester) {
		seen := map[string]bool{}
		for n := range 300 {
			t.get("/me")
			seen[t.answered()] = true
			t.equal("pipelines", len(t.sim.Pipelines()), n+1)
		}
		if len(seen) < len(sim.Refusals())+3 {
			t.Errorf("only %d forms: %v", len(seen), slices.Sorted(maps.Keys(seen)))
		}
	})
}

func TestFaultForATime(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{{Match: sim.Match{Endpoint: "me"}, Nth: 2, For: 10 * time.Second, Kind: sim.Answer, Status: 503}}}
	bubble(t, s, func(t tester) {
		var got []int
		for _, pause := range []time.Duration{time.Hour, time.Hour, time.Second, 9*time.Second - time.Nanosecond, time.Nanosecond, time.Hour} {
			time.Sleep(pause)
			status, _ := t.do(t.request("GET", "/me", ""))
			got = append(got, status)
		}
		t.equal("statuses", got, []int{200, 503, 503, 503, 200, 200})
	})
}

func TestMixedUpAnswers(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Outcome: sim.Failed, Duration: time.Hour}}}, Faults: []sim.Fault{
		{Match: sim.Match{Endpoint: "pipeline"}, Kind: sim.MixedUp, Nth: 2},
		{Match: sim.Match{Endpoint: "pipeline-by-number"}, Kind: sim.MixedUp},
		{Match: sim.Match{Endpoint: "workflows"}, Kind: sim.MixedUp, For: time.Minute},
	}}
	bubble(t, s, func(t tester) {
		id := t.trigger("")
		time.Sleep(time.Second)
		p, other := t.get("/pipeline/"+id), t.get("/pipeline/"+id)
		t.equal("once", t.get("/pipeline/"+id), p)
		t.equal("by number", t.get(widget+"/pipeline/1"), other)
		t.equal("by number, once", t.get(widget+"/pipeline/1"), p)
		t.equal("the other", []any{other["number"], other["project_slug"], other["state"]}, []any{1001.0, "gh/acme/widget", "created"})
		w := t.only(id)
		t.equal("its workflow", w.text("status")+" "+w.text("pipeline_id"), "success "+other.text("id"))
		time.Sleep(time.Minute)
		w = t.only(id)
		t.equal("after a minute", w.text("status")+" "+w.text("pipeline_id"), "running "+id)
		t.call("GET", "/pipeline/"+other.text("id"), "", 404)
		t.equal("pipelines", len(t.sim.Pipelines()), 1)
	})
}

func TestMixedUpWithAGreenOne(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{{Kind: sim.MixedUp, Nth: 2}}}
	bubble(t, s, func(t tester) {
		green := t.trigger("")
		time.Sleep(time.Hour)
		id := t.trigger("")
		t.equal("right", t.get("/pipeline/"+id).text("id"), id)
		t.get("/me")
		t.get(widget + "/pipeline")
		t.equal("mixed up", t.only(id).text("pipeline_id"), green)
	})
}

func TestDeadPageToken(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{PageSize: 2, Faults: []sim.Fault{{Kind: sim.DeadPageToken}}}
	bubble(t, s, func(t tester) {
		for range 3 {
			t.trigger("")
		}
		next := t.get(widget + "/pipeline").text("next_page_token")
		t.equal("message", t.call("GET", widget+"/pipeline?page-token="+next, "", http.StatusNotFound).text("message"), "Not Found")
		t.equal("anew", t.numbers(widget+"/pipeline"), "3 2 | 1")
	})
}

func TestKindsByChanceHitOnlyWhatTheyConcern(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{PageSize: 1, Chaos: &sim.Chaos{Rate: 1, Kinds: []sim.FaultKind{sim.DeadPageToken, sim.MixedUp}}}
	bubble(t, s, func(t tester) {
		t.trigger("")
		id := t.trigger("")
		next := t.get(widget + "/pipeline").text("next_page_token")
		t.call("GET", widget+"/pipeline?page-token="+next, "", http.StatusNotFound)
		if got := t.get("/pipeline/" + id).text("id"); got == id {
			t.Error("nothing is mixed up")
		}
	})
}

func TestLoadRefusesFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"faults: [{kind: status-after}]":                                      "status needs to be 200 to 599, it is 0",
		"faults: [{kind: 429-after, status: 429}]":                            "status belongs to the kind status",
		"faults: [{kind: status-after, status: 201, body: x, without: [id]}]": "without and nulls belong to the kind status-after without a body",
		"faults: [{kind: status, status: 201, nulls: [id]}]":                  "without and nulls belong to the kind status-after",
		"faults: [{kind: status, status: 403, media_type: text/html}]":        "media_type needs body",
		"faults: [{kind: mixed-up, body: x}]":                                 "mixed-up sends no body of its own",
		"faults: [{kind: mixed-up, match: {endpoint: me}}]":                   "mixed-up hits only [pipeline ",
		"faults: [{kind: 429, for: -1s}]":                                     "for is positive, and instead of times",
		"faults: [{kind: 429, for: 1s, times: 2}]":                            "for is positive, and instead of times",
		"github: {faults: [{kind: mixed-up}]}":                                "github: faults[0]: mixed-up is a fault of CircleCI",
		"github: {faults: [{kind: dead-page-token}]}":                         "github: faults[0]: dead-page-token is a fault of CircleCI",
	} {
		_, err := sim.Load("s.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v\nwant %s", text, err, want)
		}
	}
	const text = "faults: [{kind: status-after, status: 201, nulls: [id], without: [number]}, {kind: status-after, status: 403, body: <html>, media_type: text/html}, {kind: mixed-up, for: 1m}]"
	got, err := sim.Load("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tester{T: t}.equal("faults", got.Faults, []sim.Fault{
		{Kind: sim.AnswerAfter, Status: 201, Silence: sim.Silence{Nulls: []string{"id"}, Without: []string{"number"}}},
		{Kind: sim.AnswerAfter, Status: 403, Body: "<html>", MediaType: "text/html"},
		{Kind: sim.MixedUp, For: time.Minute},
	})
}
