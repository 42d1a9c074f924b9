package needs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/needs"
)

// graph is one of testdata/graphs.
type graph struct {
	Product    string
	Components []struct {
		Name, Version string
		Group         int
	}
	Needs []struct {
		From, To, Named string
		Class           needs.Class
	}
}

// components have each a pom.xml that names what the graph says.
func (g graph) components() (all []needs.Component) {
	for _, c := range g.Components {
		var names strings.Builder
		for _, n := range g.Needs {
			if n.From == c.Name {
				fmt.Fprintf(&names, "<dependency><groupId>org.acme</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n", n.To, n.Named)
			}
		}
		all = append(all, needs.Component{Name: c.Name, Version: c.Version, Files: []needs.File{{Path: "pom.xml", Data: fmt.Appendf(nil,
			"<project><groupId>org.acme</groupId><artifactId>%s</artifactId><version>%s-SNAPSHOT</version><dependencies>\n%s</dependencies></project>", c.Name, c.Version, names.String())}}})
	}
	return all
}

// The needs of real releases: none is missed, none is false, and each is of the class that was found for it.
func TestReleases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/graphs/3.*.json")
	if err != nil || len(files) != 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g graph
		if err := json.Unmarshal(data, &g); err != nil {
			t.Fatal(err)
		}
		want := map[string]needs.Class{}
		for _, n := range g.Needs {
			want[n.From+" "+n.To+" "+n.Named] = n.Class
		}
		got := map[string]needs.Class{}
		found := needs.Of(g.components())
		all, unread := found.Needs, found.Unread
		for _, n := range all {
			got[n.From+" "+n.To+" "+n.Named] = n.Class
		}
		if diff := cmp.Diff(want, got); diff != "" || len(unread) > 0 {
			t.Errorf("%s: %v %s", g.Product, unread, diff)
		}
	}
}

// written are the needs as FROM TO NAMED CLASS FILE:LINE.
func written(all []needs.Need) (lines []string) {
	for _, n := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", n.From, n.To, n.Named, n.Class, n.Place))
	}
	return lines
}

func pom(path, artifact, body string) needs.File {
	return needs.File{Path: path, Data: fmt.Appendf(nil, "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><groupId>org.acme</groupId><artifactId>%s</artifactId><version>1.0.0-SNAPSHOT</version>\n%s</project>", artifact, body)}
}

func names(artifact, version string) string {
	return fmt.Sprintf("<groupId>org.acme</groupId><artifactId>%s</artifactId><version>%s</version>", artifact, version)
}

// node is what all others name: version 2.1.3 of two artifacts.
var node = needs.Component{Name: "node", Version: "2.1.3", Files: []needs.File{pom("pom.xml", "node-parent", ""), pom("api/pom.xml", "node-api", "")}}

