package operate

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

// ChangelogOptions say what is compared.
type ChangelogOptions struct {
	// Range is A..B, B, or "": A and B are product versions, or release branches in their open state. B alone is compared with the
	// version that was released before it; "" is the release branch of the workspace.
	Range      string
	Components []string // only these
	All        bool     // with merges and the commits of releases
}

// Changelog is what changed between two product versions.
type Changelog struct {
	Product  string
	From, To Point
	Back     bool // To is the older one
	Of       int  // components of To
	Changes  []Change
	Unread   []string // sentences: what of the release repository was not read
}

// Point is a product version to compare: a released one, or the open one of a branch.
type Point struct {
	Version string // with -SNAPSHOT where it is open
	Branch  string // "" for a released one

	at       time.Time
	manifest *manifest.Manifest
}

// ChangeKind says what became of a component.
type ChangeKind string

// The kinds, in the order of a changelog.
const (
	ComponentChanged ChangeKind = "changed"
	ComponentAdded   ChangeKind = "added"
	ComponentLowered ChangeKind = "lowered" // its version is an older one
	ComponentRemoved ChangeKind = "removed"
)

func changeKinds() []ChangeKind {
	return []ChangeKind{ComponentChanged, ComponentAdded, ComponentLowered, ComponentRemoved}
}

// Change is what changed of one component.
type Change struct {
	Name, From, To string // versions; "" for none
	Kind           ChangeKind
	Commits        []ChangedCommit // the newest first; of a lowered component those that it lost
	More           int             // commits beside these, which GitHub did not show
	LeftOut        int             // merges and commits of releases
	URL            string          // of the comparison's page
	Unread         string          // why the commits are not known; "" where they are
}

// ChangedCommit is a commit, and the pull request that its subject names; 0 for none.
type ChangedCommit struct {
	github.Commit
	Pull int
}

// ReadChangelog compares release.json of two product versions, and asks GitHub for the commits of each component that changed, once
// where its tags are plain. Where the commits cannot be read, the component says why. Faults: "no-version" and "unknown-component"
// (kind NotFound), and those of the release repository.
func ReadChangelog(ctx context.Context, s Setup, o ChangelogOptions) (Changelog, error) {
	all, err := s.readProducts(ctx)
	if err != nil {
		return Changelog{}, err
	}
	all.noteUnreadBranches()
	c := Changelog{}
	if c.From, c.To, err = all.points(o.Range); err != nil {
		return c, err
	}
	from, to := c.From.manifest, c.To.manifest
	c.Product, c.Of, c.Unread = to.Name, len(to.Components), all.unread
	c.Back = compareVersions(c.To.Version, c.From.Version) < 0
	if c.Changes, err = changesBetween(from, to, o.Components); err != nil {
		return c, err
	}
	return c, all.readCommits(ctx, &c, o.All)
}

// points finds both ends of a range.
func (p *products) points(text string) (from, to Point, err error) {
	a, b, both := strings.Cut(text, "..")
	if !both {
		a, b = "", text
	}
	if to, err = p.point(cmp.Or(b, p.ownBranch())); err != nil {
		return from, to, err
	}
	if a != "" {
		from, err = p.point(a)
		return from, to, err
	}
	before, found := p.before(to.Version, to.at)
	if !found {
		return from, to, fault.New(fault.NotFound, "no-version", "nothing was released before %s", to.Version).Hint("name both, as in A..B; known are %s", p.known(to.Version))
	}
	return before.point(), to, nil
}

// ownBranch is the workspace's release branch; the remote's default branch without one.
func (p *products) ownBranch() string {
	if name := p.Branch.Value; name != "" && name != "HEAD" {
		return name
	}
	return p.repo.DefaultBranch()
}

func (r Product) point() Point { return Point{Version: r.Version, at: r.At, manifest: r.Manifest} }

