package ledger_test

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// The gate, by every condition alone and by those that meet: the first that closes it is the one that is said.
func TestGate(t *testing.T) {
	t.Parallel()
	freeze := &ledger.Freeze{Reason: "peak season", Actor: "eve@example.org"}
	until := &ledger.Freeze{Reason: "audit", Actor: "eve@example.org", EndsAt: time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)}
	one := rc(1)
	deploys, rollsBack := ledger.Deployment{Candidate: one}, ledger.Deployment{Candidate: one, Restores: "id"}
	forced := func(d ledger.Deployment) ledger.Deployment { d.Forced = "the site is down"; return d }
	needs := func(approvals int, previous string) ledger.Requirements {
		return ledger.Requirements{Approvals: approvals, Previous: previous}
	}
	const frozen, noPrevious = "frozen by eve@example.org: peak season", "waits until qa runs 1.0-rc1"
	tests := []struct {
		title string
		d     ledger.Deployment
		f     ledger.Facts // of a candidate that is ready, unless it says another state
		want  string
	}{
		{"nothing is required", deploys, ledger.Facts{}, ""},
		{"a freeze", deploys, ledger.Facts{Frozen: freeze}, frozen},
		{"a freeze with an end", deploys, ledger.Facts{Frozen: until}, "frozen until 2026-12-24T18:00:00Z by eve@example.org: audit"},
		{"a freeze, forced", forced(deploys), ledger.Facts{Frozen: freeze}, ""},
		{"a freeze and a rollback", rollsBack, ledger.Facts{Frozen: freeze}, frozen},
		{"a freeze and a rollback, forced", forced(rollsBack), ledger.Facts{Frozen: freeze}, ""},
		{"no approval of one", deploys, ledger.Facts{Requires: needs(1, "")}, "waits for 1 approval"},
		{"no approval of two", deploys, ledger.Facts{Requires: needs(2, "")}, "waits for 2 approvals"},
		{"one approval of two", deploys, ledger.Facts{Requires: needs(2, ""), Approvals: 1}, "waits for 1 approval"},
		{"two approvals of two", deploys, ledger.Facts{Requires: needs(2, ""), Approvals: 2}, ""},
		{"more approvals than are required", deploys, ledger.Facts{Requires: needs(1, ""), Approvals: 2}, ""},
		{"no approval, forced", forced(deploys), ledger.Facts{Requires: needs(1, ""), Frozen: freeze}, "waits for 1 approval"},
		{"nothing runs before", deploys, ledger.Facts{Requires: needs(0, "qa")}, noPrevious},
		{"another one runs before", deploys, ledger.Facts{Requires: needs(0, "qa"), Previous: "1.0-rc2"}, noPrevious},
		{"it runs before", deploys, ledger.Facts{Requires: needs(0, "qa"), Previous: "1.0-rc1", IsThere: true}, ""},
		{"another one runs before, forced", forced(deploys), ledger.Facts{Requires: needs(0, "qa"), Previous: "1.0-rc2", Frozen: freeze}, noPrevious},
		{"a rollback needs none of it", rollsBack, ledger.Facts{Requires: needs(2, "qa")}, ""},
		{"approved, and not before", deploys, ledger.Facts{Requires: needs(1, "qa"), Approvals: 1}, noPrevious},
		{"before, and not approved", deploys, ledger.Facts{Requires: needs(1, "qa"), Previous: "1.0-rc1", IsThere: true}, "waits for 1 approval"},
		{"approved, before, and frozen", deploys, ledger.Facts{Requires: needs(1, "qa"), Previous: "1.0-rc1", IsThere: true, Approvals: 1, Frozen: freeze}, frozen},
		{"approved and before", deploys, ledger.Facts{Requires: needs(1, "qa"), Previous: "1.0-rc1", IsThere: true, Approvals: 1}, ""},
		{"not promoted", deploys, ledger.Facts{Unpromoted: "waits until box 1 is promoted to prod"}, "waits until box 1 is promoted to prod"},
		{"not promoted, and not approved", deploys, ledger.Facts{Requires: needs(1, ""), Unpromoted: "x"}, "waits for 1 approval"},
		{"not promoted, and frozen", deploys, ledger.Facts{Frozen: freeze, Unpromoted: "x"}, frozen},
		{"not promoted, and forced", forced(deploys), ledger.Facts{Frozen: freeze, Unpromoted: "x"}, "x"},
		{"not promoted, and a rollback", rollsBack, ledger.Facts{Unpromoted: "x"}, ""},
		{"blocked", deploys, ledger.Facts{Candidate: ledger.Candidate{State: ledger.Blocked}}, "the candidate is blocked"},
		{"blocked, and a rollback", rollsBack, ledger.Facts{Candidate: ledger.Candidate{State: ledger.Blocked}}, "the candidate is blocked"},
		{"blocked, and forced", forced(deploys), ledger.Facts{Candidate: ledger.Candidate{State: ledger.Blocked}, Frozen: freeze}, "the candidate is blocked"},
		{"it builds", deploys, ledger.Facts{Candidate: ledger.Candidate{State: ledger.Building}}, "the candidate is building"},
		{"its build failed", deploys, ledger.Facts{Candidate: ledger.Candidate{State: ledger.BuildFailed}}, "the candidate is failed"},
	}
	for _, test := range tests {
		if test.f.Candidate.State == "" {
			test.f.Candidate.State = ledger.Ready
		}
		if got := ledger.Closed(test.d, test.f); got != test.want {
			t.Errorf("%s: %q, want %q", test.title, got, test.want)
		}
	}
}
