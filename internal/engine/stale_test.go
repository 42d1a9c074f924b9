package engine_test

import (
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// A checkout whose gio.yaml is another one than the release branch's is refused before anything starts.
func TestStaleConfig(t *testing.T) {
	t.Parallel()
	const settings = "organization: acme\n"
	for _, test := range []struct {
		name        string
		there, here string // "" is no file
		elsewhere   bool   // the settings come from a file that was named
		want        string // of the fault, "" for none
	}{
		{"the same", settings, settings, false, ""},
		{"the same with other line ends", settings, strings.ReplaceAll(settings, "\n", "\r\n"), false, ""},
		{"neither", "", "", false, ""},
		{"another one", settings, "organization: other\n", false, "gio.yaml of the checkout is not the one on branch 1.0.x of the remote"},
		{"only here", "", settings, false, "gio.yaml of the checkout is not on branch 1.0.x of the remote"},
		{"only there", settings, "", false, "gio.yaml of the checkout is missing, and there is one on branch 1.0.x of the remote"},
		{"named", settings, "", true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, product("a"), sim.Scenario{}, func(t *testing.T, w *world) {
				if test.there != "" {
					gittest.Push(t, w.remote, branch, map[string]string{"gio.yaml": test.there}, "settings")
				}
				w.edit = func(r *engine.Release) {
					r.Local, r.ConfigPath = []byte(product("a")), "gio.yaml"
					if test.here != "" {
						r.LocalConfig = []byte(test.here)
					}
					if test.elsewhere {
						r.ConfigPath = ""
					}
				}
				err := w.release()
				if test.want == "" {
					wantKind(t, err, 0)
					return
				}
				wantKind(t, err, fault.Invalid)
				wantFault(t, err, "stale-checkout", test.want, "--config")
				if n := len(w.sim.Pipelines()); n != 0 {
					t.Errorf("%d pipelines were started", n)
				}
			})
		})
	}
}
