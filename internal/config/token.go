package config

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
)

// DefaultHost is CircleCI's cloud.
const DefaultHost = "https://circleci.com"

// CircleCI is a token and its host. They come from the same source, so that gio never sends a token that is stored for one
// host to another.
type CircleCI struct {
	Token string
	Host  Value
	From  string // source of the token
}

// tokenVariables are the names that CircleCI's own tools use, each with the variable of its host
// (contracts/circleci.md 5).
var tokenVariables = []struct{ token, host string }{
	{"CIRCLE_TOKEN", "CIRCLE_HOST"},
	{"CIRCLECI_TOKEN", "CIRCLECI_BASE_URL"},
	{"CIRCLECI_CLI_TOKEN", "CIRCLECI_CLI_HOST"},
	{"CCI_TOKEN", "CCI_HOST"},
}

// FindCircleCI finds the token: in the variables, then in .secrets.json (SECRETS_FILE_PATH, else in dir), then in the files
// of the CircleCI CLI. Without one the fault is of kind Auth, code "no-token"; for an existing file that cannot be read, and for a
// host that is none ("circleci-host"), it is Invalid.
func FindCircleCI(getenv func(string) string, dir string) (CircleCI, error) {
	found, err := findCircleCI(getenv, dir)
	if err == nil {
		found.Host, err = CircleCIHost(found.Host)
	}
	return found, err
}

func findCircleCI(getenv func(string) string, dir string) (CircleCI, error) {
	circleHost := Env(getenv, "CIRCLE_HOST")
	byDefault := Value{DefaultHost, "default"}
	for _, v := range tokenVariables {
		if token := strings.TrimSpace(getenv(v.token)); token != "" {
			return CircleCI{token, First(Env(getenv, v.host), circleHost, byDefault), v.token}, nil
		}
	}
	secrets, err := ReadSecrets(getenv, dir)
	if err != nil {
		return CircleCI{}, err
	}
	if token := strings.TrimSpace(secrets.CircleCI.Auth.Token); token != "" {
		return CircleCI{token, First(circleHost, byDefault), secrets.Path}, nil
	}
	for _, path := range cliFiles(getenv) {
		found, err := cliToken(path, circleHost)
		if err != nil || found.Token != "" {
			return found, err
		}
	}
	return CircleCI{}, fault.New(fault.Auth, "no-token", "there is no CircleCI token").
		Hint("set CIRCLE_TOKEN to a personal API token (https://app.circleci.com/settings/user/tokens); project tokens do not work").
		Hint("`gio help environment` lists the other sources")
}

// Secrets is .secrets.json, as the container's jobs mount it.
type Secrets struct {
	Path     string `json:"-"`
	CircleCI struct {
		Auth struct {
			Username string `json:"username"`
			Token    string `json:"token"`
		} `json:"auth"`
	} `json:"circleci"`
	GitHub struct {
		Token string `json:"token"`
	} `json:"github"`
}

// ReadSecrets reads SECRETS_FILE_PATH, which must exist when it is set, else .secrets.json in dir.
func ReadSecrets(getenv func(string) string, dir string) (Secrets, error) {
	path, named := secretsPath(getenv, dir)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return Secrets{}, nil
	}
	s := Secrets{Path: path}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil { // the error of the decoder never quotes the file
		return Secrets{}, fault.New(fault.Invalid, "secrets-file", "%s cannot be read", path).Because(err).
			Hint(`it must contain {"circleci":{"auth":{"username":"…","token":"…"}}}`)
	}
	return s, nil
}

func secretsPath(getenv func(string) string, dir string) (path string, named bool) {
	if path := getenv("SECRETS_FILE_PATH"); path != "" {
		return path, true
	}
	return filepath.Join(dir, ".secrets.json"), false
}

func cliFiles(getenv func(string) string) []string {
	home := getenv("HOME")
	configHome := First(Env(getenv, "XDG_CONFIG_HOME"), Value{Value: filepath.Join(home, ".config")}).Value
	if home == "" {
		return nil
	}
	return []string{filepath.Join(configHome, "circleci", "config.yml"), filepath.Join(home, ".circleci", "cli.yml")}
}

// cliToken reads a file of the CircleCI CLI. It ignores a file for another host than the requested one.
func cliToken(path string, requested Value) (CircleCI, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return CircleCI{}, nil
	}
	var file struct{ Token, Host string }
	if err == nil {
		err = yaml.Unmarshal(data, &file)
	}
	if err != nil {
		return CircleCI{}, fault.New(fault.Invalid, "cli-file", "%s of the CircleCI CLI cannot be read", path).
			Hint("set CIRCLE_TOKEN, which comes first, or fix the file")
	}
	host := First(Value{file.Host, path}, Value{DefaultHost, "default"})
	if requested.Value != "" && !sameHost(requested, host) {
		return CircleCI{}, nil
	}
	return CircleCI{file.Token, host, path}, nil
}

// sameHost reports whether two people have written the same address.
func sameHost(a, b Value) bool {
	one, err := CircleCIHost(a)
	other, otherErr := CircleCIHost(b)
	return err == nil && otherErr == nil && one.Value == other.Value
}

// GitHubToken returns the token for the release repository and its source; empty without one.
func GitHubToken(getenv func(string) string, s Secrets) Value {
	return First(Env(getenv, "GITHUB_TOKEN"), Env(getenv, "GH_TOKEN"), Value{s.GitHub.Token, s.Path})
}
