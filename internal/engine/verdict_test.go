package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// What CircleCI says that is easily taken for something else. Where the simulator cannot say it, it is put on the wire.

// answered is CircleCI's answer with this value as its body.
func answered(req *http.Request, status int, value any) *http.Response {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func stepID(component string) plan.StepID { return plan.ID(component, "1.2.3") }

// pipelineOf is the id of a component's nth pipeline, "" while there is none.
func (w *world) pipelineOf(component string, n int) string {
	for _, p := range w.sim.Pipelines() {
		if strings.HasSuffix(p.Project, "/"+component) {
			if n--; n == 0 {
				return p.ID
			}
		}
	}
	return ""
}

// asksOf tells whether a request is about that part of a component's first pipeline: "", "/workflow", "/config".
func (w *world) asksOf(req *http.Request, component, part string) bool {
	id := w.pipelineOf(component, 1)
	return id != "" && req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/pipeline/"+id+part)
}

// change puts something between gio and CircleCI.
func (w *world) change(b between) { w.transport = b.over(w.transport) }

// changeWorkflows changes the list of the workflows of a component's first pipeline.
func (w *world) changeWorkflows(component string, change func([]map[string]any) []map[string]any) {
	w.change(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		asked := w.asksOf(req, component, "/workflow")
		res, err := next.RoundTrip(req)
		if err != nil || !asked || res.StatusCode != http.StatusOK {
			return res, err
		}
		return rewrite(res, func(answer map[string]any) {
			var items []map[string]any
			for _, it := range answer["items"].([]any) {
				items = append(items, it.(map[string]any))
			}
			if len(items) > 0 {
				answer["items"] = change(items)
			}
		})
	})
}

// another is a workflow like that one, with another name, id, status and age.
func another(like map[string]any, name, status string, created time.Time) map[string]any {
	w := maps.Clone(like)
	w["id"], w["name"], w["status"] = "aaaaaaaa-0000-4000-8000-"+fmt.Sprintf("%012x", len(name)), name, status
	w["created_at"], w["stopped_at"] = created.UTC().Format(time.RFC3339), nil
	delete(w, "tag")
	return w
}

// S41: somebody re-runs the setup workflow of a green release alone, and it fails: the release counts, and nothing new is started.
func TestS41SetupRerunAlone(t *testing.T) {
	t.Parallel()
	s := project(sim.Run{Setup: &sim.Setup{}, Outcome: sim.Failed})
	s.Default.Duration = time.Minute
	inBubble(t, product("a"), s, func(t *testing.T, w *world) {
		wantKind(t, w.release(), fault.PipelineFailed)
		time.Sleep(time.Hour)
		if err := w.sim.Rerun("a", 1, sim.Success); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		now := time.Now()
		w.changeWorkflows("a", func(items []map[string]any) []map[string]any {
			again := another(items[0], "setup", "failed", now)
			again["tag"] = "setup"
			return append(items, again)
		})
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("%d pipelines", n)
		}
	})
}

// S41, its kind: the pipeline counts as failed, whatever for, and all that it was to run is green, or still runs. Before another
// one is started a person is asked.
func TestS41GreenInAFailedPipeline(t *testing.T) {
	t.Parallel()
	for said, wait := range map[string]time.Duration{"green": time.Hour, "still runs": time.Minute} {
		greenInAFailedPipeline(t, said, wait)
	}
}

func greenInAFailedPipeline(t *testing.T, said string, wait time.Duration) {
	t.Helper()
	inWildBubble(t, product("a"), sim.Scenario{Default: minutes(10)}, func(t *testing.T, w *world) {
		w.change(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			asked := w.asksOf(req, "a", "")
			res, err := next.RoundTrip(req)
			if err != nil || !asked {
				return res, err
			}
			return rewrite(res, func(p map[string]any) {
				p["errors"] = []any{map[string]any{"type": "other", "message": "Pipeline is not in setup state"}}
			})
		})
		wantKind(t, w.release(), fault.PipelineFailed)
		time.Sleep(wait)
		wantKind(t, w.release(), fault.Decision)
		if st := w.state().Step(stepID("a")); w.pipelinesOf("a") != 1 || st.Status != run.IsUnknown || !strings.Contains(st.Reason, said) {
			t.Errorf("%d pipelines, a is %s: %s", w.pipelinesOf("a"), st.Status, st.Reason)
		}
	})
}

