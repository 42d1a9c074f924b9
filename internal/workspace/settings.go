package workspace

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Organization returns the organization of the components; "" where release.json has it.
func (ws Workspace) Organization() string {
	org := config.First(config.Env(ws.o.Getenv, "GH_ORG"), config.Value{Value: ws.Config.Organization, Source: config.FileName})
	ws.ReportSetting("organization", config.First(org, config.Value{Value: "scmHttpUrl", Source: "release.json"}))
	return org.Value
}

// PlanOptions returns the options for a plan of this workspace, without the main branch, which only the remote knows.
func (ws Workspace) PlanOptions(only, except []string) plan.Options {
	parameters := ws.Config.Parameters
	if ws.o.Container {
		parameters = ws.seedParameters()
	}
	return plan.Options{
		Branch: ws.Branch.Value, ComponentMain: ws.Config.MainBranch, Organization: ws.Organization(),
		ProductTag: ws.Config.ProductTag, ReleaseBranches: ws.Config.ReleaseBranches, Parameters: parameters, Overrides: ws.Config.Overrides(),
		Only: only, Except: except, Verification: ws.Config.Verification.Plan(), Declared: ws.Config.Declared(),
	}
}

// MainBranchOf returns the main branch of the release repository; "" where there is none. Gio.yaml's main_branch is that of the
// components, and the release repository's where it has such a branch.
func (ws Workspace) MainBranchOf(repo *gitrepo.Repo) string {
	configured := ws.Config.MainBranch
	if _, exists := repo.Refs()[plan.BranchRef(configured)]; !exists {
		configured = ""
	}
	return plan.MainOf(configured, repo.DefaultBranch())
}

// ProductTag returns the name of a product version's tag. Its fault is invalid-product-tag.
func (ws Workspace) ProductTag(version string) (string, error) {
	return plan.ProductTag(ws.Config.ProductTag, version)
}

// seedParameters returns the pipeline parameters that the seed system's jobs sent beside gio_action and dry_run, overridden by
// gio.yaml. It leaves out a parameter whose variable is not set, as the seed did, and warns: the pipeline then uses its own
// default.
func (ws Workspace) seedParameters() map[string]any {
	parameters := map[string]any{}
	for name, variable := range map[string]string{
		"secrethub_org": "SECRETHUB_ORG", "secrethub_repo": "SECRETHUB_REPO", "maven_profile_id": "MAVEN_PROFILE_ID",
	} {
		if value := ws.o.Getenv(variable); value != "" {
			parameters[name] = strings.ReplaceAll(value, "{{", `{{"{{"}}`) // a value is no template
		} else if _, configured := ws.Config.Parameters[name]; !configured {
			ws.warn(fmt.Sprintf("%s is not set: the pipelines use their own default of %s", variable, name))
		}
	}
	if m, err := ws.Manifest(); err == nil { // otherwise the release says what is wrong with it
		parameters["s3_bucket_name"] = "prepared-nexus-staging-gravitee-apim-" + strings.ReplaceAll(m.ReleaseVersion(), ".", "_")
	}
	maps.Copy(parameters, ws.Config.Parameters)
	return parameters
}

// CircleCI finds token and host. Faults: "no-token" (kind Auth), "circleci-host", and those of the files that may contain them.
func (ws Workspace) CircleCI() (config.CircleCI, error) {
	found, err := config.FindCircleCI(ws.o.Getenv, filepath.Dir(ws.File))
	if err != nil {
		return found, err
	}
	ws.ReportSetting("CircleCI token", config.Value{Value: "***", Source: found.From})
	ws.ReportSetting("CircleCI host", found.Host)
	return found, nil
}

// Secrets returns all secrets that this process is given, whether it uses them or not: no output may hold them. Short ones are
// left out (see config.HiddenValues).
func (ws Workspace) Secrets() []string {
	return append(ws.o.Secrets(), config.Hideable(append(gitrepo.Secrets(ws.Checkout.RemoteURL), gitrepo.Secrets(ws.Checkout.FetchURL)...)...)...)
}

// Secrets returns those that are known before a workspace is opened.
func (o Options) Secrets() []string {
	return append(config.HiddenValues(o.Getenv, filepath.Dir(o.path(o.File))), config.Hideable(gitrepo.Secrets(o.Repo)...)...)
}

// CircleCIHost returns the host that CIRCLE_HOST names, "" for none or a bad one, where there is no token: nothing is sent to it.
func (ws Workspace) CircleCIHost() string {
	named := config.Env(ws.o.Getenv, "CIRCLE_HOST")
	if named.Value == "" {
		return ""
	}
	host, err := config.CircleCIHost(named)
	if err != nil {
		return ""
	}
	return host.Value
}

