package sim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

func TestFaultsOnATrigger(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind   sim.FaultKind
		status int // 0: no answer
		body   string
		acted  int
	}{
		{sim.ErrorBefore, 500, `{"message":"Internal server error"}`, 0},
		{sim.ErrorAfter, 500, `{"message":"Internal server error"}`, 1},
		{sim.HangBefore, 0, "", 0},
		{sim.HangAfter, 0, "", 1},
		{sim.ResetBefore, 0, "", 0},
		{sim.ResetAfter, 0, "", 1},
		{sim.Throttle, 429, "Rate limited.", 0},
	}
	for _, test := range tests {
		t.Run(string(test.kind), func(t *testing.T) {
			t.Parallel()
			s := sim.Scenario{Faults: []sim.Fault{{Match: sim.Match{Endpoint: "trigger"}, Kind: test.kind}}}
			bubble(t, s, func(t tester) {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				answer, err := t.client.Do(t.request("POST", widget+"/pipeline", `{"branch":"main"}`).WithContext(ctx))
				switch {
				case test.status == 0 && err == nil:
					t.Fatalf("answered with %d", answer.StatusCode)
				case test.status == 0:
					hung := errors.Is(err, context.DeadlineExceeded) && time.Since(start) == 30*time.Second
					t.equal("hung", hung, test.kind == sim.HangBefore || test.kind == sim.HangAfter)
				case err != nil:
					t.Fatal(err)
				default:
					body, _ := io.ReadAll(answer.Body)
					answer.Body.Close()
					t.equal("status", answer.StatusCode, test.status)
					t.equal("body", string(body), test.body)
				}
				t.equal("pipelines", len(t.sim.Pipelines()), test.acted)
				requests := t.sim.Requests()
				t.equal("requests", len(requests), 1)
				t.equal("recorded status", requests[0].Status, test.status)
				t.trigger("")
			})
		})
	}
}

func TestTruncatedAnswer(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{{Match: sim.Match{Method: "POST"}, Kind: sim.TruncateAfter}}}
	bubble(t, s, func(t tester) {
		answer, err := t.client.Do(t.request("POST", widget+"/pipeline", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		t.equal("status", answer.StatusCode, 201)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 {
			t.Errorf("read %q, %v", body, err)
		}
		t.equal("pipelines", len(t.sim.Pipelines()), 1)
	})
}

func TestAnswersOfFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		fault      sim.Fault
		status     int
		mediaType  string
		retryAfter string
		body       string
	}{
		{"plain", sim.Fault{Kind: sim.Throttle}, 429, "text/plain; charset=utf-8", "", "Rate limited."},
		{"JSON", sim.Fault{Kind: sim.Throttle, Body: `{"message":"slow down"}`}, 429, "application/json", "", `{"message":"slow down"}`},
		{"seconds", sim.Fault{Kind: sim.Throttle, RetryAfter: 1500 * time.Millisecond}, 429, "text/plain; charset=utf-8", "2", "Rate limited."},
		{"date", sim.Fault{Kind: sim.Throttle, RetryAfter: 30 * time.Second, RetryAsDate: true}, 429, "text/plain; charset=utf-8", "Sat, 01 Jan 2000 00:00:31 GMT", "Rate limited."},
		{"status", sim.Fault{Kind: sim.Answer, Status: 503, RetryAfter: time.Second}, 503, "text/plain; charset=utf-8", "1", ""},
		{"skipped", sim.Fault{Kind: sim.Answer, Status: 200, Body: string(wire(t, "trigger_200_skipped.json"))}, 200, "application/json", "", string(wire(t, "trigger_200_skipped.json"))},
		{"gateway", sim.Fault{Kind: sim.ErrorBefore, Body: "<html>"}, 500, "text/plain; charset=utf-8", "", "<html>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{Faults: []sim.Fault{test.fault}}, func(t tester) {
				answer, err := t.client.Do(t.request("GET", "/me", ""))
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				body, _ := io.ReadAll(answer.Body)
				t.equal("status", answer.StatusCode, test.status)
				t.equal("media type", answer.Header.Get("Content-Type"), test.mediaType)
				t.equal("Retry-After", answer.Header.Get("Retry-After"), test.retryAfter)
				t.equal("body", string(body), test.body)
			})
		})
	}
}

