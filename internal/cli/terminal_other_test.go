//go:build !linux

package cli_test

import (
	"fmt"
	"os"
)

// atTerminal is for scripts that ask for linux.
func atTerminal() {
	fmt.Fprintln(os.Stderr, "at-terminal: only on Linux")
	os.Exit(127)
}
