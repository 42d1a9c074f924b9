package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/versionfile"
)

const snapshot = "-SNAPSHOT"

// facts is what GitHub says of a step. It is read in one go, together with the step's files: to ask one after the other would take five times as long.
type facts struct {
	branch     github.Branch
	branchErr  error
	config     []byte
	configErr  error
	version    stated
	versionErr error
	tag        string // of the version, "" when there is none
	tagErr     error
}

// checkComponents asks GitHub about the repositories of the steps.
func (i *inspection) checkComponents(ctx context.Context, steps []plan.Step) {
	if i.GitHub == nil {
		i.add(Finding{
			Code: NotChecked, Do: i.NoGitHub,
			What: "not checked without GitHub: repositories, branches, version files, tags, pipeline parameters, branch protection",
		})
		return
	}
	files := i.Files
	if files == nil {
		files = &Files{GitHub: i.GitHub}
	}
	all := make([]sources, len(steps))
	forEach(steps, func(n int, st plan.Step) {
		var f facts
		together(
			func() { f = readFacts(ctx, i.GitHub, st) },
			func() { all[n] = files.get(ctx, st) },
		)
		f.version, f.versionErr = all[n].version, all[n].versionErr
		i.checkComponent(ctx, st, f)
	})
	i.checkOrder(all)
	i.checkFree()
}

func (i *inspection) checkComponent(ctx context.Context, st plan.Step, f facts) {
	switch {
	case fault.Is(f.branchErr, "no-branch"):
		i.add(Finding{
			Code: BranchMissing, Component: st.Component, Where: st.Repository + " " + st.Branch,
			What: fmt.Sprintf("the branch %s does not exist (%s)", st.Branch, st.BranchReason),
			Do:   "create the branch; or gio.yaml can name another one (branch: under the component's name)",
		})
	case fault.KindOf(f.branchErr) == fault.NotFound:
		i.add(Finding{
			Code: RepositoryMissing, Component: st.Component, Where: st.Repository,
			What: "there is no such repository, or the token cannot see it: it needs contents:read",
			Do:   "check the name, and the token's rights; gio.yaml can name another repository (repository: under the component's name)",
		})
		return
	case f.branchErr != nil:
		i.addFailure("the branch", st.Component, f.branchErr)
		return
	default:
		i.checkName(st, f.branch)
		i.checkHead(st, f.branch)
		i.checkVersion(ctx, st, f)
		i.checkConfiguration(st, f)
	}
	i.checkTag(st, f)
}

func readFacts(ctx context.Context, hub *github.Client, st plan.Step) facts {
	var f facts
	together(
		func() { f.branch, f.branchErr = hub.Branch(ctx, st.Repository, st.Branch) },
		func() { f.config, f.configErr = hub.File(ctx, st.Repository, st.Branch, configPath) },
		func() { f.tag, f.tagErr = hub.VersionTag(ctx, st.Repository, st.Version, st.Proof.Tag) },
	)
	return f
}

func (i *inspection) checkTag(st plan.Step, f facts) {
	if f.tagErr != nil {
		i.addFailure("the version's tag", st.Component, f.tagErr)
	} else if f.tag != "" {
		i.add(tagFinding(st, f.tag, i.begun()))
	}
}

// begun tells whether the run has a journal.
func (q Question) begun() bool { return q.State != nil && q.State.Seq > 0 }

// tagFinding says what to do about a tag that exists. Once the run has begun, the answer goes into its journal.
func tagFinding(st plan.Step, tag string, begun bool) Finding {
	f := Finding{
		Code: TagExists, Component: st.Component, Where: st.Repository,
		What: fmt.Sprintf("the tag %s exists already: %s %s is released", tag, st.Component, st.Version),
		Do:   fmt.Sprintf("mark it as released: `gio prepare %s=%s`; or open its next version; or delete the tag, if it is a mistake", st.Component, st.Version),
	}
	if begun {
		f.Do = fmt.Sprintf("if the release is complete, `gio resolve %s --released`; or delete the tag, if it is a mistake", st.Component)
	}
	return f
}

func (i *inspection) checkName(st plan.Step, b github.Branch) {
	if b.Repository == "" || strings.EqualFold(b.Repository, st.Repository) {
		return
	}
	i.add(Finding{
		Code: RepositoryRenamed, Component: st.Component, Where: st.Repository, What: "the repository is called " + b.Repository + " now",
		Do: fmt.Sprintf("write repository: %s under the component's name in gio.yaml, and check that CircleCI has followed", b.Repository),
	})
}

