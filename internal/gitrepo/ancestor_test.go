package gitrepo

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

func TestIsAncestor(t *testing.T) {
	wires(t, func(t *testing.T, dir, url string) {
		root := Hash(gittest.Git(t, dir, "rev-parse", branch))
		middle := Hash(gittest.Push(t, dir, branch, map[string]string{"a": "a"}, "middle"))
		side := Hash(gittest.Push(t, dir, "side", map[string]string{"b": "b"}, "side"))
		tip := Hash(gittest.Push(t, dir, branch, map[string]string{"a": "c"}, "tip"))
		r := open(t, url)
		ours, err := r.Commit(r.Head(), "release.json", []byte("x"), "not pushed")
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name                 string
			ancestor, descendant Hash
			want                 bool
		}{
			{"itself", tip, tip, true},
			{"the root of our own commit", root, ours, true},
			{"the head of our own commit", tip, ours, true},
			{"further up", root, tip, true},
			{"the other way round", tip, middle, false},
			{"beside", side, tip, false},
			{"our own commit is in nothing yet", ours, tip, false},
		} {
			got, err := r.IsAncestor(t.Context(), test.ancestor, test.descendant)
			if err != nil || got != test.want {
				t.Errorf("%s: %v, %v", test.name, got, err)
			}
		}
		_, err = r.IsAncestor(t.Context(), "1111111111111111111111111111111111111111", tip)
		wantFault(t, err, fault.NotFound, "commit-missing", "1111111111")
		_, err = r.IsAncestor(t.Context(), root, "1111111111111111111111111111111111111111")
		wantFault(t, err, fault.NotFound, "commit-missing", "1111111111")
	})
}
