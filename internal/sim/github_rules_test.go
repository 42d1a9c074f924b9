package sim_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// everyRule has a rule of each type that GitHub documents (docs.github.com/rest/repos/rules), but of tags.
func everyRule() []sim.Rule {
	rules := []sim.Rule{
		{Type: "required_status_checks", Statuses: []string{"ci/build"}, NotOnCreate: true},
		{Type: "required_deployments", Environments: []string{"staging"}},
		{Type: "workflows"},
		{Type: "commit_message_pattern", Operator: "regex", Pattern: `^ACME-\d+ `},
		{Type: "commit_author_email_pattern", Operator: "ends_with", Pattern: "@example.org"},
		{Type: "committer_email_pattern", Operator: "contains", Pattern: "@example."},
		{Type: "branch_name_pattern", Operator: "starts_with", Pattern: "wip/", Negate: true},
	}
	plain := []string{
		"creation", "update", "deletion", "non_fast_forward", "required_linear_history", "required_signatures", "merge_queue", "code_scanning",
		"code_quality", "copilot_code_review",
	}
	for _, kind := range plain {
		rules = append(rules, sim.Rule{Type: kind})
	}
	return rules
}

// rulesetsOf has a ruleset for each target, and two that do not bind.
func rulesetsOf() []sim.Ruleset {
	return []sim.Ruleset{
		{Name: "release branches", Include: []string{"refs/heads/*.x", "~DEFAULT_BRANCH"}, Exclude: []string{"refs/heads/0.*"}, Rules: everyRule()},
		{Name: "tags of releases", Target: "tag", Organization: true, Rules: []sim.Rule{
			{Type: "creation"}, {Type: "tag_name_pattern", Operator: "regex", Pattern: `^v?\d+\.\d+\.\d+$`},
		}},
		{Name: "no binaries", Target: "push", Bypass: "exempt", Rules: []sim.Rule{
			{Type: "file_path_restriction", Paths: []string{"secrets/**/*"}},
			{Type: "file_extension_restriction", Extensions: []string{".exe"}},
			{Type: "max_file_path_length", Max: 256},
			{Type: "max_file_size", Max: 100},
		}},
		{Name: "on trial", Enforcement: "evaluate", Rules: []sim.Rule{{Type: "creation"}}},
		{Name: "off", Enforcement: "disabled", Rules: []sim.Rule{{Type: "deletion"}}},
	}
}

// What the simulator says about rules has GitHub's form, for every kind of rule.
func TestRulesAreGitHubs(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{
		"acme/alpha": {Admin: true, Rulesets: rulesetsOf(), TagProtection: []string{"v1.*"}},
		"acme/old":   {DefaultBranch: "main", Branches: map[string]sim.Branch{"main": {}, "master": {RenamedTo: "trunk"}}},
		"me/fork":    {ForkOf: "acme/alpha"},
	}}}
	bubble(t, scenario, func(t tester) {
		for path, want := range map[string]struct {
			status  int
			fixture string
		}{
			"/repos/acme/alpha/rules/branches/1.4.x": {200, "rules_all"},
			"/repos/acme/alpha/rulesets":             {200, "rulesets"},
			"/repos/acme/alpha/rulesets/1":           {200, "ruleset_tag"},
			"/repos/acme/alpha/rulesets/2":           {200, "ruleset_tag"},
			"/repos/acme/alpha/rulesets/3":           {200, "ruleset_push"},
			"/repos/acme/alpha/rulesets/9":           {404, "error_404"},
			"/repos/acme/alpha/tags/protection":      {200, "tag_protection"},
			"/repos/acme/old/tags/protection":        {404, "error_404"},
			"/repos/acme/old/branches/master":        {301, "branch_301"},
			"/repos/me/fork":                         {200, "repository_fork"},
		} {
			text := t.see(path, want.status)
			if path == "/repos/acme/alpha/rulesets/1" { // its rules are those of the first
				text = text[:strings.Index(text, `,"rules":`)] + "}"
			}
			t.within(path, text, want.fixture)
		}
	})
}

// types returns the types of rules in a list, in order.
func (t tester) types(path string) []string {
	t.Helper()
	var list []struct{ Type string }
	t.parse(t.see(path, 200), &list)
	var all []string
	for _, r := range list {
		all = append(all, r.Type)
	}
	return all
}

