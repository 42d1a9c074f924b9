package ledger_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/ledger"
)

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	const table = `
		          read report deploy resolve approve candidates freeze force declare tokens audit
		reader    x    -      -      -       -       -          -      -     -       -      -
		reporter  x    x      -      -       -       -          -      -     -       -      -
		deployer  x    x      x      x       -       -          -      -     -       -      -
		approver  x    -      -      -       x       -          -      -     -       -      -
		releaser  x    x      x      x       -       x          x      x     -       -      -
		admin     x    x      x      x       x       x          x      x     x       x      x
		nobody    -    -      -      -       -       -          -      -     -       -      -`
	actions := []ledger.Action{
		ledger.ToRead, ledger.ToReport, ledger.ToDeploy, ledger.ToResolve, ledger.ToApprove, ledger.ToMakeCandidates,
		ledger.ToFreeze, ledger.ToForce, ledger.ToDeclare, ledger.ToManageTokens, ledger.ToAudit,
	}
	lines := strings.Split(strings.TrimSpace(table), "\n")[1:]
	if len(lines) != len(ledger.Roles())+1 {
		t.Errorf("there are %d roles", len(ledger.Roles()))
	}
	for i, line := range lines {
		cells := strings.Fields(line)
		role := ledger.Role(cells[0])
		if i < len(ledger.Roles()) && ledger.Roles()[i] != role {
			t.Errorf("role %d is %s, want %s", i, ledger.Roles()[i], role)
		}
		for n, action := range actions {
			if got := role.May(action); got != (cells[n+1] == "x") {
				t.Errorf("%s may %s: %t", role, action, got)
			}
		}
		if role.May("another") {
			t.Errorf("%s may what nobody knows of", role)
		}
	}
}
