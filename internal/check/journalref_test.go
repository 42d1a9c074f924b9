package check

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestJournalRef: a server that hides the journal from one side is found before anything starts.
func TestJournalRef(t *testing.T) {
	t.Parallel()
	with := func(setting string, there bool) func(*world) {
		return func(w *world) {
			w.ask = func(t testing.TB, _ *sim.Sim, q *Question) {
				dir := gittest.Bare(t, map[string]string{"release.json": releaseJSON}, "3.9.x")
				if there {
					gittest.Git(t, dir, "update-ref", journal.GitRef, "refs/heads/3.9.x")
				}
				gittest.Git(t, dir, "config", setting, "refs/gio")
				repo, err := gitrepo.Open(t.Context(), gitrepo.Options{URL: dir, Branch: "3.9.x"})
				if err != nil {
					t.Fatal(err)
				}
				q.Repo = repo
			}
		}
	}
	hidden := []string{"error journal"}
	checkPlanted(t, []planted{
		{"shown", with("gio.nothing", true), nil, 0, ""},
		{"not there yet", with("uploadpack.hideRefs", false), nil, 0, ""},
		{"hidden from readers", with("uploadpack.hideRefs", true), hidden, 7, "would release it again"},
		{"hidden from pushers", with("receive.hideRefs", true), hidden, 7, "would take no push"},
	})
}
