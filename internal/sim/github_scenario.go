package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// GitHub describes the simulated GitHub. Its paths begin with /api/v3, like those of GitHub Enterprise, so that one
// address serves both services. Only the repositories listed exist.
//
// Scenario.Faults, Limit, Chaos and Latency do not affect it: it has its own.
type GitHub struct {
	Login        string                `yaml:"login"`        // owner of every accepted token; default Scenario.Login
	Tokens       []string              `yaml:"tokens"`       // accepted tokens; empty = any. Without a token only public repositories can be read
	Scopes       *string               `yaml:"scopes"`       // X-OAuth-Scopes, "repo, read:org"; default no such header, as for fine-grained tokens
	Repositories map[string]Repository `yaml:"repositories"` // by org/name
	Limit        *GitHubLimit          `yaml:"limit"`        // the primary rate limit; default none, as on GitHub Enterprise
	Faults       []Fault               `yaml:"faults"`       // match.project is a repository, match.endpoint one of GitHubEndpoints
	Latency      time.Duration         `yaml:"latency"`      // of every answer
}

// GitHubLimit is the primary rate limit: after that many requests in a window, every request gets 403 until the next window.
type GitHubLimit struct {
	Requests int           `yaml:"requests"`
	Window   time.Duration `yaml:"window"` // default 1h
}

// Repository describes one repository. All branches begin at one first commit.
type Repository struct {
	DefaultBranch string   `yaml:"default_branch"` // default: that of the CircleCI project of the same name
	Private       bool     `yaml:"private"`        // 404 without a token
	Archived      bool     `yaml:"archived"`
	CanPush       *bool    `yaml:"can_push"`    // the token's user may push; default true
	Admin         bool     `yaml:"admin"`       // the token's user administers it
	HiddenFrom    []string `yaml:"hidden_from"` // tokens that get 404
	RenamedTo     string   `yaml:"renamed_to"`  // org/name of a listed one: every request is redirected there, and the other keys do not apply
	Empty         bool     `yaml:"empty"`       // without a commit
	// Version is a short form for the versions in development: 1.4.2-SNAPSHOT means that version on the branch 1.4.x, and
	// 1.5.0-SNAPSHOT on the default branch; 1.4.0-SNAPSHOT only that on the default branch. Branches adds to it and overrides it.
	Version   string            `yaml:"version"`
	Branches  map[string]Branch `yaml:"branches"`  // the default branch exists in any case
	Tags      []string          `yaml:"tags"`      // of the first commit
	Annotated bool              `yaml:"annotated"` // tags are objects of their own
	Rules     []Rule            `yaml:"rules"`     // a ruleset of each, for every branch name
	Rulesets  []Ruleset         `yaml:"rulesets"`  // rulesets besides those of rules
	// TagProtection: patterns of tag names that only maintainers may make; none: GitHub has no such protection any more.
	TagProtection []string `yaml:"tag_protection"`
	ForkOf        string   `yaml:"fork_of"` // org/name of a listed repository that it is a fork of
	// ReleaseTags: a pipeline that was triggered with gio_action release and dry_run false, and succeeded, makes a commit
	// with the released version in every pom.xml, without the -SNAPSHOT of other versions, and tags it with that version, then a
	// second commit with the next patch's SNAPSHOT. Default true; with false nothing happens.
	ReleaseTags *bool `yaml:"release_tags"`
	// ReleaseFiles are files of the commit that the first release tags, by path, whatever the job would make of them.
	ReleaseFiles map[string]string `yaml:"release_files"`
}

// Branch describes one branch. Its commits all have the same files.
type Branch struct {
	Version    string            `yaml:"version"`    // makes a pom.xml of that version and a .circleci/config.yml with the parameters of the CircleCI project, else gio_action and dry_run
	Files      map[string]string `yaml:"files"`      // by path; besides those of version, which they replace
	Commits    []Commit          `yaml:"commits"`    // the newest last; default one
	Protection *Protection       `yaml:"protection"` // classic protection
	Rules      []Rule            `yaml:"rules"`      // a ruleset of each, besides the repository's
	// RenamedTo: the branch is renamed to that name, RenamedAfter the simulator began; at once when that is 0. Its rules and its
	// protection move with it, and the default branch stays the default branch.
	RenamedTo    string        `yaml:"renamed_to"`
	RenamedAfter time.Duration `yaml:"renamed_after"`
}

