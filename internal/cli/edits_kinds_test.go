package cli_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/manifest"
)

// handEdit edits release.json as a person does with an editor. Nth is which of the things that can be edited so; it returns false
// where there is none. Before is changed, too, where the kind of edit mends something that is broken.
type handEdit func(before, after *file, nth int) bool

// editKinds are the edits that people make of release.json, by the history of the real one.
func editKinds() map[string]handEdit {
	return map[string]handEdit{
		"open a component":              onAfter(openOne),
		"take a released version":       onAfter(takeOne),
		"record what was open":          onAfter(recordOne),
		"take, with since":              onAfter(func(f *file, nth int) bool { return takeOne(f, nth) && sinceOf(f, f.last) }),
		"since alone":                   onAfter(sinceAlone),
		"no since any more":             onAfter(noSince),
		"no since anywhere":             onAfter(noSinceAnywhere),
		"add in the middle":             onAfter(addOne),
		"add, with since":               onAfter(func(f *file, nth int) bool { return addOne(f, nth) && sinceOf(f, f.last) }),
		"add to no group":               onAfter(addUngrouped),
		"remove":                        onAfter(removeOne),
		"rename":                        onAfter(renameOne),
		"into another group":            onAfter(regroupOne),
		"out of all groups":             onAfter(ungroupOne),
		"a new group":                   onAfter(newGroup),
		"order in a group":              onAfter(orderInGroup),
		"two groups change places":      onAfter(swapGroups),
		"the product's version given":   onAfter(ownVersion),
		"the product's version instead": onAfter(productsVersion),
		"order of the components":       onAfter(moveOne),
		"sorted by name":                onAfter(sortAll),
		"product version":               onAfter(nextProduct),
		"product released":              onAfter(finish),
		"several at once":               onAfter(several),
		"null version mended":           nullVersion,
		"null since mended":             nullSince,
		"duplicate mended":              duplicate,
		"duplicate mended and released": func(b, a *file, nth int) bool { return duplicate(b, a, nth) && setVersion(a, a.last, "99.0.0") },
		"beside a duplicate":            besideDuplicate,
		"null product mended":           nullProduct,
		"two groups, one mended":        twoGroups,
	}
}

func onAfter(edit func(f *file, nth int) bool) handEdit {
	return func(_, after *file, nth int) bool { return edit(after, nth) }
}

func isOpenVersion(version string) bool { return strings.HasSuffix(version, "-SNAPSHOT") }

// pick picks one of the components for which a test holds, spread over the file.
func pick(f *file, nth int, test func(*object) bool) *object {
	fit := slices.DeleteFunc(f.components(), func(c *object) bool { return !test(c) })
	if len(fit) == 0 {
		return nil
	}
	f.last = fit[(nth*7+3)%len(fit)]
	return f.last
}

func grouped(f *file, c *object) bool {
	return slices.Contains(slices.Concat(f.groups()...), c.text("name"))
}

func (f *file) isReleased(c *object) bool { return !f.open(c) }

func setVersion(_ *file, c *object, version string) bool {
	if c == nil {
		return false
	}
	c.setBehind("version", version, "name")
	return true
}

func next(version string, part int) string {
	v, err := manifest.ParseVersion(version)
	if err != nil {
		return "9.0.0"
	}
	if part == 2 {
		return v.IncMinor().String()
	}
	return v.IncPatch().String()
}

func (f *file) canOpen() bool { return isOpenVersion(f.root.text("version")) }

func openOne(f *file, nth int) bool {
	c := pick(f, nth, func(c *object) bool { return f.isReleased(c) && grouped(f, c) })
	return c != nil && f.canOpen() && setVersion(f, c, next(f.version(c), 3)+"-SNAPSHOT")
}

func takeOne(f *file, nth int) bool {
	c := pick(f, nth, f.isReleased)
	return c != nil && setVersion(f, c, next(f.version(c), 2))
}

func recordOne(f *file, nth int) bool {
	c := pick(f, nth, f.open)
	return c != nil && setVersion(f, c, strings.TrimSuffix(f.version(c), "-SNAPSHOT"))
}

func sinceOf(f *file, c *object) bool {
	c.setBehind("since", strings.TrimSuffix(f.root.text("version"), "-SNAPSHOT"), "name", "version")
	return true
}

func sinceAlone(f *file, nth int) bool {
	c := pick(f, nth, func(c *object) bool { return c.text("since") != f.root.text("version") })
	return c != nil && sinceOf(f, c)
}