// A ruleset binds the names that its conditions match, as fnmatch with FNM_PATHNAME matches, and only while it is active.
func TestWhatARulesetBinds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set  sim.Ruleset
		bind map[string]bool
	}{
		"all":        {sim.Ruleset{}, map[string]bool{"main": true, "a/b/c": true}},
		"default":    {sim.Ruleset{Include: []string{"~DEFAULT_BRANCH"}}, map[string]bool{"main": true, "1.4.x": false}},
		"a star":     {sim.Ruleset{Include: []string{"refs/heads/qa/*"}}, map[string]bool{"qa/a": true, "qa/a/b": false, "qa": false}},
		"two stars":  {sim.Ruleset{Include: []string{"refs/heads/qa/**/*"}}, map[string]bool{"qa/a": true, "qa/a/b/c": true, "qb/a": false}},
		"stars last": {sim.Ruleset{Include: []string{"refs/heads/**"}}, map[string]bool{"a": true, "a/b": false}},
		"a class":    {sim.Ruleset{Include: []string{"refs/heads/[!0-2].[0-9].?"}}, map[string]bool{"3.9.x": true, "1.9.x": false, "3.10.x": false}},
		"excluded":   {sim.Ruleset{Exclude: []string{"refs/heads/*.x"}}, map[string]bool{"main": true, "3.9.x": false}},
		"nothing":    {sim.Ruleset{Include: []string{}}, map[string]bool{"main": false}},
		"of tags":    {sim.Ruleset{Target: "tag"}, map[string]bool{"main": false}},
		"on trial":   {sim.Ruleset{Enforcement: "evaluate"}, map[string]bool{"main": false}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			test.set.Rules = []sim.Rule{{Type: "creation"}}
			scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": {Rulesets: []sim.Ruleset{test.set}}}}}
			bubble(t, scenario, func(t tester) {
				for branch, want := range test.bind {
					got := t.types("/repos/acme/alpha/rules/branches/" + strings.ReplaceAll(branch, "/", "%2F"))
					t.equal(branch, len(got) == 1, want)
				}
			})
		})
	}
}

// The list of rulesets can be filtered, has pages, and says less than a ruleset does.
func TestListOfRulesets(t *testing.T) {
	t.Parallel()
	repositories := map[string]sim.Repository{"acme/alpha": {Rulesets: rulesetsOf(), Rules: []sim.Rule{{Type: "creation", Bypass: "always"}}}}
	bubble(t, sim.Scenario{GitHub: &sim.GitHub{Repositories: repositories}}, func(t tester) {
		names := func(query string) []string {
			var list []map[string]any
			t.parse(t.see("/repos/acme/alpha/rulesets"+query, 200), &list)
			var all []string
			for _, set := range list {
				all = append(all, set["name"].(string))
				if got := slices.Sorted(maps.Keys(set)); slices.Contains(got, "rules") || slices.Contains(got, "conditions") || slices.Contains(got, "current_user_can_bypass") {
					t.Errorf("a list says %q of a ruleset", got)
				}
			}
			return all
		}
		t.equal("all", names(""), []string{"creation", "release branches", "tags of releases", "no binaries", "on trial", "off"})
		t.equal("targets", names("?targets=tag,push"), []string{"tags of releases", "no binaries"})
		t.equal("without parents", names("?targets=tag&includes_parents=false"), []string(nil))
		t.equal("second page", names("?per_page=4&page=2"), []string{"on trial", "off"})
		for id, want := range map[string]string{"1": "always", "2": "never", "4": "exempt"} {
			var set struct {
				Bypass string `json:"current_user_can_bypass"`
			}
			t.parse(t.see("/repos/acme/alpha/rulesets/"+id, 200), &set)
			t.equal(id, set.Bypass, want)
		}
		var few []string
		for _, path := range []string{"?per_page=5", "?per_page=5&page=4"} {
			few = append(few, t.types("/repos/acme/alpha/rules/branches/1.4.x"+path)...)
		}
		t.equal("rules by pages", len(few), 5+len(everyRule())+1-15)
	})
}

// Only an administrator reads the protection of tags, where there is such a thing.
func TestTagProtection(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{
		"acme/kept": {Admin: true, TagProtection: []string{}}, "acme/gone": {Admin: true}, "acme/hidden": {TagProtection: []string{"v*"}},
	}}}
	bubble(t, scenario, func(t tester) {
		t.equal("none", t.see("/repos/acme/kept/tags/protection", 200), "[]")
		t.see("/repos/acme/gone/tags/protection", 404)
		t.see("/repos/acme/hidden/tags/protection", 404)
	})
}

