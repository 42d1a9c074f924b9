package cli

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/workspace"
)

func newInitCommand(env *environment) *cobra.Command {
	o := operate.NewProduct{}
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write the files of a new release repository",
		Long: `Init writes release.json, gio.yaml, Makefile and .circleci/config.yml into DIR, or here. It keeps
a file that exists already. It asks, commits and pushes nothing.

Each --group is a list of components; a group is released after the one before it. Components in
no --group make one more, the last. A component is NAME, which has the product's version, or
NAME=VERSION: X.Y.Z-SNAPSHOT is to be released, any other is released already.

--from-org asks GitHub (GITHUB_TOKEN, GITHUB_API_URL) for the repositories of an organization that
have .circleci/config.yml and a pom.xml or package.json on their default branch, and takes the
version from that file. --component and --group may add components and set versions.

scmHttpUrl is --scm-url, else that of --from-org, of GH_ORG, or of the remote of the checkout.

Exit codes: 0 done, 1 a file cannot be written, 2 usage, 3 not allowed, 4 remote failed,
5 no such organization, 7 the flags make no release.json.`,
		Example: `  gio init --name Acme --version 3.9.0-SNAPSHOT --scm-url https://github.com/acme \
    --group common --group api=1.25.0-SNAPSHOT,gateway
  gio init --from-org acme --group acme-common,acme-parent release`,
		Args: atMostOneDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, flag := range []string{"file", "repo", "branch", "config"} {
				if cmd.Flags().Changed(flag) {
					return initUsage("gio init writes into a directory: it has no use for --%s", flag)
				}
			}
			return runInit(cmd.Context(), env, o, strings.Join(args, ""))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "name", "", "the product's name (default: the directory's)")
	f.StringVar(&o.Version, "version", "1.0.0-SNAPSHOT", "the product's first `X.Y.Z-SNAPSHOT`")
	f.StringVar(&o.SCMHTTPURL, "scm-url", "", "`address` of the organization: https://github.com/ORG")
	f.StringVar(&o.FromOrg, "from-org", "", "add the components of this `organization` on GitHub")
	f.StringSliceVar(&o.Components, "component", nil, "components: `NAME[=VERSION],...`")
	f.StringArrayVar(&o.Groups, "group", nil, "components that are released together: `NAME[=VERSION],...`")
	return cmd
}

func atMostOneDirectory(_ *cobra.Command, args []string) error {
	if len(args) > 1 || slices.Contains(args, "") {
		return initUsage("gio init takes one directory, but got %q", args)
	}
	return nil
}

func initUsage(format string, args ...any) *fault.Fault {
	return fault.New(fault.Usage, "usage", format, args...).Hint("`gio init --help` shows how it is used")
}

func runInit(ctx context.Context, env *environment, o operate.NewProduct, dir string) error {
	dir = env.path(dir)
	o.Dir = dir
	if err := o.Check(); err != nil {
		return err
	}
	files, kept, err := newFiles(dir)
	if err != nil {
		return err
	}
	if !slices.Contains(kept, workspace.ManifestName) {
		content, err := operate.NewManifest(ctx, env.setup(workspace.ForOrganization(env.workspaceOptions(), dir, o.FromOrg)), o)
		if err != nil {
			return err
		}
		files = append([]newFile{{workspace.ManifestName, content}}, files...)
	} else if o.DescribesManifest() {
		env.warn(workspace.ManifestName + " exists already and is kept, without what the flags say; `gio prepare` edits it")
	}
	if err := writeNewFiles(dir, files); err != nil {
		return fault.New(fault.Internal, "init-files", "the files cannot be written into %s", dir).Because(err).
			Hint("the directory must be writable for the user that gio runs as")
	}
	first := "release.json: put the groups of buildDependencies into the order of release"
	if len(o.Components)+len(o.Groups) == 0 && o.FromOrg == "" && !slices.Contains(kept, workspace.ManifestName) {
		first = empty(cmp.Or(o.Name, filepath.Base(dir)), o.Name == "")
	}
	return env.printInit(dir, files, kept, first)
}

// empty says what to do about a product without components, which may have its name from the folder.
func empty(name string, fromFolder bool) string {
	named := ""
	if fromFolder {
		named = "is named " + name + ", as the folder is, and "
	}
	return "the product " + named + "has no component: remove release.json, then `gio init --name NAME --from-org ORG`\n" +
		"     or `gio init --name NAME --group A,B --group C`; or write them into release.json"
}

// printInit prints what was written on stdout, and the next steps on stderr, of which the first depends on what was written.
func (env *environment) printInit(dir string, files []newFile, kept []string, first string) error {
	for _, f := range files {
		if _, err := fmt.Fprintln(env.Stdout, f.name); err != nil {
			return err
		}
	}
	if len(kept) > 0 {
		fmt.Fprintf(env.Stderr, "kept as they were: %s\n", strings.Join(kept, ", "))
	}
	if len(files) == 0 {
		env.closing = "nothing to write in " + dir
		return nil
	}
	fmt.Fprintf(env.Stderr, nextSteps, first)
	return nil
}

const nextSteps = `written; next steps:
  1. %s
  2. build and push the image of gio, and set gio_image in .circleci/config.yml; add your own steps to the command "before"
  3. commit, push, and give the context gio on CircleCI CIRCLE_TOKEN and GITHUB_TOKEN
  4. make plan, make check, make dry-release
`
