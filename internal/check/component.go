package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/versionfile"
)

const snapshot = "-SNAPSHOT"

// facts is what GitHub says of a step, all read at once: to ask one after the other would take five times as long.
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

// stated is a version, and the file that says it.
type stated struct{ file, version string }

// components asks GitHub about the repositories of the steps.
func (c *Check) components(ctx context.Context, steps []plan.Step) {
	if c.GitHub == nil {
		c.add(Finding{
			Code: NotChecked, Do: c.NoGitHub,
			What: "not checked without GitHub: repositories, branches, version files, tags, pipeline parameters, branch protection",
		})
		return
	}
	var g errgroup.Group
	g.SetLimit(most)
	for _, st := range steps {
		g.Go(func() error {
			c.component(ctx, st, together(c.Plan.Steps(), st))
			return nil
		})
	}
	_ = g.Wait() // what went wrong is a finding
}

// together are the versions that the steps on one branch of one repository release.
func together(steps []plan.Step, st plan.Step) []string {
	var versions []string
	for _, other := range steps {
		if other.Repository == st.Repository && other.Branch == st.Branch {
			versions = append(versions, other.Version)
		}
	}
	return versions
}

func (c *Check) component(ctx context.Context, st plan.Step, versions []string) {
	f := c.read(ctx, st)
	switch {
	case fault.Is(f.branchErr, "no-branch"):
		c.add(Finding{
			Code: BranchMissing, Component: st.Component, Where: st.Repository + " " + st.Branch,
			What: fmt.Sprintf("the branch %s does not exist (%s)", st.Branch, st.BranchReason),
			Do:   "make the branch; or branch: under its name in gio.yaml can say another one",
		})
	case f.branchErr != nil:
		c.noRepository(st, f.branchErr)
		return
	default:
		c.head(st, f.branch)
		c.version(ctx, st, f, versions)
		c.configuration(st, f)
	}
	c.tag(st, f)
}

// read asks for all facts of a step at once.
func (c *Check) read(ctx context.Context, st plan.Step) facts {
	var f facts
	var g errgroup.Group
	for _, ask := range []func(){
		func() { f.branch, f.branchErr = c.GitHub.Branch(ctx, st.Repository, st.Branch) },
		func() { f.config, f.configErr = c.GitHub.File(ctx, st.Repository, st.Branch, configPath) },
		func() { f.version, f.versionErr = c.stated(ctx, st.Repository, st.Branch) },
		func() { f.tag, f.tagErr = c.GitHub.VersionTag(ctx, st.Repository, st.Version, st.Proof.Tag) },
	} {
		g.Go(func() error {
			ask()
			return nil
		})
	}
	_ = g.Wait() // the errors are facts
	return f
}

// stated reads the version that a branch says it has. Without a file that says one it is empty.
func (c *Check) stated(ctx context.Context, repository, branch string) (stated, error) {
	file, version, err := c.GitHub.VersionOn(ctx, repository, branch)
	return stated{file, version}, err
}

func (c *Check) noRepository(st plan.Step, err error) {
	switch {
	case c.refusedToken(err):
	case fault.KindOf(err) == fault.NotFound:
		c.add(Finding{
			Code: RepositoryMissing, Component: st.Component, Where: st.Repository,
			What: "there is no such repository, or the token cannot see it: it needs contents:read",
			Do:   "check the name, and the token's rights; repository: under its name in gio.yaml can say another one",
		})
	default:
		c.unable("the branch", st.Component, err)
	}
}

// refusedToken notes, once however often it is called, that GitHub refuses the token, and tells whether it does.
func (c *Check) refusedToken(err error) bool {
	refused := fault.Is(err, "github-unauthorized")
	if refused {
		c.add(Finding{Code: GitHubToken, Where: "GITHUB_TOKEN", What: "GitHub answered 401: the token is wrong, expired or revoked", Do: hint(err)})
	}
	return refused
}

func (c *Check) tag(st plan.Step, f facts) {
	if f.tagErr != nil {
		c.unable("the version's tag", st.Component, f.tagErr)
	} else if f.tag != "" {
		c.add(c.tagFinding(st, f.tag))
	}
}

