package check

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/plan"
)

// freshFor is how long what Run saw of the first wave holds. That wave is triggered right after the check, and what GitHub
// allows in a minute is mostly used up by then.
const freshFor = 15 * time.Second

// Guard looks again, right before steps are triggered, at what may have changed since Run. The zero Guard asks nobody.
type Guard struct {
	hub   *github.Client
	plan  *plan.Plan
	begun bool     // the run had a journal
	skip  []string // codes that are let pass

	checked time.Time // when Run began
	first   map[plan.StepID]bool
}

// NewGuard makes the guard of a question's plan; the report, which is that question's, says what Run saw and when.
func NewGuard(q Question, r Report) Guard {
	return Guard{hub: q.GitHub, plan: q.Plan, begun: q.begun(), skip: q.Skip, checked: r.began, first: r.first}
}

// Ready tells whether steps that share a pipeline may be triggered: nil, or the fault that says why not (kind Invalid, code
// tag-exists or version-mismatch; another kind, code not-checked). It lets the codes in Question.Skip pass. It does not look
// at the first wave again within 15 seconds of Run; without GitHub it looks at nothing.
func (g Guard) Ready(ctx context.Context, steps []plan.Step) error {
	isLater := func(st plan.Step) bool { return !g.first[st.ID()] }
	if g.hub == nil || time.Since(g.checked) < freshFor && !slices.ContainsFunc(steps, isLater) {
		return nil
	}
	errs := make([]error, len(steps))
	forEach(steps, func(n int, st plan.Step) { errs[n] = g.ready(ctx, st) })
	return fault.Worst(errs...)
}

func (g Guard) ready(ctx context.Context, st plan.Step) error {
	var f facts
	together(
		func() { f.tag, f.tagErr = g.hub.VersionTag(ctx, st.Repository, st.Version, st.Proof.Tag) },
		func() { f.version, f.versionErr = readVersion(ctx, g.hub, st.Repository, st.Branch) },
	)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if fault.Is(f.versionErr, "version-file") || fault.KindOf(f.versionErr) == fault.NotFound { // Run has said so
		f.version, f.versionErr = stated{}, nil
	}
	switch err := errors.Join(f.tagErr, f.versionErr); {
	case f.tag != "":
		return refusal(tagFinding(st, f.tag, g.begun))
	case err != nil && !slices.Contains(g.skip, NotChecked):
		return fault.New(kindOf(err), NotChecked, "%s: tag and version could not be read again", st.Component).Because(err)
	case f.version.file != "" && !f.version.isOneOf(versionsBeside(g.plan, st)) && !slices.Contains(g.skip, VersionMismatch):
		return refusal(mismatchFinding(st, f.version))
	}
	return nil
}

// refusal is a finding as the fault that keeps a step from being triggered.
func refusal(f Finding) error { return fault.New(fault.Invalid, f.Code, "%s", f.What).Hint("%s", f.Do) }
