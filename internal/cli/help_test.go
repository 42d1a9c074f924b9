package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

const goldenHelp = "../../testdata/golden/help"

// helps are the commands and topics that the program's own help lists, and the program itself.
func helps(t *testing.T) map[string][]string {
	t.Helper()
	code, root, stderr := gio(t, "", nil, "--help")
	if code != 0 || stderr != "" {
		t.Fatalf("gio --help: exit %d, stderr %s", code, stderr)
	}
	pages := map[string][]string{"gio": {"--help"}, "gio help": {"help", "help"}}
	commands, topics, found := strings.Cut(root, "\nFlags of all commands (")
	if !found {
		t.Fatalf("the commands do not end with the flags:\n%s", root)
	}
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+) {2,}[A-Z]`).FindAllStringSubmatch(commands, -1) {
		pages["gio "+m[1]] = []string{m[1], "--help"}
	}
	for _, heading := range []string{"(gio-server):\n", "Others:"} {
		_, names, found := strings.Cut(commands, heading)
		if !found {
			t.Fatalf("no commands are listed below %q:\n%s", heading, root)
		}
		names, _, _ = strings.Cut(names, "\n")
		for _, name := range strings.Fields(names) {
			pages["gio "+name] = []string{name, "--help"}
			if name == "completion" {
				continue // its commands are cobra's
			}
			_, text, _ := gio(t, "", nil, name, "--help")
			for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+) {2,}[A-Z]`).FindAllStringSubmatch(text, -1) {
				pages["gio "+name+" "+m[1]] = []string{name, m[1], "--help"}
			}
		}
	}
	_, topics, _ = strings.Cut(topics, "Topics (`gio help TOPIC`):")
	for _, topic := range strings.Fields(topics) {
		pages["gio help "+topic] = []string{"help", topic}
	}
	return pages
}

// TestHelp holds every help text to its golden file, and to what fits a terminal.
func TestHelp(t *testing.T) {
	t.Parallel()
	pages := helps(t)
	for _, name := range []string{"gio release", "gio plan", "gio resolve", "gio sim", "gio version", "gio help exit-codes", "gio help environment", "gio status", "gio history", "gio watch", "gio approve", "gio cancel", "gio help journal", "gio prepare", "gio bom", "gio report", "gio init", "gio doctor", "gio rehearse", "gio stage", "gio trigger", "gio pull-request", "gio changelog", "gio where", "gio overview"} {
		if pages[name] == nil {
			t.Errorf("gio --help does not list %s", name)
		}
	}
	for name, args := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, got, stderr := gio(t, "", nil, args...)
			if code != 0 || stderr != "" {
				t.Errorf("exit %d, stderr %s", code, stderr)
			}
			compareGolden(t, filepath.Join(goldenHelp, strings.ReplaceAll(name, " ", "-")+".txt"), got)
			lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
			if len(lines) > 40 {
				t.Errorf("%d lines, at most 40 fit", len(lines))
			}
			for i, line := range lines {
				if n := utf8.RuneCountInString(line); n > 100 {
					t.Errorf("line %d has %d columns, at most 100 fit: %s", i+1, n, line)
				}
			}
		})
	}
	if *update {
		return
	}
	files, err := filepath.Glob(filepath.Join(goldenHelp, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(pages) {
		t.Errorf("%d golden files for %d help texts: delete those that are left over", len(files), len(pages))
	}
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: `make golden` writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), `make golden` writes it anew:\n%s", file, diff)
	}
}

// TestHelpNamesExitCodes: every command that can fail names its exit codes, each of them exists, and the topic has all.
func TestHelpNamesExitCodes(t *testing.T) {
	t.Parallel()
	known := map[int]bool{0: true}
	_, topic, _ := gio(t, "", nil, "help", "exit-codes")
	for _, kind := range fault.Kinds() {
		known[int(kind)] = true
		if line := fmt.Sprintf("  %2d  %s\n", int(kind), kind); !strings.Contains(topic, line) {
			t.Errorf("gio help exit-codes does not hold %q", line)
		}
	}
	want := map[string][]int{
		"init":      {0, 1, 2, 3, 4, 5, 7},
		"plan":      {0, 2, 5, 7},
		"rehearse":  {0, 2, 4, 5, 6, 7},
		"check":     {0, 2, 3, 4, 5, 7},
		"prepare":   {0, 2, 3, 4, 5, 6, 7, 11},
		"release":   {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		"stage":     {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		"trigger":   {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		"resolve":   {0, 2, 3, 4, 5, 7, 11},
		"doctor":    {0, 2, 3, 4, 5, 6, 7, 11},
		"status":    {0, 2, 3, 4, 5, 7, 9, 10, 11},
		"watch":     {0, 2, 3, 4, 5, 7, 9, 10, 11},
		"approve":   {0, 2, 3, 4, 5, 6, 7, 11},
		"cancel":    {0, 2, 3, 4, 5, 6, 7, 11},
		"history":   {0, 2, 3, 4, 5, 7},
		"bom":       {0, 1, 2, 3, 4, 5, 7},
		"changelog": {0, 2, 3, 4, 5, 7},
		"where":     {0, 2, 3, 4, 5, 7},
		"overview":  {0, 2, 3, 4, 5, 7},
		"report":    {0, 1, 2, 3, 4, 5, 7},
		"sim":       {0, 1, 2, 5, 7},
		"version":   {0, 2}, "help": {0, 2}, "completion": {0, 2},

		"pull-request": {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
	}
	got := map[string][]int{}
	for command := range want {
		_, text, _ := gio(t, "", nil, command, "--help")
		got[command] = exitCodes(t, text)
		for _, code := range got[command] {
			if !known[code] {
				t.Errorf("gio %s --help names exit code %d, which does not exist", command, code)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exit codes in the help (-want +got):\n%s", diff)
	}
}

// exitCodes are those of the paragraph "Exit codes: 0 done, 2 usage, …".
func exitCodes(t *testing.T, help string) []int {
	t.Helper()
	_, rest, found := strings.Cut(help, "Exit codes:")
	if !found {
		return nil
	}
	paragraph, _, _ := strings.Cut(rest, "\n\n")
	var codes []int
	for _, m := range regexp.MustCompile(`(?:^|[,\n]) *(\d+) `).FindAllStringSubmatch(paragraph, -1) {
		code, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
	}
	return codes
}
