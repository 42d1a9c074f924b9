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

// CircleCI is a token and the host it belongs to. They come from the same source, so that a token
// stored for one host is never sent to another.
type CircleCI struct {
	Token string
	Host  Value
	From  string // where the token came from
}

// tokenVariables are the names that CircleCI's own tools use, each with the variable of its host
// (contracts/circleci.md 5).
var tokenVariables = []struct{ token, host string }{
	{"CIRCLE_TOKEN", "CIRCLE_HOST"},
	{"CIRCLECI_TOKEN", "CIRCLECI_BASE_URL"},
	{"CIRCLECI_CLI_TOKEN", "CIRCLECI_CLI_HOST"},
	{"CCI_TOKEN", "CCI_HOST"},
}

// FindCircleCI finds the token: the variables, then .secrets.json (SECRETS_FILE_PATH, else in dir),
// then the files of the CircleCI CLI. Without one the fault is of kind Auth, code "no-token"; a file
// that is there and cannot be read is Invalid.
func FindCircleCI(getenv func(string) string, dir string) (CircleCI, error) {
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
		Hint("`gio help environment` lists the other places gio looks at")
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
	path, named := filepath.Join(dir, ".secrets.json"), false
	if v := getenv("SECRETS_FILE_PATH"); v != "" {
		path, named = v, true
	}
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
			Hint(`it must hold {"circleci":{"auth":{"username":"…","token":"…"}}}`)
	}
	return s, nil
}

func cliFiles(getenv func(string) string) []string {
	home := getenv("HOME")
	configHome := First(Env(getenv, "XDG_CONFIG_HOME"), Value{Value: filepath.Join(home, ".config")}).Value
	if home == "" {
		return nil
	}
	return []string{filepath.Join(configHome, "circleci", "config.yml"), filepath.Join(home, ".circleci", "cli.yml")}
}

// cliToken reads a file of the CircleCI CLI. One for another host than the one asked for is passed over.
func cliToken(path string, asked Value) (CircleCI, error) {
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
			Hint("set CIRCLE_TOKEN, which comes first, or mend the file")
	}
	host := First(Value{file.Host, path}, Value{DefaultHost, "default"})
	if asked.Value != "" && strings.TrimRight(asked.Value, "/") != strings.TrimRight(host.Value, "/") {
		return CircleCI{}, nil
	}
	return CircleCI{file.Token, host, path}, nil
}

// GitHubToken is the token for the release repository and where it came from; empty without one.
func GitHubToken(getenv func(string) string, s Secrets) Value {
	return First(Env(getenv, "GITHUB_TOKEN"), Env(getenv, "GH_TOKEN"), Value{s.GitHub.Token, s.Path})
}
