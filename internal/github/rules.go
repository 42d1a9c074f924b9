package github

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Target is a branch or a tag that is to be pushed.
type Target struct {
	Name   string // without refs/heads/ or refs/tags/
	Tag    bool
	Exists bool
	// Like is a branch that exists, when Name does not: classic protection of it may be that of a pattern that matches both. REST
	// shows the protection of branches that exist, and no pattern.
	Like string
}

// ref returns the full name.
func (t Target) ref() string {
	if t.Tag {
		return "refs/tags/" + t.Name
	}
	return "refs/heads/" + t.Name
}

// Rule is a rule that binds the token's user. Against says what it means for a push.
type Rule struct {
	// Type is GitHub's name, such as creation or commit_message_pattern; of classic protection the name of the rule that means the
	// same; tag_protection; or "" where the rules of the ruleset cannot be read.
	Type    string
	Ruleset string // the name of its ruleset, "" for classic protection
	Source  string // org/name or organization, whose ruleset it is
	Like    string // Target.Like, where that is what has the rule
	Parameters
}

// Parameters are those of a rule that decide about a push (docs.github.com/rest/repos/rules#get-rules-for-a-branch).
type Parameters struct {
	Operator string `json:"operator"` // starts_with, ends_with, contains or regex
	Pattern  string `json:"pattern"`
	Negate   bool   `json:"negate"` // what matches is refused

	Checks       []Check  `json:"required_status_checks"`
	NotOnCreate  bool     `json:"do_not_enforce_on_create"`
	Environments []string `json:"required_deployment_environments"`

	Paths      []string `json:"restricted_file_paths"`
	Extensions []string `json:"restricted_file_extensions"`
	MaxPath    int      `json:"max_file_path_length"` // in characters
	MaxSize    int      `json:"max_file_size"`        // in megabytes
}

// Check is a status that commits must have.
type Check struct {
	Context string `json:"context"`
}

// Demand is what GitHub demands of pushes to one ref.
type Demand struct {
	Rules []Rule
	// Hidden is the branch, Name or Like of the target, that has classic protection which only an administrator may read: further
	// rules may bind.
	Hidden string
}

// Demands are what GitHub demands of a push.
type Demands struct {
	Refs  []Demand // of each target, in their order
	Files []Rule   // of push rulesets, which bind every push
}

// Demands reads the rules that bind a push by the token's user: the rulesets (docs.github.com/rest/repos/rules), also those of the
// organization, as far as they are active and the user may not bypass them; the classic protection of branches
// (docs.github.com/rest/branches/branch-protection) and that of tags (docs.github.com/rest/repos/tags). What applies to all refs
// is read once. A GitHub Enterprise without rulesets has none.
func (c *Client) Demands(ctx context.Context, repo string, targets []Target) (Demands, error) {
	r := &ruleReader{Client: c, repo: repo, branches: make([]branchRules, len(targets)), sets: map[int64]ruleset{}}
	if err := r.readLists(ctx, targets); err != nil {
		return Demands{}, err
	}
	if err := r.readSets(ctx); err != nil {
		return Demands{}, err
	}
	var all Demands
	for n, t := range targets {
		demand := r.branches[n].classic
		if t.Tag {
			demand.Rules = r.tagRules(t)
		} else {
			demand.Rules = slices.Concat(r.ofBranch(r.branches[n].rules), demand.Rules)
		}
		all.add(demand)
	}
	for _, set := range r.listed {
		if r.target(set) == "push" {
			all.addFiles(r.ofSet(set))
		}
	}
	return all, nil
}

// add adds what is demanded of one more ref. Rules about files are kept apart.
func (d *Demands) add(demand Demand) {
	about := func(r Rule) bool { return slices.Contains(fileTypes, r.Type) }
	d.addFiles(slices.DeleteFunc(slices.Clone(demand.Rules), func(r Rule) bool { return !about(r) }))
	demand.Rules = slices.DeleteFunc(demand.Rules, about)
	d.Refs = append(d.Refs, demand)
}

