package transport

import (
	"net/url"
	"testing"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://ci.example/a/b":                            "https://ci.example/a/b",
		"https://ci.example/a?page-token=x&branch=b":        "https://ci.example/a?branch=b&page-token=x",
		"https://ci.example/a?circle-token=s3&X-Amz-Sig=s3": "https://ci.example/a?X-Amz-Sig=REDACTED&circle-token=REDACTED",
		"https://s3:s3@ci.example/a#s3":                     "https://REDACTED@ci.example/a",
		"https://s3@ci.example/a":                           "https://REDACTED@ci.example/a",
		"https://ci.example/a?token=s3;x=%zz":               "https://ci.example/a?REDACTED",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := RedactURL(u); got != want {
			t.Errorf("RedactURL(%q) = %q, want %q", in, got, want)
		}
		if got := RedactText("see " + in + " now"); got != "see "+want+" now" {
			t.Errorf("RedactText = %q", got)
		}
		if u.String() != in {
			t.Errorf("the URL was changed to %q", u)
		}
	}
	for in, want := range map[string]string{
		"no secret":                          "no secret",
		"Bearer s3cr3t, and s3cr3t":          "Bearer REDACTED, and REDACTED",
		"http://h/?branch=s3cr%33t":          "http://h/?branch=REDACTED",
		`invalid "http://u:p%zz@proxy:port"`: `invalid "http://REDACTED@proxy:port"`,
	} {
		if got := RedactText(in, "", "s3cr3t"); got != want {
			t.Errorf("RedactText(%q) = %q, want %q", in, got, want)
		}
	}
}
