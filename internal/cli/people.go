package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/notify"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// people are those whom gio.yaml wants to be told of a release. Who cannot be is warned of: a release does not wait for it.
func (env *environment) people(a *asker, r *engine.Release) (receivers []notify.Receiver) {
	var warnings []string
	for _, wire := range []func(*asker, *engine.Release) ([]notify.Receiver, string){env.slack, env.webhook, env.gitHubPeople} {
		found, warning := wire(a, r)
		receivers = append(receivers, found...)
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	env.warn(warnings)
	return receivers
}

// tell ends the telling and says what was not told.
func (env *environment) tell(ctx context.Context, n *notify.Notifier, err error) {
	for _, untold := range n.Close(ctx, err) {
		fmt.Fprintln(env.Stderr, untold)
		for _, hint := range hints(untold) {
			fmt.Fprintf(env.Stderr, "  -> %s\n", hint)
		}
	}
}

// slack is a bot in the configured channel where there is a token for one, else the incoming webhook.
func (env *environment) slack(a *asker, _ *engine.Release) ([]notify.Receiver, string) {
	wanted := a.ws.Config.Notify.Slack
	token, address := strings.TrimSpace(env.Getenv("SLACK_BOT_TOKEN")), strings.TrimSpace(env.Getenv("SLACK_WEBHOOK_URL"))
	switch {
	case wanted == nil:
		return nil, ""
	case token != "" && wanted.Channel != "":
		env.say("Slack", config.Value{Value: wanted.Channel, Source: "SLACK_BOT_TOKEN"})
		return []notify.Receiver{notify.Slack{Token: token, Channel: wanted.Channel, Version: Version(), Texts: slackTexts()}.Receiver()}, ""
	case config.WebAddress(address):
		env.say("Slack", config.Value{Value: "incoming webhook", Source: "SLACK_WEBHOOK_URL"})
		return []notify.Receiver{notify.SlackWebhook{URL: address, Version: Version(), Texts: slackTexts()}.Receiver()}, ""
	case address != "":
		return nil, "Slack is not told: SLACK_WEBHOOK_URL holds no address"
	case token != "":
		return nil, "Slack is not told: notify.slack in gio.yaml names no channel"
	}
	return nil, "Slack is not told: set SLACK_BOT_TOKEN, or SLACK_WEBHOOK_URL for an incoming webhook"
}

func slackTexts() notify.Texts {
	return notify.Texts{
		Run: func(m notify.Moment) notify.Message {
			text, blocks := report.SlackRun(m.State, report.SlackMoment{Continued: m.Continued, Over: m.Over, Err: m.Err})
			return notify.Message{Text: text, Blocks: blocks}
		},
		Failure: func(e run.Event, s *run.State) notify.Message {
			text, blocks := report.SlackFailure(e, s)
			return notify.Message{Text: text, Blocks: blocks}
		},
	}
}

func (env *environment) webhook(a *asker, _ *engine.Release) ([]notify.Receiver, string) {
	address := a.ws.Config.Notify.Webhook.URL
	if address == "" {
		return nil, ""
	}
	return []notify.Receiver{notify.Webhook{URL: address, Secret: env.Getenv("GIO_WEBHOOK_SECRET"), Version: Version()}.Receiver()}, ""
}

// gitHubPeople are the commit statuses and the GitHub release. A dry run leaves nothing there.
func (env *environment) gitHubPeople(a *asker, r *engine.Release) ([]notify.Receiver, string) {
	wanted := a.ws.Config.Notify.GitHub
	if !wanted.Status && !wanted.Release || r.Options.DryRun {
		return nil, ""
	}
	if a.check.GitHub == nil || a.check.Release == "" {
		why := a.check.NoGitHub
		if why == "" {
			why = "the release repository is not there"
		}
		return nil, "GitHub is not told: " + why
	}
	wire := env.steadyWire()
	wire.Trouble = nil // what could not be sent is said at the end
	client, _, err := env.gitHubOver(a.ws, wire)
	if err != nil {
		return nil, "GitHub is not told: " + oneLine(err)
	}
	var receivers []notify.Receiver
	if wanted.Status {
		receivers = append(receivers, notify.CommitStatus{Client: client, Repo: a.check.Release, Head: string(r.Repo.Head())}.Receiver())
	}
	if wanted.Release {
		notes := func(s *run.State, commit string) (string, error) { return env.releaseNotes(a.ws, r.Repo, s, commit) }
		receivers = append(receivers, notify.Releases{Client: client, Repo: a.check.Release, Notes: notes}.Receiver())
	}
	return receivers, ""
}

// releaseNotes are the bill of materials of a commit that this process has made.
func (env *environment) releaseNotes(ws workspace, repo *gitrepo.Repo, s *run.State, commit string) (string, error) {
	data, err := repo.ReadFile(gitrepo.Hash(commit), ws.Path)
	if err != nil {
		return "", err
	}
	m, err := manifest.Parse(ws.Path, data)
	if err != nil {
		return "", err
	}
	b := report.NewBOM(m, env.repositories(ws, m), s)
	b.Commit = commit
	var notes bytes.Buffer
	err = report.BOMMarkdown(&notes, b)
	return strings.TrimSpace(notes.String()), err
}
