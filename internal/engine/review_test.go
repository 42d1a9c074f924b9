package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// between changes what passes on the way to CircleCI.
type between func(req *http.Request, next http.RoundTripper) (*http.Response, error)

func (b between) over(next http.RoundTripper) http.RoundTripper { return onTheWay{b, next} }

type onTheWay struct {
	change between
	next   http.RoundTripper
}

func (o onTheWay) RoundTrip(req *http.Request) (*http.Response, error) { return o.change(req, o.next) }

// rewrite changes the JSON object of an answer.
func rewrite(res *http.Response, change func(map[string]any)) (*http.Response, error) {
	var answer map[string]any
	err := errors.Join(json.NewDecoder(res.Body).Decode(&answer), res.Body.Close())
	if err != nil {
		return nil, err
	}
	change(answer)
	body, err := json.Marshal(answer)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Del("Content-Length")
	return res, err
}

func isTrigger(req *http.Request, project string) bool {
	return req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/"+project+"/pipeline")
}

// leaving is a release whose driver is sent away after a time.
func (w *world) leaving(after time.Duration) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), after)
	defer cancel()
	return w.releaseUntil(ctx, nil)
}

// push replaces release.json on the release branch, as somebody else does.
func (w *world) push(old, replacement string) error {
	repo, err := gitrepo.Open(context.Background(), gitrepo.Options{URL: w.remote, Branch: branch})
	if err != nil {
		return err
	}
	data, err := repo.ReadFile(repo.Head(), "release.json")
	if err != nil {
		return err
	}
	commit, err := repo.Commit(repo.Head(), "release.json", bytes.Replace(data, []byte(old), []byte(replacement), 1), "by hand")
	if err != nil {
		return err
	}
	return repo.Push(context.Background(), []gitrepo.Update{{Ref: "refs/heads/" + branch, Old: repo.Head(), New: commit}})
}

// A run is continued with the token of another user: the pipeline that the first one's lost answer was about is still ours.
func TestAnotherUserContinues(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ResetAfter, 1)}, ListLag: 20 * time.Second, NumberLag: 20 * time.Second}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		wantKind(t, w.leaving(10*time.Second), fault.Stopped)
		w.transport = between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			res, err := next.RoundTrip(req)
			if err == nil && strings.HasSuffix(req.URL.Path, "/me") {
				return rewrite(res, func(me map[string]any) { me["login"] = "another-operator" })
			}
			return res, err
		}).over(w.transport)
		wantKind(t, w.release(), 0)
		if n := w.pipelinesOf("b"); n != 1 {
			t.Errorf("%d pipelines of b", n)
		}
	})
}

// What waits for a slot when a pipeline fails under --fail-fast is not started, only to be cancelled.
func TestFailFastStartsNothingMore(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Outcome: sim.Failed}}}}
	inBubble(t, product("a b c"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.FailFast, r.MaxParallel = true, 1 }
		wantKind(t, w.release(), fault.PipelineFailed)
		if n := len(w.sim.Pipelines()); n != 1 {
			t.Errorf("%d pipelines: some were started after the failure", n)
		}
	})
}

// The checkout of the first command still serves after a run was recorded in part and the next one was killed before it recorded.
func TestCheckoutOfThePartlyRecorded(t *testing.T) {
	t.Parallel()
	text := product("a b")
	inBubble(t, text, fails("b"), func(t *testing.T, w *world) {
		local := func(r *engine.Release) { r.Local = []byte(text) }
		w.edit = local
		wantKind(t, w.release(), fault.PipelineFailed)
		w.edit = func(r *engine.Release) {
			local(r)
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type == run.Succeeded {
					w.power.fail()
				}
			}
		}
		if err := w.release(); err == nil {
			t.Fatal("it was not killed")
		}
		w.edit = local
		wantKind(t, w.release(), 0)
	})
}

func (p *power) fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	p.kill()
}

// Somebody sets the product version during the run, so that the product cannot be finished: that is no success.
func TestProductVersionSetMeanwhile(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.0.4", "1.0.5-SNAPSHOT"} {
		inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
			w.edit = func(r *engine.Release) {
				r.Notify = func(e run.Event, _ *run.State) {
					if e.Type == run.Triggered {
						if err := w.push(`"1.0.4-SNAPSHOT"`, `"`+version+`"`); err != nil {
							t.Error(err)
						}
					}
				}
			}
			wantKind(t, w.release(), fault.Invalid)
		})
	}
}

