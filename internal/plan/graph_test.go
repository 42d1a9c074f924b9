package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// byWaves makes a plan of groups: "a b/mono", where what is behind the slash is the project.
func byWaves(groups ...string) *plan.Plan {
	p := &plan.Plan{Product: "Suite", Version: "3.9.4", Branch: "3.9.x"}
	for i, group := range groups {
		w := plan.Wave{Group: i + 1}
		for _, entry := range strings.Fields(group) {
			name, project, shared := strings.Cut(entry, "/")
			if !shared {
				project = name
			}
			w.Steps = append(w.Steps, plan.Step{Component: name, Version: "1", Project: "gh/acme/" + project, Branch: "master"})
		}
		p.Waves = append(p.Waves, w)
	}
	return p
}

// needing makes needs of "a: b c", one component a line; one that is not listed cannot be read.
func needing(lines ...string) map[plan.StepID]plan.Found {
	found := map[plan.StepID]plan.Found{}
	for _, line := range lines {
		from, to, _ := strings.Cut(line, ":")
		all := []plan.Need{}
		for i, name := range strings.Fields(to) {
			all = append(all, plan.Need{Step: plan.ID(name, "1"), Reason: plan.NeedNamed, Artifact: "io.acme:" + name, Named: "1", File: "pom.xml", Line: i + 1})
		}
		found[plan.ID(from, "1")] = plan.Found{Needs: all}
	}
	return found
}

