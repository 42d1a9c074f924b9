package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// What reading a long line costs: a position counts the characters of one stride at most, and a key of a large object is found
// by its index. BenchmarkOneLine has the figures.
func TestReadingIsLinear(t *testing.T) {
	t.Parallel()
	for n := range 3 * stride {
		s := newSource("release.json", []byte(strings.Repeat("x", n)))
		if want := n/stride + 1; len(s.marks) < want || len(s.marks) > want+1 {
			t.Fatalf("%d bytes have %d marks, want one each %d bytes", n, len(s.marks), stride)
		}
		if at := s.position(n); at.Column != n+1 {
			t.Fatalf("the end of %d bytes is column %d", n, at.Column)
		}
	}
	var large node
	for i := range 1000 {
		large.add(member{key: &node{text: fmt.Sprint(i)}})
	}
	if len(large.keys) != 1000 || large.get("999") == nil || large.get("1000") != nil {
		t.Fatalf("an index of %d keys", len(large.keys))
	}
}
