package doctor

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// answers is a CircleCI that says the same every time, by the end of the path.
type answers map[string]string

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	for end, body := range a {
		if strings.HasSuffix(req.URL.Path, end) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
		}
	}
	return nil, fmt.Errorf("nobody answers %s", req.URL)
}

// TestBusyBranch: on a busy branch gio reads so far that it finds the pipeline of a run whose journal is lost behind however
// many others, and else only so far as is likely.
func TestBusyBranch(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	pipeline := func(number int, trigger string) string {
		return fmt.Sprintf(`{"id":"p%d","number":%d,"project_slug":"gh/acme/api","state":"created","created_at":%q,"trigger":{"type":%q,"received_at":%[3]q,"actor":{"login":"bot"}},"vcs":{"branch":"1.2.x"}}`,
			number, number, began.Add(time.Duration(number)*time.Minute).Format(time.RFC3339), trigger)
	}
	m, err := manifest.Parse("release.json", []byte(`{"name":"Acme","version":"3.9.4-SNAPSHOT","components":[],"buildDependencies":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	behind := func(others int, q Question) int {
		var items []string
		for n := others + 1; n > 1; n-- {
			items = append(items, pipeline(n, "webhook"))
		}
		items = append(items, pipeline(1, "api"))
		q.Manifest, q.CI = m, circleci.New(circleci.Options{Host: "https://circleci.com", Token: "t", HTTP: &http.Client{Transport: answers{
			"/gh/acme/api/pipeline": `{"items":[` + strings.Join(items, ",") + `]}`,
			"/pipeline/p1":          pipeline(1, "api"),
			"/pipeline/p1/workflow": `{"items":[{"id":"w","name":"release","status":"running","created_at":"2026-01-02T03:01:00Z"}]}`,
		}}})
		found, err := q.others(t.Context(), "gh/acme/api", "1.2.x", circleci.User{Login: "bot"})
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	known := &run.State{}
	for _, tt := range []struct {
		name   string
		others int
		q      Question
		found  int
	}{
		{"lost", mostListed + 10, Question{Began: began}, 1},
		{"known", mostListed, Question{Began: began, State: known}, 0},
		{"known, the last one read", mostListed - 1, Question{Began: began, State: known}, 1},
		{"never begun", mostListed, Question{}, 0},
	} {
		if got := behind(tt.others, tt.q); got != tt.found {
			t.Errorf("%s: found %d, want %d", tt.name, got, tt.found)
		}
	}
}

func stepID(id string) plan.StepID { return plan.StepID(id) }

// TestRepositoryFacts: what the component's repository says of its version.
func TestRepositoryFacts(t *testing.T) {
	t.Parallel()
	files := func(name, content string) map[string]sim.Branch {
		return map[string]sim.Branch{"1.2.x": {Files: map[string]string{name: content}}}
	}
	pom := func(version string) map[string]sim.Branch { return map[string]sim.Branch{"1.2.x": {Version: version}} }
	npm := func(version string) map[string]sim.Branch { return files("package.json", `{"version": "`+version+`"}`) }
	named := plan.Verification{Verify: plan.VerifyTag, Tag: "rel-{{.Version}}"}
	tests := map[string]struct {
		api                      sim.Repository
		verify                   plan.Verification
		tag, file, stated, would string
	}{
		"nothing but a branch":                 {api: sim.Repository{Branches: files("README.md", "hello")}},
		"no branch":                            {api: sim.Repository{}},
		"empty":                                {api: sim.Repository{Empty: true}},
		"a broken file":                        {api: sim.Repository{Branches: files("pom.xml", "<project/>")}},
		"the version":                          {api: sim.Repository{Branches: pom("1.2.3-SNAPSHOT")}, file: "pom.xml", stated: "1.2.3-SNAPSHOT"},
		"tagged":                               {api: sim.Repository{Branches: pom("1.2.4-SNAPSHOT"), Tags: []string{"v1.2.3"}}, tag: "v1.2.3", file: "pom.xml", stated: "1.2.4-SNAPSHOT", would: "1.2.4-SNAPSHOT"},
		"tagged as gio.yaml says":              {api: sim.Repository{Tags: []string{"rel-1.2.3"}}, verify: named, tag: "rel-1.2.3"},
		"tagged as gio.yaml does not say":      {api: sim.Repository{Tags: []string{"rel-1.2.3"}}},
		"another version":                      {api: sim.Repository{Branches: pom("1.2.4-SNAPSHOT")}, file: "pom.xml", stated: "1.2.4-SNAPSHOT", would: "1.2.4-SNAPSHOT"},
		"another version, released":            {api: sim.Repository{Branches: pom("1.2.4-SNAPSHOT"), Tags: []string{"1.2.4"}}, file: "pom.xml", stated: "1.2.4-SNAPSHOT"},
		"another version, released as named":   {api: sim.Repository{Branches: pom("1.2.4-SNAPSHOT"), Tags: []string{"rel-1.2.4"}}, verify: named, file: "pom.xml", stated: "1.2.4-SNAPSHOT"},
		"a version of another branch":          {api: sim.Repository{Branches: pom("1.3.1-SNAPSHOT")}, file: "pom.xml", stated: "1.3.1-SNAPSHOT"},
		"a version that is not to be released": {api: sim.Repository{Branches: pom("1.2.4")}, file: "pom.xml", stated: "1.2.4"},
		"no version":                           {api: sim.Repository{Branches: pom("next-SNAPSHOT")}, file: "pom.xml", stated: "next-SNAPSHOT"},
		"npm says the version itself":          {api: sim.Repository{Branches: npm("1.2.3")}, file: "package.json", stated: "1.2.3"},
		"npm says another version":             {api: sim.Repository{Branches: npm("1.2.4")}, file: "package.json", stated: "1.2.4", would: "1.2.4-SNAPSHOT"},
		"npm says another snapshot":            {api: sim.Repository{Branches: npm("1.2.4-SNAPSHOT")}, file: "package.json", stated: "1.2.4-SNAPSHOT", would: "1.2.4-SNAPSHOT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/api": tt.api}}})
			q := w.question()
			q.Names, q.Options.Verification = []string{"api"}, tt.verify
			got := w.examine(q).row("api").Facts
			if got.Tag != tt.tag || !got.TagRead || got.File != tt.file || got.Stated != tt.stated || got.Would != tt.would || got.Err != nil {
				t.Errorf("tag %q (%v), %q says %q, would be %q, %v\nwant %+v", got.Tag, got.TagRead, got.File, got.Stated, got.Would, got.Err, tt)
			}
		})
	}
}

// TestWithoutGitHub: then nothing is known of tags and version files, and nothing is wrong with that.
func TestWithoutGitHub(t *testing.T) {
	t.Parallel()
	w := plainWorld(t)
	q := w.question()
	q.GitHub = nil
	r := w.examine(q)
	for _, row := range r.Components {
		if row.TagRead || row.File != "" || row.Code != Agrees {
			t.Errorf("%+v", row)
		}
	}
	if r.Compared {
		t.Error("nothing can have been compared")
	}
}

// TestReleasedFacts: of a released component only its tag counts, whatever else is wrong.
func TestReleasedFacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.Scenario{
		Strict: true, Projects: map[string]sim.Project{},
		GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/common": {Tags: []string{"from-the-archive"}}}},
	})
	q := w.question("1.1.0", "from-the-archive")
	q.Names = []string{"common"}
	want := Row{Code: Agrees, Facts: Facts{
		Component: "common", Version: "from-the-archive", Since: "3.9.0", Repository: "acme/common", Product: "3.9.4",
		TagRead: true, Tag: "from-the-archive", Step: run.Step{ID: "common@from-the-archive", Status: run.Pending},
	}}
	if diff := cmp.Diff(want, w.examine(q).row("common")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestUnreadFacts: what cannot be read is the row's error. It decides by its kind which one, not by who answers first.
func TestUnreadFacts(t *testing.T) {
	t.Parallel()
	denied := func(endpoint string) []sim.Fault {
		return []sim.Fault{{Kind: sim.Answer, Status: 401, Times: -1, Match: sim.Match{Endpoint: endpoint}}}
	}
	broken := func(path string) []sim.Fault {
		return []sim.Fault{{Kind: sim.Answer, Status: 500, Times: -1, Match: sim.Match{Path: path}}}
	}
	tests := map[string]struct {
		onCircle, onGitHub []sim.Fault
		change             func(*Question)
		kind               fault.Kind
	}{
		"the tag":                      {onGitHub: denied("matching-refs"), kind: fault.Auth},
		"the version file":             {onGitHub: denied("contents"), kind: fault.Auth},
		"the list of pipelines":        {onCircle: broken("acme/api/pipeline$"), kind: fault.Remote},
		"the pipeline":                 {onCircle: broken("/pipeline/[-0-9a-f]+$"), kind: fault.Remote},
		"its workflows":                {onCircle: broken("/workflow$"), kind: fault.Remote},
		"the list, and worse, the tag": {onCircle: broken("acme/api/pipeline$"), onGitHub: denied("matching-refs"), kind: fault.Auth},
		"no organization":              {change: func(q *Question) { q.Options.Overrides = map[string]plan.Override{"api": {Repository: "a/b/c"}} }, kind: fault.Invalid},
		"no project":                   {change: func(q *Question) { q.Options.Overrides = map[string]plan.Override{"api": {Project: "nowhere"}} }, kind: fault.Invalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sim.Scenario{Faults: tt.onCircle, GitHub: &sim.GitHub{Faults: tt.onGitHub, Repositories: map[string]sim.Repository{"acme/api": {Version: "1.2.4-SNAPSHOT"}}}})
			w.trigger("bot")
			q := w.question()
			q.Names = []string{"api"}
			if tt.change != nil {
				tt.change(&q)
			}
			row := w.examine(q).row("api")
			if fault.KindOf(row.Err) != tt.kind || row.Code != NotRead || row.Edit != "" {
				t.Errorf("%s, kind %d: %v", row.Code, fault.KindOf(row.Err), row.Err)
			}
			if tag := len(tt.onGitHub) > 0 && tt.onGitHub[0].Match.Endpoint == "matching-refs"; tag && row.TagRead {
				t.Error("the tag counts as read")
			}
		})
	}
}

// TestClaimedFacts: another run's claim counts for the version that is open, and for no other one.
func TestClaimedFacts(t *testing.T) {
	t.Parallel()
	w := plainWorld(t)
	q := w.question()
	q.Claims = []journal.Claim{{Step: "api@1.2.2", Run: "release/3.8.0"}, {Step: "api@1.2.3", Run: "release/3.10.0"}}
	r := w.examine(q)
	if api, web := r.row("api"), r.row("web"); api.Claimed != "release/3.10.0" || api.Code != ClaimedCode || web.Claimed != "" {
		t.Errorf("api by %q (%s), web by %q", api.Claimed, api.Code, web.Claimed)
	}
}

// TestOwnPipeline: the pipeline that the journal knows is read anew, unless it has succeeded for good.
func TestOwnPipeline(t *testing.T) {
	t.Parallel()
	w := plainWorld(t)
	first, second := w.trigger("bot"), w.trigger("ann")
	plainly := w.question()
	again := func(p sim.Pipeline) []run.Event {
		return append(triggered("api@1.2.3", first, run.Event{Type: run.Failed, Code: "pipeline-failed"}), triggered("api@1.2.3", p)...)
	}
	examine := func(events []run.Event) Row {
		q := w.question()
		q.State = stateOf(t, plainly, events...)
		return w.examine(q).row("api")
	}
	row := examine(triggered("api@1.2.3", first))
	want := &Pipeline{ID: first.ID, Number: 1, URL: circleci.PipelineURL(sim.URL, "gh/acme/api", 1), Login: "bot", State: circleci.Running, Mine: true}
	if row.Own.State = circleci.Running; row.Step.Status != run.Running { // the workflow appears a moment later
		t.Error(row.Step.Status)
	}
	if diff := cmp.Diff(want, row.Own); diff != "" {
		t.Errorf("own (-want +got):\n%s", diff)
	}
	if len(row.Others) != 1 || row.Others[0].ID != second.ID || row.Others[0].Mine || row.Others[0].Login != "ann" {
		t.Errorf("others: %+v", row.Others)
	}
	if row := examine(again(second)); row.Own.ID != second.ID || len(row.Others) > 0 { // the first attempt's is ours, too
		t.Errorf("own %v, others %v", row.Own, row.Others)
	}
	w.wait(time.Minute)
	if row := examine(triggered("api@1.2.3", first)); row.Own.State != circleci.Succeeded || row.Code != EndedUnseen {
		t.Errorf("%s: %v", row.Code, row.Own)
	}
	if row := examine(triggered("api@1.2.3", first, run.Event{Type: run.Succeeded})); row.Own != nil || row.Code != NotRecorded {
		t.Errorf("%s: %v", row.Code, row.Own)
	}
}

// TestOwnPipelineGone: CircleCI does not know the journal's pipeline.
func TestOwnPipelineGone(t *testing.T) {
	t.Parallel()
	w := plainWorld(t)
	q := w.question()
	q.State = stateOf(t, q, triggered("api@1.2.3", sim.Pipeline{ID: "11111111-1111-4111-8111-111111111111", Number: 1})...)
	if row := w.examine(q).row("api"); fault.KindOf(row.Err) != fault.NotFound || row.Code != NotRead {
		t.Errorf("%s: %v", row.Code, row.Err)
	}
}

// TestOtherPipelines: which pipelines on the branch count as one that may be a release of the component.
func TestOtherPipelines(t *testing.T) {
	t.Parallel()
	w := plainWorld(t)
	trigger := func(after time.Duration) sim.Pipeline { w.wait(after); return w.trigger("bot") }
	before := trigger(0)                // 3:00
	early := trigger(6 * time.Minute)   // 3:06
	late := trigger(10 * time.Minute)   // 3:16
	newest := trigger(10 * time.Minute) // 3:26
	if _, err := w.sim.Push("gh/acme/api", "1.2.x", "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.sim.Trigger("gh/acme/api", "main", "bot", nil); err != nil {
		t.Fatal(err)
	}
	began := start.Add(10 * time.Minute)
	state := func(p sim.Pipeline) *run.State { return stateOf(t, w.question(), triggered("api@1.2.3", p)...) }
	tests := map[string]struct {
		wait       time.Duration
		began      time.Time
		state, dry *run.State
		want       []sim.Pipeline
	}{
		"the newest, while it runs":                  {want: []sim.Pipeline{newest}},
		"the newest that is not the run's":           {state: state(newest)}, // what came before it has ended
		"the newest that is not the dry run's":       {dry: state(newest)},
		"since the run began":                        {began: began, state: state(before), want: []sim.Pipeline{newest, late, early}},
		"since the run began, a clock apart at most": {began: began.Add(time.Second + time.Minute), state: state(before), want: []sim.Pipeline{newest, late}},
		"since the run began, without its own":       {began: began, state: state(late), dry: state(early), want: []sim.Pipeline{newest}},
		"none has ended by itself":                   {wait: time.Minute},
		"since the run began, ended or not":          {began: began.Add(10 * time.Minute), state: state(before), want: []sim.Pipeline{newest, late}},
	}
	check := func(name string) {
		tt := tests[name]
		q := w.question()
		q.Began, q.State, q.Dry = tt.began, tt.state, tt.dry
		var got, want []string
		for _, p := range w.examine(q).row("api").Others {
			got = append(got, p.ID)
		}
		for _, p := range tt.want {
			want = append(want, p.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, tt := range tests {
		if tt.wait == 0 {
			check(name)
		}
	}
	w.wait(time.Minute)
	for name, tt := range tests {
		if tt.wait > 0 || !tt.began.IsZero() { // then it does not matter whether they have ended
			check(name)
		}
	}
}

// TestNoWorkflow: a pipeline that gets no workflow within five minutes by CircleCI's clock has failed.
func TestNoWorkflow(t *testing.T) {
	t.Parallel()
	none := sim.Project{Runs: []sim.Run{{Outcome: sim.None}}}
	w := newWorld(t, sim.Scenario{Projects: map[string]sim.Project{"gh/acme/api": none}})
	q := w.question()
	q.GitHub, q.Names = nil, []string{"api"}
	body := strings.NewReader(`{"branch":"1.2.x"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sim.URL+"/api/v2/project/gh/acme/api/pipeline", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Circle-Token", "any")
	req.Header.Set("Content-Type", "application/json")
	res, err := w.client().Do(req)
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatal(res, err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  circleci.State
	}{{0, circleci.Waiting}, {5 * time.Minute, circleci.Waiting}, {time.Second, circleci.Failed}} {
		w.wait(tt.after)
		q.Began = start
		if others := w.examine(q).row("api").Others; len(others) != 1 || others[0].State != tt.want {
			t.Errorf("%v later: %+v, want %s", tt.after, others, tt.want)
		}
	}
}
