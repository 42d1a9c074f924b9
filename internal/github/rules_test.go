package github_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/sim"
)

// main, line and tag are a branch that exists, one that is to be, and a tag that is to be.
var (
	trunk = github.Target{Name: "main", Exists: true}
	line  = github.Target{Name: "1.4.x", Like: "1.3.x"}
	tag   = github.Target{Name: "1.4.0", Tag: true}
)

// said is rules as "type ruleset", with the branch that has it where that is another.
func said(rules []github.Rule) []string {
	var all []string
	for _, r := range rules {
		all = append(all, strings.TrimSpace(strings.Join([]string{r.Type, r.Ruleset, r.Like}, " ")))
	}
	return all
}

// Of each ref those rules are read that bind the token's user.
func TestDemands(t *testing.T) {
	t.Parallel()
	creation := []sim.Rule{{Type: "creation"}}
	all := sim.Protection{Review: true, Signatures: true, Statuses: []string{"ci"}, Restricted: true, Creations: true, Pushers: []string{"somebody"}, Admins: true}
	ours, forOthers := all, all
	ours.Pushers, forOthers.Admins = []string{"release-bot"}, false
	open := all
	open.Creations = false
	set := func(s sim.Ruleset) sim.Repository {
		s.Name, s.Rules = "set", orRules(s.Rules, creation)
		return sim.Repository{Rulesets: []sim.Ruleset{s}}
	}
	classic := func(branch string, p sim.Protection, admin bool) sim.Repository {
		return sim.Repository{Admin: admin, Branches: map[string]sim.Branch{branch: {Protection: &p}}}
	}
	tests := []struct {
		name             string
		r                sim.Repository
		main, line, tags []string
		hidden, files    []string
	}{
		{name: "none"},
		{name: "every branch", r: set(sim.Ruleset{}), main: []string{"creation set"}, line: []string{"creation set"}},
		{name: "the default branch", r: set(sim.Ruleset{Include: []string{"~DEFAULT_BRANCH"}}), main: []string{"creation set"}},
		{name: "support branches", r: set(sim.Ruleset{Include: []string{"refs/heads/*.x"}}), line: []string{"creation set"}},
		{name: "of the organization", r: set(sim.Ruleset{Organization: true, Include: []string{"refs/heads/main"}}), main: []string{"creation set"}},
		{name: "on trial", r: set(sim.Ruleset{Enforcement: "evaluate"})},
		{name: "always bypassed", r: set(sim.Ruleset{Bypass: "always"})},
		{name: "exempt", r: set(sim.Ruleset{Bypass: "exempt"})},
		{name: "bypassed by pull request", r: set(sim.Ruleset{Bypass: "pull_requests_only", Include: []string{"refs/heads/main"}}), main: []string{"creation set"}},
		{name: "every tag", r: set(sim.Ruleset{Target: "tag"}), tags: []string{"creation set"}},
		{name: "tags of the organization", r: set(sim.Ruleset{Target: "tag", Organization: true}), tags: []string{"creation set"}},
		{name: "tags by pattern", r: set(sim.Ruleset{Target: "tag", Include: []string{"refs/tags/1.*"}}), tags: []string{"creation set"}},
		{name: "other tags", r: set(sim.Ruleset{Target: "tag", Include: []string{"refs/tags/v*", "~DEFAULT_BRANCH"}})},
		{name: "excluded tags", r: set(sim.Ruleset{Target: "tag", Exclude: []string{"refs/tags/1.4.*"}})},
		{name: "no tags", r: set(sim.Ruleset{Target: "tag", Include: []string{}})},
		{name: "tags, bypassed", r: set(sim.Ruleset{Target: "tag", Bypass: "exempt"})},
		{name: "tags, disabled", r: set(sim.Ruleset{Target: "tag", Enforcement: "disabled"})},
		{name: "every push", r: set(sim.Ruleset{Target: "push", Rules: []sim.Rule{{Type: "max_file_size", Max: 1}}}), files: []string{"max_file_size set"}},
		{name: "every push, bypassed", r: set(sim.Ruleset{Target: "push", Bypass: "always", Rules: []sim.Rule{{Type: "max_file_size", Max: 1}}})},
		{
			name: "files of branches", r: set(sim.Ruleset{Rules: []sim.Rule{{Type: "file_path_restriction", Paths: []string{"*"}}, {Type: "update"}}}),
			main: []string{"update set"}, line: []string{"update set"}, files: []string{"file_path_restriction set"},
		},
		{name: "protected tags, for who administers", r: sim.Repository{Admin: true, TagProtection: []string{"1.*"}}},
		{name: "classic", r: classic("main", all, true), main: []string{"pull_request", "required_status_checks", "required_signatures", "update"}},
		{name: "classic, the user is named", r: classic("main", ours, true), main: []string{"pull_request", "required_status_checks", "required_signatures"}},
		{name: "classic, not for administrators", r: classic("main", forOthers, true)},
		{name: "classic, hidden", r: classic("main", all, false), main: []string{"required_status_checks"}, hidden: []string{"main", "", ""}},
		{name: "classic, of one like it", r: classic("1.3.x", all, true), line: []string{"creation  1.3.x", "required_signatures  1.3.x"}},
		{name: "classic, of one like it, the user is named", r: classic("1.3.x", ours, true), line: []string{"required_signatures  1.3.x"}},
		{name: "classic, of one like it, but not for creations", r: classic("1.3.x", open, true)},
		{name: "classic, of one like it, hidden", r: classic("1.3.x", all, false), hidden: []string{"", "1.3.x", ""}},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			hub(t, sim.GitHub{Login: "release-bot", Repositories: map[string]sim.Repository{"acme/alpha": test.r}}, token, func(t *testing.T, s *sim.Sim, c *github.Client) {
				got, err := c.Demands(t.Context(), "acme/alpha", []github.Target{trunk, line, tag})
				if err != nil {
					t.Fatal(err)
				}
				for n, want := range [][]string{test.main, test.line, test.tags} {
					equal(t, "rules", said(got.Refs[n].Rules), want)
					hidden := ""
					if test.hidden != nil {
						hidden = test.hidden[n]
					}
					equal(t, "hidden", got.Refs[n].Hidden, hidden)
				}
				equal(t, "files", said(got.Files), test.files)
				for _, r := range s.Requests() {
					equal(t, "method", r.Method, "GET")
				}
			})
		})
	}
}

