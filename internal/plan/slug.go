package plan

import (
	"regexp"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// ShortSlug returns a project's slug as CircleCI's answers write it: gh/org/repo for github/org/repo, bb for bitbucket. To start
// a pipeline of a definition CircleCI knows only that form (contracts/circleci.md 1.4, 5).
func ShortSlug(slug string) string {
	provider, rest, _ := strings.Cut(slug, "/")
	switch provider {
	case "github":
		return "gh/" + rest
	case "bitbucket":
		return "bb/" + rest
	}
	return slug
}

var slug = regexp.MustCompile(`^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`)

// project returns the CircleCI project of a component: gio.yaml's in its short form, so that two ways to write one project name
// one, else that of its repository.
func (o Options) project(component, repository string) (string, error) {
	set := o.Overrides[component].Project
	if set == "" {
		return "gh/" + repository, nil
	}
	if !slug.MatchString(set) {
		return "", fault.New(fault.Invalid, "invalid-repository", "gio.yaml: project %q of %s is not a CircleCI project slug", set, component).
			Hint("write it as gh/org/name or circleci/organization-id/project-id")
	}
	return ShortSlug(set), nil
}
