package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

func newStageCommand(env *environment) *cobra.Command {
	o := executionOptions{}
	cmd := &cobra.Command{
		Use:   "stage VERSION",
		Short: "Stage the components of a released version on Nexus",
		Long: `Stage reads release.json at the tag VERSION and starts the pipelines of the components that were
released with it, all at once, each on its branch, with gio_action: nexus_staging. Components with
stage: false in gio.yaml are left out. It never starts one without --dry-run=false: it shows what it
would send. --dry-run=server is refused: older components do not know dry_run and would publish.

Like a release it notes in the release repository what it does: run again it goes on with what is
missing, and nothing that succeeded, runs, or may exist is started again.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no such tag, or nothing to stage,
6 cancelled, 7 refused, 8 timed out, 9 needs a decision (gio resolve --run stage/VERSION),
10 a pipeline failed, 11 stopped: run again.`,
		Example: `  gio stage 3.9.4
  gio stage 3.9.4 --dry-run=false`,
		Args: func(cmd *cobra.Command, args []string) error { return stageArguments(env, cmd, args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noServerLevel(cmd, o.dryRun); err != nil {
				return err
			}
			version := ""
			if len(args) == 1 {
				version = strings.TrimSuffix(args[0], "-SNAPSHOT")
			}
			return runStage(cmd.Context(), env, version, o)
		},
	}
	o.flags(cmd, dryClient)
	return cmd
}

// stageArguments: the container form names no version.
func stageArguments(env *environment, cmd *cobra.Command, args []string) error {
	if len(args) == 1 || len(args) == 0 && env.container {
		return nil
	}
	if len(args) == 2 {
		return notBehindDryRun(cmd, args[1:])
	}
	return fault.New(fault.Usage, "usage", "gio stage needs the version to be staged, and one only").Hint("gio stage 3.9.4")
}

func runStage(ctx context.Context, env *environment, version string, o executionOptions) error {
	env.announceClient(o.dryRun)
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	e, err := env.ends(ctx, ws, true, o)
	if err != nil {
		return err
	}
	defer e.close()
	p, err := env.stagePlan(ctx, ws, e, version)
	if err != nil {
		return err
	}
	for _, l := range p.Left {
		fmt.Fprintf(env.Stderr, "left out: %s %s (%s)\n", l.Component, l.Version, l.Reason)
	}
	x := env.execution(ws, e, p)
	x.Open = env.driving(ctx, x, e.repo, o.takeOver)
	if e.dry != nil {
		x.Open = func(h run.Header) (engine.Journal, []run.Event, error) { return e.dry.openJournal(ctx, h) }
	}
	v := env.viewOf(e, o)
	defer v.close()
	x.Notify = v.notify
	defer env.leave(x)
	if err := x.Prepare(headerOf("stage", ws, p)); err != nil {
		return err
	}
	if over(x) {
		return env.nothingLeft(x, o, "all of it is staged, nothing is left to be done")
	}
	return env.drive(ctx, x, v, e, o)
}

// stagePlan plans the staging of a version, "" for the newest one that release.json knows to be released.
func (env *environment) stagePlan(ctx context.Context, ws workspace, e ends, version string) (*plan.Plan, error) {
	if e.dry != nil && e.dry.imagined {
		return nil, fault.New(fault.Remote, "no-remote", "what was released stands at a tag of the release repository, which was not read").
			Hint("a staging cannot be shown from the checkout alone: see above why the remote was not read")
	}
	if version == "" {
		newest, err := remoteManifest(ws, e.repo)
		if err != nil {
			return nil, err
		}
		if version, err = newestReleased(newest, e.repo); err != nil {
			return nil, err
		}
		fmt.Fprintf(env.Stderr, "the version to be staged is %s: the newest one that release.json knows to be released\n", version)
	}
	m, err := releasedManifest(ctx, ws, e.repo, version)
	if err != nil {
		return nil, err
	}
	ws.Local = m.Bytes() // what parameters are made of
	o := env.planOptions(ws, nil, nil)
	o.MainBranch = e.repo.DefaultBranch()
	if o.Branch, err = releasedFrom(ctx, ws, e.repo, version); err != nil {
		return nil, err
	}
	p, err := plan.MakeStage(m, o)
	if err != nil || o.ComponentMain != "" {
		return p, err
	}
	if o.DefaultBranches, err = engine.DefaultBranches(ctx, e.ci, p, o.MainBranch); err != nil {
		return nil, err
	}
	return plan.MakeStage(m, o)
}

// releasedManifest is release.json at the tag of a version.
func releasedManifest(ctx context.Context, ws workspace, repo *gitrepo.Repo, version string) (*manifest.Manifest, error) {
	commit, err := tagged(ctx, repo, "refs/tags/"+version)
	if err != nil {
		return nil, err
	}
	data, err := repo.ReadFile(commit, ws.Path)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(ws.Path+" at "+version, data)
	if err == nil && m.Version != version {
		err = fault.New(fault.Invalid, "other-version", "%s: the tag %s holds version %s", m.VersionAt, version, m.Version).
			Hint("`gio history` lists what was released")
	}
	return m, err
}

// releasedFrom is the branch that a version was released from: its run says it, else it is the checkout's. By it the
// branches of the components are told.
func releasedFrom(ctx context.Context, ws workspace, repo *gitrepo.Repo, version string) (string, error) {
	events, _, err := journal.ReadGit(ctx, repo.Ref(journal.GitRef), run.Header{Kind: "release", Manifest: ws.Path, Version: version})
	if fault.Is(err, "no-journal") {
		return ws.Branch.Value, nil
	}
	if err != nil {
		return "", err
	}
	state, err := run.Fold(events)
	return state.Header.Branch, err
}

// remoteManifest is release.json on the remote's branch: a checkout may be older than the last release.
func remoteManifest(ws workspace, repo *gitrepo.Repo) (*manifest.Manifest, error) {
	data, err := repo.ReadFile(repo.Head(), ws.Path)
	if err != nil {
		return nil, err
	}
	return manifest.Parse(ws.Path, data)
}

// newestReleased is the newest version that a component was released with, by release.json, and whose tag exists.
func newestReleased(m *manifest.Manifest, repo *gitrepo.Repo) (string, error) {
	newest := ""
	for _, c := range m.Components {
		v, err := manifest.ParseVersion(c.Since)
		if _, tagged := repo.Refs()["refs/tags/"+c.Since]; err != nil || !tagged {
			continue
		}
		if before, err := manifest.ParseVersion(newest); err != nil || v.GreaterThan(before) {
			newest = c.Since
		}
	}
	if newest == "" {
		return "", fault.New(fault.NotFound, "no-tag", "%s: no component has the since of a version that is tagged: nothing of it is released", m.File).
			Hint("release first: gio release")
	}
	return newest, nil
}
