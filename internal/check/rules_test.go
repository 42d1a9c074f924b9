package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestRules: a code names one thing, an error says how a command ends, and its table fits a terminal.
func TestRules(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.Code] || r.Means == "" || len(r.Means) > 63 || r.Severity == Error && r.Kind == 0 || r.Severity != Error && r.Never != "" {
			t.Errorf("%+v", r)
		}
		seen[r.Code] = true
	}
	Rules()[0].Code = "changed"
	if Rules()[0].Code != Manifest {
		t.Error("whoever is given the table changes it")
	}
}

// TestErrSkip: what keeps a version from being released twice, or unrecorded, cannot be skipped, and the fault says why.
func TestErrSkip(t *testing.T) {
	t.Parallel()
	never := map[string]string{
		Manifest: "there is no plan", Configuration: "there is no plan", WrongBranch: "there is no plan",
		Token: "nothing can be started", GitHubToken: "nothing can be started",
		ReleaseRepository: "could not be recorded", CannotPush: "could not be recorded",
		StaleCheckout: "refuses it in any case", SupportBranch: "refuses it in any case", RefInTheWay: "refuses it in any case", DependencyLeftOut: "refuses it in any case",
		JournalDamaged: "released twice", ProductTagExists: "released twice", TagExists: "released twice", PipelineRunning: "released twice",
		"no-such-code": `there is no check "no-such-code"`, "": `there is no check ""`,
	}
	codes := []string{"no-such-code", ""}
	for _, r := range Rules() {
		codes = append(codes, r.Code)
	}
	for _, code := range codes {
		err := ErrSkip(code)
		why, refused := never[code]
		if refused && (fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), why)) || !refused && err != nil {
			t.Errorf("%q: %v", code, err)
		}
	}
}

// TestSkipped: only errors are skipped, and only those that are named.
func TestSkipped(t *testing.T) {
	t.Parallel()
	findings := []Finding{
		{Code: VersionMismatch, Severity: Error, Component: "api", Do: "fix it"},
		{Code: NotChecked, Severity: Note, Do: "set it"},
		{Code: NotChecked, Severity: Error, Do: "try again"},
		{Code: Archived, Severity: Error, Do: "unarchive it"},
	}
	got := skipped(findings, []string{VersionMismatch, NotChecked})
	const let = "skipped by --skip-check: it does not keep the release from starting"
	want := []Finding{
		{Code: VersionMismatch, Severity: Warning, Component: "api", Do: let},
		{Code: NotChecked, Severity: Note, Do: "set it"},
		{Code: NotChecked, Severity: Warning, Do: let},
		{Code: Archived, Severity: Error, Do: "unarchive it"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Finding{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if findings[0].Severity != Error {
		t.Error("what was found is changed")
	}
}

// TestRunSkips: what is skipped stands among the warnings, and keeps nothing from starting.
func TestRunSkips(t *testing.T) {
	t.Parallel()
	q := Question{Skip: []string{Archived}, Earlier: []Finding{{Code: ManifestOdd, What: "odd"}, {Code: Archived, What: "archived"}}}
	r, err := Run(t.Context(), q)
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	want := []string{"warning archived", "warning manifest-odd", "note not-checked", "note not-checked"} // in the order of the rules
	if got := lines(r.Findings); indexOf(Archived) > indexOf(ManifestOdd) || !cmp.Equal(want, got) {
		t.Errorf("%q", got)
	}
}
