package cli

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// triggerRuns are the runs of gio trigger that are known: in the release repository, where there is one, else in the state
// directory of this machine.
type triggerRuns struct {
	env      *environment
	ws       workspace
	repo     *gitrepo.Repo
	dir      string // of the file home; "" keeps no journal
	takeOver bool
}

func (env *environment) triggerRuns(ws workspace, e ends, o executionOptions) triggerRuns {
	t := triggerRuns{env: env, ws: ws, repo: e.repo, takeOver: o.takeOver}
	if e.dry == nil && e.repo == nil {
		t.dir = env.stateDir()
	}
	return t
}

// stateDir is where journals without a release repository lie (XDG_STATE_HOME), "" in a container that has no home: a file in
// there would be gone with it.
func (env *environment) stateDir() string {
	dir := config.Env(env.Getenv, "XDG_STATE_HOME").Value
	if home := env.Getenv("HOME"); dir == "" && home != "" && !env.container {
		dir = filepath.Join(home, ".local", "state")
	}
	env.say("state directory", config.Value{Value: dir, Source: "XDG_STATE_HOME"})
	return dir
}

// prepare opens the newest run of this name when it is not over, else a new one. One that a colleague ended while this
// waited for it is over, too.
func (t triggerRuns) prepare(ctx context.Context, x *engine.Execution, h run.Header) error {
	name := h.Version
	for {
		last, err := t.last(ctx, h, name)
		if err != nil {
			return err
		}
		state, err := t.known(ctx, h, name, last)
		if err != nil {
			return err
		}
		number := last
		if state.Seq == 0 || state.Over() {
			number++
		} else if err := continues(state, x.Plan); err != nil {
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

// continues: an unfinished run is finished by the command that began it. One with a pipeline that may exist, or runs, must
// not be mixed up with another.
func continues(state *run.State, p *plan.Plan) error {
	if state.Plan == nil || reflect.DeepEqual(sent(state.Plan), sent(p)) {
		return nil
	}
	for _, st := range state.Steps() {
		if st.Open() {
			return fault.New(fault.Invalid, "open-trigger", "%s is not finished, and was begun with other parameters: %s is %s", state.Header.Run(), st.ID.Component(), st.Status).
				Hint("run the command that began it again: it finds out what became of its pipelines; then run this one")
		}
	}
	return nil
}

// sent is what a plan sends, as a journal gives it back.
func sent(p *plan.Plan) []string {
	var all []string
	for i, w := range p.Waves {
		for _, st := range w.Steps {
			all = append(all, strconv.Itoa(i)+" "+st.ID()+" "+st.Project+" "+st.Branch+" "+parametersLine(st.Parameters))
		}
	}
	return all
}

// last is the number of the newest run of a name, 0 where there is none.
func (t triggerRuns) last(ctx context.Context, h run.Header, name string) (int, error) {
	versions, err := t.versions(ctx, h)
	last := 0
	for _, version := range versions {
		last = max(last, numberOf(version, name))
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

// known is the state of the newest run.
func (t triggerRuns) known(ctx context.Context, h run.Header, name string, number int) (*run.State, error) {
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
		return t.env.driving(ctx, x, t.repo, t.takeOver)(h)
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
