package report_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/report"
)

// A diff of a release.json with thousands of components costs no more memory than a few times its size.
func TestDiffOfThousands(t *testing.T) {
	var before, after []string
	for i := range 3000 {
		name := fmt.Sprintf(`    {"name": "c%d",`, i)
		before = append(before, name, `     "version": "1.2.3-SNAPSHOT"`, "    },")
		after = append(after, name, `     "version": "1.2.3",`, `     "since": "1.0.4"`, "    },")
	}
	var lines []string
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		lines = report.DiffLines(before, after)
	})
	if mib := got.MemBytes >> 20; mib > 10 {
		t.Errorf("it took %d MiB", mib)
	}
	want := strings.Split(strings.Repeat("-     \"version\": \"1.2.3-SNAPSHOT\"\n+     \"version\": \"1.2.3\",\n+     \"since\": \"1.0.4\"\n", 3000), "\n")
	if diff := cmp.Diff(want[:9000], lines); diff != "" {
		t.Errorf("lines:\n%.500s", diff)
	}
}

func TestDiffLines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ before, after, want string }{
		{"a b c", "a b c", ""},
		{"a b c", "a x c", "-b +x"},
		{"a b c d", "a c x d", "-b +x"},
		{"", "a b", "+a +b"},
		{"a b", "", "-a -b"},
		{"a b c d e", "a B c D e", "-b +B -d +D"},
	} {
		got := strings.Join(report.DiffLines(strings.Fields(test.before), strings.Fields(test.after)), " ")
		if got != test.want {
			t.Errorf("%q to %q: %q, want %q", test.before, test.after, got, test.want)
		}
	}
}

const list = `{
  "list": [
    {
      "name": "a"
    },
    {
      "name": "c"
    }
  ],
  "x": 1,
  "y": 2,
  "z": 3
}
`

func TestDiff(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, after, want string }{
		{"nothing", list, ""},
		{"a new object, from brace to brace", strings.Replace(list, "    {\n      \"name\": \"c\"", "    {\n      \"name\": \"b\"\n    },\n    {\n      \"name\": \"c\"", 1), `--- a/release.json
+++ b/release.json
@@ -3,6 +3,9 @@
     {
       "name": "a"
     },
+    {
+      "name": "b"
+    },
     {
       "name": "c"
     }
`},
		{"an object less", strings.Replace(list, "    {\n      \"name\": \"a\"\n    },\n", "", 1), `--- a/release.json
+++ b/release.json
@@ -1,8 +1,5 @@
 {
   "list": [
-    {
-      "name": "a"
-    },
     {
       "name": "c"
     }
`},
		{"an object before the first", strings.Replace(list, "    {\n      \"name\": \"a\"", "    {\n      \"name\": \"0\"\n    },\n    {\n      \"name\": \"a\"", 1), `--- a/release.json
+++ b/release.json
@@ -1,5 +1,8 @@
 {
   "list": [
+    {
+      "name": "0"
+    },
     {
       "name": "a"
     },
`},
		{"two places, and no last line end", strings.TrimSuffix(strings.Replace(list, `"a"`, `"A"`, 1), "\n"), `--- a/release.json
+++ b/release.json
@@ -1,7 +1,7 @@
 {
   "list": [
     {
-      "name": "a"
+      "name": "A"
     },
     {
       "name": "c"
@@ -10,4 +10,4 @@
   "x": 1,
   "y": 2,
   "z": 3
-}
+}
\ No newline at end of file
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := report.Diff(&out, "release.json", []byte(list), []byte(tt.after), false); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			applies(t, out.String(), tt.after)
		})
	}
}

// applies checks that Git makes the edit from the diff.
func applies(t *testing.T, patch, want string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "release.json")
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if patch != "" {
		git := exec.Command("git", "apply", "-")
		git.Dir, git.Stdin = filepath.Dir(file), strings.NewReader(patch)
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, string(got)))
	}
}

// FuzzDiff: the changes turn one text into the other.
func FuzzDiff(f *testing.F) {
	f.Add("a\nb\na\nb\nc", "a\nb\nc")
	f.Add("{\n},\n {\n},\n{\n},", "{\n},\n{\n},\n{\n},\n {\n},")
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 2000 || strings.ContainsFunc(before+after, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
			return
		}
		var out bytes.Buffer
		if err := report.Diff(&out, "f", []byte(before), []byte(after), false); err != nil {
			t.Fatal(err)
		}
		if got := patched(t, before, out.String()); got != after {
			t.Fatalf("patched: %q, want %q\n%s", got, after, out.String())
		}
	})
}

// patched applies a unified diff, trusting nothing but its lines.
func patched(t *testing.T, before, patch string) string {
	t.Helper()
	if patch == "" {
		return before
	}
	left := strings.SplitAfter(before, "\n")
	var out strings.Builder
	taken := 0
	body := strings.SplitAfter(patch, "\n")[2:]
	for i, line := range body {
		if line == "" || strings.HasPrefix(line, "\\") {
			continue
		}
		text := line[1:]
		if i+1 < len(body) && strings.HasPrefix(body[i+1], "\\") {
			text = strings.TrimSuffix(text, "\n")
		}
		switch line[0] {
		case '@':
			var from int
			if _, err := fmt.Sscanf(line, "@@ -%d", &from); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, fmt.Sprintf("@@ -%d,0 ", from)) {
				from++
			}
			for ; taken < from-1; taken++ {
				out.WriteString(left[taken])
			}
		case '+':
			out.WriteString(text)
		default:
			if taken >= len(left) || left[taken] != text {
				t.Fatalf("line %d is not %q\n%s", taken+1, text, patch)
			}
			if line[0] == ' ' {
				out.WriteString(text)
			}
			taken++
		}
	}
	return out.String() + strings.Join(left[taken:], "")
}