// S44: for a minute CircleCI, or a cache, answers about another pipeline, or another workflow. Nothing of it is believed.
func TestS44AnswersAboutAnother(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"", "/workflow"} {
		s := sim.Scenario{Projects: map[string]sim.Project{
			"a": {Duration: 5 * time.Second}, "b": {Runs: []sim.Run{{Outcome: sim.Failed, Duration: 10 * time.Minute}}},
		}}
		inBubble(t, product("a", "b"), s, func(t *testing.T, w *world) {
			w.change(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if w.asksOf(req, "b", part) && time.Now().Minute()%2 == 0 {
					req = req.Clone(req.Context())
					req.URL.Path = strings.Replace(req.URL.Path, w.pipelineOf("b", 1), w.pipelineOf("a", 1), 1)
				}
				return next.RoundTrip(req)
			})
			began := time.Now()
			wantKind(t, w.release(), fault.PipelineFailed)
			if st := w.state().Step("b@1.2.3"); st.Status != run.HasFailed || time.Since(began) < 10*time.Minute {
				t.Errorf("%s: b is %s after %s: %s", part, st.Status, time.Since(began), st.Reason)
			}
		})
	}
}

// S45: a held pipeline goes on while every slot is taken. It is read on time, and its end is noted.
func TestS45GoesOnWhileEverySlotIsTaken(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": {Runs: []sim.Run{{Outcome: sim.Success, Duration: 5 * time.Minute, Hold: &sim.Hold{ApprovedAfter: 10 * time.Minute}}}},
		"b": minutes(120),
	}}
	inBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.Options.Only = []string{"a"} } // it is the first to have the one slot
		wantKind(t, w.leaving(30*time.Second), fault.Timeout)
		w.edit = func(r *engine.Release) {
			r.MaxParallel = 1
			r.Earlier = map[string][]time.Duration{"a": {2 * time.Hour}} // says nothing of a pipeline that was held
		}
		wantKind(t, w.release(), 0)
		a, b := w.state().Step(stepID("a")), w.state().Step(stepID("b"))
		if late := a.EndedAt.Sub(a.StartedAt) - 15*time.Minute; late > 30*time.Second || b.StartedAt.After(a.StartedAt.Add(5*time.Minute)) {
			t.Errorf("a was noted %s late, b started at %s", late, b.StartedAt)
		}
	})
}

// S45, its kind: what an earlier driver has left running is watched, however few may run at once, and counts.
func TestS45LeftRunning(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Default: minutes(5), Projects: map[string]sim.Project{"long": minutes(60)}}
	inBubble(t, product("a b c d long fresh"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.Options.Except = []string{"fresh"} }
		wantKind(t, w.leaving(30*time.Second), fault.Stopped)
		began := time.Now()
		w.edit = func(r *engine.Release) { r.MaxParallel = 1 }
		wantKind(t, w.release(), 0)
		for _, name := range []string{"a", "b", "c", "d"} {
			if st := w.state().Step(stepID(name)); st.EndedAt.Sub(st.StartedAt) > 6*time.Minute {
				t.Errorf("%s was seen to end after %s", name, st.EndedAt.Sub(st.StartedAt))
			}
		}
		if st := w.state().Step(stepID("fresh")); st.StartedAt.Before(began.Add(4 * time.Minute)) {
			t.Errorf("one was started at %s, beside more than may run", st.StartedAt)
		}
	})
}

// S46: the pipeline is errored, and shows a workflow of its own making. It has failed at once, with CircleCI's words.
func TestS46BuildError(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]any{"a word of its own": "errored", "null": nil, "running, it says": "running"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const said = "Cannot find a job named deploy"
			s := project(sim.Run{Outcome: sim.Errored, Errors: []string{said}})
			inWildBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
				w.change(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
					if !w.asksOf(req, "a", "/workflow") {
						return next.RoundTrip(req)
					}
					item := map[string]any{
						"id": "bbbbbbbb-0000-4000-8000-000000000001", "name": "Build Error", "status": status,
						"pipeline_id": w.pipelineOf("a", 1), "created_at": "2000-01-01T00:00:00Z", "stopped_at": nil,
					}
					return answered(req, http.StatusOK, map[string]any{"items": []any{item}, "next_page_token": nil}), nil
				})
				began := time.Now()
				wantKind(t, w.release(), fault.PipelineFailed)
				most := time.Minute
				if status == "running" { // nothing but the pipeline itself tells
					most = 12 * time.Minute
				}
				if st := w.state().Step(stepID("a")); !strings.Contains(st.Reason, said) || time.Since(began) > most {
					t.Errorf("after %s: %s", time.Since(began), st.Reason)
				}
			})
		})
	}
}

