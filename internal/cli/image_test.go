package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// imageForm is one command line of the real release jobs and what must come of it.
type imageForm struct {
	args     string
	code     int
	posts    int    // pipelines triggered
	dry      string // what every POST says
	released bool   // the tag of the version is there afterwards; before a staging, already
	says     string
	files    []string // that it writes into the checkout
}

func imageForms() []imageForm {
	const dryRun = "this was a dry run, level server"
	return []imageForm{
		{"-s mvn_release --dry-run", 0, 5, `"dry_run":true,"gio_action":"release"`, false, dryRun, nil},
		{"-s mvn_release --dry-run false", 0, 5, `"dry_run":false,"gio_action":"release"`, true, "Acme 3.9.4 is released", nil},
		{"-s mvn_release --dry-run --branch 3.9.x", 0, 5, `"dry_run":true,"gio_action":"release"`, false, dryRun, nil},
		{"-s mvn_release --dry-run false --branch 3.9.x", 0, 5, `"dry_run":false,"gio_action":"release"`, true, "Acme 3.9.4 is released", nil},
		{"-s mvn_nexus_staging --dry-run false", 0, 5, staging, true, "Acme 3.9.4 is staged", nil},
		{"-s mvn_nexus_staging", 0, 0, "", true, "this was a dry run, level client", nil},
		{"-s trigger --dry-run false", 0, 1, `{"branch":"main","parameters":{"dry_run":false,"gio_action":"docs","s3_bucket_name":"3.9.4"}}`, false, "docs-3.9.4.1 is triggered", nil},
		{"-s trigger", 0, 0, "", false, "this was a dry run, level client", nil},
		{"-s pull_req --dry-run false", 0, 2, `"gio_action":"`, false, "api #2 ", nil},
		{"-s pull_req", 0, 0, "", false, "this was a dry run, level client", nil},
		{"-s bom --dry-run", 0, 0, "", false, "written: .circleci/release.bom", []string{
			".circleci", ".circleci/release.bom", ".circleci/release.bom.slack", ".circleci/release.bom.slack.beautified",
		}},
	}
}

// others are the stages that send what they are told, and nothing of the release's own.
func (f imageForm) others() bool {
	return strings.Contains(f.args, "-s trigger") || strings.Contains(f.args, "-s pull_req")
}

// environment is what the job gives beside what all of them do.
func (f imageForm) environment() []string {
	switch {
	case strings.Contains(f.args, "-s trigger"):
		return []string{"--env", "CICD_PROCESS_MANIFEST_PATH=docs.json"}
	case strings.Contains(f.args, "-s pull_req"): // of a component, in a job without its checkout
		return []string{"--env", "CIRCLE_PROJECT_USERNAME=acme", "--env", "CIRCLE_PROJECT_REPONAME=api", "--env", "CIRCLE_BRANCH=fix-1"}
	}
	return nil
}

const docsProcess = `{"version":"3.9.4","components":[{"name":"docs","pipeline_params":{"branch":"main","parameters":{"gio_action":"docs","dry_run":false,"s3_bucket_name":"{{.ProductVersion}}"}}}]}`

const staging = `"dry_run":false,"gio_action":"nexus_staging"`

// TestImage is S26: the image as the release jobs start it, under a terminal, with a checkout of another owner, secrets that
// only their owner may read, no CI variable and no home. GIO_IMAGE_TEST is a program that runs the image: options of buildah
// run, --, arguments; .ci/image makes it.
func TestImage(t *testing.T) {
	image := os.Getenv("GIO_IMAGE_TEST")
	if image == "" {
		t.Skip("skipped: GIO_IMAGE_TEST names no program that runs the image; `make image` does")
	}
	for _, form := range imageForms() {
		t.Run(form.args, func(t *testing.T) { runImage(t, image, form) })
	}
}

