package sim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/sim"
)

const widget = "/project/gh/acme/widget"

// tester talks to a simulator in process, in a bubble of fake time.
type tester struct {
	*testing.T
	sim    *sim.Sim
	client *http.Client
}

func bubble(t *testing.T, s sim.Scenario, test func(tester)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		made := sim.New(s)
		defer made.Close()
		test(tester{t, made, made.Client()})
	})
}

// request is a request under /api/v2 with a token and, where there is a body, its content type.
func (t tester) request(method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, sim.URL+"/api/v2"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Circle-Token", "secret")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (t tester) do(r *http.Request) (int, string) {
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
	return answer.StatusCode, string(body)
}

// call makes a request, expects a status and returns the body.
func (t tester) call(method, path, body string, want int) object {
	t.Helper()
	status, text := t.do(t.request(method, path, body))
	if status != want {
		t.Fatalf("%s %s: %d %s, want %d", method, path, status, text, want)
	}
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return o
}

func (t tester) get(path string) object {
	t.Helper()
	return t.call("GET", path, "", http.StatusOK)
}

// trigger triggers the widget and returns the id of the pipeline.
func (t tester) trigger(body string) string {
	t.Helper()
	return t.call("POST", widget+"/pipeline", body, http.StatusCreated).text("id")
}

// only returns the only workflow of a pipeline.
func (t tester) only(pipeline string) object {
	t.Helper()
	items := t.get("/pipeline/" + pipeline + "/workflow").items()
	if len(items) != 1 {
		t.Fatalf("%d workflows, want 1: %v", len(items), items)
	}
	return items[0]
}

func (t tester) equal(what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// object is a JSON object. Its readers return the zero value for a missing field.
type object map[string]any

func (o object) text(path ...string) string {
	for _, name := range path[:len(path)-1] {
		next, _ := o[name].(map[string]any)
		o = next
	}
	s, _ := o[path[len(path)-1]].(string)
	return s
}

func (o object) items() []object {
	var list []object
	all, _ := o["items"].([]any)
	for _, item := range all {
		m, _ := item.(map[string]any)
		list = append(list, m)
	}
	return list
}

func (o object) each(name string) []string {
	var list []string
	for _, item := range o.items() {
		list = append(list, item.text(name))
	}
	return list
}

func TestTokens(t *testing.T) {
	t.Parallel()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	tests := []struct {
		name   string
		tokens []string
		set    func(*http.Request)
		want   int
	}{
		{"none", nil, func(*http.Request) {}, 401},
		{"any", nil, header("Circle-Token", "x"), 200},
		{"empty bearer", nil, header("Authorization", "Bearer "), 401},
		{"circle-token", []string{"a", "b"}, header("Circle-Token", "b"), 200},
		{"bearer", []string{"a"}, header("Authorization", "Bearer a"), 200},
		{"basic", []string{"a"}, func(r *http.Request) { r.SetBasicAuth("a", "") }, 200},
		{"wrong", []string{"a"}, header("Circle-Token", "c"), 401},
		{"in the query", []string{"a"}, func(r *http.Request) { r.URL.RawQuery = "circle-token=a" }, 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{Tokens: test.tokens}, func(t tester) {
				r := t.request("GET", "/me", "")
				r.Header.Del("Circle-Token")
				test.set(r)
				status, body := t.do(r)
				t.equal("status", status, test.want)
				if status == 401 {
					t.equal("body", body, `{"message":"You must log in first."}`)
				}
			})
		})
	}
}

func TestMeAndProject(t *testing.T) {
	t.Parallel()
	on := true
	s := sim.Scenario{
		Login: "bot", Strict: true,
		Default:  sim.Project{DefaultBranch: "master"},
		Projects: map[string]sim.Project{"widget": {Autocancel: &on}, "github/acme/gadget": {DefaultBranch: "trunk"}},
	}
	bubble(t, s, func(t tester) {
		t.equal("login", t.get("/me").text("login"), "bot")
		p := t.get(widget)
		t.equal("slug", p.text("slug"), "gh/acme/widget")
		t.equal("default branch", p.text("vcs_info", "default_branch"), "master")
		t.equal("overridden", t.get("/project/gh/acme/gadget").text("vcs_info", "default_branch"), "trunk")
		t.equal("long provider, escaped", t.get("/project/github%2Facme%2Fwidget"), p)
		t.equal("settings", t.get(widget + "/settings")["advanced"], any(map[string]any{"autocancel_builds": true, "setup_workflows": false}))
		t.equal("unknown", t.call("GET", "/project/gh/acme/other", "", 404).text("message"), "Project not found")
		t.call("GET", "/project/svn/acme/widget", "", 404)
	})
}

func TestPaths(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, path string
		want         int
	}{
		{"GET", "/nothing", 404},
		{"GET", "/project/gh/acme", 404},
		{"GET", "/project/gh%2Facme/widget", 404},
		{"POST", "/project/gh%2Facme%2Fwidget/pipeline", 201},
		{"POST", "/project/gh%2Facme%2Fwidget/pipeline/run", 404},
		{"POST", widget + "/pipeline/run", 201},
		{"GET", "/project/gh%2Facme%2Fwidget/settings", 404},
		{"DELETE", "/me", 405},
		{"POST", widget + "/pipeline/1", 405},
		{"GET", widget + "/pipeline/run", 404},
		{"GET", widget + "/pipeline/0", 404},
		{"GET", "/pipeline/5034460f-c7c4-4c43-9457-de07e2029e7b", 404},
		{"GET", "/pipeline/x/workflow", 404},
		{"GET", "/pipeline/x/config", 404},
		{"GET", "/workflow/x", 404},
		{"GET", "/workflow/x/job", 404},
		{"POST", "/workflow/x/cancel", 404},
		{"POST", "/workflow/x/rerun", 404},
		{"POST", "/workflow/x/approve/y", 404},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			t.Parallel()
			bubble(t, sim.Scenario{}, func(t tester) { t.call(test.method, test.path, "", test.want) })
		})
	}
}

