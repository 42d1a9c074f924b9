package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/notify"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/rehearse"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// driveOptions are the flags of the commands that drive a run.
type driveOptions struct {
	dryRun       dryLevel
	takeOver     bool
	json, events bool
}

func (o *driveOptions) flags(cmd *cobra.Command, byDefault operate.Level, dryRun string) {
	f := cmd.Flags()
	o.dryRun = dryLevel(byDefault)
	f.Var(&o.dryRun, "dry-run", dryRun)
	f.Lookup("dry-run").NoOptDefVal = string(operate.Client)
	f.BoolVar(&o.takeOver, "take-over", false, "continue at once a run whose driver is gone")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVar(&o.events, "events", false, "print every event as a JSON line")
	cmd.MarkFlagsMutuallyExclusive("json", "events")
}

// driving says what a command drives, and how to open the ends of a run that is no client dry run.
type driving struct {
	driveOptions
	ends func(context.Context, operate.Setup) (operate.Ends, error)
	// inRepository says that there is a release repository.
	inRepository bool
	yes          bool // --yes answers the question
	do           func(operate.Setup, operate.Ends) (*operate.Result, error)
	// done is called with the result of a run that has succeeded, once that is printed. Nil: nothing is left to do.
	done func(*operate.Result)
}

// clientOnly is the help of --dry-run for commands that have only the client level.
const clientOnly = "client: only show what would be sent"

// realEnds returns the function that opens the ends of a run that is no release.
func realEnds(inRepository bool) func(context.Context, operate.Setup) (operate.Ends, error) {
	return func(ctx context.Context, s operate.Setup) (operate.Ends, error) {
		return operate.RealEnds(ctx, s, inRepository)
	}
}

// drive serves all commands that drive a run, real or dry: it opens the ends, drives the run, and prints the result.
func (env *environment) drive(ctx context.Context, ws workspace.Workspace, d driving) error {
	s, walk := env.setup(ws), &report.Walk{W: env.Stdout, Path: ws.Path, Remote: ws.Checkout.RemoteURL}
	if d.json || d.events {
		walk.W = env.Stderr // stdout is for programs
	}
	s.Audience = env.audience(d, walk)
	var e operate.Ends
	var err error
	if d.dryRun.is(operate.Client) {
		s, e, err = rehearse.DryEnds(ctx, s, d.inRepository, rehearse.Observer{Request: walk.Request, Push: walk.Push})
	} else {
		e, err = d.ends(ctx, s)
	}
	if err != nil {
		return err
	}
	defer e.Close()
	env.drove = !d.dryRun.is(operate.Client)
	result, err := d.do(s, e)
	if result == nil {
		return err
	}
	if result.Level == operate.Server && !result.NothingToDo {
		env.closing = serverDryRun("what ran, ran with dry_run: true, and nothing was released")
	}
	if env.drove && d.inRepository {
		env.remember(ws, result.State, nil)
	}
	printed := env.printRun(result, walk, d.driveOptions, err)
	if err == nil && d.done != nil {
		d.done(result)
	}
	env.printUndelivered(result.Deliver(ctx, fault.Rendered(err, env.command)))
	return printed
}

// audience makes the functions by which this command line shows a run and asks about it.
func (env *environment) audience(d driving, walk *report.Walk) operate.Audience {
	a := operate.Audience{
		View: env.newView(d.events), Stopping: env.stopping, Slack: slackTexts(), Notes: releaseNotes, ChangelogNotes: changelogNotes,
		ShowFindings: func(r check.Report) {
			if r.Count(check.Error) > 0 { // they are why it is refused
				defer env.talk.mute(env.quiet)
				env.talk.mute(false)
			}
			columns := 0
			if f, ok := env.terminal(); ok {
				columns = widthOf(f)
			}
			for _, line := range report.FindingLines(r, columns, env.color()) {
				fmt.Fprintln(env.talk.painted(), line)
			}
		},
	}
	if d.dryRun.is(operate.Client) {
		a.View = env.dryView(walk, d.events)
	}
	if !env.canAsk() {
		return a
	}
	a.ShowPlan = func(p *plan.Plan) error {
		f, _ := env.terminal()
		defer env.talk.mute(env.quiet)
		env.talk.mute(false) // the question is about it
		return report.PlanTable(env.Stderr, p, widthOf(f))
	}
	if !d.yes {
		a.Ask = env.confirm
	}
	return a
}

