package config

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestCircleCIHost: what can only mean one address is accepted; what cannot is refused by the name of its source.
func TestCircleCIHost(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"https://circleci.com":                 "https://circleci.com",
		"https://circleci.com/":                "https://circleci.com",
		"https://circleci.com/api/v2":          "https://circleci.com",
		"https://circleci.com/api/v2/":         "https://circleci.com",
		"https://circleci.com/api/v1.1":        "https://circleci.com",
		"circleci.com":                         "https://circleci.com",
		"http://circleci.com":                  "https://circleci.com",
		"https://app.circleci.com":             "https://circleci.com",
		"https://www.CircleCI.com/":            "https://circleci.com",
		" https://app.circleci.com/api/v2":     "https://circleci.com",
		"https://ci.example.org/api/v2":        "https://ci.example.org",
		"https://CI.example.org:8443//":        "https://ci.example.org:8443",
		"https://proxy.example.org/ci":         "https://proxy.example.org/ci",
		"https://proxy.example.org/ci/api/v2/": "https://proxy.example.org/ci",
		"http://127.0.0.1:8080":                "http://127.0.0.1:8080",
		"https://app.ci.example.org":           "https://app.ci.example.org",

		"https://app.circleci.com/pipelines/github/acme": "",
		"https://circleci.com/api":                       "",
		"https://circleci.com?token=x":                   "",
		"https://ci.example.org/#top":                    "",
		"ftp://circleci.com":                             "",
		"https://":                                       "",
		"https://a b":                                    "",
		"https://me:secret@circleci.com":                 "",
		"me:secret@circleci.com":                         "",
	} {
		got, err := CircleCIHost(Value{written, "CCI_HOST"})
		switch {
		case want != "" && (err != nil || got != Value{want, "CCI_HOST"}):
			t.Errorf("%q: %v, %v", written, got, err)
		case want == "" && (!fault.Is(err, "circleci-host") || !strings.Contains(err.Error(), "CCI_HOST") || strings.Contains(err.Error(), "secret")):
			t.Errorf("%q: %v, %v", written, got, err)
		}
	}
}
