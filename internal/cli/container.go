package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// The places of the container that the release jobs know. The checkout's, /graviteeio/cicd/pipeline, is the image's working
// directory.
const (
	containerSecrets   = "/graviteeio/cicd/.secrets.json"
	containerSecretHub = "/graviteeio/cicd/.secrethub.credential"
)

// containerForm is the command line of the orchestrator that gio replaces, as the release jobs still write it.
type containerForm struct {
	stage, branch string
	dryRun        string // "true", "false", or "" when nothing says it
}

// rewriteContainer turns the container form into gio's own; other arguments stay as they are. It is a dry run unless the
// arguments say that it is none. Errors are of kind Usage.
func rewriteContainer(args []string) (rewritten []string, container bool, err error) {
	isStage := func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return name == "-s" || name == "--cicd-stage"
	}
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") || !slices.ContainsFunc(args, isStage) {
		return args, false, nil
	}
	f := containerForm{}
	for rest := args; len(rest) > 0; {
		taken, err := f.take(rest)
		if err != nil {
			return nil, true, err
		}
		rest = rest[taken:]
	}
	rewritten, err = f.command()
	return rewritten, true, err
}

// take reads one flag with its value, and says how many arguments that were.
func (f *containerForm) take(args []string) (int, error) {
	name, value, joined := strings.Cut(args[0], "=")
	next, taken := "", 1
	if !joined && len(args) > 1 {
		next = args[1]
	}
	switch name {
	case "-s", "--cicd-stage":
		if !joined {
			value, taken = next, 2
		}
		if value == "" || strings.HasPrefix(value, "-") || f.stage != "" {
			return 0, containerUsage("%s needs one stage, as in -s mvn_release", name)
		}
		f.stage = value
		return taken, nil
	case "--branch":
		if !joined && len(args) > 1 && !strings.HasPrefix(next, "-") {
			value, taken = next, 2
		}
		f.branch = value // empty when the job's variable was: then it is the checkout's
		return taken, nil
	case "-d", "--dry-run":
		if !joined {
			value = "true"
		}
		if next == "true" || next == "false" {
			value, taken = next, 2
		}
		return taken, f.say(name, value)
	case "--no-dry-run":
		return 1, f.say(args[0], map[bool]string{false: "false"}[joined])
	}
	return 0, containerUsage("%q has no meaning beside -s", args[0])
}

// say notes whether it is a dry run. Two words about it must agree.
func (f *containerForm) say(name, value string) error {
	if value != "true" && value != "false" || f.dryRun != "" && f.dryRun != value {
		return containerUsage("%s: it must be said once whether it is a dry run, by true or false", name)
	}
	f.dryRun = value
	return nil
}

func (f *containerForm) command() ([]string, error) {
	branch := []string{}
	if f.branch != "" {
		branch = append(branch, "--branch="+f.branch)
	}
	switch f.stage {
	case "mvn_release":
	case "bom": // a dry run or not, it writes its files and nothing else
		return append([]string{"bom", "--write"}, branch...), nil
	case "mvn_nexus_staging": // older components do not know dry_run: its dry run sends nothing
		return append([]string{"stage", f.clientLevel()}, branch...), nil
	case "trigger":
		return append([]string{"trigger", "--wait", f.clientLevel()}, branch...), nil
	case "pull_req":
		return append([]string{"pull-request", f.clientLevel()}, branch...), nil
	case "release_bundle", "docker_release", "rpm_release", "doc_release", "demos_release", "social_announcements":
		return nil, fault.New(fault.Usage, "stage-not-there", "the stage %s was listed by the orchestrator but never built; it runs as a process manifest, by `gio trigger` or -s trigger", f.stage).
			Hint("name its pipelines in a file and that by CICD_PROCESS_MANIFEST_PATH (gio trigger --help)")
	default:
		return nil, containerUsage("there is no stage %q", f.stage)
	}
	level := "--dry-run=" + string(dryServer)
	if f.dryRun == "false" {
		level = "--dry-run=false"
	}
	return append([]string{"release", level}, branch...), nil
}

// clientLevel is the level of the stages that have no other one.
func (f *containerForm) clientLevel() string {
	if f.dryRun == "false" {
		return "--dry-run=false"
	}
	return "--dry-run=" + string(dryClient)
}

func containerUsage(format string, args ...any) error {
	return fault.New(fault.Usage, "usage", format, args...).
		Hint("the container form is: -s STAGE [--dry-run [true|false]] [--branch BRANCH]").
		Hint("the stages are mvn_release, mvn_nexus_staging, bom, trigger and pull_req")
}

// noEffect are the variables of the old orchestrator's that never had one.
func noEffect() []string {
	return []string{
		"PIPELINE_COMPLETION_TIMEOUT", "TRIGGER_TIMEOUT", "RETRIES_BEFORE_FAILURE", "EXEC_STATUS_WATCH_INTERVAL",
		"RELEASE_BRANCHES", "HTTP_RELEASE_GIT_REPO", "SSH_RELEASE_GIT_REPO", "PRODUCT",
	}
}

// enterContainer makes the environment that of the release jobs: their places, no terminal whatever isatty says, and args with
// what their variables add.
func (env *environment) enterContainer(args []string) []string {
	env.outTerminal, env.errTerminal = false, false
	outside := env.Getenv
	defaults := map[string]string{}
	if _, err := os.Stat(containerSecrets); err == nil {
		defaults["SECRETS_FILE_PATH"] = containerSecrets
	}
	env.Getenv = func(name string) string {
		if v := outside(name); v != "" {
			return v
		}
		return defaults[name]
	}
	ignored := slices.DeleteFunc(noEffect(), func(name string) bool { return outside(name) == "" })
	if _, err := os.Stat(containerSecretHub); err == nil {
		ignored = append(ignored, containerSecretHub)
	}
	if len(ignored) > 0 {
		env.notes = append(env.notes, "ignored, they never had an effect: "+strings.Join(ignored, ", "))
	}
	if path := outside("CICD_PROCESS_MANIFEST_PATH"); path != "" {
		flag := "--file="
		if args[0] == "trigger" {
			flag = "--process="
		}
		args = append(args, flag+path)
	}
	return args
}

// seedParameters are the pipeline parameters that the orchestrator sent beside gio_action and dry_run, under what gio.yaml
// says. One whose variable is not set was left out, and is: that is said, because the pipeline then takes its own default.
func (env *environment) seedParameters(ws workspace) map[string]any {
	parameters := map[string]any{}
	for name, variable := range map[string]string{
		"secrethub_org": "SECRETHUB_ORG", "secrethub_repo": "SECRETHUB_REPO", "maven_profile_id": "MAVEN_PROFILE_ID",
	} {
		if value := env.Getenv(variable); value != "" {
			parameters[name] = strings.ReplaceAll(value, "{{", `{{"{{"}}`) // a value is no template
		} else if _, said := ws.Config.Parameters[name]; !said {
			fmt.Fprintf(env.Stderr, "warning: %s is not set: the pipelines take their own default of %s\n", variable, name)
		}
	}
	if m, err := manifest.Parse(ws.Path, ws.Local); err == nil { // else the release says what is wrong with it
		parameters["s3_bucket_name"] = "prepared-nexus-staging-gravitee-apim-" + strings.ReplaceAll(m.ReleaseVersion(), ".", "_")
	}
	maps.Copy(parameters, ws.Config.Parameters)
	return parameters
}
