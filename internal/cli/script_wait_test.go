package cli_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/sim"
)

// What a script waits for, and what waits for a script: so that no outcome depends on how fast the machine is.

// patience is longer than anything a test waits for takes on a slow machine: it only says when to give up.
const patience = 2 * time.Minute

func cmdAwaitJournal(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "await-journal PATTERN")
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	await(ts, "a journal that holds "+args[0], func() (found bool) {
		// The ref comes with the first write; git ends with 1 while nothing matches.
		lines, _ := exec.Command("git", "-C", ts.Getenv("REMOTE"), "grep", "-h", "-e", ".", journal.GitRef, "--", "*.jsonl").Output()
		found = pattern.Match(lines)
		return found
	})
}

func cmdAwaitRequest(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "await-request PATTERN")
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	await(ts, "a request "+args[0], func() bool {
		return slices.ContainsFunc(simOf(ts).Requests(), func(r sim.Request) bool { return pattern.MatchString(r.Method + " " + r.Path) })
	})
}

func cmdAwaitFile(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "await-file FILE PATTERN")
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	await(ts, args[0]+" that holds "+args[1], func() bool {
		data, _ := os.ReadFile(ts.MkAbs(args[0])) // it need not be there yet
		return pattern.Match(data)
	})
}

func await(ts *testscript.TestScript, what string, there func() bool) {
	for end := time.Now().Add(patience); !there(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}

func cmdFinish(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "finish PROJECT NUMBER")
	number, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	await(ts, "pipeline "+args[1]+" of "+args[0]+" that runs", func() bool { return simOf(ts).Finish(args[0], number) == nil })
}

// gate keeps answers back.
type gate struct {
	mu      sync.Mutex
	pattern *regexp.Regexp // of the requests; nil while nothing is kept back
	open    chan struct{}  // closed when they may go
}

// before is a server whose answers pass the gate.
func (g *gate) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		pattern, open := g.pattern, g.open
		g.mu.Unlock()
		if pattern == nil || !pattern.MatchString(r.Method+" "+r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		select {
		case <-open:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func cmdKeepBack(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "keep-back PATTERN")
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	g := &worldOf(ts).gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pattern, g.open = pattern, make(chan struct{})
}

func cmdLetGo(ts *testscript.TestScript, neg bool, args []string) {
	g := &worldOf(ts).gate
	g.mu.Lock()
	defer g.mu.Unlock()
	need(ts, neg, len(args) == 0 && g.pattern != nil, "let-go, after keep-back")
	close(g.open)
	g.pattern = nil
}

func cmdSettle(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 0, "settle")
	if err := settle(ts.Getenv("REMOTE")); err != nil {
		ts.Fatalf("%v", err)
	}
}

// endAll ends what a script has left running, and waits for what that leaves behind: a pipeline that nobody finishes would
// be watched for ever.
func endAll(ts *testscript.TestScript) {
	for _, cmd := range ts.BackgroundCmds() {
		_ = cmd.Process.Kill() // it may have ended
	}
	if err := settle(ts.Getenv("WORK")); err != nil {
		ts.Logf("%v", err)
	}
}

// settle waits until no program works in a directory, or on it: the git programs of a killed gio end in their own time. Where
// the system does not say what runs, it waits for nothing.
func settle(dir string) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		programs := working(dir)
		if len(programs) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("after %s these still work in %s: %q", patience, dir, programs)
		}
	}
}

// working are the command lines of the programs whose directory is that one, or one below, or that name it.
func working(dir string) []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		if proc == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		line, _ := os.ReadFile(proc + "/cmdline") // none when it has ended meanwhile
		cwd, _ := os.Readlink(proc + "/cwd")
		if strings.Contains(string(line), dir) || strings.HasPrefix(cwd+"/", dir+"/") {
			found = append(found, string(line))
		}
	}
	return found
}

// TestSettle: a program that works in a directory, or on it, is waited for.
func TestSettle(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		t.Skip("skipped: this system does not say what runs")
	}
	in, on := t.TempDir(), t.TempDir()
	one, other := exec.CommandContext(t.Context(), "sleep", "600"), exec.CommandContext(t.Context(), "sh", "-c", "read line", on)
	one.Dir = in
	if _, err := other.StdinPipe(); err != nil { // it reads until it is killed
		t.Fatal(err)
	}
	for _, cmd := range []*exec.Cmd{one, other} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if len(working(in)) != 1 || len(working(on)) != 1 {
		t.Errorf("in it: %q, on it: %q", working(in), working(on))
	}
	for _, cmd := range []*exec.Cmd{one, other} {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(settle(in), settle(on)); err != nil {
		t.Error(err)
	}
	_, _ = one.Wait(), other.Wait()
}
