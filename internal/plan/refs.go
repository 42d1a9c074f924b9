package plan

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// The subjects of the commits that a release pushes, as the history of release repositories knows them.
const (
	NextPatchSubject = "prepare next patch version"
	NextMinorSubject = "prepare next minor version"
)

// FinishedSubject is the subject of the commit that finishes a release.
func FinishedSubject(version string) string {
	return fmt.Sprintf("Prepare Release (%s): Release finished completed without errors", version)
}

// PartialSubject is the subject of the commit that records what succeeded of a release that is not finished.
func PartialSubject(version string) string {
	return fmt.Sprintf("Prepare Release (%s-SNAPSHOT): Some components failed to be released, persisting successfully released components", version)
}

// TagRef returns the full name of a tag.
func TagRef(name string) string { return "refs/tags/" + name }

// BranchRef returns the full name of a branch.
func BranchRef(name string) string { return "refs/heads/" + name }

// MainOf returns the main branch of the release repository: gio.yaml's, else its default branch. A branch named X.Y.x is a
// support branch and never the main branch; "" then says that there is none.
func MainOf(configured, defaultBranch string) string {
	name := cmp.Or(configured, defaultBranch)
	if lineOf.MatchString(name) {
		return ""
	}
	return name
}

// ProductTag returns the name of a product version's tag by gio.yaml's product_tag, a template that may use {{.Version}}; "" is
// the version itself. Its fault is invalid-product-tag.
func ProductTag(template, version string) (string, error) {
	invalid := func(why string) *fault.Fault {
		return fault.New(fault.Invalid, "invalid-product-tag", "product_tag %q of gio.yaml %s", template, why).
			Hint(`write a template such as "apim-{{.Version}}"`)
	}
	template = cmp.Or(template, defaultTag)
	data := struct{ Version string }{version}
	tag, err := execute("product_tag", template, data)
	if err != nil {
		return "", invalid("is no template of {{.Version}}").Because(err)
	}
	data.Version = "0.0.0" // of which no version is made
	if other, err := execute("product_tag", template, data); err != nil || other == tag && version != data.Version {
		return "", invalid("is the same tag for every version")
	}
	if version != "" && !validTag(tag) {
		return "", invalid(fmt.Sprintf("makes %q, which cannot be the name of a tag", tag))
	}
	return tag, nil
}

// VersionOfTag returns the product version that a tag of that template marks; "" where it marks none.
func VersionOfTag(template, tag string) string {
	const version = "0.0.0"
	pattern, err := ProductTag(template, version)
	before, after, found := strings.Cut(pattern, version)
	if err != nil || !found || len(tag) < len(before)+len(after) || !strings.HasPrefix(tag, before) || !strings.HasSuffix(tag, after) {
		return ""
	}
	return tag[len(before) : len(tag)-len(after)]
}

// StartTag returns the name of the tag that marks the start of a release.
func StartTag(productTag string) string { return productTag + "_START" }

// ProductTag returns the name of the tag that will mark the released product. Plans of older journals do not hold it.
func (p *Plan) ProductTag() string { return cmp.Or(p.Tag, p.Version) }

// StartTag returns the name of the tag that marks the start of the release.
func (p *Plan) StartTag() string { return StartTag(p.ProductTag()) }

// Ref is a ref that a release writes in its repository.
type Ref struct {
	Name string `json:"name"` // full
	// Commits are the subjects of the new commits that the ref then holds. The tag at the start is on one that is there.
	Commits []string `json:"commits,omitempty"`
}

// IsTag tells tags from branches.
func (r Ref) IsTag() bool { return strings.HasPrefix(r.Name, "refs/tags/") }

// Short returns the name without refs/heads/ or refs/tags/.
func (r Ref) Short() string {
	for _, kind := range []string{"refs/heads/", "refs/tags/"} {
		if name, ok := strings.CutPrefix(r.Name, kind); ok {
			return name
		}
	}
	return r.Name
}

// Refs lists the refs that the release writes: the tag at its start, unless nothing is left to start, and those of the push that
// ends it. The zero Next prepares no next version.
func (p *Plan) Refs(next Next) []Ref {
	var refs []Ref
	if len(p.Waves) > 0 {
		refs = append(refs, Ref{Name: TagRef(p.StartTag())})
	}
	branch := Ref{Name: BranchRef(p.Branch), Commits: []string{PartialSubject(p.Version)}}
	if p.Partial {
		return append(refs, branch)
	}
	branch.Commits = append(branch.Commits, FinishedSubject(p.Version))
	refs = append(refs, Ref{Name: TagRef(p.ProductTag()), Commits: []string{FinishedSubject(p.Version)}})
	if next.SupportBranch != "" {
		refs = append(refs, Ref{Name: BranchRef(next.SupportBranch), Commits: []string{FinishedSubject(p.Version), NextPatchSubject}})
		branch.Commits = append(branch.Commits, NextMinorSubject)
	} else if next.Version != "" {
		branch.Commits = append(branch.Commits, NextPatchSubject)
	}
	return append(refs, branch)
}

// Obstacle is an existing ref in whose way a ref of a release is: Git keeps no ref below the name of another.
type Obstacle struct{ Ref, Existing string }

// Obstacles returns what makes a push of the refs impossible, for the full names of the refs that exist: refs in the way, and
// refs of the release in each other's.
func Obstacles(refs []Ref, existing []string) []Obstacle {
	var found []Obstacle
	for i, r := range refs {
		for _, name := range existing {
			if below(name, r.Name) || below(r.Name, name) {
				found = append(found, Obstacle{r.Name, name})
			}
		}
		for _, other := range refs[:i] {
			if name := other.Name; name == r.Name || below(name, r.Name) || below(r.Name, name) {
				found = append(found, Obstacle{r.Name, name})
			}
		}
	}
	return found
}

func below(name, folder string) bool { return strings.HasPrefix(name, folder+"/") }
