package operate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/notify"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// mailbox takes what a webhook and Slack are sent.
type mailbox struct {
	url string

	mu   sync.Mutex
	hook []notify.Delivery
	got  []string // paths
}

func newMailbox(t *testing.T, status int) *mailbox {
	t.Helper()
	m := &mailbox{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		var d notify.Delivery
		if json.NewDecoder(r.Body).Decode(&d) == nil && r.URL.Path == "/hook" {
			m.hook = append(m.hook, d)
		}
		m.got = append(m.got, r.URL.Path)
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	m.url = s.URL
	return m
}

var slackTexts = notify.Texts{
	Run:     func(notify.Moment) notify.Message { return notify.Message{Text: "how it goes"} },
	Failure: func(run.Event, *run.State) notify.Message { return notify.Message{Text: "what failed"} },
}

// TestReceivers: a webhook and Slack are told of a release to its end, GitHub gets the statuses and the release, whose notes
// are of what was released.
func TestReceivers(t *testing.T) {
	t.Parallel()
	box := newMailbox(t, http.StatusOK)
	p := plant{
		manifest: single, Scenario: sim.Scenario{GitHub: checkHub()},
		env:   map[string]string{"SLACK_WEBHOOK_URL": box.url + "/slack"},
		files: map[string]string{"gio.yaml": "notify:\n  slack: {}\n  webhook: {url: " + box.url + "/hook}\n  github: {status: true, release: true}\n"},
	}
	w := p.grow(t)
	o := w.operator()
	o.Slack = slackTexts
	var noted []string
	o.Notes = func(m *manifest.Manifest, repository func(manifest.Component) string, s *run.State, commit string) (string, error) {
		noted = append(noted, m.Version, repository(m.Components[1]), s.Header.Version)
		return "the notes", nil
	}
	r := o.released(operate.ReleaseOptions{})
	// The simulated GitHub does not know the commits of the release repository.
	if left := r.Deliver(t.Context(), nil); len(left) != 1 || !strings.Contains(left[0].Error(), "GitHub commit status on acme/release") {
		t.Errorf("not notified: %v", left)
	}
	box.mu.Lock()
	defer box.mu.Unlock()
	last := box.hook[len(box.hook)-1]
	if last.Type != "ended" || last.Run != "release/3.9.4" || !last.State.Finished || last.DryRun {
		t.Errorf("the last delivery is %+v", last)
	}
	if !strings.Contains(strings.Join(box.got, " "), "/slack") {
		t.Errorf("sent: %v", box.got)
	}
	if len(noted) < 3 || noted[0] != "3.9.4" || noted[1] != "acme/api" || noted[2] != "3.9.4" {
		t.Errorf("the notes are of %v", noted)
	}
	releases := w.sim.GitHubReleases("acme/release")
	if len(releases) != 1 || releases[0].Tag != "3.9.4" || !strings.Contains(releases[0].Notes, "the notes") {
		t.Errorf("on GitHub: %+v", releases)
	}
	if o.heard() != "" {
		t.Errorf("told: %s", o.heard())
	}
}

// TestReceiversMissing: who cannot be notified is a warning, and whoever does not answer is said at the end: the release goes
// on all the same.
func TestReceiversMissing(t *testing.T) {
	t.Parallel()
	box := newMailbox(t, http.StatusForbidden)
	for _, test := range []struct {
		name, yaml string
		env        map[string]string
		dryRun     bool
		warned     string // "" is nothing
		left       int    // who were not notified
	}{
		{"nobody is wanted", "", nil, false, "", 0},
		{"no secret of Slack", "slack: {}", nil, false, "warning: Slack is not notified: set SLACK_BOT_TOKEN, or SLACK_WEBHOOK_URL for an incoming webhook", 0},
		{"no channel", "slack: {}", map[string]string{"SLACK_BOT_TOKEN": "xoxb"}, false, "warning: Slack is not notified: notify.slack in gio.yaml names no channel", 0},
		{"no address", "slack: {channel: releases}", map[string]string{"SLACK_WEBHOOK_URL": "nowhere"}, false, "warning: Slack is not notified: SLACK_WEBHOOK_URL is no address", 0},
		{"Slack says no", "slack: {}", map[string]string{"SLACK_WEBHOOK_URL": box.url}, true, "", 1},
		{"the webhook says no", "webhook: {url: " + box.url + "/hook}", nil, true, "", 1},
		{"no GitHub", "github: {status: true}", nil, false, "warning: GitHub is not notified: the release repository is not on GitHub; GITHUB_API_URL names another one", 0},
		{"no GitHub token", "github: {release: true}", map[string]string{"GITHUB_API_URL": "http://127.0.0.1:1"}, false, "warning: GitHub is not notified: set GITHUB_TOKEN", 0},
		{"no GitHub, of a dry run", "github: {status: true, release: true}", nil, true, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := plant{manifest: single, env: test.env, files: map[string]string{"gio.yaml": "notify: {" + test.yaml + "}\n"}}.grow(t)
			o := w.operator()
			o.Slack = slackTexts
			ends, err := operate.ReleaseEnds(t.Context(), o.Setup)
			if err != nil {
				t.Fatal(err)
			}
			setup := o.Setup
			if test.left == 0 { // nobody is notified: the receivers of a client dry run are found in the same way
				setup, ends, _ = o.dryEnds(true)
			}
			r, err := operate.Release(t.Context(), setup, ends, operate.ReleaseOptions{DryRun: test.dryRun})
			if err != nil {
				t.Fatal(err)
			}
			if left := r.Deliver(t.Context(), nil); len(left) != test.left {
				t.Errorf("not notified: %v", left)
			}
			if said := o.heard(); !strings.HasPrefix(said, test.warned) || (said == "") != (test.warned == "") {
				t.Errorf("told: %q", said)
			}
		})
	}
}

