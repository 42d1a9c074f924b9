package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/wire"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// tellFor is how long gio waits for a gio-server that it tells of a release. It finds the release without that, too.
const tellFor = 10 * time.Second

// tellServer tells gio-server, where one is named, of a product that was released, and prints which candidate it has become. That it
// cannot be told is no error of the release.
func (env *environment) tellServer(ctx context.Context, ws workspace.Workspace, forPrograms bool, r *operate.Result) {
	if r.Level != operate.Real || r.NothingToDo || !r.State.Finished {
		return
	}
	found, err := config.FindServer(env.Getenv)
	if fault.Is(err, "no-server") {
		return
	}
	header := r.State.Header
	all := []wire.Looked{}
	address := gitrepo.Redact(ws.Checkout.RemoteURL)
	if err == nil {
		env.hide([]string{found.Token})
		limited, cancel := context.WithTimeout(ctx, tellFor)
		defer cancel()
		all, err = env.clientOf(found.Host.Value, found.Token).Look(limited, wire.Look{Repository: address, Manifest: ws.Path, Version: header.Version})
	}
	host := found.Host.Value
	switch {
	case err != nil:
		env.warnOf(fault.New(fault.Remote, "not-told", "gio-server was not told of %s, and finds it by itself within a minute of being reachable", header.Version).Because(err), err)
	case len(all) == 0:
		none := fault.New(fault.NotFound, "no-watch", "%s knows %s under no project that this token sees: it makes no candidate of %s", host, address, header.Version).
			Hint("name the repository under releases: in the file of `gio project apply`")
		env.warnOf(none, none)
	}
	out := env.Stdout
	if forPrograms { // stdout has the result
		out = env.Stderr
	}
	for _, one := range all {
		env.printLooked(out, host, header.Version, one, len(all) > 1)
	}
}

// warnOf prints a warning, with what to do about its cause.
func (env *environment) warnOf(warning, cause error) {
	env.warn(warning.Error())
	for _, hint := range fault.HintLines(fault.Rendered(cause, env.command)) {
		fmt.Fprintf(env.Stderr, "  -> %s\n", hint)
	}
}

// printLooked prints which candidate a release has become in a project, or why in none.
func (env *environment) printLooked(out io.Writer, host, version string, l wire.Looked, among bool) {
	project := ""
	if among {
		project = " --project " + quoted(l.Project)
	}
	switch {
	case l.Candidate == "" && l.Problem != nil:
		env.warn(fmt.Sprintf("%s is no candidate of %s on %s: %s", version, l.Project, host, l.Problem.Message))
		fmt.Fprintf(env.Stderr, "  -> gio project show %s\n", quoted(l.Project))
	case l.Candidate == "":
		env.warn(fmt.Sprintf("%s is no candidate of %s on %s yet", version, l.Project, host))
		fmt.Fprintf(env.Stderr, "  -> gio candidate list%s\n", cmp.Or(project, " --project "+quoted(l.Project)))
	case l.State != "ready":
		fmt.Fprintf(out, "candidate %s on %s is %s\n", l.Candidate, host, l.State)
	default:
		fmt.Fprintf(out, "candidate %s on %s: gio deploy %s ENVIRONMENT%s\n", l.Candidate, host, version, project)
	}
}

// printReleases says why nothing of what gio releases arrives in a project.
func (env *environment) printReleases(ctx context.Context, c *client.Client, p wire.Project) error {
	if p.Releases == nil {
		return nil
	}
	w, err := c.Watched(ctx, p.Name)
	if err != nil {
		return err
	}
	switch {
	case w.Problem != nil:
		fmt.Fprintf(env.Stderr, "what gio releases does not arrive since %s: %s\n", when(&w.Problem.Since), oneLine(w.Problem.Message))
		fmt.Fprintf(env.Stderr, "  -> it is read over the connection %s of gio-server.yaml, which an admin of the server writes\n", w.Connection)
	case w.LookedAt == nil:
		fmt.Fprintln(env.Stderr, "the release repository was not looked at yet: that takes some seconds")
	}
	return nil
}