// printUndelivered prints which receivers were not notified.
func (env *environment) printUndelivered(errs []error) {
	for _, err := range errs {
		fmt.Fprintln(env.Stderr, err)
		for _, hint := range fault.HintLines(fault.Rendered(err, env.command)) {
			fmt.Fprintf(env.Stderr, "  -> %s\n", hint)
		}
	}
}

func slackTexts() notify.Texts {
	return notify.Texts{
		Run: func(m notify.Moment) notify.Message {
			text, blocks := report.SlackRun(m.State, report.SlackMoment{Continued: m.Continued, Over: m.Over, Err: m.Err})
			return notify.Message{Text: text, Blocks: blocks}
		},
		Failure: func(e run.Event, s *run.State) notify.Message {
			text, blocks := report.SlackFailure(e, s)
			return notify.Message{Text: text, Blocks: blocks}
		},
	}
}

// releaseNotes makes the notes of a GitHub release: the bill of materials.
func releaseNotes(m *manifest.Manifest, repository func(manifest.Component) string, s *run.State, commit string) (string, error) {
	b := report.NewBOM(m, repository, s)
	b.Commit = commit
	var notes bytes.Buffer
	err := report.BOMMarkdown(&notes, b)
	return strings.TrimSpace(notes.String()), err
}

// changelogNotes makes the notes of a GitHub release: what changed.
func changelogNotes(c operate.Changelog) (string, error) {
	return report.ChangelogNotes(report.NewChangelog(c))
}

// printRun prints how a run ended; err remains the exit code.
func (env *environment) printRun(r *operate.Result, walk *report.Walk, o driveOptions, err error) error {
	err = fault.Rendered(err, env.command)
	switch {
	case o.json && r.Level == operate.Client && !r.NothingToDo:
		return env.printJSON(err, dryResult{operate.Client, report.NewResult(r.State, err)})
	case o.json:
		return env.printJSON(err, report.NewResult(r.State, err))
	case o.events:
		return err
	case r.NothingToDo:
		return env.printNothing(r)
	case r.Level == operate.Client:
		return errors.Join(err, walk.End(r.Plan, r.State))
	case err == nil && r.Level == operate.Server:
		_, err = fmt.Fprintf(env.Stdout, "%s %s, dry run: all pipelines succeeded, of %s\n", r.Plan.Product, r.Plan.Version, count(len(r.Plan.Steps()), "component"))
		return err
	case err == nil && r.Plan.Unwatched:
		return env.printLinks(r.State)
	}
	if printed := report.Summary(env.out.painted(), r.State, env.commandLine(), env.outColor()); printed != nil {
		return errors.Join(err, printed)
	}
	if err == nil {
		env.printLeftOut(r)
	}
	return err
}

// dryResult is the JSON result of a dry run.
type dryResult struct {
	DryRun operate.Level `json:"dry_run"`
	report.Result
}

// printJSON prints the result of a command that ended with err, which remains the exit code.
func (env *environment) printJSON(err error, result any) error {
	env.printed = true
	return errors.Join(err, env.writeJSON(result))
}

func (env *environment) printNothing(r *operate.Result) error {
	what := "nothing to release and nothing to finish"
	if r.State.Header.Kind == run.Staging {
		what = "everything is staged"
	}
	_, err := fmt.Fprintf(env.Stdout, "%s %s: %s\n", r.State.Header.Product, r.State.Header.Version, what)
	env.printLeftOut(r)
	env.hintPrepare(r)
	return err
}

// printLeftOut says when components were left out, so that the product is not finished.
func (env *environment) printLeftOut(r *operate.Result) {
	if r.Plan.Partial {
		fmt.Fprintf(env.Stdout, "--only or --except left components out, so that %s is not finished: run %s for the rest\n", r.Plan.Version, env.resumeCommand(r.State.Header))
	}
}

// printLinks prints number and address of the pipelines that were triggered and are not watched.
func (env *environment) printLinks(state *run.State) error {
	var failed error
	for _, st := range state.Steps() {
		_, err := fmt.Fprintf(env.Stdout, "%s #%d %s\n", st.ID.Component(), st.Pipeline.Number, st.Pipeline.URL)
		failed = errors.Join(failed, err)
	}
	return failed
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
