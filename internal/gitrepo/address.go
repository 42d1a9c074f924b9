package gitrepo

import (
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Redact returns the address of a repository as it may be shown: without user, password and query. It keeps the user of an
// ssh address, which is no secret.
func Redact(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return redactSCP(address)
	}
	rest, _, _ = strings.Cut(rest, "?")
	authority, tail := rest, ""
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, tail = rest[:slash], rest[slash:]
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, _, _ := strings.Cut(authority[:at], ":")
		authority = authority[at+1:]
		if strings.EqualFold(scheme, "ssh") {
			authority = user + "@" + authority
		}
	}
	return scheme + "://" + authority + tail
}

// redactSCP removes a password from user:password@host:path, which ssh does not support but people write.
func redactSCP(address string) string {
	user, rest, ok := strings.Cut(address, "@")
	if name, _, found := strings.Cut(user, ":"); ok && found && !strings.ContainsRune(user, '/') {
		return name + "@" + rest
	}
	return address
}

// RepoID returns the identity of a repository, the same for all addresses of it, and usable as a relative file name:
// github.com/org/name, or local/path/of/it. A port counts for http only, as "host_8443", because the same host serves ssh on
// another port.
func RepoID(address string) string {
	ep, err := transport.NewEndpoint(address)
	if err != nil {
		return "other/" + url.PathEscape(Redact(address))
	}
	if ep.Protocol == "file" {
		return "local" + path.Clean("/"+filepath.ToSlash(ep.Path))
	}
	host := strings.ToLower(strings.Trim(ep.Host, "[]"))
	host = strings.ReplaceAll(host, ":", "_")
	defaultPort := map[string]int{"http": 80, "https": 443}[ep.Protocol]
	if defaultPort != 0 && ep.Port != 0 && ep.Port != defaultPort {
		host += "_" + strconv.Itoa(ep.Port)
	}
	name := strings.TrimSuffix(path.Clean("/"+ep.Path), ".git")
	return host + strings.TrimSuffix(name, "/")
}
