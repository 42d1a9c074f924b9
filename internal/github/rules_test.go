package github_test

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/sim"
)

func TestRules(t *testing.T) {
	t.Parallel()
	all := sim.Protection{Review: true, Signatures: true, Statuses: []string{"ci-test"}, Restricted: true, Pushers: []string{"somebody"}, Admins: true}
	forOthers, forUs := all, all
	forOthers.Admins = false
	forUs.Pushers = []string{"release-bot"}
	whole := github.Rules{RequiresReview: true, RequiresSignature: true, RequiresStatus: []string{"ci-test"}, RestrictsPush: true}
	unrestricted := whole
	unrestricted.RestrictsPush = false
	tests := []struct {
		name  string
		r     sim.Repository
		b     sim.Branch
		want  github.Rules
		binds bool
	}{
		{"none", sim.Repository{}, sim.Branch{}, github.Rules{}, false},
		{"rulesets", sim.Repository{Rules: []sim.Rule{{Type: "creation"}, {Type: "deletion"}}}, sim.Branch{Rules: []sim.Rule{
			{Type: "pull_request"},
			{Type: "required_signatures"},
			{Type: "update"},
			{Type: "tomorrow"},
			{Type: "tomorrow"},
			{Type: "required_status_checks", Statuses: []string{"a", "b"}},
		}}, github.Rules{
			RequiresReview: true, RequiresSignature: true, RequiresStatus: []string{"a", "b"}, RestrictsPush: true, RestrictsCreation: true,
			Others: []string{"tomorrow"},
		}, true},
		{"bypassed", sim.Repository{}, sim.Branch{Rules: []sim.Rule{
			{Type: "pull_request", Bypass: "always"}, {Type: "update", Bypass: "pull_requests_only"},
		}}, github.Rules{RestrictsPush: true}, true},
		{"classic, hidden", sim.Repository{}, sim.Branch{Protection: &all}, github.Rules{RequiresStatus: []string{"ci-test"}, Hidden: true}, true},
		{"classic, for administrators", sim.Repository{Admin: true}, sim.Branch{Protection: &all}, whole, true},
		{"classic, not for administrators", sim.Repository{Admin: true}, sim.Branch{Protection: &forOthers}, github.Rules{}, false},
		{"classic, the user is named", sim.Repository{Admin: true}, sim.Branch{Protection: &forUs}, unrestricted, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.r.Branches = map[string]sim.Branch{"1.4.x": test.b}
			hub(t, sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": test.r}}, token, func(t *testing.T, s *sim.Sim, c *github.Client) {
				got, err := c.Rules(t.Context(), "acme/alpha", "1.4.x")
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "rules", got, test.want)
				equal(t, "refuse", got.Refuse(), test.binds)
				for _, r := range s.Requests() {
					equal(t, "method", r.Method, "GET")
				}
			})
		})
	}
}

// GitHub's own words: rules of two rulesets, of which nothing more can be read, and one that this program does not know.
func TestRulesOnTheWire(t *testing.T) {
	t.Parallel()
	h := &canned{answer: map[string]reply{
		alpha:                           {200, "repository", nil},
		alpha + "/branches/1.4.x":       {200, "branch", nil},
		alpha + "/rules/branches/1.4.x": {200, "rules", nil},
		alpha + "/rulesets/42":          {200, "ruleset", nil},
	}}
	got, err := client(t, h, token).Rules(t.Context(), "acme/alpha", "1.4.x")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "rules", got, github.Rules{RequiresReview: true, RequiresStatus: []string{"ci/build"}, Others: []string{"a_kind_of_tomorrow"}})

	h.answer[alpha+"/branches/1.4.x"] = reply{200, "branch_protected", nil}
	h.answer[alpha+"/branches/1.4.x/protection"] = reply{404, "error_404_unprotected", nil}
	delete(h.answer, alpha+"/rules/branches/1.4.x")
	got, err = client(t, h, token).Rules(t.Context(), "acme/alpha", "1.4.x")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "an older GitHub, not protected", got, github.Rules{})

	h.answer[alpha+"/branches/1.4.x/protection"] = reply{200, "protection", nil}
	h.answer["user"] = reply{403, "error_403", nil} // a GitHub App
	got, err = client(t, h, token).Rules(t.Context(), "acme/alpha", "1.4.x")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "classic", got, github.Rules{RequiresReview: true, RequiresSignature: true, RequiresStatus: []string{"ci-test"}, RestrictsPush: true})
}

func TestRulesOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	g := sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": {Rules: []sim.Rule{{Type: "creation"}}}}}
	hub(t, g, token, func(t *testing.T, _ *sim.Sim, c *github.Client) {
		got, err := c.Rules(t.Context(), "acme/alpha", "9.9.x")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "of a branch to be", got, github.Rules{RestrictsCreation: true})
		_, err = c.Rules(t.Context(), "acme/beta", "9.9.x")
		wantFault(t, err, fault.NotFound, "no-repository")
	})
}
