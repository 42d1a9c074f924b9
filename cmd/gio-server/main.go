// Command gio-server keeps which release runs where, and answers the clients that people have.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/helm"
	"github.com/gravitee-lab/gio/internal/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintf(os.Stderr, "gio-server: %s\n", err)
	for _, hint := range fault.HintLines(err) {
		fmt.Fprintf(os.Stderr, "  -> %s\n", hint)
	}
	kind := fault.KindOf(err)
	fmt.Fprintf(os.Stderr, "exit %d: %s\n", int(kind), kind)
	os.Exit(int(kind))
}

const usage = `gio-server keeps which release runs where, and speaks Aviator's API and what JFrog's jf and Gimlet's clients speak.

  gio-server [flags]                     serve until SIGTERM
  gio-server [flags] check               try settings, data directory and database
  gio-server [flags] backup --to PATH    write what the database holds to a new SQLite file
  gio-server [flags] verify              examine the database and its history; of a backup: --database PATH
  gio-server [flags] restore --from PATH fill the empty database with a backup; nothing is started then until gio-server resume
  gio-server [flags] resume              let a restored server start what waits
  gio-server [flags] copy --to DATABASE  fill another database, which must be empty, with this one
  gio-server [flags] token SUBJECT       make a token for an admin, and print its secret
  gio-server [flags] admin-token         print the token that the first start has made
  gio-server [flags] ready               ask the running server whether it and its database answer, as a health check does
  gio-server version                     print the version

check, backup, verify and resume may run beside the server. For copy no server may use either database; for restore and token
none may use the same SQLite file. PostgreSQL's password can also stand in PGPASSWORD or ~/.pgpass.

Settings: flags, then variables, then gio-server.yaml, then the defaults. In the file, and as a variable:

  listen            GIOSERVER_LISTEN           address and port (127.0.0.1:8790)
  database          GIOSERVER_DATABASE         postgres://…, or the path of a SQLite file (ledger.db in data)
  database_password GIOSERVER_DATABASE_PASSWORD  place of PostgreSQL's password, when it is not in its address
  data              GIOSERVER_DATA             directory of that file and of the first token
  blobs             GIOSERVER_BLOBS            directory of the contents of files (blobs in data); none: no files
  base_url          GIOSERVER_BASE_URL         how people reach the server, as in https://gio.example.org (where it listens)
  default_project   GIOSERVER_DEFAULT_PROJECT  the project of those who name none
  tls: {certificate, key}  GIOSERVER_TLS_CERTIFICATE, GIOSERVER_TLS_KEY  files in PEM; without them it speaks plain HTTP
  trusted_proxies   GIOSERVER_TRUSTED_PROXIES  addresses and networks whose X-Forwarded-For is believed (in the file a list)
  connections: {NAME: {kind, …}}               systems outside, only in the file; kind can be left out where NAME is it:
    circleci        token, host (https://circleci.com), webhook_secret (of what CircleCI sends to /hooks/circleci/NAME)
    webhook         url, secret (signs what is sent there)
    git             url (how the addresses of its repositories begin), token, user, flux_secret (with which Flux signs its events)
    artifactory, registry  url, token, user (where repositories are)
  notify: {slack: {webhook}, webhook: {url, secret}}   get news of deployments, only in the file; Slack's address is a secret
  keys: {NAME: file:PATH}                      sign bundles, in PEM, only in the file: the first, where nobody names one; else one is made
  unknown_signing_key  GIOSERVER_UNKNOWN_SIGNING_KEY  default: that one signs for unknown names, too; else they are refused
  charts: [{repository, folder | connection, path}]  where the Helm charts of app files are, only in the file
A secret never stands in the file: write env:NAME for a variable, or file:PATH.

`

// command is what one line of the usage does. What it is named is a flag, or an argument.
type command struct {
	flag, help string // "" for none
	argument   string // "" for none
	run        func(ctx context.Context, s server.Settings, named string, out io.Writer) error
}

