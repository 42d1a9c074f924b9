package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// hub is a GitHub that accepts what is posted, and notes each request in one line.
type hub struct {
	mu     sync.Mutex
	got    []string
	status int // 0 is 201
	body   string
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	h.got = append(h.got, r.Method+" "+r.URL.Path+" "+strings.TrimSpace(string(body)))
	if h.status == 0 {
		h.status, h.body = http.StatusCreated, "{}"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(h.status)
	fmt.Fprint(w, h.body)
}

func (h *hub) client(t *testing.T) *github.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client, err := github.New(github.Options{URL: server.URL, Token: "planted"})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// finish makes a story's product released.
func (s *story) finish() {
	s.t.Helper()
	var steps []plan.StepID
	for _, name := range []string{"api", "gateway", "portal"} {
		id := s.trigger(name)
		s.add(run.Event{Type: run.Succeeded, Steps: []plan.StepID{id}})
		steps = append(steps, id)
	}
	record := &run.Record{Commit: "bbbb", Finished: true, Steps: steps, Refs: map[string]string{"refs/tags/3.9.4": "cccc"}}
	s.add(run.Event{Type: run.Recording, Record: record})
	s.add(run.Event{Type: run.Recorded, Record: record})
}

// told waits until the receiver got something.
func told(r Receiver) (Receiver, <-chan struct{}) {
	once := make(chan struct{}, 100)
	deliver := r.deliver
	r.deliver = func(ctx context.Context, m Moment) error {
		defer func() { once <- struct{}{} }()
		return deliver(ctx, m)
	}
	return r, once
}

// A commit has a pending status from the beginning, and at the end the run's, as has the commit of the release.
func TestCommitStatus(t *testing.T) {
	t.Parallel()
	h := &hub{}
	receiver, first := told(CommitStatus{Client: h.client(t), Repo: "acme/release", Head: "aaaa"}.Receiver())
	s := newStory(t, "release", receiver)
	<-first
	s.finish()
	if failed := s.n.Close(t.Context(), nil); failed != nil {
		t.Error(failed)
	}
	want := []string{
		`POST /repos/acme/release/statuses/aaaa {"state":"pending","target_url":"https://circleci.test/job/1","description":"the release of 3.9.4 runs","context":"gio/release"}`,
		`POST /repos/acme/release/statuses/aaaa {"state":"success","target_url":"https://circleci.test/job/1","description":"3.9.4 is released","context":"gio/release"}`,
		`POST /repos/acme/release/statuses/bbbb {"state":"success","target_url":"https://circleci.test/job/1","description":"3.9.4 is released","context":"gio/release"}`,
	}
	if diff := cmp.Diff(want, h.got); diff != "" {
		t.Error(diff)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	s := &run.State{}
	for want, m := range map[string]Moment{
		"pending the release of  runs":                       {State: s},
		"failure a pipeline failed":                          {State: s, Over: true, Err: errPipeline},
		"pending leaving":                                    {State: s, Over: true, Err: fault.New(fault.Stopped, "signal", "leaving")},
		"error two lines":                                    {State: s, Over: true, Err: errors.New("two\nlines")},
		"pending  is not finished: components were left out": {State: s, Over: true},
	} {
		state, sentence := verdict(m)
		if got := state + " " + sentence; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The tag of a finished product gets a release, an unfinished product none, and an existing release stays.
func TestGitHubRelease(t *testing.T) {
	t.Parallel()
	h := &hub{}
	client := h.client(t)
	notes := func(_ context.Context, s *run.State, commit string) (string, error) { return "made of " + commit, nil }
	releases := Releases{Client: client, Repo: "acme/release", Notes: notes}
	s := newStory(t, "release", releases.Receiver())
	s.fail("api")
	if failed := s.n.Close(t.Context(), errPipeline); failed != nil || len(h.got) > 0 {
		t.Errorf("%v, %v", failed, h.got)
	}

	s = newStory(t, "release", releases.Receiver())
	s.finish()
	if failed := s.n.Close(t.Context(), nil); failed != nil {
		t.Error(failed)
	}
	want := []string{`POST /repos/acme/release/releases {"tag_name":"3.9.4","name":"Acme 3.9.4","body":"made of bbbb","draft":false,"prerelease":false}`}
	if diff := cmp.Diff(want, h.got); diff != "" {
		t.Error(diff)
	}

	h.status, h.body = http.StatusUnprocessableEntity, `{"message":"Validation Failed","errors":[{"resource":"Release","code":"already_exists","field":"tag_name"}]}`
	s = newStory(t, "release", releases.Receiver())
	s.finish()
	if failed := s.n.Close(t.Context(), nil); failed != nil {
		t.Error(failed)
	}
}

// hints returns all hints of an error and its causes.
func hints(err error) string {
	var all string
	for {
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok {
			return all
		}
		all += strings.Join(fault.HintLines(f), "\n")
		err = f.Cause
	}
}

// The fault of a token without the right names the right that it needs.
func TestGitHubRefuses(t *testing.T) {
	t.Parallel()
	h := &hub{status: http.StatusForbidden, body: `{"message":"Resource not accessible by personal access token"}`}
	s := newStory(t, "release", CommitStatus{Client: h.client(t), Repo: "acme/release", Head: "aaaa"}.Receiver())
	failed := s.n.Close(t.Context(), nil)
	if len(failed) != 1 || fault.KindOf(failed[0]) != fault.Auth || len(h.got) != 1 || strings.Contains(failed[0].Error(), "planted") {
		t.Fatalf("%v, %v", failed, h.got)
	}
	if advice := hints(failed[0]); !strings.Contains(advice, "repo:status") {
		t.Error(advice)
	}
}
