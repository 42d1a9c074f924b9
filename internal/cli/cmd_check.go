package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type checkOptions struct {
	only, except  []string
	offline, json bool
}

func newCheckCommand(env *environment) *cobra.Command {
	o := checkOptions{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong before anything starts; read-only",
		Long: `Check asks CircleCI, GitHub and the release repository for everything that can be known to be
wrong before a release, and writes nothing. An error keeps gio release, which checks the same
things first, from starting; a warning does not. Of a run that has begun it looks only at what
is still to be triggered. "gio help findings" lists the codes of the findings.

GitHub is asked where GITHUB_TOKEN is set. With --offline nothing is asked but the checkout:
no token and no network, for the job of a pull request.

Exit codes: 0 no error, 2 wrong usage, 3 a token or right is missing, 4 a remote did not answer,
5 no manifest, 7 errors were found.`,
		Example: `  gio check
  gio check --offline
  gio check --only gravitee-gateway --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCheck(cmd.Context(), env, o) },
	}
	cmd.Flags().StringSliceVar(&o.only, "only", nil, "check only these components")
	cmd.Flags().StringSliceVar(&o.except, "except", nil, "leave these components out")
	cmd.Flags().BoolVar(&o.offline, "offline", false, "ask neither CircleCI nor GitHub nor the remote")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the findings as JSON")
	return cmd
}

func runCheck(ctx context.Context, env *environment, o checkOptions) error {
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	a := &asker{env: env, ws: ws}
	var findings []check.Finding
	if o.offline {
		a.check = check.Check{NoCI: "left out by --offline", NoGitHub: "left out by --offline"}
		findings, err = a.planOffline(o)
	} else {
		findings, err = a.planOnline(ctx, o)
	}
	if err != nil {
		return err
	}
	r, err := a.check.Run(ctx, findings...)
	if err != nil {
		return err
	}
	r.Requests = int(a.requests.Load())
	if o.json {
		env.printed = true
		return errors.Join(r.Err(), report.JSON(env.Stdout, report.NewFindings(r)))
	}
	return errors.Join(r.Err(), report.FindingsTable(env.Stdout, r, env.outColumns(), env.outColor()))
}

// planOffline makes the plan of the checkout alone.
func (a *asker) planOffline(o checkOptions) ([]check.Finding, error) {
	m, err := manifest.Parse(a.ws.Path, a.ws.Local)
	if err != nil {
		return asFindings(err)
	}
	if o.offline {
		a.env.warn(a.workBranch(m))
	}
	a.env.warn(a.ws.assume(m))
	options := a.env.planOptions(a.ws, o.only, o.except)
	options.MainBranch = a.ws.Checkout.MainBranch
	p, err := plan.Make(m, options)
	if err != nil {
		return asFindings(err)
	}
	a.check.Plan, a.check.Options = p, options
	return check.OfWarnings(p.Warnings), nil
}

var releaseBranch = regexp.MustCompile(`^\d+\.\d+\.(x|\d+-.+)$`)

// workBranch: on the branch of a pull request, release.json is checked for the release branch that it will get to.
func (a *asker) workBranch(m *manifest.Manifest) []string {
	b := a.ws.Branch
	if b.Value == "" || a.env.branch != "" || b.Value == a.ws.Checkout.MainBranch || releaseBranch.MatchString(b.Value) ||
		slices.Contains(a.ws.Config.ReleaseBranches, b.Value) || !m.Open() {
		return nil
	}
	a.ws.Branch.Value = "" // assumed, as without a checkout
	return []string{fmt.Sprintf("nothing is released from the checkout's branch %s; --branch names another one", b.Value)}
}

// asFindings is an error as findings, or itself where it is none.
func asFindings(err error) ([]check.Finding, error) {
	findings := check.OfFault(err)
	if len(findings) == 0 {
		return nil, err
	}
	return findings, nil
}

// planOnline prepares a release as `gio release` would, with a journal that is only looked at: whatever it would be refused for is
// a finding. What cannot be had is a finding, too, and left out.
func (a *asker) planOnline(ctx context.Context, o checkOptions) ([]check.Finding, error) {
	if err := a.connect(); err != nil {
		return nil, err
	}
	repo, err := a.env.repository(ctx, a.ws, nil)
	if err != nil {
		findings, err := asFindings(err)
		if err != nil {
			return nil, err
		}
		also, err := a.planOffline(o)
		return append(findings, also...), err
	}
	a.check.Repo = repo
	if a.check.CI == nil {
		also, err := a.planOffline(o)
		return append(also, check.OfFault(a.noToken)...), err
	}
	r := a.env.newRelease(a.ws, releaseOptions{only: o.only, except: o.except}, a.check.CI, repo)
	r.Tagged = a.tagged()
	r.Open = func(h run.Header) (engine.Journal, []run.Event, error) {
		events, err := peek(ctx, repo, h)
		return &journal.Memory{}, events, err
	}
	err = r.Prepare(ctx)
	findings := check.OfFault(err)
	if kind := fault.KindOf(err); err != nil && !errors.Is(err, engine.ErrNothing) && (kind == fault.Internal || kind == fault.Usage) {
		return nil, err
	}
	if r.Plan == nil { // before there was a plan, CircleCI or release.json said no
		also, err := a.planOffline(o)
		return append(findings, also...), err
	}
	a.check.Plan, a.check.State, a.check.Options = r.Plan, r.State(), r.Options
	a.check.Manifest, err = manifest.Parse(a.ws.Path, a.ws.Local)
	a.check.Path = a.ws.Path
	return append(findings, check.OfWarnings(r.Plan.Warnings)...), err
}
