package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	settings "github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// circleConfig is what a CircleCI configuration may hold, as far as gio init uses it
// (circleci.com/docs/configuration-reference).
type circleConfig struct {
	Version    string
	Parameters map[string]struct {
		Description, Type, Default string
		Enum                       []string
	}
	Commands map[string]struct {
		Description string
		Steps       []yaml.Node
	}
	Jobs map[string]struct {
		Parameters map[string]struct{ Type string }
		Machine    struct{ Image string }
		Steps      []yaml.Node
	}
	Workflows map[string]struct {
		When struct{ Equal [2]string }
		Jobs []map[string]struct {
			Arguments string
			Context   []string
		}
	}
}

// circleStep is one step that is more than a word.
type circleStep struct {
	Run struct{ Name, Command string }

	When struct {
		Condition struct{ Equal [2]string }
		Steps     []struct {
			Artifacts struct{ Path string } `yaml:"store_artifacts"`
		}
	}
}

func readCircleConfig(text string) (circleConfig, error) {
	var c circleConfig
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	err := dec.Decode(&c)
	return c, err
}

// commands are the scripts of a list of steps, with those of the commands that it calls.
func (c circleConfig) commands(steps []yaml.Node) ([]string, error) {
	var scripts []string
	for _, node := range steps {
		if node.Kind == yaml.ScalarNode {
			below, err := c.commands(c.Commands[node.Value].Steps) // checkout has none
			if err != nil {
				return nil, err
			}
			scripts = append(scripts, below...)
			continue
		}
		var step circleStep
		if err := node.Decode(&step); err != nil {
			return nil, err
		}
		if step.Run.Command != "" {
			scripts = append(scripts, step.Run.Command)
		}
	}
	return scripts, nil
}

var circleExpression = regexp.MustCompile(`<< *([a-z_.]+) *>>`)

// job gives the scripts that CircleCI runs for a gio_action, and the contexts it gives them.
func (c circleConfig) job(action string) (scripts, contexts []string, err error) {
	for _, w := range c.Workflows {
		if w.When.Equal != [2]string{action, "<< pipeline.parameters.gio_action >>"} {
			continue
		}
		for name, call := range w.Jobs[0] {
			if scripts, err = c.commands(c.Jobs[name].Steps); err != nil {
				return nil, nil, err
			}
			values := map[string]string{
				"pipeline.parameters.gio_image": c.Parameters["gio_image"].Default, "parameters.arguments": call.Arguments,
			}
			for i, script := range scripts {
				scripts[i] = circleExpression.ReplaceAllStringFunc(script, func(e string) string { return values[circleExpression.FindStringSubmatch(e)[1]] })
			}
			contexts = call.Context
		}
	}
	return scripts, contexts, nil
}

// docker stands for a container engine: it takes what the jobs give it, and nothing else.
const docker = `#!/usr/bin/env bash
set -euo pipefail
[[ $1 == pull && $# == 2 ]] && exit
[[ $1 == run ]] && shift
variables=("PATH=$PATH") directory=
while [[ $1 == --* ]]; do
	case $1 in
	--rm) shift ;;
	--volume) [[ $2 == *:/graviteeio/cicd/pipeline ]]; directory=${2%%:*}; shift 2 ;;
	--env) [[ -z ${!2-} ]] || variables+=("$2=${!2}"); shift 2 ;;
	*) echo "docker: unknown flag $1" >&2; exit 125 ;;
	esac
done
image=$1; shift
[[ $image == */*:* ]]
cd "$directory"
exec env -i "${variables[@]}" gio "$@"
`

func cmdCircleJob(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, false, len(args) == 1, "circle-job ACTION")
	c, err := readCircleConfig(ts.ReadFile(".circleci/config.yml"))
	ts.Check(err)
	scripts, contexts, err := c.job(args[0])
	ts.Check(err)
	if len(scripts) != 2 {
		ts.Fatalf("%s runs %d scripts, want the pull and gio", args[0], len(scripts))
	}
	engine := filepath.Join(ts.Getenv("WORK"), "engine")
	ts.Check(os.MkdirAll(engine, 0o755))
	ts.Check(os.WriteFile(filepath.Join(engine, "docker"), []byte(docker), 0o755))
	var line []string
	if len(contexts) == 0 { // what secrets there are comes from them
		line = []string{"-u", "CIRCLE_TOKEN", "-u", "GITHUB_TOKEN"}
	}
	line = append(line, "PATH="+engine+string(os.PathListSeparator)+ts.Getenv("PATH"), "bash", "-eo", "pipefail", "-c")
	for _, script := range scripts {
		if err = ts.Exec("env", append(slices.Clip(line), script)...); err != nil {
			break
		}
	}
	if (err != nil) != neg {
		ts.Fatalf("the job %s ends with %v", args[0], err)
	}
}

