package cli

import (
	"os"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
)

// The paths in the container that the release jobs mount. The checkout's, /graviteeio/cicd/pipeline, is the image's working
// directory.
const (
	containerSecrets   = "/graviteeio/cicd/.secrets.json"
	containerSecretHub = "/graviteeio/cicd/.secrethub.credential"
)

// containerForm is the command line of the orchestrator that gio replaces. The release jobs still use it.
type containerForm struct {
	stage, branch string
	dryRun        string // "true", "false", or "" when it is not given
}

// rewriteContainer turns the container form into gio's own arguments, and returns others unchanged. The form is a dry run unless
// the arguments say that it is none. Errors are of kind Usage.
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
		n, err := f.parseFlag(rest)
		if err != nil {
			return nil, true, err
		}
		rest = rest[n:]
	}
	rewritten, err = f.command()
	return rewritten, true, err
}

// parseFlag reads one flag with its value, and returns the number of arguments that it has read.
func (f *containerForm) parseFlag(args []string) (int, error) {
	name, value, joined := strings.Cut(args[0], "=")
	next, n := "", 1
	if !joined && len(args) > 1 {
		next = args[1]
	}
	switch name {
	case "-s", "--cicd-stage":
		if !joined {
			value, n = next, 2
		}
		if value == "" || strings.HasPrefix(value, "-") || f.stage != "" {
			return 0, containerUsage("%s needs one stage, as in -s mvn_release", name)
		}
		f.stage = value
		return n, nil
	case "--branch":
		if !joined && len(args) > 1 && !strings.HasPrefix(next, "-") {
			value, n = next, 2
		}
		f.branch = value // empty when the job's variable is: then it is the checkout's
		return n, nil
	case "-d", "--dry-run":
		if !joined {
			value = "true"
		}
		if next == "true" || next == "false" {
			value, n = next, 2
		}
		return n, f.setDryRun(name, value)
	case "--no-dry-run":
		return 1, f.setDryRun(args[0], map[bool]string{false: "false"}[joined])
	}
	return 0, containerUsage("%q has no meaning beside -s", args[0])
}

// setDryRun sets whether it is a dry run. Two flags about it must agree.
func (f *containerForm) setDryRun(name, value string) error {
	if value != "true" && value != "false" || f.dryRun != "" && f.dryRun != value {
		return containerUsage("%s: say once whether it is a dry run, by true or false", name)
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
	case "bom": // it writes its files and nothing else, whether it is a dry run or not
		return append([]string{"bom", "--write"}, branch...), nil
	case "mvn_nexus_staging": // older components do not know dry_run: its dry run sends nothing
		return append([]string{"stage", f.clientLevel()}, branch...), nil
	case "trigger":
		return append([]string{"trigger", "--wait", f.clientLevel()}, branch...), nil
	case "pull_req":
		return append([]string{"pull-request", f.clientLevel()}, branch...), nil
	case "release_bundle", "docker_release", "rpm_release", "doc_release", "demos_release", "social_announcements":
		return nil, fault.New(fault.Usage, "stage-not-there", "the stage %s was listed by the orchestrator but never built; it runs as a process manifest, by `gio trigger` or -s trigger", f.stage).
			Hint("list its pipelines in a file, and set CICD_PROCESS_MANIFEST_PATH to that file (gio trigger --help)")
	default:
		return nil, containerUsage("there is no stage %q", f.stage)
	}
	level := "--dry-run=" + string(operate.Server)
	if f.dryRun == "false" {
		level = "--dry-run=false"
	}
	return append([]string{"release", level}, branch...), nil
}

// clientLevel returns the level of a stage that has no server level.
func (f *containerForm) clientLevel() string {
	if f.dryRun == "false" {
		return "--dry-run=false"
	}
	return "--dry-run=" + string(operate.Client)
}

func containerUsage(format string, args ...any) error {
	return fault.New(fault.Usage, "usage", format, args...).
		Hint("the container form is: -s STAGE [--dry-run [true|false]] [--branch BRANCH]").
		Hint("the stages are mvn_release, mvn_nexus_staging, bom, trigger and pull_req")
}

// ignoredVariables lists the variables of the old orchestrator that never had an effect.
func ignoredVariables() []string {
	return []string{
		"PIPELINE_COMPLETION_TIMEOUT", "TRIGGER_TIMEOUT", "RETRIES_BEFORE_FAILURE", "EXEC_STATUS_WATCH_INTERVAL",
		"RELEASE_BRANCHES", "HTTP_RELEASE_GIT_REPO", "SSH_RELEASE_GIT_REPO", "PRODUCT",
	}
}

// enterContainer adapts the environment to the release jobs: their mounts, no terminal whatever isatty says. It returns args with
// the flags that their variables stand for.
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
	ignored := slices.DeleteFunc(ignoredVariables(), func(name string) bool { return outside(name) == "" })
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
