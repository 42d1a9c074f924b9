package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
)

// newHelpCommand is cobra's, but an unknown topic is a failure.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND|TOPIC]", Short: "Help about a command or a topic",
		Long: "Help shows how a command is used, or explains a topic; `gio help` lists both.\n\nExit codes: 0 done, 2 no such command or topic.",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), args[0])
			}
			found.InitDefaultHelpFlag() // so that the flag is listed
			return found.Help()
		},
	}
}

// helpTopics are read with `gio help TOPIC`.
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodes()},
		{Use: "environment", Short: "Which variables and files gio reads", Long: environmentTopic},
		{Use: "config", Short: "What gio.yaml may say", Long: configTopic},
	}
}

func exitCodes() string {
	var b strings.Builder
	b.WriteString("Exit codes of every gio command:\n\n   0  done\n")
	for _, kind := range fault.Kinds() {
		fmt.Fprintf(&b, "  %2d  %s\n", int(kind), kind)
	}
	b.WriteString("\nWhere several hold, the first of 3, 9, 10, 8, 11 is given. The last line on stderr of a\nfailing command is `exit N: meaning`.")
	return b.String()
}

const environmentTopic = `Flags come first, then the environment, then gio.yaml, then release.json, then what is built
in; --verbose says where each value came from. An empty variable counts as unset.

CircleCI token, first found: CIRCLE_TOKEN, CIRCLECI_TOKEN, CIRCLECI_CLI_TOKEN, CCI_TOKEN;
.secrets.json beside the manifest (SECRETS_FILE_PATH names another); the CircleCI CLI's
~/.config/circleci/config.yml and ~/.circleci/cli.yml. It must be a personal API token.

CircleCI host, from the same source as the token: CIRCLE_HOST (for any of the variables and
.secrets.json; CIRCLECI_BASE_URL, CIRCLECI_CLI_HOST and CCI_HOST for their own), the CLI's
file. Default: https://circleci.com.

  GITHUB_TOKEN, GH_TOKEN   for the release repository, also for an ssh remote of that host
  GITHUB_API_URL           of a GitHub Enterprise host (default https://api.github.com)
  GH_ORG                   GitHub organization of the components
  GIO_CONFIG               configuration instead of gio.yaml beside the manifest
  CI, CIRCLECI             set by CI systems: gio then asks nothing and draws no live view
  NO_COLOR, TERM           NO_COLOR and TERM=dumb turn colour off; a dumb terminal has no live view
  GIT_AUTHOR_NAME, ...     author and committer of the release commits, as in Git
  CIRCLE_BUILD_URL         the job gio runs in, noted in the journal

No variable makes a run a dry run, or the other way round: only --dry-run does.

Container form (-s mvn_release): .secrets.json is also looked for in /graviteeio/cicd;
CICD_PROCESS_MANIFEST_PATH names release.json; SECRETHUB_ORG, SECRETHUB_REPO and
MAVEN_PROFILE_ID become pipeline parameters.

Secrets are read from environment and files, never from flags, and appear in no output.`

const configTopic = `gio.yaml lies beside release.json (--config or GIO_CONFIG name another). Every key is optional;
one that gio does not know is an error.

  organization: acme            # GitHub organization of the components
  main_branch: main             # main branch of the component repositories
  release_branches: [next]      # further branches that releases may be made from
  max_parallel: 25              # pipelines of a wave that run at once
  parameters:                   # pipeline parameters of every component; null drops one
    product: "{{.ProductVersion}}"
  components:
    acme-gateway:
      repository: gateway       # name or org/name
      branch: stable            # instead of the rule
      project: circleci/ORG-ID/PROJECT-ID
      definition: UUID          # pipeline definition of a GitHub App project
      parameters: {component: "{{.Component}} {{.Version}}"}
      stage: false              # left out by nexus staging
  author: {name: Release Bot, email: bot@example.org}`
