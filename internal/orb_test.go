package internal_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/cli"
)

// What an orb may hold, as CircleCI's "Reusable config reference" and "Orbs concepts" say.
type (
	orb struct {
		Version     string
		Description string
		Display     struct {
			Home   string `yaml:"home_url"`
			Source string `yaml:"source_url"`
		}
		Executors map[string]element
		Commands  map[string]element
		Jobs      map[string]element
		Examples  map[string]struct {
			Description string
			Usage       struct {
				Version   string
				Orbs      map[string]string
				Jobs      map[string]element
				Workflows map[string]struct{ Jobs []map[string]map[string]any }
			}
		}
	}
	// element is an executor, a command or a job.
	element struct {
		Description string
		Parameters  map[string]parameter
		Docker      []struct{ Image string }
		Executor    string
		Steps       []any
	}
	parameter struct {
		Description string
		Type        string
		Enum        []string
		Default     *string
	}
)

func readOrb(t *testing.T) orb {
	t.Helper()
	data, err := os.ReadFile("../.circleci/orb/orb.yml")
	if err != nil {
		t.Fatal(err)
	}
	var o orb
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&o); err != nil {
		t.Fatal(err)
	}
	if o.Version != "2.1" || o.Description == "" || o.Display.Home == "" || o.Display.Source == "" {
		t.Errorf("version %q, description, home_url and source_url must be there", o.Version)
	}
	if len(o.Executors) == 0 || len(o.Commands) == 0 || len(o.Jobs) == 0 || len(o.Examples) == 0 {
		t.Fatal("an orb has executors, commands, jobs and examples")
	}
	return o
}

// TestOrb: the orb holds together, so that CircleCI can expand it.
func TestOrb(t *testing.T) {
	t.Parallel()
	o := readOrb(t)
	for _, elements := range []map[string]element{o.Executors, o.Commands, o.Jobs} {
		for name, e := range elements {
			checkElement(t, name, e)
			checkSteps(t, name, e.Steps, o.Commands, "")
		}
	}
	for name, job := range o.Jobs {
		if job.Executor != "<< parameters.executor >>" || o.Executors[*job.Parameters["executor"].Default].Docker == nil {
			t.Errorf("job %s: its executor must be its parameter, and that one's default an executor of the orb", name)
		}
	}
	for name, example := range o.Examples {
		if example.Description == "" || example.Usage.Version != "2.1" || len(example.Usage.Orbs) != 1 {
			t.Errorf("example %s needs a description, version 2.1 and the orb", name)
		}
		for job, e := range example.Usage.Jobs {
			if e.Executor != "gio/default" {
				t.Errorf("example %s: job %s runs in %s", name, job, e.Executor)
			}
			checkSteps(t, "example "+name, e.Steps, o.Commands, "gio/")
		}
		for _, workflow := range example.Usage.Workflows {
			for _, job := range workflow.Jobs {
				checkWorkflowJob(t, name, job, o, example.Usage.Jobs)
			}
		}
	}
}

// checkElement: names and types are CircleCI's, everything is described, and every parameter is used.
func checkElement(t *testing.T, name string, e element) {
	t.Helper()
	text, err := yaml.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`<<\s*parameters\.(\w+)\s*>>`).FindAllStringSubmatch(string(text), -1) {
		if used[m[1]] = true; e.Parameters[m[1]].Type == "" {
			t.Errorf("%s uses the parameter %s, which it does not have", name, m[1])
		}
	}
	if rest := regexp.MustCompile(`<<\s*parameters\.\w+\s*>>`).ReplaceAllString(string(text), ""); strings.Contains(rest, "<<") {
		t.Errorf("%s: CircleCI would read << in a script as the beginning of a parameter", name)
	}
	if e.Description == "" {
		t.Errorf("%s has no description", name)
	}
	named := regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	for p, v := range e.Parameters {
		if !named.MatchString(p) || v.Description == "" || !used[p] {
			t.Errorf("%s: the parameter %s needs a name in lowercase, a description and a use", name, p)
		}
		if !slices.Contains([]string{"string", "boolean", "integer", "enum", "executor", "steps", "env_var_name"}, v.Type) {
			t.Errorf("%s: the parameter %s has the type %q", name, p, v.Type)
		}
		if v.Type == "enum" && (v.Default == nil || !slices.Contains(v.Enum, *v.Default)) {
			t.Errorf("%s: the default of %s is none of %q", name, p, v.Enum)
		}
	}
}

// checkSteps: steps are CircleCI's own, or commands of the orb with the parameters that these want.
func checkSteps(t *testing.T, where string, steps []any, commands map[string]element, prefix string) {
	t.Helper()
	for _, step := range steps {
		named, ok := step.(map[string]any)
		if !ok {
			named = map[string]any{fmt.Sprint(step): nil}
		}
		for name, arguments := range named {
			command, ours := commands[strings.TrimPrefix(name, prefix)]
			switch given, _ := arguments.(map[string]any); {
			case ours && strings.HasPrefix(name, prefix):
				checkArguments(t, where+": "+name, given, command)
			case name == "run" || name == "checkout":
			default:
				t.Errorf("%s: there is no step %q", where, name)
			}
		}
	}
}

