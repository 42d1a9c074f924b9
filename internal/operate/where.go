package operate

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// WhereOptions say what is looked for.
type WhereOptions struct {
	What       string   // COMPONENT, COMPONENT@VERSION, or at least 7 digits of a commit's id
	Components []string // whose repositories are asked for a commit; none: all
}

// Where is which product versions contain a component, one version of it, or a commit.
type Where struct {
	Components []string // one, unless the commit's repository has several
	Version    string   // "" for any
	Commit     *ChangedCommit
	Repository string    // of the commit
	First      []Tagged  // of each line of the components, the oldest version with the commit
	Products   []Holding // the oldest first
	NotIn      []Without
	Idle       int      // release branches that are not in NotIn since nothing happens there
	Branches   []string // of the repository, with the commit; where no version has it
	Unread     []string // sentences
}

// Tagged is a version of a component with its tag.
type Tagged struct{ Component, Version, Tag string }

// Holding is a product version with the version of a component in it.
type Holding struct {
	Product, Component, Version string
	Branch                      string    // on which the product version is open; "" for a released one
	At                          time.Time // of its tag

	manifest  *manifest.Manifest
	component manifest.Component
}

// Without is a release branch with no product version that contains what is looked for.
type Without struct {
	Branch string
	Newest string // released version; "" for none
	Open   string // version that is open there; "" for none
}

// idleAfter is how long nothing must have happened on a release branch for nobody to ask about it.
const idleAfter = 90 * 24 * time.Hour

// Idle reports whether nothing has happened on the branch for long.
func (b ReleaseBranch) Idle(now time.Time) bool { return !b.At.IsZero() && now.Sub(b.At) > idleAfter }

var commitForm = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)

// Find finds the product versions that contain a component or a commit. Only about a commit it asks GitHub: each component's
// repository. Faults: "unknown-component", "no-version" and "no-commit" (kind NotFound), "ambiguous-commit" (Invalid), "no-github-token"
// (Auth), and those of the release repository and of GitHub.
func Find(ctx context.Context, s Setup, o WhereOptions) (Where, error) {
	all, err := s.readProducts(ctx)
	if err != nil {
		return Where{}, err
	}
	all.noteUnreadBranches()
	name, version, _ := strings.Cut(o.What, "@")
	if !all.has(name) {
		if !commitForm.MatchString(o.What) {
			return Where{}, all.unknownComponent(name)
		}
		return all.whereCommit(ctx, strings.ToLower(o.What), o.Components)
	}
	if len(o.Components) > 0 {
		return Where{}, fault.New(fault.Usage, "usage", "--component belongs to a commit, and %s is a component", name)
	}
	return all.whereComponent(name, strings.TrimSuffix(version, "-SNAPSHOT"))
}

// manifests are release.json of all released versions and branches, those of the branches first.
func (p *products) manifests() []*manifest.Manifest {
	var all []*manifest.Manifest
	for _, b := range p.branches {
		if b.Manifest != nil {
			all = append(all, b.Manifest)
		}
	}
	for _, r := range slices.Backward(p.released) {
		all = append(all, r.Manifest)
	}
	return all
}

// has reports whether a product version has a component of this name.
func (p *products) has(name string) bool {
	return slices.ContainsFunc(p.manifests(), func(m *manifest.Manifest) bool {
		_, found := m.Component(name)
		return found
	})
}

func (p *products) unknownComponent(name string) error {
	for _, m := range p.manifests() {
		if near := m.Nearest(name); near != "" {
			return fault.New(fault.NotFound, "unknown-component", "%s is no component, and no commit of at least 7 digits", name).Hint("did you mean %s?", near)
		}
	}
	return fault.New(fault.NotFound, "unknown-component", "%s is no component, and no commit of at least 7 digits", name).
		Hint("%s lists the components that are released next", fault.Next{Action: fault.Plan})
}

