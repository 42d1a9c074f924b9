package cli

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// canAsk reports whether there is somebody to ask: never in CI and in the container form, whatever the streams are.
func (env *environment) canAsk() bool {
	return !env.container && isTerminal(env.Stdin) && env.errTerminal && env.Getenv("CI") == "" && env.Getenv("CIRCLECI") == ""
}

// confirm asks a yes-or-no question. Anything but a yes, Ctrl-C too, is a no: its fault (kind Cancelled) says what did not happen.
func (env *environment) confirm(question, otherwise string) error {
	env.talk.mute(false) // a question is no news
	defer env.talk.mute(env.quiet)
	fmt.Fprintf(env.Stderr, "%s [y/N] ", question)
	answer, interrupted := make(chan string, 1), make(chan struct{}, 1)
	defer env.signals.handleWith(func(os.Signal) {
		select {
		case interrupted <- struct{}{}:
		default: // once is enough
		}
	})()
	go func() {
		line, _ := bufio.NewReader(env.Stdin).ReadString('\n') // no line is a no
		answer <- line
	}()
	select {
	case <-interrupted:
		fmt.Fprintln(env.Stderr)
	case line := <-answer:
		if slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line))) {
			return nil
		}
	}
	return fault.New(fault.Cancelled, "cancelled", "cancelled: %s", otherwise).Hint("--yes answers yes")
}

// consent asks where there is somebody to ask; elsewhere only --yes will do (else kind Cancelled).
func (env *environment) consent(question string, yes bool) error {
	switch {
	case yes:
		return nil
	case !env.canAsk():
		return fault.New(fault.Cancelled, "not-asked", "nothing was written: there is nobody to ask").
			Hint("--yes commits and pushes this edit, which nobody has seen yet; a release follows what release.json says, and needs none")
	}
	return env.confirm(question, "nothing was written")
}
