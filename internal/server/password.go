package server

import (
	"net/url"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// addPassword puts PostgreSQL's password into its address, from where database_password says.
func (s *Settings) addPassword(getenv func(string) string) error {
	const setting = "database_password"
	if s.DatabasePassword == "" {
		return nil
	}
	invalid := func(message string) *fault.Fault {
		return fault.New(fault.Invalid, "database-password", "%s", setting+message)
	}
	place, is := referTo(setting, s.DatabasePassword, getenv)
	if !is { // perhaps the password itself, so it is not shown
		return invalid(": a secret does not stand in the settings").Hint("write env:NAME for a variable, or file:PATH")
	}
	address, err := url.Parse(s.Database)
	if err != nil || !strings.HasPrefix(address.Scheme, "postgres") {
		return invalid(" is for an address of PostgreSQL").Hint("database: postgres://USER@HOST/NAME")
	}
	if _, twice := address.User.Password(); twice || address.User.Username() == "" {
		return invalid(" is for an address with a user and without a password").Hint("database: postgres://USER@HOST/NAME")
	}
	password, err := place.read()
	if err != nil {
		return err
	}
	address.User = url.UserPassword(address.User.Username(), password)
	s.Database, s.DatabasePassword = address.String(), ""
	return nil
}
