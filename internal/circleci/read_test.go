package circleci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// Each read requests the right path and parses the fixture.
func TestReads(t *testing.T) {
	t.Parallel()
	received, created := at(t, "2026-08-20T10:19:23.436Z"), at(t, "2026-08-20T10:19:23.471Z")
	errored := Pipeline{
		ID: "54f18b24-866d-4798-8d86-451dfbb95a35", Number: 13, Project: testSlug, State: PipelineErrored,
		Errors: []PipelineError{{"config", "[#/jobs/lint] only 1 subschema matches out of 2"}, {"config", "ERROR IN CONFIG FILE:"}},
		Branch: "3.1.x", Revision: "f454a02b5d10fcccfd7d9dd7608a76d6493a98b4",
		Trigger: "api", Actor: "release-bot", CreatedAt: created, ReceivedAt: received,
	}
	app := Pipeline{
		ID: "497f6eca-6276-4993-bfeb-53cbbbba6f08", Number: 26,
		Project: "circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/84996744-a854-4f5e-aea3-04e2851dc1d2",
		State:   PipelineCreated, Errors: []PipelineError{}, Branch: "3.1.x", Revision: "f454a02b5d10fcccfd7d9dd7608a76d6493a98b4",
		Trigger: "api", Actor: "release-bot", CreatedAt: created, ReceivedAt: received,
	}
	release := Workflow{
		Name: "release", Pipeline: "5034460f-c7c4-4c43-9457-de07e2029e7b", Number: 25, Project: testSlug,
	}
	again, first := release, release
	again.ID, again.Status, again.CreatedAt = "0e53027b-521a-4c40-9042-47e72b3c63a3", StatusRunning, at(t, "2026-08-20T10:30:00Z")
	first.ID, first.Status, first.CreatedAt = "fda08377-fe7e-46b1-8992-3a7aaecac9c3", StatusFailed, at(t, "2026-08-20T10:19:25Z")
	first.StoppedAt = at(t, "2026-08-20T10:25:25Z")
	setup := first
	setup.Name, setup.Setup, setup.Status, setup.StoppedAt = "setup-workflow", true, StatusSuccess, at(t, "2026-08-20T10:19:55Z")
	due := first
	due.AutoReruns, due.MaxAutoReruns = 1, 3

	tests := []struct {
		name, path, answer string
		read               func(context.Context, *Client) (any, error)
		want               any
	}{
		{
			"me", "/me", fixture(t, "me.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Me(ctx) },
			User{ID: "0989fcb2-c8d2-43ed-bfdd-3ff63487e121", Login: "release-bot", Name: "Release Bot", ServerTime: at(t, "2000-01-01T00:00:00Z")},
		},
		{
			"project", "/project/gh/acme/widget", fixture(t, "project.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Project(ctx, testSlug) },
			Project{Slug: testSlug, Name: "widget", DefaultBranch: "main"},
		},
		{
			"project, by the long name of its provider", "/project/gh/acme/widget", fixture(t, "project.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Project(ctx, "github/acme/widget") },
			Project{Slug: testSlug, Name: "widget", DefaultBranch: "main"},
		},
		{
			"settings", "/project/gh/acme/widget/settings", fixture(t, "settings.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Settings(ctx, testSlug) },
			Settings{Autocancel: true},
		},
		{
			"pipeline", "/pipeline/" + errored.ID, fixture(t, "pipeline_errored.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Pipeline(ctx, errored.ID) }, errored,
		},
		{
			"pipeline by number", "/project/gh/acme/widget/pipeline/26", fixture(t, "pipeline_app.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.PipelineByNumber(ctx, testSlug, 26) }, app,
		},
		{
			"workflows", "/pipeline/" + release.Pipeline + "/workflow", fixture(t, "workflows_rerun.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Workflows(ctx, release.Pipeline) },
			[]Workflow{again, first},
		},
		{
			"setup workflow", "/pipeline/" + release.Pipeline + "/workflow", fixture(t, "workflows_setup.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Workflows(ctx, release.Pipeline) },
			[]Workflow{setup},
		},
		{
			"automatic re-run", "/pipeline/" + release.Pipeline + "/workflow", `{"items":[` + fixture(t, "workflow_auto_rerun.json") + `]}`,
			func(ctx context.Context, c *Client) (any, error) { return c.Workflows(ctx, release.Pipeline) },
			[]Workflow{due},
		},
		{
			"insights", "/insights/gh/acme/widget/workflows", fixture(t, "insights_workflows.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.WorkflowTimings(ctx, testSlug) },
			[]WorkflowTiming{{"release", 1656 * time.Second}},
		},
		{
			"insights of a workflow", "/insights/gh/acme/widget/workflows/release", fixture(t, "insights_runs.json"),
			func(ctx context.Context, c *Client) (any, error) {
				return c.WorkflowDurations(ctx, testSlug, "release")
			},
			[]time.Duration{1656 * time.Second},
		},
		{
			"insights, newest first", "/insights/gh/acme/widget/workflows/release",
			`{"items":[{"status":"success","duration":10,"created_at":"2026-08-17T20:34:50Z"},{"status":"success","duration":11,"created_at":"2026-08-18T20:34:50Z"},
			{"status":"success","duration":99,"is_approval":true},{"status":"success","duration":null},{"status":"canceled","duration":5},{}],"next_page_token":"more"}`,
			func(ctx context.Context, c *Client) (any, error) {
				return c.WorkflowDurations(ctx, testSlug, "release")
			},
			[]time.Duration{11 * time.Second, 10 * time.Second},
		},
		{
			"no workflows", "/pipeline/p/workflow", fixture(t, "workflows_empty.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Workflows(ctx, "p") }, []Workflow(nil),
		},
		{
			"jobs", "/workflow/w/job", fixture(t, "jobs_held.json"),
			func(ctx context.Context, c *Client) (any, error) { return c.Jobs(ctx, "w") },
			[]Job{
				{
					ID: "fc2332c9-ce54-405b-8b4f-d5af38210627", Name: "prepare", Type: "build", Status: "success", Number: 127,
					Project: testSlug, StartedAt: at(t, "2026-08-20T10:19:25Z"), StoppedAt: at(t, "2026-08-20T10:20:25Z"), Dependencies: []string{},
				},
				{
					ID: "3c4e5f6a-7b8c-4d0e-8f2a-3b4c5d6e7f80", Name: "hold", Type: "approval", Status: "on_hold", Project: testSlug,
					ApprovalID: "3c4e5f6a-7b8c-4d0e-8f2a-3b4c5d6e7f80", Dependencies: []string{"fc2332c9-ce54-405b-8b4f-d5af38210627"},
				},
				{
					ID: "8a6f3a11-9a0e-4b57-8f6c-6a3c3c2f9d10", Name: "release", Type: "build", Status: "blocked", Project: testSlug,
					Dependencies: []string{"3c4e5f6a-7b8c-4d0e-8f2a-3b4c5d6e7f80"},
				},
			},
		},
		{
			"nulls and new words", "/pipeline/p/workflow",
			`{"items":[{"id":null,"name":null,"status":null,"tag":null,"created_at":"","stopped_at":"soon","auto_rerun_number":null,
			"max_auto_reruns":"2","new":{}},{"status":"dreaming"}],"next_page_token":null,"new":1}`,
			func(ctx context.Context, c *Client) (any, error) { return c.Workflows(ctx, "p") },
			[]Workflow{{}, {Status: "dreaming"}},
		},
		{
			"bare pipeline", "/pipeline/p",
			`{"id":"p","errors":null,"vcs":null,"trigger":{"type":"unknown","actor":null},"trigger_parameters":null,"number":null}`,
			func(ctx context.Context, c *Client) (any, error) { return c.Pipeline(ctx, "p") },
			Pipeline{ID: "p", Trigger: "unknown"},
		},
		{
			"odd segment", "/pipeline/a%2Fb%3F", `{"id":"a/b?"}`,
			func(ctx context.Context, c *Client) (any, error) { return c.Pipeline(ctx, "a/b?") },
			Pipeline{ID: "a/b?"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, r := client(t, answer(200, tt.answer))
				got, err := tt.read(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
				if a := r.all()[0]; a.method != "GET" || a.path != "/api/v2"+tt.path {
					t.Errorf("asked %s %s", a.method, a.path)
				}
			})
		})
	}
}

// An answer about something else than was asked for is unreadable. What says nothing of it is believed, in whatever case.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	reads := map[string]func(context.Context, *Client) error{
		"pipeline":  func(ctx context.Context, c *Client) error { _, err := c.Pipeline(ctx, "aaa"); return err },
		"number":    func(ctx context.Context, c *Client) error { _, err := c.PipelineByNumber(ctx, testSlug, 7); return err },
		"workflows": func(ctx context.Context, c *Client) error { _, err := c.Workflows(ctx, "aaa"); return err },
		"jobs":      func(ctx context.Context, c *Client) error { _, err := c.Jobs(ctx, "aaa"); return err },
	}
	for _, tt := range []struct {
		read, answer string
		foreign      bool
	}{
		{"pipeline", `{"id":"bbb","state":"created"}`, true},
		{"pipeline", `{"id":"AAA","number":9}`, false},
		{"number", `{"id":"bbb","number":8}`, true},
		{"number", `{"id":"bbb","number":7}`, false},
		{"number", `{"id":"bbb","number":null}`, false},
		{"workflows", `{"items":[{"id":"1","pipeline_id":"aaa"},{"id":"2","status":"success","pipeline_id":"bbb"}]}`, true},
		{"workflows", `{"items":[{"id":"1","pipeline_id":"aaa"},{"id":"2","status":"success","pipeline_id":null},{"id":"3"}]}`, false},
		{"jobs", `{"items":[{"id":"1","workflow_id":"bbb"}]}`, true},
		{"jobs", `{"items":[{"id":"1","workflow_id":"aaa"},{"id":"2"},{"id":"3","workflow_id":4,"dependencies":"x"}]}`, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, answer(200, tt.answer))
			err := reads[tt.read](t.Context(), c)
			if tt.foreign != fault.Is(err, "circleci-answer") || tt.foreign != (fault.KindOf(err) == fault.Remote) {
				t.Errorf("%s: %s gives %v", tt.read, tt.answer, err)
			}
		})
	}
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		h    http.HandlerFunc
		kind fault.Kind
		says []string
	}{
		{"401", answer(401, fixture(t, "error_401.json")), fault.Auth, []string{"GET /api/v2/project/gh/acme/widget: CircleCI answered 401", "wrong, expired or revoked, or it is a project's"}},
		{"403", answer(403, `no`), fault.Auth, []string{"403 (no)", "access to project gh/acme/widget"}},
		{"404", answer(404, fixture(t, "error_404.json")), fault.NotFound, []string{"404 (", "project gh/acme/widget is spelled right", "has access"}},
		{"403 of a firewall", answer(403, " \n<html>blocked"), fault.Remote, []string{"a web page came back, with status 403, instead of CircleCI's answer (<html>blocked)"}},
		{"404 of a firewall", answer(404, `<!DOCTYPE html>`), fault.Remote, []string{"instead of CircleCI's answer"}},
		{"407 of a proxy", answer(407, `<html>who are you`), fault.Remote, []string{"a proxy of HTTP_PROXY does not let gio reach circleci.test"}},
		{"400", answer(400, `{"message":"odd"}`), fault.Remote, []string{"400 (odd)"}},
		{"500 for ever", answer(500, `oops`), fault.Remote, []string{"500 (oops)"}},
		{"reset for ever", reset, fault.Remote, []string{"no complete answer", "attempts"}},
		{"html", answer(200, `<html>hello`), fault.Remote, []string{"cannot understand", "<html>hello"}},
		{"another object", answer(200, `{"message":"hello"}`), fault.Remote, []string{"contains no project"}},
		{"redirect", answer(302, ``, "Location", "https://login.test/?sesame"), fault.Remote, []string{"302", "login.test, not followed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := client(t, tt.h)
				p, err := c.Project(t.Context(), testSlug)
				if fault.KindOf(err) != tt.kind || p != (Project{}) {
					t.Fatalf("%+v, kind %d: %v", p, fault.KindOf(err), err)
				}
				for _, want := range tt.says {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not tell %q", err, want)
					}
				}
				noSecret(t, err.Error())
			})
		})
	}
}

func TestReadsAreTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c, r := client(t, func(w http.ResponseWriter, req *http.Request) {
			if n++; n < 4 {
				answer([]int{500, 429, 503}[n-1], `oops`)(w, req)
				return
			}
			answer(200, fixture(t, "me.json"))(w, req)
		})
		u, err := c.Me(t.Context())
		if err != nil || u.Login != "release-bot" || r.count("GET") != 4 {
			t.Errorf("%+v, %v after %d requests", u, err, r.count("GET"))
		}
	})
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	stop := fault.New(fault.Stopped, "stop", "stopped")
	synctest.Test(t, func(t *testing.T) {
		c, _ := client(t, hang)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(stop) })
		if _, err := c.Me(ctx); !errors.Is(err, stop) || fault.KindOf(err) != fault.Stopped {
			t.Error(err)
		}
	})
}

