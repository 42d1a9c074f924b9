package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

func TestNextVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version, branch, explicit string
		want                      plan.Next
	}{
		{"3.9.4", "3.9.x", "", plan.Next{Version: "3.9.5-SNAPSHOT"}},
		{"3.9.0", "3.9.x", "", plan.Next{Version: "3.9.1-SNAPSHOT"}},
		{"3.9.4", "other", "", plan.Next{Version: "3.9.5-SNAPSHOT"}},
		{"3.9.4", "3.9.x", "3.9.10-SNAPSHOT", plan.Next{Version: "3.9.10-SNAPSHOT"}},
		{"3.10.0", "main", "", plan.Next{Version: "3.11.0-SNAPSHOT", SupportBranch: "3.10.x", SupportVersion: "3.10.1-SNAPSHOT"}},
		{"3.10.2", "main", "", plan.Next{Version: "3.11.0-SNAPSHOT", SupportBranch: "3.10.x", SupportVersion: "3.10.3-SNAPSHOT"}},
		{"3.10.0", "main", "4.0.0-SNAPSHOT", plan.Next{Version: "4.0.0-SNAPSHOT", SupportBranch: "3.10.x", SupportVersion: "3.10.1-SNAPSHOT"}},
		{"3.0.0-beta.1", "3.0.0-beta", "", plan.Next{Version: "3.0.0-beta.2-SNAPSHOT"}},
		{"3.0.0-beta.9", "main", "", plan.Next{Version: "3.0.0-beta.10-SNAPSHOT"}},
		{"3.0.0-rc1", "3.0.x", "", plan.Next{Version: "3.0.0-rc2-SNAPSHOT"}},
		{"3.0.0-rc09", "3.0.x", "", plan.Next{Version: "3.0.0-rc10-SNAPSHOT"}},
		{"3.0.0-1.2", "3.0.x", "", plan.Next{Version: "3.0.0-1.3-SNAPSHOT"}},
		{"3.0.0-beta", "3.0.0-beta", "3.0.0-SNAPSHOT", plan.Next{Version: "3.0.0-SNAPSHOT"}},
		{"3.0.0-beta", "3.0.0-beta", "3.0.0-beta.1-SNAPSHOT", plan.Next{Version: "3.0.0-beta.1-SNAPSHOT"}},
	}
	for _, tt := range tests {
		got, err := plan.NextVersions(tt.version, tt.branch, "main", tt.explicit)
		if err != nil {
			t.Errorf("%s on %s: %v", tt.version, tt.branch, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s on %s, --next %q (-want +got):\n%s", tt.version, tt.branch, tt.explicit, diff)
		}
	}
}

func TestNextVersionsFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version, explicit string
		kind              fault.Kind
		want              string
	}{
		{"3.9.4-SNAPSHOT", "", fault.Invalid, `no version can follow "3.9.4-SNAPSHOT": it is not a released X.Y.Z`},
		{"null", "", fault.Invalid, `no version can follow "null": it is not a released X.Y.Z`},
		{"3.0.0-beta", "", fault.Invalid, `no version can follow 3.0.0-beta by itself: its pre-release part does not end in a number`},
		{"3.0.0-rc99999999999999999999", "", fault.Invalid, `no version can follow 3.0.0-rc99999999999999999999 by itself: its pre-release part does not end in a number`},
		{"3.9.4", "3.9.5", fault.Usage, `--next "3.9.5" must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT`},
		{"3.9.4", "3.10-SNAPSHOT", fault.Usage, `--next "3.10-SNAPSHOT" must be X.Y.Z-SNAPSHOT or X.Y.Z-PRE-SNAPSHOT`},
		{"3.9.4", "3.9.4-SNAPSHOT", fault.Usage, `--next 3.9.4-SNAPSHOT must be greater than 3.9.4, which is released`},
		{"3.9.4", "3.9.4-rc1-SNAPSHOT", fault.Usage, `--next 3.9.4-rc1-SNAPSHOT must be greater than 3.9.4, which is released`},
	}
	for _, tt := range tests {
		_, err := plan.NextVersions(tt.version, "3.9.x", "master", tt.explicit)
		if err == nil || err.Error() != tt.want || fault.KindOf(err) != tt.kind {
			t.Errorf("%s, --next %q: got %d %v\nwant %d %s", tt.version, tt.explicit, fault.KindOf(err), err, tt.kind, tt.want)
		}
	}
}
