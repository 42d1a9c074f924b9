package cli

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// webFlag adds --web to a command.
func webFlag(cmd *cobra.Command, on *bool, what string) {
	cmd.Flags().BoolVarP(on, "web", "w", false, "print the address of "+what+"; on a terminal open it")
}

// openPage prints an address and, for somebody at a terminal, opens it.
func (env *environment) openPage(ctx context.Context, page string) error {
	if _, err := fmt.Fprintln(env.Stdout, page); err != nil {
		return err
	}
	if !env.outTerminal || env.container || env.Getenv("CI") != "" || env.Getenv("CIRCLECI") != "" {
		return nil
	}
	words := env.browser(page)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env.Dir, env.Environ, env.Program.Stdin, env.Program.Stdout, env.Program.Stderr
	if err := cmd.Run(); err != nil {
		env.warn(fmt.Sprintf("%s does not open it: %v; BROWSER names another program", words[0], err))
	}
	return nil
}

// browser is the command that opens a page: the first of BROWSER, in which %s is the page, else the system's.
func (env *environment) browser(page string) []string {
	first, _, _ := strings.Cut(env.Getenv("BROWSER"), string(filepath.ListSeparator))
	if words := strings.Fields(first); len(words) > 0 {
		if !strings.Contains(first, "%s") {
			return append(words, page)
		}
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "%s", page)
		}
		return words
	}
	switch runtime.GOOS {
	case "darwin":
		return []string{"open", page}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", page}
	}
	return []string{"xdg-open", page}
}

// pageOf is the page on CircleCI that somebody wants to see: of the first component that has failed, else that waits, else that runs.
// Fault: NotFound "no-page".
func pageOf(s *run.State) (string, error) {
	for _, status := range []run.Status{run.HasFailed, run.IsUnknown, run.OnHold, run.Running} {
		for _, st := range s.With(status) {
			// A journal may hold anything.
			if page := cmp.Or(st.URL, st.Pipeline.URL); config.WebAddress(page) {
				return page, nil
			}
		}
	}
	return "", fault.New(fault.NotFound, "no-page", "nothing of %s has failed, waits or runs: there is no page to open", s.Header.Run())
}

// openRun opens the page of the selected run that somebody wants to see.
func (env *environment) openRun(ctx context.Context, w *runFlags) error {
	_, k, err := env.read(ctx, w)
	if err != nil {
		return err
	}
	page, err := pageOf(k.State)
	if err != nil {
		return err
	}
	return env.openPage(ctx, page)
}