func TestWhereAVersionIsNamed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files []needs.File
		want  []string
	}{
		{"dependency", []needs.File{pom("pom.xml", "a", "<dependencies><dependency>"+names("node-api", "2.1.3")+"</dependency></dependencies>")}, []string{"a node 2.1.3 exact pom.xml:2"}},
		{"the line", []needs.File{pom("pom.xml", "a", "\n<dependencies>\n<dependency>\n<groupId>org.acme</groupId>\n<artifactId>node-api</artifactId>\n<version>2.1.3-SNAPSHOT</version>\n</dependency></dependencies>")}, []string{"a node 2.1.3-SNAPSHOT exact pom.xml:7"}},
		{"parent", []needs.File{{Path: "pom.xml", Data: []byte("<project>\n<parent>" + names("node-parent", "2.1.2") + "</parent><artifactId>a</artifactId></project>")}}, []string{"a node 2.1.2 patch pom.xml:2"}},
		{"import of a BOM", []needs.File{pom("pom.xml", "a", "<dependencyManagement><dependencies><dependency>"+names("node-parent", "2.1.3")+"<type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>")}, []string{"a node 2.1.3 exact pom.xml:2"}},
		{"plugin", []needs.File{pom("pom.xml", "a", "<build><plugins><plugin>"+names("node-api", "2.1.3")+"</plugin></plugins></build>")}, []string{"a node 2.1.3 exact pom.xml:2"}},
		{"dependency of a plugin", []needs.File{pom("pom.xml", "a", "<build><plugins><plugin><artifactId>x</artifactId><dependencies><dependency>"+names("node-api", "2.1.3")+"</dependency></dependencies></plugin></plugins></build>")}, []string{"a node 2.1.3 exact pom.xml:2"}},
		{"what is unpacked", []needs.File{pom("pom.xml", "a", "<build><plugins><plugin><executions><execution><configuration><artifactItems><artifactItem>"+names("node-api", "2.1.3")+"</artifactItem></artifactItems></configuration></execution></executions></plugin></plugins></build>")}, []string{"a node 2.1.3 exact pom.xml:2"}},
		{"property", []needs.File{pom("pom.xml", "a", "<properties><node.version>2.1.3-SNAPSHOT</node.version></properties><dependencies><dependency>"+names("node-api", "${node.version}")+"</dependency></dependencies>")}, []string{"a node 2.1.3-SNAPSHOT exact pom.xml:2"}},
		{"property of a property", []needs.File{pom("pom.xml", "a", "<properties><n>2.1</n><v>${n}.${p}</v><p>3</p></properties><dependencies><dependency>"+names("node-api", "${v}")+"</dependency></dependencies>")}, []string{"a node 2.1.3 exact pom.xml:2"}},
		{"circle", []needs.File{pom("pom.xml", "a", "<properties><v>${v}</v></properties><dependencies><dependency>"+names("node-api", "${v}")+"</dependency></dependencies>")}, []string{"a node ${v} unknown pom.xml:2"}},
		{"property of nobody", []needs.File{pom("pom.xml", "a", "<dependencies><dependency>"+names("node-api", "${v}")+"</dependency></dependencies>")}, []string{"a node ${v} unknown pom.xml:2"}},
		{"property of the parent", []needs.File{
			pom("pom.xml", "a", "<properties><v>2.0.9</v></properties>"),
			{Path: "m/pom.xml", Data: []byte("<project><parent>" + names("a", "1.0.0-SNAPSHOT") + "</parent><artifactId>m</artifactId><dependencies><dependency>" + names("node-api", "${v}") + "</dependency></dependencies></project>")},
		}, []string{"a node 2.0.9 older m/pom.xml:1"}},
		{"profile", []needs.File{pom("pom.xml", "a", "<properties><v>2.0.9</v></properties><profiles><profile><properties><v>2.1.3</v></properties><dependencies><dependency>"+names("node-api", "${v}")+"</dependency></dependencies></profile></profiles>")}, []string{"a node 2.1.3 exact pom.xml:2"}},
		{"range", []needs.File{pom("pom.xml", "a", "<dependencies><dependency>"+names("node-api", "[2.0,3.0)")+"</dependency></dependencies>")}, []string{"a node [2.0,3.0) range pom.xml:2"}},
		{"newer", []needs.File{pom("pom.xml", "a", "<dependencies><dependency>"+names("node-api", "2.2.0-SNAPSHOT")+"</dependency></dependencies>")}, []string{"a node 2.2.0-SNAPSHOT newer pom.xml:2"}},
		{"branch build", []needs.File{pom("pom.xml", "a", "<dependencies><dependency>"+names("node-api", "2.1.3-fix-42-SNAPSHOT")+"</dependency></dependencies>")}, []string{"a node 2.1.3-fix-42-SNAPSHOT patch pom.xml:2"}},
		{"no version", []needs.File{pom("pom.xml", "a", "<dependencies><dependency><groupId>org.acme</groupId><artifactId>node-api</artifactId></dependency></dependencies>")}, nil},
		{"exclusion", []needs.File{pom("pom.xml", "a", "<dependencies><dependency><artifactId>x</artifactId><exclusions><exclusion>"+names("node-api", "2.1.3")+"</exclusion></exclusions></dependency></dependencies>")}, nil},
		{"a name that only begins alike", []needs.File{pom("pom.xml", "a", "<dependencies><dependency>"+names("node-api-test", "2.1.3")+"</dependency></dependencies>")}, nil},
		{"group of the project", []needs.File{pom("pom.xml", "a", "<dependencies><dependency><groupId>${project.groupId}</groupId><artifactId>node-api</artifactId><version>2.1.3</version></dependency></dependencies>")}, []string{"a node 2.1.3 exact pom.xml:2"}},
	}
	for _, tt := range tests {
		found := needs.Of([]needs.Component{{Name: "a", Version: "1.0.0", Files: tt.files}, node})
		got, unread := found.Needs, found.Unread
		if diff := cmp.Diff(tt.want, written(got)); diff != "" || len(unread) > 0 {
			t.Errorf("%s: %v %s", tt.name, unread, diff)
		}
	}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	ui := needs.Component{Name: "ui", Version: "2.1.3", Files: []needs.File{
		{Path: "package.json", Data: []byte(`{"name": "@acme/root", "workspaces": ["lib"]}`)}, {Path: "lib/package.json", Data: []byte(`{"name": "@acme/ui"}`)},
	}}
	for version, want := range map[string]string{
		"2.1.3": "exact", "^2.1.0": "range", "~2.1": "range", "^1.0.0": "newer", "*": "range", "2.1.0": "patch", "1.9.0": "older", "workspace:*": "unknown", "latest": "unknown", ">=2 <3": "range",
	} {
		a := needs.Component{Name: "a", Version: "1.0.0", Files: []needs.File{{Path: "package.json", Data: fmt.Appendf(nil, "{\"name\": \"a\",\n\"scripts\": {\"build\": \"x\"},\n\"devDependencies\": {\n\"other\": \"1\",\n\"@acme/ui\": %q}}", version)}}}
		found := needs.Of([]needs.Component{a, ui})
		got, unread := found.Needs, found.Unread
		if diff := cmp.Diff([]string{fmt.Sprintf("a ui %s %s package.json:5", version, want)}, written(got)); diff != "" || len(unread) > 0 {
			t.Errorf("%s: %v %s", version, unread, diff)
		}
	}
}

