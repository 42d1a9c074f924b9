package sim

import (
	"net/http"
	"slices"
	"strconv"
)

// protects are the classic protection and the rulesets of a branch name.
func (r *repository) protects(branch string) (*Protection, []Rule) {
	said := r.Branches[branch]
	return said.Protection, slices.Concat(r.Rules, said.Rules)
}

type hubEnabled struct {
	Enabled bool `json:"enabled"`
}

type hubProtectionItem struct {
	URL          string           `json:"url"`
	Checks       *hubChecksItem   `json:"required_status_checks,omitempty"`
	Reviews      *hubReviewsItem  `json:"required_pull_request_reviews,omitempty"`
	Signatures   hubEnabled       `json:"required_signatures"`
	Admins       hubEnabled       `json:"enforce_admins"`
	Restrictions *hubRestrictions `json:"restrictions,omitempty"`
	ForcePushes  hubEnabled       `json:"allow_force_pushes"`
	Deletions    hubEnabled       `json:"allow_deletions"`
	Lock         hubEnabled       `json:"lock_branch"`
}

type hubChecksItem struct {
	Strict   bool     `json:"strict"`
	Contexts []string `json:"contexts"`
}

type hubReviewsItem struct {
	Count int `json:"required_approving_review_count"`
}

type hubRestrictions struct {
	Users []hubUserItem `json:"users"`
	Teams []hubUserItem `json:"teams"`
	Apps  []hubUserItem `json:"apps"`
}

// hubProtection: docs.github.com/rest/branches/branch-protection#get-branch-protection. Others than administrators get
// the 404 of what does not exist.
func (s *Sim) hubProtection(c *hubCall) answer {
	protection, _ := c.repository.protects(c.args[0])
	switch {
	case c.repository.branches[c.args[0]] == nil:
		return hubFail(http.StatusNotFound, "Branch not found")
	case c.token == "" || !c.repository.Admin:
		return hubNotFound()
	case protection == nil:
		return hubFail(http.StatusNotFound, "Branch not protected")
	}
	item := hubProtectionItem{
		URL: c.url("branches/" + c.args[0] + "/protection"), Signatures: hubEnabled{protection.Signatures}, Admins: hubEnabled{protection.Admins},
	}
	if len(protection.Statuses) > 0 {
		item.Checks = &hubChecksItem{Contexts: protection.Statuses}
	}
	if protection.Review {
		item.Reviews = &hubReviewsItem{Count: 1}
	}
	if protection.Restricted {
		item.Restrictions = &hubRestrictions{Users: []hubUserItem{}, Teams: []hubUserItem{}, Apps: []hubUserItem{}}
		for i, login := range protection.Pushers {
			item.Restrictions.Users = append(item.Restrictions.Users, hubUserItem{Login: login, ID: 10 + i, Type: "User"})
		}
	}
	return reply(http.StatusOK, item)
}

type hubRuleItem struct {
	Type       string         `json:"type"`
	Parameters map[string]any `json:"parameters,omitempty"`
	SourceType string         `json:"ruleset_source_type,omitempty"`
	Source     string         `json:"ruleset_source,omitempty"`
	Ruleset    int            `json:"ruleset_id,omitempty"`
}

func (r Rule) item() hubRuleItem {
	item := hubRuleItem{Type: r.Type}
	switch r.Type {
	case "required_status_checks":
		checks := []map[string]string{}
		for _, context := range r.Statuses {
			checks = append(checks, map[string]string{"context": context})
		}
		item.Parameters = map[string]any{"required_status_checks": checks, "strict_required_status_checks_policy": false}
	case "pull_request":
		item.Parameters = map[string]any{"required_approving_review_count": 1, "dismiss_stale_reviews_on_push": false}
	}
	return item
}

// hubBranchRules: docs.github.com/rest/repos/rules#get-rules-for-a-branch. The branch need not exist.
func (s *Sim) hubBranchRules(c *hubCall) answer {
	_, rules := c.repository.protects(c.args[0])
	items := []hubRuleItem{}
	for _, r := range rules {
		item := r.item()
		item.SourceType, item.Source, item.Ruleset = "Repository", c.repository.name, c.repository.rulesetID(r)
		items = append(items, item)
	}
	return reply(http.StatusOK, items)
}

// rulesets are all of a repository, without those that are the same.
func (r *repository) rulesets() []Rule {
	all := slices.Clone(r.Rules)
	for _, branch := range sorted(r.Branches) {
		all = append(all, r.Branches[branch].Rules...)
	}
	return all
}

func (r *repository) rulesetID(rule Rule) int {
	return 1 + slices.IndexFunc(r.rulesets(), func(other Rule) bool {
		return other.Type == rule.Type && other.Bypass == rule.Bypass && slices.Equal(other.Statuses, rule.Statuses)
	})
}

type hubRulesetItem struct {
	ID          int           `json:"id"`
	Name        string        `json:"name"`
	Target      string        `json:"target"`
	SourceType  string        `json:"source_type"`
	Source      string        `json:"source"`
	Enforcement string        `json:"enforcement"`
	Rules       []hubRuleItem `json:"rules"`
	Bypass      string        `json:"current_user_can_bypass,omitempty"`
}

// hubRuleset: docs.github.com/rest/repos/rules#get-a-repository-ruleset.
func (s *Sim) hubRuleset(c *hubCall) answer {
	all := c.repository.rulesets()
	id, err := strconv.Atoi(c.args[0])
	if err != nil || id < 1 || id > len(all) {
		return hubNotFound()
	}
	rule := all[id-1]
	item := hubRulesetItem{
		ID: id, Name: rule.Type, Target: "branch", SourceType: "Repository", Source: c.repository.name, Enforcement: "active",
		Rules: []hubRuleItem{rule.item()},
	}
	if c.token != "" {
		item.Bypass = rule.Bypass
		if item.Bypass == "" {
			item.Bypass = "never"
		}
	}
	return reply(http.StatusOK, item)
}
