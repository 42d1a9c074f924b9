package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// prelude is the time from the trigger until the workflow of a plain project appears.
const prelude = 135 * time.Millisecond

func TestOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		outcome sim.Outcome
		during  string
		after   string
		jobs    string
	}{
		{"", "running", "success", "prepare build success 1, maven build success 2"},
		{sim.Success, "running", "success", "prepare build success 1, maven build success 2"},
		{sim.Failed, "running", "failed", "prepare build success 1, maven build failed 2"},
		{sim.Canceled, "running", "canceled", "prepare build success 1, maven build canceled -"},
		{sim.InternalErr, "running", "error", "prepare build success 1, maven build infrastructure_fail 2"},
		{sim.Unauthorized, "running", "unauthorized", "prepare build success 1, maven build unauthorized -"},
	}
	for _, test := range tests {
		t.Run(string(test.outcome), func(t *testing.T) {
			t.Parallel()
			run := sim.Run{Outcome: test.outcome, Duration: 10 * time.Second, Job: "maven"}
			bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
				start := time.Now()
				id := t.trigger("")
				time.Sleep(prelude + 10*time.Second - time.Nanosecond)
				w := t.only(id)
				t.equal("during", w.text("status"), test.during)
				t.equal("stopped_at during", w["stopped_at"], nil)
				time.Sleep(time.Nanosecond)
				w = t.only(id)
				t.equal("after", w.text("status"), test.after)
				t.equal("created_at", w.text("created_at"), start.Add(prelude).UTC().Format("2006-01-02T15:04:05Z"))
				t.equal("stopped_at", w.text("stopped_at"), start.Add(prelude+10*time.Second).UTC().Format("2006-01-02T15:04:05Z"))
				t.equal("alone", t.get("/workflow/"+w.text("id")), w)
				t.equal("jobs", t.jobs(w), test.jobs)
				t.equal("outcome", t.sim.Pipelines()[0].Outcome, test.after)
			})
		})
	}
}

// jobs lists a workflow's jobs: name, type, status, number.
func (t tester) jobs(workflow object) string {
	t.Helper()
	var list []string
	for _, j := range t.get("/workflow/" + workflow.text("id") + "/job").items() {
		number := any("-")
		if n, ok := j["job_number"]; ok {
			number = n
		}
		list = append(list, fmt.Sprintf("%s %s %s %v", j.text("name"), j.text("type"), j.text("status"), number))
	}
	return strings.Join(list, ", ")
}

func TestNotRun(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Outcome: sim.NotRun}}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(prelude)
		w := t.only(id)
		t.equal("status", w.text("status"), "not_run")
		t.equal("jobs", t.jobs(w), "prepare build not_run -, release build not_run -")
	})
}

func TestJobsOverTime(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{Duration: 10 * time.Second}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(prelude)
		w := t.only(id)
		t.equal("first", t.jobs(w), "prepare build running 1, release build blocked -")
		time.Sleep(5 * time.Second)
		t.equal("second", t.jobs(w), "prepare build success 1, release build running 2")
		items := t.get("/workflow/" + w.text("id") + "/job").items()
		t.equal("dependencies", items[1]["dependencies"], any([]any{items[0].text("id")}))
		t.equal("next numbers", t.jobs(func() object { id := t.trigger(""); time.Sleep(prelude); return t.only(id) }()), "prepare build running 3, release build blocked -")
	})
}

func TestHoldWaitsForApproval(t *testing.T) {
	t.Parallel()
	hold := &sim.Hold{Job: "sign-off", After: 4 * time.Second}
	run := sim.Run{Outcome: sim.Failed, Duration: 10 * time.Second, Hold: hold}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(prelude)
		w := t.only(id)
		t.equal("before", w.text("status")+": "+t.jobs(w), "running: prepare build running 1, sign-off approval blocked -, release build blocked -")
		request := t.approvalRequest(w)
		approve := "/workflow/" + w.text("id") + "/approve/" + request
		t.call("POST", approve, "", 400)
		time.Sleep(24 * time.Hour)
		t.equal("held", t.only(id).text("status")+": "+t.jobs(w), "on_hold: prepare build success 1, sign-off approval on_hold -, release build blocked -")
		t.call("POST", "/workflow/"+w.text("id")+"/approve/"+w.text("id"), "", 404)
		t.equal("answer", t.call("POST", approve, "", 202).text("message"), "Accepted.")
		t.equal("approved", t.only(id).text("status")+": "+t.jobs(w), "running: prepare build success 1, sign-off approval success -, release build running 2")
		t.call("POST", approve, "", 400)
		time.Sleep(6 * time.Second)
		t.equal("after", t.only(id).text("status"), "failed")
	})
}

func (t tester) approvalRequest(workflow object) string {
	t.Helper()
	for _, j := range t.get("/workflow/" + workflow.text("id") + "/job").items() {
		if id := j.text("approval_request_id"); id != "" {
			return id
		}
	}
	t.Fatal("no approval job")
	return ""
}

