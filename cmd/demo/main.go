// Command demo shows the main job of gio on a throw-away release repository and the built-in simulator: a plan, a
// release in which one pipeline fails, and the same command finishing it. It needs git, no account and no network.
//
// `demo server DIR` shows gio-server in the same way, with the programs gio and gio-server of that directory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gravitee-lab/gio/internal/cli"
	"github.com/gravitee-lab/gio/internal/sim"
)

func main() { os.Exit(run()) }

// run returns 0 only if everything went as the demo says.
func run() int {
	ctx, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer done()
	signals := make(chan os.Signal, 4) // for gio, which handles Ctrl-C itself
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	out := stage{stdout: os.Stdout, stderr: os.Stderr, signals: signals}
	err := play(ctx, out, filepath.Join("testdata", "demo"), os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: %s\n", err)
		return 1
	}
	return 0
}

func play(ctx context.Context, out stage, dir string, args []string) error {
	if len(args) == 2 && args[0] == "server" {
		s, err := loadServer(dir, args[1])
		if err != nil {
			return err
		}
		s.outward(out)
		return s.play(ctx)
	}
	s, err := load(dir)
	if err != nil {
		return err
	}
	s.outward(out)
	return s.play(ctx)
}

// stage is where a story is played: what it prints to, the CircleCI that it meets, and the directory that it writes to.
type stage struct {
	stdout, stderr io.Writer
	signals        <-chan os.Signal
	scenario       sim.Scenario

	circleCI *sim.Sim
	host     string // of the simulator
	dir      string // contains everything the demo writes, and is removed at the end
	err      error  // of the first command with an unexpected end; no command runs after it
}

// outward gives a stage another one's streams and signals.
func (s *stage) outward(to stage) { s.stdout, s.stderr, s.signals = to.stdout, to.stderr, to.signals }

// story is the demo of a release.
type story struct {
	stage
	manifest []byte
}

func load(dir string) (*story, error) {
	manifest, err := os.ReadFile(filepath.Join(dir, "release.json"))
	scenario, err2 := os.ReadFile(filepath.Join(dir, "scenario.yaml"))
	if err = errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("run it from the root of the source tree, as `make demo` does: %w", err)
	}
	s := &story{manifest: manifest}
	s.scenario, err = sim.Load("scenario.yaml", scenario)
	return s, err
}

func (s *story) play(ctx context.Context) error {
	return s.on(ctx, func() error {
		if err := s.makeRepository(ctx); err != nil {
			return err
		}
		return s.run(ctx)
	})
}

// on plays on a stage that is taken down afterwards.
func (s *stage) on(ctx context.Context, play func() error) error {
	var err error
	if s.dir, err = os.MkdirTemp("", "gio-demo-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir) //nolint:errcheck // what cannot be removed is a temporary file
	server, err := s.serve(ctx)
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the demo is over
	err = play()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// run runs what a user would type, one command after the other, until one ends unexpectedly.
func (s *story) run(ctx context.Context) error {
	s.say("A release repository and a simulated CircleCI (%s), both gone when this ends.", s.host)
	s.gio(ctx, 0, "plan")
	s.gio(ctx, 10, "release", "--yes")
	s.say("One pipeline failed; what succeeded before it is recorded. Assume that somebody fixed it: the same command goes on.")
	s.gio(ctx, 0, "release", "--yes")
	s.say("Released. This is what the release repository holds now:")
	s.show(ctx, "pull", "--quiet")
	s.show(ctx, "log", "--oneline", "--graph", "--all", "--decorate")
	tags := s.show(ctx, "ls-remote", "--tags", "--refs", "origin")
	if s.err == nil && !strings.Contains(tags, "refs/tags/3.9.4\n") {
		s.err = errors.New("the remote has no tag 3.9.4")
	}
	const expected = 5
	seen, twice := len(s.circleCI.Pipelines()), s.circleCI.Duplicates()
	s.say("CircleCI saw %d pipelines, one for each of 4 components and one more after the failure; %d triggered twice.", seen, len(twice))
	if s.err == nil && (seen != expected || len(twice) > 0) {
		s.err = fmt.Errorf("%d pipelines were triggered instead of %d\n%s", seen, expected, strings.Join(twice, "\n"))
	}
	return s.err
}

func (s *stage) serve(ctx context.Context) (*http.Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.circleCI, s.host = sim.New(s.scenario), "http://"+listener.Addr().String()
	server := &http.Server{Handler: s.circleCI, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) //nolint:errcheck // it ends with Close; if it ends before, gio reports that CircleCI does not answer
	return server, nil
}

// makeRepository makes the remote and the checkout for the release.
func (s *story) makeRepository(ctx context.Context) error {
	remote := filepath.Join(s.dir, "release.git")
	file := filepath.Join(s.checkout(), "release.json")
	if err := errors.Join(os.Mkdir(s.checkout(), 0o755), os.WriteFile(file, s.manifest, 0o644)); err != nil {
		return err
	}
	s.git(ctx, "init", "--quiet", "--bare", "--initial-branch=master", remote)
	s.git(ctx, "init", "--quiet", "--initial-branch=master")
	s.git(ctx, "add", "release.json")
	s.git(ctx, "commit", "--quiet", "--message=open 3.9.4")
	s.git(ctx, "checkout", "--quiet", "-b", "3.9.x")
	s.git(ctx, "remote", "add", "origin", remote)
	s.git(ctx, "push", "--quiet", "--set-upstream", "origin", "master", "3.9.x")
	return s.err
}

func (s *story) checkout() string { return filepath.Join(s.dir, "release") }

func (s *stage) say(format string, args ...any) {
	if s.err == nil {
		fmt.Fprintf(s.stdout, "\n# "+format+"\n", args...)
	}
}

// gio runs the program in the checkout as the user would, and expects that exit code.
func (s *story) gio(ctx context.Context, want int, args ...string) {
	if s.err != nil || ctx.Err() != nil {
		return
	}
	command := strings.Join(args, " ")
	fmt.Fprintf(s.stdout, "\n$ gio %s\n", command)
	got := cli.Program{
		Args: args, Getenv: s.getenv, Dir: s.checkout(),
		Stdout: s.stdout, Stderr: s.stderr, Signals: s.signals,
	}.Run()
	if got != want {
		s.err = fmt.Errorf("`gio %s` ended with exit code %d instead of %d", command, got, want)
	}
}

// getenv is an environment that hides everything of the user's, except the kind of terminal.
func (s *story) getenv(name string) string {
	switch name {
	case "TERM", "NO_COLOR", "COLORTERM":
		return os.Getenv(name)
	}
	return map[string]string{
		"CIRCLE_HOST": s.host, "CIRCLE_TOKEN": "demo",
		"HOME": s.dir, "XDG_STATE_HOME": filepath.Join(s.dir, "state"),
	}[name]
}

// show runs git in the checkout and shows command and output.
func (s *story) show(ctx context.Context, args ...string) string {
	if s.err == nil {
		fmt.Fprintf(s.stdout, "\n$ git %s\n", strings.Join(args, " "))
	}
	out := s.git(ctx, args...)
	fmt.Fprint(s.stdout, out)
	return out
}

// git runs git without the user's settings, because a hook, a signature or a pager would change the demo.
func (s *story) git(ctx context.Context, args ...string) string {
	if s.err != nil {
		return ""
	}
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = s.checkout()
	cmd.Env = append(
		slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") }),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=gio", "GIT_AUTHOR_EMAIL=gio@example.org", "GIT_COMMITTER_NAME=gio", "GIT_COMMITTER_EMAIL=gio@example.org",
	)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		s.err = fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}
