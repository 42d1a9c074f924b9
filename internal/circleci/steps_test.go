package circleci

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestOutput: lines come whole, whatever the messages are cut into, and safe to show; what is cut off or no output is a fault.
func TestOutput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, output string
		want         []string
		code         string
	}{
		{"whole", out("one\r\ntwo\n", "\n", "thr", "ee"), []string{"one", "two", "", "three"}, ""},
		{"progress, colours, secrets", out("10%\r100%\n\x1b[1mtoken s3c", "ret\x1b[0m\n"), []string{"100%", "token REDACTED"}, ""},
		{"other types", `[{"message":7},{"message":"one\n"},{}]`, []string{"one"}, ""},
		{"nothing", `[]`, nil, ""},
		{"cut off", strings.TrimSuffix(out("one\n", "two\n"), `"}]`), []string{"one"}, "circleci-unreachable"},
		{"a page", `<html>`, nil, unreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := outputServer(t, failedStep, tt.output)
			steps, said, err := c.Steps(t.Context(), "gh/acme/gateway", 12)
			if err != nil || len(said) > 0 || len(steps) != 3 || steps[0].Failed || !steps[1].Failed || steps[1].Exit != 1 || steps[1].Name != "mvn" {
				t.Fatalf("%+v, said %q, %v", steps, said, err)
			}
			var got []string
			err = c.Output(t.Context(), steps[1], func(line string) error { got = append(got, line); return nil })
			if fault.CodeOf(err) != tt.code {
				t.Errorf("%v, want %q", err, tt.code)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	c := outputServer(t, `{"steps":[{"name":"x","actions":[{"status":"timedout","output_url":"https://elsewhere.example/x"}]}]}`, "")
	steps, _, err := c.Steps(t.Context(), "gh/acme/gateway", 12)
	if err != nil || len(steps) != 1 || !steps[0].Failed || steps[0].HasOutput() {
		t.Fatalf("a link to elsewhere: %+v, %v", steps, err)
	}
	if err := c.Output(t.Context(), steps[0], nil); !fault.Is(err, "no-output") {
		t.Error(err)
	}
	if _, _, err := c.Steps(t.Context(), "gh/acme/gateway", 13); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "GET /api/v1.1/project/gh/acme/gateway/13") {
		t.Error(err)
	}
}
