//go:build unix

package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// initdb is the program that makes a cluster, of the newest PostgreSQL. The other programs stand beside it.
func initdb() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.EvalSymlinks(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("there is no initdb of PostgreSQL in PATH or /usr/lib/postgresql/*/bin")
	}
	return slices.MaxFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }), nil
}

// script runs PostgreSQL for as long as standard input is open: it ends with the tests, however they end, and its files with it.
const script = `
exec 3<&0
"$1/initdb" --pgdata="$2/data" --username=postgres --auth=trust --encoding=UTF8 --no-sync >&2 || exit 1
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c "fsync=$3" -c max_connections=1000 >&2 &
pid=$!
{ read -r _ <&3; kill -INT "$pid"; } >/dev/null 2>&1 &
wait "$pid"
rm -rf "$2"
`

// startPostgres starts a cluster and returns the directory of its socket. Fsync, "on" or "off", is whether a commit waits for the disk.
func startPostgres(fsync string) (string, error) {
	program, err := initdb()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "gio-postgres-")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(context.Background(), "sh", "-c", script, "sh", filepath.Dir(program), dir, fsync)
	cmd.Dir = "/"
	if err := asNobody(cmd, dir); err != nil {
		return "", err
	}
	if _, err := cmd.StdinPipe(); err != nil { // never closed: it ends with this program
		return "", err
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- fmt.Errorf("it ended: %w\n%s", cmd.Wait(), said.Bytes()) }()
	return dir, answers(dir, ended)
}

// asNobody gives root's cluster to nobody: PostgreSQL refuses to run as root. Interrupting the tests must not end it before they do.
func asNobody(cmd *exec.Cmd, dir string) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(dir, uid, gid)
}

// answers waits until the cluster does.
func answers(dir string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres:///postgres?host=%s&user=postgres", dir))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case err := <-ended:
			return err
		case <-ctx.Done():
			return err
		}
	}
}
