// Package registrytest gives tests registries: one in the process always, Docker's where it is installed.
package registrytest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// required is the variable that makes a missing docker-registry a failure.
const required = "GIO_TEST_REGISTRY"

// Each runs a test on a registry of each kind, side by side. It gets the registry's address; nothing is in it.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for kind, start := range map[string]func(*testing.T) string{"memory": Memory, "docker": Docker} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// Handler is a registry that keeps everything in memory, and removes tags one by one.
func Handler() http.Handler { return registry.New(registry.Logger(log.New(io.Discard, "", 0))) }

// Memory serves a Handler until the test ends, and returns its address.
func Memory(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(Handler())
	t.Cleanup(server.Close)
	return server.URL
}

// Docker starts Debian's docker-registry until the test ends, and returns its address. It removes manifests, but no tags. The test is
// skipped where the program is not installed, unless GIO_TEST_REGISTRY is set.
func Docker(t *testing.T) string {
	t.Helper()
	return docker(t, "true")
}

// DockerThatKeeps is Docker with its own default, which removes nothing.
func DockerThatKeeps(t *testing.T) string {
	t.Helper()
	return docker(t, "false")
}

// script ends the registry when its standard input does, however the tests ended.
const script = `docker-registry serve "$1" & cat >/dev/null; kill $!; wait $!`

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

func docker(t *testing.T, removes string) string {
	t.Helper()
	if _, err := exec.LookPath("docker-registry"); err != nil {
		if os.Getenv(required) != "" {
			t.Fatalf("%v, and %s is set", err, required)
		}
		t.Skipf("skipped: %v", err)
	}
	dir := t.TempDir()
	config := fmt.Sprintf("version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nhttp: {addr: '127.0.0.1:0'}\n"+
		"storage: {filesystem: {rootdirectory: '%s'}, delete: {enabled: %s}}\n", filepath.Join(dir, "data"), removes)
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", script, "sh", file) //nolint:noctx // it ends with its standard input
	cmd.Dir = dir
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found, read := make(chan string, 1), make(chan struct{})
	go listen(said, found, read)
	t.Cleanup(func() {
		_ = stdin.Close()
		<-read
		_ = cmd.Wait() // its status is that of a program that was ended
	})
	select {
	case address := <-found:
		return "http://" + address
	case <-read:
		t.Fatal("docker-registry ended: " + <-found)
	case <-time.After(time.Minute):
		t.Fatal("docker-registry does not listen")
	}
	return ""
}

// listen reads what a registry says: the address that it listens at or, where it ends before, all of it.
func listen(said io.Reader, found chan<- string, read chan<- struct{}) {
	defer close(read)
	var all bytes.Buffer
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if match := listening.FindSubmatch(lines.Bytes()); match != nil && found != nil {
			found <- string(match[1])
			found = nil
		}
		all.WriteString(lines.Text() + "\n")
	}
	if found != nil {
		found <- all.String()
	}
}
