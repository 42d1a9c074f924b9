package git

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Login is where an ssh connection goes, as the address of a repository says it. ssh's own configuration may say more.
type Login struct {
	User, Host string // User may be ""
	Port       int    // 0 where the address names none
}

func (l Login) String() string {
	if l.User == "" {
		return l.Host
	}
	return l.User + "@" + l.Host
}

// SSH returns the command by which Git would run a program on the host; nil where there is no git or no ssh program. It asks
// for nothing on a terminal. Fault: "ssh-command" (kind Invalid).
func (g Git) SSH(ctx context.Context, to Login, program string) (*exec.Cmd, error) {
	if strings.HasPrefix(to.String(), "-") { // ssh would take it for an option
		return nil, fault.New(fault.Invalid, "ssh-command", "%q is no host", to.String()).Hint("correct the address of the remote")
	}
	start := g.sshProgram()
	if start == nil {
		return nil, nil
	}
	options, err := g.sshOptions(ctx, start, to.Port)
	if err != nil {
		return nil, err
	}
	return g.command(ctx, slices.Concat(start, options, []string{to.String(), program})), nil
}

// Hostname returns the host that ssh's configuration has for a login, whose host may be a name of the person's own; "" where that
// is not known.
func (g Git) Hostname(ctx context.Context, of Login) string {
	start := g.sshProgram()
	if start == nil || strings.HasPrefix(of.String(), "-") {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	out, err := g.command(ctx, slices.Concat(start, []string{"-G", of.String()})).Output()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "hostname "); ok {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// command makes a command that git would start: in its directory, with its environment, and ended with the context.
func (g Git) command(ctx context.Context, line []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = g.dir, g.clean(), time.Second
	return cmd
}

// sshProgram returns how git starts ssh: GIT_SSH_COMMAND and core.sshCommand are lines for a shell, GIT_SSH is a program.
func (g Git) sshProgram() []string {
	if !g.Found() {
		return nil
	}
	if line := g.sshLine(); line != "" {
		return []string{g.lookPath("sh", "sh"), "-c", line + ` "$@"`, line}
	}
	if program := g.Getenv("GIT_SSH"); program != "" {
		return []string{g.lookPath(program, program)}
	}
	if ssh := g.lookPath("ssh", ""); ssh != "" {
		return []string{ssh}
	}
	return nil
}

func (g Git) sshLine() string {
	if line := g.Getenv("GIT_SSH_COMMAND"); line != "" {
		return line
	}
	return g.Config.Get("core.sshcommand")
}

// lookPath finds a program on the PATH of the environment; otherwise is the answer where it is not there.
func (g Git) lookPath(program, otherwise string) string {
	if filepath.Base(program) != program {
		return program
	}
	// Git for Windows has its shell and its ssh beside it.
	dirs := append(filepath.SplitList(g.Getenv("PATH")), filepath.Dir(g.path), filepath.Join(filepath.Dir(filepath.Dir(g.path)), "usr", "bin"))
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil && filepath.IsAbs(dir) {
			return path
		}
	}
	return otherwise
}

// sshOptions returns the options for a port and against prompts, in the words of this kind of ssh.
func (g Git) sshOptions(ctx context.Context, start []string, port int) ([]string, error) {
	options, flag := []string{}, "-p"
	switch g.sshVariant(ctx, start) {
	case "ssh":
		options = []string{"-o", "BatchMode=yes"}
	case "plink", "putty", "tortoiseplink":
		options, flag = []string{"-batch"}, "-P"
	default:
		flag = ""
	}
	if port == 0 {
		return options, nil
	}
	if flag == "" {
		return nil, fault.New(fault.Invalid, "ssh-command", "Git does not know how to tell the port %d to %q", port, start[len(start)-1]).
			Hint("set ssh.variant to ssh, if it takes the options of OpenSSH, or name the port in ssh's own configuration")
	}
	return append(options, flag, strconv.Itoa(port)), nil
}

// sshVariant returns which program it is, as git finds it out: by the setting, by the name, and by whether it knows -G.
func (g Git) sshVariant(ctx context.Context, start []string) string {
	for _, set := range []string{g.Getenv("GIT_SSH_VARIANT"), g.Config.Get("ssh.variant")} {
		if set != "" && set != "auto" {
			return set
		}
	}
	words := strings.Fields(start[len(start)-1])
	if len(start) == 1 { // a program, whose path may have blanks
		words = start
	}
	name := strings.ToLower(filepath.Base(strings.Trim(words[0], `"'`)))
	name = strings.TrimSuffix(name, ".exe")
	if slices.Contains([]string{"ssh", "plink", "putty", "tortoiseplink"}, name) {
		return name
	}
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	if g.command(ctx, slices.Concat(start, []string{"-G", "host"})).Run() == nil {
		return "ssh"
	}
	return "simple"
}
