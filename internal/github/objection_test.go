package github_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/github"
)

// pushes are the four kinds of refs that a release writes.
var pushes = map[string]github.Push{
	"old branch": {Target: github.Target{Name: "main", Exists: true}, Subjects: []string{"Prepare Release", "prepare next minor version"}, Author: "bot@example.org", Committer: "ci@example.org"},
	"new branch": {Target: github.Target{Name: "3.10.x"}, Subjects: []string{"Prepare Release", "prepare next patch version"}, Author: "bot@example.org", Committer: "ci@example.org"},
	"start tag":  {Target: github.Target{Name: "3.10.0_START", Tag: true}, Author: "bot@example.org", Committer: "ci@example.org"},
	"tag":        {Target: github.Target{Name: "3.10.0", Tag: true}, Subjects: []string{"Prepare Release"}, Author: "bot@example.org", Committer: "ci@example.org"},
}

// What each kind of rule means for each kind of ref: "-" nothing, "!" refused, "?" perhaps refused.
func TestAgainst(t *testing.T) {
	t.Parallel()
	pattern := func(kind, operator, p string) github.Rule {
		return github.Rule{Type: kind, Parameters: github.Parameters{Operator: operator, Pattern: p}}
	}
	statuses := github.Parameters{Checks: []github.Check{{"build"}, {"lint"}}}
	lenient := statuses
	lenient.NotOnCreate = true
	// old branch, new branch, start tag, tag
	tests := []struct {
		rule github.Rule
		want string
		says string // of the first objection
	}{
		{github.Rule{Type: "creation"}, "-!!!", "only some may make it"},
		{github.Rule{Type: "creation", Like: "3.9.x"}, "-???", "only some may make it"},
		{github.Rule{Type: "update"}, "!---", "only some may push to it"},
		{github.Rule{Type: "deletion"}, "----", ""},
		{github.Rule{Type: "non_fast_forward"}, "----", ""},
		{github.Rule{Type: "required_linear_history"}, "----", ""},
		{github.Rule{Type: "copilot_code_review"}, "----", ""},
		{github.Rule{Type: "pull_request"}, "!---", "changes come by pull request"},
		{github.Rule{Type: "merge_queue"}, "!???", "changes come by merge queue"},
		{github.Rule{Type: "required_signatures"}, "!!-!", "commits must be signed, and gio signs none"},
		{github.Rule{Type: "required_status_checks"}, "----", ""},
		{github.Rule{Type: "required_status_checks", Parameters: statuses}, "!!?!", "commits must have the status build, lint"},
		{github.Rule{Type: "required_status_checks", Parameters: lenient}, "!---", "commits must have the status build, lint"},
		{github.Rule{Type: "required_deployments"}, "----", ""},
		{github.Rule{Type: "required_deployments", Parameters: github.Parameters{Environments: []string{"staging"}}}, "!???", "commits must have been deployed to staging"},
		{github.Rule{Type: "workflows"}, "!!!!", "workflows must have passed"},
		{github.Rule{Type: "workflows", Parameters: github.Parameters{NotOnCreate: true}}, "!---", "workflows must have passed"},
		{github.Rule{Type: "code_scanning"}, "!???", "commits must have results of code scanning"},
		{github.Rule{Type: "code_quality"}, "??-?", "commits must have results of code quality"},
		{pattern("commit_message_pattern", "starts_with", "Prepare"), "!!--", `the message "prepare next minor version" must begin with "Prepare"`},
		{pattern("commit_message_pattern", "regex", "^ACME-"), "!!-!", `the message "Prepare Release" must match "^ACME-"`},
		{pattern("commit_message_pattern", "contains", "Rel"), "!!--", `the message "prepare next minor version" must contain "Rel"`},
		{pattern("commit_author_email_pattern", "ends_with", "@acme.example"), "!!-!", `the address of the author "bot@example.org" must end in "@acme.example"`},
		{pattern("commit_author_email_pattern", "starts_with", "bot@"), "----", ""},
		{pattern("committer_email_pattern", "starts_with", "bot@"), "!!-!", `the address of the committer "ci@example.org" must begin with "bot@"`},
		{pattern("branch_name_pattern", "regex", `^\d+\.x$`), "-!!!", `the name "3.10.x" must match "^\\d+\\.x$"`},
		{pattern("tag_name_pattern", "regex", `^\d+\.\d+\.(x|\d+)$`), "--!-", `the name "3.10.0_START" must match`},
		{pattern("tag_protection", "", "3.*"), "-!!!", `only maintainers may make a tag like "3.*"`},
		{github.Rule{}, "????", "its rules cannot be read"},
		{github.Rule{Type: "a_kind_of_tomorrow"}, "????", "gio does not know what it demands"},
	}
	for _, test := range tests {
		got, says := "", ""
		for _, kind := range []string{"old branch", "new branch", "start tag", "tag"} {
			o := test.rule.Against(pushes[kind])
			switch {
			case o.Why == "":
				got += "-"
			case o.Sure:
				got += "!"
			default:
				got += "?"
			}
			if says == "" {
				says = o.Why
			}
		}
		if got != test.want || !strings.HasPrefix(says, test.says) {
			t.Errorf("%+v: %s (%s), want %s (%s)", test.rule, got, says, test.want, test.says)
		}
	}
}