// A version that another component's pom defines is found there, by the artifact of the parent.
func TestParentOfAnotherComponent(t *testing.T) {
	t.Parallel()
	parent := needs.Component{Name: "parent", Version: "20.3", Files: []needs.File{pom("pom.xml", "acme-parent", "<properties><node.version>2.1.3</node.version></properties>")}}
	a := needs.Component{Name: "a", Version: "1.0.0", Files: []needs.File{{Path: "pom.xml", Data: []byte("<project><parent>" + names("acme-parent", "20.3-SNAPSHOT") + "</parent><artifactId>a</artifactId>\n<dependencies><dependency>" + names("node-api", "${node.version}") + "</dependency></dependencies></project>")}}}
	found := needs.Of([]needs.Component{a, parent, node})
	got, unread := found.Needs, found.Unread
	if diff := cmp.Diff([]string{"a node 2.1.3 exact pom.xml:2", "a parent 20.3-SNAPSHOT exact pom.xml:1"}, written(got)); diff != "" || len(unread) > 0 {
		t.Errorf("%v %s", unread, diff)
	}
}

// What is declared adds a need, and takes away all that bind between two, but for one that names a SNAPSHOT. It counts among the
// components of the run alone.
func TestDeclared(t *testing.T) {
	t.Parallel()
	at := func(line int) needs.Place { return needs.Place{File: "gio.yaml", Line: line} }
	waived := needs.Declared{From: "a", To: "node", NotFor: "only in its tests", Place: at(7)}
	tests := []struct {
		name     string
		names    string // of node-api, by a
		declared []needs.Declared
		want     []string
		refused  int
	}{
		{"added", "", []needs.Declared{{From: "a", To: "node", Place: at(3)}}, []string{"a node  stated gio.yaml:3"}, 0},
		{"added beside what is named", "2.1.3", []needs.Declared{{From: "a", To: "node", Place: at(3)}}, []string{"a node  stated gio.yaml:3", "a node 2.1.3 exact pom.xml:2"}, 0},
		{"of others", "", []needs.Declared{{From: "a", To: "common"}, {From: "common", To: "node"}}, nil, 0},
		{"taken away", "2.1.3", []needs.Declared{waived}, []string{"a node 2.1.3 waived pom.xml:2"}, 0},
		{"a lower version", "2.1.1", []needs.Declared{waived}, []string{"a node 2.1.1 waived pom.xml:2"}, 0},
		{"the other way round", "2.1.3", []needs.Declared{{From: "node", To: "a", NotFor: "x"}}, []string{"a node 2.1.3 exact pom.xml:2"}, 0},
		{"what is none", "1.0.0", []needs.Declared{waived}, []string{"a node 1.0.0 older pom.xml:2"}, 0},
		{"a SNAPSHOT", "2.1.3-SNAPSHOT", []needs.Declared{waived}, []string{"a node 2.1.3-SNAPSHOT exact pom.xml:2"}, 1},
		{"nothing is named", "", []needs.Declared{waived}, nil, 0},
	}
	for _, tt := range tests {
		body := "<dependencies><dependency>" + names("node-api", tt.names) + "</dependency></dependencies>"
		found := needs.Of([]needs.Component{{Name: "a", Version: "1.0.0", Files: []needs.File{pom("pom.xml", "a", body)}}, node}, tt.declared...)
		if diff := cmp.Diff(tt.want, written(found.Needs)); diff != "" || len(found.Refused) != tt.refused {
			t.Errorf("%s: %v %s", tt.name, found.Refused, diff)
		}
		for _, n := range found.Needs {
			if n.Binds() == (n.Class == needs.Waived || n.Class == needs.Older) {
				t.Errorf("%s: %s binds: %t", tt.name, n.Class, n.Binds())
			}
		}
	}
}

