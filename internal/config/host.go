package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// cloudHosts are the names under which people know CircleCI's cloud: that of its API and that of its pages.
var cloudHosts = []string{"circleci.com", "www.circleci.com", "app.circleci.com"}

// apiPaths are what people add to the host, because CircleCI's documents show it in the addresses of the API.
var apiPaths = []string{"/api/v2", "/api/v1.1"}

// CircleCIHost makes CircleCI's address of what a person wrote, where there is no doubt what is meant: no scheme is https, and the
// path of the API and the name of the pages are no part of it. Anything else that is not an address is the fault "circleci-host",
// which names the source and never repeats a user or a password.
func CircleCIHost(written Value) (Value, error) {
	text := strings.TrimSpace(written.Value)
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if strings.Contains(written.Value, "@") { // it would be printed, and kept in the journal
		return Value{}, fault.New(fault.Invalid, "circleci-host", "the address of CircleCI from %s holds a user or a password", written.Source).
			Hint("write it without: https://circleci.com, or your server's; the token alone says who you are")
	}
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		return Value{}, badHost(written)
	}
	path := "/" + strings.Trim(u.Path, "/")
	for _, api := range apiPaths {
		path = strings.TrimSuffix(path, api)
	}
	path = strings.TrimRight(path, "/")
	host := strings.ToLower(u.Host)
	switch {
	case !slices.Contains(cloudHosts, host):
		return Value{u.Scheme + "://" + host + path, written.Source}, nil
	case path != "":
		return Value{}, badHost(written)
	}
	return Value{DefaultHost, written.Source}, nil // by https in any case: a token is sent there
}

func badHost(written Value) error {
	return fault.New(fault.Invalid, "circleci-host", "%s is not the address of a CircleCI: %q", written.Source, written.Value).
		Hint("write %s, or https:// and your server's name, without the path of the API", DefaultHost)
}
