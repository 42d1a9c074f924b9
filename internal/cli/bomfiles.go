package cli

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// circleFolder is where CircleCI reads its configuration, and the release jobs read the files of -s bom.
const circleFolder = ".circleci"

// newFile is a file to write. Its name is relative to the checkout, with slashes.
type newFile struct {
	name    string
	content []byte
}

// writeBOM writes the files of -s bom into the checkout, and gives them to its owner: gio may be root in a container, but the job
// that reads them is not.
func (env *environment) writeBOM(ws workspace.Workspace, b report.BOM) error {
	dir := env.Dir
	if ws.Git {
		dir = ws.Checkout.Root
	}
	files, err := bomFiles(b, config.BuildURL(env.Getenv))
	if err != nil {
		return err
	}
	if err := writeInto(dir, files); err != nil {
		return fault.New(fault.Internal, "bom-files", "the bill of materials cannot be written").Because(err).
			Hint("%s must be writable for the user that gio runs as", filepath.Join(dir, circleFolder))
	}
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	fmt.Fprintf(env.Stderr, "written: %s\n", strings.Join(names, ", "))
	if config.BuildURL(env.Getenv) == "" {
		fmt.Fprintln(env.Stderr, "CIRCLE_BUILD_URL is not set: the message for Slack has no button")
	}
	return nil
}

func bomFiles(b report.BOM, job string) ([]newFile, error) {
	var plain, slack, beautified bytes.Buffer
	if err := errors.Join(report.BOMJSON(&plain, b), report.BOMSlack(&slack, b, job, ""), report.BOMSlack(&beautified, b, job, " ")); err != nil {
		return nil, err
	}
	return []newFile{
		{circleFolder + "/release.bom", plain.Bytes()},
		{circleFolder + "/release.bom.slack", slack.Bytes()},
		{circleFolder + "/release.bom.slack.beautified", beautified.Bytes()},
	}, nil
}

func writeInto(dir string, files []newFile) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // it is only read
	owner := ownerOf(root)
	if err := makeFolder(root, circleFolder, owner); err != nil {
		return err
	}
	return writeBeside(root, owner, files)
}

// writeBeside writes all files under temporary names and then renames each: nobody ever reads half a file, and no link leads out
// of the directory.
func writeBeside(root *os.Root, owner owner, files []newFile) error {
	suffix := "." + strings.ToLower(rand.Text())
	defer func() {
		for _, f := range files {
			_ = root.Remove(f.name + suffix) // those that were renamed do not exist any more
		}
	}()
	for _, f := range files {
		if err := writeNew(root, f.name+suffix, f.content, owner); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := root.Rename(f.name+suffix, f.name); err != nil {
			return err
		}
	}
	return nil
}

func makeFolder(root *os.Root, name string, owner owner) error {
	if _, err := root.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.Mkdir(name, 0o755); err != nil {
		return err
	}
	return owner.chown(root, name)
}

func writeNew(root *os.Root, name string, content []byte, owner owner) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		_ = f.Close() // the first error says it
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return owner.chown(root, name)
}
