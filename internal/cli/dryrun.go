package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/transport"
)

// dryLevel is the value of --dry-run, in kubectl's words.
type dryLevel string

const (
	dryOff    dryLevel = ""
	dryClient dryLevel = "client" // nothing is written anywhere: the simulator answers what would be sent
	dryServer dryLevel = "server" // the pipelines really run and are told that it is a dry run
)

// Set reads the flag's value.
func (l *dryLevel) Set(value string) error {
	switch value {
	case "true", string(dryClient):
		*l = dryClient
	case string(dryServer):
		*l = dryServer
	case "false", "none":
		*l = dryOff
	default:
		return errors.New("it is client, server, or false for a real run")
	}
	return nil
}

func (l *dryLevel) String() string { return string(*l) }

// Type is what the help calls the value.
func (*dryLevel) Type() string { return "level" }

// notBehindDryRun refuses what stands behind --dry-run as if it were its value: it must never turn a dry run into a release,
// or the other way round.
func notBehindDryRun(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && cmd.Flags().Changed("dry-run") {
		level := new(dryLevel)
		if level.Set(args[0]) == nil {
			return fault.New(fault.Usage, "usage", "%q stands behind --dry-run but is not its value", args[0]).
				Hint("write --dry-run=%s, with the equals sign; --dry-run alone is --dry-run=client, a real run is --dry-run=false", args[0])
		}
	}
	return noArguments(cmd, args)
}

// noServerLevel is what --dry-run is to a command whose pipelines cannot be told by gio that it is one.
func noServerLevel(cmd *cobra.Command, l dryLevel) error {
	if l != dryServer {
		return nil
	}
	return fault.New(fault.Usage, "usage", "%s has no --dry-run=server: what it starts need not know the parameter dry_run, and would really run", cmd.CommandPath()).
		Hint("--dry-run=client shows what would be sent")
}

// announceClient is announce for the commands that have no other level.
func (env *environment) announceClient(l dryLevel) {
	if l == dryClient {
		fmt.Fprintln(env.Stderr, "dry run, level client: nothing is started and nothing is written (--dry-run=false really runs the pipelines; there is no level server)")
		env.closing = "this was a dry run, level client: nothing was started, nothing was written; --dry-run=false really runs the pipelines"
	}
	for _, note := range env.notes {
		fmt.Fprintln(env.Stderr, note)
	}
}

// announce says which level of dry run this is and what the other one is, as the first line and the last. What there is to say
// about the container comes after that.
func (env *environment) announce(l dryLevel) {
	switch l {
	case dryClient:
		fmt.Fprintln(env.Stderr, "dry run, level client: nothing is started and nothing is written (--dry-run=server really runs the pipelines, with dry_run: true)")
		env.closing = "this was a dry run, level client: nothing was started, nothing was written; --dry-run=server really runs the pipelines, with dry_run: true"
	case dryServer:
		fmt.Fprintln(env.Stderr, "dry run, level server: the pipelines really run, with dry_run: true; nothing but gio's journal is written (--dry-run=client only shows what would be done)")
		env.closing = "this was a dry run, level server: what ran, ran with dry_run: true, and nothing was released; --dry-run=client only shows what would be done"
	case dryOff:
	}
	for _, note := range env.notes {
		fmt.Fprintln(env.Stderr, note)
	}
}

const (
	drySpeed    = 100                   // times real time
	dryPipeline = 20 * time.Millisecond // of real time takes a simulated pipeline: a reading or two
	dryProbe    = 10 * time.Second      // for CircleCI, or the remote, to answer at all
	drySeed     = 0x6472                // so that no simulated id is one that another simulator gave
)

// dryRun is a walk through a release that writes nothing.
type dryRun struct {
	env    *environment
	ws     workspace
	out    *dryPrinter
	ci     *circleci.Client
	online bool // CircleCI answers reads
	sim    *sim.Sim
	repo   *gitrepo.Repo

	imagined bool // the remote is not read
}

