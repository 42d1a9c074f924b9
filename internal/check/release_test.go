package check

import (
	"net/http"
	"testing"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestPush: whether the release repository lets gio push is asked of the real server.
func TestPush(t *testing.T) {
	t.Parallel()
	served := func(o gittest.Options) func(*world) {
		return func(w *world) {
			w.ask = func(t testing.TB, _ *sim.Sim, q *Question) {
				server := gittest.HTTP(t, gittest.Bare(t, map[string]string{"release.json": releaseJSON}, "3.9.x"), o)
				repo, err := gitrepo.Open(t.Context(), gitrepo.Options{URL: server.URL, Branch: "3.9.x"})
				if err != nil {
					t.Fatal(err)
				}
				q.Repo = repo
			}
		}
	}
	fails := func(r *http.Request) gittest.Action {
		if r.URL.Query().Get("service") == "git-receive-pack" {
			return gittest.Fail
		}
		return gittest.Serve
	}
	checkPlanted(t, []planted{
		{"allowed", served(gittest.Options{}), nil, 0, ""},
		{"denied", served(gittest.Options{DenyPush: true}), []string{"error cannot-push"}, 3, ""},
		{"not known", served(gittest.Options{Intercept: fails}), []string{"error not-checked"}, 4, "not checked: the right to push to the release repository: "},
	})
}
