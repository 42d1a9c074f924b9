package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
)

// addGlobals adds the flags of all commands.
func addGlobals(root *cobra.Command, env *environment) {
	flags := root.PersistentFlags()
	flags.StringVar(&env.file, "file", "release.json", "the manifest to release from")
	flags.StringVarP(&env.repo, "repo", "R", "", "release repository (org/name or address) instead of a checkout")
	flags.StringVar(&env.branch, "branch", "", "release branch (default: the checkout's)")
	flags.StringVar(&env.config, "config", "", "configuration (default: gio.yaml beside the manifest)")
	flags.Var(&env.colors, "color", "always, never or auto: where it can be seen")
	flags.BoolVarP(&env.quiet, "quiet", "q", false, "print results, questions and errors, and nothing else")
	flags.BoolVar(&env.verbose, "verbose", false, "print every request, and the source of every setting")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if env.quiet && env.verbose {
			return fault.New(fault.Usage, "usage", "--quiet and --verbose exclude each other").Hint("leave one of them out")
		}
		env.hide(env.workspaceOptions().Secrets())
		env.out.color, env.talk.color = env.outColor(), env.color()
		env.talk.mute(env.quiet)
		return nil
	}
}

// colorWhen is the flag --color.
type colorWhen string

// Set reads the flag's value.
func (c *colorWhen) Set(value string) error {
	switch colorWhen(value) {
	case "always", "never", "auto":
		*c = colorWhen(value)
		return nil
	}
	return fault.New(fault.Usage, "usage", "it is always, never or auto")
}

func (c *colorWhen) String() string { return string(*c) }

// Type is what the help calls the value.
func (*colorWhen) Type() string { return "when" }

// or decides: auto is what can be seen.
func (c colorWhen) or(visible bool) bool { return c == "always" || c != "never" && visible }

// addOutputs adds --output to the commands that have --json, which is the same as --output json.
func addOutputs(root *cobra.Command, env *environment) {
	for _, cmd := range allCommands(root) {
		flags := cmd.LocalNonPersistentFlags()
		if f := flags.Lookup("json"); f != nil && f.Value.Type() == "bool" && flags.Lookup("output") == nil { // that of gio report is a file
			cmd.Flags().VarP(&outputForm{env: env, flags: cmd.Flags()}, "output", "o", "json, or the same as yaml")
		}
	}
}

// outputForm is the flag --output.
type outputForm struct {
	env   *environment
	flags *pflag.FlagSet
	form  string
}

// Set reads the flag's value.
func (o *outputForm) Set(value string) error {
	if value != "json" && value != "yaml" {
		return fault.New(fault.Usage, "usage", "it is json or yaml")
	}
	o.form, o.env.yaml = value, value == "yaml"
	return o.flags.Set("json", "true")
}

func (o *outputForm) String() string { return o.form }

// Type is what the help calls the value.
func (*outputForm) Type() string { return "form" }

// writeJSON writes the result of a command for a program.
func (env *environment) writeJSON(v any) error {
	if env.yaml {
		return report.YAML(env.out.plain(), v)
	}
	return report.JSON(env.out.json(), v)
}
