package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/wire"
)

// serverStory is the demo of gio-server: what ran before is reported, a candidate's bundle is made and promoted, the candidate
// deployed, approved and rolled back; what CI ships is committed to a Git repository, and rolled back there. Every line that it shows is run
// as it is shown, by a shell.
type serverStory struct {
	stage
	programs string // directory of gio and gio-server
	project  []byte // project.yaml
	shop     []byte // shop.yaml
	shipment []byte // shipment.json
	curl     bool   // it is installed
	address  string // of gio-server
	token    string // of CI
}

const serverSettings = `connections:
  circleci: {host: %s, token: "env:CIRCLE_TOKEN"}
  git: {url: "file://%s"}
`

func loadServer(dir, programs string) (*serverStory, error) {
	project, err := os.ReadFile(filepath.Join(dir, "project.yaml"))
	scenario, err2 := os.ReadFile(filepath.Join(dir, "server-scenario.yaml"))
	shop, err3 := os.ReadFile(filepath.Join(dir, "shop.yaml"))
	shipment, err4 := os.ReadFile(filepath.Join(dir, "shipment.json"))
	programs, err5 := filepath.Abs(programs)
	if err = errors.Join(err, err2, err3, err4, err5); err != nil {
		return nil, fmt.Errorf("run it from the root of the source tree, as `make demo-server` does: %w", err)
	}
	_, noCurl := exec.LookPath("curl")
	s := &serverStory{project: project, shop: shop, shipment: shipment, programs: programs, curl: noCurl == nil}
	s.scenario, err = sim.Load("server-scenario.yaml", scenario)
	return s, err
}

func (s *serverStory) play(ctx context.Context) error {
	return s.on(ctx, func() error {
		settings := fmt.Appendf(nil, serverSettings, s.host, filepath.ToSlash(s.dir))
		err := errors.Join(
			os.WriteFile(filepath.Join(s.dir, "gio-server.yaml"), settings, 0o600),
			os.WriteFile(filepath.Join(s.dir, "project.yaml"), s.project, 0o600),
			os.WriteFile(filepath.Join(s.dir, "shop.yaml"), s.shop, 0o600),
			os.WriteFile(filepath.Join(s.dir, "shipment.json"), s.shipment, 0o600),
		)
		if err != nil {
			return err
		}
		s.say("A simulated CircleCI (%s), and a gio-server that may start pipelines there. Both are gone when this ends.", s.host)
		s.sh(ctx, 0, "cat gio-server.yaml")
		end, err := s.startServer(ctx)
		if err != nil {
			return err
		}
		s.run(ctx)
		return errors.Join(s.err, end())
	})
}

// startServer runs gio-server until the returned function is called, and waits for its address.
func (s *serverStory) startServer(ctx context.Context) (end func() error, err error) {
	if s.err != nil {
		return nil, s.err
	}
	args := []string{"--listen", "127.0.0.1:0", "--data", "data"}
	fmt.Fprintf(s.stdout, "\n$ CIRCLE_TOKEN=… gio-server %s &\n", strings.Join(args, " "))
	server := exec.Command(filepath.Join(s.programs, "gio-server"), args...) //nolint:noctx // it is told to end, below
	server.Dir, server.Env = s.dir, append(s.environ(), "CIRCLE_TOKEN=demo")
	talk, err := server.StderrPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		return nil, err
	}
	var log bytes.Buffer
	address, logged := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(logged)
		defer close(address)
		for lines := bufio.NewScanner(talk); lines.Scan(); {
			fmt.Fprintln(&log, lines.Text())
			var said struct{ Message, Address string }
			if json.Unmarshal(lines.Bytes(), &said) == nil && said.Message == "listening" {
				address <- said.Address
			}
		}
	}()
	end = func() error {
		_ = server.Process.Signal(syscall.SIGTERM)
		impatient := time.AfterFunc(time.Minute, func() { _ = server.Process.Kill() })
		defer impatient.Stop()
		<-logged
		if err := server.Wait(); err != nil {
			return fmt.Errorf("gio-server: %w\n%s", err, &log)
		}
		return nil
	}
	select {
	case s.address = <-address:
	case <-ctx.Done():
	case <-time.After(time.Minute):
	}
	if s.address == "" {
		return nil, errors.Join(errors.New("gio-server did not start"), end())
	}
	return end, nil
}

