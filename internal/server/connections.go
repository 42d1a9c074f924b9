package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// Connection is a system outside with its secrets. Whatever prints it shows its name, its kind and its host, and no more: the path of
// an address can be a secret, too.
type Connection struct {
	Name string
	// Kind is CircleCI, whose user starts pipelines, Webhook, which gets signed POSTs, Git, where repositories are read, or that of a
	// repository, where bundles have files or images.
	Kind ledger.Kind
	URL  string // of CircleCI the host, of a webhook all of it, of the others how the addresses of repositories begin
	User string // who has the token, which is a password then; "" for any
	// Secrets has those that the file names, by their keys: "token" and perhaps "webhook_secret" of CircleCI, "secret" of a webhook,
	// perhaps "token" of the others.
	Secrets map[string]Secret
}

// String shows no secret.
func (c Connection) String() string {
	host := ""
	if u, err := url.Parse(c.URL); err == nil {
		host = u.Scheme + "://" + u.Host
	}
	return fmt.Sprintf("%s (%s at %s)", c.Name, c.Kind, host)
}

// Format shows no secret, whatever the verb.
func (c Connection) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.String()) }

// GoString shows no secret.
func (c Connection) GoString() string { return c.String() }

// MarshalJSON shows no secret.
func (c Connection) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// Secret is a text that is shown nowhere. Reveal has it. The pointer keeps it from who prints what holds a secret in a field that is
// not exported, where no method of the secret is asked.
type Secret struct{ text *string }

// NewSecret hides a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text, "" where there is none.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String shows that there is a secret.
func (s Secret) String() string { return "***" }

// Format shows that there is a secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "***") }

// GoString shows that there is a secret.
func (s Secret) GoString() string { return "***" }

// MarshalText shows that there is a secret, in JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Connections are declared by name. Their secrets have not been read.
type Connections map[string]declared

// declared is a connection of the settings.
type declared struct {
	kind    ledger.Kind
	url     string
	user    string
	secrets map[string]reference
}

// reference says where a secret is.
type reference struct {
	place  string // "gio-server.yaml:4: connections.circleci.token"
	source string // "env" or "file"
	name   string
	getenv func(string) string
}

// Resolve reads the secrets. Its fault "no-secret" names the place in the settings, and never a value.
func (c Connections) Resolve() (map[string]Connection, error) {
	all := map[string]Connection{}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		made := Connection{Name: name, Kind: c[name].kind, URL: c[name].url, User: c[name].user, Secrets: map[string]Secret{}}
		for _, key := range slices.Sorted(maps.Keys(c[name].secrets)) {
			text, err := c[name].secrets[key].read()
			if err != nil {
				return nil, err
			}
			made.Secrets[key] = NewSecret(text)
		}
		all[name] = made
	}
	return all, nil
}

func (r reference) missing(format string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "no-secret", "%s: %s", r.place, fmt.Sprintf(format, args...))
}

func (r reference) read() (string, error) {
	if r.source == "env" {
		if text := r.getenv(r.name); text != "" {
			return text, nil
		}
		return "", r.missing("the variable %s is not set", r.name)
	}
	data, err := os.ReadFile(r.name)
	if err != nil {
		return "", r.missing("the file cannot be read").Because(err)
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		return "", r.missing("the file %s is empty", r.name)
	}
	return text, nil
}

// Connections of repositories have their kinds.
const (
	artifactories = ledger.Kind(ledger.Artifactory)
	registries    = ledger.Kind(ledger.Registry)
)

// fields are what a connection of each kind may say: true for what it must.
func fields() map[ledger.Kind]map[string]bool {
	return map[ledger.Kind]map[string]bool{
		ledger.CircleCI: {"host": false, "token": true, "webhook_secret": false},
		ledger.Webhook:  {"url": true, "secret": true},
		ledger.Git:      {"url": true, "token": false, "user": false, "flux_secret": false},
		artifactories:   {"url": true, "token": false, "user": false},
		registries:      {"url": true, "token": false, "user": false},
	}
}

var connectionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// readConnections reads connections: {NAME: {kind: KIND, …}}. The kind can be left out where it is the name.
func readConnections(path string, node *yaml.Node, getenv func(string) string) (Connections, error) {
	r := connectionReader{path, getenv}
	entries, err := r.entries("connections", node)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	all := Connections{}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		key, value := "connections."+name, entries[name]
		if !connectionName.MatchString(name) {
			return nil, r.invalid(value, key, "a connection cannot have this name")
		}
		if all[name], err = r.connection(key, name, value); err != nil {
			return nil, err
		}
	}
	return all, nil
}

type connectionReader struct {
	path   string
	getenv func(string) string
}

func (r connectionReader) place(n *yaml.Node, key string) string {
	return fmt.Sprintf("%s:%d: %.200s", r.path, n.Line, key)
}

func (r connectionReader) invalid(n *yaml.Node, key, format string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "invalid-connection", "%s: %s", r.place(n, key), fmt.Sprintf(format, args...))
}