func (d *Demands) addFiles(rules []Rule) {
	for _, r := range rules {
		if !slices.ContainsFunc(d.Files, func(other Rule) bool { return reflect.DeepEqual(r, other) }) {
			d.Files = append(d.Files, r)
		}
	}
}

// ruleReader is one call of Demands.
type ruleReader struct {
	*Client
	repo     string
	branches []branchRules // of each target
	listed   []ruleset     // those of tags and pushes that are active; lists hold no rules
	patterns []string      // of protected tags, where they bind the user
	sets     map[int64]ruleset
}

// branchRules is what is read about one branch.
type branchRules struct {
	rules   []rule
	classic Demand
}

// rule is a rule in an answer. go-github's own type refuses newer kinds of rules.
type rule struct {
	Type       string     `json:"type"`
	Ruleset    int64      `json:"ruleset_id"`
	Source     string     `json:"ruleset_source"`
	Parameters Parameters `json:"parameters"`
}

// ruleset is a ruleset in an answer (docs.github.com/rest/repos/rules#get-a-repository-ruleset).
type ruleset struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Target      string `json:"target"` // branch, tag, push or repository
	Source      string `json:"source"`
	Enforcement string `json:"enforcement"`             // active; evaluate and disabled do not bind
	Bypass      string `json:"current_user_can_bypass"` // always, exempt, pull_requests_only or never
	Conditions  *struct {
		RefName refNames `json:"ref_name"`
	} `json:"conditions"`
	Rules []rule `json:"rules"`

	unread bool // GitHub does not show it to the user
}

// readLists reads what needs no other answer, all at once.
func (r *ruleReader) readLists(ctx context.Context, targets []Target) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.readRulesets(ctx) })
	if slices.ContainsFunc(targets, func(t Target) bool { return t.Tag }) {
		g.Go(func() error { return r.readTagProtection(ctx) })
	}
	for n, t := range targets {
		if t.Tag {
			continue
		}
		g.Go(func() (err error) {
			r.branches[n].rules, err = r.readBranchRules(ctx, t.Name)
			return err
		})
		g.Go(func() (err error) {
			r.branches[n].classic, err = r.readClassic(ctx, r.repo, t)
			return err
		})
	}
	return g.Wait()
}

// readBranchRules reads the active rules of a branch, which need not exist.
func (r *ruleReader) readBranchRules(ctx context.Context, branch string) ([]rule, error) {
	path, err := repoPath(r.repo, "rules", "branches", branch)
	if err != nil {
		return nil, err
	}
	return allPages[rule](ctx, r.Client, call{path: path + "?", subject: fmt.Sprintf("rules of branch %s of %s", branch, r.repo), missing: "no-rules"})
}

// readRulesets lists the rulesets of tags and of pushes. Those of branches come with the rules of a branch.
func (r *ruleReader) readRulesets(ctx context.Context) error {
	path, err := repoPath(r.repo, "rulesets")
	if err != nil {
		return err
	}
	k := call{path: path + "?targets=tag,push&", subject: "rulesets of " + r.repo, missing: "no-rules"}
	all, err := allPages[ruleset](ctx, r.Client, k)
	for _, set := range all {
		// An older GitHub Enterprise filters nothing, or does not say the target in a list.
		if set.Enforcement == "active" && slices.Contains([]string{"", "tag", "push"}, set.Target) {
			r.listed = append(r.listed, set)
		}
	}
	return err
}