// point finds a released version, a branch, or the branch on which a version is open.
func (p *products) point(name string) (Point, error) {
	for _, r := range p.released {
		if r.Version == name || r.Tag == name {
			return r.point(), nil
		}
	}
	branches := p.branches
	if own := p.ownBranch(); name == own && p.repo.Refs()[plan.BranchRef(own)] != "" {
		branches = append([]ReleaseBranch{p.branch(own)}, branches...) // it need not be a release branch
	}
	for _, b := range branches {
		open := b.Manifest != nil && b.Manifest.Open() && b.Manifest.ReleaseVersion() == strings.TrimSuffix(name, "-SNAPSHOT")
		if b.Name != name && !open {
			continue
		}
		if b.Err != nil {
			return Point{}, b.Err
		}
		return Point{Version: b.Manifest.Version, Branch: b.Name, manifest: b.Manifest}, nil
	}
	return Point{}, fault.New(fault.NotFound, "no-version", "there is no product version and no release branch %s", name).Hint("did you mean %s?", p.known(name))
}

// suggested is how many names a hint lists.
const suggested = 3

// known lists the versions and branches that are nearest to a name.
func (p *products) known(name string) string {
	var names []string
	for _, r := range slices.Backward(p.released) {
		names = append(names, r.Version)
	}
	for _, b := range p.branches {
		names = append(names, b.Name)
	}
	if len(names) == 0 {
		return "none: nothing is released"
	}
	return strings.Join(manifest.NearestOf(names, name, suggested), ", ")
}

// changesBetween compares two release.json, kind after kind. Its fault names a selected component that is in neither.
func changesBetween(from, to *manifest.Manifest, only []string) ([]Change, error) {
	for _, name := range only {
		_, before := from.Component(name)
		if _, after := to.Component(name); !before && !after {
			return nil, unknownComponent(to, name)
		}
	}
	var changes []Change
	for _, c := range to.Components {
		was, found := from.Component(c.Name)
		change := Change{Name: c.Name, From: was.Version, To: c.Version, Kind: ComponentChanged}
		switch {
		case !found:
			change.From, change.Kind = "", ComponentAdded
		case was.Version == c.Version:
			continue
		case formed(was.Version) && formed(c.Version) && compareVersions(c.Version, was.Version) < 0:
			change.Kind = ComponentLowered
		}
		changes = append(changes, change)
	}
	for _, c := range from.Components {
		if _, found := to.Component(c.Name); !found {
			changes = append(changes, Change{Name: c.Name, From: c.Version, Kind: ComponentRemoved})
		}
	}
	changes = slices.DeleteFunc(changes, func(c Change) bool { return len(only) > 0 && !slices.Contains(only, c.Name) })
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Compare(slices.Index(changeKinds(), a.Kind), slices.Index(changeKinds(), b.Kind))
	})
	return changes, nil
}

func formed(version string) bool {
	_, err := manifest.ParseVersion(version)
	return err == nil
}

func unknownComponent(m *manifest.Manifest, name string) error {
	f := fault.New(fault.NotFound, "unknown-component", "%s is no component of %s", name, m.Name)
	if near := m.Nearest(name); near != "" {
		return f.Hint("did you mean %s?", near)
	}
	return f.Hint("%s lists the components", m.File)
}

// readCommits reads the commits of all components that have an earlier and a later version.
func (p *products) readCommits(ctx context.Context, c *Changelog, everything bool) error {
	hub, why, err := p.hubWithToken(p.readWire(0))
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(connections)
	for i := range c.Changes {
		change := &c.Changes[i]
		if change.Kind == ComponentAdded || change.Kind == ComponentRemoved {
			continue
		}
		if hub == nil {
			change.Unread = why
			continue
		}
		g.Go(func() error {
			q := comparison{products: p, hub: hub, component: change.Name, from: c.From, to: c.To}
			if change.Kind == ComponentLowered {
				q.from, q.to = q.to, q.from
			}
			q.read(ctx, change, everything)
			return nil
		})
	}
	_ = g.Wait() // what cannot be read is in the change
	return context.Cause(ctx)
}

// comparison asks GitHub about one component.
type comparison struct {
	*products
	hub        *github.Client
	component  string
	from, to   Point
	repository string
}

