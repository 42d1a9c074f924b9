package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// runOf is a scenario in which component b's first pipeline is r, and its trigger meets these faults.
func runOf(r sim.Run, faults ...sim.Fault) sim.Scenario {
	return sim.Scenario{Projects: map[string]sim.Project{"b": {Runs: []sim.Run{r}}}, Faults: faults}
}

// live are the pipelines of b that nobody cancelled.
func (w *world) live() (n int) {
	for _, p := range w.sim.Pipelines() {
		if strings.HasSuffix(p.Project, "/b") && !p.Cancelled {
			n++
		}
	}
	return n
}

// S36: the answer of a trigger is lost, and its pipeline says no branch, no known trigger type or no user: gio asks, and starts
// no other one. What a person answers is gone on with.
func TestS36SilentPipeline(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]sim.Run{
		"no vcs":          {Silence: sim.Silence{Nulls: []string{"vcs"}}},
		"no branch":       {Silence: sim.Silence{Without: []string{"vcs.branch"}}},
		"unknown trigger": {TriggerType: "unknown"},
		"no trigger":      {Silence: sim.Silence{Without: []string{"trigger"}}},
		"no login":        {Silence: sim.Silence{Nulls: []string{"trigger.actor.login"}}},
		"nothing":         {TriggerType: "unknown", Silence: sim.Silence{Nulls: []string{"vcs", "trigger.actor"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWildBubble(t, product("a b", "c"), runOf(r, onTrigger(sim.ErrorAfter, 1)), func(t *testing.T, w *world) {
				wantKind(t, w.release(), fault.Decision)
				st := w.state().Step("b@1.2.3")
				if st.Status != run.IsUnknown || !strings.Contains(st.Reason, "#1") || w.pipelinesOf("b") != 1 {
					t.Fatalf("b is %s (%s) with %d pipelines", st.Status, st.Reason, w.pipelinesOf("b"))
				}
				w.answer()
				wantKind(t, w.release(), 0)
				if n := w.pipelinesOf("b"); n != 1 {
					t.Errorf("%d pipelines of b", n)
				}
			})
		})
	}
}

// S37: the same while CircleCI's Date, its received_at and our clock differ, either way, or go back: adopted, one pipeline; also
// by the driver after one that died.
func TestS37ClocksApart(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-3 * time.Hour, -6 * time.Second, 2 * time.Minute, 3 * time.Hour} {
		for name, clocks := range map[string]sim.Clocks{
			"date":     {Date: []sim.Drift{{By: by}}},
			"received": {Received: []sim.Drift{{By: by}}, Created: []sim.Drift{{By: by}}},
			"jump":     {Date: []sim.Drift{{By: 2 * time.Minute}, {After: time.Second, By: by}}},
			"no date":  {NoDate: true, Received: []sim.Drift{{By: by}}},
		} {
			for _, dies := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/dies=%t", name, by, dies), func(t *testing.T) {
					t.Parallel()
					s := runOf(sim.Run{}, onTrigger(sim.HangAfter, 1))
					s.Clocks = &clocks
					inWildBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
						if dies {
							wantKind(t, w.leaving(10*time.Second), fault.Stopped)
							time.Sleep(10 * time.Minute)
						}
						wantKind(t, w.release(), 0)
						if n := w.pipelinesOf("b"); n != 1 {
							t.Errorf("%d pipelines of b", n)
						}
					})
				})
			}
		}
	}
}

// S38: the pipeline of a lost answer appears after the second one was sent: it is found before the success is recorded, and one
// of them is cancelled, or a person is asked.
func TestS38LatePipeline(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{50 * time.Second, 75 * time.Second, 4 * time.Minute, 8 * time.Minute} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			s := runOf(sim.Run{Late: late, Duration: 10 * time.Minute}, onTrigger(sim.ErrorAfter, 1))
			inWildBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
				err := w.release()
				if fault.KindOf(err) == fault.Decision {
					if w.live() != 1 {
						t.Errorf("%d pipelines of b were left running for the question", w.live())
					}
					time.Sleep(10 * time.Minute)
					w.answer()
					err = w.release()
				}
				wantKind(t, err, 0)
				if w.live() != 1 {
					t.Errorf("%d pipelines of b", w.live())
				}
			})
		})
	}
}

