package doctor

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// judged is the row of a component with those facts.
func judged(name string, facts ...fact) Row {
	f := plainFacts()
	f.Component = name
	for _, change := range facts {
		change(&f)
	}
	return judge(f)
}

// TestFixAndVerdict: what can be fixed of a report, and what disagrees before and after that.
func TestFixAndVerdict(t *testing.T) {
	t.Parallel()
	agrees, unreadable := judged("agrees"), judged("unreadable", unread)
	released, mistyped := judged("released", tagged), judged("mistyped", says("pom.xml", "1.2.4-SNAPSHOT", "1.2.4-SNAPSHOT"))
	doubtful := judged("doubtful", is(run.IsUnknown))
	watched := judged("watched", lost, other(circleci.Running))
	questionable := judged("questionable", lost, other(circleci.Succeeded))
	twice := judged("twice", marked, again(false))
	unclear := judged("unclear", marked, again(true))
	noSince := judged("no-since", sinceless)
	null := judged("null", void, was("1.2.3-SNAPSHOT", "1.2.3"), tagged)
	nullBoth := judged("null-both", void, sinceless, was("1.2.3-SNAPSHOT", "1.2.3-SNAPSHOT"))
	unknown := judged("unknown", void)
	gone := []Product{{Code: JournalLost}}
	tests := map[string]struct {
		report Report
		fix    Fix
		before string // what the verdict says before the fix, "" for nothing
		hinted bool   // that --fix can do something
		after  string
	}{
		"all agree":             {Report{Components: []Row{agrees, agrees}, All: true}, Fix{}, "", false, ""},
		"one could not be read": {Report{Components: []Row{agrees, unreadable}}, Fix{}, "no\nanswer", false, "no\nanswer"},
		"one for a person":      {Report{Components: []Row{doubtful, unreadable}}, Fix{}, "about 1 thing", false, "about 1 thing"},
		"edits": {
			Report{Components: []Row{released, agrees, mistyped}, All: true},
			Fix{Edits: []Edit{{"released", "1.2.3", "3.9.4"}, {"mistyped", "1.2.4-SNAPSHOT", ""}}},
			"about 2 things", true, "",
		},
		"edits, and one for a person": {
			Report{Components: []Row{released, doubtful, mistyped}, Product: []Product{{Code: ProductTagged}}},
			Fix{Edits: []Edit{{"released", "1.2.3", "3.9.4"}, {"mistyped", "1.2.4-SNAPSHOT", ""}}},
			"about 4 things", true, "about 2 things",
		},
		"edits, and one unread": {Report{Components: []Row{released, unreadable}}, Fix{Edits: []Edit{{"released", "1.2.3", "3.9.4"}}}, "about 1 thing", true, "no\nanswer"},
		"mended": {
			Report{Components: []Row{twice, unclear, noSince, null, nullBoth, unknown}},
			Fix{Edits: []Edit{{"null", "1.2.3", ""}, {"null-both", "1.2.3-SNAPSHOT", ""}}, Mend: []string{"twice", "no-since", "null-both"}},
			"about 6 things", true, "about 2 things",
		},
		"a lost journal": {Report{Lost: true, All: true, Product: gone, Components: []Row{watched, watched, agrees}}, Fix{Rebuild: true}, "about 3 things", true, ""},
		"a lost journal, and a question": {
			Report{Lost: true, All: true, Product: gone, Components: []Row{watched, questionable, released}},
			Fix{Rebuild: true, Edits: []Edit{{"released", "1.2.3", "3.9.4"}}},
			"about 4 things", true, "about 1 thing",
		},
		"a lost journal, looked at in part": {Report{Lost: true, Product: gone, Components: []Row{watched}}, Fix{Partial: true}, "about 2 things", true, "about 2 things"},
	}
	for name, tt := range tests {
		fix := tt.report.Fix()
		if diff := cmp.Diff(tt.fix, fix); diff != "" {
			t.Errorf("%s: fix (-want +got):\n%s", name, diff)
		}
		if empty := len(tt.fix.Edits)+len(tt.fix.Mend) == 0 && !tt.fix.Rebuild; fix.Empty() != empty {
			t.Errorf("%s: empty %v", name, fix.Empty())
		}
		for fixed, want := range map[bool]string{false: tt.before, true: tt.after} {
			err := tt.report.Verdict(fixed)
			if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, fixed %v: %v, want %q", name, fixed, err, want)
			}
			if strings.HasPrefix(want, "about") && (fault.KindOf(err) != fault.Invalid || !fault.Is(err, "disagree")) {
				t.Errorf("%s, fixed %v: kind %d, code %q", name, fixed, fault.KindOf(err), fault.CodeOf(err))
			}
			if f, ok := err.(*fault.Fault); ok && (len(f.Hints) > 0) != (tt.hinted && !fixed) { //nolint:errorlint // what Verdict returned, not a cause
				t.Errorf("%s, fixed %v: hints %q", name, fixed, f.Hints)
			}
		}
	}
}
