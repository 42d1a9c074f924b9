package cli_test

import (
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/cli"
)

// docs is what cli.WriteDocs wrote, by its path below the directory, pages unpacked.
func docs(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := cli.WriteDocs(dir); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found[filepath.ToSlash(name)] = read(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// read gives a file's content, unpacked when it is compressed.
func read(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestManual: every command and topic has a page that says what its help says, in lines that troff reads as meant.
func TestManual(t *testing.T) {
	t.Parallel()
	pages := docs(t)
	for name, args := range helps(t) {
		page := "man/man1/gravitee-" + strings.ReplaceAll(name, " ", "-") + ".1.gz"
		if topic, ok := strings.CutPrefix(name, "gio help "); ok {
			page = "man/man7/gravitee-gio-" + topic + ".7.gz"
		}
		if name == "gio help" { // cobra adds it when it runs; man has its own
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, ok := pages[page]
			if !ok {
				t.Fatalf("there is no page %s", page)
			}
			checkRoff(t, text)
			_, help, _ := gio(t, "", nil, args...)
			plain := words(regexp.MustCompile(`(?m)^\.[A-Z]+|\\f[BIR]|\\&|"`).ReplaceAllString(strings.ReplaceAll(text, `\e`, `\`), ""))
			for _, line := range said(help) {
				if !strings.Contains(plain, words(line)) {
					t.Errorf("the page does not say: %s", line)
				}
			}
		})
	}
}

// said are the lines of a help text before its usage (or the commands of gio), the flags and the commands with what
// is said of them.
func said(help string) []string {
	help, _, _ = strings.Cut(help, "\n`gio COMMAND --help`")
	end := regexp.MustCompile(`(?m)^(Usage|Before a release):$|\z`).FindStringIndex(help)[0]
	lines := strings.Split(strings.TrimSpace(help[:end]), "\n")
	listed := regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+|[a-z-]+ ).*?  +(\S.*)$`)
	for _, m := range listed.FindAllStringSubmatch(help[end:], -1) {
		lines = append(lines, m[1], m[2])
	}
	return lines
}

// words is a text as it reads when lines are filled.
func words(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer(`\-`, "-", `"`, "").Replace(text)), " ")
}

// checkRoff: no line of text is taken for a request, no backslash for an escape, and what is opened is closed.
func checkRoff(t *testing.T, text string) {
	t.Helper()
	open := false
	for line := range strings.Lines(text) {
		if regexp.MustCompile(`^['.]`).MatchString(line) && !regexp.MustCompile(`^\.(TH|SH|SS|PP|TP|EX|EE|ad l|nh)\b`).MatchString(line) {
			t.Errorf("a line of text that troff takes for a request: %s", line)
		}
		if rest := regexp.MustCompile(`\\([-&e]|f[BIR])`).ReplaceAllString(line, ""); strings.Contains(rest, `\`) {
			t.Errorf("a backslash that troff takes for an escape: %s", line)
		}
		if begins := line == ".EX\n"; begins == open && (begins || line == ".EE\n") {
			t.Errorf("%s out of its turn", strings.TrimSpace(line))
		}
		open = line == ".EX\n" || open && line != ".EE\n"
	}
	if open {
		t.Error("the last example is not closed")
	}
}

// TestCompletions: both names have a script for every shell, and bash can read its own.
func TestCompletions(t *testing.T) {
	t.Parallel()
	files := docs(t)
	for name, registers := range map[string]string{
		"bash/gio": "-F __start_gio gio\n", "bash/gravitee-gio": "-F __start_gravitee-gio gravitee-gio\n",
		"zsh/_gio": "#compdef gio\n", "zsh/_gravitee-gio": "#compdef gravitee-gio\n",
		"fish/gio.fish": "complete -c gio ", "fish/gravitee-gio.fish": "complete -c gravitee-gio ",
		"powershell/gio.ps1": "-CommandName 'gio' ", "powershell/gravitee-gio.ps1": "-CommandName 'gravitee-gio' ",
	} {
		script := files["completions/"+name]
		if !strings.Contains(script, registers) {
			t.Errorf("%s does not say %q", name, registers)
		}
		bash, err := exec.LookPath("bash")
		if strings.HasPrefix(name, "bash/") && err == nil {
			cmd := exec.CommandContext(t.Context(), bash, "-n")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
	}
}

// TestDocsSame: two builds of one commit carry the same pages and scripts.
func TestDocsSame(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(docs(t), docs(t)); diff != "" {
		t.Error(diff)
	}
}
