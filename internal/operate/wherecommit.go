package operate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/plan"
)

// whereCommit finds the repository that has a commit, the oldest tag of each line that contains it, and the products with such tags.
func (p *products) whereCommit(ctx context.Context, sha string, only []string) (Where, error) {
	hub, why, err := p.hubWithToken(p.readWire(0))
	switch {
	case err != nil:
		return Where{}, err
	case hub == nil && why == hubElsewhere:
		return Where{}, fault.New(fault.Invalid, "no-github", "commit %s was not looked for: %s", sha, why)
	case hub == nil:
		return Where{}, fault.New(fault.Auth, "no-github-token", "commit %s was not looked for: GitHub must be asked about every component", sha).Hint("%s", why)
	}
	of, err := p.repositoriesOf(only)
	if err != nil {
		return Where{}, err
	}
	repository, commit, err := p.askAll(ctx, hub, sha, of)
	if err != nil {
		return Where{}, err
	}
	h := &hunt{products: p, hub: hub, repository: repository, sha: commit.SHA, known: map[string]func() (bool, error){}}
	found := Where{Components: of[repository], Repository: repository, Commit: &ChangedCommit{Commit: commit, Pull: pullOf(commit.Subject)}}
	if err := h.run(ctx, &found); err != nil {
		return found, err
	}
	p.addWithout(&found)
	found.Unread = p.unread
	return found, nil
}

// askAll asks all repositories for a commit at once, and returns the one that has it.
func (p *products) askAll(ctx context.Context, hub *github.Client, sha string, of map[string][]string) (repository string, commit github.Commit, err error) {
	names := slices.Sorted(maps.Keys(of))
	commits, errs := make([]github.Commit, len(names)), make([]error, len(names))
	inParallel(len(names), func(i int) { commits[i], errs[i] = hub.Commit(ctx, names[i], sha) })
	if ctx.Err() != nil {
		return "", commit, context.Cause(ctx)
	}
	var having []string
	var failed error
	for i, err := range errs {
		switch {
		case err == nil:
			having, repository, commit = append(having, strings.Join(of[names[i]], " and ")), names[i], commits[i]
		case !fault.Is(err, "no-commit") && !fault.Is(err, "github-empty"):
			failed = err
			p.unread = append(p.unread, fmt.Sprintf("%s was not asked: %s", names[i], oneLine(err)))
		}
	}
	switch {
	case len(having) == 1:
		return repository, commit, nil
	case len(having) > 1:
		return "", commit, fault.New(fault.Invalid, "ambiguous-commit", "several components have a commit %s: %s", sha, strings.Join(having, ", ")).
			Hint("name one with --component, or more digits")
	case failed != nil && fault.KindOf(failed) != fault.NotFound:
		return "", commit, failed
	}
	f := fault.New(fault.NotFound, "no-commit", "none of %s has a commit %s", countRepositories(len(names)), sha).
		Hint("is it pushed, and of a component?")
	for _, sentence := range p.unread {
		f = f.Hint("%s", sentence)
	}
	return "", commit, f
}

func countRepositories(n int) string {
	if n == 1 {
		return "1 repository"
	}
	return fmt.Sprintf("%d repositories", n)
}