// TestReceiversOfADryRun: a client dry run says who would be notified, and notifies nobody.
func TestReceiversOfADryRun(t *testing.T) {
	t.Parallel()
	box := newMailbox(t, http.StatusOK)
	w := plant{manifest: single, files: map[string]string{"gio.yaml": "notify: {slack: {channel: releases}, webhook: {url: " + box.url + "/hook}}\n"}, env: map[string]string{"SLACK_BOT_TOKEN": "xoxb"}}.grow(t)
	o := w.operator()
	o.Slack = slackTexts
	s, ends, _ := o.dryEnds(true)
	r, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{})
	if err != nil || len(r.Deliver(t.Context(), err)) > 0 {
		t.Fatal(err)
	}
	o.hears("would be notified of the release: webhook "+box.url, "would be notified of the release: Slack")
	if len(box.got) > 0 {
		t.Errorf("sent: %v", box.got)
	}
}

// TestReceiversWithoutWords: whoever follows a release without messages for Slack, or notes for GitHub, is warned, and the
// release goes on.
func TestReceiversWithoutWords(t *testing.T) {
	t.Parallel()
	box := newMailbox(t, http.StatusOK)
	w := plant{
		manifest: single, Scenario: sim.Scenario{GitHub: checkHub()}, env: map[string]string{"SLACK_WEBHOOK_URL": box.url},
		files: map[string]string{"gio.yaml": "notify: {slack: {}, github: {release: true}}\n"},
	}.grow(t)
	o := w.operator()
	r := o.released(operate.ReleaseOptions{})
	if left := r.Deliver(t.Context(), nil); len(left) > 0 || len(box.got) > 0 {
		t.Errorf("not notified: %v, sent: %v", left, box.got)
	}
	o.hears("warning: Slack is not notified: there are no messages for it")
	if releases := w.sim.GitHubReleases("acme/release"); len(releases) != 1 || releases[0].Notes != "Acme 3.9.4" {
		t.Errorf("on GitHub: %+v", releases)
	}
}

// TestNotesOfAChangelog: with notes: changelog a GitHub release says what changed since the version before; the first version has none,
// and gets the usual notes.
func TestNotesOfAChangelog(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "3.9.3"} {
		w := plant{
			manifest: single, Scenario: sim.Scenario{GitHub: checkHub()},
			files: map[string]string{"gio.yaml": "notify: {github: {release: true, notes: changelog}}\n"},
		}.grow(t)
		want := "Acme 3.9.4"
		if before != "" {
			w.released(branch, strings.NewReplacer("3.9.4-SNAPSHOT", before, "1.25.1-SNAPSHOT", "1.25.0").Replace(single), before, time.Now())
			gittest.Push(t, w.remote, branch, map[string]string{"release.json": single}, "next")
			w.pulled()
			want = "since 3.9.3: api 1.25.0 -> 1.25.1, 1.25.0...1.25.1"
		}
		o := w.operator()
		o.ChangelogNotes = func(c operate.Changelog) (string, error) {
			api := c.Changes[0]
			return fmt.Sprintf("since %s: %s %s -> %s, %s", c.From.Version, api.Name, api.From, api.To, path.Base(api.URL)), nil
		}
		if left := o.released(operate.ReleaseOptions{}).Deliver(t.Context(), nil); len(left) > 0 {
			t.Error(left)
		}
		if releases := w.sim.GitHubReleases("acme/release"); len(releases) != 1 || releases[0].Notes != want {
			t.Errorf("on GitHub: %+v, want %s", releases, want)
		}
	}
}

// TestReceiversElsewhere: where the release repository does not lie on that GitHub, its commits and releases are not there.
func TestReceiversElsewhere(t *testing.T) {
	t.Parallel()
	w := plant{manifest: single, Scenario: sim.Scenario{GitHub: checkHub()}, files: map[string]string{"gio.yaml": "notify: {github: {release: true}}\n"}}.grow(t)
	gittest.Git(t, w.checkout, "remote", "set-url", "origin", w.remote)
	o := w.operator()
	s, ends, _ := o.dryEnds(true)
	if _, err := operate.Release(t.Context(), s, ends, operate.ReleaseOptions{}); err != nil {
		t.Error(err)
	}
	o.hears("warning: GitHub is not notified: the release repository is not on it")
}
