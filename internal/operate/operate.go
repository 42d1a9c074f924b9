// Package operate is every operation of gio as a function of values: release, stage, trigger, cancel, approve, resolve,
// check, prepare, doctor, status, overview, changelog, where. It knows no terminal, no flags and no environment; its callers pass
// functions that print and ask. The command line is one of its callers, a test another one, a server will be the third.
//
// Release, Stage, Trigger and PullRequest drive a run in one way (runner.go): they are given the ends of the run - the clients
// of CircleCI and of the release repository, real ones or those of a dry run - and return one Result. An operation that only
// reads returns plain values; one that a person may have to confirm has two parts: the first says what would be done, the second
// does it.
package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/notify"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/transport"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// Setup is what every operation needs: the workspace that it works on, the options of its HTTP clients, and who follows it. Each
// of its functions may be nil.
type Setup struct {
	workspace.Workspace
	Wire      transport.Options // for CircleCI and GitHub; its Trouble says that a host does not answer
	HoldLimit time.Duration     // how long a run waits for an approval

	// Tell prints what goes on, one sentence a call, formatted like fmt.Sprintf; an argument may be a fault.Next. Warn prints what
	// is probably a mistake.
	Tell func(format string, args ...any)
	Warn func(sentence string)
	// Saw gets each run that an operation reads, with the names of all that there are, the newest first.
	Saw func(k Snapshot, known []run.Header)
	// Leaving returns a context that ends, with the cause ErrDetached, when the operator leaves. The function that it returns stops
	// listening for that.
	Leaving func(context.Context) (context.Context, func())

	Audience
}

// Audience is who follows the operations that drive a run. Each of its functions may be nil.
type Audience struct {
	View View
	// Ask asks a yes-or-no question; otherwise says what did not happen after a no. Its error, of kind Cancelled, ends the
	// operation. It is nil where nobody can be asked: operations then go on without asking.
	Ask func(question, otherwise string) error
	// ShowPlan shows the plan that the next question is about; ShowFindings shows what the check before a release found.
	ShowPlan     func(*plan.Plan) error
	ShowFindings func(check.Report)
	// Stopping is Leaving for an operation that drives a run: the channel is closed when nothing new is to be started.
	Stopping func(context.Context) (_ context.Context, stop <-chan struct{}, done func())

	Slack notify.Texts // the messages for Slack
	// Notes makes the notes of a GitHub release, in Markdown, from the release.json that was released.
	Notes func(m *manifest.Manifest, repository func(manifest.Component) string, s *run.State, commit string) (string, error)
	// ChangelogNotes makes them from what changed since the version before.
	ChangelogNotes func(Changelog) (string, error)
}

// View shows a run while it is driven. Each of its functions may be nil.
type View struct {
	Notify func(run.Event, *run.State) // as engine.Execution.Notify
	// Start is called when a driver begins. Expected returns what is known, at the time of the call, of how long the run takes.
	Start func(clock engine.Clock, expected func() run.Expectation)
	Close func() // the run has ended
}

// ErrDetached is the cause of a context that ended because the operator left a run.
var ErrDetached = fault.New(fault.Stopped, "signal", "asked to leave")

func (s Setup) tell(format string, args ...any) {
	if s.Tell != nil {
		s.Tell(format, args...)
	}
}

func (s Setup) warn(sentences ...string) {
	if s.Warn == nil {
		return
	}
	for _, sentence := range sentences {
		s.Warn(sentence)
	}
}

func (s Setup) leaving(ctx context.Context) (context.Context, func()) {
	if s.Leaving == nil {
		return ctx, func() {}
	}
	return s.Leaving(ctx)
}

func (a Audience) stopping(ctx context.Context) (context.Context, <-chan struct{}, func()) {
	if a.Stopping == nil {
		return ctx, nil, func() {}
	}
	return a.Stopping(ctx)
}

func (v View) start(clock engine.Clock, expected func() run.Expectation) {
	if v.Start != nil {
		v.Start(clock, expected)
	}
}

func (v View) close() {
	if v.Close != nil {
		v.Close()
	}
}

// resume is the next step that continues a run.
func resume(h run.Header) fault.Next { return fault.Next{Action: fault.Resume, Run: h.Run()} }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// oneLine formats an error without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
