package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/gravitee-lab/gio/internal/fault"
)

// ServerListen is where a gio-server listens by itself.
const ServerListen = "127.0.0.1:8790"

// AdminTokenFile is the file in a server's directory that has the first token.
const AdminTokenFile = "admin-token"

// ServerData is the directory of a user's server: $XDG_DATA_HOME/gio-server, else that of the home directory.
func ServerData(getenv func(string) string) string {
	if data := getenv("XDG_DATA_HOME"); data != "" {
		return filepath.Join(data, "gio-server")
	}
	return filepath.Join(cmp.Or(getenv("HOME"), "."), ".local", "share", "gio-server")
}

// Server is a gio-server and the token for it.
type Server struct {
	Host  Value
	Token string
	From  string // where the token comes from
}

// login is the file that `gio login` writes.
type login struct {
	Server string `json:"server"`
	Token  string `json:"token"`
}

// LoginFile is where `gio login` keeps the server and its token: in $XDG_CONFIG_HOME/gio, else ~/.config/gio.
func LoginFile(getenv func(string) string) string {
	dir := getenv("XDG_CONFIG_HOME")
	if dir == "" {
		dir = filepath.Join(getenv("HOME"), ".config")
	}
	return filepath.Join(dir, "gio", "server.json")
}

// FindServer finds them in GIO_SERVER and GIO_TOKEN, else in the login file; a token goes only to the server that it came with.
// Faults: "no-server" (kind Usage), "insecure-server", "login-file".
func FindServer(getenv func(string) string) (Server, error) {
	file := LoginFile(getenv)
	var l login
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Server{}, fault.New(fault.Invalid, "login-file", "%s cannot be read", file).Because(err).Hint("gio login writes it anew")
	}
	s := Server{Host: First(Env(getenv, "GIO_SERVER"), Value{l.Server, file}), Token: getenv("GIO_TOKEN"), From: "GIO_TOKEN"}
	if s.Token == "" && s.Host.Value == l.Server {
		s.Token, s.From = l.Token, file
	}
	switch {
	case s.Host.Value == "":
		return s, fault.New(fault.Usage, "no-server", "no gio-server is named").Hint("set GIO_SERVER and GIO_TOKEN, or run gio login")
	case s.Token == "":
		return s, fault.New(fault.Auth, "no-server-token", "there is no token for %s", s.Host.Value).Hint("set GIO_TOKEN, or run gio login")
	}
	return s, CheckServer(s.Host.Value)
}

// CheckServer refuses an address to which no token may be sent: http beyond this machine, and one with a user or a password.
func CheckServer(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return fault.New(fault.Usage, "server-address", "the address of gio-server is not https://HOST").Hint("set GIO_SERVER, as in https://gio.example.org")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fault.New(fault.Usage, "insecure-server", "a token is not sent to %s: http can be read by others", u.Host).Hint("use https://%s", u.Host)
	}
	return nil
}

// Login writes the login file, which only its owner may read.
func Login(getenv func(string) string, server, token string) (file string, err error) {
	if err := CheckServer(server); err != nil {
		return "", err
	}
	file = LoginFile(getenv)
	data, err := json.MarshalIndent(login{server, token}, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = writePrivate(file, append(data, '\n'))
	}
	if err != nil {
		return "", fault.New(fault.Invalid, "login-file", "%s cannot be written", file).Because(err)
	}
	return file, nil
}

// writePrivate replaces a file as a whole.
func writePrivate(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".server-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it is gone, where all went well
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