func TestUnread(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, data, want string }{
		{"no XML", "pom.xml", "<project><version>", "pom.xml cannot be read: "},
		{"another document", "pom.xml", "<settings/>", "pom.xml cannot be read: it has no element project"},
		{"too deep", "pom.xml", strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200), "pom.xml cannot be read: its elements are nested"},
		{"no JSON", "ui/package.json", "{", "ui/package.json cannot be read: "},
		{"a list", "package.json", "[]", "package.json cannot be read: "},
		{"null", "package.json", "null", "package.json cannot be read: it is no JSON object"},
		{"a list of packages", "package.json", `{"dependencies": []}`, "package.json cannot be read: its dependencies"},
		{"a number", "package.json", `{"dependencies": {"a": 1}}`, "package.json cannot be read: where a text must be"},
		{"of another one", "pom.xml", "<project>" + names("node-api", "1") + "</project>", "pom.xml names org.acme:node-api, which is an artifact of node, too"},
	}
	for _, tt := range tests {
		unread := needs.Of([]needs.Component{node, {Name: "a", Version: "1.0.0", Files: []needs.File{{Path: tt.file, Data: []byte(tt.data)}}}}).Unread
		if len(unread) != 1 || unread[0].Component != "a" || !strings.HasPrefix(unread[0].Err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, unread)
		}
	}
}

// What a released file must not name, and what it may.
func TestVerify(t *testing.T) {
	t.Parallel()
	dependency := func(coordinates string) string {
		return "<dependencies><dependency>" + coordinates + "</dependency></dependencies>"
	}
	of := func(group, artifact, version string) string {
		return fmt.Sprintf("<groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>", group, artifact, version)
	}
	released := func(body string) needs.File {
		return needs.File{Path: "pom.xml", Data: []byte("<project><groupId>org.acme.a</groupId><artifactId>a</artifactId><version>1.0.0</version>\n" + body + "</project>")}
	}
	tests := []struct {
		name, product string
		file          needs.File
		want          string // why, of the first
	}{
		{"what is released", "3.9.4", released(dependency(of("org.acme", "node-api", "2.1.3"))), ""},
		{"of an older line", "3.9.4", released(dependency(of("org.acme", "node-api", "2.0.7"))), ""},
		{"lower", "3.9.4", released(dependency(of("org.acme", "node-api", "2.1.2"))), "this run releases node 2.1.3"},
		{"newer", "3.9.4", released(dependency(of("org.acme", "node-api", "2.1.4"))), "this run releases node 2.1.3"},
		{"by a property", "3.9.4", released("<properties><v>2.1.2</v></properties>" + dependency(of("org.acme", "node-api", "${v}"))), "this run releases node 2.1.3"},
		{"by a property of nobody", "3.9.4", released(dependency(of("org.acme", "node-api", "${v}"))), ""},
		{"a range", "3.9.4", released(dependency(of("org.acme", "node-api", "[2.1,3)"))), ""},
		{"a SNAPSHOT of the run", "3.9.4", released(dependency(of("org.acme", "node-api", "2.1.3-SNAPSHOT"))), "a SNAPSHOT"},
		{"a SNAPSHOT of anybody", "3.9.4", released(dependency(of("org.other", "x", "7-SNAPSHOT"))), "a SNAPSHOT"},
		{"a SNAPSHOT of a branch", "3.9.4", released(dependency(of("org.acme", "x", "1.1.1-SNAPSHOT.6967-remove-header"))), "a SNAPSHOT"},
		{"a SNAPSHOT by its time", "3.9.4", released(dependency(of("org.acme", "x", "1.1.1-20211105.101112-3"))), "a SNAPSHOT"},
		{"in a profile", "3.9.4", released("<profiles><profile>" + dependency(of("org.other", "x", "1.3.0-SNAPSHOT")) + "</profile></profiles>"), "a SNAPSHOT"},
		{"the parent", "3.9.4", released("<parent>" + of("org.acme", "bom", "1.5-SNAPSHOT") + "</parent>"), "a SNAPSHOT"},
		{"itself", "3.9.4", pom("pom.xml", "a", ""), "a SNAPSHOT"},
		{"a branch build", "3.9.4", released(dependency(of("org.acme.policy", "x", "2.4.0-upgrade-project-config"))), "a branch build"},
		{"a qualifier of others", "3.9.4", released(dependency(of("io.netty", "netty", "4.1.100.Final"))), ""},
		{"a beta in the release", "3.9.4", released(dependency(of("org.acme", "x", "2.0.0-beta.1"))), "a branch build"},
		{"a beta of a beta", "4.0.0-beta.2", released(dependency(of("org.acme", "x", "2.0.0-beta.1"))), ""},
		{"no XML", "3.9.4", needs.File{Path: "pom.xml", Data: []byte("<project>")}, "pom.xml cannot be read: XML syntax error"},
		{"npm", "3.9.4", needs.File{Path: "package.json", Data: []byte(`{"name": "@acme/a", "version": "1.0.0", "dependencies": {"@acme/b": "1.0.0-fix-7", "c": "1.0.0-rc.1"}}`)}, "a branch build"},
		{"npm's ranges", "3.9.4", needs.File{Path: "package.json", Data: []byte(`{"name": "@acme/a", "version": "1.0.0", "dependencies": {"@acme/b": "^1.0.0", "@acme/ui": "^1.9.0"}}`)}, ""},
		{"npm without a scope", "3.9.4", needs.File{Path: "package.json", Data: []byte(`{"name": "a", "version": "1.0.0", "dependencies": {"c": "1.0.0-rc.1"}}`)}, ""},
		{"npm, itself", "3.9.4", needs.File{Path: "package.json", Data: []byte(`{"name": "a", "version": "1.0.0-SNAPSHOT"}`)}, "a SNAPSHOT"},
	}
	ui := needs.Component{Name: "ui", Version: "2.1.3", Files: []needs.File{{Path: "package.json", Data: []byte(`{"name": "@acme/ui"}`)}}}
	for _, tt := range tests {
		all := needs.Verify(needs.Component{Name: "a", Version: "1.0.0", Files: []needs.File{tt.file}}, []needs.Component{node, ui}, tt.product)
		switch {
		case tt.want == "" && len(all) > 0, tt.want != "" && len(all) != 1, tt.want != "" && !strings.HasPrefix(all[0].Why, tt.want):
			t.Errorf("%s: %v, want %q", tt.name, all, tt.want)
		}
	}
}

