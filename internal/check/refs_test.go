package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// releasing is a world that releases 3.9.4 from a branch, by a bot of example.org; from master it makes the branch 3.9.x. The refs
// exist in the release repository, besides the branch.
func releasing(branch string, edit func(*sim.Repository), existing ...string) func(*world) {
	return func(w *world) {
		w.options.Branch = branch
		w.options.ReleaseBranches = []string{"master"}
		if branch == "master" { // then what belongs to 3.9 is built from it
			w.repository("acme/gateway", func(r *sim.Repository) { r.Branches = map[string]sim.Branch{"3.9.x": {Version: "3.9.4-SNAPSHOT"}} })
		}
		w.repository("acme/release", func(r *sim.Repository) {
			r.Branches, r.DefaultBranch = map[string]sim.Branch{"3.9.x": {}, "master": {}}, "master"
			edit(r)
		})
		w.ask = func(t testing.TB, _ *sim.Sim, q *Question) { release(t, q, branch, existing) }
	}
}

func release(t testing.TB, q *Question, branch string, existing []string) {
	t.Helper()
	bot := gitrepo.Author{Name: "Bot", Email: "bot@example.org"}
	o := gitrepo.Options{URL: "https://github.com/acme/release", Branch: branch, Author: bot, Committer: gitrepo.Author{Name: "CI", Email: "ci@example.org"}}
	repo, err := gitrepo.Imagine(o, "master", "release.json", []byte(releaseJSON))
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range existing {
		if err := repo.Push(t.Context(), []gitrepo.Update{{Ref: ref, New: repo.Head()}}); err != nil {
			t.Fatal(err)
		}
	}
	next, err := plan.NextVersions(q.Plan.Version, branch, "master", "")
	if err != nil {
		t.Fatal(err)
	}
	q.Repo, q.Release, q.Refs, q.Path = repo, "acme/release", q.Plan.Refs(next), "release.json"
}

// asking changes the question of a world, too.
func asking(plant func(*world), change func(*Question)) func(*world) {
	return func(w *world) {
		plant(w)
		ask := w.ask
		w.ask = func(t testing.TB, s *sim.Sim, q *Question) {
			ask(t, s, q)
			change(q)
		}
	}
}

