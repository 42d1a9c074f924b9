package ledger_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// TestCheckPath: which paths a file may have.
func TestCheckPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"a", "a/b.jar", "io/acme/gateway/3.9.4/gateway-3.9.4.pom", "@acme/ui/-/ui-1.0.0.tgz", "a b/c+d%#&;=", "...", "a..b", ".hidden", "ä/ö", "𝄞",
		strings.Repeat("x", 255), strings.Repeat("x/", 500) + "x",
	} {
		if err := ledger.CheckPath(path); err != nil {
			t.Errorf("%.60q: %v", path, err)
		}
	}
	for _, path := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", `a\b`, "a:b", "a*", "a?", `a"b`, "<a", "a>", "a|b", "a\x00", "a\nb", "a\x7f", "\xff", " a", "a ", "a/ b",
		strings.Repeat("x", 256), strings.Repeat("x/", 520) + "x",
	} {
		if err := ledger.CheckPath(path); !fault.Is(err, "invalid-path") {
			t.Errorf("%.60q: %v", path, err)
		}
	}
}

// TestCompare: a checksum that is said must be the content's, and the fault names each that is not.
func TestCompare(t *testing.T) {
	t.Parallel()
	is := ledger.Checksums{SHA256: "aa", SHA1: "bb", MD5: "cc"}
	for _, said := range []ledger.Checksums{{}, is, {SHA1: "bb"}} {
		if err := said.Compare(is); err != nil {
			t.Errorf("%+v: %v", said, err)
		}
	}
	err := ledger.Checksums{SHA256: "aa", SHA1: "xx", MD5: "yy"}.Compare(is)
	if want := "the content is another one: its SHA-1 is bb, and was said to be xx; its MD5 is cc, and was said to be yy"; !fault.Is(err, "other-checksum") || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
