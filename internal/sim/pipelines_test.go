package sim_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

func TestPipelineFromPendingToCreated(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Default: sim.Project{PendingFor: time.Second, WorkflowDelay: time.Minute}}
	bubble(t, s, func(t tester) {
		start := time.Now()
		id := t.trigger("")
		p := t.get("/pipeline/" + id)
		t.equal("state", p.text("state"), "pending")
		t.equal("received", p.text("trigger", "received_at"), start.UTC().Format("2006-01-02T15:04:05.000Z"))
		t.equal("created", p.text("created_at"), start.Add(35*time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z"))
		t.equal("trigger", p.text("trigger", "type")+" by "+p.text("trigger", "actor", "login"), "api by release-bot")

		time.Sleep(1035 * time.Millisecond)
		t.equal("state", t.get("/pipeline/"+id).text("state"), "created")
		t.equal("updated", t.get("/pipeline/"+id).text("updated_at"), p.text("updated_at"))
		time.Sleep(time.Minute - time.Nanosecond)
		t.equal("workflows", len(t.get("/pipeline/"+id+"/workflow").items()), 0)
		time.Sleep(time.Nanosecond)
		t.equal("workflow", t.only(id).text("status"), "running")
		t.equal("by number", t.get(widget+"/pipeline/1"), t.get("/pipeline/"+id))
	})
}

func TestPipelineThatNeverGetsWorkflows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		run    sim.Run
		state  string
		errors []string
	}{
		{sim.Run{Outcome: sim.Errored, Errors: []string{"second line", "first line"}}, "errored", []string{"second line", "first line"}},
		{sim.Run{Outcome: sim.Errored}, "errored", []string{"[#/jobs/release] only 1 subschema matches out of 2", "ERROR IN CONFIG FILE:"}},
		{sim.Run{Outcome: sim.None}, "created", nil},
	}
	for _, test := range tests {
		bubble(t, sim.Scenario{Default: sim.Project{PendingFor: time.Second, Runs: []sim.Run{test.run}}}, func(t tester) {
			id := t.trigger("")
			t.equal("errors while pending", messages(t.get("/pipeline/"+id)), []string(nil))
			time.Sleep(time.Hour)
			p := t.get("/pipeline/" + id)
			t.equal("state", p.text("state"), test.state)
			t.equal("errors", messages(p), test.errors)
			t.equal("workflows", len(t.get("/pipeline/"+id+"/workflow").items()), 0)
			t.equal("outcome", t.sim.Pipelines()[0].Outcome, string(test.run.Outcome))
		})
	}
}

func TestRevisionIsTheBranchs(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		var got []string
		for _, branch := range []string{"a", "a", "b"} {
			got = append(got, t.get("/pipeline/"+t.trigger(`{"branch":"`+branch+`"}`)).text("vcs", "revision"))
		}
		if got[0] != got[1] || got[0] == got[2] || !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(got[0]) {
			t.Errorf("revisions %q", got)
		}
	})
}

func TestAppProjectsSayTheBranchElsewhere(t *testing.T) {
	t.Parallel()
	const project = "/project/circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/84996744-a854-4f5e-aea3-04e2851dc1d2"
	bubble(t, sim.Scenario{}, func(t tester) {
		id := t.call("POST", project+"/pipeline/run", `{"config":{"branch":"3.1.x"}}`, 201).text("id")
		p := t.get("/pipeline/" + id)
		t.equal("branch", p.text("trigger_parameters", "git", "branch"), "3.1.x")
		if _, ok := p["vcs"]; ok {
			t.Error("there is a vcs")
		}
		t.equal("provider", t.get(project).text("vcs_info", "provider"), "CircleCI")
	})
}

