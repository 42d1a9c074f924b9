package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Pages are written here and not by cobra/doc, which treats help texts as Markdown and would join the
// lines of our tables, examples and topics into one paragraph.

// manualName returns the name of a command's page: gravitee-gio-release for gio release.
func manualName(cmd *cobra.Command) string {
	return strings.Replace(strings.ReplaceAll(cmd.CommandPath(), " ", "-"), "gio", packagedName, 1)
}

// manualSection returns 1 for commands, 7 for help topics.
func manualSection(cmd *cobra.Command) string {
	if cmd.IsAdditionalHelpTopicCommand() {
		return "7"
	}
	return "1"
}

func writePage(b *bytes.Buffer, cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag() // so that the flag is listed
	name := manualName(cmd)
	fmt.Fprintf(b, ".TH %s %s\n.ad l\n.nh\n.SH NAME\n%s \\- %s\n", roff(strings.ToUpper(name)), manualSection(cmd), roff(name), roff(cmd.Short))
	if synopsis := cmd.UseLine(); cmd.Runnable() {
		if cmd.HasAvailableSubCommands() { // by itself it only shows its help
			synopsis = cmd.CommandPath() + " COMMAND [flags]"
		}
		fmt.Fprintf(b, ".SH SYNOPSIS\n%s\n", roff(synopsis))
	}
	b.WriteString(".SH DESCRIPTION\n")
	writeText(b, cmd.Long)
	if !cmd.HasParent() {
		writeText(b, "\nPackages install the program as "+packagedName+", and as gio where no other program has that name.")
	}
	if cmd.Runnable() {
		writeOptions(b, "OPTIONS", cmd.NonInheritedFlags())
		writeOptions(b, "GLOBAL OPTIONS", cmd.InheritedFlags())
	}
	if cmd.Example != "" {
		b.WriteString(".SH EXAMPLES\n")
		writeText(b, cmd.Example)
	}
	writeCommands(b, cmd)
	if cmd.HasParent() {
		fmt.Fprintf(b, ".SH SEE ALSO\n%s\n", reference(cmd.Parent()))
	}
}

// writeText keeps indented lines as they are; troff may fill the others.
func writeText(b *bytes.Buffer, text string) {
	verbatim := false
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		line = strings.TrimSuffix(line, "\n")
		if indented := strings.HasPrefix(line, " "); line != "" && indented != verbatim {
			b.WriteString(map[bool]string{true: ".EX\n", false: ".EE\n"}[indented])
			verbatim = indented
		}
		if line == "" && !verbatim {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	if verbatim {
		b.WriteString(".EE\n")
	}
}

func writeOptions(b *bytes.Buffer, heading string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", heading)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		b.WriteString(".TP\n")
		if f.Shorthand != "" {
			fmt.Fprintf(b, "\\fB\\-%s\\fR, ", f.Shorthand)
		}
		fmt.Fprintf(b, "\\fB\\-\\-%s\\fR", roff(f.Name))
		switch {
		case value == "":
		case f.NoOptDefVal != "":
			fmt.Fprintf(b, "[=\\fI%s\\fR]", roff(value))
		default:
			fmt.Fprintf(b, " \\fI%s\\fR", roff(value))
		}
		fmt.Fprintf(b, "\n%s\n", roff(usage+defaultText(f)))
	})
}

// defaultText returns a flag's default for its help, "" where that is empty or zero.
func defaultText(f *pflag.Flag) string {
	if slices.Contains([]string{"", "0", "0s", "[]", "false"}, f.DefValue) {
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// writeCommands lists the pages of the subcommands, in their groups, and of the topics.
func writeCommands(b *bytes.Buffer, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	b.WriteString(".SH COMMANDS\n")
	writeListed(b, cmd, func(sub *cobra.Command) bool { return sub.GroupID == "" && sub.IsAvailableCommand() })
	for _, group := range cmd.Groups() {
		fmt.Fprintf(b, ".SS %s\n", roff(strings.TrimSuffix(group.Title, ":")))
		writeListed(b, cmd, func(sub *cobra.Command) bool { return sub.GroupID == group.ID && sub.IsAvailableCommand() })
	}
	if cmd.HasHelpSubCommands() {
		b.WriteString(".SS Topics\n")
		writeListed(b, cmd, func(sub *cobra.Command) bool { return sub.IsAdditionalHelpTopicCommand() })
	}
}

func writeListed(b *bytes.Buffer, cmd *cobra.Command, which func(*cobra.Command) bool) {
	for _, sub := range cmd.Commands() {
		if which(sub) {
			fmt.Fprintf(b, ".TP\n%s\n%s\n", reference(sub), roff(sub.Short))
		}
	}
}

// reference formats a page's name and section as man pages do.
func reference(cmd *cobra.Command) string {
	return fmt.Sprintf("\\fB%s\\fR(%s)", roff(manualName(cmd)), manualSection(cmd))
}

// roff escapes a line of text for troff: its backslashes and hyphens, and a dot or quote at its beginning,
// which would make it a request.
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}
