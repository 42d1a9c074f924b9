package gitrepo

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// inProcess answers requests by a handler, without a network: time stands still meanwhile.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// openInProcess opens a repository that a RoundTripper serves.
func openInProcess(t *testing.T, base http.RoundTripper) (*Repo, error) {
	t.Helper()
	o := options("http://git.example/release.git")
	remote, err := newRemote(t.Context(), o.URL, o.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	remote.base = base
	r := newRepo(o, remote)
	return r, r.Fetch(t.Context())
}

// lagging shows, for some time after each push, the refs as they were before it.
type lagging struct {
	http.Handler
	lag    time.Duration
	before http.Handler // as it was
	until  time.Time
}

func (l *lagging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case gittest.IsPush(r):
		advert := httptest.NewRecorder()
		asked := httptest.NewRequest(http.MethodGet, "/release.git/info/refs?service=git-upload-pack", nil)
		l.Handler.ServeHTTP(advert, asked)
		kept := advert.Body.String()
		l.before = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = io.WriteString(w, kept)
		})
		l.until = time.Now().Add(l.lag)
		l.Handler.ServeHTTP(w, r)
	case r.URL.Query().Get("service") == "git-upload-pack" && time.Now().Before(l.until):
		l.before.ServeHTTP(w, r)
	default:
		l.Handler.ServeHTTP(w, r)
	}
}

// A machine of the server that lags behind a push is read again; only after half a minute is the outcome unknown.
func TestServerThatLags(t *testing.T) {
	t.Parallel()
	for name, lag := range map[string]time.Duration{"8 seconds": 8 * time.Second, "28 seconds": 28 * time.Second, "an hour": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, files, branch)
			handler := gittest.Handler(t, dir, gittest.Options{})
			synctest.Test(t, func(t *testing.T) {
				r, err := openInProcess(t, inProcess{&lagging{Handler: handler, lag: lag}})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				err = r.Push(t.Context(), commit(t, r, "x", "3.9.4"))
				if lag > longestLag {
					wantFault(t, err, fault.Remote, "push-unknown", "accepted the push", "does not show it")
					return
				}
				if took := time.Since(began); err != nil || took < lag || took > lag+longestPause {
					t.Errorf("after %s: %v", took, err)
				}
			})
		})
	}
}

// A reading after the push may reach another machine, which lags: what was pushed over is not believed for a while.
func TestFetchFromAMachineThatLags(t *testing.T) {
	t.Parallel()
	dir := gittest.Bare(t, files, branch)
	server := &lagging{Handler: gittest.Handler(t, dir, gittest.Options{}), lag: 0}
	synctest.Test(t, func(t *testing.T) {
		r, err := openInProcess(t, inProcess{server})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Push(t.Context(), commit(t, r, "x", "3.9.4")); err != nil {
			t.Fatal(err)
		}
		pushed := r.Head()
		server.until = time.Now().Add(5 * time.Second)
		if err := r.Fetch(t.Context()); err != nil || r.Head() != pushed {
			t.Errorf("head %s, want %s, %v", r.Head(), pushed, err)
		}
	})
}

// What the server says of a refusal decides about the hint; that another push was faster is no matter of protection.
func TestWordsPerCause(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make func(t *testing.T, dir string, r *Repo) []Update
		code string
		hint string
	}{
		{"a hook", func(t *testing.T, dir string, r *Repo) []Update {
			gittest.Hook(t, dir, "update", "echo no >&2; exit 1")
			return commit(t, r, "x", "3.9.4")
		}, "push-refused", "a protected branch or a hook"},
		{"a name in the way", func(t *testing.T, dir string, r *Repo) []Update {
			gittest.Git(t, dir, "branch", "4.0.x/fix", branch)
			return []Update{{Ref: "refs/heads/4.0.x", New: commit(t, r, "x", "3.9.4")[0].New}}
		}, "push-refused", "is in the way: rename or delete it"},
		{"a hidden ref", func(t *testing.T, dir string, r *Repo) []Update {
			gittest.Git(t, dir, "config", "receive.hideRefs", "refs/gio")
			return []Update{{Ref: "refs/gio/journal", New: commit(t, r, "x", "3.9.4")[0].New}}
		}, "push-refused", "let gio write refs/gio there"},
		{"a ref that is there already, and not shown", func(t *testing.T, dir string, r *Repo) []Update {
			updates := commit(t, r, "x", "3.9.4")
			gittest.Git(t, dir, "tag", "3.9.4", branch)
			gittest.Git(t, dir, "config", "uploadpack.hideRefs", "refs/tags")
			return updates
		}, "ref-moved", "somebody else pushes at the same time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := gittest.Bare(t, files, branch)
			handler := gittest.Handler(t, dir, gittest.Options{})
			synctest.Test(t, func(t *testing.T) {
				r, err := openInProcess(t, inProcess{handler})
				if err != nil {
					t.Fatal(err)
				}
				err = r.Push(t.Context(), test.make(t, dir, r))
				if fault.CodeOf(err) != test.code || !strings.Contains(strings.Join(fault.HintLines(err), "\n"), test.hint) {
					t.Errorf("%s: %v, %q", fault.CodeOf(err), err, fault.HintLines(err))
				}
				if (test.code == "ref-moved") != errors.Is(err, ErrMoved) {
					t.Errorf("moved: %v", err)
				}
			})
		})
	}
}

// The hint goes by the words of the servers.
func TestRemedy(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"refs/heads/3.9.x: protected branch hook declined":                                                        "a protected branch or a hook",
		"remote: error: GH013: Repository rule violations found for refs/heads/3.9.x.":                            "a protected branch or a hook",
		"refs/heads/3.9.x: pre-receive hook declined":                                                             "a protected branch or a hook",
		"refs/gio/journal: deny updating a hidden ref":                                                            "keeps these refs to itself",
		"unpack: unpack-objects abnormal exit":                                                                    "could not store it",
		"error: cannot lock ref 'refs/heads/a': 'refs/heads/a/b' exists; cannot create 'refs/heads/a'":            "is in the way",
		"refs/heads/3.9.x: funny refname":                                                                         "see what the server says",
		"error: cannot lock ref 'refs/tags/3.9.4/x': 'refs/tags/3.9.4' exists; cannot create 'refs/tags/3.9.4/x'": "is in the way",
	} {
		if got := remedy(words); !strings.Contains(got, want) {
			t.Errorf("%s: %s", words, got)
		}
	}
}

// Only a server's refusal is a race, and only by what it says of the value of a ref.
func TestRaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status, words string
		want          bool
	}{
		{"ok", "cannot lock ref", false},
		{"reference already exists", "", true},
		{"failed to update ref", "error: cannot lock ref 'refs/heads/x': is at 1 but expected 2", true},
		{"failed to update ref", "error: cannot lock ref 'refs/heads/x': 'refs/heads/x/y' exists; cannot create 'refs/heads/x'", false},
		{"failed to update ref", "", false},
		{"hook declined", "", false},
	} {
		report := packp.NewReportStatus()
		report.UnpackStatus = "ok"
		report.CommandStatuses = []*packp.CommandStatus{{ReferenceName: "refs/heads/x", Status: test.status}}
		if got := raced(report, test.words); got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
	}
	if raced(nil, "reference already exists") {
		t.Error("a lost answer tells nothing")
	}
}
