package ledger_test

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// What is said of a deployment and what is done: each row brings one to a state, does something with it, and says how it stands then
// and what the history has of it.
func TestStandings(t *testing.T) {
	t.Parallel()
	w := connected(t, storetest.SQLite(t))
	ok, failed := ends(ledger.EffectDone, ledger.Success, ""), ends(ledger.EffectFailed, ledger.Failure, "a job failed")
	stopped := ends(ledger.EffectFailed, ledger.Canceled, "canceled by dan@example.org: wrong one")
	const unclear = "unknown unknown (two pipelines may be it); unknown held"
	tests := []struct {
		kind   ledger.Kind
		before string
		title  string
		do     call
		code   string // of the fault
		after  string
		events string
	}{
		// A person cancels.
		{"circleci", "wanted", "cancel", cancels, "", "canceled failed (canceled by dan@example.org: wrong one)", "canceled"},
		{"circleci", "intended", "cancel", cancels, "", "canceling intended (canceled by dan@example.org: wrong one); intended to cancel", "canceled"},
		{"circleci", "taken", "cancel, then it ends", inTurn(cancels, stopped), "", "canceled failed (canceled by dan@example.org: wrong one); failed to cancel", "canceled, ended"},
		{"circleci", "running", "cancel", cancels, "", "canceling running (canceled by dan@example.org: wrong one); running held to cancel", "canceled"},
		{"circleci", "running", "cancel, too late", inTurn(cancels, ok), "", "success done; done to cancel", "canceled, ended"},
		{"circleci", "running", "cancel twice", inTurn(cancels, cancels), "", "canceling running (canceled by dan@example.org: wrong one); running held to cancel", "canceled, canceled"},
		{"circleci", "done", "cancel", cancels, "has-ended", "success done; done", ""},
		{"circleci", "failed", "cancel", cancels, "has-ended", "failure failed (a job failed); failed", ""},
		{"circleci", "unknown", "cancel", cancels, "is-unknown", unclear, ""},
		{"webhook", "running", "cancel", cancels, "", "canceling running (canceled by dan@example.org: wrong one); running to cancel", "canceled"},
		{"none", "wanted", "cancel", cancels, "", "canceled  (canceled by dan@example.org: wrong one)", "canceled"},

		// Persons approve and reject.
		{"circleci", "wanted", "approve", approves(eve), "", "in_progress intended; intended", "approved, started"},
		{"circleci", "wanted", "approve twice", inTurn(approves(eve), approves(eve)), "not-waiting", "in_progress intended; intended", "approved, started"},
		{"circleci", "wanted", "who asked approves", approves(admin), "may-not-approve", "pending wanted (waits for 1 approval)", ""},
		{"circleci", "wanted", "who asked approves, in capitals", approves(named(ledger.Approver, "ANN@example.org ")), "may-not-approve", "pending wanted (waits for 1 approval)", ""},
		{"circleci", "wanted", "the author approves", approves(named(ledger.Approver, "Author@example.org")), "may-not-approve", "pending wanted (waits for 1 approval)", ""},
		{"circleci", "wanted", "a service approves", approves(named(ledger.Approver, "ci")), "may-not-approve", "pending wanted (waits for 1 approval)", ""},
		{"circleci", "wanted", "a deployer approves", approves(named(ledger.Deployer, "dan@example.org")), "not-allowed", "pending wanted (waits for 1 approval)", ""},
		{"circleci", "intended", "approve", approves(eve), "not-waiting", "in_progress intended; intended", ""},
		{"circleci", "unknown", "approve", approves(eve), "not-waiting", unclear, ""},
		{"circleci", "wanted", "reject", rejects, "", "canceled failed (rejected by eve@example.org: not tested)", "rejected"},
		{"circleci", "wanted", "reject, then approve", inTurn(rejects, approves(eve)), "not-waiting", "canceled failed (rejected by eve@example.org: not tested)", "rejected"},
		{"circleci", "running", "reject", rejects, "not-waiting", "in_progress running; running held", ""},
		{"none", "wanted", "reject", rejects, "", "canceled  (rejected by eve@example.org: not tested)", "rejected"},

		// Others report on what a pipeline deploys: that changes what is said, and an end that was said stays.
		{"circleci", "wanted", "report pending", saysOf(ledger.Pending), "", "pending wanted (waits for 1 approval)", ""},
		{"circleci", "wanted", "report in_progress, then approve", inTurn(saysOf(ledger.InProgress), approves(eve)), "", "in_progress intended reported; intended", "reported, approved, started"},
		{"circleci", "wanted", "report in_progress, then cancel", inTurn(saysOf(ledger.InProgress), cancels), "", "canceled failed reported (canceled by dan@example.org: wrong one)", "reported, canceled"},
		{"circleci", "wanted", "report unknown, then cancel", inTurn(saysOf(ledger.Unknown), cancels), "", "canceled failed reported (canceled by dan@example.org: wrong one)", "reported, canceled"},
		{"circleci", "wanted", "report success", saysOf(ledger.Success), "", "success done reported", "reported"},
		{"circleci", "wanted", "report failure", saysOf(ledger.Failure), "", "failure failed reported", "reported"},
		{"circleci", "wanted", "report error", saysOf(ledger.Error), "", "error failed reported", "reported"},
		{"circleci", "wanted", "report canceling", saysOf(ledger.Canceling), "", "canceled failed reported", "reported"},
		{"circleci", "wanted", "report canceled", saysOf(ledger.Canceled), "", "canceled failed reported", "reported"},
		{"circleci", "intended", "report canceled", saysOf(ledger.Canceled), "", "canceled intended reported; intended to cancel", "reported"},
		{"circleci", "intended", "report success", saysOf(ledger.Success), "", "success intended reported; intended", "reported"},
		{"circleci", "running", "report in_progress", saysOf(ledger.InProgress), "", "in_progress running; running held", ""},
		{"circleci", "running", "report pending, then it ends", inTurn(saysOf(ledger.Pending), ok), "", "success done reported; done", "reported, ended"},
		{"circleci", "running", "report unknown, then it ends", inTurn(saysOf(ledger.Unknown), ok), "", "success done reported; done", "reported, ended"},
		{"circleci", "running", "report success", saysOf(ledger.Success), "", "success running reported; running held", "reported"},
		{"circleci", "running", "report success, then it fails", inTurn(saysOf(ledger.Success), failed), "", "success failed reported; failed", "reported, ended"},
		{"circleci", "running", "report failure, then it succeeds", inTurn(saysOf(ledger.Failure), ok), "", "failure done reported; done", "reported, ended"},
		{"circleci", "running", "report canceling", saysOf(ledger.Canceling), "", "canceling running reported; running held to cancel", "reported"},
		{"circleci", "running", "report canceling, too late", inTurn(saysOf(ledger.Canceling), ok), "", "success done reported; done to cancel", "reported, ended"},
		{"circleci", "running", "report canceling, in time", inTurn(saysOf(ledger.Canceling), stopped), "", "canceled failed reported (canceled by dan@example.org: wrong one); failed to cancel", "reported, ended"},
		{"circleci", "running", "report canceled, then it succeeds", inTurn(saysOf(ledger.Canceled), ok), "", "canceled done reported; done to cancel", "reported, ended"},
		{"circleci", "running", "report success, then cancel", inTurn(saysOf(ledger.Success), cancels), "", "success running reported; running held to cancel", "reported, canceled"},
		{"circleci", "done", "report failure", saysOf(ledger.Failure), "", "failure done reported; done", "reported"},
		{"circleci", "failed", "report success", saysOf(ledger.Success), "", "success failed reported; failed", "reported"},
		{"circleci", "unknown", "report success", saysOf(ledger.Success), "", "success unknown reported; unknown held", "reported"},
		{"circleci", "unknown", "report canceled, then resolve", inTurn(saysOf(ledger.Canceled), resolves(ledger.Resolution{State: ledger.Success, Reason: "it runs"})), "", "success done reported (said by dan@example.org: it runs); done to cancel", "reported, resolved"},

		// Who got a request says how it ended.
		{"webhook", "intended", "report success", saysOf(ledger.Success), "", "success done reported; done", "reported"},
		{"webhook", "running", "report success", saysOf(ledger.Success), "", "success done reported; done", "reported"},
		{"webhook", "running", "report failure", saysOf(ledger.Failure), "", "failure failed reported; failed", "reported"},
		{"webhook", "running", "report error", saysOf(ledger.Error), "", "error failed reported; failed", "reported"},
		{"webhook", "running", "report canceling", saysOf(ledger.Canceling), "", "canceling running reported; running to cancel", "reported"},
		{"webhook", "running", "report canceled", saysOf(ledger.Canceled), "", "canceled failed reported; failed", "reported"},
		{"webhook", "unknown", "report success", saysOf(ledger.Success), "", "success done reported; done", "reported"},
		{"webhook", "running", "report success, then the driver ends it", inTurn(saysOf(ledger.Success), failed), "driven-elsewhere", "success done reported; done", "reported"},

		// A person says what nobody else knows.
		{"circleci", "running", "resolve", resolves(ledger.Resolution{State: ledger.Success, Reason: "r"}), "not-unknown", "in_progress running; running held", ""},
		{"circleci", "unknown", "resolve without a reason", resolves(ledger.Resolution{State: ledger.Success, Reason: " "}), "invalid-resolution", unclear, ""},
		{"circleci", "unknown", "resolve without an answer", resolves(ledger.Resolution{Reason: "r"}), "invalid-resolution", unclear, ""},
		{"circleci", "unknown", "resolve with what is no end", resolves(ledger.Resolution{State: ledger.Canceled, Reason: "r"}), "invalid-resolution", unclear, ""},
		{"circleci", "unknown", "resolve with a success", resolves(ledger.Resolution{State: ledger.Success, Reason: "it runs"}), "", "success done (said by dan@example.org: it runs); done", "resolved"},
		{"circleci", "unknown", "resolve with a failure", resolves(ledger.Resolution{State: ledger.Failure, Reason: "red"}), "", "failure failed (said by dan@example.org: red); failed", "resolved"},
		{"circleci", "unknown", "resolve: not started", resolves(ledger.Resolution{State: ledger.Error, Reason: "no pipeline"}), "", "error failed (said by dan@example.org: no pipeline); failed", "resolved"},
		{"circleci", "unknown", "resolve with a pipeline", resolves(ledger.Resolution{Pipeline: 7, Reason: "look"}), "", "in_progress intended (pipeline 7 by dan@example.org: look); intended held answered 7", "resolved"},
		{"circleci", "unknown", "resolve twice", inTurn(resolves(ledger.Resolution{Pipeline: 7, Reason: "look"}), resolves(ledger.Resolution{State: ledger.Success, Reason: "r"})), "not-unknown", "in_progress intended (pipeline 7 by dan@example.org: look); intended held answered 7", "resolved"},
		{"circleci", "unknown", "the old driver goes on after an answer", inTurn(resolves(ledger.Resolution{Pipeline: 7, Reason: "look"}), ok), "driven-elsewhere", "in_progress intended (pipeline 7 by dan@example.org: look); intended held answered 7", "resolved"},
		{"webhook", "unknown", "resolve with a pipeline", resolves(ledger.Resolution{Pipeline: 7, Reason: "look"}), "invalid-resolution", "unknown unknown (two pipelines may be it); unknown", ""},

		// Effects end.
		{"circleci", "taken", "it never ran", ends(ledger.EffectFailed, ledger.Error, "no such branch"), "", "error failed (no such branch); failed", "ended"},
		{"circleci", "taken", "nobody knows", ends(ledger.EffectUnknown, ledger.Unknown, "two pipelines may be it"), "", unclear, "unknown"},
		{"circleci", "done", "it ends again", failed, "driven-elsewhere", "success done; done", ""},
		{"circleci", "unknown", "it ends again", ok, "driven-elsewhere", unclear, ""},
	}
	for _, test := range tests {
		t.Run(string(test.kind)+" "+test.before+": "+test.title, func(t *testing.T) {
			requires := ledger.Requirements{}
			if test.before == "wanted" {
				requires.Approvals = 1
			}
			s := w.staged(t, test.kind, requires)
			s.bring(test.before)
			s.mark()
			err := test.do(t.Context(), s)
			if test.code == "" && err != nil || test.code != "" && !fault.Is(err, test.code) {
				t.Errorf("%v, want %q", err, test.code)
			}
			same(t, s.standing(s.latest()), test.after)
			same(t, s.told(), test.events)
		})
	}
}
