package rehearse

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/workspace"
)

const rehearsedManifest = `{
  "name": "Acme", "version": "3.9.4-SNAPSHOT", "scmHttpUrl": "https://github.com/acme",
  "components": [
    { "name": "a", "version": "3.9.4-SNAPSHOT" }, { "name": "b", "version": "3.9.4-SNAPSHOT" },
    { "name": "c", "version": "3.9.4-SNAPSHOT" }, { "name": "d", "version": "3.9.4-SNAPSHOT" },
    { "name": "e", "version": "3.9.4-SNAPSHOT" }, { "name": "f", "version": "3.9.4-SNAPSHOT" },
    { "name": "g", "version": "3.9.4-SNAPSHOT" }, { "name": "h", "version": "3.9.4-SNAPSHOT" }
  ],
  "buildDependencies": [["a"], ["b", "c", "d"], ["e"], ["f", "g", "h"]]
}`

// about draws a duration within 20 % of d.
func about(rnd *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rnd.Float64()))
}

// TestForecastHolds prints how often the range of a rehearsal held, for 100 runs of the real engine on simulated time,
// whose pipelines take within 20 % of the same true durations. Each is predicted from what gio saw of the runs before it.
func TestForecastHolds(t *testing.T) {
	t.Parallel()
	for _, history := range []int{2, 5, 10} {
		t.Run(fmt.Sprintf("%d earlier runs", history), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { forecastHolds(t, history) })
		})
	}
}

func forecastHolds(t *testing.T, history int) {
	rnd := rand.New(rand.NewPCG(3, uint64(history)))
	const runs = 100
	held, below := 0, 0
	past := map[string][]time.Duration{}
	for i := range history + runs {
		next := map[string][]time.Duration{}
		for j, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			next[name] = []time.Duration{about(rnd, time.Duration(6+j%4*3)*time.Minute)}
		}
		forecast, session := rehearsed(t, past, next)
		for _, st := range session.State.Steps() {
			seen := append(past[st.ID.Component()], st.EndedAt.Sub(st.StartedAt))
			past[st.ID.Component()] = seen[max(len(seen)-history, 0):]
		}
		took := session.Ended.Sub(session.Began)
		switch {
		case i < history:
		case took < forecast.Low:
			below++
		case took <= forecast.High:
			held++
		}
	}
	t.Logf("the range of 80 %% held for %d of %d runs (%d %%) after %d earlier ones; %d were quicker, %d slower", held, runs, held*100/runs, history, below, runs-held-below)
	if held < runs*70/100 || held > runs*90/100 {
		t.Errorf("that is %d %%", held*100/runs)
	}
}

// rehearsed is the forecast by what the past says, and how long a run takes whose pipelines take what next says.
func rehearsed(t *testing.T, past, next map[string][]time.Duration) (run.Forecast, Session) {
	t.Helper()
	ws := workspace.OpenDirectory(workspace.Options{Getenv: func(string) string { return "" }}, "release.json").WithManifest([]byte(rehearsedManifest))
	ws.Branch, ws.Checkout.Branch = config.Value{Value: "3.9.x"}, "3.9.x"
	repo, err := gitrepo.Imagine(gitrepo.Options{Branch: "3.9.x"}, "master", ws.Path, ws.Local)
	if err != nil {
		t.Fatal(err)
	}
	h := &rehearsal{dry: dry{Setup: operate.Setup{Workspace: ws}, repo: repo, imagined: true}}
	if err := h.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	forecast, _ := run.Expectation{Took: past, Parallel: engine.MaxParallel}.Forecast(h.release.Plan, h.release.State().Step, time.Now())
	h.expected.Took = next
	told := Rehearsal{}
	if err := h.runSessions(t.Context(), &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Sessions) != 1 || !told.Sessions[0].State.Finished {
		t.Fatalf("%+v", told)
	}
	return forecast, told.Sessions[0]
}