func noSince(f *file, nth int) bool {
	c := pick(f, nth, func(c *object) bool { return c.text("since") != "" })
	if c != nil {
		c.remove("since")
	}
	return c != nil
}

func noSinceAnywhere(f *file, _ int) bool {
	some := false
	for _, c := range f.components() {
		some = some || c.text("since") != ""
		c.remove("since")
	}
	return some
}

func (f *file) insert(nth int, name, version string) {
	f.last = &object{values: map[string]any{}}
	f.last.set("name", name)
	f.last.set("version", version)
	l := f.componentList()
	l.items = slices.Insert(l.items, (nth*11+5)%(len(l.items)+1), any(f.last))
}

func addOne(f *file, nth int) bool {
	name := fmt.Sprintf("gravitee-policy-new-%d", nth)
	version := "1.0.0"
	if f.canOpen() && nth%2 == 0 {
		version = "1.0.0-SNAPSHOT"
	}
	f.insert(nth, name, version)
	groups := f.groupList().items
	if len(groups) == 0 {
		return false
	}
	group := groups[nth%len(groups)].(*list)
	group.items = slices.Insert(group.items, (nth*3)%(len(group.items)+1), any(name))
	return true
}

func addUngrouped(f *file, nth int) bool {
	f.insert(nth, fmt.Sprintf("gravitee-licence-%d", nth), "2.0.1")
	return true
}

// dropNames removes names from the groups, and the groups that become empty.
func (f *file) dropNames(name string) {
	l := f.groupList()
	l.items = slices.DeleteFunc(l.items, func(item any) bool {
		group := item.(*list)
		had := len(group.items)
		group.items = slices.DeleteFunc(group.items, func(n any) bool { return n == name })
		return len(group.items) == 0 && had > 0
	})
}

func (f *file) drop(c *object) {
	l := f.componentList()
	l.items = slices.DeleteFunc(l.items, func(item any) bool { return item == any(c) })
}

func removeOne(f *file, nth int) bool {
	c := pick(f, nth, func(*object) bool { return true })
	f.drop(c)
	f.dropNames(c.text("name"))
	return true
}

func renameOne(f *file, nth int) bool {
	c := pick(f, nth, func(*object) bool { return true })
	old := c.text("name")
	c.values["name"] = old + "-renamed"
	for _, group := range f.groupList().items {
		for i, n := range group.(*list).items {
			if n == old {
				group.(*list).items[i] = old + "-renamed"
			}
		}
	}
	return true
}

func regroupOne(f *file, nth int) bool {
	c := pick(f, nth, func(c *object) bool { return grouped(f, c) })
	if c == nil || len(f.groupList().items) < 2 {
		return false
	}
	to := f.groupList().items[(nth*5+1)%len(f.groupList().items)].(*list)
	if slices.Contains(to.items, any(c.text("name"))) {
		return false
	}
	f.dropNames(c.text("name"))
	to.items = slices.Insert(to.items, nth%(len(to.items)+1), any(c.text("name")))
	return true
}

func ungroupOne(f *file, nth int) bool {
	c := pick(f, nth, func(c *object) bool { return grouped(f, c) && f.isReleased(c) })
	if c != nil {
		f.dropNames(c.text("name"))
	}
	return c != nil
}

// newGroup makes a new group of two.
func newGroup(f *file, nth int) bool {
	group := &list{}
	for i := range 2 {
		c := pick(f, nth+i, func(c *object) bool { return grouped(f, c) })
		if c == nil {
			return false
		}
		f.dropNames(c.text("name"))
		group.items = append(group.items, c.text("name"))
	}
	l := f.groupList()
	l.items = slices.Insert(l.items, (nth*4)%(len(l.items)+1), any(group))
	return true
}

func orderInGroup(f *file, nth int) bool {
	var long []*list
	for _, item := range f.groupList().items {
		if len(item.(*list).items) > 2 {
			long = append(long, item.(*list))
		}
	}
	if len(long) == 0 {
		return false
	}
	group := long[nth%len(long)]
	group.items = append(group.items[1:], group.items[0])
	return true
}

func swapGroups(f *file, nth int) bool {
	l := f.groupList().items
	if len(l) < 3 {
		return false
	}
	i := nth % (len(l) - 1)
	l[i], l[i+1] = l[i+1], l[i]
	return true
}

