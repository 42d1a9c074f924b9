package github

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Push is what is pushed to a ref: unsigned commits on top of what the ref holds, without statuses or deployments.
type Push struct {
	Target
	Subjects          []string // the messages of the new commits; none: the repository has its commits already
	Author, Committer string   // addresses of the new commits
}

// File is a file that a push changes.
type File struct {
	Path string
	Size int // in bytes
}

// Objection is why a rule refuses a push. The zero Objection is none.
type Objection struct {
	Why  string
	Sure bool // otherwise it may, or may not
}

func refuses(format string, args ...any) Objection {
	return Objection{Why: fmt.Sprintf(format, args...), Sure: true}
}

func mayRefuse(format string, args ...any) Objection {
	return Objection{Why: fmt.Sprintf(format, args...)}
}

// Against says whether the rule refuses a push, and why. Where no other source is named, the meaning of the types is that of
// docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets.
// A type that gio does not know may refuse.
func (r Rule) Against(p Push) Objection {
	means, known := meanings[r.Type]
	if !known {
		return mayRefuse("gio does not know what it demands")
	}
	o := means(r, p)
	o.Sure = o.Sure && r.Like == ""
	return o
}

// Known reports whether gio knows the type of the rule.
func (r Rule) Known() bool { return meanings[r.Type] != nil || slices.Contains(fileTypes, r.Type) }

// meanings has what each type of rule means for a push to a ref.
var meanings = map[string]func(Rule, Push) Objection{
	"":         func(Rule, Push) Objection { return mayRefuse("its rules cannot be read") },
	"creation": ifNew(refuses("only some may make it")),
	"tag_protection": func(r Rule, p Push) Objection {
		return ifNew(refuses("only maintainers may make a tag like %q", r.Pattern))(r, p)
	},
	"update": ifExists(refuses("only some may push to it")),
	// A branch that is made needs no pull request: with that rule on every branch, the first push of one is accepted and the second
	// refused (github.com/Spacexplorer11/Space_Dodge/issues/24).
	"pull_request":           ifExists(refuses("changes come by pull request")),
	"merge_queue":            existsOrNew(refuses("changes come by merge queue"), mayRefuse("changes come by merge queue")),
	"required_signatures":    ifCommits(refuses("commits must be signed, and gio signs none")),
	"required_status_checks": statusObjection,
	"required_deployments":   deploymentObjection,
	"workflows":              workflowObjection,
	// A push of commits without results is refused (github.com/github/codeql/issues/19671).
	"code_scanning":               existsOrNew(refuses("commits must have results of code scanning"), mayRefuse("commits must have results of code scanning")),
	"code_quality":                ifCommits(mayRefuse("commits must have results of code quality")), // the documentation speaks of pull requests
	"commit_message_pattern":      messageObjection,
	"commit_author_email_pattern": func(r Rule, p Push) Objection { return r.addressObjection("author", p.Author, p) },
	"committer_email_pattern":     func(r Rule, p Push) Objection { return r.addressObjection("committer", p.Committer, p) },
	"branch_name_pattern":         nameObjection,
	"tag_name_pattern":            nameObjection,
	// Nothing is deleted, forced or merged, and a review by Copilot holds nothing up.
	"deletion":                ifNever,
	"non_fast_forward":        ifNever,
	"required_linear_history": ifNever,
	"copilot_code_review":     ifNever,
}

// fileTypes are the types of rules about files, of push rulesets.
var fileTypes = []string{"file_path_restriction", "file_extension_restriction", "max_file_path_length", "max_file_size"}

func ifNever(Rule, Push) Objection { return Objection{} }

func ifNew(o Objection) func(Rule, Push) Objection { return existsOrNew(Objection{}, o) }

func ifExists(o Objection) func(Rule, Push) Objection { return existsOrNew(o, Objection{}) }

func existsOrNew(exists, isNew Objection) func(Rule, Push) Objection {
	return func(_ Rule, p Push) Objection {
		if p.Exists {
			return exists
		}
		return isNew
	}
}

// ifCommits objects to new commits. Those that another ref has already are not looked at when a ref is made.
func ifCommits(o Objection) func(Rule, Push) Objection {
	return func(_ Rule, p Push) Objection {
		if len(p.Subjects) == 0 {
			return Objection{}
		}
		return o
	}
}

