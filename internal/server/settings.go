package server

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
)

// Settings say where the server listens, where it keeps the ledger, and which systems outside it knows.
type Settings struct {
	Listen   string `yaml:"listen"`   // address and port
	Database string `yaml:"database"` // postgres://…, or the path of a SQLite file
	// DatabasePassword says where PostgreSQL's password is: env:NAME or file:PATH. ReadSettings puts what it finds there into
	// Database, and leaves this empty.
	DatabasePassword string `yaml:"database_password"`

	Data           string `yaml:"data"`            // directory of the SQLite file and of the first token
	Blobs          string `yaml:"blobs"`           // directory of the contents of files; "" for blobs in Data, "none" for no files
	BaseURL        string `yaml:"base_url"`        // how links to this server begin; "" for where it listens
	DefaultProject string `yaml:"default_project"` // of requests that name none
	TLS            TLS    `yaml:"tls"`
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies Proxies `yaml:"trusted_proxies"`
	// UnknownSigningKey is "default" where the usual key signs for names that nobody knows; "" refuses them.
	UnknownSigningKey string `yaml:"unknown_signing_key"`
	// Charts says where the Helm charts of app files are: the first home that has one counts. Only the file has them.
	Charts []ChartHome `yaml:"charts"`
	// SigningKeys sign bundles: the first that can, where nobody names one. Only the file has them.
	SigningKeys SigningKeys `yaml:"-"`
	// Connections are the systems outside by their names, with secrets that nobody has read yet. Only the file has them.
	Connections Connections `yaml:"-"`
	// Notify are those who get news of deployments. Only the file has them.
	Notify Receivers `yaml:"-"`
}

// TLS names the files of the server's certificate and its key, in PEM. Without them it speaks plain HTTP.
type TLS struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

const (
	prefix   = "GIOSERVER_"
	fileName = "gio-server.yaml"
)

// scalars are the settings that a variable may hold, too, by its name without the prefix.
func (s *Settings) scalars() map[string]*string {
	return map[string]*string{
		"LISTEN": &s.Listen, "DATABASE": &s.Database, "DATA": &s.Data, "BLOBS": &s.Blobs, "BASE_URL": &s.BaseURL, "DEFAULT_PROJECT": &s.DefaultProject,
		"DATABASE_PASSWORD": &s.DatabasePassword, "TLS_CERTIFICATE": &s.TLS.Certificate, "TLS_KEY": &s.TLS.Key,
		"UNKNOWN_SIGNING_KEY": &s.UnknownSigningKey,
	}
}

// ReadSettings resolves them: flags, then GIOSERVER_LISTEN and the like, then the file, then the defaults. A variable or a key that
// the server does not know is an error. Without file the one in the working directory is read, if there is one.
func ReadSettings(flags Settings, file string, environ []string) (Settings, error) {
	env, err := fromEnvironment(environ)
	if err != nil {
		return Settings{}, err
	}
	s, err := fromFile(cmp.Or(file, fileName), file != "", getenv(environ))
	if err != nil {
		return Settings{}, err
	}
	fromFlags, fromEnv := flags.scalars(), env.scalars()
	for name, value := range s.scalars() {
		*value = cmp.Or(*fromFlags[name], *fromEnv[name], *value)
	}
	if env.TrustedProxies != nil {
		s.TrustedProxies = env.TrustedProxies
	}
	s.Listen = cmp.Or(s.Listen, config.ServerListen)
	s.Data = cmp.Or(s.Data, config.ServerData(getenv(environ)))
	s.Database = cmp.Or(s.Database, filepath.Join(s.Data, "ledger.db"))
	if err := s.addPassword(getenv(environ)); err != nil {
		return Settings{}, err
	}
	return s, s.check()
}

func (s *Settings) check() error {
	invalid := func(format string, args ...any) *fault.Fault {
		return fault.New(fault.Invalid, "invalid-setting", format, args...)
	}
	if (s.TLS.Certificate == "") != (s.TLS.Key == "") {
		return invalid("tls needs both, a certificate and a key").Hint("write tls: {certificate: PATH, key: PATH}")
	}
	if s.UnknownSigningKey != "" && s.UnknownSigningKey != byDefault {
		return invalid("unknown_signing_key is %.40q", s.UnknownSigningKey).Hint("write default, or leave it out: then nobody signs for names that are not known")
	}
	if s.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(s.BaseURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return invalid("base_url is not https://HOST, perhaps with a path").Hint("write it as people open this server in a browser: https://gio.example.org")
	}
	s.BaseURL = strings.TrimRight(s.BaseURL, "/")
	return nil
}