func orRules(rules, other []sim.Rule) []sim.Rule {
	if rules != nil {
		return rules
	}
	return other
}

// What applies to every ref is read once: each ruleset, and each list.
func TestDemandsAreFewRequests(t *testing.T) {
	t.Parallel()
	rules := []sim.Rule{{Type: "creation"}, {Type: "deletion"}}
	r := sim.Repository{Rulesets: []sim.Ruleset{{Rules: rules}, {Rules: rules}, {Target: "tag", Rules: rules}, {Target: "push", Rules: rules}, {Target: "tag", Enforcement: "disabled", Rules: rules}}}
	hub(t, sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": r}}, token, func(t *testing.T, s *sim.Sim, c *github.Client) {
		other := tag
		other.Name = "1.4.0_START"
		if _, err := c.Demands(t.Context(), "acme/alpha", []github.Target{trunk, line, tag, other}); err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, r := range s.Requests() {
			paths = append(paths, strings.TrimPrefix(r.Path, "/api/v3/repos/acme/alpha"))
		}
		slices.Sort(paths)
		equal(t, "requests", paths, []string{
			"", "/branches/1.3.x", "/branches/main", "/rules/branches/1.4.x", "/rules/branches/main",
			"/rulesets", "/rulesets/1", "/rulesets/2", "/rulesets/3", "/rulesets/4", "/tags/protection",
		})
	})
}

