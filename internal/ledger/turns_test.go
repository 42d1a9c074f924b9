package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// all says how the deployments of prod stand, in the order of their making.
func (s *stage) all() (lines []string) {
	s.t.Helper()
	all, err := s.Deployments(s.t.Context(), admin, s.project, "prod", 0, 100)
	s.no(err)
	for _, d := range slices.Backward(all) {
		line := strings.TrimSpace("rc" + strings.TrimPrefix(d.Candidate.String(), "1.0-rc") + " " + string(d.Status) + " " + string(d.Effect))
		if d.Message != "" {
			line += ": " + d.Message
		}
		lines = append(lines, line)
	}
	return lines
}

// drive ends the effect that has begun, whichever it is.
func (s *stage) drive(state ledger.EffectState, status ledger.Status) {
	s.t.Helper()
	all, err := s.Deployments(s.t.Context(), admin, s.project, "prod", 0, 100)
	s.no(err)
	i := slices.IndexFunc(all, func(d ledger.Deployment) bool { return d.Effect == ledger.EffectIntended })
	if i < 0 {
		s.t.Fatalf("nothing has begun: %q", s.all())
	}
	_, s.lease, _, err = s.Take(s.t.Context(), s.effectOf(all[i].ID).ID)
	s.no(err)
	s.finish(state, status, "")
}

// One at a time: what is newer replaces what waits, and begins when what runs has ended.
func TestOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s := connected(t, storetest.SQLite(t)).staged(t, ledger.CircleCI, ledger.Requirements{})
	s.ship(1)
	s.ship(2)
	same(t, s.all(), []string{"rc1 in_progress intended", "rc2 pending wanted: waits for the end of 1.0-rc1"})
	s.mark()
	s.ship(3)
	same(t, s.told(), "canceled, created")
	same(t, s.all()[1:], []string{"rc2 canceled failed: superseded by 1.0-rc3", "rc3 pending wanted: waits for the end of 1.0-rc1"})
	s.mark()
	s.drive(ledger.EffectDone, ledger.Success)
	same(t, s.told(), "ended, started") // the cause stands first
	same(t, s.all()[2:], []string{"rc3 in_progress intended"})
	// Where it comes from is known when it begins.
	same(t, s.deployment(s.latest()).From, rc(1))
	e := s.effectOf(s.latest())
	same(t, e.Intent, ledger.Intent{
		Trigger:    ledger.Trigger{Connection: "ci", Project: "gh/acme/" + s.project, Branch: "main", Parameters: ledger.Parameters{"version": "1.0", "before": "1.0-rc1", "n": int64(7)}},
		Repository: "acme/shop", Version: "1.0-rc3", Commit: commit, Environment: "prod", Previous: "1.0-rc1",
	})
	// Unknown keeps the slot until somebody says what became of it.
	s.ship(4)
	s.drive(ledger.EffectUnknown, ledger.Unknown)
	same(t, s.all()[3:], []string{"rc4 pending wanted: waits until somebody says what became of 1.0-rc3: gio deployment resolve " + s.ids[2]})
	s.no(second(s.Resolve(t.Context(), admin, s.ids[2], ledger.Resolution{State: ledger.Error, Reason: "it never began"})))
	same(t, s.all()[3:], []string{"rc4 in_progress intended"})
}

// What somebody has approved, and rollbacks, are not superseded; what others have said to run is, while it only waits.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	w := connected(t, storetest.SQLite(t))
	s := w.staged(t, ledger.CircleCI, ledger.Requirements{Approvals: 2})
	s.ship(1)
	s.no(second(s.Approve(t.Context(), eve, s.latest())))
	s.no(second(s.Approve(t.Context(), named(ledger.Approver, "EVE@example.org"), s.latest()))) // the same person
	s.ship(2)
	s.no(second(s.Report(t.Context(), admin, s.project, "prod", rc(2), ledger.Unknown)))
	s.ship(3)
	same(t, s.all(), []string{"rc1 pending wanted: waits for 1 approval", "rc2 canceled failed: superseded by 1.0-rc3", "rc3 pending wanted: waits for 2 approvals"})
	s.no(second(s.Approve(t.Context(), bob, s.ids[0])))
	same(t, s.all()[0], "rc1 in_progress intended")

	s = w.staged(t, ledger.CircleCI, ledger.Requirements{})
	s.succeed(1)
	s.succeed(2)
	s.freeze("prod", time.Time{})
	force := ledger.RollbackOptions{Force: &ledger.Force{Reason: "the site is down"}}
	_, err := s.Rollback(t.Context(), named(ledger.Deployer, "dan"), s.project, "prod", force)
	refused(t, "forced by a deployer", err, fault.Auth, "not-allowed")
	s.no(second(s.Rollback(t.Context(), admin, s.project, "prod", force)))
	same(t, s.all()[2:], []string{"rc1 in_progress intended"})
	e := s.history()[len(s.history())-2]
	same(t, e.Data, map[string]string{"environment": "prod", "candidate": "1.0-rc1", "status": "pending", "forced": "the site is down"})
}

