package check

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

var figures = flag.Bool("figures", false, "print figures")

// pastOrder is what a release that was made had in which group, and what was named; of testdata/graphs.
type pastOrder struct {
	versions map[string]string
	groups   map[string]int
	named    map[string][]string // by component, as names takes them
}

func newOrder() pastOrder {
	return pastOrder{map[string]string{}, map[string]int{}, map[string][]string{}}
}

func (o pastOrder) add(name, version string, group int) {
	o.versions[name], o.groups[name] = version, group
}

// wrongEdge is one of wrong.json: into the same or a later group.
type wrongEdge struct {
	Product, From, Version, To, Released, Named, Class string
	Group, ToGroup                                     int
}

func (e wrongEdge) String() string {
	return fmt.Sprintf("%s: %s (group %d) would be built before %s %s (group %d)", e.Product, e.From, e.Group, e.To, e.Released, e.ToGroup)
}

func readGraph(t *testing.T, file string, to any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wholeOrder is a release whose whole graph is known.
func wholeOrder(t *testing.T, file string) (o pastOrder, product string) {
	var whole struct {
		Product    string
		Components []struct {
			Name, Version string
			Group         int
		}
		Needs []struct{ From, To, Named string }
	}
	readGraph(t, file, &whole)
	o = newOrder()
	for _, c := range whole.Components {
		o.add(c.Name, c.Version, c.Group)
	}
	for _, n := range whole.Needs {
		o.named[n.From] = append(o.named[n.From], n.To+" "+n.Named)
	}
	return o, whole.Product
}

// world is one in which that release is about to be made.
func (o pastOrder) world(product string) *world {
	w := ready()
	w.options = plan.Options{Branch: "master", MainBranch: "master", Overrides: map[string]plan.Override{}}
	w.GitHub = &sim.GitHub{Repositories: map[string]sim.Repository{}}
	groups := make([][]string, slices.Max(slices.Collect(maps.Values(o.groups))))
	type component struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	doc := map[string]any{"name": "Past", "version": product + "-SNAPSHOT", "scmHttpUrl": "https://github.com/acme"}
	var components []component
	for name, version := range o.versions {
		components = append(components, component{name, version + "-SNAPSHOT"})
		groups[o.groups[name]-1] = append(groups[o.groups[name]-1], name)
		w.options.Overrides[name] = plan.Override{Branch: "work"}
		w.holds("acme/"+name, "work", version+"-SNAPSHOT", map[string]string{"pom.xml": names(name, version, o.named[name]...)})
	}
	for i := range groups {
		groups[i] = append([]string{}, groups[i]...)
	}
	doc["components"], doc["buildDependencies"] = components, groups
	data, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	w.manifest = string(data)
	return w
}

// wrongOf is what gio check says of the order of a release.
func (o pastOrder) wrongOf(t *testing.T, product string) (wrong []string) {
	t.Helper()
	for _, f := range o.world(product).check(t).Findings {
		if f.Code == OrderWrong {
			what, _, _ := strings.Cut(f.What, ", which it names")
			wrong = append(wrong, product+": "+what)
		}
	}
	return wrong
}

// In releases that were made, gio check finds each order that was wrong, and no other: of 21 edges of 216 releases that led into the same
// or a later group those that bind, and nothing in ten releases whose whole graph is known.
func TestFiguresWrongOrder(t *testing.T) {
	t.Parallel()
	const graphs = "../../testdata/graphs/"
	var edges []wrongEdge
	readGraph(t, graphs+"wrong.json", &edges)
	orders := map[string]pastOrder{} // by product
	var want, got []string
	for _, e := range edges {
		o, known := orders[e.Product]
		if !known {
			o = newOrder()
			orders[e.Product] = o
		}
		o.add(e.From, e.Version, e.Group)
		o.add(e.To, e.Released, e.ToGroup)
		o.named[e.From] = append(o.named[e.From], e.To+" "+e.Named)
		if e.Class == "exact" || e.Class == "patch" {
			want = append(want, e.String())
		}
	}
	for product, o := range orders {
		got = append(got, o.wrongOf(t, product)...)
	}
	found := len(got)
	files, err := filepath.Glob(graphs + "3.*.json")
	if err != nil || len(files) != 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		o, product := wholeOrder(t, file)
		got = append(got, o.wrongOf(t, product)...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 12 {
		t.Errorf("%d wrong orders: %s", len(want), diff)
	}
	if *figures {
		fmt.Printf("  order-wrong: %d of %d wrong orders found among %d edges, %d in %d releases whose order was right\n", found, len(want), len(edges), len(got)-found, len(files))
	}
}