// tagFinding says what to do by where the run is: a person's answer goes into the journal of one that has begun.
func (c *Check) tagFinding(st plan.Step, tag string) Finding {
	f := Finding{
		Code: TagExists, Component: st.Component, Where: st.Repository,
		What: fmt.Sprintf("the tag %s exists already: %s %s is released", tag, st.Component, st.Version),
		Do:   fmt.Sprintf("mark it as released: `gio prepare %s=%s`; or open its next version; a tag that is a mistake must go", st.Component, st.Version),
	}
	if c.State != nil && c.State.Seq > 0 {
		f.Do = fmt.Sprintf("if it is whole, `gio resolve %s --released`; a tag that is a mistake must go", st.Component)
	}
	return f
}

// head: a pipeline of the GitHub App is triggered whatever the commit says (contracts/circleci.md 2.8).
func (c *Check) head(st plan.Step, b github.Branch) {
	if b.Repository != "" && !strings.EqualFold(b.Repository, st.Repository) {
		c.add(Finding{
			Code: RepositoryRenamed, Component: st.Component, Where: st.Repository, What: "the repository is called " + b.Repository + " now",
			Do: fmt.Sprintf("write repository: %s under its name in gio.yaml, and look whether CircleCI has followed", b.Repository),
		})
	}
	if strings.HasPrefix(st.Project, "circleci/") || !skipsCI(b.Message) {
		return
	}
	c.add(Finding{
		Code: SkipCI, Component: st.Component, Where: fmt.Sprintf("%s %s %.10s", st.Repository, st.Branch, b.SHA),
		What: fmt.Sprintf("the newest commit of %s says [skip ci]: CircleCI would start no pipeline", st.Branch),
		Do:   "push a commit without it to that branch, an empty one will do",
	})
}

// skipsCI: in the first 250 characters of the title or of the body.
func skipsCI(message string) bool {
	title, body, _ := strings.Cut(message, "\n")
	return slices.ContainsFunc([]string{title, body}, func(part string) bool {
		if runes := []rune(strings.TrimSpace(part)); len(runes) > 250 {
			part = string(runes[:250])
		}
		return strings.Contains(part, "[skip ci]") || strings.Contains(part, "[ci skip]")
	})
}

func (c *Check) version(ctx context.Context, st plan.Step, f facts, versions []string) {
	where := st.Repository + " " + st.Branch
	switch {
	case fault.Is(f.versionErr, "version-file"):
		c.add(Finding{
			Code: VersionUnknown, Component: st.Component, Where: where, What: oneLine(f.versionErr),
			Do: fmt.Sprintf("look yourself whether %s holds %s", st.Branch, st.Version+snapshot),
		})
	case f.versionErr != nil:
		c.unable("the version file", st.Component, f.versionErr)
	case f.version.file == "":
		c.add(Finding{
			Code: VersionUnknown, Component: st.Component, Where: where, What: "there is no " + strings.Join(versionfile.Candidates(), " and no "),
			Do: fmt.Sprintf("look yourself whether %s holds %s", st.Branch, st.Version+snapshot),
		})
	case !f.version.isOneOf(versions):
		c.mismatch(ctx, st, f)
	}
}

// isOneOf: npm has no snapshots, so that a package.json may say the version itself.
func (s stated) isOneOf(versions []string) bool {
	return slices.ContainsFunc(versions, func(version string) bool {
		return s.version == version+snapshot || s.version == version && strings.HasSuffix(s.file, ".json")
	})
}

// mismatch says, where another branch that could be meant has the version, which one.
func (c *Check) mismatch(ctx context.Context, st plan.Step, f facts) {
	finding := mismatchFinding(st, f.version)
	for _, branch := range c.candidates(ctx, st) {
		there, err := c.stated(ctx, st.Repository, branch)
		if err == nil && there.isOneOf([]string{st.Version}) {
			finding.What += fmt.Sprintf("; branch %s has it", branch)
			finding.Do = fmt.Sprintf("write branch: %s under components: %s: in gio.yaml; or, if that is wrong, `gio prepare %s` takes the version of %s",
				branch, st.Component, st.Component, st.Branch)
			break
		}
	}
	c.add(finding)
}

