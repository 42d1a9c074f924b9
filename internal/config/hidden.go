package config

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
)

// shortestHidden is the length, in bytes, from which a secret is hidden wherever it appears: a shorter one is too likely to be
// part of a word.
const shortestHidden = 8

// HiddenValues lists the secrets that this process is given, used or not: those of the variables, all values but user names of
// .secrets.json (see ReadSecrets), and the tokens of the CircleCI CLI. A file that cannot be read adds none: who needs it says so.
func HiddenValues(getenv func(string) string, dir string) []string {
	var values []string
	for _, v := range tokenVariables {
		values = append(values, getenv(v.token))
	}
	for _, name := range []string{"GITHUB_TOKEN", "GH_TOKEN", "SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL", "GIO_WEBHOOK_SECRET"} {
		values = append(values, getenv(name))
	}
	if u, err := url.Parse(strings.TrimSpace(getenv("SLACK_WEBHOOK_URL"))); err == nil {
		values = append(values, u.Path) // the secret part of the address
	}
	path, _ := secretsPath(getenv, dir)
	var file any
	if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &file) == nil {
		values = append(values, leaves(file)...)
	}
	for _, path := range cliFiles(getenv) {
		if found, err := cliToken(path, Value{}); err == nil {
			values = append(values, found.Token)
		}
	}
	return Hideable(values...)
}

// Hideable returns the values that are long enough to be hidden, without the white space around them, each once.
func Hideable(values ...string) []string {
	var long []string
	seen := map[string]bool{}
	for _, v := range values {
		if v = strings.TrimSpace(v); len(v) >= shortestHidden && !seen[v] {
			long = append(long, v)
			seen[v] = true
		}
	}
	return long
}

// leaves returns the strings of a JSON value, but user names, which are shown.
func leaves(value any) []string {
	var all []string
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			all = append(all, leaves(item)...)
		}
	case map[string]any:
		for key, item := range v {
			if key != "username" {
				all = append(all, leaves(item)...)
			}
		}
	}
	return all
}

// BuildURL is the address of the CircleCI job that gio runs in (CIRCLE_BUILD_URL), without a user or password; "" without one,
// and for a value that is no address.
func BuildURL(getenv func(string) string) string {
	u, err := url.Parse(strings.TrimSpace(getenv("CIRCLE_BUILD_URL")))
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}