// statusObjection: the statuses of a commit that the repository has already may be there.
func statusObjection(r Rule, p Push) Objection {
	if len(r.Checks) == 0 || !p.Exists && r.NotOnCreate {
		return Objection{}
	}
	var contexts []string
	for _, check := range r.Checks {
		contexts = append(contexts, check.Context)
	}
	o := refuses("commits must have the status %s", strings.Join(contexts, ", "))
	o.Sure = len(p.Subjects) > 0
	return o
}

// deploymentObjection: the documentation does not say whether the rule binds who makes a ref.
func deploymentObjection(r Rule, p Push) Objection {
	if len(r.Environments) == 0 {
		return Objection{}
	}
	o := refuses("commits must have been deployed to %s", strings.Join(r.Environments, ", "))
	o.Sure = p.Exists && len(p.Subjects) > 0
	return o
}

// workflowObjection: workflows run for pull requests, so that the rule blocks direct pushes.
func workflowObjection(r Rule, p Push) Objection {
	if !p.Exists && r.NotOnCreate {
		return Objection{}
	}
	return refuses("workflows must have passed, which run for pull requests only")
}

func messageObjection(r Rule, p Push) Objection {
	for _, subject := range p.Subjects {
		if o := r.textObjection("the message", subject); o.Why != "" {
			return o
		}
	}
	return Objection{}
}

func (r Rule) addressObjection(role, address string, p Push) Objection {
	if len(p.Subjects) == 0 {
		return Objection{}
	}
	return r.textObjection("the address of the "+role, address)
}

// nameObjection: the patterns are for the names of new branches and tags.
func nameObjection(r Rule, p Push) Objection {
	if p.Exists {
		return Objection{}
	}
	return r.textObjection("the name", p.Name)
}

// textObjection objects to a text that the pattern does not allow.
func (r Rule) textObjection(what, text string) Objection {
	verb := map[string]string{"starts_with": "begin with", "ends_with": "end in", "contains": "contain", "regex": "match"}[r.Operator]
	matches, readable := r.matches(text)
	switch must := "must"; {
	case !readable:
		return mayRefuse("%s %q must fit %s %q, which gio cannot tell", what, text, r.Operator, r.Pattern)
	case matches != r.Negate:
		return Objection{}
	default:
		if r.Negate {
			must = "must not"
		}
		return refuses("%s %q %s %s %q", what, text, must, verb, r.Pattern)
	}
}

// matches reports whether the pattern matches, and whether gio can tell. Regular expressions are those of RE2, and consider lines
// (docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/creating-rulesets-for-a-repository#using-regular-expressions-for-commit-metadata).
func (r Rule) matches(text string) (matches, readable bool) {
	switch r.Operator {
	case "starts_with":
		return strings.HasPrefix(text, r.Pattern), true
	case "ends_with":
		return strings.HasSuffix(text, r.Pattern), true
	case "contains":
		return strings.Contains(text, r.Pattern), true
	case "regex":
		expression, err := regexp.Compile("(?m)" + r.Pattern)
		return err == nil && expression.MatchString(text), err == nil
	}
	return false, false
}

// AgainstFile says whether a rule of Demands.Files refuses every push that changes a file, and why.
func (r Rule) AgainstFile(f File) Objection {
	switch r.Type {
	case "file_path_restriction":
		at := slices.IndexFunc(r.Paths, func(pattern string) bool { return matchName(strings.TrimPrefix(pattern, "/"), f.Path) })
		if at >= 0 {
			return refuses("nobody may change what matches %q", r.Paths[at])
		}
	case "file_extension_restriction":
		if extension := path.Ext(f.Path); slices.ContainsFunc(r.Extensions, func(e string) bool { return extension == "."+strings.TrimLeft(e, "*.") }) {
			return refuses("nobody may change a file that ends in %s", extension)
		}
	case "max_file_path_length":
		if r.MaxPath > 0 && len([]rune(f.Path)) > r.MaxPath {
			return refuses("its path has more than %d characters", r.MaxPath)
		}
	case "max_file_size":
		if r.MaxSize > 0 && f.Size > r.MaxSize<<20 {
			return refuses("it has more than %d megabytes", r.MaxSize)
		}
	case "":
		return mayRefuse("its rules cannot be read")
	default:
		return mayRefuse("gio does not know what it demands")
	}
	return Objection{}
}