// read fills in the commits of a change, or why they are not known.
func (q *comparison) read(ctx context.Context, change *Change, everything bool) {
	compared, err := q.compare(ctx)
	if err != nil {
		change.Unread = oneLine(err)
		return
	}
	shown := compared
	if !everything {
		was, _ := q.from.manifest.Component(q.component)
		shown = compared.Changes(was.ReleaseVersion())
	}
	change.URL, change.More = compared.URL, compared.Ahead-len(compared.Commits)
	change.LeftOut = len(compared.Commits) - len(shown.Commits)
	for _, commit := range slices.Backward(shown.Commits) {
		change.Commits = append(change.Commits, ChangedCommit{Commit: commit, Pull: pullOf(commit.Subject)})
	}
}

var pullForm = regexp.MustCompile(`\(#(\d+)\)|^Merge pull request #(\d+) `)

// pullOf returns the number of the pull request that GitHub writes into the subject of what it merges; 0 for none.
func pullOf(subject string) int {
	all := pullForm.FindAllStringSubmatch(subject, -1)
	if len(all) == 0 {
		return 0
	}
	last := all[len(all)-1] // a backport names the earlier one first
	n, _ := strconv.Atoi(last[1] + last[2])
	return n
}

// compare compares the refs with the usual names of tags first; only where one of them does not exist it looks for tags.
func (q *comparison) compare(ctx context.Context) (github.Comparison, error) {
	from, err := q.ref(ctx, q.from)
	if err != nil {
		return github.Comparison{}, err
	}
	to, err := q.ref(ctx, q.to)
	if err != nil {
		return github.Comparison{}, err
	}
	compared, err := q.hub.Compare(ctx, q.repository, from.usual, to.usual)
	if !fault.Is(err, "no-commit") {
		return compared, err
	}
	for _, r := range []*componentRef{&from, &to} {
		if err := q.find(ctx, r); err != nil {
			return github.Comparison{}, err
		}
	}
	return q.hub.Compare(ctx, q.repository, from.usual, to.usual)
}

// componentRef is what a version of a component is called in its repository.
type componentRef struct {
	usual   string // the likeliest name
	version string // of a tag; "" for a branch
	named   string // the tag by gio.yaml
}

// ref returns the tag of a released component, or the branch that an open one is built from.
func (q *comparison) ref(ctx context.Context, at Point) (componentRef, error) {
	c, _ := at.manifest.Component(q.component)
	if !c.HasVersion() {
		return componentRef{}, fmt.Errorf("its version is not known at %s", at.Version)
	}
	o := q.planOptions(at.Branch)
	var err error
	if q.repository, err = o.Repository(at.manifest, c); err != nil {
		return componentRef{}, err
	}
	step, err := o.Step(at.manifest, c)
	if !c.Open() {
		named := ""
		if err == nil {
			named = step.Proof.Tag
		}
		return componentRef{usual: cmp.Or(named, c.Version), version: c.Version, named: named}, nil
	}
	if err != nil {
		return componentRef{}, err
	}
	if step.Branch != q.main || o.ComponentMain != "" || o.Overrides[c.Name].Branch != "" || plan.SupportBranch(c.Version) == step.Branch {
		return componentRef{usual: step.Branch}, nil
	}
	repository, err := q.hub.Repository(ctx, q.repository) // from its main branch, whatever its name
	return componentRef{usual: repository.DefaultBranch}, err
}

// find replaces the usual name of a tag by the one that exists. The error of a ref that does not exist says so.
func (q *comparison) find(ctx context.Context, r *componentRef) error {
	if r.version == "" {
		_, err := q.hub.Branch(ctx, q.repository, r.usual)
		if fault.Is(err, "no-branch") {
			return fmt.Errorf("no branch %s", r.usual)
		}
		return err
	}
	tag, err := q.hub.VersionTag(ctx, q.repository, r.version, r.named)
	if err == nil && tag == "" {
		return fmt.Errorf("no tag %s", cmp.Or(r.named, r.version))
	}
	r.usual = tag
	return err
}
