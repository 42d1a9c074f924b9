package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

type bomOptions struct {
	version string // "" is the checkout's release.json
	format  string
	write   bool
}

func newBOMCommand(env *environment) *cobra.Command {
	o := bomOptions{}
	cmd := &cobra.Command{
		Use:   "bom [VERSION]",
		Short: "Print the bill of materials: what a release is made of",
		Long: `Bom prints what the checkout's release.json is made of; it needs no token and no network. With
VERSION it reads release.json at that tag of the release repository, and adds the commits and
pipelines that the version's run has noted.

  json        what this version releases, by groups of buildDependencies, the empty ones kept
  slack       the same as one message of Slack's Block Kit, safe in a shell's eval (Slack orb)
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
	cmd.Flags().StringVar(&o.format, "format", "json", "json, slack, cyclonedx or markdown")
	cmd.Flags().BoolVar(&o.write, "write", false, "write the files of -s bom into the checkout, and print the first")
	cmd.MarkFlagsMutuallyExclusive("format", "write")
	return cmd
}

func runBOM(ctx context.Context, env *environment, o bomOptions) error {
	format, ok := env.bomFormats()[o.format]
	switch {
	case !ok:
		return fault.New(fault.Usage, "usage", "there is no format %q", o.format).Hint("--format json, slack, cyclonedx or markdown")
	case o.write && (o.version != "" || env.repo != ""):
		return fault.New(fault.Usage, "usage", "--write is about the checkout: it goes with no version and no --repo").
			Hint("print it instead: gio bom … --format slack")
	}
	ws, err := env.workspace(ctx)
	if err != nil {
		return err
	}
	b, err := env.bom(ctx, ws, o.version)
	if err != nil {
		return err
	}
	if !o.write {
		return format(env.Stdout, b)
	}
	if err := env.writeBOM(ws, b); err != nil {
		return err
	}
	return report.BOMJSON(env.Stdout, b)
}

func (env *environment) bomFormats() map[string]func(io.Writer, report.BOM) error {
	return map[string]func(io.Writer, report.BOM) error{
		"json":     report.BOMJSON,
		"markdown": report.BOMMarkdown,
		"slack": func(w io.Writer, b report.BOM) error {
			return report.BOMSlack(w, b, env.Getenv("CIRCLE_BUILD_URL"), "")
		},
		"cyclonedx": func(w io.Writer, b report.BOM) error { return report.BOMCycloneDX(w, b, Version()) },
	}
}

// bom is the bill of materials of the workspace's release.json, or of the one that a version's tag holds.
func (env *environment) bom(ctx context.Context, ws workspace, version string) (report.BOM, error) {
	if version != "" {
		return env.releasedBOM(ctx, ws, version)
	}
	if here := ws.Checkout.Branch; here != "" && ws.Branch.Value != here {
		return report.BOM{}, fault.New(fault.Usage, "other-branch", "release.json is the checkout's, of branch %s, and not of %s", here, ws.Branch.Value).
			Hint("check %s out, or add --repo org/release", ws.Branch.Value)
	}
	m, err := manifest.Parse(ws.Path, ws.Local)
	if err != nil {
		return report.BOM{}, err
	}
	warnings, err := m.Check()
	env.warn(warnings)
	if err != nil {
		return report.BOM{}, err
	}
	return report.NewBOM(m, env.repositories(ws, m), nil), nil
}

// repositories gives org/name of a component, "" where nothing says it: a bill of materials may lack it.
func (env *environment) repositories(ws workspace, m *manifest.Manifest) func(manifest.Component) string {
	o := plan.Options{Organization: env.organization(ws), Overrides: ws.Config.Overrides()}
	return func(c manifest.Component) string {
		name, err := o.Repository(m, c)
		if err != nil {
			return ""
		}
		return name
	}
}

// releasedBOM is that of a version's tag, with what the journal of its run says.
func (env *environment) releasedBOM(ctx context.Context, ws workspace, version string) (report.BOM, error) {
	repo, err := env.repository(ctx, ws, nil)
	if err != nil {
		return report.BOM{}, err
	}
	tag := "refs/tags/" + version
	commit, err := tagged(ctx, repo, tag)
	if err != nil {
		return report.BOM{}, err
	}
	data, err := repo.ReadFile(commit, ws.Path)
	if err != nil {
		return report.BOM{}, err
	}
	m, err := manifest.Parse(ws.Path+" at "+version, data)
	if err != nil {
		return report.BOM{}, err
	}
	state, err := pastState(ctx, repo, run.Header{Kind: "release", Manifest: ws.Path, Version: version})
	if err != nil {
		env.warn([]string{fmt.Sprintf("commits and pipelines are not known: %s", err)})
	}
	b := report.NewBOM(m, env.repositories(ws, m), state)
	b.Commit = string(commit)
	return b, nil
}

// tagged gets the commit that a tag stands for.
func tagged(ctx context.Context, repo *gitrepo.Repo, tag string) (gitrepo.Hash, error) {
	refs := repo.Refs()
	commit, ok := refs[tag+"^{}"]
	if !ok {
		commit, ok = refs[tag]
	}
	if !ok {
		return "", fault.New(fault.NotFound, "no-tag", "%s is not released: there is no such tag", strings.TrimPrefix(tag, "refs/tags/")).
			Hint("`gio history` lists what was released")
	}
	return commit, repo.Fetch(ctx, tag)
}

// pastState is what a run's journal adds up to, nil where there is no such run.
func pastState(ctx context.Context, repo *gitrepo.Repo, h run.Header) (*run.State, error) {
	events, _, err := journal.ReadGit(ctx, repo.Ref(journal.GitRef), h)
	if fault.Is(err, "no-journal") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return run.Fold(events)
}
