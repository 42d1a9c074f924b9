package operate

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// triggerRuns reads and opens the runs of triggers: in the release repository, where there is one, else in the state directory
// of this machine.
type triggerRuns struct {
	Setup
	repo     *gitrepo.Repo
	dir      string // state directory; "" keeps no journal
	takeOver bool
}

func (s Setup) triggerRuns(e Ends, takeOver bool) triggerRuns {
	t := triggerRuns{Setup: s, repo: e.Repo, takeOver: takeOver}
	if e.Repo == nil {
		t.dir = s.StateDir()
	}
	return t
}

// prepare opens the newest run of this name when it is not over, else a new one. A run that a colleague ended while prepare
// waited for it is over, too.
func (t triggerRuns) prepare(ctx context.Context, x *engine.Execution, h run.Header) error {
	name := h.Version
	for {
		last, err := t.newestNumber(ctx, h, name)
		if err != nil {
			return err
		}
		state, err := t.readState(ctx, h, name, last)
		if err != nil {
			return err
		}
		number := last
		if state.Seq == 0 || state.Over() {
			number++
		} else if err := refuseOtherPlan(state, x.Plan); err != nil {
			return err
		}
		h.Version = name + "." + strconv.Itoa(number)
		x.Plan.Version = h.Version
		x.Open = func(h run.Header) (engine.Journal, []run.Event, error) { return t.open(ctx, x, h) }
		if err := x.Prepare(h); err != nil {
			return err
		}
		if !x.State().Over() {
			return nil
		}
		if err := x.Close(); err != nil {
			return err
		}
	}
}

// refuseOtherPlan returns a fault when another command began the unfinished run and one of its pipelines runs or may exist: the
// two must not be mixed up.
func refuseOtherPlan(state *run.State, p *plan.Plan) error {
	if state.Plan == nil || reflect.DeepEqual(requestsOf(state.Plan), requestsOf(p)) {
		return nil
	}
	for _, st := range state.Steps() {
		if st.Open() {
			return fault.New(fault.Invalid, "open-trigger", "%s is not finished, and began with other parameters: %s is %s", state.Header.Run(), st.ID.Component(), st.Status).
				Hint("run the command that began it again: it finds out what became of its pipelines; then run this one")
		}
	}
	return nil
}

// requestsOf returns what a plan sends, in a form that survives a journal.
func requestsOf(p *plan.Plan) []string {
	var all []string
	for i, w := range p.Waves {
		for _, st := range w.Steps {
			all = append(all, strconv.Itoa(i)+" "+string(st.ID())+" "+st.Project+" "+st.Branch+" "+parametersLine(st.Parameters))
		}
	}
	return all
}

// newestNumber returns the number of the newest run of a name; 0 where there is none.
func (t triggerRuns) newestNumber(ctx context.Context, h run.Header, name string) (int, error) {
	versions, err := t.versions(ctx, h)
	last := 0
	for _, version := range versions {
		last = max(last, numberIn(version, name))
	}
	return last, err
}

func (t triggerRuns) versions(ctx context.Context, h run.Header) ([]string, error) {
	var versions []string
	if t.repo == nil {
		if t.dir == "" {
			return nil, nil
		}
		files, err := os.ReadDir(filepath.Dir(t.path(h)))
		if err != nil && !os.IsNotExist(err) {
			return nil, fault.New(fault.Internal, "state-directory", "the journals of earlier triggers cannot be read").Because(err).
				Hint("set XDG_STATE_HOME to a directory that can be read")
		}
		for _, f := range files {
			if version, is := strings.CutSuffix(f.Name(), ".jsonl"); is {
				versions = append(versions, version)
			}
		}
		return versions, nil
	}
	runs, err := journal.ListGit(ctx, t.repo.Ref(journal.GitRef))
	for _, r := range runs {
		if r.Header.Kind == h.Kind && r.Header.Manifest == h.Manifest {
			versions = append(versions, r.Header.Version)
		}
	}
	return versions, err
}

// readState reads the state of the run with this number; it is empty for number 0.
func (t triggerRuns) readState(ctx context.Context, h run.Header, name string, number int) (*run.State, error) {
	if number == 0 {
		return &run.State{}, nil
	}
	h.Version = name + "." + strconv.Itoa(number)
	var events []run.Event
	var err error
	if t.repo == nil {
		events, err = journal.ReadFile(t.path(h))
	} else {
		events, _, err = journal.ReadGit(ctx, t.repo.Ref(journal.GitRef), h)
	}
	if err != nil && !fault.Is(err, "no-journal") {
		return nil, err
	}
	return run.Fold(events)
}

func (t triggerRuns) open(ctx context.Context, x *engine.Execution, h run.Header) (engine.Journal, []run.Event, error) {
	switch {
	case t.repo != nil:
		return t.driverJournal(ctx, x, t.repo, t.takeOver)(h)
	case t.dir == "":
		return &journal.Memory{}, nil, nil
	}
	f, events, err := journal.OpenFile(t.path(h), h)
	if err != nil {
		return nil, nil, err
	}
	x.Earlier = journal.Durations(f.Path())
	return f, events, nil
}

func (t triggerRuns) path(h run.Header) string { return journal.Path(t.dir, "trigger", h) }
