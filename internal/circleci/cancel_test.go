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

func TestCancel(t *testing.T) {
	t.Parallel()
	var items []string
	for _, s := range []string{"success", "running", "failed", "failing", "on_hold", "canceled", "queued", "not_run", "error", "unauthorized", "dreaming"} {
		items = append(items, `{"id":"`+s+`","status":"`+s+`"}`)
	}
	items = append(items, `{"id":"none","status":null}`, `{"id":null,"status":"running"}`)
	synctest.Test(t, func(t *testing.T) {
		c, r := client(t, func(w http.ResponseWriter, req *http.Request) {
			switch {
			case req.Method == "GET":
				answer(200, `{"items":[`+strings.Join(items, ",")+`]}`)(w, req)
			case strings.Contains(req.URL.Path, "failing"):
				answer(500, `later`)(w, req)
			case strings.Contains(req.URL.Path, "on_hold"):
				reset(w, req)
			default:
				answer(202, fixture(t, "accepted_202.json"))(w, req)
			}
		})
		err := c.Cancel(t.Context(), "p")
		var cancelled []string
		for _, a := range r.all()[1:] {
			if a.method != "POST" || a.body != "" {
				t.Errorf("%s with body %q", a.method, a.body)
			}
			cancelled = append(cancelled, strings.TrimPrefix(a.path, "/api/v2/workflow/"))
		}
		want := []string{"running/cancel", "failing/cancel", "on_hold/cancel", "queued/cancel", "dreaming/cancel", "none/cancel"}
		if diff := cmp.Diff(want, cancelled); diff != "" {
			t.Error(diff)
		}
		if fault.KindOf(err) != fault.Remote || !strings.Contains(err.Error(), "failing/cancel") || !strings.Contains(err.Error(), "on_hold/cancel") {
			t.Errorf("%v", err)
		}
	})
}

func TestCancelWorkflowTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, r := client(t, hang)
		start := time.Now()
		err := c.CancelWorkflow(t.Context(), "w")
		if fault.KindOf(err) != fault.Remote || time.Since(start) != 30*time.Second || len(r.all()) != 1 {
			t.Errorf("%v after %v and %d requests", err, time.Since(start), len(r.all()))
		}
	})
}
