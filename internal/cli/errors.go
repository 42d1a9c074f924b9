package cli

import (
	"fmt"

	"github.com/gravitee-lab/gio/internal/fault"
)

// printError prints what went wrong, what to do next and, as the last line, the exit code, which make and
// CI logs hide otherwise. The closing line of a command comes before that.
func (env *environment) printError(err error) {
	if err != nil {
		env.talk.mute(false)
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "gio: %s\n", err)
		for _, hint := range fault.HintLines(err) {
			fmt.Fprintf(env.Stderr, "  -> %s\n", hint)
		}
	}
	if env.closing != "" {
		fmt.Fprintln(env.Stderr, env.closing)
	}
	if kind := fault.KindOf(err); err != nil {
		fmt.Fprintf(env.Stderr, "exit %d: %s\n", int(kind), kind)
	}
}
