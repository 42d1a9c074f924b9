package check

import (
	"context"

	"github.com/gravitee-lab/gio/internal/journal"
)

// checkJournalRef checks that the release repository's server hides the ref of the journal neither from those who read nor from
// those who push. Before that ref exists, and of hooks, only the first push tells, which comes before anything is triggered.
func (i *inspection) checkJournalRef(ctx context.Context) {
	fromReaders, fromPushers, err := i.Repo.Hides(ctx, journal.GitRef)
	what := "the server shows " + journal.GitRef + ", where the runs are kept, only to those who "
	switch {
	case err != nil: // checkPush says it
		return
	case fromReaders:
		what += "push: gio could not read what runs, and would release it again"
	case fromPushers:
		what += "read: it would take no push of what was released"
	default:
		return
	}
	i.add(Finding{
		Code: JournalDamaged, Where: journal.GitRef, What: what,
		Do: "take refs/gio out of transfer.hideRefs, uploadpack.hideRefs and receive.hideRefs in the server's Git configuration",
	})
}
