package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a dry run shows of a release.json with thousands of components costs no more than a few times its size.
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
		lines = diff(before, after)
	})
	if mib := got.MemBytes >> 20; mib > 10 {
		t.Errorf("it took %d MiB", mib)
	}
	want := strings.Split(strings.Repeat("-     \"version\": \"1.2.3-SNAPSHOT\"\n+     \"version\": \"1.2.3\",\n+     \"since\": \"1.0.4\"\n", 3000), "\n")
	if diff := cmp.Diff(want[:9000], lines); diff != "" {
		t.Errorf("lines:\n%.500s", diff)
	}
}
