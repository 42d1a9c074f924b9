package sim

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Protection is classic protection of a branch, which only an administrator may read.
type Protection struct {
	Review     bool     `yaml:"review"`     // changes come by pull request
	Signatures bool     `yaml:"signatures"` // commits are signed
	Statuses   []string `yaml:"statuses"`   // contexts that must have succeeded
	Restricted bool     `yaml:"restricted"` // only pushers may push
	Pushers    []string `yaml:"pushers"`    // logins
	Creations  bool     `yaml:"creations"`  // restricted: only pushers may make a branch that its pattern matches
	Admins     bool     `yaml:"admins"`     // it binds administrators, too
}

// Ruleset is a list of rules for the refs whose names match.
type Ruleset struct {
	Name         string   `yaml:"name"`         // default: the type of its first rule
	Target       string   `yaml:"target"`       // branch, the default, tag, or push: then it binds every push
	Enforcement  string   `yaml:"enforcement"`  // active, the default, evaluate or disabled
	Organization bool     `yaml:"organization"` // it is the organization's, not the repository's
	Include      []string `yaml:"include"`      // refs/tags/*, or ~ALL, the default, or ~DEFAULT_BRANCH
	Exclude      []string `yaml:"exclude"`
	Bypass       string   `yaml:"bypass"` // what the token's user may: always, exempt, pull_requests_only or never, the default
	Rules        []Rule   `yaml:"rules"`
}

// Rule is one rule of a ruleset. Which keys it has depends on its type.
type Rule struct {
	Type         string   `yaml:"type"`          // GitHub's name: pull_request, required_signatures, creation, commit_message_pattern, ...
	Bypass       string   `yaml:"bypass"`        // as a ruleset's, of a rule outside of one
	Statuses     []string `yaml:"statuses"`      // contexts, of required_status_checks
	NotOnCreate  bool     `yaml:"not_on_create"` // required_status_checks and workflows do not bind a ref that is made
	Operator     string   `yaml:"operator"`      // starts_with, ends_with, contains or regex, of every ..._pattern
	Pattern      string   `yaml:"pattern"`
	Negate       bool     `yaml:"negate"`       // what matches the pattern is refused
	Environments []string `yaml:"environments"` // of required_deployments
	Paths        []string `yaml:"paths"`        // of file_path_restriction
	Extensions   []string `yaml:"extensions"`   // of file_extension_restriction
	Max          int      `yaml:"max"`          // characters of max_file_path_length, megabytes of max_file_size
}

// alone returns the ruleset that a rule outside of one stands for.
func (r Rule) alone(include string) Ruleset {
	bypass := r.Bypass
	r.Bypass = ""
	return Ruleset{Include: []string{include}, Bypass: bypass, Rules: []Rule{r}}.complete()
}

// complete fills in the defaults.
func (s Ruleset) complete() Ruleset {
	s.Name, s.Target = cmp.Or(s.Name, s.Rules[0].Type), cmp.Or(s.Target, "branch")
	s.Enforcement, s.Bypass = cmp.Or(s.Enforcement, "active"), cmp.Or(s.Bypass, "never")
	s.Include = orDefault(s.Include, []string{everyRef})
	s.Exclude = orDefault(s.Exclude, []string{})
	return s
}

const (
	everyRef      = "~ALL"
	defaultBranch = "~DEFAULT_BRANCH"
)

// binds reports whether the ruleset is active for a ref, given by its full name.
func (s Ruleset) binds(ref, defaultRef string) bool {
	matches := func(pattern string) bool {
		return pattern == everyRef || pattern == defaultBranch && ref == defaultRef || matchRef(strings.Split(pattern, "/"), strings.Split(ref, "/"))
	}
	return s.Enforcement == "active" && slices.ContainsFunc(s.Include, matches) && !slices.ContainsFunc(s.Exclude, matches)
}

// matchRef matches the segments of a name as File.fnmatch with FNM_PATHNAME does: ** before a slash is any number of segments.
func matchRef(pattern, name []string) bool {
	if len(pattern) > 1 && pattern[0] == "**" {
		return matchRef(pattern[1:], name) || len(name) > 0 && matchRef(pattern, name[1:])
	}
	if len(pattern) == 0 || len(name) == 0 {
		return len(pattern) == len(name)
	}
	ok, err := path.Match(strings.ReplaceAll(pattern[0], "[!", "[^"), name[0])
	return err == nil && ok && matchRef(pattern[1:], name[1:])
}

