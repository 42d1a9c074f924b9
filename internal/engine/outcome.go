package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// ending is a way in which a step keeps a run from success, and what to do about it.
type ending struct {
	kind       fault.Kind
	code, what string
	next       string // with a verb for each of the actions
	actions    []fault.Next
}

// endings are all of them, the one that counts first first.
var endings = []ending{
	{fault.Auth, notAllowed, "CircleCI does not let this token trigger", "check the token's user and its rights on these projects, then " + again, nil},
	{
		fault.Decision, "unknown", "gio cannot know whether a pipeline was started for",
		"look at CircleCI, then answer with %s, `--released` or `--not-triggered`",
		[]fault.Next{{Action: fault.Resolve, Args: []string{"--pipeline N"}}},
	},
	{
		fault.Decision, run.WrongPoms, "released, but with build files that name what is not released",
		"if it may stay so, answer with %s; to release it anew, delete its tag, answer with %s, then %s",
		[]fault.Next{{Action: fault.Resolve, Args: []string{"--released"}}, {Action: fault.Resolve, Args: []string{"--not-triggered"}}, {Action: fault.Repeat}},
	},
	{fault.PipelineFailed, "pipeline-failed", "failed", "fix it, then " + again, nil},
	{
		fault.PipelineFailed, noProof, "green, but without what proves a release",
		"if it was released all the same, push its tag or answer with %s; then %s, which starts anew what has no proof",
		[]fault.Next{{Action: fault.Resolve, Args: []string{"--released"}}, {Action: fault.Repeat}},
	},
	{
		fault.NotFound, "project-not-found", "CircleCI knows no project, or the token cannot see it, of",
		"check the project on CircleCI, or name another one in gio.yaml, then " + again, nil,
	},
	{fault.Remote, "project-unreadable", "nothing was started, as CircleCI's answers about the project cannot be read, for", again, nil},
	{fault.Invalid, "not-ready", "not started, something has changed since the check", "%s says what; fix it, then " + again, []fault.Next{{Action: fault.Check}}},
	{fault.Invalid, NeedsChanged, "not started, as what they need has changed since the run was planned", "%s: it shows old and new, and plans them anew once you agree", []fault.Next{{Action: fault.Repeat}}},
	{fault.Timeout, "timeout", "took too long", again, nil},
	{fault.Timeout, "held", "waits for an approval", "%s, or approve it on CircleCI, then " + again, []fault.Next{{Action: fault.Approve}}},
	{fault.Stopped, "stopped", "stopped before it was done", again, nil},
}

const again = "%s: what succeeded is not released again"

// outcome is what the states of the steps say about the run: a fault for each ending that occurs. What is open is a fault only
// when nothing else says why the run ended; what was cancelled is none in a run that is cancelled.
func outcome(state *run.State, p *plan.Plan, openIsFault, cancelled bool) []error {
	components := map[string][]string{} // by the code of an ending
	for _, planned := range p.Steps() {
		st := state.Step(planned.ID())
		if !p.Watches(planned.ID()) && (st.Status == run.Running || st.Status == run.OnHold) {
			continue
		}
		code := endingOf(st)
		if cancelled && st.Status == run.HasFailed && st.Detail == string(circleci.StatusCanceled) {
			continue
		}
		components[code] = append(components[code], planned.Component)
	}
	var errs []error
	for _, e := range endings {
		// What did not begin because of a failure is its consequence, and would outrank some failures.
		if names := components[e.code]; len(names) > 0 && (e.kind != fault.Stopped || openIsFault && len(errs) == 0) {
			errs = append(errs, e.of(state.Header, names))
		}
	}
	return errs
}

// of is the ending as a fault of this run's components.
func (e ending) of(h run.Header, components []string) error {
	next, actions := e.next, e.actions
	if e.code == "held" && h.Kind == run.Trigger { // gio approve reads no journal that is a file
		next, actions = "approve it on CircleCI, then "+again, nil
	}
	if !h.Kind.Records() && h.Kind != run.DryRun {
		next = strings.Replace(next, "released again", "started again", 1)
	}
	var args []any
	for _, action := range actions {
		if action.Action != fault.Check { // which is about a release
			action.Run = h.Run()
		}
		args = append(args, action)
	}
	if strings.Contains(next, again[2:]) || strings.Contains(next, "is not started again") {
		args = append(args, fault.Again())
	}
	return fault.New(e.kind, e.code, "%s: %s", e.what, few(components)).Hint(next, args...)
}

// few names the first ones only: the summary names them all.
func few(names []string) string {
	const most = 6
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// endingOf is the code of the ending of a step, "" for success.
func endingOf(st run.Step) string {
	switch st.Status {
	case run.HasSucceeded:
		return ""
	case run.IsUnknown:
		if isMisnamed(st) {
			return run.WrongPoms
		}
		return "unknown"
	case run.HasFailed:
		if slices.Contains([]string{notAllowed, "project-not-found", "project-unreadable", "timeout", noProof, NeedsChanged}, st.Code) {
			return st.Code
		}
		if slices.Contains([]string{"tag-exists", "version-mismatch", "not-checked"}, st.Code) { // of Release.Ready
			return "not-ready"
		}
		return "pipeline-failed"
	case run.OnHold:
		return "held"
	case run.Pending, run.Intended, run.Running, run.WasSkipped:
	}
	return "stopped"
}
