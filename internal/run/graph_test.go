package run

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/plan"
)

// byGraph makes a plan by the graph of "b: a", one step a line.
func byGraph(lines ...string) *plan.Plan {
	p := waves(nil)
	found := map[plan.StepID]plan.Found{}
	for _, line := range lines {
		from, to, _ := strings.Cut(line, ":")
		id := plan.ID(from, "1.0.0")
		p.Waves[0].Steps = append(p.Waves[0].Steps, plan.Step{Component: from, Version: "1.0.0", Project: from})
		var needs []plan.Need
		for _, name := range strings.Fields(to) {
			needs = append(needs, plan.Need{Step: plan.ID(name, "1.0.0"), Reason: plan.NeedNamed})
		}
		found[id] = plan.Found{Needs: needs}
	}
	p, err := p.Arrange(found)
	if err != nil {
		panic(err)
	}
	return p
}

func graphed(p *plan.Plan, events ...Event) *journal {
	return new(journal).add(opened(), planned(p)).add(events...)
}

// Rule 3 by the graph: what a step needs must have succeeded earlier in the journal, and nothing else.
func TestGraphGate(t *testing.T) {
	t.Parallel()
	p := byGraph("alpha:", "beta: alpha", "gamma:", "delta: beta gamma")
	for name, tt := range map[string]struct {
		events  []Event
		next    Event
		refused string
	}{
		"nothing needed":              {nil, intent(1, gamma), ""},
		"needed and not begun":        {nil, intent(1, beta), "alpha@1.0.0, which it needs, is pending"},
		"needed and runs":             {[]Event{intent(1, alpha), triggered("p1", alpha)}, intent(1, beta), "alpha@1.0.0, which it needs, is running"},
		"needed and succeeded":        {succeed("p1", alpha), intent(1, beta), ""},
		"one of two has succeeded":    {succeed("p1", gamma), intent(1, delta), "beta@1.0.0, which it needs, is pending"},
		"a failure elsewhere":         {[]Event{intent(1, alpha), failed(alpha)}, intent(1, gamma), ""},
		"needed and released by hand": {[]Event{released(alpha)}, intent(1, beta), ""},
		"together with what it needs": {nil, intent(1, alpha, beta), "alpha@1.0.0, which it needs, is pending"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := graphed(p, tt.events...).fold(t)
			tt.next.Seq = s.Seq + 1
			err := s.Allows(tt.next)
			if (err == nil) != (tt.refused == "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("got %v, want %q", err, tt.refused)
			}
		})
	}
}

// What the newest plan does not hold counts by the journal, and what release.json had as released is not waited for.
func TestNeedOutsideThePlan(t *testing.T) {
	t.Parallel()
	whole, rest := byGraph("alpha:", "beta: alpha"), byGraph("beta: alpha")
	graphed(whole, succeed("p1", alpha)...).add(planned(rest), intent(1, beta)).fold(t)
	if err := Check(graphed(whole).add(planned(rest), intent(1, beta)).events); err == nil {
		t.Error("beta begins, and nobody has released alpha")
	}
	rest.Waves[0].Steps[0].Needs[0].Released = true
	graphed(whole).add(planned(rest), intent(1, beta)).fold(t)
}

func TestWaitsFor(t *testing.T) {
	t.Parallel()
	s := graphed(byGraph("alpha:", "beta: alpha", "gamma:", "delta: beta gamma"), intent(1, alpha), failed(alpha)).fold(t)
	for id, want := range map[plan.StepID][2]plan.StepID{delta: {beta, alpha}, beta: {alpha, alpha}, gamma: {}} {
		direct, _ := s.WaitsFor(id)
		origin, waits := s.KeptBackBy(id)
		if direct.ID != want[0] || origin.ID != want[1] || waits != (want[1] != "") {
			t.Errorf("%s waits for %q in the end for %q, want %q", id, direct.ID, origin.ID, want)
		}
	}
	s = begun(intent(1, alpha), failed(alpha)).fold(t)
	if origin, waits := s.KeptBackBy(delta); !waits || origin.ID != alpha {
		t.Errorf("by waves delta is kept back by %q", origin.ID)
	}
}

func TestNeedsMet(t *testing.T) {
	t.Parallel()
	s := graphed(byGraph("alpha:", "beta: alpha", "gamma:"), append(succeed("p1", alpha), succeed("p2", gamma)...)...).fold(t)
	if got := s.NeedsMet(beta); !got.Equal(at(5)) || !s.NeedsMet(alpha).IsZero() {
		t.Errorf("the needs of beta were met at %s, of alpha at %s", got, s.NeedsMet(alpha))
	}
	s = begun(append(succeed("p1", alpha), succeed("p2", beta)...)...).fold(t)
	if got := s.NeedsMet(delta); !got.Equal(at(8)) {
		t.Errorf("by waves they were met at %s", got)
	}
}

