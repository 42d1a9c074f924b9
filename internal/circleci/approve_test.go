package circleci

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestApprovals reads those of the newest workflow of every name, including one that runs beside its approval.
func TestApprovals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, r := client(t, func(w http.ResponseWriter, req *http.Request) {
			switch {
			case strings.HasPrefix(req.URL.Path, "/api/v2/pipeline/"):
				answer(200, `{"items":[
					{"id":"old","name":"release","status":"canceled","created_at":"2026-01-01T00:00:00Z"},
					{"id":"new","name":"release","status":"running","created_at":"2026-01-01T00:00:01Z"},
					{"id":null,"name":"gone","status":null}]}`)(w, req)
			case strings.HasPrefix(req.URL.Path, "/api/v2/workflow/new/"):
				answer(200, fixture(t, "jobs_held.json"))(w, req)
			default:
				t.Errorf("asked for %s", req.URL.Path)
			}
		})
		all, err := c.Approvals(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 1 || all[0].Workflow.ID != "new" || all[0].Job.Name != "hold" || !all[0].Waits() || all[0].Approved() {
			t.Fatalf("got %+v", all)
		}
		if n := len(r.all()); n != 2 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestApprovalsBesideALostWorkflow: the jobs of one workflow are gone, and the other one's approval is found. When nothing is
// left, the error says so.
func TestApprovalsBesideALostWorkflow(t *testing.T) {
	t.Parallel()
	for lost, want := range map[string]int{"report": 1, "release": 0} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, func(w http.ResponseWriter, req *http.Request) {
				switch {
				case strings.HasPrefix(req.URL.Path, "/api/v2/pipeline/"):
					answer(200, `{"items":[{"id":"report","name":"report","status":"success"},{"id":"release","name":"release","status":"on_hold"}]}`)(w, req)
				case strings.HasPrefix(req.URL.Path, "/api/v2/workflow/"+lost):
					answer(404, `{"message":"Workflow not found"}`)(w, req)
				case strings.HasPrefix(req.URL.Path, "/api/v2/workflow/release"):
					answer(200, fixture(t, "jobs_held.json"))(w, req)
				default:
					answer(200, `{"items":[]}`)(w, req)
				}
			})
			all, err := c.Approvals(t.Context(), "p")
			if len(all) != want || (err == nil) != (want > 0) || err != nil && fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s is lost: %+v, %v", lost, all, err)
			}
		})
	}
}

// TestApproveOnce: one POST without a body, whatever the answer; the id is the approval's, or the job's where that is missing.
func TestApproveOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		serve http.HandlerFunc
		kind  fault.Kind
		job   Job
		path  string
	}{
		"accepted":   {nil, 0, Job{ID: "j", ApprovalID: "a"}, "/api/v2/workflow/w/approve/a"},
		"only an id": {nil, 0, Job{ID: "j"}, "/api/v2/workflow/w/approve/j"},
		"refused":    {answer(400, `{"message":"Job is not on hold"}`), fault.Remote, Job{ID: "j"}, "/api/v2/workflow/w/approve/j"},
		"failing":    {answer(500, `later`), fault.Remote, Job{ID: "j"}, "/api/v2/workflow/w/approve/j"},
		"reset":      {reset, fault.Remote, Job{ID: "j"}, "/api/v2/workflow/w/approve/j"},
		"silent":     {hang, fault.Remote, Job{ID: "j"}, "/api/v2/workflow/w/approve/j"},
		"forbidden":  {answer(403, `{"message":"no"}`), fault.Auth, Job{ID: "j"}, "/api/v2/workflow/w/approve/j"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if tt.serve == nil {
					tt.serve = answer(202, fixture(t, "accepted_202.json"))
				}
				c, r := client(t, tt.serve)
				err := c.Approve(t.Context(), Approval{Workflow: Workflow{ID: "w"}, Job: tt.job})
				if fault.KindOf(err) != tt.kind {
					t.Errorf("%v", err)
				}
				time.Sleep(10 * time.Minute)
				var sent []string
				for _, a := range r.all() {
					sent = append(sent, a.method+" "+a.path+a.body)
				}
				if diff := cmp.Diff([]string{"POST " + tt.path}, sent); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
