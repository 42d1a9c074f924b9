package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/cli"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// listener is where a program writes its results.
type listener struct {
	name string
	open func(*testing.T) *os.File
}

// full is a disk without space; left is a reader that has gone; closed is no stream at all.
func full(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func left(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func closed(t *testing.T) *os.File {
	t.Helper()
	f := full(t)
	_ = f.Close()
	return f
}

// desk is a checkout, and the simulator behind it.
type desk struct {
	checkout string
	env      map[string]string
}

func newDesk(t *testing.T, scenario sim.Scenario) desk {
	t.Helper()
	remote := gittest.Bare(t, map[string]string{"release.json": product("1.0.0-SNAPSHOT", "alpha", "beta")}, "main")
	d := desk{checkout: filepath.Join(t.TempDir(), "checkout")}
	gittest.Git(t, "", "clone", "--quiet", remote, d.checkout)
	_, host := serve(t, scenario)
	d.env = map[string]string{"CIRCLE_HOST": host, "CIRCLE_TOKEN": "token", "HOME": t.TempDir(), "GH_ORG": "acme", "PATH": os.Getenv("PATH")}
	return d
}

func (d desk) gio(stdout *os.File, args ...string) (code int, said string) {
	return d.gioUntil(nil, stdout, args...)
}

func (d desk) gioUntil(signals <-chan os.Signal, stdout *os.File, args ...string) (code int, said string) {
	var stderr bytes.Buffer
	code = cli.Program{
		Args: args, Dir: d.checkout, Getenv: func(name string) string { return d.env[name] }, Stdout: stdout, Stderr: &stderr, Signals: signals,
	}.Run()
	return code, stderr.String()
}

// stands is how the run stands by its journal.
func (d desk) stands(t *testing.T) run.Standing {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "status"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if code, said := d.gio(file, "status", "1.0.0", "--json"); code != 0 && code != int(fault.PipelineFailed) {
		t.Fatalf("exit %d\n%s", code, said)
	}
	data, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	var status report.Status
	if err := json.Unmarshal(data, &status); err != nil {
		t.Fatal(err)
	}
	return status.Standing
}

// TestFullOutputOfARelease: results that cannot be written do not stop a release, which runs to its end; then they are an error,
// also when the reader has left.
func TestFullOutputOfARelease(t *testing.T) {
	t.Parallel()
	for _, to := range []listener{{"full", full}, {"left", left}, {"closed", closed}} {
		for _, flag := range []string{"--events", "--json", "--yes"} {
			t.Run(to.name+flag, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, sim.Scenario{})
				code, said := d.gio(to.open(t), "release", flag)
				if code != int(fault.Internal) || !strings.Contains(said, "gio: the run was driven to its end, but its result cannot be written to stdout: ") ||
					!strings.Contains(said, "-> `gio status` tells how it ended\nexit 1: ") {
					t.Errorf("exit %d\n%s", code, said)
				}
				if got := d.stands(t); got != run.StandingReleased {
					t.Errorf("it is %s", got)
				}
			})
		}
	}
}

// TestFullOutputOfAFailure: the failure of the run is worse, and stays the exit code.
func TestFullOutputOfAFailure(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--events", "--json", "--yes"} {
		d := newDesk(t, sim.Scenario{Projects: map[string]sim.Project{"alpha": {Runs: []sim.Run{{Outcome: sim.Failed}}}}})
		if code, said := d.gio(full(t), "release", flag); code != int(fault.PipelineFailed) || !strings.Contains(said, "exit 10: a pipeline failed") {
			t.Errorf("%s: exit %d\n%s", flag, code, said)
		}
		if got := d.stands(t); got != run.StandingFailed {
			t.Errorf("%s: it is %s", flag, got)
		}
	}
}

// TestFullOutputOfAWatcher: it does not look on for hours for a reader that has left.
func TestFullOutputOfAWatcher(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Scenario{Default: sim.Project{Duration: 24 * time.Hour}})
	signals, over, nobody := make(chan os.Signal, 1), make(chan struct{}), left(t)
	go func() {
		defer close(over)
		if code, said := d.gioUntil(signals, nobody, "release"); code != int(fault.Stopped) {
			t.Errorf("exit %d\n%s", code, said)
		}
	}()
	code, said := int(fault.NotFound), ""
	for code == int(fault.NotFound) { // it has not begun yet
		code, said = d.gio(nobody, "watch", "1.0.0", "--events")
	}
	if code != 0 {
		t.Errorf("exit %d\n%s", code, said)
	}
	signals <- syscall.SIGTERM
	<-over
}

// TestFullOutputOfAMistake: a wrong command line stays one.
func TestFullOutputOfAMistake(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Scenario{})
	for _, args := range [][]string{{"plan", "--nonsense"}, {"plan", "--json", "--only", "nobody"}} {
		if code, said := d.gio(full(t), args...); code != int(fault.Usage) {
			t.Errorf("%s: exit %d\n%s", args, code, said)
		}
	}
}

// TestFullOutputOfAReader: what only reads and prints fails when nobody gets it, but ends quietly when its reader has had enough.
func TestFullOutputOfAReader(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Scenario{})
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	if code, said := d.gio(null, "release"); code != 0 {
		t.Fatalf("exit %d\n%s", code, said)
	}
	gittest.Git(t, d.checkout, "pull", "--quiet")
	for _, command := range []string{
		"plan", "plan --json", "plan --format mermaid", "bom", "bom --format markdown", "bom --format cyclonedx", "check --offline", "check --offline --json",
		"report", "report --format json", "history", "history --json", "status 1.0.0", "watch 1.0.0", "watch 1.0.0 --events", "release --dry-run", "rehearse --json",
		"version", "help", "plan --help", "help environment", "completion bash",
	} {
		args := strings.Fields(command)
		for _, to := range []listener{{"full", full}, {"closed", closed}} {
			if code, said := d.gio(to.open(t), args...); code != int(fault.Internal) || !strings.Contains(said, "gio: stdout cannot be written to: ") {
				t.Errorf("%s, %s: exit %d\n%s", command, to.name, code, said)
			}
		}
		if code, said := d.gio(left(t), args...); code != 0 || strings.Contains(said, "stdout") {
			t.Errorf("%s, left: exit %d\n%s", command, code, said)
		}
	}
}