// TestInitFiles: what gio init writes is what it is for, read by whoever reads it.
func TestInitFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code, stdout, stderr := gio(t, dir, nil, "init", "new/release", "--name", `A "quoted" <product>`, "--version", "3.9.0-SNAPSHOT",
		"--scm-url", "https://github.com/acme", "--group", "common=1.2.0", "--group", "api=1.25.0-SNAPSHOT,gateway", "--component", "portal,common")
	if code != 0 || stdout != "release.json\ngio.yaml\nMakefile\n.circleci/config.yml\n" {
		t.Fatalf("exit %d, stdout %q, stderr %s", code, stdout, stderr)
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, "new/release", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	t.Run("release.json", func(t *testing.T) { checkNewManifest(t, read("release.json")) })
	t.Run("gio.yaml", func(t *testing.T) { checkNewSettings(t, read("gio.yaml")) })
	t.Run("config.yml", func(t *testing.T) { checkNewPipeline(t, read(".circleci/config.yml")) })
}

func checkNewManifest(t *testing.T, text string) {
	m, err := manifest.Parse("release.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if warnings, err := m.Check(); err != nil || len(warnings) > 0 {
		t.Error(warnings, err)
	}
	var got []string
	for _, c := range m.Components {
		got = append(got, c.Name+" "+c.Version)
	}
	for _, g := range m.Groups {
		var names []string
		for _, entry := range g {
			names = append(names, entry.Name)
		}
		got = append(got, strings.Join(names, ","))
	}
	want := []string{"common 1.2.0", "api 1.25.0-SNAPSHOT", "gateway 3.9.0-SNAPSHOT", "portal 3.9.0-SNAPSHOT", "common", "api,gateway", "portal"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components and groups (-want +got):\n%s", diff)
	}
	if m.Name != `A "quoted" <product>` || m.Version != "3.9.0-SNAPSHOT" || m.Organization() != "acme" {
		t.Errorf("%s %s of %s", m.Name, m.Version, m.Organization())
	}
}

// checkNewSettings: gio.yaml is read, and so are the settings that it only shows.
func checkNewSettings(t *testing.T, text string) {
	file, err := settings.Parse("gio.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if file.Verification.Verify != "tag" || len(file.Parameters) != 4 {
		t.Errorf("verify %q, parameters %v", file.Verification.Verify, file.Parameters)
	}
	shown := regexp.MustCompile(`(?m)^# ( *[a-z_-]+:)`).ReplaceAllString(text, "$1")
	file, err = settings.Parse("gio.yaml", []byte(shown))
	if err != nil {
		t.Fatal(err)
	}
	if file.MaxParallel != 25 || file.Verification.Tag == "" || *file.Components["acme-gateway"].Stage {
		t.Errorf("not all that is commented out was read: %+v", file)
	}
}

// checkNewPipeline: every gio_action has its workflow, every name its meaning, and only what sends needs a context.
func checkNewPipeline(t *testing.T, text string) {
	c, err := readCircleConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	image := c.Parameters["gio_image"]
	if image.Default != "" {
		t.Errorf("there is no image %q", image.Default)
	}
	image.Default = "registry.example.org/gio:1.0.0"
	c.Parameters["gio_image"] = image
	action := c.Parameters["gio_action"]
	if diff := cmp.Diff([]string{"release", "dry_release", "nexus_staging", "bom", "blank"}, action.Enum); diff != "" || action.Default != "blank" || c.Version != "2.1" {
		t.Errorf("version %s, default %s, actions (-want +got):\n%s", c.Version, action.Default, diff)
	}
	if len(c.Workflows) != len(action.Enum) {
		t.Errorf("%d workflows for %d actions", len(c.Workflows), len(action.Enum))
	}
	want := map[string]string{
		"release": "-s mvn_release --dry-run false", "dry_release": "-s mvn_release --dry-run",
		"nexus_staging": "-s mvn_nexus_staging --dry-run false", "bom": "-s bom --dry-run", "blank": "check --offline",
	}
	for _, name := range action.Enum {
		scripts, contexts, err := c.job(name)
		if err != nil || len(scripts) != 2 {
			t.Fatalf("%s: %d scripts, %v", name, len(scripts), err)
		}
		if !strings.HasSuffix(strings.TrimSpace(scripts[1]), "registry.example.org/gio:1.0.0 "+want[name]) || strings.Contains(scripts[1], "<<") {
			t.Errorf("%s runs %s", name, scripts[1])
		}
		if (len(contexts) == 0) != (name == "blank") {
			t.Errorf("%s has the contexts %v", name, contexts)
		}
	}
}
