// Package config resolves settings: flags, then the environment, then gio.yaml, then the built-in defaults. Every value has its
// source.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// FileName is the configuration beside release.json.
const FileName = "gio.yaml"

// Value is a resolved setting and its source.
type Value struct {
	Value  string
	Source string // "--branch", "GH_ORG", "gio.yaml", "the checkout", "default"
}

// First returns the first value that is set. An empty variable or flag counts as unset.
func First(values ...Value) Value {
	for _, v := range values {
		if v.Value != "" {
			return v
		}
	}
	return Value{}
}

// Env returns an environment variable as a value.
func Env(getenv func(string) string, name string) Value { return Value{getenv(name), name} }

// File is gio.yaml. A key that gio does not know is an error.
type File struct {
	Path string `yaml:"-"` // "" when there is none

	Organization    string               `yaml:"organization"`     // GitHub organization of the components
	MainBranch      string               `yaml:"main_branch"`      // main branch of the release repository and of the component repositories
	ProductTag      string               `yaml:"product_tag"`      // template of the product's tag; "" is {{.Version}}
	ReleaseBranches []string             `yaml:"release_branches"` // further branches from which releases may be made
	MaxParallel     int                  `yaml:"max_parallel"`     // largest number of pipelines that run at once
	Order           Order                `yaml:"order"`            // for what a component waits
	Settle          Settle               `yaml:"settle"`           // between a success and the start of what waits for it
	Parameters      map[string]any       `yaml:"parameters"`       // pipeline parameters of every component; null drops one
	Components      map[string]Component `yaml:"components"`
	Needs           Needs                `yaml:"needs"`      // needs that no file of a component names
	NotNeeded       NotNeeded            `yaml:"not_needed"` // needs that a file names, and that are none
	Verification    Verification         `yaml:",inline"`    // of every component
	Author          struct {
		Name  string `yaml:"name"`
		Email string `yaml:"email"`
	} `yaml:"author"` // of the release commits, where neither the environment nor Git has one
	Notify Notify `yaml:"notify"` // receivers of news about a release

	places map[parameterName]Place
}

// Slack is the target in Slack.
type Slack struct {
	Channel string `yaml:"channel"` // name or id; an incoming webhook already has one
}

// Notify lists the receivers of news about a release. Secrets come from the environment.
type Notify struct {
	Slack   *Slack `yaml:"slack"` // nil: Slack is not notified
	Webhook struct {
		URL string `yaml:"url"`
	} `yaml:"webhook"`
	GitHub struct {
		Status  bool  `yaml:"status"`  // statuses of the release repository's commits
		Release bool  `yaml:"release"` // a GitHub release of the product's tag
		Notes   Notes `yaml:"notes"`   // of that release; "" is NotesBOM
	} `yaml:"github"`
}

// Notes says what the notes of a GitHub release are.
type Notes string

// The kinds of notes.
const (
	NotesBOM       Notes = "bom"       // the bill of materials
	NotesChangelog Notes = "changelog" // what changed since the version before
)

// UnmarshalYAML refuses other words, with their line.
func (n *Notes) UnmarshalYAML(node *yaml.Node) error {
	if *n = Notes(node.Value); *n != NotesBOM && *n != NotesChangelog {
		return lineError(node, "notes is %s or %s, not %q", NotesBOM, NotesChangelog, node.Value)
	}
	return nil
}

// Component holds the settings of one component.
type Component struct {
	Repository string         `yaml:"repository"` // name or org/name
	Branch     string         `yaml:"branch"`
	Parameters map[string]any `yaml:"parameters"`
	Project    string         `yaml:"project"`    // CircleCI project slug
	Definition string         `yaml:"definition"` // pipeline definition of a GitHub App project
	Stage      *bool          `yaml:"stage"`

	Verification Verification `yaml:",inline"`
}

// Read reads a gio.yaml that the user named.
func Read(path string) (File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return File{}, unreadable(err)
	}
	return Parse(path, data)
}

// Beside reads the gio.yaml of a directory, and returns its content, too: nil where there is none.
func Beside(dir string) ([]byte, File, error) {
	path := filepath.Join(dir, FileName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, File{}, nil
	}
	if err != nil {
		return nil, File{}, unreadable(err)
	}
	f, err := Parse(path, data)
	return data, f, err
}

func unreadable(err error) error {
	kind := fault.Invalid
	if errors.Is(err, fs.ErrNotExist) {
		kind = fault.NotFound
	}
	return fault.New(kind, "config-file", "the configuration cannot be read").Because(err).
		Hint("--config and GIO_CONFIG name another one; without them gio reads %s beside release.json", FileName)
}

// Parse reads the content of a gio.yaml. The path is for messages.
func Parse(path string, data []byte) (File, error) {
	f := File{Path: path}
	if err := f.decode(data); err != nil {
		return File{}, fault.New(fault.Invalid, "config-file", "%s", yamlMessage(path, err)).
			Hint("`gio help config` lists the keys")
	}
	if _, err := plan.ProductTag(f.ProductTag, ""); err != nil {
		return File{}, fault.New(fault.Invalid, "config-file", "%s", path).Because(err)
	}
	if err := f.findParameters(data); err != nil {
		return File{}, err
	}
	if err := f.checkDeclared(); err != nil {
		return File{}, err
	}
	if address := f.Notify.Webhook.URL; address != "" && !WebAddress(address) {
		return File{}, fault.New(fault.Invalid, "config-file", "%s: notify.webhook.url is not a web address, or contains a user or a password", path).
			Hint("write https://HOST/PATH; GIO_WEBHOOK_SECRET proves that gio is the caller")
	}
	return f, nil
}

// WebAddress reports whether gio can send something to an address: http or https, with a host, without user and password.
func WebAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

func (f *File) decode(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(f); err != nil {
		if errors.Is(err, io.EOF) { // it is empty
			return nil
		}
		return err
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return errors.New("after --- begins a second document, which gio would not read")
	}
	return f.checkEffect()
}

var (
	yamlLine   = regexp.MustCompile(`^line (\d+): `)
	unknownKey = regexp.MustCompile(`field (.+) not found in type .+`)
	goMapping  = regexp.MustCompile("into [^`]*[.{][^`]*$")
)

// yamlMessage returns the library's messages, each with file and line, and without words of Go and the library.
func yamlMessage(path string, err error) string {
	messages := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		messages = several.Errors
	}
	for i, m := range messages {
		prefix := path + ": "
		if at := yamlLine.FindStringSubmatch(m); at != nil {
			m, prefix = m[len(at[0]):], path+":"+at[1]+": "
		}
		m = unknownKey.ReplaceAllString(m, `gio does not know the key "$1"`)
		messages[i] = prefix + goMapping.ReplaceAllString(m, "into a mapping")
	}
	return strings.Join(messages, "; ")
}

// Overrides returns the part of gio.yaml that plans read.
func (f File) Overrides() map[string]plan.Override {
	overrides := make(map[string]plan.Override, len(f.Components))
	for name, c := range f.Components {
		overrides[name] = plan.Override{
			Repository: c.Repository, Branch: c.Branch, Parameters: c.Parameters,
			Project: c.Project, Definition: c.Definition, Stage: c.Stage, Verification: c.Verification.Plan(),
		}
	}
	return overrides
}

// String returns the value as --verbose prints it.
func (v Value) String() string {
	if v.Value == "" {
		return "(none)"
	}
	return fmt.Sprintf("%s (%s)", v.Value, v.Source)
}
