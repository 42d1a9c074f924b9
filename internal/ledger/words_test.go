package ledger_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want ledger.Version // zero: it is refused
	}{
		{"3.9.4-rc1", ledger.Version{Release: "3.9.4", Number: 1}},
		{"3.9.4-rc10", ledger.Version{Release: "3.9.4", Number: 10}},
		{"4.0.0-beta.1+build_5-rc2", ledger.Version{Release: "4.0.0-beta.1+build_5", Number: 2}},
		{"1.0-rc1-rc2", ledger.Version{Release: "1.0-rc1", Number: 2}}, // the last one counts
		{"v1-rc999999999", ledger.Version{Release: "v1", Number: 999_999_999}},
		{strings.Repeat("1", 100) + "-rc1", ledger.Version{Release: strings.Repeat("1", 100), Number: 1}},
		{"", ledger.Version{}},
		{"3.9.4", ledger.Version{}},
		{"-rc1", ledger.Version{}},
		{"3.9.4-rc", ledger.Version{}},
		{"3.9.4-rc0", ledger.Version{}},
		{"3.9.4-rc01", ledger.Version{}},
		{"3.9.4-rc-1", ledger.Version{}},
		{"3.9.4-RC1", ledger.Version{}},
		{"3.9.4-rc1 ", ledger.Version{}},
		{"3.9.4-rc1\n", ledger.Version{}},
		{"3.9.4-rc1000000000", ledger.Version{}},
		{"3.9.4-rc99999999999999999999", ledger.Version{}},
		{".3-rc1", ledger.Version{}},
		{"a/b-rc1", ledger.Version{}},
		{"ä-rc1", ledger.Version{}},
		{strings.Repeat("1", 101) + "-rc1", ledger.Version{}},
	}
	for _, test := range tests {
		got, err := ledger.ParseVersion(test.text)
		refused := test.want == ledger.Version{}
		if got != test.want || (err != nil) != refused {
			t.Errorf("%q: %v, %v", test.text, got, err)
		}
		if refused && (!fault.Is(err, "invalid-candidate") || fault.KindOf(err) != fault.Invalid) {
			t.Errorf("%q: %v", test.text, err)
		}
		if !refused && got.String() != test.text {
			t.Errorf("%q is written %q", test.text, got)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	want := map[ledger.Status]string{
		ledger.Pending: "active", ledger.InProgress: "active", ledger.Canceling: "active",
		ledger.Success: "ended", ledger.Failure: "ended", ledger.Canceled: "ended", ledger.Error: "ended",
		ledger.Unknown: "",
	}
	if len(ledger.Statuses()) != len(want) {
		t.Errorf("there are %d statuses", len(ledger.Statuses()))
	}
	for _, s := range append(ledger.Statuses(), "another") {
		got := ""
		switch {
		case s.Active() && s.Ended():
			got = "both"
		case s.Active():
			got = "active"
		case s.Ended():
			got = "ended"
		}
		if got != want[s] {
			t.Errorf("%s is %q, want %q", s, got, want[s])
		}
	}
}
