package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newProjectCommand(env *environment) *cobra.Command {
	return ledgerGroup("project", "Declare what gio-server keeps: projects and their environments",
		`A project is what is built and deployed together; its environments are where it runs. Both are
declared in a file, and gio project apply makes the server agree with it, as often as you like.`,
		newProjectInitCommand(env), newProjectApplyCommand(env), newProjectShowCommand(env))
}

const projectFile = `# gio project apply -f THIS-FILE
name: %[1]s
repository: %[2]s
environments:
  - name: staging
    tier: staging        # production, staging or development
    kind: none           # others deploy it, and report
  - name: production
    tier: production
    kind: none
# Where gio releases it: each product that is finished there arrives as a candidate.
# releases:
#   connection: NAME         # of the kind git, in gio-server.yaml
#   repository: ORG/NAME     # below the connection's address; left out: the repository above
#   manifest: release.json
# What gio-server deploys itself, by a pipeline on CircleCI or a request to a webhook, and what it requires first:
#   kind: circleci
#   deploy:
#     connection: NAME       # in gio-server.yaml; for a webhook that and parameters are all
#     project: gh/ORG/NAME   # CircleCI's slug
#     branch: main
#     parameters: {version: "{{.Version}}", commit: "{{.Commit}}"}   # and .Candidate, .DeploymentID, .Previous
#   requires:
#     approvals: 1           # of persons who neither asked for it nor wrote the commit
#     previous: staging      # runs the candidate, or has its bundle
#     signed: true           # there is a signed bundle of it
# What is deployed by commits to a Git repository, which Flux applies, app by app from what CI ships (gio shipment):
#   kind: gitops
#   gitops:
#     connection: NAME       # of the kind git, in gio-server.yaml
#     repository: ORG/NAME   # below the connection's address
#     branch: main
#     path: FOLDER           # left out: the root; below it there is a folder for each environment and app
#     per_environment: true  # the repository is this environment's: there are folders for apps only
#     confirm: push          # nobody tells that a commit is applied; left out: Flux does
# Where its files are, and what the bundle of a candidate is made of that gio has released. gio promote, and gio deploy by itself,
# carry the bundle to the repositories of an environment.
# repositories:
#   - {name: %[3]s-dev, type: maven}                             # generic, maven, npm; what is built lands here
#   - {name: %[3]s-production, type: maven, environment: production}
#   - {kind: registry, connection: NAME, path: dev, name: %[3]s-images}   # images and Helm charts; artifactory: files, path: its key
#   - {kind: registry, connection: NAME, path: production, name: %[3]s-images-production, environment: production}
# bundle:                    # * is any text without a slash, in a repository that gio-server keeps
#   - {repository: %[3]s-dev, path: "org/name/{{.Component}}/{{.Version}}/*", components: [api, "plugin-*"]}
#   - {repository: %[3]s-dev, path: "dist/%[3]s-{{.ProductVersion}}.zip"}
#   - {image: "org/{{.Component}}:{{.Version}}"}
`

func newProjectInitCommand(env *environment) *cobra.Command {
	repository := ""
	cmd := &cobra.Command{
		Use:   "init NAME",
		Short: "Print a project file to begin with",
		Long: `Init prints a project file, for gio project apply. It asks no server.

Exit codes: 0 done, 2 usage.`,
		Example: "  gio project init apim --repository acme/apim >project.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := fmt.Fprintf(env.Stdout, projectFile, args[0], repository, strings.ReplaceAll(args[0], " ", "-"))
			return err
		},
	}
	cmd.Flags().StringVar(&repository, "repository", "ORG/NAME", "Git repository of the project")
	return cmd
}

func newProjectApplyCommand(env *environment) *cobra.Command {
	file, dry, asJSON := "", false, false
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make the server agree with a project file",
		Long: `Apply makes a project and its environments what the file says, and shows what that changes. The
same file again changes nothing. An environment that the file does not name stays as it is.

` + ledgerCodes,
		Example: "  gio project apply -f project.yaml --dry-run",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runProjectApply(cmd.Context(), env, file, dry, asJSON)
		},
	}
	cmd.Flags().StringVarP(&file, "filename", "f", "", "project `file`; - is standard input")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only show what would change")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the changes as JSON")
	return cmd
}

func runProjectApply(ctx context.Context, env *environment, file string, dry, asJSON bool) error {
	if file == "" {
		return fault.New(fault.Usage, "usage", "which file?").Hint("gio project apply -f project.yaml; gio project init prints one")
	}
	p, err := env.readProject(file)
	if err != nil {
		return err
	}
	c, err := env.server()
	if err != nil {
		return err
	}
	applied, err := c.Apply(ctx, p, dry)
	if err != nil {
		return err
	}
	if asJSON {
		return env.writeJSON(applied)
	}
	if len(applied.Changes) == 0 {
		_, err := fmt.Fprintf(env.Stdout, "%s: nothing to change\n", p.Name)
		return err
	}
	var rows [][]string
	for _, change := range applied.Changes {
		rows = append(rows, []string{change.What, change.From, change.To})
	}
	if dry {
		fmt.Fprintln(env.Stderr, "this was a dry run: nothing was changed")
	}
	return report.Table(env.Stdout, []string{"WHAT", "FROM", "TO"}, rows, env.outColumns())
}

func (env *environment) readProject(file string) (wire.Project, error) {
	var data []byte
	var err error
	if file == "-" && env.Stdin != nil {
		data, err = io.ReadAll(io.LimitReader(env.Stdin, 1<<20))
	} else {
		data, err = os.ReadFile(env.path(file))
	}
	if err != nil {
		return wire.Project{}, fault.New(fault.NotFound, "project-file", "the project file cannot be read").Because(err)
	}
	p, err := parseProject(file, data)
	if err == nil && p.Name == "" {
		err = fault.New(fault.Invalid, "project-file", "%s names no project", file).Hint("gio project init prints a file to begin with")
	}
	return p, err
}

func newProjectShowCommand(env *environment) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "show [NAME]",
		Short: "Print a project as a file, or list the projects",
		Long: `Show prints a project as gio project apply takes it; without a name it lists the projects.
Why nothing of what gio releases can arrive, it says on stderr.

` + ledgerCodes,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := env.server()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return env.listProjects(cmd.Context(), c.Projects, asJSON)
			}
			p, err := c.Project(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := env.printReleases(cmd.Context(), c, p); err != nil {
				return err
			}
			if asJSON {
				return env.writeJSON(p)
			}
			return env.printProject(p)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead")
	return cmd
}

func (env *environment) listProjects(ctx context.Context, read func(context.Context) ([]wire.ListedProject, error), asJSON bool) error {
	all, err := read(ctx)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, p := range all {
		rows = append(rows, []string{p.Name, p.Repository})
	}
	return env.table(asJSON, all, []string{"PROJECT", "REPOSITORY"}, rows)
}

func (env *environment) printProject(p wire.Project) error {
	text, err := projectText(p)
	if err != nil {
		return err
	}
	_, err = env.Stdout.Write(text)
	return err
}
