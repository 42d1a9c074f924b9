package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

func on() *bool {
	yes := true
	return &yes
}

// triggered lets pipelines of the API run for a minute before the question: "gh/acme/api 1.25.x release-bot". Then more may
// happen.
func (w *world) triggered(pipelines []string, more ...func(*sim.Sim) error) {
	w.before = func(t testing.TB, s *sim.Sim) {
		t.Helper()
		for _, line := range pipelines {
			part := strings.Fields(line)
			if _, err := s.Trigger(part[0], part[1], part[2], nil); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.Add(int64(time.Minute))
		for _, act := range more {
			if err := act(s); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestToken: whose CircleCI's token is comes first; without an answer nothing else is asked.
func TestToken(t *testing.T) {
	t.Parallel()
	checkPlanted(t, []planted{
		{"no client", func(w *world) {
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { q.CI, q.NoCI = nil, "left out by --offline" }
		}, []string{"note not-checked"}, 0, `running pipelines","do":"left out by --offline"`},
		{"refused", func(w *world) { w.Tokens = []string{"the-right-one"} }, []string{"error token"}, 3, `"where":"CIRCLE_TOKEN"`},
		{"of a project", func(w *world) { w.ProjectTokens = []string{"a-token"} }, []string{"error token"}, 3, ""},
		{"not known for a moment", func(w *world) { w.answers("me", "", 418, "") }, []string{"error not-checked"}, 4, "not checked: token, projects, auto-cancel, running pipelines: "},
		{"refused, and nothing else is said", func(w *world) {
			w.Tokens = []string{"the-right-one"}
			w.Default.Autocancel = on()
		}, []string{"error token"}, 3, ""},
	})
}

func TestProject(t *testing.T) {
	t.Parallel()
	onlyKnown := func(names ...string) func(*world) {
		return func(w *world) {
			w.Strict = true
			for _, name := range names {
				w.Projects[name] = sim.Project{}
			}
		}
	}
	checkPlanted(t, []planted{
		{"unknown", onlyKnown("api", "definition"), []string{"error project-unknown gateway"}, 7, `"where":"gh/acme/gateway"`},
		{"unknown, of the main branch", onlyKnown("api", "gateway"), []string{"error project-unknown definition"}, 7, ""},
		{"hidden from the token", func(w *world) { w.Projects["api"] = sim.Project{HiddenFrom: []string{"a-token"}} }, []string{"error project-unknown api"}, 7, "the token cannot see it"},
		{"forbidden to the token", func(w *world) {
			w.answers("settings", "api", 403, "")
			w.answers("project", "api", 403, "")
		}, []string{"error project-unknown api"}, 7, ""},
		{"settings forbidden to the token", func(w *world) { w.answers("settings", "api", 403, "") }, nil, 0, ""},
		{"settings hidden from the token", func(w *world) { w.answers("settings", "api", 404, "") }, nil, 0, ""},
		{"settings cannot be read", func(w *world) { w.answers("settings", "api", 418, "") }, []string{"error not-checked"}, 4, "not checked: the CircleCI project of api: "},
		{"the project cannot be read either", func(w *world) {
			w.answers("settings", "api", 404, "")
			w.answers("project", "api", 418, "")
		}, []string{"error not-checked"}, 4, "not checked: the CircleCI project of api: "},
		{"a firewall answers", func(w *world) { w.answers("settings", "api", 403, "<html>blocked") }, []string{"error not-checked"}, 4, "ask who runs it, and check CIRCLE_HOST"},
		{"all of it is broken, said once", func(w *world) { w.answers("settings", "", 418, "") }, []string{"error not-checked"}, 4, "the CircleCI project of api, definition, gateway: "},
		{"of two components", func(w *world) {
			w.options.Overrides = map[string]plan.Override{"definition": {Project: "gh/acme/api"}}
			onlyKnown("gateway")(w)
		}, []string{"error project-unknown api", "error project-unknown definition"}, 7, ""},
	})
}

// TestAutoCancel: a push cancels the pipelines of a branch that is not the default one, the job that gio runs in among them.
func TestAutoCancel(t *testing.T) {
	t.Parallel()
	cancels := func(names ...string) func(*world) {
		return func(w *world) {
			for _, name := range names {
				w.Projects[name] = sim.Project{Autocancel: on()}
			}
		}
	}
	runsIn := func(project, branch string, edit func(*world)) func(*world) {
		return func(w *world) {
			cancels("release")(w)
			edit(w)
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) { q.Job = Job{Project: project, Branch: branch} }
		}
	}
	nothing := func(*world) {}
	warning := []string{"warning auto-cancel"}
	checkPlanted(t, []planted{
		{"on a support branch", cancels("gateway"), []string{"warning auto-cancel gateway"}, 0, `"where":"gh/acme/gateway 3.9.x"`},
		{"on the main branch", cancels("definition"), nil, 0, ""},
		{"on the default branch, which is another one", func(w *world) {
			cancels("definition")(w)
			w.options.DefaultBranches = map[string]string{"gh/acme/definition": "develop"}
			w.repository("acme/definition", func(r *sim.Repository) { r.DefaultBranch = "develop" })
		}, nil, 0, ""},
		{"on a branch named master, which is not the default one", func(w *world) {
			cancels("definition")(w)
			w.options.Overrides = map[string]plan.Override{"definition": {Branch: "master"}}
			w.options.DefaultBranches = map[string]string{"gh/acme/definition": "develop"}
		}, []string{"warning auto-cancel definition"}, 0, ""},
		{"on the main branch of gio.yaml's", func(w *world) {
			cancels("definition")(w)
			w.options.ComponentMain = "main"
			w.repository("acme/definition", func(r *sim.Repository) { r.DefaultBranch = "main" })
		}, nil, 0, ""},
		{"of gio's job", runsIn("gh/acme/release", "3.9.x", nothing), warning, 0, `"where":"gh/acme/release 3.9.x"`},
		{"of gio's job, turned off", runsIn("gh/acme/release", "3.9.x", func(w *world) { w.Projects["release"] = sim.Project{} }), nil, 0, ""},
		{"of gio's job on another branch", runsIn("gh/acme/release", "3.8.x", nothing), nil, 0, ""},
		{"of gio's job on the main branch", runsIn("gh/acme/release", "3.9.x", func(w *world) {
			w.options.MainBranch = "3.9.x"
			w.options.ComponentMain = "master"
		}), nil, 0, ""},
		{"of no job", runsIn("", "3.9.x", nothing), nil, 0, ""},
		{"of gio's job, which the token cannot see", runsIn("gh/acme/release", "3.9.x", func(w *world) { w.answers("settings", "release", 404, "") }), nil, 0, ""},
	})
	t.Run("of gio's job, without a plan", func(t *testing.T) {
		t.Parallel()
		w := ready()
		cancels("release")(w)
		w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) {
			q.Plan, q.Job = nil, Job{Project: "gh/acme/release", Branch: ""}
		}
		if r := w.check(t); r.Findings == nil || len(r.Findings) > 0 || r.Components != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// TestRunning: a pipeline that the token's user has triggered on a step's branch, and that has not ended.
func TestRunning(t *testing.T) {
	t.Parallel()
	running := func(name string) []string { return []string{"error pipeline-running " + name} }
	checkPlanted(t, []planted{
		{"on the branch", func(w *world) { w.triggered([]string{"gh/acme/api 1.25.x release-bot"}) }, running("api"), 7, `"where":"http://app.circleci.sim/pipelines/gh/acme/api/1"`},
		{"on the branch, and said how", func(w *world) { w.triggered([]string{"gh/acme/gateway 3.9.x release-bot"}) }, running("gateway"), 7, "pipeline 1 of 3.9.x was triggered by release-bot and has not ended (running)"},
		{"on another branch", func(w *world) {
			w.triggered([]string{"gh/acme/api 1.24.x release-bot", "gh/acme/api 1.25 release-bot"})
		}, nil, 0, ""},
		{"of another project", func(w *world) { w.triggered([]string{"gh/acme/common 1.25.x release-bot"}) }, nil, 0, ""},
		{"of another organization", func(w *world) { w.triggered([]string{"gh/other/api 1.25.x release-bot"}) }, nil, 0, ""},
		{"of another user", func(w *world) { w.triggered([]string{"gh/acme/api 1.25.x colleague"}) }, nil, 0, ""},
		{"by a push", func(w *world) {
			w.triggered([]string{"gh/acme/api main release-bot"}, func(s *sim.Sim) error { // makes the project known
				_, err := s.Push("gh/acme/api", "1.25.x", "release-bot")
				return err
			})
		}, nil, 0, ""},
		{"that has succeeded", func(w *world) {
			w.triggered([]string{"gh/acme/api 1.25.x release-bot"}, func(s *sim.Sim) error { return s.Finish("gh/acme/api", 1) })
		}, nil, 0, ""},
		{"that was cancelled", func(w *world) {
			w.triggered([]string{"gh/acme/api 1.25.x release-bot"}, func(s *sim.Sim) error { return s.Cancel("gh/acme/api", 1) })
		}, nil, 0, ""},
		{"of a project that is named by its long slug", func(w *world) {
			w.options.Overrides = map[string]plan.Override{"api": {Project: "github/acme/api"}}
			w.triggered([]string{"gh/acme/api 1.25.x release-bot"})
		}, running("api"), 7, ""},
		{"of two components", func(w *world) {
			w.options.Overrides = map[string]plan.Override{"api": {Branch: "develop"}, "definition": {Project: "gh/acme/api", Branch: "develop"}}
			w.repository("acme/api", func(r *sim.Repository) { r.Branches = map[string]sim.Branch{"develop": {Version: "1.25.1-SNAPSHOT"}} })
			w.repository("acme/definition", func(r *sim.Repository) { r.Branches = map[string]sim.Branch{"develop": {Version: "1.29.0-SNAPSHOT"}} })
			w.triggered([]string{"gh/acme/api develop release-bot"})
		}, []string{"error pipeline-running api", "error pipeline-running definition"}, 7, ""},
		{"the list cannot be read", func(w *world) { w.answers("org-pipelines", "", 418, "") }, []string{"error not-checked"}, 4, "not checked: running pipelines in gh/acme: "},
		{"whether it runs cannot be read", func(w *world) {
			w.triggered([]string{"gh/acme/api 1.25.x release-bot"})
			w.answers("workflows", "", 418, "")
		}, []string{"error not-checked"}, 4, "not checked: whether a pipeline runs of api: "},
	})
}

// TestRunningByState: whichever way CircleCI lists it, and however little it says, a pipeline that can still do something
// counts, however long nobody has answered it.
func TestRunningByState(t *testing.T) {
	t.Parallel()
	const second = time.Second
	runs, ended := `{"id":"w","name":"release","status":"running"}`, `{"id":"w","name":"release","status":"failed"}`
	held := `{"id":"w","name":"release","status":"on_hold"}`
	mine := pipeline{state: "created", trigger: "api", actor: "release-bot"}
	with := func(edit func(*pipeline)) pipeline {
		p := mine
		edit(&p)
		return p
	}
	aged := func(age time.Duration) pipeline { return with(func(p *pipeline) { p.age = age }) }
	for _, tt := range []struct {
		name      string
		listed    []pipeline
		workflows string
		counts    bool
	}{
		{"running", []pipeline{mine}, runs, true},
		{"on hold", []pipeline{mine}, held, true},
		{"failed", []pipeline{mine}, ended, false},
		{"of a user whose login is written otherwise", []pipeline{with(func(p *pipeline) { p.actor = "Release-Bot" })}, runs, true},
		{"of another user", []pipeline{with(func(p *pipeline) { p.actor = "colleague" })}, runs, false},
		{"by a schedule", []pipeline{with(func(p *pipeline) { p.trigger = "scheduled_pipeline" })}, runs, false},
		{"errored", []pipeline{with(func(p *pipeline) { p.state = "errored" })}, runs, false},
		{"held for 30 hours", []pipeline{aged(30 * time.Hour)}, held, true},
		{"held for a year", []pipeline{aged(365 * 24 * time.Hour)}, held, true},
		{"behind one that is older", []pipeline{with(func(p *pipeline) { p.age, p.actor = 26*time.Hour, "colleague" }), mine}, runs, true},
		{"triggered in an unknown way", []pipeline{with(func(p *pipeline) { p.trigger = "unknown" })}, runs, true},
		{"triggered by nobody", []pipeline{with(func(p *pipeline) { p.actor = "" })}, runs, true},
		{"of no age", []pipeline{aged(-1)}, runs, true},
		{"without a workflow after 5 minutes", []pipeline{aged(5 * time.Minute)}, "", true},
		{"without a workflow after more than 5 minutes", []pipeline{aged(5*time.Minute + second)}, "", false},
		{"running after more than 5 minutes", []pipeline{aged(time.Hour)}, runs, true},
		{"still pending after more than 5 minutes", []pipeline{with(func(p *pipeline) { p.state, p.age = "pending", time.Hour })}, "", true},
		{"the 500th of the list", append(slices.Repeat([]pipeline{{state: "created", trigger: "api", actor: "colleague"}}, 499), mine), runs, true},
		{"the 501st of the list", append(slices.Repeat([]pipeline{{state: "created", trigger: "api", actor: "colleague"}}, 500), mine), runs, false},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := ready()
			w.answers("org-pipelines", "", 200, list(tt.listed))
			w.answers("workflows", "", 200, `{"items":[`+tt.workflows+`],"next_page_token":null}`)
			var want []string
			if tt.counts {
				want = []string{"error pipeline-running api"}
			}
			if len(tt.listed) > 500 { // a cut list is said
				want = []string{"note not-checked"}
			}
			if diff := cmp.Diff(want, lines(w.check(t).Findings)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// pipeline is one of a list of pipelines of acme/api's branch.
type pipeline struct {
	state, trigger, actor string
	age                   time.Duration // at noon; negative: the list does not say it
}

func list(pipelines []pipeline) string {
	var items []string
	for n, p := range pipelines {
		created := `"` + noon.Add(-p.age).Format(time.RFC3339) + `"`
		if p.age < 0 {
			created = "null"
		}
		items = append(items, fmt.Sprintf(`{"id":"p%d","number":%d,"project_slug":"gh/acme/api","state":%q,"errors":[],"created_at":%s,`+
			`"trigger":{"type":%q,"actor":{"login":%q}},"vcs":{"branch":"1.25.x"}}`, n, 1000-n, p.state, created, p.trigger, p.actor))
	}
	return `{"items":[` + strings.Join(items, ",") + `],"next_page_token":null}`
}

// TestRunningOfThisRun: an earlier attempt's pipeline that somebody has re-run is this run's business.
func TestRunningOfThisRun(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{true, false} {
		w := ready()
		w.answers("org-pipelines", "", 200, list([]pipeline{{state: "created", trigger: "api", actor: "release-bot", age: -1}})) // p0
		w.answers("workflows", "", 200, `{"items":[{"id":"w","name":"release","status":"running"}],"next_page_token":null}`)
		w.state = []run.Event{{Type: run.Failed, Steps: []plan.StepID{api}, Reason: "it could not be read"}}
		if own {
			w.state = slices.Concat(attempt(api, "p0", run.Event{Type: run.Failed}), attempt(api, "p1", run.Event{Type: run.Failed}))
			w.answers("pipeline", "", 404, "") // so that p1 counts as failed
		}
		want := []string{"error pipeline-running api"}
		if own {
			want = nil
		}
		if diff := cmp.Diff(want, lines(w.check(t).Findings)); diff != "" {
			t.Errorf("own %v (-want +got):\n%s", own, diff)
		}
	}
}

func TestSlugs(t *testing.T) {
	t.Parallel()
	for slug, want := range map[string][2]string{
		"gh/acme/api":        {"gh/acme/api", "gh/acme"},
		"github/acme/api":    {"gh/acme/api", "gh/acme"},
		"bb/acme/api":        {"bb/acme/api", "bb/acme"},
		"bitbucket/acme/api": {"bb/acme/api", "bb/acme"},
		"circleci/o1/p1":     {"circleci/o1/p1", "circleci/o1"},
		"gh/github/bitbucket": {
			"gh/github/bitbucket", "gh/github",
		},
	} {
		if got := [2]string{plan.ShortSlug(slug), organizationOf(plan.Step{Project: slug})}; got != want {
			t.Errorf("%s: %q", slug, got)
		}
	}
}

// TestRunningStopsReading: a list is read no further than it is looked through.
func TestRunningStopsReading(t *testing.T) {
	t.Parallel()
	w := ready()
	w.triggered(slices.Repeat([]string{"gh/acme/common main release-bot"}, 501))
	s, q := w.open(t)
	defer s.Close()
	pages := func() int {
		n := 0
		for _, r := range s.Requests() {
			if r.Path == "/api/v2/pipeline" {
				n++
			}
		}
		return n
	}
	i := &inspection{Question: q}
	i.checkRunning(context.Background(), "gh/acme", circleci.User{Login: "release-bot", ServerTime: noon}, q.Plan.Steps())
	if len(i.findings) != 1 || i.findings[0].Severity != Note || pages() != 6 { // of 100 each, the last one for the 501st
		t.Errorf("%d pages; %v", pages(), i.findings)
	}
}

// S43: a pipeline of ours has waited for an approval for 30 hours, behind a younger one: the check says so, and where.
func TestS43HeldFor30Hours(t *testing.T) {
	t.Parallel()
	w := ready()
	ours := pipeline{state: "created", trigger: "api", actor: "release-bot", age: 30 * time.Hour}
	w.answers("org-pipelines", "", 200, list([]pipeline{{state: "created", trigger: "webhook", actor: "release-bot"}, ours}))
	w.answers("workflows", "", 200, `{"items":[{"id":"w","name":"release","status":"on_hold"}],"next_page_token":null}`)
	r := w.check(t)
	if diff := cmp.Diff([]string{"error pipeline-running api"}, lines(r.Findings)); diff != "" || !strings.HasSuffix(r.Findings[0].Where, "/gh/acme/api/999") {
		t.Errorf("%+v; -want +got:\n%s", r.Findings, diff)
	}
}

// TestReleasedUnknown: a green pipeline that could be a step's release, younger than the version, that no run knows, of a step
// that no run has begun: the journal was lost, or put back.
func TestReleasedUnknown(t *testing.T) {
	t.Parallel()
	green := `{"id":"w","name":"release","status":"success"}`
	mine := pipeline{state: "created", trigger: "api", actor: "release-bot", age: time.Hour}
	found := []string{"error released-unknown api"}
	for _, tt := range []struct {
		name string
		edit func(*pipeline, *Question)
		want []string
	}{
		{"since the version was opened", func(*pipeline, *Question) {}, found},
		{"begun once", func(_ *pipeline, q *Question) {
			if q.Plan != nil {
				refused := []run.Event{{Type: run.Intent, Steps: []plan.StepID{api}, Send: 1}, {Type: run.Failed, Steps: []plan.StepID{api}}}
				q.State = fold(t, q.Plan, refused)
			}
		}, nil},
		{"before the version was opened", func(p *pipeline, _ *Question) { p.age = 3 * time.Hour }, nil},
		{"nobody knows when it was opened", func(_ *pipeline, q *Question) { q.Opened = time.Time{} }, nil},
		{"another run's", func(_ *pipeline, q *Question) { q.Known = func(id string) (bool, bool) { return id == "p0", false } }, nil},
		{"another run's that is over", func(_ *pipeline, q *Question) { q.Known = func(id string) (bool, bool) { return id == "p0", true } }, nil},
		{"of another user", func(p *pipeline, _ *Question) { p.actor = "colleague" }, nil},
		{"of nobody that is known", func(p *pipeline, _ *Question) { p.actor = "" }, nil},
		{"a dry run has nothing to lose", func(_ *pipeline, q *Question) { q.DryRun = true }, nil},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w, p := ready(), mine
			tt.edit(&p, &Question{})
			w.answers("org-pipelines", "", 200, list([]pipeline{p}))
			w.answers("workflows", "", 200, `{"items":[`+green+`],"next_page_token":null}`)
			w.ask = func(_ testing.TB, _ *sim.Sim, q *Question) {
				q.Opened = noon.Add(-2 * time.Hour)
				tt.edit(&p, q)
			}
			if diff := cmp.Diff(tt.want, lines(w.check(t).Findings)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