// inParallel calls do for 0 to n-1, many at once.
func inParallel(n int, do func(i int)) {
	var g errgroup.Group
	g.SetLimit(connections)
	for i := range n {
		g.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = g.Wait() // nothing of it fails
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// hunt asks one repository which of its tags and branches contain a commit.
type hunt struct {
	*products
	hub        *github.Client
	repository string
	sha        string

	mu    sync.Mutex
	known map[string]func() (bool, error) // by ref; each is asked once
	tags  map[string]string               // the commit of each
}

// contains reports whether a tag or a branch contains the commit: then the commit has nothing that the ref has not. This way round
// GitHub's answer about a ref that contains it is short.
func (h *hunt) contains(ctx context.Context, ref string) (bool, error) {
	h.mu.Lock()
	ask, asked := h.known[ref]
	if !asked {
		ask = sync.OnceValues(func() (bool, error) {
			compared, err := h.hub.Compare(ctx, h.repository, ref, h.sha)
			return err == nil && compared.Ahead == 0, err
		})
		h.known[ref] = ask
	}
	h.mu.Unlock()
	return ask()
}

// run looks through tags, products and branches.
func (h *hunt) run(ctx context.Context, found *Where) error {
	if err := h.readTags(ctx); err != nil {
		return err
	}
	for _, component := range found.Components {
		if err := h.component(ctx, component, found); err != nil {
			return err
		}
	}
	slices.SortFunc(found.First, byVersion)
	if len(found.First) > 0 {
		return nil
	}
	return h.branchesWith(ctx, found)
}

func (h *hunt) readTags(ctx context.Context) error {
	h.tags = map[string]string{}
	for tag, err := range h.hub.Tags(ctx, h.repository) {
		if github.IsCut(err) {
			h.unread = append(h.unread, oneLine(err))
			return nil
		}
		if err != nil {
			return err
		}
		h.tags[tag.Name] = tag.SHA
	}
	return nil
}

// component adds the versions of a component that have the commit, and the products with them.
func (h *hunt) component(ctx context.Context, component string, found *Where) error {
	held := h.holdings(component)
	lines := h.lines(component, held)
	with, err := h.allWith(ctx, lines)
	if err != nil {
		return err
	}
	has, tagged := map[string]bool{}, map[string]bool{} // by version
	for i, line := range lines {
		for _, t := range line {
			tagged[t.Version] = true
		}
		for _, t := range with[i] {
			has[t.Version] = true
		}
		if len(with[i]) > 0 {
			found.First = append(found.First, with[i][0])
		}
	}
	open := h.openWith(ctx, held)
	missing := map[string]bool{}
	for i, hold := range held {
		if has[hold.Version] || open[i] {
			found.Products = append(found.Products, hold)
		}
		if !tagged[hold.Version] && !hold.component.Open() && !missing[hold.Version] {
			missing[hold.Version] = true
			h.unread = append(h.unread, fmt.Sprintf("%s %s was not compared: %s has no tag of it", component, hold.Version, h.repository))
		}
	}
	return ctx.Err()
}

// lines are the versions of a component that have a tag, line by line, the oldest first: all that the repository has, unless gio.yaml
// gives the component's tags names of their own; then those that products have.
func (h *hunt) lines(component string, held []Holding) [][]Tagged {
	all, named := map[string]Tagged{}, false // by version
	for _, hold := range held {
		step, err := h.planOptions(hold.Branch).Step(hold.manifest, hold.component)
		tag := step.Proof.Tag
		if err != nil || tag == "" || hold.component.Open() {
			continue
		}
		named = named || tag != hold.Version
		if _, exists := h.tags[tag]; exists {
			all[hold.Version] = Tagged{hold.Component, hold.Version, tag}
		}
	}
	for _, hold := range held { // a version need not be of the usual form
		for _, tag := range []string{hold.Version, "v" + hold.Version} {
			if _, exists := h.tags[tag]; exists && all[hold.Version].Tag == "" {
				all[hold.Version] = Tagged{hold.Component, hold.Version, tag}
			}
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(h.tags)) { // the plain one comes before that with a v
		version := strings.TrimPrefix(tag, "v")
		if !named && formed(version) && all[version].Tag == "" {
			all[version] = Tagged{component, version, tag}
		}
	}
	byLine := map[string][]Tagged{}
	for _, t := range slices.SortedFunc(maps.Values(all), byVersion) {
		line := cmp.Or(plan.SupportBranch(t.Version), t.Version)
		byLine[line] = append(byLine[line], t)
	}
	return slices.Collect(maps.Values(byLine))
}

// allWith returns of each line the versions that contain the commit.
func (h *hunt) allWith(ctx context.Context, lines [][]Tagged) ([][]Tagged, error) {
	with, errs := make([][]Tagged, len(lines)), make([]error, len(lines))
	inParallel(len(lines), func(i int) { with[i], errs[i] = h.with(ctx, lines[i]) })
	return with, firstOf(errs)
}

// with bisects a line: whatever contains a commit, so do the later versions. A tag whose own commit it is may be beside its branch, as
// the one that a release has made.
func (h *hunt) with(ctx context.Context, line []Tagged) ([]Tagged, error) {
	own := slices.IndexFunc(line, func(t Tagged) bool { return h.tags[t.Tag] == h.sha })
	first, after := 0, len(line)
	if in, err := h.contains(ctx, line[after-1].Tag); err != nil || !in {
		if own >= 0 {
			return line[own : own+1], err
		}
		return nil, err
	}
	for after--; first < after; {
		middle := (first + after) / 2
		in, err := h.contains(ctx, line[middle].Tag)
		if err != nil {
			return nil, err
		}
		if in {
			after = middle
		} else {
			first = middle + 1
		}
	}
	return line[first:], nil
}

// openWith tells which of the products have the component open on a branch of its repository that contains the commit.
func (h *hunt) openWith(ctx context.Context, held []Holding) []bool {
	in, errs := make([]bool, len(held)), make([]error, len(held))
	inParallel(len(held), func(i int) {
		hold := held[i]
		if !hold.component.Open() {
			return
		}
		q := comparison{products: h.products, hub: h.hub, component: hold.Component}
		ref, err := q.ref(ctx, Point{Version: hold.Product, Branch: hold.Branch, manifest: hold.manifest})
		if err == nil {
			in[i], err = h.contains(ctx, ref.usual)
		}
		errs[i] = err
	})
	for i, err := range errs {
		if err != nil {
			h.unread = append(h.unread, fmt.Sprintf("%s %s of %s was not compared: %s", held[i].Component, held[i].Version, held[i].Product, oneLine(err)))
		}
	}
	return in
}

// branchesWith adds the branches of the repository that contain the commit: of those that releases are built from, and of those
// whose newest commit it is.
func (h *hunt) branchesWith(ctx context.Context, found *Where) error {
	repository, err := h.hub.Repository(ctx, h.repository)
	if err != nil {
		return err
	}
	found.Branches, err = h.hub.BranchesAt(ctx, h.repository, h.sha)
	if err != nil {
		return err
	}
	names := []string{repository.DefaultBranch}
	for _, component := range found.Components {
		for _, hold := range h.holdings(component) {
			names = append(names, plan.SupportBranch(hold.Version))
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" || slices.Contains(found.Branches, name) })
	in, errs := make([]bool, len(names)), make([]error, len(names))
	inParallel(len(names), func(i int) { in[i], errs[i] = h.contains(ctx, names[i]) })
	for i, name := range names {
		if in[i] {
			found.Branches = append(found.Branches, name)
		}
		if errs[i] != nil && !fault.Is(errs[i], "no-commit") { // there need not be such a branch
			return errs[i]
		}
	}
	slices.Sort(found.Branches)
	return ctx.Err()
}