func TestRollbackStopsWhatIsOpen(t *testing.T) {
	t.Parallel()
	w := connected(t, storetest.SQLite(t))
	s := w.staged(t, ledger.CircleCI, ledger.Requirements{Approvals: 1, Previous: "qa"})
	s.declare(ledger.CircleCI, ledger.Requirements{})
	s.succeed(1)
	s.succeed(2)
	s.declare(ledger.CircleCI, ledger.Requirements{Approvals: 1, Previous: "qa"}) // a rollback needs none of it
	s.ship(3)
	s.no(second(s.Report(t.Context(), admin, s.project, "prod", rc(3), ledger.Unknown)))
	s.back()
	same(t, s.all()[2:], []string{"rc3 canceled failed: rolled back to 1.0-rc1", "rc1 in_progress intended"})
	s.back() // the one that runs is stopped, and the next one waits for its end
	s.ship(4)
	s.back() // that one replaces the one that waited
	want := []string{
		"rc1 canceling intended: rolled back to 1.0-rc1", "rc1 canceled failed: rolled back to 1.0-rc1", "rc4 canceled failed: rolled back to 1.0-rc1",
		"rc1 pending wanted: waits for the end of 1.0-rc1",
	}
	same(t, s.all()[3:], want)
	s.drive(ledger.EffectFailed, ledger.Canceled)
	same(t, s.all()[6:], []string{"rc1 in_progress intended"})
	// Nobody knows how it stands: nothing is stopped, and nothing begins.
	s.drive(ledger.EffectUnknown, ledger.Unknown)
	s.back()
	same(t, s.all()[6:], []string{"rc1 unknown unknown", "rc1 pending wanted: waits until somebody says what became of 1.0-rc1: gio deployment resolve " + deploymentAt(s, 6)})
	// A success that somebody has said stays, and what still runs is stopped.
	s = w.staged(t, ledger.CircleCI, ledger.Requirements{})
	s.succeed(1)
	s.ship(2)
	s.no(second(s.Report(t.Context(), admin, s.project, "prod", rc(2), ledger.Success)))
	s.back()
	same(t, s.standing(s.ids[1]), "success intended reported; intended to cancel")
	same(t, s.all()[2:], []string{"rc1 pending wanted: waits for the end of 1.0-rc2"})
	// What is blocked is not restored, and what runs is not stopped for it.
	s = w.staged(t, ledger.CircleCI, ledger.Requirements{})
	s.succeed(1)
	s.succeed(2)
	s.ship(3)
	s.no(second(s.Block(t.Context(), admin, s.project, rc(1), "it loses data")))
	_, err := s.Rollback(t.Context(), admin, s.project, "prod", ledger.RollbackOptions{})
	refused(t, "to a blocked candidate", err, fault.Invalid, "not-ready")
	same(t, s.all()[2:], []string{"rc3 in_progress intended"})
}

func deploymentAt(s *stage, i int) string {
	s.t.Helper()
	all, err := s.Deployments(s.t.Context(), admin, s.project, "prod", 0, 100)
	s.no(err)
	return all[len(all)-1-i].ID
}

// A rollback holds its environment until somebody deploys by name or resumes it.
func TestHold(t *testing.T) {
	t.Parallel()
	s := connected(t, storetest.SQLite(t)).staged(t, ledger.CircleCI, ledger.Requirements{})
	hold := func() string {
		declared, err := s.Declared(t.Context(), admin, s.project)
		s.no(err)
		return declared.Environments[1].Hold
	}
	s.succeed(1)
	s.succeed(2)
	s.back()
	same(t, hold(), s.latest())
	s.mark()
	s.no(s.Resume(t.Context(), admin, s.project, "prod"))
	s.no(s.Resume(t.Context(), admin, s.project, "prod"))
	same(t, hold()+s.told(), "environment.resumed")
	s.back()
	s.ship(3)
	same(t, hold(), "")
}