func TestReadsRefuseEmptyParts(t *testing.T) {
	t.Parallel()
	c, r := New(Options{Token: "t", Host: "http://127.0.0.1:0"}), t.Context()
	_, e1 := c.Pipeline(r, "")
	_, e2 := c.Workflows(r, "..")
	_, e3 := c.Jobs(r, "")
	_, e4 := c.Project(r, "widget")
	_, e5 := c.PipelineByNumber(r, "gh//x", 1)
	_, e6 := c.Newest(r, "gh/a/b/c")
	var e7 error
	for _, e7 = range c.Pipelines(r, "", "") {
	}
	for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, c.CancelWorkflow(r, ""), c.Cancel(r, "")} {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("call %d: %v", i+1, err)
		}
	}
}

// threePages serves pipelines 60 to 31, ten a page, disordered within the page.
func threePages(w http.ResponseWriter, r *http.Request) {
	page := map[string]int{"": 0, "p1": 1, "p2": 2}[r.URL.Query().Get("page-token")]
	var items []string
	for i := range 10 {
		number := 60 - 10*page - (i*3)%10
		items = append(items, fmt.Sprintf(`{"id":"id-%d","number":%d,"vcs":{"branch":"b"}}`, number, number))
	}
	next := []string{`"p1"`, `"p2"`, `null`}[page]
	answer(200, `{"items":[`+strings.Join(items, ",")+`],"next_page_token":`+next+`}`)(w, r)
}

