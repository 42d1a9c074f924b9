package cli

import (
	"errors"
	"fmt"

	"github.com/gravitee-lab/gio/internal/fault"
)

// printError tells what went wrong, what to do next and, as the last line, the exit code: make and CI
// logs hide it otherwise. What a command has to say at its end comes before that line.
func (env *environment) printError(err error) {
	if err != nil {
		fmt.Fprintf(env.Stderr, "gio: %s\n", err)
		for _, hint := range hints(err) {
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

// hints are those of the outermost fault, and of its causes, that have any.
func hints(err error) []string {
	var all []string
	for {
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok {
			return all
		}
		all = append(all, f.Hints...)
		err = f.Cause
	}
}
