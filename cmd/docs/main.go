// Command docs writes the man pages and shell completions of the packages: `go run ./cmd/docs DIR`.
package main

import (
	"fmt"
	"os"

	"github.com/gravitee-lab/gio/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs DIR")
		os.Exit(2)
	}
	if err := cli.WriteDocs(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}
