package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

const followApart = 5 * time.Second // between readings of a job that is followed

type logsOptions struct {
	runFlags
	operate.LogWish
	tail                   int
	all, follow, json, web bool
}

func newLogsCommand(env *environment) *cobra.Command {
	o := logsOptions{}
	cmd := &cobra.Command{
		Use:   "logs COMPONENT",
		Short: "Print what a component's pipeline printed: why it failed",
		Long: `Logs prints what the failing steps of the component's newest pipeline printed; where nothing has
failed, what runs; else it lists the jobs. --job and --step choose something else, --attempt an
earlier pipeline. What a running step prints is there when CircleCI shows it, as a rule at its end.

Lines go to stdout, what they are of goes to stderr. They are plain text; secrets that gio knows are
hidden. --follow reads a running job every 5 seconds and ends with it.

Exit codes: 0 done, 2 usage, 3 not allowed, 4 remote failed, 5 no such run, component, job or step,
or CircleCI has its output no more, 7 there is no pipeline, 10 the followed job failed, 11 left.`,
		Example: `  gio logs gravitee-gateway
  gio logs gravitee-gateway --job release/build --step "mvn deploy" --all
  gio logs gravitee-gateway --run stage/3.9.4 --follow`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fault.New(fault.Usage, "usage", "gio logs takes one component, but got %d", len(args)).Hint("%s shows what failed", fault.Next{Action: fault.Status})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Component = args[0]
			if o.tail < 1 || cmd.Flags().Changed("attempt") && o.Attempt < 1 {
				return fault.New(fault.Usage, "usage", "--tail and --attempt begin at 1").Hint("`gio logs --help` shows how they are used")
			}
			return runLogs(cmd.Context(), env, o)
		},
	}
	o.flags(cmd)
	o.versionFlag(cmd)
	cmd.Flags().IntVar(&o.Attempt, "attempt", 0, "the component's pipeline of this number, from 1 (default: the newest)")
	cmd.Flags().StringVar(&o.Job, "job", "", "JOB or WORKFLOW/JOB")
	cmd.Flags().StringVar(&o.LogWish.Step, "step", "", "name of a step, or a part of one")
	cmd.Flags().IntVar(&o.tail, "tail", 200, "lines of each step, from its end")
	cmd.Flags().BoolVar(&o.all, "all", false, "all lines")
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "print all lines of the job that runs, and go on until it has ended")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	webFlag(cmd, &o.web, "the job")
	cmd.MarkFlagsMutuallyExclusive("all", "tail", "follow")
	cmd.MarkFlagsMutuallyExclusive("follow", "json", "web")
	return cmd
}

func runLogs(ctx context.Context, env *environment, o logsOptions) error {
	s, err := env.open(ctx)
	if err != nil {
		return operate.HintOutsideRepository(o.selector(), err)
	}
	l, err := operate.FindLog(ctx, s, o.selector(), o.LogWish)
	if err != nil {
		return err
	}
	if o.web {
		page := l.URL
		if len(l.Jobs) > 0 {
			page = l.Jobs[0].URL
		}
		return env.openPage(ctx, page)
	}
	p := logPrinter{env: env, log: l, tail: o.tail, result: report.NewLogs(l)}
	if o.all {
		p.tail = 0
	}
	if p.json = o.json; p.json {
		err := p.jobs(ctx)
		if fault.KindOf(err) != 0 && !fault.Is(err, "no-output") {
			return err
		}
		return env.printJSON(fault.Rendered(err, env.command), p.result)
	}
	if o.follow && len(l.Jobs) == 1 && !l.Jobs[0].Rests() {
		ctx, done := env.interruptible(ctx, operate.ErrDetached)
		defer done()
		return p.follow(ctx, l.Jobs[0])
	}
	if err := p.jobs(ctx); err != nil {
		return err
	}
	return p.end(o.follow)
}

// logPrinter prints lines to stdout and heads to stderr, or fills a result.
type logPrinter struct {
	env    *environment
	log    *operate.Log
	tail   int // lines of a step; 0 is all
	json   bool
	result report.Logs
}

func (p *logPrinter) head(text string) {
	if !p.json {
		fmt.Fprintln(p.env.Stderr, text)
	}
}

// jobs prints what there is of each job; where nothing failed or runs, it lists them.
func (p *logPrinter) jobs(ctx context.Context) error {
	if len(p.result.Errors) > 0 {
		p.head(report.LogPipelineHead(p.log, "has a build error"))
		if err := p.lines(p.result.Errors); err != nil {
			return err
		}
	}
	var failed error
	for i, j := range p.log.Jobs {
		err := p.job(ctx, &p.result.Jobs[i], j)
		if err != nil && !fault.Is(err, "no-output") {
			return err
		}
		failed = fault.Worst(failed, err)
	}
	for _, j := range p.log.Waits {
		p.head(report.LogJobHead(p.log, j, fmt.Sprintf("waits for an approval: `gio approve %s%s`", quoted(p.log.Step.ID.Component()), p.log.Header.Flags())))
	}
	if len(p.log.Others) > 0 && !p.json {
		return report.Table(p.env.Stdout, []string{"JOB", "STATUS", "TOOK", "URL"}, report.LogJobRows(p.log.Others), p.env.outColumns())
	}
	return failed
}

