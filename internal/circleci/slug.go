package circleci

import (
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// NeedsDefinition reports whether a project can only be triggered with a pipeline definition: one of the GitHub App, whose slug
// is circleci/<organization's id>/<project's id> (contracts/circleci.md 1.3).
func NeedsDefinition(slug string) bool { return strings.HasPrefix(slug, "circleci/") }

// splitSlug checks a project slug: three parts, as in gh/org/repo. It returns those of the short form.
func splitSlug(slug string) ([]string, error) {
	parts := strings.Split(plan.ShortSlug(slug), "/")
	if len(parts) != 3 {
		return nil, fault.New(fault.Invalid, "circleci-slug", "%q is not a CircleCI project slug", slug).
			Hint("a slug has three parts: gh/org/repo, or circleci/<org id>/<project id> for a GitHub App project")
	}
	return parts, nil
}

// projectPath returns the path of a resource of a project.
func projectPath(slug string, more ...string) (string, error) {
	parts, err := splitSlug(slug)
	if err != nil {
		return "", err
	}
	return escape(append(append([]string{"project"}, parts...), more...)...)
}
