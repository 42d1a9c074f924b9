package cli_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gravitee-lab/gio/internal/cli"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	// Nearly all that these tests do is wait for pipelines: more of them at once than there are processors.
	if err := flag.Set("test.parallel", "40"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"gio": func() { os.Exit(cli.Main()) }, "at-terminal": atTerminal})
}

const scripts = "../../testdata/script"

// TestScripts runs every testdata/script/*.txtar through the real program. The commands that are not testscript's own
// are explained in testdata/script/README.md.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: scripts, Setup: isolate,
		RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "json": cmdJSON, "await-journal": cmdAwaitJournal,
			"release-repo": cmdReleaseRepo, "serve-git": cmdServeGit, "push-as-colleague": cmdPushAsColleague,
			"sim": cmdSim, "pipelines": cmdPipelines, "no-duplicates": cmdNoDuplicates,
			"rerun": cmdRerun, "finish": cmdFinish, "cancel": cmdCancel, "trigger": cmdTrigger, "tag-on-github": cmdTagOnGitHub, "untag-on-github": cmdUntagOnGitHub,
			"await-request": cmdAwaitRequest, "await-file": cmdAwaitFile, "settle": cmdSettle,
			"keep-back": cmdKeepBack, "let-go": cmdLetGo,
			"remember": cmdRemember, "unchanged": cmdUnchanged, "only-reads": cmdOnlyReads, "each-post": cmdEachPost,
			"circle-job": cmdCircleJob, "receive": cmdReceive, "server": cmdServer, "ask-server": cmdAskServer,
		},
	})
}

// isolate gives a script a home, a state directory and an author of its own. Nothing else comes from the machine: no
// CI variable, no token, no Git configuration.
func isolate(env *testscript.Env) error {
	for _, line := range gittest.Env() {
		if name, value, _ := strings.Cut(line, "="); name != "HOME" && name != "PATH" {
			env.Setenv(name, value)
		}
	}
	env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
	env.Setenv("XDG_CACHE_HOME", env.T().(testing.TB).TempDir()) // elsewhere: a command that writes nothing may fill it
	env.Setenv("REMOTE", filepath.Join(env.WorkDir, "release.git"))
	env.Values[worldKey{}] = &world{t: env.T().(testing.TB)}
	for _, dir := range []string{"home", "state"} {
		if err := os.Mkdir(filepath.Join(env.WorkDir, dir), 0o755); err != nil {
			return err
		}
	}
	own := filepath.Join(env.WorkDir, "release.json")
	if _, err := os.Stat(own); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := os.ReadFile(filepath.Join(scripts, "release.json"))
	if err != nil {
		return err
	}
	return os.WriteFile(own, data, 0o644)
}

// world is what a script talks to besides the program.
type world struct {
	t          testing.TB // of the script
	sim        *sim.Sim
	gate       gate              // between it and the program
	roots      []string          // what was remembered
	remembered map[string]string // by path: what it was
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func simOf(ts *testscript.TestScript) *sim.Sim {
	s := worldOf(ts).sim
	if s == nil {
		ts.Fatalf("there is no simulator: the script needs the command sim first")
	}
	return s
}

// need ends the script when a command is misused.
func need(ts *testscript.TestScript, neg, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// expand is a file of the script with $WORK in it replaced.
func expand(ts *testscript.TestScript, file string) string {
	return strings.ReplaceAll(ts.ReadFile(file), "$WORK", ts.Getenv("WORK"))
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 1, "exits CODE PROGRAM [ARGUMENT...]")
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s: exit %d, want %s", args[1], got, args[0])
	}
}

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "json FILE")
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for n := 0; ; n++ {
		var value map[string]any
		switch err := d.Decode(&value); {
		case errors.Is(err, io.EOF) && n > 0:
			return
		case err != nil:
			ts.Fatalf("%s, value %d: %v", args[0], n+1, err)
		}
	}
}

func cmdReleaseRepo(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1 || len(args) == 2, "release-repo BRANCH [FILE]")
	remote, branch, file := ts.Getenv("REMOTE"), args[0], "release.json"
	if len(args) == 2 {
		file = args[1]
	}
	ts.Check(ts.Exec("git", "init", "--quiet", "--bare", "--initial-branch=master", remote))
	ts.Check(ts.Exec("git", "-C", remote, "config", "receive.autogc", "false")) // nothing tidies up in the background
	gittest.Push(worldOf(ts).t, remote, "master", map[string]string{"release.json": expand(ts, file)}, "first commit")
	if branch != "master" {
		ts.Check(ts.Exec("git", "-C", remote, "branch", branch, "master"))
	}
	ts.Check(ts.Exec("git", "clone", "--quiet", "--branch", branch, remote, filepath.Join(ts.Getenv("WORK"), "checkout")))
	ts.Check(ts.Chdir(filepath.Join(ts.Getenv("WORK"), "checkout")))
}