func checkWorkflowJob(t *testing.T, example string, entry map[string]map[string]any, o orb, own map[string]element) {
	t.Helper()
	for name, given := range entry {
		for _, key := range []string{"name", "context", "requires", "filters"} { // every job of a workflow may have these
			delete(given, key)
		}
		job, ours := o.Jobs[strings.TrimPrefix(name, "gio/")]
		_, isOwn := own[name]
		switch {
		case ours && strings.HasPrefix(name, "gio/"):
			checkArguments(t, "example "+example+": "+name, given, job)
		case isOwn && len(given) == 0, given["type"] == "approval":
		default:
			t.Errorf("example %s: there is no job %q with %v", example, name, given)
		}
	}
}

func checkArguments(t *testing.T, where string, given map[string]any, e element) {
	t.Helper()
	for name, value := range given {
		p, ok := e.Parameters[name]
		if !ok || p.Type == "enum" && !slices.Contains(p.Enum, fmt.Sprint(value)) {
			t.Errorf("%s does not take %s: %v", where, name, value)
		}
	}
	for name, p := range e.Parameters {
		if _, ok := given[name]; !ok && p.Default == nil {
			t.Errorf("%s needs the parameter %s", where, name)
		}
	}
}

// TestOrbCommands: gio has the commands and flags that the orb uses and recommends.
func TestOrbCommands(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../.circleci/orb/orb.yml")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)(?:: |of )gio ([a-z]+)\b(.*)$`).FindAllStringSubmatch(string(data), -1)
	seen := map[string]bool{}
	for _, line := range lines {
		var help, stderr bytes.Buffer
		seen[line[1]] = true
		code := cli.Program{Args: []string{line[1], "--help"}, Getenv: func(string) string { return "" }, Stdout: &help, Stderr: &stderr}.Run()
		if code != 0 || !strings.Contains(help.String(), "\n  gio "+line[1]) { // an unknown command's help is gio's own
			t.Errorf("%q: there is no gio %s: exit %d, %s", line[0], line[1], code, &stderr)
		}
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(line[2], -1) {
			if !regexp.MustCompile(`(?m)^ +(-., )?` + flag + `\b`).MatchString(help.String()) {
				t.Errorf("%q: gio %s has no flag %s", line[0], line[1], flag)
			}
		}
	}
	for _, command := range []string{"check", "release", "status"} {
		if !seen[command] {
			t.Errorf("the orb runs no gio %s; found %q", command, lines)
		}
	}
}

// TestOrbInstall runs the script of gio/install with curl against a server that stands for GitHub's.
func TestOrbInstall(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "tar", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil || runtime.GOOS != "linux" {
			t.Skipf("skipped: the script is for Linux with %s", tool)
		}
	}
	archive := packed(t, "#!/bin/sh\necho gio 1.2.3\n")
	name := fmt.Sprintf("gio_1.2.3_linux_%s.tar.gz", runtime.GOARCH)
	tests := map[string]struct {
		checksums string
		installed bool
	}{
		"good":         {fmt.Sprintf("%x  other.zip\n%x  %s\n", sha256.Sum256(nil), sha256.Sum256(archive), name), true},
		"bad checksum": {fmt.Sprintf("%x  %s\n", sha256.Sum256(nil), name), false},
		"no checksum":  {fmt.Sprintf("%x  other.zip\n", sha256.Sum256(archive)), false},
		"no release":   {"", false},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{}
			if test.checksums != "" {
				files = map[string][]byte{name: archive, "checksums.txt": []byte(test.checksums)}
			}
			home := t.TempDir()
			out, err := runInstall(t, home, serveRelease(t, files))
			if _, missing := os.Stat(filepath.Join(home, ".local/bin/gio")); (err == nil) != test.installed || (missing == nil) != test.installed {
				t.Errorf("installed %t, error %v, want installed %t\n%s", missing == nil, err, test.installed, out)
			}
			if test.installed && !strings.Contains(out, "gio 1.2.3\n") {
				t.Errorf("the next step finds no gio:\n%s", out)
			}
		})
	}
}

// packed is an archive with this program as gio.
func packed(t *testing.T, program string) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gio"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	archive, err := exec.CommandContext(t.Context(), "tar", "-czf", "-", "-C", dir, "gio").Output()
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

// serveRelease is the address of a server with the files of release 1.2.3.
func serveRelease(t *testing.T, files map[string][]byte) string {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[strings.TrimPrefix(r.URL.Path, "/gravitee-lab/gio/releases/download/v1.2.3/")]
		if !ok || r.Host != "github.com" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(file)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// runInstall runs the script in a home whose curl goes to server, and then gio as the next step of a job would.
func runInstall(t *testing.T, home, server string) (string, error) {
	t.Helper()
	run, ok := readOrb(t).Commands["install"].Steps[0].(map[string]any)["run"].(map[string]any)
	if !ok {
		t.Fatal("gio/install is not one run step")
	}
	script, ok := run["command"].(string)
	if !ok {
		t.Fatal("gio/install has no script")
	}
	curlrc := "insecure\nnoproxy = \"*\"\nconnect-to = \"github.com:443:" + server + "\"\n"
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte(curlrc), 0o600); err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(home, "bash_env")
	// The second bash is the next step: it reads BASH_ENV and finds gio in its path.
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script+"\nBASH_ENV=$NEXT bash -c 'gio version'")
	cmd.Env = []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH"), "GIO_VERSION=1.2.3", "NEXT=" + next, "BASH_ENV=" + next}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