// Freezes close the gate, whatever else happens; when none holds any more, what waits begins.
func TestFreezes(t *testing.T) {
	t.Parallel()
	w := connected(t, storetest.SQLite(t))
	s := w.staged(t, ledger.CircleCI, ledger.Requirements{Approvals: 1})
	s.ship(1)
	f := s.freeze("prod", time.Time{})
	all := s.freeze("", s.now.Add(time.Hour))
	const frozen = ": frozen by ann@example.org: peak season"
	same(t, s.all(), []string{"rc1 pending wanted" + frozen})
	s.no(second(s.Approve(t.Context(), eve, s.latest())))
	same(t, s.all(), []string{"rc1 pending wanted" + frozen})
	s.declare(ledger.CircleCI, ledger.Requirements{}) // it requires nothing any more
	same(t, s.all(), []string{"rc1 pending wanted" + frozen})
	_, err := s.Deploy(t.Context(), admin, s.project, "prod", rc(2), ledger.DeployOptions{})
	refused(t, "deploying", err, fault.Stopped, "frozen")
	_, err = s.Deploy(t.Context(), named(ledger.Deployer, "dan"), s.project, "prod", rc(2), ledger.DeployOptions{Force: &ledger.Force{Reason: "r"}})
	refused(t, "forced by a deployer", err, fault.Auth, "not-allowed")
	s.no(s.Unfreeze(t.Context(), admin, s.project, f.ID))
	same(t, s.all(), []string{"rc1 pending wanted: frozen until 2026-11-30T11:00:00Z by ann@example.org: peak season"})
	refused(t, "lifted twice", s.Unfreeze(t.Context(), admin, s.project, f.ID), fault.NotFound, "no-freeze")
	s.now = s.now.Add(time.Hour) // the other one ends by its time
	s.mark()
	s.no(s.BeginWaiting(t.Context()))
	same(t, s.told(), "started")
	same(t, s.all(), []string{"rc1 in_progress intended"})
	if holding, err := s.Freezes(t.Context(), admin, s.project); err != nil || len(holding) > 0 {
		t.Errorf("%v %v", holding, err)
	}
	s.no(s.Unfreeze(t.Context(), admin, s.project, all.ID))

	// The freeze of one project is not another one's, and a forced deployment passes those that come later, too.
	s = w.staged(t, ledger.CircleCI, ledger.Requirements{})
	s.freeze("prod", time.Time{})
	d, err := s.Deploy(t.Context(), named(ledger.Releaser, "rel"), s.project, "prod", rc(1), ledger.DeployOptions{Force: &ledger.Force{}})
	s.no(err)
	same(t, string(d.Effect)+" "+d.Forced, "intended no reason given")
	for title, n := range map[string]ledger.NewFreeze{
		"no reason": {Environment: "prod"}, "an end that has passed": {Environment: "prod", Reason: "r", EndsAt: s.now},
	} {
		_, err := s.Freeze(t.Context(), admin, s.project, n)
		refused(t, title, err, fault.Invalid, "invalid-freeze")
	}
	_, err = s.Freeze(t.Context(), admin, s.project, ledger.NewFreeze{Environment: "other", Reason: "r"})
	refused(t, "no environment", err, fault.NotFound, "no-environment")
	_, err = s.Freeze(t.Context(), admin, "other", ledger.NewFreeze{Reason: "r"})
	refused(t, "no project", err, fault.NotFound, "no-project")
	_, err = s.Freeze(t.Context(), named(ledger.Deployer, "dan"), s.project, ledger.NewFreeze{Reason: "r"})
	refused(t, "a deployer freezes", err, fault.Auth, "not-allowed")
}

// What must run before need not run any more when its turn comes.
func TestPrevious(t *testing.T) {
	t.Parallel()
	s := connected(t, storetest.SQLite(t)).staged(t, ledger.CircleCI, ledger.Requirements{Previous: "qa"})
	inQA := func(n int64) {
		s.no(second(s.Report(t.Context(), admin, s.project, "qa", rc(n), ledger.Success)))
		s.no(s.BeginWaiting(t.Context()))
	}
	s.ship(1)
	same(t, s.all(), []string{"rc1 pending wanted: waits until qa runs 1.0-rc1"})
	inQA(2)
	same(t, s.all(), []string{"rc1 pending wanted: waits until qa runs 1.0-rc1"})
	inQA(1)
	same(t, s.all(), []string{"rc1 in_progress intended"})
	s.drive(ledger.EffectDone, ledger.Success)
	s.ship(3)
	inQA(3) // it begins, and
	s.drive(ledger.EffectDone, ledger.Success)
	// a rollback in qa stands for what it restored.
	_, err := s.Rollback(t.Context(), admin, s.project, "qa", ledger.RollbackOptions{})
	s.no(err)
	inQA(1)
	s.ship(3)
	s.ship(1)
	same(t, s.all()[2:], []string{"rc3 canceled failed: superseded by 1.0-rc1", "rc1 in_progress intended"})
}

