package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/doctor"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type doctorOptions struct {
	fix, yes, all, json bool
}

func newDoctorCommand(env *environment) *cobra.Command {
	o := doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [COMPONENT...]",
		Short: "Hold release.json, tags, CircleCI and the journal against each other",
		Long: `Doctor reads release.json of the release branch, the tag and the version file of every component
(GitHub), the newest pipelines of those to be released (CircleCI) and the run's journal. For
each disagreement it says what probably happened and what makes it true. Without --fix it
only reads.

--fix makes the edits of release.json that are certain: shows the diff, asks, and pushes one
commit. When the release has begun (tag VERSION_START) and its journal is lost, it writes
a new one from what tags and CircleCI say, so that gio release starts nothing twice. It never
sets, moves or deletes a tag. Where nobody can be asked (CI, a pipe) --fix needs --yes.

Exit codes: 0 all agree, or was mended, 2 usage, 3 not allowed, 4 remote failed, 5 not found,
6 cancelled, or nobody to ask, 7 something disagrees, 11 driven or changed by somebody else.`,
		Example: `  gio doctor
  gio doctor gravitee-gateway --fix
  gio doctor --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runDoctor(cmd.Context(), env, o, args) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.fix, "fix", false, "edit release.json, and rebuild a lost journal")
	f.BoolVar(&o.yes, "yes", false, "answer the questions of --fix yes")
	f.BoolVar(&o.all, "all", false, "list the components that agree, too")
	f.BoolVar(&o.json, "json", false, "print the facts and what they come to as JSON")
	cmd.MarkFlagsMutuallyExclusive("json", "fix")
	return cmd
}

func runDoctor(ctx context.Context, env *environment, o doctorOptions, names []string) error {
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	e, err := env.editor(ctx, ws)
	if err != nil {
		return err
	}
	x := &examination{editor: e, options: o, names: names}
	if err := x.gather(ctx); err != nil {
		return err
	}
	if x.report, err = doctor.Examine(ctx, x.sources, names); err != nil {
		return err
	}
	if o.json {
		env.printed = true
		verdict := x.verdict(0)
		return errors.Join(verdict, report.JSON(env.Stdout, report.NewExamined(x.report, verdict)))
	}
	if err := x.show(); err != nil {
		return err
	}
	mended := 0
	if o.fix {
		if mended, err = x.fix(ctx); err != nil {
			return err
		}
	}
	return x.verdict(mended)
}

// examination is one gio doctor.
type examination struct {
	*editor
	options doctorOptions
	names   []string
	header  run.Header // of the product version's run
	sources doctor.Sources
	report  *doctor.Report
}

// gather finds who is to be asked, and what the release repository says.
func (x *examination) gather(ctx context.Context) error {
	env, m := x.env, x.before
	ci, err := env.circleCI(x.ws)
	if err != nil {
		return err
	}
	gh, err := env.componentHub(x.ws)
	if err != nil {
		return err
	}
	options := env.planOptions(x.ws, nil, nil)
	options.MainBranch = x.repo.DefaultBranch()
	if options.DefaultBranches, err = defaultBranches(ctx, ci, m, options); err != nil {
		return err
	}
	x.header = run.Header{
		Schema: run.Schema, Kind: "release", Manifest: x.ws.Path, Product: m.Name, Version: m.ReleaseVersion(),
		Host: ci.Host(), Branch: x.ws.Branch.Value,
	}
	x.sources = doctor.Sources{Manifest: m, Options: options, CI: ci, GitHub: gh}
	if err := x.readJournal(ctx); err != nil {
		return err
	}
	return x.readTags(ctx)
}

// defaultBranches are none where release.json is so wrong that nothing can be planned: then the release repository's must do.
func defaultBranches(ctx context.Context, ci *circleci.Client, m *manifest.Manifest, o plan.Options) (map[string]string, error) {
	p, err := plan.Make(m, o)
	if o.ComponentMain != "" || err != nil {
		return nil, nil
	}
	return engine.DefaultBranches(ctx, ci, p, o.MainBranch)
}

// readJournal reads the run's journal, that of its dry run, and the claims of other runs.
func (x *examination) readJournal(ctx context.Context) error {
	ref := x.repo.Ref(journal.GitRef)
	tip, err := ref.Fetch(ctx)
	if err != nil {
		return err
	}
	now, s := atTip{Ref: ref, tip: tip}, &x.sources
	var lease journal.Lease
	if s.State, lease, err = stateOf(ctx, now, x.header); err != nil {
		return err
	}
	if lease.Live(time.Now()) {
		s.Driver = lease.String()
	}
	dry := x.header
	dry.Kind = "dry"
	if s.Dry, _, err = stateOf(ctx, now, dry); err != nil {
		return err
	}
	var open []run.StepID
	for _, c := range x.before.Components {
		if c.Open() {
			open = append(open, run.ID(c.Name, c.ReleaseVersion()))
		}
	}
	s.Claims, err = journal.ReadClaims(ctx, now, x.header, open)
	return err
}

// stateOf is the state of a run, nil where the journal does not know it.
func stateOf(ctx context.Context, ref atTip, h run.Header) (*run.State, journal.Lease, error) {
	k, err := known{header: h}.at(ctx, ref)
	if fault.Is(err, "no-journal") {
		return nil, k.lease, nil
	}
	return k.state, k.lease, err
}

// readTags looks at the two tags that the release repository can have of the product version.
func (x *examination) readTags(ctx context.Context) error {
	const tags = "refs/tags/"
	version, s := x.header.Version, &x.sources
	start := tags + version + "_START"
	if err := x.repo.Fetch(ctx, start); err != nil {
		return err
	}
	refs := x.repo.Refs()
	s.Began = x.repo.MadeAt(refs[start])
	object, tagged := refs[tags+version]
	s.Tagged = tagged && x.before.Open() && (s.State == nil || !s.State.Made(tags+version, string(object)))
	return nil
}

func (x *examination) show() error {
	env, r := x.env, x.report
	if x.elsewhere() {
		fmt.Fprintf(env.Stderr, "the checkout's %s is not the one on branch %s of the remote, which is the one that counts here\n", x.ws.Path, x.ws.Branch.Value)
	}
	if !r.Compared {
		fmt.Fprintln(env.Stderr, "without GitHub (GITHUB_API_URL) neither tags nor version files are compared")
	}
	return report.DoctorTable(env.Stdout, r, x.options.all, env.outColumns(), env.outColor())
}

// fix mends what can be mended for certain, and says how many of the disagreements that were.
func (x *examination) fix(ctx context.Context) (mended int, err error) {
	var edits prepare.Request
	for _, row := range x.report.Components {
		if row.Edit != "" {
			edits.Set = append(edits.Set, prepare.Setting{Component: row.Component, Version: row.Edit})
		}
	}
	rebuild := x.report.Lost() && len(x.names) == 0
	if x.report.Lost() && !rebuild {
		fmt.Fprintln(x.env.Stderr, "the lost journal is rebuilt for all components at once: `gio doctor --fix` without names does it")
	}
	if len(edits.Set) == 0 && !rebuild {
		return 0, nil
	}
	if err := x.undriven(ctx); err != nil {
		return 0, err
	}
	after := x.before
	if len(edits.Set) > 0 {
		edit, err := prepare.Make(ctx, x.sources.GitHub, x.before, x.sources.Options, edits)
		if err != nil {
			return 0, err
		}
		x.env.warn(edit.Remaining)
		if err := x.apply(ctx, edit.After, edit.Message(), x.options.yes, false); err != nil {
			return 0, err
		}
		mended, after = len(edits.Set), edit.After
	}
	if !rebuild {
		return mended, nil
	}
	noted, err := x.rebuild(ctx, after)
	return mended + noted, err
}

// rebuild writes the lost journal anew, for release.json as it is now.
func (x *examination) rebuild(ctx context.Context, m *manifest.Manifest) (noted int, err error) {
	p, err := plan.Make(m, x.sources.Options)
	if err != nil {
		return 0, err
	}
	driver := x.env.driver()
	events, err := x.report.Rebuild(p, x.header, driver, time.Now())
	if err != nil {
		return 0, err
	}
	state, err := run.Fold(events)
	if err != nil {
		return 0, err
	}
	if err := report.Rebuilt(x.env.Stdout, state); err != nil {
		return 0, err
	}
	if err := x.env.consent("Write this journal?", x.options.yes); err != nil {
		return 0, err
	}
	j, existing, err := journal.OpenGit(ctx, x.repo.Ref(journal.GitRef), x.header, journal.GitOptions{Driver: driver})
	if err != nil {
		return 0, err
	}
	defer func() { _ = j.Close() }() // what matters is durable already
	if len(existing) > 0 {
		return 0, fault.New(fault.Stopped, "journal-moved", "somebody has begun %s meanwhile: its journal is not written", x.header.Run()).Hint("run the same command again")
	}
	if err := j.Append(ctx, events...); err != nil {
		return 0, err
	}
	fmt.Fprintf(x.env.Stderr, "the journal of %s is written; %s goes on from there\n", x.header.Run(), x.env.drivenBy(x.header))
	return x.report.Noted(), nil
}

// verdict is the exit code: what disagrees and was not mended, else what could not be compared.
func (x *examination) verdict(mended int) error {
	left := x.report.Disagree() - mended
	if left == 0 {
		return x.report.Unread()
	}
	f := fault.New(fault.Invalid, "disagree", "release.json, tags, CircleCI and the journal disagree about %s", count(left, "thing"))
	if !x.options.fix && x.report.Fixable() {
		f = f.Hint("`gio doctor --fix` shows what it can mend, and asks")
	}
	return f
}
