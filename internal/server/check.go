package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gravitee-lab/gio/internal/blobs"
	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store"
	"github.com/gravitee-lab/gio/internal/transport"

	"github.com/rs/zerolog"
)

// checked is one thing that a server needs.
type checked struct {
	name string
	try  func(context.Context) (found string, err error)
}

// patienceOfCheck is how long one thing may take.
const patienceOfCheck = 30 * time.Second

// checks are all that Check tries. A new kind of setting gets its own here.
func checks(s Settings) []checked {
	all := []checked{
		{"settings", func(context.Context) (string, error) { return s.String(), nil }},
		{"address", func(ctx context.Context) (string, error) { return checkAddress(ctx, s) }},
		{"data", func(context.Context) (string, error) { return checkData(s) }},
		{"blobs", func(ctx context.Context) (string, error) { return checkBlobs(ctx, s.blobs()) }},
		{"database", func(ctx context.Context) (string, error) { return checkDatabase(ctx, s.Database) }},
	}
	for _, key := range s.SigningKeys {
		all = append(all, checked{"key " + key.name, func(context.Context) (string, error) { return key.check() }})
	}
	if err := s.checkCharts(); err != nil {
		all = append(all, checked{"charts", func(context.Context) (string, error) { return "", err }})
	} else {
		for i, home := range s.Charts {
			all = append(all, checked{fmt.Sprintf("charts[%d]", i), func(context.Context) (string, error) { return home.check() }})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Connections)) {
		one := Connections{name: s.Connections[name]}
		all = append(all, checked{"connection " + name, func(ctx context.Context) (string, error) {
			resolved, err := one.Resolve()
			if err != nil {
				return "", err
			}
			return resolved[name].Check(ctx)
		}})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Notify)) {
		one := Receivers{name: s.Notify[name]}
		all = append(all, checked{"notify " + name, func(context.Context) (string, error) {
			_, err := one.Resolve()
			return "its address and its secret are there; nothing is sent", err
		}})
	}
	return all
}

// Check tries all that a server needs, beside one that runs, and prints what it found. It changes nothing but for the directories of
// the data and the blobs, which it makes. Fault: check-failed.
func Check(ctx context.Context, s Settings, out io.Writer) error {
	failed := 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	all := checks(s)
	for _, c := range all {
		verdict, found, err := "ok", "", error(nil)
		limited, cancel := context.WithTimeout(ctx, patienceOfCheck)
		found, err = c.try(limited)
		cancel()
		if err != nil {
			failed++
			verdict, found = "FAILED", err.Error()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.name, verdict, found)
		for _, hint := range fault.HintLines(err) {
			fmt.Fprintf(table, "\t\t-> %s\n", hint)
		}
	}
	if err := table.Flush(); err != nil || failed == 0 {
		return err
	}
	return fault.New(fault.Invalid, "check-failed", "%d of %d checks failed", failed, len(all))
}

// Check asks the system whether it is there and knows the secrets, as far as that can be asked without doing anything, and returns
// what it said. It shows no secret.
func (c Connection) Check(ctx context.Context) (found string, err error) {
	if c.Kind == ledger.CircleCI {
		wire := transport.New(transport.Options{Impatient: true})
		user, err := circleci.New(circleci.Options{Host: c.URL, Token: c.Secrets["token"].Reveal(), HTTP: wire}).Me(ctx)
		return fmt.Sprintf("%s: the token is of %s", c, user.Login), err
	}
	if c.Kind == artifactories || c.Kind == registries {
		return c.checkRepositories(ctx)
	}
	unreachable := fault.New(fault.Remote, "connection", "%s cannot be reached", c)
	if dir, local := strings.CutPrefix(c.URL, "file://"); local && c.Kind == ledger.Git {
		if _, err := os.ReadDir(dir); err != nil {
			return "", unreachable.Because(err)
		}
		return fmt.Sprintf("%s: the directory is there", c), nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, c.URL, nil)
	if err != nil {
		return "", unreachable
	}
	answer, err := transport.NewBase().RoundTrip(request) // its error does not repeat the address, which can be a secret
	if err != nil {
		return "", unreachable.Because(err)
	}
	_ = answer.Body.Close()
	return fmt.Sprintf("%s: it answers; whether it knows the secret is not asked", c), nil
}

// checkRepositories asks for nothing that is in a repository: the server does not know which one the token is for.
func (c Connection) checkRepositories(ctx context.Context) (found string, err error) {
	if c.Kind == registries {
		client, err := c.registry(zerolog.Nop())
		if err == nil {
			err = client.Check(ctx)
		}
		return fmt.Sprintf("%s: it is a registry, and takes the token", c), err
	}
	client, err := c.artifactory(zerolog.Nop())
	if err != nil {
		return "", err
	}
	version, err := client.Version(ctx)
	return fmt.Sprintf("%s: Artifactory %s takes the token", c, version), err
}

func checkAddress(ctx context.Context, s Settings) (string, error) {
	host, port, err := net.SplitHostPort(s.Listen)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	if err == nil && host != "" {
		_, err = net.DefaultResolver.LookupHost(ctx, host)
	}
	if err != nil {
		return "", fault.New(fault.Invalid, "cannot-listen", "the server cannot listen at %s", s.Listen).Because(err).
			Hint("another address: --listen, or GIOSERVER_LISTEN")
	}
	if _, err := s.certificate(); err != nil {
		return "", err
	}
	return s.baseURL(s.Listen), nil
}

// checkData writes a file into the directory of the data, and takes it away again.
func checkData(s Settings) (string, error) {
	if err := makeData(s); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(s.Data, "check-*")
	if err == nil {
		_, err = file.WriteString("gio-server check\n")
		err = errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
	}
	if err != nil {
		return "", fault.New(fault.Invalid, "data-directory", "nothing can be written into %s", s.Data).Because(err).Hint("another one: --data, or GIOSERVER_DATA")
	}
	return s.Data + " can be written", nil
}

// checkBlobs keeps a content, and removes it again.
func checkBlobs(ctx context.Context, dir string) (string, error) {
	if dir == "" {
		return "none: hosted repositories take no files", nil
	}
	home, err := blobs.Open(dir)
	if err != nil {
		return "", err
	}
	kept, err := home.Write(ctx, strings.NewReader("gio-server check\n"))
	if err == nil {
		err = home.Remove(kept.Place)
	}
	return dir + " can be written", err
}

func checkDatabase(ctx context.Context, url string) (found string, err error) {
	kept, err := store.OpenBeside(ctx, url)
	if fault.Is(err, "no-database") {
		return "there is none yet: it is made when the server starts", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	switch have, known, err := kept.Versions(ctx); {
	case err != nil:
		return "", err
	case have == 0:
		return kept.Kind() + " without tables: they are made when the server starts", nil
	case have < known:
		return fmt.Sprintf("%s of version %d, which becomes %d when the server starts", kept.Kind(), have, known), nil
	case have > known:
		return fmt.Sprintf("%s of version %d, made by a newer gio-server: this one knows %d", kept.Kind(), have, known), nil
	default:
		found = fmt.Sprintf("%s of version %d, up to date", kept.Kind(), have)
	}
	since, reason, err := New(kept).Quarantined(ctx)
	if !since.IsZero() {
		found += "; " + readiness(since, reason)
	}
	return found, err
}