func ownVersion(f *file, nth int) bool {
	c := pick(f, nth, func(c *object) bool { return c.text("version") == "" && grouped(f, c) })
	return c != nil && setVersion(f, c, f.root.text("version"))
}

func productsVersion(f *file, nth int) bool {
	c := pick(f, nth, func(c *object) bool { return c.text("version") != "" && (grouped(f, c) || !f.canOpen()) })
	if c != nil {
		c.remove("version")
	}
	return c != nil
}

func moveOne(f *file, nth int) bool {
	l := f.componentList()
	from := (nth*13 + 2) % len(l.items)
	moved := l.items[from]
	l.items = slices.Delete(l.items, from, from+1)
	l.items = slices.Insert(l.items, (nth*17)%(len(l.items)+1), moved)
	return true
}

func sortAll(f *file, _ int) bool {
	slices.SortStableFunc(f.componentList().items, func(a, b any) int {
		return strings.Compare(a.(*object).text("name"), b.(*object).text("name"))
	})
	return true
}

func nextProduct(f *file, nth int) bool {
	f.root.values["version"] = next(f.root.text("version"), 3-nth%2) + "-SNAPSHOT"
	return true
}

// finish says that all is released.
func finish(f *file, _ int) bool {
	f.root.values["version"] = strings.TrimSuffix(f.root.text("version"), "-SNAPSHOT")
	for _, c := range f.components() {
		if f.open(c) {
			setVersion(f, c, strings.TrimSuffix(c.text("version"), "-SNAPSHOT"))
			sinceOf(f, c)
		} else if c.text("version") == "" {
			c.setBehind("version", f.root.text("version"), "name")
		}
	}
	return true
}

// several is what a commit "prepare next version" does.
func several(f *file, nth int) bool {
	nextProduct(f, nth)
	for i := range 4 {
		openOne(f, nth+i)
		takeOne(f, nth+i+10)
	}
	sinceOf(f, f.last)
	return addOne(f, nth) && removeOne(f, nth+20)
}

func nullVersion(before, after *file, nth int) bool {
	c := pick(before, nth, func(c *object) bool { return c.text("version") != "" })
	if c == nil {
		return false
	}
	c.values["version"] = nil
	return after.canOpen() || !isOpenVersion(after.stays(c.text("name")).text("version"))
}

func nullSince(before, after *file, nth int) bool {
	c := pick(before, nth, func(*object) bool { return true })
	c.setBehind("since", nil, "name", "version")
	return nth%2 == 0 && after.stays(c.text("name")).text("since") == "" || sinceOf(after, after.stays(c.text("name")))
}

func nullProduct(before, after *file, _ int) bool {
	before.root.values["version"] = nil
	return after.canOpen()
}

// twoGroups puts a name into a second group, from which it is removed again.
func twoGroups(before, _ *file, nth int) bool {
	c := pick(before, nth, func(c *object) bool { return grouped(before, c) })
	groups := before.groupList().items
	if c == nil || len(groups) < 2 {
		return false
	}
	second := groups[nth%len(groups)].(*list)
	if slices.Contains(second.items, any(c.text("name"))) {
		return false
	}
	second.items = append(second.items, c.text("name"))
	return true
}

// duplicate makes an older entry of a component, which is removed again.
func duplicate(before, after *file, nth int) bool {
	c := pick(before, nth, func(c *object) bool { return before.isReleased(c) && c.text("version") != "" })
	if c == nil {
		return false
	}
	second := &object{values: map[string]any{}}
	second.set("name", c.text("name"))
	second.set("version", "0.1.0")
	if nth%2 == 0 {
		second.set("version", c.text("version"))
	}
	l := before.componentList()
	at := slices.Index(l.items, any(c)) + 1
	if nth%2 == 1 {
		at = (nth * 19) % (len(l.items) + 1)
	}
	l.items = slices.Insert(l.items, at, any(second))
	after.last = after.stays(c.text("name"))
	return true
}

// besideDuplicate edits one component, and leaves the duplicate of another one alone.
func besideDuplicate(before, after *file, nth int) bool {
	if !duplicate(before, after, 2*nth) {
		return false
	}
	kept := after.last
	*after = *before.clone()
	c := pick(after, nth, func(c *object) bool { return after.isReleased(c) && c.text("name") != kept.text("name") })
	return c != nil && setVersion(after, c, next(after.version(c), 2))
}