// prepareImage makes the checkout what the job of a stage has.
func prepareImage(t *testing.T, checkout string, form imageForm) {
	t.Helper()
	if strings.Contains(form.args, "-s trigger") {
		if err := os.WriteFile(filepath.Join(checkout, "docs.json"), []byte(docsProcess), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(form.args, "-s pull_req") {
		gittest.Git(t, checkout, "remote", "remove", "origin")
		gittest.Git(t, checkout, "checkout", "--quiet", "--detach")
	}
}

// imageScenario has a GitHub on which everything is ready; the components declare what the jobs send.
func imageScenario() sim.Scenario {
	scenario := sim.Scenario{Tokens: []string{"circle-secret"}, GitHub: &sim.GitHub{Tokens: []string{"git-secret"}, Repositories: map[string]sim.Repository{}}}
	scenario.Default.Parameters = map[string]string{
		"gio_action": "string", "dry_run": "boolean", "secrethub_org": "string", "secrethub_repo": "string",
		"maven_profile_id": "string", "s3_bucket_name": "string",
	}
	for name, version := range map[string]string{"api": "1.25.1", "definition": "1.28.1", "gateway": "3.9.4", "portal": "3.9.4", "webui": "3.9.4"} {
		scenario.GitHub.Repositories["acme/"+name] = sim.Repository{Version: version + "-SNAPSHOT", Private: true}
	}
	return scenario
}

func runImage(t *testing.T, image string, form imageForm) {
	s, host := serve(t, imageScenario())
	data, err := os.ReadFile(filepath.Join(scripts, "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(form.args, "mvn_nexus_staging") { // of what is released
		text := regexp.MustCompile(`, "since": "[^"]*"`).ReplaceAllString(string(data), "")
		data = []byte(strings.ReplaceAll(strings.ReplaceAll(text, `-SNAPSHOT" }`, `", "since": "3.9.4" }`), "-SNAPSHOT", ""))
	}
	remote := gittest.Bare(t, map[string]string{"release.json": string(data)}, "master")
	gittest.Git(t, remote, "branch", "3.9.x", "master")
	if strings.Contains(form.args, "mvn_nexus_staging") {
		gittest.Git(t, remote, "tag", "3.9.4", "master")
	}
	server := gittest.HTTP(t, remote, gittest.Options{Token: "git-secret"})
	job := t.TempDir()
	checkout, secrets := filepath.Join(job, "checkout"), filepath.Join(job, ".secrets.json")
	gittest.Git(t, "", "clone", "--quiet", "--branch", "3.9.x", remote, checkout)
	gittest.Git(t, checkout, "remote", "set-url", "origin", server.URL)
	prepareImage(t, checkout, form)
	text := `{"circleci":{"auth":{"username":"bot","token":"circle-secret"}},"github":{"token":"git-secret"}}`
	if err := os.WriteFile(secrets, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	own(t, job, 1001)
	before, err := tree(checkout)
	if err != nil {
		t.Fatal(err)
	}
	options := append([]string{
		"--terminal",
		"--volume", checkout + ":/graviteeio/cicd/pipeline", "--volume", secrets + ":/graviteeio/cicd/.secrets.json",
		"--env", "CIRCLE_HOST=" + host, "--env", "GITHUB_API_URL=" + host + "/api/v3", "--env", "GH_ORG=acme",
		"--env", "CIRCLE_BUILD_URL=https://circleci.com/gh/acme/release/77", "--env", "SECRETHUB_ORG=acme", "--env", "SECRETHUB_REPO=cicd", "--env", "MAVEN_PROFILE_ID=gravitee-release",
	}, form.environment()...)
	code, output := underTerminal(t, image, append(options, "--", form.args)...)
	t.Logf("exit %d\n%s", code, output)
	if code != form.code || !strings.Contains(output, form.says) {
		t.Errorf("exit %d, want %d and %q", code, form.code, form.says)
	}
	if first := strings.TrimLeft(output, "\x00^@\b"); strings.HasPrefix(form.dry, `"dry_run":true`) && !strings.HasPrefix(first, "dry run, level server: ") {
		t.Errorf("the first line does not say the level")
	}
	for _, unwanted := range []string{"[y/N]", "\x1b", "circle-secret", "git-secret"} {
		if strings.Contains(output, unwanted) {
			t.Errorf("the output holds %q", unwanted)
		}
	}
	checkPosts(t, s, form)
	after, err := tree(checkout)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range form.files {
		if path := filepath.Join(checkout, name); after[path] == "" {
			t.Errorf("%s was not written", name)
		} else {
			delete(after, path)
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the checkout was changed (-before +after):\n%s", diff)
	}
	if foreign, err := exec.CommandContext(t.Context(), "find", checkout, "!", "-uid", "1001").Output(); os.Getuid() == 0 && (err != nil || len(foreign) > 0) {
		t.Errorf("not the owner's: %s (%v)", foreign, err)
	}
	if released := gittest.Refs(t, remote)["refs/tags/3.9.4"] != ""; released != form.released {
		t.Errorf("tag 3.9.4 is there: %t", released)
	}
}

func checkPosts(t *testing.T, s *sim.Sim, form imageForm) {
	t.Helper()
	posts := 0
	for _, r := range s.Requests() {
		if r.Method != http.MethodPost {
			continue
		}
		posts++
		if form.others() {
			if !strings.Contains(r.Body, form.dry) {
				t.Errorf("POST %s says %s, not %s", r.Path, r.Body, form.dry)
			}
			continue
		}
		for _, want := range []string{
			form.dry, `"maven_profile_id":"gravitee-release"`, `"secrethub_org":"acme"`,
			`"secrethub_repo":"cicd"`, `"s3_bucket_name":"prepared-nexus-staging-gravitee-apim-3_9_4"`,
		} {
			if !strings.Contains(r.Body, want) {
				t.Errorf("POST %s says %s, not %s", r.Path, r.Body, want)
			}
		}
	}
	if posts != form.posts {
		t.Errorf("%d POSTs, want %d", posts, form.posts)
	}
}

// own gives all of a directory to another user, where that is allowed: CI runs as root.
func own(t *testing.T, dir string, uid int) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// underTerminal runs a program with a terminal for all its streams. What hangs is ended.
func underTerminal(t *testing.T, program string, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	line := program + " " + strings.Join(args, " ") // nothing in it needs quotes
	cmd := exec.CommandContext(ctx, "script", "--quiet", "--return", "--command", line, os.DevNull)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		return e.ExitCode(), out.String()
	}
	if err != nil {
		t.Fatalf("%v (%v)\n%s", err, ctx.Err(), out.String())
	}
	return 0, out.String()
}