var (
	bypasses  = []string{"", "always", "exempt", "pull_requests_only", "never"}
	operators = []string{"starts_with", "ends_with", "contains", "regex"}
)

func (s Ruleset) validate() error {
	var c complaints
	c.refuse(len(s.Rules) == 0, "it needs rules")
	c.refuse(!slices.Contains([]string{"", "branch", "tag", "push"}, s.Target), "unknown target %q", s.Target)
	c.refuse(!slices.Contains([]string{"", "active", "evaluate", "disabled"}, s.Enforcement), "unknown enforcement %q", s.Enforcement)
	c.refuse(!slices.Contains(bypasses, s.Bypass), "unknown bypass %q", s.Bypass)
	c.add(within("rules", validateRules(s.Rules)))
	for i, r := range s.Rules {
		c.refuse(r.Bypass != "", "rules[%d]: the bypass belongs to the ruleset", i)
	}
	return c.join()
}

func validateRules(rules []Rule) error {
	var c complaints
	for i, r := range rules {
		c.add(within(fmt.Sprintf("[%d]", i), r.validate()))
	}
	return c.join()
}

func (r Rule) validate() error {
	var c complaints
	c.refuse(r.Type == "", "it needs a type")
	c.refuse(!slices.Contains(bypasses, r.Bypass), "unknown bypass %q", r.Bypass)
	only := func(set bool, key string, types ...string) {
		c.refuse(set && !slices.Contains(types, r.Type), "%s needs the type %s", key, strings.Join(types, " or "))
	}
	only(len(r.Statuses) > 0, "statuses", "required_status_checks")
	only(r.NotOnCreate, "not_on_create", "required_status_checks", "workflows")
	only(len(r.Environments) > 0, "environments", "required_deployments")
	only(len(r.Paths) > 0, "paths", "file_path_restriction")
	only(len(r.Extensions) > 0, "extensions", "file_extension_restriction")
	only(r.Max != 0, "max", "max_file_path_length", "max_file_size")
	if strings.HasSuffix(r.Type, "_pattern") {
		c.refuse(r.Pattern == "" || !slices.Contains(operators, r.Operator), "it needs a pattern, and an operator of %s", strings.Join(operators, ", "))
	} else {
		c.refuse(r.Pattern != "" || r.Operator != "" || r.Negate, "a pattern belongs to a type ..._pattern")
	}
	return c.join()
}

// parameters returns a rule's parameters as GitHub words them (docs.github.com/rest/repos/rules), nil when it has none.
func (r Rule) parameters() map[string]any {
	switch r.Type {
	case "required_status_checks":
		checks := []map[string]string{}
		for _, context := range r.Statuses {
			checks = append(checks, map[string]string{"context": context})
		}
		return map[string]any{"required_status_checks": checks, "strict_required_status_checks_policy": false, "do_not_enforce_on_create": r.NotOnCreate}
	case "pull_request":
		return map[string]any{"required_approving_review_count": 1, "dismiss_stale_reviews_on_push": false}
	case "workflows":
		file := map[string]any{"path": ".github/workflows/check.yml", "ref": "refs/heads/main", "repository_id": 1}
		return map[string]any{"workflows": []any{file}, "do_not_enforce_on_create": r.NotOnCreate}
	case "required_deployments":
		return map[string]any{"required_deployment_environments": orDefault(r.Environments, []string{})}
	case "code_scanning":
		tool := map[string]string{"tool": "CodeQL", "alerts_threshold": "errors", "security_alerts_threshold": "high_or_higher"}
		return map[string]any{"code_scanning_tools": []any{tool}}
	case "file_path_restriction":
		return map[string]any{"restricted_file_paths": orDefault(r.Paths, []string{})}
	case "file_extension_restriction":
		return map[string]any{"restricted_file_extensions": orDefault(r.Extensions, []string{})}
	case "max_file_path_length", "max_file_size":
		return map[string]any{r.Type: r.Max}
	}
	if strings.HasSuffix(r.Type, "_pattern") {
		return map[string]any{"name": "", "operator": r.Operator, "pattern": r.Pattern, "negate": r.Negate}
	}
	return nil
}