func (p *logPrinter) job(ctx context.Context, result *report.LogsJob, j operate.LogJob) error {
	steps, said, err := p.log.Steps(ctx, j)
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		p.head(report.LogJobHead(p.log, j, "is "+j.Status+": it has no step to show"))
	}
	result.Said = said
	if err := p.lines(said); err != nil {
		return err
	}
	var failed error
	for _, s := range steps {
		shown := report.LogsStep{Name: s.Name, Container: s.Container, Status: s.Status, Exit: s.Exit, Lines: []string{}}
		err := p.step(ctx, &shown, j, s)
		if err != nil && !fault.Is(err, "no-output") {
			return err
		}
		if err != nil {
			shown.Unread = err.Error()
			err = fault.New(fault.NotFound, "no-output", "%s", err).Hint("look at %s", j.URL)
		}
		failed = fault.Worst(failed, err)
		result.Steps = append(result.Steps, shown)
	}
	return failed
}

// step prints a step: its last lines once all are read, or each as it comes.
func (p *logPrinter) step(ctx context.Context, shown *report.LogsStep, j operate.LogJob, s circleci.JobStep) error {
	p.head(report.LogHead(p.log, j, s))
	if s.Runs() && !s.HasOutput() {
		return nil
	}
	if p.tail == 0 {
		return p.log.Output(ctx, s, func(line string) error {
			if p.json {
				shown.Lines = append(shown.Lines, line)
				return nil
			}
			_, err := fmt.Fprintln(p.env.Stdout, line)
			return err
		})
	}
	last := tail{most: p.tail}
	if err := p.log.Output(ctx, s, last.add); err != nil {
		return err
	}
	shown.Earlier, shown.Lines = last.earlier(), last.lines()
	if text := report.EarlierLines(shown.Earlier); text != "" {
		p.head(text)
	}
	return p.lines(shown.Lines)
}

func (p *logPrinter) lines(lines []string) error {
	if p.json {
		return nil
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(p.env.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// end says what to do next; with verdict a failure is the exit code, too.
func (p *logPrinter) end(verdict bool) error {
	failed := slices.IndexFunc(p.log.Jobs, func(j operate.LogJob) bool { return circleci.JobFailed(j.Status) })
	if failed < 0 {
		return nil
	}
	component := p.log.Step.ID.Component()
	p.head(fmt.Sprintf("next: `gio retry %s%s`, or fix it and %s", quoted(component), p.log.Header.Flags(), p.env.resumeCommand(p.log.Header)))
	if verdict {
		return fault.New(fault.PipelineFailed, "pipeline-failed", "%s of %s failed", p.log.Jobs[failed].Name(), component)
	}
	return nil
}

// follow prints what CircleCI shows of a job until it has ended.
func (p *logPrinter) follow(ctx context.Context, j operate.LogJob) error {
	if j.Number <= 0 {
		p.head(report.LogJobHead(p.log, j, "has not begun: "+j.Status))
	}
	printed := map[string]int{} // lines of a step
	for {
		now, err := p.log.Again(ctx, j)
		if j = now; err == nil && j.Number > 0 {
			err = p.more(ctx, j, printed)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && fault.KindOf(err) != fault.Remote:
			return err
		case err != nil:
			p.head(fmt.Sprintf("not read, will be read again: %v", err))
		case j.Rests():
			p.head(report.LogJobHead(p.log, j, "has ended: "+j.Status))
			p.log.Jobs[0] = j
			return p.end(true)
		}
		select {
		case <-ctx.Done():
		case <-time.After(followApart):
		}
	}
}

// more prints what is new in the steps of a job.
func (p *logPrinter) more(ctx context.Context, j operate.LogJob, printed map[string]int) error {
	steps, err := p.log.Following(ctx, j)
	if err != nil {
		return err
	}
	for i, s := range steps {
		key := fmt.Sprint(i, "/", s.Container)
		before, headed := printed[key]
		if !headed {
			p.head(report.LogHead(p.log, j, s))
			printed[key] = 0
		}
		if !s.HasOutput() || !s.Runs() && before < 0 {
			continue
		}
		n := 0
		err := p.log.Output(ctx, s, func(line string) error {
			if n++; n <= before {
				return nil
			}
			_, err := fmt.Fprintln(p.env.Stdout, line)
			return err
		})
		printed[key] = max(n, before)
		if err != nil && !fault.Is(err, "no-output") {
			return err
		}
		if !s.Runs() {
			printed[key] = -1 // it prints no more
		}
	}
	return nil
}

// tail keeps the last lines.
type tail struct {
	most, n int
	ring    []string
}

func (t *tail) add(line string) error {
	if len(t.ring) < t.most {
		t.ring = append(t.ring, line)
	} else {
		t.ring[t.n%t.most] = line
	}
	t.n++
	return nil
}

func (t *tail) earlier() int { return t.n - len(t.ring) }

func (t *tail) lines() []string {
	begin := 0
	if t.n > t.most {
		begin = t.n % t.most
	}
	return slices.Concat(t.ring[begin:], t.ring[:begin])
}