// noBlobs is said instead of a directory where the server keeps no files.
const noBlobs = "none"

// blobs is the directory of the contents of files; "" where none are kept.
func (s Settings) blobs() string {
	if s.Blobs == noBlobs {
		return ""
	}
	return cmp.Or(s.Blobs, filepath.Join(s.Data, "blobs"))
}

// baseURL is how links to a server begin that listens at an address.
func (s Settings) baseURL(listening string) string {
	if s.BaseURL != "" {
		return s.BaseURL
	}
	if at, err := netip.ParseAddrPort(listening); err == nil && at.Addr().IsUnspecified() {
		listening = fmt.Sprintf("localhost:%d", at.Port())
	}
	if s.TLS.Certificate != "" {
		return "https://" + listening
	}
	return "http://" + listening
}

func fromEnvironment(environ []string) (Settings, error) {
	var s Settings
	known := s.scalars()
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		key, ours := strings.CutPrefix(name, prefix)
		if !ours || value == "" {
			continue
		}
		if setting, is := known[key]; is {
			*setting = value
			continue
		}
		if key != "TRUSTED_PROXIES" {
			names := slices.Sorted(maps.Keys(known))
			return s, fault.New(fault.Invalid, "unknown-setting", "gio-server does not know the variable %s", name).
				Hint("the variables are %s%s and %[1]sTRUSTED_PROXIES", prefix, strings.Join(names, ", "+prefix))
		}
		var err error
		if s.TrustedProxies, err = parseProxies(strings.Split(value, ",")); err != nil {
			return s, fault.New(fault.Invalid, "invalid-setting", "%s", name).Because(err)
		}
	}
	return s, nil
}

// settingsFile is gio-server.yaml.
type settingsFile struct {
	Settings    `yaml:",inline"`
	Connections yaml.Node `yaml:"connections"`
	Notify      yaml.Node `yaml:"notify"`
	Keys        yaml.Node `yaml:"keys"`
}

func fromFile(path string, named bool, getenv func(string) string) (Settings, error) {
	var s settingsFile
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return s.Settings, nil
	}
	if err != nil {
		return s.Settings, fault.New(fault.NotFound, "settings-file", "the settings cannot be read").Because(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return s.Settings, fault.New(fault.Invalid, "settings-file", "%s", path).Because(err).
			Hint("the settings are listen, database, database_password, data, blobs, base_url, default_project, tls, trusted_proxies, connections, notify, charts, keys and unknown_signing_key")
	}
	if s.Settings.Connections, err = readConnections(path, &s.Connections, getenv); err != nil {
		return s.Settings, err
	}
	if s.Settings.Notify, err = readReceivers(path, &s.Notify, getenv); err != nil {
		return s.Settings, err
	}
	s.SigningKeys, err = readSigningKeys(path, &s.Keys, getenv)
	return s.Settings, err
}

// getenv reads a variable from an environment.
func getenv(environ []string) func(string) string {
	return func(name string) string {
		for _, entry := range environ {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// String shows the settings without the password of a database, wherever in its address that stands.
func (s Settings) String() string {
	database := s.Database
	if scheme, rest, ok := strings.Cut(database, "://"); ok {
		rest, _, _ = strings.Cut(rest, "?")
		if i := strings.LastIndex(rest, "@"); i >= 0 {
			rest = "***" + rest[i:]
		}
		database = scheme + "://" + rest
	}
	shown := fmt.Sprintf("listen %s, database %s", s.Listen, database)
	if len(s.Connections) > 0 {
		shown += ", connections " + strings.Join(slices.Sorted(maps.Keys(s.Connections)), " ")
	}
	if len(s.Notify) > 0 {
		shown += ", news to " + strings.Join(slices.Sorted(maps.Keys(s.Notify)), " and ")
	}
	return shown
}
