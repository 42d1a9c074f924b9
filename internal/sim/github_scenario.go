package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// GitHub says what the simulated GitHub is like. Its paths begin with /api/v3, like those of GitHub Enterprise, so that
// one address serves both services. Only the repositories listed exist.
//
// Scenario.Faults, Limit, Chaos and Latency do not touch it: it has its own.
type GitHub struct {
	Login        string                `yaml:"login"`        // whom every accepted token belongs to; default Scenario.Login
	Tokens       []string              `yaml:"tokens"`       // accepted tokens; empty = any. Without a token only public repositories can be read
	Scopes       *string               `yaml:"scopes"`       // what X-OAuth-Scopes says, "repo, read:org"; left out as for fine-grained tokens
	Repositories map[string]Repository `yaml:"repositories"` // by org/name
	Limit        *GitHubLimit          `yaml:"limit"`        // the primary rate limit; none when left out, as on GitHub Enterprise
	Faults       []Fault               `yaml:"faults"`       // match.project is a repository, match.endpoint one of GitHubEndpoints
	Latency      time.Duration         `yaml:"latency"`      // every answer is that late
}

// GitHubLimit is the primary rate limit: whoever has used up the requests of a window gets 403 until the next one.
type GitHubLimit struct {
	Requests int           `yaml:"requests"`
	Window   time.Duration `yaml:"window"` // default 1h
}

// Repository says what one repository is like. All branches begin at one first commit.
type Repository struct {
	DefaultBranch string   `yaml:"default_branch"` // default: that of the CircleCI project of the same name
	Private       bool     `yaml:"private"`        // 404 without a token
	Archived      bool     `yaml:"archived"`
	CanPush       *bool    `yaml:"can_push"`    // the token's user may push; default true
	Admin         bool     `yaml:"admin"`       // the token's user administers it
	HiddenFrom    []string `yaml:"hidden_from"` // tokens that get 404
	RenamedTo     string   `yaml:"renamed_to"`  // org/name of a listed one: every request is redirected there, and nothing else is said here
	Empty         bool     `yaml:"empty"`       // without a commit
	// Version is a short way to say what is developed: 1.4.2-SNAPSHOT is on the branch 1.4.x, and 1.5.0-SNAPSHOT on the
	// default branch; 1.4.0-SNAPSHOT is on the default branch alone. Branches adds to it and overrides it.
	Version   string            `yaml:"version"`
	Branches  map[string]Branch `yaml:"branches"`  // the default branch exists in any case
	Tags      []string          `yaml:"tags"`      // of the first commit
	Annotated bool              `yaml:"annotated"` // tags are objects of their own
	Rules     []Rule            `yaml:"rules"`     // rulesets for every branch name
	// ReleaseTags: a pipeline that was triggered with gio_action release and dry_run false, and succeeded, has released: a
	// commit sets the version of pom.xml to the released one and is tagged with it, a second one to the next patch's
	// SNAPSHOT. Default true; with false nothing happens.
	ReleaseTags *bool `yaml:"release_tags"`
}

// Branch says what one branch is like. Its commits all have the same files.
type Branch struct {
	Version    string            `yaml:"version"`    // makes a pom.xml of that version and a .circleci/config.yml with the parameters of the CircleCI project, else gio_action and dry_run
	Files      map[string]string `yaml:"files"`      // by path; besides those of version, which they replace
	Commits    []Commit          `yaml:"commits"`    // the newest last; default one
	Protection *Protection       `yaml:"protection"` // classic protection
	Rules      []Rule            `yaml:"rules"`      // rulesets, besides the repository's
}

// Commit is one commit.
type Commit struct {
	Message string        `yaml:"message"`
	Age     time.Duration `yaml:"age"` // before the simulator began; default 0
	Tag     string        `yaml:"tag"` // a tag on it
}

// Protection is classic protection of a branch, which only an administrator may read.
type Protection struct {
	Review     bool     `yaml:"review"`     // changes come by pull request
	Signatures bool     `yaml:"signatures"` // commits are signed
	Statuses   []string `yaml:"statuses"`   // contexts that must have succeeded
	Restricted bool     `yaml:"restricted"` // only pushers may push
	Pushers    []string `yaml:"pushers"`    // logins
	Admins     bool     `yaml:"admins"`     // it binds administrators, too
}

// Rule is a ruleset with one rule.
type Rule struct {
	Type     string   `yaml:"type"`     // GitHub's name: pull_request, required_signatures, required_status_checks, update, creation, ...
	Statuses []string `yaml:"statuses"` // contexts, of required_status_checks
	Bypass   string   `yaml:"bypass"`   // what the token's user may: always, pull_requests_only or never, the default
}

var (
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)
	snapshotForm   = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)-SNAPSHOT$`)
)

func (g GitHub) validate() error {
	var c complaints
	c.add(atLeastZero("latency", g.Latency))
	for name, r := range g.Repositories {
		c.refuse(!repositoryForm.MatchString(name), "repositories: %q is not org/name", name)
		target, listed := g.Repositories[r.RenamedTo]
		c.refuse(r.RenamedTo != "" && (!listed || target.RenamedTo != ""), "repositories.%s: renamed_to names no repository that is listed and keeps its name", name)
		c.add(within("repositories."+name, r.validate()))
	}
	for i, f := range g.Faults {
		c.add(within(fmt.Sprintf("faults[%d]", i), f.validate(GitHubEndpoints())))
	}
	if g.Limit != nil {
		c.refuse(g.Limit.Requests < 1, "limit: requests is at least 1, it is %d", g.Limit.Requests)
		c.refuse(g.Limit.Window != 0 && g.Limit.Window < time.Second, "limit: window is at least 1s, it is %v", g.Limit.Window)
	}
	return c.join()
}

func (r Repository) validate() error {
	var c complaints
	c.refuse(r.Version != "" && !snapshotForm.MatchString(r.Version), "version is X.Y.Z-SNAPSHOT, not %q", r.Version)
	c.refuse(r.Empty && (r.Version != "" || len(r.Branches) > 0 || len(r.Tags) > 0), "an empty repository has no version, branches or tags")
	c.add(within("rules", validateRules(r.Rules)))
	tags := slices.Clone(r.Tags)
	for name, b := range r.Branches {
		c.add(within("branches."+name+".rules", validateRules(b.Rules)))
		for i, commit := range b.Commits {
			c.refuse(commit.Message == "", "branches.%s.commits[%d] needs a message", name, i)
			c.add(within(fmt.Sprintf("branches.%s.commits[%d]", name, i), atLeastZero("age", commit.Age)))
			if commit.Tag != "" {
				tags = append(tags, commit.Tag)
			}
		}
	}
	slices.Sort(tags)
	c.refuse(len(slices.Compact(slices.Clone(tags))) != len(tags), "a tag stands twice: %s", strings.Join(tags, ", "))
	return c.join()
}

func validateRules(rules []Rule) error {
	var c complaints
	for i, r := range rules {
		c.refuse(r.Type == "", "[%d] needs a type", i)
		c.refuse(len(r.Statuses) > 0 && r.Type != "required_status_checks", "[%d]: statuses belong to the type required_status_checks", i)
		c.refuse(!slices.Contains([]string{"", "always", "pull_requests_only", "never"}, r.Bypass), "[%d]: unknown bypass %q", i, r.Bypass)
	}
	return c.join()
}
