package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/check"
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
		{Use: "notify", Short: "Who is told of a release, and what a webhook gets", Long: notifyTopic},
		{Use: "findings", Short: "What gio check finds, by code", Long: findingsTopic()},
		{Use: "journal", Short: "Where a run is kept, and how to read, move and mend it", Long: journalTopic},
	}
}

// usageTemplate is cobra's, but for the root, whose many commands must fit one screen: they stand close together, and the
// topics in one line.
func usageTemplate(usual string) string {
	const root = `{{range .Groups}}{{$group := .ID}}{{.Title}}{{range $.Commands}}{{if eq .GroupID $group}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}
{{end}}
Flags of all commands:
{{.PersistentFlags.FlagUsages | trimTrailingWhitespaces}}

` + "`gio COMMAND --help` shows how a command is used; `gio help TOPIC` explains a topic:" + `
{{range $i, $topic := .Commands}}{{if .IsAdditionalHelpTopicCommand}}  {{.Name}}{{end}}{{end}}
`
	return "{{if .HasParent}}" + usual + "{{else}}" + root + "{{end}}"
}

// findingsTopic is the table of codes.
func findingsTopic() string {
	var b strings.Builder
	b.WriteString("Findings of gio check. * keeps gio release from starting whatever --skip-check says.\n\n")
	for _, r := range check.Rules() {
		mark := " "
		if r.Never != "" {
			mark = "*"
		}
		fmt.Fprintf(&b, "  %-7s %s %-20s %s\n", r.Severity, mark, r.Code, r.Means)
	}
	return strings.TrimSuffix(b.String(), "\n")
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
  CIRCLE_BUILD_URL         the job gio runs in: noted in the journal, linked by gio bom
  SLACK_BOT_TOKEN, SLACK_WEBHOOK_URL, GIO_WEBHOOK_SECRET
                           for notify in gio.yaml (gio help notify)

No variable makes a run a dry run, or the other way round: only --dry-run does.

Container form (-s mvn_release): .secrets.json is also looked for in /graviteeio/cicd;
CICD_PROCESS_MANIFEST_PATH names release.json, of -s trigger the process manifest;
SECRETHUB_ORG, SECRETHUB_REPO and MAVEN_PROFILE_ID become pipeline parameters.

Secrets are read from environment and files, never from flags, and appear in no output.`

const configTopic = `gio.yaml lies beside release.json (--config or GIO_CONFIG name another). Every key is optional;
one that gio does not know is an error.

  organization: acme            # GitHub organization of the components
  main_branch: main             # main branch of the component repositories
  release_branches: [next]      # further branches that releases may be made from
  max_parallel: 25              # pipelines of a wave that run at once, at most 100
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
  author: {name: Release Bot, email: bot@example.org}
  notify:                       # who is told of a release (gio help notify)
    slack: {channel: "#releases"}
    webhook: {url: https://example.org/hook}
    github: {status: true, release: true}

A pipeline that is green proves little: verify, at the top or under a component, wants to see more
before gio counts it as a success.

  verify: tag                   # it has left its tag; GitHub is asked for it, with GITHUB_TOKEN
  tag: "v{{.Version}}"          # its name, default "{{.Version}}"
  verify: workflow              # these workflows ran in the pipeline and succeeded
  workflows: [release]
  verify: none                  # nothing more: the default

What is not there 30 seconds after the pipeline has failed with the code no-proof. Dry runs look for
no tag; of the pipelines that --dry-run=client simulates nothing is wanted.`

const notifyTopic = `Who is told of a release stands in gio.yaml, the secrets in the environment. Nothing of it fails a
run or holds it up; what could not be sent within 10 seconds of its end is said there. A dry run
tells nobody on level client; on level server it leaves nothing on GitHub.

  slack    With SLACK_BOT_TOKEN (scope chat:write, the bot in the channel): one message for each
           gio release, kept up to date, and a reply for every failure. Else with SLACK_WEBHOOK_URL,
           an incoming webhook: a message for the beginning, every failure, and the end.
  github   status: gio/release on the commit that the run began on and on the released one.
           release: a GitHub release of the product's tag, its notes the bill of materials.
  webhook  Every event, as a POST of JSON. Answer 2xx within 5 seconds; 5xx, 408, 429 and no answer
           are tried again, five times for each delivery, three at the end. Another answer ends it.

Headers of a delivery: X-Gio-Event (the type), X-Gio-Delivery, X-Gio-Timestamp (seconds since 1970)
and, with GIO_WEBHOOK_SECRET, X-Gio-Signature-256: sha256= and the HMAC-SHA256 of the body in hex.

  schema, delivery, sent_at     1; an id, the same when it is sent again; when it was sent first
  type                          "events", or "ended" for the last one of a gio release
  run, product, version, branch, dry_run
                                whose run; run is release/3.9.4, or dry/3.9.4
  job                           link of the CircleCI job that gio runs in
  events                        new lines of the run's journal (gio help journal), in order
  dropped                       so many observations were left out while nobody answered
  state.finished                the product is released
  state.components              how many are pending, running, held, succeeded, failed, ...
  state.attention               what failed, is unknown or held: component, version, status,
                                workflow, job, reason, url
  ended                         exit, code, message

Check the signature over the body as it came, then refuse a delivery that is known, or old.`

const journalTopic = `All that gio knows of its runs lies in the release repository, in refs/gio/journal: a chain of
commits, one for each push. A clone does not fetch it by itself. Its tree:

  release/3.9.4.jsonl         the run of 3.9.4: its events, one JSON object a line; below dry/
                              those of gio release --dry-run=server, below stage/ and trigger/
                              those of gio stage and gio trigger
  leases/release/3.9.4.json   who drives it, since when, last heard of when
  cancels/release/3.9.4.json  that gio cancel told that driver to start nothing more
  claims/COMPONENT/VERSION    which run releases that component version, so that no other does
  staged/COMPONENT/VERSION    which run stages it

Those of a manifest that is not release.json lie below manifests/PATH/. gio status, gio watch and
gio history read all this on any machine. So does Git, which then keeps a copy:

  git fetch origin +refs/gio/journal:refs/gio/journal
  git log --format='%ci %s' refs/gio/journal
  git ls-tree -r --name-only refs/gio/journal
  git show refs/gio/journal:release/3.9.4.jsonl

Lease: the driver renews it every 2 minutes. Another gio release waits until it is given back, the
driver's CircleCI job has ended, or it has stood still for 6 minutes; Ctrl-C ends the waiting.
--take-over goes on at once: the earlier driver, if it lives after all, triggers nothing more.

To move it to another repository, while nobody drives: fetch it as above, then push the copy.
(git clone --mirror and git push --mirror take it along with everything else.)

  git push URL refs/gio/journal

When somebody deletes it, or pushes over it by force, a driver starts nothing more and ends with
exit 7; its pipelines run on. A gio started then refuses what gio has begun, which the tag
VERSION_START tells: what still runs would be started again. gio doctor --fix rebuilds it from tags
and CircleCI. Or put the newest copy back from a clone that has one, as below, and look at gio
status. What was noted after that copy was made is missing: compare with CircleCI (gio doctor).

  git push --force origin refs/gio/journal`