func TestPipelines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		branch  string
		stop    int64 // after this number
		last    int64
		queries []string
	}{
		{"", 0, 31, []string{"", "page-token=p1", "page-token=p2"}},
		{"3.1.x/ä", 0, 31, []string{"branch=3.1.x%2F%C3%A4", "branch=3.1.x%2F%C3%A4&page-token=p1", "branch=3.1.x%2F%C3%A4&page-token=p2"}},
		{"", 55, 55, []string{""}},
		{"", 51, 51, []string{""}},
		{"", 50, 50, []string{"", "page-token=p1"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, r := client(t, threePages)
			last := int64(61)
			for p, err := range c.Pipelines(t.Context(), testSlug, tt.branch) {
				if err != nil || p.Number != last-1 {
					t.Fatalf("number %d after %d, %v", p.Number, last, err)
				}
				if last = p.Number; last == tt.stop {
					break
				}
			}
			if last != tt.last {
				t.Errorf("ended at %d, want %d", last, tt.last)
			}
			var queries []string
			for _, a := range r.all() {
				queries = append(queries, a.query)
			}
			if diff := cmp.Diff(tt.queries, queries); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// One list covers all projects of an organization.
func TestMine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, r := client(t, threePages)
		read := 0
		for _, err := range c.Mine(t.Context(), "gh/acme") {
			if err != nil {
				t.Fatal(err)
			}
			read++
		}
		if read != 30 {
			t.Errorf("%d pipelines, want those of three pages", read)
		}
		if first := r.all()[0]; !strings.HasSuffix(first.path, "/pipeline") || first.query != "mine=true&org-slug=gh%2Facme" {
			t.Errorf("asked for %s?%s", first.path, first.query)
		}
	})
}

