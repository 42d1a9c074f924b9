package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/fault"
)

// newHelpCommand makes a help command like cobra's, but an unknown topic is a failure.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND|TOPIC]", Short: "Help about a command or a topic",
		Long: "Help shows how a command is used, or explains a topic; `gio help` lists both.\n\nExit codes: 0 done, 2 no such command or topic.",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			return fitting((&completer{cmd: cmd, args: args}).topics(), word, nil), cobra.ShellCompDirectiveNoFileComp
		},
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

// helpTopics makes the topics of `gio help TOPIC`.
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodes()},
		{Use: "environment", Short: "Which variables and files gio reads", Long: environmentTopic},
		{Use: "config", Short: "What gio.yaml may contain", Long: configTopic},
		{Use: "notify", Short: "Who is notified of a release, and what a webhook gets", Long: notifyTopic},
		{Use: "findings", Short: "What gio check finds, by code", Long: findingsTopic()},
		{Use: "order", Short: "Whether what needs what is released in the right order", Long: orderTopic()},
		{Use: "container", Short: "How the image is run in place of the orchestrator's", Long: containerTopic},
		{Use: "journal", Short: "Where a run is kept, and how to read, move and restore it", Long: journalTopic},
	}
}

// othersGroupID is the heading of the commands beside releases.
const othersGroupID = "Others:"

// usageTemplate returns cobra's template, except for the root: its many commands must fit one screen, so that their lists have no
// space between them, and those of gio-server, the others, and the topics are in one line each.
func usageTemplate(usual string, flags *pflag.FlagSet) string {
	const root = `{{range .Groups}}{{$group := .ID}}{{.Title}}{{if eq $group "` + othersGroupID + `"}}{{range $.Commands}}{{if eq .GroupID $group}} {{.Name}}{{end}}{{end}}{{else if eq $group "` + ledgerGroupID + `"}}
 {{range $.Commands}}{{if eq .GroupID $group}} {{.Name}}{{end}}{{end}}{{else}}{{range $.Commands}}{{if eq .GroupID $group}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}
{{end}}
Flags of all commands (` + "`gio COMMAND --help` shows the others" + `):
{{.PersistentFlags.FlagUsages | trimTrailingWhitespaces}}

Topics (` + "`gio help TOPIC`" + `):{{range $i, $topic := .Commands}}{{if .IsAdditionalHelpTopicCommand}} {{.Name}}{{end}}{{end}}
`
	const globals = "Global Flags:\n{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}"
	names := "Flags of all commands (`gio --help`):"
	flags.VisitAll(func(f *pflag.Flag) { names += " --" + f.Name })
	return "{{if .HasParent}}" + strings.Replace(usual, globals, names, 1) + "{{else}}" + root + "{{end}}"
}

