package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/gravitee-lab/gio/internal/fault"
)

// printError tells what went wrong, what to do next and, as the last line, the exit code: make and CI
// logs hide it otherwise.
func printError(w io.Writer, err error) {
	if err == nil {
		return
	}
	fmt.Fprintf(w, "gio: %s\n", err)
	for _, hint := range hints(err) {
		fmt.Fprintf(w, "  -> %s\n", hint)
	}
	kind := fault.KindOf(err)
	fmt.Fprintf(w, "exit %d: %s\n", int(kind), kind)
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
