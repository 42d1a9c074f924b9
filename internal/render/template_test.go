package render_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/render"
)

func resolve(t *testing.T, text string, vars map[string]string, dropped ...string) (string, error) {
	t.Helper()
	f, err := render.AppFile{App: "web", Env: "staging", Manifests: text}.Resolve(t.Context(), render.Variables{Values: vars, Dropped: dropped})
	return f.Manifests, err
}

func TestResolve(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"none":            {"a: {b}", "a: {b}"},
		"a variable":      {"tag: {{ .SHA }}", "tag: 0123abc"},
		"of variables":    {"{{ .IMAGE }}", "web:0123abc"},
		"only one level":  {"{{ .TWICE }}", "{{ .SHA }}"},
		"sprig":           {`{{ .SHA | trunc 3 | upper }} {{ default "x" "" }}`, "012 x"},
		"DNS":             {"{{ .BRANCH | sanitizeDNSName }}", "feature-x-1"},
		"DNS, long":       {"{{ .LONG | sanitizeDNSName }}", strings.Repeat("a", 53)},
		"a quote":         {"{{ .QUOTE }}", "it's \"so\": #1\n- x"},
		"loops":           {"{{ range $i := until 3 }}{{ $i }},{{ end }}", "0,1,2,"},
		"in order":        {`{{ keys (dict "b" 1 "a" 2 "c" 3) }}{{ values (dict "b" 1 "a" 2) }}`, "[a b c][2 1]"},
		"trimmed":         {"{{- if true -}}\n  a: b\n{{- end -}}", "a: b"},
		"a template":      {`{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" .SHA }}`, "<0123abc>"},
		"broken elsewher": {"{{ .SHA }}", "0123abc"},
	}
	vars := map[string]string{
		"SHA": "0123abc", "IMAGE": "web:{{ .SHA }}", "TWICE": "{{ .ONCE }}", "ONCE": "{{ .SHA }}", "BRANCH": "Feature/X__1-", "LONG": strings.Repeat("a", 60),
		"QUOTE": "it's \"so\": #1\n- x", "BROKEN": "{{ oh", "MISSING": "{{ .NOTHING }}",
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := resolve(t, test.text, vars); err != nil || got != test.want {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// TestResolveEachText: what a value has in it never changes what the rest of the file says.
func TestResolveEachText(t *testing.T) {
	t.Parallel()
	f, err := render.Parse([]byte(`
app: "{{ .APP }}"
env: staging
cleanup: {app: "{{ .BRANCH }}", event: branchDeleted}
values: {"{{ .APP }}": {list: ["1.{{ .BUILD }}", "{{ .EVIL }}"]}, replicas: 2}
json6902Patches: [{patch: "{{ .BUILD }}", target: {name: "{{ .APP }}"}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	evil := "x\"\nreplicas: 900"
	got, err := f.Resolve(t.Context(), render.Variables{Values: map[string]string{"APP": "web", "BUILD": "10", "EVIL": evil}})
	want := render.AppFile{
		App: "web", Env: "staging",
		Values:          map[string]any{"web": map[string]any{"list": []any{"1.10", evil}}, "replicas": 2.0},
		JSON6902Patches: []render.Patch{{Patch: "10", Target: render.Target{Name: "web"}}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	_, err = render.AppFile{Values: map[string]any{"{{ .A }}": 1, "{{ .B }}": 2}}.Resolve(t.Context(), render.Variables{Values: map[string]string{"A": "x", "B": "x"}})
	if !fault.Is(err, "app-file-template") || !strings.Contains(err.Error(), `the key "x" is there twice`) {
		t.Error(err)
	}
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	const long = "{{ range until 1000 }}"
	tests := map[string]struct{ text, want string }{
		"unknown":           {"a: b\nc: {{ .NOPE }}\n", "the app file of web/staging: manifests, line 2 (c: {{ .NOPE }}): there is no variable NOPE"},
		"dropped":           {"{{ .TOKEN }}", "the variable TOKEN was not kept, because it looks like a secret"},
		"refers to dropped": {"{{ .URL }}", "the variable URL has no value: the app file of web/staging: the variable URL, line 1 (https://{{ .TOKEN }}): the variable TOKEN was not kept"},
		"syntax":            {"a\n{{ if }}", "manifests, line 2 ({{ if }}): missing value for if"},
		"a failure":         {`{{ fail "no" }}`, `<fail "no">: error calling fail: no`},
		"environment":       {`{{ env "HOME" }}`, "there is no function env"},
		"expanded":          {`{{ expandenv "$HOME" }}`, "there is no function expandenv"},
		"hosts":             {`{{ getHostByName "localhost" }}`, "there is no function getHostByName"},
		"clock":             {`{{ now }}`, "there is no function now"},
		"chance":            {`{{ randAlphaNum 4 }}`, "there is no function randAlphaNum"},
		"change":            {`{{ set (dict) "a" 1 }}`, "there is no function set"},
		"prints much":       {long + `{{ repeat 10000 "x" }}{{ end }}`, "print more than 4194304 bytes"},
		"repeats":           {`{{ repeat 1000000000 "x" }}`, "more than 1048576 bytes"},
		"indents":           {`{{ indent 1000000000 "x" }}`, "more than 1048576 bytes"},
		"counts":            {`{{ until 1000000000 }}`, "more than 1048576 bytes"},
		"counts in steps":   {`{{ untilStep 0 1000000000 1 }}`, "more than 1048576 bytes"},
		"counts as text":    {`{{ seq 0 1 1000000000 }}`, "more than 1048576 bytes"},
		"replaces":          {`{{ $x := repeat 10000 "x" }}{{ replace "" $x $x }}`, "more than 1048576 bytes"},
		"formats":           {`{{ printf "%1000000d" 1 }}`, "more than 1048576 bytes"},
		"doubles":           {`{{ $x := "xx" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}`, "more than 1048576 bytes"},
		"doubles a list":    {`{{ $x := list 1 2 }}{{ range until 40 }}{{ $x = list $x $x }}{{ end }}`, "more than 1048576 bytes"},
		"loops":             {`{{ $l := until 1000 }}{{ range $l }}{{ range $l }}{{ range $l }}{{ range $l }}{{ end }}{{ end }}{{ end }}{{ end }}`, "loop and call each other more than 20000 times"},
		"loops to a number": {`{{ range 1000000000 }}{{ end }}`, "loop and call each other more than 20000 times"},
		"calls itself":      {`{{ define "x" }}{{ template "x" }}{{ template "x" }}{{ end }}{{ template "x" }}`, "more than 20000 times"},
		"calls in twos":     {`{{ define "x" }}{{ if . }}{{ template "x" (rest .) }}{{ template "x" (rest .) }}{{ end }}{{ end }}{{ template "x" (until 40) }}`, "more than 20000 times"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := resolve(t, test.text, map[string]string{"SHA": "x", "URL": "https://{{ .TOKEN }}"}, "TOKEN")
			if !fault.Is(err, "app-file-template") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%.300v, want %q", err, test.want)
			}
		})
	}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := render.AppFile{Manifests: "{{ .SHA }}"}.Resolve(ctx, render.Variables{Values: map[string]string{"SHA": "x"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}