// run runs what people and CI would type, one line after the other, until one ends unexpectedly.
func (s *serverStory) run(ctx context.Context) {
	s.say("It keeps everything in SQLite below data, and has made a token for an admin there.")
	s.sh(ctx, 0, "gio login "+s.address+" <data/admin-token")
	s.sh(ctx, 0, "cat project.yaml")
	s.sh(ctx, 0, "gio project apply -f project.yaml")
	s.sh(ctx, 0, "gio token create ci --role releaser >ci.token")
	s.sh(ctx, 0, "gio token create ann@example.org --role approver >ann.token")

	s.say("CI speaks Aviator's API, as it did before. 3.9.3 was deployed to production by somebody else, which is only reported.")
	if s.err == nil && !s.curl {
		s.say("curl is not installed: the demo sends these requests itself.")
	}
	s.readToken()
	s.ask(ctx, 201, "POST", "/releases/3.9.3-rc1", `{"repo": "acme/apim", "commit": "0123456789abcdef0123456789abcdef01234567"}`)
	s.ask(ctx, 200, "PATCH", "/environments/production/deployments", `{"release_candidate_version": "3.9.3-rc1", "status": "success"}`)

	s.say("CI uploads what it has built of 3.9.4. The bundle of a candidate is made of it, as project.yaml says, and carried to qa.")
	s.ask(ctx, 201, "POST", "/releases/3.9.4-rc1", `{"repo": "acme/apim", "commit": "89abcdef0123456789abcdef0123456789abcdef"}`)
	s.sh(ctx, 0, "echo 'all of 3.9.4' >apim.zip")
	s.upload(ctx, "apim.zip", "libs-dev/apim/3.9.4/")
	s.sh(ctx, 0, "gio bundle create --candidate 3.9.4-rc1")
	s.sh(ctx, 0, "gio promote apim 3.9.4 qa")

	s.say("Its deployment to qa: gio-server starts the pipeline on CircleCI and follows it to its end.")
	s.ask(ctx, 201, "POST", "/environments/qa/deployments", `{"release_candidate_version": "3.9.4-rc1"}`)
	s.sh(ctx, 0, "gio deployment watch qa")

	s.say("Production takes what runs in qa, once another person has approved it. gio-server promotes the bundle before it deploys.")
	s.sh(ctx, 0, "gio deploy 3.9.4 production")
	s.sh(ctx, 0, "GIO_TOKEN=$(cat ann.token) gio deployment approve "+s.newest(ctx, "production").ID)
	s.sh(ctx, 0, "gio deployment watch production")
	s.sh(ctx, 0, "gio bundle show apim 3.9.4")

	s.say("A freeze refuses whatever is new, also a rollback; who has a reason passes it.")
	s.sh(ctx, 0, "gio freeze production --reason 'black friday' --until 2h")
	s.ask(ctx, 400, "POST", "/environments/production/deployments", `{"release_candidate_version": "3.9.4-rc1"}`)
	s.sh(ctx, 7, "gio rollback production")
	s.sh(ctx, 0, "gio rollback production --force 'it loses messages' --wait")

	s.say("What runs where, for people and by Aviator's API; and nobody has changed the history.")
	s.sh(ctx, 0, "gio env list")
	s.sh(ctx, 0, "gio deployment list production")
	s.check(s.ask(ctx, 200, "GET", "/environments/production/deployments", ""))
	s.sh(ctx, 0, "gio audit --verify")
	s.count(ctx)
	s.ship(ctx)
}

// ship plays what CI does with Gimlet's clients, in a project of its own.
func (s *serverStory) ship(ctx context.Context) {
	s.say("Another project is deployed by commits to a Git repository. Its CI ships as Gimlet's clients do, and app files say what is deployed then.")
	s.sh(ctx, 0, "git init -q --bare -b main gitops.git")
	s.sh(ctx, 0, "gio project apply -f shop.yaml")
	s.sh(ctx, 0, "gio token create shop-ci --role reporter --project shop >ci.token")
	if s.err != nil {
		return
	}
	token, err := os.ReadFile(filepath.Join(s.dir, "ci.token"))
	if s.token, s.err = strings.TrimSpace(string(token)), err; err == nil {
		fmt.Fprintf(s.stdout, "\n$ export GIMLET_TOKEN=$(cat ci.token) GIMLET_SERVER=%s\n", s.address)
	}
	s.sh(ctx, 0, "cat shipment.json")
	s.artifact(ctx)
	s.sh(ctx, 0, "gio deployment watch staging --project shop")
	s.sh(ctx, 0, "sed -i.first 's/0714/0815/g; s/shoes/boots/' shipment.json")
	s.artifact(ctx)
	s.sh(ctx, 0, "gio deployment watch staging --project shop")
	s.say("Rolled back: a commit that reverts the second one. No policy deploys shop there until a person does.")
	s.sh(ctx, 0, "gio rollback staging --app shop --project shop --wait")
	s.sh(ctx, 0, "git -C gitops.git log --reverse --format='%h %s' main")
	s.sh(ctx, 0, "git -C gitops.git show main:staging/shop/manifest.yaml")
	s.sh(ctx, 0, "gio env list --project shop")
	s.commits(ctx)
}