// levels writes a plan as one line a level, each step with what it needs: "c(a b)"; "*" marks what it needs for its group only.
func levels(p *plan.Plan) (lines []string) {
	for _, w := range p.Waves {
		var words []string
		for _, st := range w.Steps {
			var needs []string
			for _, n := range st.Needs {
				mark := ""
				if n.Reason == plan.NeedGroup {
					mark = "*"
				}
				needs = append(needs, n.Step.Component()+mark)
			}
			words = append(words, fmt.Sprintf("%s(%s)", st.Component, strings.Join(needs, " ")))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

func TestArrange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		groups, needs, want []string
	}{
		"a level is what needs make it, whatever the group": {
			[]string{"a", "b", "c", "d"}, []string{"a:", "b:", "c: a", "d: c a"}, []string{"a() b()", "c(a)", "d(c a)"},
		},
		"a later group may come first": {[]string{"a", "b"}, []string{"a: b", "b:"}, []string{"b()", "a(b)"}},
		"steps of two groups that share a pipeline are one": {
			[]string{"a/mono x", "b/mono", "c"}, []string{"a:", "x:", "b: x a", "c: a"}, []string{"x()", "a() b(x)", "c(a)"},
		},
		"what cannot be read waits for the earlier groups": {[]string{"a b", "c", "d"}, []string{"a:", "b:", "d:"}, []string{"a() b()", "c(a* b*)", "d(c*)"}},
		"but not for what needs it":                        {[]string{"a b", "c", "d"}, []string{"a: c", "b:", "d: a"}, []string{"b()", "c(b*)", "a(c)", "d(a)"}},
		"nor for what waits for what needs it":             {[]string{"a", "b", "c"}, []string{"a: c"}, []string{"c()", "a(c)", "b(a*)"}},
		"whoever may need what cannot be read waits for it": {
			[]string{"a b", "c", "d e f"}, []string{"b:", "c: d", "d:", "e: b", "f: a"}, []string{"a() b()", "d(a*) e(b a*) f(a)", "c(d a*)"},
		},
		"a step that the plan does not hold is no level": {[]string{"a"}, []string{"a: elsewhere"}, []string{"a(elsewhere)"}},
		"of itself and twice of another":                 {[]string{"a b"}, []string{"a: a b b", "b:"}, []string{"b()", "a(b)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := byWaves(tt.groups...).Arrange(needing(tt.needs...))
			if err != nil {
				t.Fatal(err)
			}
			if !p.IsByGraph() {
				t.Error("it is not by the graph")
			}
			if diff := cmp.Diff(tt.want, levels(p)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestArrangeKeepsGroupAndReason(t *testing.T) {
	t.Parallel()
	before := byWaves("a", "b")
	p, err := before.Arrange(needing("a:", "b: a"))
	if err != nil {
		t.Fatal(err)
	}
	b := p.Waves[1].Steps[0]
	if b.Group != 2 || b.Needs[0].String() != "pom.xml:1 names io.acme:a 1" {
		t.Errorf("group %d, %s", b.Group, b.Needs[0])
	}
	if st := before.Waves[1].Steps[0]; before.IsByGraph() || st.Group != 0 || st.Needs != nil {
		t.Errorf("the plan by waves was changed: %+v", st)
	}
}

// A cycle is named with what it goes through. A unit is never split.
func TestArrangeCycle(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		groups, needs []string
		want          string
	}{
		"two":            {[]string{"a b c"}, []string{"a: b", "b: a", "c: a"}, "a -> b -> a"},
		"the way of it":  {[]string{"a b c d"}, []string{"a: b", "b: c", "c: d", "d: b"}, "b -> c -> d -> b"},
		"through a unit": {[]string{"a/mono", "x", "b/mono"}, []string{"a: x", "x: b", "b:"}, "a+b -> x -> a+b (a and b share one pipeline)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := byWaves(tt.groups...).Arrange(needing(tt.needs...))
			if fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) != "dependency-cycle" || !strings.Contains(err.Error(), ": "+tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSameNeeds(t *testing.T) {
	t.Parallel()
	a := plan.Need{Step: "a@1", Reason: plan.NeedNamed, Artifact: "a", Named: "1-SNAPSHOT", File: "pom.xml", Line: 3}
	moved := plan.Need{Step: "a@1", Reason: plan.NeedNamed, Artifact: "a-api", Named: "1", File: "pom.xml", Line: 9, Released: true}
	b, group := plan.Need{Step: "b@1", Reason: plan.NeedSetting}, plan.Need{Step: "b@1", Reason: plan.NeedGroup}
	for name, tt := range map[string]struct {
		planned, now []plan.Need
		same         bool
	}{
		"nothing":                          {nil, nil, true},
		"another place, another order":     {[]plan.Need{a, b}, []plan.Need{b, moved}, true},
		"one more":                         {[]plan.Need{a}, []plan.Need{a, b}, false},
		"one less":                         {[]plan.Need{a, b}, []plan.Need{a}, false},
		"another one":                      {[]plan.Need{a}, []plan.Need{b}, false},
		"it can be read now":               {[]plan.Need{a, group}, []plan.Need{a}, true},
		"it can be read now and needs one": {[]plan.Need{group}, []plan.Need{a}, false},
	} {
		if got := plan.SameNeeds(tt.planned, tt.now); got != tt.same {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzArrange makes a plan and its needs of bytes. Each step stands behind all that it needs, and those that share a pipeline stand
// together; or there is a cycle.
func FuzzArrange(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 0x14, 0x25}, []byte{0x10, 0x21, 0x32})
	f.Add([]byte{0, 0x80, 1, 0x81, 2}, []byte{0x12, 0x24, 0x41})
	f.Add([]byte{0, 0x40, 1, 2}, []byte{0x31, 0x20})
	f.Fuzz(func(t *testing.T, states, edges []byte) {
		states = states[:min(len(states), 16)]
		groups := make([]string, 4)
		for i, state := range states {
			entry := fmt.Sprint(" c", i)
			if state&0x80 != 0 {
				entry += "/mono"
			}
			groups[state%4] += entry
		}
		found := map[plan.StepID]plan.Found{}
		for i, state := range states {
			var unread error
			if state&0x40 != 0 {
				unread = errors.New("unreadable")
			}
			found[plan.ID(fmt.Sprint("c", i), "1")] = plan.Found{Unread: unread}
		}
		for _, e := range edges {
			from := plan.ID(fmt.Sprint("c", e>>4), "1")
			if f, stands := found[from]; stands {
				f.Needs = append(f.Needs, plan.Need{Step: plan.ID(fmt.Sprint("c", e&15), "1"), Reason: plan.NeedNamed})
				found[from] = f
			}
		}
		p, err := byWaves(groups...).Arrange(found)
		if err != nil {
			if fault.CodeOf(err) != "dependency-cycle" {
				t.Fatal(err)
			}
			return
		}
		holdsNeeds(t, p, len(states))
	})
}

func holdsNeeds(t *testing.T, p *plan.Plan, steps int) {
	t.Helper()
	level, mono := map[plan.StepID]int{}, map[int]bool{}
	for i, w := range p.Waves {
		if len(w.Steps) == 0 {
			t.Fatal("a level is empty")
		}
		for _, st := range w.Steps {
			level[st.ID()] = i + 1
			if st.Project == "gh/acme/mono" {
				mono[i] = true
			}
		}
	}
	if len(level) != steps || len(mono) > 1 {
		t.Fatalf("%d steps of %d, what shares a pipeline in %d levels", len(level), steps, len(mono))
	}
	for _, st := range p.Steps() {
		deepest := 0
		for _, n := range st.Needs {
			if level[n.Step] >= level[st.ID()] {
				t.Fatalf("%s of level %d needs %s of level %d", st.ID(), level[st.ID()], n.Step, level[n.Step])
			}
			deepest = max(deepest, level[n.Step])
		}
		if st.Project != "gh/acme/mono" && level[st.ID()] != deepest+1 {
			t.Fatalf("%s is in level %d, and could be in %d", st.ID(), level[st.ID()], deepest+1)
		}
	}
}
