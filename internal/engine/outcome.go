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

// endings are the ways in which a step can stand in the way of success, and what to do about each.
var endings = []struct {
	kind       fault.Kind
	code, what string
	next       string
}{
	{fault.Auth, "not-allowed", "CircleCI does not let this token trigger", "check the token's user and its rights on these projects, then " + again},
	{
		fault.Decision, "unknown", "gio cannot know whether a pipeline was started for",
		"look at CircleCI, then answer with `gio resolve COMPONENT --pipeline N`, `--released` or `--not-triggered`",
	},
	{fault.PipelineFailed, "pipeline-failed", "failed", "mend it, then " + again},
	{
		fault.PipelineFailed, noProof, "green, but without what proves a release",
		"if it was released all the same, push its tag or answer with `gio resolve COMPONENT --released`; then run the same command again, which starts anew what has no proof",
	},
	{
		fault.NotFound, "project-not-found", "CircleCI knows no project, or the token cannot see it, of",
		"check the project on CircleCI, or name another one in gio.yaml, then " + again,
	},
	{fault.Invalid, "not-ready", "not started, something has changed since the check", "`gio check` says what; mend it, then " + again},
	{fault.Timeout, "timeout", "took too long", again},
	{fault.Timeout, "held", "waits for an approval", "`gio approve COMPONENT`, or approve it on CircleCI, then " + again},
	{fault.Stopped, "stopped", "stopped before it was done", again},
}

const again = "run the same command again: what succeeded is not released again"

// outcome is what the states of the steps say about the run, several faults when several hold. What is
// open is only a fault of its own when nothing else says why the run ended; of a cancelled run, neither is what was cancelled.
func outcome(state *run.State, p *plan.Plan, openIsFault, cancelled bool) []error {
	components := map[string][]string{} // by the code of an ending
	for _, planned := range p.Steps() {
		st := state.Step(run.StepID(planned.ID()))
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
		// What was not begun because of a failure would outrank some of them, and is their consequence.
		if names := components[e.code]; len(names) > 0 && (e.kind != fault.Stopped || openIsFault && len(errs) == 0) {
			errs = append(errs, fault.New(e.kind, e.code, "%s: %s", e.what, few(names)).Hint("%s", nextOf(state, e.code, e.next)))
		}
	}
	return errs
}

// nextOf is what to do about an ending of this run.
func nextOf(state *run.State, code, next string) string {
	kind := state.Header.Kind
	if kind != "stage" && kind != "trigger" {
		return next
	}
	switch {
	case code == "unknown":
		return next + ", each with" + state.Header.Flags()
	case code == "held" && kind == "stage":
		return fmt.Sprintf("`gio approve COMPONENT%s`, or approve it on CircleCI, then run the same command again", state.Header.Flags())
	case code == "held": // gio approve reads no journal that is a file
		return "approve it on CircleCI, then run the same command again"
	}
	return strings.Replace(next, "released again", "started again", 1)
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
		return "unknown"
	case run.HasFailed:
		if slices.Contains([]string{"not-allowed", "project-not-found", "timeout", noProof}, st.Code) {
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