// commits holds what is in the repository against the story: one commit for each deployment, and the last one is the first again.
func (s *serverStory) commits(ctx context.Context) {
	if s.err != nil {
		return
	}
	var subjects, file bytes.Buffer
	s.err = errors.Join(
		s.shell(ctx, 0, "git -C gitops.git log --format=%s main", &subjects),
		s.shell(ctx, 0, "git -C gitops.git show main:staging/shop/manifest.yaml", &file),
	)
	all := strings.Split(strings.TrimSpace(subjects.String()), "\n")
	s.say("gitops.git has %d commits for 2 deployments and 1 rollback.", len(all))
	if s.err == nil && (len(all) != 3 || !strings.Contains(file.String(), "0714")) {
		s.err = fmt.Errorf("the commits are %q, and the file is %s", all, file.String())
	}
}

// artifact ships shipment.json, as `gimlet artifact push` does.
func (s *serverStory) artifact(ctx context.Context) {
	if s.err != nil || ctx.Err() != nil {
		return
	}
	if s.curl {
		s.sh(ctx, 0, `curl -sSf -o artifact.json -X POST "$GIMLET_SERVER/api/artifact" -H "Authorization: Bearer $GIMLET_TOKEN" -d @shipment.json`)
		return
	}
	fmt.Fprint(s.stdout, "\nPOST $GIMLET_SERVER/api/artifact, with shipment.json\n")
	content, err := os.ReadFile(filepath.Join(s.dir, "shipment.json"))
	if err != nil {
		s.err = err
		return
	}
	s.expect(ctx, http.StatusCreated, http.MethodPost, s.address+"/api/artifact", content)
}

// expect sends a request, which must be answered with that status.
func (s *serverStory) expect(ctx context.Context, want int, method, address string, body []byte) {
	res, err := s.request(ctx, method, address, bytes.NewReader(body))
	if err == nil {
		_ = res.Body.Close()
	}
	if s.err = err; err == nil && res.StatusCode != want {
		s.err = fmt.Errorf("%s %s was answered %s", method, address, res.Status)
	}
}

// readToken reads CI's token, which the requests carry.
func (s *serverStory) readToken() {
	if s.err != nil {
		return
	}
	fmt.Fprintf(s.stdout, "\n$ export TOKEN=$(cat ci.token) A=%s/api/releases/apim\n", s.address)
	token, err := os.ReadFile(filepath.Join(s.dir, "ci.token"))
	s.token, s.err = strings.TrimSpace(string(token)), err
}

// check holds Aviator's list against the story.
func (s *serverStory) check(list string) {
	if s.err != nil {
		return
	}
	var all []struct {
		Candidate string `json:"release_candidate_version"`
		Status    string `json:"status"`
	}
	s.err = json.Unmarshal([]byte(list), &all)
	got := fmt.Sprint(all)
	const want = "[{3.9.3-rc1 success} {3.9.4-rc1 success} {3.9.3-rc1 success}]"
	if s.err == nil && got != want {
		s.err = fmt.Errorf("the deployments to production are %s instead of %s", got, want)
	}
}

// count holds what CircleCI saw against the deployments that the ledger has: one pipeline for each that was not only reported.
func (s *serverStory) count(ctx context.Context) {
	var deployed []string
	for _, d := range append(s.list(ctx, "qa"), s.list(ctx, "production")...) {
		if d.Effect != "" && d.Link != "" {
			deployed = append(deployed, d.ID)
		}
	}
	seen, twice := map[any]bool{}, 0
	pipelines := s.circleCI.Pipelines()
	for _, p := range pipelines {
		id := p.Parameters["deployment"]
		if seen[id] {
			twice++
		}
		seen[id] = true
	}
	s.say("CircleCI saw %d pipelines for %d deployments, %d twice.", len(pipelines), len(deployed), twice)
	all := !slices.ContainsFunc(deployed, func(id string) bool { return !seen[id] })
	if s.err == nil && (len(pipelines) != 3 || len(deployed) != 3 || twice > 0 || !all) {
		s.err = errors.New("there must be one pipeline for each of 3 deployments")
	}
}

