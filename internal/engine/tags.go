package engine

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// refuseTag refuses to finish the product under a tag that stands already, unless this run made it and it holds what this run
// would record. Released is release.json without open components.
func (r *Release) refuseTag(ctx context.Context, released *manifest.Manifest) error {
	name := r.Plan.ProductTag()
	tag := plan.TagRef(name)
	object, exists := r.Repo.Refs()[tag]
	if !exists {
		return r.refuseFormerTag()
	}
	if err := r.Repo.Fetch(ctx, tag); err != nil {
		return err
	}
	if !r.State().Made(tag, string(object)) {
		return fault.New(fault.Invalid, "tag-exists", "the tag %s exists already, and this run did not make it: %s", name, r.madeBy(object)).
			Hint("if %s is released, set the product version of %s to the next one", r.Plan.Version, released.VersionAt).
			Hint("if the tag is a mistake, delete it (`git push --delete origin %s`), then %s: gio never moves or deletes a tag", name, fault.Again())
	}
	final, err := released.SetVersion(r.Plan.Version)
	if err != nil {
		return err
	}
	if target, _ := r.Repo.Target(object); r.holds(target, final.Bytes()) {
		return nil
	}
	way, names := "the tag", name
	if support := r.next.SupportBranch; r.madeBranch(support) {
		way, names = "the tag and the support branch that gio made then", name+" "+support
	}
	return fault.New(fault.Invalid, "tag-stale", "%s was finished before and is open again, and its tag %s still says what was released then", r.Plan.Version, name).
		Hint("to release more under %s, delete %s: `git push --delete origin %s`, then %s", r.Plan.Version, way, names, fault.Again()).
		Hint("to release it under the next version, set the product version of %s to that one", released.VersionAt)
}

// refuseFormerTag refuses to finish under a second tag what this run has finished under one that still stands.
func (r *Release) refuseFormerTag() error {
	former := r.formerTag()
	if former == "" {
		return nil
	}
	return fault.New(fault.Invalid, "tag-stale", "%s was finished before, under the tag %s, and is open again: its tag would now be %s", r.Plan.Version, former, r.Plan.ProductTag()).
		Hint("to release more under %s, delete that tag: `git push --delete origin %s`, then %s", r.Plan.Version, former, fault.Again()).
		Hint("if the product's tags still have that form, set product_tag of gio.yaml back")
}

// formerTag is a tag that this run made before product_tag of gio.yaml was changed, and that still stands; "" for none.
func (r *Release) formerTag() string {
	state := r.State()
	for ref, object := range r.Repo.Refs() {
		name, isTag := strings.CutPrefix(ref, plan.TagRef(""))
		if isTag && name != r.Plan.ProductTag() && state.Made(ref, string(object)) {
			return name
		}
	}
	return ""
}

// holds tells whether release.json has this content in a commit.
func (r *Release) holds(commit gitrepo.Hash, content []byte) bool {
	data, err := r.Repo.ReadFile(commit, r.Path)
	return err == nil && bytes.Equal(plainLines(data), plainLines(content))
}

// madeBranch tells whether a branch still is where this run left it.
func (r *Release) madeBranch(name string) bool {
	ref := plan.BranchRef(name)
	return name != "" && r.State().Made(ref, string(r.Repo.Refs()[ref]))
}

// madeBy says who made a tag that was fetched, when, and which product version lies in it.
func (r *Release) madeBy(tag gitrepo.Hash) string {
	target, _ := r.Repo.Target(tag)
	who, what := r.Repo.MadeBy(tag), "made it"
	if target == tag {
		what = "made its commit"
	}
	said := fmt.Sprintf("%s %s at %s, commit %.10s", who, what, r.Repo.MadeAt(tag).UTC().Format("2006-01-02 15:04 UTC"), target)
	if data, err := r.Repo.ReadFile(target, r.Path); err == nil {
		if m, err := manifest.Parse(r.Path, data); err == nil {
			said += fmt.Sprintf(", whose %s says %s", r.Path, m.Version)
		}
	}
	return said
}

// refuseOthersStart refuses a product whose start is tagged already by the run of another manifest of the repository, by the
// message of that tag.
func (r *Release) refuseOthersStart(message string) error {
	for line := range strings.SplitSeq(message, "\n") {
		path, found := strings.CutPrefix(line, fmt.Sprintf(trailerFormat, r.Plan.Version, ""))
		if found && path != r.Path {
			return fault.New(fault.Invalid, "tag-shared", "the tag %s is that of %s: two products of one repository cannot both be released as %s",
				r.Plan.StartTag(), path, r.Plan.ProductTag()).
				Hint(`give this one tags of its own: product_tag: "%s-{{.Version}}" in the gio.yaml beside %s`, suggestedPrefix(r.Path, r.Plan.Product), r.Path)
		}
	}
	return nil
}

// suggestedPrefix is the directory of the manifest, else the product's name in lower case.
func suggestedPrefix(path, product string) string {
	if dir, _, found := strings.Cut(path, "/"); found {
		return dir
	}
	return strings.ToLower(strings.ReplaceAll(product, " ", "-"))
}

// untagged is the fault of a product whose version somebody set to a release by hand, so that nobody has finished it; nil for any
// other.
func (r *Release) untagged() error {
	_, tagged := r.Repo.Refs()[plan.TagRef(r.Plan.ProductTag())]
	if r.manifest.Open() || tagged || r.formerTag() != "" || !r.began() || r.Plan.Partial || r.Options.DryRun {
		return nil
	}
	return fault.New(fault.Invalid, "not-finished", "%s: the product version is %s, but nothing is tagged %s: somebody set it by hand, and the release was not finished",
		r.manifest.VersionAt, r.Plan.Version, r.Plan.ProductTag()).
		Hint("`gio prepare --version %s-SNAPSHOT`, then %s: that triggers nothing, tags %s and prepares the next version", r.Plan.Version, fault.Again(), r.Plan.ProductTag()).
		Hint("if the tags of your products have other names, product_tag in gio.yaml says how")
}

// setBack lists, for a person, the steps of a plan that the run has released and recorded before: somebody set them back, and
// they are not released again.
func setBack(p *plan.Plan, s *run.State) []string {
	var all []string
	for _, planned := range p.Steps() {
		st := s.Step(planned.ID())
		if st.Status != run.HasSucceeded || !st.Recorded {
			continue
		}
		how := "by hand"
		if st.Pipeline.Number != 0 {
			how = fmt.Sprintf("by pipeline %d", st.Pipeline.Number)
		}
		all = append(all, fmt.Sprintf("%s %s is released already (%s), though release.json was set back to %s-SNAPSHOT: it is not released again; `gio resolve %s --not-triggered` before `gio release` releases it again",
			planned.Component, planned.Version, how, planned.Version, planned.Component))
	}
	return all
}
