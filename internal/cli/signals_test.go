package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/cli"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// TestInterrupted: Ctrl-C ends a command that waits for a server which does not answer, and nothing was done by then.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	remote := gittest.Bare(t, map[string]string{"release.json": product("1.0.0-SNAPSHOT", "alpha")}, "main")
	dir := filepath.Join(t.TempDir(), "checkout")
	gittest.Git(t, "", "clone", "--quiet", remote, dir)
	refs := gittest.Refs(t, remote)
	for _, command := range []string{"plan", "release"} {
		t.Run(command, func(t *testing.T) {
			signals := make(chan os.Signal, 1)
			var methods []string
			silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				methods = append(methods, r.Method)
				signals <- os.Interrupt
				<-r.Context().Done()
			}))
			defer silent.Close()
			env := map[string]string{"CIRCLE_HOST": silent.URL, "CIRCLE_TOKEN": "t", "HOME": t.TempDir(), "GH_ORG": "acme"}
			var stdout, stderr bytes.Buffer
			code := cli.Program{
				Args: []string{command}, Dir: dir, Getenv: func(name string) string { return env[name] },
				Stdout: &stdout, Stderr: &stderr, Signals: signals,
			}.Run()
			silent.Close() // waits for the handler
			if code != int(fault.Cancelled) || !strings.Contains(stderr.String(), "exit 6: cancelled") {
				t.Errorf("exit %d\n%s", code, stderr.String())
			}
			if len(methods) != 1 || methods[0] != http.MethodGet {
				t.Errorf("sent %v", methods)
			}
		})
	}
	if got := gittest.Refs(t, remote); len(got) != len(refs) {
		t.Errorf("refs before %v, after %v", refs, got)
	}
}

// product is a release.json with these waves, all of it to be released.
func product(version string, waves ...string) string {
	var components []string
	var groups [][]string
	for _, wave := range waves {
		groups = append(groups, strings.Fields(wave))
		for _, name := range strings.Fields(wave) {
			components = append(components, fmt.Sprintf(`{"name": %q, "version": %q}`, name, version))
		}
	}
	dependencies, err := json.Marshal(groups)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("{\n\"name\": \"Acme\",\n\"version\": %q,\n\"scmHttpUrl\": \"https://github.com/acme\",\n\"components\": [\n%s\n],\n\"buildDependencies\": %s\n}\n",
		version, strings.Join(components, ",\n"), dependencies)
}