func cmdServeGit(ts *testscript.TestScript, neg bool, args []string) {
	o := gittest.Options{}
	for _, arg := range args {
		organization, under := strings.CutPrefix(arg, "under=")
		need(ts, neg, under || arg == "deny-push", "serve-git [deny-push] [under=ORGANIZATION]")
		o.Under = organization
		if !under {
			o.Under, o.DenyPush = "", true
		}
	}
	s := gittest.HTTP(worldOf(ts).t, ts.Getenv("REMOTE"), o)
	ts.Setenv("GIT_ADDRESS", strings.TrimSuffix(strings.TrimPrefix(s.URL, "http://"), "/release.git"))
	ts.Check(ts.Exec("git", "remote", "set-url", "origin", s.URL))
}

func cmdPushAsColleague(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3, "push-as-colleague BRANCH PATH FILE")
	files := map[string]string{args[1]: expand(ts, args[2])}
	gittest.Push(worldOf(ts).t, ts.Getenv("REMOTE"), args[0], files, "a colleague's commit")
}

func cmdSim(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) < 2, "sim [SCENARIO]")
	var scenario sim.Scenario
	if len(args) == 1 {
		var err error
		scenario, err = sim.Load(args[0], []byte(ts.ReadFile(args[0])))
		ts.Check(err)
	}
	w := worldOf(ts)
	s, host := serveBehind(w.t, scenario, w.gate.before)
	w.sim = s
	ts.Defer(func() { endAll(ts) })
	ts.Setenv("CIRCLE_HOST", host)
	ts.Setenv("CIRCLE_TOKEN", "script-token")
	if scenario.GitHub != nil {
		ts.Setenv("GITHUB_API_URL", host+"/api/v3")
		ts.Setenv("GITHUB_TOKEN", "script-github-token")
	}
}

// serve serves a simulator whose pipelines are quick unless the scenario says otherwise, and gives its address.
func serve(t testing.TB, scenario sim.Scenario) (*sim.Sim, string) {
	return serveBehind(t, scenario, func(h http.Handler) http.Handler { return h })
}

func serveBehind(t testing.TB, scenario sim.Scenario, before func(http.Handler) http.Handler) (*sim.Sim, string) {
	if scenario.Default.Duration == 0 {
		scenario.Default.Duration = 50 * time.Millisecond
	}
	if scenario.Default.WorkflowDelay == 0 {
		scenario.Default.WorkflowDelay = 10 * time.Millisecond
	}
	s := sim.New(scenario)
	server := httptest.NewServer(before(s))
	t.Cleanup(func() {
		server.CloseClientConnections() // a request that hangs would keep it open
		server.Close()
		s.Close()
	})
	return s, server.URL
}

// cmdReceive serves a receiver of a release's news.
func cmdReceive(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "receive FILE")
	file := ts.MkAbs(args[0])
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = appendTo(file, fmt.Sprintf("%s %s %s\n", r.URL.Path, strings.Join(r.Header.Values("X-Gio-Signature-256"), ""), body))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
		}
	}))
	worldOf(ts).t.Cleanup(server.Close)
	ts.Setenv("RECEIVER", server.URL)
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func cmdPipelines(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) < 2, "pipelines [COUNT]")
	all := simOf(ts).Pipelines()
	for _, p := range all {
		fmt.Fprintf(ts.Stdout(), "%s #%d %s %s\n", p.Project, p.Number, p.Branch, p.Outcome)
	}
	if len(args) == 1 && strconv.Itoa(len(all)) != args[0] {
		ts.Fatalf("%d pipelines were triggered, want %s", len(all), args[0])
	}
}

func cmdNoDuplicates(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 0, "no-duplicates")
	if lines := simOf(ts).Duplicates(); len(lines) > 0 {
		ts.Fatalf("triggered twice:\n%s", strings.Join(lines, "\n"))
	}
}

func cmdRerun(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3, "rerun PROJECT NUMBER OUTCOME")
	number, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(simOf(ts).Rerun(args[0], number, sim.Outcome(args[2])))
}

func cmdCancel(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "cancel PROJECT NUMBER")
	number, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(simOf(ts).Cancel(args[0], number))
}

func cmdTrigger(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3, "trigger PROJECT BRANCH LOGIN")
	_, err := simOf(ts).Trigger(args[0], args[1], args[2], nil)
	ts.Check(err)
}

func cmdTagOnGitHub(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3, "tag-on-github REPOSITORY BRANCH TAG")
	ts.Check(simOf(ts).Commit(args[0], args[1], "released by hand", args[2], nil))
}

func cmdUntagOnGitHub(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3, "untag-on-github REPOSITORY BRANCH TAG")
	ts.Check(simOf(ts).Untag(args[0], args[1], args[2]))
}