// The old system requested page one again and again (S8).
func TestEndlessPagesAreAnError(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(string) string{
		"own token": func(string) string { return "a" },
		"two in turn": func(token string) string {
			if token == "a" {
				return "b"
			}
			return "a"
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, r := client(t, func(w http.ResponseWriter, req *http.Request) {
				answer(200, `{"items":[{"id":"x"}],"next_page_token":"`+next(req.URL.Query().Get("page-token"))+`"}`)(w, req)
			})
			_, err := c.Workflows(t.Context(), "p")
			if !fault.Is(err, "circleci-pages") || len(r.all()) > 3 {
				t.Errorf("%s: %v after %d requests", name, err, len(r.all()))
			}
		})
	}
}

// An error on a later page is returned: a part of a list never passes for the whole.
func TestHalfAListIsAnError(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]http.HandlerFunc{
		"404 for ever": answer(404, `{"message":"gone"}`), "null": answer(200, `{"items":null}`), "no list": answer(200, `{"message":"hello"}`),
		"object": answer(200, `{"items":{}}`),
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("page-token") == "" {
					answer(200, `{"items":[{"id":"1","status":"success"}],"next_page_token":"2"}`)(w, r)
					return
				}
				second(w, r)
			})
			ws, err := c.Workflows(t.Context(), "p")
			if fault.KindOf(err) != fault.Remote || ws != nil { // never NotFound: it is there
				t.Errorf("%s: %v, %v", name, ws, err)
			}
			jobs, err := c.Jobs(t.Context(), "w")
			if err == nil || jobs != nil {
				t.Errorf("%s: %v, %v", name, jobs, err)
			}
		})
	}
}

