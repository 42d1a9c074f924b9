package ledger_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

func patterns(places ...string) ledger.Source {
	var s ledger.Source
	for _, place := range places {
		repository, path, _ := strings.Cut(place, "/")
		s.Patterns = append(s.Patterns, ledger.Pattern{Repository: repository, Path: path})
	}
	return s
}

// Which files fit a pattern: a star never stands for a slash, and every other character for itself.
func TestPatterns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := shelves(t, url)
		w.declares(func(d *ledger.Declaration) {
			d.Repositories = append(d.Repositories, ledger.Repository{Name: "remote", Kind: ledger.Artifactory, Connection: "art", Path: "libs-dev"})
		})
		for _, path := range []string{
			"io/api/1.0/api-1.0.jar", "io/api/1.0/api-1.0.pom", "io/api/1.0/sub/x.jar", "io/api/1.0.1/api-1.0.1.jar", "io/ui/1.0/ui-1.0.zip", "io/ui-lib/1.0/ui-lib.jar", "top.txt", "a[b]/c.txt", "io/x",
		} {
			w.put("libs/"+path, "one")
		}
		for n, test := range []struct{ pattern, want string }{
			{"io/api/1.0/*", "io/api/1.0/api-1.0.jar io/api/1.0/api-1.0.pom"},
			{"io/*/1.0/*", "io/api/1.0/api-1.0.jar io/api/1.0/api-1.0.pom io/ui-lib/1.0/ui-lib.jar io/ui/1.0/ui-1.0.zip"},
			{"io/ui*/1.0/*.jar", "io/ui-lib/1.0/ui-lib.jar"},
			{"io/*/1.0/*/x.jar", "io/api/1.0/sub/x.jar"},
			{"io/api/1.*/api-*.jar", "io/api/1.0.1/api-1.0.1.jar io/api/1.0/api-1.0.jar"},
			{"*", "top.txt"},
			{"*/x", "io/x"},
			{"top.txt", "top.txt"},
			{"a[b]/*", "a[b]/c.txt"},
			{"a[*]/c*t", "a[b]/c.txt"},
		} {
			version := string(rune('a' + n))
			_, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "box", Version: version, Sources: []ledger.Source{patterns("libs/" + test.pattern)}})
			if err != nil {
				t.Errorf("%s: %v", test.pattern, err)
				continue
			}
			_, items, err := w.BundleItems(t.Context(), admin, "acme", "box", version)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range items {
				got = append(got, i.Path)
			}
			if said := strings.Join(got, " "); said != test.want {
				t.Errorf("%s: %s, want %s", test.pattern, said, test.want)
			}
		}
		for place, code := range map[string]string{
			"libs/io/api/2.0/*": "no-file", "libs/*/api": "no-file", "libs/io": "no-file", "libs/nothing": "no-file", "nowhere/*": "no-repository", "remote/*": "not-hosted",
			"libs/../*": "invalid-path", "libs/a?c": "invalid-path", "libs/": "invalid-path",
		} {
			_, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "bad", Version: "1", Sources: []ledger.Source{patterns(place)}})
			if !fault.Is(err, code) {
				t.Errorf("%s: %v, want %s", place, err, code)
			}
		}
		w.put("jars/two.jar", "two", "k=v", "l=w")
		// An item is the same, whether it was found by its path or by a pattern.
		_, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "both", Version: "1", Sources: []ledger.Source{files("jars/two.jar")}})
		if err == nil {
			_, err = w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "both", Version: "2", Sources: []ledger.Source{patterns("jars/*")}})
		}
		if err != nil {
			t.Fatal(err)
		}
		same(t, w.inside("both", "2"), w.inside("both", "1"))
	})
}
