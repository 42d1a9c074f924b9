package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gravitee-lab/gio/internal/check"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/workspace"
)

// The completion of command lines knows values: from the checkout, and from what earlier commands have read (remember.go). It asks
// nobody, says nothing, and offers no file names where none is meant.

// offer lists what an argument or the value of a flag can be, each perhaps with a description behind a tab.
type offer func(c *completer) []string

// completer is one question of a shell.
type completer struct {
	env    *environment
	cmd    *cobra.Command
	args   []string
	word   string // so far, of an argument
	opened bool
	ws     workspace.Workspace
	man    *manifest.Manifest
	past   memory
}

// addCompletions tells cobra what the arguments and flags of all commands can be: by the words of their usage, and by their names.
func addCompletions(root *cobra.Command, env *environment) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	complete(root.PersistentFlags(), root, env)
	for _, cmd := range allCommands(root) {
		complete(cmd.LocalNonPersistentFlags(), cmd, env)
		if offered := argumentsOf(cmd); offered != nil && cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
				c := &completer{env: env, cmd: cmd, args: args, word: word}
				return fitting(offered(c), word, args), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
			}
		}
	}
}

func allCommands(root *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{root}
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" { // cobra's own
			all = append(all, allCommands(cmd)...)
		}
	}
	return all
}

func complete(flags *pflag.FlagSet, cmd *cobra.Command, env *environment) {
	flags.VisitAll(func(f *pflag.Flag) {
		offered, known := valuesOf(cmd, f.Name)
		switch {
		case slices.Contains(fileFlags, f.Name) || f.Name == "output" && f.Value.Type() != "form":
			_ = cmd.RegisterFlagCompletionFunc(f.Name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return nil, cobra.ShellCompDirectiveDefault
			}) // it fails for unknown flags and for those that have one: neither is
		case known:
			list := f.Value.Type() == "stringSlice"
			_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
				c := &completer{env: env, cmd: cmd, args: args}
				if list {
					return lastOfList(offered(c), word), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveKeepOrder
				}
				return fitting(offered(c), word, nil), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
			})
		}
	})
}

// fileFlags are the flags whose values are names of files.
var fileFlags = []string{"file", "config", "filename", "process", "scenario"}

// valuesOf says what the value of a flag can be.
func valuesOf(cmd *cobra.Command, flag string) (offered offer, known bool) {
	of := func(values ...string) offer { return func(*completer) []string { return values } }
	switch flag {
	case "run":
		return (*completer).runs, true
	case "version":
		return (*completer).versions, true
	case "branch":
		return (*completer).branches, cmd.Parent() == nil // those of a shipment are another repository's
	case "only", "except", "component":
		return (*completer).components, true
	case "skip-check":
		return of(skippable()...), true
	case "dry-run":
		if f := cmd.Flags().Lookup(flag); f != nil && f.Value.Type() == "level" {
			if f.Usage == clientOnly {
				return of("client", "false"), true
			}
			return of("client", "server", "false"), true
		}
	case "output":
		return of("json", "yaml"), true
	case "color":
		return of("always", "never", "auto"), true
	case "order":
		return of("graph", "waves"), true
	case "role":
		return of(strings.Split(cmd.Flags().Lookup(flag).Usage, ", ")...), true
	case "format":
		return of(formats[cmd.Name()]...), true
	}
	return nil, false
}

// formats are the values of --format, by command.
var formats = map[string][]string{
	"audit": {"csv"}, "bom": {"json", "yaml", "slack", "cyclonedx", "markdown"}, "plan": {"table", "json", "mermaid"}, "report": {"html", "markdown", "json"}, "changelog": {"text", "markdown", "json"},
}

// skippable are the codes that --skip-check takes, with what they mean.
func skippable() []string {
	var codes []string
	for _, r := range check.Rules() {
		if r.Never == "" {
			codes = append(codes, r.Code+"\t"+r.Means)
		}
	}
	return codes
}

// argumentsOf says what the arguments of a command can be; nil where nothing is known of them.
func argumentsOf(cmd *cobra.Command) offer {
	_, usage, _ := strings.Cut(cmd.Use, " ")
	first, rest, _ := strings.Cut(usage, " ")
	several := strings.Contains(first, "...")
	var offered offer
	switch first = strings.Trim(strings.TrimSuffix(first, "..."), "[]."); {
	case strings.HasPrefix(first, "COMPONENT"):
		offered = (*completer).componentsOf
	case first == "VERSION":
		offered = (*completer).versions
	case strings.HasPrefix(first, "A..B"):
		offered = (*completer).ends
	default:
		return nil
	}
	if several && rest == "" {
		return offered
	}
	return func(c *completer) []string {
		if len(c.args) > 0 {
			return nil
		}
		return offered(c)
	}
}

