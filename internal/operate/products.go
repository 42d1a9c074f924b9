package operate

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// Product is a product version with its tag, and release.json there.
type Product struct {
	Version  string
	Tag      string
	At       time.Time // when the tag was made
	Manifest *manifest.Manifest
}

// ReleaseBranch is a branch that products are released from, and release.json there.
type ReleaseBranch struct {
	Name     string
	At       time.Time          // of its newest commit
	Manifest *manifest.Manifest // nil where Err says why it cannot be read
	Err      error

	head gitrepo.Hash
}

// products is what a release repository holds of all product versions, read with one fetch.
type products struct {
	Setup
	repo     *gitrepo.Repo
	main     string          // the main branch; "" where there is none
	options  plan.Options    // of no branch
	released []Product       // the oldest version first
	branches []ReleaseBranch // the main branch first, then the newest line
	unread   []string        // sentences
}

// readProducts fetches all tags of products, all release branches, and the journal.
func (s Setup) readProducts(ctx context.Context) (*products, error) {
	repo, err := s.AllBranches().RepositoryToRead(ctx)
	if err != nil {
		return nil, err
	}
	all := &products{Setup: s, repo: repo, main: s.MainBranchOf(repo), options: s.PlanOptions(nil, nil)}
	all.options.MainBranch = all.main
	tags := all.tags()
	refs := []string{journal.GitRef}
	for _, tag := range tags {
		refs = append(refs, plan.TagRef(tag))
	}
	names := all.branchNames()
	for _, name := range append([]string{all.ownBranch()}, names...) {
		refs = append(refs, plan.BranchRef(name))
	}
	if err := repo.Fetch(ctx, refs...); err != nil {
		return nil, err
	}
	all.addTags(tags)
	slices.SortStableFunc(all.released, func(a, b Product) int { return compareVersions(a.Version, b.Version) })
	for _, name := range names {
		all.branches = append(all.branches, all.branch(name))
	}
	return all, nil
}

// tags are the names of the tags that mark products, by gio.yaml's product_tag.
func (p *products) tags() []string {
	var tags []string
	for ref := range p.repo.Refs() {
		tag, isTag := strings.CutPrefix(ref, "refs/tags/")
		version := plan.VersionOfTag(p.Config.ProductTag, tag)
		if _, err := manifest.ParseVersion(version); isTag && err == nil && !strings.HasSuffix(tag, plan.StartTag("")) && !strings.HasSuffix(tag, "^{}") {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return tags
}

// addTags reads release.json at the tags. A tag without it marks no product; one that cannot be read, or has another version, is said:
// of many, as an old history may have, their names alone.
func (p *products) addTags(tags []string) {
	const apart = 3
	var names, sentences []string
	for _, tag := range tags {
		if why := p.addTag(tag); why != "" {
			names, sentences = append(names, tag), append(sentences, fmt.Sprintf("the tag %s was left out: %s", tag, why))
		}
	}
	if len(names) > apart {
		sentences = []string{fmt.Sprintf("%d tags were left out, for %s there cannot be read or has another version: %s", len(names), p.Path, strings.Join(names, ", "))}
	}
	p.unread = append(p.unread, sentences...)
}

// addTag reads release.json at a tag, and returns why the tag is left out.
func (p *products) addTag(tag string) (leftOut string) {
	ref, version := plan.TagRef(tag), plan.VersionOfTag(p.Config.ProductTag, tag)
	data, err := p.repo.ReadFile(commitAt(p.repo, ref), p.Path)
	if fault.Is(err, "file-missing") {
		return ""
	}
	var m *manifest.Manifest
	if err == nil {
		m, err = manifest.ParseToEdit(p.Path, data)
	}
	switch {
	case err != nil:
		return oneLine(err)
	case m.Version != version:
		return fmt.Sprintf("%s there has version %s", p.Path, m.Version)
	}
	p.released = append(p.released, Product{Version: version, Tag: tag, At: p.repo.MadeAt(p.repo.Refs()[ref]), Manifest: m})
	return ""
}

var supportBranch = regexp.MustCompile(`^\d+\.\d+\.x$`)

// branchNames are the release branches: the main branch, X.Y.x with the newest first, and those of release_branches.
func (p *products) branchNames() []string {
	var support, others []string
	for ref := range p.repo.Refs() {
		name, isBranch := strings.CutPrefix(ref, "refs/heads/")
		switch {
		case !isBranch || name == p.main:
		case supportBranch.MatchString(name):
			support = append(support, name)
		case slices.Contains(p.Config.ReleaseBranches, name):
			others = append(others, name)
		}
	}
	slices.SortFunc(support, func(a, b string) int { return compareVersions(lineVersion(b), lineVersion(a)) })
	slices.Sort(others)
	names := slices.Concat(support, others)
	if _, exists := p.repo.Refs()[plan.BranchRef(p.main)]; exists {
		names = append([]string{p.main}, names...)
	}
	return names
}

// lineVersion is the first version of the line of a support branch.
func lineVersion(branch string) string { return strings.TrimSuffix(branch, "x") + "0" }

func (p *products) branch(name string) ReleaseBranch {
	b := ReleaseBranch{Name: name, head: p.repo.Refs()[plan.BranchRef(name)]}
	b.At = p.repo.MadeAt(b.head)
	data, err := p.repo.ReadFile(b.head, p.Path)
	if err == nil {
		b.Manifest, err = manifest.ParseToEdit(p.Path+" on "+name, data)
	}
	b.Err = err
	return b
}

// noteUnreadBranches adds the branches that cannot be read to what was not read.
func (p *products) noteUnreadBranches() {
	for _, b := range p.branches {
		if b.Err != nil {
			p.unread = append(p.unread, fmt.Sprintf("branch %s was not read: %s", b.Name, oneLine(b.Err)))
		}
	}
}

// planOptions are the options for plans of a branch; "" for what is released.
func (p *products) planOptions(branch string) plan.Options {
	o := p.options
	o.Branch = branch
	return o
}

// before returns the newest product that was released before a version: of the lower versions whose tag is not younger, the highest.
func (p *products) before(version string, at time.Time) (found Product, ok bool) {
	for _, r := range p.released {
		if compareVersions(r.Version, version) < 0 && (at.IsZero() || !r.At.After(at)) {
			found, ok = r, true
		}
	}
	return found, ok
}

// compareVersions orders versions as semver does. One of another form comes before all of that form.
func compareVersions(a, b string) int {
	v, errA := manifest.ParseVersion(a)
	w, errB := manifest.ParseVersion(b)
	switch {
	case errA == nil && errB == nil:
		return v.Compare(w)
	case errA != nil && errB != nil:
		return cmp.Compare(a, b)
	case errA != nil:
		return -1
	}
	return 1
}
