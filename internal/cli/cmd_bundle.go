package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/wire"
)

func newBundleCommand(env *environment) *cobra.Command {
	return ledgerGroup("bundle", "Make, list, show and verify bundles: boxes of files",
		`A bundle is a box: files and images with their checksums. Once it is sealed its list is signed, and
it never changes. gio promote carries it to the repositories of an environment.`,
		newBundleCreateCommand(env), newBundleListCommand(env), newBundleShowCommand(env), newBundleVerifyCommand(env))
}

func newBundleCreateCommand(env *environment) *cobra.Command {
	o, n := ofProject{}, wire.NewBundle{}
	cmd := &cobra.Command{
		Use:   "create (NAME VERSION REPOSITORY/PATH... | --candidate CANDIDATE)",
		Short: "Make a bundle of files and images, or the one of a candidate",
		Long: `Create puts files and images into a new bundle, as they are now, and seals it. In a path of a hosted
repository * stands for any text without a slash, and at least one file must fit; an image is
REPOSITORY/NAME:TAG. What the server keeps it keeps for as long as the bundle, whatever becomes of
the files; of what lives elsewhere the bundle has the checksums.

With --candidate alone it is made of what the project file says under bundle:. What is missing keeps
it a draft that names it; gio-server looks for it again by itself, and the same command at once.

` + ledgerCodes,
		Example: `  gio bundle create apim 3.9.4 "libs-dev/io/acme/gateway/3.9.4/*" libs-dev/io/acme/docs/guide.pdf
  gio bundle create apim-images 3.9.4 images-dev/acme/gateway:3.9.4
  gio bundle create --candidate 3.9.4-rc1`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && n.Candidate != "" {
				return runBundleCreate(cmd.Context(), env, o, n)
			}
			if len(args) < 3 {
				return fault.New(fault.Usage, "usage", "gio bundle create takes NAME, VERSION and at least one REPOSITORY/PATH, or --candidate alone").
					Hint("`gio bundle create --help` shows how it is used")
			}
			n.Name, n.Version = args[0], args[1]
			for _, place := range args[2:] {
				repository, path, found := strings.Cut(place, "/")
				if !found {
					return fault.New(fault.Usage, "usage", "%.200q is no REPOSITORY/PATH", place)
				}
				n.Files = append(n.Files, wire.BundleFile{Repository: repository, Path: path})
			}
			return runBundleCreate(cmd.Context(), env, o, n)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&n.Candidate, "candidate", "", "it is the box of this `candidate`")
	return cmd
}

func runBundleCreate(ctx context.Context, env *environment, o ofProject, n wire.NewBundle) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	b, err := c.CreateBundle(ctx, project, n)
	if err != nil {
		return perhaps(err, "gio bundle list")
	}
	if o.json {
		return env.writeJSON(b)
	}
	if _, err := fmt.Fprintf(env.Stdout, "%s %s: %s\n", b.Name, b.Version, sealing(b)); err != nil {
		return err
	}
	env.nextOfBundle(b)
	return nil
}

// sealing is how a bundle stands, in words.
func sealing(b wire.Bundle) string {
	switch {
	case b.Missing != "":
		return said(b.Status, b.Missing)
	case b.Status == "sealed":
		return "sealed, signed by " + b.Key
	}
	return b.Status
}

// nextOfBundle says what can be done with a bundle.
func (env *environment) nextOfBundle(b wire.Bundle) {
	switch {
	case b.Status == "sealed" && b.Promotions == 0:
		fmt.Fprintf(env.Stderr, "  -> gio promote %s %s ENVIRONMENT\n", quoted(b.Name), quoted(b.Version))
	case b.Missing != "" && b.Candidate != "":
		fmt.Fprintf(env.Stderr, "  -> gio bundle create --candidate %s looks again at once\n", quoted(b.Candidate))
	}
}

func newBundleListCommand(env *environment) *cobra.Command {
	o, limit := ofProject{}, 20
	cmd := &cobra.Command{
		Use:   "list [NAME]",
		Short: "List the bundles of a project, or the versions of one",
		Long: `List shows the names of a project's bundles, the one with the newest version first; with a name the
versions of that bundle, the newest first.

` + ledgerCodes,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return runBundleVersions(cmd.Context(), env, args[0], o, limit)
			}
			return runBundleList(cmd.Context(), env, o, limit)
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "list at most this many")
	return cmd
}

func runBundleList(ctx context.Context, env *environment, o ofProject, limit int) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	all, more, err := listed(limit, func(after string, n int) ([]wire.BundleName, string, error) {
		page, err := c.BundleNames(ctx, project, after, n)
		return page.Bundles, page.Next, err
	})
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, one := range all {
		rows = append(rows, []string{one.Name, one.Latest, strconv.Itoa(one.Versions), when(&one.CreatedAt)})
	}
	if more {
		defer fmt.Fprintf(env.Stderr, "there are more: --limit %d\n", limit*5)
	}
	return env.table(o.json, all, []string{"BUNDLE", "NEWEST", "VERSIONS", "MADE"}, rows)
}