// A list of rules is read to its end.
func TestDemandsOfManyPages(t *testing.T) {
	t.Parallel()
	var many []sim.Rule
	for range 120 {
		many = append(many, sim.Rule{Type: "commit_message_pattern", Operator: "contains", Pattern: "ACME-"})
	}
	var sets []sim.Ruleset
	for range 75 { // GitHub's limit, and as many again for an organization
		sets = append(sets, sim.Ruleset{Target: "tag", Rules: many[:1]}, sim.Ruleset{Target: "tag", Organization: true, Rules: many[:1]})
	}
	r := sim.Repository{Rulesets: append(sets, sim.Ruleset{Rules: many})}
	hub(t, sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": r}}, token, func(t *testing.T, _ *sim.Sim, c *github.Client) {
		got, err := c.Demands(t.Context(), "acme/alpha", []github.Target{trunk, tag})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "of the branch", len(got.Refs[0].Rules), 120)
		equal(t, "of the tag", len(got.Refs[1].Rules), 150)
	})
}

// GitHub's own answers: every kind of rule with its parameters, and rulesets that the user may not read.
func TestDemandsOnTheWire(t *testing.T) {
	t.Parallel()
	h := &canned{answer: map[string]reply{
		alpha:                          {200, "repository", nil},
		alpha + "/branches/main":       {200, "branch", nil},
		alpha + "/rules/branches/main": {200, "rules_all", nil},
		alpha + "/rulesets":            {200, "rulesets", nil},
		alpha + "/rulesets/43":         {200, "ruleset_tag", nil},
		alpha + "/rulesets/45":         {200, "ruleset_push", nil},
		alpha + "/tags/protection":     {200, "tag_protection", nil},
	}}
	c := client(t, h, token)
	v1 := github.Target{Name: "v1.4.0", Tag: true}
	got, err := c.Demands(t.Context(), "acme/alpha", []github.Target{trunk, v1})
	if err != nil {
		t.Fatal(err)
	}
	find := func(rules []github.Rule, kind string) github.Rule {
		n := slices.IndexFunc(rules, func(r github.Rule) bool { return r.Type == kind })
		if n < 0 {
			t.Fatalf("there is no %s in %q", kind, said(rules))
		}
		return rules[n]
	}
	in := func(kind, set, source string, p github.Parameters) github.Rule {
		return github.Rule{Type: kind, Ruleset: set, Source: source, Parameters: p}
	}
	for _, want := range []github.Rule{
		in("required_status_checks", "73", "acme", github.Parameters{Checks: []github.Check{{"ci/build"}}, NotOnCreate: true}),
		in("required_deployments", "73", "acme", github.Parameters{Environments: []string{"staging"}}),
		in("commit_message_pattern", "73", "acme", github.Parameters{Operator: "regex", Pattern: `^ACME-\d+ `}),
		in("branch_name_pattern", "73", "acme", github.Parameters{Operator: "starts_with", Pattern: "wip/", Negate: true}),
	} {
		equal(t, "of the branch", find(got.Refs[0].Rules, want.Type), want)
	}
	equal(t, "of the tag", said(got.Refs[1].Rules), []string{
		"creation tags of releases", "update tags of releases", "deletion tags of releases", "tag_name_pattern tags of releases", "tag_protection",
	})
	for _, want := range []github.Rule{
		in("file_path_restriction", "no binaries", "acme/alpha", github.Parameters{Paths: []string{"secrets/**/*"}}),
		in("file_extension_restriction", "no binaries", "acme/alpha", github.Parameters{Extensions: []string{".exe"}}),
		in("max_file_path_length", "no binaries", "acme/alpha", github.Parameters{MaxPath: 256}),
		in("max_file_size", "no binaries", "acme/alpha", github.Parameters{MaxSize: 100}),
	} {
		equal(t, "of every push", find(got.Files[len(got.Files)-4:], want.Type), want)
	}
	for _, r := range slices.Concat(got.Refs[0].Rules, got.Refs[1].Rules, got.Files) {
		if !r.Known() {
			t.Errorf("%s is a rule that GitHub documents, and gio does not know it", r.Type)
		}
	}

	delete(h.answer, alpha+"/rulesets/43")
	h.answer[alpha+"/rulesets/45"] = reply{403, "error_403", nil}
	h.answer[alpha+"/tags/protection"] = reply{403, "error_403", nil}
	if got, err = c.Demands(t.Context(), "acme/alpha", []github.Target{v1}); err != nil {
		t.Fatal(err)
	}
	equal(t, "a ruleset that cannot be read", got, github.Demands{
		Refs: []github.Demand{{Rules: []github.Rule{{Ruleset: "tags of releases", Source: "acme"}}}}, Files: []github.Rule{{Ruleset: "no binaries", Source: "acme/alpha"}},
	})
}