// readTagProtection reads the patterns of protected tags. On github.com there are none any more, and elsewhere only an
// administrator may read them. They bind who may not maintain the repository.
func (r *ruleReader) readTagProtection(ctx context.Context) error {
	path, err := repoPath(r.repo, "tags", "protection")
	if err != nil || r.url == defaultURL {
		return err
	}
	var found []struct {
		Pattern string `json:"pattern"`
	}
	k := call{path: path, subject: "protected tags of " + r.repo, missing: "no-tag-protection"}
	if _, err := r.get(ctx, k, &found); err != nil || len(found) == 0 {
		if fault.Is(err, k.missing) || fault.Is(err, "github-forbidden") {
			return nil
		}
		return err
	}
	repository, err := r.repository(ctx, r.repo)
	if err != nil || repository.Permissions["admin"] || repository.Permissions["maintain"] {
		return err
	}
	for _, p := range found {
		r.patterns = append(r.patterns, p.Pattern)
	}
	return nil
}

// readSets reads each ruleset that was named, all at once.
func (r *ruleReader) readSets(ctx context.Context) error {
	var ids []int64
	for _, set := range r.listed {
		ids = append(ids, set.ID)
	}
	for _, branch := range r.branches {
		for _, rule := range branch.rules {
			ids = append(ids, rule.Ruleset)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	sets := make([]ruleset, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	for n, id := range ids {
		g.Go(func() (err error) {
			sets[n], err = r.readSet(ctx, id)
			return err
		})
	}
	err := g.Wait()
	for n, id := range ids {
		r.sets[id] = sets[n]
	}
	return err
}

func (r *ruleReader) readSet(ctx context.Context, id int64) (ruleset, error) {
	set := ruleset{ID: id}
	path, err := repoPath(r.repo, "rulesets", fmt.Sprint(id))
	if err != nil {
		return set, err
	}
	_, err = r.get(ctx, call{path: path, subject: fmt.Sprintf("ruleset %d of %s", id, r.repo), missing: "no-ruleset"}, &set)
	if fault.Is(err, "no-ruleset") || fault.Is(err, "github-forbidden") {
		return ruleset{ID: id, unread: true}, nil
	}
	return set, err
}

// bypassed reports whether the user may push against the ruleset.
func (s ruleset) bypassed() bool { return s.Bypass == "always" || s.Bypass == "exempt" }

// ofBranch returns the rules of a branch that bind the user. One that GitHub does not let the user read binds, for all gio knows.
func (r *ruleReader) ofBranch(rules []rule) []Rule {
	var all []Rule
	for _, found := range rules {
		set := r.sets[found.Ruleset]
		if set.bypassed() {
			continue
		}
		all = append(all, Rule{
			Type: found.Type, Ruleset: cmp.Or(set.Name, fmt.Sprint(found.Ruleset)), Source: found.Source, Parameters: found.Parameters,
		})
	}
	return all
}

// target returns what a listed ruleset is for.
func (r *ruleReader) target(listed ruleset) string {
	return cmp.Or(r.sets[listed.ID].Target, listed.Target)
}

// tagRules returns the rules of a tag that bind the user.
func (r *ruleReader) tagRules(t Target) []Rule {
	var all []Rule
	for _, set := range r.listed {
		whole := r.sets[set.ID]
		if r.target(set) == "tag" && (whole.Conditions == nil || whole.Conditions.RefName.match(t.ref())) {
			all = append(all, r.ofSet(set)...)
		}
	}
	for _, pattern := range r.patterns {
		if matchName(pattern, t.Name) {
			all = append(all, Rule{Type: "tag_protection", Parameters: Parameters{Pattern: pattern}})
		}
	}
	return all
}

// ofSet returns the rules of a listed ruleset, unless the user may bypass it; one without a type where it cannot be read.
func (r *ruleReader) ofSet(listed ruleset) []Rule {
	set := r.sets[listed.ID]
	if set.unread {
		return []Rule{{Ruleset: listed.Name, Source: listed.Source}}
	}
	var all []Rule
	for _, found := range set.Rules {
		if !set.bypassed() {
			all = append(all, Rule{Type: found.Type, Ruleset: set.Name, Source: set.Source, Parameters: found.Parameters})
		}
	}
	return all
}
