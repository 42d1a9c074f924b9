package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// PipelineOf is the step of a component whose pipeline counts: the one that runs or is held, else the newest. Faults:
// NotFound "no-step", Invalid "no-pipeline".
func PipelineOf(s *run.State, component string) (run.Step, error) {
	own := slices.DeleteFunc(s.Steps(), func(st run.Step) bool { return st.ID.Component() != component })
	if len(own) == 0 {
		return run.Step{}, fault.New(fault.NotFound, "no-step", "%s is not in %s", component, s.Header.Run()).Hint("%s lists its components", fault.Next{Action: fault.Status, Run: s.Header.Run()})
	}
	st := own[len(own)-1]
	for _, o := range own {
		if o.Status == run.Running || o.Status == run.OnHold {
			st = o
		}
	}
	if st.Pipeline.ID == "" {
		return st, fault.New(fault.Invalid, "no-pipeline", "%s %s is %s: it has no pipeline", component, st.ID.Version(), st.Status).
			Hint("%s tells when it waits for an approval", fault.Next{Action: fault.Watch, Run: s.Header.Run()})
	}
	return st, nil
}

// TheOnly is the component that is meant where none is named: the only one of a status. What shares a pipeline counts once. Fault:
// Invalid "which-one".
func TheOnly(s *run.State, status run.Status, action fault.Action) (component string, err error) {
	var names []string
	seen := map[string]bool{}
	for _, st := range s.With(status) {
		shared := st.Pipeline.ID
		if shared == "" || !seen[shared] {
			names = append(names, st.ID.Component())
		}
		seen[shared] = true
	}
	if len(names) == 1 {
		return names[0], nil
	}
	f := fault.New(fault.Invalid, "which-one", "%d components of %s are %s", len(names), s.Header.Run(), status)
	if len(names) == 0 {
		f = fault.New(fault.Invalid, "which-one", "no component of %s is %s", s.Header.Run(), status).
			Hint("%s shows where it stands", fault.Next{Action: fault.Status, Run: s.Header.Run()})
	}
	for _, name := range names {
		f = f.Hint("%s", fault.Next{Action: action, Component: name, Run: s.Header.Run()})
	}
	return "", f
}

// ChooseApproval is the one that is to be approved: the only one that waits, or the one of that name (JOB, or WORKFLOW/JOB),
// which may have been approved already. Faults: NotFound "no-job", Invalid "nothing-held" and "several-held".
func ChooseApproval(all []circleci.Approval, st run.Step, name string) (circleci.Approval, error) {
	what := st.ID.Component() + " " + st.ID.Version()
	named := slices.DeleteFunc(slices.Clone(all), func(a circleci.Approval) bool {
		return name != "" && name != a.Job.Name && name != approvalName(a)
	})
	if name != "" && len(named) == 0 {
		return circleci.Approval{}, fault.New(fault.NotFound, "no-job", "%s has no approval job %q: %s", what, name, approvalsSaid(all))
	}
	waiting := slices.DeleteFunc(slices.Clone(named), func(a circleci.Approval) bool { return !a.Waits() })
	switch {
	case len(waiting) == 1:
		return waiting[0], nil
	case len(waiting) > 1:
		f := fault.New(fault.Invalid, "several-held", "%d jobs of %s wait for an approval", len(waiting), what)
		for _, a := range waiting {
			f = f.Hint("--job %s", approvalName(a))
		}
		return circleci.Approval{}, f
	case name != "" && len(named) == 1 && named[0].Approved():
		return named[0], nil
	}
	return circleci.Approval{}, fault.New(fault.Invalid, "nothing-held", "no job of %s waits for an approval: %s", what, approvalsSaid(named)).
		Hint("look at %s", st.Pipeline.URL)
}

func approvalName(a circleci.Approval) string { return a.Workflow.Name + "/" + a.Job.Name }

func approvalsSaid(all []circleci.Approval) string {
	if len(all) == 0 {
		return "its workflows have no approval job, or have not begun"
	}
	var said []string
	for _, a := range all {
		how := "is " + a.Job.Status
		switch {
		case a.Approved():
			how = "was approved already"
		case a.Job.Status == "blocked":
			how = "is blocked, its turn has not come"
		}
		said = append(said, approvalName(a)+" "+how)
	}
	return strings.Join(said, ", ")
}

// Approve approves a job that waits, with one request, and reads it until it waits no longer, for half a minute. What
// counts is what is read: somebody else may have approved it. Faults: those of the client; Invalid "not-approved" when the
// job ended without; Remote "still-held".
func Approve(ctx context.Context, clock Clock, ci *circleci.Client, a circleci.Approval) error {
	refused := ci.Approve(ctx, a)
	for began := clock.Now(); ; {
		status, err := statusOf(ctx, ci, a)
		read := err == nil
		kind := fault.KindOf(fault.Worst(err, refused))
		switch {
		case read && status == string(circleci.StatusSuccess):
			return nil
		case read && status != string(circleci.StatusOnHold):
			return fault.New(fault.Invalid, "not-approved", "%s waits no longer, and was not approved: it is %s", approvalName(a), status)
		case kind == fault.Auth, kind == fault.NotFound:
			return fault.Worst(err, refused)
		case clock.Since(began) > approveFor && fault.Worst(err, refused) != nil:
			return fault.Worst(err, refused)
		case clock.Since(began) > approveFor:
			return fault.New(fault.Remote, "still-held", "CircleCI accepted the approval of %s, and it still waits %s later", approvalName(a), approveFor).
				Hint("%s: approving twice does no harm", fault.Again())
		}
		if err := clock.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func statusOf(ctx context.Context, ci *circleci.Client, a circleci.Approval) (string, error) {
	jobs, err := ci.Jobs(ctx, a.Workflow.ID)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(jobs, func(j circleci.Job) bool { return j.ID == a.Job.ID })
	if i < 0 {
		return "", fault.New(fault.NotFound, "no-job", "the job %s has gone from its workflow", approvalName(a))
	}
	return jobs[i].Status, nil
}