// Patterns match as GitHub says: literally, or as RE2 line by line.
func TestPatterns(t *testing.T) {
	t.Parallel()
	const text = "fix: it\n\nSigned-off-by: A"
	for _, test := range []struct {
		operator, pattern string
		negate            bool
		refused, sure     bool
	}{
		{"starts_with", "fix", false, false, false},
		{"starts_with", "it", false, true, true},
		{"starts_with", "fix", true, true, true},
		{"starts_with", "f.x", false, true, true},
		{"ends_with", "A", false, false, false},
		{"ends_with", "it", false, true, true},
		{"contains", "off", false, false, false},
		{"contains", "*", false, true, true},
		{"regex", "^Signed-off-by: ", false, false, false},
		{"regex", `\ASigned`, false, true, true},
		{"regex", "it$", false, false, false},
		{"regex", "^(feat|fix)(\\(.+\\))?: ", false, false, false},
		{"regex", "it", true, true, true},
		{"regex", "(?!x)y", false, true, false}, // no RE2
		{"sounds_like", "x", false, true, false},
	} {
		r := github.Rule{Type: "commit_message_pattern", Parameters: github.Parameters{Operator: test.operator, Pattern: test.pattern, Negate: test.negate}}
		o := r.Against(github.Push{Subjects: []string{text}})
		if (o.Why != "") != test.refused || o.Sure != test.sure {
			t.Errorf("%+v: %+v", test, o)
		}
		if test.negate && !strings.Contains(o.Why, "must not ") {
			t.Errorf("%+v: %s", test, o.Why)
		}
	}
}

// Rules about files are held against release.json.
func TestAgainstFile(t *testing.T) {
	t.Parallel()
	file := github.File{Path: "apim/release.json", Size: 3 << 20}
	for _, test := range []struct {
		rule github.Rule
		want string
	}{
		{github.Rule{Type: "file_path_restriction", Parameters: github.Parameters{Paths: []string{"x", "apim/*"}}}, `nobody may change what matches "apim/*"`},
		{github.Rule{Type: "file_path_restriction", Parameters: github.Parameters{Paths: []string{"/**/release.json"}}}, `nobody may change what matches "/**/release.json"`},
		{github.Rule{Type: "file_path_restriction", Parameters: github.Parameters{Paths: []string{"*", "apim", "release.json", "am/**/*"}}}, ""},
		{github.Rule{Type: "file_extension_restriction", Parameters: github.Parameters{Extensions: []string{".exe", "*.json"}}}, "nobody may change a file that ends in .json"},
		{github.Rule{Type: "file_extension_restriction", Parameters: github.Parameters{Extensions: []string{"json"}}}, "nobody may change a file that ends in .json"},
		{github.Rule{Type: "file_extension_restriction", Parameters: github.Parameters{Extensions: []string{".jso", "n"}}}, ""},
		{github.Rule{Type: "max_file_path_length", Parameters: github.Parameters{MaxPath: 16}}, "its path has more than 16 characters"},
		{github.Rule{Type: "max_file_path_length", Parameters: github.Parameters{MaxPath: 17}}, ""},
		{github.Rule{Type: "max_file_size", Parameters: github.Parameters{MaxSize: 2}}, "it has more than 2 megabytes"},
		{github.Rule{Type: "max_file_size", Parameters: github.Parameters{MaxSize: 3}}, ""},
		{github.Rule{}, "its rules cannot be read"},
		{github.Rule{Type: "tomorrow"}, "gio does not know what it demands"},
	} {
		o := test.rule.AgainstFile(file)
		if o.Why != test.want || o.Sure != (test.want != "" && test.rule.Known() && test.rule.Type != "") {
			t.Errorf("%+v: %+v, want %q", test.rule, o, test.want)
		}
	}
}
