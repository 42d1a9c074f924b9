package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// printReleased says on a terminal what a release that has succeeded has left: in the release repository, in the checkout, and to do.
func (env *environment) printReleased(ctx context.Context, ws workspace.Workspace, r *operate.Result, ask bool) {
	if !env.errTerminal || r.Level != operate.Real || r.NothingToDo {
		return
	}
	finished := r.State.Finished
	if finished {
		_ = report.Released(env.Stderr, r.State, r.Next) // a terminal that is gone is no error of the release
	}
	switch {
	case env.mayCatchUp(ctx, ws, ask):
		env.catchUp(ctx, ws)
	case ws.CanPull():
		fmt.Fprintln(env.Stderr, behind)
	}
	if finished {
		v, where := quoted(r.State.Header.Version), env.onBranch(env.branch)
		fmt.Fprintf(env.Stderr, "next: `gio changelog %s%s`, `gio report %s%s`, `gio stage %s%s`\n", v, where, v, where, v, where)
	}
}

// mayCatchUp reports whether to ask for leave to fast-forward the checkout to what gio has pushed to its branch.
func (env *environment) mayCatchUp(ctx context.Context, ws workspace.Workspace, ask bool) bool {
	return ask && env.canAsk() && ws.CanFastForward(ctx)
}

const behind = "the checkout is behind: `git pull`"

// catchUp fast-forwards the checkout after a yes.
func (env *environment) catchUp(ctx context.Context, ws workspace.Workspace) {
	if env.confirm("The checkout is behind. Fast-forward it?", behind) != nil {
		fmt.Fprintln(env.Stderr, behind)
		return
	}
	if err := ws.FastForward(ctx); err != nil {
		env.warnOf(err, err)
		return
	}
	fmt.Fprintf(env.Stderr, "the checkout is at the newest commit of %s\n", ws.Branch.Value)
}

// hintPrepare names the command that opens components, where a release has found nothing to do.
func (env *environment) hintPrepare(r *operate.Result) {
	if cmp.Or(r.State.Header.Kind, run.Release) != run.Release || r.Plan.Partial || env.container {
		return
	}
	fmt.Fprintf(env.Stderr, "  -> %s\n", fault.Render(env.command, "`gio prepare%s` opens components for the next release", env.onBranch(env.branch)))
}