// Credentials reads the credentials for Git and GitHub from the environment and .secrets.json.
func (ws Workspace) Credentials() (gitrepo.Credentials, error) {
	secrets, err := config.ReadSecrets(ws.o.Getenv, filepath.Dir(ws.File))
	if err != nil {
		return gitrepo.Credentials{}, err
	}
	token := config.GitHubToken(ws.o.Getenv, secrets)
	shown := config.Value{Source: token.Source}
	if token.Value != "" {
		shown.Value = "***"
	}
	ws.ReportSetting("GitHub token", shown)
	return gitrepo.Credentials{Token: gitrepo.Secret(token.Value), TokenHost: gitrepo.TokenHost(ws.o.Getenv("GITHUB_API_URL")), Git: ws.Checkout.Git}, nil
}

// GitHub returns what a client of the components' GitHub needs: the address of its API, "" for the default, and the credentials.
// It is not ok where there is no such GitHub: the release repository is elsewhere, and GITHUB_API_URL is not set.
func (ws Workspace) GitHub() (address config.Value, credentials gitrepo.Credentials, ok bool, err error) {
	address = config.Env(ws.o.Getenv, "GITHUB_API_URL")
	credentials, err = ws.Credentials()
	return address, credentials, err == nil && (address.Value != "" || credentials.BelongTo(ws.Checkout.RemoteURL)), err
}

// ReportSetting gives Options.Resolved a setting with its source.
func (ws Workspace) ReportSetting(what string, v config.Value) {
	if ws.o.Resolved != nil {
		ws.o.Resolved(what, v)
	}
}

// NewDriver describes this process for the journal, with a new id at each call.
func (ws Workspace) NewDriver() run.Driver {
	return run.Driver{ID: strings.ToLower(rand.Text()), Job: config.BuildURL(ws.o.Getenv), Gio: ws.o.Version}
}

// Job returns the project's slug and the branch of the CircleCI job that gio runs in, by its variables (contracts/circleci.md 5);
// "" outside of CircleCI.
func (ws Workspace) Job() (project, branch string) {
	getenv := ws.o.Getenv
	if getenv("CIRCLECI") == "" || getenv("CIRCLE_PROJECT_USERNAME") == "" || getenv("CIRCLE_PROJECT_REPONAME") == "" {
		return "", ""
	}
	provider := "gh"
	if strings.Contains(getenv("CIRCLE_REPOSITORY_URL"), "bitbucket.org") {
		provider = "bb"
	}
	return fmt.Sprintf("%s/%s/%s", provider, getenv("CIRCLE_PROJECT_USERNAME"), getenv("CIRCLE_PROJECT_REPONAME")), getenv("CIRCLE_BRANCH")
}

// NotifySecrets are the secrets for the receivers of a release's news; each is "" where it is not set.
type NotifySecrets struct{ SlackToken, SlackWebhook, WebhookSecret string }

// NotifySecrets reads them from the environment.
func (ws Workspace) NotifySecrets() NotifySecrets {
	return NotifySecrets{
		SlackToken: strings.TrimSpace(ws.o.Getenv("SLACK_BOT_TOKEN")), SlackWebhook: strings.TrimSpace(ws.o.Getenv("SLACK_WEBHOOK_URL")),
		WebhookSecret: ws.o.Getenv("GIO_WEBHOOK_SECRET"),
	}
}

// StateDir returns where journals without a release repository are kept (XDG_STATE_HOME); "" in a container, which would take the
// file with it.
func (ws Workspace) StateDir() string {
	dir := config.Env(ws.o.Getenv, "XDG_STATE_HOME").Value
	if home := ws.o.Getenv("HOME"); dir == "" && home != "" && !ws.o.Container {
		dir = filepath.Join(home, ".local", "state")
	}
	ws.ReportSetting("state directory", config.Value{Value: dir, Source: "XDG_STATE_HOME"})
	return dir
}

// ScmURL returns the address of the component repositories of a new release repository in dir: that of the organization, of
// GH_ORG, or of the release repository; "" where it is not known.
func ScmURL(ctx context.Context, o Options, organization, dir string) string {
	if org := cmp.Or(organization, o.Getenv("GH_ORG")); org != "" {
		return OrganizationURL(o.Getenv, org)
	}
	checkout, err := gitrepo.OpenCheckout(ctx, o.git(), dir)
	if err != nil { // it need not be one
		return ""
	}
	host, org := organizationIn(checkout.Origin())
	if org == "" {
		return ""
	}
	return "https://" + strings.Replace(host, "_", ":", 1) + "/" + org
}
