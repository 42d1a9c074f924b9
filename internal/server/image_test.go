package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestImage: the image serves as a user who is not root, answers its own health check, ends in peace, and keeps the ledger in its
// volume. GIO_SERVER_IMAGE_TEST is a program that runs the image: options of buildah run, --, arguments; .ci/image makes it.
func TestImage(t *testing.T) {
	image := os.Getenv("GIO_SERVER_IMAGE_TEST")
	if image == "" {
		t.Skip("skipped: GIO_SERVER_IMAGE_TEST names no program that runs the image; `make image` does")
	}
	c := startContainer(t, image)
	w := &world{T: t, address: c.address}
	w.wants("", "GET", "/health", "", http.StatusOK, "")
	w.wants("", "GET", "/ready", "", http.StatusNoContent, "")
	c.run("ready")
	if uid := c.uid(); uid == "0" {
		t.Error("it runs as root")
	}
	token := filepath.Join("/proc", strconv.Itoa(c.pid), "root", "data", "admin-token")
	if info, err := os.Stat(token); err != nil || info.Mode() != 0o600 {
		t.Errorf("the first token's file: %v, %v", info, err)
	}
	// On a busy machine the chroot isolation now and then loses what a short program printed.
	for range 3 {
		if w.admin = c.run("admin-token"); w.admin != "" {
			break
		}
	}
	w.declared()
	c.end()

	again := startContainer(t, image)
	w.address = again.address
	w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/projects/apim", "")
	again.end()
	if strings.Contains(again.log.String(), "first token") {
		t.Errorf("it began anew: %s", again.log.String())
	}
}

// container is a server that runs in its image.
type container struct {
	*testing.T
	image   string
	address string
	pid     int // of the server
	log     *strings.Builder
	command *exec.Cmd
	read    chan struct{} // closed when its log has ended
}

func startContainer(t *testing.T, image string) *container {
	t.Helper()
	c := &container{T: t, image: image, log: &strings.Builder{}, read: make(chan struct{})}
	c.command = exec.CommandContext(t.Context(), image, "--env", "GIOSERVER_LISTEN=127.0.0.1:0", "--")
	stderr, err := c.command.StderrPipe()
	if err == nil {
		err = c.command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	listening := make(chan string, 1)
	go c.follow(stderr, listening)
	select {
	case c.address = <-listening:
	case <-c.read:
		t.Fatalf("the server has ended: %v\n%s", c.command.Wait(), c.log)
	}
	c.pid = descendant(t, c.command.Process.Pid, "gio-server")
	t.Cleanup(func() { _ = signal(c.pid, syscall.SIGKILL) }) // it has ended, unless the test failed
	return c
}

// follow reads the log to its end, and tells the address at which the server listens.
func (c *container) follow(log io.Reader, listening chan<- string) {
	defer close(c.read)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		fmt.Fprintln(c.log, lines.Text())
		var said struct{ Message, Address string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Message == "listening" {
			listening <- strings.TrimPrefix(said.Address, "http://")
		}
	}
}

// run runs the program once more beside the server, and returns what it printed.
func (c *container) run(word string) string {
	c.Helper()
	out, err := exec.CommandContext(c.Context(), c.image, "--env", "GIOSERVER_LISTEN="+c.address, "--", word).Output()
	if err != nil {
		c.Fatalf("%s: %v", word, err)
	}
	return strings.TrimSpace(string(out))
}

// uid is the user as who the server runs.
func (c *container) uid() string {
	c.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.pid), "status"))
	if err != nil {
		c.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^Uid:\t(\d+)`).FindSubmatch(status)
	if found == nil {
		c.Fatalf("no user: %s", status)
	}
	return string(found[1])
}

// end sends SIGTERM and wants exit 0.
func (c *container) end() {
	c.Helper()
	if err := signal(c.pid, syscall.SIGTERM); err != nil {
		c.Fatal(err)
	}
	<-c.read
	if err := c.command.Wait(); err != nil {
		c.Errorf("after SIGTERM: %v\n%s", err, c.log)
	}
}

func signal(pid int, s os.Signal) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return process.Signal(s)
}

// descendant finds the process of that name that an ancestor has started, perhaps through others.
func descendant(t *testing.T, ancestor int, name string) int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents, named := map[int]int{}, []int(nil)
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended meanwhile
		}
		var pid, parent int
		var comm, state string
		if _, err := fmt.Sscanf(string(text), "%d %s %s %d", &pid, &comm, &state, &parent); err != nil {
			continue // a name with a space
		}
		parents[pid] = parent
		if comm == "("+name+")" {
			named = append(named, pid)
		}
	}
	for _, pid := range named {
		for p := pid; p > 1; p = parents[p] {
			if p == ancestor {
				return pid
			}
		}
	}
	t.Fatalf("there is no %s below %d", name, ancestor)
	return 0
}
