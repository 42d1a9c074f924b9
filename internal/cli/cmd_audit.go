package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/client"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/transport"
	"github.com/gravitee-lab/gio/internal/wire"
)

type auditOptions struct {
	project, format, against string
	after                    int64
	limit                    int
	json, verify, head       bool
	follow                   bool
}

func newAuditCommand(env *environment) *cobra.Command {
	o := auditOptions{}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List what happened on gio-server, in order, and prove that nobody changed it",
		Long: `Audit lists the events of the ledger: who changed what, when, from where and by which API. Of all
projects only an admin sees them. Positions have no gaps; --after goes on behind one.

The events are a chain of hashes. --verify has the server compute it anew: exit 7 where an event was
changed, taken away or added. Keep what --head prints elsewhere, and --verify --against also finds
a history that was cut or written anew. Both are for admins.

--follow goes on with what happens, until Ctrl-C: one line each, with --json one object. Without
--project it shows all that the token sees.

` + ledgerCodes,
		Example: "  gio audit --project apim --after 1000\n  gio audit --format csv --limit 0 >audit.csv\n  gio audit --verify --against 1234:5d41…",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runAudit(cmd.Context(), env, o) },
	}
	cmd.Flags().StringVar(&o.project, "project", "", "only this project")
	cmd.Flags().Int64Var(&o.after, "after", 0, "only what came after this position")
	cmd.Flags().IntVar(&o.limit, "limit", 100, "list at most this many; 0 for all")
	cmd.Flags().StringVar(&o.format, "format", "", "csv: all fields of each event, for a spreadsheet")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON instead")
	cmd.Flags().BoolVar(&o.verify, "verify", false, "compute the chain of hashes anew")
	cmd.Flags().StringVar(&o.against, "against", "", "with --verify: what --head printed before, `POSITION:HASH`")
	cmd.Flags().BoolVar(&o.head, "head", false, "print the newest position and the hash over all up to there")
	cmd.Flags().BoolVar(&o.follow, "follow", false, "print each event as it comes, from --after on")
	cmd.MarkFlagsMutuallyExclusive("verify", "head", "format", "follow")
	cmd.MarkFlagsMutuallyExclusive("limit", "follow")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	return cmd
}

func runAudit(ctx context.Context, env *environment, o auditOptions) error {
	kept, err := o.check()
	if err != nil {
		return err
	}
	c, err := env.server()
	if err != nil {
		return err
	}
	switch {
	case o.head:
		return env.printHead(ctx, c, o.json)
	case o.verify:
		return env.verify(ctx, c, kept, o.json)
	case o.follow:
		return env.followAudit(ctx, c, o)
	case o.format == "csv":
		return env.auditCSV(ctx, c, o)
	}
	all := []wire.Event{}
	err = pages(ctx, c, o, func(events []wire.Event) error {
		all = append(all, events...)
		return nil
	})
	if err != nil {
		return err
	}
	var rows [][]string
	for _, e := range all {
		rows = append(rows, eventCells(e))
	}
	return env.table(o.json, all, []string{"POSITION", "TIME", "PROJECT", "EVENT", "BY", "API", "FROM", "WHAT"}, rows)
}

var printedHead = regexp.MustCompile(`^([1-9][0-9]{0,17}):([0-9a-f]{64})$`)

// check returns the end of --against.
func (o auditOptions) check() (kept wire.Head, err error) {
	listing := o.project != "" || o.after != 0
	switch {
	case o.format != "" && o.format != "csv":
		return kept, fault.New(fault.Usage, "usage", "there is no format %q", o.format).Hint("--format csv, or --json")
	case o.limit < 0:
		return kept, fault.New(fault.Usage, "usage", "--limit cannot be negative")
	case (o.verify || o.head) && listing:
		return kept, fault.New(fault.Usage, "usage", "the chain is of all events: --verify and --head go without --project and --after")
	case o.against == "":
		return kept, nil
	case !o.verify:
		return kept, fault.New(fault.Usage, "usage", "--against goes with --verify")
	}
	parts := printedHead.FindStringSubmatch(o.against)
	if parts == nil {
		return kept, fault.New(fault.Usage, "usage", "--against is not POSITION:HASH, as gio audit --head prints it")
	}
	position, err := strconv.ParseInt(parts[1], 10, 64)
	return wire.Head{Position: position, Hash: parts[2]}, err
}

// mostEvents is how many the server lists at once.
const mostEvents = 1000

// pages calls each with the events of a page after the other, at least once.
func pages(ctx context.Context, c *client.Client, o auditOptions, each func([]wire.Event) error) error {
	for left := o.limit; ; {
		n := mostEvents
		if o.limit > 0 {
			n = min(left, n)
		}
		events, err := c.Events(ctx, o.project, o.after, n)
		if err != nil {
			return err
		}
		if err := each(events); err != nil {
			return err
		}
		if left -= len(events); len(events) < n || left == 0 {
			return nil
		}
		o.after = events[len(events)-1].Position
	}
}

func (env *environment) auditCSV(ctx context.Context, c *client.Client, o auditOptions) error {
	header := true
	return pages(ctx, c, o, func(events []wire.Event) error {
		defer func() { header = false }()
		return report.EventsCSV(env.Stdout, events, header)
	})
}

func eventCells(e wire.Event) []string {
	return []string{fmt.Sprint(e.Position), when(&e.Time), e.Project, e.Type, e.Actor, e.Dialect, e.Address, words(e.Data)}
}

// followAudit prints events until it is interrupted, which is how it ends well.
func (env *environment) followAudit(ctx context.Context, c *client.Client, o auditOptions) error {
	if env.yaml {
		return fault.New(fault.Usage, "usage", "--follow prints JSON lines, and no YAML").Hint("use --json")
	}
	ctx, left := context.WithCancelCause(ctx)
	defer left(nil)
	env.out.onBreak(left)
	h := &http.Client{Transport: transport.NewBase(), CheckRedirect: transport.CheckRedirect}
	err := c.Follow(ctx, h, o.project, o.after, func(e wire.Event) error {
		if o.json {
			return json.NewEncoder(env.out.json()).Encode(e)
		}
		return report.Table(env.Stdout, nil, [][]string{eventCells(e)}, 0)
	})
	if errors.Is(err, errInterrupted) {
		return nil
	}
	return err
}

func (env *environment) printHead(ctx context.Context, c *client.Client, asJSON bool) error {
	head, err := c.Head(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return env.writeJSON(head)
	}
	_, err = fmt.Fprintf(env.Stdout, "%d:%s\n", head.Position, head.Hash)
	return err
}

func (env *environment) verify(ctx context.Context, c *client.Client, kept wire.Head, asJSON bool) error {
	v, err := c.Verify(ctx, kept)
	if err != nil {
		return err
	}
	if asJSON {
		err = env.writeJSON(v)
	} else if v.Intact {
		_, err = fmt.Fprintf(env.Stdout, "intact up to position %d\n%[1]d:%s\n", v.Head.Position, v.Head.Hash)
	}
	if err == nil && !v.Intact {
		err = fault.New(fault.Invalid, "broken-chain", "%s", v.Problem).
			Hint("compare with a backup: what stands before this position is as it was written")
	}
	return err
}

func words(data map[string]string) string {
	var all []string
	for name, value := range data {
		all = append(all, name+" "+value)
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}