// checkHead checks that the branch's newest commit lets CircleCI start a pipeline. Projects of the GitHub App start one
// whatever the commit says (contracts/circleci.md 2.8).
func (i *inspection) checkHead(st plan.Step, b github.Branch) {
	if strings.HasPrefix(st.Project, "circleci/") || !skipsCI(b.Message) {
		return
	}
	i.add(Finding{
		Code: SkipCI, Component: st.Component, Where: fmt.Sprintf("%s %s %.10s", st.Repository, st.Branch, b.SHA),
		What: fmt.Sprintf("the newest commit of %s says [skip ci]: CircleCI would start no pipeline", st.Branch),
		Do:   "push a commit without it to that branch; an empty one is enough",
	})
}

// skipsCI tells whether CircleCI starts no pipeline for a commit. It reads the first 250 characters of the message's title,
// and of its body.
func skipsCI(message string) bool {
	title, body, _ := strings.Cut(message, "\n")
	return slices.ContainsFunc([]string{title, body}, func(part string) bool {
		if runes := []rune(strings.TrimSpace(part)); len(runes) > 250 {
			part = string(runes[:250])
		}
		return strings.Contains(part, "[skip ci]") || strings.Contains(part, "[ci skip]")
	})
}

func (i *inspection) checkVersion(ctx context.Context, st plan.Step, f facts) {
	unknown := Finding{
		Code: VersionUnknown, Component: st.Component, Where: st.Repository + " " + st.Branch,
		Do: fmt.Sprintf("make sure that %s holds %s", st.Branch, st.Version+snapshot),
	}
	switch {
	case fault.Is(f.versionErr, "version-file"):
		unknown.What = oneLine(f.versionErr)
		i.add(unknown)
	case f.versionErr != nil:
		i.addFailure("the version file", st.Component, f.versionErr)
	case f.version.file == "":
		unknown.What = "there is no " + strings.Join(versionfile.Candidates(), " and no ")
		i.add(unknown)
	case !f.version.isOneOf(versionsBeside(i.Plan, st)):
		i.addMismatch(ctx, st, f.version)
	}
}

// versionsBeside lists the versions that the plan releases from the same branch of the same repository as a step, its own
// among them: the branch may state any of them.
func versionsBeside(p *plan.Plan, st plan.Step) []string {
	var versions []string
	for _, other := range p.Steps() {
		if other.Repository == st.Repository && other.Branch == st.Branch {
			versions = append(versions, other.Version)
		}
	}
	return versions
}

// isOneOf tells whether the stated version is the snapshot of one of these versions. npm has no snapshots: a package.json may
// state the version itself.
func (s stated) isOneOf(versions []string) bool {
	return slices.ContainsFunc(versions, func(version string) bool {
		return s.version == version+snapshot || s.version == version && strings.HasSuffix(s.file, ".json")
	})
}

// addMismatch adds the finding, and names another branch that could be meant and has the version.
func (i *inspection) addMismatch(ctx context.Context, st plan.Step, s stated) {
	finding := mismatchFinding(st, s)
	for _, branch := range i.otherBranches(ctx, st) {
		there, err := readVersion(ctx, i.GitHub, st.Repository, branch)
		if err == nil && there.isOneOf([]string{st.Version}) {
			finding.What += fmt.Sprintf("; branch %s has it", branch)
			finding.Do = fmt.Sprintf("write branch: %s under components: %s: in gio.yaml; or, if that is wrong, `gio prepare %s` takes the version of %s",
				branch, st.Component, st.Component, st.Branch)
			break
		}
	}
	i.add(finding)
}

func mismatchFinding(st plan.Step, s stated) Finding {
	return Finding{
		Code: VersionMismatch, Component: st.Component, Where: st.Repository + " " + st.Branch + " " + s.file,
		What: fmt.Sprintf("release.json says %s, %s of branch %s says %s", st.Version+snapshot, s.file, st.Branch, s.version),
		Do:   fmt.Sprintf("`gio prepare %s` takes the branch's version; or correct the branch", st.Component),
	}
}

// otherBranches lists the branches, besides its own, that a step's version could be built from.
func (i *inspection) otherBranches(ctx context.Context, st plan.Step) []string {
	branches := []string{i.Plan.Branch, plan.SupportBranch(st.Version)}
	if r, err := i.GitHub.Repository(ctx, st.Repository); err == nil {
		branches = append(branches, r.DefaultBranch)
	}
	slices.Sort(branches)
	return slices.DeleteFunc(slices.Compact(branches), func(b string) bool { return b == st.Branch || b == "" })
}

func (i *inspection) checkConfiguration(st plan.Step, f facts) {
	where := st.Repository + " " + st.Branch + " " + configPath
	switch {
	case f.configErr == nil:
		i.checkParameters(st, where, f.config)
	case !fault.Is(f.configErr, "no-file"):
		i.addFailure("the CircleCI configuration", st.Component, f.configErr)
	case st.Definition == "": // the configuration of a pipeline definition may lie anywhere
		i.add(Finding{Code: ConfigMissing, Component: st.Component, Where: where, What: "the branch has no " + configPath, Do: "add it on that branch"})
	}
}