// TestDeadPageToken: a page token that CircleCI does not know is no misspelling. The list is read anew, once; after that what was
// read stands, and the error says how much it was.
func TestDeadPageToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		dead     int // answers of the last page that are 404
		requests int
		cut      bool
	}{
		"once": {1, 6, false}, "for ever": {99, 6, true}, "never": {0, 3, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			dead := tt.dead
			c, r := client(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("page-token") == "p2" && dead > 0 {
					dead--
					answer(404, `{"message":"Not Found"}`)(w, r)
					return
				}
				threePages(w, r)
			})
			var read []int64
			var err error
			for p, next := range c.Mine(t.Context(), "gh/acme") {
				if err = next; err == nil {
					read = append(read, p.Number)
				}
			}
			seen := map[int64]bool{}
			for _, n := range read {
				seen[n] = true
			}
			if IsCut(err) != tt.cut || (err != nil) != tt.cut || len(r.all()) != tt.requests || len(seen) != len(read) || len(read) != map[bool]int{true: 20, false: 30}[tt.cut] {
				t.Errorf("%s: %d pipelines by %d requests, %v", name, len(read), len(r.all()), err)
			}
			if tt.cut && (fault.KindOf(err) != fault.Remote || !strings.Contains(err.Error(), "20 entries") || strings.Contains(err.Error(), "spelled")) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// TestDeadPageTokenOfWorkflows: the whole list is read anew, so that no workflow counts twice.
func TestDeadPageTokenOfWorkflows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
			switch n++; n {
			case 1, 3:
				answer(200, `{"items":[{"id":"1"}],"next_page_token":"x"}`)(w, r)
			case 2:
				answer(404, `{"message":"Not Found"}`)(w, r)
			default:
				answer(200, `{"items":[{"id":"2"}]}`)(w, r)
			}
		})
		ws, err := c.Workflows(t.Context(), "p")
		if err != nil || len(ws) != 2 || ws[1].ID != "2" {
			t.Errorf("%+v, %v", ws, err)
		}
	})
}