// A renamed branch is found by its old name at one endpoint, keeps its commits, rules and protection, and stays the default.
func TestRenamedBranch(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": {
		DefaultBranch: "master", Admin: true, Branches: map[string]sim.Branch{"master": {
			Version: "1.5.0-SNAPSHOT", RenamedTo: "main", RenamedAfter: time.Minute, Rules: []sim.Rule{{Type: "creation"}}, Protection: &sim.Protection{Review: true},
		}},
	}}}}
	bubble(t, scenario, func(t tester) {
		at := "/repos/acme/alpha"
		type branch struct {
			Name   string
			Commit struct{ SHA string }
		}
		var before, after branch
		t.parse(t.see(at+"/branches/master", 200), &before)
		t.see(at+"/branches/main", 404)
		time.Sleep(time.Minute)
		answer, _ := t.hub("x", "GET", at+"/branches/master", "")
		t.equal("status", answer.StatusCode, 301)
		_, path, _ := strings.Cut(answer.Header.Get("Location"), "/api/v3")
		t.parse(t.see(path, 200), &after)
		t.equal("the new one", []string{after.Name, after.Commit.SHA}, []string{"main", before.Commit.SHA})
		t.equal("rules", t.types(at+"/rules/branches/main"), []string{"creation"})
		t.equal("no rules", t.types(at+"/rules/branches/master"), []string(nil))
		t.see(at+"/branches/main/protection", 200)
		for _, gone := range []string{"/branches/master/protection", "/git/ref/heads/master", "/contents/pom.xml?ref=master"} {
			t.see(at+gone, 404)
		}
		if !strings.Contains(t.see(at, 200), `"default_branch":"main"`) {
			t.Error("the default branch has changed")
		}
	})
}

// A fork says what it was forked from, and where that comes from.
func TestFork(t *testing.T) {
	t.Parallel()
	scenario := sim.Scenario{GitHub: &sim.GitHub{Repositories: map[string]sim.Repository{
		"acme/alpha": {}, "you/alpha": {ForkOf: "acme/alpha"}, "me/alpha": {ForkOf: "you/alpha"},
	}}}
	bubble(t, scenario, func(t tester) {
		type named struct {
			FullName string `json:"full_name"`
		}
		for name, want := range map[string][]string{"acme/alpha": nil, "you/alpha": {"acme/alpha", "acme/alpha"}, "me/alpha": {"you/alpha", "acme/alpha"}} {
			var r struct {
				Fork           bool
				Parent, Source *named
			}
			t.parse(t.see("/repos/"+name, 200), &r)
			t.equal("fork", r.Fork, want != nil)
			if want != nil {
				t.equal(name, []string{r.Parent.FullName, r.Source.FullName}, want)
			}
		}
	})
}

func TestScenariosOfRules(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"rules: [{type: update, statuses: [x]}]":            "rules: [0]: statuses needs the type required_status_checks",
		"rules: [{type: creation, not_on_create: true}]":    "rules: [0]: not_on_create needs the type required_status_checks or workflows",
		"rules: [{type: tag_name_pattern, pattern: x}]":     "rules: [0]: it needs a pattern, and an operator of starts_with, ends_with, contains, regex",
		"rules: [{type: update, negate: true}]":             "rules: [0]: a pattern belongs to a type ..._pattern",
		"rulesets: [{}]":                                    "rulesets[0]: it needs rules",
		"rulesets: [{target: tags, rules: [{type: x}]}]":    `rulesets[0]: unknown target "tags"`,
		"rulesets: [{enforcement: on, rules: [{type: x}]}]": `rulesets[0]: unknown enforcement "on"`,
		"rulesets: [{bypass: maybe, rules: [{type: x}]}]":   `rulesets[0]: unknown bypass "maybe"`,
		"rulesets: [{rules: [{type: x, bypass: always}]}]":  "rulesets[0]: rules[0]: the bypass belongs to the ruleset",
		"fork_of: a/c":                          "fork_of names no other repository that is listed",
		"fork_of: a/b":                          "fork_of names no other repository that is listed",
		"branches: {m: {renamed_to: n}, n: {}}": "branches.m: renamed_to names a branch that exists",
		"branches: {m: {renamed_after: 1m}}":    "branches.m: renamed_after belongs to renamed_to",
		"rulesets: [{rules: [{type: max_file_size, paths: [\"x\"]}]}]": "rulesets[0]: rules: [0]: paths needs the type file_path_restriction",
	} {
		_, err := sim.Load("s", []byte("github: {repositories: {a/b: {"+text+"}}}"))
		if err == nil || !strings.Contains(err.Error(), "repositories.a/b: "+want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