// What is wrong is quoted with its line, each version of an artifact once, in modules as well.
func TestVerifyQuotes(t *testing.T) {
	t.Parallel()
	files := []needs.File{
		{Path: "pom.xml", Data: []byte("<project>\n<groupId>org.acme</groupId><artifactId>a</artifactId>\n\t<version>1.0.0</version>\n<modules><module>core</module></modules></project>")},
		{Path: "core/pom.xml", Data: []byte("<project><parent><groupId>org.acme</groupId><artifactId>a</artifactId><version>1.0.0</version></parent><artifactId>core</artifactId><dependencies>\n<dependency><groupId>org.acme</groupId><artifactId>node-api</artifactId>\n\t<version>2.1.2</version></dependency>\n<dependency><groupId>org.acme</groupId><artifactId>node-api</artifactId><version>2.1.2</version><type>zip</type></dependency></dependencies></project>")},
	}
	all := needs.Verify(needs.Component{Name: "a", Version: "1.0.0", Files: files}, []needs.Component{node}, "3.9.4")
	want := "core/pom.xml:3 (`<version>2.1.2</version></dependency>`) names org.acme:node-api 2.1.2: this run releases node 2.1.3"
	if len(all) != 1 || all[0].String() != want {
		t.Errorf("got %v, want %s", all, want)
	}
}

func FuzzOf(f *testing.F) {
	f.Add(true, string(pom("pom.xml", "a", "<properties><v>${v}</v></properties><dependencies><dependency>"+names("node-api", "${v}")+"</dependency></dependencies>").Data))
	f.Add(false, `{"name": "a", "dependencies": {"org.acme:node-api": "^1"}}`)
	f.Fuzz(func(t *testing.T, isPOM bool, data string) {
		path := "package.json"
		if isPOM {
			path = "pom.xml"
		}
		all := needs.Of([]needs.Component{{Name: "a", Version: "1.0.0", Files: []needs.File{{Path: path, Data: []byte(data)}}}, node}).Needs
		for _, n := range all {
			if n.From == n.To || n.Place.Line < 1 || n.Place.Line > 1+strings.Count(data, "\n") {
				t.Fatalf("%+v", n)
			}
		}
		for _, w := range needs.Verify(needs.Component{Name: "a", Version: "1.0.0", Files: []needs.File{{Path: path, Data: []byte(data)}}}, []needs.Component{node}, "1.0.0") {
			if w.Artifact != "" && (w.Place.Line < 1 || w.Named == "") {
				t.Fatalf("%+v", w)
			}
		}
	})
}