// The answer to the second send does not say the number: the first one's pipeline is found all the same.
func TestSecondSendWithoutNumber(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ResetAfter, 1)}, ListLag: 90 * time.Second, NumberLag: 90 * time.Second}
	s.Default.Duration = 10 * time.Minute
	inBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		w.transport = between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			res, err := next.RoundTrip(req)
			if err == nil && isTrigger(req, "b") && res.StatusCode == 201 {
				return rewrite(res, func(created map[string]any) { delete(created, "number") })
			}
			return res, err
		}).over(w.transport)
		wantKind(t, w.release(), 0)
	})
}

// The driver dies after the second send, whose pipeline alone can be found when the run goes on: the first one's is waited for.
func TestSecondSendFoundBeforeTheFirst(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ResetAfter, 1)}}
	s.Default.Duration = 20 * time.Minute
	inBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		began := time.Now()
		w.transport = between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if isTrigger(req, "b") && w.pipelinesOf("b") == 1 {
				res, err := next.RoundTrip(req)
				if err == nil {
					res.Body.Close()
				}
				return nil, errors.Join(err, errors.New("reset"))
			}
			if strings.HasSuffix(req.URL.Path, "/b/pipeline/1") && time.Since(began) < 3*time.Minute {
				return next.RoundTrip(elsewhere(req, "/b/pipeline/1000000"))
			}
			res, err := next.RoundTrip(req)
			if err == nil && strings.HasSuffix(req.URL.Path, "/b/pipeline") && time.Since(began) < 3*time.Minute {
				return rewrite(res, func(list map[string]any) {
					var kept []any
					for _, item := range list["items"].([]any) {
						if fmt.Sprint(item.(map[string]any)["number"]) != "1" {
							kept = append(kept, item)
						}
					}
					list["items"] = append([]any{}, kept...)
				})
			}
			return res, err
		}).over(w.transport)
		wantKind(t, w.release(), 0)
	})
}

func elsewhere(req *http.Request, path string) *http.Request {
	req = req.Clone(req.Context())
	before, _, _ := strings.Cut(req.URL.Path, "/b/pipeline")
	req.URL.Path = before + path
	return req
}

// The machine slept, and its clock with it: CircleCI's clock is hours ahead of what gio counts. A lost answer is looked up for as
// long as ever.
func TestClockOfCircleCIJumps(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ResetBefore, 1)}}
	inBubble(t, product("a", "b"), s, func(t *testing.T, w *world) {
		w.transport = between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			res, err := next.RoundTrip(req)
			if err == nil && !strings.HasSuffix(req.URL.Path, "/me") {
				res.Header.Set("Date", time.Now().Add(8*time.Hour).UTC().Format(http.TimeFormat))
			}
			return res, err
		}).over(w.transport)
		began := time.Now()
		wantKind(t, w.release(), 0)
		if took := time.Since(began); took > time.Hour {
			t.Errorf("it took %s", took)
		}
	})
}

// CircleCI has forgotten a pipeline that ran: a person is asked, and can answer.
func TestForgottenPipeline(t *testing.T) {
	t.Parallel()
	for _, answer := range []engine.Answer{{Component: "b", Released: true}, {Component: "b", NotTriggered: true}, {}} {
		s := sim.Scenario{Projects: map[string]sim.Project{"b": {Runs: []sim.Run{{Duration: time.Minute, Outcome: sim.Failed}}}}}
		inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
			wantKind(t, w.leaving(10*time.Second), fault.Stopped)
			id, seen := w.state().Step("b@1.2.3").Pipeline.ID, w.transport
			w.transport = between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if strings.Contains(req.URL.Path, id) {
					req = req.Clone(req.Context())
					req.URL.Path = strings.ReplaceAll(req.URL.Path, id, "00000000-0000-4000-8000-000000000000")
				}
				return next.RoundTrip(req)
			}).over(w.transport)
			wantKind(t, w.release(), fault.Decision)
			wantKind(t, w.release(), fault.Decision) // and asked again
			if answer.Component == "" {              // it is shown again, and has failed meanwhile: no answer is needed
				w.transport = seen
				wantKind(t, w.release(), fault.PipelineFailed)
			} else {
				w.resolve(answer, false)
			}
			wantKind(t, w.release(), 0)
		})
	}
}

