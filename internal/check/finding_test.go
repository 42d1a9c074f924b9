package check

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/fault"
)

// exitOf is the exit code of a command that ends with a report.
func exitOf(r Report) int { return int(fault.KindOf(r.Err())) }

// TestErr: of several kinds of errors the first of not allowed, wrong, no answer decides; nothing but an error does.
func TestErr(t *testing.T) {
	t.Parallel()
	auth := Finding{Code: CannotPush, Severity: Error, kind: fault.Auth}
	invalid := Finding{Code: Archived, Severity: Error, kind: fault.Invalid}
	remote := Finding{Code: NotChecked, Severity: Error, kind: fault.Remote}
	unsaid := Finding{Code: Archived, Severity: Error}
	warned := Finding{Code: Token, Severity: Warning, kind: fault.Auth}
	for _, tt := range []struct {
		name     string
		findings []Finding
		exit     int
		says     string
	}{
		{"nothing", nil, 0, ""},
		{"no error", []Finding{warned, {Code: NotChecked, Severity: Note, kind: fault.Remote}}, 0, ""},
		{"not allowed", []Finding{remote, invalid, auth, warned}, 3, "the check found 3 errors"},
		{"wrong", []Finding{remote, invalid, warned}, 7, "the check found 2 errors"},
		{"no answer", []Finding{remote, warned}, 4, "the check found 1 error"},
		{"of a kind that nobody said", []Finding{unsaid, remote}, 7, "the check found 2 errors"},
	} {
		r := Report{Findings: tt.findings}
		err := r.Err()
		if got := exitOf(r); got != tt.exit || err != nil && err.Error() != tt.says {
			t.Errorf("%s: exit %d, want %d: %v", tt.name, got, tt.exit, err)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	r := Report{Findings: []Finding{{Severity: Error}, {Severity: Note}, {Severity: Note}}}
	if r.Count(Error) != 1 || r.Count(Warning) != 0 || r.Count(Note) != 2 {
		t.Errorf("%d, %d, %d", r.Count(Error), r.Count(Warning), r.Count(Note))
	}
}

// TestSorted: whatever the order in which findings come, one stands before another by severity, rule, component, place, text.
func TestSorted(t *testing.T) {
	t.Parallel()
	want := []Finding{
		{Code: Token, Severity: Error, Component: "z"},
		{Code: Archived, Severity: Error, Component: "api", Where: "a"},
		{Code: Archived, Severity: Error, Component: "api", Where: "b", What: "first"},
		{Code: Archived, Severity: Error, Component: "api", Where: "b", What: "second"},
		{Code: Archived, Severity: Error, Component: "gateway"},
		{Code: NotChecked, Severity: Error},
		{Code: Archived, Severity: Warning},
		{Code: ManifestOdd, Severity: Warning},
		{Code: NotChecked, Severity: Note},
	}
	for range 20 {
		mixed := append(append([]Finding{}, want...), want[2], want[8]) // two were found twice
		rand.Shuffle(len(mixed), func(a, b int) { mixed[a], mixed[b] = mixed[b], mixed[a] })
		if diff := cmp.Diff(want, sorted(mixed), cmpopts.EquateComparable(Finding{})); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}

// TestJSON: the names of the fields are a contract.
func TestJSON(t *testing.T) {
	t.Parallel()
	r := Report{Components: 2, Requests: 3, Findings: []Finding{
		{Code: TagExists, Severity: Error, Component: "api", Where: "acme/api", What: "it exists", Do: "delete it", kind: fault.Invalid},
		{Code: NotChecked, Severity: Note, What: "not checked"},
	}}
	want := `{"findings":[{"code":"tag-exists","severity":"error","component":"api","where":"acme/api","what":"it exists","do":"delete it"},` +
		`{"code":"not-checked","severity":"note","what":"not checked"}],"components":2,"requests":3}`
	if got := text(t, r); got != want {
		t.Error(got)
	}
}

func TestAbbreviated(t *testing.T) {
	t.Parallel()
	names := []string{"api", "bom", "cockpit", "definition", "engine"}
	for n, want := range []string{"", "api", "api, bom", "api, bom, cockpit", "api, bom, cockpit, definition", "api, bom, cockpit and 2 more"} {
		if got := abbreviated(names[:n]); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
