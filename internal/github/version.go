package github

import (
	"context"
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/versionfile"
)

// VersionTag is the name of the tag of a version, plain, with a v before it, or as it is named where that is not ""; "" where
// there is none.
func (c *Client) VersionTag(ctx context.Context, repo, version, named string) (string, error) {
	names := []string{version, "v" + version}
	if named != "" && !slices.Contains(names, named) {
		names = append(names, named)
	}
	for _, name := range names {
		found, err := c.HasTag(ctx, repo, name)
		switch {
		case fault.Is(err, "github-empty"): // it has no commit either
			return "", nil
		case err != nil:
			return "", err
		case found:
			return name, nil
		}
	}
	return "", nil
}

// VersionOn is the version that a branch says it has, and the file that says it; both are "" where no file does. The
// faults are those of File, and version-file for one that cannot be read.
func (c *Client) VersionOn(ctx context.Context, repo, branch string) (file, version string, err error) {
	for _, file := range versionfile.Candidates() {
		data, err := c.File(ctx, repo, branch, file)
		if fault.Is(err, "no-file") {
			continue
		}
		if err != nil {
			return "", "", err
		}
		version, err := versionfile.Of(file, data)
		return file, version, err
	}
	return "", "", nil
}
