package cli

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// packagedName is the program's name in packages: GLib, too, ships a gio.
const packagedName = "gravitee-gio"

// WriteDocs writes the documents of packages into dir: the man pages of every command (man1) and help
// topic (man7), compressed, and completions for both of the program's names. The same command tree
// gives the same files: they contain no version and no date.
func WriteDocs(dir string) error {
	for _, write := range []func() error{
		func() error { return writeManual(filepath.Join(dir, "man"), newRootCommand(&environment{})) },
		func() error { return writeCompletions(filepath.Join(dir, "completions"), "gio") },
		func() error { return writeCompletions(filepath.Join(dir, "completions"), packagedName) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// writeManual writes the pages of a command and of all its subcommands.
func writeManual(dir string, cmd *cobra.Command) error {
	if cmd.Hidden {
		return nil
	}
	page, section := manualName(cmd), manualSection(cmd)
	var text bytes.Buffer
	writePage(&text, cmd)
	if err := writeFile(filepath.Join(dir, "man"+section, page+"."+section+".gz"), compressed(text.Bytes())); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if err := writeManual(dir, sub); err != nil {
			return err
		}
	}
	return nil
}

// compressed compresses a page as Linux packages do, without a time stamp.
func compressed(page []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(page) // cannot fail: it writes into memory
	_ = w.Close()
	return b.Bytes()
}

// writeCompletions writes one file for each shell, under the name that the shell expects.
func writeCompletions(dir, name string) error {
	root := newRootCommand(&environment{})
	root.Use = name // the scripts complete the command of this name
	for file, generate := range map[string]func(*bytes.Buffer) error{
		"bash/" + name:                func(b *bytes.Buffer) error { return bashCompletion(b, root, name, true) },
		"zsh/_" + name:                func(b *bytes.Buffer) error { return root.GenZshCompletion(b) },
		"fish/" + name + ".fish":      func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) },
		"powershell/" + name + ".ps1": func(b *bytes.Buffer) error { return root.GenPowerShellCompletionWithDesc(b) },
	} {
		var script bytes.Buffer
		if err := generate(&script); err != nil {
			return err
		}
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(file)), script.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o644)
}