// findingsTopic makes the table of codes.
func findingsTopic() string {
	var b strings.Builder
	b.WriteString("Findings of gio check (of the order: gio help order). --skip-check skips none with *.\n")
	for _, r := range check.Rules() {
		if !r.IsOfOrder() {
			writeRule(&b, r, 20)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func writeRule(b *strings.Builder, r check.Rule, width int) {
	mark := " "
	if r.Never != "" {
		mark = "*"
	}
	fmt.Fprintf(b, "  %-7s %s %-*s %s\n", r.Severity, mark, width, r.Code, r.Means)
}

// orderTopic explains the order, and ends with the table of its codes.
func orderTopic() string {
	var b strings.Builder
	b.WriteString(`gio releases the groups of buildDependencies one after the other (--order waves, the default). What
really needs what stands in the poms and package.json files of the components: gio check reads them
on the branches that are released, those of modules and workspaces, too, and says where the groups
are wrong. With --order graph, or order: graph in gio.yaml, a component waits only for what it
needs; one whose files cannot be read waits for all earlier groups, and the later ones for it. A
failure then skips only what needs it. What a run has planned stays: right before a component starts
its files are read again; when it needs something else by now, nothing is sent, and the next run
shows old and new and asks.

A component needs another one of the same run when a file names an artifact of it - as parent,
dependency, BOM, plugin or what is unpacked - in the version that the run releases, its SNAPSHOT, a
lower one of the same minor line (a release job would raise it), a range, or by a property that
nothing defines. A version of an older line is no need. Whose an artifact is the files say, too.

A wrong order is mended by an edit, which the finding names: gio prepare --group NODE@3 puts the
component NODE into group 3, 0+ into a new first one. gio.yaml adds what no file names, as where an
archive is unpacked, and takes away with a reason what is named and not needed; never a SNAPSHOT.

  needs:
    acme-distribution: [acme-portal, acme-ui]
  not_needed:
    acme-gateway: {acme-policy: only in its tests}

`)
	for _, r := range check.Rules() {
		if r.IsOfOrder() {
			writeRule(&b, r, 25)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func exitCodes() string {
	var b strings.Builder
	b.WriteString("Exit codes of every gio command:\n\n   0  done\n")
	for _, kind := range fault.Kinds() {
		fmt.Fprintf(&b, "  %2d  %s\n", int(kind), kind)
	}
	b.WriteString("\nWhere several apply, it is the first of 3, 9, 10, 8, 11. The last line on stderr of a\nfailing command is `exit N: meaning`.\n\nA result that cannot be written to stdout is an error (1), a run that is driven goes on to its end.\nA reader that leaves (gio plan | head) had enough: that is none, unless a run was driven.")
	return b.String()
}

const environmentTopic = `Flags come first, then the environment, then gio.yaml, then release.json, then the default;
--verbose prints the source of each value. An empty variable counts as unset.

CircleCI token, the first of: CIRCLE_TOKEN, CIRCLECI_TOKEN, CIRCLECI_CLI_TOKEN, CCI_TOKEN;
.secrets.json beside the manifest (SECRETS_FILE_PATH names another); the CircleCI CLI's
~/.config/circleci/config.yml and ~/.circleci/cli.yml. It must be a personal API token.

CircleCI host, from the same source as the token: CIRCLE_HOST (for any of the variables and
.secrets.json; CIRCLECI_BASE_URL, CIRCLECI_CLI_HOST and CCI_HOST for their own), the CLI's
file. Default: https://circleci.com; /api/v2 and app. are no part of it.

  GITHUB_TOKEN, GH_TOKEN   for the release repository, also for an ssh remote of that host
  GITHUB_API_URL           of a GitHub Enterprise host (default https://api.github.com)
  GH_ORG                   GitHub organization of the components
  GIO_CONFIG               configuration instead of gio.yaml beside the manifest
  XDG_CACHE_HOME           gio/ in it has what completion offers (default ~/.cache)
  CI, CIRCLECI             set by CI systems: gio then asks nothing and shows no live view
  NO_COLOR, TERM           NO_COLOR and TERM=dumb turn colour off; TERM=dumb also the live view
  HTTPS_PROXY, NO_PROXY    the proxy, with its user and password, and the hosts without it
  SSL_CERT_FILE            PEM file of the certificate authorities (the image has its own)
  GIT_*, SSH_AUTH_SOCK     as for git itself, which gio asks for remote, author and credentials
  CIRCLE_BUILD_URL         the job that gio runs in, for the journal and for gio bom
  SLACK_BOT_TOKEN, SLACK_WEBHOOK_URL, GIO_WEBHOOK_SECRET
                           for notify in gio.yaml (gio help notify)

No variable makes a run a dry run, or the other way round: only --dry-run does. A client dry run
sends GET and HEAD, and over http Git's own way to read, a POST to git-upload-pack; no writes.

gio reads secrets from environment and files, never from flags, and prints them nowhere; one of 8
characters or more is hidden wherever it appears, as in what a failing step printed.`

const containerTopic = `The image takes the place of the orchestrator's: the jobs of a release repository start it with the
same arguments, mounts and variables.

  -s, --cicd-stage STAGE   what to do:
     mvn_release           gio release
     mvn_nexus_staging     gio stage
     bom                   gio bom --write
     trigger               gio trigger --wait
     pull_req              gio pull-request
  --dry-run [true|false]   also -d. Without it, it is a dry run: mvn_release at the level server,
                           which runs the pipelines with dry_run: true; the others only show what
                           they would send
  --no-dry-run             the same as --dry-run false
  --branch BRANCH          the release branch; default: the checkout's

The checkout is mounted at /graviteeio/cicd/pipeline, the working directory, and .secrets.json, if
any, at /graviteeio/cicd. CICD_PROCESS_MANIFEST_PATH names release.json, for -s trigger the process
manifest; SECRETHUB_ORG, SECRETHUB_REPO and MAVEN_PROFILE_ID become pipeline parameters. Variables
of the orchestrator that never had an effect are named, and ignored.

In this form gio asks nothing, shows no live view, and keeps nothing in the container. A command of
gio's own works, too: docker run IMAGE release --dry-run.`

const configTopic = `gio.yaml is beside release.json (--config or GIO_CONFIG name another). Every key is optional;
an unknown key is an error.

  organization: acme            # GitHub organization of the components
  main_branch: main             # of the components, and of the release repository if it has it
  product_tag: "v{{.Version}}"  # the product's tag, default "{{.Version}}"; the start adds _START
  release_branches: [next]      # further branches that releases may be made from
  max_parallel: 25              # pipelines that run at once, at most 100
  order: graph                  # a component waits for what it needs (gio help order); else waves
  settle: 90s                   # between a success and the start of what waits for it; default 0
  parameters: {product: "{{.ProductVersion}}"} # of every component's pipeline; null drops one
  components:
    acme-gateway:
      repository: gateway       # name or org/name
      branch: stable            # instead of the one by version
      project: circleci/ORG-ID/PROJECT-ID
      definition: UUID          # pipeline definition of a GitHub App project
      parameters: {component: "{{.Component}} {{.Version}}"}
      stage: false              # left out by nexus staging
  needs: {a: [b]}               # component a needs b; not_needed: it does not (gio help order)
  author: {name: Release Bot, email: bot@example.org}
  notify:                       # who is notified of a release (gio help notify)
    slack: {channel: "#releases"}
    webhook: {url: https://example.org/hook}
    github: {status: true, release: true}

A green pipeline alone proves little: with verify, at the top or under a component, gio requires
more before it counts the pipeline as a success.

  verify: tag                   # the tag of the version exists; gio asks GitHub, with GITHUB_TOKEN
  tag: "v{{.Version}}"          # its name, default "{{.Version}}"
  verify: poms                  # and its poms name no SNAPSHOT, no branch build, no other version
  poms: warn                    # what they name is only said; strict, the default: gio resolve
  verify: workflow              # these workflows ran in the pipeline and succeeded
  workflows: [release]
  verify: none                  # nothing more: the default

When that is missing 30 seconds after the pipeline, the component fails with the code no-proof. Dry
runs require no tag; the pipelines that --dry-run=client simulates require nothing.`

const notifyTopic = `gio.yaml says who is notified of a release; the secrets come from the environment. This never fails
or delays a run; what cannot be sent within 10 seconds of its end is reported there. A dry run of
level client notifies nobody; one of level server writes nothing to GitHub.

  slack    With SLACK_BOT_TOKEN (scope chat:write, the bot in the channel): one message for each
           gio release, kept up to date, and a reply for every failure. Otherwise with the incoming
           webhook SLACK_WEBHOOK_URL: a message for the beginning, every failure, and the end.
  github   status: gio/release on the commit that the run began on and on the released one.
           release: a GitHub release of the product's tag, with the bill of materials as notes, or
           with notes: changelog what changed since the version before.
  webhook  Every event, as a POST of JSON. Answer 2xx within 5 seconds; after 5xx, 408, 429 and no
           answer gio tries again, five times for each delivery, three at the end. Another answer
           ends the deliveries.

Headers of a delivery: X-Gio-Event (the type), X-Gio-Delivery, X-Gio-Timestamp (seconds since 1970)
and, with GIO_WEBHOOK_SECRET, X-Gio-Signature-256: sha256= and the HMAC-SHA256 of the body in hex.

  schema, delivery, sent_at     1; an id, the same when it is sent again; when it was sent first
  type                          "events", or "ended" for the last one of a gio release
  run, product, version, branch, dry_run
                                the run: release/3.9.4, or dry/3.9.4
  job                           link of the CircleCI job that gio runs in
  events                        new lines of the run's journal (gio help journal), in order
  dropped                       number of observations left out while nobody answered
  state.finished                the product is released
  state.components              how many are pending, running, held, succeeded, failed, ...
  state.attention               what failed, is unknown or held: component, version, status,
                                workflow, job, reason, url
  ended                         exit, code, message

Check the signature over the body as received, then refuse a delivery that you have or that is old.`

const journalTopic = `All that gio knows of its runs is in the release repository, in refs/gio/journal: a chain of
commits, one for each push. A clone does not fetch it. Its tree:

  release/3.9.4.jsonl         the run of 3.9.4: its events, one JSON object a line; below dry/
                              those of gio release --dry-run=server, below stage/ and trigger/
                              those of gio stage and gio trigger
  leases/release/3.9.4.json   who drives it, since when, and last sign of that driver
  cancels/ retries/           what gio cancel asks of that driver, and gio retry ran again beside it
  claims/COMPONENT/VERSION    the run that releases that component version: no other may
  staged/COMPONENT/VERSION    the run that stages it

The runs of another manifest than release.json are below manifests/PATH/. gio status, gio watch
and gio history read all this on any machine. So does Git, which then keeps a copy:

  git fetch origin +refs/gio/journal:refs/gio/journal
  git log --format='%ci %s' refs/gio/journal
  git ls-tree -r --name-only refs/gio/journal
  git show refs/gio/journal:release/3.9.4.jsonl

Lease: the driver renews it every 2 minutes. Another gio release waits until the driver gives it
back, the driver's CircleCI job has ended, or the journal has not changed for 6 minutes; Ctrl-C
ends the waiting. With --take-over it does not wait; the earlier driver, if it still lives, triggers
nothing more.

To move the journal to another repository, while no run has a driver: fetch it as above, then push
the copy. (git clone --mirror and git push --mirror include it.)

  git push URL refs/gio/journal

The server must take and show that ref: Git's transfer.hideRefs and hooks may keep it from doing so.
gio check tells where that can be seen; elsewhere the first push does, before the first trigger.

When somebody deletes or overwrites it, a driver starts nothing more and ends with exit 7; its
pipelines run on. gio then refuses a release that has begun (the tag VERSION_START exists), because
it would start again what still runs. gio doctor --fix rebuilds the journal from tags and CircleCI.
Or restore the newest copy from a clone that has one, as below, and look at gio status. What was
noted after that copy was made is missing: compare with CircleCI (gio doctor).

  git push --force origin refs/gio/journal`