// S47: a job has failed, and the last one waits for an approval. Job and link are shown at once, the wave knows, and nobody watches
// it for hours. While it waits nothing is started beside it; once it has ended there is a new attempt.
func TestS47FailingAndHeld(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Projects: map[string]sim.Project{
		"a": {Runs: []sim.Run{{Workflows: []sim.Workflow{{Name: "release", Hold: &sim.Hold{}, Duration: time.Minute}}}}},
		"b": {Runs: []sim.Run{{Outcome: sim.Held}}},
		"d": minutes(20),
	}}
	inBubble(t, product("a b d", "c"), s, func(t *testing.T, w *world) {
		var over atomic.Bool
		w.failJob("a", &over)
		began := time.Now()
		shown, failed := time.Time{}, time.Time{}
		w.edit = func(r *engine.Release) {
			r.Notify = func(e run.Event, s *run.State) {
				if st := s.Step(stepID("a")); shown.IsZero() && st.Job == "publish" && st.URL != "" {
					shown = time.Now()
				}
				if e.Type == run.Failed && failed.IsZero() {
					failed = time.Now()
				}
			}
		}
		wantKind(t, w.release(), fault.PipelineFailed)
		if shown.IsZero() || shown.Sub(began) > time.Minute || failed.Sub(began) > time.Minute || time.Since(began) > 25*time.Minute {
			t.Errorf("shown after %s, failed after %s, all of it took %s", shown.Sub(began), failed.Sub(began), time.Since(began))
		}
		if st := w.state().Step(stepID("a")); !strings.Contains(st.Reason, "hold waits for an approval") || st.Job != "publish" {
			t.Errorf("a: job %q, %s", st.Job, st.Reason)
		}
		w.approve("b")
		wantKind(t, w.release(), fault.PipelineFailed)
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("%d pipelines while the first one waits", n)
		}
		over.Store(true)
		if err := w.sim.Cancel("a", 1); err != nil { // so that it is over there, too
			t.Fatal(err)
		}
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("a"); n != 2 {
			t.Errorf("%d pipelines in the end", n)
		}
	})
}

// failJob lets a job of a component's first pipeline have failed beside its approval: the workflow is failing until it is over,
// and failed then.
func (w *world) failJob(component string, over *atomic.Bool) {
	var workflow atomic.Value
	workflow.Store("")
	w.changeWorkflows(component, func(items []map[string]any) []map[string]any {
		workflow.Store(items[0]["id"])
		if items[0]["status"] = "failing"; over.Load() {
			items[0]["status"] = "failed"
		}
		return items
	})
	w.change(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		res, err := next.RoundTrip(req)
		if err != nil || workflow.Load() == "" || !strings.HasSuffix(req.URL.Path, fmt.Sprintf("/workflow/%s/job", workflow.Load())) {
			return res, err
		}
		return rewrite(res, func(answer map[string]any) {
			items := answer["items"].([]any)
			publish := maps.Clone(items[0].(map[string]any))
			publish["id"], publish["name"], publish["status"] = "cccccccc-0000-4000-8000-000000000001", "publish", "failed"
			answer["items"] = append(items, publish)
		})
	})
}

// S47, its kind: one workflow has failed, the other one waits for an approval. No approval makes it succeed.
func TestS47FailedBesideAHold(t *testing.T) {
	t.Parallel()
	s := workflows(
		sim.Workflow{Name: "tests", Outcome: sim.Failed, Duration: time.Minute},
		sim.Workflow{Name: "release", Hold: &sim.Hold{}, Duration: time.Minute},
	)
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		began := time.Now()
		wantKind(t, w.release(), fault.PipelineFailed)
		st := w.state().Step(stepID("a"))
		if time.Since(began) > 5*time.Minute || st.Workflow != "tests" || st.Job == "" || !strings.Contains(st.Reason, "release waits for an approval") {
			t.Errorf("after %s: workflow %q, job %q, %s", time.Since(began), st.Workflow, st.Job, st.Reason)
		}
		wantKind(t, w.release(), fault.PipelineFailed) // it still waits
		if n := w.pipelinesOf("a"); n != 1 {
			t.Errorf("%d pipelines while the first one waits", n)
		}
		if err := w.sim.Cancel("a", 1); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.release(), 0)
	})
}

