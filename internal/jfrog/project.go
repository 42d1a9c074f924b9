package jfrog

import (
	"cmp"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// The repositories in which JFrog keeps bundles and build info hold no files here. A project K has K-release-bundles-v2 and
// K-build-info; the default one has release-bundles-v2 and artifactory-build-info.
const (
	bundlesKey       = "release-bundles-v2"
	buildsKey        = "build-info"
	defaultBuildsKey = "artifactory-" + buildsKey
	defaultKey       = "default" // what jf calls the project where none is named
)

// project finds out which one a request means: the one that it names by its key, or by its repository for bundles or build info (both
// "" for none); else the token's; else the server's default. Whether there is one of that name, and the token is for it, the ledger
// says. Faults: other-key, no-default-project, invalid-repository-key.
func (a API) project(c ledger.Caller, key, repository string) (string, error) {
	byDefault := cmp.Or(a.DefaultProject, c.Token.Project)
	if key == defaultKey {
		key = byDefault
	}
	named, err := projectOf(repository, byDefault)
	if err != nil {
		return "", err
	}
	if key != "" && named != "" && key != named {
		return "", fault.New(fault.Invalid, "other-key", "the repository %.120s does not belong to the project %.120s", repository, key).
			Hint("name one of the two")
	}
	if project := cmp.Or(key, named, c.Token.Project, a.DefaultProject); project != "" {
		return project, nil
	}
	return "", fault.New(fault.Invalid, "no-default-project", "the request names no project").
		Hint("name one, use a token of one, or set default_project in the settings of the server")
}

// projectOf is the project that has a repository for bundles or build info; "" for no repository.
func projectOf(repository, byDefault string) (string, error) {
	switch repository {
	case "":
		return "", nil
	case bundlesKey, defaultBuildsKey:
		return byDefault, nil
	}
	for _, key := range []string{bundlesKey, buildsKey} {
		if project, is := strings.CutSuffix(repository, "-"+key); is && project != "" {
			return project, nil
		}
	}
	return "", fault.New(fault.Invalid, "invalid-repository-key", "%.120q is no repository of bundles or of build info", repository).
		Hint("those of the project K are K-%s and K-%s", bundlesKey, buildsKey)
}

// bundlesOf is the key of a project's repository for bundles.
func (a API) bundlesOf(project string) string {
	if project == a.DefaultProject {
		return bundlesKey
	}
	return project + "-" + bundlesKey
}

// buildsOf is the key of a project's repository for build info.
func (a API) buildsOf(project string) string {
	if project == a.DefaultProject {
		return defaultBuildsKey
	}
	return project + "-" + buildsKey
}