// kindsOf are the kinds of connections, by their names.
func kindsOf(all map[string]Connection) map[string]ledger.Kind {
	kinds := map[string]ledger.Kind{}
	for name, c := range all {
		kinds[name] = c.Kind
	}
	return kinds
}

// entries are those of a mapping, none where nothing is written.
func (r connectionReader) entries(key string, n *yaml.Node) (map[string]*yaml.Node, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == 0 || n.Tag == "!!null" {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, r.invalid(n, key, "it is not written as names with values")
	}
	entries := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if entries[name] != nil {
			return nil, r.invalid(n.Content[i], key+"."+name, "it is written twice")
		}
		entries[name] = n.Content[i+1]
	}
	return entries, nil
}

func (r connectionReader) connection(key, name string, n *yaml.Node) (declared, error) {
	written, err := r.entries(key, n)
	if err != nil {
		return declared{}, err
	}
	d := declared{kind: ledger.Kind(name), secrets: map[string]reference{}}
	if kind := written["kind"]; kind != nil {
		d.kind = ledger.Kind(kind.Value)
	}
	known, is := fields()[d.kind]
	if !is {
		return d, r.invalid(n, key+".kind", "a connection is of the kind artifactory, circleci, git, registry or webhook").Hint("write kind: circleci, or name the connection so")
	}
	for _, field := range slices.Sorted(maps.Keys(known)) {
		if known[field] && written[field] == nil {
			return d, r.invalid(n, key+"."+field, "a connection of the kind %s needs it", d.kind)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(written)) {
		if _, may := known[field]; !may && field != "kind" {
			return d, r.invalid(written[field], key+"."+field, "a connection of the kind %s has no such key", d.kind).
				Hint("its keys are kind, %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if err := r.field(&d, key, field, written[field]); err != nil {
			return d, err
		}
	}
	if d.kind == ledger.CircleCI && d.url == "" {
		d.url = config.DefaultHost
	}
	_, has := d.secrets["token"]
	switch {
	case d.user != "" && !has && d.kind != ledger.Git:
		return d, r.invalid(n, key+".user", "a user needs a token, which is the password")
	case has && d.kind != ledger.CircleCI && insecure(d.url):
		return d, r.invalid(n, key+".url", "the token is not sent by http, which others can read").Hint("write https://")
	}
	return d, nil
}

func (r connectionReader) field(d *declared, connection, field string, n *yaml.Node) error {
	key := connection + "." + field
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case field == "kind":
		return nil
	case n.Kind != yaml.ScalarNode:
		return r.invalid(n, key, "it is not a text")
	case field == "host":
		host, err := config.CircleCIHost(config.Value{Value: n.Value, Source: r.place(n, key)})
		if err == nil && insecure(host.Value) {
			err = r.invalid(n, key, "the token is not sent by http, which others can read").Hint("write https://")
		}
		d.url = host.Value
		return err
	case field == "user":
		d.user = n.Value
		return nil
	case field == "url" && d.kind == ledger.Git:
		u, err := url.Parse(n.Value) // the error would repeat it, with a password in it
		if err != nil || !gitAddress(u) {
			return r.invalid(n, key, "it is not https://HOST, perhaps with a path, without a user").Hint("a repository org/name is then at https://HOST/org/name; file:///PATH is for repositories on the server itself")
		}
		d.url = strings.TrimRight(n.Value, "/")
		return nil
	case field == "url" && (d.kind == artifactories || d.kind == registries):
		u, err := url.Parse(n.Value) // the error would repeat it, with a password in it
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return r.invalid(n, key, "it is not https://HOST, perhaps with a path, without a user").Hint("of Artifactory it usually ends in /artifactory")
		}
		if insecure(n.Value) {
			return r.invalid(n, key, "it is not used by http, which others can read and change").Hint("write https://")
		}
		d.url = strings.TrimRight(n.Value, "/")
		return nil
	case field == "url":
		u, err := url.Parse(n.Value) // the error would repeat it, with a password in it
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return r.invalid(n, key, "it is not https://HOST/PATH without a user")
		}
		d.url = n.Value
		return nil
	}
	secret, is := referTo(r.place(n, key), n.Value, r.getenv)
	if !is {
		return r.invalid(n, key, "a secret does not stand in the settings").Hint("write env:NAME for a variable, or file:PATH")
	}
	d.secrets[field] = secret
	return nil
}

// referTo understands env:NAME and file:PATH, written at a place.
func referTo(place, written string, getenv func(string) string) (reference, bool) {
	source, name, _ := strings.Cut(written, ":")
	return reference{place, source, name, getenv}, (source == "env" || source == "file") && name != ""
}

// gitAddress tells whether the addresses of repositories can begin like that.
func gitAddress(u *url.URL) bool {
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" || u.Scheme == "file" && u.Host == "" && strings.HasPrefix(u.Path, "/")
}

// insecure tells that others could read what is sent to an address.
func insecure(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
