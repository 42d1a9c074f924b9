package operate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/notify"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// receivers returns those that gio.yaml wants to notify of a release. One that cannot be notified is a warning: no release fails
// for it.
func (p *precheck) receivers(r *engine.Release) []notify.Receiver {
	var all []notify.Receiver
	for _, find := range []func(*engine.Release) ([]notify.Receiver, string){p.slack, p.webhook, p.gitHubReceivers} {
		found, warning := find(r)
		all = append(all, found...)
		if warning != "" {
			p.warn(warning)
		}
	}
	return all
}

// unnotified returns a finding for each receiver that gio.yaml names and that cannot be notified; offline without GitHub.
func (p *precheck) unnotified(offline bool) (found []check.Finding) {
	reasons := map[string]string{"notify.slack": p.noSlack()}
	if !offline {
		reasons["notify.github"] = p.noGitHub()
	}
	for _, where := range slices.Sorted(maps.Keys(reasons)) {
		if why := reasons[where]; why != "" {
			found = append(found, check.Finding{
				Code: check.Configuration, Severity: check.Warning, Where: where, What: why,
				Do: "set what it lacks, or remove " + where + " from gio.yaml: a release does not fail for it",
			})
		}
	}
	return found
}

// slack returns a bot in the configured channel where there is a token for one, else the incoming webhook.
func (p *precheck) slack(*engine.Release) ([]notify.Receiver, string) {
	settings, secrets, version := p.Config.Notify.Slack, p.NotifySecrets(), p.Options().Version
	switch why := p.noSlack(); {
	case settings == nil || why != "":
		return nil, why
	case p.Slack.Run == nil || p.Slack.Failure == nil:
		return nil, "Slack is not notified: there are no messages for it"
	case secrets.SlackToken != "" && settings.Channel != "":
		p.ReportSetting("Slack", config.Value{Value: settings.Channel, Source: "SLACK_BOT_TOKEN"})
		return []notify.Receiver{notify.Slack{Token: secrets.SlackToken, Channel: settings.Channel, Version: version, Texts: p.Slack}.Receiver()}, ""
	}
	p.ReportSetting("Slack", config.Value{Value: "incoming webhook", Source: "SLACK_WEBHOOK_URL"})
	return []notify.Receiver{notify.SlackWebhook{URL: secrets.SlackWebhook, Version: version, Texts: p.Slack}.Receiver()}, ""
}

// noSlack says why Slack cannot be notified though gio.yaml names it; "" where it can, or is not to be.
func (p *precheck) noSlack() string {
	settings, secrets := p.Config.Notify.Slack, p.NotifySecrets()
	switch {
	case settings == nil, secrets.SlackToken != "" && settings.Channel != "", config.WebAddress(secrets.SlackWebhook):
		return ""
	case secrets.SlackWebhook != "":
		return "Slack is not notified: SLACK_WEBHOOK_URL is no address"
	case secrets.SlackToken != "":
		return "Slack is not notified: notify.slack in gio.yaml names no channel"
	}
	return "Slack is not notified: set SLACK_BOT_TOKEN, or SLACK_WEBHOOK_URL for an incoming webhook"
}

func (p *precheck) webhook(*engine.Release) ([]notify.Receiver, string) {
	address := p.Config.Notify.Webhook.URL
	if address == "" {
		return nil, ""
	}
	return []notify.Receiver{notify.Webhook{URL: address, Secret: p.NotifySecrets().WebhookSecret, Version: p.Options().Version}.Receiver()}, ""
}

// gitHubReceivers returns the commit statuses and the GitHub release. A dry run writes neither.
func (p *precheck) gitHubReceivers(r *engine.Release) ([]notify.Receiver, string) {
	settings := p.Config.Notify.GitHub
	if !settings.Status && !settings.Release || r.Options.DryRun {
		return nil, ""
	}
	if why := p.noGitHub(); why != "" {
		return nil, why
	}
	wire := p.steadyWire()
	wire.Trouble = nil // what could not be sent is reported at the end
	client, _, err := p.gitHub(wire)
	if err != nil {
		return nil, "GitHub is not notified: " + oneLine(err)
	}
	var receivers []notify.Receiver
	if settings.Status {
		receivers = append(receivers, notify.CommitStatus{Client: client, Repo: p.question.Release, Head: string(r.Repo.Head())}.Receiver())
	}
	if settings.Release {
		notes := func(ctx context.Context, s *run.State, commit string) (string, error) {
			return p.releaseNotes(ctx, r.Repo, s, commit)
		}
		receivers = append(receivers, notify.Releases{Client: client, Repo: p.question.Release, Notes: notes}.Receiver())
	}
	return receivers, ""
}

// noGitHub says why GitHub cannot be notified though gio.yaml names it; "" where it can, or is not to be.
func (p *precheck) noGitHub() string {
	settings := p.Config.Notify.GitHub
	if !settings.Status && !settings.Release || p.question.GitHub != nil && p.question.Release != "" {
		return ""
	}
	return "GitHub is not notified: " + cmp.Or(p.question.NoGitHub, "the release repository is not on it")
}

// releaseNotes makes the notes for a commit that this process has made. The first version of a product has no changelog.
func (s Setup) releaseNotes(ctx context.Context, repo *gitrepo.Repo, state *run.State, commit string) (string, error) {
	if s.Config.Notify.GitHub.Notes == config.NotesChangelog && s.ChangelogNotes != nil {
		quiet := s
		quiet.Wire.Trouble = nil // what cannot be made is reported at the end
		c, err := ReadChangelog(ctx, quiet, ChangelogOptions{Range: state.Header.Version})
		if !fault.Is(err, "no-version") {
			if err != nil {
				return "", err
			}
			return s.ChangelogNotes(c)
		}
	}
	data, err := repo.ReadFile(gitrepo.Hash(commit), s.Path)
	if err != nil {
		return "", err
	}
	m, err := manifest.Parse(s.Path, data)
	if err != nil {
		return "", err
	}
	if s.Notes == nil {
		return fmt.Sprintf("%s %s", m.Name, m.Version), nil
	}
	return s.Notes(m, s.repositories(m), state, commit)
}

// repositories returns a function that gives a component's org/name, "" where it is not known: a bill of materials may lack it.
func (s Setup) repositories(m *manifest.Manifest) func(manifest.Component) string {
	o := plan.Options{Organization: s.Organization(), Overrides: s.Config.Overrides()}
	return func(c manifest.Component) string {
		name, err := o.Repository(m, c)
		if err != nil {
			return ""
		}
		return name
	}
}
