package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/run"
)

// resolveRun notes an answer in the journal of a staging or a trigger.
func resolveRun(ctx context.Context, env *environment, a engine.Answer, name runName, takeOver bool) error {
	if name.kind != "stage" && name.kind != "trigger" {
		return fault.New(fault.Usage, "usage", "--run %s is no staging and no trigger", &name).Hint("of a release, leave it out; of a run of `gio release --dry-run=server`, --dry-run")
	}
	ws, released, err := env.aroundTrigger(ctx)
	if err != nil {
		return err
	}
	ci, err := env.circleCI(ws)
	if err != nil {
		return err
	}
	a.By = env.driver()
	h := run.Header{Kind: name.kind, Manifest: ws.Path, Version: name.version}
	open := env.fileRun
	if released {
		open = func(ws workspace, h run.Header) (engine.Journal, []run.Event, error) {
			return env.gitRun(ctx, ws, h, ci, a.By, takeOver)
		}
	}
	j, events, err := open(ws, h)
	if err != nil {
		return err
	}
	defer func() { _ = j.(io.Closer).Close() }() // what matters is durable already
	none := func(run.StepID) (bool, error) { return false, nil }
	steps, err := engine.Resolve(ctx, ci, j, events, a, none)
	if err != nil {
		return err
	}
	for _, st := range steps {
		fmt.Fprintf(env.Stdout, "%s %s: noted; %s goes on from there\n", st.ID.Component(), st.ID.Version(), env.drivenBy(h))
	}
	return nil
}

// gitRun opens the journal of a run in the release repository.
func (env *environment) gitRun(ctx context.Context, ws workspace, h run.Header, ci *circleci.Client, by run.Driver, takeOver bool) (engine.Journal, []run.Event, error) {
	repo, err := env.repository(ctx, ws, nil)
	if err != nil {
		return nil, nil, err
	}
	state, err := pastState(ctx, repo, h)
	if err != nil {
		return nil, nil, err
	}
	if state == nil {
		return nil, nil, noProductRun(h)
	}
	h = state.Header
	h.Host = ci.Host()
	return env.openRun(ctx, ci, repo, h, by, takeOver)
}

// fileRun opens the journal of a run in the state directory.
func (env *environment) fileRun(_ workspace, h run.Header) (engine.Journal, []run.Event, error) {
	t := triggerRuns{dir: env.stateDir()}
	events, err := journal.ReadFile(t.path(h))
	if fault.Is(err, "no-journal") {
		h.Manifest = pullRequests
		events, err = journal.ReadFile(t.path(h))
	}
	switch {
	case fault.Is(err, "no-journal"):
		return nil, nil, noRun(h).Because(err)
	case err != nil:
		return nil, nil, err
	}
	return journal.OpenFile(t.path(h), *events[0].Header)
}

func noRun(h run.Header) *fault.Fault {
	return fault.New(fault.NotFound, "no-journal", "no run %s is known", h.Run()).Hint("`gio history` lists the runs of a release repository")
}
