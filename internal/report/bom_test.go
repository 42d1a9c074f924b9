package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

func parsed(t *testing.T, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse("release.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ofOrganization(m *manifest.Manifest) func(manifest.Component) string {
	return func(c manifest.Component) string {
		name, _ := plan.Options{}.Repository(m, c) // a name that cannot be a repository's has none
		return name
	}
}

// beforeRelease has an empty group, one without anything to release, and a component in no group.
const beforeRelease = `{"name": "Gravitee.io", "version": "3.9.4-SNAPSHOT", "scmHttpUrl": "https://github.com/Gravitee-IO/", "components": [
	{"name": "gravitee-parent", "version": "19.0.0-SNAPSHOT", "since": "3.9.0"},
	{"name": "gravitee-common", "version": "1.19.0", "since": "3.9.1"},
	{"name": "gravitee-node", "version": "1.10.2-SNAPSHOT"},
	{"name": "gravitee-old", "version": "1.0.0"},
	{"name": "gravitee-gateway"}
], "buildDependencies": [["gravitee-parent"], [], ["gravitee-common", "gone"], ["gravitee-gateway", "gravitee-node"]]}`

const afterRelease = `{"name": "Gravitee.io", "version": "3.9.4", "scmHttpUrl": "https://github.com/Gravitee-IO/", "components": [
	{"name": "gravitee-parent", "version": "19.0.0", "since": "3.9.4"},
	{"name": "gravitee-common", "version": "1.19.0", "since": "3.9.1"},
	{"name": "gravitee-node", "version": "1.10.2", "since": "3.9.4"},
	{"name": "gravitee-old", "version": "1.0.0"},
	{"name": "gravitee-gateway", "version": "3.9.4", "since": "3.9.4"}
], "buildDependencies": [["gravitee-parent"], [], ["gravitee-common", "gone"], ["gravitee-gateway", "gravitee-node"]]}`

func boms(t *testing.T) map[string]report.BOM {
	t.Helper()
	before, after := parsed(t, beforeRelease), parsed(t, afterRelease)
	built := succeeded(parent)
	built.Commit = "0a8f1c2e3d4b5a69788796a5b4c3d2e1f0a1b2c3"
	s := newStory(t).at("10:00:00", begin()...).
		at("10:00:01", intent(1, parent), triggered(parent)).
		at("10:03:13", built)
	released := report.NewBOM(after, ofOrganization(after), s.state)
	released.Commit = "77e8f1c2e3d4b5a69788796a5b4c3d2e1f0a1b2c"
	return map[string]report.BOM{
		"open": report.NewBOM(before, ofOrganization(before), nil), "released": released,
	}
}

// TestBOM compares every format with its golden file.
func TestBOM(t *testing.T) {
	formats := map[string]func(io.Writer, report.BOM) error{
		"json":     report.BOMJSON,
		"md":       report.BOMMarkdown,
		"cdx.json": func(w io.Writer, b report.BOM) error { return report.BOMCycloneDX(w, b, "1.2.3") },
		"slack.json": func(w io.Writer, b report.BOM) error {
			return report.BOMSlack(w, b, "https://circleci.com/gh/a/b/1", "")
		},
		"slack.pretty.json": func(w io.Writer, b report.BOM) error { return report.BOMSlack(w, b, "", " ") },
	}
	for name, b := range boms(t) {
		for format, write := range formats {
			t.Run(name+"."+format, func(t *testing.T) { golden(t, "bom-"+name+"."+format, rendered(t, b, write)) })
		}
	}
}

func rendered(t *testing.T, b report.BOM, write func(io.Writer, report.BOM) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// hostile are names that contain markup, commands and control characters.
func hostile(t *testing.T) report.BOM {
	t.Helper()
	names := []string{"$(touch pwned)", "`touch pwned`", `a"b`, `c\d`, "<script>alert(1)</script>", "<!channel>", "*x*;y|z&", "ü[a](javascript:x)", "two  blanks\n\tand lines", "it's", "{a,b}", "~", "*"}
	components := []map[string]string{}
	for _, name := range names {
		components = append(components, map[string]string{"name": name, "version": "1.0.0-SNAPSHOT"})
	}
	text, err := json.Marshal(map[string]any{
		"name": "$(touch pwned) `x`", "version": "3.9.4-SNAPSHOT", "scmHttpUrl": "https://git.example.org/acme", "components": components, "buildDependencies": [][]string{names},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := parsed(t, string(text))
	return report.NewBOM(m, ofOrganization(m), nil)
}

// large makes a product with that many open components in that many groups.
func large(t *testing.T, components, groups int) report.BOM {
	t.Helper()
	names := make([][]string, groups)
	for i := range names {
		names[i] = []string{}
	}
	var list []string
	for i := range components {
		name := fmt.Sprintf("gravitee-policy-with-a-rather-long-name-%03d", i)
		names[i%groups] = append(names[i%groups], name)
		list = append(list, fmt.Sprintf(`{"name": %q}`, name))
	}
	grouped, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	m := parsed(t, fmt.Sprintf(`{"name": "Big", "version": "1.0.0-SNAPSHOT", "scmHttpUrl": "https://github.com/acme", "components": [%s], "buildDependencies": %s}`,
		strings.Join(list, ","), grouped))
	return report.NewBOM(m, ofOrganization(m), nil)
}

// TestCycloneDX: the official schema finds nothing, package URLs are canonical, and the same content gives the same bytes.
func TestCycloneDX(t *testing.T) {
	schema := cycloneDXSchema(t)
	all := boms(t)
	all["hostile"], all["large"] = hostile(t), large(t, 80, 12)
	for name, b := range all {
		t.Run(name, func(t *testing.T) {
			write := func(w io.Writer, b report.BOM) error { return report.BOMCycloneDX(w, b, "1.2.3") }
			text := rendered(t, b, write)
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
			if again := rendered(t, b, write); again != text {
				t.Errorf("two writings differ:\n%s", cmp.Diff(text, again))
			}
			purl := regexp.MustCompile(`^pkg:(github/[a-z0-9.-]+/[a-z0-9._-]+@[\w.~%-]+|generic/[\w.~%-]+@[\w.~%-]+(\?vcs_url=[\w.~%-]+)?)$`)
			for _, m := range regexp.MustCompile(`"purl": "([^"]*)"`).FindAllStringSubmatch(text, -1) {
				if !purl.MatchString(m[1]) {
					t.Errorf("package URL %s", m[1])
				}
			}
		})
	}
	write := func(w io.Writer, b report.BOM) error { return report.BOMCycloneDX(w, b, "1.2.3") }
	if rendered(t, all["open"], write)[:200] == rendered(t, all["released"], write)[:200] {
		t.Error("two documents have the same serial number")
	}
}

func cycloneDXSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schema.json"} {
		f, err := os.Open(filepath.Join("testdata", "cyclonedx", name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err == nil {
			err = c.AddResource("http://cyclonedx.org/schema/"+name, doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestSlackLimits: whatever the product, Slack accepts the message, and every component that fits is in it.
func TestSlackLimits(t *testing.T) {
	type product struct{ components, groups, shown int }
	products := []product{{0, 1, 0}, {1, 1, 1}, {80, 1, 80}, {80, 12, 80}, {80, 80, 80}, {300, 13, 300}, {500, 40, 459}}
	for components := 150; components < 170; components++ { // some of them fill a message exactly
		products = append(products, product{components, 15, components})
	}
	for _, test := range products {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			text := rendered(t, large(t, test.components, test.groups), func(w io.Writer, b report.BOM) error {
				return report.BOMSlack(w, b, "https://circleci.com/gh/acme/release/77", "")
			})
			var message struct{ Blocks []map[string]any }
			if err := json.Unmarshal([]byte(text), &message); err != nil {
				t.Fatal(err)
			}
			if n := len(message.Blocks); n > 50 {
				t.Errorf("%d blocks", n)
			}
			for _, block := range message.Blocks {
				checkSlackBlock(t, block)
			}
			if got := strings.Count(text, "gravitee-policy"); got != test.shown {
				t.Errorf("%d components are shown, want %d", got, test.shown)
			}
		})
	}
}

// checkSlackBlock checks a block by https://docs.slack.dev/reference/block-kit/blocks.
func checkSlackBlock(t *testing.T, block map[string]any) {
	t.Helper()
	length := func(text any) int { return utf8.RuneCountInString(text.(map[string]any)["text"].(string)) }
	within := func(what string, n, least, most int) {
		if n < least || n > most {
			t.Errorf("%s: %d, from %d to %d are allowed: %v", what, n, least, most, block)
		}
	}
	switch block["type"] {
	case "divider":
	case "header":
		within("characters of the header", length(block["text"]), 1, 150)
	case "section":
		if text, ok := block["text"]; ok {
			within("characters of the section", length(text), 1, 3000)
			return
		}
		fields := block["fields"].([]any)
		within("fields", len(fields), 1, 10)
		for _, f := range fields {
			within("characters of a field", length(f), 1, 2000)
		}
	case "context":
		within("elements", len(block["elements"].([]any)), 1, 10)
	case "actions":
		button := block["elements"].([]any)[0].(map[string]any)
		within("characters of the button", length(button["text"]), 1, 75)
		within("characters of its address", utf8.RuneCountInString(button["url"].(string)), 1, 3000)
	default:
		t.Errorf("block %v", block)
	}
}

// TestSlackInTheShell: each way in which versions of the Slack orb pass the line through a shell gives the same message back,
// runs nothing and reads no file. The first way, without quotes, loses the message's quotes, and must do no harm either.
func TestSlackInTheShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("skipped: there is no bash")
	}
	all := boms(t)
	all["hostile"], all["large"] = hostile(t), large(t, 80, 12)
	for name, b := range all {
		for _, job := range []string{"https://circleci.com/gh/acme/release/77", "https://x.example/$(touch pwned)`touch pwned`;touch pwned&\"'\\", "no address"} {
			line := rendered(t, b, func(w io.Writer, b report.BOM) error { return report.BOMSlack(w, b, job, "") })
			if strings.ContainsAny(line, "$`\\") || strings.Count(line, "\n") != 1 {
				t.Errorf("%s: %s", name, line)
			}
			dir := t.TempDir()
			for _, file := range []string{"line", "a", "1", "pwn", "x"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(line), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for script, want := range map[string]string{
				`eval "echo \"$(cat line)\""`:                                                       strings.ReplaceAll(line, `"`, ""),
				`T="$(cat line)"; eval echo \""$(echo "$T" | sed 's/"/\\"/g')"\"`:                   line,
				`export B="$(cat line)"; T=$(eval echo '$B' | sed 's/"/\\"/g'); eval echo \""$T"\"`: line,
				`export B="$(cat line)"; T=$(eval echo '$B' | sed 's/"/\\"/g'); eval echo $T`:       line,
			} {
				cmd := exec.CommandContext(t.Context(), bash, "-c", script)
				cmd.Dir = dir
				got, err := cmd.CombinedOutput()
				if err != nil || string(got) != want {
					t.Errorf("%s: %s: %v\n%s", name, script, err, cmp.Diff(want, string(got)))
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
				t.Errorf("%s, %s: the shell ran a command", name, job)
			}
		}
	}
}

// TestMarkdownOfHostileNames: nothing in a name is Markdown or HTML.
func TestMarkdownOfHostileNames(t *testing.T) {
	text := rendered(t, hostile(t), report.BOMMarkdown)
	golden(t, "bom-hostile.md", text)
	bare := regexp.MustCompile("\\\\[`*_|!~\\[\\]\\\\]").ReplaceAllString(text, "")
	for _, unwanted := range []string{"<", "`", "[", "*"} {
		if strings.Contains(bare, unwanted) {
			t.Errorf("it holds %q:\n%s", unwanted, text)
		}
	}
}

// TestBOMOfAnotherVersion: a pipeline belongs to one version of a component.
func TestBOMOfAnotherVersion(t *testing.T) {
	m := parsed(t, strings.ReplaceAll(afterRelease, "19.0.0", "19.0.1"))
	s := newStory(t).at("10:00:00", begin()...).at("10:00:01", intent(1, parent), triggered(parent)).at("10:03:13", run.Event{Type: run.Succeeded, Steps: []plan.StepID{parent}, Commit: "abc"})
	b := report.NewBOM(m, ofOrganization(m), s.state)
	if got := b.Groups[0][0]; got.Commit != "" || got.Pipeline != "" {
		t.Errorf("%+v has what belongs to another version", got)
	}
}
