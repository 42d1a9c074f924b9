package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

// waitCodes are the exit codes of the commands that wait for the end of a deployment.
const waitCodes = `Exit codes: 0 it succeeded, 2 usage, 3 not allowed, 4 the server failed, 5 not found, 6 canceled,
7 refused, 9 needs a decision (gio deployment resolve), 10 it failed, 11 left by Ctrl-C.`

const (
	// patience is how long a server that does not answer is asked again while gio waits for a deployment.
	patience = 5 * time.Minute
	// longestSilence is how long gio waits without a word: CI ends jobs that say nothing.
	longestSilence = time.Minute
)

// pace is the time between two looks at a deployment.
func pace(waited time.Duration) time.Duration {
	if waited < time.Minute {
		return time.Second
	}
	return 2 * time.Second
}

// sentence is a deployment in one line.
func sentence(g wire.Gate) string {
	what := deployedIn(g.Deployment) + " in " + g.Environment
	if isRollback(g.Deployment) {
		what += " (rollback)"
	}
	line := what + ": " + said(g.Status, why(g))
	if g.Link != "" {
		line += " " + oneLine(g.Link)
	}
	return line
}

// follow watches a deployment to its end, and tells each change once. Its fault says how it ended, if not well.
func (env *environment) follow(ctx context.Context, c *client.Client, g wire.Gate) (wire.Gate, error) {
	left := fault.New(fault.Stopped, "left", "gio does not wait any longer: the deployment of %s in %s goes on", deployedIn(g.Deployment), g.Environment).
		Hint("gio deployment watch %s", g.ID).Hint("gio deployment cancel %s stops it", g.ID)
	ctx, done := env.interruptible(ctx, left)
	defer done()
	began, spoke, answered := time.Now(), time.Time{}, time.Now()
	for told := ""; ; {
		if ended(g.Deployment) {
			return g, env.outcome(g)
		}
		if line := sentence(g); line != told {
			fmt.Fprintln(env.Stderr, line)
			told, spoke = line, time.Now()
		}
		if time.Since(spoke) >= longestSilence {
			fmt.Fprintf(env.Stderr, "still %s after %s\n", g.Status, age(began, time.Now()))
			spoke = time.Now()
		}
		select {
		case <-ctx.Done():
			return g, context.Cause(ctx)
		case <-time.After(pace(time.Since(began))):
		}
		next, err := c.Deployment(ctx, g.ID)
		switch {
		case err == nil:
			g, answered = next, time.Now()
		case ctx.Err() != nil:
			return g, context.Cause(ctx)
		case fault.KindOf(err) != fault.Remote || time.Since(answered) >= patience:
			return g, err
		default:
			if line := fmt.Sprintf("%s; trying again", oneLine(err.Error())); line != told {
				fmt.Fprintln(env.Stderr, line)
				told, spoke = line, time.Now()
			}
		}
	}
}

// ended tells that a deployment has ended, or that only a person can say how.
func ended(d wire.Deployment) bool {
	switch d.Status {
	case "pending", "in_progress", "canceling":
		return false
	case "unknown": // said by somebody, while it goes on
		return d.Effect != "wanted" && d.Effect != "intended" && d.Effect != "running"
	}
	return true
}

// outcome is the fault of a deployment that ended other than well.
func (env *environment) outcome(g wire.Gate) error {
	what := fmt.Sprintf("the deployment of %s in %s", deployedIn(g.Deployment), g.Environment)
	switch g.Status {
	case "success":
		return nil
	case "canceled":
		return fault.New(fault.Cancelled, "deployment-canceled", "%s was canceled", what)
	case "unknown":
		f := fault.New(fault.Decision, "deployment-unknown", "nobody knows what became of %s", what)
		f = f.Hint("look at %s", cmp.Or(oneLine(g.Link), "what deploys it"))
		if g.Effect != "unknown" { // others deploy it
			return f
		}
		return f.Hint("%s", resolveCommand(g.ID))
	}
	f := fault.New(fault.PipelineFailed, "deployment-failed", "%s failed", what)
	if g.Unpromoted != "" && g.Message == g.Unpromoted {
		return f.Hint("gio bundle show %s: its bundle could not be promoted, and nothing was deployed", g.Bundle)
	}
	if g.Link != "" {
		f = f.Hint("look at %s", oneLine(g.Link))
	}
	if g.App != nil {
		return f.Hint("gio rollback %s --app %s deploys what ran before", g.Environment, g.App.Name)
	}
	return f.Hint("gio rollback %s deploys what ran before", g.Environment)
}

func resolveCommand(id string) string {
	return "gio deployment resolve " + id + " --reason HOW-YOU-KNOW (--pipeline N | --succeeded | --failed | --not-started)"
}

// asked shows a deployment that somebody has asked for, and waits for its end where that is wanted.
func (env *environment) asked(ctx context.Context, c *client.Client, id string, wait, asJSON bool) error {
	g, err := c.Deployment(ctx, id)
	if err != nil {
		return perhaps(err, "gio deployment show "+id)
	}
	var ending error
	if wait {
		fmt.Fprintf(env.Stderr, "deployment %s\n", id)
		g, ending = env.follow(ctx, c, g)
		if fault.CodeOf(ending) == "left" && !asJSON {
			return ending // its last line was told
		}
	}
	if err := env.printDeployment(g, asJSON); err != nil {
		return err
	}
	if !wait {
		env.nextSteps(g)
	}
	return ending
}

func (env *environment) printDeployment(g wire.Gate, asJSON bool) error {
	if asJSON {
		env.printed = true
		return env.writeJSON(g)
	}
	_, err := fmt.Fprintln(env.Stdout, sentence(g))
	return err
}

// nextSteps says what can be done about a deployment that has not ended.
func (env *environment) nextSteps(g wire.Gate) {
	next := func(format string, args ...any) { fmt.Fprintf(env.Stderr, "  -> "+format+"\n", args...) }
	switch {
	case g.Effect == "unknown":
		next("%s", resolveCommand(g.ID))
	case g.Status == "pending" && len(g.Approvals) < g.Requires.Approvals:
		next("another person: gio deployment approve %s", g.ID)
	case g.Unpromoted != "" && (g.Closed == g.Unpromoted || g.Message == g.Unpromoted):
		next("gio bundle show %s", g.Bundle)
		if !ended(g.Deployment) {
			next("gio deployment watch %s", g.ID)
		}
	case !ended(g.Deployment):
		next("gio deployment watch %s", g.ID)
	}
}
