package github

import (
	"context"
	"slices"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/versionfile"
)

// VersionTag returns the name of a version's tag: the plain version, the version with a v before it, or named where that is
// not ""; "" where there is no such tag.
func (c *Client) VersionTag(ctx context.Context, repo, version, named string) (string, error) {
	names := []string{version, "v" + version}
	if named != "" && !slices.Contains(names, named) {
		names = append(names, named)
	}
	for _, name := range names {
		found, err := c.HasTag(ctx, repo, name)
		switch {
		case fault.Is(err, "github-empty"): // without a commit there is no tag
			return "", nil
		case err != nil:
			return "", err
		case found:
			return name, nil
		}
	}
	return "", nil
}

// VersionOn returns the version of a branch, and the file that states it; both are "" where no file does. The faults are
// those of File, and "version-file" for a file that cannot be read.
func (c *Client) VersionOn(ctx context.Context, repo, branch string) (file, version string, err error) {
	file, data, err := c.VersionFile(ctx, repo, branch)
	if err != nil || file == "" {
		return "", "", err
	}
	version, err = versionfile.Of(file, data)
	return file, version, err
}

// VersionFile reads the file of a branch that may state its version; "" where there is none. The faults are those of File.
func (c *Client) VersionFile(ctx context.Context, repo, branch string) (file string, data []byte, err error) {
	for _, file := range versionfile.Candidates() {
		data, err := c.File(ctx, repo, branch, file)
		if !fault.Is(err, "no-file") {
			return file, data, err
		}
	}
	return "", nil, nil
}
