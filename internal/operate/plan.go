package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// soon is how long a plan waits for what it can do without.
const soon = 10 * time.Second

// PlanOptions say what is planned.
type PlanOptions struct {
	Only, Except []string   // components
	Order        plan.Order // "" is gio.yaml's
	// Learned is given what earlier runs took, where the plan is by the graph and the release repository could be read. It may be nil.
	Learned func(run.Expectation)
}

// orderOf returns the order that is asked for, else gio.yaml's.
func (s Setup) orderOf(asked plan.Order) plan.Order {
	return cmp.Or(asked, plan.Order(s.Config.Order), plan.ByWaves)
}

// Plan plans from the checkout, and returns the refs that the release would write. Where the network answers soon, it asks for the
// default branches, if there is a CircleCI token, and holds the plan against the remote and its journal as a release would; a plan
// must not need either. What it had to assume, what is released already, and why a release would be refused, are warnings of the plan.
func Plan(ctx context.Context, s Setup, o PlanOptions) (*plan.Plan, []plan.Ref, error) {
	m, err := s.Manifest()
	if err != nil {
		return nil, nil, err
	}
	asking, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	ends, warnings := s.soonEnds(asking)
	var assumptions []string
	ws := s.Workspace
	s.Workspace, assumptions = s.WithAssumptions(m)
	options := s.PlanOptions(o.Only, o.Except)
	options.MainBranch = s.Checkout.MainBranch
	if ends.Repo != nil { // the checkout's notion of it may be an old one
		options.MainBranch = cmp.Or(ws.MainBranchOf(ends.Repo), options.MainBranch)
	}
	p, err := s.planOffline(ctx, m, options)
	if err != nil {
		return nil, nil, err
	}
	next, err := plan.NextVersions(p.Version, p.Branch, options.MainBranch, "")
	if err != nil && len(p.Waves) > 0 && !p.Partial && ends.Repo == nil {
		warnings = append(warnings, refusal(err))
	}
	order, compared := s.orderOf(o.Order), []string(nil)
	if ends.Repo != nil {
		s.Workspace = ws
		order, compared = s.compare(asking, ends, p, o)
	}
	if order == plan.ByGraph && !p.IsByGraph() {
		if p, err = s.arrange(asking, p, m, options, ends); err != nil {
			return nil, nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if p.IsByGraph() && ends.Repo != nil && o.Learned != nil {
		took := journal.DurationsGit(asking, ends.Repo.Ref(journal.GitRef), run.Header{Kind: run.Release, Manifest: s.Path})
		o.Learned(run.Expectation{Took: took, Parallel: Expected(s.newExecution(ends, p)).Parallel})
	}
	p.Warnings = slices.Concat(assumptions, warnings, p.Warnings, compared)
	return p, p.Refs(next), nil
}

// soonEnds opens CircleCI, without a token where there is none, and the release repository; nothing without a remote. A remote that
// cannot be read is said, and what the checkout knew of it when it was fetched.
func (s Setup) soonEnds(ctx context.Context) (ends Ends, warnings []string) {
	found, err := s.CircleCI()
	if fault.Is(err, "no-token") {
		found.Host.Value, err = s.CircleCIHost(), nil
	}
	if err != nil || !s.Git || s.Branch.Value == "" || s.Checkout.Refused != nil {
		return ends, nil
	}
	repo, err := s.RepositoryToRead(ctx)
	switch {
	case fault.Is(err, "no-remote"):
	case fault.Is(err, "branch-missing"):
		warnings = append(warnings, refusal(err))
	case err != nil:
		warnings = append(warnings, fmt.Sprintf("the release repository was not read (%s): what it says of this release is not known", oneLine(err)))
		if behind := s.Behind(ctx); behind > 0 {
			warnings = append(warnings, fmt.Sprintf("the checkout is %s behind %s as it was when it was fetched: `git pull`", count(behind, "commit"), s.Branch.Value))
		}
	default:
		ends = Ends{CI: s.circleCIOver(found, s.Wire), Repo: repo}
	}
	return ends, warnings
}

// compare prepares the release as `gio release` does, with a journal that is only read, and says what that warns of beside the plan,
// and why it would be refused. Where it would not be, the plan goes in the order in which the release would, which is returned.
func (s Setup) compare(ctx context.Context, ends Ends, p *plan.Plan, o PlanOptions) (order plan.Order, warnings []string) {
	order = s.orderOf(o.Order)
	s.Tell = nil
	r := NewRelease(s, ends, ReleaseOptions{Only: o.Only, Except: o.Except, Order: o.Order})
	r.Open = readOnlyJournal(ctx, ends.Repo)
	if _, err := s.circleCI(); err != nil && r.Options.ComponentMain == "" { // nobody can be asked for it
		r.Options.ComponentMain = r.Options.MainBranch
	}
	err := r.Prepare(ctx)
	done := released(p, r.State())
	if err == nil {
		order = r.Order
		if r.Plan.IsByGraph() { // a run that has begun keeps its order, and its needs
			p.Order, p.Waves = r.Plan.Order, r.Plan.Waves
		}
		err = refusedByJournal(ctx, r)
	}
	if r.Plan != nil {
		for _, w := range r.Plan.Warnings {
			if !slices.Contains(p.Warnings, w) {
				warnings = append(warnings, w)
			}
		}
	}
	if done != "" {
		warnings = append(warnings, done)
	}
	switch kind := fault.KindOf(err); {
	case err == nil, errors.Is(err, engine.ErrNothing):
	case kind == fault.Invalid, kind == fault.Stopped:
		warnings = append(warnings, refusal(err))
	default:
		warnings = append(warnings, fmt.Sprintf("the plan was not held against the release repository (%s): what it says of this release is not known", oneLine(err)))
	}
	return order, warnings
}

// released says which steps of a plan a run has released already; "" where there is none.
func released(p *plan.Plan, s *run.State) string {
	var names []string
	for _, st := range p.Steps() {
		if s.Step(st.ID()).Status == run.HasSucceeded {
			names = append(names, st.Component)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%s has released %d of these %s: `gio release` goes on with the others (released: %s)",
		s.Header.Run(), len(names), count(len(p.Steps()), "component"), strings.Join(names, ", "))
}

func refusal(err error) string { return "`gio release` would be refused: " + oneLine(err) }

// planOffline plans, and reads the default branches only where there is a token and CircleCI answers soon.
func (s Setup) planOffline(ctx context.Context, m *manifest.Manifest, o plan.Options) (*plan.Plan, error) {
	p, err := plan.Make(m, o)
	if err != nil || o.ComponentMain != "" {
		return p, err
	}
	var onMain int
	for _, st := range p.Steps() {
		if st.Branch == o.MainBranch {
			onMain++
		}
	}
	if onMain == 0 {
		return p, nil
	}
	ci, err := s.circleCI()
	if err == nil {
		asking, cancel := context.WithTimeout(ctx, soon)
		defer cancel()
		o.DefaultBranches, err = engine.DefaultBranches(asking, ci, p, o.MainBranch)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the default branch of %d projects was not read (%s): assuming %s", onMain, err, o.MainBranch))
		return p, nil
	}
	return plan.Make(m, o)
}
