package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// checkRefs checks that GitHub's rules let gio push every ref of the release, as its commits are: unsigned, without statuses, by
// its author, with its subjects. A dry run pushes none. The journal's ref is not among them: its first push comes before the
// first trigger.
func (i *inspection) checkRefs(ctx context.Context) {
	pushes := i.pushes()
	if i.GitHub == nil || i.Release == "" || i.DryRun || len(pushes) == 0 {
		return
	}
	var targets []github.Target
	for _, p := range pushes {
		targets = append(targets, p.Target)
	}
	demands, err := i.GitHub.Demands(ctx, i.Release, targets)
	switch {
	case err == nil:
		for n, demand := range demands.Refs {
			i.addDemand(pushes[n], demand)
		}
		i.addFileRules(demands.Files)
	case hidden(err) && !refusesToken(err): // few tokens may read it: a release is possible without
		i.add(Finding{Code: NotChecked, Where: i.Release, What: "not checked: GitHub's rules for what the release pushes: " + oneLine(err), Do: firstHint(err)})
	default:
		i.addFailure("GitHub's rules for what the release pushes", "", err)
	}
}

// pushes lists what is pushed to the refs of the release. A tag that exists is not pushed again.
func (i *inspection) pushes() []github.Push {
	refs := i.Repo.Refs()
	author, committer := i.Repo.Identity()
	var all []github.Push
	for _, ref := range i.Refs {
		_, exists := refs[ref.Name]
		if ref.IsTag() && exists {
			continue
		}
		p := github.Push{
			Target:   github.Target{Name: ref.Short(), Tag: ref.IsTag(), Exists: exists},
			Subjects: ref.Commits, Author: author.Email, Committer: committer.Email,
		}
		if !p.Tag && !exists {
			p.Like = newestSupportBranch(refs)
		}
		all = append(all, p)
	}
	return all
}

// newestSupportBranch returns the name of the newest X.Y.x, "" when there is none.
func newestSupportBranch(refs map[string]gitrepo.Hash) string {
	newest, version := "", [2]int{-1, -1}
	for ref := range refs {
		name, isBranch := strings.CutPrefix(ref, "refs/heads/")
		var v [2]int
		if _, err := fmt.Sscanf(name, "%d.%d.x", &v[0], &v[1]); err != nil || !isBranch || !supportBranch.MatchString(name) {
			continue
		}
		if slices.Compare(v[:], version[:]) > 0 {
			newest, version = name, v
		}
	}
	return newest
}

// addDemand adds what GitHub demands of a ref and gio does not do.
func (i *inspection) addDemand(p github.Push, demand github.Demand) {
	for _, r := range demand.Rules {
		if o := r.Against(p); o.Why != "" {
			i.add(objection(r, o, nameOf(p.Target), i.Release+" "+p.Name, wayOut(r, p.Target)))
		}
	}
	if demand.Hidden == "" || slices.ContainsFunc(demand.Rules, func(r github.Rule) bool { return r.Against(p).Sure }) {
		return
	}
	f := Finding{
		Code: BranchProtected, Severity: Warning, Where: i.Release + " " + p.Name, What: nameOf(p.Target) + " is protected, and only an administrator may read how",
		Do: "make sure that the token's user may push to it",
	}
	if !p.Exists {
		f.What = fmt.Sprintf("%s is protected, and only an administrator may read whether that is by a pattern which %s matches, too", demand.Hidden, p.Name)
		f.Do = "make sure that the token's user may make " + p.Name
	}
	i.add(f)
}

// objection is a rule that refuses a push, or may refuse it, as a finding.
func objection(r github.Rule, o github.Objection, pushed, where, do string) Finding {
	f := Finding{Code: ServerRules, Where: where, Do: do}
	what := "%s would be refused: %s (%s)"
	switch {
	case !r.Known():
		f.Code = NotChecked
	case r.Type == "required_signatures":
		f.Code = SignedCommits
	case slices.Contains(directPush, r.Type):
		f.Code, what = BranchProtected, "%s accepts no direct push: %s (%s)"
	}
	if !o.Sure {
		f.Severity, what = Warning, "%s may be refused: %s (%s)"
	} else {
		f.Do += "; or, if the user may and GitHub does not say so, `gio release --skip-check " + f.Code + "`"
	}
	f.What = fmt.Sprintf(what, pushed, o.Why, origin(r))
	return f
}

// directPush are the types of rules that want changes of a branch to come another way.
var directPush = []string{"pull_request", "merge_queue", "required_status_checks", "required_deployments", "workflows", "code_scanning", "code_quality", "update"}

func nameOf(t github.Target) string {
	if t.Tag {
		return "tag " + t.Name
	}
	return "branch " + t.Name
}

// origin says where a rule stands.
func origin(r github.Rule) string {
	switch {
	case r.Type == "tag_protection":
		return "protected tags"
	case r.Like != "":
		return fmt.Sprintf("branch protection of %s, if its pattern matches this one, too", r.Like)
	case r.Ruleset == "":
		return "branch protection"
	case r.Type == "":
		return fmt.Sprintf("ruleset %q of %s", r.Ruleset, r.Source)
	}
	return fmt.Sprintf("rule %s of ruleset %q of %s", r.Type, r.Ruleset, r.Source)
}

const bypassIt = "let the token's user bypass it"

// wayOut says what to do about a rule.
func wayOut(r github.Rule, t github.Target) string {
	switch r.Type {
	case "creation":
		if !t.Tag {
			return bypassIt + fmt.Sprintf("; or have somebody who may make %s from the newest commit of the release branch; or `gio release --no-next`", t.Name)
		}
	case "tag_name_pattern":
		return bypassIt + "; or product_tag in gio.yaml names the tags otherwise"
	case "commit_author_email_pattern":
		return "set GIT_AUTHOR_EMAIL, user.email of Git, or author in gio.yaml; or " + bypassIt
	case "committer_email_pattern":
		return "set GIT_COMMITTER_EMAIL, user.email of Git, or author in gio.yaml; or " + bypassIt
	case "commit_message_pattern":
		return bypassIt + ": the subjects of gio's commits are fixed"
	}
	return bypassIt
}

// addFileRules adds the rules that refuse every push of release.json, whatever the ref.
func (i *inspection) addFileRules(rules []github.Rule) {
	data, err := i.Repo.ReadFile(i.Repo.Head(), i.Path)
	if err != nil {
		return // there is no plan without it
	}
	for _, r := range rules {
		if o := r.AgainstFile(github.File{Path: i.Path, Size: len(data)}); o.Why != "" {
			i.add(objection(r, o, "every push of "+i.Path, i.Release, bypassIt))
		}
	}
}