func TestOutcomeHoldEndsByItselfOrByApprove(t *testing.T) {
	t.Parallel()
	runs := []sim.Run{{Outcome: sim.Held}, {Outcome: sim.Held, Hold: &sim.Hold{ApprovedAfter: time.Hour}}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: runs}}, func(t tester) {
		t.trigger("")
		t.trigger("")
		outcomes := func() string { p := t.sim.Pipelines(); return p[0].Outcome + " " + p[1].Outcome }
		time.Sleep(prelude)
		t.equal("at once", outcomes(), "on_hold on_hold")
		time.Sleep(time.Hour)
		t.equal("second approved", outcomes(), "on_hold running")
		if err := t.sim.Approve("gh/acme/widget", 1); err != nil {
			t.Fatal(err)
		}
		t.equal("both approved", outcomes(), "running running")
		time.Sleep(2 * time.Second)
		t.equal("done", outcomes(), "success success")
		if err := t.sim.Approve("widget", 1); err == nil {
			t.Error("approved what is not on hold")
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{Duration: 10 * time.Second}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(prelude)
		w := t.only(id)
		cancel := "/workflow/" + w.text("id") + "/cancel"
		t.equal("answer", t.call("POST", cancel, "", 202).text("message"), "Accepted.")
		me := t.get("/me").text("id")
		got := t.only(id)
		t.equal("status", got.text("status")+" by "+got.text("canceled_by"), "canceled by "+me)
		t.equal("jobs", t.jobs(w), "prepare build canceled -, release build not_run -")
		time.Sleep(time.Hour)
		t.call("POST", cancel, "", 202)
		t.equal("again changes nothing", t.only(id), got)
		t.equal("cancelled", t.sim.Pipelines()[0].Cancelled, true)

		done := t.trigger("")
		time.Sleep(time.Hour)
		t.call("POST", "/workflow/"+t.only(done).text("id")+"/cancel", "", 202)
		t.equal("too late", t.sim.Pipelines()[1].Outcome, "success")
		t.equal("not cancelled", t.sim.Pipelines()[1].Cancelled, false)
	})
}

// TestActLag: an accepted act takes effect later, or not at all where the workflow has ended meanwhile.
func TestActLag(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{ActLag: 3 * time.Second, Default: sim.Project{Duration: 10 * time.Second, Runs: []sim.Run{{}, {}, {Outcome: sim.Held}}}}
	bubble(t, s, func(t tester) {
		begun := func() (id, path string) {
			id = t.trigger("")
			time.Sleep(prelude)
			return id, "/workflow/" + t.only(id).text("id")
		}
		id, path := begun()
		t.call("POST", path+"/cancel", "", 202)
		time.Sleep(2 * time.Second)
		t.call("POST", path+"/cancel", "", 202)
		t.equal("accepted", t.only(id).text("status"), "running")
		time.Sleep(time.Second)
		t.equal("done", t.only(id).text("status"), "canceled")

		id, path = begun()
		time.Sleep(8 * time.Second)
		t.call("POST", path+"/cancel", "", 202)
		time.Sleep(time.Minute)
		t.equal("too late", t.only(id).text("status"), "success")

		id, path = begun()
		approve := path + "/approve/" + t.approvalRequest(t.only(id))
		t.call("POST", approve, "", 202)
		time.Sleep(2 * time.Second)
		t.call("POST", approve, "", 202)
		t.equal("approval accepted", t.only(id).text("status"), "on_hold")
		time.Sleep(time.Second)
		t.equal("approved", t.only(id).text("status"), "running")
	})
}

func TestRerunOverTheAPI(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(prelude)
		w := t.only(id)
		rerun := "/workflow/" + w.text("id") + "/rerun"
		t.call("POST", rerun, `{"from_failed":true}`, 400)
		t.call("POST", rerun, ``, 400)
		time.Sleep(time.Minute)
		t.call("POST", rerun, `{"from_failed":true,"jobs":["x"]}`, 400)
		made := t.call("POST", rerun, `{"from_failed":true}`, 202).text("workflow_id")
		list := t.get("/pipeline/" + id + "/workflow")
		t.equal("newest first", list.each("id"), []string{made, w.text("id")})
		t.equal("names", list.each("name"), []string{"release", "release"})
		t.equal("statuses", list.each("status"), []string{"running", "failed"})
		time.Sleep(time.Minute)
		t.equal("outcome", t.sim.Pipelines()[0].Outcome, "success")
		t.call("POST", "/workflow/"+made+"/rerun", `{"from_failed":true}`, 400)
		t.call("POST", "/workflow/"+made+"/rerun", ``, 202)
	})
}

func TestSeveralWorkflowsArePaged(t *testing.T) {
	t.Parallel()
	run := sim.Run{Workflows: []sim.Workflow{
		{Name: "build"}, {Name: "docs", Outcome: sim.Failed, Duration: time.Second}, {Name: "gate", Outcome: sim.Held},
	}}
	bubble(t, sim.Scenario{PageSize: 2, Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		id := t.trigger("")
		time.Sleep(time.Minute)
		first := t.get("/pipeline/" + id + "/workflow")
		t.equal("page one", first.each("name"), []string{"gate", "docs"})
		second := t.get("/pipeline/" + id + "/workflow?page-token=" + first.text("next_page_token"))
		t.equal("page two", second.each("name"), []string{"build"})
		t.equal("end", second["next_page_token"], nil)
		jobs := t.get("/workflow/" + first.items()[0].text("id") + "/job")
		t.equal("jobs, page one", jobs.each("name"), []string{"prepare", "hold"})
		jobs = t.get("/workflow/" + first.items()[0].text("id") + "/job?page-token=" + jobs.text("next_page_token"))
		t.equal("jobs, page two", jobs.each("name"), []string{"release"})
		t.equal("held", t.sim.Pipelines()[0].Outcome, "on_hold")
		if err := t.sim.Approve("widget", 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		t.equal("failed", t.sim.Pipelines()[0].Outcome, "failed")
	})
}
