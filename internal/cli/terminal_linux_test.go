package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// atTerminal is a program of the scripts: at-terminal ANSWER PROGRAM [ARGUMENT...]. The program runs with a terminal for its
// stdin and stderr. What it says there comes out of stderr, all of it and without carriage returns; each time it asks, the
// file ANSWER is typed. Its exit code is the program's.
func atTerminal() {
	code, err := runAtTerminal(os.Args[1], exec.Command(os.Args[2], os.Args[3:]...))
	if err != nil {
		fmt.Fprintln(os.Stderr, "at-terminal:", err)
		code = 127
	}
	os.Exit(code)
}

func runAtTerminal(answer string, cmd *exec.Cmd) (code int, err error) {
	typed, err := os.ReadFile(answer)
	if err != nil {
		return 0, err
	}
	keyboard, terminal, err := openTerminal()
	if err != nil {
		return 0, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, os.Stdout, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // of stdin
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if err := terminal.Close(); err != nil { // so that reading ends when the program has closed it, too
		return 0, err
	}
	said, answered := "", 0
	for buf := make([]byte, 4096); ; {
		n, err := keyboard.Read(buf)
		part := bytes.ReplaceAll(buf[:n], []byte("\r"), nil)
		_, _ = os.Stderr.Write(part)
		if said += string(part); strings.Count(said, "[y/N] ") > answered {
			answered++
			if _, err := keyboard.Write(typed); err != nil {
				return 0, err
			}
		}
		if err != nil {
			break // nobody has the terminal open any more
		}
	}
	if err := cmd.Wait(); err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			return e.ExitCode(), nil
		}
		return 0, err
	}
	return 0, nil
}

// openTerminal gives both ends of a pseudo-terminal.
func openTerminal() (keyboard, terminal *os.File, err error) {
	keyboard, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	return keyboard, terminal, err
}