func TestFaultsMatchAndCount(t *testing.T) {
	t.Parallel()
	teapot := func(m sim.Match, nth, times int) sim.Fault {
		return sim.Fault{Match: m, Nth: nth, Times: times, Kind: sim.Answer, Status: 418}
	}
	tests := []struct {
		name   string
		faults []sim.Fault
		want   string // statuses of me, project, pipeline, workflows, workflow, twice over
	}{
		{"none", nil, "200 200 200 200 200 200 200 200 200 200"},
		{"first", []sim.Fault{teapot(sim.Match{}, 0, 0)}, "418 200 200 200 200 200 200 200 200 200"},
		{"third and fourth", []sim.Fault{teapot(sim.Match{}, 3, 2)}, "200 200 418 418 200 200 200 200 200 200"},
		{"from the ninth on", []sim.Fault{teapot(sim.Match{}, 9, -1)}, "200 200 200 200 200 200 200 200 418 418"},
		{"endpoint", []sim.Fault{teapot(sim.Match{Endpoint: "workflow"}, 2, 0)}, "200 200 200 200 200 200 200 200 200 418"},
		{"method", []sim.Fault{teapot(sim.Match{Method: "POST"}, 1, -1)}, "200 200 200 200 200 200 200 200 200 200"},
		{"path", []sim.Fault{teapot(sim.Match{Path: "^/(me|pipeline/[^/]+)$"}, 1, -1)}, "418 200 418 200 200 418 200 418 200 200"},
		{"project by slug", []sim.Fault{teapot(sim.Match{Project: "github/acme/widget"}, 1, -1)}, "200 418 418 418 418 200 418 418 418 418"},
		{"project by name", []sim.Fault{teapot(sim.Match{Project: "widget"}, 1, 1)}, "200 418 200 200 200 200 200 200 200 200"},
		{"another project", []sim.Fault{teapot(sim.Match{Project: "gadget"}, 1, -1)}, "200 200 200 200 200 200 200 200 200 200"},
		{
			"all count, the first acts",
			[]sim.Fault{{Kind: sim.ErrorBefore, Times: 2}, teapot(sim.Match{}, 2, 2)},
			"500 500 418 200 200 200 200 200 200 200",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{Faults: test.faults}, func(t tester) {
				p, err := t.sim.Push("gh/acme/widget", "main", "somebody")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(prelude)
				workflow := firstWorkflow(t, p.ID)
				var got string
				for range 2 {
					for _, path := range []string{"/me", widget, "/pipeline/" + p.ID, "/pipeline/" + p.ID + "/workflow", "/workflow/" + workflow} {
						status, _ := t.do(t.request("GET", path, ""))
						got += fmt.Sprint(" ", status)
					}
				}
				t.equal("statuses", got[1:], test.want)
			})
		})
	}
}

// firstWorkflow reads the id from a twin of the simulator with the same ids, so that no fault counts the request.
func firstWorkflow(t tester, pipeline string) string {
	t.Helper()
	twin := sim.New(sim.Scenario{})
	defer twin.Close()
	if _, err := twin.Push("gh/acme/widget", "main", "somebody"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(prelude)
	return tester{t.T, twin, twin.Client()}.only(pipeline).text("id")
}

func TestHangEndsWithTheServer(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Faults: []sim.Fault{{Kind: sim.HangBefore, Times: -1}}}, func(t tester) {
		failed := make(chan error, 1)
		r := t.request("POST", widget+"/pipeline", "{}")
		go func() {
			_, err := t.client.Do(r)
			failed <- err
		}()
		time.Sleep(24 * time.Hour)
		t.sim.Close()
		if err := <-failed; err == nil {
			t.Error("a hanging request was answered")
		}
	})
}

func TestEveryEndpointHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range sim.Endpoints() {
		if name == "" || seen[name] {
			t.Errorf("endpoint %q is empty or twice", name)
		}
		seen[name] = true
	}
	if !seen["trigger"] {
		t.Error("there is no trigger")
	}
}
