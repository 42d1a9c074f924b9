package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/report"
)

type bomOptions struct {
	version string // "" is the checkout's release.json
	format  string
	write   bool
	json    bool
}

func newBOMCommand(env *environment) *cobra.Command {
	o := bomOptions{}
	cmd := &cobra.Command{
		Use:   "bom [VERSION]",
		Short: "Print the bill of materials of a release",
		Long: `Bom prints what the checkout's release.json is made of; it needs no token and no network. With
VERSION it reads release.json at that tag of the release repository, and adds the commits and
pipelines of that version's run.

  json        what this version releases, by groups of buildDependencies, the empty ones kept
slack       the same as a message of Slack's Block Kit, safe in a shell's eval (Slack orb)
  cyclonedx   the whole product, as CycloneDX 1.6 JSON
  markdown    the whole product, as a table

--write writes what the container form -s bom does, below .circleci of the checkout: release.bom
(json), release.bom.slack and release.bom.slack.beautified, with a button to CIRCLE_BUILD_URL.

Exit codes: 0 done, 1 a file cannot be written, 2 usage, 3 not allowed, 4 remote failed,
5 no manifest or no such version, 7 release.json or gio.yaml is wrong.`,
		Example: `  gio bom --format markdown
  gio bom 3.9.4 --format cyclonedx > bom.json`,
		Args: oneVersion,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.version = strings.TrimSuffix(args[0], "-SNAPSHOT")
			}
			return runBOM(cmd.Context(), env, o)
		},
	}
	cmd.Flags().StringVar(&o.format, "format", "json", "json, yaml, slack, cyclonedx or markdown")
	cmd.Flags().BoolVar(&o.write, "write", false, "write the files of -s bom into the checkout, and print the first")
	cmd.Flags().BoolVar(&o.json, "json", false, "print it as JSON, which is the default")
	cmd.MarkFlagsMutuallyExclusive("format", "write", "json")
	return cmd
}

func runBOM(ctx context.Context, env *environment, o bomOptions) error {
	if env.yaml { // --output yaml
		o.format = "yaml"
	}
	format, ok := env.bomFormats()[o.format]
	switch {
	case !ok:
		return fault.New(fault.Usage, "usage", "there is no format %q", o.format).Hint("--format json, yaml, slack, cyclonedx or markdown")
	case o.write && (o.version != "" || env.repo != ""):
		return fault.New(fault.Usage, "usage", "--write writes into the checkout: leave out the version and --repo").
			Hint("print it instead: gio bom … --format slack")
	}
	setup, err := env.open(ctx)
	if err != nil {
		return err
	}
	m, err := operate.ReadMaterials(ctx, setup, o.version)
	if err != nil {
		return err
	}
	b := report.NewBOM(m.Manifest, m.Repository, m.State)
	b.Commit = m.Commit
	if !o.write {
		return format(env.bomStream(o.format), b)
	}
	if err := env.writeBOM(setup.Workspace, b); err != nil {
		return err
	}
	return report.BOMJSON(env.out.json(), b)
}

func (env *environment) bomStream(format string) io.Writer {
	if format == "markdown" || format == "yaml" {
		return env.Stdout
	}
	return env.out.json()
}

func (env *environment) bomFormats() map[string]func(io.Writer, report.BOM) error {
	return map[string]func(io.Writer, report.BOM) error{
		"json":     report.BOMJSON,
		"yaml":     report.BOMYAML,
		"markdown": report.BOMMarkdown,
		"slack": func(w io.Writer, b report.BOM) error {
			return report.BOMSlack(w, b, config.BuildURL(env.Getenv), "")
		},
		"cyclonedx": func(w io.Writer, b report.BOM) error { return report.BOMCycloneDX(w, b, config.Version()) },
	}
}
