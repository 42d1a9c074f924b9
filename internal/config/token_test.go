package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

// machine is the environment of a test: variables, the directory of release.json, and a home. In a variable "~" is the
// home and "." the directory.
type machine struct {
	env     map[string]string
	secrets string // .secrets.json
	xdg     string // ~/.config/circleci/config.yml
	cli     string // ~/.circleci/cli.yml
}

func (p machine) set(t *testing.T) (getenv func(string) string, dir, home string) {
	t.Helper()
	dir, home = t.TempDir(), t.TempDir()
	for path, content := range map[string]string{
		filepath.Join(dir, ".secrets.json"):                      p.secrets,
		filepath.Join(home, ".config", "circleci", "config.yml"): p.xdg,
		filepath.Join(home, ".circleci", "cli.yml"):              p.cli,
	} {
		if content != "" {
			file(t, content, path)
		}
	}
	env := map[string]string{"HOME": home}
	for name, value := range p.env {
		env[name] = strings.NewReplacer("~", home, "./", dir+"/").Replace(value)
	}
	return variables(env), dir, home
}

const (
	secretsJSON = `{"circleci":{"auth":{"username":"robot","token":"t-secrets"}},"github":{"token":"gh-secrets"}}`
	serverXDG   = "token: t-xdg\nhost: https://ci.acme.example\n"
	cloudCLI    = "host: https://circleci.com\nendpoint: graphql-unstable\ntoken: t-cli\n"
)