// TestEachRefIsProven: every kind of rule, for every kind of ref that a release from the main branch writes, as the code of the
// finding: of the release branch, the support branch that is made, the tag at the start, the product's tag. "-" is none; small
// letters are warnings.
func TestEachRefIsProven(t *testing.T) {
	t.Parallel()
	const regex = "regex"
	tests := []struct {
		rule sim.Rule
		want string // P branch-protected, S signed-commits, R server-rules, N not-checked
	}{
		{sim.Rule{Type: "creation"}, "-RRR"},
		{sim.Rule{Type: "update"}, "P---"},
		{sim.Rule{Type: "deletion"}, "----"},
		{sim.Rule{Type: "non_fast_forward"}, "----"},
		{sim.Rule{Type: "required_linear_history"}, "----"},
		{sim.Rule{Type: "copilot_code_review"}, "----"},
		{sim.Rule{Type: "pull_request"}, "P---"},
		{sim.Rule{Type: "merge_queue"}, "Pppp"},
		{sim.Rule{Type: "required_signatures"}, "SS-S"},
		{sim.Rule{Type: "required_status_checks", Statuses: []string{"build"}}, "PPpP"},
		{sim.Rule{Type: "required_status_checks", Statuses: []string{"build"}, NotOnCreate: true}, "P---"},
		{sim.Rule{Type: "required_deployments", Environments: []string{"staging"}}, "Pppp"},
		{sim.Rule{Type: "workflows"}, "PPPP"},
		{sim.Rule{Type: "workflows", NotOnCreate: true}, "P---"},
		{sim.Rule{Type: "code_scanning"}, "Pppp"},
		{sim.Rule{Type: "code_quality"}, "pp-p"},
		{sim.Rule{Type: "commit_message_pattern", Operator: "starts_with", Pattern: "Prepare Release"}, "RR--"},
		{sim.Rule{Type: "commit_message_pattern", Operator: regex, Pattern: "^(Prepare|prepare) "}, "----"},
		{sim.Rule{Type: "commit_message_pattern", Operator: "contains", Pattern: "patch", Negate: true}, "-R--"},
		{sim.Rule{Type: "commit_author_email_pattern", Operator: "ends_with", Pattern: "@acme.example"}, "RR-R"},
		{sim.Rule{Type: "commit_author_email_pattern", Operator: "starts_with", Pattern: "bot@"}, "----"},
		{sim.Rule{Type: "committer_email_pattern", Operator: "starts_with", Pattern: "bot@"}, "RR-R"},
		{sim.Rule{Type: "committer_email_pattern", Operator: regex, Pattern: "(?=x)"}, "rr-r"},
		{sim.Rule{Type: "branch_name_pattern", Operator: regex, Pattern: `^[a-z/]+$`}, "-RRR"},
		{sim.Rule{Type: "tag_name_pattern", Operator: regex, Pattern: `^\d+\.\d+\.(\d+|x)$`}, "--R-"},
		{sim.Rule{Type: "a_kind_of_tomorrow"}, "nnnn"},
	}
	codes := map[string]string{BranchProtected: "P", SignedCommits: "S", ServerRules: "R", NotChecked: "N"}
	for _, test := range tests {
		for n, ref := range []string{"refs/heads/master", "refs/heads/3.9.x", "refs/tags/3.9.4_START", "refs/tags/3.9.4"} {
			t.Run(fmt.Sprintf("%s_%s", test.rule.Type, strings.ReplaceAll(ref, "/", "_")), func(t *testing.T) {
				t.Parallel()
				set := sim.Ruleset{Name: "the set", Include: []string{ref}, Rules: []sim.Rule{test.rule}}
				if strings.HasPrefix(ref, "refs/tags/") {
					set.Target = "tag"
				}
				w := ready()
				releasing("master", func(r *sim.Repository) { r.Rulesets = []sim.Ruleset{set} })(w)
				got := "-"
				for _, f := range w.check(t).Findings {
					got = codes[f.Code]
					if f.Severity != Error {
						got = strings.ToLower(got)
					}
					if f.Where != "acme/release "+ref[strings.LastIndex(ref, "/")+1:] || !strings.Contains(f.What, `rule `+test.rule.Type+` of ruleset "the set" of acme/release`) || f.Do == "" {
						t.Errorf("%+v", f)
					}
				}
				if diff := cmp.Diff(test.want[n:n+1], got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestRefs: what GitHub says against the refs of a release.
func TestRefs(t *testing.T) {
	t.Parallel()
	none := func(*sim.Repository) {}
	rules := func(rules ...sim.Rule) func(*sim.Repository) {
		return func(r *sim.Repository) { r.Branches["3.9.x"] = sim.Branch{Rules: rules} }
	}
	sets := func(sets ...sim.Ruleset) func(*sim.Repository) {
		return func(r *sim.Repository) { r.Rulesets = sets }
	}
	classic := func(branch string, admin bool, p sim.Protection) func(*sim.Repository) {
		return func(r *sim.Repository) {
			p.Admins = true
			r.Admin, r.Branches[branch] = admin, sim.Branch{Protection: &p}
		}
	}
	patch := func(edit func(*sim.Repository), existing ...string) func(*world) {
		return releasing("3.9.x", edit, existing...)
	}
	review, signatures := sim.Rule{Type: "pull_request"}, sim.Rule{Type: "required_signatures"}
	pushRules := func(rule sim.Rule) func(*world) {
		return patch(sets(sim.Ruleset{Name: "files", Target: "push", Rules: []sim.Rule{rule}}))
	}
	tagRules := func(rules ...sim.Rule) func(*sim.Repository) {
		return sets(sim.Ruleset{Name: "tags", Target: "tag", Rules: rules})
	}
	restricted := sim.Protection{Restricted: true, Creations: true}
	protected, signed, refusedRules := []string{"error branch-protected"}, []string{"error signed-commits"}, []string{"error server-rules"}
	unsure := []string{"warning branch-protected"}
	checkPlanted(t, []planted{
		{"none", patch(none), nil, 0, ""},
		{"by pull request", patch(rules(review)), protected, 7, `"where":"acme/release 3.9.x","what":"branch 3.9.x accepts no direct push: changes come by pull request (rule pull_request of ruleset "pull_request" of acme/release)"`},
		{"by pull request, which the user bypasses", patch(rules(sim.Rule{Type: "pull_request", Bypass: "always"})), nil, 0, ""},
		{"by pull request, from which the user is exempt", patch(rules(sim.Rule{Type: "pull_request", Bypass: "exempt"})), nil, 0, ""},
		{"by status", patch(rules(sim.Rule{Type: "required_status_checks", Statuses: []string{"build", "lint"}})), protected, 7, "push: commits must have the status build, lint ("},
		{"in two ways", patch(rules(review, sim.Rule{Type: "update"})), []string{"error branch-protected", "error branch-protected"}, 7, "push: only some may push to it ("},
		{"by signature and pull request", patch(rules(review, signatures)), []string{"error branch-protected", "error signed-commits"}, 7, ""},
		{"of another branch", patch(func(r *sim.Repository) { r.Branches["3.8.x"] = sim.Branch{Rules: []sim.Rule{review}} }), nil, 0, ""},
		{"of the support branch, of which there is none", patch(sets(sim.Ruleset{Include: []string{"refs/heads/master"}, Rules: []sim.Rule{review}})), nil, 0, ""},
		{"of a support branch that is made", releasing("master", rules(sim.Rule{Type: "creation"})), refusedRules, 7, "or have somebody who may make 3.9.x from the newest commit of the release branch; or `gio release --no-next`"},
		{"of a support branch that exists", releasing("master", rules(sim.Rule{Type: "creation"}), "refs/heads/3.9.x"), nil, 0, ""},
		{"of a support branch that exists, for updates", releasing("master", rules(sim.Rule{Type: "update"}), "refs/heads/3.9.x"), protected, 7, ""},
		{"of tags", patch(tagRules(sim.Rule{Type: "creation"})), []string{"error server-rules", "error server-rules"}, 7, "tag 3.9.4_START would be refused: only some may make it (rule creation of ruleset"},
		{"of tags, where one exists", patch(tagRules(sim.Rule{Type: "creation"}), "refs/tags/3.9.4_START"), refusedRules, 7, `"acme/release 3.9.4"`},
		{"of tags, where both exist", patch(tagRules(sim.Rule{Type: "creation"}, sim.Rule{Type: "update"}), "refs/tags/3.9.4_START", "refs/tags/3.9.4"), nil, 0, ""},
		{"of the names of tags", patch(tagRules(sim.Rule{Type: "tag_name_pattern", Operator: "regex", Pattern: `^v`})), []string{"error server-rules", "error server-rules"}, 7, "product_tag in gio.yaml names the tags"},
		{"of the message", patch(rules(sim.Rule{Type: "commit_message_pattern", Operator: "regex", Pattern: `^[A-Z]`})), refusedRules, 7, `the message "prepare next patch version" must match "^[A-Z]"`},
		{"of the author", patch(rules(sim.Rule{Type: "commit_author_email_pattern", Operator: "ends_with", Pattern: "@acme.example"})), refusedRules, 7, "set GIT_AUTHOR_EMAIL"},
		{"of the committer", patch(rules(sim.Rule{Type: "committer_email_pattern", Operator: "ends_with", Pattern: "@acme.example"})), refusedRules, 7, "set GIT_COMMITTER_EMAIL"},
		{"of the path", pushRules(sim.Rule{Type: "file_path_restriction", Paths: []string{"*.json"}}), refusedRules, 7, `"where":"acme/release","what":"every push of release.json would be refused: nobody may change what matches "*.json"`},
		{"of the extension", pushRules(sim.Rule{Type: "file_extension_restriction", Extensions: []string{".json"}}), refusedRules, 7, "nobody may change a file that ends in .json"},
		{"of the length", pushRules(sim.Rule{Type: "max_file_path_length", Max: 8}), refusedRules, 7, "its path has more than 8 characters"},
		{"of the size", pushRules(sim.Rule{Type: "max_file_size", Max: 1}), nil, 0, ""},
		{"of pushes, unknown", pushRules(sim.Rule{Type: "tomorrow"}), []string{"warning not-checked"}, 0, "every push of release.json may be refused: gio does not know what it demands (rule tomorrow of ruleset"},
		{"of tags, that cannot be read", func(w *world) {
			patch(tagRules(sim.Rule{Type: "creation"}))(w)
			w.hubAnswers("ruleset", "", 403)
		}, []string{"warning server-rules", "warning server-rules"}, 0, `tag 3.9.4 may be refused: its rules cannot be read (ruleset "tags" of acme/release)`},
		{"classic, and nobody may read how", patch(classic("3.9.x", false, sim.Protection{Review: true})), unsure, 0, "branch 3.9.x is protected, and only an administrator may read how"},
		{"classic, and its statuses can be read", patch(classic("3.9.x", false, sim.Protection{Statuses: []string{"build"}})), protected, 7, "the status build (branch protection)"},
		{"classic, by pull request", patch(classic("3.9.x", true, sim.Protection{Review: true})), protected, 7, "changes come by pull request (branch protection)"},
		{"classic, by signature", patch(classic("3.9.x", true, sim.Protection{Signatures: true})), signed, 7, ""},
		{"classic, against nothing", patch(classic("3.9.x", true, sim.Protection{})), nil, 0, ""},
		{
			"classic, of one like it", releasing("master", classic("3.8.x", true, restricted), "refs/heads/3.8.x", "refs/heads/3.7.x"),
			[]string{"warning server-rules"},
			0,
			"branch 3.9.x may be refused: only some may make it (branch protection of 3.8.x, if its pattern matches this one, too)",
		},
		{
			"classic, of one like it, and nobody may read how", releasing("master", classic("3.8.x", false, restricted), "refs/heads/3.8.x", "refs/heads/0.x", "refs/heads/x/9.9.x"), unsure, 0,
			"3.8.x is protected, and only an administrator may read whether that is by a pattern which 3.9.x matches, too",
		},
		{"classic, of an older one", releasing("master", classic("3.8.x", true, restricted), "refs/heads/3.8.x", "refs/heads/3.10.x"), nil, 0, ""},
		{"in a dry run", asking(patch(rules(review)), func(q *Question) { q.DryRun = true }), nil, 0, ""},
		{"elsewhere than on GitHub", asking(patch(rules(review)), func(q *Question) { q.Release = "" }), nil, 0, ""},
		{"without a clone", asking(patch(rules(review)), func(q *Question) { q.Repo = nil }), nil, 0, ""},
		{"without a client", asking(patch(rules(review)), func(q *Question) { q.GitHub = nil }), []string{"note not-checked"}, 0, "not checked without GitHub"},
		{"without refs", asking(patch(rules(review)), func(q *Question) { q.Refs = nil }), nil, 0, ""},
		{"skipped", asking(patch(rules(sim.Rule{Type: "committer_email_pattern", Operator: "ends_with", Pattern: "x"})), func(q *Question) { q.Skip = []string{ServerRules} }), []string{"warning server-rules"}, 0, ""},
		{"forbidden to the token", func(w *world) {
			patch(none)(w)
			w.hubAnswers("branch-rules", "", 403)
		}, []string{"note not-checked"}, 0, `"where":"acme/release","what":"not checked: GitHub's rules for what the release pushes: `},
		{"hidden from the token", func(w *world) {
			patch(none)(w)
			delete(w.GitHub.Repositories, "acme/release")
		}, []string{"note not-checked"}, 0, "not checked: GitHub's rules for what the release pushes: "},
		{"token refused", func(w *world) {
			patch(none)(w)
			w.hubAnswers("branch-rules", "", 401)
		}, []string{"error github-token"}, 3, ""},
		{"cannot be read", func(w *world) {
			patch(none)(w)
			w.hubAnswers("rulesets", "", 418)
		}, []string{"error not-checked"}, 4, "not checked: GitHub's rules for what the release pushes: "},
	})
}

// TestNewestSupportBranch: by number, not by letter, and only names X.Y.x.
func TestNewestSupportBranch(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{
		"":       {"refs/heads/master", "refs/tags/3.9.x", "refs/heads/3.9.x/fix", "refs/heads/v3.9.x", "refs/heads/3.9.1", "HEAD"},
		"3.10.x": {"refs/heads/3.9.x", "refs/heads/3.10.x", "refs/heads/2.99.x"},
		"0.0.x":  {"refs/heads/0.0.x"},
	} {
		refs := map[string]gitrepo.Hash{}
		for _, name := range names {
			refs[name] = "1"
		}
		if got := newestSupportBranch(refs); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
}