// fitting are the offered values that begin with the word, without those that the command line has already.
func fitting(offered []string, word string, without []string) (fit []string) {
	for _, value := range offered {
		name, _, _ := strings.Cut(value, "\t")
		if strings.HasPrefix(name, word) && !slices.Contains(without, name) {
			fit = append(fit, value)
		}
	}
	return fit
}

// lastOfList are the offered values for the last word of a comma list, behind the others.
func lastOfList(offered []string, word string) (fit []string) {
	before, last := "", word
	if i := strings.LastIndexByte(word, ','); i >= 0 {
		before, last = word[:i+1], word[i+1:]
	}
	for _, value := range fitting(offered, last, strings.Split(before, ",")) {
		fit = append(fit, before+value)
	}
	return fit
}

// open reads the checkout, and what is remembered of its runs. There may be neither.
func (c *completer) open() {
	if c.opened {
		return
	}
	c.opened = true
	env := c.env
	env.offline = true
	if env.repo == "" {
		o := env.workspaceOptions()
		o.Resolved, o.Warn = nil, nil
		ws, err := workspace.Open(c.cmd.Context(), o)
		if err != nil {
			return
		}
		c.ws = ws
		if m, err := manifest.ParseToEdit(ws.Path, ws.Local); err == nil {
			c.man = m
		}
	} else {
		c.ws.Path = env.file
	}
	if file := env.memoryFile(c.ws); file != "" {
		c.past = readMemory(file)
	}
}

// components are those of release.json, or of the remembered runs.
func (c *completer) components() []string {
	c.open()
	var names []string
	if c.man != nil {
		for _, m := range c.man.Components {
			names = append(names, m.Name)
		}
		return unique(names)
	}
	for _, r := range c.past.Runs {
		for name := range r.Steps {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return unique(names)
}

// componentsOf are the components that a command is for: of what is remembered of the run that the flags name. Where nothing is, all.
func (c *completer) componentsOf() []string {
	var first []run.Status
	only := false
	switch c.cmd.Name() {
	case "approve":
		first, only = []run.Status{run.OnHold}, true
	case "resolve":
		first, only = []run.Status{run.IsUnknown}, true
	case "retry", "logs":
		first = []run.Status{run.HasFailed}
	case "cancel":
		first = []run.Status{run.Running, run.OnHold}
	}
	all := c.components()
	known := c.steps()
	if known == nil {
		return all
	}
	var before, after []string
	for _, name := range all {
		status, there := known[name]
		switch {
		case slices.Contains(first, status):
			before = append(before, name+"\t"+string(status))
		case there && !only:
			after = append(after, name+"\t"+string(status))
		case !only && len(first) == 0:
			after = append(after, name)
		}
	}
	return append(before, after...)
}

// steps are the statuses in the run that the command line names.
func (c *completer) steps() map[string]run.Status {
	value := func(flag string) string {
		if f := c.cmd.Flags().Lookup(flag); f != nil {
			return f.Value.String()
		}
		return ""
	}
	name := value("run")
	if name == "" || name == "/" {
		version := value("version")
		if version == "" && c.man != nil {
			version = c.man.ReleaseVersion()
		}
		kind := run.Release
		if value("dry-run") == "true" {
			kind = run.DryRun
		}
		name = run.Name{Kind: kind, Version: version}.String()
	}
	for _, r := range c.past.Runs {
		if r.Run == name {
			return r.Steps
		}
	}
	return nil
}

func (c *completer) runs() []string {
	c.open()
	var names []string
	for _, r := range c.past.Runs {
		names = append(names, r.Run)
	}
	return names
}

// versions are those of the releases that are remembered, and release.json's.
func (c *completer) versions() []string {
	var versions []string
	for _, name := range c.runs() {
		if n, err := run.ParseName(name); err == nil && n.Kind != run.Trigger {
			versions = append(versions, n.Version)
		}
	}
	if c.man != nil {
		versions = append(versions, c.man.ReleaseVersion())
	}
	return unique(versions)
}

// ends are what a range can begin or end with: versions and branches.
func (c *completer) ends() (all []string) {
	begun := ""
	if from, _, both := strings.Cut(c.word, ".."); both {
		begun = from + ".."
	}
	for _, name := range unique(append(c.versions(), c.branches()...)) {
		all = append(all, begun+name)
	}
	return all
}

// branches are those of the checkout and of the remote, as they were when they were fetched.
func (c *completer) branches() []string {
	c.open()
	return c.ws.Branches(c.cmd.Context())
}

func (c *completer) topics() []string {
	if len(c.args) > 0 {
		return nil
	}
	var names []string
	for _, cmd := range c.cmd.Root().Commands() {
		if !cmd.Hidden && cmd.Name() != "help" {
			names = append(names, cmd.Name()+"\t"+cmd.Short)
		}
	}
	return names
}

func unique(names []string) (once []string) {
	for _, name := range names {
		if name != "" && !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}
