package github

import (
	"context"
	"fmt"
	"slices"

	gogithub "github.com/google/go-github/v57/github"

	"github.com/gravitee-lab/gio/internal/fault"
)

// readClassic reads the classic protection of a branch, as far as it binds the token's user.
func (c *Client) readClassic(ctx context.Context, repo string, t Target) (Demand, error) {
	name := t.Name
	if !t.Exists {
		name = t.Like
	}
	if name == "" {
		return Demand{}, nil
	}
	found, err := c.branch(ctx, repo, name)
	if fault.Is(err, "no-branch") {
		return Demand{}, nil
	}
	if err != nil || !found.classic() {
		return Demand{}, err
	}
	protection, err := c.protection(ctx, repo, name)
	if fault.Is(err, "no-protection") || fault.Is(err, "github-forbidden") || fault.Is(err, "github-unauthorized") {
		demand := Demand{Hidden: name}
		if t.Exists {
			demand.Rules = found.required()
		}
		return demand, nil
	}
	if err != nil || protection == nil {
		return Demand{}, err
	}
	login, err := c.User(ctx)
	if err != nil && !fault.Is(err, "github-forbidden") { // a GitHub App is no user
		return Demand{}, err
	}
	if t.Exists {
		return Demand{Rules: bindingUpdates(protection, login)}, nil
	}
	return Demand{Rules: bindingCreation(protection, login, t.Like)}, nil
}

// classic reports whether a branch has classic protection. Old answers have no summary, and no other kind of protection.
func (b *branchAnswer) classic() bool {
	if b.Protection == nil {
		return b.GetProtected()
	}
	return b.Protection.Enabled
}

// required returns what everybody may see of classic protection: the required statuses.
func (b *branchAnswer) required() []Rule {
	if b.Protection == nil || b.Protection.RequiredStatusChecks == nil || b.Protection.RequiredStatusChecks.Enforcement == "off" {
		return nil
	}
	return statusRules(b.Protection.RequiredStatusChecks.Contexts)
}

func statusRules(contexts []string) []Rule {
	if len(contexts) == 0 {
		return nil
	}
	rule := Rule{Type: "required_status_checks"}
	for _, context := range contexts {
		rule.Checks = append(rule.Checks, Check{context})
	}
	return []Rule{rule}
}

// protection reads classic protection, which only administrators may read; nil where none binds the user. The fault of who may
// not read it is "no-protection", "github-forbidden" or "github-unauthorized".
func (c *Client) protection(ctx context.Context, repo, branch string) (*gogithub.Protection, error) {
	path, err := repoPath(repo, "branches", branch, "protection")
	if err != nil {
		return nil, err
	}
	var protection gogithub.Protection
	k := call{path: path, subject: fmt.Sprintf("protection of branch %s of %s", branch, repo), missing: "no-protection"}
	if _, err := c.get(ctx, k, &protection); err != nil {
		if fault.Is(err, "not-protected") { // by rulesets alone
			return nil, nil
		}
		return nil, err
	}
	if admins := protection.EnforceAdmins; admins == nil || !admins.Enabled {
		found, err := c.repository(ctx, repo)
		if err != nil || found.Permissions["admin"] { // it does not bind administrators
			return nil, err
		}
	}
	return &protection, nil
}

// names reports whether the user of that login is in a list. Whether the user belongs to a team or is an app cannot be known.
func names(users []*gogithub.User, login string) bool {
	return slices.ContainsFunc(users, func(u *gogithub.User) bool { return u.GetLogin() == login })
}

// bindingUpdates returns the rules of classic protection that bind pushes to a branch, by the names of those of rulesets.
func bindingUpdates(p *gogithub.Protection, login string) []Rule {
	var rules []Rule
	if review := p.RequiredPullRequestReviews; review != nil {
		if allowed := review.BypassPullRequestAllowances; allowed == nil || !names(allowed.Users, login) {
			rules = append(rules, Rule{Type: "pull_request"})
		}
	}
	if p.RequiredStatusChecks != nil {
		rules = append(rules, statusRules(p.RequiredStatusChecks.Contexts)...)
	}
	if p.GetRequiredSignatures().GetEnabled() {
		rules = append(rules, Rule{Type: "required_signatures"})
	}
	if only := p.Restrictions; p.GetLockBranch().GetEnabled() || only != nil && !names(only.Users, login) {
		rules = append(rules, Rule{Type: "update"})
	}
	return rules
}

// bindingCreation returns the rules that bind who makes a branch, if the protection of the branch like it is that of a pattern
// which matches both. Only restricted pushes that also block creations do; signatures are asked of a new branch only then
// (docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets).
func bindingCreation(p *gogithub.Protection, login, like string) []Rule {
	if p.Restrictions == nil || !p.GetBlockCreations().GetEnabled() {
		return nil
	}
	var rules []Rule
	if !names(p.Restrictions.Users, login) {
		rules = append(rules, Rule{Type: "creation", Like: like})
	}
	if p.GetRequiredSignatures().GetEnabled() {
		rules = append(rules, Rule{Type: "required_signatures", Like: like})
	}
	return rules
}
