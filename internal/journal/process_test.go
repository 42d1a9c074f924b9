//go:build unix

package journal

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
)

// This test binary runs itself again as another gio: role and journal come by these variables.
const (
	roleVariable = "GIO_TEST_ROLE"
	pathVariable = "GIO_TEST_JOURNAL"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "driver":
		os.Exit(drive())
	case "full disk":
		os.Exit(fillDisk())
	}
	// These tests wait for Git programs and for pauses between pushes: more of them at once than there are processors.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// drive appends, says so, and holds the journal until it is killed.
func drive() int {
	f, _, err := OpenFile(os.Getenv(pathVariable), header())
	if err == nil {
		err = f.Append(context.Background(), calls()[0]...)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("driving")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// fillDisk appends until a limit of the file's size, which stands for a full disk, cuts a call in two.
func fillDisk() int {
	signal.Ignore(syscall.SIGXFSZ)
	f, _, err := OpenFile(os.Getenv(pathVariable), header())
	if err == nil {
		err = f.Append(context.Background(), calls()[0]...)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	limit := uint64(f.size) + 300 // more than a line, less than the call
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		fmt.Println(err)
		return 1
	}
	first := f.Append(context.Background(), calls()[1]...)
	fmt.Println(fault.CodeOf(first), first)
	fmt.Println(first == f.Append(context.Background())) //nolint:errorlint // the very same fault is promised
	return 0
}

func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path)
	return cmd
}

// TestKilled: a driver that is killed takes its lock along and leaves what was acknowledged.
func TestKilled(t *testing.T) {
	t.Parallel()
	path := Path(t.TempDir(), "github.com/acme/release", header())
	cmd := child(t, "driver", path)
	stdin, err := cmd.StdinPipe() // never written: the driver waits
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "driving\n" {
		t.Fatalf("the driver says %q, %v", line, err)
	}
	_, _, err = OpenFile(path, header())
	isFault(t, err, fault.Stopped, "driven-elsewhere", fmt.Sprintf("another gio (process %d, since 2", cmd.Process.Pid))

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	f, events, err := OpenFile(path, header())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	same(t, "left by the killed driver", calls()[0], events)
}

// TestFullDisk: a call that does not fit is not kept by half.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := Path(t.TempDir(), "github.com/acme/release", header())
	out, err := child(t, "full disk", path).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "state-directory ") || !strings.HasSuffix(string(out), "\ntrue\n") {
		t.Fatalf("the driver says %q, %v", out, err)
	}
	if left := load(t, path); !strings.HasSuffix(string(left), "}\n") {
		t.Errorf("half a call was left on the disk: …%q", left[len(left)-20:])
	}
	f, events, err := OpenFile(path, header())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	same(t, "left by the driver", calls()[0], events)
	if err := f.Append(t.Context(), calls()[1]...); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
