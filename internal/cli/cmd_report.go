package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

type reportOptions struct {
	runFlags
	format string
	output string
	json   bool
	web    bool
}

func newReportCommand(env *environment) *cobra.Command {
	o := reportOptions{}
	cmd := &cobra.Command{
		Use:   "report [VERSION]",
		Short: "Make one page about a run: timeline, failures, materials",
		Long: `Report makes one HTML page about the run of the checkout's product version, of VERSION or of --run.
It loads nothing from elsewhere and shows the timeline of waves and components with links, states
and durations, the critical path, failures with their last lines, the bill of materials, and who
drove the run from which job. When the version in release.json has no run yet, it shows the newest.

Like gio status it reads the run from the release repository; it drives and writes nothing there.
The last lines of failed jobs come from CircleCI, and need a token.

On a terminal gio writes the page to gio-report-VERSION.html; elsewhere, and with --output -, to
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
	webFlag(cmd, &o.web, "the page that is written")
	cmd.MarkFlagsMutuallyExclusive("format", "json")
	return cmd
}

func runReport(ctx context.Context, env *environment, o reportOptions) error {
	if o.web && (o.format != "html" || o.output == "-") {
		return fault.New(fault.Usage, "usage", "--web opens the page that is written: it needs --format html, and a file").Hint("leave --format and --output out")
	}
	if o.format != "html" && o.format != "markdown" && o.format != "json" {
		return fault.New(fault.Usage, "usage", "there is no format %q", o.format).Hint("--format html, markdown or json")
	}
	s, k, err := env.read(ctx, &o.runFlags)
	if err != nil {
		return err
	}
	output, note := operate.FailureOutput(ctx, s, k)
	if note != "" {
		fmt.Fprintln(env.Stderr, note)
	}
	now := time.Now()
	story, err := report.NewStory(k.Events, report.StoryOptions{Lease: k.Lease, Now: now, Command: env.resumeCommand(k.Header), Output: output})
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
		err = report.StoryPage(&text, story, config.Version(), now)
	}
	if err != nil {
		return err
	}
	if o.format == "json" && env.reportFile(o, k.Header.Version) == "" {
		_, err = env.out.json().Write(text.Bytes())
		return err
	}
	file := env.reportFile(o, k.Header.Version)
	if err := env.writeReport(text.Bytes(), file); err != nil || !o.web {
		return err
	}
	return env.openPage(ctx, (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(file), "/")}).String())
}

var noFileName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// reportFile returns the file for a report, "" for stdout: a terminal cannot show a page.
func (env *environment) reportFile(o reportOptions, version string) string {
	switch {
	case o.output == "-":
		return ""
	case o.output == "" && o.format == "html" && (env.outTerminal || o.web):
		return env.path("gio-report-" + noFileName.ReplaceAllString(version, "-") + ".html")
	case o.output == "":
		return ""
	}
	return env.path(o.output)
}

// writeReport writes to stdout, or replaces a whole file.
func (env *environment) writeReport(content []byte, file string) error {
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

// replaceFile writes a temporary file and renames it. It writes directly to what is no regular file, such as /dev/null.
func replaceFile(file string, content []byte) error {
	if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(file, content, 0o644)
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // it is only read
	return writeBeside(root, owner{}, []newFile{{filepath.Base(file), content}})
}
