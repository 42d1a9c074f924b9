package cli

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gravitee-lab/gio/internal/workspace"
)

// starters are the files of a new release repository that are the same in all of them.
//
//go:embed init
var starters embed.FS

// newFiles returns the files to write into a directory, without release.json, and the names of those that exist there already.
func newFiles(dir string) (files []newFile, kept []string, err error) {
	for _, name := range []string{workspace.ManifestName, "gio.yaml", "Makefile", circleFolder + "/config.yml"} {
		_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
		if err == nil {
			kept = append(kept, name)
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
		if name == workspace.ManifestName {
			continue
		}
		content, err := starters.ReadFile("init/" + filepath.Base(name))
		if err != nil {
			return nil, nil, err
		}
		files = append(files, newFile{name, content})
	}
	return files, kept, nil
}

// writeNewFiles writes each file as a whole or not at all.
func writeNewFiles(dir string, files []newFile) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeInto(dir, files)
}