func runBundleVersions(ctx context.Context, env *environment, name string, o ofProject, limit int) error {
	c, project, err := env.inProject(ctx, o)
	if err != nil {
		return err
	}
	all, more, err := listed(limit, func(after string, n int) ([]wire.Bundle, string, error) {
		page, err := c.Bundles(ctx, project, name, after, n)
		return page.Bundles, page.Next, err
	})
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, one := range all {
		rows = append(rows, []string{one.Version, sealing(one), strconv.Itoa(one.Promotions), when(&one.CreatedAt), one.CreatedBy})
	}
	if more {
		defer fmt.Fprintf(env.Stderr, "there are more: --limit %d\n", limit*5)
	}
	return env.table(o.json, all, []string{"VERSION", "STATUS", "PROMOTIONS", "MADE", "BY"}, rows)
}

func newBundleShowCommand(env *environment) *cobra.Command {
	o, limit := ofProject{}, 20
	cmd := &cobra.Command{
		Use:   "show NAME VERSION",
		Short: "Show what is in a bundle, where it was promoted, and what it lacks",
		Long: `Show tells all about a bundle: whose signature it bears, what keeps a draft from being sealed, its
promotions, and what is in it. --json has all items and the signature (DSSE over an in-toto
statement).

` + ledgerCodes,
		Example: "  gio bundle show apim 3.9.4",
		Args:    exactly("NAME", "VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			s, err := c.Bundle(cmd.Context(), project, args[0], args[1])
			if err != nil {
				return err
			}
			if o.json {
				return env.writeJSON(s)
			}
			return env.showBundle(s, limit)
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "show at most this many items")
	return cmd
}

func (env *environment) showBundle(s wire.ShownBundle, limit int) error {
	if limit < 1 {
		return fault.New(fault.Usage, "usage", "--limit must be 1 or more")
	}
	key := ""
	if s.Signature != nil {
		key = s.Key
	}
	err := env.facts(s.Name+" "+s.Version, []fact{
		{"status", s.Status},
		{"because", s.Missing},
		{"signed by", key},
		{"candidate", s.Candidate},
		{"made", when(&s.CreatedAt) + " by " + s.CreatedBy},
		{"items", strconv.Itoa(len(s.Items))},
	})
	if err != nil {
		return err
	}
	if len(s.Records) > 0 {
		if err := report.Table(env.Stdout, []string{"PROMOTED TO", "FROM", "HOW", "STATUS", "WHEN", "BY", "REPOSITORIES", "WHY"}, promotionRows(s.Records), env.outColumns()); err != nil {
			return err
		}
	}
	if len(s.Items) > 0 {
		rows := [][]string{}
		for _, i := range s.Items[:min(len(s.Items), limit)] {
			rows = append(rows, []string{i.Repository, i.Path, i.Type, size(i), i.SHA256})
		}
		if err := report.Table(env.Stdout, []string{"REPOSITORY", "PATH", "TYPE", "SIZE", "SHA256"}, rows, env.outColumns()); err != nil {
			return err
		}
	}
	if len(s.Items) > limit {
		fmt.Fprintf(env.Stderr, "there are more: --limit %d\n", len(s.Items))
	}
	env.nextOfBundle(s.Bundle)
	return nil
}

// size is that of an item in bytes, "" for one that is kept elsewhere.
func size(i wire.BundleItem) string {
	if i.Size == 0 {
		return ""
	}
	return strconv.FormatInt(i.Size, 10)
}

func promotionRows(all []wire.Promotion) (rows [][]string) {
	for _, p := range all {
		rows = append(rows, []string{
			p.Environment, p.From, p.Operation, p.Status, when(&p.StartedAt), p.Actor, strings.Join(p.Repositories, " "), oneLine(strings.Join(p.Messages, "; ")),
		})
	}
	return rows
}

func newBundleVerifyCommand(env *environment) *cobra.Command {
	o := ofProject{}
	cmd := &cobra.Command{
		Use:   "verify NAME VERSION",
		Short: "Check whose signature a bundle bears, and that all in it is there",
		Long: `Verify checks that a key of the server has signed what is in the bundle, and that the contents which
the server keeps are there. What is kept elsewhere is compared when the bundle is promoted.

Exit codes: 0 it is intact, 2 usage, 3 not allowed, 4 the server failed, 5 not found, 7 it is not.`,
		Example: "  gio bundle verify apim 3.9.4",
		Args:    exactly("NAME", "VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, project, err := env.inProject(cmd.Context(), o)
			if err != nil {
				return err
			}
			v, err := c.VerifyBundle(cmd.Context(), project, args[0], args[1])
			if err != nil {
				return err
			}
			return env.printVerified(args[0]+" "+args[1], v, o.json)
		},
	}
	o.flags(cmd)
	return cmd
}

func (env *environment) printVerified(name string, v wire.VerifiedBundle, asJSON bool) error {
	if asJSON {
		env.printed = true
		if err := env.writeJSON(v); err != nil {
			return err
		}
	} else if v.Intact {
		elsewhere := ""
		if n := v.Items - v.Kept; n > 0 {
			elsewhere = fmt.Sprintf(", %d are kept elsewhere", n)
		}
		_, err := fmt.Fprintf(env.Stdout, "%s is signed by %s; %d of %d contents are here%s\n", name, v.Key, v.Kept, v.Items, elsewhere)
		return err
	}
	if v.Intact {
		return nil
	}
	f := fault.New(fault.Invalid, "bundle-broken", "the bundle %s is not intact", name)
	if v.Problem != "" {
		f = f.Hint("its signature is not good: %s", oneLine(v.Problem))
	}
	for _, place := range v.Lost {
		f = f.Hint("the content of %s is gone", oneLine(place))
	}
	return f
}
