package cli

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

func newResolveCommand(env *environment) *cobra.Command {
	a, dryRun, takeOver, name := engine.Answer{}, false, false, runName{}
	cmd := &cobra.Command{
		Use:   "resolve COMPONENT (--pipeline N | --released | --not-triggered)",
		Short: "Answer what gio cannot know about a component's pipeline",
		Long: `When the answer of a trigger was lost and no pipeline, or more than one, can be its own, gio
stops and asks: starting a second one could release twice. Look at the component's pipelines
on CircleCI, then answer, then run gio release again.

  --pipeline N      pipeline number N is the one: it is watched like any other
  --released        the version is released: recorded as such
  --not-triggered   nothing was started: the next gio release starts it. Of a component that
                    has succeeded it means: release it again. Refused while its tag exists.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no such component or pipeline,
7 it cannot be answered so, 11 somebody drives the run.`,
		Example: `  gio resolve gravitee-gateway --pipeline 421
  gio resolve gravitee-gateway --not-triggered
  gio resolve gravitee-gateway --released --run stage/3.9.4`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fault.New(fault.Usage, "usage", "gio resolve takes one component, but got %d", len(args)).Hint("gio resolve COMPONENT --pipeline N")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("pipeline") && !a.Released && !a.NotTriggered {
				return fault.New(fault.Usage, "usage", "gio resolve needs your answer: --pipeline N, --released or --not-triggered").
					Hint("look at the component's pipelines on CircleCI; `gio resolve --help` says what each answer means")
			}
			a.Component = args[0]
			if name.kind != "" {
				return resolveRun(cmd.Context(), env, a, name, takeOver)
			}
			return runResolve(cmd.Context(), env, a, dryRun, takeOver)
		},
	}
	cmd.Flags().Int64Var(&a.Pipeline, "pipeline", 0, "number of the pipeline that is the component's")
	cmd.Flags().BoolVar(&a.Released, "released", false, "the version is released")
	cmd.Flags().BoolVar(&a.NotTriggered, "not-triggered", false, "no pipeline was started, or it is to be released again")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "it is about a run of gio release --dry-run=server")
	cmd.Flags().BoolVar(&takeOver, "take-over", false, "answer a run that another driver has left")
	cmd.Flags().Var(&name, "run", "it is about this run of gio stage or gio trigger")
	cmd.MarkFlagsMutuallyExclusive("run", "dry-run")
	cmd.MarkFlagsMutuallyExclusive("pipeline", "released", "not-triggered")
	return cmd
}

func runResolve(ctx context.Context, env *environment, a engine.Answer, dryRun, takeOver bool) error {
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	ci, err := env.circleCI(ws)
	if err != nil {
		return err
	}
	m, err := manifest.Parse(ws.Path, ws.Local)
	if err != nil {
		return err
	}
	kind := "release"
	if dryRun {
		kind = "dry"
	}
	repo, err := env.repository(ctx, ws, nil)
	if err != nil {
		return err
	}
	a.By = env.driver()
	h := run.Header{Kind: kind, Manifest: ws.Path, Version: m.ReleaseVersion(), Host: ci.Host(), Branch: ws.Branch.Value}
	j, events, err := env.openRun(ctx, ci, repo, h, a.By, takeOver)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // what matters is durable already
	state, err := run.Fold(events)
	if err != nil {
		return err
	}
	steps, err := engine.Resolve(ctx, ci, j, events, a, func(id run.StepID) (bool, error) {
		return env.tagged(ctx, ws, m, state.Plan, id)
	})
	if err != nil {
		return err
	}
	for _, st := range steps {
		fmt.Fprintf(env.Stdout, "%s %s: noted; %s goes on from there\n", st.ID.Component(), st.ID.Version(), env.drivenBy(h))
	}
	return nil
}

// tagged tells whether the component's repository carries a tag of the step's version.
func (env *environment) tagged(ctx context.Context, ws workspace, m *manifest.Manifest, p *plan.Plan, id run.StepID) (bool, error) {
	credentials, err := env.credentials(ws)
	if err != nil {
		return false, err
	}
	for _, st := range p.Steps() {
		if st.ID() != string(id) {
			continue
		}
		tags, err := gitrepo.RemoteTags(ctx, repositoryURL(m.SCMHTTPURL, st.Repository), credentials)
		_, plain := tags[id.Version()]
		_, prefixed := tags["v"+id.Version()]
		return plain || prefixed, err
	}
	return false, fault.New(fault.Invalid, "nothing-to-resolve", "%s is not to be released: release.json does not open it", id).
		Hint("open it in release.json, then run `gio release`")
}

// repositoryURL is where org/name lives, by scmHttpUrl, whose last part is the product's own organization.
func repositoryURL(scm, repository string) string {
	scm = strings.TrimSuffix(scm, "/")
	if u, err := url.Parse(scm); err == nil && u.Scheme != "" {
		u.Path = path.Join(path.Dir(u.Path), repository)
		return u.String()
	}
	return filepath.Join(filepath.Dir(scm), filepath.FromSlash(repository))
}