// Commit is one commit.
type Commit struct {
	Message string        `yaml:"message"`
	Age     time.Duration `yaml:"age"`    // before the simulator began; default 0
	Tag     string        `yaml:"tag"`    // a tag on it
	Author  string        `yaml:"author"` // login of its author; default: no account
	Merge   bool          `yaml:"merge"`  // it has a second parent, which is on no branch
	SHA     string        `yaml:"sha"`    // its id, 40 hexadecimal digits; default: made of its content
}

var (
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)
	shaForm        = regexp.MustCompile(`^[0-9a-f]{40}$`)
	snapshotForm   = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)-SNAPSHOT$`)
)

func (g GitHub) validate() error {
	var c complaints
	c.add(atLeastZero("latency", g.Latency))
	for name, r := range g.Repositories {
		c.refuse(!repositoryForm.MatchString(name), "repositories: %q is not org/name", name)
		target, listed := g.Repositories[r.RenamedTo]
		c.refuse(r.RenamedTo != "" && (!listed || target.RenamedTo != ""), "repositories.%s: renamed_to names no repository that is listed and keeps its name", name)
		_, listed = g.Repositories[r.ForkOf]
		c.refuse(r.ForkOf != "" && (!listed || g.isForkOfItself(name)), "repositories.%s: fork_of names no other repository that is listed", name)
		c.add(within("repositories."+name, r.validate()))
	}
	for i, f := range g.Faults {
		c.add(within(fmt.Sprintf("faults[%d]", i), f.validate(GitHubEndpoints())))
		c.refuse(f.Kind == MixedUp || f.Kind == DeadPageToken, "faults[%d]: %s is a fault of CircleCI", i, f.Kind)
	}
	if g.Limit != nil {
		c.refuse(g.Limit.Requests < 1, "limit: requests is at least 1, it is %d", g.Limit.Requests)
		c.refuse(g.Limit.Window != 0 && g.Limit.Window < time.Second, "limit: window is at least 1s, it is %v", g.Limit.Window)
	}
	return c.join()
}

// isForkOfItself reports whether the forks of a repository lead in a circle.
func (g GitHub) isForkOfItself(name string) bool {
	seen := map[string]bool{}
	for ; name != "" && !seen[name]; name = g.Repositories[name].ForkOf {
		seen[name] = true
	}
	return name != ""
}

func (r Repository) validate() error {
	var c complaints
	c.refuse(r.Version != "" && !snapshotForm.MatchString(r.Version), "version is X.Y.Z-SNAPSHOT, not %q", r.Version)
	c.refuse(r.Empty && (r.Version != "" || len(r.Branches) > 0 || len(r.Tags) > 0), "an empty repository has no version, branches or tags")
	c.add(within("rules", validateRules(r.Rules)))
	for i, set := range r.Rulesets {
		c.add(within(fmt.Sprintf("rulesets[%d]", i), set.validate()))
	}
	tags := slices.Clone(r.Tags)
	for name, b := range r.Branches {
		c.add(within("branches."+name+".rules", validateRules(b.Rules)))
		_, taken := r.Branches[b.RenamedTo]
		c.refuse(taken, "branches.%s: renamed_to names a branch that exists", name)
		c.refuse(b.RenamedTo == "" && b.RenamedAfter != 0, "branches.%s: renamed_after belongs to renamed_to", name)
		c.add(within("branches."+name, atLeastZero("renamed_after", b.RenamedAfter)))
		for i, commit := range b.Commits {
			c.refuse(commit.Message == "", "branches.%s.commits[%d] needs a message", name, i)
			c.add(within(fmt.Sprintf("branches.%s.commits[%d]", name, i), atLeastZero("age", commit.Age)))
			c.refuse(commit.SHA != "" && !shaForm.MatchString(commit.SHA), "branches.%s.commits[%d]: sha is 40 hexadecimal digits, not %q", name, i, commit.SHA)
			if commit.Tag != "" {
				tags = append(tags, commit.Tag)
			}
		}
	}
	slices.Sort(tags)
	c.refuse(len(slices.Compact(slices.Clone(tags))) != len(tags), "a tag appears twice: %s", strings.Join(tags, ", "))
	return c.join()
}