// TestFindCircleCI checks every source of a token, in order, and the host for each: that of the same source, else
// CIRCLE_HOST where the source can have none, else the cloud.
func TestFindCircleCI(t *testing.T) {
	t.Parallel()
	hosts := map[string]string{ // of everybody else
		"CIRCLECI_BASE_URL": "https://mcp.example", "CIRCLECI_CLI_HOST": "https://cli.example", "CCI_HOST": "https://cci.example",
	}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range []map[string]string{hosts, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	cloud := Value{DefaultHost, "default"}
	tests := []struct {
		name    string
		machine machine
		want    CircleCI
	}{
		{"the first variable, before all", machine{env: with(map[string]string{"CIRCLE_TOKEN": "t1", "CIRCLECI_TOKEN": "t2", "CCI_TOKEN": "t4"}), secrets: secretsJSON, cli: cloudCLI}, CircleCI{"t1", cloud, "CIRCLE_TOKEN"}},
		{"its own host", machine{env: with(map[string]string{"CIRCLE_TOKEN": "t1", "CIRCLE_HOST": "https://ci.example"})}, CircleCI{"t1", Value{"https://ci.example", "CIRCLE_HOST"}, "CIRCLE_TOKEN"}},
		{"its host as CircleCI's documents write it", machine{env: map[string]string{"CIRCLE_TOKEN": "t1", "CIRCLE_HOST": "https://ci.example/api/v2/"}}, CircleCI{"t1", Value{"https://ci.example", "CIRCLE_HOST"}, "CIRCLE_TOKEN"}},
		{"a file for the host that CIRCLE_HOST writes in another way", machine{env: map[string]string{"CIRCLE_HOST": "app.circleci.com/api/v2"}, cli: cloudCLI}, CircleCI{"t-cli", Value{"https://circleci.com", "~/.circleci/cli.yml"}, "~/.circleci/cli.yml"}},
		{"the second variable", machine{env: with(map[string]string{"CIRCLECI_TOKEN": "t2", "CIRCLECI_CLI_TOKEN": "t3"})}, CircleCI{"t2", Value{"https://mcp.example", "CIRCLECI_BASE_URL"}, "CIRCLECI_TOKEN"}},
		{"the third variable", machine{env: with(map[string]string{"CIRCLECI_CLI_TOKEN": "t3", "CCI_TOKEN": "t4"})}, CircleCI{"t3", Value{"https://cli.example", "CIRCLECI_CLI_HOST"}, "CIRCLECI_CLI_TOKEN"}},
		{"the fourth variable", machine{env: with(map[string]string{"CCI_TOKEN": "t4", "CIRCLE_HOST": "https://ci.example"})}, CircleCI{"t4", Value{"https://cci.example", "CCI_HOST"}, "CCI_TOKEN"}},
		{"CIRCLE_HOST stands in for a host variable that is not set", machine{env: map[string]string{"CCI_TOKEN": "t4", "CIRCLE_HOST": "https://ci.example", "CIRCLECI_CLI_HOST": "https://cli.example"}}, CircleCI{"t4", Value{"https://ci.example", "CIRCLE_HOST"}, "CCI_TOKEN"}},
		{"no host anywhere", machine{env: map[string]string{"CIRCLECI_TOKEN": "t2"}}, CircleCI{"t2", cloud, "CIRCLECI_TOKEN"}},
		{"an empty variable counts as unset", machine{env: map[string]string{"CIRCLE_TOKEN": "", "CIRCLE_HOST": "", "CIRCLECI_TOKEN": "t2"}}, CircleCI{"t2", cloud, "CIRCLECI_TOKEN"}},
		{"so does one of blanks", machine{env: map[string]string{"CIRCLE_TOKEN": " \n", "CCI_TOKEN": " t4\n"}}, CircleCI{"t4", cloud, "CCI_TOKEN"}},
		{"the secrets before the CLI's files, never for another tool's host", machine{env: hosts, secrets: secretsJSON, xdg: serverXDG}, CircleCI{"t-secrets", cloud, "./.secrets.json"}},
		{"the secrets name no host: CIRCLE_HOST", machine{env: with(map[string]string{"CIRCLE_HOST": "https://ci.example"}), secrets: secretsJSON}, CircleCI{"t-secrets", Value{"https://ci.example", "CIRCLE_HOST"}, "./.secrets.json"}},
		{"secrets elsewhere", machine{env: map[string]string{"SECRETS_FILE_PATH": "~/.config/circleci/config.yml"}, xdg: secretsJSON, secrets: `{}`}, CircleCI{"t-secrets", cloud, "~/.config/circleci/config.yml"}},
		{"secrets with an empty token", machine{secrets: `{"circleci":{"auth":{"token":" "}}}`, cli: cloudCLI}, CircleCI{"t-cli", Value{"https://circleci.com", "~/.circleci/cli.yml"}, "~/.circleci/cli.yml"}},
		{"the CLI's file and its host", machine{env: hosts, xdg: serverXDG, cli: cloudCLI}, CircleCI{"t-xdg", Value{"https://ci.acme.example", "~/.config/circleci/config.yml"}, "~/.config/circleci/config.yml"}},
		{"the CLI's older file", machine{cli: cloudCLI}, CircleCI{"t-cli", Value{"https://circleci.com", "~/.circleci/cli.yml"}, "~/.circleci/cli.yml"}},
		{"a file without host is the cloud's", machine{cli: "token: t-cli\n"}, CircleCI{"t-cli", cloud, "~/.circleci/cli.yml"}},
		{"a file without token is passed over", machine{xdg: "host: https://ci.acme.example\n", cli: cloudCLI}, CircleCI{"t-cli", Value{"https://circleci.com", "~/.circleci/cli.yml"}, "~/.circleci/cli.yml"}},
		{"a file for another host than CIRCLE_HOST is passed over", machine{env: map[string]string{"CIRCLE_HOST": "https://circleci.com/"}, xdg: serverXDG, cli: cloudCLI}, CircleCI{"t-cli", Value{"https://circleci.com", "~/.circleci/cli.yml"}, "~/.circleci/cli.yml"}},
		{"XDG_CONFIG_HOME", machine{env: map[string]string{"XDG_CONFIG_HOME": "~/.config"}, xdg: serverXDG}, CircleCI{"t-xdg", Value{"https://ci.acme.example", "~/.config/circleci/config.yml"}, "~/.config/circleci/config.yml"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			getenv, dir, home := tt.machine.set(t)
			got, err := FindCircleCI(getenv, dir)
			if err != nil {
				t.Fatal(err)
			}
			short := strings.NewReplacer(home, "~", dir, ".")
			got.From, got.Host.Source = short.Replace(got.From), short.Replace(got.Host.Source)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoToken(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]machine{
		"nothing at all":                {},
		"hosts alone":                   {env: map[string]string{"CIRCLE_HOST": "https://ci.example"}},
		"the stored token is another's": {env: map[string]string{"CIRCLE_HOST": "https://ci.example"}, xdg: serverXDG, cli: cloudCLI},
		"a file without host, but the host is not the cloud": {env: map[string]string{"CIRCLE_HOST": "https://ci.example"}, cli: "token: t-cli\n"},
		"no home": {env: map[string]string{"HOME": ""}, cli: cloudCLI},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			getenv, dir, _ := p.set(t)
			found, err := FindCircleCI(getenv, dir)
			isFault(t, err, fault.Auth, "no-token", "there is no CircleCI token")
			if diff := cmp.Diff(CircleCI{}, found); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestBrokenFiles: the fault of an existing file that cannot be read has its name and nothing of its content.
func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	const secret = "t0ps3cret"
	tests := []struct {
		name    string
		machine machine
		code    string
		path    string
	}{
		{"no JSON", machine{secrets: secret}, "secrets-file", "./.secrets.json"},
		{"JSON cut short", machine{secrets: `{"circleci":{"auth":{"token":"` + secret}, "secrets-file", "./.secrets.json"},
		{"another shape", machine{secrets: `{"circleci":"` + secret + `"}`}, "secrets-file", "./.secrets.json"},
		{"a bad escape", machine{secrets: `{"circleci":{"auth":{"token":"` + secret + `\x"}}}`}, "secrets-file", "./.secrets.json"},
		{"a number for a token", machine{secrets: `{"circleci":{"auth":{"token":8237498237}}}`}, "secrets-file", "./.secrets.json"},
		{"named and not there", machine{env: map[string]string{"SECRETS_FILE_PATH": "~/none.json"}}, "secrets-file", "~/none.json"},
		{"no YAML", machine{xdg: "token: [" + secret}, "cli-file", "~/.config/circleci/config.yml"},
		{"YAML of another shape", machine{cli: secret}, "cli-file", "~/.circleci/cli.yml"},
		{"a list for a token", machine{cli: "token: [" + secret + "]\n"}, "cli-file", "~/.circleci/cli.yml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			getenv, dir, home := tt.machine.set(t)
			_, err := FindCircleCI(getenv, dir)
			isFault(t, err, fault.Invalid, tt.code, strings.NewReplacer("~", home, "./", dir+"/").Replace(tt.path))
			for _, part := range []string{secret, "t0ps", "8237498237"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error quotes the file: %q", err)
				}
			}
		})
	}
}

// TestUnreadable: a directory instead of a file.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	getenv, dir, home := machine{}.set(t)
	cli := filepath.Join(home, ".circleci", "cli.yml")
	if err := os.MkdirAll(cli, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := FindCircleCI(getenv, dir)
	isFault(t, err, fault.Invalid, "cli-file", cli)
	secrets := filepath.Join(dir, ".secrets.json")
	if err := os.Mkdir(secrets, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = FindCircleCI(getenv, dir)
	isFault(t, err, fault.Invalid, "secrets-file", secrets)
	if token, err := FindCircleCI(variables(map[string]string{"CIRCLE_TOKEN": "t1"}), dir); err != nil || token.Token != "t1" {
		t.Errorf("a variable comes before what is broken: %v", err)
	}
}

func TestGitHubToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		machine machine
		want    Value
	}{
		{"the first variable", machine{env: map[string]string{"GITHUB_TOKEN": "g1", "GH_TOKEN": "g2"}, secrets: secretsJSON}, Value{"g1", "GITHUB_TOKEN"}},
		{"an empty one counts as unset", machine{env: map[string]string{"GITHUB_TOKEN": "", "GH_TOKEN": "g2"}, secrets: secretsJSON}, Value{"g2", "GH_TOKEN"}},
		{"the secrets", machine{secrets: secretsJSON}, Value{"gh-secrets", "./.secrets.json"}},
		{"none", machine{secrets: `{"circleci":{}}`}, Value{}},
		{"no file", machine{}, Value{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			getenv, dir, _ := tt.machine.set(t)
			secrets, err := ReadSecrets(getenv, dir)
			if err != nil {
				t.Fatal(err)
			}
			got := GitHubToken(getenv, secrets)
			got.Source = strings.Replace(got.Source, dir, ".", 1)
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}
