package github

import (
	"context"
	"fmt"
	"slices"

	gogithub "github.com/google/go-github/v57/github"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Rules is what stands between the token's user and a push to a branch. A rule that GitHub says this user may bypass is
// left out.
type Rules struct {
	RequiresReview    bool     // changes come by pull request only
	RequiresSignature bool     // commits must be signed
	RequiresStatus    []string // commits must have these statuses before they are pushed
	RestrictsPush     bool     // only some may push to it, and the user is not known to be one of them
	RestrictsCreation bool     // only some may create a branch of that name
	Others            []string // GitHub's names of further rules that a commit must keep: commit_message_pattern
	// Hidden: there is classic protection, and only an administrator may read it: what is false or empty here may
	// hold nevertheless.
	Hidden bool
}

// Refuse tells whether a push of an unsigned commit without statuses will be refused.
func (r Rules) Refuse() bool {
	return r.RequiresReview || r.RequiresSignature || len(r.RequiresStatus) > 0 || r.RestrictsPush
}

// Rules reads what rulesets (docs.github.com/rest/repos/rules#get-rules-for-a-branch) and classic protection
// (docs.github.com/rest/branches/branch-protection) say of a branch. A branch that does not exist has the rules that
// would apply to one of its name. A GitHub Enterprise without rulesets has none.
func (c *Client) Rules(ctx context.Context, repo, branch string) (Rules, error) {
	var rules Rules
	found, err := c.branch(ctx, repo, branch)
	if err != nil && !fault.Is(err, "no-branch") {
		return rules, err
	}
	if err := c.rulesets(ctx, repo, branch, &rules); err != nil {
		return rules, err
	}
	if err == nil && found.classic() {
		return rules, c.classic(ctx, repo, branch, found, &rules)
	}
	return rules, nil
}

// branchRule is an active rule of a branch. go-github's own type refuses kinds of rules younger than itself.
type branchRule struct {
	Type       string `json:"type"`
	Ruleset    int64  `json:"ruleset_id"`
	Parameters struct {
		Checks []struct {
			Context string `json:"context"`
		} `json:"required_status_checks"`
	} `json:"parameters"`
}

func (c *Client) rulesets(ctx context.Context, repo, branch string, rules *Rules) error {
	path, err := under(repo, "rules", "branches", branch)
	if err != nil {
		return err
	}
	k := call{path: fmt.Sprintf("%s?per_page=%d", path, pageSize), subject: fmt.Sprintf("rules of branch %s of %s", branch, repo), missing: "no-rules"}
	var found []branchRule
	if _, err := c.get(ctx, k, &found); err != nil {
		if fault.Is(err, k.missing) { // the repository was seen: this GitHub has no rulesets
			return nil
		}
		return err
	}
	bypassed := map[int64]bool{}
	for _, rule := range found {
		free, known := bypassed[rule.Ruleset]
		if !known {
			free = c.bypasses(ctx, repo, rule.Ruleset)
			bypassed[rule.Ruleset] = free
		}
		if !free {
			rules.add(rule)
		}
	}
	return nil
}

// bypasses tells whether the user may bypass a ruleset when pushing
// (docs.github.com/rest/repos/rules#get-a-repository-ruleset). Where that cannot be read, it is no.
func (c *Client) bypasses(ctx context.Context, repo string, ruleset int64) bool {
	path, err := under(repo, "rulesets", fmt.Sprint(ruleset))
	if err != nil {
		return false
	}
	var found struct {
		Bypass string `json:"current_user_can_bypass"` // always, pull_requests_only, never
	}
	_, err = c.get(ctx, call{path: path, subject: "ruleset", missing: "no-ruleset"}, &found)
	return err == nil && found.Bypass == "always"
}

// add takes a rule in. Those that say nothing about a push of new commits are left out.
func (r *Rules) add(rule branchRule) {
	switch rule.Type {
	case "pull_request", "merge_queue":
		r.RequiresReview = true
	case "required_signatures":
		r.RequiresSignature = true
	case "required_status_checks":
		for _, check := range rule.Parameters.Checks {
			r.RequiresStatus = append(r.RequiresStatus, check.Context)
		}
	case "update":
		r.RestrictsPush = true
	case "creation":
		r.RestrictsCreation = true
	case "deletion", "non_fast_forward", "required_linear_history": // gio deletes nothing, and pushes fast-forward and linear
	default:
		if !slices.Contains(r.Others, rule.Type) {
			r.Others = append(r.Others, rule.Type)
		}
	}
}

// classic tells whether a branch has classic protection. Old answers have no summary, and are protected by nothing else.
func (b *branchAnswer) classic() bool {
	if b.Protection == nil {
		return b.GetProtected()
	}
	return b.Protection.Enabled
}

// classic reads classic protection, which only an administrator may. Everybody sees the required statuses.
func (c *Client) classic(ctx context.Context, repo, branch string, found *branchAnswer, rules *Rules) error {
	path, err := under(repo, "branches", branch, "protection")
	if err != nil {
		return err
	}
	var protection gogithub.Protection
	k := call{path: path, subject: fmt.Sprintf("protection of branch %s of %s", branch, repo), missing: "no-protection"}
	if _, err := c.get(ctx, k, &protection); err != nil {
		if fault.Is(err, "not-protected") { // by rulesets alone
			return nil
		}
		if !fault.Is(err, k.missing) && !fault.Is(err, "github-forbidden") && !fault.Is(err, "github-unauthorized") {
			return err
		}
		rules.Hidden = true
		rules.addSummary(found)
		return nil
	}
	if !protection.GetEnforceAdmins().Enabled {
		known, err := c.repository(ctx, repo)
		if err != nil || known.Permissions["admin"] {
			return err // an administrator, whom it does not bind
		}
	}
	login, err := c.User(ctx)
	if err != nil && !fault.Is(err, "github-forbidden") { // a GitHub App is no user
		return err
	}
	rules.addClassic(&protection, login)
	return nil
}

func (r *Rules) addSummary(found *branchAnswer) {
	if found.Protection == nil || found.Protection.RequiredStatusChecks == nil {
		return
	}
	if checks := found.Protection.RequiredStatusChecks; checks.Enforcement != "off" {
		r.RequiresStatus = append(r.RequiresStatus, checks.Contexts...)
	}
}

// addClassic takes the protection in as it binds the user of that login. Of a team or an app that may push it is not
// known whether the user belongs to it.
func (r *Rules) addClassic(p *gogithub.Protection, login string) {
	named := func(users []*gogithub.User) bool {
		return slices.ContainsFunc(users, func(u *gogithub.User) bool { return u.GetLogin() == login })
	}
	if review := p.RequiredPullRequestReviews; review != nil {
		allowed := review.BypassPullRequestAllowances
		r.RequiresReview = r.RequiresReview || allowed == nil || !named(allowed.Users)
	}
	if p.RequiredStatusChecks != nil {
		r.RequiresStatus = append(r.RequiresStatus, p.RequiredStatusChecks.Contexts...)
	}
	r.RequiresSignature = r.RequiresSignature || p.GetRequiredSignatures().GetEnabled()
	r.RestrictsPush = r.RestrictsPush || p.GetLockBranch().GetEnabled()
	if only := p.Restrictions; only != nil && !named(only.Users) {
		r.RestrictsPush = true
	}
}