// The pipeline of an attempt before the last one is re-run on CircleCI: nothing is started beside it or after its success.
func TestEarlierAttemptRunsAgain(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, time.Hour} {
		s := sim.Scenario{Projects: map[string]sim.Project{"b": {Duration: 10 * time.Minute, Runs: []sim.Run{{Outcome: sim.Failed}, {Outcome: sim.Failed}}}}}
		inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
			wantKind(t, w.release(), fault.PipelineFailed)
			wantKind(t, w.release(), fault.PipelineFailed)
			if err := w.sim.Rerun("b", 1, sim.Success); err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait)
			wantKind(t, w.release(), fault.Decision)
			if n := w.pipelinesOf("b"); n != 2 {
				t.Fatalf("%d pipelines of b", n)
			}
			w.resolve(engine.Answer{Component: "b", Pipeline: 1}, false)
			wantKind(t, w.release(), 0)
		})
	}
}

// The limit of time is over while CircleCI does not even say who we are.
func TestMaxRuntimeBeforeTheBeginning(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{{Match: sim.Match{Endpoint: "me"}, Kind: sim.HangBefore, Times: -1}}}
	inBubble(t, product("a b", "c"), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.MaxRuntime = 10 * time.Second }
		wantKind(t, w.release(), fault.Stopped)
	})
}

// Many pipelines at once: the triggers are not crowded out by the readings.
func TestCrowd(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Default: sim.Project{Duration: 30 * time.Minute}}
	inWildBubble(t, product(strings.Join(stormWaves(800, 1), " ")), s, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) { r.MaxParallel = 800 }
		wantKind(t, w.release(), 0)
	})
}

// gio.yaml names another branch while an intent is open: what was begun on the old one is not sent again on the new one.
func TestOtherBranchWhileAnAnswerIsLost(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ResetAfter, 1)}, ListLag: 200 * time.Second, NumberLag: 200 * time.Second}
	inBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		wantKind(t, w.leaving(10*time.Second), fault.Stopped)
		w.edit = func(r *engine.Release) {
			r.Options.Overrides = map[string]plan.Override{"b": {Branch: "other"}}
		}
		wantKind(t, w.release(), fault.Decision)
		if n := w.pipelinesOf("b"); n != 1 {
			t.Errorf("%d pipelines of b", n)
		}
	})
}

// Somebody pushes on top of the release before gio has read it back: it is there, and said to be.
func TestPushedOnTopAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		script := "#!/bin/sh\nexport GIT_AUTHOR_NAME=o GIT_AUTHOR_EMAIL=o@x GIT_COMMITTER_NAME=o GIT_COMMITTER_EMAIL=o@x\n" +
			"git rev-parse -q --verify refs/tags/1.0.4 >/dev/null || exit 0\n" +
			"git update-ref refs/heads/" + branch + " $(git commit-tree -p " + branch + " -m 'on top' " + branch + "^{tree})\n"
		if err := os.WriteFile(filepath.Join(w.remote, "hooks", "post-receive"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.release(), 0)
		if !w.state().Finished {
			t.Error("the release is not noted as finished")
		}
	})
}

// The support branch has moved on by itself when the release of the main branch is done: the product is not finished, but what
// succeeded is recorded.
func TestSupportBranchMovedMeanwhile(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a:1.2.0-SNAPSHOT"), sim.Scenario{}, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			repo, err := gitrepo.Open(t.Context(), gitrepo.Options{URL: w.remote, Branch: "master"})
			if err != nil {
				t.Fatal(err)
			}
			r.Repo, r.Options.Branch = repo, "master"
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type == run.Triggered {
					if err := w.push(`"Acme"`, `"Acme Inc"`); err != nil {
						t.Error(err)
					}
				}
			}
		}
		wantKind(t, w.release(), fault.Invalid)
		if c, _ := w.manifestAt("master").Component("a"); c.Open() {
			t.Error("a is not recorded")
		}
		wantKind(t, w.release(), fault.Invalid)
		w.edit = func(r *engine.Release) {
			repo, err := gitrepo.Open(t.Context(), gitrepo.Options{URL: w.remote, Branch: "master"})
			if err != nil {
				t.Fatal(err)
			}
			r.Repo, r.Options.Branch, r.NoNext = repo, "master", true
		}
		wantKind(t, w.release(), 0)
		if v := w.manifestAt("1.0.4").Version; v != "1.0.4" {
			t.Errorf("the tag holds %s", v)
		}
	})
}