// A journal of waves stays what an older gio can go on with. One that is to hold a graph says first that an older one cannot.
func TestSchema(t *testing.T) {
	t.Parallel()
	old := *header()
	old.Schema = SchemaOf(threeWaves())
	raised := old
	raised.Schema = SchemaOf(byGraph("alpha:"))
	poms := threeWaves()
	poms.Waves[0].Steps[0].Proof = plan.Proof{Tag: "1.0.0", Poms: plan.PomsStrict}
	if old.Schema != 1 || raised.Schema != Schema || SchemaOf(poms) != Schema {
		t.Fatalf("schemas %d, %d and %d", old.Schema, raised.Schema, SchemaOf(poms))
	}
	first, raise := Event{Type: Opened, Header: &old}, Event{Type: Raised, Header: &raised}
	if err := Check(new(journal).add(first, planned(byGraph("alpha:"))).events); err == nil {
		t.Error("a journal for an older gio holds a graph")
	}
	s := new(journal).add(first, planned(threeWaves()), raise, planned(byGraph("alpha:"))).fold(t)
	if s.Header.Schema != Schema || s.Header.Host != old.Host {
		t.Errorf("the header is %+v", s.Header)
	}
	if err := Check(new(journal).add(first, raise, raise).events); err == nil {
		t.Error("it is raised twice")
	}
}

// The plan of an older journal has neither order nor needs: each step waits for the earlier waves. What is written for waves is
// what an older gio wrote.
func TestOlderPlan(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(threeWaves())
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"order", "needs"} {
		if strings.Contains(string(text), word) {
			t.Errorf("a plan by waves says %q: %s", word, text)
		}
	}
	read := &plan.Plan{}
	if err := json.Unmarshal(text, read); err != nil {
		t.Fatal(err)
	}
	s := graphed(read).fold(t)
	if open, waits := s.WaitsFor(delta); !waits || open.ID != alpha || read.IsByGraph() {
		t.Errorf("delta waits for %q", open.ID)
	}
	text, err = json.Marshal(byGraph("alpha:", "beta: alpha"))
	if err != nil {
		t.Fatal(err)
	}
	again := &plan.Plan{}
	if err := json.Unmarshal(text, again); err != nil || !again.IsByGraph() || !slices.Equal(again.Waves[1].Steps[0].Needs, byGraph("alpha:", "beta: alpha").Waves[1].Steps[0].Needs) {
		t.Errorf("%v, %s", err, text)
	}
}

// TestRandomGraphs draws graphs and walks through them at random: whatever the journal takes begins after all that it needs, by a
// reckoning of its own; and whatever may begin is taken.
func TestRandomGraphs(t *testing.T) {
	t.Parallel()
	intents := 0
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 17)) //nolint:gosec // it protects no secret
		var lines []string
		needs := map[plan.StepID][]plan.StepID{}
		for i := range 2 + rnd.IntN(12) {
			line := fmt.Sprintf("c%d:", i)
			id := plan.ID(fmt.Sprint("c", i), "1.0.0")
			needs[id] = nil
			for j := range i {
				if rnd.IntN(4) == 0 {
					line += fmt.Sprint(" c", j)
					needs[id] = append(needs[id], plan.ID(fmt.Sprint("c", j), "1.0.0"))
				}
			}
			lines = append(lines, line)
		}
		intents += walk(t, rnd, graphed(byGraph(lines...)), needs)
	}
	if intents < 1000 {
		t.Errorf("only %d intents: the walks see little", intents)
	}
}

func walk(t *testing.T, rnd *rand.Rand, j *journal, needs map[plan.StepID][]plan.StepID) (intents int) {
	t.Helper()
	s, done := j.fold(t), map[plan.StepID]bool{}
	all := slices.Sorted(func(yield func(plan.StepID) bool) {
		for id := range needs {
			if !yield(id) {
				return
			}
		}
	})
	for n := range 120 {
		id := all[rnd.IntN(len(all))]
		e := []Event{intent(1, id), triggered(fmt.Sprint("p", n), id), succeeded(id), failed(id)}[rnd.IntN(4)]
		e.Run, e.Seq, e.Time = "release/3.9.4", s.Seq+1, at(s.Seq+1)
		st := s.Step(id)
		err := s.Apply(e)
		if err == nil {
			j.events = append(j.events, e)
			done[id] = done[id] || e.Type == Succeeded
		}
		if e.Type != Intent {
			continue
		}
		met := !slices.ContainsFunc(needs[id], func(other plan.StepID) bool { return !done[other] })
		startable := st.Status == Pending || st.Status == HasFailed || st.Status == Intended
		if (err == nil) != (met && startable) {
			t.Fatalf("%s, which is %s, with its needs met: %v, and the journal says %v", id, st.Status, met, err)
		}
		if err == nil {
			intents++
		}
	}
	if err := Check(j.events); err != nil {
		t.Fatal(err)
	}
	return intents
}