func runDryRelease(ctx context.Context, env *environment, ws workspace, o releaseOptions) error {
	d := &dryRun{env: env, ws: ws, out: &dryPrinter{w: env.Stdout, path: ws.Path}}
	if o.json || o.events {
		d.out.w = env.Stderr // stdout is for programs
	}
	if err := d.openRepository(ctx); err != nil {
		return err
	}
	if err := d.openCircleCI(ctx); err != nil {
		return err
	}
	defer d.sim.Close()
	r := env.newRelease(d.ws, o, d.ci, d.repo)
	r.Clock, r.Simulated = engine.FastClock(drySpeed), true
	r.Open = func(h run.Header) (engine.Journal, []run.Event, error) { return d.openJournal(ctx, h) }
	r.Notify = d.notify(o)
	err := r.Prepare(ctx)
	if errors.Is(err, engine.ErrNothing) {
		return env.nothing(r, o)
	}
	if err != nil {
		return err
	}
	env.warn(r.Plan.Warnings)
	refused := d.check(ctx, r, o)
	ctx, stop, done := env.stopping(ctx)
	defer done()
	return fault.Worst(d.result(r, o, r.Run(ctx, stop)), refused)
}

// check says what the check of a real run would, and lets the walk ask for tags, with whom there is to ask. Its error does not keep the walk from going on.
func (d *dryRun) check(ctx context.Context, r *engine.Release, o releaseOptions) error {
	a := &asker{env: d.env, ws: d.ws}
	if err := a.connect(); err != nil {
		return err
	}
	if !d.online {
		a.check.CI, a.check.NoCI = nil, "it does not answer, or there is no token"
	}
	if d.imagined {
		a.check.GitHub, a.check.NoGitHub = nil, "the release repository was not read"
	}
	r.Tagged = a.tagged()
	if err := fault.Worst(r.Provable(), a.beforeRelease(ctx, r, o)); err != nil {
		return err
	}
	for _, receiver := range d.env.people(a, r) {
		fmt.Fprintf(d.env.Stderr, "would be told how the release goes: %s\n", receiver)
	}
	return nil
}

// openRepository reads the remote; where that cannot be, the checkout's release.json stands for it.
func (d *dryRun) openRepository(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, 2*dryProbe)
	defer cancel()
	repo, err := d.env.repository(soon, d.ws, d.out.push)
	kind := fault.KindOf(err)
	if kind == fault.Remote || kind == fault.Auth || fault.Is(err, "no-remote") {
		fmt.Fprintf(d.env.Stderr, "the release repository was not read, its release.json is taken to be the checkout's: %s\n", oneLine(err))
		repo, err = d.imagine()
		d.imagined = true
	}
	d.repo, d.out.repo = repo, repo
	d.out.remote = cmp.Or(gitrepo.Redact(d.ws.Checkout.RemoteURL), "the release repository")
	return err
}

func (d *dryRun) imagine() (*gitrepo.Repo, error) {
	m, err := manifest.Parse(d.ws.Path, d.ws.Local)
	if err != nil {
		return nil, err
	}
	d.env.warn(d.ws.assume(m))
	o := gitrepo.Options{URL: d.ws.Checkout.RemoteURL, Branch: d.ws.Branch.Value, DryPush: d.out.push}
	return gitrepo.Imagine(o, d.ws.Checkout.MainBranch, d.ws.Path, d.ws.Local)
}

// openCircleCI makes the client: CircleCI answers reads where there is a token and it answers at all, the simulator the rest.
func (d *dryRun) openCircleCI(ctx context.Context) error {
	found, err := d.env.findCircleCI(d.ws)
	if err != nil && !fault.Is(err, "no-token") {
		return err
	}
	wire := &dryWire{tell: d.out.request}
	if err == nil {
		err = probe(ctx, found)
	}
	switch {
	case err == nil:
		d.online = true
		wire.real = transport.New(transport.Options{Base: transport.ReadOnly(nil), Version: Version(), Log: d.env.log()}).Transport
	case fault.KindOf(err) == fault.Auth && !fault.Is(err, "no-token"):
		return err // a real run would end here as well
	default:
		fmt.Fprintf(d.env.Stderr, "CircleCI is not asked, the simulator stands for all of it: %s\n", oneLine(err))
	}
	d.sim = sim.New(sim.Scenario{Seed: drySeed, Default: sim.Project{
		DefaultBranch: d.defaultBranch(), Duration: dryPipeline, WorkflowDelay: time.Millisecond,
	}})
	wire.sim = d.sim.Transport()
	host := cmp.Or(found.Host.Value, d.env.Getenv("CIRCLE_HOST"))
	d.ci = circleci.New(circleci.Options{Host: host, Token: cmp.Or(found.Token, "none"), HTTP: &http.Client{Transport: wire}})
	return nil
}

