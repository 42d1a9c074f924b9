package versionfile_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/versionfile"
)

func pom(body string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<!-- <version>0</version> -->
<project xmlns="http://maven.apache.org/POM/4.0.0">` + body + `<dependencies><dependency><version>9</version></dependency></dependencies></project>`
}

const parent = `<parent><groupId>g</groupId><version>20.2</version></parent>`

func TestOf(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, data, want string }{
		{"project", "pom.xml", pom(parent + `<version> 1.30.5-SNAPSHOT </version>`), "1.30.5-SNAPSHOT"},
		{"parent alone", "pom.xml", pom(parent), "20.2"},
		{
			"CI friendly", "a/pom.xml",
			pom(`<version>${revision}${sha1}${changelist}</version><properties><!-- c --><revision>1.2.0</revision><sha1/><changelist>-SNAPSHOT</changelist></properties>`),
			"1.2.0-SNAPSHOT",
		},
		{"nested", "pom.xml", pom(`<version>${a}</version><properties><a>${b}-SNAPSHOT</a><b> 3.1.4 </b></properties>`), "3.1.4-SNAPSHOT"},
		{"parent's by name", "pom.xml", pom(parent + `<version>${project.parent.version}</version>`), "20.2"},
		{"no namespace", "pom.xml", `<project><version>1</version></project>`, "1"},
		{"byte order mark", "pom.xml", "\ufeff" + pom(`<version>1</version>`), "1"},
		{"Latin-1", "pom.xml", "<?xml version='1.0' encoding='ISO-8859-1'?><project><name>\xe9</name><version>1.1</version></project>", "1.1"},
		{"npm", "package.json", `{"name": "ui", "version": "1.30.5-SNAPSHOT", "dependencies": {"version": "2"}}`, "1.30.5-SNAPSHOT"},
		{"npm, byte order mark", "package.json", "\ufeff{\"version\": \"1\"}", "1"},
	}
	for _, tt := range tests {
		got, err := versionfile.Of(tt.file, []byte(tt.data))
		if got != tt.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestOfFaults(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, data, want string }{
		{"no version", "pom.xml", pom(""), "pom.xml has no version"},
		{"npm, no version", "package.json", `{}`, "package.json has no version"},
		{"number", "package.json", `{"version": 1}`, "package.json cannot be read: "},
		{"not XML", "x/pom.xml", `<project><version>1`, "x/pom.xml cannot be read: "},
		{"another document", "pom.xml", `<settings/>`, "pom.xml cannot be read: "},
		{"empty", "pom.xml", "", "pom.xml cannot be read: "},
		{"unknown property", "pom.xml", pom(`<version>1${sha1}</version>`), "pom.xml has a version made of ${sha1}, which it does not define"},
		{"circle", "pom.xml", pom(`<version>${a}</version><properties><a>${a}</a></properties>`), "pom.xml has a version that refers to itself: ${a}"},
		{"growing circle", "pom.xml", pom(`<version>${a}</version><properties><a>${a}${a}</a></properties>`), "pom.xml has a version of more than 200 characters"},
		{"bomb", "pom.xml", pom(`<version>${a}</version><properties><a>` + strings.Repeat("${a}", 1000) + `</a></properties>`), "pom.xml has a version of more than 200 characters"},
		{"another file", "build.gradle", "", "build.gradle is not a file with a version (pom.xml, package.json)"},
		{"charset", "pom.xml", `<?xml version="1.0" encoding="EBCDIC"?><project/>`, "pom.xml cannot be read: "},
	}
	for _, tt := range tests {
		got, err := versionfile.Of(tt.file, []byte(tt.data))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || fault.CodeOf(err) != "version-file" || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add(true, pom(parent+`<version>${revision}</version><properties><revision>1</revision></properties>`))
	f.Add(false, `{"version": "1"}`)
	f.Fuzz(func(t *testing.T, maven bool, data string) {
		file := "package.json"
		if maven {
			file = "pom.xml"
		}
		version, err := versionfile.Of(file, []byte(data))
		if (version == "") != (err != nil) {
			t.Fatalf("%q, %v", version, err)
		}
	})
}
