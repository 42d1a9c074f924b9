package sim_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

const metricsOf = "/insights/gh/acme/widget/workflows"

// finished triggers pipelines of 10, 20, ... seconds, each after the end of the one before; the second fails.
func finished(t *testing.T, n int, test func(tester)) {
	t.Helper()
	var runs []sim.Run
	for i := range n {
		runs = append(runs, sim.Run{Duration: time.Duration(i+1) * 10 * time.Second})
	}
	runs[1].Outcome = sim.Failed
	bubble(t, sim.Scenario{PageSize: 100, Default: sim.Project{Runs: runs}}, func(t tester) {
		for range n {
			t.trigger("")
			time.Sleep(time.Hour)
		}
		test(t)
	})
}

func TestWorkflowMetrics(t *testing.T) {
	t.Parallel()
	finished(t, 20, func(t tester) {
		t.trigger("") // it runs, and so does not count
		time.Sleep(time.Second)
		item := t.get(metricsOf).items()[0]
		t.equal("name", item.text("name"), "release")
		m := item["metrics"].(map[string]any)
		t.equal("runs", []any{m["total_runs"], m["successful_runs"], m["failed_runs"], m["success_rate"]}, []any{20.0, 19.0, 1.0, 0.95})
		d := m["duration_metrics"].(map[string]any)
		t.equal("seconds", []any{d["min"], d["median"], d["mean"], d["p95"], d["max"]}, []any{10.0, 100.0, 105.0, 190.0, 200.0})
		if dev := d["standard_deviation"].(float64); dev < 57.6 || dev > 57.7 {
			t.Errorf("standard deviation %v, want 57.66", dev)
		}
		time.Sleep(23 * time.Hour)
		recent := t.get(metricsOf + "?reporting-window=last-24-hours").items()[0]["metrics"].(map[string]any)
		t.equal("of the last 24 hours", recent["total_runs"], any(2.0)) // the last one, and the one that ran
		time.Sleep(90 * 24 * time.Hour)
		t.equal("nothing is older than 90 days", len(t.get(metricsOf).items()), 0)
		t.call("GET", metricsOf+"?reporting-window=ever", "", 400)
	})
}

func TestWorkflowRuns(t *testing.T) {
	t.Parallel()
	finished(t, 4, func(t tester) {
		runs := t.get(metricsOf + "/release")
		t.equal("newest first", runs.each("status"), []string{"success", "success", "failed", "success"})
		t.equal("duration", runs.items()[0]["duration"], any(40.0))
		from := "?start-date=" + url.QueryEscape(time.Now().Add(-150*time.Minute).Format(time.RFC3339))
		t.equal("since", len(t.get(metricsOf+"/release"+from).items()), 2)
		to := "&end-date=" + url.QueryEscape(time.Now().Add(-90*time.Minute).Format(time.RFC3339))
		t.equal("until", len(t.get(metricsOf+"/release"+from+to).items()), 1)
		t.equal("another workflow", len(t.get(metricsOf+"/docs").items()), 0)
		for _, bad := range []string{"?start-date=yesterday", strings.Replace(to, "&", "?", 1)} {
			t.call("GET", metricsOf+"/release"+bad, "", 400)
		}
		t.call("GET", "/insights/svn/acme/widget/workflows/release", "", 404)
		t.call("GET", "/insights/svn/acme/widget/workflows", "", 404)
	})
}

func TestInsightsOfBranches(t *testing.T) {
	t.Parallel()
	run := sim.Run{Workflows: []sim.Workflow{{Name: "a", Hold: &sim.Hold{ApprovedAfter: time.Minute}}, {Name: "b", Outcome: sim.NotRun}}}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
		t.trigger(`{"branch":"3.1.x"}`)
		t.trigger("")
		time.Sleep(time.Hour)
		t.equal("default branch", t.get(metricsOf).each("name"), []string{"release"})
		t.equal("a branch, without not_run", t.get(metricsOf+"?branch=3.1.x").each("name"), []string{"a"})
		t.equal("all", t.get(metricsOf+"?all-branches=true").each("name"), []string{"a", "release"})
		held := t.get(metricsOf + "/a?branch=3.1.x").items()[0]
		t.equal("with the time on hold", []any{held["is_approval"], held["duration"], held["branch"]}, []any{true, 62.0, "3.1.x"})
	})
}
