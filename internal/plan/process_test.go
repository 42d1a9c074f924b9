package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
)

func process(t *testing.T, data string) (*plan.Plan, error) {
	t.Helper()
	p, err := manifest.ParseProcess("after.json", []byte(data))
	if err != nil {
		return nil, err
	}
	return plan.MakeProcess(p, plan.Options{Organization: "acme"})
}

func TestMakeProcess(t *testing.T) {
	t.Parallel()
	p, err := process(t, `{"name":"After","version":"3.9.4-SNAPSHOT","components":[
		{"name":"docs","branch":"main","pipeline_params":{"v":"{{.ProductVersion}}","n":7,"b":true}},
		{"name":"notes","version":"{{.ProductVersion}}","branch":"v{{.ProductVersion}}","pipeline_params":{"v":"{{.Version}}"}},
		{"name":"shop","version":"1.0.0","pipeline_params":{"branch":"1.0.x","parameters":{"a":"x"}}}],
		"buildDependencies":[["shop"],[],["docs","notes"]]}`)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, w := range p.Waves {
		for _, s := range w.Steps {
			got += fmt.Sprintf("%d %s %s %s %v\n", w.Group, s.ID(), s.Project, s.Branch, s.Parameters)
		}
	}
	want := "1 shop@1.0.0 gh/acme/shop 1.0.x map[a:x]\n3 docs@3.9.4 gh/acme/docs main map[b:true n:7 v:3.9.4]\n" +
		"3 notes@3.9.4 gh/acme/notes v3.9.4 map[v:3.9.4]\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestMakeProcessRefuses(t *testing.T) {
	t.Parallel()
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf(`"p%d":1`, i)
	}
	one := func(params string) string {
		return `{"components":[{"name":"a","branch":"b","pipeline_params":{` + params + `}}]}`
	}
	for _, test := range []struct{ data, code, says string }{
		{`{"components":[]}`, "invalid-process", "nothing to trigger"},
		{`{"components":[{"name":"a","branch":"{{.Branch}}"}]}`, "invalid-process", "after.json:1:24: the branch of a is not a valid template"},
		{`{"components":[{"name":"a"}]}`, "invalid-process", "after.json:1:24: a has no branch"},
		{`{"components":[{"name":"a","branch":"b"}],"buildDependencies":[["x"]]}`, "invalid-process", `after.json:1:65: "x"`},
		{`{"components":[{"name":"a","branch":"b"}],"buildDependencies":[["a"],["a"]]}`, "invalid-process", "after.json:1:71"},
		{`{"components":[{"name":"a","branch":"b"}],"buildDependencies":[[]]}`, "invalid-process", "is in no group"},
		{`{"components":[{"name":"a","branch":"b"},{"name":"a","branch":"b"}]}`, "manifest-shape", "appears here again"},
		{`{"components":[{"name":"a","branch":"b","pipeline_params":{"branch":"c","parameters":{}}}]}`, "manifest-shape", "is not branch"},
		{one(strings.Join(many, ",")), "invalid-parameter", "CircleCI allows 100"},
		{one(`"k":"` + strings.Repeat("v", 513) + `"`), "invalid-parameter", "CircleCI allows 512"},
		{one(`"` + strings.Repeat("k", 129) + `":1`), "invalid-parameter", "1 to 128 characters"},
		{one(`"k":[1]`), "invalid-parameter", "strings, integers and booleans"},
		{one(`"k":1.5`), "invalid-parameter", "strings, integers and booleans"},
	} {
		if _, err := process(t, test.data); !fault.Is(err, test.code) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%.80s: got %v, want %s and %q", test.data, err, test.code, test.says)
		}
	}
}
