package cli_test

import (
	"slices"
	"strconv"

	"github.com/gravitee-lab/gio/internal/manifest"
)

// wording is the command line that makes one release.json of another, as somebody would write it who knows both.
type wording struct {
	before, after *file
	renamed       map[string]string // old names by new ones
	words         []string
}

// editWords are the arguments of gio prepare that make after of before.
func editWords(before, after *file) []string {
	w := &wording{before: before, after: after, renamed: map[string]string{}}
	w.product()
	w.renames()
	for _, c := range after.components() {
		w.component(c)
	}
	w.removals()
	w.groups()
	w.order()
	return w.words
}

func (w *wording) say(words ...string) { w.words = append(w.words, words...) }

func (w *wording) product() {
	if to := w.after.root.text("version"); to != w.before.root.text("version") {
		w.say("--version=" + to)
	}
}

// renames finds components that have another name in the same place.
func (w *wording) renames() {
	was, is := w.before.names(), w.after.names()
	if len(was) != len(is) {
		return
	}
	for i, name := range is {
		old, inGroups := was[i], slices.Concat(w.before.groups()...)
		if old != name && !slices.Contains(is, old) && !slices.Contains(was, name) && !slices.Contains(inGroups, name) {
			w.renamed[name] = old
			w.say("--rename", old+"="+name)
		}
	}
}

// old is the entry of a component before the edit: of one that stood twice the one that stays.
func (w *wording) old(name string) *object {
	if was, renamed := w.renamed[name]; renamed {
		name = was
	}
	return w.before.stays(name)
}

func (w *wording) component(c *object) {
	name := c.text("name")
	if w.after.count(name) > 1 { // it stays so, and gio has no words for one of the entries
		return
	}
	version, own := c.values["version"].(string)
	if !own {
		version = "product"
	}
	old := w.old(name)
	if old == nil {
		w.say("--add", name+"="+version)
		if since := c.text("since"); since != "" {
			w.say("--since", name+"="+since)
		}
		return
	}
	had, hadOwn := old.values["version"]
	switch {
	case own && had != version, !own && hadOwn, w.before.count(name) > 1, !own && w.writesOut(old):
		w.say(name + "=" + version)
	}
	since, isThere := c.values["since"].(string)
	if hadSince, was := old.values["since"]; was != isThere || was && hadSince != since {
		if !isThere {
			since = "none"
		}
		w.say("--since", name+"="+since)
	}
}

// writesOut tells whether a new product version makes gio write out the version that the component had: it was released.
func (w *wording) writesOut(old *object) bool {
	was := w.before.root.text("version")
	return was != w.after.root.text("version") && !w.before.open(old)
}

func (w *wording) removals() {
	var gone []string
	for _, name := range append(w.before.names(), slices.Concat(w.before.groups()...)...) {
		now := slices.Contains(w.after.names(), name) || slices.Contains(slices.Concat(w.after.groups()...), name)
		if !now && !w.isOld(name) && !slices.Contains(gone, name) {
			gone = append(gone, name)
			w.say("--remove", name)
		}
	}
}

func (w *wording) isOld(name string) bool {
	for _, old := range w.renamed {
		if old == name {
			return true
		}
	}
	return false
}

// groups says where components stand, from the first group to the last and in each from the left to the right.
func (w *wording) groups() {
	was, is := w.oldGroups(), w.after.groups()
	matched := match(was, is)
	placed, number := map[string]bool{}, 0
	for i, group := range is {
		var kept []string
		if g := matched[i]; g >= 0 {
			number = g + 1
			kept = common(was[g], group)
		}
		for j, name := range group {
			again := count(slices.Concat(was...), name) > 1
			switch {
			case slices.Contains(kept, name) && !again || placed[name]:
				continue
			case slices.Contains(kept, name):
				w.say("--group", name+"@"+strconv.Itoa(number))
			case j > 0:
				w.say("--group", name+"@"+group[j-1])
			case matched[i] >= 0:
				w.say("--group", name+"@"+strconv.Itoa(number)+".1")
			default:
				w.say("--group", name+"@"+strconv.Itoa(number)+"+")
			}
			placed[name] = true
		}
	}
	w.ungrouped(was, is)
}