// defaultBranch is what the simulator's projects have for one.
func (d *dryRun) defaultBranch() string {
	if d.repo == nil {
		return ""
	}
	return d.repo.DefaultBranch()
}

// probe asks CircleCI once who we are, without the patience of a real run.
func probe(ctx context.Context, found config.CircleCI) error {
	once := &http.Client{Transport: transport.ReadOnly(nil), Timeout: dryProbe}
	_, err := circleci.New(circleci.Options{Host: found.Host.Value, Token: found.Token, HTTP: once}).Me(ctx)
	return err
}

// openJournal is a journal in memory that begins with the facts of the real one, so that what has succeeded is not shown as
// triggered again.
func (d *dryRun) openJournal(ctx context.Context, h run.Header) (engine.Journal, []run.Event, error) {
	events, err := d.known(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	state, err := run.Fold(events)
	if err != nil {
		return nil, nil, err
	}
	var runs, lost []run.StepID
	for _, st := range state.Steps() {
		if st.Status == run.Intended {
			lost = append(lost, st.ID)
			fmt.Fprintf(d.env.Stderr, "%s may run already, its answer was lost: it would be looked up, and is taken to succeed\n", st.ID)
		} else if d.stillRuns(ctx, st) {
			runs = append(runs, st.ID)
			fmt.Fprintf(d.env.Stderr, "%s runs already (%s): it would be watched, and is taken to succeed\n", st.ID, st.Pipeline.URL)
		}
	}
	for _, e := range []run.Event{{Type: run.Succeeded, Steps: runs}, {Type: run.Resolved, Status: run.AnswerReleased, Steps: lost}} {
		if len(e.Steps) > 0 {
			state.Seq++
			e.Run, e.Seq, e.Time = h.Run(), state.Seq, time.Now().UTC()
			events = append(events, e)
		}
	}
	return &journal.Memory{}, events, nil
}

// known is what the journal of the run holds, nothing where the remote is not read.
func (d *dryRun) known(ctx context.Context, h run.Header) ([]run.Event, error) {
	if d.imagined {
		return nil, nil
	}
	return peek(ctx, d.repo, h)
}

// stillRuns tells of a step that an earlier run left whether its pipeline has not ended. A dry run does not wait for it.
func (d *dryRun) stillRuns(ctx context.Context, st run.Step) bool {
	left := st.Status == run.Running || st.Status == run.OnHold
	if !left && (st.Status != run.HasFailed || st.Pipeline.ID == "") {
		return false
	}
	if !d.online {
		return left
	}
	workflows, err := d.ci.Workflows(ctx, st.Pipeline.ID)
	if err != nil {
		return left
	}
	p, err := d.ci.Pipeline(ctx, st.Pipeline.ID)
	if err != nil {
		return left
	}
	state := circleci.Judge(p, workflows).State
	return state == circleci.Running || state == circleci.OnHold || state == circleci.Waiting && left
}

// notify prints a heading for each wave and passes on what a person would want to know of a walk.
func (d *dryRun) notify(o releaseOptions) func(run.Event, *run.State) {
	next := d.env.notify(o)
	return func(e run.Event, s *run.State) {
		d.out.event(e, s)
		if o.events || e.Type == run.Planned || e.Type == run.Failed || e.Type == run.Unknown {
			next(e, s)
		}
	}
}

func (d *dryRun) result(r *engine.Release, o releaseOptions, err error) error {
	state := r.State()
	if o.json {
		d.env.printed = true
		return errors.Join(err, report.JSON(d.env.Stdout, dryResult{dryClient, report.NewResult(state, err)}))
	}
	if o.events {
		return err
	}
	verdict := "would be released"
	if !state.Finished {
		verdict = "would not be finished"
	}
	fmt.Fprintf(d.env.Stdout, "\n%s %s %s: %s to start, for %s\n",
		r.Plan.Product, r.Plan.Version, verdict, count(d.out.requests, "pipeline"), count(len(r.Plan.Steps()), "component"))
	return err
}

// dryResult is the JSON result of a dry run.
type dryResult struct {
	DryRun dryLevel `json:"dry_run"`
	report.Result
}

// oneLine is an error without its line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
