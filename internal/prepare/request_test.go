package prepare_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/prepare"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		words prepare.Words
		want  prepare.Request
	}{
		"components": {
			prepare.Words{Components: []string{"a", "b=1.0.0", "c=1=2"}},
			prepare.Request{Open: []string{"a"}, Set: []prepare.Setting{{Component: "b", Version: "1.0.0"}, {Component: "c", Version: "1=2"}}},
		},
		"added": {
			prepare.Words{Add: []string{"a", "b=1.0.0", "c@1", "d=2.0.0-SNAPSHOT@12+"}},
			prepare.Request{
				Add:    []prepare.Setting{{Component: "a"}, {Component: "b", Version: "1.0.0"}, {Component: "c"}, {Component: "d", Version: "2.0.0-SNAPSHOT"}},
				Groups: []manifest.Placement{{Name: "c", Group: 1}, {Name: "d", Group: 12, New: true}},
			},
		},
		"grouped": {prepare.Words{Group: []string{"a@3", "b@0+"}}, prepare.Request{Groups: []manifest.Placement{{Name: "a", Group: 3}, {Name: "b", New: true}}}},
		"positions": {
			prepare.Words{Group: []string{"a@3.1", "b@a", "c@none"}, At: []string{"a=1"}, After: []string{"b=a"}},
			prepare.Request{
				Groups: []manifest.Placement{{Name: "a", Group: 3, At: 1}, {Name: "b", Behind: "a"}, {Name: "c", Out: true}},
				Move:   []prepare.Move{{Component: "a", To: manifest.Place{At: 1}}, {Component: "b", To: manifest.Place{Behind: "a"}}},
			},
		},
		"since": {
			prepare.Words{Components: []string{"a", "b=1.0.0"}, Add: []string{"c=1.0.0"}, Since: []string{"3.9.4", "d=3.9.3", "e=none"}},
			prepare.Request{
				Open: []string{"a"}, Set: []prepare.Setting{{Component: "b", Version: "1.0.0"}}, Add: []prepare.Setting{{Component: "c", Version: "1.0.0"}},
				Since: []prepare.Setting{{Component: "a", Version: "3.9.4"}, {Component: "b", Version: "3.9.4"}, {Component: "c", Version: "3.9.4"}, {Component: "d", Version: "3.9.3"}, {Component: "e"}},
			},
		},
		"renamed":    {prepare.Words{Rename: []string{"a=b"}}, prepare.Request{Rename: []prepare.Renaming{{Component: "a", To: "b"}}}},
		"removed":    {prepare.Words{Remove: []string{"a"}}, prepare.Request{Remove: []string{"a"}}},
		"product":    {prepare.Words{Version: "1.0.0-SNAPSHOT"}, prepare.Request{Product: "1.0.0-SNAPSHOT"}},
		"unreleased": {prepare.Words{Unreleased: true}, prepare.Request{Unreleased: true}},
	}
	for name, tt := range tests {
		got, err := prepare.Parse(tt.words)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const help = "`gio prepare --help` shows how it is used"
	tests := []struct {
		words prepare.Words
		said  []string
	}{
		{prepare.Words{}, []string{"gio prepare needs to be told what to prepare", "`gio prepare --unreleased` proposes what has commits since its last release"}},
		{prepare.Words{Remove: []string{"a", ""}}, []string{"needs to be told what to prepare"}},
		{prepare.Words{Components: []string{""}}, []string{`"" is not COMPONENT or COMPONENT=VERSION`, help}},
		{prepare.Words{Components: []string{"=1.0.0"}}, []string{`"=1.0.0" is not COMPONENT or COMPONENT=VERSION`}},
		{prepare.Words{Components: []string{"a="}}, []string{`"a=" is not COMPONENT or COMPONENT=VERSION`}},
		{prepare.Words{Add: []string{"@1"}}, []string{`--add "@1" is not NAME[=VERSION][@GROUP]`, help}},
		{prepare.Words{Add: []string{"a=@1"}}, []string{`--add "a=@1" is not NAME[=VERSION][@GROUP]`}},
		{prepare.Words{Add: []string{"a@0"}}, []string{`--add a@0: "0" is no group: write 3 for the third one, 3.1 for its first place, 3+ for a new one behind it, none, or a name to stand behind`, help}},
		{prepare.Words{Group: []string{"a@1.0"}}, []string{`"1.0" is no group`}},
		{prepare.Words{Group: []string{"a@1.x"}}, []string{`"1.x" is no group`}},
		{prepare.Words{Group: []string{"a@1.2+"}}, []string{`"1.2+" is no group`}},
		{prepare.Words{Group: []string{"a@b@1"}}, []string{`"b@1" is no group`}},
		{prepare.Words{Since: []string{"3.9.4"}}, []string{`--since 3.9.4 is for no component: name one, or write --since NAME=3.9.4`, help}},
		{prepare.Words{Since: []string{"a="}}, []string{`--since "a=" is not NAME=VERSION or VERSION`}},
		{prepare.Words{Since: []string{"=3.9.4"}}, []string{`--since "=3.9.4" is not NAME=VERSION or VERSION`}},
		{prepare.Words{At: []string{"a"}}, []string{`--at "a" is not NAME=POSITION, with 1 for the first component`}},
		{prepare.Words{At: []string{"a=0"}}, []string{`--at "a=0" is not NAME=POSITION`}},
		{prepare.Words{At: []string{"=1"}}, []string{`--at "=1" is not NAME=POSITION`}},
		{prepare.Words{After: []string{"a"}}, []string{`--after "a" is not NAME=OTHER`}},
		{prepare.Words{After: []string{"=b"}}, []string{`--after "=b" is not NAME=OTHER`}},
		{prepare.Words{Rename: []string{"a"}}, []string{`--rename "a" is not NAME=NEW`}},
		{prepare.Words{Rename: []string{"=b"}}, []string{`--rename "=b" is not NAME=NEW`}},
		{prepare.Words{Group: []string{"a"}}, []string{`--group "a" is not NAME@GROUP`, help}},
		{prepare.Words{Group: []string{"@1"}}, []string{`--group "@1" is not NAME@GROUP`}},
		{prepare.Words{Group: []string{"a@0"}}, []string{`--group a@0: "0" is no group`}},
		{prepare.Words{Group: []string{"a@-1"}}, []string{`"-1" is no group`}},
		{prepare.Words{Group: []string{"a@-1+"}}, []string{`"-1+" is no group`}},
		{prepare.Words{Group: []string{"a@+"}}, []string{`"+" is no group`}},
		{prepare.Words{Group: []string{"a@"}}, []string{`"" is no group`}},
	}
	for _, tt := range tests {
		_, err := prepare.Parse(tt.words)
		wantFault(t, err, fault.Usage, "usage", tt.said...)
	}
}