func (w *wording) ungrouped(was, is [][]string) {
	for _, name := range slices.Concat(was...) {
		if !slices.Contains(slices.Concat(is...), name) && slices.Contains(w.after.names(), name) {
			w.say("--group", name+"@none")
		}
	}
}

// oldGroups are the groups before the edit, with the new names.
func (w *wording) oldGroups() [][]string {
	groups := w.before.groups()
	for _, group := range groups {
		for i, name := range group {
			for to, old := range w.renamed {
				if name == old {
					group[i] = to
				}
			}
		}
	}
	return groups
}

// order says which components move, and where the new ones stand.
func (w *wording) order() {
	var was []string
	for i, c := range w.before.components() {
		name := c.text("name")
		for to, old := range w.renamed {
			if name == old {
				name = to
			}
		}
		if w.after.count(name) > 1 || w.before.stays(c.text("name")) == w.before.components()[i] {
			was = append(was, name)
		}
	}
	is := w.after.names()
	kept := common(was, is)
	for i, name := range is {
		switch {
		case slices.Contains(kept, name):
		case i == 0:
			w.say("--at", name+"=1")
		default:
			w.say("--after", name+"="+is[i-1])
		}
	}
}

// match finds for each new group the old one that it is, -1 for none: such that most names stay, in order.
func match(was, is [][]string) []int {
	best := make([][]int, len(was)+1) // how many names stay of the groups from these on
	for i := range best {
		best[i] = make([]int, len(is)+1)
	}
	for i := len(was) - 1; i >= 0; i-- {
		for j := len(is) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1], best[i+1][j+1]+likeness(was[i], is[j]))
		}
	}
	matched := make([]int, len(is))
	i := 0
	for j := range is {
		matched[j] = -1
		for i < len(was) && best[i][j] == best[i+1][j] {
			i++
		}
		if i < len(was) && best[i][j] > best[i][j+1] {
			matched[j] = i
			i++
		}
	}
	return matched
}

func likeness(was, is []string) int {
	if slices.Equal(was, is) {
		return 2*len(is) + 1
	}
	return 2 * len(common(was, is))
}

// common returns the longest part that two lists have in common, in order.
func common(a, b []string) []string {
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if longest[i][j] = max(longest[i+1][j], longest[i][j+1]); a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	var same []string
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			same = append(same, a[i])
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	return same
}

func count(in []string, name string) int {
	n := 0
	for _, s := range in {
		if s == name {
			n++
		}
	}
	return n
}

// file is a release.json that is edited by hand.
type file struct {
	root *object
	last *object // the component that was edited last
}

func (f *file) components() []*object {
	var all []*object
	for _, item := range f.componentList().items {
		all = append(all, item.(*object))
	}
	return all
}

func (f *file) componentList() *list { return f.root.values["components"].(*list) }

func (f *file) groupList() *list { return f.root.values["buildDependencies"].(*list) }

func (f *file) names() []string {
	var all []string
	for _, c := range f.components() {
		all = append(all, c.text("name"))
	}
	return all
}

func (f *file) groups() [][]string {
	var all [][]string
	for _, item := range f.groupList().items {
		group := []string{}
		for _, name := range item.(*list).items {
			group = append(group, name.(string))
		}
		all = append(all, group)
	}
	return all
}

func (f *file) count(name string) int { return count(f.names(), name) }

// stays is the entry of a component; of one that stands twice the newest, to be released before released.
func (f *file) stays(name string) *object {
	var best *object
	for _, c := range f.components() {
		if c.text("name") == name && (best == nil || newerThan(c.text("version"), best.text("version"))) {
			best = c
		}
	}
	return best
}

func newerThan(a, b string) bool {
	v, err := manifest.ParseVersion(a)
	w, errB := manifest.ParseVersion(b)
	switch {
	case err != nil:
		return a != "" && b == ""
	case errB != nil:
		return b == ""
	}
	return v.GreaterThan(w) || v.Equal(w) && isOpenVersion(a) && !isOpenVersion(b)
}

func (f *file) version(c *object) string {
	if v, own := c.values["version"]; own {
		s, _ := v.(string)
		return s
	}
	return f.root.text("version")
}

func (f *file) open(c *object) bool { return isOpenVersion(f.version(c)) }

func (f *file) clone() *file { return &file{root: f.root.clone()} }