func TestRequestsAreRecordedWithoutSecrets(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Faults: []sim.Fault{{Match: sim.Match{Endpoint: "me"}, Kind: sim.ResetBefore, Times: -1}}}, func(t tester) {
		r := t.request("POST", "/project/gh%2Facme%2Fwidget/pipeline?circle-token=secret&x=1", `{"branch":"main"}`)
		r.Header.Set("Authorization", "Bearer secret")
		t.do(r)
		_, err := t.client.Do(t.request("GET", "/me", ""))
		if err == nil {
			t.Error("a dropped connection gave an answer")
		}
		got := t.sim.Requests()
		if len(got) < 2 {
			t.Fatalf("%d requests recorded", len(got))
		}
		first, last := got[0], got[len(got)-1]
		if first.Time != time.Now() || first.Header.Get("Content-Type") != "application/json" {
			t.Errorf("first request is %+v", first)
		}
		for _, name := range []string{"Authorization", "Circle-Token"} {
			if first.Header.Get(name) != "" {
				t.Errorf("%s was kept", name)
			}
		}
		t.equal("query", first.Query.Encode(), "x=1")
		t.equal("line", first.Method+" "+first.Path+" "+first.Body, `POST /api/v2/project/gh%2Facme%2Fwidget/pipeline {"branch":"main"}`)
		t.equal("statuses", []int{first.Status, last.Status}, []int{201, 0})
	})
}

func TestDateIsTheClocks(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		time.Sleep(time.Hour)
		answer, err := t.client.Do(t.request("GET", "/me", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		t.equal("Date", answer.Header.Get("Date"), time.Now().UTC().Format(http.TimeFormat))
	})
}

func TestSameSeedSameIDs(t *testing.T) {
	t.Parallel()
	ids := func(t *testing.T, seed int64, order ...string) map[string]string {
		found := map[string]string{}
		bubble(t, sim.Scenario{Seed: seed}, func(t tester) {
			for _, name := range order {
				p := t.call("POST", "/project/gh/acme/"+name+"/pipeline", "", 201)
				time.Sleep(time.Second)
				found[name] = p.text("id") + " " + t.only(p.text("id")).text("id")
			}
		})
		return found
	}
	one, two := ids(t, 7, "a", "b"), ids(t, 7, "b", "a")
	if d := cmp.Diff(one, two); d != "" {
		t.Errorf("the order of triggers changed ids (-one +two):\n%s", d)
	}
	if one["a"] == one["b"] || one["a"] == ids(t, 8, "a")["a"] {
		t.Error("ids repeat")
	}
}

func TestOnlyTheSimulatorIsReachable(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		r := t.request("GET", "/me", "")
		r.URL.Host = "elsewhere.sim"
		if _, err := t.client.Do(r); err == nil || !strings.Contains(err.Error(), "elsewhere.sim:80 cannot be reached") {
			t.Errorf("got %v", err)
		}
		t.sim.Close()
		if _, err := t.client.Do(t.request("GET", "/me", "")); err == nil {
			t.Error("a closed simulator answered")
		}
	})
}

func TestNewRefusesWhatCannotBeHonoured(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New took a negative page size")
		}
	}()
	sim.New(sim.Scenario{PageSize: -1})
}

func TestOverTCP(t *testing.T) {
	t.Parallel()
	made := sim.New(sim.Scenario{Faults: []sim.Fault{
		{Match: sim.Match{Endpoint: "trigger"}, Kind: sim.HangAfter},
		{Match: sim.Match{Endpoint: "trigger"}, Nth: 2, Kind: sim.ResetAfter},
	}})
	server := httptest.NewServer(made)
	defer server.Close() // returns only when no handler hangs any more
	for _, patience := range []time.Duration{100 * time.Millisecond, time.Minute, time.Minute} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/api/v2"+widget+"/pipeline", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer x")
		answer, err := server.Client().Do(r)
		if last := len(made.Requests()) == 3; last != (err == nil) {
			t.Errorf("after request %d: %v", len(made.Requests()), err)
		}
		if err == nil {
			answer.Body.Close()
		}
	}
	if got := len(made.Pipelines()); got != 3 {
		t.Errorf("%d pipelines, want 3", got)
	}
}

func TestConcurrentTriggers(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				answer, err := t.client.Do(t.request("POST", widget+"/pipeline", ""))
				if err != nil {
					t.Error(err)
					return
				}
				answer.Body.Close()
				t.sim.Pipelines()
				t.sim.Requests()
			})
		}
		all.Wait()
		numbers := map[int64]bool{}
		for _, p := range t.sim.Pipelines() {
			numbers[p.Number] = true
		}
		t.equal("numbers", len(numbers), 20)
		t.equal("duplicates", len(t.sim.Duplicates()), 20*19/2)
	})
}
