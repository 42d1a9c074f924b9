// Command gio releases products made of many Git repositories.
package main

import (
	"os"

	"github.com/gravitee-lab/gio/internal/cli"
)

func main() { os.Exit(cli.Main()) }
