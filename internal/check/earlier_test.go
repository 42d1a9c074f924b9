package check

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// TestOfFault: whatever a release would be refused for is a finding.
func TestOfFault(t *testing.T) {
	t.Parallel()
	problems := errors.New("release.json:3:5: \"x\" is odd\nrelease.json:4:6: \"y\" too")
	for _, tt := range []struct {
		err  error
		want []Finding
		exit int // of a report of it
	}{
		{nil, nil, 0},
		{fault.New(fault.Invalid, "manifest-syntax", "r.json:1:2: a comma is missing"), []Finding{{Code: Manifest, Where: "r.json:1:2", What: "a comma is missing", Do: "correct it there"}}, 7},
		{fault.New(fault.Invalid, "manifest-shape", "r.json:1:2: no list").Hint("make it one"), []Finding{{Code: Manifest, Where: "r.json:1:2", What: "no list", Do: "make it one"}}, 7},
		{fault.New(fault.Invalid, "manifest-invalid", "2 problems:\n%s", problems), []Finding{
			{Code: Manifest, Where: "release.json:3:5", What: `"x" is odd`, Do: "correct it there"}, {Code: Manifest, Where: "release.json:4:6", What: `"y" too`, Do: "correct it there"},
		}, 7},
		{fault.New(fault.Invalid, "wrong-branch", "the branch\n is wrong"), []Finding{{Code: WrongBranch, What: "the branch is wrong"}}, 7},
		{fault.New(fault.Invalid, "stale-checkout", "it differs").Hint("pull").Hint("push"), []Finding{{Code: StaleCheckout, What: "it differs", Do: "pull; or push"}}, 7},
		{fault.New(fault.Invalid, "tag-exists", "3.9.4 exists"), []Finding{{Code: ProductTagExists, What: "3.9.4 exists"}}, 7},
		{fault.New(fault.Invalid, "support-branch-exists", "the branch exists").Hint("release from it"), []Finding{{Code: SupportBranch, What: "the branch exists", Do: "release from it"}}, 7},
		{fault.New(fault.Invalid, "ref-in-the-way", "Git cannot make it").Hint("delete the other"), []Finding{{Code: RefInTheWay, What: "Git cannot make it", Do: "delete the other"}}, 7},
		{fault.New(fault.Invalid, "invalid-product-tag", "no template"), []Finding{{Code: Configuration, What: "no template"}}, 7},
		{fault.New(fault.Invalid, "next-unknown", "r.json:1:2: it cannot be counted"), []Finding{{Code: NextVersion, Where: "r.json:1:2", What: "it cannot be counted"}}, 0},
		{fault.New(fault.Invalid, "invalid-next", "no version"), []Finding{{Code: NextVersion, What: "no version"}}, 0},
		{fault.New(fault.Invalid, "invalid-parameter", "no template"), []Finding{{Code: Configuration, What: "no template"}}, 7},
		{fault.New(fault.Invalid, "invalid-repository", "no name"), []Finding{{Code: Configuration, What: "no name"}}, 7},
		{fault.New(fault.Invalid, "no-main-branch", "none"), []Finding{{Code: Configuration, What: "none"}}, 7},
		{fault.New(fault.NotFound, "unknown-component", "gatewy"), []Finding{{Code: Configuration, What: "gatewy"}}, 7},
		{fault.New(fault.Auth, "no-token", "there is none"), []Finding{{Code: Token, What: "there is none"}}, 3},
		{fault.New(fault.Invalid, "damaged-journal", "it cannot be true"), []Finding{{Code: JournalDamaged, What: "it cannot be true"}}, 7},
		{fault.New(fault.Invalid, "newer-journal", "it is too new"), []Finding{{Code: JournalDamaged, What: "it is too new"}}, 7},
		{fault.New(fault.Auth, "git-auth", "it lets nobody in"), []Finding{{Code: ReleaseRepository, What: "it lets nobody in"}}, 3},
		{fault.New(fault.Remote, "git-remote", "it does not answer"), []Finding{{Code: ReleaseRepository, What: "it does not answer"}}, 4},
		{fault.New(fault.Remote, "proxy-refused", "it refuses").Hint("ask it"), []Finding{{Code: NotChecked, Severity: Error, What: "it refuses", Do: "ask it"}}, 4},
		{fault.New(fault.NotFound, "branch-missing", "no such branch"), []Finding{{Code: ReleaseRepository, What: "no such branch"}}, 7},
		{
			fmt.Errorf("around: %w", fault.New(fault.Invalid, "x", "inside").Because(fault.New(fault.Remote, "y", "deep").Hint("of the cause"))),
			[]Finding{{Code: ReleaseRepository, What: "around: inside: deep", Do: "of the cause"}},
			7,
		},
		{fault.New(fault.NotFound, "project", "Run says it"), nil, 0},
		{fault.New(fault.Auth, "circleci-unauthorized", "Run says it"), nil, 0},
		{fault.New(fault.Usage, "usage", "a wrong flag"), nil, 0},
		{fault.New(fault.Internal, "x", "a defect"), nil, 0},
		{errors.New("a defect"), nil, 0},
	} {
		got := OfFault(tt.err)
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Finding{})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.err, diff)
		}
		r, err := Run(t.Context(), Question{Plan: &plan.Plan{}, Earlier: got})
		if err != nil || exitOf(r) != tt.exit {
			t.Errorf("%v: %v, want exit %d", tt.err, r.Err(), tt.exit)
		}
	}
}

func TestOfWarnings(t *testing.T) {
	t.Parallel()
	got := OfWarnings([]string{"release.json:12:16: \"comon\" is no component", "no place: at all", "a b.json:1:2: behind a space"})
	want := []Finding{
		{Code: ManifestOdd, Where: "release.json:12:16", What: `"comon" is no component`},
		{Code: ManifestOdd, What: "no place: at all"},
		{Code: ManifestOdd, What: "a b.json:1:2: behind a space"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Finding{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := OfWarnings(nil); got != nil {
		t.Errorf("%v", got)
	}
}
