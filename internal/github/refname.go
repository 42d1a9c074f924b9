package github

import (
	"path"
	"slices"
	"strings"
)

// refNames is the condition of a ruleset for the names of refs (docs.github.com/rest/repos/rules#create-a-repository-ruleset).
type refNames struct {
	Include []string `json:"include"`
	Exclude []string `json:"exclude"`
}

// match reports whether the condition holds for a tag, given by its full name: one of the included patterns matches, and none of
// the excluded.
func (n refNames) match(ref string) bool {
	matches := func(pattern string) bool { return pattern == "~ALL" || matchName(pattern, ref) }
	return slices.ContainsFunc(n.Include, matches) && !slices.ContainsFunc(n.Exclude, matches)
}

// matchName matches a name as GitHub does, by File.fnmatch of Ruby with FNM_PATHNAME: * and ? match no slash, and **/ any number
// of directories
// (docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/creating-rulesets-for-a-repository#using-fnmatch-syntax).
func matchName(pattern, name string) bool {
	return matchSegments(strings.Split(pattern, "/"), strings.Split(name, "/"))
}

func matchSegments(pattern, name []string) bool {
	if len(pattern) > 1 && pattern[0] == "**" {
		return matchSegments(pattern[1:], name) || len(name) > 0 && matchSegments(pattern, name[1:])
	}
	if len(pattern) == 0 || len(name) == 0 {
		return len(pattern) == len(name)
	}
	ok, err := path.Match(strings.ReplaceAll(pattern[0], "[!", "[^"), name[0])
	return err == nil && ok && matchSegments(pattern[1:], name[1:])
}
