package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// bashWithout is what cobra's script takes from the package bash-completion, for a bash without it, as on macOS: the words before the
// cursor. Only spaces separate them; quotes in them are for the eval behind.
const bashWithout = `# What the package bash-completion has, for a bash without it.
__%[1]s_words()
{
    local line="${COMP_LINE:0:$COMP_POINT}"
    read -ra words <<<"$line"
    if [[ $line == *[[:space:]] ]]; then words+=(""); fi
    cword=$((${#words[@]} - 1))
    cur=${words[cword]} prev=""
    if ((cword > 0)); then prev=${words[cword - 1]}; fi
}

`

// bashCompletion writes the script of bash for the command of this name.
func bashCompletion(w io.Writer, root *cobra.Command, name string, descriptions bool) error {
	var script strings.Builder
	if err := root.GenBashCompletionV2(&script, descriptions); err != nil {
		return err
	}
	function := strings.NewReplacer("-", "_", ":", "_").Replace(name)
	const theirs = `    _get_comp_words_by_ref "$@" cur prev words cword
`
	ours := fmt.Sprintf(`    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
    else
        __%s_words
    fi
`, function)
	_, err := io.WriteString(w, fmt.Sprintf(bashWithout, function)+strings.Replace(script.String(), theirs, ours, 1))
	return err
}

// completeBash has gio completion bash write the script that needs no package.
func completeBash(root *cobra.Command) {
	cmd, _, err := root.Find([]string{"completion", "bash"})
	if err != nil {
		return
	}
	cmd.Long = strings.NewReplacer(
		"This script depends on the 'bash-completion' package.\nIf it is not installed already, you can install it via your OS's package manager.\n\n", "",
	).Replace(cmd.Long)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		without, err := cmd.Flags().GetBool("no-descriptions")
		if err != nil {
			return err
		}
		return bashCompletion(cmd.OutOrStdout(), root, root.Name(), !without)
	}
}