// A declaration that changes how an environment is deployed changes nothing about what runs, which ends as it began.
func TestKindChanges(t *testing.T) {
	t.Parallel()
	w := connected(t, storetest.SQLite(t))
	s := w.staged(t, ledger.CircleCI, ledger.Requirements{})
	s.bring("running")
	s.declare(ledger.Webhook, ledger.Requirements{})
	s.no(saysOf(ledger.Success)(t.Context(), s)) // a pipeline still runs
	same(t, s.standing(s.latest()), "success running reported; running held")
	s.ship(2)
	s.finish(ledger.EffectDone, ledger.Success, "")
	same(t, s.effectOf(s.latest()).Kind, ledger.Webhook)

	s = w.staged(t, ledger.Webhook, ledger.Requirements{})
	s.bring("running")
	s.ship(2)
	s.declare(ledger.None, ledger.Requirements{})
	s.no(saysOf(ledger.Failure)(t.Context(), s))
	same(t, s.all(), []string{"rc1 failure failed", "rc2 error failed: nothing is declared that deploys"})
	same(t, s.told()[len(s.told())-len("reported, ended"):], "reported, ended")
}

// A report about a candidate that was asked for twice is about the request that was sent.
func TestReportOfTheSameCandidateTwice(t *testing.T) {
	t.Parallel()
	s := connected(t, storetest.SQLite(t)).staged(t, ledger.Webhook, ledger.Requirements{})
	s.bring("running")
	s.ship(1)
	s.no(saysOf(ledger.Failure)(t.Context(), s))
	same(t, s.all(), []string{"rc1 failure failed", "rc1 in_progress intended"})
}

func TestBlock(t *testing.T) {
	t.Parallel()
	s := connected(t, storetest.SQLite(t)).staged(t, ledger.CircleCI, ledger.Requirements{Approvals: 1})
	s.ship(1)
	s.no(second(s.Block(t.Context(), admin, s.project, rc(1), "it leaks")))
	same(t, s.all(), []string{"rc1 pending wanted: the candidate is blocked"})
	s.no(second(s.Approve(t.Context(), eve, s.latest())))
	same(t, s.all(), []string{"rc1 pending wanted: the candidate is blocked"})
	_, err := s.Deploy(t.Context(), admin, s.project, "prod", rc(1), ledger.DeployOptions{})
	refused(t, "a blocked candidate", err, fault.Invalid, "not-ready")
	if err == nil || !strings.Contains(err.Error(), "it leaks") {
		t.Errorf("it says no reason: %v", err)
	}
	_, err = s.Block(t.Context(), admin, s.project, rc(2), " ")
	refused(t, "no reason", err, fault.Invalid, "invalid-reason")
	_, err = s.Block(t.Context(), named(ledger.Deployer, "dan"), s.project, rc(2), "r")
	refused(t, "a deployer blocks", err, fault.Auth, "not-allowed")
}

// A candidate that is built is ready when its build says so. A build whose end nobody knows keeps its target until the candidate is blocked.
func TestBuild(t *testing.T) {
	t.Parallel()
	w := connected(t, storetest.SQLite(t))
	ctx := t.Context()
	s := w.staged(t, ledger.CircleCI, ledger.Requirements{})
	build := func(n int64, o ledger.Outcome) {
		t.Helper()
		s.no(second(s.CreateCandidate(ctx, admin, s.project, rc(n), "acme/shop", commit, ledger.CandidateOptions{Build: true})))
		_, err := s.Deploy(ctx, admin, s.project, "prod", rc(n), ledger.DeployOptions{})
		refused(t, "a candidate that builds", err, fault.Invalid, "not-ready")
		waiting, _, err := s.Waiting(ctx, 10)
		s.no(err)
		_, s.lease, _, err = s.Take(ctx, waiting[0])
		s.no(err)
		s.no(s.Finish(ctx, s.lease, o))
	}
	state := func() string {
		newest, err := s.Candidates(ctx, admin, s.project, "", 1)
		s.no(err)
		return strings.TrimSpace(string(newest[0].State) + " " + newest[0].Message)
	}
	for n, row := range []struct {
		o           ledger.Outcome
		want, event string
	}{
		{ledger.Outcome{State: ledger.EffectDone, Status: ledger.Success}, "ready", "candidate.ready"},
		{ledger.Outcome{State: ledger.EffectFailed, Status: ledger.Failure, Message: "a job\x00 failed\xff"}, "failed a job\uFFFD failed\uFFFD", "candidate.failed"},
		{ledger.Outcome{State: ledger.EffectUnknown, Status: ledger.Unknown, Message: "who knows"}, "building who knows", "candidate.unknown"},
	} {
		s.mark()
		build(int64(10+n), row.o)
		same(t, state(), row.want)
		same(t, s.told(), "candidate.created, "+row.event)
	}
	s.ship(1) // on the same project of CircleCI
	if waiting, _, err := s.Waiting(ctx, 10); err != nil || len(waiting) > 0 {
		t.Errorf("%q wait beside what nobody knows: %v", waiting, err)
	}
	s.no(second(s.Block(ctx, admin, s.project, rc(12), "nobody knows")))
	if waiting, _, err := s.Waiting(ctx, 10); err != nil || len(waiting) != 1 {
		t.Errorf("%q wait after it was blocked: %v", waiting, err)
	}
}

