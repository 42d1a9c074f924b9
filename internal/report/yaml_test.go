package report_test

import (
	"bytes"
	"testing"

	"github.com/gravitee-lab/gio/internal/report"
)

// TestYAML: what JSON says, in its order; what would be another value without quotes keeps them, and no character is refused.
func TestYAML(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := report.YAML(&b, struct {
		Name  string   `json:"name"`
		On    string   `json:"on"`
		Text  string   `json:"text"`
		List  []string `json:"list"`
		Count int      `json:"count"`
	}{"3.10", "yes", "it\u0092s\u007f", []string{"true", "x: y"}, 2})
	if want := "name: \"3.10\"\n\"on\": \"yes\"\ntext: \"it\\x92s\\x7F\"\nlist:\n  - \"true\"\n  - 'x: y'\ncount: 2\n"; err != nil || b.String() != want {
		t.Errorf("%v\n%q\n%q", err, b.String(), want)
	}
}