// whereComponent finds a component in all product versions, or one version of it; "" is any.
func (p *products) whereComponent(name, version string) (Where, error) {
	found := Where{Components: []string{name}, Version: version, Unread: p.unread}
	var versions []string
	for _, h := range p.holdings(name) {
		versions = append(versions, h.Version)
		if version == "" || strings.TrimSuffix(h.Version, "-SNAPSHOT") == version {
			found.Products = append(found.Products, h)
		}
	}
	if len(found.Products) == 0 {
		slices.Reverse(versions)
		f := fault.New(fault.NotFound, "no-version", "no product version contains %s", strings.TrimSpace(name+" "+version))
		if near := manifest.NearestOf(slices.Compact(versions), version, suggested); len(near) > 0 {
			f = f.Hint("did you mean %s?", strings.Join(near, ", "))
		}
		return found, f
	}
	p.addWithout(&found)
	return found, nil
}

// holdings are the product versions that have a component, the oldest first, then what is open.
func (p *products) holdings(name string) []Holding {
	var all []Holding
	add := func(m *manifest.Manifest, h Holding) {
		if c, found := m.Component(name); found && c.HasVersion() {
			h.Component, h.Version, h.manifest, h.component = name, c.Version, m, c
			all = append(all, h)
		}
	}
	for _, r := range p.released {
		add(r.Manifest, Holding{Product: r.Version, At: r.At})
	}
	for _, b := range slices.Backward(p.branches) {
		if b.Manifest != nil && b.Manifest.Open() {
			add(b.Manifest, Holding{Product: b.Manifest.ReleaseVersion(), Branch: b.Name})
		}
	}
	slices.SortStableFunc(all, func(a, b Holding) int { return compareVersions(a.Product, b.Product) })
	return all
}

// addWithout adds the release branches none of whose versions contain what was found, and counts those that are idle.
func (p *products) addWithout(found *Where) {
	now := time.Now()
	for _, b := range p.branches {
		holds := func(h Holding) bool { return h.Branch == b.Name || plan.SupportBranch(h.Product) == b.Name }
		switch {
		case b.Manifest == nil || slices.ContainsFunc(found.Products, holds):
		case b.Idle(now):
			found.Idle++
		default:
			found.NotIn = append(found.NotIn, p.without(b))
		}
	}
}

func (p *products) without(b ReleaseBranch) Without {
	w := Without{Branch: b.Name}
	if b.Manifest.Open() {
		w.Open = b.Manifest.ReleaseVersion()
	}
	if newest, found := p.newestOf(b); found {
		w.Newest = newest.Version
	}
	return w
}

// newestOf returns the newest product released from a branch: of a support branch that of its line, else the newest X.Y.0 below the
// branch's own version.
func (p *products) newestOf(b ReleaseBranch) (found Product, ok bool) {
	for _, r := range p.released {
		line := plan.SupportBranch(r.Version)
		own := line == b.Name
		if !supportBranch.MatchString(b.Name) {
			v, err := manifest.ParseVersion(r.Version)
			own = err == nil && v.Patch() == 0 && b.Manifest != nil && compareVersions(r.Version, b.Manifest.ReleaseVersion()) <= 0
		}
		if own {
			found, ok = r, true
		}
	}
	return found, ok
}

// repositoriesOf returns the repositories of components, of these or, without names, of all that any product version has.
func (p *products) repositoriesOf(only []string) (of map[string][]string, err error) {
	for _, name := range only {
		if !p.has(name) {
			return nil, p.unknownComponent(name)
		}
	}
	of = map[string][]string{}
	seen := map[string]bool{}
	for _, m := range p.manifests() {
		for _, c := range m.Components {
			if seen[c.Name] || len(only) > 0 && !slices.Contains(only, c.Name) {
				continue
			}
			seen[c.Name] = true
			repository, err := p.planOptions("").Repository(m, c)
			if err != nil {
				p.unread = append(p.unread, oneLine(err))
				continue
			}
			of[repository] = append(of[repository], c.Name)
		}
	}
	return of, nil
}

// byVersion sorts versions of components as semver does.
func byVersion(a, b Tagged) int {
	return cmp.Or(compareVersions(a.Version, b.Version), cmp.Compare(a.Tag, b.Tag))
}