// The next wave's version was claimed by another run meanwhile: what has succeeded and waited for that push is durable all
// the same (promise 2).
func TestSuccessBeforeAForeignClaim(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a", "b"), sim.Scenario{}, func(t *testing.T, w *world) {
		w.ref = newGitRef(w.power)
		w.edit = func(r *engine.Release) {
			r.Notify = func(e run.Event, _ *run.State) {
				if e.Type != run.Succeeded {
					return
				}
				h := run.Header{Schema: run.Schema, Kind: "release", Manifest: "release.json", Version: "9.9.9", Host: r.CI.Host(), Branch: branch}
				other, _, err := journal.OpenGit(context.Background(), w.ref, h, journal.GitOptions{Driver: run.Driver{ID: "other"}})
				if err == nil {
					err = errors.Join(other.Append(context.Background(), run.Event{Type: run.Intent, Steps: []plan.StepID{"b@1.2.3"}}), other.Close())
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
		if err := w.release(); !fault.Is(err, "claimed-elsewhere") {
			t.Errorf("got %v", err)
		}
		if st := w.state().Step("a@1.2.3"); st.Status != run.HasSucceeded {
			t.Errorf("a is %s in the journal", st.Status)
		}
		if n := w.pipelinesOf("b"); n != 0 {
			t.Errorf("%d pipelines of b", n)
		}
	})
}

// Stopped while the pipeline of a lost answer is looked up, a driver does not send again: that would start something new.
func TestStopDuringTheLookUp(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{onTrigger(sim.ErrorBefore, 1)}}
	inBubble(t, product("b"), s, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		time.AfterFunc(10*time.Second, func() { close(stop) })
		wantKind(t, w.releaseUntil(t.Context(), stop), fault.Stopped)
		if n := len(w.sim.Pipelines()); n != 0 {
			t.Errorf("%d pipelines were started after the stop", n)
		}
		wantKind(t, w.release(), 0)
	})
}

// Nothing is to be done, so that the journal is only looked at; meanwhile a colleague opens a component. It is not released under
// a journal that nobody else sees.
func TestOpenedWhileTheJournalIsLookedAt(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a:1.2.2"), sim.Scenario{}, func(t *testing.T, w *world) {
		w.edit = func(r *engine.Release) {
			open := r.Open
			r.Open = func(h run.Header) (engine.Journal, []run.Event, error) {
				if !r.Idle(w.kept()) {
					return open(h)
				}
				gittest.Push(t, w.remote, branch, map[string]string{"release.json": product("a")}, "open a")
				return &journal.Memory{}, w.kept(), nil
			}
		}
		wantKind(t, w.release(), 0)
		if st := w.state().Step("a@1.2.3"); st.Status != run.HasSucceeded {
			t.Errorf("the journal has a as %s, and %d pipelines of it were started", st.Status, w.pipelinesOf("a"))
		}
	})
}

// TestVersionChangedWhileWaiting: somebody sets another product version while a driver waits for its journal. What it would
// then release stands in no journal of that version.
func TestVersionChangedWhileWaiting(t *testing.T) {
	t.Parallel()
	inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
		change := sync.OnceFunc(func() {
			next := strings.Replace(product("a"), "1.0.4-SNAPSHOT", "1.0.5-SNAPSHOT", 1)
			gittest.Push(t, w.remote, branch, map[string]string{"release.json": next}, "open 1.0.5")
		})
		w.edit = func(r *engine.Release) {
			open := r.Open
			r.Open = func(h run.Header) (engine.Journal, []run.Event, error) {
				change()
				return open(h)
			}
		}
		err := w.release()
		if wantKind(t, err, fault.Invalid); !fault.Is(err, "version-changed") || w.pipelinesOf("a") != 0 {
			t.Errorf("%v, and %d pipelines", err, w.pipelinesOf("a"))
		}
	})
}