// list reads the deployments of an environment, the newest first, and shows nothing.
func (s *serverStory) list(ctx context.Context, environment string) []wire.Deployment {
	if s.err != nil {
		return nil
	}
	var out bytes.Buffer
	var all []wire.Deployment
	if s.err = s.shell(ctx, 0, "gio deployment list --json "+environment, &out); s.err == nil {
		s.err = json.Unmarshal(out.Bytes(), &all)
	}
	return all
}

func (s *serverStory) newest(ctx context.Context, environment string) wire.Deployment {
	all := s.list(ctx, environment)
	if s.err == nil && len(all) == 0 {
		s.err = fmt.Errorf("%s has no deployment", environment)
	}
	if s.err != nil {
		return wire.Deployment{}
	}
	return all[0]
}

// sh shows a line and runs it, and expects that exit code.
func (s *serverStory) sh(ctx context.Context, want int, line string) {
	if s.err != nil || ctx.Err() != nil {
		return
	}
	fmt.Fprintf(s.stdout, "\n$ %s\n", line)
	s.err = s.shell(ctx, want, line, s.stdout)
}

// shell runs a line in the demo's directory. The shell becomes the command, so that an interruption ends it.
func (s *serverStory) shell(ctx context.Context, want int, line string, stdout io.Writer) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec env "+line)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.environ(), stdout, s.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		return err
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		return fmt.Errorf("`%s` ended with exit code %d instead of %d", line, got, want)
	}
	return nil
}

// environ hides everything of the user's, except where programs are and the kind of terminal.
func (s *serverStory) environ() []string {
	env := []string{
		"PATH=" + s.programs + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + s.dir,
		"TOKEN=" + s.token, "A=" + s.address + "/api/releases/apim", "GIMLET_TOKEN=" + s.token, "GIMLET_SERVER=" + s.address,
	}
	for _, name := range []string{"TERM", "NO_COLOR", "COLORTERM", "COLUMNS"} {
		if value, is := os.LookupEnv(name); is {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// ask sends a request of Aviator's API as its documents write it, with curl where it is installed. It must be answered with that
// status; the body is returned.
func (s *serverStory) ask(ctx context.Context, want int, method, path, body string) string {
	if s.err != nil || ctx.Err() != nil {
		return ""
	}
	send := s.send
	if s.curl {
		send = s.sendByCurl
	}
	answer, err := send(ctx, method, path, body)
	if err != nil {
		s.err = err
		return ""
	}
	fmt.Fprint(s.stdout, answer)
	answer = strings.TrimRight(answer, "\n")
	end := strings.LastIndex(answer, "\n") + 1 // of the body, which the server ends with a newline
	body, status := answer[:end], answer[end:]
	if status != fmt.Sprint(want) {
		s.err = fmt.Errorf("%s %s was answered with %s instead of %d", method, path, status, want)
	}
	return body
}

// sendByCurl returns the body and, on a line of its own, the status.
func (s *serverStory) sendByCurl(ctx context.Context, method, path, body string) (string, error) {
	line := fmt.Sprintf(`curl -sS -w '%%{http_code}\n' -X %s "$A%s" -H "Authorization: Bearer $TOKEN"`, method, path)
	if body != "" {
		line += fmt.Sprintf(` \
    -H 'Content-Type: application/json' -d '%s'`, body)
	}
	fmt.Fprintf(s.stdout, "\n$ %s\n", line)
	var out bytes.Buffer
	err := s.shell(ctx, 0, line, &out)
	return out.String(), err
}

// upload puts a file into a folder of a repository.
func (s *serverStory) upload(ctx context.Context, file, folder string) {
	if s.err != nil || ctx.Err() != nil {
		return
	}
	if s.curl {
		s.sh(ctx, 0, fmt.Sprintf(`curl -sSf -o answer.json -H "Authorization: Bearer $TOKEN" -T %s %s/artifactory/%s`, file, s.address, folder))
		return
	}
	fmt.Fprintf(s.stdout, "\nPUT %s/artifactory/%s%s\n", s.address, folder, file)
	content, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		s.err = err
		return
	}
	s.expect(ctx, http.StatusCreated, http.MethodPut, s.address+"/artifactory/"+folder+file, content)
}

func (s *serverStory) request(ctx context.Context, method, address string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return direct.Do(req)
}

// send does the same as sendByCurl, without it.
func (s *serverStory) send(ctx context.Context, method, path, body string) (string, error) {
	fmt.Fprintf(s.stdout, "\n%s $A%s %s\n", method, path, body)
	res, err := s.request(ctx, method, s.address+"/api/releases/apim"+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	return fmt.Sprintf("%s%d\n", answer, res.StatusCode), err
}
