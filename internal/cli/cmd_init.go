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
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/prepare"
)

type initOptions struct {
	name, version, scmURL, fromOrg string
	components, groups             []string
}

func newInitCommand(env *environment) *cobra.Command {
	o := initOptions{}
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write the files of a new release repository",
		Long: `Init writes release.json, gio.yaml, Makefile and .circleci/config.yml into DIR, or here. A file that
is there already is kept, whatever it holds. Nothing is asked, committed or pushed.

Each --group is a list of components; a group is released when the one before it is done. What
stands in no --group makes one more, the last. A component is NAME, which follows the product's
version, or NAME=VERSION: X.Y.Z-SNAPSHOT is to be released, any other is released already.

--from-org asks GitHub (GITHUB_TOKEN, GITHUB_API_URL) for the repositories of an organization that
have .circleci/config.yml and a pom.xml or package.json on their default branch; the version is
what that file says. --component and --group may add to them, and give versions.

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
					return initUsage("gio init writes into a directory: --%s says nothing to it", flag)
				}
			}
			return runInit(cmd.Context(), env, o, strings.Join(args, ""))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "the product's name (default: the directory's)")
	f.StringVar(&o.version, "version", "1.0.0-SNAPSHOT", "the product's first `X.Y.Z-SNAPSHOT`")
	f.StringVar(&o.scmURL, "scm-url", "", "`address` of the organization: https://github.com/ORG")
	f.StringVar(&o.fromOrg, "from-org", "", "take the components from this `organization` on GitHub")
	f.StringSliceVar(&o.components, "component", nil, "components: `NAME[=VERSION],...`")
	f.StringArrayVar(&o.groups, "group", nil, "components that are released together: `NAME[=VERSION],...`")
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

func runInit(ctx context.Context, env *environment, o initOptions, dir string) error {
	dir = env.path(dir)
	fresh, err := o.manifest(dir)
	if err != nil {
		return err
	}
	files, kept, err := newFiles(dir)
	if err != nil {
		return err
	}
	if !slices.Contains(kept, manifestName) {
		content, err := env.newManifest(ctx, o, fresh, dir)
		if err != nil {
			return err
		}
		files = append([]newFile{{manifestName, content}}, files...)
	} else if o.said() {
		env.warn([]string{manifestName + " is there already: what the flags say about it is not in it; `gio prepare` edits it"})
	}
	if err := writeNewFiles(dir, files); err != nil {
		return fault.New(fault.Internal, "init-files", "the files cannot be written into %s", dir).Because(err).
			Hint("the directory must be writable for the user that gio runs as")
	}
	return env.tellInit(dir, files, kept)
}

// said tells whether a flag is about release.json.
func (o initOptions) said() bool {
	return o.name+o.scmURL+o.fromOrg != "" || len(o.components)+len(o.groups) > 0
}

// manifest is the release.json that the flags alone describe.
func (o initOptions) manifest(dir string) (newManifest, error) {
	m := newManifest{Name: o.name, Version: o.version, SCMHTTPURL: o.scmURL, Components: []newComponent{}, Groups: [][]string{}}
	if m.Name == "" {
		m.Name = filepath.Base(dir)
	}
	if _, err := manifest.ParseVersion(m.Version); err != nil || !strings.HasSuffix(m.Version, "-SNAPSHOT") {
		return m, initUsage("--version %q is not X.Y.Z-SNAPSHOT", m.Version)
	}
	for _, list := range o.groups {
		var group []string
		for said := range strings.SplitSeq(list, ",") {
			name, err := m.take(said, "--group")
			if err != nil {
				return m, err
			}
			group = append(group, name)
		}
		m.Groups = append(m.Groups, group)
	}
	for _, said := range o.components {
		if _, err := m.take(said, "--component"); err != nil {
			return m, err
		}
	}
	return m, nil
}

// newManifest is the content of release.json, which can be released.
func (env *environment) newManifest(ctx context.Context, o initOptions, m newManifest, dir string) ([]byte, error) {
	if o.fromOrg != "" {
		if err := env.survey(ctx, &m, o.fromOrg, dir); err != nil {
			return nil, err
		}
	}
	if m.SCMHTTPURL == "" {
		m.SCMHTTPURL = env.scmURL(o.fromOrg, dir)
	}
	m.groupTheRest()
	content := m.bytes()
	parsed, err := manifest.Parse(manifestName, content)
	if err != nil {
		return nil, err
	}
	warnings, err := parsed.Check()
	if m.SCMHTTPURL == "" {
		warnings = append(warnings, "nothing says where the component repositories lie: write scmHttpUrl into release.json (https://github.com/ORG)")
	}
	env.warn(warnings)
	return content, err
}

// survey adds what GitHub says about the components of an organization.
func (env *environment) survey(ctx context.Context, m *newManifest, org, dir string) error {
	ws := workspace{File: filepath.Join(dir, manifestName), Checkout: gitrepo.Checkout{RemoteURL: env.organizationURL(org) + "/release"}}
	gh, err := env.componentHub(ws)
	if err != nil {
		return err
	}
	found, left, err := prepare.Survey(ctx, gh, org)
	if err != nil {
		return err
	}
	for _, reason := range left {
		fmt.Fprintln(env.Stderr, "left out:", reason)
	}
	for _, c := range m.Components {
		if !slices.ContainsFunc(found, func(s prepare.Setting) bool { return s.Component == c.Name }) {
			env.warn([]string{fmt.Sprintf("%s was not found in %s as a component, it is written nevertheless", c.Name, org)})
		}
	}
	for _, s := range found {
		m.add(s.Component, s.Version)
	}
	fmt.Fprintf(env.Stderr, "components found in %s: %d\n", org, len(found))
	return nil
}

// organizationURL is the address of an organization on GitHub, or on the host of GITHUB_API_URL.
func (env *environment) organizationURL(org string) string {
	return "https://" + gitrepo.TokenHost(env.Getenv("GITHUB_API_URL")) + "/" + org
}

// scmURL is where the component repositories lie when no flag says it: with the organization, or beside the release
// repository; "" where nothing says that.
func (env *environment) scmURL(organization, dir string) string {
	if org := cmp.Or(organization, env.Getenv("GH_ORG")); org != "" {
		return env.organizationURL(org)
	}
	checkout, err := gitrepo.OpenCheckout(dir)
	if err != nil || checkout.RemoteURL == "" { // it need not be one
		return ""
	}
	parts := strings.Split(gitrepo.RepoID(checkout.RemoteURL), "/")
	if len(parts) != 3 || parts[0] == "local" {
		return ""
	}
	return "https://" + strings.Replace(parts[0], "_", ":", 1) + "/" + parts[1]
}

// tellInit says what was written on stdout, and what comes next.
func (env *environment) tellInit(dir string, files []newFile, kept []string) error {
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
	fmt.Fprint(env.Stderr, nextSteps)
	return nil
}

const nextSteps = `written; what comes next:
  1. release.json: the groups of buildDependencies say which components are released before which
  2. .circleci/config.yml: gio_image names the image of gio, the command "before" has room for your steps
  3. commit, push, and give the context gio on CircleCI CIRCLE_TOKEN and GITHUB_TOKEN
  4. make plan, make check, make dry-release
`
