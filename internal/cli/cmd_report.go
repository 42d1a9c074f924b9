package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type reportOptions struct {
	wanted
	format string
	output string
	json   bool
}

func newReportCommand(env *environment) *cobra.Command {
	o := reportOptions{}
	cmd := &cobra.Command{
		Use:   "report [VERSION]",
		Short: "Make one page that tells a run: timeline, failures, materials",
		Long: `Report tells the run of the checkout's product version, of VERSION or of --run, in one HTML page
that loads nothing from elsewhere: the timeline of waves and components with links, states and
durations, the critical path, failures with their last lines, the bill of materials, and who drove
it from which job. When the version in release.json has no run yet, the newest run is told.

The run is read from the release repository, like gio status; nothing is driven or written there.
The last lines of failed jobs come from CircleCI, where a token is found.

On a terminal the page is written to gio-report-VERSION.html; elsewhere, and with --output -, to
stdout. The exit code says whether the report was made, not how the run stands.

Exit codes: 0 done, 1 the file cannot be written, 2 usage, 3 not allowed, 4 remote failed,
5 no such run, 7 release.json or the journal is wrong.`,
		Example: `  gio report
  gio report 3.9.4 --output release.html
  gio report --format markdown --run stage/3.9.4`,
		Args: o.argument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.json {
				o.format = "json"
			}
			return runReport(cmd.Context(), env, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "html", "html, markdown or json")
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	f.StringVarP(&o.output, "output", "o", "", "file to write; - is stdout")
	o.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("format", "json")
	return cmd
}

func runReport(ctx context.Context, env *environment, o reportOptions) error {
	if o.format != "html" && o.format != "markdown" && o.format != "json" {
		return fault.New(fault.Usage, "usage", "there is no format %q", o.format).Hint("--format html, markdown or json")
	}
	k, err := env.knownRun(ctx, &o.wanted, false)
	if err != nil {
		return err
	}
	output, note := env.lastLines(ctx, k)
	now := time.Now()
	story, err := report.NewStory(k.events, report.StoryOptions{Lease: k.lease, Now: now, Command: env.drivenBy(k.header), Output: output})
	if err != nil {
		return err
	}
	story.Note = note
	var text bytes.Buffer
	switch o.format {
	case "json":
		err = report.JSON(&text, story)
	case "markdown":
		err = report.StoryMarkdown(&text, story)
	default:
		err = report.StoryPage(&text, story, Version(), now)
	}
	if err != nil {
		return err
	}
	return env.deliver(text.Bytes(), env.reportFile(o, k.header.Version))
}

// lastLines reads what failed jobs printed last; without a CircleCI that knows them it says why they are missing.
func (env *environment) lastLines(ctx context.Context, k known) (read func(run.Step) []string, note string) {
	if len(k.state.With(run.HasFailed)) == 0 {
		return nil, ""
	}
	ci, err := env.circleCI(k.ws)
	switch {
	case err != nil:
		note = "The last lines of the failed jobs are missing: no CircleCI token was found when this was written."
	case ci.Host() != k.header.Host:
		note = fmt.Sprintf("The last lines of the failed jobs are missing: the run was on %s, and the token is for %s.", k.header.Host, ci.Host())
	}
	if note != "" {
		fmt.Fprintln(env.Stderr, note)
		return nil, note
	}
	return func(st run.Step) []string {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		return engine.LastLines(ctx, ci, st)
	}, ""
}

var noFileName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// reportFile is where a report goes, "" for stdout: a page is no good on a terminal.
func (env *environment) reportFile(o reportOptions, version string) string {
	switch {
	case o.output == "-":
		return ""
	case o.output == "" && o.format == "html" && env.outTerminal:
		return env.path("gio-report-" + noFileName.ReplaceAllString(version, "-") + ".html")
	case o.output == "":
		return ""
	}
	return env.path(o.output)
}

// deliver writes to stdout, or a whole file in one go.
func (env *environment) deliver(content []byte, file string) error {
	if file == "" {
		_, err := env.Stdout.Write(content)
		return err
	}
	if err := replaceFile(file, content); err != nil {
		return fault.New(fault.Internal, "report-file", "the report cannot be written").Because(err).
			Hint("name another file with --output, or - for stdout")
	}
	fmt.Fprintf(env.Stderr, "written: %s\n", file)
	return nil
}

// replaceFile writes a file beside its place and then moves it there. What is no ordinary file, such as /dev/null, is written to.
func replaceFile(file string, content []byte) error {
	if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(file, content, 0o644)
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // it was only a place
	return writeBeside(root, owner{}, []newFile{{filepath.Base(file), content}})
}