// S48: a second workflow first appears 16 seconds after the first, which is green by then. It is waited for, and its result
// counts: by CircleCI's compiled configuration, and where that cannot be read, or says nothing.
func TestS48SecondWorkflowLate(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]any{
		"the configuration has both":        map[string]any{"source": "", "compiled": "workflows:\n  release: {jobs: [a]}\n  report: {jobs: [b]}\n"},
		"the configuration is not shown":    nil,
		"the configuration is not readable": map[string]any{"source": "", "compiled": "workflows: none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, product("a", "c"), sim.Scenario{}, func(t *testing.T, w *world) {
				var first time.Time
				w.changeWorkflows("a", func(items []map[string]any) []map[string]any {
					if first.IsZero() && len(items) > 0 {
						first = time.Now()
					}
					if age := time.Since(first); !first.IsZero() && age >= 16*time.Second {
						status := "running"
						if age > 3*time.Minute {
							status = "failed"
						}
						items = append(items, another(items[0], "report", status, first.Add(16*time.Second)))
					}
					return items
				})
				w.change(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
					switch {
					case !w.asksOf(req, "a", "/config"):
						return next.RoundTrip(req)
					case config == nil:
						return answered(req, http.StatusNotFound, map[string]any{"message": "Not Found"}), nil
					}
					return answered(req, http.StatusOK, config), nil
				})
				wantKind(t, w.release(), fault.PipelineFailed)
				if st := w.state().Step(stepID("a")); st.Workflow != "report" || w.pipelinesOf("c") != 0 {
					t.Errorf("a is %s by %q, %d pipelines of the next wave", st.Status, st.Workflow, w.pipelinesOf("c"))
				}
			})
		})
	}
}

// S48, the bound: what is green is believed ten seconds after its workflow appeared, and after twenty where another one may be
// missing that never comes.
func TestS48IsBounded(t *testing.T) {
	t.Parallel()
	for compiled, want := range map[string][2]time.Duration{
		"workflows:\n  release: {jobs: [a]}\n":                                      {10 * time.Second, 14 * time.Second},
		"workflows:\n  release: {jobs: [a]}\n  nightly: {when: false, jobs: [b]}\n": {20 * time.Second, 24 * time.Second},
	} {
		inBubble(t, product("a"), workflows(sim.Workflow{Name: "release"}), func(t *testing.T, w *world) {
			w.change(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if w.asksOf(req, "a", "/config") {
					return answered(req, http.StatusOK, map[string]any{"source": "", "compiled": compiled}), nil
				}
				return next.RoundTrip(req)
			})
			wantKind(t, w.release(), 0)
			if st := w.state().Step(stepID("a")); st.EndedAt.Sub(st.StartedAt) < want[0] || st.EndedAt.Sub(st.StartedAt) > want[1] {
				t.Errorf("%q: believed after %s", compiled, st.EndedAt.Sub(st.StartedAt))
			}
		})
	}
}

// Of many failures at once CircleCI gives the last lines of some in time. The others are read again before the summary, and those
// that stay away are said to be missing.
func TestMissingLines(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}}}}
	inBubble(t, product("a b c"), s, func(t *testing.T, w *world) {
		var mu sync.Mutex
		asked := map[string]int{}
		w.change(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if !strings.Contains(req.URL.Path, "/v1.1/") {
				return next.RoundTrip(req)
			}
			mu.Lock()
			asked[req.URL.Path]++
			late := strings.Contains(req.URL.Path, "/c/") || strings.Contains(req.URL.Path, "/b/") && asked[req.URL.Path] == 1
			mu.Unlock()
			if late {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return next.RoundTrip(req)
		})
		var driven *engine.Release
		w.edit = func(r *engine.Release) { driven = r }
		wantKind(t, w.release(), fault.PipelineFailed)
		for component, says := range map[string]string{"a": "BUILD", "b": "BUILD", "c": "did not give the last lines of job release"} {
			if lines := strings.Join(driven.State().Step(stepID(component)).Output, "\n"); !strings.Contains(lines, says) {
				t.Errorf("%s: %q", component, lines)
			}
		}
	})
}