func TestListsAreNewestFirstAndPaged(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{PageSize: 2}, func(t tester) {
		for i := range 5 {
			t.trigger(fmt.Sprintf(`{"branch":"%c"}`, "ab"[i%2]))
		}
		t.equal("all", t.numbers(widget+"/pipeline"), "5 4 | 3 2 | 1")
		t.equal("branch", t.numbers(widget+"/pipeline?branch=a"), "5 3 | 1")
		t.equal("none", t.numbers(widget+"/pipeline?branch=c"), "")

		first := t.get(widget + "/pipeline")
		t.trigger("")
		t.equal("a newer pipeline shifts nothing", t.get(widget + "/pipeline?page-token=" + first.text("next_page_token")).items()[0]["number"], any(3.0))
		wrong := t.get(widget + "/pipeline?next_page_token=" + first.text("next_page_token"))
		t.equal("the wrong name is page one", wrong.items()[0]["number"], any(6.0))
		t.call("GET", widget+"/pipeline?page-token=x", "", 400)
	})
}

// numbers are the pipeline numbers of a list, page by page.
func (t tester) numbers(path string) string {
	t.Helper()
	glue := "?"
	if strings.Contains(path, "?") {
		glue = "&"
	}
	var pages []string
	for at := path; ; {
		o := t.get(at)
		var numbers []string
		for _, item := range o.items() {
			numbers = append(numbers, fmt.Sprint(item["number"]))
		}
		pages = append(pages, strings.Join(numbers, " "))
		next := o.text("next_page_token")
		if next == "" {
			return strings.Join(pages, " | ")
		}
		at = path + glue + "page-token=" + url.QueryEscape(next)
	}
}

func TestListsOfMineAndOfAnOrganization(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		t.trigger("")
		if _, err := t.sim.Push("widget", "main", "somebody"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		t.call("POST", "/project/gh/acme/gadget/pipeline", "", 201)
		time.Sleep(time.Second)
		t.call("POST", "/project/gh/other/gadget/pipeline", "", 201)
		time.Sleep(time.Second)
		t.trigger("")
		t.equal("mine", t.numbers(widget+"/pipeline/mine"), "3 1")
		t.equal("organization", t.get("/pipeline?org-slug=github/acme").each("project_slug"), []string{"gh/acme/widget", "gh/acme/gadget", "gh/acme/widget", "gh/acme/widget"})
		t.equal("mine there", t.numbers("/pipeline?org-slug=gh/acme&mine=true"), "3 1 1")
		t.equal("everywhere", t.numbers("/pipeline"), "3 1 1 2 1")
	})
}

func TestLags(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{ListLag: 2 * time.Minute, NumberLag: time.Minute}, func(t tester) {
		id := t.trigger("")
		t.get("/pipeline/" + id)
		t.equal("list", t.numbers(widget+"/pipeline"), "")
		t.call("GET", widget+"/pipeline/1", "", 404)
		time.Sleep(time.Minute)
		t.get(widget + "/pipeline/1")
		t.equal("mine", t.numbers(widget+"/pipeline/mine"), "")
		time.Sleep(time.Minute)
		t.equal("list", t.numbers(widget+"/pipeline"), "1")
		t.equal("organization", t.numbers("/pipeline?org-slug=gh/acme"), "1")
	})
}

func TestNextNumberBringsHistory(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{NextNumber: 4}}, func(t tester) {
		t.equal("before", t.numbers(widget+"/pipeline"), "3 2 1")
		t.trigger("")
		t.equal("after", t.numbers(widget+"/pipeline"), "4 3 2 1")
		old := t.get(widget + "/pipeline/3")
		t.equal("trigger", old.text("trigger", "type"), "webhook")
		t.equal("status", t.only(old.text("id")).text("status"), "success")
		t.equal("mine", t.numbers(widget+"/pipeline/mine"), "4")
		t.equal("created so far", len(t.sim.Pipelines()), 1)
	})
}

func TestConfigShowsParameters(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{}, func(t tester) {
		id := t.trigger(`{"parameters":{"dry_run":true,"gio_action":"release"}}`)
		c := t.get("/pipeline/" + id + "/config")
		if want := `environment: {"dry_run":true,"gio_action":"release"}`; !strings.Contains(c.text("compiled"), want) {
			t.Errorf("compiled is %q, want %q in it", c.text("compiled"), want)
		}
		t.equal("source", c.text("source"), "version: 2.1\nparameters:\n  dry_run:\n    type: boolean\n  gio_action:\n    type: string\n")
	})
}