// Two ways to write one project of CircleCI make one target, and so do two connections to one host.
func TestTargets(t *testing.T) {
	t.Parallel()
	w := connected(t, storetest.SQLite(t))
	w.Connections["again"] = ledger.CircleCI
	w.Hosts = map[string]string{"ci": "https://ci.example.org", "again": "https://ci.example.org"}
	target := func(connection, slug string) string {
		s := w.staged(t, ledger.CircleCI, ledger.Requirements{})
		d := ledger.Declaration{Project: ledger.Project{Name: s.project, Repository: "acme/shop"}, Environments: []ledger.Environment{
			{Name: "prod", Kind: ledger.CircleCI, Deploy: &ledger.Trigger{Connection: connection, Project: slug, Branch: "main"}},
		}}
		s.no(second(s.Apply(t.Context(), admin, d, false)))
		s.ship(1)
		return s.effectOf(s.latest()).Target
	}
	var targets []string
	for _, slug := range []string{"gh/acme/shop", "github/Acme/shop", "bb/acme/shop", "circleci/AbC/dEf"} {
		targets = append(targets, target("ci", slug))
	}
	targets = append(targets, target("again", "gh/acme/shop"))
	const host = "https://ci.example.org "
	same(t, targets, []string{host + "gh/acme/shop", host + "gh/acme/shop", host + "bb/acme/shop", host + "circleci/abc/def", host + "gh/acme/shop"})
}

// Who looks whether something may begin writes nothing as long as nothing may.
func TestLookingWritesNothing(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := connected(t, url).staged(t, ledger.CircleCI, ledger.Requirements{Approvals: 1})
	locks := func() (n int64) {
		s.no(storetest.Raw(t, url).QueryRowContext(t.Context(), "SELECT SUM(rev) FROM environments").Scan(&n))
		return n
	}
	s.ship(1)
	before := locks()
	for range 3 {
		s.no(s.BeginWaiting(t.Context()))
	}
	same(t, locks(), before)
	s.freeze("prod", s.now.Add(time.Hour))
	s.no(second(s.Approve(t.Context(), eve, s.latest())))
	before = locks()
	s.no(s.BeginWaiting(t.Context()))
	same(t, locks(), before)
	s.now = s.now.Add(time.Hour)
	s.no(s.BeginWaiting(t.Context()))
	same(t, s.all(), []string{"rc1 in_progress intended"})
}

// Why it is canceled is said until it has ended, although its pipeline begins meanwhile.
func TestCanceledWhileItBegins(t *testing.T) {
	t.Parallel()
	s := connected(t, storetest.SQLite(t)).staged(t, ledger.CircleCI, ledger.Requirements{})
	s.bring("taken")
	s.no(second(s.Cancel(t.Context(), admin, s.latest(), "too early")))
	s.runs()
	same(t, s.all(), []string{"rc1 canceling running: canceled by ann@example.org: too early"})
}

// What could not begin, as for want of its connection, leaves its target to others while it rests; what may have sent something
// does not.
func TestRestsWithoutItsTarget(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		entries []ledger.Entry
		waiting int
	}{{nil, 1}, {[]ledger.Entry{{Seq: 1, Text: "{}"}}, 0}} {
		s := connected(t, storetest.SQLite(t)).staged(t, ledger.CircleCI, ledger.Requirements{})
		s.bring("taken")
		s.no(s.Note(t.Context(), s.lease, row.entries, ledger.Noted{}))
		s.no(second(s.CreateCandidate(t.Context(), admin, s.project, rc(9), "acme/shop", commit, ledger.CandidateOptions{Build: true})))
		s.no(s.GiveBack(t.Context(), s.lease, 30*time.Second))
		ids, _, err := s.Waiting(t.Context(), 10)
		s.no(err)
		same(t, len(ids), row.waiting)
	}
}