func mismatchFinding(st plan.Step, s stated) Finding {
	return Finding{
		Code: VersionMismatch, Component: st.Component, Where: st.Repository + " " + st.Branch + " " + s.file,
		What: fmt.Sprintf("release.json says %s, %s of branch %s says %s", st.Version+snapshot, s.file, st.Branch, s.version),
		Do:   fmt.Sprintf("`gio prepare %s` takes the branch's version, or correct the branch", st.Component),
	}
}

// candidates are the other branches that a version could be built from.
func (c *Check) candidates(ctx context.Context, st plan.Step) []string {
	branches := []string{c.Plan.Branch}
	if r, err := c.GitHub.Repository(ctx, st.Repository); err == nil {
		branches = append(branches, r.DefaultBranch)
	}
	if v, err := manifest.ParseVersion(st.Version); err == nil {
		branches = append(branches, fmt.Sprintf("%d.%d.x", v.Major(), v.Minor()))
	}
	slices.Sort(branches)
	return slices.DeleteFunc(slices.Compact(branches), func(b string) bool { return b == st.Branch || b == "" })
}

func (c *Check) configuration(st plan.Step, f facts) {
	where := st.Repository + " " + st.Branch + " " + configPath
	switch {
	case f.configErr == nil:
		c.parameters(st, where, f.config)
	case st.Definition != "" && fault.Is(f.configErr, "no-file"): // its configuration may lie anywhere
	case fault.Is(f.configErr, "no-file"):
		c.add(Finding{Code: ConfigMissing, Component: st.Component, Where: where, What: "the branch has no " + configPath, Do: "add it on that branch"})
	default:
		c.unable("the CircleCI configuration", st.Component, f.configErr)
	}
}

// Ready looks again, right before steps that share a pipeline are triggered, at what may have changed since Run: nil, or the
// fault (kind Invalid, code tag-exists or version-mismatch; another kind, code not-checked) that says why not. Codes in Skip are
// let pass. The first wave behind Run is ready by what that saw seconds ago; without GitHub everything is.
func (c *Check) Ready(ctx context.Context, steps []plan.Step) error {
	notFirst := func(st plan.Step) bool { return !c.first[st.ID()] }
	if c.GitHub == nil || time.Since(c.looked) < fresh && !slices.ContainsFunc(steps, notFirst) {
		return nil
	}
	errs := make([]error, len(steps))
	var g errgroup.Group
	for i, st := range steps {
		g.Go(func() error {
			errs[i] = c.ready(ctx, st, together(c.Plan.Steps(), st))
			return nil
		})
	}
	_ = g.Wait() // they stand in errs
	return fault.Worst(errs...)
}

func (c *Check) ready(ctx context.Context, st plan.Step, versions []string) error {
	var f facts
	var g errgroup.Group
	g.Go(func() error {
		f.tag, f.tagErr = c.GitHub.VersionTag(ctx, st.Repository, st.Version, st.Proof.Tag)
		return nil
	})
	g.Go(func() error { f.version, f.versionErr = c.stated(ctx, st.Repository, st.Branch); return nil })
	_ = g.Wait() // the errors are facts
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	unreadable := f.versionErr
	if fault.Is(unreadable, "version-file") || fault.KindOf(unreadable) == fault.NotFound { // was said by Run
		unreadable = nil
	}
	switch err := errors.Join(f.tagErr, unreadable); {
	case f.tag != "":
		return fault.New(fault.Invalid, TagExists, "%s", c.tagFinding(st, f.tag).What).Hint("%s", c.tagFinding(st, f.tag).Do)
	case err != nil && !slices.Contains(c.Skip, NotChecked):
		return fault.New(kindOf(err), NotChecked, "%s: tag and version could not be read again", st.Component).Because(err)
	case f.version.file == "" || f.versionErr != nil || f.version.isOneOf(versions) || slices.Contains(c.Skip, VersionMismatch):
		return nil
	}
	return fault.New(fault.Invalid, VersionMismatch, "%s", mismatchFinding(st, f.version).What).Hint("%s", mismatchFinding(st, f.version).Do)
}