// S38: a proxy answers 504 and lets the request through late, so that the pipeline of the first POST comes after the second's and has
// the higher number: it is found before the success is recorded.
func TestS38FirstPostArrivesLast(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{75 * time.Second, 4 * time.Minute, 8 * time.Minute} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			inWildBubble(t, product("a b", "c"), runOf(sim.Run{Duration: 10 * time.Minute}), func(t *testing.T, w *world) {
				w.transport = delayFirst("b", late).over(w.transport)
				err := w.release()
				if fault.KindOf(err) == fault.Decision {
					w.answer()
					err = w.release()
				}
				wantKind(t, err, 0)
				if n, live := w.pipelinesOf("b"), w.live(); n != 2 || live != 1 {
					t.Errorf("%d pipelines of b, %d not cancelled: want both made, and one left", n, live)
				}
			})
		})
	}
}

// delayFirst answers 504 to the first trigger of a component and lets it through that much later.
func delayFirst(component string, late time.Duration) between {
	var once sync.Once
	return func(req *http.Request, next http.RoundTripper) (res *http.Response, err error) {
		if !isTrigger(req, component) {
			return next.RoundTrip(req)
		}
		first := false
		once.Do(func() { first = true })
		if !first {
			return next.RoundTrip(req)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		go func() {
			time.Sleep(late)
			again := req.Clone(context.Background())
			again.Body = io.NopCloser(bytes.NewReader(body))
			if res, err := next.RoundTrip(again); err == nil {
				_ = res.Body.Close()
			}
		}()
		return &http.Response{StatusCode: http.StatusGatewayTimeout, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	}
}

// S39: a firewall, a redirect, a conflict or an answer without an id although the pipeline was made: it is looked up and found.
// The one that cannot be told from CircleCI's own refusal is found before a new attempt.
func TestS39RefusedAndMade(t *testing.T) {
	t.Parallel()
	for i, f := range sim.Refusals() {
		f.Match, f.Times = sim.Match{Endpoint: "trigger", Project: "b"}, 1
		t.Run(fmt.Sprintf("%d/%d", i, f.Status), func(t *testing.T) {
			t.Parallel()
			inWildBubble(t, product("a b", "c"), runOf(sim.Run{}, f), func(t *testing.T, w *world) {
				err := w.release()
				for fault.KindOf(err) == fault.PipelineFailed || fault.KindOf(err) == fault.Decision {
					w.answer()
					err = w.release()
				}
				wantKind(t, err, 0)
				if n := w.pipelinesOf("b"); n != 1 {
					t.Errorf("%d pipelines of b", n)
				}
			})
		})
	}
}

// A firewall refuses and nothing was made: the attempt has failed with that refusal, and is not sent again.
func TestForeignRefusal(t *testing.T) {
	t.Parallel()
	f := onTrigger(sim.Answer, 1)
	f.Status, f.Body = 403, "<html>blocked</html>"
	inWildBubble(t, product("a b", "c"), sim.Scenario{Faults: []sim.Fault{f}}, func(t *testing.T, w *world) {
		wantKind(t, w.release(), fault.Auth)
		if st := w.state().Step("b@1.2.3"); st.Status != run.HasFailed || !strings.Contains(st.Reason, "blocked") || st.Posts != 1 {
			t.Errorf("b is %s after %d POSTs: %q", st.Status, st.Posts, st.Reason)
		}
		wantKind(t, w.release(), 0)
	})
}

// S40: 429 although the pipeline was made: the gap in the numbers is read, and one pipeline remains.
func TestS40ThrottledAndMade(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 2, 3} {
		inWildBubble(t, product("a b", "c"), runOf(sim.Run{}, onTrigger(sim.ThrottleAfter, times)), func(t *testing.T, w *world) {
			err := w.release()
			if times > 1 && fault.KindOf(err) == fault.Decision {
				w.answer()
				err = w.release()
			}
			wantKind(t, err, 0)
			if n := w.live(); n != 1 {
				t.Errorf("%d times: %d pipelines of b", times, n)
			}
		})
	}
}
