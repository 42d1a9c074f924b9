package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/server"
)

func readNotify(t *testing.T, text string, environ ...string) (server.Settings, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gio-server.yaml")
	if err := os.WriteFile(file, []byte("notify:\n  "+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.ReadSettings(server.Settings{}, file, environ)
}

func TestNotifySettings(t *testing.T) {
	t.Parallel()
	s, err := readNotify(t, "slack: {webhook: 'env:SLACK'}\n  webhook: {url: 'https://hooks.example.org/x', secret: 'env:HOOK'}", "SLACK=https://hooks.slack.test/planted", "HOOK=planted")
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Notify.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if r := all["slack"]; !r.Slack || r.URL != "https://hooks.slack.test/planted" || r.Secret != "" {
		t.Errorf("%+v", r)
	}
	if r := all["webhook"]; r.Slack || r.URL != "https://hooks.example.org/x" || r.Secret != "planted" {
		t.Errorf("%+v", r)
	}
	if shown := s.String() + fmt.Sprintf("%+v %#v", s.Notify, s.Notify); strings.Contains(shown, "planted") || !strings.Contains(shown, "news to slack and webhook") {
		t.Errorf("it shows %s", shown)
	}
	for text, want := range map[string]string{
		"mail: {to: ann}":                     "2: notify.mail: news go to slack and webhook",
		"slack: {webhook: 'https://planted'}": "notify.slack.webhook: a secret does not stand in the settings",
		"slack: {channel: '#a'}":              "notify.slack.channel: there is no such key",
		"slack: {}":                           "notify.slack.webhook: news need it",
		"webhook: {secret: 'env:HOOK'}":       "notify.webhook.url: news need it",
		"webhook: {url: 'ftp://example.org'}": "notify.webhook.url: it is not https://HOST/PATH",
		"webhook: 7":                          "notify.webhook: it is not written as names with values",
		"slack: {webhook: 'env:NOT_SET'}":     "notify.slack.webhook: the variable NOT_SET is not set",
		"slack: {webhook: 'env:HOOK'}":        "notify.slack.webhook: it is no https://HOST/PATH",
	} {
		s, err := readNotify(t, text, "HOOK=planted")
		if err == nil {
			_, err = s.Notify.Resolve()
		}
		if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
