package manifest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gravitee-lab/gio/internal/manifest"
)

// oneLine is a release.json in one line: n open components with names that are not ASCII alone, all of them in groups of ten.
func oneLine(n int) string {
	var components, groups strings.Builder
	for i := range n {
		if i > 0 {
			components.WriteString(",")
		}
		fmt.Fprintf(&components, `{"owner":"é","name":"c%d","version":"1.0.%d-SNAPSHOT"}`, i, i)
		if i > 0 {
			groups.WriteString(map[bool]string{true: "],[", false: ","}[i%10 == 0])
		}
		fmt.Fprintf(&groups, `"c%d"`, i)
	}
	return `{"name":"Suite","version":"3.9.4-SNAPSHOT","scmHttpUrl":"https://github.com/acme/","components":[` + components.String() +
		`],"buildDependencies":[[` + groups.String() + `]]}`
}

// column counts the characters before the n-th occurrence of a text, from the start.
func column(data, text string) int {
	return utf8.RuneCountInString(data[:strings.Index(data, text)]) + 1
}

// A file in one line has every position far from the line's start: each is right, also where the table of characters begins
// anew, and where a character lies across that place.
func TestPositionsInOneLongLine(t *testing.T) {
	t.Parallel()
	data := oneLine(300)
	for pad := range 9 { // moves the characters across the places where counting begins
		data := strings.Replace(data, "Suite", strings.Repeat("€", pad)+"Suite", 1)
		m := mustParse(t, data)
		for i, c := range m.Components {
			name := fmt.Sprintf(`"c%d"`, i)
			if c.At.Line != 1 || c.At.Column != column(data, name) {
				t.Fatalf("%s is at %s, want column %d", name, c.At, column(data, name))
			}
			if want := column(data, fmt.Sprintf(`"1.0.%d-SNAPSHOT"`, i)); c.VersionAt.Column != want {
				t.Fatalf("the version of %s is at %s, want column %d", name, c.VersionAt, want)
			}
		}
	}
}

func TestPositionAtTheVeryEnd(t *testing.T) {
	t.Parallel()
	for n := range 1100 { // of bytes, so that the end meets every place where counting begins anew
		data := `{"name":"` + strings.Repeat("x", n)
		_, err := manifest.Parse("release.json", []byte(data))
		if want := fmt.Sprintf("release.json:1:%d:", len(data)+1); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Fatalf("%d bytes: %v, want %s", len(data), err, want)
		}
	}
}

// An object with many members finds them as one with few does, and names the first of two.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 14, 15, 16, 17, 40} {
		var extra strings.Builder
		for i := range n {
			fmt.Fprintf(&extra, `"key%d": %d, `, i, i)
		}
		data := `{` + extra.String() + sample[1:]
		m := mustParse(t, data)
		if m.Version != "3.9.4-SNAPSHOT" || len(m.Components) != 3 || len(m.Groups) != 2 {
			t.Fatalf("%d further keys: %+v", n, m)
		}
		_, err := manifest.Parse("release.json", []byte(`{"key0": 1, `+data[1:]))
		if err == nil || !strings.Contains(err.Error(), `key "key0" appears here again, first at release.json:1:2`) {
			t.Fatalf("%d further keys, one of them twice: %v", n, err)
		}
	}
}

// Whoever is unknown is warned of; only the first ones are compared with every component.
func TestManyUnknownEntries(t *testing.T) {
	t.Parallel()
	data := strings.ReplaceAll(strings.ReplaceAll(oneLine(200), `"name":"c`, `"name":"xc`), `-SNAPSHOT"}`, `"}`)
	warnings, err := mustParse(t, data).Check()
	suggested := strings.Count(strings.Join(warnings, "\n"), "did you mean")
	if err != nil || len(warnings) != 200 || suggested == 0 || suggested > 50 {
		t.Fatalf("%d warnings, %d with a suggestion, %v", len(warnings), suggested, err)
	}
}

// BenchmarkOneLine reads, checks and records the release of all components of a file in one line, and reports how many times
// longer one with ten times as many takes: 10 is linear, 100 quadratic. Ten of the small file are read for one of the large, so
// that a busy machine slows both alike.
func BenchmarkOneLine(b *testing.B) {
	var few, many time.Duration
	for b.Loop() {
		for range 10 {
			few += readAndRelease(b, 2_000)
		}
		many += readAndRelease(b, 20_000)
	}
	few /= 10
	b.ReportMetric(few.Seconds()*1000/float64(b.N), "ms/2000")
	b.ReportMetric(many.Seconds()*1000/float64(b.N), "ms/20000")
	b.ReportMetric(many.Seconds()/few.Seconds(), "ratio")
}

func readAndRelease(b *testing.B, n int) time.Duration {
	b.Helper()
	data := []byte(oneLine(n))
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	began := time.Now()
	m, err := manifest.Parse("release.json", data)
	if err == nil {
		_, err = m.Check()
	}
	if err == nil {
		_, err = m.Release(names, "3.9.4")
	}
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