func commands() map[string]command {
	plain := func(do func(context.Context, server.Settings, io.Writer) error) command {
		return command{run: func(ctx context.Context, s server.Settings, _ string, out io.Writer) error { return do(ctx, s, out) }}
	}
	return map[string]command{
		"check":   plain(server.Check),
		"verify":  plain(server.Verify),
		"resume":  plain(server.Resume),
		"backup":  {flag: "to", help: "`path` of the new file", run: server.Backup},
		"restore": {flag: "from", help: "`path` of the backup", run: server.Restore},
		"copy":    {flag: "to", help: "postgres://… or the `path` of a SQLite file", run: server.Copy},
		"token":   {argument: "SUBJECT", run: recoverToken},
		"ready":   plain(func(ctx context.Context, s server.Settings, _ io.Writer) error { return server.Ready(ctx, s) }),

		"admin-token": plain(printFirstToken),
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var flags server.Settings
	var file, named string
	begin := func(name string) *flag.FlagSet {
		f := flag.NewFlagSet(name, flag.ContinueOnError)
		f.SetOutput(stderr)
		f.Usage = func() {
			fmt.Fprint(stderr, usage)
			f.PrintDefaults()
		}
		f.StringVar(&file, "config", file, "settings `file` instead of gio-server.yaml in the working directory")
		f.StringVar(&flags.Listen, "listen", flags.Listen, "`address` and port (default 127.0.0.1:8790)")
		f.StringVar(&flags.Database, "database", flags.Database, "postgres://… or the `path` of a SQLite file (default ledger.db in --data)")
		f.StringVar(&flags.DatabasePassword, "database-password", flags.DatabasePassword, "`place` of PostgreSQL's password, when it is not in --database: env:NAME or file:PATH")
		f.StringVar(&flags.Data, "data", flags.Data, "`directory` of the SQLite file and the first token (default $XDG_DATA_HOME/gio-server)")
		return f
	}
	f := begin("gio-server")
	if err := f.Parse(args); err != nil {
		return wrongUsage(err)
	}
	if slices.Equal(f.Args(), []string{"version"}) { // whatever the settings are
		_, err := fmt.Fprintln(stdout, "gio-server", config.Version())
		return err
	}
	serve := func(ctx context.Context, s server.Settings, _ string, _ io.Writer) error {
		return server.Run(ctx, s, helm.Libraries{}, stderr, func(string) {})
	}
	chosen := command{run: serve}
	if words := f.Args(); len(words) > 0 {
		var known bool
		if chosen, known = commands()[words[0]]; !known {
			return wrongUsage(fmt.Errorf("gio-server does not know %q", words[0]))
		}
		f = begin(words[0])
		if chosen.flag != "" {
			f.StringVar(&named, chosen.flag, "", chosen.help)
		}
		if err := f.Parse(words[1:]); err != nil {
			return wrongUsage(err)
		}
		if err := chosen.complete(words[0], &named, f.Args()); err != nil {
			return wrongUsage(err)
		}
	}
	settings, err := server.ReadSettings(flags, file, os.Environ())
	if err != nil {
		return err
	}
	return chosen.run(ctx, settings, named, stdout)
}

// complete holds a command to what it must be told.
func (c command) complete(name string, named *string, rest []string) error {
	if c.argument != "" && len(rest) == 1 {
		*named, rest = rest[0], nil
	}
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%s does not know %q", name, rest)
	case c.flag != "" && *named == "":
		return fmt.Errorf("%s needs --%s", name, c.flag)
	case c.argument != "" && *named == "":
		return fmt.Errorf("%s needs %s", name, c.argument)
	}
	return nil
}

func wrongUsage(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return fault.New(fault.Usage, "usage", "%s", err).Hint("gio-server --help")
}

func recoverToken(ctx context.Context, settings server.Settings, subject string, stdout io.Writer) error {
	kept, err := server.Open(ctx, settings)
	if err != nil {
		return err
	}
	_, secret, err := server.New(kept).Recover(ctx, subject)
	if err := errors.Join(err, kept.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, secret)
	return err
}

func printFirstToken(_ context.Context, settings server.Settings, stdout io.Writer) error {
	secret, err := server.FirstToken(settings)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, secret)
	return err
}
