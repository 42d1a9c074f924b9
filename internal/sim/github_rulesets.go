package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// rulesets returns all rulesets of a repository; their ids are their places, from 1.
func (r *repository) rulesets() []Ruleset {
	var all []Ruleset
	for _, rule := range r.Rules {
		all = append(all, rule.alone(everyRef))
	}
	for _, branch := range sorted(r.Branches) {
		for _, rule := range r.Branches[branch].Rules {
			all = append(all, rule.alone("refs/heads/"+branch))
		}
	}
	for _, set := range r.Rulesets {
		all = append(all, set.complete())
	}
	return all
}

// source returns the type and the name of whom a ruleset belongs to.
func (r *repository) source(s Ruleset) (kind, name string) {
	if s.Organization {
		org, _, _ := strings.Cut(r.name, "/")
		return "Organization", org
	}
	return "Repository", r.name
}

type hubRuleItem struct {
	Type       string         `json:"type"`
	Parameters map[string]any `json:"parameters,omitempty"`
	SourceType string         `json:"ruleset_source_type,omitempty"`
	Source     string         `json:"ruleset_source,omitempty"`
	Ruleset    int            `json:"ruleset_id,omitempty"`
}

// branchRules returns the rules that are active for a branch name.
func (r *repository) branchRules(branch string) []hubRuleItem {
	items := []hubRuleItem{}
	for i, set := range r.rulesets() {
		if set.Target != "branch" || !set.binds("refs/heads/"+branch, "refs/heads/"+r.DefaultBranch) {
			continue
		}
		kind, source := r.source(set)
		for _, rule := range set.Rules {
			items = append(items, hubRuleItem{rule.Type, rule.parameters(), kind, source, i + 1})
		}
	}
	return items
}

// hubBranchRules: docs.github.com/rest/repos/rules#get-rules-for-a-branch. The branch need not exist.
func (s *Sim) hubBranchRules(c *hubCall) answer {
	at := fmt.Sprintf("repositories/%d/rules/branches/%s", c.repository.id, c.args[0])
	return hubPage(c, at, c.repository.branchRules(c.args[0]), 30, func(items []hubRuleItem) any { return items })
}

// hubRulesetItem is a ruleset; in a list it has neither conditions nor rules, and says nothing of the user.
type hubRulesetItem struct {
	ID          int            `json:"id"`
	Name        string         `json:"name"`
	Target      string         `json:"target"`
	SourceType  string         `json:"source_type"`
	Source      string         `json:"source"`
	Enforcement string         `json:"enforcement"`
	Conditions  *hubConditions `json:"conditions,omitempty"`
	Rules       []hubRuleItem  `json:"rules,omitempty"`
	Bypass      string         `json:"current_user_can_bypass,omitempty"`
}

type hubConditions struct {
	RefName struct {
		Include []string `json:"include"`
		Exclude []string `json:"exclude"`
	} `json:"ref_name"`
}

func (r *repository) rulesetItem(id int, s Ruleset) hubRulesetItem {
	item := hubRulesetItem{ID: id, Name: s.Name, Target: s.Target, Enforcement: s.Enforcement}
	item.SourceType, item.Source = r.source(s)
	return item
}

// hubRulesetList: docs.github.com/rest/repos/rules#get-all-repository-rulesets.
func (s *Sim) hubRulesetList(c *hubCall) answer {
	items := []hubRulesetItem{}
	for i, set := range c.repository.rulesets() {
		targets := c.query.Get("targets")
		if targets != "" && !slices.Contains(strings.Split(targets, ","), set.Target) || set.Organization && c.query.Get("includes_parents") == "false" {
			continue
		}
		items = append(items, c.repository.rulesetItem(i+1, set))
	}
	return hubPage(c, fmt.Sprintf("repositories/%d/rulesets", c.repository.id), items, 30, func(items []hubRulesetItem) any { return items })
}

// hubRuleset: docs.github.com/rest/repos/rules#get-a-repository-ruleset. A push ruleset has no condition for refs.
func (s *Sim) hubRuleset(c *hubCall) answer {
	all := c.repository.rulesets()
	id, err := strconv.Atoi(c.args[0])
	if err != nil || id < 1 || id > len(all) {
		return hubNotFound()
	}
	set := all[id-1]
	item := c.repository.rulesetItem(id, set)
	if set.Target != "push" {
		item.Conditions = &hubConditions{}
		item.Conditions.RefName.Include, item.Conditions.RefName.Exclude = set.Include, set.Exclude
	}
	for _, rule := range set.Rules {
		item.Rules = append(item.Rules, hubRuleItem{Type: rule.Type, Parameters: rule.parameters()})
	}
	if c.token != "" {
		item.Bypass = set.Bypass
	}
	return reply(http.StatusOK, item)
}
