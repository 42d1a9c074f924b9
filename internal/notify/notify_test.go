package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// wire is a server without a network, so that time in a bubble passes while it is slow.
type wire struct {
	mu     sync.Mutex
	got    []request
	answer func(n int, r request) (status int, header, body string) // n counts from 0; nil is 200 "ok"
}

type request struct {
	at     time.Time
	path   string
	header http.Header
	body   []byte
	json   map[string]any
}

const never = -1 // as a status: no answer, ever

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r := request{at: time.Now(), path: req.URL.Path, header: req.Header, body: body}
	if err := json.Unmarshal(body, &r.json); err != nil {
		return nil, err
	}
	w.mu.Lock()
	n := len(w.got)
	w.got = append(w.got, r)
	w.mu.Unlock()
	status, header, text := http.StatusOK, "", "ok"
	if w.answer != nil {
		status, header, text = w.answer(n, r)
	}
	if status == never {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	rec := httptest.NewRecorder()
	if name, value, ok := strings.Cut(header, ": "); ok {
		rec.Header().Set(name, value)
	}
	rec.WriteHeader(status)
	rec.Body.WriteString(text)
	return rec.Result(), nil
}

func (w *wire) requests() []request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]request(nil), w.got...)
}

// over makes a poster that sends over w.
func (w *wire) over(p *poster) { p.http.Transport = w }

// story makes a journal as the engine would, and notes it with a notifier.
type story struct {
	t     *testing.T
	n     *Notifier
	state *run.State
}

func newStory(t *testing.T, kind run.Kind, receivers ...Receiver) *story {
	t.Helper()
	s := &story{t: t, n: New(receivers...), state: &run.State{}}
	p := &plan.Plan{Product: "Acme", Version: "3.9.4", Branch: "3.9.x", Waves: []plan.Wave{{}}}
	for _, name := range []string{"api", "gateway", "portal"} {
		p.Waves[0].Steps = append(p.Waves[0].Steps, plan.Step{Component: name, Version: "3.9.4", Project: "gh/acme/" + name})
	}
	h := &run.Header{Schema: 1, Kind: kind, Manifest: "release.json", Product: "Acme", Version: "3.9.4", Host: "https://circleci.test", Branch: "3.9.x"}
	s.add(run.Event{Type: run.Opened, Header: h})
	s.add(run.Event{Type: run.Planned, Plan: p, Driver: &run.Driver{ID: "d", Login: "robot", Job: "https://circleci.test/job/1"}})
	return s
}

func (s *story) add(e run.Event) {
	s.t.Helper()
	e.Run, e.Seq, e.Time = "release/3.9.4", s.state.Seq+1, time.Now().UTC()
	if err := s.state.Apply(e); err != nil {
		s.t.Fatal(err)
	}
	s.n.Note(e, s.state)
}

func (s *story) trigger(component string) plan.StepID {
	s.t.Helper()
	id := plan.ID(component, "3.9.4")
	s.add(run.Event{Type: run.Intent, Steps: []plan.StepID{id}, Send: 1, Project: "gh/acme/" + component, Branch: "3.9.x"})
	s.add(run.Event{Type: run.Triggered, Steps: []plan.StepID{id}, Pipeline: &run.Pipeline{ID: "p-" + component, Number: 7}})
	return id
}

func (s *story) fail(component string) {
	s.t.Helper()
	id := s.trigger(component)
	s.add(run.Event{Type: run.Failed, Steps: []plan.StepID{id}, Code: "pipeline-failed", Reason: component + " broke", Workflow: "release"})
}

// texts contain just enough to distinguish moments.
func texts() Texts {
	return Texts{
		Run: func(m Moment) Message {
			return Message{Text: fmt.Sprintf("over %t, failed %d", m.Over, len(m.State.With(run.HasFailed))), Blocks: []any{}}
		},
		Failure: func(e run.Event, _ *run.State) Message { return Message{Text: e.Reason} },
	}
}

var errPipeline = fault.New(fault.PipelineFailed, "pipeline-failed", "a pipeline failed")

// A receiver that never answers does not delay the run, and its end by no more than ten seconds.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(int, request) (int, string, string) { return never, "", "" }}
		h := newHook(Webhook{URL: "https://hook.test/secret-path"})
		w.over(h.poster)
		began := time.Now()
		s := newStory(t, "release", h.receiver())
		for _, name := range []string{"api", "gateway", "portal"} {
			s.fail(name)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("noting took %s", took)
		}
		synctest.Wait()
		began = time.Now()
		failed := s.n.Close(t.Context(), errPipeline)
		if took := time.Since(began); took > drain {
			t.Errorf("the end took %s", took)
		}
		if len(failed) != 1 || !fault.Is(failed[0], "not-sent") || strings.Contains(failed[0].Error(), "secret-path") {
			t.Errorf("%v", failed)
		}
	})
}

// A signal ends the waiting for receivers.
func TestCloseIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(int, request) (int, string, string) { return never, "", "" }}
		h := newHook(Webhook{URL: "https://hook.test/"})
		w.over(h.poster)
		s := newStory(t, "release", h.receiver())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		if failed := s.n.Close(ctx, nil); len(failed) != 1 || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %s", failed, time.Since(began))
		}
	})
}

// Nothing is sent about a run that never began, and a nil Notifier works.
func TestNothingToTell(t *testing.T) {
	t.Parallel()
	h := newHook(Webhook{URL: "https://hook.test/"})
	w := &wire{}
	w.over(h.poster)
	if failed := New(h.receiver()).Close(t.Context(), errors.New("refused")); len(failed)+len(w.requests()) != 0 {
		t.Errorf("%v, %v", failed, w.requests())
	}
	var nobody *Notifier
	nobody.Note(run.Event{}, &run.State{})
	if failed := nobody.Close(t.Context(), nil); failed != nil {
		t.Error(failed)
	}
	if New() != nil {
		t.Error("a notifier for nobody")
	}
}

// While a receiver does not answer, observations are counted instead of kept, and all failures are kept.
func TestBacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		w := &wire{answer: func(int, request) (int, string, string) {
			if up.Load() {
				return http.StatusOK, "", ""
			}
			return http.StatusBadGateway, "", ""
		}}
		h := newHook(Webhook{URL: "https://hook.test/"})
		w.over(h.poster)
		s := newStory(t, "release", h.receiver())
		synctest.Wait()
		s.fail("api")
		id := s.trigger("gateway")
		for range 2 * backlog {
			s.add(run.Event{Type: run.Observed, Steps: []plan.StepID{id}, Status: "running"})
		}
		s.fail("portal")
		time.Sleep(time.Hour)
		up.Store(true)
		if failed := s.n.Close(t.Context(), nil); len(failed) != 1 || !strings.Contains(failed[0].Error(), "of its deliveries") {
			t.Errorf("%v", failed)
		}
		for _, o := range s.n.outlets {
			if len(o.waiting) > 0 || o.dropped > 0 || !o.done {
				t.Errorf("%d wait, %d dropped, %t", len(o.waiting), o.dropped, o.done)
			}
		}
		kept := 0
		for _, r := range w.requests() {
			kept = max(kept, bytes.Count(r.body, []byte(`"type":"failed"`)))
			if n := bytes.Count(r.body, []byte(`"type":"observed"`)); n > backlog {
				t.Errorf("%d observations at once", n)
			}
		}
		if kept != 2 {
			t.Errorf("%d failures arrived", kept)
		}
	})
}