// TestCompiledWorkflows reads names, and nothing from what is no configuration.
func TestCompiledWorkflows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body, want string
		bad        bool
	}{
		{`{"compiled":"version: 2\nworkflows:\n  version: 2\n  release:\n    jobs: [a]\n  report: {when: false, jobs: [b]}\n"}`, "release report", false},
		{fixture(t, "config.json"), "", false},
		{`{"compiled":"workflows: 5"}`, "", true},
		{`{"compiled":"\t{"}`, "", true},
		{`{"source":"x"}`, "", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, answer(200, tt.body))
			got, err := c.CompiledWorkflows(t.Context(), "p")
			slices.Sort(got)
			if strings.Join(got, " ") != tt.want || (err != nil) != tt.bad || tt.bad && fault.KindOf(err) != fault.Remote {
				t.Errorf("%s: %v, %v", tt.body, got, err)
			}
		})
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		h      http.HandlerFunc
		number int64
	}{
		{"disordered page", threePages, 60},
		{"none", answer(200, fixture(t, "pipelines_empty.json")), 0},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			c, r := client(t, tt.h)
			number, err := c.Newest(t.Context(), testSlug)
			if err != nil || number != tt.number || len(r.all()) != 1 {
				t.Errorf("%s: %d, %v after %d requests", tt.name, number, err, len(r.all()))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c, _ := client(t, answer(404, `{"message":"Project not found"}`))
		if _, err := c.Newest(t.Context(), testSlug); fault.KindOf(err) != fault.NotFound {
			t.Error(err)
		}
	})
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	project, definitions := fixture(t, "project.json"), fixture(t, "definitions.json")
	const list = "/api/v2/projects/84996744-a854-4f5e-aea3-04e2851dc1d2/pipeline-definitions"
	tests := []struct {
		name, project string
		list          http.HandlerFunc
		want          []Definition
		kind          fault.Kind
	}{
		{"known", project, answer(200, definitions), []Definition{{"2338d0ae-5541-4bbf-88a2-55e9f7281f80", "build"}}, 0},
		{"none", project, answer(200, `{"items":[]}`), nil, 0},
		{"of a server", project, answer(404, `{"message":"Not found"}`), nil, fault.NotFound},
		{"of a project without an id", `{"slug":"gh/acme/widget"}`, answer(200, definitions), nil, fault.Remote},
		{"no list", project, answer(200, `{}`), nil, fault.Remote},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == list {
					tt.list(w, r)
					return
				}
				answer(200, tt.project)(w, r)
			})
			got, err := c.Definitions(t.Context(), testSlug)
			if diff := cmp.Diff(tt.want, got); diff != "" || tt.kind == 0 && err != nil || fault.KindOf(err) != tt.kind {
				t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
			}
		})
	}
}

// TestOneRefusal: amid good answers one 401 or 403 is asked again once. The first answer of all counts at once.
func TestOneRefusal(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403} {
		for refuse, want := range map[string]struct {
			asked int
			bad   bool
		}{" 2 ": {3, false}, " 2 3 ": {3, true}, " 1 ": {2, true}} {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				c, r := client(t, func(w http.ResponseWriter, req *http.Request) {
					if n++; strings.Contains(refuse, fmt.Sprintf(" %d ", n)) {
						answer(status, `{"message":"no"}`)(w, req)
						return
					}
					answer(200, fixture(t, "me.json"))(w, req)
				})
				_, first := c.Me(t.Context())
				_, second := c.Me(t.Context())
				if bad := first != nil || second != nil; bad != want.bad || len(r.all()) != want.asked {
					t.Errorf("%d to%s: %v, %v after %d requests", status, refuse, first, second, len(r.all()))
				}
			})
		}
	}
}

// TestNoCircleCI: a server that does not know /me is none.
func TestNoCircleCI(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := client(t, answer(404, `{"message":"not here"}`))
		_, err := c.Me(t.Context())
		if !fault.Is(err, "circleci-host") || !strings.Contains(err.Error(), "there is no CircleCI at http://circleci.test") {
			t.Errorf("%v", err)
		}
	})
}