// An older GitHub has no rulesets, and a GitHub App is no user.
func TestDemandsOfAnOlderGitHub(t *testing.T) {
	t.Parallel()
	h := &canned{answer: map[string]reply{
		alpha:                               {200, "repository", nil},
		alpha + "/branches/main":            {200, "branch_protected", nil},
		alpha + "/branches/main/protection": {404, "error_404_unprotected", nil},
	}}
	c := client(t, h, token)
	none := github.Demands{Refs: []github.Demand{{}, {}}}
	got, err := c.Demands(t.Context(), "acme/alpha", []github.Target{trunk, tag})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "not protected", got, none)

	h.answer[alpha+"/branches/main/protection"] = reply{200, "protection", nil}
	h.answer["user"] = reply{403, "error_403", nil}
	if got, err = c.Demands(t.Context(), "acme/alpha", []github.Target{trunk, tag}); err != nil {
		t.Fatal(err)
	}
	equal(t, "protected", said(got.Refs[0].Rules), []string{"pull_request", "required_status_checks", "required_signatures", "update"})
}

// On github.com no tag has classic protection any more: nobody is asked about it.
func TestDemandsOnGitHubCom(t *testing.T) {
	t.Parallel()
	var asked []string
	var mu sync.Mutex
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.RequestURI())
		return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader("[]"))}, nil
	})
	c, err := github.New(github.Options{Token: token, HTTP: &http.Client{Transport: base}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Demands(t.Context(), "acme/alpha", []github.Target{line, tag})
	if err == nil { // the branch like it is read as well, and is no list
		t.Errorf("%+v", got)
	}
	if got, err = c.Demands(t.Context(), "acme/alpha", []github.Target{tag}); err != nil || len(got.Refs) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if slices.ContainsFunc(asked, func(path string) bool { return strings.Contains(path, "/tags/protection") }) {
		t.Errorf("%q", asked)
	}
	if last := asked[len(asked)-1]; last != "/repos/acme/alpha/rulesets?targets=tag,push&per_page=100&page=1" {
		t.Errorf("it lists what it does not need: %s", last)
	}
}

// What cannot be read is a fault, and not "no rules".
func TestDemandsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for path, status := range map[string]int{
		"/rulesets": 500, "/rulesets/43": 500, "/rules/branches/main": 500, "/branches/main": 500, "/branches/main/protection": 500, "/tags/protection": 500,
	} {
		t.Run(strings.ReplaceAll(path, "/", "_"), func(t *testing.T) {
			t.Parallel()
			h := &canned{answer: map[string]reply{
				alpha: {200, "repository", nil}, alpha + "/branches/main": {200, "branch_protected", nil}, alpha + "/rulesets": {200, "rulesets", nil},
				alpha + path: {status, "error_404", nil},
			}}
			hub(t, sim.GitHub{}, token, func(t *testing.T, _ *sim.Sim, _ *github.Client) {
				_, err := client(t, h, token).Demands(t.Context(), "acme/alpha", []github.Target{trunk, tag})
				wantFault(t, err, fault.Remote, "github-error", "GitHub answered 500")
			})
		})
	}
	g := sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": {}}}
	hub(t, g, token, func(t *testing.T, _ *sim.Sim, c *github.Client) {
		_, err := c.Demands(t.Context(), "acme/beta", []github.Target{trunk})
		wantFault(t, err, fault.NotFound, "no-repository")
		_, err = c.Demands(t.Context(), "beta", []github.Target{trunk})
		wantFault(t, err, fault.Invalid, "github-repository")
	})
}
