package github

import (
	"context"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/versionfile"
)

// VersionTag is the name of the tag of a version, with or without a v before it; "" where there is none.
func (c *Client) VersionTag(ctx context.Context, repo, version string) (string, error) {
	for _, name := range []string{version, "v" + version} {
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
